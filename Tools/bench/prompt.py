"""The prompt: from a line typed on a terminal to the next prompt."""

import contextlib
import dataclasses
import importlib.util

from measure import Subject, clean_environment
from terminal import Session

# A cost is that of so many lines typed one after another, each when its prompt stands.
LINES = 10
ROUNDS = 200
ROUNDS_OF_SLOW_ONES = 40

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


def _by_the_clock(name, session, line):
    return Subject(name, lambda: sum(session.time_line(line) for _ in range(LINES)))


def _processor_time(name, session, line):
    """What the program itself takes, all its threads: no terminal, no waiting."""

    def cost():
        before = session.processor_time()
        for _ in range(LINES):
            session.time_line(line)
        return session.processor_time() - before

    return Subject(name, cost)


MEASURES = [(_by_the_clock, "by the clock"), (_processor_time, "processor time")]


def _compare(report, what, typed, rounds):
    """Compare the first of (name, session, line) with the others, by every measure."""
    for measure, how in MEASURES:
        ours, *others = (measure(name, session, line) for name, session, line in typed)
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
        own_name, own_session = sessions[0]
        for line in AWAITED:
            _compare(report, line, [(name, session, line) for name, session in sessions],
                     ROUNDS_OF_SLOW_ONES)
            _compare(report, f"{line} and a plain statement of the same session",
                     [(own_name, own_session, line),
                      (PLAIN_CALL, own_session, PLAIN_CALL)], ROUNDS)
    if len(sessions) == 2:
        report.note("IPython: not compared, package python3-ipython is not installed")


def run(report, interpreters):
    """Type plain statements, then awaited ones."""
    with clean_environment() as environment:
        # Else a prompt_toolkit that gets no answer to its question for the cursor's place waits.
        environment["PROMPT_TOOLKIT_NO_CPR"] = "1"
        _compare_plain(report, interpreters, environment)
        _compare_awaited(report, interpreters, environment)
