"""Bytes to tree: our parser and the archive's, both in our interpreter.

The archive's parser stays in the join for what ours turns down, so one program
holds both; nothing but the parsing is measured, and the arena's release.
"""

import glob
import os
import resource
import subprocess
import sys

LIBRARY = "/usr/lib/python3.11"
ROUNDS = 5


def library():
    """The modules of the standard library, one after the other."""
    return [read(path) for path in sorted(glob.glob(f"{LIBRARY}/*.py"))]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def large_module():
    return [b"".join(b"def f%d(a, b):\n    x = a.foo(b, %d)[1]\n    if x: return 's'\n    y = [x, 2, 3]\n"
                     % (i % 1000, i) for i in range(25_000))]


SOURCES = {
    "standard library": library,
    "tiny source": lambda: [b"x = 1\n"] * 10_000,
    "module of 100,000 lines": large_module,
    "line of 10 MB": lambda: [b"x = [" + b"1, " * 3_300_000 + b"]"],
    "docstrings": lambda: [b"".join(b'def f%d():\n    """%s"""\n' % (i, b"Lorem ipsum dolor\n    " * 20)
                                    for i in range(3000))],
    "comments": lambda: [b"".join(b"x = %d\n" % i + b"# a comment of some words\n" * 10
                                  for i in range(5000))],
    "strings": lambda: [b"x = [\n" + b"'some string', b'bytes', 'esc\\n',\n" * 20_000 + b"]\n"],
    "format strings": lambda: [b"x = f'a{b}c{d!r:>{w}} {e.f(g)}'\n" * 20_000],
    "deep nesting": lambda: [b"x = " + b"(" * 90 + b"1" + b")" * 90 + b"\n"] * 100,
}
LARGE = {"module of 100,000 lines", "line of 10 MB"}


def measure(name, archive, what):
    """In the process that is measured: print seconds, or kilobytes of peak memory."""
    sys.path.append(os.path.join(os.path.dirname(os.path.realpath(sys.executable)), "build", "stages"))
    import _parser_stage
    sources = SOURCES[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    repeat = 1 if name in LARGE or what == "memory" else 3
    seconds = sum(_parser_stage.measure(source, repeat, archive) for source in sources)
    if what == "memory":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    else:
        print(seconds)


def run(report, interpreters):
    """Run each kind of source through both parsers, by turns, each time in a new process."""
    from measure import Subject, clean_environment

    def subject(title, name, archive, what):
        command = [interpreters.ours.path, "-I", "-W", "ignore", __file__, name, str(archive), what]

        def cost():
            return float(subprocess.run(command, env=environment, capture_output=True, text=True,
                                        check=True).stdout)
        return Subject(title, cost)

    with clean_environment() as environment:
        for name in SOURCES:
            rounds = 1 if name in LARGE else ROUNDS
            report.compare(name, subject("ours", name, 0, "time"),
                           [subject("the archive's", name, 1, "time")], rounds)
        for name in sorted(LARGE):
            report.compare(f"peak memory, {name}", subject("ours", name, 0, "memory"),
                           [subject("the archive's", name, 1, "memory")], 1)


if __name__ == "__main__":
    measure(sys.argv[1], sys.argv[2] == "1", sys.argv[3])
