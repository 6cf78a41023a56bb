"""From a name to a module, as importlib goes, or to the run of one that awaits."""

import contextlib
import sys
import time
from _frozen_importlib import (
    _blocking_on, _calc___package__, _DeadlockError, _exec, _find_spec as stock_find_spec,
    _get_module_lock, _init_module_attrs, _load_unlocked,
    _ModuleLockManager, _resolve_name,
    _sanity_check, _verbose_message, module_from_spec)
from _frozen_importlib_external import _LoaderBasics
from _thread import get_ident

from _asyncimport import exec_module

from . import runs

_MISSING = object()

# How often threads are to be found waiting for each other until it is believed.
_LOOKS = 100

# (thread, name) of modules that a loader of others, with no way to await, is executing: a list,
# which gets the coroutine that is the module's body.
executed_by_others = {}


def absolute_name(name, level, namespace):
    """Return the absolute name of what an import statement in namespace asks for."""
    package = _calc___package__(namespace) if level else None
    _sanity_check(name, package, level)
    return _resolve_name(name, package, level) if level else name


def present(name):
    """Return (module, is complete) from sys.modules; module None if it is not there."""
    module = sys.modules.get(name, _MISSING)
    if module is _MISSING:
        return None, False
    if module is None:
        raise ModuleNotFoundError(f"import of {name} halted; None in sys.modules", name=name)
    # Of what a module has put in its own place only its run tells that it has not ended.
    return module, name not in runs.in_progress and not getattr(
        getattr(module, "__spec__", None), "_initializing", False)


def load(name, place):
    """Find and create the module of an absolute name whose parents are there.

    Returns the module, imported, or a run that has yet to be started, if its code awaits;
    None where another thread was faster.
    """
    sys.audit("import", name, None, sys.path, sys.meta_path, sys.path_hooks)
    with _held(name) as is_held:
        if not is_held or name in sys.modules:
            # Another thread has begun to import it.
            return None
        spec = _find(name)
        _announce(name)
        loaded = None
        try:
            if not hasattr(spec.loader, "exec_module"):
                loaded = _load_by_others(spec, name)
            else:
                loaded = _begin(spec, place)
        finally:
            if type(loaded) is not runs.Run:
                end_announcement(name)
        return loaded


def _submodules_under_way(name):
    parent, _, child = name.rpartition(".")
    spec = getattr(sys.modules.get(parent), "__spec__", None)
    return getattr(spec, "_uninitialized_submodules", []), child


def _announce(name):
    """Have a package's AttributeError tell that its submodule is not there *yet*, as stock does."""
    submodules, child = _submodules_under_way(name)
    submodules.append(child)


def end_announcement(name):
    """Take that back."""
    submodules, child = _submodules_under_way(name)
    if child in submodules:
        submodules.remove(child)


def _find(name):
    path = None
    parent = name.rpartition(".")[0]
    if parent:
        try:
            path = sys.modules[parent].__path__
        except AttributeError:
            message = f"No module named {name!r}; {parent!r} is not a package"
            raise ModuleNotFoundError(message, name=name) from None
    spec = stock_find_spec(name, path)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return spec


def _load_by_others(spec, name):
    module = _load_unlocked(spec)
    bind_to_parent(name, module)
    return module


def _begin(spec, place):
    """Create the module and execute it, or its run; as _load_unlocked() does."""
    module = module_from_spec(spec)
    spec._initializing = True
    run = None
    try:
        sys.modules[spec.name] = module
        try:
            coroutine = begin_execution(spec.loader, module)
            if coroutine is not None:
                run = runs.Run(module, coroutine, place)
                runs.in_progress[spec.name] = run
                return run
        except BaseException:
            sys.modules.pop(spec.name, None)
            raise
        module = sys.modules.pop(spec.name)
        sys.modules[spec.name] = module
        _verbose_message("import {!r} # {!r}", spec.name, spec.loader)
    finally:
        if run is None:
            spec._initializing = False
    bind_to_parent(spec.name, module)
    return module


def begin_execution(loader, module):
    """Execute module, or return the coroutine that does."""
    if hasattr(loader, "aexec_module"):
        return loaders_coroutine(loader, module)
    if hasattr(loader, "aget_data"):
        return _execute_fetched(loader, module)
    if getattr(loader.exec_module, "__func__", None) is _LoaderBasics.exec_module:
        return exec_module(loader.exec_module, module)
    return _execute_by_others(loader, module)


def _execute_by_others(loader, module):
    """Have a loader execute module; return what is left to await where that is its last act."""
    spec = module.__spec__
    entry = get_ident(), spec.name
    kept = executed_by_others[entry] = []
    # By this a body is known, also of a module that is reloaded (Python/asyncimport.c).
    was_initializing = getattr(spec, "_initializing", False)
    spec._initializing = True
    try:
        loader.exec_module(module)
    finally:
        del executed_by_others[entry]
        spec._initializing = was_initializing
    return kept[0] if kept else None


def is_last_act(frame):
    """Whether the loader in whose frame exec() is called does nothing more when that returns."""
    while frame.f_code is not _execute_by_others.__code__:
        if not _returns_next(frame):
            return False
        frame = frame.f_back
    return True


def _returns_next(frame):
    import dis

    code = dis.Bytecode(frame.f_code)
    at = frame.f_lasti
    if any(entry.start <= at < entry.end for entry in code.exception_entries):
        return False
    following = [instruction.opname for instruction in code if instruction.offset > at][:4]
    if following[0] == "CALL":
        # Called by a specialised PRECALL, which does both.
        del following[0]
    return following[0] == "RETURN_VALUE" or (
        following[:3] == ["POP_TOP", "LOAD_CONST", "RETURN_VALUE"])


def loaders_coroutine(loader, module):
    """Return what executes module by its loader's aexec_module()."""
    # What that evaluates in the module's namespace is not to be run here (Python/asyncimport.c).
    module.__spec__._is_awaited_by_loader = True
    return loader.aexec_module(module)


async def _execute_fetched(loader, module):
    """Execute a module whose source is fetched by a coroutine."""
    name = module.__spec__.name
    path = loader.get_filename(name)
    source = await loader.aget_data(path)
    code = loader.source_to_code(source, path)
    # As a body: the code of a coroutine is kept, and given back.
    coroutine = exec_module(lambda module: exec(code, module.__dict__), module)
    if coroutine is not None:
        await coroutine


def bind_to_parent(name, module):
    """Make a submodule an attribute of its package."""
    parent, _, child = name.rpartition(".")
    if not parent:
        return
    try:
        setattr(sys.modules[parent], child, module)
    except AttributeError:
        import warnings

        message = f"Cannot set an attribute on {parent!r} for child module {child!r}"
        warnings.warn(message, ImportWarning, stacklevel=2)


def wait_for_others(name):
    """Wait until the thread that imports a module has done so, or its run is known.

    Not if that would never end.  Returns whether there is a run to wait for.
    """
    with _held(name):
        return name in runs.in_progress


@contextlib.contextmanager
def _held(name):
    """Hold the lock of a module's import, and tell whether it could be had.

    importlib's lock is held by a thread as long as it runs a module that awaits by a plain import,
    be it that the module waits for one of this thread: then this thread is not to wait for the
    lock, but for the module's run.
    """
    lock = _get_module_lock(name)
    thread = get_ident()
    is_held = _take(lock, thread)
    if not is_held:
        _blocking_on[thread] = lock
        # Who waits here may stop without having had the lock: only a circle that lasts is one.
        looks = _LOOKS
        try:
            while not is_held and name not in runs.in_progress:
                looks = looks - 1 if lock.has_deadlock() else _LOOKS
                if looks == 0:
                    if name not in sys.modules:
                        raise _DeadlockError(f"deadlock detected by {lock!r}")
                    break
                time.sleep(0.0005)
                is_held = _take(lock, thread)
        finally:
            del _blocking_on[thread]
    try:
        yield is_held
    finally:
        if is_held:
            lock.release()


def _take(lock, thread):
    """Acquire a lock of importlib's if that can be done now, as its acquire() does."""
    with lock.lock:
        if lock.count and lock.owner != thread:
            return False
        lock.owner = thread
        lock.count += 1
        return True


def begin_reload(module, place):
    """Execute a module anew in its namespace; return the module, or a run to be started."""
    if not isinstance(module, type(sys)):
        raise TypeError("reload() argument must be a module")
    spec = getattr(module, "__spec__", None)
    name = getattr(module, "__name__", None) if spec is None else spec.name
    if sys.modules.get(name) is not module:
        raise ImportError(f"module {name} not in sys.modules", name=name)
    if name in runs.in_progress:
        raise ImportError(f"module {name} is being imported", name=name)
    with _ModuleLockManager(name):
        path = None
        parent = name.rpartition(".")[0]
        if parent:
            if parent not in sys.modules:
                raise ImportError(f"parent {parent!r} not in sys.modules", name=parent)
            path = sys.modules[parent].__path__
        spec = module.__spec__ = stock_find_spec(name, path, module)
        if spec is None:
            raise ModuleNotFoundError(f"spec not found for the module {name!r}", name=name)
        if not hasattr(spec.loader, "exec_module"):
            _exec(spec, module)
            return sys.modules[name]
        _init_module_attrs(spec, module, override=True)
        coroutine = begin_execution(spec.loader, module)
        if coroutine is None:
            return sys.modules[name]
        run = runs.Run(module, coroutine, place, is_reload=True)
        runs.in_progress[name] = run
        return run
