"""Added to module codeop: every mode of compile() may be the symbol.

The module hands the symbol on to compile() and needs to know only which are of
one expression: there a command without any text is an error, elsewhere it does
nothing.
"""

from _stdlib_additions import stands_for


def add(module):
    """Have both commands and classes take "async-eval" for an expression's symbol."""
    stock_maybe_compile = module._maybe_compile

    @stands_for(stock_maybe_compile)
    def _maybe_compile(compiler, source, filename, symbol):
        if symbol != "async-eval":
            return stock_maybe_compile(compiler, source, filename, symbol)

        def compile_expression(source, filename, _):
            return compiler(source, filename, symbol)

        return stock_maybe_compile(compile_expression, source, filename, "eval")

    module._maybe_compile = _maybe_compile
