"""What SIGINT does while a runner runs, whatever its library.

All of it concerns the main thread and Python's own handler: where the program
has set a handler for SIGINT, that one stays.
"""

import sys
from _thread import allocate_lock, get_ident, start_new_thread
# The functions below module signal's: those make an enumeration member of each
# handler, which took half the time of an awaited statement.
from _signal import (SIGINT, default_int_handler, getsignal, pthread_kill, raise_signal,
                     set_wakeup_fd, signal)

import _autoawait

# How long background work may compute after SIGINT until it is interrupted itself, in seconds.
_PATIENCE = 0.1

from . import statuskey


class SigintGuard:
    """While entered, SIGINT calls on_interrupt() and counts in count.

    frame is what is interrupted, while on_interrupt() runs.

    wake() makes the loop take another turn; a signal alone does not end its wait.
    One that comes as the loop is about to wait does not even reach its handler: a
    byte written to wakeup_fd, if given, ends the wait then.

    Background work that computes when SIGINT comes is not what it concerns, unless it
    does not yield: is_stuck is true from then on, and what computes is interrupted
    itself.  A library's subclass says by background_computes() whether it does.
    """

    def __init__(self, wake, wakeup_fd=-1):
        self.count = 0
        self.frame = None
        self.is_stuck = False
        self.broke_background = False
        self._wake = wake
        self._wakeup_fd = wakeup_fd
        self._sets_wakeup_fd = False
        self._installed = False
        self._reminder = None

    def __enter__(self):
        if getsignal(SIGINT) is default_int_handler:
            is_pending = False
            try:
                try:
                    signal(SIGINT, self._handle)
                except KeyboardInterrupt:
                    # One has come, and signal() has it handled by the handler that was there.
                    is_pending = True
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
            if is_pending:
                raise_signal(SIGINT)
        return self

    def __exit__(self, *exception):
        installed, self._installed = self._installed, False
        if self._reminder is not None:
            self._reminder.call_off()
        if self._sets_wakeup_fd:
            before = set_wakeup_fd(-1)
            if before not in (-1, self._wakeup_fd):
                # Somebody set it meanwhile.
                set_wakeup_fd(before, warn_on_full_buffer=False)
        if installed and getsignal(SIGINT) == self._handle:
            signal(SIGINT, default_int_handler)

    def background_computes(self):
        """Whether code of the background was interrupted, and not the loop's own."""
        return False

    def _handle(self, signal_number, frame):
        if self._reminder is not None and self._reminder.take():
            # Not the user's, but what follows from his.
            self.is_stuck = True
        else:
            self.count += 1
        if self._installed:
            self.frame = frame
            try:
                self._handle_here()
            finally:
                self.frame = None
            self._wake()

    def _handle_here(self):
        if self.is_stuck:
            if self.background_computes():
                self.broke_background = True
                raise KeyboardInterrupt
        else:
            self.on_interrupt()
            if self._reminder is None and self.background_computes():
                self._reminder = _Reminder()

    def turned(self):
        """Say that the loop took a turn: nothing is stuck."""
        if self._reminder is not None:
            self._reminder.call_off()
        self.is_stuck = False


class _Reminder:
    """Sends SIGINT to the thread that makes it, after a while, unless it is called off.

    It is a signal of its own, since only a signal ends what is waited for in C.
    """

    def __init__(self):
        self._lock = allocate_lock()
        self._over = allocate_lock()
        self._over.acquire()
        self._is_called_off = False
        self._is_on_its_way = False
        start_new_thread(self._remind, (get_ident(),))

    def _remind(self, thread):
        if self._over.acquire(timeout=_PATIENCE):
            return
        with self._lock:
            if not self._is_called_off:
                self._is_on_its_way = True
                pthread_kill(thread, SIGINT)

    def take(self):
        """Whether the signal that came is this one's."""
        taken, self._is_on_its_way = self._is_on_its_way, False
        return taken

    def call_off(self):
        """Send no signal any more, and have one that is on its way handled now."""
        with self._lock:
            if self._is_called_off:
                return
            self._is_called_off = True
        self._over.release()
        if self._is_on_its_way:
            _autoawait.interruptible(_do_nothing)


def _do_nothing():
    pass


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
    """SIGINT calls stop()."""

    def __init__(self, wake, stop, wakeup_fd=-1):
        super().__init__(wake, wakeup_fd)
        self._stop = stop

    def on_interrupt(self):
        """Stop the loop."""
        self._stop()


class CancelOnInterrupt(SigintGuard):
    """SIGINT cancels the statement; on the spot where the statement computes.

    A library's subclass says how: is_done(), computes(), background_computes(),
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
        self._status_key = statuskey.StatusKey(self.awaited_task)

    def __enter__(self):
        self._status_key.__enter__()
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self._status_key.__exit__(*exception)

    def awaited_task(self):
        """Return the statement's task; Ctrl-T shows where it waits."""
        raise NotImplementedError

    def on_interrupt(self):
        """Cancel, give up or raise, as the statement is at."""
        if self.is_done():
            return
        if self.computes():
            self.had_effect = True
            raise KeyboardInterrupt
        if self.count == 1:
            self.cancel()
        else:
            self.gave_up = True
            self.give_up()
