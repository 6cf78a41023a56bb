"""Lends an event loop to code that runs outside of it.

asyncio.create_task(), aiohttp.ClientSession() and whatever else asks
asyncio.get_running_loop() find a lent loop; asyncio.run(), run_forever() and
the like, which refuse to start beside a running loop, do not see it, since it
does not run.  asyncio keeps both apart already, in the two functions
get_running_loop() and events._get_running_loop(): the second and its setter are
what this module puts its own in the place of.
"""

import contextlib
import threading

NOTHING = contextlib.nullcontext()

# The loop lent in the thread named, if any: loans do not nest, and only one
# thread of an interpreter has a prompt.
_lent_loop = None
_lent_thread = None

_set_real_running_loop = None


@contextlib.contextmanager
def lent(loop):
    """While entered, loop is what asyncio.get_running_loop() returns."""
    global _lent_loop, _lent_thread
    _install()
    _lent_loop, _lent_thread = loop, threading.get_ident()
    _set_real_running_loop(loop)
    try:
        yield
    finally:
        _lent_loop = _lent_thread = None
        _set_real_running_loop(None)


@contextlib.contextmanager
def suspended():
    """Take a loan back for a time: the loop is about to run by itself."""
    global _lent_loop, _lent_thread
    loop, thread = _lent_loop, _lent_thread
    if loop is None or thread != threading.get_ident():
        yield
        return
    _lent_loop = _lent_thread = None
    _set_real_running_loop(None)
    try:
        yield
    finally:
        _lent_loop, _lent_thread = loop, thread
        _set_real_running_loop(loop)


def _install():
    """Make asyncio's check for a running loop overlook a lent one."""
    global _set_real_running_loop
    if _set_real_running_loop is not None:
        return
    import asyncio
    from asyncio import events

    get_real, set_real = events._get_running_loop, events._set_running_loop

    def _get_running_loop():
        """Return the running event loop or None."""
        loop = get_real()
        if loop is not None and loop is _lent_loop and not loop.is_running():
            return None
        return loop

    def _set_running_loop(loop):
        """Set the running event loop; a lent one is back when another ends."""
        if loop is None and _lent_thread == threading.get_ident():
            loop = _lent_loop
        set_real(loop)

    for module in asyncio, events:
        module._get_running_loop = _get_running_loop
        module._set_running_loop = _set_running_loop
    _set_real_running_loop = set_real
