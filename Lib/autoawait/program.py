"""Programs that await at the top level: -X autoawait and PYTHONAUTOAWAIT.

The interpreter imports this module when it was asked to let the main program
await (Python/program.c); that it is imported is what tells the rest.
"""

import builtins
import runpy
import sys

from _autoawait import AWAITING_PROGRAM, compile_program, exec_program

from . import imports, session

_compile = compile
_find_module = runpy._get_module_details

# Modules of the standard library whose program (-m) runs another.
_RUNNERS_OF_PROGRAMS = {"cProfile", "pdb", "profile", "runpy", "trace"}

# CO_COROUTINE, whose module takes long to import.
_IS_COROUTINE = 0x80

# What of a loop pdb is not to step through on its way between two tasks.
_LOOPS = ("autoawait", "autoawait.*", "asyncio.base_events", "asyncio.events",
          "asyncio.unix_events", "asyncio.selector_events", "selectors", "trio._core._run",
          "outcome", "outcome.*")


def begin(choice):
    """Let the main program await, with the runner that choice names.

    choice is the option's or the variable's value: a library's name; True or
    '1' for the default.
    """
    if "autoawait" in sys._xoptions:
        if "subprocess" in sys.modules:
            _pass_option_on(sys.modules["subprocess"])
        else:
            imports.act_when_imported("subprocess", _pass_option_on)
    if choice not in (True, "1"):
        try:
            session.current.switch(choice)
        except (ValueError, ImportError) as error:
            sys.exit(f"autoawait: {error}")
    _let_run_programs(vars(runpy))
    runpy._get_module_details = _find_program


def import_asyncio():
    """Begin a prompt of `-m asyncio`: its one name, as if it had been typed."""
    import asyncio
    import __main__

    __main__.asyncio = asyncio


def _let_run_programs(namespace):
    """Have a module compile and run programs that await, too, as it does others."""
    namespace.update(compile=compile_program, exec=exec_program)


def _find_program(name, *arguments):
    """As runpy's own function; what it finds may await, also if it is a program that runs one."""
    if name == "runpy" and len(sys.argv) > 1:
        # `-m runpy NAME` is `-m NAME`.
        del sys.argv[0]
        name = sys.argv[0]
    details = name, spec, code = _find_awaiting_module(name, *arguments)
    if name in _RUNNERS_OF_PROGRAMS and _is_of_standard_library(spec):
        if name == "pdb":
            _prepare_debugger()
        else:
            import __main__

            _let_run_programs(vars(__main__))
    return details


def _is_of_standard_library(spec):
    return spec.origin is not None and spec.origin.startswith(sys._stdlib_dir)


def _prepare_debugger():
    """Have pdb run a script that awaits, and step from task to task."""
    import bdb
    import pdb

    _let_run_programs(vars(bdb))
    stock_code = pdb._ScriptTarget.code
    stock_init = pdb.Pdb.__init__

    def code(target):
        """What to run: stock's text, which compiles the script, or the code of a coroutine."""
        with open(target) as file:
            source = file.read()
        try:
            code = compile_program(source, str(target), "exec")
        except (SyntaxError, ValueError):
            return stock_code.fget(target)
        return code if code.co_flags & _IS_COROUTINE else stock_code.fget(target)

    def __init__(self, *arguments, skip=_LOOPS, **keywords):
        stock_init(self, *arguments, skip=skip, **keywords)

    pdb._ScriptTarget.code = property(code)
    pdb.Pdb.__init__ = __init__


def _pass_option_on(subprocess):
    """Let the processes of multiprocessing, which run this program's file, await as well."""
    stock_arguments = subprocess._args_from_interpreter_flags

    def _args_from_interpreter_flags():
        """Return what a process is started with: stock's options, and ours."""
        choice = sys._xoptions.get("autoawait")
        if choice is None:
            return stock_arguments()
        option = "autoawait" if choice is True else f"autoawait={choice}"
        return [*stock_arguments(), "-X", option]

    subprocess._args_from_interpreter_flags = _args_from_interpreter_flags


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
    return _compile(source, filename, mode, flags | AWAITING_PROGRAM,
                    *arguments, **keywords)
