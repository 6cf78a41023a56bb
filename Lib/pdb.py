"""The standard library's module pdb, with statements that may await.

All of it is the standard library's own, run in this module's place.  Where the
program that is debugged has a loop running, a statement cannot be awaited: the
hook says so.  Beside, pdb looks for functions in files, and is told where those
are that a module of ours, like this one, has from the standard library.
"""

import os
import sys
from importlib.machinery import SourceFileLoader

from autoawait.statements import compile, exec  # noqa: F401

_our_folder = os.path.dirname(os.path.abspath(__file__))
# Where inspect finds the classes.
__file__ = f"{sys._stdlib_dir}/pdb.py"
# As a program the module ends with main(), which is not to begin before the changes.
_own_name, __name__ = __name__, "pdb"
exec(SourceFileLoader("pdb", __file__).get_code("pdb"), globals())
__name__ = _own_name

_stock_find_function = find_function  # noqa: F821


def _find_function(funcname, filename):
    """Return (name, file, line) of a function that a file defines, or None."""
    found = _stock_find_function(funcname, filename)
    folder, name = os.path.split(filename)
    if found is None and folder == _our_folder:
        found = _stock_find_function(funcname, os.path.join(sys._stdlib_dir, name))
    return found


find_function = _find_function

if __name__ == "__main__":
    import pdb
    pdb.main()
