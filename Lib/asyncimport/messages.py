"""What is said of imports that wait: places, chains, and why one cannot be."""

import dis

_AWAITING = frozenset({"GET_AWAITABLE", "GET_AITER", "BEFORE_ASYNC_WITH"})


class Place:
    """Where an import stands: the module's name, file, line, and run if it has one."""

    __slots__ = ("name", "filename", "line", "run")

    def __init__(self, name, filename, line, run=None):
        self.name = name
        self.filename = filename
        self.line = line
        self.run = run

    def __str__(self):
        return f"{self.name} ({self.filename}, line {self.line})"


def place_of_frame(frame, run):
    """Return the Place of a frame that imports."""
    name = frame.f_globals.get("__name__") or "?"
    if frame.f_code.co_name != "<module>":
        name = f"{name}.{frame.f_code.co_qualname}"
    return Place(name, frame.f_code.co_filename, frame.f_lineno, run)


def place_of_importer(frame, run):
    """Return the Place of the innermost frame around that is not of importlib or ours."""
    while frame.f_back is not None and (
            frame.f_code.co_filename.startswith("<frozen importlib")
            or (frame.f_globals.get("__name__") or "").partition(".")[0] == "asyncimport"):
        frame = frame.f_back
    return place_of_frame(frame, run)


def first_await(code):
    """Return the line of the first await in a module's code, of an import if there is no other."""
    first_import = None
    is_import = False
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_NAME" and instruction.argval == "__aimport__":
            is_import = True
        if instruction.opname not in _AWAITING or instruction.positions.lineno is None:
            continue
        if not is_import:
            return instruction.positions.lineno
        is_import = False
        if first_import is None:
            first_import = instruction.positions.lineno
    return first_import or code.co_firstlineno


def file_of(code, spec):
    """Return the file that a module's code is of; the module's own where a loader awaits it."""
    origin = getattr(spec, "origin", None)
    is_body = code is not None and (code.co_name == "<module>" or origin is None)
    return code.co_filename if is_body else origin


def _place_of_await(code, spec):
    """Return where code awaits first: a file, and the line if the code is of that file."""
    path = file_of(code, spec)
    return f"{path}, line {first_await(code)}" if path == code.co_filename else path


def importers(frame):
    """Return the Places of the modules that are being imported around frame, innermost first."""
    places = []
    while frame is not None:
        spec = frame.f_globals.get("__spec__")
        if frame.f_code.co_name == "<module>" and (
                getattr(spec, "_initializing", False)
                or frame.f_globals.get("__name__") == "__main__"):
            places.append(place_of_frame(frame, None))
        frame = frame.f_back
    return places


_WAY_OUT = ("await it, by `await importlib.import_module_async({name!r})` in a coroutine or by "
            "`from __future__ import top_level_await` at the head of the module that imports it")


_WAY_OUT_OF_RELOAD = "await it, by `await importlib.reload_async(module)` in a coroutine"


def _is_reload(frame):
    """Whether importlib.reload() called what runs in frame, by functions of importlib alone."""
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name == "reload" and (
        frame.f_globals.get("__name__") == "importlib")


def would_wait(name, code, spec, frame):
    """Return the ImportError for a plain import, or reload, that would wait in a running loop."""
    chain = "".join(f", imported by {place}" for place in importers(frame))
    what, way_out = "import", _WAY_OUT.format(name=name)
    if _is_reload(frame):
        what, way_out = "reload", _WAY_OUT_OF_RELOAD
    message = (f"cannot {what} {name!r} here: it awaits ({_place_of_await(code, spec)}){chain}, "
               f"and an event loop is running in this thread, which a plain {what} would block; "
               f"{way_out}")
    return ImportError(message, name=name, path=file_of(code, spec))


def is_waiting(run):
    """Return the ImportError for a plain import of a module that waits in this thread's loop."""
    message = (f"cannot import {run.name!r} here: its import has begun and waits "
               f"({run.filename}, line {run.line()}) in the event loop of this thread, which a "
               f"plain import would block; " + _WAY_OUT.format(name=run.name))
    return ImportError(message, name=run.name, path=run.filename)


def is_off(name, code, spec):
    """Return the ImportError where sys.awaithook is None."""
    message = (f"cannot import {name!r}: it awaits ({_place_of_await(code, spec)}), and awaiting "
               f"is switched off (sys.awaithook is None)")
    return ImportError(message, name=name, path=file_of(code, spec))


def is_no_module(name, path):
    """Return the ImportError for code of a coroutine that a loader of others evaluates."""
    message = (f"cannot import {name!r} here: its code is a coroutine's, which its loader does "
               f"not run at the very end of exec_module(), and it has no method aexec_module() to "
               f"await it")
    return ImportError(message, name=name, path=path)


def never_ends(way, place):
    """Return the ImportError for a wait that would close a circle."""
    lines = [f"cannot import {way[0].name!r}: each of these would wait for the next, for ever"]
    lines.append(f"  {place} imports {way[0].name!r}")
    for node, following in zip(way, [*way[1:], way[0]]):
        if not hasattr(node, "is_complete"):
            lines.append(f"  which waits for the task {_name_of_task(node)}")
            continue
        target = getattr(following, "name", None) if hasattr(following, "is_complete") else None
        what = f" for {target!r}" if target else ""
        lines.append(f"  {node.name} ({node.filename}, line {node.line()}) waits{what}")
    return ImportError("\n".join(lines), name=way[0].name, path=way[0].filename)


def never_completes(run):
    """Return the ImportError for a module that waits where nothing can happen any more."""
    lines = [f"the import of {run.name!r} never completes: it waits ({run.filename}, line "
             f"{run.line()}), and nothing is left to do in the event loop"]
    while run is not None:
        lines.append(f"  {run.name!r} is imported by {run.place}")
        run = run.importer
    return ImportError("\n".join(lines))


def cannot_wait(run):
    """Return the ImportError where the library that runs is not known."""
    message = (f"cannot wait for the import of {run.name!r} ({run.filename}, line "
               f"{run.line()}): nothing is known of the library that runs this coroutine, "
               f"see asyncimport.libraries")
    return ImportError(message, name=run.name, path=run.filename)


def _name_of_task(task):
    get_name = getattr(task, "get_name", None)
    return repr(get_name() if get_name is not None else getattr(task, "name", task))


def describe_waiting():
    """Return a line for each import that waits: what, where, and who imported it where."""
    from .runs import in_progress

    lines = []
    for run in tuple(in_progress.values()):
        if not run.is_done:
            lines.append(f"{run.name} waits at {run.filename}, line {run.line()}; "
                         f"imported by {run.place}")
    return lines


def add_chains(error, given_up):
    """Have the exception that ends a wait tell what was waited for."""
    if not given_up or not isinstance(error, BaseException):
        return
    for run in given_up:
        error.add_note("while waiting for " + ", which waits for ".join(_chain(run)))


def _chain(run):
    from . import graph

    seen = set()
    while run not in seen:
        seen.add(run)
        yield f"{run.name} ({run.filename}, line {run.line()})"
        for waiter in graph.waiting.get(run.key, ()):
            for following in waiter.pending_runs():
                run = following
                break
