"""The standard library's module symtable, for every mode of compile().

All of it is the standard library's own, run in this module's place.  Added are
the modes that await and those of many interactive statements.  Which names
belong to which scope does not depend on them, so each is served as the stock
mode that has the same grammar.
"""

import sys
from importlib.machinery import SourceFileLoader

# Where inspect finds the classes.
__file__ = f"{sys._stdlib_dir}/symtable.py"
exec(SourceFileLoader("symtable", __file__).get_code("symtable"))

_STOCK_MODES = {
    "exec": "exec",
    "eval": "eval",
    "single": "single",
    "async-exec": "exec",
    "async-single": "single",
    "async-eval": "eval",
    # Interactive statements are a file's, but for the blank line that ends a compound one.
    "multi-single": "exec",
    "async-multi-single": "exec",
}

_stock_symtable = symtable  # noqa: F821


def symtable(code, filename, compile_type):
    """Return the toplevel *SymbolTable* for the source code.

    *filename* is the name of the file with the code
    and *compile_type* is the *compile()* mode argument.
    """
    if isinstance(compile_type, str):
        if compile_type not in _STOCK_MODES:
            known = ", ".join(map(repr, _STOCK_MODES))
            raise ValueError(f"symtable() arg 3 must be one of {known}")
        compile_type = _STOCK_MODES[compile_type]
    return _stock_symtable(code, filename, compile_type)
