"""Added to the program `python -m profile`: the script may be marked, and so await."""

from _stdlib_additions.profile import add

__all__ = ["add"]
