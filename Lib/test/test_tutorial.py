"""The sessions shown in the manual, typed into a real terminal and compared.

The code blocks of kind ``pycon`` in a page of Doc/ are one session, from the
banner to exit().  Everything is compared to the letter, with two exceptions:
the banner tells the version of the machine's CPython, so it is compared with
what this interpreter gives, once the page's has been seen to have that form;
and where the page shows ``^C``, Ctrl-C is pressed as soon as what is shown
before it has appeared and the interpreter sleeps.  The next line is typed when
its prompt stands and all has appeared that the page shows before it, so that a
page may show what appears above the line while the prompt waits.
"""

import os
import pathlib
import re
import sys
import tempfile
import time
import unittest

import pexpect

DOCUMENTS = pathlib.Path(__file__).resolve().parents[2] / "Doc"
PATIENCE = 60

BANNER = f"Python {sys.version} on {sys.platform}"
BANNER_FORM = r"Python 3\.11\.\d+ \(.+\) \[GCC .+\] with top-level await [\d.]+ on linux"
INTERRUPT = "^C"
# Ends the terminal's text when the interpreter wants a line.
WAITS_FOR_LINE = re.compile(r"(?:\A|\n)(?:>>> |\.\.\. )\Z")
LINE_TYPED = re.compile(r"(?:>>> |\.\.\. )(.*)")
# How a line is taken off a dumb terminal, for output to appear above it.
TAKEN_OFF = re.compile(r"[^\r\n]*\r +\r")


def session_of(page):
    """Return the lines of all pycon blocks of a page, as one list."""
    session = []
    for block in re.findall(r"^\.\. code-block:: pycon\n(?:   :force:\n)?\n((?:   .*\n|\n)+)", page,
                            re.MULTILINE):
        for line in block.rstrip().splitlines():
            line = line.removeprefix("   ")
            # No editor keeps the blank at the end of the empty line that ends a block.
            session.append("... " if line == "..." else line)
    return session


def statements_of(session):
    """Give (line typed, lines shown before the next one) for each line typed."""
    typed = [number for number, line in enumerate(session) if LINE_TYPED.match(line)]
    for number, following in zip(typed, [*typed[1:], len(session)]):
        yield LINE_TYPED.match(session[number])[1], session[number + 1:following]


class Terminal:
    """An interpreter on a terminal."""

    def __init__(self, home, folder=None):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("PYTHON", "LC_"))}
        # No readline sequences, no history or startup file of the user's.
        environment.update(TERM="dumb", LANG="C.UTF-8", HOME=home)
        self._child = pexpect.spawn(
            sys.executable, env=environment, encoding="utf-8", timeout=PATIENCE,
            dimensions=(24, 200), echo=True, cwd=folder)
        # Lines are typed when their prompt stands, so there is nothing to give time to.
        self._child.delaybeforesend = None
        self._received = ""

    @property
    def text(self):
        """All that has appeared so far and was not taken off again."""
        return TAKEN_OFF.sub("", self._received).replace("\r", "")

    def close(self):
        self._child.close(force=True)

    def type(self, line):
        self._child.sendline(line)

    def read_until(self, reached):
        """Read until reached(text) is true; False if that does not come to be."""
        deadline = time.monotonic() + PATIENCE
        while not reached(self.text):
            try:
                piece = self._child.read_nonblocking(4096, max(0, deadline - time.monotonic()))
            except (pexpect.EOF, pexpect.TIMEOUT):
                return False
            self._received += piece
        return True

    def interrupt(self):
        """Press Ctrl-C when the program has been asleep for a while."""
        asleep = 0
        deadline = time.monotonic() + PATIENCE
        while asleep < 5:
            if time.monotonic() > deadline:
                raise AssertionError(f"does not wait for Ctrl-C:\n{self.text}")
            time.sleep(0.02)
            asleep = asleep + 1 if self._is_asleep() else 0
        self._child.sendintr()

    def _is_asleep(self):
        status = pathlib.Path(f"/proc/{self._child.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "S"

    def wait(self):
        """Return the exit status of a program that has ended."""
        self._child.wait()
        return self._child.exitstatus


def play(terminal, session):
    """Type what is typed in a session, each line when its prompt stands."""
    terminal.read_until(WAITS_FOR_LINE.search)
    for line, shown in statements_of(session):
        before = len(terminal.text)
        terminal.type(line)
        pressed = [number for number, text in enumerate(shown) if text.startswith(INTERRUPT)]
        if pressed:
            until_pressed = "".join(f"{text}\n" for text in [line, *shown[:pressed[0]]])
            terminal.read_until(lambda text: text[before:] == until_pressed)
            terminal.interrupt()
        if not terminal.read_until(
                lambda text: text.count("\n", before) > len(shown) and WAITS_FOR_LINE.search(text)):
            break


class TutorialTest(unittest.TestCase):
    """One test for each page that shows a session."""

    maxDiff = None

    def check_page(self, name):
        banner, *session = session_of((DOCUMENTS / name).read_text(encoding="utf-8"))
        self.assertRegex(banner, BANNER_FORM)
        with tempfile.TemporaryDirectory() as home:
            terminal = Terminal(home)
            try:
                play(terminal, session)
                self.assertEqual(terminal.text, "\n".join([BANNER, *session, ""]))
                self.assertEqual(terminal.wait(), 0)
            finally:
                terminal.close()

    def test_tutorial(self):
        self.check_page("tutorial.rst")

    def test_prompt(self):
        self.check_page("prompt.rst")

    def test_plain(self):
        self.check_page("plain.rst")

    def test_autoawait(self):
        self.check_page("autoawait.rst")

    def test_modes(self):
        self.check_page("modes.rst")

    def test_handmade(self):
        self.check_page("handmade.rst")

    def test_lifting(self):
        self.check_page("lifting.rst")


if __name__ == "__main__":
    unittest.main()
