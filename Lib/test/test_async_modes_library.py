"""The modules of the standard library that take a mode or a statement take ours."""

import _autoawait
import _stdlib_additions.symtable
import ast
import asyncio
import code
import codeop
import contextlib
import dis
import inspect
import io
import os
import py_compile
import re
import subprocess
import sys
import symtable
import tempfile
import types
import unittest
import warnings

from join_support import STOCK, run

ASYNC_MODES = "async-exec", "async-single", "async-eval", "async-multi-single"
STATEMENT_MODES = "async-exec", "async-single", "async-multi-single"
TREES = {
    "async-exec": ast.Module, "async-single": ast.Interactive, "async-eval": ast.Expression,
    "multi-single": ast.Interactive, "async-multi-single": ast.Interactive,
}


@types.coroutine
def wait_for(value):
    """Give what drive() sends back for value."""
    return (yield value)


def drive(coroutine):
    """Run a coroutine to its end; whatever it waits for, it gets."""
    wanted = None
    while True:
        try:
            wanted = coroutine.send(wanted)
        except StopIteration as stop:
            return stop.value


def run_displayed(code_object, namespace):
    """Run code of any mode; return the values it displays."""
    shown = []
    hook, sys.displayhook = sys.displayhook, shown.append
    try:
        result = eval(code_object, namespace)
        if inspect.iscoroutine(result):
            drive(result)
    finally:
        sys.displayhook = hook
    return shown


async def later(value):
    """Give a value after the loop's next turn."""
    return await asyncio.sleep(0, value)


def run_program(*arguments, stdin):
    """Run the interpreter; return what it shows on standard output."""
    outcome = run(sys.executable, *arguments, stdin=stdin)
    return outcome.output


class AstTest(unittest.TestCase):
    """Module ast."""

    def test_parse(self):
        for mode, tree_type in TREES.items():
            with self.subTest(mode):
                tree = ast.parse("await x", mode=mode)
                self.assertIs(type(tree), tree_type)
                self.assertEqual(ast.unparse(tree), "await x")

    def test_parse_is_stocks_tree(self):
        source = "x = 1  # type: int\nif x:\n    print(f'{x!r:>{x}}')\n"
        for options in {}, {"type_comments": True}, {"feature_version": (3, 8)}:
            with self.subTest(options):
                stock = ast.parse(source, **options)
                self.assertEqual(ast.dump(ast.parse(source, mode="async-exec", **options),
                                          include_attributes=True),
                                 ast.dump(stock, include_attributes=True))
                self.assertEqual(
                    ast.dump(ast.parse(source, mode="multi-single", **options)),
                    ast.dump(ast.Interactive(stock.body)))

    def test_program(self):
        for mode, tree_type in TREES.items():
            for option in ("-m", "ast", "-m", mode), ("-Imast", f"--mode={mode}", "-"):
                with self.subTest(option):
                    shown = run_program(*option, stdin="await x\n")
                    self.assertEqual(shown.strip(), ast.dump(ast.parse("await x", mode=mode), indent=3))
        self.assertTrue(TREES)

    def test_program_refuses(self):
        outcome = run(sys.executable, "-m", "ast", "-m", "none-such", stdin="")
        self.assertEqual(outcome.status, 2)
        for mode in *TREES, "exec", "single", "eval", "func_type":
            self.assertIn(f"'{mode}'", outcome.errors)

    def test_program_of_the_folder(self):
        """As ever a module ast that stands before the standard library's is what is run."""
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "ast.py"), "w") as file:
                file.write("import sys\nprint(__name__, sys.argv)\n")
            shown = subprocess.run([sys.executable, "-m", "ast", "5"], cwd=folder, text=True,
                                   capture_output=True, check=True).stdout
            self.assertEqual(shown, f"__main__ {[os.path.join(folder, 'ast.py'), '5']}\n")

    def test_errors_of_the_program_are_stocks(self):
        options = "-X", "frozen_modules=on", "-m", "ast"
        ours, stock = (run(program, *options, stdin="await x\n1 +\n") for program in (sys.executable, STOCK))
        self.assertIn("invalid syntax", ours.errors)
        self.assertEqual((ours.status, ours.errors), (stock.status, stock.errors))

    def test_parsed_tree_compiles(self):
        for mode in ASYNC_MODES:
            with self.subTest(mode):
                tree = ast.parse("await wait_for(5)", mode=mode)
                result = eval(compile(tree, "tree", mode), {"wait_for": wait_for})
                self.assertTrue(inspect.iscoroutine(result))
                result.close()

    def test_is_async(self):
        for source, expected in (("x", False), ("await x", True), ("[y async for y in x]", True),
                                 ("async def f(): await x", False), ("lambda: x", False)):
            for kind, form in (("source", source), ("bytes", source.encode()),
                               ("tree", ast.parse(source)),
                               ("code", compile(source, "", "exec",
                                                ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))):
                with self.subTest(source, kind=kind):
                    self.assertIs(ast.is_async(form), expected)

    def test_other_functions_know_it_not(self):
        self.assertEqual(ast.literal_eval("[1, {'a': (2, 3)}]"), [1, {"a": (2, 3)}])
        with self.assertRaises(ValueError):
            ast.literal_eval("await x")

    def test_is_async_costs_no_module(self):
        # Many import ast: it is the standard library's own file, not one laid over it.
        self.assertEqual(ast.__file__, f"{sys._stdlib_dir}/ast.py")


class CodeopTest(unittest.TestCase):
    """Module codeop: is it complete, and what does it compile to?"""

    def compilers(self):
        yield codeop.compile_command
        yield codeop.CommandCompiler()

    def test_complete(self):
        for compiler in self.compilers():
            for mode in ASYNC_MODES:
                with self.subTest(compiler, mode=mode):
                    command = compiler("await wait_for(5)", "<input>", mode)
                    self.assertTrue(command.co_flags & inspect.CO_COROUTINE)
                    self.assertEqual(command.co_filename, "<input>")
                    run_displayed(command, {"wait_for": wait_for})

    def test_incomplete_as_stock(self):
        stock = {"async-exec": "exec", "async-single": "single", "async-eval": "eval"}
        sources = ("", "\n", "# text", "x", "x\n", "(", "[1,", "if x:", "if x:\n  y",
                   "if x:\n  y\n", "if x:\n  y\nelse:", "def f():\n  pass\n", "'''text", "@f",
                   "x +", "x = \\", "for x in y:\n  z\n\n", "try:\n  x\n", "x y", "x = 'a",
                   ")", "a\nb")
        for mode, stock_mode in stock.items():
            for compiler in self.compilers():
                for source in sources:
                    with self.subTest(source, mode=mode):
                        self.assertEqual(self.outcome(compiler, source, mode),
                                         self.outcome(compiler, source, stock_mode))

    @staticmethod
    def outcome(compiler, source, mode):
        try:
            return compiler(source, "<input>", mode) is None
        except SyntaxError as error:
            # What our modes add to a message is about them.
            return re.sub(r" \(mode '.*\)$", "", error.msg), error.offset

    def test_unfinished_with_await(self):
        for compiler in self.compilers():
            for mode in STATEMENT_MODES:
                for source in ("async for x in y:", "async with x as y:", "await (", "if await x:",
                               "[y async for y in", "await f("):
                    with self.subTest(source, mode=mode):
                        self.assertIsNone(compiler(source, "<input>", mode))

    def test_blank_line_ends_a_statement(self):
        for compiler in self.compilers():
            for source in "if x:\n  y", "async with x:\n  await y", "async for x in y:\n  x":
                with self.subTest(source):
                    self.assertIsNone(compiler(source, "<input>", "async-single"))
                    for end in "\n", "\n\n":
                        self.assertIsNotNone(compiler(source + end, "<input>", "async-single"))

    def test_many_statements(self):
        for mode in "multi-single", "async-multi-single":
            for compiler in self.compilers():
                with self.subTest(mode):
                    command = compiler("1\nx = 2; x\nif x:\n    3\n\n4\n", "<input>", mode)
                    self.assertEqual(run_displayed(command, {}), [1, 2, 3, 4])
                    self.assertIsNone(compiler("1\nx = (", "<input>", mode))
                    self.assertIsNone(compiler("1\nif x:", "<input>", mode))
                    self.assertEqual(run_displayed(compiler("# text", "<input>", mode), {}), [])

    def test_await_outside_of_async_modes(self):
        for mode in "single", "exec", "eval", "multi-single":
            for compiler in self.compilers():
                with self.subTest(mode), self.assertRaisesRegex(SyntaxError, "'await' outside"):
                    compiler("await x", "<input>", mode)

    def test_future_statement_is_remembered(self):
        for mode in STATEMENT_MODES:
            with self.subTest(mode):
                compiler = codeop.CommandCompiler()
                drive(eval(compiler("from __future__ import annotations", "", mode), {}))
                namespace = {}
                drive(eval(compiler("x: undefined + 1", "", mode), namespace))
                self.assertEqual(namespace["__annotations__"], {"x": "undefined + 1"})

    def test_warnings_come_once(self):
        for mode in STATEMENT_MODES:
            with self.subTest(mode), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                codeop.compile_command("x is 1", symbol=mode)
                self.assertEqual(len(caught), 1)


class CodeTest(unittest.TestCase):
    """Module code: consoles with a symbol."""

    def setUp(self):
        hook = sys.awaithook
        self.addCleanup(setattr, sys, "awaithook", hook)
        self.awaited = []

        def awaithook(coroutine):
            self.awaited.append(coroutine)
            return drive(coroutine)

        sys.awaithook = awaithook

    def run_source(self, source, symbol):
        """Run source in an interpreter; return (more input needed, output, errors)."""
        interpreter = code.InteractiveInterpreter({"wait_for": wait_for})
        with contextlib.redirect_stdout(io.StringIO()) as output, \
                contextlib.redirect_stderr(io.StringIO()) as errors:
            more = interpreter.runsource(source, symbol=symbol)
        return more, output.getvalue(), errors.getvalue()

    def test_symbols(self):
        for symbol, output in (("async-single", "5\n"), ("async-multi-single", "5\n"),
                               ("async-exec", ""), ("async-eval", ""), ("single", "5\n"),
                               ("exec", ""), ("multi-single", "5\n")):
            with self.subTest(symbol):
                self.awaited.clear()
                self.assertEqual(self.run_source("await wait_for(5)", symbol), (False, output, ""))
                self.assertEqual(len(self.awaited), 1)

    def test_always_a_coroutine(self):
        self.assertEqual(self.run_source("6", "async-single"), (False, "6\n", ""))
        self.assertEqual(len(self.awaited), 1)
        self.assertEqual(self.run_source("6", "single"), (False, "6\n", ""))
        self.assertEqual(len(self.awaited), 1)

    def test_unfinished_and_wrong(self):
        for symbol in STATEMENT_MODES:
            with self.subTest(symbol):
                self.assertEqual(self.run_source("async for x in y:", symbol), (True, "", ""))
                more, output, errors = self.run_source("await 1 +* 2", symbol)
                self.assertEqual((more, output), (False, ""))
                self.assertIn("SyntaxError: invalid syntax", errors)
        self.assertEqual(self.awaited, [])

    def test_failure(self):
        for symbol in STATEMENT_MODES:
            with self.subTest(symbol):
                more, output, errors = self.run_source("await wait_for(1) / 0", symbol)
                self.assertEqual((more, output), (False, ""))
                self.assertTrue(errors.startswith("Traceback (most recent call last):\n"))
                self.assertTrue(errors.endswith('  File "<input>", line 1, in <module>\n'
                                                "ZeroDivisionError: division by zero\n"), errors)

    def test_no_hook(self):
        for hook, message in (None, "TypeError: 'NoneType' object is not callable\n"), \
                ("asyncio", "TypeError: 'str' object is not callable\n"):
            for symbol in STATEMENT_MODES:
                with self.subTest(symbol, hook=hook), warnings.catch_warnings():
                    # There is none about a coroutine never awaited.
                    warnings.simplefilter("error")
                    sys.awaithook = hook
                    more, output, errors = self.run_source("6", symbol)
                    self.assertEqual((more, output), (False, ""))
                    self.assertTrue(errors.endswith(message), errors)
                    self.assertNotIn("never awaited", errors)

    def test_program(self):
        shown = run_program("-m", "code", "-q", stdin="import asyncio\nawait asyncio.sleep(0, 5)\n")
        self.assertEqual(shown, ">>> >>> 5\n>>> ")


class ExecAwaitingTest(unittest.TestCase):
    """What the consoles of module code have in the place of exec()."""

    def test_namespaces(self):
        for source in "x = y", "x = await later(y)":
            code_object = compile(source, "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            with self.subTest(source):
                namespace, own = {"y": 1, "later": later}, {"y": 2}
                self.assertIsNone(_autoawait.exec_awaiting(code_object, namespace))
                self.assertIsNone(_autoawait.exec_awaiting(code_object, namespace, own))
                self.assertIsNone(_autoawait.exec_awaiting(code_object, namespace, None))
                self.assertEqual((namespace["x"], own["x"]), (1, 2))

    def test_wrong_arguments(self):
        for source in "1", "await 1":
            code_object = compile(source, "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            for arguments in (), (code_object, 1), (code_object, {}, {}, {}), (5, {}):
                with self.subTest(source, arguments=arguments), self.assertRaises(TypeError):
                    _autoawait.exec_awaiting(*arguments)

    def test_text(self):
        namespace = {}
        _autoawait.exec_awaiting("x = 1", namespace)
        self.assertEqual(namespace["x"], 1)


class SymtableTest(unittest.TestCase):
    """Module symtable."""

    def test_modes(self):
        for mode in TREES:
            with self.subTest(mode):
                table = symtable.symtable("[await x async for x in y]", "text", mode)
                self.assertEqual(table.get_type(), "module")
                self.assertEqual(table.get_identifiers(), {"y"})
                self.assertEqual(table.get_children()[0].lookup("x").is_local(), True)

    def test_grammar(self):
        for mode, statements in (("async-exec", 3), ("async-single", 1), ("async-eval", 0),
                                 ("multi-single", 3), ("async-multi-single", 3)):
            for count, source in (0, "await a"), (1, "x = await a"), (3, "x = 1\ny = 2\nz = 3"):
                with self.subTest(mode, source=source):
                    if count <= statements:
                        symtable.symtable(source, "text", mode)
                    else:
                        self.assertRaises(SyntaxError, symtable.symtable, source, "text", mode)

    def test_wrong_mode(self):
        with self.assertRaises(ValueError) as caught:
            symtable.symtable("x", "text", "asynchronous")
        for mode in *TREES, "exec", "eval", "single":
            self.assertIn(repr(mode), str(caught.exception))
        with self.assertRaises(TypeError):
            symtable.symtable("x", "text", [])

    def test_modes_are_compiles(self):
        for mode in _stdlib_additions.symtable._STOCK_MODES:
            compile("x", "text", mode)


class DisTest(unittest.TestCase):
    """Module dis."""

    def test_source_that_awaits(self):
        for source in "await x", "async with x: pass", "[y async for y in x]":
            with self.subTest(source), contextlib.redirect_stdout(io.StringIO()) as output:
                dis.dis(source)
                self.assertIn("RETURN_GENERATOR", output.getvalue())
                self.assertIn("COROUTINE", dis.code_info(source))
                self.assertIn("SEND", [item.opname for item in dis.Bytecode(source)])

    def test_source_that_does_not(self):
        for source in "x", "x = 1\ndef f():\n    return x\n", "(await y async for y in x)":
            with self.subTest(source):
                self.assertEqual(dis.Bytecode(source).codeobj,
                                 self.compiled_as_eval_or_exec(source))

    @staticmethod
    def compiled_as_eval_or_exec(source):
        try:
            return compile(source, "<disassembly>", "eval")
        except SyntaxError:
            return compile(source, "<disassembly>", "exec")

    def test_code_of_every_mode(self):
        for mode in TREES:
            with self.subTest(mode), contextlib.redirect_stdout(io.StringIO()) as output:
                dis.dis(compile("x", "text", mode))
                self.assertIn("LOAD_NAME", output.getvalue())

    def test_program(self):
        self.assertIn("GET_AWAITABLE", run_program("-m", "dis", stdin="x = await y"))


class InspectTest(unittest.TestCase):
    """Module inspect, and tracebacks: code of the modes is code like any other."""

    def test_states(self):
        for mode in ASYNC_MODES:
            with self.subTest(mode):
                coroutine = eval(compile("await wait_for(5)", "text", mode), {"wait_for": wait_for})
                self.assertTrue(inspect.iscoroutine(coroutine))
                self.assertTrue(inspect.isawaitable(coroutine))
                self.assertEqual(inspect.getcoroutinestate(coroutine), "CORO_CREATED")
                coroutine.send(None)
                self.assertEqual(inspect.getcoroutinestate(coroutine), "CORO_SUSPENDED")
                self.assertEqual(inspect.getcoroutinelocals(coroutine)["wait_for"], wait_for)
                coroutine.close()
                self.assertEqual(inspect.getcoroutinestate(coroutine), "CORO_CLOSED")

    def test_source(self):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write("x = await y\ndef f():\n    return 1\n")
            file.flush()
            code_object = compile("x = await y\ndef f():\n    return 1\n", file.name, "async-exec")
            self.assertEqual(inspect.getsource(code_object).splitlines()[0], "x = await y")
            inner = next(constant for constant in code_object.co_consts
                         if inspect.iscode(constant))
            self.assertEqual(inspect.getsource(inner), "def f():\n    return 1\n")

    def test_modules_laid_over(self):
        for module, name in (code, "InteractiveConsole"), (codeop, "Compile"), \
                (symtable, "SymbolTable"), (dis, "Bytecode"):
            with self.subTest(module.__name__):
                self.assertIn(f"class {name}", inspect.getsource(getattr(module, name)))


class PyCompileTest(unittest.TestCase):
    """Module py_compile stays with what import can run: a module does not await."""

    def test_source_that_awaits(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "module.py")
            with open(path, "w") as file:
                file.write("await x\n")
            with self.assertRaisesRegex(py_compile.PyCompileError, "'await' outside function"):
                py_compile.compile(path, cfile=path + "c", doraise=True)
            self.assertEqual(os.listdir(folder), ["module.py"])


def tearDownModule():
    """Leave no event loop policy behind: loops of this thread made one."""
    asyncio.set_event_loop_policy(None)


if __name__ == "__main__":
    unittest.main()
