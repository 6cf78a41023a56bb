"""The speed of plain code: twenty small programs, start-up not counted."""

import os
import subprocess

import workloads
from measure import Subject, clean_environment, pinned

ROUNDS = 20


def _workload(interpreter, name, environment):
    """A fresh process each time: where its memory happens to lie must not decide."""
    command = [interpreter.path, "-I", workloads.__file__, name]

    def processor_time():
        return float(subprocess.run(command, env=environment, capture_output=True, text=True,
                                    check=True).stdout)

    return Subject(interpreter.name, processor_time)


def run(report, interpreters):
    """Run each workload in a process of each interpreter, by turns, all on one processor."""
    chosen = interpreters.ours, interpreters.stock, interpreters.distribution
    ratios = []
    with clean_environment() as environment, pinned(max(os.sched_getaffinity(0))):
        for workload in workloads.WORKLOADS:
            name = workload.__name__
            subject, *references = (_workload(interpreter, name, environment)
                                    for interpreter in chosen)
            ratios.append(report.compare(name.replace("_", " "), subject, references, ROUNDS))
    report.geometric_means("all twenty, geometric mean", ratios)
