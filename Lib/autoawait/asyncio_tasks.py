"""The tasks of asyncio, and of every loop that has its interface; see asyncimport.libraries."""

import asyncio
import contextlib
import threading
import weakref
from _thread import get_ident
from asyncio.tasks import _enter_task, _leave_task

from _asyncimport import running_context
from asyncimport import never
from asyncimport.runs import Run, StartRun

can_wait = True


def is_running():
    """Whether an event loop runs in this thread."""
    loop = asyncio._get_running_loop()
    return loop is not None and loop.is_running()


def current_task():
    """Return the task that runs in this thread, or None."""
    loop = asyncio._get_running_loop()
    return None if loop is None else asyncio.current_task(loop)


class Event:
    """An event of one loop, waited for by one task, set from any thread.

    It is a future of its own kind: a module's task may come to wait for it only in its first step,
    when it has been set already.  It goes on where it was set free, and not a turn later.
    """

    _asyncio_future_blocking = False

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._is_done = False
        self._is_cancelled = False
        self._callback = None       # and its context

    def set(self):
        """Let wait() return."""
        if get_ident() == self._thread:
            self._end()
        else:
            try:
                self._loop.call_soon_threadsafe(self._end)
            except RuntimeError:
                # The loop is closed, and nobody waits any more.
                pass

    def _end(self):
        if not self._is_done:
            self._is_done = True
            self._loop.call_soon(self._go_on)

    def _go_on(self):
        if self._callback is not None:
            callback, context = self._callback
            self._callback = None
            context.run(callback, self)

    async def wait(self):
        """Wait until it is set; have it told if the loop has nothing left to do meanwhile."""
        with watched():
            await self

    def __await__(self):
        if not self._is_done:
            self._asyncio_future_blocking = True
            yield self
        self.result()

    # What a task asks of a future.

    def get_loop(self):
        """Return the loop."""
        return self._loop

    def add_done_callback(self, callback, *, context):
        """Have the task's step called."""
        self._callback = callback, context

    def cancel(self, msg=None):
        """End it by CancelledError."""
        if self._is_done:
            return False
        self._is_cancelled = True
        self._end()
        return True

    def result(self):
        """Raise CancelledError if it was cancelled."""
        if self._is_cancelled:
            raise asyncio.CancelledError


event = Event


class _Watch:
    """Looks, while an import waits in a loop, for the moment when the loop has nothing to do.

    For asyncio's own loops, which sleep in the select() of a selector that Python code can
    see; others are not watched.
    """

    _of_loop = weakref.WeakKeyDictionary()

    @classmethod
    def of(cls, loop):
        """Return the watch of a loop."""
        watch = cls._of_loop.get(loop)
        if watch is None:
            watch = cls._of_loop[loop] = cls(loop)
        return watch

    def __init__(self, loop):
        self._loop = weakref.ref(loop)
        self._selector = getattr(loop, "_selector", None)
        self._count = 0

    def begin(self):
        """One more import waits."""
        self._count += 1
        if self._count == 1 and self._selector is not None:
            self._selector.select = self._select

    def end(self):
        """One waits no more."""
        self._count -= 1
        if self._count == 0 and self._selector is not None:
            del self._selector.select

    def _select(self, timeout=None):
        if timeout is None and self._is_idle() and never.end_waiting():
            timeout = 0
        return type(self._selector).select(self._selector, timeout)

    def _is_idle(self):
        """Whether nobody can have anything for the loop to do: no file, signal or thread."""
        loop = self._loop()
        if loop is None or len(self._selector.get_map()) > 1 or loop._signal_handlers:
            return False
        threads = set(threading.enumerate()) - {threading.current_thread()}
        executor = loop._default_executor
        if executor is not None and executor._work_queue.empty() and (
                executor._idle_semaphore._value == len(executor._threads)):
            threads -= executor._threads
        return not threads


@contextlib.contextmanager
def watched():
    """While this lasts, have imports told if the running loop has nothing left to do."""
    watch = _Watch.of(asyncio.get_running_loop())
    watch.begin()
    try:
        yield
    finally:
        watch.end()


async def start(run):
    """Run run.drive() as a task, its first step now, in the caller's context."""
    start_nested(run)


def start_nested(run):
    """Take the first steps of a run, and of those that it starts, in the order of their starts.

    By a stack of our own: a chain of imports may be longer than the interpreter's stack is deep.
    """
    stack = [_Begun(run)]
    while stack:
        started = stack[-1].begin()
        if started is None:
            stack.pop()
        else:
            stack.append(_Begun(started))


class _Begun:
    """The coroutine of a run's task, whose first steps are taken before the task's own.

    What it gave way for then is what the task's first step gives to the loop.
    """

    def __init__(self, run):
        self.steps = run.drive()
        self._trap = None       # what the first steps ended in, until the loop has it
        self._result = None     # a tuple, once it ended
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self, name=f"import of {run.name}",
                                      context=running_context())
        run.starts_nested = True
        run.set_task(self._task)

    def begin(self):
        """Take steps; return a run that is to be started, or None when that is for the loop."""
        loop = asyncio.get_running_loop()
        before = asyncio.current_task(loop)
        if before is not None:
            _leave_task(loop, before)
        _enter_task(loop, self._task)
        try:
            trap = self.steps.send(None)
        except StopIteration as end:
            self._result = (end.value,)
            return None
        finally:
            _leave_task(loop, self._task)
            if before is not None:
                _enter_task(loop, before)
        if type(trap) is StartRun:
            return trap.run
        # Others may wait for the same future before the loop is given it: it is theirs until then.
        if getattr(trap, "_asyncio_future_blocking", None):
            trap._asyncio_future_blocking = False
        self._trap = trap
        return None

    def send(self, value):
        """Go on; at first with what begin() left."""
        if self._result is not None:
            raise StopIteration(*self._result)
        trap, self._trap = self._trap, None
        if trap is None:
            return self._go_on(self.steps.send, value)
        if getattr(trap, "_asyncio_future_blocking", None) is False:
            trap._asyncio_future_blocking = True
        return trap

    def throw(self, *error):
        """Raise an error where it waits."""
        if self._result is not None:
            raise StopIteration(*self._result)
        trap, self._trap = self._trap, None
        if asyncio.isfuture(trap) and trap.cancel():
            return trap     # whose end brings the cancellation
        return self._go_on(self.steps.throw, *error)

    def _go_on(self, method, *arguments):
        trap = method(*arguments)
        while type(trap) is StartRun:
            start_nested(trap.run)
            trap = self.steps.send(None)
        return trap

    def close(self):
        """Give up."""
        self.steps.close()

    def __await__(self):
        return self


def cancel(task):
    """Cancel a task; from any thread."""
    loop = task.get_loop()
    if asyncio._get_running_loop() is loop:
        task.cancel()
    else:
        try:
            loop.call_soon_threadsafe(task.cancel)
        except RuntimeError:
            pass


async def settle(event):
    """Wait for event in a task that is being cancelled; a second time is not resisted."""
    await event.wait()


def awaited_by(task):
    """Return the tasks that task waits for, as far as asyncio tells.

    Through gather(), at the end of a TaskGroup, and in a wait() for all without a time limit.
    """
    waiting = [getattr(task, "_fut_waiter", None), *_awaited_together(task)]
    while waiting:
        future = waiting.pop()
        if isinstance(future, asyncio.Task):
            yield future
        else:
            waiting.extend(getattr(future, "_children", ()))


def _awaited_together(task):
    """Return what task waits for where asyncio has it wait for a future that tells of nothing."""
    frame = _innermost_frame(task)
    code = getattr(frame, "f_code", None)
    if code is asyncio.TaskGroup.__aexit__.__code__:
        return tuple(frame.f_locals["self"]._tasks)
    if code is asyncio.tasks._wait.__code__:
        names = frame.f_locals
        if names["timeout"] is None and names["return_when"] == asyncio.ALL_COMPLETED:
            return [future for future in names["fs"] if not future.done()]
    return ()


def _innermost_frame(task):
    coroutine, frame = task.get_coro(), None
    while coroutine is not None:
        if isinstance(coroutine, _Begun):
            coroutine = coroutine.steps
        if getattr(coroutine, "gi_code", None) is Run.drive.__code__ and coroutine.gi_frame:
            coroutine = coroutine.gi_frame.f_locals["self"].coroutine
        frame = getattr(coroutine, "cr_frame", None) or frame
        coroutine = getattr(coroutine, "cr_await", None)
    return frame
