"""pdb.set_trace_async(): a debugger whose commands are awaited by the coroutine it stands in.

Its prompt reads as pdb's does, and while it reads everything stands still. A command
that awaits ends the reading, is awaited, and the reading goes on. So whatever drives
the coroutine drives the command, asyncio, trio or another.
"""

import bdb
import pdb
import sys

from _autoawait import write_locals

_IS_COROUTINE = 0x80


async def interact(frame, header=None, commands=None):
    """Debug from frame on, as pdb.set_trace() does."""
    debugger = _AwaitedPdb()
    if header is not None:
        debugger.message(header)
    debugger.cmdqueue.extend(commands or ())
    debugger.set_trace(frame)
    # Not yet: there is nothing to see in the frames of this.
    sys.settrace(None)
    await debugger.interact(frame)
    write_locals(frame)
    if debugger.quitting:
        raise bdb.BdbQuit
    if not debugger.runs_on():
        sys.settrace(debugger.trace_dispatch)


class _AwaitedPdb(pdb.Pdb):
    """A debugger that keeps what a command awaits, for interact() to await."""

    _awaited = None

    async def interact(self, frame):
        """Read commands, and await what they await, until one has the program go on."""
        if self.setup(frame, None):
            self.forget()
            return
        self.print_stack_entry(self.stack[self.curindex])
        self._cmdloop()
        while self._awaited is not None:
            coroutine, show = self._awaited
            self._awaited = None
            await self._await(coroutine, show)
            self._cmdloop()
        self._is_awaitable = False
        self.forget()

    # Until the program goes on: where it stops again nobody awaits the debugger.
    _is_awaitable = True

    async def _await(self, coroutine, show):
        hook, sys.displayhook = sys.displayhook, self.displayhook
        try:
            show(await coroutine)
        except Exception:
            self._error_exc()
        finally:
            sys.displayhook = hook

    def runs_on(self):
        """Whether nothing is left to stop at."""
        return (self.stopframe is self.botframe and self.stoplineno == -1 and not self.breaks)

    def postcmd(self, stop, line):
        """End the reading also for what a command awaits."""
        return stop or self._awaited is not None

    def default(self, line):
        """Execute a statement, or keep it to be awaited."""
        if not self._keep(line.removeprefix("!") + "\n", "single", lambda value: None):
            super().default(line)

    def _msg_val_func(self, argument, function):
        def show(value):
            self.message(function(value))

        if not self._keep(argument.lstrip(), "eval", show):
            super()._msg_val_func(argument, function)

    def _keep(self, source, mode, show):
        if not self._is_awaitable:
            return False
        try:
            code = pdb.compile(source, "<stdin>", mode)
        except Exception:
            return False
        if not code.co_flags & _IS_COROUTINE:
            return False
        self._awaited = eval(code, self.curframe.f_globals, self.curframe_locals), show
        return True
