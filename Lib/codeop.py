"""The standard library's module codeop, for every mode of compile().

All of it is the standard library's own, run in this module's place.  It hands
the symbol on to compile() and needs to know only which are of one expression:
there a command without any text is an error, elsewhere it does nothing.
"""

import sys
from importlib.machinery import SourceFileLoader

# Where inspect finds the classes.
__file__ = f"{sys._stdlib_dir}/codeop.py"
exec(SourceFileLoader("codeop", __file__).get_code("codeop"))

_stock_maybe_compile = _maybe_compile  # noqa: F821


def _maybe_compile(compiler, source, filename, symbol):
    if symbol != "async-eval":
        return _stock_maybe_compile(compiler, source, filename, symbol)

    def compile_expression(source, filename, _):
        return compiler(source, filename, symbol)

    return _stock_maybe_compile(compile_expression, source, filename, "eval")
