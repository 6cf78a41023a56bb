"""Added to module trace: the statement that is traced may await."""

from _stdlib_additions import exec_source


def add(module):
    """Have run() and runctx() run it by sys.awaithook."""
    module.Trace.runctx = exec_source(module, module.Trace.runctx)
