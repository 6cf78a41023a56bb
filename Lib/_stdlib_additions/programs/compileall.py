"""Added to the program `python -m compileall`: it caches marked files as the module does."""

from _stdlib_additions.compileall import add

__all__ = ["add"]
