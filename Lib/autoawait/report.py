"""What the user is shown of failures: once, and by frames of his own."""

import sys
import traceback

from . import session


def user_traceback(error, entry):
    """Return the traceback that starts at entry without the frames of runners.

    Those that lead to the user's code go.  Frames of a library that the user's
    code called stay, as in every traceback, but for KeyboardInterrupt: where the
    user's code was waiting is what is of interest then.
    """
    packages = session.current.runner_packages()
    while entry is not None and is_of_packages(entry.tb_frame, packages):
        entry = entry.tb_next
    if isinstance(error, KeyboardInterrupt):
        last_of_user = following = entry
        while following is not None:
            if not is_of_packages(following.tb_frame, packages):
                last_of_user = following
            following = following.tb_next
        if last_of_user is not None:
            last_of_user.tb_next = None
    return entry


def is_of_packages(frame, packages):
    """Whether a frame is of one of the packages."""
    module = frame.f_globals.get("__name__") or ""
    return module.partition(".")[0] in packages


def show_background_failure(loop, context):
    """Show what went wrong in the background; an asyncio exception handler."""
    message = context.get("message") or "Unhandled exception in the event loop"
    source = context.get("task") or context.get("future") or context.get("handle")
    show_failure(message if source is None else f"{message}: {source!r}",
                 context.get("exception"))


def show_background_exit(error):
    """Show a SystemExit that ends a background task or callback, not the session.

    One that a task holds is not shown here: the task that awaits it gets it, or it is
    told as every failure that nobody has seen.
    """
    if _holder(error) is None:
        show_failure("SystemExit in a background callback", error)


def show_interrupted(error):
    """Show where SIGINT interrupted background work, which did not yield."""
    task = _holder(error)
    if task is not None:
        task._log_traceback = False
    show_failure("interrupted in the background: " + ("a callback" if task is None else repr(task)),
                 error)


def _holder(error):
    """Return the task that ended by error, or None."""
    from asyncio.tasks import _all_tasks

    for task in tuple(_all_tasks):
        if task.done() and not task.cancelled() and task._exception is error:
            return task
    return None


def unseen_failures(loop):
    """Return the tasks of loop that failed, and nobody has looked how."""
    from asyncio.tasks import _all_tasks

    return [task for task in tuple(_all_tasks) if task.done()
            and getattr(task, "_log_traceback", False) and task.get_loop() is loop]


def tell_failures(loop):
    """Tell of the tasks that failed, once, unless a gather() or wait() still has them."""
    for task in unseen_failures(loop):
        if not _is_gathered(task):
            # What asyncio says when the task is collected.
            task._log_traceback = False
            loop.call_exception_handler({"message": "Task exception was never retrieved",
                                         "exception": task._exception, "task": task})


def _is_gathered(task):
    """Whether a function of asyncio that waits for several tasks has this one."""
    import gc

    for container in gc.get_referrers(task):
        if _waits_for_tasks(container):
            return True
        if type(container) in (dict, list, set, tuple) and any(
                map(_waits_for_tasks, gc.get_referrers(container))):
            return True
    return False


def _waits_for_tasks(thing):
    code = getattr(thing, "cr_code", None) or getattr(thing, "gi_code", None)
    if code is not None:
        return code.co_filename == tasks_filename()
    return type(thing).__name__ == "_GatheringFuture"


def tasks_filename():
    """Return the file of asyncio's functions that wait for tasks."""
    return sys.modules["asyncio.tasks"].gather.__code__.co_filename


def show_failure(message, error=None):
    """Write message and error's traceback to sys.stderr."""
    print(message, file=sys.stderr)
    if error is not None:
        traceback.print_exception(type(error), error, user_traceback(error, error.__traceback__))


def describe_task(task):
    """Return a task's name, function and line, for people."""
    coroutine = task.get_coro()
    frame = getattr(coroutine, "cr_frame", None)
    function = getattr(coroutine, "__qualname__", None) or repr(coroutine)
    place = "" if frame is None else f" at {frame.f_code.co_filename}:{frame.f_lineno}"
    return f"{task.get_name()}, {function}(){place}"


def expect_cancellation(task):
    """Keep quiet about a task that was given up, unless it fails in its cleanup."""
    def look(task):
        if not task.cancelled():
            error = task.exception()
            if error is not None and not isinstance(error, KeyboardInterrupt):
                show_failure("exception in the cleanup of an interrupted statement", error)

    task.add_done_callback(look)
