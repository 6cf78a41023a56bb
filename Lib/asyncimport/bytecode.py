"""Where code of marked modules is cached: under a tag that stock never reads (PEP 488).

Stock takes a cached code object that is a coroutine's for a module without any
statement.  So settings.py has its code in settings.cpython-311.opt-await.pyc, or,
with -O and -OO, in opt-await1 and opt-await2.
"""

import sys
from _frozen_importlib_external import cache_from_source

# CO_FUTURE_TOP_LEVEL_AWAIT of pyasync.h, co_flags of every marked module's code.
MARK = 0x10000000


def tag(optimize=-1):
    """Return the tag, as `optimization` of importlib.util.cache_from_source()."""
    level = sys.flags.optimize if optimize < 0 else optimize
    return f"await{level or ''}"


def cached_path(source_path, *, optimize=-1):
    """Return where code of a marked source is cached; None where nothing can be."""
    try:
        return cache_from_source(source_path, optimization=tag(optimize))
    except NotImplementedError:
        return None
