"""Which tasks block asyncio's loop: by its debug mode, each named once.

The debug mode logs every step that takes longer than loop.slow_callback_duration.
A task that does so with each of its steps would fill the terminal.
"""

import logging
import re

_MESSAGE = "Executing %s took %.3f seconds"


def watch(loop, limit):
    """Have tasks of loop named that block it for longer than limit seconds; None: no more."""
    loop.set_debug(limit is not None)
    if limit is not None:
        loop.slow_callback_duration = limit
        logger = logging.getLogger("asyncio")
        if not any(isinstance(each, _Once) for each in logger.filters):
            logger.addFilter(_Once())


class _Once(logging.Filter):
    """Lets the first record pass of each coroutine and line that takes long."""

    def __init__(self):
        super().__init__()
        self._named = set()

    def filter(self, record):
        """Whether the record is a new one."""
        if record.msg != _MESSAGE:
            return True
        what = str(record.args[0])
        place = re.search(r"coro=<.*? at .*?:\d+>", what)
        key = place.group() if place else what
        is_new = key not in self._named
        self._named.add(key)
        return is_new
