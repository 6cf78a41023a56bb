"""Added to module timeit: statement and setup may await.

The template of those that do is an async function, so that one coroutine goes
around all passes and the loop's own cost stays out of the figure.  Everything
else is timed by the very code that it is timed by anyway.
"""

import sys
from _functools import partial

from _autoawait import call_awaiting, compile_program


def add(module):
    """Have a Timer compile and run what awaits."""
    module.compile = compile_program
    module.exec = _exec
    module.template = _Template(module.template)


class _Template(str):
    """The source of the function that is timed, once the statements are in it."""

    def format(self, *arguments, **statements):
        """Return the source; of an async function, if it cannot be another."""
        source = super().format(*arguments, **statements)
        awaiting = source.replace("def inner(", "async def inner(", 1)
        is_on = getattr(sys, "awaithook", None) is not None
        return awaiting if is_on and not _is_source(source) and _is_source(awaiting) else source


def _is_source(text):
    try:
        compile(text, "<timeit-src>", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _exec(code, global_namespace, namespace):
    """Define the function that is timed; an async one is to be called like any other."""
    exec(code, global_namespace, namespace)
    inner = namespace["inner"]
    # CO_COROUTINE, whose module takes long to import.
    if inner.__code__.co_flags & 0x80:
        namespace["inner"] = partial(call_awaiting, inner)
