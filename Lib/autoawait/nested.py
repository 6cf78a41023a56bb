"""Runs a coroutine in the midst of a step of the loop that runs already: a debugger's command.

The task that is being debugged stands still, since it is the one whose step does
not end. The others go on, as does everything else on the loop, until the coroutine
has ended.

asyncio's own loops can be driven from within, one turn after the other. Others
cannot (uvloop's, trio's): for those a debugger has to be awaited itself, see
pdb.set_trace_async().
"""

import signal
import sys
import threading

# Of the tasks that go on, how many are named.
_SHOWN = 5


def current_hook():
    """Return what runs a coroutine where the caller is: sys.awaithook, or one of this module."""
    events = sys.modules.get("asyncio.events")
    loop = events._get_running_loop() if events is not None else None
    if loop is not None:
        from asyncio.base_events import BaseEventLoop

        return NestedRunner(loop) if isinstance(loop, BaseEventLoop) else _refuse
    return _refuse if _is_in_trio() else sys.awaithook


def _is_in_trio():
    lowlevel = sys.modules.get("trio.lowlevel")
    if lowlevel is None:
        return False
    try:
        lowlevel.current_task()
    except RuntimeError:
        return False
    return True


def _refuse(coroutine):
    """Refuse to run a coroutine, by name of what can be done instead."""
    coroutine.close()
    raise RuntimeError("this event loop cannot go on while one of its tasks stands still; "
                       "`await pdb.set_trace_async()` gives a prompt that awaits")


class Hook:
    """A context manager: sys.awaithook is what runs a coroutine here."""

    def __enter__(self):
        self._hook = getattr(sys, "awaithook", None)
        if self._hook is not None:
            sys.awaithook = current_hook()

    def __exit__(self, *exception):
        if self._hook is not None:
            sys.awaithook = self._hook


class NestedRunner:
    """Runs coroutines on a loop that is running in this thread, inside of one of its steps."""

    name = "asyncio"

    def __init__(self, loop):
        self._loop = loop

    def __call__(self, coroutine):
        """Run coroutine to its end, and the loop meanwhile; return its result.

        SIGINT cancels it, or interrupts it where it computes.
        """
        from asyncio import tasks

        loop = self._loop
        standing = tasks.current_task(loop)
        turn_rest = len(loop._ready)
        stops, loop._stopping = loop._stopping, False
        self._tell_others(tasks.all_tasks(loop) - {standing})
        if standing is not None:
            tasks._leave_task(loop, standing)
        try:
            task = loop.create_task(coroutine)
            with _CancelOnInterrupt(task) as guard:
                self._run_until_done(task)
            return guard.result()
        finally:
            if standing is not None:
                tasks._enter_task(loop, standing)
            loop._stopping |= stops
            # The turn in whose midst we are has counted what it has to run.
            for _ in range(turn_rest - len(loop._ready)):
                loop.call_soon(_do_nothing)

    @staticmethod
    def _tell_others(others):
        names = sorted(task.get_name() for task in others)
        if names:
            shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            print(f"[meanwhile {len(names)} other task{'s'[:len(names) > 1]} "
                  f"go{'es' if len(names) == 1 else ''} on: {shown}]")

    def _run_until_done(self, task):
        loop = self._loop
        stops = False
        try:
            while not task.done():
                loop._run_once()
                # Who stops the loop stops it when its step has ended.
                stops |= loop._stopping
                loop._stopping = False
        finally:
            loop._stopping |= stops


class _CancelOnInterrupt:
    """A context manager: SIGINT cancels a task, or interrupts it where it computes."""

    def __init__(self, task):
        self._task = task
        self._handler = None
        self.was_interrupted = False

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *exception):
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    def _on_interrupt(self, number, frame):
        from asyncio import tasks

        loop = self._task.get_loop()
        if self.was_interrupted or tasks.current_task(loop) is self._task:
            raise KeyboardInterrupt
        self.was_interrupted = True
        loop.call_soon_threadsafe(self._task.cancel)

    def result(self):
        """Return the task's result or raise its exception."""
        if self._task.cancelled() and self.was_interrupted:
            raise KeyboardInterrupt
        return self._task.result()


def _do_nothing():
    pass
