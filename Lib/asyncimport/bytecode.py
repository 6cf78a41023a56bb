"""Where code of marked modules is cached: under a tag that stock never reads (PEP 488).

settings.py has its code in settings.cpython-311.opt-await.pyc, or, with -O and -OO,
in opt-await1 and opt-await2.  Imports keep it there (Python/asyncimport.c); this is
for who writes such files otherwise: py_compile, compileall and zipfile, as Lib/_stdlib_additions/
has it.

In another place, that somebody names, lies the same: what is written of a module that
awaits is sealed (Python/pycseal.c), so that stock refuses it wherever it finds it.
"""

import importlib.util
import os
import sys

# CO_FUTURE_TOP_LEVEL_AWAIT of pyasync.h, in co_flags of every marked module's code.
MARK = 0x10000000


def tag(optimize=-1):
    """Return the tag, as `optimization` of importlib.util.cache_from_source()."""
    level = sys.flags.optimize if optimize < 0 else optimize
    return f"await{level or ''}"


def cached_path(source_path, *, optimize=-1):
    """Return where code of a marked source is cached; NotImplementedError as where it is not."""
    return importlib.util.cache_from_source(source_path, optimization=tag(optimize))


def is_marked(path):
    """Whether the file at path is source with the mark; not if it cannot be read or compiled."""
    try:
        with open(path, "rb") as file:
            source = file.read()
        if b"top_level_await" not in source:
            return False
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    return bool(code.co_flags & MARK)


def cache_from_source(path, debug_override=None, *, optimization=None):
    """As importlib.util.cache_from_source(), for the path of a marked file the tagged one."""
    if debug_override is not None or not is_marked(path):
        return importlib.util.cache_from_source(path, debug_override, optimization=optimization)
    return cached_path(path, optimize=-1 if optimization is None else int(optimization or 0))


def remove_untagged(path, *, optimize=-1):
    """Remove what is cached of the file at path from before it was marked."""
    level = sys.flags.optimize if optimize < 0 else optimize
    try:
        os.unlink(importlib.util.cache_from_source(path, optimization=level or ""))
    except (OSError, NotImplementedError):
        pass
