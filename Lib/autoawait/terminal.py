"""Keeps the line being typed whole while background work writes.

Everything that Python writes to the terminal passes the raw file at the bottom
of sys.stdout or sys.stderr, whoever holds those streams or prints through
them.  While a line is typed, that file's write() is ours.  It collects what
comes until the thread that reads has its turn: then the line is taken off the
screen, all of it is written, and prompt and line are drawn again below.
"""

import collections
import contextlib
import sys

import _autoawait


class OutputAboveLine:
    """While entered, output appears above the line that a coroutine reads.

    run_soon(callback) has the thread that types call callback soon; it may be
    called from any thread.  Nothing changes unless a person types at a terminal.
    """

    def __init__(self, run_soon):
        self._run_soon = run_soon
        self._pending = collections.deque()
        self._files = []
        self._is_scheduled = False

    def __enter__(self):
        if _types_at_terminal():
            _flush_streams()
            self._files = _terminal_files()
            for file in self._files:
                file.write = self._write
        return self

    def __exit__(self, *exception):
        # What is still in the streams' buffers belongs above the line, too.
        _flush_streams()
        for file in self._files:
            with contextlib.suppress(AttributeError):
                del file.write
        self._show()

    def _write(self, data):
        data = bytes(data)
        # In this order, and in the opposite one below: other threads write, too.
        self._pending.append(data)
        if not self._is_scheduled:
            self._is_scheduled = True
            self._run_soon(self._show)
        return len(data)

    def _show(self):
        self._is_scheduled = False
        text = b"".join(self._pending.popleft() for _ in range(len(self._pending)))
        if text:
            _autoawait.write_to_terminal(self._files[0].fileno(), text, True)


class PromptOutput:
    """Has output appear above the line that the prompt reads, whatever writes it.

    The thread that reads the line writes it there: readline is that one's.
    """

    def __init__(self):
        self._pending = []
        self._files = None

    def guard_line(self):
        """Watch the output from the beginning of a line on; cheap.

        What takes the place of write() does what that does unless a line is being typed,
        and is no Python code, which a debugger would stop in.
        """
        if self._files is None:
            self._files = [(file, _autoawait.guarded_write(file, self._pending))
                           for file in (_terminal_files() if _types_at_terminal() else ())]
        for file, write in self._files:
            file.write = write

    def show(self, above_line):
        """Write what came, above the line if one is being typed."""
        texts, self._pending[:] = self._pending[:], ()
        if texts:
            _autoawait.write_to_terminal(self._files[0][0].fileno(), b"".join(texts), above_line)

    def flush(self):
        """Have what is still in the streams' buffers appear."""
        if self._files:
            _flush_streams()


def _types_at_terminal():
    with contextlib.suppress(AttributeError, ValueError):
        return sys.__stdin__.isatty()
    return False


def _terminal_files():
    """Return the raw files of the standard streams that are this terminal."""
    files = []
    for stream in sys.__stdout__, sys.__stderr__:
        buffer = getattr(stream, "buffer", None)
        raw = getattr(buffer, "raw", buffer)
        with contextlib.suppress(AttributeError, ValueError, OSError):
            if raw.fileno() in (1, 2) and raw.isatty():
                files.append(raw)
    return files


def _flush_streams():
    for stream in sys.__stdout__, sys.__stderr__:
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.flush()
