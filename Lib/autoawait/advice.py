"""What a main program is told that fails because it awaits.

The interpreter imports this module when a main program cannot be compiled
(Python/program.c), behind the traceback that stock shows.
"""

import sys

# PyCF_ALLOW_TOP_LEVEL_AWAIT, whose module takes long to import.
_ALLOW_AWAIT = 0x2000

_ADVICE = ("To await at the top level, begin the program with `from __future__ import "
           "top_level_await`, or run it with -X autoawait.")


def tell(error, traceback, command):
    """Write the ways out to sys.stderr, if that is what is wrong.

    traceback is None where main compiled the program, which command is of -c.
    """
    try:
        source = _source(error, command) if traceback is None else _source_for_runpy(traceback)
        is_right = source is not None and _can_be_compiled(source, error.filename)
    except Exception:
        # It was an attempt to help: what cannot be read is not a program that awaits.
        return
    if is_right and sys.stderr is not None:
        print(_ADVICE, file=sys.stderr)


def _can_be_compiled(source, filename):
    """Whether it takes await to compile source, and nothing more."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Where warnings are errors, one may be all that is wrong.
            compile(source, filename, "exec", 0, True)
        except SyntaxError:
            compile(source, filename, "exec", _ALLOW_AWAIT, True)
            return True
    return False


def _source(error, command):
    if command is not None:
        return command
    if error.filename == "<stdin>":
        return _input_again() or _beginning(error)
    with open(error.filename, "rb") as file:
        return file.read()


def _input_again():
    """Return what is read from standard input once more; None if it is no file."""
    import os

    try:
        position = os.lseek(0, 0, os.SEEK_CUR)
        os.lseek(0, 0, os.SEEK_SET)
    except OSError:
        return None
    with open(0, "rb", closefd=False) as file:
        source = file.read()
    # With -i the rest of it is for the prompt.
    os.lseek(0, position, os.SEEK_SET)
    return source


def _beginning(error):
    """Return a line with what is wrong; None unless it begins the line, and so is of no class.

    A pipe is read once, and the error has no text of it.
    """
    beginnings = {"'await' outside function": "await x",
                  "'async for' outside async function": "async for x in y: pass",
                  "'async with' outside async function": "async with x: pass"}
    return beginnings.get(error.msg) if error.offset == 1 else None


def _source_for_runpy(traceback):
    """Return the source of the module that runpy was to run; None if it was another one."""
    frames = []
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    names = [frame.f_code.co_name for frame in frames]
    if names[0] != "_run_module_as_main" or "_find_and_load" in names or (
            not all(map(_is_of_library, frames))):
        return None
    # The loader's own: what is compiled, by the name that importlib and zipimport give it.
    names = frames[-1].f_locals if names[-1] == "_compile_source" else (
        frames[names.index("source_to_code")].f_locals)
    return names["source"] if "source" in names else names["data"]


def _is_of_library(frame):
    return frame.f_code.co_filename.startswith(("<frozen ", sys._stdlib_dir))
