"""Awaiting at the top level: with which library, and whether at all.

The prompt hands a statement that awaits, compiled to a coroutine, to
``sys.awaithook(coroutine)``, which runs it to its end and returns its result.
Any callable that does so can be the hook.  This module has the ones for asyncio
(the default), trio and curio, and is itself callable, to choose one:

    autoawait(True)         await, with the runner used before
    autoawait(False)        do not; the stock prompt's SyntaxError
    autoawait('trio')       await with a library's runner
    autoawait(runner)       await with any callable

Each is the same thing as setting sys.awaithook.

What a runner may have beside being callable is said on the class Runner.  A
runner with wants_input(), statement() or close() ends the one before it when it
becomes the hook.  A plain function does not, since it may pass coroutines on to that
one.
"""

import sys as _sys
import types as _types

from _autoawait import version as __version__     # noqa: F401

from . import session as _session
from .session import runner

__all__ = ["AsyncioRunner", "CurioRunner", "Runner", "TrioRunner", "ainput", "interact",
           "name_blocking", "runner", "tasks", "tree"]


def name_blocking(limit=0.1):
    """Have tasks named, once each, that block asyncio's loop for longer than limit seconds.

    By asyncio's debug mode, which makes its loop slower, and with its words; None switches
    that off. It concerns the loop on which top-level coroutines run.
    """
    _session.current.default_runner().name_blocking(limit)


def __getattr__(name):
    """Import a runner, and with it its library, when it is first asked for.

    `nursery` is what the runner in use has by that name: trio's.  `interact` and
    `ainput` are the prompt and input() inside a coroutine, see module console; `tasks`
    and `tree` show what runs, see package taskview.
    """
    if name == "nursery":
        if not hasattr(_sys.awaithook, name):
            raise AttributeError("there is a nursery only while trio is the hook", name=name)
        return getattr(_sys.awaithook, name)
    if name in ("ainput", "interact"):
        from . import console
        return getattr(console, name)
    if name in ("tasks", "tree"):
        from . import taskview
        return getattr(taskview, name)
    if name == "Runner":
        from .protocol import Runner
        return Runner
    for library, (_, class_name) in _session.RUNNER_CLASSES.items():
        if name == class_name:
            return _session.runner_class(library)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    """List what is public and there: what module prompts and help() show."""
    from importlib.util import find_spec

    names = {name for name in globals() if name.startswith("__")}
    names.update(__all__, ["nursery"] if hasattr(_sys.awaithook, "nursery") else ())
    return sorted(names.difference(class_name for library, (_, class_name)
                                   in _session.RUNNER_CLASSES.items()
                                   if library not in _sys.modules and find_spec(library) is None))


class _CallableModule(_types.ModuleType):
    """This module's type: calling the module chooses the runner."""

    def __call__(self, choice=True):
        """Choose how top-level coroutines are run; see the module's documentation."""
        _session.current.switch(choice)

    def __repr__(self):
        return _session.current.describe()


_sys.modules[__name__].__class__ = _CallableModule
