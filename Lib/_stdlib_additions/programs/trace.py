"""Added to the program `python -m trace`: the script may be marked, and so await."""

from _stdlib_additions.trace import add

__all__ = ["add"]
