"""The standard library's module __future__, with the feature top_level_await.

All of it is the standard library's own, run in this module's place.
"""

import sys
from importlib.machinery import SourceFileLoader

# Where inspect finds the class.
__file__ = f"{sys._stdlib_dir}/__future__.py"
exec(SourceFileLoader("__future__", __file__).get_code("__future__"))

CO_FUTURE_TOP_LEVEL_AWAIT = 0x10000000

all_feature_names.append("top_level_await")  # noqa: F821
__all__.append("top_level_await")  # noqa: F821

top_level_await = _Feature((3, 11, 2, "final", 0),  # noqa: F821
                           None,
                           CO_FUTURE_TOP_LEVEL_AWAIT)
