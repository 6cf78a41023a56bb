"""Added to module code: an interpreter of it may be given statements that await.

Those are run by sys.awaithook, as at the prompt, and its loop is lent to others.
A subclass with a runcode() of its own, which knows nothing of coroutines, is left
as it is.
"""

import sys

from _autoawait import AWAITING_PROGRAM, exec_awaiting, interruptible, uninterrupted
from _stdlib_additions import stands_for

# CO_COROUTINE, whose module takes long to import.
_IS_COROUTINE = 0x80


def add(module):
    """Have the module's consoles await."""
    interpreter = module.InteractiveInterpreter
    stock_runsource, stock_runcode = interpreter.runsource, interpreter.runcode

    @stands_for(stock_runsource)
    def runsource(self, source, filename="<input>", symbol="single"):
        compiler = getattr(self.compile, "compiler", None)
        if type(self).runcode is runcode and hasattr(compiler, "flags"):
            if _is_off():
                compiler.flags &= ~AWAITING_PROGRAM
            else:
                compiler.flags |= AWAITING_PROGRAM
        return stock_runsource(self, source, filename, symbol)

    @stands_for(stock_runcode)
    def runcode(self, code):
        if not code.co_flags & _IS_COROUTINE:
            if type(self).runcode is not runcode or _is_off():
                return stock_runcode(self, code)
            return _run_plain(stock_runcode, self, code)
        try:
            exec_awaiting(code, self.locals)
        except SystemExit:
            raise
        except:  # noqa: E722
            self.showtraceback()

    interpreter.runsource, interpreter.runcode = runsource, runcode


def _is_off():
    return getattr(sys, "awaithook", None) is None


def _run_plain(run, interpreter, code):
    from autoawait.session import current

    return uninterrupted(_run_lent, current, run, interpreter, code)


def _run_lent(session, run, interpreter, code):
    loan = session.console_statement()
    if loan is None:
        return interruptible(run, interpreter, code)
    try:
        with loan:
            return interruptible(run, interpreter, code)
    finally:
        session.after_statement()
