"""Added to the program `python -m code`: its console awaits, as those of the module do."""

from _stdlib_additions.code import add

__all__ = ["add"]
