"""Compiling when memory runs out: MemoryError or success, and nothing is left behind."""

import gc
import sys
import unittest
import warnings

import frontend_support as support
from stage_modules import _frontend

SOURCES = [
    *support.SNIPPETS,
    "from __future__ import annotations\n"
    "x: lambda a, *b, c=1: f'{a!r:>{b}}' if [*a] else {**c}\ndef f(a: b[c:d, ...]) -> (e, f): x\n",
    "class A:\n    class __B:\n        def __c(self, __d): __e; super(); return lambda: __d\n",
    "\n".join(f"name_{i} = {i}.5" for i in range(60)),
    "from __future__ import top_level_await\n"
    "import a, b.c as d\nfrom .e import f, g as h\nfrom i import *\nif j:\n    import k.l, m\n"
    "    from n import o\nawait p\nasync with q: import r\n",
    # So large that it is asked for memory beforehand, which need not be there.
    "x = {" + "a: 1, " * 17_000 + "}",
]
REFUSED = [
    "def f(x, x): pass", "def f():\n    nonlocal x", "[(x := 1) for x in y]",
    "def f():\n    x = 1\n    global x", "from __future__ import no_such_feature",
    "class C:\n    [(yield) for x in y]", "def f(): import a.b; from x import *",
    "from __future__ import top_level_await\nimport a\nfrom b import __debug__",
]


class MemoryTest(unittest.TestCase):

    def compile_once(self, source, allocations, fails_once):
        """Whether the compile needs more allocations than it was allowed."""
        try:
            return _frontend.compile_rationed(source, "<test>", allocations, fails_once)
        except MemoryError:
            return True

    def check(self, source, fails_once):
        allocations = 0
        while self.compile_once(source, allocations, fails_once):
            allocations += 1
            self.assertLess(allocations, 100_000)
        self.assertGreater(allocations, 1)

    def test_sources(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for source in SOURCES:
                for fails_once in False, True:
                    with self.subTest(source=source[:40], fails_once=fails_once):
                        self.check(source, fails_once)

    def test_refused_sources(self):
        for source in REFUSED:
            for allocations in range(200):
                with self.subTest(source=source, allocations=allocations):
                    with self.assertRaises((SyntaxError, MemoryError)) as caught:
                        _frontend.compile_rationed(source, "<test>", allocations, False)
                    if isinstance(caught.exception, SyntaxError):
                        break
            else:
                self.fail(f"no SyntaxError: {source}")

    @unittest.skipUnless(hasattr(sys, "gettotalrefcount"), "counts references in a debug build")
    def test_references(self):
        def run(source):
            for allocations in range(150):
                try:
                    self.compile_once(source, allocations, False)
                except SyntaxError:
                    pass
            gc.collect()
            return sys.gettotalrefcount()

        for source in SOURCES + REFUSED:
            with self.subTest(source=source[:40]):
                counts = [run(source) for _ in range(4)]
                self.assertLess(counts[3] - counts[1], 20)


if __name__ == "__main__":
    unittest.main()
