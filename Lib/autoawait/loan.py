"""Lends an event loop to code that runs outside of it.

asyncio.create_task(), aiohttp.ClientSession() and whatever else asks
asyncio.get_running_loop() find a lent loop; asyncio.run(), run_forever() and
the like, which refuse to start beside a running loop, do not see it, since it
does not run.  asyncio keeps both apart already, in the two functions
get_running_loop() and events._get_running_loop(): the second and its setter are
what this module puts its own in the place of.

That happens as asyncio is imported, so that libraries which take those
functions from it get ours; a statement that imports asyncio has the loop from
there on.
"""

import sys
from _thread import get_ident

from . import imports

# The loop lent in the thread named, if any: only one thread of an interpreter has
# a prompt, and a loan within another is that other one.
_lent_loop = None
_lent_thread = None

# Who gets a loop lent when asyncio is imported.
_waiting_loan = None

_set_real_running_loop = None


class Loan:
    """A context manager: lends what open_loop() returns, once asyncio is there.

    Where open_loop() returns None, begin_waiting() will ask it again.
    """

    def __init__(self, open_loop):
        self._open_loop = open_loop
        self._depth = 0

    def __enter__(self):
        global _lent_thread, _waiting_loan
        if self._depth or _lent_thread is not None:
            self._depth += 1
            return self
        _lent_thread = get_ident()
        if _set_real_running_loop is not None:
            self.begin()
        else:
            _waiting_loan = self
        return self

    def __exit__(self, *exception):
        global _lent_loop, _lent_thread, _waiting_loan
        if self._depth:
            self._depth -= 1
            return
        _waiting_loan = None
        _lent_thread = None
        if _lent_loop is not None:
            _lent_loop = None
            _set_real_running_loop(None)

    def begin(self):
        """Lend the loop from now on."""
        global _lent_loop
        loop = self._open_loop()
        if loop is not None:
            _lent_loop = loop
            _set_real_running_loop(loop)


def forget():
    """In a forked process: the loop that is lent runs in the parent."""
    global _lent_loop
    _lent_loop = None


def is_active():
    """Whether a loop is lent in this thread."""
    return _lent_loop is not None and _lent_thread == get_ident()


class Suspended:
    """A context manager: takes a loan back, since the loop runs by itself now."""

    def __enter__(self):
        global _lent_loop, _lent_thread
        self._before = _lent_loop, _lent_thread
        if is_active():
            _lent_loop = _lent_thread = None
            _set_real_running_loop(None)

    def __exit__(self, *exception):
        global _lent_loop, _lent_thread
        _lent_loop, _lent_thread = self._before
        if is_active():
            _set_real_running_loop(_lent_loop)


def install():
    """Prepare asyncio for loans: now, or when it is imported."""
    if _set_real_running_loop is not None:
        return
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and hasattr(asyncio, "events"):
        _change(asyncio.events)
        asyncio._get_running_loop = asyncio.events._get_running_loop
        asyncio._set_running_loop = asyncio.events._set_running_loop
    else:
        imports.act_when_imported("asyncio.events", _change)
        imports.act_when_imported("asyncio", lambda asyncio: begin_waiting())


def begin_waiting():
    """Begin the loan of this thread that has no loop yet, if there is one."""
    if _waiting_loan is not None and _lent_loop is None and _lent_thread == get_ident():
        _waiting_loan.begin()


def _change(events):
    """Make the check for a running loop in asyncio.events overlook a lent one."""
    global _set_real_running_loop
    get_real, set_real = events._get_running_loop, events._set_running_loop

    def _get_running_loop():
        """Return the running event loop or None."""
        loop = get_real()
        if loop is not None and loop is _lent_loop and not loop.is_running():
            return None
        return loop

    def _set_running_loop(loop):
        """Set the running event loop; a lent one is back when another ends."""
        if loop is None and _lent_thread == get_ident():
            loop = _lent_loop
        set_real(loop)

    events._get_running_loop = _get_running_loop
    events._set_running_loop = _set_running_loop
    _set_real_running_loop = set_real
