"""Scopes: what the language says of names and blocks, and what module symtable shows."""

import itertools
import os
import random
import subprocess
import sys
import textwrap
import unittest

import frontend_support as support
from stage_modules import _frontend

# Bits and numbers of Include/scopes.h.
GLOBAL, LOCAL_FLAG, PARAMETER, NONLOCAL, USED = 1, 2, 4, 8, 16
FREE_CLASS, IMPORTED, ANNOTATED, ITERATION = 64, 128, 256, 512
LOCAL, EXPLICIT, IMPLICIT, FREE, CELL = 1, 2, 3, 4, 5


def scopes(source, flags=0):
    return _frontend.scopes(textwrap.dedent(source), "<test>", "exec", flags)


def block(scope, *path):
    """The block inside blocks, by name."""
    for name in path:
        scope = next(child for child in scope["children"] if child["name"] == name)
    return scope


class FactsTest(unittest.TestCase):

    def check_bindings(self, scope, /, **expected):
        actual = {name: binding for name, (_, binding) in scope["symbols"].items()}
        self.assertEqual(actual, expected)

    def test_module(self):
        top = scopes("import a.b, c as d\nx = y\nz: int\ndel w\n")
        self.check_bindings(top, a=LOCAL, d=LOCAL, x=LOCAL, y=IMPLICIT, z=LOCAL, int=IMPLICIT,
                            w=LOCAL)
        self.assertEqual(top["symbols"]["a"][0], IMPORTED)
        self.assertEqual(top["symbols"]["z"][0], ANNOTATED | LOCAL_FLAG)
        self.assertEqual(list(top["symbols"]), ["a", "d", "x", "y", "z", "int", "w"])

    def test_parameters_first(self):
        function = block(scopes("def f(a, /, b, *c, d, **e): x"), "f")
        self.assertEqual(function["parameters"], ["a", "b", "d", "c", "e"])
        self.assertEqual(list(function["symbols"]), ["a", "b", "d", "c", "e", "x"])
        self.assertTrue(function["varargs"] and function["varkeywords"])

    def test_closure_through_blocks(self):
        top = scopes("""
            def f(x):
                def g():
                    class C:
                        def h(self): return x
            """)
        self.check_bindings(block(top, "f"), x=CELL, g=LOCAL)
        self.check_bindings(block(top, "f", "g"), x=FREE, C=LOCAL)
        self.check_bindings(block(top, "f", "g", "C"), x=FREE, h=LOCAL)
        self.check_bindings(block(top, "f", "g", "C", "h"), x=FREE, self=LOCAL)

    def test_class_variables_are_not_seen_inside(self):
        top = scopes("class C:\n    x = 1\n    def f(self): return x\n")
        self.check_bindings(block(top, "C", "f"), x=IMPLICIT, self=LOCAL)

    def test_free_variable_of_method_bound_in_class(self):
        top = scopes("""
            def f(x):
                class C:
                    x = 1
                    def g(self): return x
            """)
        flags, binding = block(top, "f", "C")["symbols"]["x"]
        self.assertEqual((flags, binding), (LOCAL_FLAG | FREE_CLASS, LOCAL))
        self.check_bindings(block(top, "f"), x=CELL, C=LOCAL)

    def test_global_hides_enclosing(self):
        top = scopes("""
            def f(x):
                def g():
                    global x
                    def h(): return x
            """)
        self.check_bindings(block(top, "f", "g"), x=EXPLICIT, h=LOCAL)
        self.check_bindings(block(top, "f", "g", "h"), x=IMPLICIT)
        self.check_bindings(top, f=LOCAL, x=EXPLICIT)

    def test_global_in_class_is_the_class_s_own(self):
        top = scopes("""
            def f(x):
                class C:
                    global x
                    def g(self): return x
            """)
        self.check_bindings(block(top, "f", "C"), x=EXPLICIT, g=LOCAL)
        self.check_bindings(block(top, "f", "C", "g"), x=FREE, self=LOCAL)

    def test_nonlocal(self):
        top = scopes("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n")
        self.check_bindings(block(top, "f", "g"), x=FREE)
        self.assertEqual(block(top, "f", "g")["symbols"]["x"][0], NONLOCAL | LOCAL_FLAG)

    def test_meaning_is_put_back(self):
        top = scopes("""
            def f():
                def g():
                    x = 1
                    def h(): return x
                def i(): return x
            """)
        self.check_bindings(block(top, "f", "g", "h"), x=FREE)
        self.check_bindings(block(top, "f", "i"), x=IMPLICIT)

    def test_class_cell(self):
        for body, needs in [("super()", True), ("__class__", True), ("superb()", False),
                            ("def g(): super()", True), ("lambda: __class__", True)]:
            with self.subTest(body):
                top = scopes(f"class C:\n    def f(self):\n        {body}\n")
                self.assertEqual(block(top, "C")["needs_class_closure"], needs)
        self.assertNotIn("__class__", scopes("class C:\n    super()\n")["symbols"])

    def test_mangling(self):
        top = scopes("class _C:\n    def f(self, __a): __b; __c__; self.__d; global __e\n")
        self.assertEqual(list(block(top, "_C", "f")["symbols"]),
                         ["self", "_C__a", "_C__b", "__c__", "_C__e"])
        self.assertIn("_C__e", top["symbols"])
        self.assertEqual(list(block(scopes("class __:\n    def f(__a): __b\n"), "__", "f")
                              ["symbols"]), ["__a", "__b"])

    def test_comprehension(self):
        inner = block(scopes("[x for x in y if z for w in v]"), "listcomp")
        self.check_bindings(inner, **{".0": LOCAL}, x=LOCAL, z=IMPLICIT, w=LOCAL, v=IMPLICIT)
        self.assertEqual(inner["parameters"], [".0"])
        self.assertEqual(inner["symbols"]["x"][0], LOCAL_FLAG | ITERATION | USED)

    def test_first_iterable_belongs_outside(self):
        top = scopes("def f(y): return [x for x in y]")
        self.assertNotIn("y", block(top, "f", "listcomp")["symbols"])

    def test_named_expression_binds_outside(self):
        top = scopes("def f():\n    [(y := x) for x in z]\n")
        self.check_bindings(block(top, "f"), z=IMPLICIT, y=CELL)
        self.check_bindings(block(top, "f", "listcomp"), **{".0": LOCAL}, x=LOCAL, y=FREE)
        self.check_bindings(scopes("[(y := x) for x in z]"), z=IMPLICIT, y=EXPLICIT)

    def test_kinds_of_functions(self):
        for source, generator, coroutine in [
            ("def f(): yield", True, False), ("def f(): pass", False, False),
            ("async def f(): pass", False, True), ("async def f(): yield", True, True),
            ("def f(): (x async for x in y)", False, False),
            ("async def f(): [x async for x in y]", False, True),
            ("def f(): lambda: (yield)", False, False),
        ]:
            with self.subTest(source):
                function = block(scopes(source), "f")
                self.assertEqual((function["generator"], function["coroutine"]),
                                 (generator, coroutine))

    def test_kept_annotations_open_no_block(self):
        source = "def f(x: (lambda: y)): pass\nz: [w for w in v]\n"
        self.assertEqual([child["name"] for child in scopes(source)["children"]],
                         ["lambda", "f", "listcomp"])
        kept = scopes(source, support.ANNOTATIONS)
        self.assertEqual([child["name"] for child in kept["children"]], ["f"])
        self.assertEqual(list(kept["symbols"]), ["f", "z"])

    def test_many_symbols(self):
        source = "\n".join(f"name_{i} = name_{i // 2}" for i in range(5000))
        symbols = scopes(source)["symbols"]
        self.assertEqual(list(symbols), [f"name_{i}" for i in range(5000)])
        self.assertEqual({binding for _, binding in symbols.values()}, {LOCAL})


class DumpTest(unittest.TestCase):

    def test_text(self):
        source = "class C:\n def f(self, *a):\n  import x\n  [super() for i in (yield a)]\n"
        process = subprocess.run([sys.executable, "-I", "-S", "-X", "dump=scopes", "-c", source],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(process.stderr.partition("scopes of <string>\n")[2], textwrap.dedent("""\
            module top:
              C, local, assigned
              class C, needs __class__:
                f, local, assigned
                function f, generator:
                  self, local, parameter
                  a, local, parameter, used
                  x, local, imported
                  __class__, free
                  comprehension listcomp:
                    .0, local, parameter
                    i, local, assigned, iterates
                    super, global, used
                    __class__, free, used
            """))


STATEMENTS = r"""
global x
nonlocal x
x = 1
x: int
(x): int = 1
print(x)
import x
from x import *
def x(): pass
class x: pass
for x in y: pass
[x for x in y]
[x := 1 for z in y]
[z for z in y if (x:=z)]
[x for x in (x:=1)]
[x for x in y if (x:=1)]
[z for z in y for x in (x:=1)]
[i for a in y if (x:=1) for x in z]
[(lambda: (x:=1)) for z in y]
{(x:=1): 2 for z in y}
[i for x[j] in y]
[__x for __x in y if (__x:=1)]
[(yield) for z in y]
[z for z in (yield)]
{(yield) for z in y}
{(yield):1 for z in y}
((yield from z) for z in y)
[await z for z in y]
(z async for z in y)
lambda: (yield x)
lambda x, x: 1
def f(x, *x): pass
def f(x): global x
def f(x): nonlocal x
def f(a: (yield), b: (y:=1)) -> (await z): pass
def f(a: [x for x in (lambda: (yield))]): pass
async def f(): await x
z: (yield) = 1
z: (y:=1)
z: await q
def g(): super().x; __class__
[1 for super.x in y]
[(__class__ := 1) for super.x in y]
def g(): __class__ = 1; return lambda: super()
global __class__
nonlocal __class__
class Q: __class__ = 1
del x
x += 1
return (yield x)
def f(x=(y:=1), *, z=lambda: x): return z
class Z(x, metaclass=(x:=y)): x
__x = 1
def f(): __x; global __y
global __x, y
nonlocal __x
""".strip().splitlines()

BLOCKS = [
    (), ("def outer():",), ("class C:",), ("def outer(x):", "class C:"),
    ("class C:", "def m(self):"), ("def outer():", "def inner():"),
    ("def o(x):", "class _C:", "def f(self):"), ("from __future__ import annotations",),
]


def program(heads, body):
    """The statements inside the blocks."""
    lines, depth = [], 0
    for head in heads:
        lines.append("    " * depth + head)
        depth += head.endswith(":")
    return "\n".join([*lines, *("    " * depth + line for line in body)]) + "\n"


class SameAsCPythonTest(unittest.TestCase):

    def check(self, sources):
        ours, stock = support.ask_both("tables_of", sources)
        for source, answer, expected in zip(sources, ours, stock, strict=True):
            self.assertEqual(answer, expected, source)

    def test_one_statement_in_each_block(self):
        self.check([program(heads, [statement])
                    for heads, statement in itertools.product(BLOCKS, STATEMENTS)])

    def test_pairs_of_statements(self):
        self.check([program(heads, pair) for heads in (BLOCKS[1], BLOCKS[6])
                    for pair in itertools.product(STATEMENTS, repeat=2)])

    def test_random_programs(self):
        choose = random.Random(3)
        sources = []
        for _ in range(4000):
            body = choose.choices(STATEMENTS, k=choose.randint(2, 4))
            heads = choose.choice(BLOCKS) + choose.choice([(), ("def k(x):",), ("class k:",)])
            sources.append(program(heads, body) + choose.choice(STATEMENTS))
        self.check(sources)

    def test_standard_library(self):
        folder = os.path.dirname(os.__file__)
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))
                 if name.endswith(".py")]
        self.assertGreater(len(paths), 100)
        ours, stock = support.ask_both("digests_of_tables", paths)
        self.assertEqual(dict(zip(paths, ours)), dict(zip(paths, stock)))

    def test_nesting(self):
        for limit in 200, 1000:
            ours, stock = support.ask_both("nesting_limits", limit)
            self.assertEqual(ours, stock)


if __name__ == "__main__":
    unittest.main()
