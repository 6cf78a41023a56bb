"""What an import that waits needs of the library whose code is running.

A library of coroutines is known by an object with these members, its *tasks*:

    current_task()      the task that runs in this thread, or None
    event()             an object with set(), which any thread may call, and wait(),
                        a coroutine function
    async start(run)    run run.drive() as a task of its own, in the caller's context,
                        up to its first suspension at least; call run.set_task(task)
                        before it begins
    cancel(task)        cancel a task; from any thread
    async settle(event) wait for event while the caller is being cancelled
    awaited_by(task)    the tasks that task waits for, as far as it can be known
    watched()           a context manager around what waits: if meanwhile nothing is
                        left to do, asyncimport.never.end_waiting() is to be called
    is_running()        whether the library runs in this thread
    can_wait            True

The module autoawait has them for asyncio and trio, and a hook may bring its own
as its attribute `tasks`.  With a hook that brings none, modules are imported one
after the other, in the same order.
"""

import contextlib
import sys
from _thread import get_ident

from autoawait import session


class Inline:
    """The tasks of a library that is not known: none, and nothing to wait with."""

    can_wait = False

    @staticmethod
    def current_task():
        """Return None: tasks cannot be told from each other."""
        return None

    @staticmethod
    async def start(run):
        """Run it to its end."""
        run.set_task(None)
        await run.drive()

    watched = contextlib.nullcontext

    @staticmethod
    def cancel(task):
        """Do nothing: what is imported here is done when its import returns."""

    @staticmethod
    def awaited_by(task):
        """Return nothing."""
        return ()


def current():
    """Return the tasks of the library that runs the caller, Inline if that is not known."""
    for tasks in _candidates():
        if tasks.current_task() is not None:
            return tasks
    return Inline


def is_running():
    """Whether a library runs in this thread, so that nothing here may block."""
    return any(tasks.is_running() for tasks in _candidates())


def _candidates():
    own = getattr(getattr(sys, "awaithook", None), "tasks", None)
    if own is not None:
        yield own
    yield from session.imported_tasks()


def thread():
    """Return what identifies the calling thread."""
    return get_ident()
