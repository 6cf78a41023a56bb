"""Run top-level coroutines: what stands behind sys.awaithook.

The prompt hands a statement that awaits, compiled to a coroutine, to
``sys.awaithook(coroutine)``, which runs it to its end and returns its result.
Any callable that does so can be the hook.  The default, ``sys.__awaithook__``,
imports this module when it is first needed and runs everything on one
AsyncioRunner that lives as long as the interpreter.
"""

import signal
import sys
import threading
from contextlib import suppress

import _autoawait

__all__ = ["AsyncioRunner"]


class AsyncioRunner:
    """Runs coroutines, one after the other, on one asyncio event loop.

    Between two runs the loop stands still, and all that lives on it (tasks,
    servers, async generators) stays and goes on with the next run.  Each
    coroutine runs in the calling thread's own context, so that the context
    variables that it sets are set afterwards.

    The loop is made, by the asyncio policy in force, when it is first needed.
    """

    def __init__(self, *, close_timeout=5.0):
        """Make a runner whose close() waits close_timeout seconds at most."""
        self._loop = None
        self._close_timeout = close_timeout

    def __call__(self, coroutine):
        """Run coroutine to its end; return its result or raise its exception.

        SIGINT cancels the coroutine's task, or interrupts it where it computes
        without awaiting, and becomes KeyboardInterrupt; a second SIGINT
        abandons the task.
        """
        import asyncio

        if asyncio._get_running_loop() is not None:
            coroutine.close()
            raise RuntimeError("a top-level coroutine cannot be run from a running event loop")
        loop = self._open_loop()
        task = loop.create_task(coroutine, context=_autoawait.current_context())
        with _InterruptCancels(task, loop) as interrupt:
            try:
                return loop.run_until_complete(task)
            except asyncio.CancelledError as cancelled:
                if not interrupt.count:
                    raise
                # The place where the task was waiting is what the user sees.
                raise KeyboardInterrupt().with_traceback(cancelled.__traceback__) from None
            finally:
                if not task.done():
                    task.add_done_callback(_retrieve_exception)
                    task.cancel()

    def close(self):
        """End what lives on the loop, then the loop; a later run makes a new one.

        Pending tasks are cancelled and given time to clean up, async generators
        and the default executor are shut down.  What takes longer than
        close_timeout, or until SIGINT, is abandoned and named on sys.stderr.
        """
        import asyncio

        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed() or loop.is_running():
            return
        try:
            self._cancel_tasks(loop)
            for shutdown in loop.shutdown_asyncgens, loop.shutdown_default_executor:
                self._run_for_a_while(loop, shutdown())
        finally:
            with suppress(RuntimeError):
                if asyncio.get_event_loop_policy().get_event_loop() is loop:
                    asyncio.set_event_loop(None)
            loop.close()

    def _open_loop(self):
        """Return the loop, made anew if there is none or somebody closed it."""
        import asyncio

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        return self._loop

    def _cancel_tasks(self, loop):
        import asyncio

        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        self._run_for_a_while(loop, asyncio.wait(tasks))
        for task in tasks:
            if not task.done():
                # It is told here, so the garbage collector need not tell it again.
                task._log_destroy_pending = False
                print(f"abandoned a task that does not end: {task!r}", file=sys.stderr)
            elif not task.cancelled() and task.exception() is not None:
                loop.call_exception_handler({
                    "message": "unhandled exception while the session ended",
                    "exception": task.exception(),
                    "task": task,
                })

    def _run_for_a_while(self, loop, coroutine):
        """Run coroutine until it ends, SIGINT comes or the time to close is over."""
        import asyncio

        task = loop.create_task(coroutine)
        timer = loop.call_later(self._close_timeout, task.cancel)
        while not task.done():
            try:
                loop.run_until_complete(task)
            except (asyncio.CancelledError, KeyboardInterrupt):
                break
            except SystemExit:
                # Some task's cleanup asks to leave: we are leaving.
                continue
        timer.cancel()
        task.cancel()
        task._log_destroy_pending = False


class _InterruptCancels:
    """While entered, SIGINT cancels a task instead of breaking its loop.

    Only where it would raise KeyboardInterrupt otherwise: in the main thread,
    and if the program has set no handler of its own.
    """

    def __init__(self, task, loop):
        self._task = task
        self._loop = loop
        self._installed = False
        self.count = 0

    def __enter__(self):
        if (threading.current_thread() is threading.main_thread()
                and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
            signal.signal(signal.SIGINT, self._on_interrupt)
            self._installed = True
        return self

    def __exit__(self, *exception):
        if self._installed and signal.getsignal(signal.SIGINT) == self._on_interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_interrupt(self, signal_number, frame):
        import asyncio

        self.count += 1
        computes = asyncio.current_task(self._loop) is self._task
        if self.count > 1 or computes or self._task.done():
            raise KeyboardInterrupt
        self._task.cancel()
        # The loop may be waiting for its selector, which a signal does not end.
        self._loop.call_soon_threadsafe(lambda: None)


def _retrieve_exception(task):
    """Look at an abandoned task's exception, so that nobody warns about it."""
    if not task.cancelled():
        task.exception()


_default_runner = AsyncioRunner()


def _default_awaithook(coroutine):
    """What sys.__awaithook__ calls."""
    return _default_runner(coroutine)


def _end_session():
    """End the default runner's loop; the prompt calls this when it is left."""
    _default_runner.close()


def _is_runner_frame(traceback):
    """Whether an entry of a traceback belongs to what drives the coroutines."""
    module = traceback.tb_frame.f_globals.get("__name__", "")
    return module.partition(".")[0] in ("autoawait", "asyncio", "selectors")


def _skip_runner_frames(traceback):
    """Return traceback without the frames that lead to the coroutine's.

    Where SIGINT interrupted the coroutine, its handler's frame at the end goes
    too.
    """
    while traceback is not None and _is_runner_frame(traceback):
        traceback = traceback.tb_next
    entry = traceback
    while entry is not None:
        following = entry.tb_next
        if following is not None and following.tb_frame.f_globals is globals():
            entry.tb_next = None
        entry = entry.tb_next
    return traceback


def _register_end():
    """Have the loop ended where no prompt does it: in a script that uses the hook."""
    import atexit

    atexit.register(_end_session)


_register_end()
