"""Run test modules side by side, each in a process and a terminal of its own.

Every module gets what a person at a terminal has and nothing of the caller's:
a session with a controlling terminal, default signals, an environment without
PYTHON* variables, an empty home and an empty folder for temporary files.
"""

import collections
import contextlib
import fcntl
import json
import os
import pty
import selectors
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

from tree import WORKER

# The driver ends a module that takes too long and says where it was; when it
# cannot, it is killed so many seconds later.
_GRACE = 60
_LOG_TAIL = 20_000
_INHERITED = ("PATH", "STOCK_PYTHON", "ASAN_OPTIONS", "UBSAN_OPTIONS")

# What the record says of a test, the better before the worse: a test with
# several outcomes (subtests, the same id twice) has the worst of them.
OUTCOMES = ("passed", "expected failure", "no tests", "skipped",
            "environment changed", "unexpected success", "failed", "error",
            "interrupted", "unfinished", "timed out", "crashed")
GOOD = frozenset(OUTCOMES[:3])

# options are the worker's own; arguments are the driver's.
Task = collections.namedtuple("Task", "side program module arguments options", defaults=[()])


def _worker(program):
    """Return the worker to run: the copy beside the program, or the one."""
    beside = os.path.join(os.path.dirname(program), "worker.py")
    return beside if os.path.exists(beside) else WORKER


def is_bad(outcome):
    """Tell whether an outcome speaks against the interpreter."""
    return outcome not in GOOD and outcome != "skipped"


def clean_environment(folder):
    """Return the variables that a module sees, with its own folders."""
    environment = {name: os.environ[name] for name in _INHERITED
                   if name in os.environ}
    environment.update(LANG="C.UTF-8", TERM="xterm", SHELL="/bin/sh",
                       FRONTEND_STRICT_PARSER="1",
                       HOME=os.path.join(folder, "home"),
                       TMPDIR=os.path.join(folder, "tmp"))
    return environment


def read_record(path):
    """Return {test id: [outcome, text]} and the driver's word on the module.

    The word is None where the driver did not live to say it.
    """
    tests = {}
    module = None
    started = None
    with contextlib.suppress(FileNotFoundError), \
            open(path, encoding="ascii") as file:
        for line in file:
            kind, name, *text = json.loads(line)
            if kind == "module":
                module, started = name, None
            elif kind == "start":
                started = name
            else:
                started = None if name == started else started
                if _rank(kind) >= _rank(tests.get(name, ["passed"])[0]):
                    tests[name] = [kind, text[0]]
    if module is None and started is not None:
        tests.setdefault(started, ["unfinished", "the process ended here"])
    return tests, module


def _rank(outcome):
    return OUTCOMES.index(outcome)


def _take_terminal():
    """In the new process: own the terminal on stdin, take back the signals."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP,
                   signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)


class _Process:
    """A running module."""

    def __init__(self, task, timeout):
        self.task = task
        self.started = time.monotonic()
        self.deadline = self.started + timeout + _GRACE
        self.timed_out = False
        self._folder = tempfile.mkdtemp(prefix="st-")
        for name in ("home", "tmp"):
            os.mkdir(os.path.join(self._folder, name))
        self._record = os.path.join(self._folder, "record")
        self._shown = b""
        self.terminal, inside = pty.openpty()
        os.set_blocking(self.terminal, False)
        fcntl.ioctl(inside, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, 80, 0, 0))
        command = [task.program, _worker(task.program), self._record, *task.options,
                   "--timeout", str(timeout), *task.arguments, task.module]
        self._process = subprocess.Popen(
            command, stdin=inside, stdout=inside, stderr=inside,
            cwd=self._folder, env=clean_environment(self._folder),
            start_new_session=True, preexec_fn=_take_terminal)
        os.close(inside)
        self.ended = os.pidfd_open(self._process.pid)

    def kill(self):
        """End the module's whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def drain(self):
        """Take what was written to the terminal; tell whether there was."""
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            return False
        self._shown = (self._shown + data)[-_LOG_TAIL:]
        return bool(data)

    def _module_outcome(self, said, status, log):
        if said is not None:
            return said, ""
        if self.timed_out or "Timeout (" in log:
            return "timed out", log
        return "crashed", f"exit status {status}\n{log}"

    def finish(self):
        """Collect the result of the ended process and remove its folder."""
        # First the group: once waited for, its number may be another's.
        self.kill()
        status = self._process.wait()
        os.close(self.ended)
        while self.drain():
            pass
        os.close(self.terminal)
        log = self._shown.decode(errors="backslashreplace")
        log = log.replace("\r\n", "\n")
        tests, said = read_record(self._record)
        outcome, text = self._module_outcome(said, status, log)
        if is_bad(outcome) or outcome == "skipped":
            text = text or log
        shutil.rmtree(self._folder, ignore_errors=True)
        return {"tests": tests, "module": [outcome, text],
                "seconds": time.monotonic() - self.started}


def run(tasks, jobs, timeout, finished):
    """Run the tasks in order, at most jobs at a time.

    Calls finished(task, result) as each ends; result holds "tests"
    ({test id: [outcome, text]}), "module" ([outcome, text]), "seconds".
    """
    waiting = collections.deque(tasks)
    running = set()
    with selectors.DefaultSelector() as selector:

        def start():
            process = _Process(waiting.popleft(), timeout)
            running.add(process)
            selector.register(process.ended, selectors.EVENT_READ,
                              (process, True))
            selector.register(process.terminal, selectors.EVENT_READ,
                              (process, False))

        def end(process):
            running.remove(process)
            selector.unregister(process.ended)
            with contextlib.suppress(KeyError):
                selector.unregister(process.terminal)
            finished(process.task, process.finish())

        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    start()
                for key, _ in selector.select(timeout=1):
                    process, is_end = key.data
                    if is_end:
                        end(process)
                    elif process in running and not process.drain():
                        selector.unregister(process.terminal)
                now = time.monotonic()
                for process in running:
                    if now > process.deadline:
                        process.timed_out = True
                        process.kill()
        finally:
            for process in running:
                process.kill()
                process.finish()
