"""One module's execution: what it is, who waits for it, and what ends it."""

import sys
import types
from _thread import RLock
from contextvars import ContextVar

from . import finding, graph, libraries, messages, tracebacks

# The run whose code runs: set in each of its steps, and so in the tasks that it starts.
current = ContextVar("asyncimport.current", default=None)

# Runs that have not ended, or whose cycle has not, by the module's name.
in_progress = {}

# Held where runs, their waiters and the registry change together; other threads import as well.
lock = RLock()


class StartRun:
    """What a run gives way with to have another one started before it goes on."""

    __slots__ = ("run",)

    def __init__(self, run):
        self.run = run


class EventSetter:
    """A waiter of a run that sets an event at its end."""

    def __init__(self, event):
        self._event = event

    def on_end(self, run):
        """The run has ended."""
        self._event.set()


class Run:
    """The execution of one module whose code awaits.

    Waiters are told of its end in the order in which they came, by their method
    on_end(run).  A run that took a module of its own chain half-made is *done* at
    its end, but *complete*, for all who are not in the cycle, only when `root` is:
    the outermost run of that cycle.
    """

    def __init__(self, module, coroutine, place, *, is_reload=False, is_plain=False):
        self.name = module.__spec__.name
        self.module = module
        self.spec = module.__spec__
        self.coroutine = coroutine
        self.place = place          # where it was imported, see messages.Place
        self.importer = importer = place.run
        self.ancestors = frozenset() if importer is None else importer.ancestors | {importer}
        self.is_reload = is_reload
        self.is_plain = is_plain    # importlib does what is to do around its code
        self.is_done = False
        self.is_complete = False
        self.error = None
        self.traceback = None       # the user's frames of error
        self.is_given_up = False    # cancelled, since nobody waited any more
        self.root = None
        self.dependents = []        # done runs whose root this is
        self.waiters = []
        self.library = None
        self.task = None
        self.thread = None
        self.starts_nested = False  # who drives it takes StartRun
        self.starting = 0           # batches of its own that are being started
        self.on_suspension = None
        self.spec._initializing = True

    def __repr__(self):
        return f"<import of {self.name!r}>"

    @property
    def key(self):
        """What stands for its own coroutine in the graph of who waits."""
        return self if self.task is None else self.task

    @property
    def filename(self):
        """The file of the module's code, as tracebacks name it."""
        frame = self._frame()
        if frame is not None:
            return frame.f_code.co_filename
        return messages.file_of(getattr(self.coroutine, "cr_code", None), self.spec)

    def line(self):
        """Return the line where it stands, of a batch that of what it waits for; 1 if unknown."""
        for batch in graph.waiting.get(self.key, ()):
            for place in batch.pending_places():
                return place.line
        frame = self._frame()
        return 1 if frame is None else frame.f_lineno

    def _frame(self):
        """Return the frame of the module's own code, which its loader may await; None if none."""
        coroutine = self.coroutine
        while coroutine is not None:
            frame = getattr(coroutine, "cr_frame", None)
            if frame is not None and frame.f_globals is vars(self.module):
                return frame
            coroutine = getattr(coroutine, "cr_await", None)
        return None

    def outermost(self):
        """Return the run with which it is complete: itself, or the outermost of its cycle."""
        run = self
        while run.is_done and run.root is not None:
            run = run.root
        return run

    def set_task(self, task):
        """Take note of the task that drives it."""
        self.task = task
        self.library = libraries.current() if self.library is None else self.library
        self.thread = libraries.thread()

    @types.coroutine
    def drive(self):
        """Run the module's code to its end, and end the run; nothing is raised."""
        method, argument = self.coroutine.send, None
        try:
            while True:
                token = current.set(self)
                try:
                    trap = method(argument)
                finally:
                    current.reset(token)
                if type(trap) is not StartRun:
                    self.suspended()
                try:
                    argument = yield trap
                    method = self.coroutine.send
                except GeneratorExit:
                    self.coroutine.close()
                    raise
                except BaseException as error:
                    # What is shown of it begins in the module's code.
                    method, argument = self.coroutine.throw, error.with_traceback(None)
        except StopIteration:
            self._end(None)
        except BaseException as error:
            self._end(error)
            if isinstance(error, GeneratorExit):
                raise

    def suspended(self):
        """Take note that it waits for something other than the start of another run."""
        if self.on_suspension is not None and not self.starting:
            self.on_suspension()
            self.on_suspension = None

    def end_with(self, error):
        """Have it fail with error for all who wait, where it stands."""
        frame = getattr(self.coroutine, "cr_frame", None)
        traceback = None
        if frame is not None:
            traceback = types.TracebackType(None, frame, frame.f_lasti, frame.f_lineno)
        with lock:
            if self.is_done:
                return
            self._fail(error, traceback)
            self.is_done = True
            self._complete()
            self._tell_waiters()
        # If it waits for a task of others, that may be one of those who are told now.
        if not any(self.library.awaited_by(self.task)):
            self.library.cancel(self.task)

    def end_early(self, error):
        """End it with error, if who drove it gave it up."""
        if not self.is_done:
            self.coroutine.close()
            self._end(error)

    def _end(self, error):
        if self.is_done:
            # It was given up on, and nobody is there to be told.
            return
        try:
            if error is None:
                self._settle()
        except BaseException as failure:
            error = failure
        with lock:
            if error is not None:
                self._fail(error)
            self.is_done = True
            root = self.root
            if error is not None or root is None:
                self._complete()
            elif root.is_complete:
                self._complete_with(root)
            else:
                root.dependents.append(self)
            self._tell_waiters()
        self.suspended()

    def _settle(self):
        """As stock does after a module's body: it may have put another one in its place."""
        if self.is_plain:
            return
        self.module = sys.modules.pop(self.name)
        sys.modules[self.name] = self.module
        if not self.is_reload:
            finding.bind_to_parent(self.name, self.module)

    def _fail(self, error, traceback=None):
        self.error = error
        if traceback is None:
            traceback = tracebacks.users(error)
        self.traceback = traceback
        if not self.is_reload and in_progress.get(self.name) is self:
            # As in stock, whatever the module has put there in its own place.
            sys.modules.pop(self.name, None)

    def _complete(self):
        self.is_complete = True
        self.spec._initializing = False
        if not self.is_plain and not self.is_reload:
            finding.end_announcement(self.name)
        if in_progress.get(self.name) is self:
            del in_progress[self.name]
        dependents, self.dependents = self.dependents, []
        for run in dependents:
            run._complete_with(self)
            run._tell_waiters()

    def _complete_with(self, root):
        if root.error is not None:
            self.is_given_up = root.is_given_up
            self._fail(root.error, root.traceback)
        self._complete()

    def _tell_waiters(self):
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            waiter.on_end(self)

    def add_waiter(self, waiter):
        """Have waiter told of the end."""
        self.waiters.append(waiter)

    def remove_waiter(self, waiter):
        """Wait no more; cancel a run that nobody waits for then.  Returns whether it was."""
        with lock:
            if waiter in self.waiters:
                self.waiters.remove(waiter)
            if self.waiters or self.is_done or self.library is None:
                return False
            self.is_given_up = True
        self.library.cancel(self.task)
        return True

    def join_cycle(self, other):
        """Take note that this run goes on with what other is now: half-made, or of a cycle.

        Outsiders wait for the outermost of the two roots.
        """
        root = other.outermost()
        if root is self or root.is_complete:
            return
        if self.root is None or len(root.ancestors) < len(self.root.ancestors):
            self.root = root

    def is_within(self, run):
        """Whether run, not complete, is this one or one in whose execution this one was begun.

        That one may well wait for this one in a way that nobody can see.
        """
        root = run.outermost()
        return root is self or root in self.ancestors
