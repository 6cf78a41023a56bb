"""Timeit times statements that await, and others by stock's code."""

import asyncio
import io
import sys
import timeit
import traceback
import unittest

from join_support import PROGRAM, JoinTestCase, run

HOOK = sys.awaithook
SETUP = "import asyncio; passed = []\nasync def step(): passed.append(await asyncio.sleep(0, 1))"


class AwaitingTest(unittest.TestCase):
    """Statements and setups that await."""

    def setUp(self):
        self.runs = []
        sys.awaithook = self.run_coroutine
        self.addCleanup(setattr, sys, "awaithook", HOOK)

    def run_coroutine(self, coroutine):
        """Count the runs."""
        self.runs.append(coroutine)
        return HOOK(coroutine)

    def test_one_coroutine_around_all_passes(self):
        namespace = {"passed": []}
        seconds = timeit.timeit("passed.append(await asyncio.sleep(0, 1))", "import asyncio",
                                number=7, globals=namespace)
        self.assertIsInstance(seconds, float)
        self.assertEqual((namespace["passed"], len(self.runs)), ([1] * 7, 1))

    def test_only_the_passes_are_timed(self):
        ticks = []

        def timer():
            ticks.append(len(self.runs))
            return float(len(ticks))

        self.assertEqual(timeit.timeit("await step()", SETUP, timer, number=5), 1.0)
        # Both were asked for inside the one run.
        self.assertEqual(ticks, [1, 1])

    def test_statements(self):
        for statement in ("await step()", "async with asyncio.timeout(None): await step()",
                          "[await step() for i in range(2)]",
                          "async for x in agen(): pass", "x = [x async for x in agen()]",
                          "if 1:\n    await step()\nelse:\n    pass"):
            with self.subTest(statement):
                setup = SETUP + "\nasync def agen(): yield await step()"
                timeit.timeit(statement, setup, number=2)
                self.assertEqual(len(self.runs), 1)
                self.runs.clear()

    def test_setup_awaits(self):
        namespace = {"seen": []}
        timeit.timeit("seen.append(x)", "import asyncio; x = await asyncio.sleep(0, 3)", number=2,
                      globals=namespace)
        self.assertEqual(namespace["seen"], [3, 3])

    def test_callable_setup(self):
        called = []
        timeit.timeit("await asyncio.sleep(0)", lambda: called.append(1), number=2,
                      globals={"asyncio": __import__("asyncio")})
        self.assertEqual(called, [1])

    def test_repeat_and_autorange(self):
        timer = timeit.Timer("await step()", SETUP)
        self.assertEqual(len(timer.repeat(3, 2)), 3)
        self.assertEqual(len(self.runs), 3)
        clock = iter(range(100))
        timer = timeit.Timer("await step()", SETUP, lambda: float(next(clock)))
        self.assertEqual(timer.autorange(), (1, 1.0))
        self.assertEqual(len(timeit.repeat("await step()", SETUP, repeat=2, number=1)), 2)

    def test_garbage_collection_is_off(self):
        namespace = {"gc": __import__("gc"), "seen": []}
        timeit.timeit("seen.append(gc.isenabled()); await asyncio.sleep(0)", "import asyncio",
                      number=1, globals=namespace)
        self.assertEqual(namespace["seen"], [False])

    def test_failure(self):
        timer = timeit.Timer("await step() / 0", SETUP.replace("passed.append", "print"))
        try:
            timer.timeit(1)
        except TypeError as error:
            names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            self.assertEqual(names, ["test_failure", "timeit", "inner"])
            shown = io.StringIO()
            timer.print_exc(shown)
            self.assertIn("    await step() / 0\n", shown.getvalue())
        else:
            self.fail("nothing was raised")


class RefusalTest(unittest.TestCase):
    """What timeit refuses, it refuses as before."""

    def test_await_where_there_cannot_be_one(self):
        for statement in "lambda: await x", "def f(): await x", "await = 1", "await", "yield":
            with self.subTest(statement), self.assertRaises(SyntaxError):
                timeit.Timer(statement)

    def test_switched_off(self):
        self.addCleanup(setattr, sys, "awaithook", HOOK)
        sys.awaithook = None
        for arguments in ("await x",), ("pass", "await x"):
            with self.subTest(arguments), \
                    self.assertRaisesRegex(SyntaxError, "'await' outside function"):
                timeit.Timer(*arguments)

    def test_plain_timer(self):
        timer = timeit.Timer("x = 'await'", "y = 'async'")
        self.assertFalse(timer.inner.__code__.co_flags & 0x80)
        self.assertTrue(timer.src.startswith("\ndef inner(_it, _timer):\n"))


class ProgramTest(JoinTestCase):
    """python -m timeit."""

    def test_awaiting(self):
        outcome = run(PROGRAM, "-m", "timeit", "-n", "3", "-r", "2", "-s", SETUP, "await step()")
        self.assertRegex(outcome.output, r"^3 loops, best of 2: [\d.]+ [mun]?sec per loop\n")
        self.assertEqual(outcome.status, 0, outcome.errors)

    def test_failure_is_shown(self):
        outcome = run(PROGRAM, "-m", "timeit", "-n1", "await none")
        self.assertEqual(outcome.status, 1)
        self.assertTrue(outcome.errors.endswith(
            '  File "<timeit-src>", line 6, in inner\n    await none\n           ^^^^\n'
            "NameError: name 'none' is not defined\n"), outcome.errors)
        self.assertNotIn("autoawait", outcome.errors)

    def test_without_await(self):
        for arguments in ("-n1", "1/0"), ("-n1", "a b"), ("-n1", "-s", "1 +", "x"), ("-h",), \
                ("-x",), ("-n1", "lambda: await x"):
            with self.subTest(arguments):
                self.assertAsStock("-m", "timeit", *arguments)

    def test_asyncio_is_not_imported_for_nothing(self):
        outcome = run(PROGRAM, "-m", "timeit", "-n1", "-r1", "-s", "import sys",
                      "print('asyncio' in sys.modules, 'ast' in sys.modules)")
        self.assertTrue(outcome.output.startswith("False False\n"), outcome)


def tearDownModule():
    """Leave no event loop policy behind."""
    asyncio.set_event_loop_policy(None)


if __name__ == "__main__":
    unittest.main()
