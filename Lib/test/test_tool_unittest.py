"""Module unittest and pytest take test modules that await."""

import os
import tempfile
import textwrap
import unittest

from join_support import PROGRAM, JoinTestCase, run

SAMPLE = """\
    from __future__ import top_level_await
    import asyncio
    import unittest

    value = await asyncio.sleep(0, 5)

    class PlainTest(unittest.TestCase):
        def test_value(self):
            self.assertEqual(value, 5)

    class AwaitingTest(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            self.loop = asyncio.get_running_loop()

        async def test_value(self):
            self.assertEqual(await asyncio.sleep(0, value), 5)
            self.assertIs(asyncio.get_running_loop(), self.loop)

    if __name__ == "__main__":
        unittest.main(exit=False)
        print("still there", await asyncio.sleep(0, value))
    """
BROKEN = "from __future__ import top_level_await\nimport asyncio\nawait asyncio.sleep(0) / 0\n"


class FindingTest(unittest.TestCase):
    """Test modules that await at their top are found and imported."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write("test_sample.py", textwrap.dedent(SAMPLE))

    def write(self, name, text):
        """Put a file into the folder."""
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def run_here(self, *arguments):
        """Run ./python in the folder."""
        return run(PROGRAM, *arguments, cwd=self.folder)

    def test_unittest(self):
        for arguments in ("test_sample",), ("test_sample.AwaitingTest", "test_sample.PlainTest"), \
                (), ("discover",), ("test_sample.py",):
            with self.subTest(arguments):
                outcome = self.run_here("-m", "unittest", *arguments)
                self.assertIn("Ran 2 tests", outcome.errors)
                self.assertEqual(outcome.status, 0, outcome.errors)

    def test_failing_import(self):
        self.write("test_broken.py", BROKEN)
        outcome = self.run_here("-m", "unittest")
        self.assertEqual(outcome.status, 1)
        self.assertIn("ImportError: Failed to import test module: test_broken\n", outcome.errors)
        self.assertIn("TypeError: unsupported operand", outcome.errors)
        self.assertIn("Ran 3 tests", outcome.errors)

    def test_pytest(self):
        arguments = "-m", "pytest", "-q", "-p", "no:cacheprovider"
        outcome = self.run_here(*arguments)
        if "No module named pytest" in outcome.errors:
            self.skipTest("pytest is not installed")
        self.assertIn("2 passed", outcome.output)
        self.write("test_broken.py", BROKEN)
        outcome = self.run_here(*arguments)
        self.assertIn("TypeError: unsupported operand", outcome.output)
        self.assertIn("1 error", outcome.output)

    def test_programs_that_await(self):
        for arguments in ("test_sample.py",), ("-m", "test_sample"):
            with self.subTest(arguments):
                outcome = self.run_here(*arguments)
                self.assertEqual(outcome.output, "still there 5\n", outcome.errors)
                self.assertIn("Ran 2 tests", outcome.errors)
                self.assertIn("\nOK\n", outcome.errors)
                self.assertNotIn("Warning", outcome.errors)


class PlainTest(JoinTestCase):
    """What stock does stays."""

    def test_async_method_of_a_plain_case(self):
        probe = textwrap.dedent("""\
            import unittest, warnings
            class T(unittest.TestCase):
                async def test_never(self): self.fail()
            result = unittest.TestResult()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                unittest.defaultTestLoader.loadTestsFromTestCase(T).run(result)
            print(result, sorted({str(w.message).partition(" <")[0] for w in caught}))
            """)
        self.assertAsStock("-c", probe)

    def test_isolated_case_in_a_loop(self):
        # Of somebody else's, it is refused as ever.
        probe = textwrap.dedent("""\
            import asyncio, unittest, warnings
            warnings.simplefilter("ignore")
            class T(unittest.IsolatedAsyncioTestCase):
                async def test(self): pass
            async def main():
                try:
                    T("test").run()
                except RuntimeError as error:
                    print(error)
            asyncio.run(main())
            """)
        self.assertAsStock("-c", probe)


if __name__ == "__main__":
    unittest.main()
