"""A prompt in a real terminal, for tests: type a statement, see what it shows."""

import os
import re
import sys
import tempfile
import unittest

import pexpect

from join_support import STOCK     # noqa: F401

# What readline and the terminal say to each other beside the text.
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[?]?[0-9;]*[a-zA-Z]|\x07|\r(?!\n)")


def clean_environment(**extra):
    """Return os.environ without what would change an interpreter under test."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PYTHON")}
    environment.update({"TERM": "dumb", "INPUTRC": "/dev/null", **extra})
    return environment


class Prompt:
    """One interpreter at its prompt, in a pseudo-terminal of its own.

    Primary and continuation prompts are the interpreter's own; the end of a
    statement's output is told by the next prompt.
    """

    def __init__(self, *arguments, executable=None, environment=None, timeout=30):
        self.child = pexpect.spawn(
            executable or sys.executable, list(arguments),
            env=environment or clean_environment(), encoding="utf-8",
            timeout=timeout, dimensions=(50, 200))
        self.child.delaybeforesend = None
        self.child.str_last_chars = 5000
        self.banner = self.read_to_prompt()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.child.close(force=True)

    def read_to_prompt(self):
        """Return what is shown up to the next primary or continuation prompt."""
        self.child.expect(r"(?:^|(?<=\n))(?:\x1b\[\?2004h)?(?:>>> |\.\.\. )$")
        return self._clean(self.child.before)

    def type(self, source):
        """Type lines of a statement; return what they show, without the echo."""
        shown = ""
        for line in source.split("\n"):
            self.child.send(line + "\n")
            self.child.expect_exact("\n")
            shown += self.read_to_prompt()
        return shown

    def interrupt(self, source, ready):
        """Type a statement, press Ctrl-C once it has shown ready; return the rest."""
        self.child.send(source + "\n")
        self.child.expect_exact("\n")
        self.child.expect_exact(ready)
        self.child.sendintr()
        return self.read_to_prompt()

    def leave(self, statement=None):
        """Leave, by Ctrl-D or a statement; return the last output and the exit status."""
        if statement is None:
            self.child.sendeof()
        else:
            self.child.send(statement + "\n")
            self.child.expect_exact("\n")
        self.child.expect(pexpect.EOF)
        shown = self._clean(self.child.before)
        self.child.close()
        status = self.child.exitstatus
        return shown, status if status is not None else -self.child.signalstatus

    @staticmethod
    def _clean(text):
        return _CONTROL_SEQUENCE.sub("", text).replace("\r\n", "\n")


class PromptTestCase(unittest.TestCase):
    """Gives each test a home folder and prompts, both gone at its end."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = folder.name

    def start(self, *arguments, executable=None, timeout=30, kind=Prompt, **variables):
        """Start a prompt with command-line arguments and environment variables."""
        prompt = kind(*arguments, executable=executable, timeout=timeout,
                      environment=clean_environment(HOME=self.home, **variables))
        self.addCleanup(prompt.child.close, force=True)
        return prompt

    def check_session(self, prompt, session):
        """Type each statement of session, pairs of input and expected output."""
        for source, expected in session:
            with self.subTest(source=source):
                self.assertEqual(prompt.type(source), expected)
