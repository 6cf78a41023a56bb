"""Programs that await at the top level, and `-m asyncio`."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest
import zipfile

from prompt_support import STOCK, PromptTestCase, clean_environment

PROGRAM = textwrap.dedent("""\
    import asyncio, sys
    async def f(x):
        await asyncio.sleep(0)
        return 1 / x
    print(__name__, sys.argv[1:], await f(1))
    if sys.argv[1:]:
        await f(0)
    sys.exit(int(await f(0.25)))
    """)
TRACEBACK_END = ("line 4, in f\n    return 1 / x\n           ~~^~~\n"
                 "ZeroDivisionError: division by zero\n")


class ProgramTestCase(unittest.TestCase):
    """Gives each test a folder for programs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        """Write a file into the test's folder; return its path."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def run_program(self, *arguments, source=None, executable=sys.executable, **variables):
        """Run the interpreter in the test's folder; return the finished process."""
        return subprocess.run([executable, *arguments], input=source or "", text=True,
                              capture_output=True, cwd=self.folder, timeout=60,
                              env=clean_environment(**variables))


class ProgramTest(ProgramTestCase):
    """-X autoawait and PYTHONAUTOAWAIT."""

    def forms(self):
        """Give each way to run PROGRAM: arguments, and what standard input is."""
        zip_path = os.path.join(self.folder, "app.zip")
        with zipfile.ZipFile(zip_path, "w") as archive:
            archive.writestr("__main__.py", PROGRAM)
        self.write("package/__init__.py", "")
        self.write("package/__main__.py", PROGRAM)
        yield ["-c", PROGRAM], None
        yield [self.write("script.py", PROGRAM)], None
        yield ["-m", "script"], None
        yield ["-m", "package"], None
        yield [os.path.join(self.folder, "package")], None
        yield [zip_path], None
        yield ["-"], PROGRAM

    def test_every_form(self):
        for arguments, source in self.forms():
            with self.subTest(arguments=arguments[-1][-12:]):
                stock = self.run_program(*arguments, source=source)
                self.assertEqual(stock.returncode, 1)
                self.assertIn("SyntaxError: 'await' outside function", stock.stderr)
                ours = self.run_program("-X", "autoawait", *arguments, source=source)
                self.assertEqual((ours.stdout, ours.stderr, ours.returncode),
                                 ("__main__ [] 1.0\n", "", 4))
                ours = self.run_program("-X", "autoawait", *arguments, "a", source=source)
                self.assertEqual((ours.stdout, ours.returncode), ("__main__ ['a'] 1.0\n", 1))
                self.assertNotIn("asyncio", ours.stderr)
                if "script" in arguments[-1]:
                    self.assertTrue(ours.stderr.endswith(TRACEBACK_END), ours.stderr)

    def test_environment_variable(self):
        source = "import asyncio; print(await asyncio.sleep(0, 5))"
        for value in "1", "asyncio":
            self.assertEqual(self.run_program("-c", source, PYTHONAUTOAWAIT=value).stdout, "5\n")
        self.assertEqual(self.run_program("-E", "-c", source, PYTHONAUTOAWAIT="1").returncode, 1)
        self.assertEqual(self.run_program("-c", source, PYTHONAUTOAWAIT="").returncode, 1)

    def test_trio(self):
        source = "import trio, sys; print(await trio.sleep(0), 'asyncio' in sys.modules)"
        self.assertEqual(self.run_program("-X", "autoawait=trio", "-c", source).stdout,
                         "None False\n")

    def test_unknown_runner(self):
        result = self.run_program("-X", "autoawait=nothing", "-c", "print(1)")
        self.assertEqual((result.stdout, result.returncode), ("", 1))
        self.assertEqual(result.stderr, "autoawait: no runner for 'nothing'; there are asyncio, "
                                        "trio, curio, uvloop, or give a callable\n")

    def test_program_that_does_not_await(self):
        source = ("import asyncio, sys\nprint('autoawait.asyncio_runner' in sys.modules)\n"
                  "asyncio.run(asyncio.sleep(0)); print(asyncio._get_running_loop())\n"
                  "c = eval(compile('await 1', '', 'eval', 0x2000), globals())\n"
                  "print(type(c).__name__); c.close()\n")
        self.assertEqual(self.run_program("-X", "autoawait", "-c", source).stdout,
                         "False\nNone\ncoroutine\n")

    def test_imported_modules_do_not_await(self):
        self.write("other.py", "import asyncio\nawait asyncio.sleep(0)\n")
        for source in "import other", "import asyncio; await asyncio.sleep(0); import other":
            result = self.run_program("-X", "autoawait", "-c", source)
            self.assertIn("SyntaxError: 'await' outside function", result.stderr)

    def test_nothing_awaiting_is_cached(self):
        self.write("script.py", PROGRAM)
        self.assertEqual(self.run_program("-X", "autoawait", "-m", "script").returncode, 4)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "__pycache__")))

    def test_tasks_end_with_the_program(self):
        source = textwrap.dedent("""\
            import asyncio
            async def work():
                try:
                    await asyncio.sleep(99)
                finally:
                    print('ended')
            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            """)
        self.assertEqual(self.run_program("-X", "autoawait", "-c", source).stdout, "ended\n")

    def test_tasks_of_trio_end_with_the_program(self):
        source = textwrap.dedent("""\
            import autoawait, trio
            async def work():
                try:
                    await trio.sleep(99)
                finally:
                    print('ended')
            autoawait.nursery.start_soon(work)
            await trio.sleep(0.1)
            """)
        self.assertEqual(self.run_program("-X", "autoawait=trio", "-c", source).stdout, "ended\n")

    def test_inspect_afterwards(self):
        result = self.run_program("-q", "-i", "-X", "autoawait", "-c",
                                  "import asyncio; x = await asyncio.sleep(0, 5)",
                                  source="x\nawait asyncio.sleep(0, 6)\n")
        self.assertEqual(result.stdout, "5\n6\n")

    def test_traceback_in_a_file_of_undecodable_name(self):
        path = self.write("interrupted_\udcff.py", textwrap.dedent("""\
            import asyncio, os, signal, threading
            async def refuse():
                while True:
                    try:
                        await asyncio.sleep(99)
                    except asyncio.CancelledError:
                        pass
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            await refuse()
            """))
        result = self.run_program("-X", "autoawait", path)
        self.assertIn("in <module>", result.stderr)
        self.assertEqual(result.returncode, -signal.SIGINT)

    def test_syntax_errors_and_interrupt_status(self):
        self.write("bad.py", "x = 1 1\n")
        for arguments in ["bad.py"], ["-c", "x = 1 1"], ["-m", "bad"]:
            ours = self.run_program("-X", "autoawait", *arguments)
            stock = self.run_program(*arguments, executable=STOCK)
            self.assertEqual(ours.stderr.splitlines()[-3:], stock.stderr.splitlines()[-3:])
            self.assertEqual(ours.returncode, stock.returncode)
        source = "import asyncio; await asyncio.sleep(0); raise KeyboardInterrupt"
        self.assertEqual(self.run_program("-X", "autoawait", "-c", source).returncode,
                         self.run_program("-c", "raise KeyboardInterrupt",
                                          executable=STOCK).returncode)


AWAITING_SCRIPT = textwrap.dedent("""\
    import asyncio, sys
    async def work(number):
        await asyncio.sleep(0.01)
        return number * 2
    async def background():
        try:
            await asyncio.sleep(99)
        finally:
            print('background ended')
    task = asyncio.create_task(background())
    total = 0
    for number in range(3):
        total += await work(number)
    print(__name__, sys.argv[1:], total)
    """)
SHOWN = "__main__ ['a'] 6\nbackground ended\n"


class ProgramsThatRunProgramsTest(ProgramTestCase):
    """Programs of the standard library run one that awaits as they run any other."""

    def setUp(self):
        super().setUp()
        self.write("script.py", AWAITING_SCRIPT)
        self.write("leaves.py", "import asyncio, sys\nawait asyncio.sleep(0)\nsys.exit(7)\n")
        self.write("leaves_plainly.py", "import sys\nsys.exit(7)\n")

    def check_without_option(self, *arguments):
        """Have the distribution's program refuse what awaits, and ours in the same words."""
        stock = self.run_program(*arguments, executable=STOCK)
        ours = self.run_program(*arguments)
        self.assertIn("SyntaxError: 'await' outside function", stock.stderr)
        lines = ours.stderr.splitlines()
        if arguments[1] == "runpy":
            # It is the main program, and told what to do.
            self.assertIn("-X autoawait", lines.pop())
        self.assertEqual(lines[-1], stock.stderr.splitlines()[-1])
        self.assertEqual((ours.stdout, ours.returncode), (stock.stdout, stock.returncode))

    def check_exit_status(self, *arguments, suffix=".py"):
        """Have a program that awaits leave as it leaves without await."""
        stock = self.run_program(*arguments, "leaves_plainly" + suffix, executable=STOCK)
        ours = self.run_program("-X", "autoawait", *arguments, "leaves" + suffix)
        self.assertEqual((ours.returncode, ours.stderr), (stock.returncode, stock.stderr))

    def test_runpy(self):
        self.check_without_option("-m", "runpy", "script")
        self.check_exit_status("-m", "runpy", suffix="")
        for program in (["-m", "runpy", "script", "a"],
                        ["-c", "import runpy; runpy.run_path('script.py', run_name='__main__')", "a"],
                        ["-c", "import runpy; runpy.run_module('script', run_name='__main__')", "a"]):
            result = self.run_program("-X", "autoawait", *program)
            self.assertEqual((result.stdout, result.stderr), (SHOWN, ""))
        # What is not the main program leaves its tasks to that.
        result = self.run_program("-X", "autoawait", "-c", "import runpy\n"
                                  "print(runpy.run_path('script.py')['task'].done())")
        self.assertEqual(result.stdout, "<run_path> [] 6\nFalse\nbackground ended\n")

    def test_profilers(self):
        for profiler in "cProfile", "profile":
            self.check_without_option("-m", profiler, "script.py")
            self.check_exit_status("-m", profiler)
        for program in ["script.py"], ["-m", "script"]:
            result = self.run_program("-X", "autoawait", "-m", "cProfile", *program, "a")
            self.assertEqual(result.stderr, "")
            self.assertTrue(result.stdout.startswith(SHOWN), result.stdout)
            # Each of three calls begins once and goes on once.
            self.assertRegex(result.stdout, r"\n +6 .*script.py:2\(work\)")

    def test_trace(self):
        self.check_without_option("-m", "trace", "--trace", "script.py")
        self.check_exit_status("-m", "trace", "--listfuncs")
        for program in ["script.py"], ["--module", "script"]:
            result = self.run_program("-X", "autoawait", "-m", "trace", "--trace", *program, "a")
            self.assertIn("script.py(13):     total += await work(number)\n", result.stdout)
            self.assertIn("script.py(4):     return number * 2\n", result.stdout)
            self.assertEqual(result.stderr, "")

    def debug(self, *arguments, commands, errors=()):
        """Return what pdb shows for commands, one item for each, if errors end with errors."""
        result = self.run_program("-X", "autoawait", "-m", "pdb", *arguments,
                                  source="\n".join(commands) + "\nq\n")
        self.assertEqual(result.stderr.splitlines()[-1:], list(errors))
        return [shown.replace(self.folder, "") for shown in result.stdout.split("(Pdb) ")]

    def test_debugger(self):
        self.check_without_option("-m", "pdb", "script.py")
        for program in ["script.py", "a"], ["-m", "script", "a"]:
            shown = self.debug(*program, commands=["b 3", "unt 13", "s", "cl 1", "unt 3", "n", "s",
                                                   "n", "c"])
            self.assertIn("> /script.py(1)<module>()\n-> import asyncio, sys", shown[0])
            self.assertIn("/script.py(13)<module>()\n-> total += await work(number)", shown[2])
            self.assertIn("--Call--\n> /script.py(2)work()", shown[3])
            # The next line of a coroutine that waits, and of the one that waits for it.
            self.assertIn("/script.py(4)work()\n-> return number * 2", shown[6])
            self.assertIn("--Return--\n> /script.py(4)work()->0", shown[7])
            self.assertIn("/script.py(12)<module>()\n-> for number in range(3)", shown[8])
            self.assertIn(SHOWN + "The program finished and will be restarted", shown[9])

    def test_debugger_steps_from_task_to_task(self):
        self.write("script.py", "import asyncio\nfuture = asyncio.Future()\n"
                   "async def other():\n    future.set_result(5)\n"
                   "task = asyncio.create_task(other())\nx = await future\nprint(x)\n")
        shown = self.debug("script.py", commands=["unt 6", "s", "s", "s", "s", "s"])
        self.assertEqual([line for part in shown[2:7] for line in part.splitlines()
                          if line.startswith("> ")],
                         ["> /script.py(6)<module>()-><Future pending>", "> /script.py(3)other()",
                          "> /script.py(4)other()", "> /script.py(4)other()->None",
                          "> /script.py(6)<module>()-><Future finished result=5>"])

    def test_debugger_shows_failures_and_exit_status(self):
        self.write("fails.py", "async def f(): return 1 / 0\nawait f()\n")
        shown = "".join(self.debug("fails.py", commands=["c", "u"],
                                   errors=["ZeroDivisionError: division by zero"]))
        self.assertIn("> /fails.py(1)f()\n-> async def f(): return 1 / 0", shown)
        self.assertIn("> /fails.py(2)<module>()\n-> await f()", shown)
        self.assertIn("The program exited via sys.exit(). Exit status: 7",
                      "".join(self.debug("leaves.py", commands=["c"])))

    def test_debugger_as_ever(self):
        self.write("plain.py", "x = 1\nprint(x)\n")
        commands = ["n", "s", "w", "n", "n", "q"]
        ours = "".join(self.debug("plain.py", commands=commands))
        stock = self.run_program("-m", "pdb", "plain.py", executable=STOCK,
                                 source="\n".join(commands) + "\n")
        self.assertEqual(ours, stock.stdout.replace(self.folder, "").replace("(Pdb) ", ""))

    def test_processes(self):
        path = self.write("script.py", textwrap.dedent("""\
            import asyncio, multiprocessing
            from concurrent.futures import ProcessPoolExecutor
            base = await asyncio.sleep(0, 7)
            def add(number):
                return number + base, __name__
            async def main():
                loop = asyncio.get_running_loop()
                for method in 'spawn', 'forkserver', 'fork':
                    context = multiprocessing.get_context(method)
                    with ProcessPoolExecutor(1, mp_context=context) as pool:
                        print(await loop.run_in_executor(pool, add, 1))
            if __name__ == '__main__':
                await main()
            """))
        for program in [path], ["-m", "script"]:
            for option, variables in (["-X", "autoawait"], {}), ([], {"PYTHONAUTOAWAIT": "1"}):
                result = self.run_program(*option, *program, **variables)
                self.assertEqual((result.stdout, result.stderr),
                                 ("(8, '__mp_main__')\n" * 2 + "(8, '__main__')\n", ""))

    def test_processes_of_trio(self):
        path = self.write("script.py", textwrap.dedent("""\
            import multiprocessing, trio
            base = await trio.sleep(0) or 7
            def add(number):
                return number + base
            if __name__ == '__main__':
                for method in 'spawn', 'forkserver', 'fork':
                    with multiprocessing.get_context(method).Pool(2) as pool:
                        print(pool.map(add, range(3)))
            """))
        for option, variables in ((["-X", "autoawait=trio"], {}), ([], {"PYTHONAUTOAWAIT": "trio"})):
            result = self.run_program(*option, path, **variables)
            self.assertEqual((result.stdout, result.stderr), ("[7, 8, 9]\n" * 3, ""))

    def test_option_goes_to_processes(self):
        source = "import subprocess; print(subprocess._args_from_interpreter_flags())"
        for option in [], ["-X", "autoawait"], ["-X", "autoawait=trio"]:
            self.assertEqual(self.run_program(*option, "-c", source).stdout, f"{option}\n")


class AsyncioPromptTest(PromptTestCase):
    """`-m asyncio` is our prompt."""

    def test_prompt(self):
        startup = os.path.join(self.home, "startup.py")
        with open(startup, "w") as file:
            file.write("import asyncio\nstarted = await asyncio.sleep(0, 'started')\n")
        prompt = self.start("-m", "asyncio", PYTHONSTARTUP=startup)
        self.check_session(prompt, [
            ("started", "'started'\n"),
            ("asyncio.__name__, __name__", "('asyncio', '__main__')\n"),
            ("await asyncio.sleep(0, 5)", "5\n"),
            ("asyncio.run(asyncio.sleep(0, 6))", "6\n"),
            ("import threading; threading.active_count()", "1\n"),
            ("import sys; sys.argv", "['']\n"),
            ("sys.modules['__main__'].started", "'started'\n"),
        ])
        self.assertEqual(prompt.leave("exit(await asyncio.sleep(0, 3))")[1], 3)

    def test_isolation(self):
        prompt = self.start("-I", "-m", "asyncio")
        self.check_session(prompt, [
            ("import sys; sys.flags.isolated", "1\n"),
            ("await asyncio.sleep(0, 5)", "5\n"),
        ])

    def test_command(self):
        result = subprocess.run(
            [sys.executable, "-m", "asyncio", "-c",
             "import sys; print(await asyncio.sleep(0, sys.argv), __name__)", "x"],
            text=True, capture_output=True, timeout=60, env=clean_environment())
        self.assertEqual((result.stdout, result.stderr), ("['-c', 'x'] __main__\n", ""))

    def test_startup_file_awaits_at_every_prompt(self):
        startup = os.path.join(self.home, "startup.py")
        with open(startup, "w") as file:
            file.write("import asyncio\nasync def tick():\n    while True:\n"
                       "        ticks.append(1)\n        await asyncio.sleep(0.01)\n"
                       "ticks = []\ntask = asyncio.create_task(tick())\n"
                       "await asyncio.sleep(0.1)\n")
        prompt = self.start(PYTHONSTARTUP=startup)
        self.check_session(prompt, [("task.done(), len(ticks) > 3", "(False, True)\n")])


if __name__ == "__main__":
    unittest.main()
