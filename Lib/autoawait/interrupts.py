"""What SIGINT does while a runner runs, whatever its library.

All of it concerns the main thread and Python's own handler: where the program
has set a handler for SIGINT, that one stays.
"""

import sys
# The functions below module signal's: those make an enumeration member of each
# handler, which took half the time of an awaited statement.
from _signal import SIGINT, default_int_handler, getsignal, signal


class SigintGuard:
    """While entered, SIGINT calls on_interrupt() and counts in count.

    wake() makes the loop take another turn; a signal alone does not end its wait.
    """

    def __init__(self, wake):
        self.count = 0
        self._wake = wake
        self._installed = False

    def __enter__(self):
        if getsignal(SIGINT) is default_int_handler:
            try:
                signal(SIGINT, self._handle)
                self._installed = True
            except ValueError:
                # Not the main thread: SIGINT is not ours.
                pass
        return self

    def __exit__(self, *exception):
        if self._installed and getsignal(SIGINT) == self._handle:
            signal(SIGINT, default_int_handler)

    def _handle(self, signal_number, frame):
        self.count += 1
        self.on_interrupt()
        self._wake()


def owner():
    """Return the object whose method handles SIGINT, None if it is none's."""
    return getattr(getsignal(SIGINT), "__self__", None)


def take_back():
    """Between two statements: take SIGINT back from what concerns the one before.

    A pdb that was told to go on keeps its handler until it is entered again, and what
    it would interrupt is over; it and others put back a guard that has ended meanwhile.
    """
    debugger = getattr(sys.modules.get("pdb"), "Pdb", ())
    if isinstance(owner(), (SigintGuard, debugger)):
        signal(SIGINT, default_int_handler)
        if debugger:
            debugger._previous_sigint_handler = None


class StopOnInterrupt(SigintGuard):
    """The first SIGINT calls stop(); a second breaks what keeps the loop busy."""

    def __init__(self, wake, stop):
        super().__init__(wake)
        self._stop = stop

    def on_interrupt(self):
        """Stop the loop, or raise."""
        if self.count > 1:
            raise KeyboardInterrupt
        self._stop()


class CancelOnInterrupt(SigintGuard):
    """SIGINT cancels the statement; on the spot where the statement computes.

    A library's subclass says how: is_done(), computes(), anybody_computes(),
    cancel() and give_up(), which all run in the interrupted thread.  If the
    statement has not ended after a grace period, or at the second SIGINT, it is
    given up: gave_up is true then, and its cleanup goes on in the background.
    """

    def __init__(self, wake):
        super().__init__(wake)
        self.gave_up = False

    def on_interrupt(self):
        """Cancel, give up or raise, as the statement is at."""
        if self.is_done() or self.computes():
            raise KeyboardInterrupt
        if self.count == 1:
            self.cancel()
        elif self.anybody_computes():
            # Some other task lets nobody else run.
            raise KeyboardInterrupt
        else:
            self.gave_up = True
            self.give_up()
