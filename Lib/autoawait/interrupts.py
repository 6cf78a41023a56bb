"""What SIGINT does while an asyncio loop runs for the prompt.

All of it concerns the main thread and Python's own handler: where the program
has set a handler for SIGINT, that one stays.
"""

import asyncio
import contextlib
import contextvars
import gc
import signal
import threading

# Which run of a top-level coroutine a task comes from: tasks inherit it.
_current_run = contextvars.ContextVar("autoawait_run", default=None)


@contextlib.contextmanager
def mark_run():
    """Mark this context, and so every task started from it, with a new run."""
    run = object()
    token = _current_run.set(run)
    try:
        yield run
    finally:
        _current_run.reset(token)


class _SigintGuard:
    """Handles SIGINT by on_interrupt() while entered; counts in count."""

    def __init__(self, loop):
        self.count = 0
        self._loop = loop
        self._installed = False

    def __enter__(self):
        if (threading.current_thread() is threading.main_thread()
                and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(self, *exception):
        if self._installed and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, signal_number, frame):
        self.count += 1
        self.on_interrupt()
        # The loop may be waiting for its selector, which a signal does not end.
        self._loop.call_soon_threadsafe(lambda: None)


class StopOnInterrupt(_SigintGuard):
    """The first SIGINT stops the loop; a second breaks what keeps it busy."""

    def on_interrupt(self):
        """Stop the loop, or raise."""
        if self.count > 1:
            raise KeyboardInterrupt
        self._loop.stop()


class CancelOnInterrupt(_SigintGuard):
    """SIGINT cancels a task and the tasks of its run.

    Where the task is computing, it is interrupted on the spot.  If it has not
    ended after grace seconds, or at the second SIGINT, gave_up becomes true and
    the loop is stopped; the cancelled tasks go on with their cleanup.
    """

    def __init__(self, loop, task, run, grace):
        super().__init__(loop)
        self.gave_up = False
        self._task = task
        self._run = run
        self._grace = grace

    def on_interrupt(self):
        """Cancel, give up or raise, as the task is at."""
        if self._task.done() or asyncio.current_task(self._loop) is self._task:
            raise KeyboardInterrupt
        if self.count == 1:
            self._loop.call_soon_threadsafe(self._cancel)
        elif asyncio.current_task(self._loop) is not None:
            # Some other task computes and lets nobody else run.
            raise KeyboardInterrupt
        else:
            self._give_up()

    def _cancel(self):
        self._task.cancel()
        for task in asyncio.all_tasks(self._loop):
            if task is not self._task and _run_of(task) is self._run:
                task.cancel()
        self._loop.call_later(self._grace, self._give_up)

    def _give_up(self):
        if not self._task.done():
            self.gave_up = True
            self._loop.stop()


def _run_of(task):
    """Return the run that a task was started from.

    A task does not tell its context, but the garbage collector does.
    """
    for referent in gc.get_referents(task):
        if isinstance(referent, contextvars.Context):
            return referent.get(_current_run)
    return None
