"""The tasks of trio; see asyncimport.libraries."""

import contextlib
import threading
from collections import deque

import trio

from _asyncimport import running_context
from asyncimport import never

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
                _order().append(self._event)
                return
        except RuntimeError:
            pass
        try:
            self._token.run_sync_soon(lambda: _order().append(self._event))
        except trio.RunFinishedError:
            pass

    async def wait(self):
        """Wait until it is set; have it told if trio has nothing left to do meanwhile."""
        with watched():
            await self._event.wait()


event = Event


class _Order:
    """Has tasks go on in the order in which they were set free, which trio's own is not.

    One of them goes on when the one before it has come to where it waits again, be it in the
    starts of modules.
    """

    def __init__(self):
        self._token = trio.lowlevel.current_trio_token()
        self._events = deque()
        self._is_quiet = False
        self.starting = 0       # modules on their way to their first suspension

    def append(self, event):
        """Have the task that waits for event go on after those before it."""
        self._events.append(event)
        if len(self._events) == 1:
            self._set_first()

    def _set_first(self):
        self._events[0].set()
        self._is_quiet = False
        self._token.run_sync_soon(self._look)

    def _look(self):
        # The task takes its first step in this turn, before or after this function is called.
        if self.starting or not self._is_quiet:
            self._is_quiet = not self.starting
            self._token.run_sync_soon(self._look)
            return
        self._events.popleft()
        if self._events:
            self._set_first()


_orders = trio.lowlevel.RunVar("asyncimport")


def _order():
    try:
        return _orders.get()
    except LookupError:
        order = _Order()
        _orders.set(order)
        return order


class _Watch(trio.abc.Instrument):
    """Looks, while an import waits, for the moment when trio has nothing to do."""

    # As long as trio sleeps when there is no deadline.
    _FOR_EVER = 24 * 60 * 60

    def __init__(self, token):
        self._token = token

    def before_io_wait(self, timeout):
        """Before trio sleeps: nobody can have anything to do, no file, thread or other task."""
        if timeout < self._FOR_EVER or self._has_threads():
            return
        statistics = trio.lowlevel.current_statistics()
        files = statistics.io_statistics
        # One is that by which trio itself is woken.
        if statistics.run_sync_soon_queue_size == 0 and (
                files.tasks_waiting_read <= 1 and files.tasks_waiting_write == 0):
            self._token.run_sync_soon(never.end_waiting, idempotent=True)

    @staticmethod
    def _has_threads():
        """Whether a thread may yet have something to do for trio; its idle ones have not."""
        if trio.to_thread.current_default_thread_limiter().borrowed_tokens:
            return True
        others = (thread for thread in threading.enumerate()
                  if thread is not threading.current_thread())
        return not all(thread.name.startswith("Trio ") for thread in others)


# What each of our tasks is cancelled by, and in which run of trio.
_scopes = {}


@contextlib.contextmanager
def watched():
    """While this lasts, have imports told if trio has nothing left to do.

    What runs in the task of a plain import can be cancelled by cancel(), too.
    """
    token = trio.lowlevel.current_trio_token()
    task = trio.lowlevel.current_task()
    watch = _Watch(token)
    is_known = task in _scopes
    trio.lowlevel.add_instrument(watch)
    try:
        with trio.CancelScope() as scope:
            if not is_known:
                _scopes[task] = scope, token
            yield
    finally:
        trio.lowlevel.remove_instrument(watch)
        if not is_known:
            del _scopes[task]


async def start(run):
    """Run run.drive() as a task; return when it waits for the first time, or has ended."""
    started = trio.Event()
    run.on_suspension = started.set
    scope = trio.CancelScope()
    trio.lowlevel.spawn_system_task(_drive, run, scope, name=f"import of {run.name}",
                                    context=running_context())
    order = _order()
    order.starting += 1
    try:
        with trio.CancelScope(shield=True):
            await started.wait()
    finally:
        order.starting -= 1


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
