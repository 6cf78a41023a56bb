"""The program `python -m ast`, for every mode of compile().

It is the standard library's own; added are the names of modes that it takes.
The interpreter runs this module for `-m ast` (Python/program.c), so that
module ast itself is the standard library's file.
"""

import argparse
import runpy

_OWN_MODES = "async-exec", "async-single", "async-eval", "multi-single", "async-multi-single"

_stock_add_argument = argparse.ArgumentParser.add_argument


def _add_argument(parser, *names, **options):
    if "--mode" in names and parser.prog == "python -m ast":
        options["choices"] = *options["choices"], *_OWN_MODES
    return _stock_add_argument(parser, *names, **options)


if __name__ == "__main__":
    argparse.ArgumentParser.add_argument = _add_argument
    runpy.run_module("ast", run_name="__main__", alter_sys=True)
