"""Added to module symtable: every mode of compile().

Which names belong to which scope does not depend on whether a mode awaits or
takes many interactive statements, so each is served as the stock mode that has
the same grammar.
"""

from _autoawait import modes
from _stdlib_additions import stands_for

# Interactive statements of the multi- modes are a file's, but for the blank line that ends a compound one.
_STOCK_MODES = {name: stock for name, stock in modes.items() if stock != "func_type"}


def add(module):
    """Have symtable() take every mode."""
    stock_symtable = module.symtable

    @stands_for(stock_symtable)
    def symtable(code, filename, compile_type):
        if isinstance(compile_type, str):
            if compile_type not in _STOCK_MODES:
                known = ", ".join(map(repr, _STOCK_MODES))
                raise ValueError(f"symtable() arg 3 must be one of {known}")
            compile_type = _STOCK_MODES[compile_type]
        return stock_symtable(code, filename, compile_type)

    module.symtable = symtable
