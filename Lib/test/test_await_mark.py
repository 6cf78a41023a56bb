"""The mark `from __future__ import top_level_await`, and imports that are awaited: the compiler.

What code is made, and what it does with a hook of the test's own in the place of __aimport__();
what that one does is tested elsewhere.
"""

import __future__
import ast
import asyncio
import codeop
import dis
import gc
import inspect
import marshal
import modulefinder
import os
import subprocess
import symtable
import sys
import tempfile
import textwrap
import traceback
import types
import unittest
import warnings
from contextlib import redirect_stdout
from io import StringIO
from itertools import product

from join_support import PROGRAM, STOCK

MARK = __future__.top_level_await.compiler_flag
ALLOW_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
AWAITS_IMPORTS = 0x8000000
COROUTINE = inspect.CO_COROUTINE
HEAD = "from __future__ import top_level_await\n"


def tearDownModule():
    asyncio.set_event_loop_policy(None)


def marked(source, mode="exec", flags=0, optimize=-1):
    return compile(HEAD + textwrap.dedent(source), "text", mode, flags, True, optimize)


def codes_in(code):
    """All code objects inside, at any depth."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from codes_in(constant)


def batches_of(code):
    """The constants that __aimport__ is called with."""
    instructions = list(dis.get_instructions(code))
    return [following.argval for instruction, following in zip(instructions, instructions[1:])
            if instruction.argval == "__aimport__"]


def names_of(code):
    return [" ".join(request[0] for request in batch) for batch in batches_of(code)]


def imports_of(code):
    """(name, fromlist, level) of each plain import."""
    instructions = list(dis.get_instructions(code))
    return [(instruction.argval, instructions[at - 1].argval, instructions[at - 2].argval)
            for at, instruction in enumerate(instructions) if instruction.opname == "IMPORT_NAME"]


class Hook:
    """Stands for __aimport__: keeps what happens, makes modules, fails where it is told to."""

    def __init__(self, **failures):
        self.events = []
        self.failures = failures

    def __call__(self, *arguments):
        self.events.append(("call", *arguments))
        return self.run(*arguments)

    async def run(self, requests):
        await asyncio.sleep(0)
        left = iter(requests)
        self.events.append(("ready",))

        def take():
            name = next(left)[0]
            self.events.append(("take", name))
            if name in self.failures:
                raise self.failures[name]
            module = types.ModuleType(name)
            module.__dict__.update(a=name + ".a", b=types.SimpleNamespace(c=name + ".b.c"))
            return module

        return take


def run(code, namespace):
    result = eval(code, namespace)
    if code.co_flags & COROUTINE:
        return asyncio.run(result)
    return result


class FlagTest(unittest.TestCase):

    def test_feature(self):
        self.assertEqual(MARK, 0x10000000)
        self.assertIn("top_level_await", __future__.all_feature_names)
        self.assertIn("top_level_await", __future__.__all__)
        self.assertIsNone(__future__.top_level_await.getMandatoryRelease())

    def test_module_has_the_flag(self):
        for source, mode in product(["", "1\n", "import a\n", "await a\n"], ["exec", "multi-single"]):
            self.assertEqual(marked(source, mode).co_flags & ~COROUTINE, MARK)
        for mode in "exec", "single", "eval":
            self.assertEqual(compile("await a", "", mode, MARK, True).co_flags, MARK | COROUTINE)
            self.assertEqual(compile("a", "", mode, MARK, True).co_flags, MARK)

    def test_nothing_inside_has_it(self):
        code = marked("""
            def f(): import a
            async def g():
                await a
                yield
            class A:
                import b
                def h(self): pass
            [a for a in b]
            await (lambda: [c for c in d])()
            """)
        inside = list(codes_in(code))
        self.assertGreaterEqual(len(inside), 7)
        for constant in inside:
            self.assertFalse(constant.co_flags & MARK, constant)

    def test_not_inherited(self):
        source = """
            code = compile('import a', '', 'exec')
            exec("inner = compile('import a', '', 'exec')")
            evaluated = eval("compile('import a', '', 'exec')")
            try:
                compile('await a', '', 'exec')
            except SyntaxError as error:
                refused = str(error)
            """
        source = textwrap.dedent(source)
        for text in source, source + "await nothing()\n":
            async def nothing():
                pass

            namespace = {"nothing": nothing}
            run(marked(text), namespace)
            for name in "code", "inner", "evaluated":
                self.assertEqual(namespace[name], compile("import a", "", "exec", 0, True))
            self.assertEqual(namespace["refused"], "'await' outside function (, line 1)")

    def test_other_features_are_inherited(self):
        namespace = {}
        run(compile("from __future__ import top_level_await, annotations\n"
                    "code = compile('a: b', '', 'exec')", "", "exec"), namespace)
        self.assertEqual(namespace["code"].co_flags, __future__.CO_FUTURE_ANNOTATIONS)

    def test_marshal(self):
        for source in "", "import a":
            code = marked(source)
            self.assertEqual(marshal.loads(marshal.dumps(code)), code)
            self.assertEqual(marshal.loads(marshal.dumps(code)).co_flags, code.co_flags)
            self.assertEqual(code.replace(co_name="b").co_flags, code.co_flags)

    def test_stock_refuses_the_mark(self):
        outcome = subprocess.run([STOCK, "-I", "-c", HEAD + "await a"], capture_output=True,
                                 text=True)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("SyntaxError: future feature top_level_await is not defined",
                      outcome.stderr)

    def test_unmarked_source_knows_nothing_of_it(self):
        for flags in 0, ALLOW_AWAIT:
            code = compile("import a, b", "", "exec", flags, True)
            self.assertEqual((code.co_flags, names_of(code)), (0, []))
        with self.assertRaisesRegex(SyntaxError, "'await' outside function"):
            compile("await a", "", "exec", 0, True)

    def test_dis(self):
        name = "FUTURE_TOP_LEVEL_AWAIT"
        self.assertRegex(dis.code_info(marked("")), rf"Flags: +{name}\n")
        self.assertRegex(dis.code_info(marked("import a")), rf"Flags: +COROUTINE, {name}\n")
        self.assertRegex(dis.code_info("import a"), "Flags: +0x0\n")
        self.assertIn(f"Flags:             {name}", dis.code_info(HEAD))
        self.assertEqual(dis.pretty_flags(MARK | 3 | 1 << 40),
                         f"OPTIMIZED, NEWLOCALS, 0x10000000000, {name}")

    def test_module_finder(self):
        """It knows imports by their instructions, which module dis looks for."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "program.py")
            with open(path, "w") as file:
                file.write(HEAD + "import wave\nif 1:\n    from email import message\n"
                           "def f(): import colorsys\n")
            finder = modulefinder.ModuleFinder()
            finder.run_script(path)
        self.assertLessEqual({"__future__", "wave", "email", "email.message", "colorsys"},
                             set(finder.modules))
        self.assertEqual(list(dis._find_imports(marked("import a.b\nfrom ..c import d, e"))),
                         [("__future__", 0, ("top_level_await",)),
                          ("a.b", 0, None), ("c", 2, ("d", "e"))])
        for call in "__aimport__(1)", "__aimport__((1, 2))", "'__aimport__', 1", "__aimport__":
            self.assertEqual(list(dis._find_imports(compile(call, "text", "eval"))), [])

    def test_inspect(self):
        self.assertEqual(inspect.CO_FUTURE_TOP_LEVEL_AWAIT, MARK)

    def test_console(self):
        import code

        hook = Hook()
        console = code.InteractiveConsole({"__aimport__": hook, "ready": asyncio.sleep})
        for line in "import a; await ready(0)", HEAD, "import b":
            console.push(line.strip())
        self.assertEqual([event[1] for event in hook.events if event[0] == "take"], ["a", "b"])


# Source behind the mark: whether its code is a coroutine's.
KINDS = {
    "": False,
    "a = 1": False,
    "'text'": False,
    "from __future__ import annotations": False,
    "def f(): import a": False,
    "async def f():\n await a\n async with b: import c": False,
    "class A: import a": False,
    "lambda: a": False,
    "(a async for a in b)": False,
    "[[a for a in b] for c in d]": False,
    "import a": True,
    "from a import b": True,
    "from . import a": True,
    "import __future__": True,
    "if a: import b": True,
    "if 0: import b": True,
    "if a: pass\nelse: import b": True,
    "for a in b:\n for c in d: import e": True,
    "while a: from b import c": True,
    "try: a\nexcept b: import c": True,
    "try: a\nexcept* b: import c": True,
    "try: a\nfinally: import b": True,
    "with a: from b import *": True,
    "match a:\n case b: import c": True,
    "await a": True,
    "if 0: await a": True,
    "a = b[await c]": True,
    "async for a in b: pass": True,
    "async with a: pass": True,
    "[a async for a in b]": True,
    "{a: await b for a in c}": True,
    "[[a async for a in b] for c in d]": True,
    "def f(a=await b): pass": True,
    "class A(await b): pass": True,
    "lambda a=await b: a": True,
    "f'{await a}'": True,
}


class KindTest(unittest.TestCase):

    def test_code(self):
        for (source, is_coroutine), level in product(KINDS.items(), (0, 1, 2)):
            with self.subTest(source, optimize=level):
                code = marked(source, optimize=level)
                self.assertEqual(bool(code.co_flags & COROUTINE), is_coroutine)
                self.assertEqual(code.co_flags & ~COROUTINE, MARK | (
                    __future__.CO_FUTURE_ANNOTATIONS if "annotations" in source else 0))
                tree = ast.parse(HEAD + source)
                self.assertEqual(compile(tree, "text", "exec", 0, True, level), code)
                self.assertEqual(compile(HEAD + source, "text", "multi-single", 0, True, level)
                                 .co_flags, code.co_flags)

    def test_is_async(self):
        for source, is_coroutine in KINDS.items():
            with self.subTest(source):
                self.assertIs(ast.is_async(HEAD + source), is_coroutine)
                self.assertIs(ast.is_async((HEAD + source).encode()), is_coroutine)
                self.assertIs(ast.is_async(ast.parse(HEAD + source)), is_coroutine)
                self.assertIs(ast.is_async(marked(source)), is_coroutine)
        for source in "import a", "def f(): import a":
            self.assertIs(ast.is_async(source), False)
        self.assertIs(ast.is_async("import a\nawait b"), True)
        with self.assertRaisesRegex(SyntaxError, "must occur at the beginning"):
            ast.is_async("import a\n" + HEAD)

    def test_without_await_or_import_nothing_is_different(self):
        """But the flag, and what names the feature."""
        for source, is_coroutine in KINDS.items():
            if not is_coroutine and "__future__" not in source and "class" not in source:
                with self.subTest(source):
                    ours = marked(source)
                    plain = compile("from __future__ import absolute_import\n" + source, "text",
                                    "exec", 0, True)
                    self.assertEqual(ours.co_code, plain.co_code)
                    self.assertEqual(ours.co_linetable, plain.co_linetable)
                    self.assertEqual(list(codes_in(ours)), list(codes_in(plain)))


# Source behind the mark: the modules of each batch.
BATCHES = {
    "import a": ["a"],
    "import a, b.c as d": ["a b.c"],
    "import a\nimport b": ["a b"],
    "import a; import b": ["a b"],
    "import a\n\n# comment\n\nfrom b import (\n    c,\n    d)\nimport e": ["a b e"],
    "from a import b, c": ["a"],
    "from a import *\nimport b": ["a b"],
    "from . import a\nfrom .b import c": [" b"],
    "'text'\nimport a": ["a"],
    "import a\n'text'\nimport b": ["a", "b"],
    "import a\npass\nimport b": ["a", "b"],
    "import a\nc = 1\nimport b": ["a", "b"],
    "import a\nc: int\nimport b": ["a", "b"],
    "import a\ndef f(): import c\nimport b": ["a", "b"],
    "import a\nglobal c\nimport b": ["a", "b"],
    "import a\nif c: import d\nimport b": ["a", "d", "b"],
    "if a:\n import b, c\n import d\n from e import f, g\n": ["b", "c", "d", "e"],
    "try:\n import a\n import b\nexcept c:\n import d, e": ["a", "b", "d", "e"],
    "with a:\n import b\n from c import d": ["b", "c"],
    "async with a:\n import b\n from c import d": ["b", "c"],
    "for a in b:\n import c\n import d\nelse:\n import e\n import f": ["c", "d", "e", "f"],
    "match a:\n case 1:\n  import c\n  import d\n case _: import e": ["c", "d", "e"],
    "class A:\n import b": [],
    "def f():\n import b": [],
    "import a\nclass A:\n import b\nimport c": ["a", "c"],
    "import __future__\nimport a": ["__future__ a"],
    "from __future__ import annotations\nfrom __future__ import division; import a\nimport b":
        ["a b"],
}


class BatchTest(unittest.TestCase):

    def test_batches(self):
        for source, wanted in BATCHES.items():
            with self.subTest(source):
                self.assertEqual(names_of(marked(source)), wanted)
                self.assertEqual(names_of(marked(source, "multi-single")), wanted)

    def test_async_modes(self):
        for source, wanted in BATCHES.items():
            for mode in "async-exec", "async-multi-single":
                with self.subTest(source, mode=mode):
                    code = compile(source, "text", mode, 0, True)
                    self.assertEqual(names_of(code), wanted)
                    self.assertFalse(code.co_flags & MARK)
        code = compile("import a; from b import c", "text", "async-single", 0, True)
        self.assertEqual(names_of(code), ["a b"])

    def test_future_statement_is_plain(self):
        code = marked("import a")
        self.assertEqual(imports_of(code), [("__future__", ("top_level_await",), 0)])
        code = compile("from __future__ import division\nimport a", "text", "async-exec", 0, True)
        self.assertEqual(imports_of(code), [("__future__", ("division",), 0)])

    def test_optimized_docstring(self):
        for level in 0, 1, 2:
            code = compile(f"'text'\n{HEAD}import a\nimport b", "text", "exec", 0, True, level)
            self.assertEqual(names_of(code), ["a b"])
            self.assertEqual("text" in code.co_consts, level < 2)

    def test_requests_are_what_the_plain_statement_has(self):
        source = ("import a, b.c, d.e.f as g\nfrom h import i, j as k\nfrom l.m import *\n"
                  "from . import n\nfrom .. import o\nfrom ...p.q import r\nimport s as t\n")
        [batch] = batches_of(marked(source))
        self.assertEqual([request[:3] for request in batch],
                         imports_of(compile(source, "text", "exec", 0, True)))
        self.assertEqual([request[3] for request in batch], [2, 2, 2, 3, 4, 5, 6, 7, 8])
        self.assertEqual([type(part) for part in batch[0]], [str, type(None), int, int])

    def test_functions_and_classes_are_plain(self):
        for source in BATCHES:
            plain = compile("from __future__ import absolute_import\n" + source, "text", "exec",
                            0, True) if "async with" not in source else None
            if plain is not None:
                self.assertEqual(list(codes_in(marked(source))), list(codes_in(plain)))

    def test_awaiting_programs(self):
        """As a main program with -X autoawait is compiled."""
        flags = ALLOW_AWAIT | AWAITS_IMPORTS
        for source in BATCHES:
            if "async " not in source:
                with self.subTest(source):
                    self.assertEqual(compile(source, "text", "exec", flags, True),
                                     compile(source, "text", "exec", 0, True))
        for source, wanted in BATCHES.items():
            for awaiting in ("await z", "async for z in y: pass", "async with z: pass",
                             "[z async for z in y]", "if 0: await z"):
                with self.subTest(source, awaiting=awaiting):
                    code = compile(f"{source}\n{awaiting}", "text", "exec", flags, True)
                    self.assertEqual(names_of(code), wanted)
                    self.assertEqual(code.co_flags & ~__future__.CO_FUTURE_ANNOTATIONS, COROUTINE)
                    alone = compile(f"{source}\n{awaiting}", "text", "exec", ALLOW_AWAIT, True)
                    self.assertEqual(names_of(alone), [])
        code = compile("import a\nawait b", "text", "exec", AWAITS_IMPORTS | MARK, True)
        self.assertEqual(names_of(code), ["a"])
        with self.assertRaises(SyntaxError):
            compile("import a\nawait b", "text", "exec", AWAITS_IMPORTS, True)

    def test_many(self):
        count = 5000
        source = "".join(f"import a{i}\n" for i in range(count))
        hook = Hook()
        namespace = {"__aimport__": hook}
        code = marked(source)
        self.assertEqual(len(batches_of(code)[0]), count)
        self.assertLessEqual(code.co_stacksize, 8)
        run(code, namespace)
        self.assertEqual(namespace["a4999"].__name__, "a4999")


# What is skipped in, or stands for, the instructions of an awaited import.
BEGIN = ["PUSH_NULL", "LOAD_NAME", "LOAD_CONST", "PRECALL", "CALL", "GET_AWAITABLE", "LOAD_CONST",
         "SEND", "YIELD_VALUE", "RESUME", "JUMP_BACKWARD_NO_INTERRUPT"]
TAKE = ["PUSH_NULL", "COPY", "PRECALL", "CALL"]
PLAIN = ["LOAD_CONST", "LOAD_CONST", "IMPORT_NAME"]


class LibraryFilesTest(unittest.TestCase):
    """A marked file is the plain one, but for the instructions of its imports."""

    def instructions_of(self, code):
        """(name, argument, line) of each, IMPORT for what leaves a module on the stack."""
        instructions = [(each.opname, None if each.opcode in dis.hasjrel else each.argval,
                         each.positions.lineno)
                        for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]
        names = [name for name, _, _ in instructions]
        at = 2 if code.co_flags & COROUTINE else 0
        left = []
        while at < len(instructions):
            if (names[at:at + len(BEGIN)] == BEGIN
                    and instructions[at + 1][1] == "__aimport__"):
                left += [request[:3] for request in instructions[at + 2][1]]
                yield "BEGIN", len(instructions[at + 2][1]), instructions[at][2]
                at += len(BEGIN)
            elif left and names[at:at + len(TAKE)] == TAKE and instructions[at + 1][1] == 2:
                yield "IMPORT", left.pop(0), instructions[at][2]
                at += len(TAKE)
            elif names[at:at + len(PLAIN)] == PLAIN:
                (_, level, _), (_, fromlist, _), (_, name, line) = instructions[at:at + len(PLAIN)]
                yield "IMPORT", (name, fromlist, level), line
                at += len(PLAIN)
            else:
                yield instructions[at]
                at += 1
        self.assertEqual(left, [])

    def check(self, ours, plain):
        self.assertEqual(list(codes_in(ours)), list(codes_in(plain)))
        wanted = list(self.instructions_of(plain))
        batches = left = 0
        at = 0
        for instruction in self.instructions_of(ours):
            name, argument, _ = instruction
            if name == "BEGIN":
                batches += 1
                left += argument
            elif at < len(wanted) and instruction == wanted[at]:
                at += 1
                left -= name == "IMPORT" and left > 0
            else:
                # The function, when its batch is done.
                self.assertEqual((name, left), ("POP_TOP", 0), (instruction, wanted[at:at + 1]))
                batches -= 1
        self.assertEqual((at, batches), (len(wanted), 0))

    def test_files(self):
        library = os.path.dirname(os.__file__)
        files = awaited = 0
        for folder in "", "asyncio", "email", "importlib", "test":
            for name in sorted(os.listdir(os.path.join(library, folder))):
                path = os.path.join(library, folder, name)
                if not name.endswith(".py") or (folder == "test" and name > "test_c"):
                    continue
                with open(path, "rb") as file:
                    source = file.read()
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        plain = compile(source, path, "exec", 0, True)
                        ours = compile(source, path, "exec", MARK, True)
                except SyntaxError:
                    continue
                with self.subTest(path):
                    self.check(ours, plain)
                files += 1
                awaited += len(batches_of(ours))
        self.assertGreater(files, 200)
        self.assertGreater(awaited, 500)


class CallTest(unittest.TestCase):
    """With a hook of the module's own."""

    def run_marked(self, source, hook=None):
        hook = hook or Hook()
        namespace = {"__aimport__": hook}
        run(marked(source), namespace)
        del namespace["__aimport__"]
        return hook, namespace

    def test_order(self):
        class Recorder(dict):
            def __setitem__(self, name, value):
                hook.events.append(("bind", name))
                super().__setitem__(name, value)

        hook = Hook()
        code = compile("import x.y, z as w\nfrom v import a as aa, b\nimport u.b.c as t\n", "text",
                       "async-exec")
        asyncio.run(eval(code, {"__builtins__": __builtins__}, Recorder(__aimport__=hook)))
        [batch] = batches_of(code)
        self.assertEqual(hook.events, [
            ("call", batch), ("ready",), ("take", "x.y"), ("bind", "x"), ("take", "z"),
            ("bind", "w"), ("take", "v"), ("bind", "aa"), ("bind", "b"), ("take", "u.b.c"),
            ("bind", "t")])

    def test_bindings(self):
        _, names = self.run_marked("import x.y, z as w\nfrom v import a as aa, b\n"
                                   "import u.b.c as t\nfrom s import *")
        self.assertEqual(names["x"].__name__, "x.y")
        self.assertEqual(names["w"].__name__, "z")
        self.assertEqual((names["aa"], names["b"].c), ("v.a", "s.b.c"))
        self.assertEqual(names["t"], "u.b.c.b.c")
        self.assertEqual(names["a"], "s.a")
        self.assertLessEqual(set(names), {"x", "w", "aa", "b", "t", "a", "top_level_await",
                                          "__builtins__"})

    def test_names_declared_global(self):
        _, names = self.run_marked("global x\nimport x.y\nglobal a\nfrom z import a")
        self.assertEqual((names["x"].__name__, names["a"]), ("x.y", "z.a"))

    def check_failure(self, source, line, bound, hook=None, error=ImportError, text="x"):
        hook = hook or Hook(x=ImportError("x"))
        namespace = {"__aimport__": hook}
        try:
            run(marked(source), namespace)
        except error as caught:
            self.assertIn(text, str(caught))
            frames = [frame for frame in traceback.extract_tb(caught.__traceback__)
                      if frame.filename == "text"]
        else:
            self.fail("nothing failed")
        self.assertEqual([frame.lineno for frame in frames], [line])
        given = set(namespace) - {"__builtins__", "__aimport__", "top_level_await"}
        self.assertEqual(given, set(bound))
        return frames[0]

    def test_failing_member(self):
        self.check_failure("import a\nimport b, c\nimport x\nimport d", 4, "abc")
        self.check_failure("import a\nimport b, x, c\nimport d", 3, "ab")
        self.check_failure("import x\nimport b", 2, "")
        self.check_failure("import a\nfrom x import (b,\n  c)\nimport d", 3, "a")
        self.check_failure("import a\nfrom x import *", 3, "a")
        self.check_failure("import a\nif a:\n  import b, x\n", 4, "ab")
        self.check_failure("import c\nfor a in 'x':\n  import b\n  import x\n", 5, "abc")

    def test_failing_name(self):
        for source, line, bound in [
            ("import a\nfrom b import a as c, no, b", 3, "ac"),
            ("import a\nimport b.no.c as d", 3, "a"),
        ]:
            self.check_failure(source, line, bound, text="cannot import name 'no' from")

    def test_place_in_the_line(self):
        frame = self.check_failure("import a; import x; import b", 2, "a")
        self.assertEqual((frame.colno, frame.end_colno), (10, 18))

    def test_failing_hook(self):
        def fail(requests):
            raise KeyError("x")

        async def fail_later(requests):
            await asyncio.sleep(0)
            raise KeyError("x")

        for hook in fail, fail_later:
            self.check_failure("a = 1\nimport b\nimport c", 3, "a", hook, KeyError)
        self.check_failure("import b", 2, "", lambda requests: 1, TypeError,
                           "object int can't be used in 'await' expression")
        self.check_failure("import b", 2, "", lambda requests: asyncio.sleep(0), TypeError,
                           "'NoneType' object is not callable")

    def test_no_hook(self):
        with self.assertRaisesRegex(NameError, "name '__aimport__' is not defined"):
            run(marked("import a"), {"__builtins__": {"__import__": __import__}})

    def test_handlers(self):
        hook, names = self.run_marked("""
            try:
                import a, x, b
            except ImportError as error:
                caught = str(error)
                import c
            finally:
                import d
            try:
                import x
            except* ImportError:
                import e
            """, Hook(x=ImportError("x")))
        self.assertEqual(set(names) - {"__builtins__", "top_level_await"},
                         {"a", "c", "d", "e", "caught"})

    def test_loops(self):
        """Nothing is left on the stack by the ways out."""
        hook, names = self.run_marked("""
            seen = []
            for i in range(200):
                try:
                    import a
                    if i % 3 == 0:
                        import b; continue
                    import x
                except ImportError:
                    seen.append(i)
                finally:
                    from c import a as d
                if i == 100:
                    import e
                    break
            else:
                import f
            while True:
                import g
                break
            """, Hook(x=ImportError("x")))
        self.assertEqual(names["seen"], [i for i in range(101) if i % 3])
        self.assertIn("e", names)
        self.assertNotIn("f", names)

    def test_closed_and_cancelled(self):
        """The coroutine can be ended at an import as at any await."""
        seen = []
        code = marked("try:\n  import a\nfinally:\n  seen.append(1)\nimport b")
        coroutine = eval(code, {"__aimport__": Hook(), "seen": seen})
        coroutine.send(None)
        coroutine.close()
        self.assertEqual(seen, [1])

        coroutine = eval(code, {"__aimport__": Hook(), "seen": seen})
        coroutine.send(None)
        with self.assertRaises(asyncio.CancelledError):
            coroutine.throw(asyncio.CancelledError())
        self.assertEqual(seen, [1, 1])

    def test_lines_seen_by_a_tracer(self):
        lines = []

        def trace(frame, event, argument):
            if frame.f_code.co_filename != "text":
                return None
            if event == "line" and (not lines or lines[-1] != frame.f_lineno):
                lines.append(frame.f_lineno)
            return trace

        code = marked("import a\nimport b\nfrom c import (a,\n  b)\nd = 1\n")
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            run(code, {"__aimport__": Hook()})
        finally:
            sys.settrace(before)
        self.assertEqual(lines, [1, 2, 3, 4, 6])


PACKAGE = {
    "package/__init__.py": "value = 1\n",
    "package/inner.py": "other = 2\n_hidden = 3\n",
    "package/listed.py": "__all__ = ['_listed']\n_listed = 4\nunlisted = 5\n",
    "package/sub/__init__.py": "",
    "package/sub/deep.py": "from .. import inner as up\n",
    "package/broken.py": "1 / 0\n",
}

STATEMENTS = [
    "import package", "import package.inner", "import package.inner as i",
    "import package.sub.deep as d, package", "from package import inner, value as v",
    "from package.inner import *", "from package.listed import *", "from . import inner, sub",
    "from .sub import deep", "from .sub.deep import up", "from package.inner import other as o",
    "import package.missing", "from package import missing", "import package.broken",
    "from .missing import a", "from ... import a", "import package.inner.no",
    "from package.inner import no", "import no_such_module",
]


class RealImportTest(unittest.TestCase):
    """What the built-in hook does to the namespace is what the plain statement does."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        for name, text in PACKAGE.items():
            path = os.path.join(folder.name, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        sys.path.insert(0, folder.name)
        cls.addClassCleanup(sys.path.remove, folder.name)

    def outcome(self, code):
        for name in [name for name in sys.modules if name.partition(".")[0] == "package"]:
            del sys.modules[name]
        namespace = {"__name__": "package.user", "__package__": "package"}
        failure = None
        try:
            run(code, namespace)
        except (ImportError, ZeroDivisionError) as error:
            failure = type(error), str(error)
        shown = {name: value.__name__ if isinstance(value, types.ModuleType) else value
                 for name, value in namespace.items()
                 if name not in ("__builtins__", "top_level_await")}
        loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "package")
        return shown, loaded, failure

    def test_statements(self):
        together = "\n".join(STATEMENTS[:11])
        for statement in [*STATEMENTS, together, f"if 1:\n {STATEMENTS[3]}\n {STATEMENTS[5]}"]:
            with self.subTest(statement):
                plain = compile("from __future__ import annotations as top_level_await\n"
                                + statement, "text", "exec")
                self.assertEqual(self.outcome(marked(statement)), self.outcome(plain))

    def test_arguments(self):
        with self.assertRaises(TypeError):
            __aimport__()
        with self.assertRaises(TypeError):
            __aimport__([])
        namespace = {"__name__": "package.user", "__package__": "package"}
        for given in [(namespace,), (namespace, namespace), (namespace, None)]:
            take = asyncio.run(self.wait((("", ("inner",), 1, 1), ("os.path", None, 0, 1)), *given))
            self.assertEqual(take().__name__, "package")
            self.assertIs(take(), os)

    async def wait(self, requests, *namespaces):
        return await __aimport__(requests, *namespaces)


class ErrorTest(unittest.TestCase):

    def check(self, source, message, line, mode="exec"):
        with self.assertRaisesRegex(SyntaxError, message) as caught:
            compile(source, "text", mode, 0, True)
        self.assertEqual(caught.exception.lineno, line)

    def test_misplaced(self):
        late = "from __future__ imports must occur at the beginning of the file"
        self.check("a = 1\n" + HEAD, late, 2)
        self.check("import a\n" + HEAD, late, 2)
        self.check(HEAD + "import a\n" + HEAD, late, 3)
        self.check(HEAD + "import a\nfrom __future__ import annotations\nimport b", late, 3)
        self.check("if 1:\n  " + HEAD, late, 2)
        self.check("def f():\n  " + HEAD, late, 2)
        self.check("import a\nfrom __future__ import annotations", late, 2, "async-exec")

    def test_unknown_feature_beside(self):
        self.check("from __future__ import top_level_await, nothing",
                   "future feature nothing is not defined", 1)

    def test_what_still_cannot_await(self):
        self.check(HEAD + "def f(): await a",
                   r"'await' outside async function \('async def' can await, 'def' cannot\)", 2)
        self.check(HEAD + "class A: await a", "body of a class cannot await", 2)
        self.check(HEAD + "lambda: await a", "a lambda cannot await", 2)
        self.check(HEAD + "class A:\n  async with b: pass", "'async with' outside", 3)
        self.check(HEAD + "def f():\n  [a async for a in b]", "asynchronous comprehension", 3)

    def test_module_is_no_function(self):
        self.check(HEAD + "return", "'return' outside function", 2)
        self.check(HEAD + "yield", "'yield' outside function", 2)
        self.check(HEAD + "await a\nyield from b", "'yield' outside function", 3)
        self.check(HEAD + "nonlocal a", "nonlocal declaration not allowed at module level", 2)

    def test_forbidden_imports(self):
        self.check(HEAD + "import a as __debug__", "cannot assign to __debug__", 2)
        self.check(HEAD + "import b\nfrom a import c as __debug__", "cannot assign to __debug__", 3)
        self.check(HEAD + "def f():\n  from a import *", r"import \* only allowed at module", 3)
        self.check(HEAD + "class A:\n  from a import *", r"import \* only allowed at module", 3)

    def test_flags(self):
        for flag in MARK, AWAITS_IMPORTS:
            compile("a", "text", "exec", flag)
        tree = compile(HEAD + "await a", "text", "exec", ast.PyCF_ONLY_AST)
        self.assertIsInstance(tree, ast.Module)
        tree = compile("await a", "text", "exec", ast.PyCF_ONLY_AST | MARK)
        self.assertIsInstance(tree, ast.Module)


class LibraryTest(unittest.TestCase):

    def test_codeop_remembers(self):
        command = codeop.CommandCompiler()
        with self.assertRaises(SyntaxError):
            command("await a")
        self.assertEqual(command(HEAD).co_flags, MARK)
        code = command("import a")
        self.assertEqual(code.co_flags, MARK | COROUTINE)
        self.assertEqual(names_of(code), ["a"])
        self.assertEqual(command("await a").co_flags, MARK | COROUTINE)
        self.assertEqual(command("a = 1").co_flags, MARK)
        self.assertIsNone(command("async with a:"))

    def test_symtable(self):
        table = symtable.symtable(HEAD + "import a.b, c as d\nawait e", "text", "exec")
        self.assertEqual({symbol.get_name() for symbol in table.get_symbols()},
                         {"top_level_await", "a", "d", "e"})
        self.assertTrue(table.lookup("a").is_imported())
        with self.assertRaisesRegex(SyntaxError, "must occur at the beginning"):
            symtable.symtable("a; " + HEAD, "text", "exec")

    def test_aexec(self):
        namespace = {"__aimport__": Hook()}
        asyncio.run(aexec(HEAD + "import a\nb = 1", namespace))
        self.assertEqual((namespace["a"].__name__, namespace["b"]), ("a", 1))
        namespace = {"__aimport__": Hook()}
        asyncio.run(aexec("import a\nfrom b import a as c", namespace))
        self.assertEqual((namespace["a"].__name__, namespace["c"]), ("a", "b.a"))
        namespace = {"__aimport__": Hook()}
        asyncio.run(aexec(marked("import a"), namespace))
        self.assertEqual(namespace["a"].__name__, "a")
        asyncio.run(aexec(marked("b = 1"), namespace))
        self.assertEqual(namespace["b"], 1)
        asyncio.run(aexec(ast.parse(HEAD + "import b"), namespace))
        self.assertEqual(namespace["b"].__name__, "b")

    def test_unparse(self):
        source = HEAD + "import a\nawait b"
        self.assertEqual(ast.unparse(ast.parse(source)), source)

    def test_dump(self):
        outcome = subprocess.run([PROGRAM, "-I", "-X", "dump=scopes,code", "-c",
                                  "compile('from __future__ import top_level_await\\nimport a', "
                                  "'marked', 'exec')"], capture_output=True, text=True)
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        self.assertIn(f"flags {MARK | COROUTINE},", outcome.stderr)
        self.assertIn("__aimport__", outcome.stderr)


TELLING_HOOK = """\
def __aimport__(requests):
    print(*(request[0] for request in requests))
    return __builtins__.__aimport__(requests)
"""


class ProgramTest(unittest.TestCase):

    def run_program(self, *arguments, **keywords):
        outcome = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                                 **keywords)
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        return outcome.stdout, outcome.stderr

    def test_awaiting_program(self):
        output, _ = self.run_program("-X", "autoawait", "-c", TELLING_HOOK + "import json, sys\n"
                                     "await __import__('asyncio').sleep(0)")
        self.assertEqual(output, "json sys\n")
        output, _ = self.run_program("-X", "autoawait", "-c", TELLING_HOOK + "import json, sys")
        self.assertEqual(output, "")

    def test_awaiting_module(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "awaiting_module.py"), "w") as file:
                file.write(TELLING_HOOK + "import json, sys\n"
                           "await __import__('asyncio').sleep(0)")
            for program in ["-m", "awaiting_module"], ["awaiting_module.py"]:
                output, _ = self.run_program("-X", "autoawait", *program, cwd=folder)
                self.assertEqual(output, "json sys\n")

    def test_prompt(self):
        lines = ("async def ready(): pass\n\n" + TELLING_HOOK
                 + "\nimport json, sys\nimport json, sys; await ready()\n"
                 "from __future__ import top_level_await\nimport json\n1 + 1\n")
        self.check_prompt(lines, ["json", "sys", "json", "2"])
        self.check_prompt(HEAD + lines, ["json", "sys"] * 2 + ["json", "2"])

    def check_prompt(self, lines, wanted):
        output, errors = self.run_program("-i", "-q", "-I", input=lines)
        self.assertEqual(output.split(), wanted, errors)
        self.assertNotIn("Traceback", errors)

    def test_tasks_of_a_prompt_outlive_marked_statements(self):
        self.check_prompt(HEAD + "import asyncio\n"
                          "task = asyncio.create_task(asyncio.sleep(0, 'slept'))\n"
                          "import json\nawait task\n", ["'slept'"])

    def test_prompt_with_awaiting_switched_off(self):
        self.check_prompt(TELLING_HOOK + "\n" + HEAD + "import sys\nsys.awaithook = None\n"
                          "import json\njson.__name__\nsys.awaithook = sys.__awaithook__\n"
                          "import json\nawait __import__('asyncio').sleep(0, 1)\n",
                          ["sys", "'json'", "json", "1"])
        _, errors = self.run_program("-i", "-q", "-I", input=(
            HEAD + "import sys\nsys.awaithook = None\nawait 1\n"))
        self.assertIn("SyntaxError: 'await' outside function", errors)

    def test_plain_import_begins_awaiting(self):
        """The runner imports asyncio while a loop would be lent to the statement."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in [("without", "await ready()"),
                               ("within", "import asyncio\nawait asyncio.sleep(0)")]:
                with open(os.path.join(folder, f"awaits_{name}.py"), "w") as file:
                    file.write(f"{HEAD}async def ready(): pass\n{text}\nvalue = 1\n")
                lines = (f"import awaits_{name} as module\nmodule.value\n"
                         "import asyncio; asyncio.get_running_loop() is not None\n"
                         "def f(): return asyncio.get_running_loop() is not None\n\nf()\n")
                output, errors = self.run_program("-B", "-i", "-q", input=lines, cwd=folder)
                self.assertEqual(output.split(), ["1", "True", "True"], errors)


@unittest.skipUnless(hasattr(sys, "gettotalrefcount"), "counts references in a debug build")
class ReferenceTest(unittest.TestCase):

    def test_compiling_and_running(self):
        def run_all():
            for source in BATCHES:
                compile(source, "text", "async-exec")
                marked(source)
            with redirect_stdout(StringIO()):
                CallTest("test_loops").test_loops()
                CallTest("test_failing_member").test_failing_member()
            gc.collect()
            return sys.gettotalrefcount()

        counts = [run_all() for _ in range(6)]
        self.assertLess(counts[5] - counts[2], 30)


if __name__ == "__main__":
    unittest.main()
