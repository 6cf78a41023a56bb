"""Compare an interpreter with stock on CPython's own tests; see README.md."""

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
import time

import compare
import report
import runner
import selection
import tree

# Bump when stock's results of before are no longer to be used.
_CACHE_VERSION = 1


class StockResults:
    """Stock's results, kept between runs on the same machine."""

    def __init__(self, folder, facts):
        key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        self._folder = os.path.join(folder, "stock-" + key)
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.startswith("stock-") and path != self._folder:
                shutil.rmtree(path)
        os.makedirs(self._folder, exist_ok=True)

    def _path(self, module):
        return os.path.join(self._folder, module + ".json")

    def load(self, module):
        """Return the module's result, None where it was not run yet."""
        try:
            with open(self._path(module), encoding="ascii") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def save(self, module, result):
        """Keep the module's result."""
        path = self._path(module)
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump(result, file)
        os.replace(path + ".new", path)


def parse_arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="stocktest", description=__doc__,
        epilog="The last line on standard output is the sum of all.")
    parser.add_argument("--python", default="./python",
                        help="the interpreter under test (%(default)s)")
    parser.add_argument("--stock", default="/usr/bin/python3.11",
                        help="the measure (%(default)s)")
    parser.add_argument("--library", default="/usr/lib/python3.11",
                        help="the standard library of both (%(default)s)")
    parser.add_argument("--work", default="build/stocktest",
                        help="where trees, results, the report go "
                        "(%(default)s)")
    parser.add_argument("--own-tests", metavar="FOLDER",
                        help="first run the test modules in FOLDER under "
                        "--python, compared with nothing")
    parser.add_argument("--front-end", action="store_true",
                        help="compare on the modules about the front end")
    parser.add_argument("--all", action="store_true",
                        help="compare on every module of the library")
    parser.add_argument("--awaited-imports", action="store_true",
                        help="run those about importing once more here, with "
                        "imports that are awaited")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(),
                        help="modules at a time (%(default)s)")
    parser.add_argument("--timeout", type=int, default=900,
                        help="seconds for a module (%(default)s)")
    parser.add_argument("--fresh", action="store_true",
                        help="run stock anew where its results are known")
    parser.add_argument("modules", nargs="*", metavar="MODULE",
                        help="compare on this module")
    return parser.parse_args()


# A side of its own: ours, with imports that are awaited.
_AWAITED = "ours, imports awaited"


def driver_arguments(module):
    """Return the driver's options for a module of the library."""
    arguments = ["-u", "cpu"]
    for pattern, _ in selection.EXCLUDED.get(module, ()):
        arguments += ["-i", pattern]
    return arguments


class Comparison:
    """One run of the tool: what to run, what came of it."""

    def __init__(self, options):
        self.options = options
        os.makedirs(options.work, exist_ok=True)
        self.reruns = []
        self._done = 0
        self._planned = 0
        self._kept = None

    def _progress(self, task, result):
        self._done += 1
        bad = sum(runner.is_bad(outcome)
                  for outcome, _ in result["tests"].values())
        outcome = result["module"][0]
        detail = f", {bad} bad" if bad else ""
        print(f"[{self._done}/{self._planned}] {task.side} {task.module}: "
              f"{outcome}, {len(result['tests'])} tests{detail}, "
              f"{result['seconds']:.0f} s", flush=True)

    def _run(self, tasks, jobs):
        """Run tasks and return {(side, module): result}."""
        results = {}

        def finished(task, result):
            results[task.side, task.module] = result
            self._progress(task, result)
            # Kept at once, so that a run that is broken off can go on; what
            # went wrong is first run again.
            if task.side == "stock" and not compare.has_bad(result):
                self._kept.save(task.module, result)

        self._planned += len(tasks)
        runner.run(tasks, jobs, self.options.timeout, finished)
        return results

    def _run_twice(self, tasks):
        """Run tasks; what goes wrong runs once more, with nothing beside it.

        A module that took all its time is not given it again.
        """
        results = self._run(tasks, self.options.jobs)
        again = [task for task in tasks
                 if compare.has_bad(results[task.side, task.module])
                 and results[task.side, task.module]["module"][0]
                 != "timed out"]
        if again:
            print(f"{len(again)} of them once more, alone:", flush=True)
        for key, second in self._run(again, 1).items():
            results[key], mended = compare.merge(results[key], second)
            self.reruns.append((*key, mended))
        return results

    def own_tests(self, folder):
        """Run our own test modules; return the rows."""
        folder = os.path.abspath(folder)
        program = os.path.abspath(self.options.python)
        modules = selection.modules_in(folder)
        arguments = ("--testdir", folder, "-u", "all,-gui")
        tasks = [runner.Task("ours", program, module, arguments)
                 for module in modules]
        results = self._run(tasks, self.options.jobs)
        rows = []
        for module in modules:
            rows += compare.own_rows(module, results["ours", module])
        return rows

    def _stock_results(self, program):
        options = self.options
        facts = [_CACHE_VERSION, tree.file_digest(program),
                 tree.library_digest(options.library),
                 tree.file_digest(tree.WORKER),
                 tree.file_digest(runner.__file__), selection.EXCLUDED,
                 platform.release(), os.cpu_count(), os.getuid(),
                 options.timeout]
        return StockResults(options.work, facts)

    def stock_tests(self, modules):
        """Run modules under both interpreters; return the rows."""
        options = self.options
        programs = {
            side: tree.prepare(python, options.library,
                               os.path.join(options.work, side))
            for side, python in (("stock", options.stock),
                                 ("ours", options.python))}
        self._kept = self._stock_results(programs["stock"])
        results = {}
        tasks = []
        for module in modules:
            known = None if options.fresh else self._kept.load(module)
            if known is not None:
                results["stock", module] = known
            for side, program in programs.items():
                if side == "ours" or known is None:
                    tasks.append(runner.Task(side, program, module,
                                             driver_arguments(module)))
        awaited = [module for module in modules
                   if options.awaited_imports and module in selection.IMPORTING]
        tasks += [runner.Task(_AWAITED, programs["ours"], module,
                              driver_arguments(module), ("--awaited-imports",))
                  for module in awaited]
        fresh = self._run_twice(tasks)
        for (side, module), result in fresh.items():
            if side == "stock":
                self._kept.save(module, result)
        results.update(fresh)
        if modules and not any(compare.finished(results["stock", module])
                               for module in modules):
            sys.exit("stocktest: stock finished no module; there is no "
                     "measure:\n" + results["stock", modules[0]]["module"][1])
        rows = []
        for module in modules:
            rows += compare.compare(module, results["stock", module],
                                    results["ours", module])
        for module in awaited:
            rows += [row._replace(module=f"{row.module} (imports awaited)")
                     for row in compare.compare(module, results["stock", module],
                                                results[_AWAITED, module])]
        return rows


def selected_modules(options):
    """Return the names of the library's test modules to compare on."""
    present = selection.modules_in(os.path.join(options.library, "test"))
    if not present:
        sys.exit(f"stocktest: {options.library}/test has no tests; "
                 "run: apt-get install libpython3.11-testsuite")
    if options.all:
        return selection.slow_first(present)
    modules = list(options.modules)
    if options.front_end:
        modules += selection.FRONT_END
    missing = sorted(set(modules) - set(present))
    if missing:
        sys.exit("stocktest: the library lacks " + ", ".join(missing))
    return selection.slow_first(modules)


def main():
    """Run, compare, report; return the exit status."""
    options = parse_arguments()
    # The trees' programs are started from other folders.
    options.work = os.path.abspath(options.work)
    # Our own tests compare as well.
    os.environ["STOCK_PYTHON"] = options.stock
    comparison = Comparison(options)
    started = time.monotonic()
    modules = selected_modules(options)
    own_rows = []
    if options.own_tests:
        own_rows = comparison.own_tests(options.own_tests)
    stock_rows = comparison.stock_tests(modules) if modules else []
    written = report.Report(own_rows, stock_rows, comparison.reruns, modules,
                            time.monotonic() - started)
    written.save(os.path.join(options.work, "report.txt"))
    written.show()
    return written.failed > 0


if __name__ == "__main__":
    sys.exit(main())
