"""Graphs of modules as data: made at random, written as source, made smaller.

A graph is modules and importers; each is a list of actions, tuples that begin with a
word.  `a.b` is a module's name, ("a", "b") stands for `from a import b`.

    ("batch", *requests)            import statements, one after the other
    ("attempt", request)            one in a try statement
    ("dynamic", name)               await importlib.import_module_async(name)
    ("attempt_dynamic", name)       that in a try statement
    ("reload", name)                await importlib.reload_async(), if it is there
    ("plain", name)                 an import in a plain function
    ("gate", delay)                 an await, for a virtual time
    ("guarded", delay, cleanup)     an await whose cleanup awaits
    ("fail", kind)                  raise
"""

import dataclasses
import random


class Failure(Exception):
    """What modules raise."""


class Fatal(BaseException):
    """What modules raise that no `except Exception` catches."""


Missing = "no module named"


@dataclasses.dataclass(frozen=True)
class Module:
    """One module."""

    name: str
    actions: tuple = ()
    is_marked: bool = True
    is_package: bool = False

    @property
    def is_async(self):
        """Whether its code is a coroutine: marked, with an await or an import at the top level."""
        return self.is_marked and any(action[0] not in ("plain", "fail")
                                      for action in self.actions)


@dataclasses.dataclass(frozen=True)
class Importer:
    """One task that imports: when it begins, and when it is cancelled."""

    actions: tuple
    begin: int = 0
    cancelled: int = None


class Graph:
    """Modules and who imports them."""

    def __init__(self, modules, importers):
        self.modules = {module.name: module for module in modules}
        self.importers = tuple(importers)

    def __str__(self):
        lines = []
        for module in self.modules.values():
            kind = "package" if module.is_package else "module"
            lines.append(f"---- {kind} {module.name}")
            lines.append(source(module).rstrip())
        for number, importer in enumerate(self.importers):
            end = "" if importer.cancelled is None else f", cancelled at {importer.cancelled}"
            lines.append(f"---- importer{number}, begins at {importer.begin}{end}")
            lines.append(importer_source(importer).rstrip())
        return "\n".join(lines)

    def __repr__(self):
        modules = ",\n    ".join(map(repr, self.modules.values()))
        importers = ",\n    ".join(map(repr, self.importers))
        return f"Graph([\n    {modules}],\n   [{importers}])"


# ---- As source ----


def source(module):
    """Return a module's source; log, gate, saw and the rest are in its namespace."""
    lines = ["from __future__ import top_level_await"] if module.is_marked else []
    lines += ["is_whole = False", "starts()"]
    lines += _statements(module.actions)
    lines += ["ends()", "is_whole = True", ""]
    return "\n".join(lines)


def importer_source(importer):
    """Return an importer's source, for a mode that awaits."""
    return "\n".join(_statements(importer.actions)) + "\n"


def _statements(actions):
    for action in actions:
        yield from _WRITERS[action[0]](*action[1:])


def _batch(*requests):
    for request in requests:
        yield f"import {request}" if isinstance(request, str) else (
            "from {0} import {1} as {1}_".format(*request))
    for request in requests:
        if not isinstance(request, str):
            yield "saw({!r}, {}_)".format(".".join(request), request[1])
            continue
        top, _, child = request.partition(".")
        yield f"saw({request!r}, {top}, {child!r})"


def _attempted(statements):
    return ["try:", *(f"    {line}" for line in statements),
            "except Exception as error:", "    caught(error)"]


def _dynamic(name):
    return [f"saw({name!r}, await import_module_async({name!r}))"]


def _reload(name):
    return _attempted([f"if {name!r} in modules:",
                       f"    reloaded({name!r}, await reload_async(modules[{name!r}]))"])


def _plain(name):
    return ["def plain():", f"    import {name}", f"    return modules[{name!r}]",
            *_attempted([f"saw({name!r}, plain())"])]


_WRITERS = {
    "batch": _batch,
    "attempt": lambda request: _attempted(_batch(request)),
    "dynamic": _dynamic,
    "attempt_dynamic": lambda name: _attempted(_dynamic(name)),
    "reload": _reload,
    "plain": _plain,
    "gate": lambda delay: [f"await gate({delay})"],
    "guarded": lambda delay, cleanup: ["try:", f"    await gate({delay})", "finally:",
                                       f"    await clean({cleanup})"],
    "fail": lambda kind: [f"fail({kind.__name__})"],
}


# ---- At random ----


class Kind:
    """What graphs are made of: how likely each thing is."""

    def __init__(self, *, sizes=(1, 7), importers=1, is_cyclic=True, fails=0.1, cancels=0.0,
                 dynamic=0.15, packages=0.2, plain=0.2, reloads=0.05):
        self.sizes = sizes
        self.importers = importers
        self.is_cyclic = is_cyclic
        self.fails = fails
        self.cancels = cancels
        self.dynamic = dynamic
        self.packages = packages
        self.plain = plain
        self.reloads = reloads


KINDS = {
    "acyclic": Kind(is_cyclic=False, fails=0, dynamic=0, reloads=0),
    "acyclic, failing": Kind(is_cyclic=False, fails=0.25),
    "cyclic": Kind(fails=0, dynamic=0, reloads=0),
    "cyclic, failing": Kind(fails=0.2),
    "dynamic": Kind(dynamic=0.5, importers=2),
    "importers": Kind(importers=4, fails=0.15),
    "cancelled": Kind(importers=3, cancels=0.5),
    "everything": Kind(sizes=(3, 12), importers=4, cancels=0.25, fails=0.1, dynamic=0.3,
                       reloads=0.2),
}


def random_graph(seed, kind):
    """Return a graph by its seed."""
    return _Maker(random.Random(seed), kind).graph()


class _Maker:
    def __init__(self, chance, kind):
        self.chance = chance
        self.kind = kind
        self.names = []

    def graph(self):
        chance, kind = self.chance, self.kind
        packages = set()
        for number in range(chance.randint(*kind.sizes)):
            parent = chance.choice(self.names) if self.names else None
            if parent is not None and "." not in parent and chance.random() < kind.packages:
                packages.add(parent)
                self.names.append(f"{parent}.m{number}")
            else:
                self.names.append(f"m{number}")
        self.packages = packages
        modules = [self._module(name) for name in self.names]
        return Graph(modules, [self._importer(number)
                               for number in range(chance.randint(1, kind.importers))])

    def _module(self, name):
        chance, kind = self.chance, self.kind
        is_async = chance.random() >= kind.plain
        targets = self.names
        if not kind.is_cyclic:
            targets = self.names[self.names.index(name) + 1:]
        count = chance.choice((0, 1, 1, 2, 2, 3))
        actions = [self._action(targets, is_async) for _ in range(count)]
        if is_async and chance.random() < 0.6:
            actions.insert(chance.randint(0, len(actions)), ("gate", chance.randint(1, 9)))
        return Module(name, tuple(filter(None, actions)), is_async, name in self.packages)

    def _action(self, targets, is_async):
        chance, kind = self.chance, self.kind
        if chance.random() < kind.fails:
            return "fail", Fatal if chance.random() < 0.15 else Failure
        if not is_async:
            return ("plain", chance.choice(targets)) if targets else None
        roll = chance.random()
        if roll < 0.15:
            return "gate", chance.randint(1, 9)
        if roll < 0.25:
            return "guarded", chance.randint(1, 9), chance.randint(1, 3)
        if not targets:
            return None
        if roll < 0.3:
            return "plain", chance.choice(targets)
        if chance.random() < kind.reloads:
            return "reload", chance.choice(targets)
        if chance.random() < kind.dynamic:
            return chance.choice(("dynamic", "attempt_dynamic")), chance.choice(targets)
        if roll < 0.45:
            return "attempt", self._request(targets)
        return "batch", *(self._request(targets) for _ in range(chance.choice((1, 1, 2, 3))))

    def _request(self, targets):
        chance = self.chance
        if chance.random() < self.kind.fails / 5:
            return chance.choice(("missing", f"{chance.choice(targets)}.missing"))
        name = chance.choice(targets)
        return tuple(name.split(".")) if "." in name and chance.random() < 0.5 else name

    def _importer(self, number):
        chance, kind = self.chance, self.kind
        actions = [chance.choice((("batch", self._request(self.names)),
                                  ("attempt", self._request(self.names)),
                                  ("dynamic", chance.choice(self.names))))
                   for _ in range(chance.choice((1, 1, 2)))]
        if number == 0 and actions[0][1] != self.names[0]:
            actions.insert(0, ("attempt", self.names[0]))
        if chance.random() < kind.reloads:
            actions.append(("reload", chance.choice(self.names)))
        begin = chance.randint(0, 9) if number else 0
        cancelled = begin + chance.randint(1, 12) if chance.random() < kind.cancels else None
        return Importer(tuple(actions), begin, cancelled)


# ---- Smaller ----


def smaller(graph, differs):
    """Return a smallest graph found for which differs(graph) is true, as it is for this one."""
    while True:
        for candidate in _one_less(graph):
            if differs(candidate):
                graph = candidate
                break
        else:
            return graph


def _one_less(graph):
    """Yield graphs with something left out."""
    modules, importers = list(graph.modules.values()), graph.importers
    for number in range(len(importers)):
        if len(importers) > 1:
            yield Graph(modules, importers[:number] + importers[number + 1:])
    for module in modules:
        rest = [other for other in modules if other is not module
                and not other.name.startswith(module.name + ".")]
        if rest:
            yield Graph([_without(other, module.name) for other in rest],
                        [_without(importer, module.name) for importer in importers])
    for number, module in enumerate(modules):
        for changed in _changed(module):
            yield Graph(modules[:number] + [changed] + modules[number + 1:], importers)
    for number, importer in enumerate(importers):
        for changed in _changed(importer):
            yield Graph(modules, (*importers[:number], changed, *importers[number + 1:]))


def _changed(part):
    """Yield an importer or module with one thing less."""
    actions = part.actions
    if getattr(part, "cancelled", None) is not None:
        yield dataclasses.replace(part, cancelled=None)
    for number, action in enumerate(actions):
        before, after = actions[:number], actions[number + 1:]
        yield dataclasses.replace(part, actions=before + after)
        if action[0] == "batch" and len(action) > 2:
            for left_out in range(1, len(action)):
                less = action[:left_out] + action[left_out + 1:]
                yield dataclasses.replace(part, actions=(*before, less, *after))
        if action[0] == "attempt":
            yield dataclasses.replace(part, actions=(*before, ("batch", action[1]), *after))
        if action[0] == "guarded":
            yield dataclasses.replace(part, actions=(*before, ("gate", action[1]), *after))


def _without(part, name):
    """Return an importer or module that does not speak of a module."""
    def speaks_of(request):
        request = request if isinstance(request, str) else ".".join(request)
        return request == name or request.startswith(name + ".")

    actions = []
    for action in part.actions:
        if action[0] == "batch":
            requests = [request for request in action[1:] if not speaks_of(request)]
            if requests:
                actions.append(("batch", *requests))
        elif not (action[0] in ("attempt", "dynamic", "attempt_dynamic", "reload", "plain")
                  and speaks_of(action[1])):
            actions.append(action)
    return dataclasses.replace(part, actions=tuple(actions))
