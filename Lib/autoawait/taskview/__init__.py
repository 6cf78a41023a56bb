"""Tasks as they are now: a table of them, and who awaits whom.

    tasks()     what runs, in columns
    tree()      who awaits whom

Both serve every event loop of asyncio, in whatever thread, and trio.  What they
return shows itself as text at the prompt and is a sequence of records besides.
"""

import re
import sys
import time

from . import measure

__all__ = ["lines_below", "lines_of_awaiters", "tasks", "tree"]

_VIEWS = {"asyncio": "asyncio_view", "trio": "trio_view"}


def _records():
    """Return what is known of all tasks."""
    from importlib import import_module

    found = []
    for library, view in _VIEWS.items():
        # Of what nobody imported there are no tasks.
        if sys.modules.get(library) is not None:
            found += sorted(import_module(f"{__name__}.{view}").records(), key=_in_order)
    return found


def _in_order(record):
    """Task-2 before Task-10."""
    return [(part.isdigit(), int(part) if part.isdigit() else part)
            for part in re.split(r"(\d+)", record.name) if part]


def tasks():
    """Return a table of all tasks that have not ended.

    Since when a task waits, and how long it computed, is known of tasks of asyncio
    from the first call on.
    """
    measure.begin()
    return Table(_records())


def tree():
    """Return who awaits whom: tasks that nobody awaits, below each what it awaits."""
    return Tree(_records())


class Table(tuple):
    """Records of tasks, shown in columns."""

    __slots__ = ()

    _HEADINGS = "task", "state", "waits for", "since", "stands at", "computed"

    def __repr__(self):
        if not self:
            return "no tasks"
        now = time.monotonic()
        rows = [self._HEADINGS, *(_row(record, now) for record in self)]
        widths = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(record, now):
    since = "" if record.since is None else _duration(max(0.0, now - record.since))
    computed = "" if record.computed is None else _duration(record.computed)
    return (record.name, record.state, record.waits_for, since,
            f"{record.place} {record.function}()" if record.place else record.function, computed)


def _duration(seconds):
    if seconds >= 60:
        minutes, seconds = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02} min"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


class Tree(tuple):
    """Records of tasks, shown as a tree of who awaits whom."""

    __slots__ = ()

    def __repr__(self):
        if not self:
            return "no tasks"
        lines = []
        for root in self.roots():
            lines += self._lines(root, "", "", "", [])
        return "\n".join([*lines, *map(self._cycle_line, self.cycles())])

    def roots(self):
        """Return the records of tasks that nobody awaits, and one of each cycle."""
        awaited = {key for record in self for key, _ in record.awaits}
        roots = [record for record in self if record.key not in awaited]
        reached = set()
        for record in roots:
            self._reach(record, reached)
        for record in self:
            if record.key not in reached:
                roots.append(record)
                self._reach(record, reached)
        return roots

    def cycles(self):
        """Return the cycles, each a list of records of which one awaits the next."""
        found, done = [], set()
        for record in self:
            path = []
            while record is not None and record.key not in done:
                done.add(record.key)
                path.append(record)
                following = [self._by_key(key) for key, _ in record.awaits]
                in_path = [one for one in following if one in path]
                if in_path:
                    found.append(path[path.index(in_path[0]):])
                record = next((one for one in following if one is not None
                               and one.key not in done), None)
        return found

    def _by_key(self, key):
        return next((record for record in self if record.key is key), None)

    def _reach(self, record, reached):
        left = [record]
        while left:
            record = left.pop()
            if record is not None and record.key not in reached:
                reached.add(record.key)
                left += [self._by_key(key) for key, _ in record.awaits]

    def _lines(self, record, mark, indent, how, path):
        state = record.waits_for or record.state
        line = f"{mark}{record.name} {record.function}()"
        line += f" at {record.place}" if record.place else ""
        if record in path:
            return [f"{line}  ... which awaits it: a cycle"]
        lines = [f"{line}  {state}"]
        children = [self._by_key(key) for key, _ in record.awaits]
        for number, child in enumerate(children):
            is_last = number == len(children) - 1
            lines += self._lines(child, indent + ("└── " if is_last else "├── "),
                                 indent + ("    " if is_last else "│   "), how, [*path, record])
        return lines

    @staticmethod
    def _cycle_line(cycle):
        names = [record.name for record in cycle]
        return "cycle: " + " awaits ".join([*names, names[0]])


def lines_below(key):
    """Return the lines of the tree from the task key on."""
    records = Tree(_records())
    return [line for record in records if record.key is key
            for line in records._lines(record, "", "", "", [])]


def lines_of_awaiters():
    """Return a line for each task that awaits, over others, the one running here."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return []
    try:
        current = asyncio.current_task()
    except RuntimeError:
        return []
    records = _records()
    lines, wanted, seen = [], [current], set()
    while wanted:
        key = wanted.pop(0)
        for record in records:
            if any(awaited is key for awaited, _ in record.awaits) and record.key not in seen:
                seen.add(record.key)
                wanted.append(record.key)
                lines.append(f"awaited by {record.name} {record.function}() at {record.place}"
                             f"  {record.waits_for}")
    return lines
