"""Ctrl-T, while a statement of the prompt awaits: where it waits, without ending it.

As on systems that have the signal SIGINFO. Linux has not, so the key sends SIGQUIT, in
the place of Ctrl-backslash, as long as the statement awaits; so does `kill -QUIT`.
"""

import sys
import time
from _signal import SIG_DFL, SIGQUIT, getsignal, signal

_KEY = b"\x14"


class StatusKey:
    """A context manager around an awaiting statement, whose task get_task() returns."""

    def __init__(self, get_task):
        self._get_task = get_task
        self._installed = False
        self._terminal = None       # the settings to be put back
        self._begin = 0.0

    def __enter__(self):
        if hasattr(sys, "ps1") and getsignal(SIGQUIT) is SIG_DFL:
            try:
                signal(SIGQUIT, self._show)
            except ValueError:
                # Not the main thread.
                return self
            self._installed = True
            self._begin = time.monotonic()
            self._terminal = _bind_key()
        return self

    def __exit__(self, *exception):
        if self._installed:
            self._installed = False
            _put_back(self._terminal)
            if getsignal(SIGQUIT) == self._show:
                signal(SIGQUIT, SIG_DFL)

    def _show(self, signal_number, frame):
        if not self._installed:
            return
        from .taskview import lines_below

        seconds = time.monotonic() - self._begin
        lines = [f"awaited for {seconds:.1f} s", *lines_below(self._get_task())]
        # The key itself is on the terminal's line.
        print("", *lines, sep="\n", file=sys.stderr, flush=True)


def _bind_key():
    """Have the terminal send SIGQUIT by Ctrl-T; return what to put back, None if there is none."""
    try:
        import os
        import termios

        terminal = sys.__stdin__.fileno()
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return None
        before = termios.tcgetattr(terminal)
        changed = [*before[:6], list(before[6])]
        changed[6][termios.VQUIT] = _KEY
        termios.tcsetattr(terminal, termios.TCSANOW, changed)
    except (OSError, ValueError, AttributeError, ImportError, termios.error):
        return None
    return terminal, before[6][termios.VQUIT]


def _put_back(setting):
    if setting is None:
        return
    import os
    import termios

    terminal, key = setting
    try:
        # Whatever else the statement changed stays.
        now = termios.tcgetattr(terminal)
        if now[6][termios.VQUIT] == _KEY and os.tcgetpgrp(terminal) == os.getpgrp():
            now[6][termios.VQUIT] = key
            termios.tcsetattr(terminal, termios.TCSANOW, now)
    except (OSError, ValueError, termios.error):
        pass
