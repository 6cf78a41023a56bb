"""The default runner: one asyncio event loop for the whole session."""

import asyncio
import os
import sys
from _asyncio import _get_running_loop, _set_running_loop
from _signal import SIGINT, raise_signal
from _thread import get_ident
from contextlib import suppress

import _autoawait

from . import asyncio_interrupts, interrupts, loan, report
from .protocol import Runner

# How often a statement may give way before it gets the loop itself, and SIGINT a guard.
_STEPS_WITHOUT_LOOP = 8


class AsyncioRunner(Runner):
    """Runs coroutines, one after the other, on one asyncio event loop.

    All that lives on the loop (tasks, servers, async generators) stays there
    from one run to the next.  It goes on while the prompt waits for input, and
    stands still while a plain statement runs, to which the loop is lent: there
    asyncio.create_task() and what else demands a running loop finds it.

    Each coroutine runs in the calling thread's own context, so that the context
    variables that it sets are set afterwards.

    The loop is that of the asyncio policy in force, which makes it when it is first
    needed.  One that somebody sets later is the loop from then on.
    """

    name = "asyncio"
    packages = frozenset({"asyncio"})

    def __init__(self, *, close_timeout=1.0, interrupt_grace=0.2, loop_factory=None):
        """Make a runner; both limits are in seconds.

        close_timeout is how long close() waits for tasks that clean up,
        interrupt_grace how long an interrupted run does before the cleanup goes
        on in the background.  loop_factory() makes the first loop in the policy's place.
        """
        self._loop = None
        self._loop_factory = loop_factory
        self._own_loops = []        # made for us, and not closed by now
        self._earlier_loops = []    # that were the policy's, with what still lives on them
        self._is_withdrawn = False
        self._close_timeout = close_timeout
        self._interrupt_grace = interrupt_grace
        self._loan = loan.Loan(self.open_loop)
        self._selector = None   # the descriptor of the loop's, if the loop is asyncio's own
        self._is_busy = False   # in _run(), where the loop has pauses
        self._blocking_limit = None     # in seconds, of a step that is to be told of
        loan.install()

    def __call__(self, coroutine):
        """Run coroutine to its end; return its result or raise its exception.

        SIGINT cancels the coroutine's task and those that it started, or
        interrupts it where it computes without awaiting, and becomes
        KeyboardInterrupt.  A second SIGINT abandons the task.
        """
        return _autoawait.uninterrupted(self._call, coroutine)

    def _call(self, coroutine):
        if (self._is_busy or _get_running_loop() is not None
                or self._loop is not None and self._loop.is_running()):
            self._refuse_if_running(coroutine)
        self._is_busy = True
        try:
            return self._run(coroutine)
        finally:
            self._is_busy = False

    def _refuse_if_running(self, coroutine):
        if asyncio._get_running_loop() is not None:
            refusal = "a top-level coroutine cannot be run from a running event loop"
        elif self._is_busy or self._loop is not None and self._loop.is_running():
            refusal = "another thread runs a top-level coroutine"
        else:
            return
        if asyncio.iscoroutine(coroutine):
            coroutine.close()
        raise RuntimeError(refusal)

    @staticmethod
    def run_apart(coroutine):
        """Run coroutine in another thread than the main one, on a loop that ends with it."""
        return asyncio.run(coroutine)

    def statement(self):
        """Return a context manager that lends the loop to a plain statement."""
        return self._loan

    def wants_input(self):
        """Whether there is a loop whose work should go on while a line is typed.

        In a coroutine, where the loop runs already, it cannot be run once more.
        """
        if (self._loop is None or self._is_busy or asyncio._get_running_loop() is not None
                or self._loop.is_running()):
            return False
        if not self._is_withdrawn:
            self._follow_policy()
        return not self._loop.is_closed()

    def wait_for_input(self, descriptor):
        """Run the loop until descriptor can be read.

        One that can be asked what it waits for is run only as long as it has something
        to run; the wait for more is the prompt's.  Raises KeyboardInterrupt after SIGINT.
        """
        if not self.wants_input():
            return
        with asyncio_interrupts.StopLoop(self._loop) as guard:
            if self._selector is None:
                self._run_until_input(descriptor, guard)
            else:
                self._run_while_ready(descriptor, guard)
        if guard.count:
            raise KeyboardInterrupt

    def _run_while_ready(self, descriptor, guard):
        loop = self._loop

        def look():
            """Stop the loop, unless there is more to run and no input yet."""
            if not is_over:
                if loop._ready and not _autoawait.is_readable(descriptor):
                    loop.call_soon(look)
                else:
                    loop.stop()

        is_over = False
        loop.call_soon(look)
        self._run_reporting(loop, guard)
        is_over = True

    def _run_until_input(self, descriptor, guard):
        loop = self._loop
        is_over = False

        def on_input():
            """Stop the loop; not, when called late, what it runs by then."""
            nonlocal is_over
            if not is_over:
                is_over = True
                loop.stop()

        # uvloop makes what it waits for non-blocking, which the reader would take for its end.
        blocks = os.get_blocking(descriptor)
        try:
            loop.add_reader(descriptor, on_input)
        except PermissionError:
            # A regular file: it can always be read, and the loop gets one turn.
            loop.call_soon(on_input)
        try:
            while not is_over and not guard.count:
                self._run_reporting(loop, guard)
        finally:
            is_over = True
            with suppress(PermissionError):
                loop.remove_reader(descriptor)
            os.set_blocking(descriptor, blocks)

    def quiet(self):
        """Return what the loop waits for, and how long, if it has nothing to run."""
        loop = self._loop
        if loop is None or self._selector is None or loop._ready:
            return None
        timers = loop._scheduled
        return self._selector, timers[0]._when - loop.time() if timers else None

    def close(self):
        """End what lives on the loop, then the loop; a later run makes a new one.

        Pending tasks are cancelled and given time to clean up, async generators
        are closed.  What takes longer than close_timeout, or until SIGINT, is
        abandoned and named on sys.stderr.  The default executor takes no new
        work; its threads are waited for as all threads are, when the
        interpreter exits.
        """
        loop, self._loop = self._loop, None
        earlier_loops, self._earlier_loops = self._earlier_loops, []
        self._is_withdrawn = False
        for loop in [*earlier_loops, loop]:
            if loop is not None and not loop.is_closed() and not loop.is_running():
                self._close_loop(loop)

    def _close_loop(self, loop):
        end = loop.time() + self._close_timeout
        try:
            self._cancel_tasks(loop, end)
            self._run_until(end, loop, loop.shutdown_asyncgens())
        finally:
            self._close_if_own(loop)

    def withdraw(self):
        """Leave the policy as if no loop of ours had been set."""
        self._is_withdrawn = True
        if self._loop is not None and _loop_of_policy() is self._loop:
            _unset_loop_of_policy()

    def after_fork(self):
        """In a forked process: leave the loop, with all that it shares, to the parent."""
        loop, self._loop = self._loop, None
        self._is_busy = False
        self._own_loops.clear()
        self._earlier_loops.clear()
        if loop is not None:
            # Its end would take the parent's descriptors out of the epoll instance they share.
            _autoawait.keep_forever(loop)
            if _loop_of_policy() is loop:
                _unset_loop_of_policy()

    @staticmethod
    def left_handler(handler):
        """Whether it is asyncio.run()'s."""
        return isinstance(interrupts.owner(handler), asyncio.Runner)

    def _run(self, coroutine):
        loop = self.open_loop()
        run = object()
        token = asyncio_interrupts.current_run.set(run)
        task = guard = None
        is_interrupted = False
        try:
            context = _autoawait.current_context()
            if self._selector is None or loop.get_task_factory() is not None:
                task = loop.create_task(coroutine, context=context)
            else:
                # As create_task() does, of which there is no other here.
                task = asyncio.Task(coroutine, loop=loop, context=context)
                try:
                    if self._take_first_steps(loop, task):
                        return task.result()
                except KeyboardInterrupt:
                    if task.done() or getattr(coroutine, "cr_await", None) is None:
                        raise
                    # It came when the statement had just given way, and is for it as it waits.
                    is_interrupted = True
            guard = asyncio_interrupts.CancelRun(loop, task, run, self._interrupt_grace)
            with guard:
                if is_interrupted:
                    raise_signal(SIGINT)
                self._run_until_done(loop, task, guard)
            return self._result(task, guard)
        finally:
            asyncio_interrupts.current_run.reset(token)
            if task is None:
                pass
            elif not task.done():
                report.expect_cancellation(task)
                if guard is None or guard.count != 1:
                    # Not left alone with its cleanup, but abandoned.
                    task.cancel()
            elif not task.cancelled():
                # KeyboardInterrupt came past the task: do not say that nobody saw it.
                task.exception()

    def _take_first_steps(self, loop, task):
        """Run the task just made without turns of the loop, which has nothing else to run.

        A statement that waits for nothing, or only gives way to others that are not
        there, and starts nothing is over then, at a third of the cost.  SIGINT needs no
        guard: Python's own handler interrupts what computes.  Returns whether the task
        is done and nothing else waits for a turn.
        """
        hooks = sys.get_asyncgen_hooks()
        ready = loop._ready
        step = ready.pop()
        loop._thread_id = get_ident()
        _set_running_loop(loop)
        try:
            sys.set_asyncgen_hooks(loop._asyncgen_firstiter_hook,
                                   loop._asyncgen_finalizer_hook)
            _autoawait.interruptible(step._run)
            for _ in range(_STEPS_WITHOUT_LOOP):
                if len(ready) != 1 or loop._stopping or not self._has_only_ready(loop):
                    break
                if getattr(ready[0]._callback, "__self__", None) is not task:
                    # Of the background: what SIGINT does there is for the guard to say.
                    break
                step = ready.popleft()
                if not step._cancelled:
                    _autoawait.interruptible(step._run)
        finally:
            loop._thread_id = None
            _set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)
        return not ready and task.done()

    def _has_only_ready(self, loop):
        """Whether a turn of the loop would run what is ready and nothing else."""
        timers = loop._scheduled
        return (not (timers and timers[0]._when <= loop.time() + loop._clock_resolution)
                and not _autoawait.is_readable(self._selector))

    def open_loop(self):
        """Return the loop: the policy's, which is ours where it has none.

        asyncio.run() leaves the policy without a loop, and libraries leave it one that
        they have closed.
        """
        loop = self._loop
        if self._is_withdrawn and loop is not None and not loop.is_closed():
            asyncio.set_event_loop(loop)
        elif loop is None and self._loop_factory is not None:
            loop = self._make_loop(self._loop_factory)
        else:
            loop = self._choose_loop()
        self._is_withdrawn = False
        if loop is not self._loop:
            self._use_loop(loop)
        return loop

    def name_blocking(self, limit):
        """Name each task once that blocks the loop for longer than limit seconds, or none."""
        self._blocking_limit = limit
        self.open_loop()
        self._watch_blocking(always=True)

    def _watch_blocking(self, always=False):
        if always or self._blocking_limit is not None:
            from . import blocking
            blocking.watch(self._loop, self._blocking_limit)

    def _follow_policy(self):
        """After a statement: use a loop that was set, or set ours where none is any more."""
        loop = _loop_of_policy()
        if loop is not None and not loop.is_closed():
            if loop is not self._loop:
                self._use_loop(loop)
        elif _was_set() and not self._loop.is_closed():
            asyncio.set_event_loop(self._loop)

    def _choose_loop(self):
        is_made = _loop_of_policy() is None
        with suppress(RuntimeError):
            loop = asyncio.get_event_loop_policy().get_event_loop()
            if is_made:
                self._own_loops.append(loop)
            if not loop.is_closed():
                return loop
        loop = self._loop
        if loop is None or loop.is_closed():
            return self._make_loop(self._loop_factory or asyncio.new_event_loop)
        asyncio.set_event_loop(loop)
        return loop

    def _make_loop(self, factory):
        loop = factory()
        self._own_loops.append(loop)
        asyncio.set_event_loop(loop)
        return loop

    def _use_loop(self, loop):
        before, self._loop = self._loop, loop
        self._selector = _selector_of(loop)
        if loop.get_exception_handler() is None:
            loop.set_exception_handler(report.show_background_failure)
        self._watch_blocking()
        if loop in self._earlier_loops:
            self._earlier_loops.remove(loop)
        if before is not None and not before.is_closed():
            if asyncio.all_tasks(before):
                self._earlier_loops.append(before)
            else:
                self._close_if_own(before)

    def _close_if_own(self, loop):
        """Close a loop that was made for us; others' may be used again."""
        if loop in self._own_loops:
            self._own_loops.remove(loop)
            loop.close()
            if _loop_of_policy() is loop:
                asyncio.set_event_loop(None)

    def _run_until_done(self, loop, task, guard):
        """Run the loop until task is done or guard gives it up."""
        waiting = True

        def stop(_):
            # Called late if the task ended by leaving the loop with SystemExit.
            if waiting:
                loop.stop()

        task.add_done_callback(stop)
        try:
            while True:
                try:
                    _autoawait.interruptible(loop.run_forever)
                except SystemExit as error:
                    report.show_background_exit(error)
                except KeyboardInterrupt as error:
                    if not guard.broke_background:
                        raise
                    guard.broke_background = False
                    report.show_interrupted(error)
                else:
                    # uvloop stops at SIGINT, whatever its handler does.
                    if not (task.done() or guard.count):
                        raise RuntimeError("Event loop stopped before Future completed.")
                if task.done() or guard.gave_up:
                    return
        finally:
            waiting = False
            task.remove_done_callback(stop)

    @staticmethod
    def _result(task, guard):
        if not task.done():
            raise KeyboardInterrupt
        try:
            result = task.result()
        except asyncio.CancelledError as cancelled:
            if not guard.count:
                raise
            # The place where the task was waiting is what the user sees.
            interrupt = KeyboardInterrupt().with_traceback(cancelled.__traceback__)
            for note in getattr(cancelled, "__notes__", ()):
                interrupt.add_note(note)
            raise interrupt from None
        if guard.count and not guard.had_effect:
            raise KeyboardInterrupt
        return result

    @staticmethod
    def _run_reporting(loop, guard):
        """Run the loop until it is stopped, or something of the background asks to leave."""
        try:
            _autoawait.interruptible(loop.run_forever)
        except SystemExit as error:
            report.show_background_exit(error)
        except KeyboardInterrupt as error:
            if not guard.broke_background:
                raise
            report.show_interrupted(error)

    def report_failures(self):
        """Tell of tasks that failed and that nobody waits for."""
        loop = self._loop
        failures = [] if loop is None else report.unseen_failures(loop)
        if failures and self.wants_input():
            # Who waits for one has it in the loop's next turn.
            loop.call_soon(loop.stop)
            with asyncio_interrupts.StopLoop(loop) as guard:
                self._run_reporting(loop, guard)
            report.tell_failures(loop)
            if guard.count:
                raise KeyboardInterrupt

    def _cancel_tasks(self, loop, end):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        self._run_until(end, loop, asyncio.wait(tasks))
        for task in tasks:
            if not task.done():
                # It is told here, so the garbage collector need not tell it again; nor is it
                # to run the task's code once more, which may catch everything.
                task._log_destroy_pending = False
                _autoawait.keep_forever(task)
                print("abandoned a task that does not end: " + report.describe_task(task),
                      file=sys.stderr)
            elif not task.cancelled() and task.exception() is not None:
                loop.call_exception_handler({
                    "message": "unhandled exception while the session ended",
                    "exception": task.exception(),
                    "task": task,
                })

    @staticmethod
    def _run_until(end, loop, coroutine):
        """Run coroutine until it ends, SIGINT comes or the time to close is over."""
        task = loop.create_task(coroutine)
        timer = loop.call_at(end, task.cancel)
        while not task.done():
            try:
                _autoawait.interruptible(loop.run_until_complete, task)
            except (asyncio.CancelledError, KeyboardInterrupt):
                break
            except (SystemExit, RuntimeError):
                # Some task's cleanup asks to leave, or stopped the loop: we are leaving.
                continue
        timer.cancel()
        task.cancel()
        task._log_destroy_pending = False


def _selector_of(loop):
    """Return the descriptor that can be read when loop has something to run, or None."""
    if type(loop) is asyncio.SelectorEventLoop:
        with suppress(AttributeError, ValueError):
            return loop._selector.fileno()
    return None


def _loop_of_policy():
    """Return the loop that is set in this thread, None if none is; make none."""
    policy = asyncio.get_event_loop_policy()
    if hasattr(policy, "_local"):
        return getattr(policy._local, "_loop", None)
    with suppress(RuntimeError):
        return policy.get_event_loop()
    return None


def _was_set():
    """Whether the policy was ever given a loop in this thread, or none."""
    state = getattr(asyncio.get_event_loop_policy(), "_local", None)
    return getattr(state, "_set_called", True)


def _unset_loop_of_policy():
    """Leave the policy as if no loop had been set in this thread."""
    asyncio.set_event_loop(None)
    state = getattr(asyncio.get_event_loop_policy(), "_local", None)
    if state is not None:
        state._set_called = False
