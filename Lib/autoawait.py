"""Running of top-level coroutines: what stands behind sys.awaithook.

The interpreter hands a top-level coroutine to sys.awaithook(coroutine), which
runs it to its end and returns its result.  The default hook imports this
module when it is first needed and runs the coroutine on one asyncio event
loop that lives as long as the interpreter.
"""

import asyncio

import _autoawait

_runner = asyncio.Runner()


def _default_awaithook(coroutine):
    """Run coroutine on the session's loop and return its result."""
    return _runner.run(coroutine, context=_autoawait.current_context())


def _end_session():
    """Close the session's loop."""
    _runner.close()
