"""The interface that lines come by, played without a terminal: Include/linesource.h."""

import os
import re
import shutil
import subprocess
import unittest

from join_support import BUILD, OUR_LIBRARY
from line_source_support import PlayTestCase


class LineSourceTest(PlayTestCase):
    """Interrupts, a new window size, output and half-typed lines, in a given order."""

    def test_lines(self):
        shown, errors = self.play(r"""
            play("1 ", "+ 1\n", "if True:\n", "    player.calls\n", "\n", "exi", "t(", ")\n")
            """)
        self.assertEqual(shown, "2\n[('begin', '>>> '), ('begin', '>>> '), ('begin', '... '), "
                                "('begin', '... ')]\n")
        self.assertEqual(errors, "")

    def test_end_of_input(self):
        self.assertEqual(self.play(r'play("1\n")'), ("1\n", "\n"))

    def test_lines_that_come_at_once(self):
        self.assertEqual(self.play(r'play("(1,\n2)\n")'), ("(1, 2)\n", "\n"))

    def test_interrupt_drops_the_line(self):
        shown, errors = self.play(r"""
            play("1 +", interrupt, "2\n", "[call for call in player.calls if call[0] == 'abort']\n")
            """)
        self.assertEqual(shown, "2\n[('abort', '1 +')]\n")
        self.assertEqual(errors, "\nKeyboardInterrupt\n\n")

    def test_interrupt_in_a_block(self):
        shown, errors = self.play(r"""
            play("if True:\n", "    1\n", "    2 ", interrupt, "3\n")
            """)
        self.assertEqual(shown, "3\n")
        self.assertEqual(errors, "\nKeyboardInterrupt\n\n")

    def test_interrupts_at_every_place(self):
        # 40 sessions in one: Ctrl-C before, between and after each key drops one line, told once.
        shown, errors = self.play(r"""
            events = []
            for place in range(10):
                keys = list("print(1)\n")
                events += [*keys[:place], interrupt, *(keys if place < 9 else ())]
                events += ["print(2)\n"]
            play(*events)
            """)
        self.assertEqual(shown, "1\n2\n" * 10)
        self.assertEqual(errors, "\nKeyboardInterrupt\n" * 10 + "\n")

    BACKGROUND = r"""
        import asyncio
        steps = []
        reading, writing = os.pipe()
        async def work():
            for step in range(5):
                await asyncio.sleep(0)
                steps.append(step)
            os.write(writing, b"x")
        def until_work_is_done():
            return reading
        """

    def test_background_work(self):
        shown, errors = self.play(self.BACKGROUND + r"""
        play("await asyncio.sleep(0)\n", "task = asyncio.create_task(work())\n",
             "st", until_work_is_done, lambda: print(steps), "eps\n")
        """)
        self.assertEqual(shown, "[0, 1, 2, 3, 4]\n[0, 1, 2, 3, 4]\n")
        self.assertEqual(errors, "\n")

    def test_output_above_the_line(self):
        shown, errors = self.play(self.BACKGROUND + r"""
        async def speak():
            print("spoken", flush=True)
            os.write(writing, b"x")
        sys.__stdin__.isatty = lambda: True
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.BufferedWriter(Terminal()))
        play("await asyncio.sleep(0)\n", "task = asyncio.create_task(speak())\n",
             "half", until_work_is_done, lambda: "wakeup", " = 3\n", "half\n",
             "[call for call in player.calls if call[0] == 'above']\n")
        """)
        self.assertEqual(shown, "3\n[('above', 'spoken\\n', 'half')]\n")
        self.assertEqual(errors, "\n")

    def test_window_size(self):
        shown, errors = self.play(r"""
            def resize():
                signal.raise_signal(signal.SIGWINCH)
                return "wakeup"
            play("1 +", resize, " 1\n", "[call for call in player.calls if call[0] == 'redraw']\n")
            """)
        self.assertEqual(shown, "2\n[('redraw', '1 +')]\n")
        self.assertEqual(errors, "\n")

    def test_a_source_that_fails_ends_the_input(self):
        for method in "begin", "wait", "feed", "end":
            with self.subTest(method=method):
                shown, errors = self.play(rf"""
                    play("1\n", "2\n")
                    def fail(*arguments):
                        raise ValueError("the source is broken")
                    player.{method} = fail
                    """)
                self.assertEqual(shown, "")
                self.assertEqual(errors.count("the source is broken"), 1)


class StructureTest(unittest.TestCase):
    """What is said of the files in Python/prompt/README.md."""

    FOLDER = os.path.join(os.path.dirname(OUR_LIBRARY), "Python", "prompt")

    def test_short_functions(self):
        functions = 0
        for name in sorted(os.listdir(self.FOLDER)):
            if name.endswith(".c"):
                with open(os.path.join(self.FOLDER, name)) as file:
                    text = file.read()
                for body in re.finditer(r"^\{\n(.*?)^\}", text, re.M | re.S):
                    functions += 1
                    self.assertLessEqual(body[1].count("\n"), 40, (name, body[1][:200]))
        self.assertGreater(functions, 100)

    @unittest.skipUnless(shutil.which("nm"), "needs nm")
    def test_no_circle_of_calls(self):
        folder = os.path.join(BUILD, "build", "Python", "prompt")
        if not os.path.isdir(folder):
            self.skipTest("the build's objects are not there")
        defined, used = {}, {}
        for name in os.listdir(folder):
            if name.endswith(".o"):
                symbols = subprocess.run(["nm", "-P", os.path.join(folder, name)], text=True,
                                         capture_output=True, check=True).stdout
                for symbol, kind, *_ in map(str.split, symbols.splitlines()):
                    if kind == "U":
                        used.setdefault(name, set()).add(symbol)
                    elif kind.isupper():
                        defined[symbol] = name
        calls = {name: {defined[symbol] for symbol in symbols if symbol in defined} - {name}
                 for name, symbols in used.items()}
        self.assertGreater(sum(map(len, calls.values())), 15)
        from graphlib import TopologicalSorter
        TopologicalSorter(calls).prepare()


if __name__ == "__main__":
    unittest.main()
