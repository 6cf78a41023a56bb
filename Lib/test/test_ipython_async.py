"""IPython on this interpreter: its own tests of async detection, and its answers beside ours."""

import ast
import os
import re
import subprocess
import sys
import tempfile
import unittest
import warnings

# IPython adds warning filters of its own where it is imported.
with warnings.catch_warnings():
    from IPython.core.async_helpers import _should_be_async
    from IPython.core.tests import test_async_helpers

from join_support import STOCK, clean_environment


class IPythonTestsTest(unittest.TestCase):
    """IPython's tests pass here as on the stock interpreter."""

    def results(self, program):
        """Run IPython's tests; return {test: outcome}."""
        with tempfile.TemporaryDirectory() as home:
            environment = clean_environment(HOME=home, IPYTHONDIR=os.path.join(home, "ipython"))
            process = subprocess.run(
                [program, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--pyargs",
                 test_async_helpers.__name__],
                cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=300, check=False)
        results = dict(re.findall(r"::(\w+) ([A-Z]+)\b", process.stdout))
        self.assertTrue(results, process.stdout + process.stderr)
        return results

    def test_all_pass(self):
        results = self.results(sys.executable)
        failed = {test for test, outcome in results.items() if outcome not in ("PASSED", "SKIPPED")}
        self.assertEqual(failed, set())
        self.assertEqual(results["test_should_be_async"], "PASSED")
        # What is skipped is skipped by stock: libraries that are not there.
        self.assertEqual(results, self.results(STOCK))


class DetectionTest(unittest.TestCase):
    """_should_be_async() and ast.is_async() agree on what is a program."""

    def sources(self):
        """Give the sources of IPython's tests of the top level, and some more."""
        cases = test_async_helpers.AsyncTest()
        for kind in cases._get_top_level_cases(), cases._get_ry_syntax_errors():
            for _, template in kind:
                for value in ("return", "yield", "yield from (_ for _ in range(3))", "pass",
                              "await x", "nonlocal x", "[y async for y in x]",
                              "async with x: pass"):
                    yield template.format(val=value)
        yield from ("", "x", "await x", "x = await y", "async def f():\n    await x",
                    "f'{await x}'", "lambda: await x", "class C:\n    await x", "x = (", "[await x for x in y]",
                    "@await x\ndef f(): pass", "def f(x=await y): pass", "assert await x",
                    "if 0:\n    await x", "{await x: 1 for x in y}")

    def test_same_answer(self):
        count = 0
        for source in self.sources():
            with self.subTest(source):
                try:
                    answer = ast.is_async(source)
                except SyntaxError:
                    answer = False
                self.assertIs(answer, _should_be_async(source))
                count += answer
        # Both answers occur.
        self.assertGreater(count, 10)


if __name__ == "__main__":
    unittest.main()
