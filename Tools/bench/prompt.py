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
PREPARATION = ['import asyncio', 'exec("async def finished(): pass")']
PLAIN = 'x = 1'
AWAITED = ['await finished()', 'await asyncio.sleep(0)']


@dataclasses.dataclass(frozen=True)
class Prompt:
    """A program with a prompt, and how to know that prompt by what it writes."""

    name: str
    command: list[str]
    pattern: bytes = rb'(?:\A|\n)>>> '
    numbered: bool = False

    def open(self, environment):
        return Session(self.command, environment, self.pattern, numbered=self.numbered)


def _plain_prompts(interpreters):
    for interpreter in interpreters.ours, interpreters.stock, interpreters.distribution:
        yield Prompt(interpreter.name, [interpreter.path, '-q'])


def _awaiting_prompts(interpreters):
    """Every prompt that takes an await, ours first."""
    ours, distribution = interpreters.ours, interpreters.distribution
    yield Prompt(ours.name, [ours.path, '-q'])
    yield Prompt('python3.11 -m asyncio', [distribution.path, '-m', 'asyncio'])
    if importlib.util.find_spec('IPython') is not None:
        ipython = [distribution.path, '-m', 'IPython', '--no-banner', '--colors=NoColor']
        pattern = rb'In \[\d+\]:'
        yield Prompt('IPython --simple-prompt', [*ipython, '--simple-prompt'], pattern, True)
        yield Prompt('IPython', ipython, pattern, True)


def _typed(name, session, line):
    return Subject(name, lambda: sum(session.time_line(line) for _ in range(LINES)))


def _open_all(stack, prompts, environment):
    return [(prompt.name, stack.enter_context(prompt.open(environment))) for prompt in prompts]


def _check_awaits(name, session):
    """A prompt that answers an await with an error would look fast."""
    answer = session.run_line('await asyncio.sleep(0, 6 * 7)')
    if b'42' not in answer:
        raise SystemExit(f'{name} does not await: {answer!r}')


def _compare_plain(report, interpreters, environment):
    """A statement without await, in fresh sessions: asyncio is loaded in none of them."""
    with contextlib.ExitStack() as stack:
        sessions = _open_all(stack, _plain_prompts(interpreters), environment)
        ours, *others = (_typed(name, session, PLAIN) for name, session in sessions)
        report.compare(PLAIN, ours, others, ROUNDS)


def _compare_awaited(report, interpreters, environment):
    with contextlib.ExitStack() as stack:
        sessions = _open_all(stack, _awaiting_prompts(interpreters), environment)
        for name, session in sessions:
            for line in PREPARATION:
                session.run_line(line)
            _check_awaits(name, session)
        own_name, own_session = sessions[0]
        for line in AWAITED:
            ours, *others = (_typed(name, session, line) for name, session in sessions)
            report.compare(line, ours, others, ROUNDS_OF_SLOW_ONES)
            report.compare(f'{line}, and a plain statement of the same session',
                           _typed(own_name, own_session, line),
                           [_typed(PLAIN, own_session, PLAIN)], ROUNDS)
    if len(sessions) == 2:
        report.note('IPython: not compared, package python3-ipython is not installed')


def run(report, interpreters):
    """Type plain statements, then awaited ones."""
    with clean_environment() as environment:
        # Else a prompt_toolkit that gets no answer to its question for the cursor's place waits.
        environment['PROMPT_TOOLKIT_NO_CPR'] = '1'
        _compare_plain(report, interpreters, environment)
        _compare_awaited(report, interpreters, environment)
