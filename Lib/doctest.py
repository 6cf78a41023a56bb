"""The standard library's module doctest, with examples that may await.

All of it is the standard library's own, run in this module's place.  An example
that awaits is run by sys.awaithook, as at the prompt.
"""

import sys
from importlib.machinery import SourceFileLoader

from autoawait.statements import compile, exec  # noqa: F401

# Where inspect finds the classes.
__file__ = f"{sys._stdlib_dir}/doctest.py"
exec(SourceFileLoader("doctest", __file__).get_code("doctest"), globals())
