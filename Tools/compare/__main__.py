"""Compare what two interpreters make of the same sources.

Commands, of which each tells its options by --help:

    python3.11 Tools/compare code [options] [FILE | FOLDER]...     code objects
    python3.11 Tools/compare trees [options] [FILE | FOLDER]...    syntax trees
    ./python Tools/compare fuzz [options] [FILE | FOLDER]...       our parser and the archive's
"""

import importlib
import sys

COMMANDS = {'code': 'code_objects', 'trees': 'trees', 'fuzz': 'trees_fuzz'}


def main():
    """Run the command that is named first."""
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    command = sys.argv.pop(1)
    return importlib.import_module(COMMANDS[command]).main()


if __name__ == '__main__':
    sys.exit(main())
