"""The benchmarks' own tools: what they measure is what they say."""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import time
import unittest
from test.support.import_helper import DirsOnSysPath

BENCH = pathlib.Path(__file__).resolve().parents[2] / "Tools" / "bench"
with DirsOnSysPath(str(BENCH)):
    from measure import Ratio, Report, Subject, clean_environment, interleave, pinned
    from terminal import Gone, Session

PROMPT = rb"(?:\A|\n)>>> "


class MeasureTest(unittest.TestCase):
    """Costs, ratios and the table."""

    def test_subjects_take_turns(self):
        order = []
        costs = iter(range(100))

        def subject(name):
            def cost():
                order.append(name)
                return next(costs)
            return Subject(name, cost)

        measured = interleave([subject("a"), subject("b")], rounds=3)
        self.assertEqual("".join(order), "ba" "ab" "ba" "ab")
        self.assertEqual(measured, [[2, 5, 6], [3, 4, 7]])

    def test_ratio_is_of_each_round(self):
        ratio = Ratio.of([1, 20, 3, 400, 5], [2, 10, 3, 100, 5])
        self.assertEqual(ratio, Ratio(1.0, 1.0, 2.0, 5))
        self.assertEqual(Ratio.of([3], [2]), Ratio(1.5, 1.5, 1.5, 1))
        with self.assertRaises(ValueError):
            Ratio.of([1, 2], [1])

    def test_table(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            Report(scale=0.5).compare(
                "work", Subject("a", lambda: 3), [Subject("b", lambda: 2)], rounds=8)
        what, line = output.getvalue().splitlines()
        self.assertEqual(what.strip(), "work")
        self.assertEqual(line.split(), ["a", "/", "b", "1.500", "1.500", "..", "1.500", "4"])

    def test_geometric_mean(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            report = Report()
            compared = [report.compare("work", Subject("a", lambda cost=cost: cost),
                                       [Subject("b", lambda: 1), Subject("c", lambda: 2)], rounds=3)
                        for cost in (1, 4)]
            report.geometric_means("mean", compared)
        *_, over_b, over_c = output.getvalue().splitlines()
        self.assertEqual(over_b.split(), ["a", "/", "b", "2.000", "1.000", "..", "4.000", "(extremes)"])
        self.assertEqual(over_c.split(), ["a", "/", "c", "1.000", "0.500", "..", "2.000", "(extremes)"])

    def test_pinned_for_a_while(self):
        before = os.sched_getaffinity(0)
        with pinned(max(before)):
            self.assertEqual(os.sched_getaffinity(0), {max(before)})
        self.assertEqual(os.sched_getaffinity(0), before)

    def test_environment_is_clean(self):
        os.environ["PYTHONSTARTUP"] = "somewhere"
        self.addCleanup(os.environ.pop, "PYTHONSTARTUP")
        with clean_environment() as environment:
            self.assertEqual([name for name in environment if name.startswith("PYTHON")], [])
            self.assertEqual(os.listdir(environment["HOME"]), [])
        self.assertFalse(os.path.exists(environment["HOME"]))


class TerminalTest(unittest.TestCase):
    """Sessions on pseudo-terminals."""

    def open(self, command, *arguments, **options):
        environment = self.enterContext(clean_environment())
        return self.enterContext(Session(command, environment, *arguments, **options))

    def test_line_lasts_until_the_next_prompt(self):
        session = self.open([sys.executable, "-q"], PROMPT)
        session.run_line("import time")
        self.assertGreater(session.time_line("time.sleep(0.2)"), 0.2)
        self.assertIn(b"\n>>> x", session.run_line(r"print('\n>>> x')"))
        self.assertIn(b"42", session.run_line("6 * 7"))

    def test_return_is_measured_without_the_keys(self):
        session = self.open([sys.executable, "-q"], PROMPT)
        session.run_line("import time")
        session.type_text("time.sleep(0.3)")
        time.sleep(0.5)
        self.assertTrue(0.3 < session.time_return() < 0.5)

    def test_processor_time_is_the_programs(self):
        session = self.open([sys.executable, "-q"], PROMPT)
        session.run_line("import time")
        before = session.processor_time()
        session.run_line("time.sleep(0.5)")
        slept = session.processor_time() - before
        session.run_line("end = time.process_time() + 0.5")
        session.run_line("exec('while time.process_time() < end: pass')")
        self.assertLess(slept, 0.3e9)
        self.assertGreater(session.processor_time() - before - slept, 0.4e9)

    def test_numbered_prompt_must_change(self):
        program = ("import sys\n"
                   "for number in 1, 1, 2:\n"
                   "    print(f'In [{number}]: ', end='', flush=True)\n"
                   "    if number == 2 or sys.stdin.readline() == 'end\\n': break\n")
        session = self.open([sys.executable, "-u", "-c", program], rb"In \[\d+\]:", numbered=True)
        with self.assertRaises(Gone):
            session.run_line("end")
        session = self.open([sys.executable, "-u", "-c", program], rb"In \[\d+\]:", numbered=True,
                            patience=0.5)
        with self.assertRaises(Gone):
            session.run_line("again")

    def test_program_that_is_gone(self):
        session = self.open([sys.executable, "-q"], PROMPT)
        with self.assertRaises(Gone):
            session.time_line("exit()")


class CommandLineTest(unittest.TestCase):
    """The program that `make bench` runs."""

    def run_bench(self, *arguments):
        return subprocess.run(
            [sys.executable, "-IB", BENCH, "--python", sys.executable,
             "--stock", sys.executable, "--distribution", sys.executable, *arguments],
            capture_output=True, text=True, timeout=300)

    def test_group(self):
        done = self.run_bench("running", "--scale", "0.01")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("integer loop\n", done.stdout)
        self.assertIn("geometric mean\n", done.stdout)

    def test_unknown_group(self):
        done = self.run_bench("speed")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no such group: speed (there are startup, prompt", done.stderr)


if __name__ == "__main__":
    unittest.main()
