"""Ctrl-T at a statement that awaits, and the naming of tasks that block the loop."""

import asyncio
import os
import signal
import unittest

import autoawait
from join_support import PROGRAM, run
from prompt_support import PromptTestCase

# Said by the loop itself, once it waits.
WAIT = "asyncio.get_running_loop().call_later(0.001, print, 'ready'); await {}"
WAIT_TRIO = "print('ready'); await {}"


class StatusKeyTest(PromptTestCase):
    """At a terminal."""

    def start_waiting(self, *statements, wait="asyncio.Event().wait()"):
        """Return a prompt in the midst of a statement that awaits."""
        prompt = self.start("-q")
        for statement in ("import asyncio", *statements):
            prompt.type(statement)
        self.await_(prompt, wait)
        return prompt

    @staticmethod
    def await_(prompt, wait):
        """Begin a statement that awaits."""
        statement = WAIT_TRIO if wait.startswith("trio") else WAIT
        prompt.child.send(statement.format(wait) + "\n")
        prompt.child.expect_exact("\r\nready\r\n")

    def test_key(self):
        prompt = self.start_waiting(wait="asyncio.gather(asyncio.Event().wait())")
        prompt.child.send("\x14")
        prompt.child.expect(r"\^T\r\nawaited for \d+\.\d s\r\n"
                            r"Task-\d+ <module>\(\) at <stdin>:1  gather of 1\r\n"
                            r"└── Task-\d+ Event.wait\(\) at \S+locks.py:\d+  "
                            r"Event.wait\(\)\r\n")
        # It goes on, and is there to be asked again.
        prompt.child.send("\x14")
        prompt.child.expect(r"awaited for")
        prompt.child.sendintr()
        self.assertIn("KeyboardInterrupt", prompt.read_to_prompt())
        self.assertEqual(prompt.type("import termios; "
                                     "termios.tcgetattr(0)[6][termios.VQUIT]"), "b'\\x1c'\n")

    def test_signal(self):
        prompt = self.start_waiting()
        os.kill(prompt.child.pid, signal.SIGQUIT)
        prompt.child.expect(r"awaited for")
        prompt.child.sendintr()
        prompt.read_to_prompt()
        self.assertEqual(prompt.type("import signal; signal.getsignal(signal.SIGQUIT)"),
                         "<Handlers.SIG_DFL: 0>\n")

    def test_statement_that_computes(self):
        prompt = self.start_waiting(
            "async def compute():\n    await asyncio.sleep(0.1)\n"
            "    print('computes', flush=True)\n"
            "    while True: pass\n", wait="compute()")
        prompt.child.expect_exact("computes\r\n")
        prompt.child.send("\x14")
        prompt.child.expect(r"awaited for .*\r\nTask-\d+ <module>\(\) at <stdin>:[34]  running\r\n")
        prompt.child.sendintr()
        prompt.read_to_prompt()

    def test_handler_of_the_users(self):
        prompt = self.start_waiting(
            "import signal; x = signal.signal(signal.SIGQUIT, lambda *_: print('own', flush=True))")
        os.kill(prompt.child.pid, signal.SIGQUIT)
        prompt.child.expect_exact("own\r\n")
        prompt.child.sendintr()
        prompt.read_to_prompt()

    def test_trio(self):
        try:
            import trio  # noqa: F401
        except ImportError:
            self.skipTest("trio is not installed")
        prompt = self.start_waiting("import trio; autoawait('trio')", wait="trio.sleep_forever()")
        prompt.child.send("\x14")
        prompt.child.expect(r"awaited for .*\r\n.* at <stdin>:1  sleep_forever\(\)\r\n")
        prompt.child.sendintr()
        prompt.read_to_prompt()

    def test_program_is_left_alone(self):
        outcome = run(PROGRAM, "-X", "autoawait", "-c", "import asyncio, signal\n"
                      "await asyncio.sleep(0.001)\n"
                      "async def f():\n    await asyncio.sleep(0.001)\n"
                      "    print(signal.getsignal(signal.SIGQUIT))\nawait f()\n")
        self.assertEqual(outcome.output, "0\n", outcome.errors)


class BlockingTest(unittest.TestCase):
    """autoawait.name_blocking()."""

    PROGRAM = """\
import asyncio, autoawait, sys, time
async def block(n):
    for i in range(n):
        await asyncio.sleep(0)
        time.sleep(0.02)
    await asyncio.sleep(0)
{}
task = asyncio.create_task(block(3))
await task
await asyncio.create_task(block(2))
"""

    def named(self, setting):
        """Return the lines that name tasks."""
        outcome = run(PROGRAM, "-X", "autoawait", "-c", self.PROGRAM.format(setting))
        self.assertEqual(outcome.status, 0, outcome.errors)
        return [line for line in outcome.errors.splitlines() if line.startswith("Executing")]

    def test_each_place_is_named_once(self):
        lines = self.named("autoawait.name_blocking(0.01)")
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[0], r"^Executing <Task pending .* coro=<block\(\) running at "
                                   r"<string>:4>.* took 0\.0\d\d seconds$")
        self.assertIn("<string>:6>", lines[1])

    def test_limit(self):
        self.assertEqual(self.named("autoawait.name_blocking(1000)"), [])

    def test_off(self):
        self.assertEqual(self.named(""), [])
        self.assertEqual(self.named("autoawait.name_blocking(0.01); "
                                    "autoawait.name_blocking(None)"), [])

    def test_loop_made_anew(self):
        async def settings():
            loop = asyncio.get_running_loop()
            return loop.get_debug(), loop.slow_callback_duration

        self.addCleanup(asyncio.set_event_loop_policy, None)
        runner = autoawait.runner("asyncio")
        runner.name_blocking(0.5)
        self.assertEqual(runner(settings()), (True, 0.5))
        runner.close()
        self.assertEqual(runner(settings()), (True, 0.5))
        runner.name_blocking(None)
        self.assertEqual(runner(settings())[0], False)
        runner.close()
        self.assertEqual(runner(settings())[0], False)
        runner.close()


if __name__ == "__main__":
    unittest.main()
