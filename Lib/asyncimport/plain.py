"""The plain import that meets a module which awaits.

Where nothing runs in this thread the module is run, by sys.awaithook, and where
another thread imports it, that is waited for.  Where an event loop runs in this
thread, a plain import cannot wait: it is refused before anything of the module
has run.
"""

import sys
import _frozen_importlib
from _frozen_importlib import _lock_unlock_module as stock_lock_unlock_module
from _thread import allocate_lock, get_ident

from _asyncimport import unwrapping
from autoawait import session

from . import finding, graph, libraries, messages, runs, tracebacks

_NOTHING = None, None, None


def install():
    """Have importlib ask here about modules whose import has not ended."""
    _frozen_importlib._lock_unlock_module = unwrapping(_wait_for_module)
    _frozen_importlib._find_spec = unwrapping(_find_spec)


def _refusal(error):
    return None, error, None


def run_plainly(coroutine, namespace):
    """Run a module's body, not begun, to its end; return the outcome."""
    spec = namespace.get("__spec__")
    name = getattr(spec, "name", None) or namespace.get("__name__") or "?"
    code = coroutine.cr_code
    kept = finding.executed_by_others.get((get_ident(), name))
    if kept is not None and not kept and finding.is_last_act(sys._getframe(1)):
        kept.append(coroutine)
        return _NOTHING
    refusal = _why_not(name, code, spec, sys._getframe(1))
    if refusal is not None:
        coroutine.close()
        return _refusal(refusal)
    module = sys.modules.get(name)
    if spec is None or module is None or vars(module) is not namespace:
        return _run_alone(coroutine)
    return _run_module(module, coroutine)


def _run_loader(loader, module):
    return run_plainly(finding.loaders_coroutine(loader, module), vars(module))


# For exec_module() of a loader that has aexec_module(); see importlib.run_aexec_module().
run_loader_plainly = unwrapping(_run_loader)


def _why_not(name, code, spec, frame):
    if (get_ident(), name) in finding.executed_by_others:
        return messages.is_no_module(name, code.co_filename)
    if libraries.is_running():
        return messages.would_wait(name, code, spec, frame)
    if getattr(sys, "awaithook", None) is None:
        return messages.is_off(name, code, spec)
    return None


def _run_alone(coroutine):
    """Run the code of what is no module in sys.modules."""
    try:
        session.current.run_here(coroutine)
    except BaseException as error:
        return None, error, tracebacks.users(error)
    return _NOTHING


def _run_module(module, coroutine):
    importer = runs.current.get()
    place = messages.place_of_importer(sys._getframe(2), importer)
    with runs.lock:
        run = runs.Run(module, coroutine, place, is_plain=True)
        runs.in_progress[run.name] = run
    key = get_ident() if importer is None else importer.key
    caller = _Caller(run)
    graph.add(key, caller)
    try:
        session.current.run_here(_drive(run))
    except BaseException as error:
        # Cancelled, or given up by the hook: by an interrupt as a rule.
        run.end_early(error)
        return None, error, run.traceback
    finally:
        graph.remove(key, caller)
    if run.error is not None:
        return None, run.error, run.traceback
    return _NOTHING


class _Caller:
    """Who runs a module by a plain import, and so waits for it."""

    def __init__(self, run):
        self._runs = (run,)

    def pending_runs(self):
        """Return what it waits for, for the graph."""
        return self._runs

    def pending_places(self):
        """Return where it waits."""
        return [run.place for run in self._runs]


async def _drive(run):
    run.library = libraries.current()
    run.set_task(run.library.current_task())
    with run.library.watched():
        await run.drive()
    if run.error is not None and not isinstance(run.error, Exception):
        # The hook is to know of a cancellation.
        raise run.error


# ---- Modules whose import has begun ----


def _wait_for_module(name):
    """Wait until the import of a module in sys.modules has ended; return the outcome."""
    run = runs.in_progress.get(name)
    if run is None:
        stock_lock_unlock_module(name)
        return _NOTHING
    importer = runs.current.get()
    if _is_within(importer, run):
        importer.join_cycle(run)
        return _NOTHING
    if libraries.is_running():
        return _refusal(messages.is_waiting(run))
    way = graph.path(run, get_ident())
    if way is not None:
        return _refusal(messages.never_ends(way, messages.place_of_importer(sys._getframe(1),
                                                                            importer)))
    return _wait_for_run(run)


def _is_within(importer, run):
    return importer is not None and (
        importer.is_within(run)
        or importer.thread != get_ident() and run in importer.ancestors | {importer})


def _find_spec(name, path, target=None):
    """Find a module for a plain import, but none below a package that waits in this thread.

    importlib waits for a package that is being imported only when it has executed the module.
    """
    run = runs.in_progress.get(name.rpartition(".")[0])
    if run is not None and not _is_within(runs.current.get(), run) and libraries.is_running():
        return _refusal(messages.is_waiting(run))
    try:
        return finding.stock_find_spec(name, path, target), None, None
    except BaseException as error:
        return None, error, tracebacks.users(error)


def _wait_for_run(run):
    while not run.is_complete:
        if run.thread == get_ident():
            # It goes on when the loop does.
            sys.awaithook(_wait_awaiting(run))
        else:
            _ThreadWaiter().wait_for(run)
    if run.error is not None:
        return None, run.error, run.traceback
    return _NOTHING


async def _wait_awaiting(run):
    library = libraries.current()
    event = library.event()
    with runs.lock:
        target = run.outermost()
        if run.is_complete:
            return
        target.add_waiter(runs.EventSetter(event))
    await event.wait()


class _ThreadWaiter:
    """A thread that waits for a run of another one.

    importlib's own search for threads that wait for each other's modules sees it:
    there it stands for a lock that the run's thread owns.
    """

    def __init__(self):
        self._lock = allocate_lock()
        self._lock.acquire()
        self._run = None
        self.owner = None

    def pending_runs(self):
        """Return what it waits for, for the graph."""
        return (self._run,)

    def pending_places(self):
        """Return nothing: it is no place in a module that waits."""
        return ()

    def on_end(self, run):
        """The run has ended."""
        self._lock.release()

    def wait_for(self, run):
        """Wait until run has ended, or its cycle if it has itself."""
        thread = get_ident()
        with runs.lock:
            if run.is_complete:
                return
            self._run = run.outermost()
            self.owner = self._run.thread
            self._run.add_waiter(self)
        graph.add(thread, self)
        _frozen_importlib._blocking_on[thread] = self
        try:
            self._lock.acquire()
        finally:
            del _frozen_importlib._blocking_on[thread]
            graph.remove(thread, self)
            self._run.remove_waiter(self)
