"""Tools/suites tells what passes on stock and not here, and nothing else."""

import os
import sys
import tempfile
import unittest

from join_support import STOCK, run

TOOL = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    "Tools", "suites")

SUITE = """\
import os, sys
import pytest

here = hasattr(sys, "awaithook")

def test_passes():
    pass

def test_fails_here():
    assert not here

def test_fails_on_stock():
    assert here

def test_fails_on_both():
    assert False

@pytest.mark.skipif(True, reason="")
def test_skipped():
    pass

@pytest.mark.parametrize("number", [1, 2])
def test_parameters(number):
    assert number
"""


class SuitesTest(unittest.TestCase):
    """A suite made for this."""

    def compare(self, source):
        """Run the tool on a suite; return exit status and output."""
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "test_sample.py"), "w", encoding="utf-8") as file:
                file.write(source)
            outcome = run(sys.executable, "-B", TOOL, "--stock", STOCK, folder)
        return outcome.status, outcome.output + outcome.errors

    def test_differences(self):
        status, shown = self.compare(SUITE)
        self.assertEqual(status, 1, shown)
        self.assertRegex(shown, r"test_fails_here: stock passed, here failed\n")
        self.assertRegex(shown, r"test_fails_on_stock: passes here, on stock failed\n")
        self.assertNotIn("test_fails_on_both: ", shown)
        self.assertTrue(shown.endswith("\n4 passed, 1 failed, 2 skipped\n"), shown)

    def test_crash(self):
        status, shown = self.compare("import os, sys\n"
                                     "def test_before(): pass\n"
                                     "def test_crash():\n"
                                     "    if hasattr(sys, 'awaithook'): os._exit(3)\n"
                                     "def test_after(): pass\n")
        self.assertEqual(status, 1, shown)
        self.assertIn("test_crash: stock passed, here unfinished\n", shown)
        self.assertIn("test_after: stock passed, here not run\n", shown)
        self.assertTrue(shown.endswith("\n1 passed, 2 failed, 0 skipped\n"), shown)

    def test_no_tests(self):
        status, shown = self.compare("")
        self.assertEqual(status, 1, shown)
        self.assertIn("stock ran no test", shown)


if __name__ == "__main__":
    unittest.main()
