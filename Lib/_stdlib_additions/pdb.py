"""Added to module pdb: commands may await, and a debugger can be awaited itself.

What a command awaits is run where the debugged code stands: on the loop that is
running there, whose other tasks go on meanwhile, or through sys.awaithook where
none is (autoawait/nested.py).
"""

import builtins
import sys

from _autoawait import StandIn, compile_program, eval_awaiting, exec_awaiting

# CO_COROUTINE, whose module takes long to import.
_IS_COROUTINE = 0x80


def add(module):
    """Have the commands that take Python code await; add set_trace_async()."""
    debugger = module.Pdb
    module.compile, module.exec, module.eval = compile_program, _exec, _eval
    stock_interact, stock_where = debugger.do_interact, debugger.do_where

    def do_interact(self, argument):
        with _hook():
            return stock_interact(self, argument)

    def do_where(self, argument):
        stock_where(self, argument)
        from autoawait.taskview import lines_of_awaiters

        for line in lines_of_awaiters():
            self.message(line)

    debugger.do_interact = StandIn(_is_in_loop, do_interact, stock_interact)
    debugger.do_where = debugger.do_w = debugger.do_bt = StandIn(_is_in_loop, do_where,
                                                                stock_where)
    stock_code = module._ScriptTarget.code
    module._ScriptTarget.code = property(
        lambda target: _marked_code(target) or stock_code.fget(target))
    module.set_trace_async = set_trace_async
    set_trace_async.__module__ = "pdb"


async def set_trace_async(*, header=None, commands=None):
    """Enter the debugger at the calling coroutine's frame, with a prompt that awaits.

    The coroutine waits for the prompt, so that what is typed there can await
    on any event loop. header is shown first, commands are a list of commands
    to begin with.
    """
    from autoawait.debugger import interact

    await interact(sys._getframe().f_back, header, commands)


def _marked_code(target):
    """Return the code of a marked script, which stock has compiled and dropped; else None."""
    from _stdlib_additions.py_compile import may_be_marked

    if not may_be_marked(target):
        return None
    with open(target, "rb") as file:
        source = file.read()
    try:
        code = compile(source, str(target), "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return code if code.co_flags & _IS_COROUTINE else None


def _is_in_loop(*arguments):
    from autoawait import nested

    return nested.current_hook() is not getattr(sys, "awaithook", None) is not None


def _hook():
    from autoawait import nested

    return nested.Hook()


def _exec(code, globals, locals):
    if not code.co_flags & _IS_COROUTINE:
        return exec(code, globals, locals)
    with _hook():
        return exec_awaiting(code, globals, locals)


def _eval(source, globals, locals):
    code = _compiled(source)
    if code is None:
        return builtins.eval(source, globals, locals)
    with _hook():
        return eval_awaiting(code, globals, locals)


def _compiled(source):
    """Return the code of an expression that awaits, else None."""
    if not isinstance(source, str) or "await" not in source and "async" not in source:
        return None
    try:
        code = compile_program(source.lstrip(), "<string>", "eval")
    except (SyntaxError, ValueError):
        return None
    return code if code.co_flags & _IS_COROUTINE else None
