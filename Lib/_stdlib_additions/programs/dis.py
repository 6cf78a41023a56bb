"""Added to the program `python -m dis`: its file may await at the top level."""

from _stdlib_additions.dis import add

__all__ = ["add"]
