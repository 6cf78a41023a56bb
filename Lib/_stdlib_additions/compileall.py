"""Added to module compileall: code of a marked file is cached where imports of it look.

The module asks importlib.util where a file is cached, by names that it finds in
its own namespace first.
"""

import importlib
import importlib.util

from _stdlib_additions.py_compile import may_be_marked


def add(module):
    """Have the module see an importlib of ours."""
    module.importlib = _Members(
        importlib, util=_Members(importlib.util, cache_from_source=_cache_from_source))


def _cache_from_source(path, debug_override=None, *, optimization=None):
    if may_be_marked(path):
        from asyncimport.bytecode import cache_from_source
    else:
        from importlib.util import cache_from_source
    return cache_from_source(path, debug_override, optimization=optimization)


class _Members:
    """A module's members, some of them replaced."""

    def __init__(self, module, **replaced):
        self.__dict__.update(replaced)
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module, name)
