"""The tasks of trio: a task waits for those of the nurseries that it opened."""

import gc
import inspect

import trio

from .records import TaskRecord
from .stacks import frames_of, is_library, library_frames, place_of, short_name, users_frame


# What trio and our runner have running for themselves.
_PLUMBING = {"Runner.init", "EntryQueue.task", "TrioRunner._keep_nursery"}


def records():
    """Return a record of each task of every run, whatever thread it is in."""
    found = []
    left = [root for root in map(_root_task, _runs()) if root is not None]
    while left:
        task = left.pop(0)
        children = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        if not _is_plumbing(task):
            found.append(_record(task, children))
        left += children
    return found


def _runs():
    # There is no list of them: trio keeps one a thread, for the thread.
    return [thing for thing in gc.get_objects() if type(thing) is trio._core._run.Runner]


def _root_task(run):
    task = getattr(run, "init_task", None)
    return None if task is None or inspect.getcoroutinestate(task.coro) == "CORO_CLOSED" else task


def _is_plumbing(task):
    return getattr(task.coro, "__qualname__", "") in _PLUMBING


def _record(task, children):
    frames, _ = frames_of(task.coro)
    called = [frame for frame in library_frames(frames)
              if not frame.f_globals["__name__"].startswith("autoawait")]
    state = _state(task)
    waits = ""
    if state == "waiting":
        waits = f"nursery of {len(children)}" if children and _is_in_exit(called) else (
            f"{short_name(called[0].f_code)}()" if called else "")
    place = users_frame(frames)
    return TaskRecord(
        key=task,
        name=task.name.rpartition(".")[2],
        state=state,
        waits_for=waits,
        since=None,
        place=place_of(place),
        function=short_name((called[0] if called and is_library(place) else place).f_code)
        if place is not None else "",
        computed=None,
        awaits=[(child, "nursery") for child in children if not _is_plumbing(child)],
    )


def _is_in_exit(frames):
    return any("_nested_child_finished" in frame.f_code.co_name for frame in frames)


def _state(task):
    if task.coro.cr_running:
        return "running"
    return "waiting" if task._abort_func is not None else "ready"
