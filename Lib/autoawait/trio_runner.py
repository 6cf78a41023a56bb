"""The runner for trio: one run of trio, as a guest of the prompt, for the session."""

import collections
import contextlib
import os
import select
import signal
import sys
import time
import warnings

import trio
from sniffio import current_async_library_cvar
from trio._core import _run, _thread_cache

import _autoawait

from . import interrupts, report
from .protocol import Runner


# What trio marks the frames by that KeyboardInterrupt must not break.
_PROTECTION = getattr(trio._core._ki, "LOCALS_KEY_KI_PROTECTION_ENABLED", None)


class TrioRunner(Runner):
    """Runs coroutines, one after the other, in one run of trio.

    The run begins when it is first needed and lives as long as the session, by
    trio's guest mode: trio's code runs in this thread whenever the prompt waits for
    a coroutine or for input.  Tasks started in `nursery` outlive the statement that
    starts them.
    """

    name = "trio"
    packages = frozenset({"trio", "outcome"})

    def __init__(self, *, close_timeout=1.0, interrupt_grace=0.2):
        """Make a runner; both limits are in seconds, as AsyncioRunner's."""
        self._nursery = None
        self._host = None
        self._close_timeout = close_timeout
        self._interrupt_grace = interrupt_grace

    def __call__(self, coroutine):
        """Run coroutine to its end; return its result or raise its exception.

        SIGINT cancels it, or interrupts it where it computes without awaiting,
        and becomes KeyboardInterrupt; what takes longer than interrupt_grace to
        clean up goes on in the background.
        """
        return _autoawait.uninterrupted(self._call, coroutine)

    def _call(self, coroutine):
        if not hasattr(coroutine, "send"):
            raise TypeError(f"a coroutine was expected, got {coroutine!r}")
        self._open()
        statement = _Statement(coroutine)
        guard = _CancelStatement(self._host, statement)
        try:
            with guard:
                trio.lowlevel.spawn_system_task(statement.run, name="<statement>",
                                                context=_autoawait.current_context())
                self._host.run_until(lambda: statement.ended or guard.count or self._ended)
                self._host.run_until(lambda: statement.ended or guard.gave_up or self._ended,
                                     timeout=self._interrupt_grace)
            if statement.was_cancelled_by_trio():
                # An error of trio's own ends the run, and is what there is to tell.
                self._host.run_until(lambda: self._ended, timeout=self._interrupt_grace)
        finally:
            # The context is the prompt's, and the prompt is not inside trio.
            current_async_library_cvar.set(None)
        if self._ended:
            self._ended.unwrap()
        return statement.outcome(guard)

    @staticmethod
    def run_apart(coroutine):
        """Run coroutine in another thread than the main one, in a run that ends with it."""
        async def main():
            return await coroutine

        return trio.run(main)

    @property
    def nursery(self):
        """The nursery of what outlives a statement."""
        self._open()
        return self._nursery

    def statement(self):
        """Have trio's own functions find the run in a plain statement."""
        self._open()

    def wants_input(self):
        """Whether trio's work should go on while a line is typed.

        In a coroutine, where trio runs already, it cannot be run once more.
        """
        return self._host is not None and not self._host.is_running and self._host.may_run()

    def wait_for_input(self, descriptor):
        """Run trio until descriptor can be read; KeyboardInterrupt after SIGINT."""
        if not self.wants_input():
            return
        host = self._host
        with _StopHost(host) as guard:
            host.run_until(lambda: guard.count, descriptor)
        if guard.count:
            raise KeyboardInterrupt

    def close(self):
        """Cancel the session's nursery and end the run of trio.

        What takes longer than close_timeout, or until SIGINT, to clean up is
        abandoned.
        """
        host, self._host = self._host, None
        if host is None:
            return
        host.resume()
        self._nursery.cancel_scope.cancel()
        with _StopHost(host) as guard:
            host.run_until(lambda: self._ended or guard.count, timeout=self._close_timeout)
        if not self._ended:
            print("abandoned trio tasks that do not end", file=sys.stderr)
        self._nursery = None

    def after_fork(self):
        """In a forked process: leave the run to the parent, unless trio's code forked."""
        if self._host is not None and not self._host.is_running:
            self._host.forget()
            self._host = self._nursery = None

    @staticmethod
    def left_handler(handler):
        """Whether it is trio.run()'s."""
        return getattr(handler, "__module__", None) == "trio._core._ki"

    def _open(self):
        """Start the run of trio, if there is none or it has ended; have trio know it."""
        if self._host is not None and not self._ended:
            self._host.resume()
            return
        self._host = _Host()
        self._nursery = None
        self._ended = None      # the outcome: of an error of trio's own, if not by close()
        # trio leaves SIGINT alone where it is not Python's own handler: it is ours to handle.
        handler = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            self._host.begin(self._keep_nursery, self._on_end)
            self._host.run_until(lambda: self._nursery is not None)
        finally:
            signal.signal(signal.SIGINT, handler)

    async def _keep_nursery(self):
        async with trio.open_nursery() as nursery:
            self._nursery = _SessionNursery(nursery)
            await trio.sleep_forever()

    def _on_end(self, outcome):
        self._ended = outcome


# The packages whose code runs the user's.
_DRIVERS = TrioRunner.packages | {__package__}


class _SessionNursery:
    """A nursery in which a failing task is reported and harms no other."""

    def __init__(self, nursery):
        self._nursery = nursery

    def __getattr__(self, name):
        return getattr(self._nursery, name)

    def start_soon(self, function, *arguments, name=None):
        """Start a background task, as trio.Nursery.start_soon() does."""
        _autoawait.uninterrupted(self._start_soon, function, arguments, name or function)

    def _start_soon(self, function, arguments, name):
        self._nursery.start_soon(self._guarded, function, arguments, name=name)

    async def start(self, function, *arguments, name=None):
        """Start a task and wait until it calls task_status.started()."""
        return await self._nursery.start(function, *arguments, name=name)

    async def _guarded(self, function, arguments):
        try:
            await function(*arguments)
        except trio.Cancelled:
            raise
        except BaseException as error:
            report.show_failure("exception in a background task", error)


class _Statement:
    """One top-level coroutine on its way through trio."""

    def __init__(self, coroutine):
        self._coroutine = coroutine
        self._result = None
        self._error = None
        self._place = None
        self._given_up = False
        self.task = None
        self.ended = False
        self.scope = trio.CancelScope()

    async def run(self):
        """Run the coroutine, as a task of trio's; nothing but Cancelled leaves."""
        self.task = trio.lowlevel.current_task()
        try:
            with self.scope:
                self._result = await self._await_coroutine()
        except trio.Cancelled as cancelled:
            self._error = cancelled
            raise
        except BaseException as error:
            self._error = error
            if self._given_up:
                report.show_failure("exception in the cleanup of an interrupted statement", error)
        finally:
            self.ended = True

    async def _await_coroutine(self):
        try:
            return await self._coroutine
        except BaseException as error:
            # Where it was, should the scope take the error, or what there is in a group of them.
            self._place = error.__traceback__
            raise

    def was_cancelled_by_trio(self):
        """Whether the statement was cancelled without having been interrupted."""
        return isinstance(self._error, trio.Cancelled)

    def outcome(self, guard):
        """Return the result or raise what the coroutine raised."""
        if not self.ended:
            self._given_up = True
            raise KeyboardInterrupt
        if self.scope.cancelled_caught and self._error is None:
            raise KeyboardInterrupt().with_traceback(self._place)
        if self._error is not None:
            raise self._error
        if guard.count and not guard.had_effect:
            raise KeyboardInterrupt
        return self._result


class _StopHost(interrupts.StopOnInterrupt):
    """SIGINT ends the host's wait."""

    def __init__(self, host):
        super().__init__(lambda: host.run_soon(self.turned), host.wake, host.wakeup_fd)

    def background_computes(self):
        """Whether some task's code was interrupted, and not trio's."""
        return _computes(self.frame)


class _CancelStatement(interrupts.CancelOnInterrupt):
    """SIGINT cancels a statement's scope."""

    def __init__(self, host, statement):
        super().__init__(lambda: host.run_soon(self.turned), host.wakeup_fd)
        self._host = host
        self._statement = statement

    def awaited_task(self):
        """Return the statement's task."""
        return self._statement.task

    def is_done(self):
        """Whether the statement has ended."""
        return self._statement.ended

    def computes(self):
        """Whether the statement's own code was interrupted."""
        return _current_task() is self._statement.task and self.background_computes()

    def background_computes(self):
        """Whether some task's code was interrupted, and not trio's."""
        return _computes(self.frame, self._statement.task)

    def cancel(self):
        """Cancel what the statement waits for."""
        self._host.run_soon(self._statement.scope.cancel)

    def give_up(self):
        """Nothing more: the host looks at gave_up by itself."""


def _computes(frame, statement_task=None):
    """Whether frame is of some task's code, and not trio's, which would not bear an interrupt."""
    if _current_task() is None:
        return False
    if _PROTECTION is None:
        return True
    statement_frame = getattr(getattr(statement_task, "coro", None), "cr_frame", None)
    is_users = False
    while frame is not None:
        is_protected = frame.f_locals.get(_PROTECTION)
        if frame is statement_frame:
            return is_users
        if is_protected is not None:
            return not is_protected
        is_users = is_users or not report.is_of_packages(frame, _DRIVERS)
        frame = frame.f_back
    return False


def _current_task():
    try:
        return trio.lowlevel.current_task()
    except RuntimeError:
        return None


class _Host:
    """The loop that trio is the guest of: callbacks, in this thread, one at a time."""

    def __init__(self):
        self._callbacks = collections.deque()
        self._wakeup, self.wakeup_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._context = None    # trio's variables of this thread
        self.other_run = None   # a generator: the last run for which we made room
        self._guest = None
        self.is_running = False

    def __del__(self):
        os.close(self._wakeup)
        os.close(self.wakeup_fd)

    def begin(self, main, on_end):
        """Start the run of trio, with main() as its main task."""
        trio.lowlevel.start_guest_run(main, run_sync_soon_threadsafe=self.run_soon,
                                      done_callback=on_end, host_uses_signal_set_wakeup_fd=True)
        self._guest = self._callbacks[0]
        context = vars(_run.GLOBAL_RUN_CONTEXT)
        context["host"] = self
        self._context = dict(context)

    def make_room(self):
        """Let another run of trio begin in this thread, until resume()."""
        vars(_run.GLOBAL_RUN_CONTEXT).clear()

    def resume(self):
        """Be this thread's run of trio again."""
        if self.other_run is not None and not self.other_run.gi_running:
            other, self.other_run = self.other_run, None
            _end_quietly(other)
        context = vars(_run.GLOBAL_RUN_CONTEXT)
        if context.get("host") is not self:
            if "runner" in context:
                raise RuntimeError("another run of trio is under way in this thread")
            context.update(self._context)

    def may_run(self):
        """Whether no trio code, nor another run, is under way in this thread."""
        context = vars(_run.GLOBAL_RUN_CONTEXT)
        return "task" not in context and ("runner" not in context or context.get("host") is self)

    def forget(self):
        """In a forked process: leave the run alone for good, but let another begin."""
        _autoawait.keep_forever(self._guest)
        vars(_run.GLOBAL_RUN_CONTEXT).clear()
        # The threads are the parent's.
        _thread_cache.THREAD_CACHE._idle_workers.clear()
        sys.set_asyncgen_hooks(None, None)

    def run_soon(self, callback):
        """Have run_until() call callback; may be called from any thread."""
        self._callbacks.append(callback)
        self.wake()

    def wake(self):
        """Make run_until() look at its conditions again; from any thread."""
        with contextlib.suppress(BlockingIOError):
            # If it is full it wakes as well.
            os.write(self.wakeup_fd, b"\0")

    def run_until(self, done, descriptor=None, timeout=None):
        """Run callbacks until done() is true, or descriptor readable, or the time over."""
        self.resume()
        self.is_running = True
        try:
            _autoawait.interruptible(self._run_until, done, descriptor, timeout)
        finally:
            self.is_running = False

    def _run_until(self, done, descriptor, timeout):
        poller = select.poll()
        poller.register(self._wakeup, select.POLLIN)
        if descriptor is not None:
            poller.register(descriptor, select.POLLIN)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            # Those that are added meanwhile have their turn after the next look around.
            for _ in range(len(self._callbacks)):
                self._callbacks.popleft()()
            if done():
                return
            wait = None if deadline is None else max(0, deadline - time.monotonic())
            if self._callbacks:
                wait = 0
            for ready, _ in poller.poll(None if wait is None else wait * 1000):
                if ready != self._wakeup:
                    return
                os.read(ready, 65536)
            if deadline is not None and time.monotonic() >= deadline:
                return


def _end_quietly(run):
    """End what an interrupt left of a run of trio, which would take our variables with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run.close()


def _setup_runner(*arguments, **keywords):
    """As trio's own, which refuses a second run in a thread: the session's makes room."""
    host = getattr(_run.GLOBAL_RUN_CONTEXT, "host", None)
    if host is None or host.is_running:
        return _stock_setup_runner(*arguments, **keywords)
    host.make_room()
    runner = _stock_setup_runner(*arguments, **keywords)
    _run.GLOBAL_RUN_CONTEXT.made_room = host
    return runner


def _unrolled_run(*arguments, **keywords):
    """As trio's own; the host that made room knows of it."""
    run = _stock_unrolled_run(*arguments, **keywords)
    host = getattr(_run.GLOBAL_RUN_CONTEXT, "made_room", None)
    if host is not None:
        host.other_run = run
    return run


_stock_setup_runner = _run.setup_runner
_stock_unrolled_run = _run.unrolled_run
_run.setup_runner = _setup_runner
_run.unrolled_run = _unrolled_run
