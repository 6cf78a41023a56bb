"""Imports that would never be complete: the loop has nothing left to do, and they wait."""

from _thread import get_ident

from . import graph, messages, runs


def end_waiting():
    """Have the imports fail that keep others of this thread waiting; return whether there are.

    Called by a library when nothing can happen any more in this thread.
    """
    thread = get_ident()
    is_any = False
    for run in tuple(runs.in_progress.values()):
        if (run.thread == thread and run.library is not None and not run.is_done
                and not _waits_for_imports(run)):
            run.end_with(messages.never_completes(run))
            is_any = True
    return is_any


def _waits_for_imports(run):
    return any(waiter.pending_runs() for waiter in graph.waiting.get(run.key, ()))
