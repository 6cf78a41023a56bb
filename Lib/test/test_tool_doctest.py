"""Doctest runs examples that await, and others as ever."""

import asyncio
import doctest
import gc
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

from join_support import PROGRAM, JoinTestCase, run


HOOK = sys.awaithook


def run_examples(text, *, runner=None, **options):
    """Run a docstring; return (failures, tries) and what was reported."""
    test = doctest.DocTestParser().get_doctest(textwrap.dedent(text), {}, "sample", "sample", 0)
    runner = runner or doctest.DocTestRunner(verbose=False, **options)
    report = []
    result = runner.run(test, out=report.append)
    return tuple(result), "".join(report)


class ExampleTest(unittest.TestCase):
    """One docstring after the other."""

    def assertPasses(self, text, tries, **options):
        """Assert that so many examples were run, and none failed."""
        self.assertEqual(run_examples(text, **options), ((0, tries), ""))
        self.assertIs(sys.awaithook, HOOK)

    def test_everything_that_awaits(self):
        self.assertPasses("""\
            >>> import asyncio
            >>> await asyncio.sleep(0, 5)
            5
            >>> async def count(n):
            ...     for i in range(n):
            ...         await asyncio.sleep(0)
            ...         yield i
            >>> async for i in count(2):
            ...     print(i)
            0
            1
            >>> [i async for i in count(3)]
            [0, 1, 2]
            >>> async with asyncio.timeout(None):
            ...     x = await asyncio.sleep(0, 6)
            >>> x
            6
            """, 7)

    def test_one_loop_for_a_docstring(self):
        self.assertPasses("""\
            >>> import asyncio
            >>> loop = await asyncio.sleep(0, asyncio.get_running_loop())
            >>> task = asyncio.create_task(asyncio.sleep(0, 8))
            >>> await task
            8
            >>> loop is await asyncio.sleep(0, asyncio.get_running_loop())
            True
            """, 5)

    def test_loop_ends_with_the_docstring(self):
        test = doctest.DocTestParser().get_doctest(
            ">>> import asyncio\n>>> async def f():\n...     try:\n"
            "...         await asyncio.sleep(1000)\n...     finally:\n...         ended.append(1)\n"
            ">>> loop = await asyncio.sleep(0, asyncio.get_running_loop())\n"
            ">>> task = asyncio.create_task(f()); await asyncio.sleep(0)\n",
            {"ended": []}, "sample", "sample", 0)
        doctest.DocTestRunner().run(test, clear_globs=False)
        self.assertEqual(test.globs["ended"], [1])
        self.assertTrue(test.globs["loop"].is_closed())
        self.assertTrue(test.globs["task"].cancelled())

    def test_run_in_a_plain_example(self):
        self.assertPasses("""\
            >>> import asyncio
            >>> asyncio.run(asyncio.sleep(0, 1))
            1
            >>> await asyncio.sleep(0, 2)
            2
            >>> asyncio.run(asyncio.sleep(0, 3))
            3
            """, 4)

    def test_expected_exceptions(self):
        self.assertPasses("""\
            >>> import asyncio
            >>> await asyncio.sleep(0) / 0
            Traceback (most recent call last):
                ...
            TypeError: unsupported operand type(s) for /: 'NoneType' and 'int'
            >>> await asyncio.sleep(0) / 0  # doctest: +IGNORE_EXCEPTION_DETAIL
            Traceback (most recent call last):
            TypeError: other
            """, 3)

    def test_directives(self):
        self.assertPasses("""\
            >>> import asyncio
            >>> await asyncio.sleep(0, 'first and last')  # doctest: +ELLIPSIS
            'first ... last'
            >>> await asyncio.sleep(0, 'a  b')  # doctest: +NORMALIZE_WHITESPACE
            'a b'
            >>> await asyncio.no_such_thing()  # doctest: +SKIP
            """, 3)

    def test_output_of_tasks(self):
        self.assertPasses("""\
            >>> import asyncio
            >>> async def f(): print('task')
            >>> task = asyncio.create_task(f())
            >>> await task
            task
            """, 4)

    def test_future_statement_of_the_namespace(self):
        test = doctest.DocTestParser().get_doctest(
            ">>> import asyncio\n>>> def f(x: y): pass\n>>> await asyncio.sleep(0)\n"
            ">>> f.__annotations__\n{'x': 'y'}\n",
            {"annotations": __import__("__future__").annotations}, "sample", "sample", 0)
        self.assertEqual(doctest.DocTestRunner().run(test), (0, 4))

    def test_failures_are_shown_as_others(self):
        report = run_examples(">>> import asyncio\n>>> await asyncio.sleep(0) / 0\n")[1]
        frames = [line.strip() for line in report.splitlines() if line.startswith("      File ")]
        self.assertEqual(len(frames), 2, report)
        self.assertTrue(frames[0].endswith("in __run"), report)
        self.assertEqual(frames[1], 'File "<doctest sample[1]>", line 1, in <module>')
        self.assertIn("Exception raised:\n    Traceback (most recent call last):\n", report)
        result, report = run_examples(">>> import asyncio\n>>> await asyncio.sleep(0, 5)\n6\n")
        self.assertEqual(result, (1, 2))
        self.assertTrue(report.endswith("Expected:\n    6\nGot:\n    5\n"), report)

    def test_other_hooks(self):
        ran = []

        def hook(coroutine):
            ran.append(coroutine)
            return HOOK(coroutine)

        sys.awaithook = hook
        self.addCleanup(setattr, sys, "awaithook", HOOK)
        result = run_examples(">>> import asyncio\n>>> await asyncio.sleep(0, 5)\n5\n")
        self.assertEqual(result, ((0, 2), ""))
        self.assertEqual(len(ran), 1)
        self.assertIs(sys.awaithook, hook)

    def test_runner_chosen_in_an_example(self):
        try:
            import trio  # noqa: F401
        except ImportError:
            self.skipTest("trio is not installed")
        # In a process of its own: trio keeps its threads for a while.
        examples = textwrap.dedent("""\
            >>> import autoawait, trio
            >>> autoawait('trio')
            >>> await trio.sleep(0)
            >>> type(trio.lowlevel.current_task()).__name__ if await trio.sleep(0) else 'trio'
            'trio'
            """)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "examples.txt")
            with open(path, "w", encoding="utf-8") as file:
                file.write(examples)
            result = subprocess.run([PROGRAM, "-m", "doctest", "-v", path], text=True,
                                    capture_output=True, timeout=60)
        self.assertIn("4 passed and 0 failed", result.stdout)

    def test_inside_a_running_loop(self):
        async def main():
            result = run_examples(">>> import asyncio\n>>> await asyncio.sleep(0, 5)\n5\n")
            await asyncio.sleep(0)
            return result

        result, report = asyncio.run(main())
        self.assertEqual(result, (1, 2))
        self.assertIn("RuntimeError: a top-level coroutine cannot be run from a running event "
                      "loop", report)

    def test_in_a_thread(self):
        results = []
        thread = threading.Thread(target=lambda: results.append(
            run_examples(">>> import asyncio\n>>> await asyncio.sleep(0, 5)\n5\n")))
        thread.start()
        thread.join()
        self.assertEqual(results, [((0, 2), "")])

    def test_debug_runner(self):
        with self.assertRaises(doctest.DocTestFailure):
            run_examples(">>> import asyncio\n>>> await asyncio.sleep(0, 1)\n2\n",
                         runner=doctest.DebugRunner())
        with self.assertRaises(doctest.UnexpectedException):
            run_examples(">>> await none\n", runner=doctest.DebugRunner())
        self.assertIs(sys.awaithook, HOOK)


class WithoutAwaitTest(unittest.TestCase):
    """What is not to change."""

    def test_nothing_is_lent(self):
        result, report = run_examples(">>> import asyncio\n>>> asyncio.get_running_loop()\n"
                                      ">>> asyncio.run(asyncio.sleep(0, 1))\n1\n")
        self.assertEqual(result, (1, 3))
        self.assertIn("RuntimeError: no running event loop", report)

    def test_refusal_that_is_expected(self):
        text = (">>> await x\nTraceback (most recent call last):\n"
                "SyntaxError: 'await' outside function\n")
        self.assertEqual(run_examples(text), ((0, 1), ""))

    def test_switched_off(self):
        self.addCleanup(setattr, sys, "awaithook", HOOK)
        sys.awaithook = None
        result, report = run_examples(">>> await x\n")
        self.assertEqual(result, (1, 1))
        self.assertIn("SyntaxError: 'await' outside function\n", report)


SAMPLE = '''\
"""
>>> import asyncio
>>> await asyncio.sleep(0, 5)
5
"""
'''


class WhereverTest(JoinTestCase):
    """Each way to start doctests."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        for name, text in (("sample.py", SAMPLE), ("sample.txt", SAMPLE.strip('"\n')),
                           ("bad.py", SAMPLE.replace("\n5\n", "\n6\n")),
                           ("plain.py", '"""\n>>> 1 + 1\n2\n>>> 1 / 0\n>>> x x\n"""\n')):
            with open(os.path.join(cls.folder, name), "w") as file:
                file.write(text)

    def test_program(self):
        for name in "sample.py", "sample.txt":
            with self.subTest(name):
                outcome = run(PROGRAM, "-m", "doctest", name, cwd=self.folder)
                self.assertEqual(outcome, (0, "", ""))
        outcome = run(PROGRAM, "-m", "doctest", "bad.py", cwd=self.folder)
        self.assertEqual(outcome.status, 1)
        self.assertIn("Expected:\n    6\nGot:\n    5\n", outcome.output)

    def test_program_without_await(self):
        self.assertAsStock("-m", "doctest", "plain.py", cwd=self.folder)
        self.assertAsStock("-m", "doctest", "-v", "plain.py", cwd=self.folder)
        self.assertAsStock("-m", "doctest", "-f", "none.txt", cwd=self.folder)

    def test_asyncio_is_not_imported_for_nothing(self):
        for probe in ("import doctest, plain, sys; doctest.testmod(plain, verbose=False); ",
                      "import doctest, sys; "):
            outcome = run(PROGRAM, "-c", probe + "print('asyncio' in sys.modules, "
                          "'autoawait' in sys.modules)", cwd=self.folder)
            stock = run("/usr/bin/python3.11", "-c", probe + "print('asyncio' in sys.modules)",
                        cwd=self.folder)
            self.assertEqual(outcome.output.split()[-2:], [stock.output.split()[-1], "False"])

    def test_functions_and_suites(self):
        probe = textwrap.dedent("""\
            import doctest, sample, unittest
            print(doctest.testmod(sample), doctest.testfile("sample.txt"))
            suite = unittest.TestSuite([doctest.DocTestSuite(sample),
                                        doctest.DocFileSuite("sample.txt")])
            result = unittest.TestResult()
            suite.run(result)
            print(result.testsRun, result.wasSuccessful())
            doctest.run_docstring_examples(sample, {})
            """)
        outcome = run(PROGRAM, "-c", probe, cwd=self.folder)
        self.assertEqual(outcome.output, "TestResults(failed=0, attempted=2) "
                         "TestResults(failed=0, attempted=2)\n2 True\n", outcome.errors)

    def test_debugging(self):
        for call in "debug(sample, 'sample')", "debug_src(sample.__doc__)":
            with self.subTest(call):
                outcome = run(PROGRAM, "-c", f"import doctest, sample; doctest.{call}",
                              stdin="next\np await asyncio.sleep(0, 7)\ncontinue\n",
                              cwd=self.folder)
                self.assertEqual(outcome.output, "> <string>(1)<module>()\n"
                                 "(Pdb) > <string>(2)<module>()\n(Pdb) 7\n(Pdb) ",
                                 outcome.errors)
        for source in "x = 1", "x x":
            self.assertAsStock("-c", f"import doctest; doctest.debug_script({source!r})",
                               stdin="next\nnext\ncontinue\n")

    def test_post_mortem(self):
        outcome = run(PROGRAM, "-c", "import doctest\ndoctest.debug_src("
                      "'>>> import asyncio\\n>>> x = await asyncio.sleep(0, 5)\\n>>> x / 0', "
                      "pm=True)", stdin="p x\nquit\n")
        self.assertTrue(outcome.output.startswith("division by zero\n"), outcome)
        self.assertIn("(Pdb) 5\n", outcome.output)

    def test_pytest(self):
        arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--doctest-modules",
                     "--doctest-glob=*.txt")
        outcome = run(PROGRAM, *arguments, "sample.py", "sample.txt", cwd=self.folder)
        if "No module named pytest" in outcome.errors:
            self.skipTest("pytest is not installed")
        self.assertIn("2 passed", outcome.output)
        outcome = run(PROGRAM, *arguments, "bad.py", cwd=self.folder)
        self.assertIn("Expected:\n    6\nGot:\n    5\n", outcome.output)


def tearDownModule():
    """Leave no event loop policy and no thread behind."""
    asyncio.set_event_loop_policy(None)
    gc.collect()


if __name__ == "__main__":
    unittest.main()
