"""What the interpreter keeps between two top-level statements: `current`, a Session.

The prompt (Python/prompt/session.c) and module code call its methods without
underscore; C does so with handlers of signals held back.
"""

import sys
from _thread import allocate_lock, get_ident
# Not module signal, whose functions make an enumeration member of each handler.
from _signal import SIGINT, default_int_handler, getsignal

import _autoawait

#: The library of each of our runners: the module of this package and the class in it.
RUNNER_CLASSES = {
    "asyncio": ("asyncio_runner", "AsyncioRunner"),
    "trio": ("trio_runner", "TrioRunner"),
    "curio": ("curio_runner", "CurioRunner"),
}

#: What imports that wait need of a library: the module of this package, see asyncimport.libraries.
TASKS = {
    "asyncio": "asyncio_tasks",
    "trio": "trio_tasks",
}


def imported_tasks():
    """Yield the tasks of those libraries that somebody has imported."""
    for library, module_name in TASKS.items():
        if library not in sys.modules:
            continue
        name = f"{__package__}.{module_name}"
        try:
            # Which waits for another thread that imports it.
            __import__(name)
        except (ImportError, AttributeError):
            # The library is being imported itself, and nothing of it runs yet.
            continue
        yield sys.modules[name]


def runner_class(library):
    """Import our runner for a library, and with it the library."""
    from importlib import import_module

    module_name, class_name = RUNNER_CLASSES[library]
    with _own_place:
        return getattr(import_module(f"{__package__}.{module_name}"), class_name)


def imported_runner_classes():
    """Return our runners of those libraries that somebody has imported."""
    classes = []
    for library in RUNNER_CLASSES:
        if sys.modules.get(library) is not None:
            try:
                classes.append(runner_class(library))
            except Exception:
                # A library of the name that is not the one we know, or is only half imported.
                continue
    return classes


class _OwnPlace:
    """While entered, what the interpreter itself needs is imported from its own place.

    A file of the name in the current folder, or the program's, is for those who ask for it.
    """

    def __init__(self):
        self._lock = allocate_lock()
        self._count = 0     # of those who are inside, in whatever threads
        self._path = self._own_path = None

    def __enter__(self):
        with self._lock:
            self._count += 1
            if self._count == 1:
                library = __file__.rpartition("/")[0].rpartition("/")[0]
                self._path = sys.path
                self._own_path = sys.path = [
                    library, sys._stdlib_dir, f"{sys._stdlib_dir}/lib-dynload", *self._path]

    def __exit__(self, *exception):
        with self._lock:
            self._count -= 1
            if self._count == 0 and sys.path is self._own_path:
                sys.path = self._path


_own_place = _OwnPlace()

#: Loops that asyncio's runner is asked for by name: the module and its function.
_LOOPS = {"uvloop": ("uvloop", "new_event_loop")}


def runner(library):
    """Return a new runner by name: asyncio, trio, curio; uvloop for asyncio's with its loop.

    'module:callable' stands for a function that takes a coroutine, or makes a runner or an
    event loop of asyncio's kind.  ValueError if there is none of the name,
    ModuleNotFoundError if the library is not installed.
    """
    try:
        if ":" in library:
            return _runner_by_path(library)
        if library in _LOOPS:
            return _runner_on_loop(_import_attribute(*_LOOPS[library]), library)
        if library not in RUNNER_CLASSES:
            known = ", ".join([*RUNNER_CLASSES, *_LOOPS])
            raise ValueError(f"no runner for {library!r}; there are {known}, or give a callable")
        made_by = runner_class(library)
    except ModuleNotFoundError as error:
        library = library.partition(":")[0]
        if error.name != library:
            raise
        # By one sentence, and not by the way the import took.
        missing = ModuleNotFoundError(f"the library {library} is not installed", name=library)
        raise missing from None
    return made_by()


def _import_attribute(module_name, name):
    from importlib import import_module

    try:
        return getattr(import_module(module_name), name)
    except AttributeError:
        raise ValueError(f"module {module_name!r} has no {name!r}") from None


def _runner_by_path(path):
    import inspect

    thing = _import_attribute(*path.split(":", 1))
    if not callable(thing):
        raise ValueError(f"{path} is not callable")
    try:
        inspect.signature(thing).bind()
    except TypeError:
        return thing
    except ValueError:
        # What it takes is not known.
        if not isinstance(thing, type):
            return thing
    made = thing()
    if hasattr(made, "run_forever"):
        made.close()
        return _runner_on_loop(thing, path)
    if not callable(made):
        raise ValueError(f"{path}() is neither a runner nor an event loop")
    return made


def _runner_on_loop(loop_factory, name):
    made = runner_class("asyncio")(loop_factory=loop_factory)
    made.name = name
    return made


class Session:
    """The runner in use, and what becomes of it from one statement to the next."""

    def __init__(self):
        self._default_runner = None
        self._hook = sys.__awaithook__      # as it was after the last statement
        self._last_hook = None              # the one before awaiting was switched off
        # The hook that keeps something between statements.  A plain function, which may
        # well call this one, and None leave it in its place.
        self._keeper = sys.__awaithook__
        self._first_loan = None
        self._output = None                 # what comes while a line is typed
        self._thread = None                 # the one that reads lines beside the runner
        self._watches_forks = False

    def begin(self):
        """Begin a session at a prompt."""
        if self._thread is None:
            self._thread = get_ident()
        self._watch_forks()
        self._follow_hook()
        if self._first_loan is None:
            from . import loan
            self._first_loan = loan.Loan(lambda: self.default_runner().open_loop())
            loan.install()

    def default_runner(self):
        """Return what sys.__awaithook__ runs coroutines with."""
        if self._default_runner is None:
            self._default_runner = runner("asyncio")
            if self._thread is None:
                self._thread = get_ident()
            self._watch_forks()
            import atexit
            atexit.register(self.end)
        return self._default_runner

    def background(self):
        """Return the runner whose work goes on while this thread awaits a line, or None."""
        if get_ident() != self._thread or not self._call("wants_input", default=False):
            return None
        if self._output is None:
            from . import terminal
            self._output = terminal.PromptOutput()
        self._output.guard_line()
        console = sys.modules.get("autoawait.console")
        if console is not None:
            console.give_way()
        self._call("report_failures")
        return self._runner(self._keeper)

    def wait_for_input(self, descriptor):
        """Do background work until descriptor can be read."""
        self._call("wait_for_input", descriptor)
        self._call("report_failures")
        self._output.flush()

    def show_output(self, above_line):
        """Write what came for the terminal while a line was typed."""
        self._output.show(above_line)

    def statement(self):
        """Return a context manager for a plain statement, or None."""
        if self._hook is None:
            return None
        if self._is_unused():
            return self._first_loan
        manager = self._call("statement")
        return manager if manager is None or _is_ours(manager) else _Interruptible(manager)

    def _is_unused(self):
        return self._default_runner is None and self._keeper is sys.__awaithook__

    def console_statement(self):
        """Return what statement() does for a console inside a program, or None.

        Where the console is in a coroutine there is a running loop without it, and in
        another thread than the main one nothing is lent.
        """
        import threading

        events = sys.modules.get("asyncio.events")
        if (events is not None and events._get_running_loop() is not None
                or threading.current_thread() is not threading.main_thread()):
            return None
        self.begin()
        return self.statement()

    def after_statement(self):
        """Notice a hook that was changed; end the runner that it follows."""
        namespace = getattr(sys.modules.get("__main__"), "__dict__", ())
        if "__warningregistry__" in namespace:
            self._forget_warnings(namespace["__warningregistry__"])
        if getsignal(SIGINT) is not default_int_handler and (
                "pdb" in sys.modules or "autoawait.interrupts" in sys.modules):
            from . import interrupts
            interrupts.take_back(imported_runner_classes())
        self._follow_hook()

    def _follow_hook(self):
        hook = getattr(sys, "awaithook", None)
        if hook is self._hook:
            return
        if self._hook is not None:
            self._last_hook = self._hook
        self._hook = hook
        if hook is None:
            self._call("withdraw")
        if hook is not self._keeper and (hook is sys.__awaithook__ or _keeps_something(hook)):
            before, self._keeper = self._keeper, hook
            self._call("close", hook=before)

    @staticmethod
    def _forget_warnings(registry):
        """Let a coroutine never awaited be told of again.

        Warnings are shown once for a place, and at a prompt all is line 1.
        """
        for key in list(registry) if isinstance(registry, dict) else ():
            if isinstance(key, tuple) and str(key[0]).endswith(" was never awaited"):
                del registry[key]

    def end(self):
        """End the session: what the runner in use keeps, and the default's."""
        self._follow_hook()
        for hook in {id(hook): hook for hook in (self._keeper, sys.__awaithook__)}.values():
            self._call("close", hook=hook)

    def user_traceback(self, error, traceback):
        """Return what of a traceback is the user's; see module report."""
        from . import report
        return report.user_traceback(error, traceback)

    def runner_packages(self):
        """Return the packages whose frames drive the user's code."""
        packages = getattr(self._runner(self._keeper), "packages", ())
        # By module selectors a loop of anybody's waits.
        return frozenset({__package__, "selectors"}).union(
            packages, *(made_by.packages for made_by in imported_runner_classes()))

    def switch(self, choice):
        """Make choice the hook, as autoawait() documents."""
        if choice is True:
            current_hook = getattr(sys, "awaithook", None)
            hook = current_hook or self._last_hook or sys.__awaithook__
        elif choice is False or choice is None:
            hook = None
        elif isinstance(choice, str):
            hook = sys.__awaithook__ if choice == "asyncio" else runner(choice)
        elif callable(choice):
            hook = choice
        else:
            raise TypeError("autoawait() takes True, False, the name of a library or a "
                            f"callable, not {type(choice).__name__}")
        sys.awaithook = hook

    def describe(self):
        """Return what tells whether awaiting is on, with what, and which imports wait."""
        asyncimport = sys.modules.get("asyncimport")
        waiting = [] if asyncimport is None else asyncimport.describe_waiting()
        return "\n".join([self._describe_hook(), *waiting])

    @staticmethod
    def _describe_hook():
        hook = getattr(sys, "awaithook", None)
        if hook is None:
            return "Awaiting at the top level is off; autoawait(True) switches it on."
        if hook is getattr(sys, "__awaithook__", None):
            name = "asyncio"
        else:
            name = getattr(hook, "name", None) or repr(hook)
        return f"Awaiting at the top level is on, with {name}; autoawait(False) switches it off."

    def _watch_forks(self):
        if not self._watches_forks:
            import os
            os.register_at_fork(after_in_child=self._after_fork)
            self._watches_forks = True

    def _after_fork(self):
        for hook in sys.__awaithook__, self._keeper:
            self._call("after_fork", hook=hook)

    def run_here(self, coroutine):
        """Run a coroutine to its end, in whatever thread, on no loop of another thread's.

        The hook's is the main thread's; in another the import of a module has one of its own.
        """
        import threading

        hook = sys.awaithook
        if threading.current_thread() is not threading.main_thread():
            runner = self.default_runner() if hook is sys.__awaithook__ else hook
            run_apart = getattr(runner, "run_apart", None)
            if run_apart is not None:
                return run_apart(coroutine)
        return hook(coroutine)

    def _runner(self, hook):
        return self._default_runner if hook is sys.__awaithook__ else hook

    def _call(self, method, *arguments, hook=None, default=None):
        """Call a method of the runner in use, or of hook, if it has it.

        Our runners know when to let SIGINT go; others' are interrupted as any code.
        """
        method = getattr(self._runner(hook or self._keeper), method, None)
        if method is None:
            return default
        if _is_ours(method):
            return method(*arguments)
        return _autoawait.interruptible(method, *arguments)


class _Interruptible:
    """A context manager of others', entered and left as any code."""

    def __init__(self, manager):
        self._manager = manager

    def __enter__(self):
        return _autoawait.interruptible(self._manager.__enter__)

    def __exit__(self, *exception):
        return _autoawait.interruptible(self._manager.__exit__, *exception)


def _keeps_something(hook):
    return any(hasattr(hook, method) for method in ("wants_input", "statement", "close"))


def _is_ours(thing):
    return str(getattr(thing, "__module__", None)).partition(".")[0] == __package__


current = Session()
