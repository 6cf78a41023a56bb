"""Programs that await at the top level: -X autoawait and PYTHONAUTOAWAIT.

The interpreter imports this module when it was asked to let the main program
await (Python/program.c); that it is imported is what tells the rest.
"""

import ast
import builtins
import runpy
import sys

import autoawait

_compile = compile
_find_module = runpy._get_module_details


def begin(choice):
    """Let the main program await, with the runner that choice names.

    choice is the option's or the variable's value: a library's name; True or
    '1' for the default.
    """
    if choice not in (True, "1"):
        try:
            autoawait._session.switch(choice)
        except (ValueError, ImportError) as error:
            sys.exit(f"autoawait: {error}")
    runpy._get_module_details = _find_awaiting_module


def import_asyncio():
    """Begin a prompt of `-m asyncio`: its one name, as if it had been typed."""
    import asyncio
    import __main__

    __main__.asyncio = asyncio


def _find_awaiting_module(name, *arguments):
    """As runpy's own function, for a module whose code awaits, too.

    Only a module that cannot be compiled otherwise is compiled for awaiting, so
    that everything else is found, cached and refused as ever.
    """
    try:
        return _find_module(name, *arguments)
    except SyntaxError:
        pass
    # Loaders compile by the built-in function, and would cache the result.
    stock_compile, stock_caching = builtins.compile, sys.dont_write_bytecode
    builtins.compile, sys.dont_write_bytecode = _compile_awaiting, True
    try:
        return _find_module(name, *arguments)
    finally:
        builtins.compile, sys.dont_write_bytecode = stock_compile, stock_caching


def _compile_awaiting(source, filename, mode, flags=0, *arguments, **keywords):
    return _compile(source, filename, mode, flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                    *arguments, **keywords)
