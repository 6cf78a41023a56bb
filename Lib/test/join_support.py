"""What the tests of the join share: running both interpreters alike.

The interpreter under test is sys.executable, stock is the distribution's (or
what the environment variable STOCK_PYTHON names).  Processes get a clean
environment, so that nothing of the caller's PYTHON* variables reaches them.
"""

import collections
import os
import re
import subprocess
import sys
import unittest

PROGRAM = sys.executable
STOCK = os.environ.get("STOCK_PYTHON", "/usr/bin/python3.11")
BUILD = os.path.dirname(os.path.realpath(PROGRAM))
OUR_LIBRARY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
with open(os.path.join(os.path.dirname(OUR_LIBRARY), "Include", "pyasync.h"), encoding="utf-8") as header:
    VERSION = re.search(r'^#define PYASYNC_VERSION "(.+)"', header.read(), re.MULTILINE)[1]
# What our sys.version has beside stock's, and what --version prints.
VERSION_TAIL = f" with top-level await {VERSION}"
VERSION_NOTE = f" (python-async {VERSION})"

Outcome = collections.namedtuple("Outcome", "status output errors")


def clean_environment(**variables):
    """Return an environment without PYTHON* variables, with these added."""
    inherited = ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                 "FRONTEND_STRICT_PARSER")
    environment = {name: os.environ[name] for name in inherited
                   if name in os.environ}
    environment["LANG"] = "C.UTF-8"
    environment["TERM"] = "dumb"
    environment.update(variables)
    return environment


def run(program, *arguments, variables=None, stdin="", cwd=None, timeout=120):
    """Run a program to its end and return its Outcome."""
    process = subprocess.run(
        [program, *arguments], input=stdin, capture_output=True, cwd=cwd,
        env=clean_environment(**(variables or {})), timeout=timeout,
        text=True, encoding="utf-8", errors="backslashreplace", check=False)
    return Outcome(process.returncode, process.stdout, process.stderr)


def run_checked(test, program, *arguments, **options):
    """Run a program that must succeed and return what it printed."""
    outcome = run(program, *arguments, **options)
    test.assertEqual(outcome.status, 0, outcome.errors + outcome.output)
    return outcome.output


def neutral(text, program):
    """Return text with what tells the two interpreters apart taken out."""
    # As the runtime shows sys.path where it cannot start.
    path_line = f"    {OUR_LIBRARY!r},\n"
    text = (text.replace(VERSION_TAIL, "").replace(VERSION_NOTE, "").replace(path_line, "")
            .replace(program, "PYTHON"))
    text = re.sub(r"(projectbase\W+)\S+", r"\1FOLDER", text)
    text = re.sub(r"\[\d+ refs, \d+ blocks\]", "[N refs, N blocks]", text)
    return re.sub("0x[0-9a-f]{8,}", "0xADDRESS", text)


class JoinTestCase(unittest.TestCase):
    """A test that what both interpreters do is the same."""

    maxDiff = None

    def assertAsStock(self, *arguments, **options):
        """Assert that both interpreters do the same and return the Outcome."""
        outcomes = []
        for program in (STOCK, PROGRAM):
            outcome = run(program, *arguments, **options)
            outcomes.append(outcome._replace(
                output=neutral(outcome.output, program),
                errors=neutral(outcome.errors, program)))
        self.assertEqual(outcomes[1], outcomes[0])
        return outcomes[1]
