"""The programs of Doc/examples, each started and used as its page says."""

import ast
import asyncio
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

import pexpect

from join_support import STOCK, run, run_checked
from prompt_support import clean_environment

DOCUMENTS = pathlib.Path(__file__).resolve().parents[2] / "Doc"
EXAMPLES = DOCUMENTS / "examples"
PATIENCE = 60


class PagesTest(unittest.TestCase):
    """The pages show the programs that the tests run, whole, and no other program is wrong."""

    def test_every_example_is_shown_whole(self):
        text = "\n".join(page.read_text(encoding="utf-8") for page in DOCUMENTS.glob("*.rst"))
        for example in EXAMPLES.glob("*.py"):
            with self.subTest(example.name):
                self.assertRegex(text, rf"literalinclude:: examples/{example.name}\n"
                                       r" +:language: python\n(?! +:)")

    def test_every_example_is_tested(self):
        tested = {case.example for case in (LoaderTest, ReplTest, KernelTest, LastValueTest,
                                                NotebooksTest, HTTPImportTest)}
        self.assertEqual(tested, {example.stem for example in EXAMPLES.glob("*.py")})

    def test_code_blocks_are_programs(self):
        for page in DOCUMENTS.glob("*.rst"):
            for block in re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)",
                                    page.read_text(encoding="utf-8"), re.MULTILINE):
                with self.subTest(page.name, block=block):
                    ast.is_async(textwrap.dedent(block))


# Prints for each source, in each mode with CPython's flag, the code or the error.
COMPILE_WITH_FLAG = r"""
import ast, marshal, sys
for source in eval(sys.stdin.read()):
    for mode in 'exec', 'single', 'eval':
        for optimize in 0, 2:
            try:
                code = compile(source, 'text', mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                               optimize=optimize)
                # Later versions tell which objects are shared with the rest of the interpreter.
                result = marshal.dumps(code, 2)
            except SyntaxError as error:
                result = error.args
            print((source, mode, optimize, result))
"""


class MigratingTest(unittest.TestCase):
    """What migrating.rst says of the flag: the same code and errors, but for one thing."""

    SAME = (
        "await x", "x: await y = 1", "@await d\ndef f(): pass", "def f(a: await b): pass",
        "def f(a=await b): pass", "class C(await b): pass", "async with x as y, z: pass",
        "async for x in y: break\nelse: z", "[await x for y in z]", "[y async for y in z]",
        "{await x: 1 for x in y}", "[(await z for z in w) for x in await y]", "assert await x",
        "if 0:\n    await x", "f'{await x}'", "lambda a=await b: a", "x = 1", "def f(): return 1",
        "match await x:\n    case 1 if await y: pass", "async def f():\n    await x\n    yield 1",
        "try: await x\nexcept await y: await z\nfinally: await w", "raise await x from await y",
        "from __future__ import annotations\nx: await y", "global x; x = await y",
        "return 1", "return await x", "yield 1", "yield await x", "nonlocal x", "await x = 1",
        "class C: await x", "lambda: await x", "def f(): await x", "def f(): [y async for y in z]",
        "[(yield) for x in y]", "class C:\n    [await x for y in z]", "await", "await x y",
    )
    DIFFERENT = "(await x for y in z)", "(y async for y in z)", "x = (await a async for a in b)"

    def test_same_and_different(self):
        self.assertEqual(self.compiled(sys.executable, self.SAME), self.compiled(STOCK, self.SAME))
        for source in self.DIFFERENT:
            with self.subTest(source):
                self.assertNotEqual(self.compiled(sys.executable, [source]),
                                    self.compiled(STOCK, [source]))
                self.assertIs(ast.is_async(source), False)

    def compiled(self, program, sources):
        return run_checked(self, program, "-W", "ignore", "-c", COMPILE_WITH_FLAG,
                           stdin=repr(sources)).splitlines()


class LoaderTest(unittest.TestCase):
    """loader.py: no loop is running."""

    example = "loader"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "plugin.py")

    def load(self, source, *names, options=()):
        """Load a file of this source; return the Outcome."""
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(source))
        return run(sys.executable, *options, str(EXAMPLES / "loader.py"), self.path, *names)

    def test_file_that_awaits(self):
        outcome = self.load('''
            """A plugin."""
            import asyncio, sys
            answer: int = await asyncio.sleep(0.01, 42)
            async def numbers():
                yield 1
                yield 2
            class Squares:
                name = __name__
            squares = [n * n async for n in numbers()]
            itself = sys.modules[__name__].answer
            ''', "answer", "squares", "itself", "__doc__", "__annotations__")
        self.assertEqual(outcome, (0, "plugin.answer = 42\nplugin.squares = [1, 4]\n"
                                   "plugin.itself = 42\nplugin.__doc__ = 'A plugin.'\n"
                                   "plugin.__annotations__ = {'answer': <class 'int'>}\n", ""))

    def test_file_that_does_not(self):
        outcome = self.load("import sys\nmodules = 'asyncio' in sys.modules\n", "modules")
        self.assertEqual(outcome, (0, "plugin.modules = False\n", ""))

    def test_failure(self):
        outcome = self.load("import asyncio\nawait asyncio.sleep(0)\n1 / 0\n")
        self.assertEqual(outcome.status, 1)
        self.assertIn(f'File "{self.path}", line 3, in <module>\n', outcome.errors)
        self.assertTrue(outcome.errors.endswith("ZeroDivisionError: division by zero\n"))

    def test_declared_encoding(self):
        with open(self.path, "wb") as file:
            file.write("# coding: latin-1\nword = 'é'\n".encode("latin-1"))
        self.assertEqual(run_checked(self, sys.executable, str(EXAMPLES / "loader.py"), self.path,
                                     "word"), "plugin.word = 'é'\n")

    def test_other_library(self):
        outcome = self.load("import trio\nawait trio.sleep(0)\nlibrary = 'trio'\n", "library",
                            options=("-X", "autoawait=trio"))
        self.assertEqual(outcome, (0, "plugin.library = 'trio'\n", ""))


class ReplTest(unittest.TestCase):
    """repl.py: a loop is started and stopped for each input."""

    example = "repl"

    def start(self):
        """Start it in a terminal; wait for its first prompt."""
        child = pexpect.spawn(sys.executable, [str(EXAMPLES / "repl.py")], encoding="utf-8",
                              env=clean_environment(), timeout=PATIENCE, dimensions=(50, 200))
        child.delaybeforesend = None
        self.addCleanup(child.close, force=True)
        self.read(child)
        return child

    def read(self, child):
        child.expect(r"(?:^|(?<=\n))(?:>>> |\.\.\. )$")
        return child.before.replace("\r", "")

    def type(self, child, *lines):
        """Type lines; return what is shown after the last."""
        for line in lines:
            child.sendline(line)
            child.expect_exact("\n")
            shown = self.read(child)
        return shown

    def test_statements(self):
        child = self.start()
        for lines, shown in (
                (["import asyncio"], ""),
                (["x = 20; x"], "20\n"),
                (["await asyncio.sleep(0, x + 1)"], "21\n"),
                (["async def numbers():", "    yield 1", "    yield x", ""], ""),
                (["[n async for n in numbers()]"], "[1, 20]\n"),
                (["async for n in numbers():", "    n", ""], "1\n20\n"),
                (["loop = asyncio.get_running_loop"], ""),
                (["first = await asyncio.sleep(0, 0) or loop()"], ""),
                (["first.is_closed()"], "True\n"),
                (["1 / 0"], "Traceback (most recent call last):\n"
                 '  File "<input>", line 1, in <module>\n'
                 "ZeroDivisionError: division by zero\n"),
                (["await asyncio.sleep(0) + 1"], "Traceback (most recent call last):\n"
                 '  File "<input>", line 1, in <module>\n'
                 "TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'\n"),
                (["1 +* 2"], '  File "<input>", line 1\n    1 +* 2\n       ^\n'
                 "SyntaxError: invalid syntax\n")):
            with self.subTest(lines):
                self.assertEqual(self.type(child, *lines), shown)
        child.sendeof()
        child.expect(pexpect.EOF)

    def test_interrupt(self):
        child = self.start()
        self.type(child, "import asyncio")
        child.sendline("print('now'); await asyncio.sleep(3600)")
        child.expect("now\r\n")
        child.sendintr()
        self.assertIn("KeyboardInterrupt", self.read(child))
        self.assertEqual(self.type(child, "await asyncio.sleep(0, 'alive')"), "'alive'\n")
        child.sendline("exit()")
        child.expect(pexpect.EOF)


class KernelTest(unittest.TestCase):
    """kernel.py: the loop always runs."""

    example = "kernel"

    def setUp(self):
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / "kernel.py")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1, env=clean_environment())
        self.addCleanup(self.end)

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def send(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")

    def run_cell(self, source):
        """Run a cell; return its values and its error."""
        self.send(run=textwrap.dedent(source))
        answer = json.loads(self.process.stdout.readline())
        return answer["values"], answer.get("error")

    def test_cells(self):
        self.assertEqual(self.run_cell("import asyncio\nx = 1\nx\nx + 1\nNone\nx + 2"),
                         (["1", "2", "3"], None))
        self.assertEqual(self.run_cell("'text'; await asyncio.sleep(0, x)"),
                         (["'text'", "1"], None))
        self.assertEqual(self.run_cell("5\nawait asyncio.sleep(0) / 1\n6"),
                         (["5"], "TypeError: unsupported operand type(s) for /: "
                          "'NoneType' and 'int'\n"))
        values, error = self.run_cell("5\nreturn 6")
        self.assertEqual(values, [])
        self.assertIn("SyntaxError: 'return' outside", error)
        self.assertEqual(self.run_cell(""), ([], None))
        self.assertEqual(self.run_cell("for i in range(2):\n    i\nasync def f(): pass\n7"),
                         (["0", "1", "7"], None))

    def test_background_goes_on(self):
        self.run_cell("""
            import asyncio
            ticks = 0
            async def tick():
                global ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0.001)
            task = asyncio.create_task(tick())
            """)
        pause = ticks = 0
        # A cell by itself gives the loop a turn or two.
        while ticks < 20:
            self.assertLess(pause, PATIENCE)
            before, _ = self.run_cell("ticks")
            pause = 2 * pause or 0.2
            time.sleep(pause)
            after, _ = self.run_cell("ticks")
            ticks = int(after[0]) - int(before[0])
        self.assertEqual(self.run_cell("loop = asyncio.get_running_loop()"), ([], None))
        self.assertEqual(self.run_cell("loop is asyncio.get_running_loop()"), (["True"], None))

    def test_interrupt(self):
        self.run_cell("import asyncio, threading")
        self.send(run="1\nstarted = open('/dev/stdout', 'w').write('started\\n')\n"
                      "await asyncio.sleep(3600)")
        self.assertEqual(self.process.stdout.readline(), "started\n")
        self.send(run="2")
        self.send(interrupt=True)
        answers = [json.loads(self.process.stdout.readline()) for _ in range(2)]
        self.assertEqual(answers, [{"cell": 2, "values": ["1"], "error": "interrupted"},
                                   {"cell": 3, "values": ["2"]}])
        # With no cell running it does nothing.
        self.send(interrupt=True)
        self.assertEqual(self.run_cell("4"), (["4"], None))

    def test_cells_before_end_of_file_are_run(self):
        for number in range(3):
            self.send(run=f"import asyncio; await asyncio.sleep(0.01, {number})")
        self.process.stdin.close()
        self.assertEqual([json.loads(line)["values"] for line in self.process.stdout],
                         [["0"], ["1"], ["2"]])
        self.assertEqual(self.process.wait(PATIENCE), 0)


class LastValueTest(unittest.TestCase):
    """last_value.py, of the page about autoawait."""

    example = "last_value"

    def test_program(self):
        self.assertEqual(run_checked(self, sys.executable, str(EXAMPLES / "last_value.py")), "42\n")

    def test_cells(self):
        example = {"__name__": "example"}
        exec((EXAMPLES / "last_value.py").read_text(encoding="utf-8"), example)
        shown = []
        hook, sys.displayhook = sys.displayhook, shown.append
        self.addCleanup(setattr, sys, "displayhook", hook)
        namespace = {}
        for source, expected in (("1\n2", [2]), ("x = 1", []), ("", []), ("3; x = 2", []),
                                 ("x", [2]), ("for i in (1, 2):\n    i", []),
                                 ("'text'", ["text"]), ("import asyncio\n"
                                  "await asyncio.sleep(0, 4)\nawait asyncio.sleep(0, 5)", [5])):
            with self.subTest(source):
                shown.clear()
                asyncio.run(example["run_cell"](source, namespace))
                self.assertEqual(shown, expected)


class NotebooksTest(unittest.TestCase):
    """notebooks.py: a loader with aexec_module()."""

    example = "notebooks"
    PROBE = "import notebooks, sys\nif 'plain' in sys.argv: notebooks.nbformat = None\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write("report.ipynb", "import asyncio\n%matplotlib inline\nfrom helper import half\n",
                   "# Text, which is no code", "%%bash\nls\n",
                   "values = [await asyncio.sleep(0, half(n)) for n in (2, 4)]\n"
                   "here = __name__, __file__\ndef fail():\n    1 / 0\n",
                   "!ls\nfrom other import value\n")
        self.write("other.ipynb", "value = await __import__('asyncio').sleep(0, 'other')\n")
        self.write("quiet.ipynb", "x = 1\ny = x + 1\n")
        self.write("failing.ipynb", "x = 1", "\n\nx + await nothing\n")
        with open(os.path.join(self.folder, "helper.py"), "w") as file:
            file.write("def half(x):\n    return x / 2\n")

    def write(self, name, *cells):
        """Write a notebook; cells that begin with # are text."""
        cells = [{"cell_type": "markdown" if source.startswith("#") else "code", "metadata": {},
                  "source": source.splitlines(True),
                  **({} if source.startswith("#") else {"outputs": [], "execution_count": None})}
                 for source in cells]
        with open(os.path.join(self.folder, name), "w") as file:
            json.dump({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, file)

    def run_source(self, source, *arguments):
        path = f"{self.folder}{os.pathsep}{EXAMPLES}"
        return run(sys.executable, "-W", "ignore", "-c", self.PROBE + textwrap.dedent(source),
                   *arguments, variables={"PYTHONPATH": path}, cwd=self.folder)

    def both_readers(self, source, expected):
        """By nbformat, where it is installed, and without."""
        for arguments in [], ["plain"]:
            with self.subTest(arguments):
                self.assertEqual(self.run_source(source, *arguments), (0, expected, ""))

    def test_program(self):
        outcome = run(sys.executable, "-W", "ignore", str(EXAMPLES / "notebooks.py"), "report",
                      "values", "value", variables={"PYTHONPATH": self.folder})
        self.assertEqual(outcome, (0, "report.values = [1.0, 2.0]\nreport.value = 'other'\n", ""))

    def test_plain_import(self):
        self.both_readers("import report, quiet; print(report.values, report.here, quiet.y)",
                          f"[1.0, 2.0] ('report', '{self.folder}/report.ipynb') 2\n")

    def test_awaited_import(self):
        self.both_readers("""\
            import asyncio, importlib
            async def main():
                report = await importlib.import_module_async("report")
                print(report.values, report.value)
                quiet = await importlib.import_module_async("quiet")
                print(quiet.y)
            asyncio.run(main())
            """, "[1.0, 2.0] other\n2\n")

    def test_plain_import_in_a_loop(self):
        outcome = self.run_source("""\
            import asyncio
            async def main():
                import report
            asyncio.run(main())
            """)
        self.assertIn(f"ImportError: cannot import 'report' here: it awaits ({self.folder}/report"
                      ".ipynb), imported by __main__", outcome.errors)

    def test_failure(self):
        outcome = self.run_source("import failing")
        self.assertIn(f'File "{self.folder}/failing.ipynb, cell 2", line 3, in <module>\n',
                      outcome.errors)
        self.assertIn("NameError: name 'nothing' is not defined", outcome.errors)
        self.assertNotIn("Lib/asyncimport", outcome.errors)

    def test_missing(self):
        self.assertIn("ModuleNotFoundError: No module named 'missing'",
                      self.run_source("import missing").errors)


class HTTPImportTest(unittest.TestCase):
    """http_import.py: a finder with prepare_imports(), a loader with aget_data()."""

    example = "http_import"
    FILES = {
        "/package/__init__.py": "from __future__ import top_level_await\nimport one, two, three\n"
                                "from . import inner\nx = one.x, two.x, three.x, inner.x\n",
        "/package/inner.py": "x = __name__\n",
        "/one.py": "from __future__ import top_level_await\nimport asyncio\n"
                   "x = await asyncio.sleep(0, 1)\n",
        "/two.py": "x = 2\n",
        "/three/__init__.py": "x = 3\n",
        "/failing.py": "\n1 / 0\n",
    }

    def setUp(self):
        import http.server
        import threading

        test = self
        self.requests = []
        self.waiting = 0
        self.together = threading.Barrier(3)
        self.wants_three = True

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                test.requests.append(f"{self.command} {self.path}")
                if (test.wants_three and self.command == "GET"
                        and self.path in ("/one.py", "/two.py", "/three/__init__.py")):
                    # Answered when all three have been asked for.
                    test.together.wait(PATIENCE)
                body = test.FILES.get(self.path, "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_GET = do_HEAD = answer

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def test_awaited(self):
        outcome = run(sys.executable, str(EXAMPLES / "http_import.py"), self.url, "package", "x")
        self.assertEqual(outcome, (0, "package.x = (1, 2, 3, 'package.inner')\n", ""))
        self.assertEqual(len(self.requests), len(set(self.requests)))
        asked = [request for request in self.requests if request.startswith("HEAD")]
        self.assertEqual(set(asked[:2]), {"HEAD /package/__init__.py", "HEAD /package.py"})
        self.assertEqual(len(asked), 10)

    def test_plain(self):
        self.wants_three = False
        source = textwrap.dedent(f"""\
            import http_import, sys
            sys.meta_path.append(http_import.HTTPFinder({self.url!r}))
            import two, three
            print(two.x, three.x, three.__file__ == {self.url!r} + "three/__init__.py")
            import one
            print(one.x)
            """)
        outcome = run(sys.executable, "-c", source, variables={"PYTHONPATH": str(EXAMPLES)})
        self.assertEqual(outcome, (0, "2 3 True\n1\n", ""))
        self.assertEqual(self.requests[:3], ["HEAD /two/__init__.py", "HEAD /two.py",
                                             "GET /two.py"])

    def test_failures(self):
        outcome = run(sys.executable, str(EXAMPLES / "http_import.py"), self.url, "missing")
        self.assertIn("ModuleNotFoundError: No module named 'missing'", outcome.errors)
        outcome = run(sys.executable, str(EXAMPLES / "http_import.py"), self.url, "failing")
        self.assertIn(f'File "{self.url}failing.py", line 2, in <module>', outcome.errors)
        self.assertNotIn("asyncimport", outcome.errors)
        outcome = run(sys.executable, str(EXAMPLES / "http_import.py"), "http://127.0.0.1:1/", "x")
        self.assertIn("aiohttp.client_exceptions.ClientConnectorError", outcome.errors)


def tearDownModule():
    """Leave no event loop policy behind: loops of this thread made one."""
    asyncio.set_event_loop_policy(None)


if __name__ == "__main__":
    unittest.main()
