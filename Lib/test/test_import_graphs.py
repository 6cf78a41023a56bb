"""Imports of random module graphs, event by event against the model of the rules.

By hand, any number of graphs from any seed on:

    ./python Lib/test/test_import_graphs.py [--library NAME] [--kind NAME] [SEED [COUNT]]

A graph that differs is made smaller and printed with both logs.
"""

import argparse
import asyncio
import contextlib
import itertools
import sys
import unittest
from unittest import mock

from import_graphs_model import Model
from import_graphs_programs import KINDS, Failure, Graph, Importer, Module, random_graph, smaller
from import_graphs_runners import Asyncio, Inline, Trio, Uvloop, World


def tearDownModule():
    asyncio.set_event_loop_policy(None)


LIBRARIES = {library.name: library for library in (Asyncio, Uvloop, Trio, Inline)}


class Difference(Exception):
    """What was imported is not what the rules say."""

    def __init__(self, graph, expected, got, wrong):
        super().__init__("\n".join([f"\n{graph}", "", repr(graph), "", *wrong,
                                    *_side_by_side(expected, got)]))


def _side_by_side(expected, got):
    yield f"{'the model':50}{'what happened'}"
    for left, right in itertools.zip_longest(expected[0], got[0], fillvalue=()):
        mark = " " if left == right else "*"
        yield f"{mark} {' '.join(map(str, left)):48}{' '.join(map(str, right))}"
    if expected[1] != got[1]:
        yield f"left in sys.modules: {got[1]} instead of {expected[1]}"


def compare(graph, library):
    """Import a graph; return (what the model says, what happened, what is wrong anyway)."""
    expected = Model(graph, is_inline=isinstance(library, Inline)).run()
    world = World(graph, library)
    got = world.run()
    return expected, got, world.wrong


def differs(graph, library):
    """Whether something is wrong with a graph."""
    expected, got, wrong = compare(graph, library)
    return bool(wrong) or expected != got


def check(graph, library):
    """Raise Difference, about a graph made as small as can be, if something is wrong."""
    if differs(graph, library):
        graph = smaller(graph, lambda candidate: differs(candidate, library))
        raise Difference(graph, *compare(graph, library))


@contextlib.contextmanager
def opened(name):
    """Give one of LIBRARIES by its name."""
    library = LIBRARIES[name]()
    try:
        yield library
    finally:
        library.close()


def search(library, kind, first, count):
    """Check graphs of one kind."""
    for seed in range(first, first + count):
        try:
            check(random_graph(f"{kind} {seed}", KINDS[kind]), library)
        except Difference as difference:
            difference.add_note(f"found with --library {library.name!r} --kind {kind!r} {seed} 1")
            raise


class SearchTest(unittest.TestCase):
    """As many graphs as take some seconds."""

    def search(self, name, count):
        try:
            with opened(name) as library:
                for kind in KINDS:
                    with self.subTest(kind=kind):
                        search(library, kind, 0, count)
        except ModuleNotFoundError as error:
            self.skipTest(f"{error.name} is not installed")

    def test_asyncio(self):
        self.search("asyncio", 500)

    def test_uvloop(self):
        self.search("uvloop", 100)

    def test_trio(self):
        self.search("trio", 100)

    def test_plain_hook(self):
        self.search("a plain hook", 150)


class FoundTest(unittest.TestCase):
    """Graphs that once differed, as small as they were made, and some beside them."""

    def check(self, *modules, importers=(Importer((("batch", "a"),)),)):
        graph = Graph(modules, importers)
        for name in LIBRARIES:
            with self.subTest(library=name):
                try:
                    with opened(name) as library:
                        check(graph, library)
                except ModuleNotFoundError as error:
                    if error.name != name:
                        raise

    def test_cycle_within_a_cycle(self):
        """c is complete with b, and b with a, around which d is imported."""
        self.check(Module("a", (("batch", "b", "d"),)), Module("b", (("batch", "c"), ("batch", "a"))),
                   Module("c", (("batch", "b"),)), Module("d", (("batch", "c"),)))

    def test_package_is_gone(self):
        """Of a package that failed a submodule is left: the package is executed again."""
        self.check(Module("a", (("attempt", "p"), ("batch", "p.c"))),
                   Module("p", (("batch", "p.c"), ("fail", Failure)), is_package=True),
                   Module("p.c"))

    def test_package_is_half_made(self):
        """Who imports p.c has p half-made, and shares its fate."""
        self.check(Module("a", (("attempt", "p"), ("attempt", "p"))),
                   Module("p", (("batch", "b"), ("fail", Failure)), is_package=True),
                   Module("p.c", is_marked=False), Module("b", (("batch", "p.c"),)))

    def test_below_a_waiting_package(self):
        """A plain import does not execute p.c while p waits."""
        self.check(Module("a", (("gate", 1), ("plain", "p.c"))),
                   Module("p", (("gate", 3),), is_package=True),
                   Module("p.c", is_marked=False),
                   importers=(Importer((("batch", "p"),)), Importer((("batch", "a"),))))

    def test_cycle_after_a_cancelled_import(self):
        """That someone stopped waiting once does not make a circle of a cycle."""
        self.check(Module("a", (("batch", "b"),)), Module("b", (("batch", "a"),)),
                   Module("c", (("gate", 9),)),
                   importers=(Importer((("batch", "c"),), cancelled=1),
                              Importer((("batch", "c"),)), Importer((("batch", "a"),), 3)))

    def test_cancelled_root_of_a_cycle(self):
        """Who waits for a member, and was not cancelled, gets one that is whole."""
        self.check(Module("a", (("batch", "b"),)), Module("b", (("batch", "a"), ("gate", 9))),
                   importers=(Importer((("batch", "a"),), cancelled=5),
                              Importer((("batch", "b"),), 2)))

    def test_member_is_done_before_its_root_is_cancelled(self):
        self.check(Module("a", (("batch", "b"), ("gate", 9))), Module("b", (("batch", "a"),)),
                   importers=(Importer((("batch", "a"),), cancelled=5),
                              Importer((("batch", "b"),), 2)))

    def test_reload_in_a_cycle(self):
        """A module that reloads what imports it again."""
        self.check(Module("a", (("batch", "b"), ("gate", 1))),
                   Module("b", (("gate", 2), ("reload", "a"), ("gate", 1))),
                   importers=(Importer((("batch", "a"), ("reload", "b"))),))

    def test_set_free_before_the_first_turn(self):
        """c is set free by a before its own task had a turn of the loop, and keeps its place."""
        self.check(Module("a", (("gate", 8), ("attempt_dynamic", "p.c"))),
                   Module("p", (("gate", 3),), is_package=True), Module("p.c", (("batch", "a"),)),
                   importers=(Importer((("batch", "a"),)), Importer((("dynamic", "p.c"),), 7),
                              Importer((("batch", "p"), ("dynamic", "a")), 7)))

    def test_set_free_in_the_order_reached(self):
        """Under trio as well, which has tasks go on in any order."""
        for _ in range(10):
            self.check(Module("a", (("batch", "b", "c", "d"),)), Module("b", (("batch", "e"),)),
                       Module("c", (("batch", "e"),)), Module("d", (("batch", "e"),)),
                       Module("e", (("gate", 1),)))


class SearchItselfTest(unittest.TestCase):
    """The search finds what is wrong, and makes it small."""

    def assertFound(self, kind, change):
        """Check that a changed import system is told from the right one."""
        from asyncimport import runs

        with opened("asyncio") as library, mock.patch.object(runs.Run, *change(runs.Run)):
            with self.assertRaises(Difference) as caught:
                search(library, kind, 0, 300)
        return str(caught.exception)

    def test_order_of_waiters(self):
        def change(run_type):
            tell = run_type._tell_waiters

            def backwards(run):
                run.waiters.reverse()
                tell(run)
            return "_tell_waiters", backwards

        found = self.assertFound("acyclic", change)
        self.assertLessEqual(found.count("----"), 6, found)

    def test_half_made_module(self):
        found = self.assertFound("importers", lambda run_type: ("is_within", lambda *_: True))
        self.assertLessEqual(found.count("----"), 4, found)

    def test_forgotten_failure(self):
        def change(run_type):
            def fail(run, error, traceback=None):
                run.error, run.traceback = error, traceback
            return "_fail", fail

        self.assertIn("left in sys.modules", self.assertFound("cyclic, failing", change))

    def test_result_depends_on_the_seed_only(self):
        graphs = [str(random_graph("everything 7", KINDS["everything"])) for _ in range(2)]
        self.assertEqual(*graphs)


def main():
    """Search by hand."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--library", choices=LIBRARIES, action="append")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("seed", nargs="?", type=int, default=0)
    parser.add_argument("count", nargs="?", type=int, default=1000)
    options = parser.parse_args()
    is_different = False
    for name in options.library or LIBRARIES:
        with opened(name) as library:
            for kind in options.kind or KINDS:
                try:
                    search(library, kind, options.seed, options.count)
                except Difference as difference:
                    is_different = True
                    print(difference, *difference.__notes__, sep="\n")
                else:
                    print(f"{options.count} graphs ({kind}) under {name}: as the model says",
                          flush=True)
    sys.exit(is_different)


if __name__ == "__main__":
    main()
