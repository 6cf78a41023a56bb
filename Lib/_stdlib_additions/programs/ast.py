"""Added to the program `python -m ast`: the names of all modes of compile()."""

import argparse

from _autoawait import modes

_OWN_MODES = [name for name, stock in modes.items() if name != stock]

_stock_add_argument = argparse.ArgumentParser.add_argument


def add(module):
    """Have its option --mode take them."""
    argparse.ArgumentParser.add_argument = _add_argument


def _add_argument(parser, *names, **options):
    if "--mode" in names and parser.prog == "python -m ast":
        options["choices"] = *options["choices"], *_OWN_MODES
    return _stock_add_argument(parser, *names, **options)
