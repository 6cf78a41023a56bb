"""What Tools/ecosystem tries, as far as it is quick and needs only what ./bootstrap installs."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), "Tools", "ecosystem"))
import test_http    # noqa: E402
import test_loops   # noqa: E402


class AiohttpTest(test_http.Aiohttp):
    """At the prompt, in a program, in a marked one; Jupyter's packages are not there."""

    test_notebook = test_notebook_stock = None


class TrioTest(test_loops.Trio):
    """Likewise, with trio's runner."""

    test_notebook = test_notebook_stock = None


class UvloopTest(test_loops.Uvloop):
    """Likewise, with another loop of asyncio."""

    test_notebook = test_notebook_stock = None


if __name__ == "__main__":
    unittest.main()
