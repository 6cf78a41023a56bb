"""What one place imports at once: started in order, waited for together.

Each import of a batch is a fiber: a generator that goes from name to module, by
parents and submodules, and yields what it cannot do itself:

    StartRun(run)   start run, then go on
    Prepare(names)  let finders prepare, then go on
    a run           wait for its end
    [fibers]        wait for the ends of these

The batch drives them in the importer's own task.  Only modules that await have
tasks of their own, since who imports them first may be cancelled while others wait.
"""

import sys
import types
from collections import deque

from _asyncimport import Awaited, taker
from _frozen_importlib import _resolve_name

from . import finding, graph, libraries, messages, runs, tracebacks
from .runs import StartRun


class Prepare:
    """What a fiber yields to have finders prepare names that are looked for next."""

    __slots__ = ("names",)

    def __init__(self, names):
        self.names = names


class _Failed(Exception):
    """What a run failed with, on its way through a fiber: its traceback is to stay as it is."""

    def __init__(self, error, traceback):
        super().__init__(error)
        self.error = error
        self.traceback = traceback


class _Fiber:
    """One import under way."""

    __slots__ = ("batch", "lone_name", "run", "children", "parent", "outcome",
                 "name", "line", "_begin", "_steps")

    def __init__(self, batch, steps, arguments=(), *, line=None, lone_name=None):
        self.batch = batch
        self.lone_name = lone_name      # of a module without parents, which is what is imported
        self.parent = None
        self._begin = steps, arguments
        self._steps = None
        self.line = line
        self.run = None         # waited for
        self.children = ()      # waited for
        self.outcome = None     # at the end: (value, error, traceback)

    @property
    def place(self):
        """Where the import stands."""
        return self.batch.place(self.line)

    def on_end(self, run):
        """Go on, in the importer's task; called from any thread."""
        self.batch.wake(self)

    def advance(self):
        """Take the next step; return what it yields, or None at the end."""
        self.run, self.children = None, ()
        if self._steps is None:
            steps, arguments = self._begin
            self._steps = steps(self, *arguments)
        try:
            return next(self._steps)
        except StopIteration as end:
            self.outcome = end.value, None, None
        except _Failed as failed:
            self.outcome = None, failed.error, failed.traceback
        except BaseException as error:
            self.outcome = None, error, tracebacks.users(error)
        return None


class Batch:
    """The imports that one place waits for."""

    def __init__(self, frame, *, is_statement=False):
        self.importer = importer = runs.current.get()
        self._filename = frame.f_code.co_filename
        self._name = frame.f_globals.get("__name__") or "?"
        self._line = frame.f_lineno
        self._is_statement = is_statement and importer is not None and (
            frame.f_globals is vars(importer.module))
        self._library = None
        self._key = None
        self._is_own = False    # of the importing module's own coroutine
        self._ready = deque()
        self._event = None
        self.fibers = []
        self._requests = []     # (name, level, namespace), for finders that prepare

    def add(self, name, fromlist, level, namespace, line=None):
        """Add what an import statement asks for; its outcome is what __import__() returns."""
        self._requests.append((name, level, namespace))
        is_lone = not fromlist and not level and "." not in name
        self.fibers.append(_Fiber(self, _request_steps, (name, fromlist, level, namespace),
                                  line=line, lone_name=name if is_lone else None))

    def add_module(self, absolute):
        """Add a module by its absolute name."""
        self._requests.append((absolute, 0, None))
        self.fibers.append(_Fiber(self, _import_absolute, (absolute,)))

    def add_steps(self, steps):
        """Add a fiber by its steps."""
        self.fibers.append(_Fiber(self, steps))

    def place(self, line):
        """Return the messages.Place of an import in a line of the importer, or where it is."""
        return messages.Place(self._name, self._filename, self._line if line is None else line,
                              self.importer)

    # ---- What it waits for ----

    def _waiting_fibers(self):
        return [fiber for fiber in _all(self.fibers)
                if fiber.run is not None and not fiber.run.is_complete]

    def pending_runs(self):
        """Return the runs it waits for, for the graph."""
        return [fiber.run for fiber in self._waiting_fibers()]

    def pending_places(self):
        """Return the places of the imports that wait."""
        return [fiber.place for fiber in self._waiting_fibers()]

    def wake(self, fiber):
        """Have fiber go on."""
        self._ready.append(fiber)
        event = self._event
        if event is not None:
            event.set()

    def look_around(self):
        """Find out, when a run comes by, in what it would be waited for."""
        if self._library is not None:
            return
        self._library = library = libraries.current()
        task = library.current_task()
        importer = self.importer
        self._is_own = importer is not None and importer.task is task
        self._key = importer.key if self._is_own else task if task is not None else self
        graph.add(self._key, self)

    def must_wait(self, run, place, is_fresh):
        """Whether run is to be waited for, and not taken as it is.

        ImportError if that could never end, or not be done.  A fresh run has just been
        started here.
        """
        self.look_around()
        importer = self.importer
        if run.is_complete:
            return False
        if importer is not None and importer.is_within(run):
            if self._is_own:
                importer.join_cycle(run)
            return False
        # What this place has just started, and has not ended, can wait for it by way of a task
        # only, which would have been told so.
        way = None if is_fresh and not run.is_done else graph.path(run, self._key)
        if way is not None:
            raise messages.never_ends(way, place)
        if not self._library.can_wait:
            raise messages.cannot_wait(run)
        return True

    # ---- Driving it ----

    async def outcomes(self):
        """Import all; return the outcomes, in order."""
        try:
            await self._prepare()
            for fiber in self.fibers:
                if not self._take_at_once(fiber):
                    await self._go_on(fiber)
            while not all(fiber.outcome is not None for fiber in self.fibers):
                await self._go_on(await self._next_ready())
        except BaseException as error:
            await self._give_up(error)
            raise
        finally:
            if self._key is not None:
                graph.remove(self._key, self)
        return [fiber.outcome for fiber in self.fibers]

    def _take_at_once(self, fiber):
        """Whether fiber has its module without a step: complete, or of its own chain.

        Most imports of large programs are of these kinds.
        """
        module = sys.modules.get(fiber.lone_name)
        if module is None:
            return False
        run = runs.in_progress.get(fiber.lone_name)
        if run is not None:
            if run.module is not module:
                return False
            self.look_around()
            importer = self.importer
            if not self._is_own or not importer.is_within(run):
                return False
            importer.join_cycle(run)
        elif getattr(getattr(module, "__spec__", None), "_initializing", False):
            return False
        fiber.outcome = module, None, None
        return True

    async def _prepare(self):
        if any(map(_prepares, sys.meta_path)):
            names = {}
            for request in self._requests:
                names.update(dict.fromkeys(_names_to_find(*request)))
            await _prepare(list(names))

    async def _next_ready(self):
        while not self._ready:
            self._event = self._library.event()
            if not self._ready:
                await self._event.wait()
            self._event = None
        return self._ready.popleft()

    async def _go_on(self, fiber):
        """Take the fiber's steps up to one that has to wait, and its parent's after it."""
        while fiber is not None:
            step = fiber.advance()
            if step is None:
                fiber = fiber.parent
                if fiber is None or any(child.outcome is None for child in fiber.children):
                    return
            elif type(step) is StartRun:
                fiber.run = step.run
                await self._start(step.run)
            elif type(step) is Prepare:
                await _prepare(step.names)
            elif type(step) is list:
                fiber.children = step
                for child in step:
                    child.parent = None
                    await self._go_on(child)
                    child.parent = fiber
                if any(child.outcome is None for child in step):
                    return
            elif not self._wait_for(fiber, step):
                continue
            else:
                return

    @staticmethod
    def _wait_for(fiber, run):
        with runs.lock:
            if run.is_complete:
                return False
            fiber.run = run = run.outermost()
            run.add_waiter(fiber)
            return True

    async def _start(self, run):
        self.look_around()
        importer = self.importer if self._is_own else None
        if importer is not None:
            importer.starting += 1
        try:
            if self._is_statement and self._is_own and importer.starts_nested:
                await _give_way(StartRun(run))
            else:
                await self._library.start(run)
        except BaseException as error:
            if run.task is None:
                # Nobody else will start it, and there may be who waits for it.
                run.end_early(error)
            raise
        finally:
            if importer is not None:
                importer.starting -= 1

    async def _give_up(self, error):
        """Wait no more for anything; see those to their end that nobody waits for then."""
        ending = []
        for fiber in _all(self.fibers):
            run = fiber.run
            if run is None or run.is_done:
                continue
            if run.remove_waiter(fiber):
                ending.append(run)
        messages.add_chains(error, ending)
        if isinstance(error, GeneratorExit):
            return
        for run in ending:
            with runs.lock:
                if run.is_done:
                    continue
                event = self._library.event()
                run.add_waiter(runs.EventSetter(event))
            await self._library.settle(event)


@types.coroutine
def _give_way(start):
    yield start


def _all(fibers):
    for fiber in fibers:
        yield fiber
        yield from _all(fiber.children)


def _top(name, absolute, level):
    """Return the name of the module that `import a.b` binds."""
    if level == 0:
        return name.partition(".")[0]
    cut_off = len(name) - len(name.partition(".")[0])
    return absolute[:len(absolute) - cut_off] if name else absolute


# ---- The steps of fibers ----


def _request_steps(fiber, name, fromlist, level, namespace):
    absolute = finding.absolute_name(name, level, namespace)
    module = yield from _import_absolute(fiber, absolute)
    if not fromlist:
        # What is bound is the package, which is handed out half-made no more than others.
        top = _top(name, absolute, level)
        return module if top == absolute else (yield from _import_absolute(fiber, top))
    if hasattr(module, "__path__"):
        yield from _import_names(fiber, module, fromlist)
    return module


def _import_absolute(fiber, name):
    module, is_complete = finding.present(name)
    if is_complete:
        return module
    parent = name.rpartition(".")[0]
    if parent and module is None:
        yield from _import_absolute(fiber, parent)
    return (yield from _import_one(fiber, name))


def _import_one(fiber, name):
    """Import a module whose parents are there; return it."""
    is_fresh = False
    while True:
        module, is_complete = finding.present(name)
        if is_complete:
            return module
        run = runs.in_progress.get(name)
        if run is None and module is not None:
            # Another thread imports it, or this one does around us.
            if finding.wait_for_others(name):
                continue
            return finding.present(name)[0] or module
        if run is None:
            loaded = finding.load(name, fiber.place)
            if loaded is None:
                continue
            # Not isinstance(), which executes a module of importlib.util.LazyLoader.
            if type(loaded) is not runs.Run:
                return loaded
            run = loaded
            yield StartRun(run)
            is_fresh = True
        if not run.is_complete and not fiber.batch.must_wait(run, fiber.place, is_fresh):
            return sys.modules.get(name, run.module)
        if not run.is_complete:
            yield run
        is_fresh = False
        if run.is_complete or run.error is not None:
            if run.error is None:
                return run.module
            if not run.is_given_up:
                raise _Failed(run.error, run.traceback)


def _import_names(fiber, module, names, is_all=False):
    """Import the submodules that `from module import names` asks for."""
    children = []
    for name in names:
        if not isinstance(name, str):
            where = f"{module.__name__}.__all__" if is_all else "``from list''"
            raise TypeError(f"Item in {where} must be str, not {type(name).__name__}")
        if name == "*":
            if not is_all and hasattr(module, "__all__"):
                yield from _import_names(fiber, module, module.__all__, True)
        elif not hasattr(module, name):
            child = _Fiber(fiber.batch, _submodule_steps(f"{module.__name__}.{name}"),
                           line=fiber.line)
            child.name = f"{module.__name__}.{name}"
            children.append(child)
    if children:
        if any(map(_prepares, sys.meta_path)):
            yield Prepare([child.name for child in children])
        yield children
        for child in children:
            _, error, traceback = child.outcome
            if error is not None:
                raise _Failed(error, traceback)


def _submodule_steps(name):
    def steps(fiber):
        try:
            return (yield from _import_absolute(fiber, name))
        except ModuleNotFoundError as error:
            # As in stock: there may be no such attribute either, which is told by the statement.
            if error.name != name or sys.modules.get(name, name) is None:
                raise

    return steps


# ---- Finders that prepare ----


def _prepares(finder):
    return hasattr(finder, "prepare_imports")


def _names_to_find(name, level, namespace):
    """Return the names of a module and of the packages around it; none if that is an error.

    Of the error, and of what is to be warned of, the import itself tells in its turn.
    """
    if level:
        package = namespace.get("__package__")
        try:
            name = _resolve_name(name, package, level) if package else ""
        except (ImportError, AttributeError):
            return []
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)] if name else []


async def _prepare(names):
    for finder in tuple(filter(_prepares, sys.meta_path)):
        missing = [name for name in names if name not in sys.modules]
        if missing:
            await finder.prepare_imports(missing)


# ---- What is awaited ----


def _with_notes(outcomes):
    """Have the first failure tell of the others."""
    errors = [error for _, error, _ in outcomes if error is not None]
    for other in errors[1:]:
        if other is not errors[0]:
            note = f"also failed: {type(other).__name__}: {other}"
            if note not in getattr(errors[0], "__notes__", ()):
                errors[0].add_note(note)
    return outcomes


async def _statement(batch):
    outcomes = _with_notes(await batch.outcomes())
    return taker(outcomes[::-1]), None, None


async def _single(batch):
    return (await batch.outcomes())[0]


def _awaited(coroutine, name):
    """Return what is awaited; name is what tasks and warnings call it."""
    coroutine.__name__ = coroutine.__qualname__ = name
    return Awaited(coroutine)


def begin_statement(requests, namespace):
    """Return what import statements await: a function that gives each module in turn.

    requests is a sequence of (name, fromlist, level, line).
    """
    batch = Batch(sys._getframe(1), is_statement=True)
    for name, fromlist, level, line in requests:
        batch.add(name, fromlist, level, namespace, line)
    return _awaited(_statement(batch), "import")


def import_module(name, package=None):
    """Return an awaitable for a module by name; see importlib.import_module_async()."""
    level = len(name) - len(name.lstrip("."))
    if level:
        if not package:
            raise TypeError(f"the 'package' argument is required to perform a relative import "
                            f"for {name!r}")
        name = _resolve_name(name[level:], package, level)
    elif not name:
        raise ValueError("Empty module name")
    batch = Batch(sys._getframe(2))
    batch.add_module(name)
    return _awaited(_single(batch), f"import of {name}")


def reload(module):
    """Return an awaitable for a module executed anew; see importlib.reload_async()."""
    batch = Batch(sys._getframe(2))
    batch.add_steps(lambda fiber: _reload(fiber, module))
    return _awaited(_single(batch), f"reload of {getattr(module, '__name__', module)}")


def _reload(fiber, module):
    run = finding.begin_reload(module, fiber.place)
    if type(run) is not runs.Run:
        return run
    yield StartRun(run)
    is_fresh = True
    while not run.is_complete:
        if not fiber.batch.must_wait(run, fiber.place, is_fresh):
            return run.module
        is_fresh = False
        yield run
    if run.error is not None:
        raise _Failed(run.error, run.traceback)
    return run.module
