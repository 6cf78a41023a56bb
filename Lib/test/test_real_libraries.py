"""What Tools/ecosystem tries, as far as it is quick and needs only what ./bootstrap installs."""

import os
import sys
import unittest

import pexpect

ECOSYSTEM = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), "Tools", "ecosystem")

path = sys.path[:]
sys.path.insert(0, ECOSYSTEM)
try:
    import test_http
    import test_loops
    from places import PATIENCE, PYTHON, clean_environment
finally:
    # They add folders of their own.
    sys.path[:] = path


class AiohttpTest(test_http.Aiohttp):
    """At the prompt, in a program, in a marked one; Jupyter's packages are not there."""

    test_notebook = test_notebook_stock = None


class TrioTest(test_loops.Trio):
    """Likewise, with trio's runner."""

    test_notebook = test_notebook_stock = None


class UvloopTest(test_loops.Uvloop):
    """Likewise, with another loop of asyncio."""

    test_notebook = test_notebook_stock = None


class PytestTest(test_http.PlaceTestCase):
    """pytest takes over standard input and output, and gives them to its debugger."""

    def test_debugger_in_a_test_that_captures(self):
        self.write("test_sample.py", "import pytest\n"
                   "def test_sample(capsys):\n"
                   "    print('captured')\n"
                   "    pytest.set_trace()\n")
        child = pexpect.spawn(PYTHON, ["-m", "pytest", "-p", "no:cacheprovider", "test_sample.py"],
                              cwd=self.home, env=clean_environment(**self.variables),
                              encoding="utf-8", timeout=PATIENCE)
        self.addCleanup(child.close, force=True)
        child.expect_exact("(Pdb)")
        child.sendline("capsys.readouterr().out")
        child.expect_exact(r"'captured\n'")
        child.expect_exact("(Pdb)")
        child.sendline("import asyncio; await asyncio.sleep(0, 6 * 7)")
        child.expect_exact("42\r\n")
        # The end of input is one for readline, not for the terminal, once the prompt stands.
        child.expect_exact("(Pdb)")
        child.sendeof()
        child.expect_exact("1 failed")
        child.expect(pexpect.EOF)
        child.wait()
        self.assertEqual(child.exitstatus, 1)


if __name__ == "__main__":
    unittest.main()
