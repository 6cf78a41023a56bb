"""Added to module bdb: what run() and runeval() debug may await, through sys.awaithook."""

import sys

from _autoawait import StandIn, call_awaiting, compile_program

# What nobody wants to step through on the way from task to task.
LOOPS = frozenset({"autoawait", "autoawait.*", "asyncio.base_events", "asyncio.events",
                   "asyncio.unix_events", "asyncio.selector_events", "selectors",
                   "trio._core._run", "outcome", "outcome.*", "_stdlib_additions.*"})

# CO_COROUTINE, whose module takes long to import.
_IS_COROUTINE = 0x80


def add(module):
    """Have every debugger run what awaits, and pass over the event loop's own code."""
    debugger = module.Bdb
    for name, mode in ("run", "exec"), ("runeval", "eval"):
        stock = getattr(debugger, name)
        ours = _running(mode, module.BdbQuit)
        setattr(debugger, name, StandIn(_awaiting(mode, module), ours, stock))


def _awaiting(mode, module):
    def awaits(debugger, source, *arguments, **keywords):
        if hasattr(module, "exec"):
            # `-X autoawait -m pdb`, whose program has an end of its own (autoawait/program.py).
            return False
        try:
            return bool(_compiled(source, mode).co_flags & _IS_COROUTINE)
        except (SyntaxError, ValueError, AttributeError):
            return False

    return awaits


def _running(mode, quit_exception):
    def run(self, source, globals=None, locals=None):
        if globals is None:
            import __main__

            globals = vars(__main__)
        coroutine = eval(_compiled(source, mode), globals, globals if locals is None else locals)
        self.reset()
        skipped, self.skip = self.skip, (self.skip or set()) | LOOPS
        try:
            return call_awaiting(_trace, self.trace_dispatch, coroutine)
        except quit_exception:
            pass
        finally:
            self.quitting = True
            self.skip = skipped
            sys.settrace(None)

    return run


async def _trace(trace, coroutine):
    # From here on: on the way there is nothing to be debugged.
    sys.settrace(trace)
    try:
        return await coroutine
    finally:
        sys.settrace(None)


def _compiled(source, mode):
    return compile_program(source, "<string>", mode) if isinstance(source, str) else source
