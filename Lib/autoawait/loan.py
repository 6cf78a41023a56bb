"""Lends the session's loop to plain statements, to those who would fail without it.

No event loop runs in a plain statement, and whoever asks is told so: code that calls
asyncio with an `except` clause for the RuntimeError of "no running event loop" gets it,
as libraries do that refuse to work where a loop runs.  Whoever is not prepared for
that answer gets the session's loop in its place: asyncio.create_task(), an
asyncio.get_running_loop() that is typed.

All of that happens in asyncio.events.get_running_loop(), for which one of C stands in:
only where it is about to fail does it ask here.  It stands there from the import of
asyncio on, so that libraries which take the function from asyncio have it.
"""

import sys
from _thread import get_ident

import _autoawait

from . import imports


class _State:
    """Who lends in which thread: only one of an interpreter has a prompt."""

    loan = None
    thread = None
    is_installed = False


class Loan:
    """A context manager: lends what open_loop() returns to who demands a loop.

    A loan within another is that other one.
    """

    def __init__(self, open_loop):
        self._open_loop = open_loop
        self._depth = 0

    def __enter__(self):
        if self._depth or _State.loan is not None:
            self._depth += 1
        else:
            _State.loan, _State.thread = self, get_ident()
        return self

    def __exit__(self, *exception):
        if self._depth:
            self._depth -= 1
        else:
            _State.loan = _State.thread = None

    def open_loop(self):
        """Return the loop."""
        return self._open_loop()


def install():
    """Prepare asyncio for loans: now, or when it is imported."""
    if _State.is_installed:
        return
    _State.is_installed = True
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and hasattr(asyncio, "events"):
        _change(asyncio.events)
        asyncio.get_running_loop = asyncio.events.get_running_loop
    else:
        imports.act_when_imported("asyncio.events", _change)


def _change(events):
    events.get_running_loop = _autoawait.lending(events.get_running_loop, _lend)


def _lend():
    """Return the loop for who demands one, None where nothing is lent."""
    if _State.loan is None or _State.thread != get_ident():
        return None
    frame = sys._getframe(1)
    while frame is not None:
        if _expects_failure(frame):
            return None
        if not _is_asyncios(frame):
            return _autoawait.uninterrupted(_State.loan.open_loop)
        frame = frame.f_back
    return None


def _is_asyncios(frame):
    return (frame.f_globals.get("__name__") or "").partition(".")[0] == "asyncio"


def _expects_failure(frame):
    """Whether an `except` clause of the function takes a RuntimeError where it is."""
    code = frame.f_code
    if not code.co_exceptiontable:
        return False
    # Which asyncio has imported.
    import dis

    table = dis._parse_exception_table(code)
    instructions = None
    place = frame.f_lasti
    for _ in table:
        target = next((entry.target for entry in table if entry.start <= place < entry.end), None)
        if target is None:
            return False
        if instructions is None:
            instructions = {at.offset: at for at in dis.get_instructions(code)}
        if _takes(frame, instructions, target):
            return True
        # A `with` or `finally`, or clauses for other exceptions: what is around that.
        place = target
    return False


def _takes(frame, instructions, offset):
    """Whether the handler at offset is one of `except` clauses, and one is for RuntimeError."""
    if instructions[offset].opname != "PUSH_EXC_INFO":
        return False
    values = []
    while True:
        offset += 2
        instruction = instructions.get(offset)
        if instruction is None or instruction.opname == "CACHE":
            continue
        if instruction.opname == "POP_TOP" and not values:
            return True         # except:
        if instruction.opname.startswith("LOAD_"):
            values.append(instruction)
        elif instruction.opname in ("CHECK_EXC_MATCH", "CHECK_EG_MATCH"):
            if any(_is_for_runtime_error(frame, value) for value in values):
                return True
        elif instruction.opname in ("POP_JUMP_FORWARD_IF_FALSE", "POP_JUMP_IF_FALSE"):
            values, offset = [], instruction.argval - 2
        elif instruction.opname not in ("BUILD_TUPLE", "NOP"):
            return False


def _is_for_runtime_error(frame, instruction):
    name = instruction.argval
    for names in frame.f_locals, frame.f_globals, frame.f_builtins:
        if isinstance(name, str) and name in names:
            value = names[name]
            return isinstance(value, type) and issubclass(RuntimeError, value)
    return False
