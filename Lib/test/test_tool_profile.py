"""The profilers and module trace take statements that await."""

import asyncio
import cProfile
import contextlib
import io
import os
import profile
import pstats
import sys
import tempfile
import trace
import unittest

from join_support import JoinTestCase


def tearDownModule():
    asyncio.set_event_loop_policy(None)


HOOK = sys.awaithook


async def step(x):
    """What is to be found in the profiles."""
    await asyncio.sleep(0)
    return x


class ProfileTest(unittest.TestCase):
    """run() and runctx() of both profilers."""

    def calls_of(self, profiler):
        """Return how often step() was called."""
        stats = pstats.Stats(profiler).stats
        names = {key[2]: counts for key, counts in stats.items()}
        return names.get("step", (0, 0))[1]

    def test_run(self):
        for module in cProfile, profile:
            with self.subTest(module.__name__):
                profiler = module.Profile()
                namespace = {"step": step}
                self.assertIs(profiler.runctx("x = await step(5)", namespace, namespace), profiler)
                self.assertEqual(namespace["x"], 5)
                calls = self.calls_of(profiler)
                # Each time that it goes on counts.
                self.assertEqual(calls, 2)
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    module.runctx("await step(5)", namespace, namespace)
                self.assertIn("(step)", output.getvalue())
                self.assertNotIn("make_self_pipe", output.getvalue())
                self.assertFalse(hasattr(module, "exec"))

    def test_failure(self):
        for module in cProfile, profile:
            with self.subTest(module.__name__), self.assertRaises(ZeroDivisionError):
                module.Profile().runctx("await step(1) / 0", {"step": step}, {})
            self.assertIsNone(sys.getprofile())
            self.assertFalse(hasattr(module, "exec"))

    def test_code_and_wrong_arguments(self):
        namespace = {}
        cProfile.Profile().runctx(compile("x = 1", "", "exec"), namespace, namespace)
        self.assertEqual(namespace["x"], 1)
        with self.assertRaisesRegex(TypeError, r"runctx\(\) missing"):
            cProfile.Profile().runctx("await x")

    def test_switched_off(self):
        self.addCleanup(setattr, sys, "awaithook", HOOK)
        sys.awaithook = None
        for module in cProfile, profile:
            with self.assertRaisesRegex(SyntaxError, "'await' outside function"):
                module.Profile().runctx("await step(1)", {}, {})


class TraceTest(unittest.TestCase):
    """trace.Trace.run() and runctx()."""

    def test_counts(self):
        tracer = trace.Trace(count=1, trace=0)
        namespace = {"step": step}
        tracer.runctx("x = await step(5)", namespace, namespace)
        self.assertEqual(namespace["x"], 5)
        self.assertIsNone(sys.gettrace())
        first = step.__code__.co_firstlineno
        counts = tracer.results().counts
        lines = [line for file, line in counts if file == step.__code__.co_filename]
        self.assertEqual(lines, [first + 2, first + 3])

    def test_functions(self):
        tracer = trace.Trace(count=0, trace=0, countfuncs=1)
        tracer.runctx("await step(5)", {"step": step}, {})
        self.assertIn("step", [name for _, _, name in tracer.results().calledfuncs])


class WithoutAwaitTest(JoinTestCase):
    """What awaits nothing is looked at as in stock."""

    def test_same_output(self):
        probe = ("import {0}, re, io, contextlib\n"
                 "with contextlib.redirect_stdout(io.StringIO()) as output:\n"
                 "    {0}.run('sum([len(\"await\"), 2])')\n"
                 "print(re.sub(r'\\d+\\.\\d+', 'N', output.getvalue()))\n")
        for module in "cProfile", "profile":
            with self.subTest(module):
                self.assertAsStock("-c", probe.format(module))

    def test_same_failures(self):
        for statement in "1/0", "x x", "await f(", "await = 1", "def f(): await g()\nf()":
            for module in "cProfile", "profile":
                with self.subTest(statement, module=module):
                    self.assertAsStock("-c", f"import {module} as p, sys, io\n"
                                       f"sys.stdout = io.StringIO()\np.run({statement!r})")
            self.assertAsStock("-c", f"import trace\ntrace.Trace(trace=0).run({statement!r})")

    def test_trace_of_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "sample.py"), "w") as file:
                file.write("def f():\n    return 'await'\n")
            self.assertAsStock("-c", "import sample, trace; t = trace.Trace(count=0)\n"
                               "t.runctx('f()', vars(sample), {})", cwd=folder)


if __name__ == "__main__":
    unittest.main()
