"""Added to the program `python -m cProfile`: the script may be marked, and so await."""

from _stdlib_additions.cProfile import add

__all__ = ["add"]
