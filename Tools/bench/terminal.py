"""An interactive program on a pseudo-terminal, and the time a typed line takes in it."""

import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import termios
import time

_ESCAPE_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>()][0-9A-Z]?)")


class Gone(Exception):
    """The program ended or fell silent."""


class Session:
    """A program on a terminal of its own, driven line by line.

    prompt is a pattern (bytes) of what it shows when it waits for a line; it
    is looked for at the end of the output, escape sequences taken out.  A
    numbered prompt counts when it differs from the one before: a program that
    draws its line anew shows the same one again.
    """

    def __init__(self, command, environment, prompt, *, numbered=False, patience=60.0):
        self._prompt = re.compile(rb"(?:" + prompt + rb")\s*\Z")
        self._numbered = numbered
        self._last_prompt = None
        self._patience = patience
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            try:
                os.execve(command[0], command, environment)
            finally:
                os._exit(127)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self._wait_for_prompt()

    def time_line(self, line):
        """Type line and give the seconds until the next prompt stands.

        That is: from the write of the line with its newline to the arrival of
        the prompt's last character.  Echo, reading, parsing, compiling,
        running, display and the terminal itself are all in it.
        """
        data = line.encode() + b"\r"
        start = time.perf_counter()
        os.write(self._terminal, data)
        self._wait_for_prompt()
        return time.perf_counter() - start

    def type_text(self, line):
        """Type line without its newline; return when it is shown and the program sleeps again."""
        shown = b""
        os.write(self._terminal, line.encode())
        while line.encode() not in _ESCAPE_SEQUENCE.sub(b"", shown):
            shown += self._read()
        before = None
        while before != (before := self.processor_time()):
            time.sleep(0.001)

    def time_return(self):
        """Press Return after type_text(); give the seconds until the next prompt stands.

        That is the statement, from reading it to the prompt after it; the editing of
        its keys came before.
        """
        start = time.perf_counter()
        os.write(self._terminal, b"\r")
        self._wait_for_prompt()
        return time.perf_counter() - start

    def processor_time(self):
        """Give the nanoseconds that the program's threads have run so far."""
        total = 0
        for file in pathlib.Path(f"/proc/{self._process}/task").glob("*/schedstat"):
            total += int(file.read_text().split()[0])
        return total

    def run_line(self, line):
        """Type line, wait for the next prompt, return what came in between."""
        os.write(self._terminal, line.encode() + b"\r")
        return self._wait_for_prompt()

    def close(self):
        """Hang up and reap the program."""
        os.close(self._terminal)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _wait_for_prompt(self):
        """Read until a new line ends in the prompt; return the text read."""
        raw = b""
        while True:
            raw += self._read()
            text = _ESCAPE_SEQUENCE.sub(b"", raw)
            match = self._prompt.search(text)
            if match and match[0] != self._last_prompt:
                self._last_prompt = match[0] if self._numbered else None
                return text

    def _read(self):
        """Return what the program wrote; Gone if it does not."""
        readable, _, _ = select.select([self._terminal], [], [], self._patience)
        try:
            piece = os.read(self._terminal, 65536) if readable else b""
        except OSError:
            piece = b""
        if not piece:
            raise Gone("nothing more was written")
        return piece
