"""Statements that modules of the standard library take may await, where no loop is running.

The functions stand in for the built-in ones of the same names, as the names of
a module that is run in the place of one of the standard library.
"""

import builtins
import sys

from _autoawait import exec_awaiting as exec  # noqa: F401

_ALLOW_AWAIT = 0x2000       # PyCF_ALLOW_TOP_LEVEL_AWAIT, whose module takes long to import


def compile(source, filename, mode, flags=0, dont_inherit=False):
    """Compile source as the built-in function does; it may await unless that is off."""
    if getattr(sys, "awaithook", None) is not None:
        flags |= _ALLOW_AWAIT
    return builtins.compile(source, filename, mode, flags, dont_inherit)
