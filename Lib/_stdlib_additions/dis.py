"""Added to module dis: source text that awaits, and the flag of modules that are marked for it."""

from _autoawait import compile_awaiting
from _stdlib_additions import stands_for

# __future__.top_level_await.compiler_flag, whose module others may never import.
_MARK = 0x10000000


def add(module):
    """Have the module compile what awaits and name the flag."""
    # Found ahead of the built-in one; it leaves no frame.
    module.compile = compile_awaiting
    stock_pretty_flags = module.pretty_flags

    # In COMPILER_FLAG_NAMES it would be a name of module inspect that is not in its __all__.
    @stands_for(stock_pretty_flags)
    def pretty_flags(flags):
        if not flags & _MARK:
            return stock_pretty_flags(flags)
        others = flags & ~_MARK
        names = [stock_pretty_flags(others)] if others else []
        return ", ".join([*names, "FUTURE_TOP_LEVEL_AWAIT"])

    module.pretty_flags = pretty_flags
