"""The tasks of asyncio's loops, those of every thread, and which awaits which."""

import asyncio
import time
from asyncio import futures, tasks

from . import measure
from .records import TaskRecord
from .stacks import frames_of, library_frames, place_of, short_name, users_frame


def records():
    """Return a record of each task that has not ended."""
    found = [_record(task) for task in _all_tasks()]
    known = {record.key for record in found}
    for record in found:
        record.awaits = [(key, how) for key, how in record.awaits if key in known]
    return found


def _all_tasks():
    for _ in range(1000):
        try:
            return [task for task in list(tasks._all_tasks) if not task.done()]
        except RuntimeError:
            # Another thread makes tasks.
            continue
    return []


def _record(task):
    frames, _ = frames_of(task.get_coro())
    waits, edges = _what_it_waits_for(task, frames)
    figures = measure.of(task)
    state = _state(task)
    return TaskRecord(
        key=task,
        name=task.get_name(),
        state=state,
        waits_for=waits if state != "running" else "",
        since=_since(frames, figures) if state != "running" else None,
        place=place_of(users_frame(frames)),
        function=short_name(task.get_coro()),
        computed=None if figures is None else figures.computed,
        awaits=edges,
    )


def _state(task):
    if tasks._current_tasks.get(task.get_loop()) is task:
        return "running"
    if task.cancelling():
        return "cancelling"
    return "waiting" if task._fut_waiter is not None else "ready"


def _since(frames, figures):
    if figures is not None and figures.since is not None:
        return figures.since
    timer = _local(frames, "sleep", "h")
    if timer is not None:
        # asyncio.sleep() tells by itself.
        return timer.when() - _local(frames, "sleep", "delay")
    return None


def _local(frames, function, name):
    """Return a local variable of the innermost frame, if it is of that function of asyncio's."""
    if frames and frames[-1].f_code.co_name == function and _is_asyncio(frames[-1]):
        return frames[-1].f_locals.get(name)
    return None


def _is_asyncio(frame):
    return (frame.f_globals.get("__name__") or "").startswith("asyncio.")


def _what_it_waits_for(task, frames):
    """Return a few words, and [(task, how)] of the tasks it awaits."""
    edges = []
    for frame in library_frames(frames):
        if not _is_asyncio(frame):
            continue
        described = _DESCRIPTIONS.get(frame.f_code.co_qualname)
        if described is not None:
            words, awaited = described(frame.f_locals)
            return words, [(one, words.split()[0]) for one in _tasks_in(awaited)]
    words, awaited, how = _future(task._fut_waiter)
    edges = [(one, how) for one in _tasks_in(awaited)]
    called = library_frames(frames)
    if called and not edges:
        # The outermost: what the user's code called.
        words = f"{short_name(called[0].f_code)}()"
    return words, edges


def _tasks_in(futures_awaited):
    """Return the tasks among futures; those behind gather() and shield() for them."""
    found = []
    for future in futures_awaited:
        if isinstance(future, asyncio.Task):
            found.append(future)
        elif future is not None:
            _, inner, how = _future(future)
            if how:
                found.extend(_tasks_in(inner))
    return found


def _future(future):
    """Return what a future is in words, the futures it stands for, and how."""
    if future is None:
        return "", [], ""
    if isinstance(future, asyncio.Task):
        return future.get_name(), [future], "await"
    if isinstance(future, tasks._GatheringFuture):
        rest = sum(not child.done() for child in future._children)
        return f"gather of {rest}", future._children, "gather"
    shielded = _closure(future, "shield.<locals>._outer_done_callback", "inner")
    if shielded is not None:
        return "shield", [shielded], "shield"
    work = _closure(future, "_chain_future.<locals>._call_check_cancel", "source")
    if work is not None:
        return "executor", [], ""
    return type(future).__name__, [], ""


def _closure(future, function, name):
    """Return a variable of a function that is called back when future is done."""
    for callback in _callbacks(future):
        if getattr(callback, "__qualname__", None) == function:
            names = callback.__code__.co_freevars
            if name in names:
                return callback.__closure__[names.index(name)].cell_contents
    return None


def _callbacks(future):
    callbacks = getattr(future, "_callbacks", None) if futures.isfuture(future) else None
    return [callback for callback, _ in callbacks or ()]


def _seconds(delay):
    return f"{delay:.3g} s"


def _describe_sleep(names):
    timer = names.get("h")
    if timer is None:
        return "sleep", []
    return f"sleep {_seconds(max(0.0, timer.when() - time.monotonic()))}", []


def _describe_group(names):
    group = names["self"]
    return f"TaskGroup of {len(group._tasks)}", list(group._tasks)


def _describe_wait(names):
    waited = [future for future in names["fs"] if not future.done()]
    return f"wait of {len(waited)}", waited


def _describe_completed(names):
    # Its futures call back a function that puts them into the queue `done`.
    waited = [task for task in _all_tasks()
              if _closure(task, "as_completed.<locals>._on_completion", "done") is names["done"]]
    return f"as_completed of {len(waited)}", waited


def _describe_timeout(names):
    future = names.get("fut")
    timer = names.get("timeout_handle")
    rest = "" if timer is None else f" {_seconds(max(0.0, timer.when() - time.monotonic()))}"
    return f"wait_for{rest}", [future]


def _describe_thread(names):
    return f"thread {short_name(names['func'])}()", []


def _describe_queue(method):
    def describe(names):
        queue = names["self"]
        return f"Queue.{method} of {queue.qsize()}", []
    return describe


_DESCRIPTIONS = {
    # qualified name of a function of asyncio: from its variables, words that begin with how,
    # and futures
    "sleep": _describe_sleep,
    "TaskGroup.__aexit__": _describe_group,
    "wait": _describe_wait,
    "_wait": _describe_wait,
    "as_completed.<locals>._wait_for_one": _describe_completed,
    "wait_for": _describe_timeout,
    "to_thread": _describe_thread,
    "Queue.get": _describe_queue("get"),
    "Queue.put": _describe_queue("put"),
    "Queue.join": _describe_queue("join"),
}
