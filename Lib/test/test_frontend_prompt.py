"""Reading at a terminal: each line is asked for when stock asks for it, by the same prompt."""

import time
import unittest

import pexpect

from join_support import STOCK
from prompt_support import Prompt
from stage_modules import PATH_STATEMENT

SESSIONS = {
    "simple statements": ["1 + 1", "x = 3; x", "x;", "", "   ", "# c", "print(x)"],
    "blocks": ["if 1:", "  print(1)", "", "if 1: pass", "", "def f():", "  # c", "  x = 2", "  ", "  return x",
               "# d", "", "f()", "for i in ():", "  pass", "else:", "  3", ""],
    "decorators": ["@staticmethod", "def f(): pass", "", "@x y", "@staticmethod", ""],
    "handlers": ["try: 1", "except: 2", "else: 3", "finally: 4", "", "try: 1", ""],
    "brackets": ["x = (1,", "2,", "", "3)", "x", "class A(int", ", metaclass=type): pass", ""],
    "strings": ["'''a", "", "b'''", "'a\\", "b'", "f'''{", "1}'''", "'abc", "'a\\", "'"],
    "continued lines": ["1 + \\", "2", "1 \\ ", "\\", "5"],
    "context managers": ["with (open('/dev/null') as f,", " open('/dev/null') as g):", "  1", "",
                         "with (open('/dev/null'),", ") as x: pass", "", "with (yield", ") as x: pass", ""],
    "match": ["match 1:", "  case 1:", "    2", "  case _: pass", "", "match (1,", "2):", " case x: x", "",
              "match = 1", "match", "match -1", "match (1"],
    "errors": ["x = (1 +* 2", "x y", "if x y:", "if 1:", "  x y", "if 1:", "2", "  x", ")", "(]", "$", "f() = (",
               "else:", "x = 08", "for x() in (", "f'{1 +}'", "if 1:", "    x = 1", "  y = 1", "'\\N{no}'",
               "x = é²", "1 <> 2"],
    "warnings": ["'\\d'", "1if 1else 2", "if 1:", "  '\\d'", "  1if 1else 2", "", "x = ('\\d',", "'\\e')", "if 1:", "  '\\d'", "  x y"],
    "empty lines": ["", "x = 1", "# c", "x", "  # c", "  ", "x", "@x", "", "if 1:", "# c", "", "  x", "", "\\", "2"],
    "future": ["from __future__ import barry_as_FLUFL", "1 <> 2", "1 != 2"],
    "deep": ["(" * 201, "-" * 3000 + "1", "(" * 150 + "1" + ")" * 150],
    "many lines": ["if 1:", *(f"  x = {i}" for i in range(80)), "", "x", "y = [",
                                        *(f"  {i}," for i in range(80)), "]", "len(y)"],
    "error after many lines": ["if 1:", *(f"  x = {i}" for i in range(70)), "  x y", "1"],
    "input": ["x = input('p> '); x", "'é'", "é = 1", "é"],
}


def play(executable, lines):
    """What each line shows, and the prompt after it."""
    shown = []
    with Prompt("-I", "-q", executable=executable) as prompt:
        for line in lines:
            if line.startswith("x = input"):
                prompt.child.send(line + "\n")
                prompt.child.expect_exact("\np> ")
                line = "typed"
            shown.append((line[:60], prompt.type(line), prompt.child.after))
    return shown


def interrupted(executable, before):
    """What Ctrl-C shows after these lines.

    Now and then it comes before readline has taken the terminal over, and nobody notices it, stock
    neither: then again from the beginning.
    """
    for _ in range(5):
        with Prompt("-I", "-q", executable=executable, timeout=10) as prompt:
            for line in before:
                prompt.type(line)
            time.sleep(0.2)
            prompt.child.sendintr()
            try:
                return prompt.read_to_prompt(), prompt.type("1 + 1"), prompt.leave()
            except pexpect.TIMEOUT:
                pass
    raise AssertionError("Ctrl-C has no effect")


class PromptTest(unittest.TestCase):

    maxDiff = None

    def test_as_stock(self):
        for name, lines in SESSIONS.items():
            with self.subTest(name=name):
                self.assertEqual(play(None, lines), play(STOCK, lines))

    def test_interrupt(self):
        for before in (["x = (1,"], ["if 1:"], ["if 1:", "  x"], []):
            with self.subTest(before=before):
                self.assertEqual(interrupted(None, before), interrupted(STOCK, before))

    def test_end_of_input_in_a_statement(self):
        for before in (["x = (1,"], ["if 1:"], ["if 1:", "  x = 5"], ["'''a"], ["1 + \\"]):
            outcomes = []
            for executable in (None, STOCK):
                with Prompt("-I", "-q", executable=executable) as prompt:
                    for line in before:
                        prompt.type(line)
                    prompt.child.sendeof()
                    outcomes.append((prompt.read_to_prompt(), prompt.type("1 + 1"), prompt.leave()))
            with self.subTest(before=before):
                self.assertEqual(*outcomes)

    def test_ours_reads(self):
        """Counts tell that the lines did not go to the archive's parser."""
        with Prompt("-I", "-q") as prompt:
            prompt.type(PATH_STATEMENT + "import _parser_stage\nbefore = _parser_stage.counts()")
            for lines in ("x = (1,\n2)", "if x:\n  y = 1\n", "def f():\n  if 1:\n    pass\n", "\nx", "# c\nx", "   \n  # c\nx",
                          "if x:\n" + "  y = 1\n" * 100, "y = [\n" + "1,\n" * 100 + "]"):
                prompt.type(lines)
            self.assertIn("True", prompt.type("before == _parser_stage.counts()"))
            prompt.type("x y")
            self.assertIn("True", prompt.type(
                "before['rejected'] + 1 == _parser_stage.counts()['rejected']"))
            self.assertIn("True", prompt.type("not _parser_stage.counts()['wrongly_rejected']"))


if __name__ == "__main__":
    unittest.main()
