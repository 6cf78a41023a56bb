"""What must happen when a graph of modules is imported, by the manual's rules alone.

A model, written without a look at Lib/asyncimport: it has no event loop, no task and
no module, only what the rules speak of, and it gives the events of a graph in order.

    rules of waiting            Model._import_one()
    a batch                     Model._batch()
    an execution and its end    Model._body(), _end()
    cancelling                  Model._give_up()

What can run does so in the order in which it was set free.  A module is started at
once, where its import stands, and goes on to its first suspension.
"""

import heapq
from collections import deque

from import_graphs_programs import Fatal, Missing

REFUSED, CIRCLE, NAMELESS = "refused", "circle", "cannot import name"


class Cancelled(BaseException):
    """What a cancelled importer gets."""


class Problem(Exception):
    """An ImportError: why, of what."""

    def __str__(self):
        return " ".join(self.args)


class _Module:
    def __init__(self, name):
        self.name = name
        self.is_whole = False       # its last line was reached
        self.run = None             # that is executing it
        self.is_initializing = False
        self.attributes = {}        # its submodules


class _Run:
    """One execution of a module that awaits."""

    def __init__(self, module, importer, is_reload=False):
        self.name = module.name
        self.module = module
        self.is_reload = is_reload
        self.chain = () if importer is None else (*importer.chain, importer)
        self.is_done = self.is_complete = self.is_given_up = False
        self.error = None
        self.root = None
        self.dependents = []
        self.waiters = []
        self.task = None
        self.batches = []
        self.starting = []

    def outermost(self):
        """Return the run that it is complete with."""
        run = self
        while run.is_done and run.root is not None:
            run = run.root
        return run


class _Task:
    """What runs by itself: an importer, or a module's execution."""

    def __init__(self, steps):
        self.steps = steps
        self.thrown = None
        self.is_scheduled = False
        self.is_over = False


class _Fiber:
    def __init__(self, batch, steps):
        self.batch = batch
        self.steps = steps
        self.run = None
        self.outcome = None


class _Batch:
    def __init__(self, task, run):
        self.task = task
        self.run = run
        self.fibers = []
        self.ready = deque()


class Model:
    """The events of one graph."""

    def __init__(self, graph, *, is_inline=False):
        self.graph = graph
        self.is_inline = is_inline      # nothing known of the library: one after the other
        self.log = []
        self.modules = {}
        self.raised = 0
        self.now = 0
        self._timers = []
        self._ready = deque()
        self._task = None
        self._run = None

    def run(self):
        """Return (events, the names left in sys.modules and whether each is whole)."""
        for number, importer in enumerate(self.graph.importers):
            self._at(importer.begin, ("", number), self._begin, number, importer)
        while True:
            while self._ready:
                self._step(self._ready.popleft())
            if not self._timers:
                break
            self.now, _, action, arguments = heapq.heappop(self._timers)
            action(*arguments)
        left = {name: module.is_whole for name, module in self.modules.items()}
        return self.log, dict(sorted(left.items()))

    def _at(self, time, key, action, *arguments):
        heapq.heappush(self._timers, (time, key, action, arguments))

    def _begin(self, number, importer):
        task = _Task(self._importer(number, importer))
        self._schedule(task)
        if importer.cancelled is not None:
            self._at(importer.cancelled, ("~", number), self._cancel, task)

    # ---- What runs ----

    def _schedule(self, task):
        if not task.is_scheduled and not task.is_over:
            task.is_scheduled = True
            self._ready.append(task)

    def _cancel(self, task):
        if not task.is_over:
            task.thrown = Cancelled()
            self._schedule(task)

    def _step(self, task):
        task.is_scheduled = False
        if task.is_over:
            return
        thrown, task.thrown = task.thrown, None
        before, self._task = self._task, task
        try:
            if thrown is not None:
                task.steps.throw(thrown)
            else:
                next(task.steps)
        except StopIteration:
            task.is_over = True
        finally:
            self._task = before

    def _importer(self, number, importer):
        who = f"importer{number}"
        try:
            yield from self._actions(who, importer.actions, None)
        except (Exception, Cancelled, Fatal) as error:
            self._note(who, "failed", describe(error))
        else:
            self._note(who, "finished")

    def _note(self, who, *what):
        self.log.append((who, *what))

    def _gate(self, who, delay):
        if not self.is_inline:
            task = self._task
            entry = self.now + delay, (who, len(self.log)), self._schedule, (task,)
            heapq.heappush(self._timers, entry)
            try:
                yield
            except BaseException:
                if entry in self._timers:
                    self._timers.remove(entry)
                    heapq.heapify(self._timers)
                raise

    def _actions(self, who, actions, run):
        for action in actions:
            yield from getattr(self, "_do_" + action[0])(who, run, *action[1:])

    def _do_gate(self, who, run, delay):
        self._note(who, "waits")
        yield from self._gate(who, delay)
        self._note(who, "goes on")

    def _do_guarded(self, who, run, delay, cleanup):
        self._note(who, "waits")
        try:
            yield from self._gate(who, delay)
            self._note(who, "goes on")
        finally:
            self._note(who, "cleans up")
            yield from self._gate(who, cleanup)
            self._note(who, "is clean")

    def _do_fail(self, who, run, kind):
        self._note(who, "raises")
        self.raised += 1
        raise kind(f"{who} {self.raised}")
        yield

    def _do_batch(self, who, run, *requests):
        outcomes = yield from self._batch(requests, run)
        self._bind(who, requests, outcomes)

    def _do_attempt(self, who, run, request):
        try:
            yield from self._do_batch(who, run, request)
        except Exception as error:
            self._note(who, "caught", describe(error))

    def _do_dynamic(self, who, run, name):
        outcome, = yield from self._batch([name], run, self._import)
        module = _value(outcome)
        self._note(who, "saw", name, module.is_whole)

    def _do_attempt_dynamic(self, who, run, name):
        try:
            yield from self._do_dynamic(who, run, name)
        except Exception as error:
            self._note(who, "caught", describe(error))

    def _do_reload(self, who, run, name):
        if name not in self.modules:
            return
        try:
            outcome, = yield from self._batch([name], run, self._reload)
            self._note(who, "reloaded", name, _value(outcome).is_whole)
        except Exception as error:
            self._note(who, "caught", describe(error))

    def _do_plain(self, who, run, name):
        try:
            module = self._plain_import(name, run)
            self._note(who, "saw", name, module.is_whole)
        except Exception as error:
            self._note(who, "caught", describe(error))
        return
        yield

    # ---- A batch ----

    def _bind(self, who, requests, outcomes):
        """Bind in order, up to the first that failed, which tells of the later ones."""
        errors = [error for _, error in outcomes if error is not None]
        for error in errors[1:]:
            note = describe(error, False)
            if error is not errors[0] and note not in errors[0].__dict__.setdefault("also", []):
                errors[0].also.append(note)
        seen = []
        for request, outcome in zip(requests, outcomes):
            module = _value(outcome)
            if isinstance(request, str):
                seen.append(("saw", request, module))
                if "." in request:
                    child = request.partition(".")[2]
                    seen.append(("has", request, module.attributes.get(child)))
                continue
            name = ".".join(request)
            found = module.attributes.get(request[1], self.modules.get(name))
            if found is None:
                raise Problem(NAMELESS, name)
            seen.append(("saw", name, found))
        for word, name, found in seen:
            self._note(who, word, name, found and found.is_whole)

    def _batch(self, requests, run, steps=None):
        """Import all; return for each (module, None) or (None, error)."""
        batch = _Batch(self._task, run)
        for request in requests:
            batch.fibers.append(_Fiber(batch, None))
        if run is not None:
            run.batches.append(batch)
        try:
            for fiber, request in zip(batch.fibers, requests):
                fiber.steps = (steps or self._request)(request, fiber, run)
                self._advance(fiber)
            while any(fiber.outcome is None for fiber in batch.fibers):
                if not batch.ready:
                    yield
                while batch.ready:
                    self._advance(batch.ready.popleft())
        except (Cancelled, Fatal):
            yield from self._give_up(batch)
            raise
        finally:
            if run is not None:
                run.batches.remove(batch)
        return [fiber.outcome for fiber in batch.fibers]

    def _advance(self, fiber):
        fiber.run = None
        try:
            awaited = next(fiber.steps)
        except StopIteration as end:
            fiber.outcome = end.value, None
        except (Exception, Fatal) as error:
            fiber.outcome = None, error
        else:
            fiber.run = awaited.outermost()
            fiber.run.waiters.append(fiber)

    def _give_up(self, batch):
        """Wait no more; who waited last ends the module, and sees it to its end."""
        ending = []
        for fiber in batch.fibers:
            run = fiber.run
            if fiber.outcome is None and run is not None and not run.is_done:
                run.waiters.remove(fiber)
                if not run.waiters and not run.is_given_up:
                    run.is_given_up = True
                    self._cancel(run.task)
                    ending.append(run)
        for run in ending:
            while not run.is_done:
                watcher = _Fiber(_Batch(self._task, None), None)
                run.waiters.append(watcher)
                yield

    # ---- From a name to a module ----

    def _request(self, request, fiber, run):
        """The steps of `import a.b` and `from a import b`; the module that is bound."""
        if isinstance(request, str):
            module = yield from self._import(request, fiber, run)
            top = request.partition(".")[0]
            # What is bound is the top package, which is no more to be half-made than another.
            return module if top == request else (yield from self._import(top, fiber, run))
        package, name = request
        module = yield from self._import(package, fiber, run)
        if self.graph.modules[package].is_package and name not in module.attributes:
            try:
                yield from self._import(f"{package}.{name}", fiber, run)
            except Problem as error:
                if error.args != (Missing, f"{package}.{name}"):
                    raise
        return module

    def _import(self, name, fiber, run):
        module = self.modules.get(name)
        if module is not None and not module.is_initializing:
            return module
        parent = name.rpartition(".")[0]
        if parent and module is None:
            yield from self._import(parent, fiber, run)
        return (yield from self._import_one(name, fiber, run))

    def _import_one(self, name, fiber, importer):
        while True:
            module = self.modules.get(name)
            if module is not None and not module.is_initializing:
                return module
            if module is None:
                module = self._create(name)
                if not self.graph.modules[name].is_async:
                    self._execute_plainly(module, importer)
                    return self.modules.get(name)
                run = _Run(module, importer)
                self._start(run, importer)
            elif module.run is None:
                return module       # a plain module of this very thread, around the importer
            else:
                run = module.run
            if not run.is_complete:
                if self._is_within(importer, run):
                    _join(importer, run)
                    return module
                yield self._to_wait_for(run, importer)
            if run.is_complete or run.error is not None:
                if run.error is None:
                    return run.module
                if not run.is_given_up:
                    raise run.error

    def _reload(self, name, fiber, importer):
        module = self.modules[name]
        if module.is_initializing and module.run is not None:
            raise Problem("being imported", name)
        parent = name.rpartition(".")[0]
        if parent and parent not in self.modules:
            raise Problem("no parent", parent)
        if not self.graph.modules[name].is_async:
            module.is_whole = False
            self._run_plain_body(module, importer)
            return module
        run = _Run(module, importer, is_reload=True)
        self._start(run, importer)
        while not run.is_complete:
            if self._is_within(importer, run):
                _join(importer, run)
                return module
            yield self._to_wait_for(run, importer)
        if run.error is not None:
            raise run.error
        return module

    def _create(self, name):
        parent, _, child = name.rpartition(".")
        if parent and not self.graph.modules[parent].is_package:
            raise Problem(Missing, name)
        if name not in self.graph.modules:
            raise Problem(Missing, name)
        module = self.modules[name] = _Module(name)
        return module

    def _bind_to_parent(self, name):
        parent, _, child = name.rpartition(".")
        if parent in self.modules:
            self.modules[parent].attributes[child] = self.modules[name]

    # ---- The rules of waiting ----

    def _is_within(self, importer, run):
        """Whether run is to importer a module that is being imported around it."""
        root = run.outermost()
        return importer is not None and (
            root is importer or root in importer.chain and self._waits(root, importer))

    def _to_wait_for(self, run, importer):
        if self._waits(run, importer):
            raise Problem(CIRCLE, run.name)
        return run

    def _waits(self, run, importer):
        """Whether run waits for importer, whoever else be in between."""
        if importer is None:
            return False
        seen, found = {run}, [run]
        for node in found:
            if node is importer:
                return True
            after = [node.root] if node.is_done and node.root is not None else node.starting + [
                fiber.run for batch in node.batches for fiber in batch.fibers
                if fiber.run is not None and fiber.outcome is None]
            for following in after:
                if following not in seen:
                    seen.add(following)
                    found.append(following)
        return False

    # ---- Executing ----

    def _start(self, run, importer):
        run.module.run = run
        run.module.is_initializing = True
        run.task = _Task(self._body(run))
        if importer is not None:
            importer.starting.append(run)
        self._step(run.task)
        if importer is not None:
            importer.starting.remove(run)

    def _body(self, run):
        definition = self.graph.modules[run.name]
        try:
            yield from self._statements(run.name, definition, run.module, run)
        except (Exception, Cancelled, Fatal) as error:
            self._end(run, error)
        else:
            self._end(run, None)

    def _statements(self, name, definition, module, run):
        module.is_whole = False
        self._note(name, "starts")
        yield from self._actions(name, definition.actions, run)
        self._note(name, "ends")
        module.is_whole = True

    def _end(self, run, error):
        if error is None and not run.is_reload:
            self._bind_to_parent(run.name)
        if error is not None:
            self._fail(run, error)
        root = run.root
        run.is_done = True
        if error is not None or root is None:
            self._complete(run)
        elif root.is_complete:
            self._complete_with(run, root)
        else:
            root.dependents.append(run)
        self._tell(run)

    def _fail(self, run, error):
        run.error = error
        if not run.is_reload and self.modules.get(run.name) is run.module:
            del self.modules[run.name]

    def _complete(self, run):
        run.is_complete = True
        run.module.is_initializing = False
        for dependent in run.dependents:
            self._complete_with(dependent, run)
            self._tell(dependent)

    def _complete_with(self, run, root):
        """What took a module half-made has that one's fate: its failure, or to be tried again."""
        if root.error is not None:
            run.is_given_up = root.is_given_up
            self._fail(run, root.error)
        self._complete(run)

    def _tell(self, run):
        waiters, run.waiters = run.waiters, []
        for fiber in waiters:
            fiber.batch.ready.append(fiber)
            self._schedule(fiber.batch.task)

    # ---- Without awaiting ----

    def _execute_plainly(self, module, importer):
        module.is_initializing = True
        try:
            self._run_plain_body(module, importer)
        except BaseException:
            del self.modules[module.name]
            raise
        finally:
            module.is_initializing = False
        self._bind_to_parent(module.name)

    def _run_plain_body(self, module, importer):
        name = module.name
        for _ in self._statements(name, self.graph.modules[name], module, importer):
            raise AssertionError("a plain module waits")

    def _plain_import(self, name, importer):
        """What `import name` gives in a function."""
        module = self._import_plainly(name, importer)
        top = name.partition(".")[0]
        if top != name:
            self._import_plainly(top, importer)
        return module

    def _import_plainly(self, name, importer, is_taken=True):
        module = self.modules.get(name)
        if module is None:
            parent = name.rpartition(".")[0]
            if parent:
                self._import_plainly(parent, importer, is_taken=False)
                module = self.modules.get(name)
        if module is None:
            module = self._create(name)
            if not self.graph.modules[name].is_async:
                self._execute_plainly(module, importer)
            elif self.is_inline:
                run = _Run(module, importer)
                self._start(run, importer)
                if run.error is not None:
                    raise run.error
            else:
                del self.modules[name]
                raise Problem(REFUSED, name)
            return module
        run = module.run
        if module.is_initializing and run is not None and not run.is_complete:
            if not self._is_within(importer, run):
                raise Problem(REFUSED, name)
            if is_taken:
                _join(importer, run)
        return module


def _join(importer, run):
    """Note that importer goes on with a module of a cycle: it is complete with its outermost."""
    root = run.outermost()
    if root is importer or root.is_complete:
        return
    if importer.root is None or len(root.chain) < len(importer.root.chain):
        importer.root = root


def _value(outcome):
    module, error = outcome
    if error is not None:
        raise error
    return module


def describe(error, with_notes=True):
    """Return what the log says of an error."""
    if isinstance(error, Cancelled):
        return "Cancelled"
    text = str(error) if isinstance(error, Problem) else f"{type(error).__name__} {error}"
    notes = getattr(error, "also", ()) if with_notes else ()
    return text + "".join(f" + {note}" for note in notes)
