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

MORE_SOURCES = {
    "minus": "'-' * {n} + 'x'",
    "not": "'not ' * {n} + 'x'",
    "power": "'x ** ' * {n} + 'x'",
    "conditional": "'x if y else ' * {n} + 'z'",
    "default": "'lambda x=' * {n} + 'x' + ': x' * {n}",
    "dict": "'{{1: ' * {n} + '2' + '}}' * {n}",
    "subscript": "'x[' * {n} + '1' + ']' * {n}",
    "yield": "'(yield ' * {n} + 'x' + ')' * {n}",
    "generator": "'(x for x in ' * {n} + 'y' + ')' * {n}",
    "starred": "'(*' * {n} + 'x' + ',)' * {n}",
    "delete": "'del ' + '(' * {n} + 'x' + ')' * {n}",
    "with": "'with ' + '(' * {n} + 'x' + ')' * {n} + ' as y: pass'",
    "class pattern": "'match x:\\n case ' + 'A(' * {n} + ')' * {n} + ': pass'",
    "match": "''.join(' ' * i + 'match x:\\n' + ' ' * (i + 1) + 'case y:\\n'"
             " for i in range(0, min({n}, 48) * 2, 2)) + ' ' * 98 + 'x'",
    "try": "''.join(' ' * i + 'try:\\n' for i in range(min({n}, 90))) + ' ' * 99 + 'x\\n'"
           " + ''.join(' ' * i + 'finally: x\\n' for i in reversed(range(min({n}, 90))))",
    "format string": "'f\"{' + '(' * {n} + 'x' + ')' * {n} + '}\"'",
    "format strings": "'f\"\"\"{' + '-' * {n} + 'f\"{' + '(' * {n} + \"f'{\" + '-' * {n} + 'x'"
                      " + \"}'\" + ')' * {n} + '}\"}\"\"\"'",
}

# Each makes a bad source of a good one.
SPOILED = ("source + ' x x'", "source[:-1]", "source[:len(source) // 2]", "source + ' = 1'",
           "'if x:\\n' + source", "source + '\\n)'", "'x = = 1\\n' + source", "'f\"{x!}\"; ' + source")

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

    def test_more_sources(self):
        for name, expression in MORE_SOURCES.items():
            with self.subTest(name):
                self.assertIn("made", self.check_source(expression.replace("{{", "{").replace("}}", "}")))

    def test_rejected_as_in_the_main_thread(self):
        """Whatever the depth: the archive's parser says what is wrong, and takes much more stack."""
        for name, expression in (SOURCES | MORE_SOURCES).items():
            expression = expression.replace("{n}", "n").replace("{{", "{").replace("}}", "}")
            program = f"""
                def verdict(text):
                    try:
                        ast.parse(text)
                    except Exception as error:
                        return type(error).__name__, error.args
                    return "accepted"

                def attempt_all(texts):
                    for text in texts:
                        verdicts.append(verdict(text))

                rejected = 0
                for n in (1, 5, 15, 40, 90, 190, 900, 5000):
                    source = {expression}
                    texts = [{", ".join(SPOILED)}]
                    expected = [verdict(text) for text in texts]
                    rejected += sum(verdict != "accepted" for verdict in expected)
                    for size in (32, 48, 64, 128, 256, 512):
                        verdicts = []
                        in_thread(size, attempt_all, texts)
                        pairs = zip(texts, verdicts, expected)
                        # A tree can be too deep for a stack to make objects of it.
                        wrong = [pair for pair in pairs
                                 if pair[1] != pair[2] and pair[1][0] != "RecursionError"]
                        assert not wrong, (size, n, wrong[0])
                        assert len(verdicts) == len(texts)
                assert rejected > 30, rejected
                """
            with self.subTest(name):
                self.assertIn("made", self.results_of(program))

    def test_trees(self):
        for name, (around, statement) in TREES.items():
            with self.subTest(name):
                results = self.results_of(f"""
                    for size in (32, 64, 256):
                        for n in (1, 15, 40, 90, 190, 900):
                            sys.setrecursionlimit(5000)
                            node = Name("x", Load())
                            for i in range(n):
                                node = {around}
                            tree = fix_missing_locations(Module([{statement}], []))
                            sys.setrecursionlimit(1000)
                            in_thread(size, compile, tree, "", "exec")
                    """)
                self.assertIn("made", results)
                self.assertIn("RecursionError", results)

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
