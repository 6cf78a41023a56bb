"""Give an interpreter a prefix of its own, with a standard library of sources.

    FOLDER/bin/python3.11         a copy of the interpreter
    FOLDER/bin/worker.py          a copy of ours
    FOLDER/lib/python3.11/        a copy of the distribution's, without .pyc
    FOLDER/include/               a link to the distribution's headers

An interpreter finds its standard library beside itself, with isolation flags
(`-I`, `-E`) as without, so every module that a test or a process started by a
test imports is one that this very interpreter compiled.  Stock gets a tree of
the same shape: what a test sees of its surroundings is the same on both sides.
"""

import hashlib
import os
import shutil

VERSION = "python3.11"
# What tests that trace or profile leave out is what lies in sys.prefix.
WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker.py")
# No part of the standard library, and half a package without lib/python3/.
_LEFT_OUT = ("__pycache__", "*.pyc", "dist-packages")
# Nothing in these is compiled, and they are large.
_LINKED = ("lib-dynload", "config-3.11-x86_64-linux-gnu",
           "config-3.11d-x86_64-linux-gnu")
# Tells ./python where our modules are; made by the build, beside it.
_BUILD_MARK = "python-build.txt"


def file_digest(path):
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def library_digest(library):
    """Return a digest that changes when a file of the folder does."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(library):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(names):
            path = os.path.join(folder, name)
            status = os.stat(path)
            line = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _copy_library(source, target):
    linked = [name for name in _LINKED
              if os.path.isdir(os.path.join(source, name))]
    ignored = shutil.ignore_patterns(*_LEFT_OUT)

    def leave_out(folder, names):
        left_out = set(ignored(folder, names))
        return left_out | set(linked) if folder == source else left_out

    shutil.copytree(source, target, ignore=leave_out)
    for name in linked:
        os.symlink(os.path.join(source, name), os.path.join(target, name))


def _copy_program(python, folder):
    binaries = os.path.join(folder, "bin")
    shutil.rmtree(binaries, ignore_errors=True)
    os.makedirs(binaries)
    program = os.path.join(binaries, VERSION)
    shutil.copy2(python, program)
    for name in ("python3", "python"):
        os.symlink(VERSION, os.path.join(binaries, name))
    mark = os.path.join(os.path.dirname(python), _BUILD_MARK)
    if os.path.exists(mark):
        shutil.copy2(mark, binaries)
    shutil.copy2(WORKER, binaries)
    return program


def _remove_compiled(library):
    for folder, folders, _ in os.walk(library):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
            shutil.rmtree(os.path.join(folder, "__pycache__"))


def prepare(python, library, folder):
    """Make or renew the tree in folder and return the path of its program.

    No compiled file of an earlier run is left: the interpreter may have
    changed since.
    """
    stamp = os.path.join(folder, "stamp")
    wanted = library_digest(library) + file_digest(__file__)
    try:
        with open(stamp, encoding="ascii") as file:
            present = file.read()
    except OSError:
        present = ""
    target = os.path.join(folder, "lib", VERSION)
    if present == wanted:
        _remove_compiled(target)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        _copy_library(library, target)
        headers = os.path.join(folder, "include")
        os.symlink("/usr/include", headers)
        with open(stamp, "w", encoding="ascii") as file:
            file.write(wanted)
    return _copy_program(os.path.realpath(python), folder)
