"""The standard library's module dis, for source that may await.

All of it is the standard library's own, run in this module's place.  Added is
that source text is compiled with await allowed at its top level.
"""

import builtins
import sys
from importlib.machinery import SourceFileLoader


def compile(source, filename, mode):
    """Compile source as the built-in function does; it may await."""
    # PyCF_ALLOW_TOP_LEVEL_AWAIT, whose module takes long to import.
    return builtins.compile(source, filename, mode, 0x2000)


# Where inspect finds the classes.
__file__ = f"{sys._stdlib_dir}/dis.py"
exec(SourceFileLoader("dis", __file__).get_code("dis"))
