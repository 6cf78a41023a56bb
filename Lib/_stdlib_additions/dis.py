"""Added to module dis: source text is compiled with await allowed at its top level."""

from _autoawait import compile_awaiting


def add(module):
    """Have the module find this compile(), which leaves no frame, ahead of the built-in one."""
    module.compile = compile_awaiting
