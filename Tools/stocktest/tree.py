"""Give an interpreter a prefix of its own, with a standard library of sources.

    FOLDER/bin/python3.11         a copy of the interpreter
    FOLDER/bin/worker.py          a copy of ours, and of awaited.py
    FOLDER/lib/python3.11/        a copy of the distribution's, without .pyc
    FOLDER/lib/python3/           likewise, of packages that tests use
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
_HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(_HERE, "worker.py")
AWAITED = os.path.join(_HERE, "awaited.py")
# Packages of the distribution that some tests use where they are installed,
# in ../python3/dist-packages beside the library.
_PACKAGES = ("docutils", "numpy", "pygments", "roman.py")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")
# Nobody compiles these, and they are large.
_LINKED = (".so", ".a", ".o")
# Tells ./python where our modules are; made by the build, beside it.
_BUILD_MARK = "python-build.txt"


def file_digest(path):
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sources(library):
    """Return {place in lib/: original} of all that a tree has copies of."""
    packages = os.path.join(os.path.dirname(library), "python3",
                            "dist-packages")
    sources = {VERSION: library}
    for name in _PACKAGES:
        path = os.path.join(packages, name)
        if os.path.exists(path):
            sources[os.path.join("python3", "dist-packages", name)] = path
    return sources


def _files(source):
    """Yield the paths of all files of a source, in an order of their own."""
    if os.path.isfile(source):
        yield source
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(names):
            yield os.path.join(folder, name)


def library_digest(library):
    """Return a digest that changes when a file that trees copy does."""
    digest = hashlib.sha256()
    for source in _sources(library).values():
        for path in _files(source):
            status = os.stat(path)
            line = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _leave_out(folder, names):
    left_out = set(_LEFT_OUT(folder, names))
    # Half of packages whose other half is in ../python3/.
    if os.path.basename(folder) == VERSION:
        left_out.add("dist-packages")
    return left_out


def _copy_or_link(source, target):
    if source.endswith(_LINKED):
        os.symlink(source, target)
    else:
        shutil.copy2(source, target)


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
    shutil.copy2(AWAITED, binaries)
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
    libraries = os.path.join(folder, "lib")
    if present == wanted:
        _remove_compiled(libraries)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        for place, source in _sources(library).items():
            target = os.path.join(libraries, place)
            if os.path.isfile(source):
                shutil.copy2(source, target)
            else:
                shutil.copytree(source, target, ignore=_leave_out,
                                copy_function=_copy_or_link)
        headers = os.path.join(folder, "include")
        os.symlink("/usr/include", headers)
        with open(stamp, "w", encoding="ascii") as file:
            file.write(wanted)
    return _copy_program(os.path.realpath(python), folder)
