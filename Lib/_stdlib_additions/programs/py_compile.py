"""Added to the program `python -m py_compile`: it caches marked files as the module does."""

from _stdlib_additions.py_compile import add

__all__ = ["add"]
