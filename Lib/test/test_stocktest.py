"""The tool that compares with stock sees what there is to see."""

import os
import re
import signal
import sys
import tempfile
import textwrap
import unittest

from join_support import OUR_LIBRARY, PROGRAM, STOCK, run

TOOL = os.path.join(os.path.dirname(OUR_LIBRARY), "Tools", "stocktest")
sys.path.insert(0, TOOL)
try:
    import compare
    import report
    import runner
    import tree
finally:
    sys.path.remove(TOOL)

MODULES = {
    "test_mixed": """\
        import unittest

        class Tests(unittest.TestCase):
            def test_pass(self):
                pass

            def test_fail(self):
                self.fail("the reason")

            def test_error(self):
                1 / 0

            @unittest.skip("not today")
            def test_skip(self):
                pass

            @unittest.expectedFailure
            def test_expected(self):
                self.fail()

            @unittest.expectedFailure
            def test_unexpected(self):
                pass

            def test_subtests(self):
                for number in range(3):
                    with self.subTest(number=number):
                        self.assertNotEqual(number, 1)

            def test_subtest_skips(self):
                with self.subTest():
                    self.skipTest("in part")

        class SetUpFails(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                raise OSError("no ground")

            def test_never(self):
                pass
        """,
    "test_crash": """\
        import os, signal, unittest

        class Tests(unittest.TestCase):
            def test_a_pass(self):
                pass

            def test_b_crash(self):
                os.kill(os.getpid(), signal.SIGSEGV)

            def test_c_never(self):
                pass
        """,
    "test_hang": """\
        import time, unittest

        class Tests(unittest.TestCase):
            def test_hang(self):
                time.sleep(1000)
        """,
    "test_skipped_whole": """\
        import unittest
        raise unittest.SkipTest("not here")
        """,
    "test_no_import": "import no_such_module",
    "test_surroundings": """\
        import os, signal, sys, unittest

        class Tests(unittest.TestCase):
            def test_terminal(self):
                self.assertTrue(os.isatty(0))
                os.close(os.open("/dev/tty", os.O_RDWR))
                self.assertEqual(os.tcgetpgrp(0), os.getpgrp())

            def test_signals(self):
                self.assertIs(signal.getsignal(signal.SIGINT),
                              signal.default_int_handler)
                self.assertEqual(signal.pthread_sigmask(0, []), set())

            def test_variables(self):
                names = [name for name in os.environ
                         if name.startswith("PYTHON")
                         and not name.startswith("PYTHONREGRTEST")]
                self.assertEqual(names, [])

            def test_main_is_the_driver(self):
                main = sys.modules["__main__"]
                self.assertEqual(main.__spec__.name, "test.__main__")
        """,
}


class RunnerTests(unittest.TestCase):
    """Modules that do all that modules can do, under the driver."""

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            for name, source in MODULES.items():
                path = os.path.join(folder, name + ".py")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(textwrap.dedent(source))
            cls.results = {}
            tasks = [runner.Task("ours", PROGRAM, name, ("--testdir", folder))
                     for name in MODULES]
            # What a caller may have done, and the modules must not see.
            ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.environ["PYTHONOPTIMIZE"] = "2"
            try:
                runner.run(tasks, 2, 2, lambda task, result:
                           cls.results.__setitem__(task.module, result))
            finally:
                del os.environ["PYTHONOPTIMIZE"]
                signal.signal(signal.SIGINT, ignored)

    def outcomes(self, module):
        """Return {short test name: outcome} of a module."""
        return {name.rpartition(f"{module}.")[2]: outcome for
                name, (outcome, _) in self.results[module]["tests"].items()}

    def test_each_outcome(self):
        self.assertEqual(self.outcomes("test_mixed"), {
            "Tests.test_pass": "passed", "Tests.test_fail": "failed",
            "Tests.test_error": "error", "Tests.test_skip": "skipped",
            "Tests.test_expected": "expected failure",
            "Tests.test_unexpected": "unexpected success",
            "Tests.test_subtests": "failed",
            "Tests.test_subtest_skips": "skipped",
            "SetUpFails)": "error"})
        self.assertEqual(self.results["test_mixed"]["module"][0], "failed")

    def test_reasons(self):
        tests = self.results["test_mixed"]["tests"]
        self.assertIn("the reason", tests["test_mixed.Tests.test_fail"][1])
        self.assertEqual(tests["test_mixed.Tests.test_skip"][1], "not today")

    def test_crash(self):
        result = self.results["test_crash"]
        self.assertEqual(self.outcomes("test_crash"), {
            "Tests.test_a_pass": "passed", "Tests.test_b_crash": "unfinished"})
        self.assertEqual(result["module"][0], "crashed")
        self.assertIn("exit status -11", result["module"][1])

    def test_hang(self):
        result = self.results["test_hang"]
        self.assertEqual(self.outcomes("test_hang"),
                         {"Tests.test_hang": "unfinished"})
        self.assertEqual(result["module"][0], "timed out")
        self.assertIn("in test_hang", result["module"][1])

    def test_whole_modules(self):
        outcome, text = self.results["test_skipped_whole"]["module"]
        self.assertEqual(outcome, "skipped")
        self.assertIn("not here", text)
        self.assertEqual(self.results["test_no_import"]["module"][0], "failed")

    def test_surroundings(self):
        self.assertEqual(set(self.outcomes("test_surroundings").values()),
                         {"passed"}, self.results["test_surroundings"])

    def test_imports_are_awaited(self):
        with tempfile.TemporaryDirectory() as folder:
            source = """
                import sys, unittest
                sys.path.insert(0, sys.argv[sys.argv.index("--testdir") + 1])

                class Tests(unittest.TestCase):
                    def test_stand_in(self):
                        sys.awaithook = None    # so that no plain import could run it
                        import awaits
                        self.assertEqual(awaits.x, 3)
                        try:
                            import not_there
                        except ModuleNotFoundError as error:
                            self.assertIsNone(error.__traceback__.tb_next)
                        else:
                            self.fail("it is there")
                """
            with open(os.path.join(folder, "test_stand_in.py"), "w") as file:
                file.write(textwrap.dedent(source))
            with open(os.path.join(folder, "awaits.py"), "w") as file:
                file.write("from __future__ import top_level_await\n"
                           "async def f():\n    return 3\nx = await f()\n")
            results = []
            for options in ((), ("--awaited-imports",)):
                runner.run([runner.Task("ours", PROGRAM, "test_stand_in",
                                        ("--testdir", folder), options)], 1, 60,
                           lambda task, result: results.append(result))
        plain, awaited = (list(result["tests"].values()) for result in results)
        self.assertEqual(plain[0][0], "error", plain)
        self.assertIn("awaiting is switched off", plain[0][1])
        self.assertEqual(awaited, [["passed", ""]], awaited[0][1])

    def test_processes_are_ended(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "test_stray.py"), "w") as file:
                file.write("import subprocess, sys\n"
                           "child = subprocess.Popen(['sleep', '1000'])\n"
                           "raise OSError(child.pid)\n")
            results = []
            runner.run([runner.Task("ours", PROGRAM, "test_stray",
                                    ("--testdir", folder))], 1, 60,
                       lambda task, result: results.append(result))
        shown = results[0]["module"][1]
        pid = int(shown.rpartition("OSError: ")[2].split()[0])
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                self.assertEqual(file.read().split()[2], "Z")
        except FileNotFoundError:
            pass


class JudgementTests(unittest.TestCase):
    """The verdict on a test from two outcomes."""

    def test_stock_passes(self):
        for stock in ("passed", "expected failure", "no tests"):
            self.assertEqual(compare.judge(stock, "passed", True),
                             compare.PASSED)
            for ours in ("failed", "error", "skipped", "not run", "unfinished",
                         "crashed", "timed out", "unexpected success",
                         "environment changed"):
                with self.subTest(stock=stock, ours=ours):
                    self.assertEqual(compare.judge(stock, ours, True),
                                     compare.FAILED)

    def test_stock_does_not_pass(self):
        for stock, ours, verdict in (
                ("skipped", "skipped", compare.SKIPPED),
                ("skipped", "passed", compare.PASSED),
                ("skipped", "failed", compare.FAILED),
                ("failed", "failed", compare.BOTH_FAIL),
                ("failed", "not run", compare.BOTH_FAIL),
                ("error", "passed", compare.STOCK_FAILS),
                ("not run", "passed", compare.PASSED),
                ("not run", "failed", compare.FAILED)):
            with self.subTest(stock=stock, ours=ours):
                self.assertEqual(compare.judge(stock, ours, True), verdict)

    def test_stock_did_not_come_to_it(self):
        self.assertEqual(compare.judge("not run", "failed", False),
                         compare.NO_STOCK)
        self.assertEqual(compare.judge("passed", "failed", False),
                         compare.FAILED)

    @staticmethod
    def result(module="passed", **tests):
        """Return a module's result of these outcomes."""
        return {"tests": {name: [outcome, ""]
                          for name, outcome in tests.items()},
                "module": [module, ""], "seconds": 0}

    def test_crash_fails_all_tests(self):
        rows = compare.compare("m", self.result(a="passed", b="passed"),
                               self.result("crashed", a="unfinished"))
        self.assertEqual([row.verdict for row in rows], [compare.FAILED] * 3)

    def test_whole_module_counts_only_where_it_adds_something(self):
        rows = compare.compare("m", self.result(a="passed"),
                               self.result("failed", a="failed"))
        self.assertEqual([row.test for row in rows], ["a"])
        rows = compare.compare("m", self.result(a="passed"),
                               self.result("failed", a="passed"))
        self.assertEqual([row.verdict for row in rows],
                         [compare.PASSED, compare.FAILED])

    def test_merge(self):
        first = self.result("failed", a="passed", b="failed", c="error")
        again = self.result("failed", a="failed", b="passed", c="error")
        merged, mended = compare.merge(first, again)
        self.assertEqual(mended, ["b"])
        self.assertEqual(merged["tests"]["a"][0], "passed")
        self.assertEqual(merged["tests"]["c"][0], "error")
        self.assertEqual(merged["module"][0], "failed")

    def test_merge_takes_away_only_what_did_not_come_back(self):
        first = self.result("failed", **{"setUpClass (m.A)": "error"})
        crashed = self.result("crashed")
        self.assertEqual(compare.merge(first, crashed)[1], [])
        whole = self.result("passed", a="passed")
        merged, mended = compare.merge(first, whole)
        self.assertEqual(mended, ["setUpClass (m.A)"])
        self.assertEqual(list(merged["tests"]), ["a"])

    def test_own_tests_have_no_excuse(self):
        rows = compare.own_rows("m", self.result(
            "failed", a="passed", b="failed", c="skipped"))
        self.assertEqual([row.verdict for row in rows], [
            compare.PASSED, compare.FAILED, compare.SKIPPED])

    def test_report_counts_everything(self):
        rows = [compare.Row("m", f"t{number}", "passed", "passed", "", verdict)
                for number, verdict in enumerate(compare.VERDICTS)]
        written = report.Report(rows[:2], rows[2:], [], ["m"], 0)
        self.assertEqual(written.sum_line(), "2 passed, 1 failed, 3 skipped")
        text = "\n".join(written.lines())
        for row in rows[1:]:
            self.assertIn(row.test, text)


class TreeTests(unittest.TestCase):
    """The interpreter's own copy of the standard library."""

    def test_copy(self):
        with tempfile.TemporaryDirectory() as folder:
            library = os.path.join(folder, "library")
            os.makedirs(os.path.join(library, "package", "__pycache__"))
            for name in ("os.py", "package/__pycache__/a.cpython-311.pyc"):
                with open(os.path.join(library, name), "w") as file:
                    file.write("pass")
            target = os.path.join(folder, "target")
            tree.prepare(PROGRAM, library, target)
            copied = os.path.join(target, "lib", "python3.11")
            self.assertTrue(os.path.exists(os.path.join(copied, "os.py")))
            cache = os.path.join(copied, "package", "__pycache__")
            self.assertFalse(os.path.exists(cache))
            os.mkdir(cache)
            tree.prepare(PROGRAM, library, target)
            self.assertFalse(os.path.exists(cache))
            with open(os.path.join(library, "new.py"), "w") as file:
                file.write("pass")
            tree.prepare(PROGRAM, library, target)
            self.assertTrue(os.path.exists(os.path.join(copied, "new.py")))

    def test_modules_are_compiled_by_the_interpreter(self):
        with tempfile.TemporaryDirectory() as folder:
            program = tree.prepare(PROGRAM, "/usr/lib/python3.11", folder)
            foreign = set()
            compiled = 0
            for options in ((), ("-I",), ("-S", "-E")):
                # -v names each code object's file: a source that it compiled,
                # or, in quotes, a .pyc file of an earlier run.
                errors = run(program, "-v", *options, "-c", "import argparse, "
                             "collections, test.support, autoawait").errors
                for path in re.findall("^# code object from '?([^'\n]+)",
                                       errors, re.MULTILINE):
                    compiled += path.endswith(".py")
                    if not path.startswith((folder, OUR_LIBRARY)):
                        foreign.add(path)
            self.assertEqual(foreign, set())
            self.assertGreater(compiled, 50)


class ProgramTests(unittest.TestCase):
    """The tool as a program."""

    def tool(self, *arguments):
        """Run the tool and return its outcome and its last line."""
        with tempfile.TemporaryDirectory() as folder:
            outcome = run(STOCK, "-I", "-W", "error", TOOL, "--work", folder,
                          "--python", PROGRAM, *arguments)
        return outcome, outcome.output.splitlines()[-1:]

    def test_pass(self):
        outcome, [last] = self.tool("test_unary", "test_flufl")
        self.assertRegex(last, r"^\d+ passed, 0 failed$")
        self.assertEqual((outcome.status, outcome.errors), (0, ""))

    def test_difference_is_a_failure(self):
        with tempfile.NamedTemporaryFile("w", delete=False) as wrapper:
            wrapper.write(f'#!/bin/sh\nexec {STOCK} -O "$@"\n')
        self.addCleanup(os.unlink, wrapper.name)
        os.chmod(wrapper.name, 0o755)
        outcome, [last] = self.tool("--python", wrapper.name, "test_grammar")
        self.assertEqual(outcome.status, 1)
        self.assertRegex(last, r"^\d+ passed, 1 failed$")
        self.assertIn("test_assert_failures\n  stock: passed, here: skipped",
                      outcome.output)

    def test_own_tests(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "test_two.py"), "w") as file:
                file.write(textwrap.dedent("""\
                    import unittest

                    class Tests(unittest.TestCase):
                        def test_good(self):
                            pass

                        def test_bad(self):
                            self.fail("told why")

                        @unittest.skip("told that too")
                        def test_left_out(self):
                            pass
                    """))
            outcome, [last] = self.tool("--own-tests", folder)
        self.assertEqual(last, "1 passed, 1 failed, 1 skipped")
        self.assertEqual(outcome.status, 1)
        self.assertIn("told why", outcome.output)
        self.assertIn("told that too", outcome.output)

    def test_unknown_module(self):
        outcome, _ = self.tool("test_no_such_module")
        self.assertEqual(outcome.status, 1)
        self.assertIn("the library lacks test_no_such_module", outcome.errors)

    def test_stock_that_runs_nothing_is_no_measure(self):
        outcome, _ = self.tool("--stock", "/bin/false", "test_unary")
        self.assertEqual(outcome.status, 1)
        self.assertIn("finished no module", outcome.errors)


if __name__ == "__main__":
    unittest.main()
