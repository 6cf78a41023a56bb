"""Shows the tasks of a process to its user, over a Unix socket: -X tasksocket.

The socket lies in a folder that only the user can enter, under the number of the
process. A thread answers: one line comes in, `ps` or `pstree`, and the text goes out.
`python -m asyncio ps PID` asks (client.py).
"""

import atexit
import os
import socket
import stat
import struct
import sys
import threading

# How long a client may take for its line, in seconds.
_PATIENCE = 5.0


class UnsafeFolder(Exception):
    """The folder of the sockets is not the user's alone."""


def folder():
    """Return the folder of the sockets of this user's processes."""
    user = os.getuid()
    runtime = f"/run/user/{user}"
    return f"{runtime}/python-tasks" if os.path.isdir(runtime) else f"/tmp/python-tasks-{user}"


def path_of(process):
    """Return the path of the socket of a process, by its number."""
    return f"{folder()}/{process}"


def check_folder():
    """Raise UnsafeFolder, or OSError, unless the folder is there and the user's alone."""
    status = os.lstat(folder())
    if (not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid()
            or stat.S_IMODE(status.st_mode) & 0o077):
        raise UnsafeFolder(f"{folder()} is not a folder of yours alone")


def begin():
    """Open the socket of this process and answer from now on; exit if it cannot be."""
    try:
        _open()
    except (OSError, UnsafeFolder) as error:
        sys.exit(f"tasksocket: {error}")
    os.register_at_fork(after_in_child=_open_quietly)
    _measure()


def _measure():
    from autoawait import imports

    from . import measure

    if "asyncio.events" in sys.modules:
        measure.begin()
    else:
        imports.act_when_imported("asyncio.events", lambda events: measure.begin())


def _open():
    os.makedirs(folder(), mode=0o700, exist_ok=True)
    check_folder()
    path = path_of(os.getpid())
    _remove(path)
    _remove_abandoned()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen()
    atexit.register(_remove_own, path, os.getpid())
    threading.Thread(target=_serve, args=(listener,), name="tasksocket", daemon=True).start()


def _open_quietly():
    # A process forked from this one is one more, whose tasks are its own.
    try:
        _open()
    except (OSError, UnsafeFolder):
        pass


def _remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _remove_abandoned():
    """Remove what processes that were killed have left."""
    for name in os.listdir(folder()):
        try:
            os.kill(int(name), 0)
        except ProcessLookupError:
            _remove(path_of(name))
        except (ValueError, OSError):
            continue


def _remove_own(path, process):
    if os.getpid() == process:
        _remove(path)


def _serve(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                if _user_of(connection) in (os.getuid(), 0):
                    connection.settimeout(_PATIENCE)
                    connection.sendall(_answer(connection.recv(100).decode().strip()).encode())
            except (OSError, UnicodeDecodeError):
                continue


def _user_of(connection):
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED,
                                        struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1]


def _answer(command):
    from . import tasks, tree

    try:
        shown = {"ps": tasks, "pstree": tree}.get(command)
        return "unknown command\n" if shown is None else f"{shown()!r}\n"
    except Exception as error:
        return f"{type(error).__name__}: {error}\n"
