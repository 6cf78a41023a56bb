"""Added to the program `python -m profile`: the script may be marked, and so await."""

from _autoawait import exec_program
from _stdlib_additions import exec_source


def add(module):
    """Have the script run by sys.awaithook, as a program."""
    module.Profile.runctx = exec_source(module, module.Profile.runctx, run=exec_program)
