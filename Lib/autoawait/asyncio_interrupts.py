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
    socket = getattr(loop, "_csock", None)
    return -1 if socket is None else socket.fileno()


def _computes(loop, frame):
    """Whether frame is of code that the loop runs, and not the loop's own."""
    if asyncio.current_task(loop) is not None:
        return True
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        package = module.partition(".")[0]
        if package == __package__:
            return False
        if frame.f_code is asyncio.Handle._run.__code__:
            # Behind its first line it has called what it holds, which may be C code.
            return frame.f_lineno != frame.f_code.co_firstlineno
        if package not in ("asyncio", "selectors"):
            return True
        frame = frame.f_back
    return False


class StopLoop(interrupts.StopOnInterrupt):
    """SIGINT stops a loop."""

    def __init__(self, loop):
        super().__init__(lambda: loop.call_soon_threadsafe(self.turned), loop.stop,
                         wakeup_fd(loop))
        self._loop = loop

    def background_computes(self):
        """Whether code that the loop runs was interrupted."""
        return _computes(self._loop, self.frame)


class CancelRun(interrupts.CancelOnInterrupt):
    """SIGINT cancels a task and the tasks of its run, grace seconds long."""

    def __init__(self, loop, task, run, grace):
        super().__init__(lambda: loop.call_soon_threadsafe(self.turned), wakeup_fd(loop))
        self._loop = loop
        self._task = task
        self._run = run
        self._grace = grace

    def awaited_task(self):
        """Return the statement's task."""
        return self._task

    def is_done(self):
        """Whether the statement's task has ended."""
        return self._task.done()

    def computes(self):
        """Whether the statement's own code was interrupted."""
        return asyncio.current_task(self._loop) is self._task

    def background_computes(self):
        """Whether some other code that the loop runs was interrupted."""
        return _computes(self._loop, self.frame)

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
