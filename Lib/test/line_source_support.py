"""A prompt whose lines are made up, for tests: no terminal, and no time in it."""

import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

from prompt_support import clean_environment

# A made-up source: events are played in order.  A string is typed, a newline ends the line; a
# function is called and its result given to the prompt: None for nothing, else what wait() returns.
PLAYER = '''
import io, os, signal, sys
import _autoawait

class Player:
    def __init__(self, *events):
        self.events, self.typed, self.calls = list(events), "", []

    def begin(self, prompt):
        self.calls.append(("begin", prompt))

    def wait(self):
        while self.events:
            event = self.events[0]
            if isinstance(event, str):
                return "input"
            result = self.events.pop(0)()
            if result is not None:
                return result
        return "input"

    def feed(self):
        if not self.events:
            return True
        if not isinstance(self.events[0], str):
            return False
        self.typed += self.events.pop(0)
        return self.typed.endswith("\\n")

    def end(self):
        line, self.typed = self.typed, ""
        return line

    def abort(self):
        self.calls.append(("abort", self.typed))
        self.typed = ""

    def redraw(self):
        self.calls.append(("redraw", self.typed))

    def write_above(self, data):
        self.calls.append(("above", data.decode(), self.typed))

class Terminal(io.RawIOBase):
    """What standard output is at a terminal."""

    def writable(self):
        return True

    def fileno(self):
        return 1

    def isatty(self):
        return True

    def write(self, data):
        return os.write(1, data)

def play(*events):
    global player
    player = Player(*events)
    _autoawait.set_line_source(player)

def interrupt():
    signal.raise_signal(signal.SIGINT)
'''


class PlayTestCase(unittest.TestCase):
    """Plays events to a prompt."""

    def play(self, script, status=0):
        """Run a script, then a prompt; return what was written to the two streams.

        Ctrl-C comes whenever it writes the line INTERRUPT.
        """
        shown = ""
        with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(
                [sys.executable, "-q", "-i", "-u", "-c", PLAYER + textwrap.dedent(script)],
                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                env=clean_environment()) as played:
            killer = threading.Timer(30, played.kill)
            killer.start()
            for line in played.stdout:
                if line == "INTERRUPT\n":
                    played.send_signal(signal.SIGINT)
                else:
                    shown += line
            played.wait()
            killer.cancel()
            errors.seek(0)
            told = errors.read()
        self.assertEqual(played.returncode, status, told)
        return shown, told
