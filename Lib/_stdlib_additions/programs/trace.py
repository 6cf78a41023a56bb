"""Added to the program `python -m trace`: the script may be marked, and so await."""

from _autoawait import exec_program
from _stdlib_additions import exec_source


def add(module):
    """Have the script run by sys.awaithook, as a program."""
    module.Trace.runctx = exec_source(module, module.Trace.runctx, run=exec_program)
