"""A plugin of pytest: writes what becomes of each test, the moment that it is known.

The environment variable SUITE_RECORD names the file; a line is a JSON list (test, outcome, text).
"""

import json
import os


def _write(test, outcome, text=""):
    with open(os.environ["SUITE_RECORD"], "a", encoding="utf-8") as file:
        file.write(json.dumps([test, outcome, str(text)[-4000:]]) + "\n")


def pytest_runtest_logstart(nodeid, location):
    """A test begins: it has not ended, if this is the last that is heard of it."""
    _write(nodeid, "unfinished")


def pytest_runtest_logreport(report):
    """A phase of a test is over; the worst of them is what counts."""
    if report.when == "call" or report.outcome != "passed":
        outcome = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed"
        elif report.failed and report.when != "call":
            outcome = "error"
        _write(report.nodeid, outcome, report.longrepr or "")


def pytest_collectreport(report):
    """A file that cannot be collected."""
    if report.failed:
        _write(f"{report.nodeid} (collecting)", "error", report.longrepr)
