"""Added to module dis: source text that awaits, the mark's flag, and imports that are awaited."""

from _autoawait import compile_awaiting
from _stdlib_additions import stands_for

# __future__.top_level_await.compiler_flag, whose module others may never import.
_MARK = 0x10000000


def add(module):
    """Have the module compile what awaits, name the flag, and find the imports (modulefinder)."""
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
    stock_find_imports = module._find_imports

    @stands_for(stock_find_imports)
    def _find_imports(co):
        yield from stock_find_imports(co)
        yield from _find_awaited_imports(module, co)

    module._find_imports = _find_imports


def _find_awaited_imports(module, code):
    """Yield (name, level, fromlist) of each import of code that is awaited."""
    requests_follow = False
    for instruction in module.get_instructions(code):
        if requests_follow and instruction.opname == "LOAD_CONST":
            requests = instruction.argval if isinstance(instruction.argval, tuple) else ()
            for request in requests:
                if isinstance(request, tuple) and len(request) == 4:
                    name, fromlist, level, _ = request
                    yield name, level, fromlist
        requests_follow = (instruction.opname == "LOAD_NAME"
                           and instruction.argval == "__aimport__")
