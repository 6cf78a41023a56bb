"""The standard library's module code, with consoles that await.

All of it is the standard library's own, run in this module's place.  Added is
that an interpreter of this module may be given statements that await: those
are run by sys.awaithook, as at the prompt, and its loop is lent to others.  A
subclass with a runcode() of its own, which knows nothing of coroutines, is left
as it is.
"""

import sys
from importlib.machinery import SourceFileLoader

from _autoawait import exec_awaiting, interruptible, uninterrupted

# Where inspect finds the classes.
__file__ = f"{sys._stdlib_dir}/code.py"
_loader = SourceFileLoader("code", __file__)
# As a program the module ends with a console, which is not to begin before the changes.
_own_name, __name__ = __name__, "code"
exec(_loader.get_code("code"))

# PyCF_ALLOW_TOP_LEVEL_AWAIT and CO_COROUTINE, whose modules take long to import.
_ALLOW_AWAIT = 0x2000
_IS_COROUTINE = 0x80

_stock_runsource = InteractiveInterpreter.runsource  # noqa: F821
_stock_runcode = InteractiveInterpreter.runcode  # noqa: F821


def _runsource(self, source, filename="<input>", symbol="single"):
    """Compile and run some source, which may await, in the interpreter."""
    compiler = getattr(self.compile, "compiler", None)
    if type(self).runcode is _runcode and hasattr(compiler, "flags"):
        if getattr(sys, "awaithook", None) is None:
            compiler.flags &= ~_ALLOW_AWAIT
        else:
            compiler.flags |= _ALLOW_AWAIT
    return _stock_runsource(self, source, filename, symbol)


def _runcode(self, code):
    """Execute a code object; a coroutine's through sys.awaithook.

    When an exception occurs, self.showtraceback() is called to display a
    traceback.  All exceptions are caught except SystemExit, which is allowed to
    propagate.
    """
    if not code.co_flags & _IS_COROUTINE:
        return _run_plain(self, code)
    try:
        exec_awaiting(code, self.locals)
    except SystemExit:
        raise
    except BaseException as error:
        from autoawait.report import user_traceback

        # What showtraceback() takes off is the frame that caught the exception.
        caught = error.__traceback__
        caught.tb_next = user_traceback(error, caught.tb_next)
        self.showtraceback()


def _run_plain(interpreter, code):
    if type(interpreter).runcode is not _runcode or getattr(sys, "awaithook", None) is None:
        return _stock_runcode(interpreter, code)
    import autoawait

    return uninterrupted(_run_lent, autoawait._session, interpreter, code)


def _run_lent(session, interpreter, code):
    loan = session.console_statement()
    if loan is None:
        return interruptible(_stock_runcode, interpreter, code)
    try:
        with loan:
            return interruptible(_stock_runcode, interpreter, code)
    finally:
        session.after_statement()


_runsource.__doc__ = _stock_runsource.__doc__
for _stock, _ours in (_stock_runsource, _runsource), (_stock_runcode, _runcode):
    _ours.__name__, _ours.__qualname__ = _stock.__name__, _stock.__qualname__
InteractiveInterpreter.runsource = _runsource  # noqa: F821
InteractiveInterpreter.runcode = _runcode  # noqa: F821

__name__ = _own_name
if __name__ == "__main__":
    import ast

    _tree = ast.parse(_loader.get_source("code"))
    exec(compile(ast.Module(_tree.body[-1:], []), __file__, "exec"))
