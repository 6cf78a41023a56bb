"""python -m asyncio ps PID and pstree PID: the tasks of another process of this user."""

import argparse
import socket
import sys

from . import server


def main():
    """Ask a process for its tasks and print them; the exit status is 1 if it does not answer."""
    parser = argparse.ArgumentParser(
        prog="python -m asyncio",
        description="Show the tasks of a process that was started with -X tasksocket.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in ("ps", "show a table of all tasks"), \
            ("pstree", "show who awaits whom"):
        command = commands.add_parser(name, help=purpose)
        command.add_argument("pid", type=int, help="the number of the process")
    arguments = parser.parse_args()
    try:
        sys.stdout.write(_ask(arguments.pid, arguments.command))
    except (OSError, server.UnsafeFolder) as error:
        sys.exit(f"no answer from process {arguments.pid}, which has to be started by you with "
                 f"-X tasksocket: {error}")


def _ask(process, command):
    server.check_folder()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(server.path_of(process))
        connection.sendall(f"{command}\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode(errors="replace")


if __name__ == "__main__":
    main()
