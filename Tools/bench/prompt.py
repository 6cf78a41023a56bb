"""The prompt: what a statement costs, typed on a terminal or read from a pipe.

Typed, three parts add up: the keys, which readline edits and echoes; the terminal and the
change of processes; the statement itself.  So there are three measures:

    a line          all of it, typed and returned at once
    Return          from the Return key to the next prompt, the line having been typed before
    a pipe          a program of many statements without a terminal, each with its share

The first two have a floor, what a plain statement costs at the prompt of stock, which
has no loop at all: it is shown beside them.
"""

import contextlib
import dataclasses
import functools
import importlib.util
import os
import subprocess
import time

from measure import Subject, clean_environment
from terminal import Session

# A cost is that of so many lines typed one after another, each when its prompt stands.
LINES = 10
ROUNDS = 200
ROUNDS_OF_SLOW_ONES = 40

# So many statements a program read from a pipe has, beside those that start it.
PIPED_STATEMENTS = 2000
PIPED_ROUNDS = 15

# One line, which every prompt takes alike.
PREPARATION = ["import asyncio", 'exec("async def finished(): pass")',
               'exec("def plain_function(): pass")']
PLAIN = "x = 1"
# As long as the first of those awaited, and as much to do: a call whose value is None.
PLAIN_CALL = "plain_function()"
AWAITED = ["await finished()", "await asyncio.sleep(0)"]


@dataclasses.dataclass(frozen=True)
class Prompt:
    """A program with a prompt, and how to know that prompt by what it writes."""

    name: str
    command: list[str]
    pattern: bytes = rb"(?:\A|\n)>>> "
    numbered: bool = False

    def open(self, environment):
        return Session(self.command, environment, self.pattern, numbered=self.numbered)


def _plain_prompts(interpreters):
    for interpreter in interpreters.ours, interpreters.stock, interpreters.distribution:
        yield Prompt(interpreter.name, [interpreter.path, "-q"])


def _awaiting_prompts(interpreters):
    """Every prompt that takes an await, ours first."""
    ours, distribution = interpreters.ours, interpreters.distribution
    yield Prompt(ours.name, [ours.path, "-q"])
    yield Prompt("python3.11 -m asyncio", [distribution.path, "-m", "asyncio"])
    if importlib.util.find_spec("IPython") is not None:
        ipython = [distribution.path, "-m", "IPython", "--no-banner", "--colors=NoColor",
                   # Else it is the disk that is measured.
                   "--HistoryManager.enabled=False"]
        pattern = rb"In \[\d+\]:"
        yield Prompt("IPython --simple-prompt", [*ipython, "--simple-prompt"], pattern, True)
        yield Prompt("IPython", ipython, pattern, True)


def _line_by_the_clock(session, line):
    return sum(session.time_line(line) for _ in range(LINES))


def _line_in_processor_time(session, line):
    """What the program itself takes, all its threads: no terminal, no waiting."""
    before = session.processor_time()
    for _ in range(LINES):
        session.time_line(line)
    return session.processor_time() - before


def _return_by_the_clock(session, line):
    session.type_text(line)
    return session.time_return()


def _return_in_processor_time(session, line):
    session.type_text(line)
    before = session.processor_time()
    session.time_return()
    return session.processor_time() - before


LINE_MEASURES = [(_line_by_the_clock, "a line by the clock"),
                 (_line_in_processor_time, "a line in processor time")]
RETURN_MEASURES = [(_return_by_the_clock, "Return by the clock"),
                   (_return_in_processor_time, "Return in processor time")]


def _compare(report, what, typed, rounds, measures=None):
    """Compare the first of (name, session, line) with the others, by every measure."""
    for measure, how in measures or LINE_MEASURES + RETURN_MEASURES:
        ours, *others = (Subject(name, functools.partial(measure, session, line))
                         for name, session, line in typed)
        report.compare(f"{what}, {how}", ours, others, rounds)


def _open_all(stack, prompts, environment):
    return [(prompt.name, stack.enter_context(prompt.open(environment))) for prompt in prompts]


def _check_awaits(name, session):
    """A prompt that answers an await with an error would look fast."""
    answer = session.run_line("await asyncio.sleep(0, 6 * 7)")
    if b"42" not in answer:
        raise SystemExit(f"{name} does not await: {answer!r}")


def _compare_plain(report, interpreters, environment):
    """A statement without await: in fresh sessions, then in ours when it has a loop."""
    with contextlib.ExitStack() as stack:
        sessions = _open_all(stack, _plain_prompts(interpreters), environment)
        typed = [(name, session, PLAIN) for name, session in sessions]
        _compare(report, PLAIN, typed, ROUNDS)
        _, own_session = sessions[0]
        own_session.run_line(PREPARATION[0])
        _check_awaits(*sessions[0])
        _compare(report, f"{PLAIN} after an await", typed, ROUNDS)


def _compare_awaited(report, interpreters, environment):
    with contextlib.ExitStack() as stack:
        sessions = _open_all(stack, _awaiting_prompts(interpreters), environment)
        for name, session in sessions:
            for line in PREPARATION:
                session.run_line(line)
            _check_awaits(name, session)
        distribution = interpreters.distribution
        floor = stack.enter_context(
            Prompt(distribution.name, [distribution.path, "-q"]).open(environment))
        floor.run_line(PREPARATION[2])
        own_name, own_session = sessions[0]
        for line in AWAITED:
            _compare(report, line,
                     [*((name, session, line) for name, session in sessions),
                      (f"{distribution.name}, {PLAIN_CALL}", floor, PLAIN_CALL)],
                     ROUNDS_OF_SLOW_ONES)
            _compare(report, f"{line} and a plain statement of the same session",
                     [(own_name, own_session, line),
                      (PLAIN_CALL, own_session, PLAIN_CALL)], ROUNDS)
        _compare(report, f"the floor: {PLAIN_CALL} where nothing awaits",
                 [(distribution.name, floor, PLAIN_CALL),
                  (f"{sessions[1][0]}, {AWAITED[0]}", sessions[1][1], AWAITED[0])],
                 ROUNDS_OF_SLOW_ONES)
    if len(sessions) == 2:
        report.note("IPython: not compared, package python3-ipython is not installed")


class _Piped:
    """A program that reads statements from a pipe, and their costs."""

    def __init__(self, command, environment, line):
        self._command = command
        self._environment = environment
        preparation = [*PREPARATION, line]
        self._few = "\n".join(preparation) + "\n"
        self._many = self._few + f"{line}\n" * PIPED_STATEMENTS

    def by_the_clock(self):
        """The seconds that the statements take, without those to start and to end."""
        return self._run(self._many)[0] - self._run(self._few)[0]

    def in_processor_time(self):
        """The same in seconds of the processor."""
        return self._run(self._many)[1] - self._run(self._few)[1]

    def _run(self, source):
        start = time.perf_counter()
        with subprocess.Popen(self._command, env=self._environment, stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            process.stdin.write(source.encode())
            process.stdin.close()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{self._command} failed")
        return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def _compare_piped(report, interpreters, environment):
    ours = [interpreters.ours.path, "-q", "-i"]
    theirs = [interpreters.distribution.path, "-m", "asyncio"]
    for line in AWAITED:
        subjects = [("python", _Piped(ours, environment, line)),
                    ("python3.11 -m asyncio", _Piped(theirs, environment, line)),
                    (PLAIN_CALL, _Piped(ours, environment, PLAIN_CALL))]
        for how, measure in (("by the clock", _Piped.by_the_clock),
                             ("in processor time", _Piped.in_processor_time)):
            own, *others = (Subject(name, functools.partial(measure, piped))
                            for name, piped in subjects)
            report.compare(f"{line}, a pipe {how}", own, others, PIPED_ROUNDS)


def run(report, interpreters):
    """Type plain statements, then awaited ones; read awaited ones from a pipe."""
    with clean_environment() as environment:
        # Else a prompt_toolkit that gets no answer to its question for the cursor's place waits.
        environment["PROMPT_TOOLKIT_NO_CPR"] = "1"
        _compare_piped(report, interpreters, environment)
        _compare_plain(report, interpreters, environment)
        _compare_awaited(report, interpreters, environment)
