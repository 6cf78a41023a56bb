"""Added to module doctest: examples may await.

A docstring or file in which an example does so is run as a session at the
prompt is: what awaits, by sys.awaithook on one event loop, which is lent to the
other examples and ends with the docstring.  A docstring without is run as ever.
"""

import sys

from _autoawait import AWAITING_PROGRAM, StandIn, exec_awaiting


def add(module):
    """Have every runner run examples that await."""
    stock_run = module.DocTestRunner.run

    def run(self, test, compileflags=None, out=None, clear_globs=True):
        if compileflags is None:
            compileflags = module._extract_future_flags(test.globs)
        with _Session():
            return stock_run(self, test, compileflags | AWAITING_PROGRAM, out, clear_globs)

    def debug_script(src, pm=False, globs=None):
        import pdb

        namespace = dict(globs or ())
        # Itself and not an exec() of it, which could not await.
        pdb.Pdb(nosigint=True).run(src, namespace, namespace)

    module.DocTestRunner.run = StandIn(_is_session, run, stock_run)
    module.debug_script = StandIn(_is_debugged, debug_script, module.debug_script)
    module.exec = exec_awaiting


def _is_session(runner, test, *arguments, **keywords):
    # One that expects a SyntaxError shows what is refused elsewhere.
    return any(_awaits(example.source) for example in test.examples
               if not (example.exc_msg or "").startswith("SyntaxError"))


def _is_debugged(src, pm=False, globs=None):
    return not pm and _awaits(src)


def _awaits(source):
    """Whether source can be run if it is let await, and only then."""
    if (getattr(sys, "awaithook", None) is None
            or "await" not in source and "async" not in source):
        return False
    import ast

    try:
        return ast.is_async(source)
    except (SyntaxError, ValueError):
        return False


class _Session:
    """A context manager for a docstring: its runner is the hook and lends its loop."""

    def __enter__(self):
        self._hook = sys.awaithook
        if self._hook is sys.__awaithook__:
            import autoawait

            sys.awaithook = autoawait.runner("asyncio")
        statement = getattr(sys.awaithook, "statement", None)
        self._loan = statement() if statement is not None and _can_lend() else None
        if self._loan is not None:
            self._loan.__enter__()

    def __exit__(self, *exception):
        if self._loan is not None:
            self._loan.__exit__(*exception)
        hook, sys.awaithook = getattr(sys, "awaithook", None), self._hook
        if hook is not self._hook and hook is not sys.__awaithook__ and hasattr(hook, "close"):
            hook.close()


def _can_lend():
    """Whether no loop runs here already; one thread at a time can have one lent."""
    import threading

    events = sys.modules.get("asyncio.events")
    return ((events is None or events._get_running_loop() is None)
            and threading.current_thread() is threading.main_thread())
