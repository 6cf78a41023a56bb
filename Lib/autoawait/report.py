"""What the user is shown of failures: once, and by frames of his own."""

import asyncio
import sys
import traceback

_RUNNER_PACKAGES = frozenset({"autoawait", "asyncio", "selectors", "trio", "outcome", "curio"})


def skip_runner_frames(entry):
    """Return a traceback without the frames that lead to the coroutine's.

    Where SIGINT interrupted the coroutine, its handler's frames at the end go
    too.
    """
    while entry is not None and _package(entry) in _RUNNER_PACKAGES:
        entry = entry.tb_next
    last = entry
    while last is not None:
        if last.tb_next is not None and _package(last.tb_next) == "autoawait":
            last.tb_next = None
        last = last.tb_next
    return entry


def _package(entry):
    module = entry.tb_frame.f_globals.get("__name__") or ""
    return module.partition(".")[0]


def show_background_failure(loop, context):
    """Show what went wrong in the background; an asyncio exception handler."""
    message = context.get("message") or "Unhandled exception in the event loop"
    source = context.get("task") or context.get("future") or context.get("handle")
    print(message if source is None else f"{message}: {source!r}", file=sys.stderr)
    error = context.get("exception")
    if error is not None:
        _show(error)


def show_background_exit(error):
    """Show a SystemExit that ends a background task or callback, not the session.

    One that a task holds is not shown here: the task that awaits it gets it, or
    asyncio tells that nobody did.
    """
    holders = (task for task in tuple(asyncio.tasks._all_tasks) if task.done())
    if any(not task.cancelled() and task._exception is error for task in holders):
        return
    print("SystemExit in a background callback", file=sys.stderr)
    _show(error)


def _show(error):
    traceback.print_exception(type(error), error, skip_runner_frames(error.__traceback__))


def expect_cancellation(task):
    """Keep quiet about a task that was given up, unless it fails in its cleanup."""
    def look(task):
        if not task.cancelled():
            error = task.exception()
            if error is not None and not isinstance(error, KeyboardInterrupt):
                show_background_failure(None, {
                    "message": "exception in the cleanup of an interrupted statement",
                    "exception": error})

    task.add_done_callback(look)
