"""Other REPLs on this interpreter: start, await a cell, leave; and the same on stock."""

import contextlib
import os
import subprocess
import unittest

from places import PYTHON, STOCK, PlaceTestCase, clean_environment
from servers import PATIENCE, Server, wait_until


class Screen(Server):
    """A terminal that a program draws on, by tmux."""

    def __init__(self, command, environment):
        super().__init__()
        self._command = command
        self._environment = environment

    def start(self):
        self._socket = os.path.join(self.folder, "tmux")
        self._status = os.path.join(self.folder, "status")
        subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", self._socket, "new-session", "-d", "-x", "100", "-y",
             "40", "-c", self.folder, "sh", "-c",
             '"$@"; echo $? > "$0.new"; mv "$0.new" "$0"', self._status, *self._command],
            env={**self._environment, "TERM": "xterm"}, timeout=PATIENCE, check=True)
        self.tmux("set-option", "remain-on-exit", "on")

    def tmux(self, *arguments):
        """Return what a command of tmux prints."""
        return subprocess.run(["tmux", "-S", self._socket, *arguments], capture_output=True,
                              text=True, timeout=PATIENCE, check=True).stdout

    def text(self):
        """Return what stands on the screen."""
        return self.tmux("capture-pane", "-p")

    def type(self, line):
        """Type a line, as keys."""
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def wait_for(self, is_shown):
        """Return when the screen is as it should be."""
        try:
            wait_until(lambda: is_shown(self.text()), "the screen shows it")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def wait_for_exit(self):
        """Return the program's exit status."""
        self.wait_for(lambda _: os.path.exists(self._status))
        with open(self._status, encoding="ascii") as file:
            return int(file.read())

    def end(self):
        with contextlib.suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            self.tmux("kill-server")
        super().end()


class Repls(PlaceTestCase):
    """A test for each."""

    title = "REPLs"
    packages_of = {"ipython": ["python3-ipython"], "jupyter_console": ["jupyter-console"],
                   "ptpython": ["ptpython"], "bpython": ["bpython"], "xonsh": ["xonsh"],
                   "asyncio": []}
    AWAIT = "await asyncio.sleep(0, 'awa' + 'ited')"
    RUN = "asyncio.run(asyncio.sleep(0, 'awa' + 'ited'))"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kernelspec("here", PYTHON)
        cls.kernelspec("stock", STOCK)

    def check(self, module, *arguments, cell=AWAIT, ready=">>>", next_ready=">>>", leave="exit()",
              programs=(PYTHON, STOCK)):
        """Await a cell, and leave, on this interpreter and on stock."""
        for program in programs:
            kernel = "here" if program == PYTHON else "stock"
            command = [program, "-m", module, *(text.format(kernel=kernel) for text in arguments)]
            with self.subTest(program=program), \
                    Screen(command, clean_environment(**self.variables, SHELL="/bin/sh")) as screen:
                screen.wait_for(lambda text: ready in text)
                screen.type("import asyncio")
                screen.wait_for(
                    lambda text: next_ready in text.rpartition("import asyncio")[2])
                screen.type(cell)
                screen.wait_for(lambda text: next_ready.replace("2", "3") in
                                text.rpartition("'awaited'")[2])
                screen.type(leave)
                self.assertEqual(screen.wait_for_exit(), 0)

    def test_ipython(self):
        self.check("IPython", ready="In [1]", next_ready="In [2]", leave="exit")

    def test_jupyter_console(self):
        self.check("jupyter_console", "--kernel={kernel}", ready="In [1]", next_ready="In [2]",
                   leave="exit")

    def test_ptpython(self):
        self.check("ptpython")

    def test_bpython(self):
        """It runs code by module code, which awaits here. On stock that is a SyntaxError."""
        self.check("bpython", programs=[PYTHON])
        self.check("bpython", cell=self.RUN)

    def test_xonsh(self):
        """Its language is its own, and has no await at the top level."""
        self.check("xonsh", "--no-rc", "-DPROMPT=ready>", cell=self.RUN, ready="ready>",
                   next_ready="ready>", leave="exit")

    def test_asyncio(self):
        """Stock's own, which here is the prompt."""
        self.check("asyncio")


if __name__ == "__main__":
    unittest.main()
