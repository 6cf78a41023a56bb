"""Run test suites of others on this interpreter and on stock, and compare test by test.

    python Tools/suites [SUITE ...]

runs those that suites.txt lists, or those named: anything that `pytest --pyargs` takes, or a folder.
A test that passes on stock and not here is a failure.  What differs is run again on both, alone,
and has the better of its outcomes on each side: others' suites measure times and use ports.
"""

import argparse
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
GOOD = {"passed", "xfailed", "xpassed"}
# From the best to the worst; a test that is reported several times has the worst.
ORDER = ("passed", "xpassed", "xfailed", "skipped", "failed", "error", "unfinished", "not run")
# How many tests are run again, at most.
AGAIN = 50
# Bytes of memory that a suite may ask for, so that the machine is not at stake.
MEMORY = 8 << 30


def listed_suites():
    """Return {suite: (packages, options of pytest)} of suites.txt."""
    suites = {}
    with open(os.path.join(FOLDER, "suites.txt"), encoding="utf-8") as file:
        for line in file:
            if words := shlex.split(line, comments=True):
                options = [word for word in words[1:] if word.startswith("-")]
                suites[words[0]] = [word for word in words[1:] if word not in options], options
    return suites


def packages_of(suites):
    """Return the packages that suites take."""
    return {package for packages, _ in suites.values() for package in packages}


def missing(packages):
    """Return those of Debian's packages that are not installed."""
    def status(package):
        return subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
                              capture_output=True, text=True, check=False).stdout
    return [package for package in packages if status(package) != "installed"]


def environment(folder):
    """Return the variables that a suite sees: none of the caller's but the path."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm", "HOME": folder,
            "TMPDIR": folder, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1",
            "SUITE_RECORD": os.path.join(folder, "record")}


def run(program, arguments, timeout):
    """Run pytest; return ({test: (outcome, text)}, the end of its output, seconds)."""
    with tempfile.TemporaryDirectory(prefix="suite-", ignore_cleanup_errors=True) as folder:
        with open(os.path.join(FOLDER, "record.py"), encoding="utf-8") as source, \
                open(os.path.join(folder, "suite_record.py"), "w", encoding="utf-8") as copy:
            copy.write(source.read())
        started = time.monotonic()
        process = subprocess.Popen(
            [program, "-m", "pytest", "-p", "suite_record", "-p", "no:cacheprovider", "-q",
             "--tb=short", *arguments],
            cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)))
        try:
            shown, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            shown, _ = process.communicate()
            shown += b"\ntimed out"
        seconds = time.monotonic() - started
        return read_record(os.path.join(folder, "record")), shown.decode(errors="replace"), seconds


def read_record(path):
    """Return {test: (outcome, text)} of what the plugin wrote."""
    tests = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                test, outcome, text = json.loads(line)
                test = re.sub(r"0x[0-9a-f]{6,}", "0x...", test)
                before = tests.get(test, ("unfinished", ""))[0]
                if before == "unfinished" or ORDER.index(outcome) > ORDER.index(before):
                    tests[test] = (outcome, text)
    return tests


class Suite:
    """One suite, run on both."""

    def __init__(self, name, pytest_options, options):
        self.name = name
        self.programs = {"stock": options.stock, "here": options.python}
        self.timeout = options.timeout
        # A folder, or a package by its name.
        self.arguments = pytest_options + (
            [os.path.abspath(name)] if os.path.exists(name) else ["--pyargs", name])
        self.tests = {}
        self.shown = {}
        self.seconds = {}

    def run(self):
        """Run it on both, and what differs once more."""
        for side, program in self.programs.items():
            self.tests[side], self.shown[side], self.seconds[side] = run(
                program, self.arguments, self.timeout)
        different = self.different()
        if different and len(different) <= AGAIN:
            self._run_again(different)

    def outcome(self, side, test):
        """Return what became of a test on a side."""
        return self.tests[side].get(test, ("not run", ""))[0]

    def different(self):
        """Return the tests that pass on one side only."""
        tests = {**self.tests["stock"], **self.tests["here"]}
        return [test for test in tests if
                (self.outcome("stock", test) in GOOD) != (self.outcome("here", test) in GOOD)]

    def _run_again(self, tests):
        # By what a test is called, since its file is told relative to who knows what.
        names = sorted({re.sub(r"\[.*", "", test.split("::")[-1]) for test in tests if "::" in test})
        for side, program in self.programs.items() if names else ():
            again, _, _ = run(program, [*self.arguments, "-k", " or ".join(names)], self.timeout)
            for test in tests:
                if again.get(test, ("error", ""))[0] in GOOD:
                    self.tests[side][test] = again[test]

    def report(self):
        """Print what came of it; return how many tests passed, failed here only, have no measure."""
        failed = [test for test in self.different() if self.outcome("stock", test) in GOOD]
        passed = sum(self.outcome("here", test) in GOOD for test in self.tests["here"])
        rest = sum(self.outcome("here", test) not in GOOD and test not in failed
                   for test in self.tests["here"])
        times = ", ".join(f"{self.seconds[side]:.0f} s {side}" for side in self.programs)
        print(f"{self.name}: {passed} passed, {len(failed)} failed here only, {rest} pass on neither "
              f"or are skipped ({times})", flush=True)
        for test in failed:
            print(f"    {test}: stock {self.outcome('stock', test)}, here {self.outcome('here', test)}")
            text = self.tests["here"].get(test, ("", ""))[1]
            print("".join(f"      | {line}\n" for line in text.splitlines()[-12:]), end="")
        for test in self.different():
            if self.outcome("here", test) in GOOD:
                print(f"    {test}: passes here, on stock {self.outcome('stock', test)}")
        if not self.tests["stock"]:
            print("    stock ran no test:\n" + self.shown["stock"][-600:])
            return passed, len(failed) + 1, rest
        return passed, len(failed), rest


def main():
    """Run, compare, report; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--stock", default="/usr/bin/python3.11")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for a suite on one side")
    parser.add_argument("--install", action="store_true", help="only print the packages that all take")
    parser.add_argument("suites", nargs="*")
    options = parser.parse_args()
    options.python = os.path.abspath(options.python)
    listed = listed_suites()
    if options.install:
        print(*sorted({"python3-pytest", *packages_of(listed)}))
        return 0
    chosen = {name: listed.get(name, ([], [])) for name in options.suites or listed}
    if lacking := missing(sorted(packages_of(chosen))):
        sys.exit(f"suites: run: apt-get install {' '.join(lacking)}")
    total = [0, 0, 0]
    for name, (_, pytest_options) in chosen.items():
        suite = Suite(name, pytest_options, options)
        suite.run()
        total = [before + now for before, now in zip(total, suite.report())]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return total[1] > 0


if __name__ == "__main__":
    sys.exit(main())
