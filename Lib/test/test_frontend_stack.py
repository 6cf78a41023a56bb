"""Nesting in threads whose stack is small: an exception, never a crash.

CPython's own parser and compiler count levels and crash here, so there is nothing to compare with.
"""

import subprocess
import sys
import textwrap
import unittest

SOURCES = {
    "parentheses": "'(' * {n} + 'x' + ')' * {n}",
    "list": "'[' * {n} + 'x' + ']' * {n}",
    "target": "'[' * {n} + 'x' + ']' * {n} + ' = y'",
    "call": "'f(' * {n} + ')' * {n}",
    "comprehension": "'[' * {n} + 'x' + ' for x in y]' * {n}",
    "lambda": "'lambda: ' * {n} + 'x'",
    "elif": "'if x: pass\\n' + 'elif x: pass\\n' * {n}",
    "function": "''.join(' ' * i + 'def f():\\n' for i in range(min({n}, 90))) + ' ' * 99 + 'pass'",
    "pattern": "'match x:\\n case ' + '[' * {n} + '1' + ']' * {n} + ': pass'",
}

# Each makes a node one level deeper, around the node before it.
TREES = {
    "operator": ("BinOp(node, Add(), Name('x', Load()))", "Expr(node)"),
    "lambda": ("Lambda(arguments([], [], None, [], [], None, []), node)", "Expr(node)"),
    "if": ("If(Name('x', Load()), [node if isinstance(node, stmt) else Expr(node)], [])", "node"),
    "pattern": ("MatchAs(node if isinstance(node, pattern) else None, 'x')",
                "Match(Name('x', Load()), [match_case(node, None, [Pass()])])"),
}

THREAD = """
import ast, sys, threading
from ast import *
results = set()

def attempt(action, *arguments):
    try:
        action(*arguments)
        results.add("made")
    except (RecursionError, MemoryError) as error:
        results.add(type(error).__name__)

def in_thread(size, action, *arguments):
    threading.stack_size(size * 1024)
    thread = threading.Thread(target=attempt, args=(action, *arguments))
    thread.start()
    thread.join()
"""


@unittest.skipUnless(sys.platform == "linux", "needs threads with stacks of a given size")
class SmallStackTest(unittest.TestCase):

    def results_of(self, program):
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", THREAD + textwrap.dedent(program)
             + "\nprint(sorted(results))"], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def check_source(self, expression):
        return self.results_of(f"""
            for size in (32, 64, 256):
                for n in (1, 15, 40, 90, 190, 900):
                    source = {expression.replace("{n}", "n")}
                    try:
                        in_thread(size, compile, source, "", "exec")
                        in_thread(size, ast.parse, source)
                    except SyntaxError:
                        pass
            """)

    def test_sources(self):
        for name, expression in SOURCES.items():
            with self.subTest(name):
                self.assertIn("made", self.check_source(expression))

    def test_rejected_sources(self):
        """What is no program is found to be none, on however little stack, as with much of it."""
        for name, expression in SOURCES.items():
            for end in (" 1 1", ")", " = = 1", " (" * 150):
                with self.subTest(name, end=end):
                    results = self.results_of(f"""
                        def verdict(source, found):
                            try:
                                compile(source, "", "exec")
                            except (SyntaxError, MemoryError) as error:
                                found.append((type(error), str(error)))

                        for n in (1, 15, 40, 90, 190, 900):
                            source = {expression.replace("{n}", "n")} + {end!r}
                            found = []
                            for size in (32, 64, 128, 8192):
                                in_thread(size, verdict, source, found)
                            if len(found) != 4 or len(set(found)) != 1:
                                results.add(repr((n, found)))
                        """)
                    self.assertEqual(results, "['made']\n")

    def test_trees(self):
        """As much nesting is taken on any stack."""
        for name, (around, statement) in TREES.items():
            with self.subTest(name):
                results = self.results_of(f"""
                    outcomes = set()
                    for n in (1, 15, 40, 90, 190, 900, 1500):
                        sys.setrecursionlimit(5000)
                        node = Name("x", Load())
                        for i in range(n):
                            node = {around}
                        tree = fix_missing_locations(Module([{statement}], []))
                        sys.setrecursionlimit(1000)
                        seen = set()
                        for size in (32, 64, 256, 8192):
                            results.clear()
                            in_thread(size, compile, tree, "", "exec")
                            seen.add(tuple(results))
                        if len(seen) != 1:
                            print("not the same on every stack:", n, seen)
                        outcomes.update(*seen)
                    results.update(outcomes)
                    """)
                self.assertEqual(results, "['RecursionError', 'made']\n")

    def test_constants(self):
        for around in ("(value,)", "frozenset([value])"):
            with self.subTest(around):
                results = self.results_of(f"""
                    for size in (32, 64, 256):
                        for n in (1, 15, 40, 90, 190, 500):
                            value = 1
                            for i in range(n):
                                value = {around}
                            call = Call(Name("f", Load()), [Constant(value)], [])
                            tree = Module([Expr(call)], [])
                            in_thread(size, compile, fix_missing_locations(tree), "", "exec")
                    """)
                self.assertIn("made", results)


if __name__ == "__main__":
    unittest.main()
