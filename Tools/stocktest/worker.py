"""Run one test module with CPython's driver and record each test's outcome.

    python worker.py RECORD [--awaited-imports] REGRTEST-ARGUMENT...

runs in the interpreter under test what `python -m test REGRTEST-ARGUMENT...`
runs, and writes one JSON list a line to the file RECORD:

    ["start", test id]           just before the test runs
    [outcome, test id, text]     after it; text says why, where there is a why
    ["module", outcome, name]    what the driver says of the whole module

With --awaited-imports an awaited import stands in for the plain one; see awaited.py.

A line is written the moment its event happens, so that the record of a module
that crashes or hangs tells how far it came and in which test.
"""

import importlib
import json
import os
import runpy
import sys
import traceback


class Record:
    """The record's file; only the process that opened it writes to it."""

    # The file lies high, where it does not move the descriptors of tests.
    LOWEST_DESCRIPTOR = 200

    def __init__(self, path):
        import fcntl
        low = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self._descriptor = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC,
                                       self.LOWEST_DESCRIPTOR)
        os.close(low)
        self._process = os.getpid()
        # Tests put other things in the place of these.
        self._write = os.write
        self._getpid = os.getpid

    def __call__(self, *event):
        """Write one event, whole, at once."""
        if self._getpid() == self._process:
            self._write(self._descriptor, json.dumps(event).encode() + b"\n")


def _id(test):
    # Tests may use the name for something else.
    identity = getattr(test, "id", None)
    return str(identity()) if callable(identity) else str(test)


def _text(error):
    return "".join(traceback.format_exception(*error))


def _recording_result(base, record):
    """Return a subclass of the driver's result class that records."""

    class RecordingResult(base):
        """What the driver's runner is given to report to."""

        def startTest(self, test):
            record("start", _id(test))
            super().startTest(test)

        def addSuccess(self, test):
            record("passed", _id(test), "")
            super().addSuccess(test)

        def addError(self, test, err):
            record("error", _id(test), _text(err))
            super().addError(test, err)

        def addFailure(self, test, err):
            record("failed", _id(test), _text(err))
            super().addFailure(test, err)

        def addSubTest(self, test, subtest, err):
            if err is not None:
                is_failure = issubclass(err[0], test.failureException)
                record("failed" if is_failure else "error", _id(test),
                       f"{subtest}\n{_text(err)}")
            super().addSubTest(test, subtest, err)

        def addSkip(self, test, reason):
            # A subtest that skips is part of the test around it.
            test = getattr(test, "test_case", test)
            record("skipped", _id(test), reason)
            super().addSkip(test, reason)

        def addExpectedFailure(self, test, err):
            record("expected failure", _id(test), _text(err))
            super().addExpectedFailure(test, err)

        def addUnexpectedSuccess(self, test):
            record("unexpected success", _id(test), "")
            super().addUnexpectedSuccess(test)

    return RecordingResult


def _module_outcome(result):
    """Return the driver's word on a module as one of our outcomes."""
    from test.libregrtest import runtest
    outcomes = (
        (runtest.EnvChanged, "environment changed"),
        (runtest.Failed, "failed"),
        (runtest.Skipped, "skipped"),
        (runtest.DidNotRun, "no tests"),
        (runtest.Passed, "passed"),
    )
    for kind, outcome in outcomes:
        if isinstance(result, kind):
            return outcome
    return "interrupted"


def _install(record):
    """Put recording classes in the place of the driver's own."""
    from test.support import testresult
    # The package has a function of the module's name.
    driver = importlib.import_module("test.libregrtest.main")
    testresult.RegressionTestResult = _recording_result(
        testresult.RegressionTestResult, record)

    class RecordingDriver(driver.Regrtest):
        """The driver, which tells us of each module that it finished."""

        def accumulate_result(self, result, rerun=False):
            record("module", _module_outcome(result), result.name)
            super().accumulate_result(result, rerun)

    driver.Regrtest = RecordingDriver


def main():
    """Become `python -m test`, with a record."""
    record = Record(sys.argv[1])
    del sys.argv[1]
    awaits_imports = sys.argv[1] == "--awaited-imports"
    if awaits_imports:
        import awaited
        del sys.argv[1]
    # `-m` has the working folder here, and no test sees our folder.
    sys.path[0] = os.getcwd()
    _install(record)
    if awaits_imports:
        awaited.install()
    runpy.run_module("test", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
