"""Run the tests of this folder, and make the manual's table of them.

    python Tools/ecosystem [--write] [MODULE[.CLASS[.TEST]] ...]

runs all, or what is named.  A run of all compares the tables in Doc/ecosystem.rst with what
became of the tests; --write puts the new ones there.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(os.path.dirname(os.path.dirname(FOLDER)), "Doc", "ecosystem.rst")
PLACES = ("prompt", "program", "marked", "notebook", "notebook_stock")
HEADINGS = ("what", "version", "prompt", "program", "marked", "notebook", "notebook on stock")


def check_packages():
    """Leave if a package is missing."""
    with open(os.path.join(FOLDER, "packages.txt"), encoding="utf-8") as file:
        packages = re.sub(r"#.*", "", file.read()).split()
    missing = [package for package in packages if version_of(package) is None]
    if missing:
        sys.exit(f"ecosystem: {', '.join(missing)} missing; run: Tools/ecosystem/install")


def version_of(package):
    """Return the upstream version of a Debian package, or None if it is not installed."""
    answer = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package],
                            capture_output=True, text=True, check=False).stdout
    status, _, version = answer.partition(" ")
    if status != "installed":
        return None
    return re.sub(r"^\d+:|[-+](?:ds|dfsg|deb|b|\d+).*$", "", version)


class Result(unittest.TextTestResult):
    """Keeps what became of each test, and how long it took."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.outcomes = {}
        self._started = 0

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()
        self.outcomes[test.id()] = (test, "yes")

    def stopTest(self, test):
        self.stream.writeln(f"    {time.monotonic() - self._started:.1f} s")
        super().stopTest(test)

    def addError(self, test, err):
        super().addError(test, err)
        self.outcomes[test.id()] = (test, "no")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.outcomes[test.id()] = (test, "no")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.outcomes[test.id()] = (test, "no")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcomes[test.id()] = (test, "")


def place_of(test):
    """Return the place that a test tries its session in, or None."""
    name = test.id().rpartition(".")[2].removeprefix("test_")
    return name if name in PLACES and getattr(test, "session", None) else None


def sessions_table(outcomes):
    """Return the rows of what is tried in every place, and the notes on them."""
    found, notes = {}, []
    for test, outcome in outcomes:
        if place_of(test):
            found.setdefault(type(test), {})[place_of(test)] = outcome
    rows = []
    for kind, places in sorted(found.items(), key=lambda item: item[0].title.lower()):
        versions = ", ".join(version_of(package) for package in kind.packages)
        rows.append([kind.title, versions, *(places.get(place, "") for place in PLACES)])
        if kind.note:
            notes.append(f"* {kind.title}: {kind.note}.")
    return [*table(HEADINGS, rows), "", *notes]


def cases_table(outcomes):
    """Return the rows of what only one place has, or goes wrong."""
    rows = []
    for test, outcome in outcomes:
        if not place_of(test):
            kind = type(test)
            title = getattr(kind, "title", None) or kind.__name__
            name = test.id().rpartition(".")[2].removeprefix("test_")
            packages = getattr(kind, "packages_of", {}).get(name, getattr(kind, "packages", ()))
            versions = ", ".join(version_of(package) for package in packages)
            rows.append([title, versions, name.replace("_", " "), outcome])
    return table(("what", "version", "case", "as it should be"),
                 sorted(rows, key=lambda row: row[0].lower()))


def table(headings, rows):
    """Return the lines of a list-table."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [headings, *rows]:
        lines += [f"   {'  ' if number else '* '}- {cell}".rstrip() for number, cell in enumerate(row)]
    return lines


def with_tables(page, outcomes):
    """Return the page's text with the tables made of these outcomes."""
    for name, make in (("sessions", sessions_table), ("cases", cases_table)):
        begin, end = f".. begin {name}\n", f".. end {name}\n"
        before, _, rest = page.partition(begin)
        text = "\n".join(make(outcomes)).rstrip()
        page = f"{before}{begin}\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


def main():
    """Run, compare or write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables into the manual")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    check_packages()
    sys.path.insert(0, FOLDER)
    names = options.names or sorted(name.removesuffix(".py") for name in os.listdir(FOLDER)
                                    if name.startswith("test_"))
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result).run(suite)
    failed = sum(outcome == "no" for _, outcome in result.outcomes.values())
    failed += len(result.errors) and not failed
    skipped = len(result.skipped)
    if not options.names:
        with open(PAGE, encoding="utf-8") as file:
            page = file.read()
        now = with_tables(page, list(result.outcomes.values()))
        if options.write:
            with open(PAGE, "w", encoding="utf-8") as file:
                file.write(now)
        elif now != page:
            print("Doc/ecosystem.rst tells otherwise (it may be of other versions); "
                  "to write it anew: make test-ecosystem ECOSYSTEM_FLAGS=--write")
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
