"""make bench: what things cost, as ratios to the reference join and to the distribution.

Each group of benchmarks is a module beside this file, listed in GROUPS.  Its
docstring's first line is its heading, and its function run(report,
interpreters) measures.  No time is a failure here: the table is the result.
"""

import argparse
import dataclasses
import importlib
import os

from measure import Report

GROUPS = ["startup", "prompt", "running", "parsing", "compiling", "packages", "imports"]


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """A program to measure and its name in the table."""

    name: str
    path: str


@dataclasses.dataclass(frozen=True)
class Interpreters:
    """Ours, the reference join (the same archive, nothing replaced), the distribution's."""

    ours: Interpreter
    stock: Interpreter
    distribution: Interpreter


def _interpreter(path):
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"no program: {path}")
    return Interpreter(os.path.basename(path), path)


def _parse_arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.partition("\n")[0])
    parser.add_argument("groups", nargs="*", metavar="GROUP",
                        help=f'which to run, all by default: {", ".join(GROUPS)}')
    parser.add_argument("--python", type=_interpreter, default="./python")
    parser.add_argument("--stock", type=_interpreter, default="./python-stock")
    parser.add_argument("--distribution", type=_interpreter, default="/usr/bin/python3.11")
    parser.add_argument("--scale", type=float, default=1.0, metavar="FACTOR",
                        help="multiply the number of rounds")
    arguments = parser.parse_args()
    unknown = set(arguments.groups) - set(GROUPS)
    if unknown:
        parser.error(f'no such group: {", ".join(sorted(unknown))} (there are {", ".join(GROUPS)})')
    return arguments


def main():
    """Run the groups asked for."""
    arguments = _parse_arguments()
    interpreters = Interpreters(arguments.python, arguments.stock, arguments.distribution)
    report = Report(arguments.scale)
    for name in arguments.groups or GROUPS:
        group = importlib.import_module(name)
        report.heading(f"{name}: {group.__doc__.partition(chr(10))[0]}")
        group.run(report, interpreters)


if __name__ == "__main__":
    main()
