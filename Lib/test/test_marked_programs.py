"""Main programs that are marked `from __future__ import top_level_await`, in every form."""

import os
import signal
import subprocess
import sys
import textwrap
import unittest
import zipfile

from join_support import neutral
from prompt_support import STOCK, clean_environment
from test_program import ProgramTestCase

HEAD = "from __future__ import top_level_await\n"
PROGRAM = HEAD + textwrap.dedent("""\
    import asyncio, sys, helper
    print(__name__, sys.argv[1:], await asyncio.sleep(0, helper.value))
    if sys.argv[1:]:
        sys.exit(4)
    """)
HELPER = HEAD + "import asyncio\nvalue = await asyncio.sleep(0, 'helped')\n"
ADVICE = ("To await at the top level, begin the program with `from __future__ import "
          "top_level_await`, or run it with -X autoawait.\n")


class MarkedTestCase(ProgramTestCase):

    def setUp(self):
        super().setUp()
        self.write("helper.py", HELPER)

    def forms(self, source):
        """Give each way to run source: arguments, and what standard input is."""
        path = os.path.join(self.folder, "app.zip")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("__main__.py", source)
        self.write("package/__init__.py", "")
        for name in "package/__main__", "package/module", "folder/__main__", "script":
            self.write(f"{name}.py", source)
        yield ["-c", source], None
        yield ["script.py"], None
        yield ["-m", "script"], None
        yield ["-m", "package"], None
        yield ["-m", "package.module"], None
        yield ["folder"], None
        yield ["app.zip"], None
        yield ["-"], source

    def run_checked(self, *arguments, **options):
        result = self.run_program(*arguments, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout


class FormsTest(MarkedTestCase):

    def each_form(self, source, **variables):
        variables.setdefault("PYTHONPATH", self.folder)
        for arguments, standard_input in self.forms(source):
            with self.subTest(arguments=arguments[-1][-14:]):
                yield arguments, {"source": standard_input, **variables}

    def test_every_form(self):
        for arguments, options in self.each_form(PROGRAM):
            for more in [], ["-X", "autoawait"], ["-O"], ["-X", "frozen_modules=off"]:
                self.assertEqual(self.run_checked(*more, *arguments, **options),
                                 "__main__ [] helped\n")
            result = self.run_program(*arguments, "a", **options)
            self.assertEqual((result.stdout, result.returncode, result.stderr),
                             ("__main__ ['a'] helped\n", 4, ""))

    def test_without_an_argument_to_name_it(self):
        self.assertEqual(self.run_checked(source=PROGRAM), "__main__ [] helped\n")

    def test_marked_and_awaiting_nothing(self):
        source = HEAD + "print(__name__, 'asyncio' in __import__('sys').modules)"
        for arguments, options in self.each_form(source):
            self.assertEqual(self.run_checked(*arguments, **options), "__main__ False\n")

    def test_exit_status(self):
        self.write("leaving.py", HEAD + "import asyncio, sys\nawait asyncio.sleep(0)\nsys.exit(5)")
        for source, status in (("import sys\nsys.exit(3)", 3), ("import leaving", 5),
                               ("raise SystemExit", 0), ("raise SystemExit('why')", 1),
                               ("raise KeyboardInterrupt", -signal.SIGINT), ("1 / 0", 1)):
            # Cached code is told by its source's second and length: each has its own.
            for arguments, options in self.each_form(f"{HEAD}{source}\n# {status}\n"):
                result = self.run_program(*arguments, **options)
                self.assertEqual(result.returncode, status, result.stderr)
                self.assertEqual("why\n" == result.stderr, "why" in source)

    def test_traceback(self):
        source = HEAD + "import asyncio\nawait asyncio.sleep(0)\n1 / 0\n"
        for arguments, options in self.each_form(source):
            result = self.run_program(*arguments, **options)
            self.assertEqual(result.returncode, 1)
            self.assertIn(", line 4, in <module>\n", result.stderr)
            self.assertTrue(result.stderr.endswith("ZeroDivisionError: division by zero\n"))
            self.assertNotIn("asyncimport", result.stderr)
            self.assertNotIn("autoawait", result.stderr)
            frames = result.stderr.count("  File ")
            self.assertEqual(frames, 1 + 2 * result.stderr.count("_run_module_as_main"))

    def test_traceback_of_an_import(self):
        self.write("failing.py", HEAD + "import asyncio\nawait asyncio.sleep(0)\n1 / 0\n")
        for arguments, options in self.each_form(HEAD + "import failing\n"):
            result = self.run_program(*arguments, **options)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, r'line 2, in <module>\n(?:    import failing\n)?'
                             r'  File ".*failing.py", line 4, in <module>\n')

    def test_prompt_afterwards(self):
        for arguments, options in self.each_form(HEAD + "import asyncio, helper\n"
                                                 "task = asyncio.create_task("
                                                 "asyncio.sleep(0, helper.value))\n"):
            if options["source"] is None:
                options["source"] = "helper.value\nawait task\n"
                self.assertEqual(self.run_program("-q", "-i", *arguments, **options).stdout,
                                 "'helped'\n'helped'\n")

    def test_prompt_after_failure(self):
        result = self.run_program("-q", "-i", "-c", HEAD + "import asyncio\n"
                                  "x = await asyncio.sleep(0, 5)\n1 / 0", source="x\n")
        self.assertEqual(result.stdout, "5\n")
        self.assertIn("ZeroDivisionError", result.stderr)

    def test_tasks_end_with_the_program(self):
        source = HEAD + textwrap.dedent("""\
            import asyncio
            async def work():
                try:
                    await asyncio.sleep(99)
                finally:
                    print('ended')
            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            """)
        for arguments, options in self.each_form(source):
            self.assertEqual(self.run_checked(*arguments, **options), "ended\n")

    def test_other_library(self):
        source = HEAD + "import trio\nprint(await trio.sleep(0))\n"
        for arguments, options in self.each_form(source):
            self.assertEqual(self.run_checked("-X", "autoawait=trio", *arguments, **options),
                             "None\n")

    def test_switched_off(self):
        self.write("usercustomize.py", "")
        self.write("sitecustomize.py", "import sys; sys.awaithook = None")
        for arguments, options in self.each_form(PROGRAM):
            result = self.run_program(*arguments, **options)
            self.assertEqual(result.returncode, 1)
            self.assertIn("TypeError: 'NoneType' object is not callable", result.stderr)

    def test_stock_refuses_it(self):
        for arguments, options in self.each_form(PROGRAM):
            result = self.run_program(*arguments, executable=STOCK, **options)
            self.assertIn("future feature top_level_await is not defined", result.stderr)


class PackageTest(MarkedTestCase):
    """Parents of what runs as __main__ await, too."""

    PARENT = HEAD + textwrap.dedent("""\
        import asyncio, contextvars
        variable = contextvars.ContextVar("variable")
        variable.set(await asyncio.sleep(0, __name__))
        loop = asyncio.get_running_loop()
        async def work():
            await turn.wait()
            return "worked"
        turn = asyncio.Event()
        task = asyncio.create_task(work())
        print("parent", __name__)
        """)
    MAIN = HEAD + textwrap.dedent("""\
        import asyncio, sys, outer
        from outer import inner
        print(__name__, inner.variable.get(), outer.variable.get())
        print(asyncio.get_running_loop() is outer.loop is inner.loop)
        outer.turn.set()
        print(await outer.task)
        """)
    SHOWN = ("parent outer\nparent outer.inner\n__main__ outer.inner outer\nTrue\nworked\n")

    def setUp(self):
        super().setUp()
        self.write("outer/__init__.py", self.PARENT)
        self.write("outer/inner/__init__.py", self.PARENT)
        for name in "__main__", "module":
            self.write(f"outer/inner/{name}.py", self.MAIN)

    def test_on_one_loop(self):
        for name in "outer.inner", "outer.inner.module":
            for options in (), ("-X", "autoawait"):
                self.assertEqual(self.run_checked(*options, "-m", name), self.SHOWN)

    def test_plain_main(self):
        self.write("outer/plain.py", "import outer\nprint(__name__, outer.task.done())")
        self.assertEqual(self.run_checked("-m", "outer.plain"),
                         "parent outer\n__main__ False\n")

    def test_failing_parent(self):
        self.write("outer/__init__.py", HEAD + "import asyncio\nawait asyncio.sleep(0)\n1 / 0\n")
        result = self.run_program("-m", "outer.inner")
        self.assertEqual(result.returncode, 1)
        self.assertIn("outer/__init__.py\", line 4, in <module>\n", result.stderr)
        self.assertNotIn("asyncimport", result.stderr)


class ProcessesTest(MarkedTestCase):

    SOURCE = HEAD + textwrap.dedent("""\
        import asyncio, concurrent.futures, helper, multiprocessing, sys
        base = await asyncio.sleep(0, 10)
        def work(x):
            return helper.value, __name__, base + x
        if __name__ == "__main__":
            context = multiprocessing.get_context(sys.argv[1])
            with context.Pool(1) as pool:
                print(pool.map(work, range(2)))
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
                print(list(executor.map(work, range(2))))
                print(await asyncio.get_running_loop().run_in_executor(executor, work, 7))
        """)

    def check(self, *arguments, name="__mp_main__"):
        for method in "spawn", "forkserver", "fork":
            with self.subTest(method):
                shown = "__main__" if method == "fork" else name
                pairs = [("helped", shown, 10), ("helped", shown, 11)]
                self.assertEqual(self.run_checked(*arguments, method),
                                 f"{pairs}\n{pairs}\n{('helped', shown, 17)}\n")

    def test_file(self):
        self.write("script.py", self.SOURCE)
        self.check("script.py")

    def test_module(self):
        self.write("package/__init__.py", HELPER)
        self.write("package/script.py", self.SOURCE)
        self.check("-m", "package.script")


class RunpyTest(MarkedTestCase):

    def setUp(self):
        super().setUp()
        self.write("script.py", HEAD + "import asyncio, helper\nx = await asyncio.sleep(0, 5)\n")
        self.write("package/__init__.py", HELPER)
        self.write("package/__main__.py", HEAD + "import package\nx = package.value, __name__\n")
        self.write("folder/__main__.py", HEAD + "import helper\nx = helper.value, __name__\n")

    def test_from_plain_code(self):
        for call, shown in (
                ("run_path('script.py')", "5"),
                ("run_module('script')", "5"),
                ("run_module('package', run_name='__main__', alter_sys=True)",
                 "('helped', '__main__')"),
                ("run_module('package.__main__', {'x': 1})", "('helped', 'package.__main__')"),
                ("run_path('folder')", "('helped', '<run_path>')")):
            with self.subTest(call):
                source = f"import runpy; print(runpy.{call}['x'])"
                self.assertEqual(self.run_checked("-c", source), shown + "\n")

    def test_from_awaiting_code(self):
        """It could only block the loop that runs: refused before anything of the code has run."""
        self.write("script.py", HEAD + "print('run')\nawait 1\n")
        for call in "run_path('script.py')", "run_module('script')":
            for source in (f"{HEAD}import asyncio, runpy\nawait asyncio.sleep(0)\nrunpy.{call}",
                           "import asyncio, runpy\nasync def main():\n"
                           f"    runpy.{call}\nasyncio.run(main())"):
                result = self.run_program("-c", source)
                self.assertEqual((result.stdout, result.returncode), ("", 1))
                self.assertIn("RuntimeError: a top-level coroutine cannot be run from a running "
                              "event loop", result.stderr)
                self.assertNotIn("never awaited", result.stderr)

    def test_as_program(self):
        self.write("shown.py", PROGRAM)
        for options in (), ("-X", "frozen_modules=off"):
            self.assertEqual(self.run_checked(*options, "-m", "runpy", "shown"),
                             "__main__ [] helped\n")


class ToolsTest(MarkedTestCase):
    """Programs of the standard library that run another."""

    def setUp(self):
        super().setUp()
        self.write("script.py", PROGRAM)

    def test_profilers(self):
        for tool in "cProfile", "profile":
            for arguments in ["script.py"], ["-m", "script"]:
                with self.subTest(tool, arguments=arguments):
                    shown = self.run_checked("-m", tool, *arguments)
                    self.assertIn("__main__ [] helped\n", shown)
                    self.assertIn("function calls", shown)
                    self.assertIn("(sleep)", shown)

    def test_trace(self):
        for options in ["--trace", "script.py"], ["--trace", "--module", "script"]:
            shown = self.run_checked("-m", "trace", *options)
            self.assertIn("__main__ [] helped\n", shown)
            self.assertIn("script.py(4): ", shown)
        shown = self.run_checked("-m", "trace", "--listfuncs", "script.py")
        self.assertIn("script.py, modulename: script, funcname: <module>", shown)

    def test_pdb(self):
        for target in ["script.py"], ["-m", "script"]:
            result = self.run_program("-m", "pdb", *target,
                                      source="next\nnext\np helper.value\ncontinue\nquit\n")
            self.assertIn("-> print(__name__, sys.argv[1:], await", result.stdout)
            self.assertIn("(Pdb) 'helped'\n(Pdb) __main__ [] helped\n", result.stdout)
            self.assertNotIn("never awaited", result.stderr)
            self.assertEqual(result.returncode, 0)

    def test_pdb_of_wrong_source(self):
        self.write("script.py", HEAD + "await await\n")
        result = self.run_program("-m", "pdb", "script.py", source="quit\nquit\n")
        self.assertIn("SyntaxError: invalid syntax", result.stderr + result.stdout)

    def test_timeit(self):
        self.assertIn("1 loop, best of 1",
                      self.run_checked("-m", "timeit", "-n1", "-r1", "import helper"))

    def test_zipapp(self):
        self.write("folder/__main__.py", PROGRAM)
        self.write("folder/helper.py", HELPER)
        self.run_checked("-m", "zipapp", "folder", "-o", "app.pyz")
        self.assertEqual(self.run_checked("app.pyz"), "__main__ [] helped\n")


class AdviceTest(MarkedTestCase):
    """One more line behind stock's for an unmarked program that awaits, and for no other."""

    def outcomes(self, arguments, options):
        stock = self.run_program(*arguments, executable=STOCK, **options)
        ours = self.run_program(*arguments, **options)
        self.assertEqual((ours.stdout, ours.returncode), (stock.stdout, stock.returncode))
        # Frozen functions have places in the same files, but not all of them.
        return neutral(ours.stderr, sys.executable), neutral(stock.stderr, STOCK)

    def test_programs_that_await(self):
        for source in ("import asyncio\nawait asyncio.sleep(0)\n",
                       "async with x:\n    pass\n", "async for x in y:\n    z\n",
                       "if 1:\n    x = await y\n", "[x async for x in y]\n"):
            for arguments, standard_input in self.forms(source):
                with self.subTest(source, arguments=arguments[-1][-14:]):
                    ours, stock = self.outcomes(arguments, {"source": standard_input})
                    if arguments == ["-"] and not source.startswith(("async", "import")):
                        # A pipe cannot be read again to tell.
                        self.assertIn(ours, (stock, stock + ADVICE))
                    else:
                        self.assertEqual(ours, stock + ADVICE)

    def test_standard_input_from_a_file(self):
        path = self.write("script.py", "if 1:\n    x = await y\n")
        outcomes = []
        for executable in sys.executable, STOCK:
            with open(path) as file:
                outcomes.append(subprocess.run([executable, "-"], stdin=file, capture_output=True,
                                               text=True, env=clean_environment()).stderr)
        self.assertEqual(outcomes[0], outcomes[1] + ADVICE)

    def test_warnings_that_are_errors(self):
        for arguments, standard_input in self.forms("x = '\\q'\n"):
            with self.subTest(arguments=arguments[-1][-14:]):
                ours, stock = self.outcomes(["-W", "error", *arguments],
                                            {"source": standard_input})
                self.assertEqual(ours, stock)
                self.assertIn("invalid escape sequence", ours)

    def test_other_failures(self):
        for source in ("def f():\n    await x\n", "class A:\n    await x\n", "x = 1 +\n",
                       "await x\nreturn 1\n", "lambda: await x\n", "1 / 0\n", "await x = 1\n",
                       "compile('await x', '', 'exec')\n", "import awaiting\n",
                       "exec('await x')\n", "raise SyntaxError(\"'await' outside function\")\n"):
            self.write("awaiting.py", "await x\n")
            for arguments, standard_input in self.forms(source):
                with self.subTest(source, arguments=arguments[-1][-14:]):
                    ours, stock = self.outcomes(arguments, {"source": standard_input,
                                                            "PYTHONPATH": self.folder})
                    if source == "await x\nreturn 1\n" and arguments == ["-"]:
                        continue
                    self.assertEqual(ours, stock)

    def test_parent_that_awaits(self):
        self.write("package/__init__.py", "await x\n")
        self.write("package/__main__.py", "")
        for name in "package", "package.__main__":
            ours, stock = self.outcomes(["-m", name], {})
            self.assertEqual(ours, stock)

    def test_hook_of_ones_own(self):
        self.write("sitecustomize.py", "import sys\nsys.excepthook = lambda *error: print(1)")
        ours, stock = self.outcomes(["-c", "await x"], {"PYTHONPATH": self.folder})
        self.assertEqual(ours, stock)

    def test_switched_off(self):
        self.write("sitecustomize.py", "import sys\nsys.awaithook = None")
        ours, stock = self.outcomes(["-c", "await x"], {"PYTHONPATH": self.folder})
        self.assertEqual(ours, stock)

    def test_prompt_afterwards(self):
        ours = self.run_program("-q", "-i", "-c", "await x", source="def f(): await x\n\nawait 1\n")
        self.assertEqual(ours.stderr.count(ADVICE), 1)

    def test_nothing_is_imported_for_it(self):
        result = self.run_program("-v", "-c", "1 +")
        self.assertNotIn("asyncimport", result.stderr)


if __name__ == "__main__":
    unittest.main()
