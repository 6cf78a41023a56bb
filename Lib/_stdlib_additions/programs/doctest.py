"""Added to the program `python -m doctest`: examples may await, as those of the module."""

from _stdlib_additions.doctest import add

__all__ = ["add"]
