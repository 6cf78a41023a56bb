"""Where a coroutine stands: the frames of what it awaits, from the outermost inwards."""

import gc
import os
import sys
import types

# Of these the user's code is made: the frames that lie in them are not where it stands.
_LIBRARIES = ("asyncio", "trio", "outcome", "selectors", "autoawait", "concurrent", "contextlib",
              "anyio", "sniffio", "threading")

_AWAITED_BY = ("cr_await", "gi_yieldfrom", "ag_await")
_FRAME_OF = ("cr_frame", "gi_frame", "ag_frame")
# An asynchronous generator counts as running while it waits, too.
_RUNNING = ("cr_running", "gi_running")
_SUSPENDED = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)


def frames_of(awaited):
    """Return the frames of a coroutine and of what it awaits, and the object at the end."""
    frames = []
    seen = set()
    while awaited is not None and id(awaited) not in seen:
        seen.add(id(awaited))
        if not isinstance(awaited, _SUSPENDED):
            inner = _what_it_drives(awaited)
            if inner is None:
                break
            awaited = inner
            continue
        frame = _first_attribute(awaited, _FRAME_OF)
        if frame is not None:
            frames.append(frame)
        if _first_attribute(awaited, _RUNNING):
            return frames[:-1] + _frames_inside(frame), None
        inner = _first_attribute(awaited, _AWAITED_BY)
        if inner is None:
            break
        awaited = inner
    return frames, awaited


def _first_attribute(thing, names):
    for name in names:
        value = getattr(thing, name, None)
        if value is not None and value is not False:
            return value
    return None


def _frames_inside(frame):
    """Return a frame that runs, in whatever thread, and those that it has called."""
    for innermost in sys._current_frames().values():
        frames = []
        while innermost is not None:
            frames.insert(0, innermost)
            if innermost is frame:
                return frames
            innermost = innermost.f_back
    return [frame]


def _what_it_drives(thing):
    """What the objects without attributes hold that are between a coroutine and another."""
    if type(thing).__name__ in ("async_generator_asend", "async_generator_athrow",
                                "coroutine_wrapper", "anext_awaitable"):
        for held in gc.get_referents(thing):
            if isinstance(held, _SUSPENDED) or type(held).__name__.startswith("async_generator"):
                return held
    return None


def is_library(frame):
    """Whether a frame is of the event loop's library and not of what runs on it."""
    return (frame.f_globals.get("__name__") or "").partition(".")[0] in _LIBRARIES


def users_frame(frames):
    """Return the innermost frame that is the user's, or else the outermost."""
    for frame in reversed(frames):
        if not is_library(frame):
            return frame
    return frames[0] if frames else None


def library_frames(frames):
    """Return the frames inside of the user's innermost: what he called to wait."""
    place = users_frame(frames)
    if place is None or is_library(place):
        return frames
    return frames[frames.index(place) + 1:]


def short_name(function):
    """Return the name of a function, coroutine or code, without those it is defined in."""
    name = (getattr(function, "__qualname__", None) or getattr(function, "co_qualname", None)
            or type(function).__name__)
    return name.rpartition("<locals>.")[2]


def place_of(frame):
    """Return "file:line", the file as short as it can be found by."""
    if frame is None:
        return ""
    path = frame.f_code.co_filename
    if os.path.isabs(path):
        relative = os.path.relpath(path)
        path = relative if not relative.startswith(os.pardir) else path
    return f"{path}:{frame.f_lineno}"
