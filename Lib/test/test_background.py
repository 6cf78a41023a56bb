"""What goes on in the background of a prompt: nothing that fails is silent, nothing told twice."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

from line_source_support import PlayTestCase
from prompt_support import clean_environment

PRELUDE = r"""
import asyncio, os, signal, sys, time
reading, writing = os.pipe()
async def fail(error):
    raise error
def until_written():
    return reading
def loop():
    return asyncio.get_running_loop()
"""


class BackgroundTestCase(PlayTestCase):
    """Plays events behind a common prelude."""

    def play(self, script, status=0):
        """Play events; see PlayTestCase."""
        return super().play(PRELUDE + script, status)


class ExitTest(BackgroundTestCase):
    """SystemExit in the background never ends the session."""

    def test_exit_when_the_wait_ends(self):
        shown, errors = self.play(r"""
def when_input_comes():
    os.write(writing, b"x")
    runner_loop.call_later(0, sys.exit, 3)
def begin():
    runner_loop.call_soon(when_input_comes)
    return reading
play("await asyncio.sleep(0)\n", "runner_loop = loop()\n", begin, "6 * 7\n",
     "await asyncio.sleep(0.01)\n")
""")
        self.assertEqual(shown, "42\n")
        self.assertEqual(errors.count("SystemExit: 3"), 1)

    def test_exit_of_a_task(self):
        for statement in ("await asyncio.sleep(0)", "await asyncio.sleep(0.01)",
                          "await asyncio.wait([t])"):
            with self.subTest(statement=statement):
                shown, errors = self.play(rf"""
play("t = asyncio.create_task(fail(SystemExit(5)))\n", "{statement}\n", "6 * 7\n")
""")
                self.assertTrue(shown.endswith("42\n"))
                self.assertEqual(errors.count("SystemExit: 5"), 1, errors)

    def test_exit_of_the_statement(self):
        self.play(r"""
play("await fail(SystemExit(5))\n", "6 * 7\n")
""", 5)

    def test_exit_that_is_awaited(self):
        self.play(r"""
play("t = asyncio.create_task(fail(SystemExit(5)))\n", "await t\n", "6 * 7\n")
""", 5)


class InterruptTest(BackgroundTestCase):
    """Whom Ctrl-C concerns."""

    def test_background_that_computes_at_the_prompt(self):
        shown, errors = self.play(r"""
async def busy():
    await asyncio.sleep(0)
    print("INTERRUPT")
    while True:
        pass
play("t = asyncio.create_task(busy())\n", until_written, "6 * 7\n", "t.done()\n")
""")
        self.assertEqual(shown, "42\nTrue\n")
        self.assertEqual(errors.count(", in busy\n"), 1)

    def test_background_that_computes_beside_a_statement(self):
        shown, errors = self.play(r"""
async def busy():
    await asyncio.sleep(0.01)
    print("INTERRUPT")
    while True:
        pass
play("t = asyncio.create_task(busy())\n", "await asyncio.sleep(3600)\n", "6 * 7\n")
""")
        self.assertEqual(shown, "42\n")
        self.assertEqual(errors.count(", in busy\n"), 1)
        # That of the background, and that of the statement.
        self.assertEqual(errors.count("\nKeyboardInterrupt\n"), 2)

    def test_background_that_yields(self):
        for wait in "await asyncio.sleep(3600)", "await asyncio.gather(asyncio.sleep(3600))":
            with self.subTest(wait=wait):
                shown, errors = self.play(rf"""
survived = 0
async def work():
    global survived
    for _ in range(20):
        await asyncio.sleep(0)
        if waiting:
            interrupt()
            interrupt()
        survived += 1
play("t = asyncio.create_task(work())\n", "waiting = True; {wait}\n", "waiting = False\n",
     "await t\n", "survived, t.cancelled()\n")
""")
                self.assertEqual(shown, "(20, False)\n")
                self.assertEqual(errors.count("KeyboardInterrupt"), 1, errors)

    def test_background_that_computes_in_the_first_step(self):
        shown, errors = self.play(r"""
async def work():
    interrupt()
    return "survived"
play("t = asyncio.create_task(work())\n", "await asyncio.sleep(0)\n", "await t\n", "6 * 7\n")
""")
        self.assertEqual(shown, "'survived'\n42\n")
        self.assertEqual(errors.count("KeyboardInterrupt"), 1)


class FailureTest(BackgroundTestCase):
    """A task that fails is told of once, whoever refers to it."""

    def check_told(self, script, times, error="ValueError: lost"):
        shown, errors = self.play(script)
        self.assertEqual(errors.count(error), times, errors)
        return shown, errors

    def test_told_at_the_next_prompt(self):
        shown, errors = self.check_told(r"""
def note():
    print("prompt", file=sys.stderr)
play("t = asyncio.create_task(fail(ValueError('lost')))\n", "await asyncio.sleep(0.01)\n", note,
     "1\n", "2\n")
""", 1)
        self.assertLess(errors.index("ValueError: lost"), errors.index("prompt"))
        self.assertIn(", in fail\n", errors)

    def test_told_in_the_wait(self):
        self.check_told(r"""
async def later():
    await asyncio.sleep(0.01)
    os.write(writing, b"x")
    raise ValueError("lost")
play("t = asyncio.create_task(later())\n", until_written, "1\n", "2\n")
""", 1)

    def test_not_again_when_awaited(self):
        shown, errors = self.check_told(r"""
play("t = asyncio.create_task(fail(ValueError('lost')))\n", "await asyncio.sleep(0.01)\n",
     "try: await t\nexcept ValueError: 'caught'\n", "\n", "del t\n",
     "import gc; _ = gc.collect()\n")
""", 1)
        self.assertEqual(shown, "'caught'\n")

    def test_not_when_somebody_has_it(self):
        self.check_told(r"""
play("g = asyncio.gather(fail(ValueError('lost')), return_exceptions=True)\n",
     "await asyncio.sleep(0.01)\n", "await g\n")
""", 0, "Traceback")
        self.check_told(r"""
async def first():
    try:
        await t
    except ValueError:
        pass
play("t = asyncio.create_task(fail(ValueError('lost'))); u = asyncio.create_task(first())\n",
     "await asyncio.sleep(0.01)\n", "1\n")
""", 0)

    def test_cancelled(self):
        self.check_told(r"""
play("t = asyncio.create_task(asyncio.sleep(9))\n", "await asyncio.sleep(0); _ = t.cancel()\n",
     "await asyncio.sleep(0.01)\n")
""", 0, "Cancelled")


class HookTest(BackgroundTestCase):
    """The hook in a plain statement."""

    def test_called_before_anything_was_awaited(self):
        shown, errors = self.play(r"""
async def answer():
    return 42
del sys.modules["asyncio"]
for name in [name for name in sys.modules if name.startswith("asyncio.")]:
    del sys.modules[name]
play("sys.awaithook(answer())\n", "await answer()\n")
""")
        self.assertEqual(shown, "42\n42\n", errors)


class LeaveTest(BackgroundTestCase):
    """The end of a session."""

    def test_task_that_catches_everything(self):
        shown, errors = self.play(r"""
async def stubborn():
    while True:
        try:
            await asyncio.sleep(60)
        except BaseException:
            pass
play("t = asyncio.create_task(stubborn(), name='stubborn task')\n", "await asyncio.sleep(0)\n")
""")
        self.assertRegex(errors, "\nabandoned a task that does not end: "
                                 r"stubborn task, stubborn\(\) at <string>:\d+\n$")

    def test_closed_descriptors(self):
        for source in ("import asyncio, os; await asyncio.sleep(0); os.closerange(3, 256)",
                       "import asyncio, os; await asyncio.sleep(0); os.closerange(3, 256); "
                       "await asyncio.sleep(0.01)"):
            with self.subTest(source=source):
                result = subprocess.run(
                    [sys.executable, "-X", "autoawait", "-c", source], text=True,
                    capture_output=True, env=clean_environment(), timeout=60)
                self.assertIn(result.returncode, (0, 1))
                self.assertIn("Bad file descriptor", result.stderr)


class OwnPlaceTest(unittest.TestCase):
    """What the interpreter itself needs is not taken from the current folder."""

    def test_files_of_the_same_name(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in "autoawait", "asyncio", "report":
                with open(os.path.join(folder, f"{name}.py"), "w") as file:
                    file.write(f"print('the folder has {name}')\n")
            for options, source, expected in (
                    (["-q", "-i"], "async def f(): return 1\n\nawait f()\n"
                     "import sys\n'' in sys.path\n", "1\nTrue\n"),
                    (["-q", "-i"], "import report\n", "the folder has report\n"),
                    (["-X", "autoawait", "-c", "async def f(): return 1\nprint(await f())"],
                     "", "1\n")):
                with self.subTest(options=options):
                    result = subprocess.run([sys.executable, *options], input=source, text=True,
                                            capture_output=True, cwd=folder, timeout=60,
                                            env=clean_environment())
                    self.assertEqual(result.stdout, expected, result.stderr)


class ChoiceTest(unittest.TestCase):
    """A loop by name, or by the path of what makes it or runs a coroutine."""

    SOURCE = ("import asyncio\nawait asyncio.sleep(0)\n"
              "print(type(asyncio.get_running_loop()).__module__)")

    def run_with(self, choice):
        return subprocess.run([sys.executable, "-X", f"autoawait={choice}", "-c", self.SOURCE],
                              text=True, capture_output=True, env=clean_environment(), timeout=60)

    def test_loops(self):
        for choice, expected in (("asyncio:new_event_loop", "asyncio.unix_events\n"),
                                 ("asyncio:SelectorEventLoop", "asyncio.unix_events\n"),
                                 ("asyncio:run", "asyncio.unix_events\n"),
                                 ("autoawait:AsyncioRunner", "asyncio.unix_events\n")):
            with self.subTest(choice=choice):
                self.assertEqual(self.run_with(choice).stdout, expected)

    @unittest.skipUnless(importlib.util.find_spec("uvloop"), "needs uvloop")
    def test_uvloop(self):
        for choice in "uvloop", "uvloop:new_event_loop", "uvloop:Loop":
            with self.subTest(choice=choice):
                self.assertEqual(self.run_with(choice).stdout, "uvloop\n")

    def test_refused(self):
        for choice, told in (("asyncio:nothing", "module 'asyncio' has no 'nothing'"),
                             ("no_such_module:x", "the library no_such_module is not installed"),
                             ("sys:path", "sys:path is not callable"),
                             ("builtins:dict",
                              "builtins:dict() is neither a runner nor an event loop"),
                             ("nothing", "no runner for 'nothing'")):
            with self.subTest(choice=choice):
                result = self.run_with(choice)
                self.assertEqual(result.returncode, 1)
                self.assertIn(f"autoawait: {told}", result.stderr)
                self.assertNotIn("Traceback", result.stderr)


if __name__ == "__main__":
    unittest.main()
