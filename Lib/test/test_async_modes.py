"""compile() in the async modes, is_async(), aexec() and aeval().

Every construct is compiled in every mode that takes it, from text, bytes and a tree, at every level
of optimization, and run; what it does is what the same statements do inside an async function.
"""

import __future__
import ast
import contextlib
import contextvars
import copy
import gc
import inspect
import os
import random
import re
import subprocess
import sys
import textwrap
import traceback
import types
import unittest
import warnings
from itertools import product

from join_support import STOCK

ASYNC_MODES = "async-exec", "async-eval", "async-single", "async-multi-single"
OWN_MODES = *ASYNC_MODES, "multi-single"
SYNC_MODES = "exec", "eval", "single", "multi-single"
GRAMMARS = {
    "exec": ast.Module, "eval": ast.Expression, "single": ast.Interactive,
    "async-exec": ast.Module, "async-eval": ast.Expression, "async-single": ast.Interactive,
    "multi-single": ast.Interactive, "async-multi-single": ast.Interactive,
}
LEVELS = 0, 1, 2
FLAG = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
AWAITS_IMPORTS = 0x8000000

# What makes top-level code a coroutine.
AWAITING = {
    "await": "a = await later(1)",
    "await alone": "await later(1)",
    "await twice": "a = await later(1) + await later(2)",
    "await of await": "a = await (await later(later(2)))",
    "async for": "a = []\nasync for b in numbers(3):\n    a.append(b)",
    "async for else": "async for a in numbers(2):\n    pass\nelse:\n    b = 'end'",
    "async for break": "async for a in numbers(9):\n    if a == 4:\n        break\nelse:\n    b = 1",
    "async for continue":
        "b = 0\nasync for a in numbers(9):\n    if a % 2:\n        continue\n    b += a",
    "async for in async for": "c = []\nasync for a in numbers(2):\n    async for b in numbers(2):\n"
                              "        c.append((a, b))",
    "async for unpacking": "async for a, *b in numbers((1, 2, 3)):\n    pass",
    "async with": "async with manager('m') as a:\n    b = a * 2",
    "async with two": "async with manager('m') as a, manager('n') as b:\n    c = a + b",
    "async with error": "async with manager('m', True) as a:\n    1 / 0\nb = 2",
    "async with raising": "async with manager('m') as a:\n    raise KeyError(a)",
    "list": "a = [b async for b in numbers(3)]",
    "set": "a = {b async for b in numbers(3)}",
    "dict": "a = {b: b + 1 async for b in numbers(3)}",
    "list of awaits": "a = [await later(b) for b in range(3)]",
    "set of awaits": "a = {await later(b) for b in range(3)}",
    "dict of awaits": "a = {await later(b): await later(-b) for b in range(3)}",
    "list with condition": "a = [b for b in range(5) if await later(b % 2)]",
    "list in list": "a = [[c async for c in numbers(b)] for b in range(3)]",
    "list of two loops": "a = [(b, c) for b in range(2) async for c in numbers(2)]",
    "outermost iterable": "a = list(b for b in await later([1, 2]))",
    "outermost iterable of list": "a = [b for b in await later([1, 2])]",
    "generator in list": "a = [list(c for c in await later([b])) for b in range(2)]",
    "decorator": "@(await later(apply))\ndef b(): return 7",
    "decorator of class": "@(await later(name))\nclass a: pass",
    "decorator of async": "@(await later(name))\nasync def a(): pass",
    "default": "def b(c=await later(3)): return c\na = b()",
    "keyword default": "def b(*, c=await later(3)): return c\na = b()",
    "default of async": "async def b(c=await later(3)): return c\na = b.__defaults__",
    "default of lambda": "a = (lambda c=await later(3): c)()",
    "base": "class B(await later(dict)): pass\na = issubclass(B, dict)",
    "keyword of class": "class B(metaclass=await later(type)): pass\na = B.__name__",
    "annotation of parameter": "def b(c: await later('int')): pass\na = b.__annotations__",
    "annotation of return": "def b() -> await later('int'): pass\na = b.__annotations__",
    "f-string": "a = f'{await later(5)}!'",
    "f-string format": "a = f'{7:{await later(5)}}'",
    "f-string joined": "a = f'a' f'{1}' f'{await later(5)!r:>4}'",
    "guard": "match 3:\n    case a if await later(a == 3):\n        b = 1\n    case _:\n        b = 2",
    "subject": "match await later([1, 2]):\n    case [a, b]:\n        pass",
    "if": "if await later(True):\n    a = 1\nelse:\n    a = 2",
    "elif": "if 0:\n    a = 1\nelif await later(1):\n    a = 2",
    "if expression": "a = 1 if await later(0) else 2",
    "while": "a = 0\nwhile await later(a < 3):\n    a += 1",
    "while else": "while await later(0):\n    pass\nelse:\n    a = await later(2)",
    "for": "a = 0\nfor b in await later([1, 2, 3]):\n    a += await later(b)",
    "with": "with plain(await later(2)) as a:\n    b = await later(a)",
    "try": "try:\n    await failing(KeyError('k'))\n"
           "except KeyError as error:\n    a = await later(str(error))",
    "try else finally": "try:\n    a = await later(1)\nexcept ValueError:\n    pass\nelse:\n"
                        "    b = await later(2)\nfinally:\n    c = await later(3)",
    "try star": "try:\n    raise ExceptionGroup('g', [KeyError(1), ValueError(2)])\n"
                "except* KeyError as group:\n    a = await later(len(group.exceptions))\n"
                "except* ValueError:\n    b = await later(2)",
    "raise": "raise await later(KeyError('k'))",
    "raise from": "raise KeyError(1) from await later(ValueError(2))",
    "handler type": "try:\n    1 / 0\nexcept await later(ZeroDivisionError):\n    a = 1",
    "delete": "a = [1, 2, 3]\ndel a[await later(1)]",
    "augmented": "a = 1\na += await later(2)",
    "subscript": "a = {}\na[await later('k')] = await later('v')",
    "slice": "a = [1, 2, 3, 4][await later(1):await later(3)]",
    "attribute": "a = (await later('text')).upper()",
    "walrus": "b = (a := await later(4)) + a",
    "walrus in list": "b = [a := await later(c) for c in range(3)]",
    "starred": "a = [*await later([1]), 2]\nb, *c = await later((1, 2, 3))",
    "call": "a = dict(await later([]), b=await later(2), **await later({'c': 3}))",
    "boolean": "a = await later(0) or await later(2) and await later(3)",
    "not reached boolean": "a = 1 or await later(2)",
    "comparison": "a = await later(1) < await later(2) < await later(0)",
    "annotated": "a: int = await later(2)",
    "unreachable if": "if 0:\n    await later(1)\na = 1",
    "unreachable else": "if 1:\n    a = 1\nelse:\n    await later(1)",
    "unreachable while": "while 0:\n    async for a in numbers(2): pass\na = 1",
    "unreachable debug": "if not __debug__ and 0:\n    async with manager(1): pass\na = 1",
    "subscripted": "a = (await later([1, 2]))[1]",
    "slice step": "a = 'abcdef'[::await later(2)]",
    "called": "a = (await later(len))('abc')",
    "dict display": "a = {await later(1): await later(2), **await later({3: 4})}",
    "displays": "a = [await later(1), *await later([2])], (await later(3),), {await later(4)}",
    "chosen": "a = await later(1) if name else await later(2)",
    "async for of await": "async for a in await later(numbers(2)):\n    b = a",
    "with of await": "async with await later(manager('m')) as a:\n    pass",
    "annotation of async": "async def b() -> await later('r'): pass\na = b.__annotations__",
    "target": "a = [0]\n(await later(a))[0] = 1",
    "target of for": "a = [0]\nfor (await later(a))[0] in range(3):\n    pass",
    "target of async for": "a = [0]\nasync for (await later(a))[0] in numbers(3):\n    pass",
    "target of with": "a = [0]\nasync with manager('m') as (await later(a))[0]:\n    pass",
    "target of augmented": "a = [1]\n(await later(a))[0] += 2",
    "target of annotated": "a = [0]\n(await later(a))[await later(0)]: int = 3",
    "target of comprehension": "a = [0]\nb = [0 for (await later(a))[0] in [5]]",
    "after raise": "raise KeyError(1)\nawait later(2)",
    "in parentheses over lines": "a = (await\n    later(\n        1))",
    "semicolons": "a = 1; b = await later(a); c = b",
}
# The same, for whose effect an async function is no measure.
AWAITING_APART = {
    "assert": "assert await later(1)",
    "assert unless": "assert not await later(0)",
    "assert message": "assert 1, await later(2)",
    "annotation": "a: await later(int)",
    "annotation of attribute": "(a.b): await later(int)",
    "annotation not simple": "(a): await later(int) = 1",
    "global": "global a\na = await later(1)",
    "import star": "from math import *\na = await later(floor(2.5))",
}
# Where an expression stands, but none that the top level awaits: in the inside of functions, where
# the grammar allows names or constants only, in trees that are no statements.
NEVER_AWAITED = {
    "Expression.body", "FunctionType.argtypes", "FunctionType.returns", "GeneratorExp.elt",
    "Lambda.body", "MatchClass.cls", "MatchMapping.keys", "MatchValue.value", "NamedExpr.target",
    "Return.value", "Yield.value", "YieldFrom.value",
}

# What makes none.
PLAIN = {
    "empty": "",
    "pass": "pass",
    "assignment": "a = 1",
    "expression": "1 + 1",
    "expressions": "1\n'two'\nif 1:\n    3\nNone",
    "nested function": "def f():\n    1\n    return 2\nf()",
    "class with expression": "class A:\n    'text'\n    5\n    x = 1\na = A.x",
    "async def": "async def f():\n    await later(1)\na = f.__name__",
    "async def in def":
        "def f():\n    async def g():\n        async with manager(1): pass\n    return 1\na = f()",
    "generator that awaits": "a = type(await_ for await_ in [1]).__name__",
    "generator of awaits": "a = type((await later(b) for b in [1])).__name__",
    "asynchronous generator": "a = type((b async for b in numbers(2))).__name__",
    "generator in lambda": "a = (lambda: (await later(b) for b in [1]))\na = type(a()).__name__",
    "generator in class": "class A:\n    x = type((await later(b) for b in [1])).__name__\na = A.x",
    "list in generator": "a = type(([c async for c in numbers(b)] for b in [1])).__name__",
    "condition in generator": "a = type((b for b in [1] if await later(b))).__name__",
    "text that awaits": "a = 'await x'",
    "loop": "a = 0\nfor b in range(3):\n    a += b",
    "raise": "raise ValueError(3)",
    "yield in def": "def f():\n    yield 1\na = list(f())",
    "return in def": "def f(): return 1\na = f()",
    "nonlocal in def": "def f():\n    b = 1\n    def g():\n        nonlocal b\n        b = 2\n    g()\n"
                       "    return b\na = f()",
}
EXPRESSIONS = [
    "await later(1)", "[b async for b in numbers(3)]", "f'{await later(2)}'",
    "await later(1) if await later(0) else await later(2)", "(lambda b=await later(1): b)()",
    "{await later(1): [await later(b) for b in range(2)]}", "(a := await later(3)) + a",
    "list(b for b in await later([1]))", "await later(later) and 2", "(\n  await later(4)\n)",
    "1 or await later(2)", "await failing(KeyError(1))",
]
PLAIN_EXPRESSIONS = ["1 + 2", "'text'", "None", "type((await later(b) for b in [1])).__name__", "1 / 0",
                     "(lambda: 4)()", "len([b for b in range(3)])"]
NO_IMPORT = ast.fix_missing_locations(ast.Module([ast.Import([])], []))


@types.coroutine
def wait(value):
    """Hand value to whoever runs the coroutine; give what they send."""
    return (yield value)


async def later(value):
    return await wait(value)


async def failing(error):
    await wait("before the error")
    raise error


async def numbers(end):
    for number in range(end) if isinstance(end, int) else [end]:
        yield await later(number)


class Manager:
    def __init__(self, value, swallows=False):
        self.value, self.swallows = value, swallows

    async def __aenter__(self):
        return await later(self.value)

    async def __aexit__(self, kind, value, traceback):
        return await later((kind, self.swallows)) and self.swallows


@contextlib.contextmanager
def plain(value):
    yield value


def tools():
    """Return a new namespace with what the constructs use."""
    return {"later": later, "failing": failing, "numbers": numbers, "manager": Manager,
            "plain": plain, "apply": lambda f: f(), "name": lambda thing: thing.__name__}


class Outcome:
    """What running something did: to be compared."""

    def __init__(self):
        self.waited, self.shown = [], []
        self.value = self.error = self.variables = None

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return repr(vars(self))

    def drive(self, coroutine):
        wanted = None
        while True:
            try:
                wanted = coroutine.send(wanted)
            except StopIteration as stop:
                return stop.value
            self.waited.append(repr(wanted).partition(" at ")[0])

    def run(self, make, *arguments):
        """Run what make() returns if it is a coroutine."""
        hook, sys.displayhook = sys.displayhook, lambda value: self.shown.append(repr(value))
        try:
            result = make(*arguments)
            self.value = self.drive(result) if inspect.iscoroutine(result) else result
        except Exception as error:
            self.error = type(error), error.args, type(error.__cause__)
        finally:
            sys.displayhook = hook
        return self

    def keep(self, variables):
        """Keep the variables whose values can be compared."""
        simple = int, str, list, dict, set, tuple, type(None)
        self.variables = {name: value for name, value in variables.items()
                          if name[:2] != "__" and type(value) in simple}
        return self


class _Display(ast.NodeTransformer):
    """Makes the expression statements of a function show what they give."""

    def visit_Expr(self, node):
        show = ast.parse("__import__('sys').displayhook", mode="eval").body
        return ast.copy_location(ast.Expr(ast.Call(show, [node.value], [])), node)

    def visit_FunctionDef(self, node):
        return node

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef


def expected(source, displays):
    """Return what source does inside of an async function."""
    tree = ast.parse("async def function():\n    try:\n        pass\n"
                     "    finally:\n        keep(locals())\n")
    body = ast.parse(source)
    if displays:
        body = ast.fix_missing_locations(_Display().visit(body))
    tree.body[0].body[0].body += body.body
    # The tree's positions are those of several sources; none matters here.
    outcome, namespace = Outcome(), tools()
    namespace["keep"] = outcome.keep
    exec(compile(ast.fix_missing_locations(tree), "reference", "exec"), namespace)
    return outcome.run(namespace["function"])


async def _async_value(expression):
    namespace = tools()
    exec("async def function():\n return (" + expression + "\n)", namespace)
    return await namespace["function"]()


def is_single(source):
    """Whether source is one interactive statement."""
    try:
        compile(source, "text", "single", ast.PyCF_ONLY_AST)
    except SyntaxError:
        return False
    return True


def text_of(source, mode):
    """Return source so that a grammar for one statement takes it."""
    return source + "\n" if mode.endswith("single") else source


def forms(source, mode):
    """Yield source as text, bytes and tree."""
    text = text_of(source, mode)
    yield text
    yield text.encode()
    yield bytearray(text.encode())
    yield compile(text, "text", mode, ast.PyCF_ONLY_AST)


def takes(mode, source):
    """Whether a mode for statements takes source."""
    return not mode.endswith("eval") and (
        mode not in ("single", "async-single") or is_single(text_of(source, mode)))


def compiled(source, mode, flags=0, levels=LEVELS):
    """Yield the code objects of all forms at all levels."""
    for form, level in product(forms(source, mode), levels):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            yield compile(form, "text", mode, flags, True, level)


def needs_coroutine(code):
    return bool(code.co_flags & inspect.CO_COROUTINE)


DESCRIBE = """
def describe(code):
    constants = [describe(constant) if isinstance(constant, type(code)) else repr(constant)
                 for constant in code.co_consts if not isinstance(constant, frozenset)]
    return (code.co_code, code.co_flags, code.co_names, constants, code.co_linetable,
            code.co_exceptiontable, code.co_stacksize, code.co_firstlineno)
"""
exec(DESCRIBE)
STOCK_PROGRAM = DESCRIBE + """
import sys
wanted = eval(sys.stdin.read())
print(len(wanted), [(source, mode, level) for source, mode, level, description in wanted
                    if describe(compile(source, "text", mode, 0x2000, True, level)) != description])
"""


class ConstructTest(unittest.TestCase):
    """Each construct in each mode does what it does in an async function."""

    maxDiff = None

    def check_effect(self, source, mode, flags, coroutine):
        wanted = expected(source, mode.endswith("single"))
        for code in compiled(source, mode, flags):
            self.check_code(code, coroutine)
            namespace = tools()
            outcome = Outcome().run(eval, code, namespace)
            self.assertEqual(outcome.keep(namespace), wanted)

    def check_code(self, code, coroutine):
        """Whether it is a coroutine's, but module code as any."""
        self.assertEqual(needs_coroutine(code), coroutine)
        self.assertFalse(code.co_flags & (inspect.CO_NEWLOCALS | inspect.CO_OPTIMIZED
                                          | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
        self.assertEqual((code.co_name, code.co_varnames, code.co_argcount), ("<module>", (), 0))

    def check_all(self, sources, modes, flags, coroutine):
        done = 0
        for (name, source), mode in product(sources.items(), modes):
            if takes(mode, source):
                with self.subTest(name, mode=mode):
                    self.check_effect(source, mode, flags, coroutine)
                    done += 1
        self.assertGreater(done, len(sources))

    def test_every_place_of_the_grammar(self):
        """An await stands wherever the grammar has an expression, but where none can."""
        places, awaited = set(), set()
        for kind in vars(ast).values():
            if isinstance(kind, type) and issubclass(kind, ast.AST) and kind.__module__ == "ast":
                fields = re.findall(r"\bexpr[*?]? (\w+)", (kind.__doc__ or "").partition("(")[2])
                places.update((kind.__name__, field) for field in fields if field in kind._fields)
        for source in (*AWAITING.values(), *AWAITING_APART.values()):
            for node in ast.walk(ast.parse(source)):
                awaited.update((type(node).__name__, field) for field, value in ast.iter_fields(node)
                               for part in (value if isinstance(value, list) else [value])
                               if isinstance(part, ast.expr)
                               and any(isinstance(inner, ast.Await) for inner in ast.walk(part)))
        self.assertEqual({f"{kind}.{field}" for kind, field in places - awaited}, NEVER_AWAITED)

    def test_awaiting_in_async_modes(self):
        self.check_all(AWAITING, ASYNC_MODES, 0, True)

    def test_awaiting_with_flag(self):
        self.check_all(AWAITING, SYNC_MODES, FLAG, True)

    def test_plain_in_async_modes(self):
        self.check_all(PLAIN, ASYNC_MODES, 0, True)

    def test_plain_with_flag(self):
        self.check_all(PLAIN, SYNC_MODES, FLAG, False)

    def test_plain_without_flag(self):
        self.check_all(PLAIN, SYNC_MODES, 0, False)

    def test_awaiting_apart(self):
        for (name, source), mode in product(AWAITING_APART.items(), (*ASYNC_MODES, *SYNC_MODES)):
            if takes(mode, source):
                with self.subTest(name, mode=mode):
                    for code in compiled(source, mode, 0 if mode in ASYNC_MODES else FLAG):
                        self.check_code(code, True)

    def test_awaiting_is_refused_without_flag(self):
        for (name, source), mode in product(AWAITING.items(), SYNC_MODES):
            if takes(mode, source):
                with self.subTest(name, mode=mode), self.assertRaises(SyntaxError):
                    compile(text_of(source, mode), "text", mode)

    def test_expressions(self):
        for expression in EXPRESSIONS + PLAIN_EXPRESSIONS:
            wanted = Outcome().run(_async_value, expression)
            for code in compiled(expression, "async-eval"):
                with self.subTest(expression):
                    self.check_code(code, True)
                    self.assertEqual(Outcome().run(eval, code, tools()), wanted)

    def test_expressions_with_flag(self):
        for expression in EXPRESSIONS + PLAIN_EXPRESSIONS:
            wanted = Outcome().run(_async_value, expression)
            for code in compiled(expression, "eval", FLAG):
                with self.subTest(expression):
                    self.check_code(code, expression in EXPRESSIONS)
                    self.assertEqual(Outcome().run(eval, code, tools()), wanted)

    def test_flag_changes_nothing_where_nothing_awaits(self):
        for (name, source), mode, level in product(PLAIN.items(), SYNC_MODES, LEVELS):
            if takes(mode, source):
                with self.subTest(name, mode=mode):
                    text = text_of(source, mode)
                    self.assertEqual(compile(text, "text", mode, FLAG, True, level),
                                     compile(text, "text", mode, 0, True, level))

    def test_code_that_awaits_is_stocks_with_the_flag(self):
        """An async mode adds nothing to what awaits anyway, but that imports are awaited."""
        wanted = []
        for source, mode, level in product((*AWAITING.values(), *AWAITING_APART.values()),
                                           ("exec", "single"), LEVELS):
            if takes(mode, source):
                text = text_of(source, mode)
                code = compile(text, "text", f"async-{mode}", 0, True, level)
                if "import" in text:
                    flags = FLAG | AWAITS_IMPORTS
                else:
                    flags = FLAG
                    wanted.append((text, mode, level, describe(code)))    # noqa: F821
                self.assertEqual(code, compile(text, "text", mode, flags, True, level))
        self.assertGreater(len(wanted), 400)
        process = subprocess.run([STOCK, "-I", "-c", STOCK_PROGRAM], input=repr(wanted), text=True,
                                 capture_output=True, timeout=120)
        self.assertEqual(process.stdout, f"{len(wanted)} []\n", process.stderr)

    def test_multi_single_is_a_series_of_singles(self):
        statements = ["1", "a = 2", "a", "for b in range(2): b", "def f(): 3", "f()", "'four'"]
        code = compile("\n".join(statements), "text", "multi-single")
        outcome, one_by_one, namespace = Outcome(), Outcome(), {}
        outcome.run(eval, code, {})
        for statement in statements:
            one_by_one.run(exec, compile(statement + "\n", "text", "single"), namespace)
        self.assertEqual(outcome.shown, ["1", "2", "0", "1", "None", "'four'"])
        self.assertEqual(outcome.shown, one_by_one.shown)

    def test_nothing_is_shown_before_the_coroutine_runs(self):
        for mode in "async-single", "async-multi-single":
            outcome = Outcome()
            coroutine = eval(compile("1; await wait('w'); 2\n", "text", mode), {"wait": wait})
            self.assertEqual(outcome.shown, [])
            outcome.run(lambda: coroutine)
            self.assertEqual(outcome.shown, ["1", "'w'", "2"])


class TreeTest(unittest.TestCase):

    def test_kind(self):
        for mode, kind in GRAMMARS.items():
            tree = compile("1\n", "text", mode, ast.PyCF_ONLY_AST)
            self.assertIs(type(tree), kind)
            self.assertEqual(len(tree.body) if kind is not ast.Expression else 1, 1)

    def test_wrong_kind(self):
        kinds = ast.Module([], []), ast.Expression(ast.Constant(1)), ast.Interactive([])
        for mode, flags in product(OWN_MODES, (0, ast.PyCF_ONLY_AST)):
            for tree in (*kinds, ast.Name("x", ast.Load()), ast.FunctionType([], ast.Constant(1))):
                ast.fix_missing_locations(tree)
                if isinstance(tree, GRAMMARS[mode]):
                    compile(tree, "text", mode, flags)
                    continue
                with self.assertRaisesRegex(TypeError, f"^expected {GRAMMARS[mode].__name__} node, "
                                                       f"got {type(tree).__name__}$"):
                    compile(tree, "text", mode, flags)

    def test_invalid_tree(self):
        with self.assertRaises(ValueError):
            compile(NO_IMPORT, "text", "async-exec")

    def test_tree_is_its_own_result(self):
        tree = ast.parse("await x")
        self.assertIs(compile(tree, "text", "async-exec", ast.PyCF_ONLY_AST), tree)

    def test_positions(self):
        source = "a = 1\nawait b\n"
        ours = compile(source, "text", "async-multi-single", ast.PyCF_ONLY_AST)
        stock = compile(source, "text", "exec", ast.PyCF_ONLY_AST)
        self.assertEqual([ast.dump(node, include_attributes=True) for node in ours.body],
                         [ast.dump(node, include_attributes=True) for node in stock.body])

    def test_type_comments(self):
        tree = compile("a = 1 # type: int\n", "text", "multi-single",
                       ast.PyCF_ONLY_AST | ast.PyCF_TYPE_COMMENTS)
        self.assertEqual(tree.body[0].type_comment, "int")


class ErrorTest(unittest.TestCase):

    def assertRefused(self, source, mode, message, span=None, flags=0):
        forms_of_it = [source]
        with contextlib.suppress(SyntaxError):
            forms_of_it.append(compile(source, "text", mode, flags | ast.PyCF_ONLY_AST))
        for form, level in product(forms_of_it, LEVELS):
            with self.subTest(source, mode=mode, level=level):
                with self.assertRaises(SyntaxError) as caught:
                    compile(form, "text", mode, flags, True, level)
                error = caught.exception
                self.assertEqual(error.msg, message)
                self.assertEqual(error.filename, "text")
                if span is not None:
                    self.assertEqual((error.lineno, error.offset, error.end_lineno,
                                      error.end_offset), span)

    def test_top_level(self):
        behind = " (code that awaits at the top level is still no function)"
        for mode in "async-exec", "async-single", "async-multi-single":
            for source, word, span in [
                ("yield", "yield", (1, 1, 1, 6)), ("a = yield 1", "yield", (1, 5, 1, 12)),
                ("yield from a", "yield", (1, 1, 1, 13)), ("if 0: yield", "yield", (1, 7, 1, 12)),
                ("assert (yield)", "yield", (1, 9, 1, 14)), ("return", "return", (1, 1, 1, 7)),
                ("return await a", "return", (1, 1, 1, 15)), ("if 0: return", "return", (1, 7, 1, 13)),
            ]:
                self.assertRefused(source + "\n", mode, f"'{word}' outside function{behind}", span)
            self.assertRefused("nonlocal a\n", mode, "nonlocal declaration not allowed at module level",
                               (1, 1, 1, 11))

    def test_inner_blocks(self):
        body, plain_def = " (the body of a class cannot await)", " ('async def' can await, 'def' cannot)"
        comprehension = "asynchronous comprehension outside of an asynchronous function"
        for mode in "async-exec", "async-single", "async-multi-single", "multi-single":
            for source, message, span in [
                ("class A: await a", f"'await' outside function{body}", (1, 10, 1, 17)),
                ("class A:\n async with a: pass", f"'async with' outside async function{body}",
                 (2, 2, 2, 20)),
                ("class A:\n async for a in b: pass", f"'async for' outside async function{body}",
                 (2, 2, 2, 24)),
                ("class A: [a async for a in b]", comprehension + body, (1, 10, 1, 30)),
                ("def f(): await a", f"'await' outside async function{plain_def}", (1, 10, 1, 17)),
                ("def f(): [await a for a in b]", comprehension + plain_def, (1, 10, 1, 30)),
                ("def f():\n async for a in b: pass", f"'async for' outside async function{plain_def}",
                 (2, 2, 2, 24)),
                ("class A: assert await a", f"'await' outside function{body}", (1, 17, 1, 24)),
                ("class A: (a for a in await b)", f"'await' outside function{body}", (1, 22, 1, 29)),
                ("class A: assert [a async for a in b]", comprehension + body, (1, 17, 1, 37)),
                ("class A: assert (yield)", "'yield' outside function", (1, 18, 1, 23)),
                ("def f(): assert await a", f"'await' outside async function{plain_def}",
                 (1, 17, 1, 24)),
                ("def f(): a: await b", f"'await' outside async function{plain_def}", (1, 13, 1, 20)),
                ("async def f():\n def g(): [await a for a in b]", comprehension + plain_def,
                 (2, 11, 2, 31)),
                ("async def f(): lambda: await a",
                 "'await' outside async function (a lambda cannot await)", (1, 24, 1, 31)),
                ("assert lambda: await a", "'await' outside async function (a lambda cannot await)",
                 (1, 16, 1, 23)),
                ("lambda: await a", "'await' outside async function (a lambda cannot await)",
                 (1, 9, 1, 16)),
                ("lambda: [a async for a in b]", f"{comprehension} (a lambda cannot await)",
                 (1, 9, 1, 29)),
            ]:
                self.assertRefused(source + "\n\n" if mode == "async-single" else source, mode, message,
                                   span)

    def test_a_mode_that_takes_it(self):
        self.assertRefused("await a", "multi-single",
                           "'await' outside function (mode 'async-multi-single' allows it)",
                           (1, 1, 1, 8))
        self.assertRefused("async for a in b: pass", "multi-single", "'async for' outside async function "
                           "(mode 'async-multi-single' allows it)")
        self.assertRefused("assert await a", "multi-single",
                           "'await' outside function (mode 'async-multi-single' allows it)")
        self.assertRefused("[a async for a in b]", "multi-single", "asynchronous comprehension outside "
                           "of an asynchronous function (mode 'async-multi-single' allows it)")
        self.assertRefused("1\n2", "async-single", "multiple statements found while compiling a single "
                           "statement (mode 'async-multi-single' takes any number)")
        self.assertRefused("a = await b", "async-eval", "invalid syntax (mode 'async-eval' takes one "
                           "expression, 'async-exec' takes statements)")
        self.assertRefused("a b", "async-eval", "invalid syntax")

    def test_stock_modes_keep_their_texts(self):
        for flags in 0, FLAG:
            for source in "class A: await a", "yield", "return":
                message = f"'{source.split()[-2] if 'A' in source else source}' outside function"
                self.assertRefused(source, "exec", message, flags=flags)
        self.assertRefused("await a", "exec", "'await' outside function")
        self.assertRefused("async for a in b: pass", "exec", "'async for' outside async function")

    def test_future_annotations(self):
        self.assertRefused("from __future__ import annotations\na: await b", "async-exec",
                           "'await expression' can not be used within an annotation", (2, 4, 2, 11))

    def test_unknown_mode(self):
        names = "'exec', 'eval', 'single', {}'async-exec', 'async-eval', 'async-single', " \
                "'multi-single' or 'async-multi-single'"
        for mode in "", "async", "async-", "Async-exec", "async-func_type", "multi-exec":
            with self.assertRaises(ValueError) as caught:
                compile("1", "text", mode)
            self.assertEqual(str(caught.exception), "compile() mode must be " + names.format(""))
            with self.assertRaises(ValueError) as caught:
                compile("1", "text", mode, ast.PyCF_ONLY_AST)
            self.assertIn("'single', 'func_type', ", str(caught.exception))

    def test_incomplete_input(self):
        for mode in OWN_MODES:
            source = "(await a," if mode != "multi-single" else "(a,"
            with self.assertRaisesRegex(SyntaxError, "^incomplete input"):
                compile(source, "text", mode, 0x4000)

    def test_private_flags(self):
        for bit in range(32):
            if not (1 << bit) & (0x1FE7E10 | __future__.top_level_await.compiler_flag
                                 | AWAITS_IMPORTS):
                with self.subTest(bit), self.assertRaisesRegex((ValueError, OverflowError),
                                                               "unrecognised flags|too large"):
                    compile("1", "text", "exec", 1 << bit)

    def test_arguments(self):
        for arguments, error in [(("1", "text"), TypeError), ((1, "text", "async-exec"), TypeError),
                                 (("a\0", "text", "async-exec"), ValueError),
                                 (("1", "te\0xt", "async-exec"), ValueError),
                                 (("1", "text", "async-exec\0"), ValueError),
                                 (("1", "text", b"async-exec"), TypeError),
                                 (("1", "text", "async-exec", 0, 0, 3), ValueError)]:
            with self.subTest(arguments), self.assertRaises(error):
                compile(*arguments)
        code = compile(source=b"# coding: latin-1\na = '\xe9'", filename=b"text", mode="async-exec",
                       flags=0, dont_inherit=True, optimize=0)
        self.assertIn("\xe9", code.co_consts)

    def test_nesting(self):
        deep = "(" * 100 + "await a" + ")" * 100
        compile(deep, "text", "async-eval")
        for mode in OWN_MODES:
            with self.assertRaises((RecursionError, MemoryError, SyntaxError)):
                compile("-" * 100000 + "a\n", "text", mode)


class NamespaceTest(unittest.TestCase):
    """Top-level code stays module code."""

    def run_code(self, source, *namespaces, mode="async-exec", level=-1):
        return Outcome().run(eval, compile(source, "text", mode, optimize=level), *namespaces)

    def test_one_namespace(self):
        for mode in "async-exec", "async-multi-single", "async-single":
            namespace = {}
            self.run_code("a = globals() is locals(); b = dict(globals())\n", namespace, mode=mode)
            self.assertIs(namespace["a"], True)
            self.assertIs(namespace["b"]["a"], True)

    def test_two_namespaces(self):
        class Mapping(dict):
            def __missing__(self, name):
                if name == "missing":
                    return 7
                raise KeyError(name)

        namespace, variables = tools() | {"c": 3}, Mapping()
        self.run_code("a = await later(missing)\nglobal b\nb = await later(c)\nc = 4\n"
                      "d = locals()\ndef f(): return c", namespace, variables)
        self.assertEqual((variables["a"], namespace["b"], variables["c"], namespace["c"]), (7, 3, 4, 3))
        self.assertIs(variables["d"], variables)
        self.assertEqual(variables["f"](), 3)
        self.assertNotIn("b", variables)

    def test_names_are_seen_at_once(self):
        namespace = tools()
        coroutine = eval(compile("a = 1\nawait later(2)\nb = a", "text", "async-exec"), namespace)
        coroutine.send(None)
        self.assertEqual(namespace["a"], 1)
        namespace["a"] = 5
        with self.assertRaises(StopIteration):
            coroutine.send(None)
        self.assertEqual(namespace["b"], 5)

    def test_annotations(self):
        namespace = tools()
        self.run_code("a: int = await later(1)\nb: await later(str)", namespace)
        self.assertEqual(namespace["__annotations__"], {"a": int, "b": str})

    def test_documentation(self):
        for level, text in (0, "text"), (1, "text"), (2, None):
            namespace = {}
            self.run_code("'text'\na = 1", namespace, level=level)
            self.assertEqual(namespace.get("__doc__"), text)

    def test_debug(self):
        for level in LEVELS:
            outcome = self.run_code("assert await later(0)", tools(), level=level)
            self.assertEqual(outcome.error is None, level > 0)
            self.assertEqual(outcome.waited, [] if level else ["0"])

    def test_stop_iteration(self):
        for source in "raise StopIteration(1)", "next(iter([]))", "await later(next(iter([])))":
            for mode, flags in ("async-exec", 0), ("async-multi-single", 0), ("exec", FLAG):
                source += "\nawait later(1)"
                outcome = Outcome().run(eval, compile(source, "text", mode, flags), tools())
                self.assertEqual(outcome.error, (RuntimeError, ("coroutine raised StopIteration",),
                                                 StopIteration))

    def test_names_of_functions(self):
        namespace = {}
        self.run_code("def f(): pass\nclass A:\n    def m(self): pass", namespace)
        self.assertEqual(namespace["f"].__qualname__, "f")
        self.assertEqual(namespace["A"].m.__qualname__, "A.m")

    def test_flags_do_not_leak(self):
        for mode in ("async-exec", "async-single", "async-multi-single"):
            for inner in ("compile('await a', 'text', 'exec')", "exec('await a')", "eval('await a')",
                          "compile('await a', 'text', 'multi-single')",
                          "compile(__import__('ast').parse('await a'), 'text', 'exec')"):
                outcome = self.run_code(inner + "\n", {}, mode=mode)
                self.assertIs(outcome.error[0], SyntaxError, inner)
            namespace = {}
            self.run_code("a = compile('b', 'text', 'exec').co_flags\n", namespace, mode=mode)
            self.assertEqual(namespace["a"], 0)

    def test_features_are_inherited(self):
        source = "from __future__ import annotations\na = compile('b: c', 't', 'async-exec').co_flags"
        namespace = {}
        code = compile(source, "text", "async-exec")
        self.assertTrue(code.co_flags & 0x1000000)
        Outcome().run(eval, code, namespace)
        self.assertEqual(namespace["a"], 0x1000000 | inspect.CO_COROUTINE)
        exec(source.replace("'async-exec')", "'async-exec', dont_inherit=True)"), namespace)
        self.assertEqual(namespace["a"], inspect.CO_COROUTINE)

    def test_traceback(self):
        try:
            Outcome().drive(eval(compile("\n\n1 / 0", "text", "async-exec"), {}))
        except ZeroDivisionError as error:
            traceback = error.__traceback__
            while traceback.tb_next:
                traceback = traceback.tb_next
            self.assertEqual((traceback.tb_lineno, traceback.tb_frame.f_code.co_name),
                             (3, "<module>"))


class TopLevelWalk(ast.NodeVisitor):
    """Whether a tree awaits outside of functions and generator expressions: a second opinion."""

    answer = False

    def visit_Await(self, node):
        self.answer = True

    visit_AsyncFor = visit_AsyncWith = visit_Await

    def visit_comprehension(self, node):
        self.answer |= bool(node.is_async)
        self.generic_visit(node)

    def visit_GeneratorExp(self, node):
        self.visit(node.generators[0].iter)

    def visit_Lambda(self, node):
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)

    def visit_FunctionDef(self, node):
        self.visit_Lambda(node)
        for part in (*node.decorator_list, node.returns):
            if part is not None:
                self.visit(part)
        for part in ast.walk(node.args):
            if isinstance(part, ast.arg) and part.annotation is not None:
                self.visit(part.annotation)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)


class TreeMutation:
    """Modules made of a statement of a file, or of the body of one, with expressions exchanged."""

    WRAPPERS = (
        ast.Await, ast.Await, ast.Await, ast.Yield, ast.YieldFrom,
        lambda value: ast.Starred(value, ast.Load()),
        lambda value: ast.Lambda(NO_ARGUMENTS, ast.Await(value)),
        lambda value: ast.NamedExpr(ast.Name("__debug__", ast.Store()), value),
        lambda value: ast.ListComp(value, [ast.comprehension(NAME, value, [], 1)]),
        lambda value: ast.GeneratorExp(ast.Await(value), [ast.comprehension(NAME, NAME_READ, [], 0)]),
        lambda value: None,
    )

    def __init__(self, chance):
        self.chance = chance
        self.statements = {}

    def __call__(self, tree):
        if tree not in self.statements:
            self.statements[tree] = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
        statement = copy.deepcopy(self.chance.choice(self.statements[tree]))
        body = [statement]
        if self.chance.random() < 0.5:
            body = getattr(statement, "body", body)
        module = ast.Module(body, [])
        for _ in range(self.chance.randint(0, 2)):
            self.exchange(module)
        return ast.fix_missing_locations(module)

    def exchange(self, module):
        places = [(node, field, value) for node in ast.walk(module)
                  for field, value in ast.iter_fields(node)
                  if isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", ast.Load()), ast.Load)]
        if places:
            node, field, value = self.chance.choice(places)
            setattr(node, field, self.chance.choice(self.WRAPPERS)(value))


NAME, NAME_READ = ast.Name("item", ast.Store()), ast.Name("items", ast.Load())
NO_ARGUMENTS = ast.arguments([], [], None, [], [], None, [])


class IsAsyncTest(unittest.TestCase):

    def assertIsAsync(self, source, answer):
        for form in (source, source.encode(), ast.parse(source), compile(source, "t", "exec", FLAG)):
            with self.subTest(source, form=type(form)):
                self.assertIs(ast.is_async(form), answer)

    def test_statements(self):
        for source in (AWAITING | AWAITING_APART).values():
            self.assertIsAsync(source, True)
        for source in PLAIN.values():
            self.assertIsAsync(source, False)

    def test_random_programs(self):
        choose = random.Random(4)
        pool = [*AWAITING.values(), *AWAITING_APART.values(), *PLAIN.values(), *EXPRESSIONS]
        scraps = ["await ", "async ", "lambda: ", "def f():\n ", "class A:\n ", "(", ")", "\n", ":", "=",
                  "for x in y", "async for x in y", "[x async for x in y]", "(x async for x in y)",
                  "(await x for x in await y)", "assert ", "if 0: ", "x", "yield", "return "]
        answers = {True: 0, False: 0, None: 0}
        for _ in range(3000):
            source = choose.choice(pool)
            for _ in range(choose.randint(0, 3)):
                start = choose.randint(0, len(source))
                source = source[:start] + choose.choice(scraps) + source[start + choose.randint(0, 4):]
            self.check_against_compile(source, answers)
        self.assertGreater(min(answers.values()), 100)

    def check_against_compile(self, source, answers):
        """is_async(), a walk over the tree, and the compiler say the same of source."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                code = compile(source, "text", "exec", FLAG, optimize=0)
                compile(source, "text", "async-exec", optimize=2)
            except SyntaxError:
                answers[None] += 1
                self.assertRaises(SyntaxError, ast.is_async, source)
                return
            answer = ast.is_async(source)
            tree = ast.parse(source)
            walk = TopLevelWalk()
            walk.visit(tree)
        answers[answer] += 1
        self.assertEqual([answer] * 3, [needs_coroutine(code), walk.answer, ast.is_async(tree)], source)

    def test_other_trees(self):
        for source, mode in product(EXPRESSIONS + PLAIN_EXPRESSIONS, ("eval", "single")):
            tree = compile(source + "\n", "text", mode, ast.PyCF_ONLY_AST)
            self.assertIs(ast.is_async(tree), source in EXPRESSIONS)

    def test_code(self):
        for mode in ASYNC_MODES:
            self.assertIs(ast.is_async(compile("1\n", "text", mode)), True)
        for mode in SYNC_MODES:
            self.assertIs(ast.is_async(compile("1\n", "text", mode)), False)
        self.assertIs(ast.is_async(later.__code__), True)
        self.assertIs(ast.is_async(tools.__code__), False)
        self.assertIs(ast.is_async(numbers.__code__), False)

    def test_no_program(self):
        for source in ("nonlocal x", "return await x", "return", "yield", "yield from x", "if 0: yield",
                       "assert (yield)", "class A: await x", "def f(): await x", "lambda: await x",
                       "def f(): nonlocal y", "break", "await x = 1", "await", "x +", "continue",
                       "def f(a, a): await b", "x; global x; await x", "from __future__ import nope",
                       "class A: [a async for a in b]", "await x\n  y", "__debug__ = await x",
                       "*a, *b = await c", "try: await x\nexcept: pass\nexcept A: pass",
                       "from __future__ import annotations\nx: await y", "await (yield)"):
            with self.subTest(source), self.assertRaises(SyntaxError):
                ast.is_async(source)
            with contextlib.suppress(SyntaxError):
                tree = ast.parse(source)
                with self.subTest(source), self.assertRaises(SyntaxError) as caught:
                    ast.is_async(tree)
                self.assertIsNotNone(caught.exception.lineno)

    def test_other_types(self):
        for thing in (None, 1, 1.5, [], later, ast.Name("x", ast.Load()), ast.Expr(ast.Constant(1)),
                      ast.parse("() -> int", mode="func_type"), ast, object()):
            with self.subTest(thing), self.assertRaises(TypeError):
                ast.is_async(thing)

    def test_invalid_trees(self):
        for tree, error in [(ast.Module([3], []), TypeError), (ast.Expression(None), ValueError),
                            (ast.Module([ast.Pass()], []), TypeError), (NO_IMPORT, ValueError)]:
            with self.subTest(tree), self.assertRaises(error):
                ast.is_async(tree)

    def test_no_warnings(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertIs(ast.is_async(ast.parse("assert (await x, 'y')")), True)

    def outcome(self, function, *arguments):
        """What is answered, or raised: the same error with the same text and place."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return function(*arguments)
            except (SyntaxError, TypeError, ValueError) as error:
                return type(error), error.args

    def test_trees_are_judged_as_by_compile(self):
        """A tree is refused with the error of a compile, and answered as its code is."""
        folder = os.path.dirname(ast.__file__)
        mutate = TreeMutation(random.Random(7))
        counts = {True: 0, False: 0, "refused": 0}
        for name in ("asyncio/tasks.py", "contextlib.py", "dataclasses.py", "typing.py", "re/_parser.py"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                tree = ast.parse(file.read())
            self.check_tree(tree, counts)
            for _ in range(400):
                self.check_tree(mutate(tree), counts)
        self.assertGreater(min(counts.values()), 150, counts)

    def check_tree(self, tree, counts):
        answer = self.outcome(ast.is_async, tree)
        code = self.outcome(compile, tree, "<unknown>", "async-exec")
        if isinstance(code, types.CodeType):
            flagged = self.outcome(compile, tree, "<unknown>", "exec", FLAG)
            self.assertIs(answer, needs_coroutine(flagged), ast.dump(tree))
            counts[answer] += 1
        else:
            self.assertEqual(answer, code, ast.dump(tree))
            counts["refused"] += 1

    def test_question_leaves_the_tree(self):
        tree = ast.parse("a = 1 + 2\nawait b")
        before = ast.dump(tree)
        self.assertIs(ast.is_async(tree), True)
        self.assertEqual(ast.dump(tree), before)


class AexecTest(unittest.TestCase):

    def drive(self, coroutine):
        return Outcome().drive(coroutine)

    def test_sources(self):
        for source in ("a = await later(2)", b"a = await later(2)", ast.parse("a = await later(2)"),
                       compile("a = await later(2)\n", "text", "single", ast.PyCF_ONLY_AST),
                       compile("a = await later(2)", "text", "async-exec"),
                       compile("a = await later(2)", "text", "exec", FLAG), "a = 2", ast.parse("a = 2"),
                       compile("a = 2", "text", "exec"), compile("(a := 2)", "text", "eval"),
                       compile("(a := await later(2))", "text", "async-eval")):
            with self.subTest(source):
                namespace = tools()
                coroutine = aexec(source, namespace)
                self.assertTrue(inspect.iscoroutine(coroutine))
                self.assertNotIn("a", namespace)
                self.assertIsNone(self.drive(coroutine))
                self.assertEqual(namespace["a"], 2)

    def test_values(self):
        for source in ("await later(2)", b" \tawait later(2)", ast.parse("await later(2)", mode="eval"),
                       compile("await later(2)", "text", "async-eval"), "2", compile("2", "text", "eval"),
                       compile("await later(2)", "text", "eval", FLAG)):
            with self.subTest(source):
                self.assertEqual(self.drive(aeval(source, tools())), 2)
        self.assertIsNone(self.drive(aeval(compile("2", "text", "exec"), {})))

    def test_display(self):
        tree = compile("await later(1); 2\n", "text", "single", ast.PyCF_ONLY_AST)
        self.assertEqual(Outcome().run(aexec, tree, tools()).shown, ["1", "2"])

    def test_namespaces_of_the_caller(self):
        local = 5
        self.assertEqual(self.drive(aeval("(local, later is not None)")), (5, True))
        self.drive(aexec("global from_aexec; from_aexec = await later(local)"))
        self.assertEqual(globals().pop("from_aexec"), local)

    def test_separate_locals(self):
        namespace, variables = tools(), {}
        self.drive(aexec("a = await later(3)", namespace, variables))
        self.assertEqual(variables, {"a": 3})
        self.assertIn("__builtins__", namespace)
        self.assertEqual(self.drive(aeval("a", namespace, variables)), 3)
        self.drive(aexec("b = 1", None, variables))
        self.assertEqual(variables["b"], 1)

    def test_refused(self):
        free = (lambda: free).__code__
        for arguments, error in [((), TypeError), ((1,), TypeError), (("1", 2), TypeError),
                                 (("1", {}, 2), TypeError), (("1", {}, {}, {}), TypeError),
                                 ((free,), TypeError), (("a\0",), ValueError), (("a b",), SyntaxError),
                                 (("return 1",), SyntaxError), ((ast.Name("a", ast.Load()),), TypeError)]:
            for function in aexec, aeval:
                with self.subTest(arguments, function=function), self.assertRaises(error):
                    function(*arguments)
        with self.assertRaises(TypeError):
            aexec(ast.parse("1", mode="eval"))
        with self.assertRaises(TypeError):
            aeval(ast.parse("1"))
        with self.assertRaises(TypeError):
            aexec(source="1")

    def test_coroutine_in_a_name(self):
        for function in aexec, aeval:
            coroutine = function("1")
            self.assertEqual((coroutine.__name__, coroutine.__qualname__), (function.__name__,) * 2)
            coroutine.close()
            self.assertIsInstance(inspect.signature(function), inspect.Signature)
            self.assertIn("await", function.__doc__)

    def test_errors_come_out(self):
        for source in "1 / 0", "await later(1 / 0)", compile("1 / 0", "text", "eval"):
            with self.assertRaises(ZeroDivisionError):
                self.drive(aexec(source, tools()))

    def coroutines(self, text):
        """The same statements run by aexec() and aeval() in each form, with their namespaces."""
        for function, source in ((aexec, text), (aexec, compile(text, "text", "async-exec")),
                                 (aeval, compile(text, "text", "async-exec"))):
            namespace = {"wait": wait}
            yield function(source, namespace), namespace

    def test_thrown_and_closed(self):
        text = "try:\n    await wait(1)\nexcept KeyError:\n    a = 'thrown'\nfinally:\n    b = 'left'\n"
        for coroutine, namespace in self.coroutines(text):
            coroutine.send(None)
            self.assertRaises(StopIteration, coroutine.throw, KeyError())
            self.assertEqual((namespace["a"], namespace["b"]), ("thrown", "left"))
        for coroutine, namespace in self.coroutines(text):
            coroutine.send(None)
            coroutine.close()
            self.assertEqual((namespace.get("a"), namespace["b"]), (None, "left"))
            self.assertEqual(inspect.getcoroutinestate(coroutine), inspect.CORO_CLOSED)

    def test_context_is_the_awaiters(self):
        # In a copy: a context keeps its variables for ever.
        contextvars.copy_context().run(self.check_context)

    def check_context(self):
        variable = contextvars.ContextVar("variable")
        for coroutine, namespace in self.coroutines("a = variable.get()\nvariable.set(a + 1)\n"):
            namespace["variable"] = variable
            variable.set(4)
            self.drive(coroutine)
            self.assertEqual((namespace["a"], variable.get()), (4, 5))

    def test_never_awaited(self):
        for coroutine, _ in self.coroutines("1"):
            with self.assertWarnsRegex(RuntimeWarning, f"coroutine '{coroutine.__name__}' was never awaited"):
                del coroutine
                gc.collect()

    def test_origin(self):
        self.addCleanup(sys.set_coroutine_origin_tracking_depth, 0)
        sys.set_coroutine_origin_tracking_depth(1)
        for coroutine, _ in self.coroutines("1"):
            self.assertEqual([function for *_, function in coroutine.cr_origin], ["coroutines"])
            coroutine.close()

    def test_stop_iteration(self):
        for coroutine, _ in self.coroutines("raise StopIteration(1)"):
            with self.assertRaisesRegex(RuntimeError, "coroutine raised StopIteration"):
                coroutine.send(None)

    def frames_of_error(self, coroutine):
        try:
            self.drive(coroutine)
        except ZeroDivisionError as error:
            frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
            return [code.co_name for code in frames if code.co_filename != __file__]
        self.fail("no error")

    def test_frames_of_errors(self):
        """No frame of aexec() or aeval() itself, but around code objects that cannot do without."""
        codes = {mode: compile("1 / 0", "text", mode) for mode in ("exec", "eval", *ASYNC_MODES)}
        bare = [(aexec, "1 / 0"), (aeval, "1 / 0"), (aexec, ast.parse("1 / 0")),
                *((aeval, codes[mode]) for mode in ASYNC_MODES)]
        runner = [(aexec, codes["exec"]), (aeval, codes["eval"]), (aexec, codes["async-exec"])]
        for (function, source), names in [*product(bare, [["<module>"]]), *product(runner, [None])]:
            with self.subTest(function=function, source=source):
                self.assertEqual(self.frames_of_error(function(source, tools())),
                                 names or [function.__name__, "<module>"])

    def test_features_of_the_caller(self):
        namespace = {"wait": wait}
        exec("from __future__ import annotations\nc = aexec('a: undefined = 1', {'__name__': 'm'})",
             namespace)
        self.drive(namespace["c"])


class ProgramTest(unittest.TestCase):
    """In a process of its own."""

    def run_program(self, program):
        process = subprocess.run([sys.executable, "-I", "-c", textwrap.dedent(program)],
                                 capture_output=True, text=True, timeout=120)
        self.assertEqual(process.stderr, "")
        return process.stdout.splitlines()

    def test_audit(self):
        lines = self.run_program("""
            import ast, sys
            tree, code = ast.parse("1"), compile("1", "text", "exec")
            aexec(code).close()     # compiles what runs code objects, once
            def hook(event, arguments):
                if event in ("compile", "exec"):
                    print(event, *(type(argument).__name__ for argument in arguments))
            sys.addaudithook(hook)
            for mode in "exec", "async-exec":
                compile("1", "text", mode); compile(tree, "text", mode); print()
            aexec("1").close(); print()
            aexec(code).close(); aeval(code).close()
            """)
        self.assertEqual(lines, ["compile bytes str", "compile Module NoneType", ""] * 2
                         + ["compile bytes str", "exec code", "", "exec code", "exec code"])

    def test_threads_and_subinterpreters(self):
        lines = self.run_program("""
            import _xxsubinterpreters as interpreters, threading
            source = '''
            import types
            @types.coroutine
            def wait(): return (yield)
            for i in range(300):
                namespace = {'wait': wait}
                coroutine = aexec(f"a = {i}; await wait(); b = [c async for c in d()]", namespace)
                coroutine.send(None)
                coroutine.close()
                assert namespace['a'] == i
                coroutine = aeval(compile(str(i), 't', 'eval'))
                try: coroutine.send(None)
                except StopIteration as stop: assert stop.value == i
            print('done', flush=True)
            '''.replace('\\n            ', '\\n')
            threads = [threading.Thread(target=exec, args=(source, {})) for _ in range(3)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            interpreter = interpreters.create()
            interpreters.run_string(interpreter, source)
            interpreters.destroy(interpreter)
            """)
        self.assertEqual(lines, ["done"] * 4)

    def test_out_of_memory(self):
        """With any one allocation failing, there is a result or a MemoryError."""
        lines = self.run_program("""
            import ast
            from _testcapi import remove_mem_hooks, set_nomemory
            source = "'d'\\na: int = await b\\nclass A(await c): pass\\n[d async for d in e]\\n"
            tree, code = ast.parse(source), compile("1", "text", "exec")
            jobs = [
                lambda: compile(source, "text", "async-exec"),
                lambda: compile(source, "text", "async-multi-single"),
                lambda: compile(source, "text", "async-multi-single", ast.PyCF_ONLY_AST),
                lambda: compile(tree, "text", "async-exec"),
                lambda: ast.is_async(source),
                lambda: ast.is_async(tree),
                lambda: aexec("a", {}).close(),
                lambda: aeval(code, {}).close(),
            ]
            for job in jobs:
                failed = succeeded = 0
                while succeeded < 50:
                    set_nomemory(failed + succeeded + 1, failed + succeeded + 2)
                    try:
                        job()
                        succeeded += 1
                    except (MemoryError, RuntimeError):
                        failed += 1
                    finally:
                        remove_mem_hooks()
                assert failed > 3, failed
            print("done")
            """)
        self.assertEqual(lines, ["done"])

    def test_unawaited(self):
        process = subprocess.run([sys.executable, "-I", "-c", "aexec('1')"], capture_output=True,
                                 text=True, timeout=120)
        self.assertIn("coroutine 'aexec' was never awaited", process.stderr)


if __name__ == "__main__":
    unittest.main()
