"""What SIGINT does while a runner runs, whatever its library.

All of it concerns the main thread and Python's own handler: where the program
has set a handler for SIGINT, that one stays.
"""

import sys
# The functions below module signal's: those make an enumeration member of each
# handler, which took half the time of an awaited statement.
from _signal import SIGINT, default_int_handler, getsignal, set_wakeup_fd, signal


class SigintGuard:
    """While entered, SIGINT calls on_interrupt() and counts in count.

    frame is what is interrupted, while on_interrupt() runs.

    wake() makes the loop take another turn; a signal alone does not end its wait.
    One that comes as the loop is about to wait does not even reach its handler: a
    byte written to wakeup_fd, if given, ends the wait then.
    """

    def __init__(self, wake, wakeup_fd=-1):
        self.count = 0
        self.frame = None
        self._wake = wake
        self._wakeup_fd = wakeup_fd
        self._sets_wakeup_fd = False
        self._installed = False

    def __enter__(self):
        if getsignal(SIGINT) is default_int_handler:
            try:
                signal(SIGINT, self._handle)
                self._installed = True
            except ValueError:
                # Not the main thread: SIGINT is not ours.
                return self
            if self._wakeup_fd != -1:
                before = set_wakeup_fd(self._wakeup_fd, warn_on_full_buffer=False)
                self._sets_wakeup_fd = before == -1
                if before != -1:
                    set_wakeup_fd(before, warn_on_full_buffer=False)
        return self

    def __exit__(self, *exception):
        installed, self._installed = self._installed, False
        if self._sets_wakeup_fd:
            before = set_wakeup_fd(-1)
            if before not in (-1, self._wakeup_fd):
                # Somebody set it meanwhile.
                set_wakeup_fd(before, warn_on_full_buffer=False)
        if installed and getsignal(SIGINT) == self._handle:
            signal(SIGINT, default_int_handler)

    def _handle(self, signal_number, frame):
        self.count += 1
        if self._installed:
            self.frame = frame
            try:
                self.on_interrupt()
            finally:
                self.frame = None
            self._wake()


def owner(handler):
    """Return the object whose method a handler of SIGINT is, None if it is none's."""
    # asyncio.Runner's is a functools.partial.
    return getattr(getattr(handler, "func", handler), "__self__", None)


def take_back(runner_classes):
    """Between two statements: take SIGINT back from what concerns the one before.

    A pdb that was told to go on keeps its handler until it is entered again, and what
    it would interrupt is over; it and others put back a guard that has ended meanwhile;
    asyncio.run() and trio.run() leave their own if they are interrupted as they end.
    """
    debugger = getattr(sys.modules.get("pdb"), "Pdb", ())
    handler = getsignal(SIGINT)
    if (isinstance(owner(handler), (SigintGuard, debugger))
            or any(made_by.left_handler(handler) for made_by in runner_classes)):
        signal(SIGINT, default_int_handler)
        if debugger:
            debugger._previous_sigint_handler = None


class StopOnInterrupt(SigintGuard):
    """The first SIGINT calls stop(); a second breaks what keeps the loop busy."""

    def __init__(self, wake, stop, wakeup_fd=-1):
        super().__init__(wake, wakeup_fd)
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

    had_effect tells whether anything of that was in time; cancel() sets it when it
    was.  If not, the one who runs the statement raises KeyboardInterrupt at its end.
    """

    def __init__(self, wake, wakeup_fd=-1):
        super().__init__(wake, wakeup_fd)
        self.gave_up = False
        self.had_effect = False

    def on_interrupt(self):
        """Cancel, give up or raise, as the statement is at."""
        if self.is_done():
            return
        if self.computes():
            self.had_effect = True
            raise KeyboardInterrupt
        if self.count == 1:
            self.cancel()
        elif self.anybody_computes():
            # Some other task lets nobody else run.
            self.had_effect = True
            raise KeyboardInterrupt
        else:
            self.gave_up = True
            self.give_up()
