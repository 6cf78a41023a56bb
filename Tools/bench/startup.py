"""Start-up: from the start of the process to its end, with nothing to do."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from measure import Subject, clean_environment

ROUNDS = 200
PROGRAMS = {
    "-c pass": ["-c", "pass"],
    "-I -S -c pass": ["-I", "-S", "-c", "pass"],
}


def _run(command, environment):
    """Run command and return (seconds by the clock, seconds of processor time)."""
    start = time.perf_counter()
    process = os.posix_spawn(command[0], command, environment)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{command[0]} failed with status {status}")
    return seconds, usage.ru_utime + usage.ru_stime


def _clock(interpreter, options, environment):
    command = [interpreter.path, *options]
    return Subject(interpreter.name, lambda: _run(command, environment)[0])


def _processor(interpreter, options, environment):
    command = [interpreter.path, *options]
    return Subject(interpreter.name, lambda: _run(command, environment)[1])


def _instructions(interpreter, options, environment):
    """The number of instructions executed, as valgrind counts them."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               interpreter.path, *options]
    # A fixed seed: the order of sets would vary the count.
    environment = environment | {"PYTHONHASHSEED": "0"}

    def count():
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return int(re.search(r"Collected : (\d+)", done.stderr)[1])

    return Subject(interpreter.name, count)


def _copy(interpreter, folder):
    """Copy the program, and what it finds its modules by, into a new folder below folder.

    How a program came to its place decides how the kernel holds it in memory,
    and so some percent of its start-up; copies came there alike.
    """
    source = pathlib.Path(interpreter.path).resolve()
    copy = pathlib.Path(tempfile.mkdtemp(dir=folder), interpreter.name)
    shutil.copy(source, copy)
    mark = source.with_name("python-build.txt")
    if mark.exists():
        shutil.copy(mark, copy.with_name(mark.name))
    return dataclasses.replace(interpreter, path=str(copy))


def run(report, interpreters):
    """Compare ours with the reference join and with the distribution's program."""
    with clean_environment() as environment:
        ours, *others = (
            _copy(interpreter, environment["HOME"])
            for interpreter in (interpreters.ours, interpreters.stock, interpreters.distribution))
        for name, options in PROGRAMS.items():
            for measure, how in (_clock, "by the clock"), (_processor, "processor time"):
                subject, *references = (measure(interpreter, options, environment)
                                        for interpreter in (ours, *others))
                report.compare(f"{name}, {how}", subject, references, ROUNDS)
            if shutil.which("valgrind"):
                subject, *references = (_instructions(interpreter, options, environment)
                                        for interpreter in (ours, *others))
                report.compare_counts(f"{name}, instructions", subject, references)
    if not shutil.which("valgrind"):
        report.note("instructions: not counted, valgrind is not installed")
