"""Imports a graph of modules for real, and keeps the same log as the model.

A runner drives importers and modules under one library.  Time is virtual: when
nothing can go on, the clock jumps to the next gate that opens.
"""

import asyncio
import functools
import heapq
import importlib
import importlib.abc
import importlib.machinery
import re
import sys
import types

from import_graphs_model import CIRCLE, NAMELESS, REFUSED
from import_graphs_programs import Failure, Fatal, Missing, importer_source, source

_PATTERNS = [
    (r"No module named '([\w.]+)'", Missing),
    (r"cannot import '([\w.]+)': each of these would wait", CIRCLE),
    (r"cannot import '([\w.]+)' here: it(?:s import)? (?:awaits|has begun)", REFUSED),
    (r"module ([\w.]+) is being imported", "being imported"),
    (r"parent '([\w.]+)' not in sys.modules", "no parent"),
]


def _canonical(kind, text):
    named = re.match(r"cannot import name '(\w+)' from (?:partially initialized module )?"
                     r"'([\w.]+)'", text)
    if named:
        return f"{NAMELESS} {named[2]}.{named[1]}"
    for pattern, word in _PATTERNS:
        found = re.match(pattern, text)
        if found:
            return f"{word} {found[1]}"
    return f"{kind} {text}"


def describe(error):
    """Return what the log says of an error, as the model does."""
    if type(error).__name__ in ("CancelledError", "Cancelled"):
        return "Cancelled"
    also = {}   # as an ordered set: two may differ in lines only
    for note in getattr(error, "__notes__", ()):
        word, kind, text = (note.split(": ", 2) + ["", ""])[:3]
        if word == "also failed":
            also[_canonical(kind, text)] = True
    return " + ".join([_canonical(type(error).__name__, str(error)), *also])


class _Loader(importlib.abc.InspectLoader):
    def __init__(self, world, module):
        self._world = world
        self._module = module

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        vars(module).update(self._world.namespace(spec.name))
        return module

    def get_source(self, name):
        return source(self._module)

    def is_package(self, name):
        return self._module.is_package


class World:
    """One graph under one library: its modules, its log, its clock."""

    def __init__(self, graph, library):
        self.graph = graph
        self.library = library
        self.log = []
        self.now = 0
        self._raised = 0
        self._timers = []
        self._errors = {}
        self.wrong = []         # what is wrong whatever the model says

    # ---- Called by modules ----

    def namespace(self, who):
        """Return what modules and importers find in their namespace."""
        names = {name: functools.partial(getattr(self, name), who)
                 for name in ("starts", "ends", "fail", "saw", "caught", "gate", "clean",
                              "reloaded")}
        return {**names, "modules": sys.modules, "Failure": Failure, "Fatal": Fatal,
                "import_module_async": importlib.import_module_async,
                "reload_async": importlib.reload_async}

    def note(self, who, *what):
        """Note an event."""
        self.log.append((who, *what))

    def starts(self, who):
        """The first statement of a module."""
        self.note(who, "starts")

    def ends(self, who):
        """The last but one."""
        self.note(who, "ends")

    def fail(self, who, kind):
        """Raise."""
        self.note(who, "raises")
        self._raised += 1
        raise kind(f"{who} {self._raised}")

    def saw(self, who, name, module, child=""):
        """Note how far a module is that was imported."""
        self.note(who, "saw", name, module.is_whole)
        if child:
            found = getattr(module, child, None)
            self.note(who, "has", name, found and found.is_whole)

    def reloaded(self, who, name, module):
        """Note the same of one that was reloaded."""
        self.note(who, "reloaded", name, module.is_whole)

    def caught(self, who, error):
        """Note an error that does not end the importer."""
        self.look_at(error)
        self.note(who, "caught", describe(error))

    def look_at(self, error):
        """All who wait get the same exception, whose traceback has the user's frames only."""
        if isinstance(error, (Failure, Fatal)):
            if self._errors.setdefault(str(error), error) is not error:
                self.wrong.append(f"{error!r} is another object")
        entry = error.__traceback__
        while entry is not None:
            code = entry.tb_frame.f_code
            if "asyncimport" in code.co_filename or "autoawait" in code.co_filename:
                self.wrong.append(f"{code.co_qualname} in the traceback of {error!r}")
            entry = entry.tb_next

    async def gate(self, who, delay):
        """Wait for a virtual time."""
        self.note(who, "waits")
        await self._wait(who, delay, False)
        self.note(who, "goes on")

    async def clean(self, who, delay):
        """Wait while being cancelled."""
        self.note(who, "cleans up")
        await self._wait(who, delay, True)
        self.note(who, "is clean")

    async def _wait(self, who, delay, is_cleanup):
        gate = self.library.gate()
        if gate is None:
            return
        entry = [self.now + delay, (who, len(self.log)), gate.open]
        heapq.heappush(self._timers, entry)
        try:
            await gate.wait(is_cleanup)
        finally:
            entry[2] = None

    # ---- The clock ----

    def at(self, time, key, action):
        """Have something done at a time."""
        heapq.heappush(self._timers, [time, key, action])

    def advance(self):
        """Do what comes next; False if nothing does."""
        while self._timers:
            time, _, action = heapq.heappop(self._timers)
            if action is not None:
                self.now = time
                action()
                return True
        return False

    # ---- Importers ----

    async def importer(self, number):
        """Run one importer."""
        who = f"importer{number}"
        code = compile(importer_source(self.graph.importers[number]), f"<{who}>", "async-exec")
        namespace = self.namespace(who)
        namespace["__name__"] = who
        try:
            await eval(code, namespace)
        except BaseException as error:
            if isinstance(error, GeneratorExit):
                raise
            self.look_at(error)
            self.note(who, "failed", describe(error))
            if self.library.is_own_cancellation(error):
                raise
        else:
            self.note(who, "finished")

    # ---- All of it ----

    def find_spec(self, name, path=None, target=None):
        """Find a module of the graph, as an entry of sys.meta_path."""
        module = self.graph.modules.get(name)
        if module is None:
            return None
        return importlib.machinery.ModuleSpec(name, _Loader(self, module), origin=f"<{name}>",
                                              is_package=module.is_package)

    def run(self):
        """Import it all; return (events, what is left in sys.modules)."""
        sys.meta_path.insert(0, self)
        try:
            self.library.run(self)
            left = {name: sys.modules[name].is_whole for name in sorted(self.graph.modules)
                    if name in sys.modules}
            self._look_for_leftovers()
        finally:
            sys.meta_path.remove(self)
            for name in self.graph.modules:
                sys.modules.pop(name, None)
        return self.log, left

    def _look_for_leftovers(self):
        runs, graph = sys.modules.get("asyncimport.runs"), sys.modules.get("asyncimport.graph")
        if runs is not None and runs.in_progress:
            self.wrong.append(f"still in progress: {list(runs.in_progress)}")
            runs.in_progress.clear()
        if graph is not None and graph.waiting:
            self.wrong.append(f"still waiting: {graph.waiting}")
            graph.waiting.clear()
        for name in self.graph.modules:
            spec = getattr(sys.modules.get(name), "__spec__", None)
            if getattr(spec, "_initializing", False):
                self.wrong.append(f"{name} is left as being initialized")


# ---- Libraries ----


class _Hang(Exception):
    """Nothing can go on, and not all has ended."""


class Asyncio:
    """asyncio, or a loop with its interface."""

    name = "asyncio"

    def __init__(self, loop=None):
        self._loop = asyncio.new_event_loop() if loop is None else loop
        self._is_exact = hasattr(self._loop, "_ready")

    def close(self):
        """Close the loop."""
        self._loop.close()

    @staticmethod
    def is_own_cancellation(error):
        """Whether the importer is to raise it."""
        return isinstance(error, asyncio.CancelledError)

    class _Gate:
        def __init__(self, loop):
            self._future = loop.create_future()

        def open(self):
            if not self._future.done():
                self._future.set_result(None)

        async def wait(self, is_cleanup):
            await self._future

    def gate(self):
        """Return what a module waits for."""
        return self._Gate(self._loop)

    def run(self, world):
        """Run all importers."""
        self._loop.run_until_complete(self._drive(world))

    async def _drive(self, world):
        tasks = []

        def begin(number):
            task = self._loop.create_task(world.importer(number))
            tasks.append(task)
            end = world.graph.importers[number].cancelled
            if end is not None:
                world.at(end, ("~", number), task.cancel)

        for number, importer in enumerate(world.graph.importers):
            world.at(importer.begin, ("", number), functools.partial(begin, number))
        while world.advance():
            await self._quiet(world)
        if not all(task.done() for task in tasks):
            world.wrong.append("hangs")
            for task in asyncio.all_tasks(self._loop) - {asyncio.current_task()}:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _quiet(self, world):
        """Wait until nothing can go on."""
        if self._is_exact:
            await asyncio.sleep(0)
            while self._loop._ready:
                await asyncio.sleep(0)
            return
        before = None
        while before != len(world.log):
            before = len(world.log)
            for _ in range(8 + 4 * len(world.graph.modules)):
                await asyncio.sleep(0)


class Uvloop(Asyncio):
    """uvloop, whose queue cannot be looked into."""

    name = "uvloop"

    def __init__(self):
        import uvloop

        super().__init__(uvloop.new_event_loop())


class Inline:
    """A plain hook: no library that is known, nothing to wait with."""

    name = "a plain hook"

    def close(self):
        """There is nothing to close."""

    @staticmethod
    def is_own_cancellation(error):
        """There are none."""
        return False

    @staticmethod
    def gate():
        """Return nothing to wait for."""
        return None

    @staticmethod
    def _hook(coroutine):
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("a coroutine waits that must not")

    def run(self, world):
        """Run all importers, one after the other."""
        before, sys.awaithook = sys.awaithook, self._hook
        try:
            for number in sorted(range(len(world.graph.importers)),
                                 key=lambda number: world.graph.importers[number].begin):
                self._hook(world.importer(number))
        finally:
            sys.awaithook = before


class Trio:
    """trio, which has what can run do so in any order."""

    name = "trio"

    def __init__(self):
        import trio
        import trio.testing

        self._trio = trio

    def close(self):
        """There is nothing to close."""

    def is_own_cancellation(self, error):
        """Whether the importer is to raise it."""
        return isinstance(error, self._trio.Cancelled)

    class _Gate:
        def __init__(self, trio):
            self._trio = trio
            self._event = trio.Event()

        def open(self):
            self._event.set()

        async def wait(self, is_cleanup):
            is_cancelled = self._trio.current_effective_deadline() == float("-inf")
            with self._trio.CancelScope(shield=is_cleanup and is_cancelled):
                await self._event.wait()

    def gate(self):
        """Return what a module waits for."""
        return self._Gate(self._trio)

    def run(self, world):
        """Run all importers."""
        self._trio.run(self._drive, world)

    async def _drive(self, world):
        running = set()

        async def importer(number, scope):
            with scope:
                await world.importer(number)
            running.remove(number)

        async with self._trio.open_nursery() as nursery:
            def begin(number):
                scope = self._trio.CancelScope()
                running.add(number)
                nursery.start_soon(importer, number, scope)
                end = world.graph.importers[number].cancelled
                if end is not None:
                    world.at(end, ("~", number), scope.cancel)

            for number, definition in enumerate(world.graph.importers):
                world.at(definition.begin, ("", number), functools.partial(begin, number))
            while world.advance():
                await self._trio.testing.wait_all_tasks_blocked()
            if running:
                world.wrong.append("hangs")
                nursery.cancel_scope.cancel()
