"""A prompt inside a running coroutine: autoawait.interact()."""

import os
import subprocess
import sys
import textwrap
import time
import unittest

import pexpect

from prompt_support import PromptTestCase, clean_environment

ASYNCIO_PROGRAM = """\
    import asyncio as library, autoawait
    async def main():
        ticks = []
        async def tick():
            while True:
                ticks.append(1)
                await library.sleep(0.01)
        async def speak():
            await library.sleep(1)
            print('spo' + 'ken')
        tasks = [library.create_task(f()) for f in (tick, speak)]
        x = 5
        await autoawait.interact(banner='inside', local={**globals(), **locals()}, exitmsg='outside')
        print('done', len(ticks) > 0)
    library.run(main())
    """
TRIO_PROGRAM = """\
    import trio as library, autoawait
    async def main():
        ticks = []
        async def tick():
            while True:
                ticks.append(1)
                await library.sleep(0.01)
        async def speak():
            await library.sleep(1)
            print('spo' + 'ken')
        async with library.open_nursery() as nursery:
            nursery.start_soon(tick)
            nursery.start_soon(speak)
            x = 5
            await autoawait.interact(banner='inside', local={**globals(), **locals()}, exitmsg='outside')
            print('done', len(ticks) > 0)
            nursery.cancel_scope.cancel()
    library.run(main)
    """


class InteractTest(PromptTestCase):
    """Typing at a program that goes on."""

    def prompts(self):
        """Give a prompt in each kind of program, with readline and without."""
        for source in ASYNCIO_PROGRAM, TRIO_PROGRAM:
            path = os.path.join(self.home, "program.py")
            with open(path, "w") as file:
                file.write(textwrap.dedent(source))
            for mode in [], ["-I"]:
                with self.subTest(mode=mode, source=source[:30]):
                    yield self.start(*mode, path)

    def test_statements(self):
        for prompt in self.prompts():
            self.assertEqual(prompt.banner, "inside\n")
            self.check_session(prompt, [
                ("x", "5\n"),
                ("await library.sleep(0)", ""),
                ("y = x + len([await library.sleep(0) for _ in range(2)]); y", "7\n"),
                ("for i in range(2):\n    await library.sleep(0)\n    i\n", "0\n1\n"),
                ("await library.sleep(0) / 3", "Traceback (most recent call last):\n"
                 '  File "<console>", line 1, in <module>\n'
                 "TypeError: unsupported operand type(s) for /: 'NoneType' and 'int'\n"),
            ])
            self.assertIn("SyntaxError", prompt.type("x ="))
            self.assertEqual(prompt.leave(), ("\noutside\ndone True\n", 0))

    def test_the_program_goes_on(self):
        for prompt in self.prompts():
            prompt.type("before = len(ticks)")
            prompt.child.send("1 + ")
            prompt.child.expect_exact("spoken")
            prompt.child.send("x\n")
            prompt.child.expect_exact("6\r\n")
            prompt.read_to_prompt()
            self.assertGreater(int(prompt.type("len(ticks) - before")), 20)

    def test_interrupts(self):
        for prompt in self.prompts():
            for statement in ("await library.sleep(99)", "while True: pass",
                              "import time; time.sleep(99)"):
                prompt.child.send("print('be', 'gin')\n")
                prompt.child.expect_exact("be gin")
                prompt.read_to_prompt()
                prompt.child.send(statement + ("\n\n" if "while" in statement else "\n"))
                time.sleep(0.3)
                prompt.child.sendintr()
                prompt.child.expect_exact("KeyboardInterrupt")
                prompt.read_to_prompt()
            prompt.child.send("1 + ")
            time.sleep(0.2)
            prompt.child.sendintr()
            prompt.child.expect_exact("KeyboardInterrupt")
            prompt.read_to_prompt()
            self.assertEqual(prompt.type("x"), "5\n")
            before = int(prompt.type("len(ticks)"))
            self.assertGreater(int(prompt.type("await library.sleep(0.2); len(ticks)")), before)

    def test_interrupt_as_the_statement_ends(self):
        for prompt in self.prompts():
            prompt.type("import os, signal")
            prompt.type("async def end(): os.kill(os.getpid(), signal.SIGINT)\n")
            prompt.type("async def refuse():\n    try:\n        await end()\n"
                        "        await library.sleep(1)\n"
                        "    except BaseException: pass\n")
            prompt.type("await refuse()")
            prompt.child.send("await end()\n")
            prompt.child.expect_exact("KeyboardInterrupt")
            prompt.read_to_prompt()
            self.assertEqual(prompt.type("x"), "5\n")

    def test_exit(self):
        for prompt in self.prompts():
            self.assertEqual(prompt.leave("raise SystemExit(await library.sleep(0) or 4)")[1], 4)

    def test_piped(self):
        result = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(ASYNCIO_PROGRAM)], text=True,
            input="x\nawait library.sleep(0, 6)\nif x:\n  7\n\n8", capture_output=True,
            timeout=60, env=clean_environment())
        self.assertEqual(result.stdout, "5\n6\n7\n8\ndone True\n")
        self.assertEqual(result.returncode, 0)


class AinputTest(PromptTestCase):
    """autoawait.ainput()."""

    def test_while_the_loop_goes_on(self):
        for program in ASYNCIO_PROGRAM, TRIO_PROGRAM:
            begin, _, end = program.partition("await autoawait.interact(")
            program = (begin + "print(len(await autoawait.ainput('name? ')), len(ticks) > 20)\n"
                       + end.partition("\n")[2])
            for mode in [], ["-I"], ["-i"]:
                with self.subTest(mode=mode, program=program[:30]):
                    child = pexpect.spawn(sys.executable, [*mode, "-c", textwrap.dedent(program)],
                                          env=clean_environment(), encoding="utf-8", timeout=30)
                    self.addCleanup(child.close, force=True)
                    child.expect_exact("name? ")
                    child.send("half ")
                    child.expect_exact("spoken")
                    child.send("a line\n")
                    child.expect_exact("11 True\r\n")

    def test_at_the_prompt(self):
        for runner, sleep in ("asyncio", "asyncio.sleep"), ("trio", "trio.sleep"):
            with self.subTest(runner=runner):
                prompt = self.start()
                prompt.type(f"autoawait('{runner}'); import {runner}; ask = 'name' + '? '")
                for answer, shown in ("spam\n", "'spam'\n"), ("\3", None), ("\4", None):
                    prompt.child.send("await autoawait.ainput(ask)\n")
                    prompt.child.expect_exact("name? ")
                    prompt.child.send(answer)
                    shown = prompt.read_to_prompt()
                    if answer == "spam\n":
                        self.assertTrue(shown.endswith("\n'spam'\n"), shown)
                    else:
                        error = "KeyboardInterrupt" if answer == "\3" else "EOFError"
                        self.assertTrue(shown.endswith(f"\n{error}\n"), shown)
                        self.assertEqual(shown.count(f"\n{error}\n"), 1)
                prompt.child.send(f"await {sleep}(99)\n")
                time.sleep(0.3)
                prompt.child.sendintr()
                self.assertEqual(prompt.read_to_prompt().count("KeyboardInterrupt"), 1)

    def test_the_prompt_comes_first(self):
        for mode in [], ["-I"]:
            with self.subTest(mode=mode):
                prompt = self.start(*mode)
                prompt.type("import asyncio, autoawait, time; asks = []")
                # One that waits already, one more, and those that begin while the prompt waits.
                prompt.type("async def ask(delay):\n    await asyncio.sleep(delay)\n"
                            "    try: await autoawait.ainput('')\n"
                            "    except RuntimeError as error: asks.append(str(error))\n")
                prompt.type("async def ask_plainly():\n    await asyncio.sleep(0.2)\n"
                            "    try: input('name? ')\n"
                            "    except RuntimeError as error: asks.append(str(error))\n")
                prompt.type("tasks = [asyncio.create_task(ask(delay)) for delay in (0, 0, 0.2)];"
                            " plain = asyncio.create_task(ask_plainly());"
                            " await asyncio.sleep(0.01)")
                time.sleep(0.5)
                self.assertEqual(prompt.type("asks[:2]"), "['another coroutine is reading a line',"
                                 " 'the prompt is reading a line']\n")
                self.assertEqual(prompt.type("sorted(asks[2:])"), "[\"can't re-enter readline\","
                                 " 'the prompt is reading a line']\n")
                self.assertEqual(prompt.type("'as ever'"), "'as ever'\n")
                shown = prompt.interrupt("print('be', 'gin'); await asyncio.sleep(99)", "be gin")
                self.assertTrue(shown.endswith("\nKeyboardInterrupt\n"), shown)
                prompt.child.send("1 + ")
                time.sleep(0.2)
                prompt.child.sendintr()
                self.assertEqual(prompt.read_to_prompt().count("KeyboardInterrupt"), 1)

    def test_piped(self):
        result = subprocess.run(
            [sys.executable, "-X", "autoawait", "-c", "from autoawait import ainput\n"
             "import sys\nprint([await ainput(), await ainput(), sys.stdin.read()])\nawait ainput()"],
            input="one\n\nthree\nfour", text=True, capture_output=True, timeout=60,
            env=clean_environment())
        self.assertEqual(result.stdout, "['one', '', 'three\\nfour']\n")
        self.assertEqual(result.stderr.splitlines()[-1], "EOFError")


class CodeModuleTest(PromptTestCase):
    """The consoles of module code."""

    def run_console(self, program, source):
        """Run program, which opens a console, on source; return what it writes."""
        result = subprocess.run([sys.executable, "-c", program], input=source, text=True,
                                capture_output=True, timeout=60, env=clean_environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.replace(">>> ", "").replace("... ", ""), result.stderr

    def test_interact(self):
        prompt = self.start("-c", "import code; code.interact('inside', local={'x': 5})")
        self.assertEqual(prompt.banner, "inside\n")
        self.check_session(prompt, [
            ("import asyncio", ""),
            ("await asyncio.sleep(0, x)", "5\n"),
            ("for i in range(2):\n    await asyncio.sleep(0, i)\n", "0\n1\n"),
            ("async def fail(): 1/0\n", ""),
            ("await fail()", 'Traceback (most recent call last):\n  File "<console>", line 1, in '
             '<module>\n  File "<console>", line 1, in fail\nZeroDivisionError: division by zero\n'),
            ("1/0", 'Traceback (most recent call last):\n  File "<console>", line 1, in <module>\n'
             "ZeroDivisionError: division by zero\n"),
        ])
        self.assertEqual(prompt.leave("exit(await asyncio.sleep(0, 3))")[1], 3)

    def test_the_session_goes_on(self):
        for mode in [], ["-I"]:
            for program in [], ["-c", "import code; code.interact('')"]:
                with self.subTest(mode=mode, program=program):
                    prompt = self.start(*mode, *program)
                    if not program:
                        prompt.type("import code; code.interact('', local={})")
                    # The loop is there for plain statements, and goes on while a line is typed.
                    prompt.type("import asyncio; ticks = []")
                    prompt.type("async def tick():\n    while True:\n        ticks.append(1)\n"
                                "        await asyncio.sleep(0.01)\n")
                    prompt.type("task = asyncio.create_task(tick())")
                    prompt.type("before = len(ticks)")
                    time.sleep(0.5)
                    self.assertGreater(int(prompt.type("len(ticks) - before")), 20)
                    self.assertEqual(prompt.type("asyncio.run(asyncio.sleep(0, 5))"), "5\n")
                    self.assertEqual(prompt.type("await asyncio.sleep(0, 6)"), "6\n")
                    self.assertEqual(
                        prompt.type("task.get_loop() is asyncio.get_running_loop()"), "True\n")
                    prompt.type("import autoawait; autoawait('trio'); import trio")
                    self.assertEqual(prompt.type("task.cancelled()"), "True\n")
                    self.assertEqual(prompt.type("await trio.sleep(0)"), "")
                    if not program:
                        prompt.child.sendeof()
                        prompt.read_to_prompt()
                        self.assertEqual(prompt.type("1 + 1"), "2\n")
                    self.assertEqual(prompt.leave()[1], 0)

    def test_hook_is_off(self):
        _, errors = self.run_console("import code, sys; sys.awaithook = None; code.interact()",
                                     "await x\n")
        self.assertIn("SyntaxError: 'await' outside function", errors)

    def test_own_runcode_gets_no_coroutine(self):
        program = ("import code\nclass Console(code.InteractiveConsole):\n"
                   "    def runcode(self, code): exec(code, self.locals)\nConsole().interact()")
        shown, errors = self.run_console(program, "print(5)\nawait x\n")
        self.assertEqual(shown.strip(), "5")
        self.assertIn("SyntaxError: 'await' outside function", errors)

    def test_running_loop(self):
        program = ("import asyncio, code\nasync def main(): code.interact()\n"
                   "asyncio.run(main())")
        _, errors = self.run_console(program, "import asyncio\nawait asyncio.sleep(0)\n")
        self.assertIn("RuntimeError: a top-level coroutine cannot be run from a running event "
                      "loop", errors)

    def test_it_is_the_standard_module(self):
        import code
        import inspect

        self.assertIn("class InteractiveConsole(InteractiveInterpreter)",
                      inspect.getsource(code.InteractiveConsole))
        self.assertEqual(code.InteractiveConsole.runcode.__qualname__,
                         "InteractiveInterpreter.runcode")


if __name__ == "__main__":
    unittest.main()
