"""A prompt inside a running coroutine: autoawait.interact()."""

import os
import subprocess
import sys
import textwrap
import time
import unittest

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
                prompt.child.send(f"print('be', 'gin')\n")
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
