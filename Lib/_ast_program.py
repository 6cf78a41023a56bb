"""What the program `python -m ast` needs added: the names of all modes of compile().

The interpreter imports this module before it runs module ast by `-m`
(Python/program.c). Module ast itself is the standard library's file: many import it.
"""

import argparse

_OWN_MODES = "async-exec", "async-single", "async-eval", "multi-single", "async-multi-single"

_stock_add_argument = argparse.ArgumentParser.add_argument


def _add_argument(parser, *names, **options):
    if "--mode" in names and parser.prog == "python -m ast":
        options["choices"] = *options["choices"], *_OWN_MODES
    return _stock_add_argument(parser, *names, **options)


argparse.ArgumentParser.add_argument = _add_argument
