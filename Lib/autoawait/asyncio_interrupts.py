"""SIGINT while the asyncio runner runs a statement."""

import asyncio
import contextvars
import gc

from . import interrupts

# Which run of a top-level coroutine a task comes from: any object.  The runner sets
# it in the session's context, and tasks inherit it.
current_run = contextvars.ContextVar("autoawait_run", default=None)


def wakeup_fd(loop):
    """Return what signal.set_wakeup_fd() takes; -1 for loops that have their own ways."""
    return loop._csock.fileno() if isinstance(loop, asyncio.SelectorEventLoop) else -1


class CancelRun(interrupts.CancelOnInterrupt):
    """SIGINT cancels a task and the tasks of its run, grace seconds long."""

    def __init__(self, loop, task, run, grace):
        super().__init__(lambda: loop.call_soon_threadsafe(lambda: None), wakeup_fd(loop))
        self._loop = loop
        self._task = task
        self._run = run
        self._grace = grace

    def is_done(self):
        """Whether the statement's task has ended."""
        return self._task.done()

    def computes(self):
        """Whether the statement's own code was interrupted."""
        return asyncio.current_task(self._loop) is self._task

    def anybody_computes(self):
        """Whether some task's code was interrupted."""
        return asyncio.current_task(self._loop) is not None

    def cancel(self):
        """Cancel the statement's task and those that it started."""
        self._loop.call_soon_threadsafe(self._cancel_tasks)

    def give_up(self):
        """Have the loop stopped, though the task goes on."""
        self._loop.stop()

    def _cancel_tasks(self):
        self.had_effect = self._task.cancel()
        for task in asyncio.all_tasks(self._loop):
            if task is not self._task and _run_of(task) is self._run:
                task.cancel()
        self._loop.call_later(self._grace, self._end_of_grace)

    def _end_of_grace(self):
        if not self._task.done():
            self.gave_up = True
            self.give_up()


def _run_of(task):
    """Return the run that a task was started from.

    A task does not tell its context, but the garbage collector does.
    """
    for referent in gc.get_referents(task):
        if isinstance(referent, contextvars.Context):
            return referent.get(current_run)
    return None
