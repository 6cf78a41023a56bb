"""The debugger's commands await, wherever it stops."""

import asyncio
import bdb
import io
import os
import pdb
import sys
import tempfile
import textwrap
import unittest

from join_support import PROGRAM, JoinTestCase, run
from prompt_support import PromptTestCase


def tearDownModule():
    asyncio.set_event_loop_policy(None)


HOOK = sys.awaithook


def debug(program, *commands, variables=None):
    """Return what a program shows whose debugger is given commands, and its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "program.py"), "w") as file:
            file.write(textwrap.dedent(program))
        outcome = run(PROGRAM, "program.py", stdin="".join(f"{line}\n" for line in commands),
                      cwd=folder, variables=variables)
    shown = outcome.output.replace(os.path.realpath(folder), "")
    outcome = outcome._replace(output=shown)
    return shown.split("(Pdb) "), outcome


ASYNCIO = """\
    import asyncio
    async def other():
        global count
        while True:
            count += 1
            await asyncio.sleep(0)
    count = 0
    def plain(value):
        breakpoint()
        return value
    async def inner(value):
        x = value
        plain(x)
        y = await asyncio.sleep(0, x + 1)
        return x + y
    async def main():
        task = asyncio.create_task(other(), name="other")
        await asyncio.sleep(0)
        print("result", await inner(1))
    asyncio.run(main())
    """
MEANWHILE = "[meanwhile 1 other task goes on: other]\n"


class BreakpointTest(unittest.TestCase):
    """breakpoint() in a plain function that a coroutine calls."""

    def assertShows(self, commands, program=ASYNCIO):
        """Assert what each command shows; the program goes on with the last."""
        shown, outcome = debug(program, *commands, "c")
        self.assertEqual(outcome.status, 0, outcome.errors)
        self.assertEqual(shown[1:-1], list(commands.values()), outcome.output)
        return shown

    def test_commands(self):
        shown = self.assertShows({
            "await asyncio.sleep(0, 5)": MEANWHILE + "5\n",
            "!await asyncio.sleep(0, 6)": MEANWHILE + "6\n",
            "p await asyncio.sleep(0, 7)": MEANWHILE + "7\n",
            "pp await asyncio.sleep(0, [8])": MEANWHILE + "[8]\n",
            "whatis await asyncio.sleep(0, 9)": MEANWHILE + "<class 'int'>\n",
            "z = await asyncio.sleep(0, value)": MEANWHILE,
            "z": "1\n",
            "p [i async for i in agen()]":
                MEANWHILE + "*** NameError: name 'agen' is not defined\n",
            "display await asyncio.sleep(0, z)":
                MEANWHILE + "display await asyncio.sleep(0, z): 1\n",
            "await asyncio.sleep(0) / 0": MEANWHILE + "*** TypeError: unsupported operand type(s) "
                                          "for /: 'NoneType' and 'int'\n",
            "value = await asyncio.sleep(0, 10)": MEANWHILE,
            "undisplay": "",
        })
        self.assertIn("result 3\n", shown[-1])

    def test_others_go_on(self):
        shown, outcome = debug(ASYNCIO, "before = count", "p count - before",
                               "await asyncio.sleep(0.01)", "p count - before > 3", "c")
        self.assertEqual(shown[2:], ["0\n", MEANWHILE, "True\n", "result 3\n"], outcome)

    def test_the_task_that_stands_still(self):
        self.assertShows({
            "main_task = [t for t in asyncio.all_tasks() if t.get_name() != 'other'][0]": "",
            "await asyncio.wait([main_task], timeout=0.01)": MEANWHILE + "(set(), {<Task pending "
            "name='Task-1' coro=<main() running at /program.py:19> cb=[_run_until_complete_cb() "
            "at /usr/lib/python3.11/asyncio/base_events.py:180]>})\n",
        })

    def test_stopped_loop(self):
        program = """\
            import asyncio
            async def main():
                breakpoint()
                print("never")
                await asyncio.sleep(0)
                print("shown")
            loop = asyncio.new_event_loop()
            task = loop.create_task(main())
            loop.run_forever()
            print("stopped")
            loop.run_until_complete(task)
            """
        shown, outcome = debug(program, "loop.stop()", "await asyncio.sleep(0, 5)", "c")
        self.assertEqual(shown[1:], ["", "5\n", "never\nstopped\nshown\n"], outcome)

    def test_breakpoint_in_a_callback(self):
        program = """\
            import asyncio
            async def main():
                loop = asyncio.get_running_loop()
                loop.call_soon(breakpoint)
                loop.call_soon(print, "meanwhile")
                loop.call_soon(print, "too")
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                print("end")
            asyncio.run(main())
            """
        shown, outcome = debug(program, "up", "await asyncio.sleep(0, 5)", "c")
        self.assertIn("meanwhile\ntoo\n", outcome.output)
        self.assertEqual(outcome.output.count("too\n"), 1)
        self.assertIn("end\n", shown[-1], outcome)
        self.assertEqual(outcome.status, 0, outcome.errors)

    def test_stepping_over_an_await(self):
        shown, outcome = debug(ASYNCIO, "n", "n", "n", "p await asyncio.sleep(0, y)", "c")
        where = [text.splitlines()[0] for text in shown[1:4]]
        self.assertEqual(where, ["--Return--", "> /program.py(14)inner()",
                                 "> /program.py(15)inner()"], outcome)
        self.assertEqual(shown[4], MEANWHILE + "2\n", outcome)

    def test_until_after_an_await(self):
        shown, outcome = debug(ASYNCIO, "up", "until", "until 15", "p y", "c")
        self.assertIn("> /program.py(14)inner()", shown[2], outcome)
        self.assertIn("> /program.py(15)inner()", shown[3], outcome)
        self.assertEqual(shown[4:], ["2\n", "result 3\n"], outcome)

    def test_breakpoint_after_an_await(self):
        shown, outcome = debug(ASYNCIO, "b 15", "c", "p await asyncio.sleep(0, y)", "c")
        self.assertEqual(shown[3], MEANWHILE + "2\n", outcome)

    def test_where(self):
        program = textwrap.dedent(ASYNCIO).replace(
            "await inner(1))", "(await asyncio.gather(asyncio.create_task(inner(1))))[0])")
        shown, outcome = debug(program, "w", "c")
        *stack, last = shown[1].splitlines()
        self.assertEqual(stack[-2:], ["> /program.py(10)plain()", "-> return value"], outcome)
        self.assertEqual(last, "awaited by Task-1 main() at program.py:19  gather of 1", outcome)
        shown, outcome = debug(ASYNCIO, "w", "c")
        self.assertNotIn("awaited by", shown[1])

    def test_commands_of_a_breakpoint(self):
        shown, outcome = debug(ASYNCIO, "b 15", "commands", "silent",
                               "p await asyncio.sleep(0, y + 40)", "end", "c", "c")
        self.assertIn(MEANWHILE + "42\n", outcome.output)

    def test_interact(self):
        shown, outcome = debug(ASYNCIO, "interact", "await asyncio.sleep(0, value)",
                               "asyncio.get_running_loop().is_running()")
        self.assertIn("1\n>>> True\n", outcome.output.replace(MEANWHILE, ""), outcome)

    def test_switched_off(self):
        shown, outcome = debug("import sys; sys.awaithook = None\n" + textwrap.dedent(ASYNCIO),
                               "await asyncio.sleep(0)", "p await asyncio.sleep(0)", "c")
        self.assertEqual(shown[1], "*** SyntaxError: 'await' outside function\n", outcome)
        self.assertEqual(shown[2], "*** SyntaxError: 'await' outside function\n", outcome)

    def test_loops_that_cannot_go_on(self):
        for library, program in (
                ("trio", "import trio\nasync def main():\n    breakpoint()\n    print('end')\n"
                         "trio.run(main)\n"),
                ("uvloop", "import asyncio, uvloop\nasync def main():\n    breakpoint()\n"
                           "    print('end')\nuvloop.install()\nasyncio.run(main())\n")):
            try:
                __import__(library)
            except ImportError:
                self.skipTest(f"{library} is not installed")
            with self.subTest(library):
                shown, outcome = debug(program, f"import {library}", "await main()", "c")
                self.assertIn("`await pdb.set_trace_async()`", shown[2])
                self.assertNotIn("never awaited", outcome.errors)
                self.assertEqual(shown[-1], "end\n", outcome)


class InterruptTest(unittest.TestCase):
    """Ctrl-C ends the command, and nothing else."""

    PROGRAM = """\
        import asyncio, os, signal, threading
        def interrupt():
            os.kill(os.getpid(), signal.SIGINT)
        async def compute():
            interrupt()
            while True:
                pass
        async def wait():
            asyncio.get_running_loop().call_soon(interrupt)
            await asyncio.Event().wait()
        async def main():
            breakpoint()
            await asyncio.sleep(0)
            print("end")
        asyncio.run(main())
        """

    def test_waiting_and_computing(self):
        for command in "await wait()", "await compute()":
            with self.subTest(command):
                shown, outcome = debug(self.PROGRAM, command, "await asyncio.sleep(0, 5)", "c")
                self.assertIn("KeyboardInterrupt", shown[1], outcome)
                self.assertEqual(shown[-2:], ["5\n", "end\n"], outcome)


class AwaitedDebuggerTest(unittest.TestCase):
    """pdb.set_trace_async()."""

    PROGRAM = """\
        import {library}, pdb
        sleep = {library}.sleep
        async def value(x):
            await sleep(0)
            return x
        async def work():
            x = 1
            await pdb.set_trace_async({arguments})
            x = x + 1
            await sleep(0)
            print("x", x)
            return x
        async def main():
            await work()
            print("end")
        {run}
        """
    RUNS = {"asyncio": "asyncio.run(main())", "trio": "trio.run(main)"}

    def program(self, library, arguments=""):
        """Return a program of the library."""
        return textwrap.dedent(self.PROGRAM).format(library=library, arguments=arguments,
                                                    run=self.RUNS[library])

    def test_commands(self):
        for library in self.RUNS:
            with self.subTest(library):
                shown, outcome = debug(
                    self.program(library, "header='here'"),
                    "await value(5)", "p await value(6)", "pp await value([7])",
                    "x = await value(20)",
                    "x", "await value(0) / 0", "p await value(0) / 0", "await sleep(0.01)",
                    "p 1; 2", "next", "next", "next", "p x", "c")
                self.assertEqual(shown[0], "here\n> /program.py(8)work()\n"
                                 "-> await pdb.set_trace_async(header='here')\n", outcome)
                self.assertEqual(shown[1:6], ["5\n", "6\n", "[7]\n", "", "20\n"])
                self.assertEqual(shown[6:8], ["*** ZeroDivisionError: division by zero\n"] * 2)
                self.assertEqual(shown[8], "")
                self.assertEqual([text.splitlines()[0] for text in shown[10:13]],
                                 [f"> /program.py({line})work()" for line in (9, 10, 11)], outcome)
                self.assertEqual(shown[13:], ["21\n", "x 21\nend\n"])

    def test_continue_and_quit(self):
        shown, outcome = debug(self.program("asyncio"), "c")
        self.assertEqual((shown[1], outcome.status), ("x 2\nend\n", 0), outcome)
        shown, outcome = debug(self.program("asyncio"), "q")
        self.assertEqual(outcome.status, 1)
        self.assertTrue(outcome.errors.endswith("bdb.BdbQuit\n"), outcome)

    def test_breakpoint_after(self):
        shown, outcome = debug(self.program("asyncio"), "b 11", "c", "p x", "c")
        self.assertIn("> /program.py(11)work()", shown[2])
        self.assertEqual(shown[3:], ["2\n", "x 2\nend\n"], outcome)

    def test_given_commands(self):
        shown, outcome = debug(self.program("trio", "commands=['p await value(5)', 'x', 'c']"))
        self.assertEqual(outcome.output, "> /program.py(8)work()\n-> await pdb.set_trace_async("
                         "commands=['p await value(5)', 'x', 'c'])\n5\n1\nx 2\nend\n", outcome)

    def test_uvloop(self):
        try:
            import uvloop  # noqa: F401
        except ImportError:
            self.skipTest("uvloop is not installed")
        program = self.program("asyncio").replace("asyncio.run", "import uvloop; uvloop.install(); "
                                                  "asyncio.run")
        shown, outcome = debug(program, "await value(5)", "c")
        self.assertEqual(shown[1:], ["5\n", "x 2\nend\n"], outcome)


class NoLoopTest(unittest.TestCase):
    """Where no loop runs, sys.awaithook does it."""

    def test_plain_program(self):
        shown, outcome = debug("breakpoint()\nprint('end')\n", "import asyncio",
                               "await asyncio.sleep(0, 5)", "p await asyncio.sleep(0, 6)", "c")
        self.assertEqual(shown[2:], ["5\n", "6\n", "end\n"], outcome)

    def test_post_mortem(self):
        program = """\
            import asyncio, pdb
            async def fail():
                x = 5
                1 / 0
            try:
                asyncio.run(fail())
            except ZeroDivisionError:
                pdb.post_mortem()
            """
        shown, outcome = debug(program, "await asyncio.sleep(0, x)", "p await asyncio.sleep(0, x)")
        self.assertEqual(shown[1:3], ["5\n", "5\n"], outcome)

    def test_run_and_runeval(self):
        program = """\
            import asyncio, pdb
            async def later(x):
                y = x
                await asyncio.sleep(0)
                return y
            pdb.run("z = await later(5)\\nprint(z)", {"later": later})
            print(pdb.runeval("await later(6)"))
            """
        shown, outcome = debug(program, "next", "p z", "c", "step", "next", "next", "p y", "c")
        self.assertEqual(shown[0], "> <string>(1)<module>()\n", outcome)
        self.assertEqual(shown[1:4], ["> <string>(2)<module>()\n", "5\n",
                                      "5\n> <string>(1)<module>()\n"], outcome)
        self.assertEqual(shown[-2:], ["6\n", "6\n"], outcome)

    def test_quit_in_run(self):
        debugger = pdb.Pdb(stdin=io.StringIO("q\n"), stdout=io.StringIO(), nosigint=True,
                           readrc=False)
        self.assertIsNone(debugger.run("import asyncio; await asyncio.sleep(0)", {}))
        self.assertIsNone(sys.gettrace())
        self.assertIsNone(debugger.skip)

    def test_failure_in_run(self):
        debugger = pdb.Pdb(stdin=io.StringIO("c\n"), stdout=io.StringIO(), nosigint=True,
                           readrc=False)
        with self.assertRaises(ZeroDivisionError):
            debugger.run("import asyncio; await asyncio.sleep(0); 1 / 0", {})
        self.assertIsNone(sys.gettrace())

    def test_other_debuggers(self):
        seen = []

        class Lines(bdb.Bdb):
            def user_line(self, frame):
                seen.append((frame.f_code.co_name, frame.f_lineno))
                self.set_next(frame)

        self.assertEqual(Lines().runeval("await sleep(0, 5)", {"sleep": asyncio.sleep}), 5)
        self.assertEqual(seen, [("<module>", 1)])


class TopLevelTest(PromptTestCase):
    """Where the session's own loop runs, or is lent."""

    def test_program_that_awaits(self):
        program = """\
            import asyncio
            async def background():
                while True:
                    await asyncio.sleep(0)
            task = asyncio.create_task(background(), name="other")
            await asyncio.sleep(0)
            breakpoint()
            print(await asyncio.sleep(0, "end"))
            """
        shown, outcome = debug(program, "await asyncio.sleep(0, 5)", "c",
                               variables={"PYTHONAUTOAWAIT": "1"})
        self.assertEqual(shown[1:], [MEANWHILE + "5\n", "end\n"], outcome)

    def test_prompt(self):
        prompt = self.start("-q")
        self.check_session(prompt, [
            ("import asyncio", ""),
            ("task = asyncio.create_task(asyncio.sleep(1000), name='other')", ""),
            ("async def f(x):\n    breakpoint()\n    return x\n", "")])
        for begin, commands in (
                ("await f(3)", [("await asyncio.sleep(0.001, x)", MEANWHILE + "3\n")]),
                ("breakpoint()", [("await asyncio.sleep(0.001, 9)", "9\n")])):
            with self.subTest(begin):
                prompt.child.send(begin + "\n")
                prompt.child.expect_exact("(Pdb) ")
                for command, shown in commands:
                    prompt.child.send(command + "\n")
                    prompt.child.expect_exact("(Pdb) ")
                    self.assertEqual(prompt.child.before.replace("\r\n", "\n"),
                                     f"{command}\n{shown}")
                prompt.child.send("c\n")
                prompt.read_to_prompt()
        self.assertEqual(prompt.type("await asyncio.sleep(0, 6), task.done()"), "(6, False)\n")


class WithoutAwaitTest(JoinTestCase):
    """A session without await is stock's."""

    def test_session(self):
        program = ("def f(x):\n    y = x\n    breakpoint()\n    return y\nprint(f(1))\n"
                   "import pdb\npdb.run('x = 1')\nprint(pdb.runeval('x + 1'))\n")
        commands = "x", "p x", "p y +", "z = 1 +", "whatis x", "display y", "y = 5", "w"
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "program.py"), "w") as file:
                file.write(program)
            for extra in ("c", "n", "n", "c", "c"), ("n", "n", "q"), ("x x",):
                self.assertAsStock("program.py", stdin="\n".join((*commands, *extra)) + "\n",
                                   cwd=folder)
            self.assertAsStock("-c", "import pdb; pdb.run('x x')")
            self.assertAsStock("-c", "import pdb; pdb.run()")


if __name__ == "__main__":
    unittest.main()
