"""Added to the program `python -m timeit`: its statements may await, as those of the module."""

from _stdlib_additions.timeit import add

__all__ = ["add"]
