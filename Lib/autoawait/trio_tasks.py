"""The tasks of trio; see asyncimport.libraries."""

import trio

from _asyncimport import running_context

can_wait = True


def is_running():
    """Whether code of a run of trio is under way in this thread."""
    return current_task() is not None


def current_task():
    """Return the task that runs in this thread, or None."""
    try:
        return trio.lowlevel.current_task()
    except RuntimeError:
        return None


class Event:
    """An event of one run of trio, set from any thread."""

    def __init__(self):
        self._token = trio.lowlevel.current_trio_token()
        self._event = trio.Event()

    def set(self):
        """Let wait() return."""
        try:
            if trio.lowlevel.current_trio_token() is self._token:
                self._event.set()
                return
        except RuntimeError:
            pass
        try:
            self._token.run_sync_soon(self._event.set)
        except trio.RunFinishedError:
            pass

    async def wait(self):
        """Wait until it is set."""
        await self._event.wait()


event = Event


# What each of our tasks is cancelled by, and in which run of trio.
_scopes = {}


async def start(run):
    """Run run.drive() as a task; return when it waits for the first time, or has ended."""
    started = trio.Event()
    run.on_suspension = started.set
    scope = trio.CancelScope()
    trio.lowlevel.spawn_system_task(_drive, run, scope, name=f"import of {run.name}",
                                    context=running_context())
    with trio.CancelScope(shield=True):
        await started.wait()


@trio.lowlevel.disable_ki_protection
async def _drive(run, scope):
    task = trio.lowlevel.current_task()
    run.set_task(task)
    _scopes[task] = scope, trio.lowlevel.current_trio_token()
    try:
        with scope:
            await run.drive()
    finally:
        del _scopes[task]
        run.suspended()


def cancel(task):
    """Cancel a task; from any thread."""
    if task not in _scopes:
        return
    scope, token = _scopes[task]
    try:
        if trio.lowlevel.current_trio_token() is token:
            scope.cancel()
            return
    except RuntimeError:
        pass
    try:
        token.run_sync_soon(scope.cancel)
    except trio.RunFinishedError:
        pass


async def settle(event):
    """Wait for event in a task that is being cancelled."""
    with trio.CancelScope(shield=True):
        await event.wait()


def awaited_by(task):
    """Return the tasks in the nurseries that task has open: it cannot end before them."""
    for nursery in getattr(task, "child_nurseries", ()):
        yield from nursery.child_tasks
