"""Imports that wait: modules whose code is a coroutine.

    import statement  --->  batches.py    what one place waits for, side by side
                               |
                            finding.py    name to module: found, created, begun
                               |
                             runs.py      one module's execution: who waits for it
                               |
                            graph.py      who waits for whom, and who must not
                               |
                          libraries.py    tasks and events of the library that runs

plain.py is the plain import that meets such a module, messages.py what is said
of chains and places, bytecode.py where code of marked modules is cached.

Nothing here knows an event loop.  This module is imported when the first module
that awaits is (Python/asyncimport.c), or the first import is awaited; it has
what C calls and what importlib.import_module_async() and reload_async() are.
"""

from .batches import begin_statement, import_module, reload
from .messages import describe_waiting
from .plain import install, run_loader_plainly, run_plainly

__all__ = ["begin_statement", "import_module", "reload", "describe_waiting",
           "run_loader_plainly", "run_plainly"]

install()
