"""Added to module cProfile: the statement that is profiled may await."""

from _stdlib_additions import exec_source


def add(module):
    """Have run() and runctx() run it by sys.awaithook."""
    module.Profile.runctx = exec_source(module, module.Profile.runctx)
