"""Interleaved measuring of costs and their ratios.

A cost is whatever a callable without arguments returns: seconds, bytes,
instructions.  The unit cancels out, since only ratios are ever shown.
"""

import contextlib
import dataclasses
import os
import statistics
import tempfile
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Subject:
    """Something that can be measured again and again: a name, and what gives its cost."""

    name: str
    cost: Callable[[], float]


@dataclasses.dataclass(frozen=True)
class Ratio:
    """The cost of one subject in terms of another's, taken over many rounds."""

    median: float
    lower_quartile: float
    upper_quartile: float
    rounds: int

    @classmethod
    def of(cls, numerators, denominators):
        """Pair the costs round by round, so that what slows a whole round cancels out."""
        ratios = [a / b for a, b in zip(numerators, denominators, strict=True)]
        if len(ratios) == 1:
            return cls(ratios[0], ratios[0], ratios[0], 1)
        lower, median, upper = statistics.quantiles(ratios, n=4, method="inclusive")
        return cls(median, lower, upper, len(ratios))


def interleave(subjects, rounds):
    """Measure all subjects in every round; return a list of costs for each.

    Every second round goes through them backwards, so that none profits from
    its place.  One round beforehand is thrown away: it fills the caches.
    """
    costs = [[] for _ in subjects]
    indexes = range(len(subjects))
    for number in range(rounds + 1):
        for index in indexes if number % 2 else reversed(indexes):
            cost = subjects[index].cost()
            if number:
                costs[index].append(cost)
    return costs


class Report:
    """The table on standard output: a line for each ratio, as soon as it is known."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def heading(self, text):
        print(f'\n{text}\n\n  {"":40} {"ratio":>7}   {"quartiles":15} {"rounds":>6}', flush=True)

    def note(self, text):
        print(f"  {text}", flush=True)

    def compare(self, what, subject, references, rounds):
        """Show the cost of subject as a ratio to that of each reference.

        Returns the ratios by their names in the table.
        """
        rounds = max(1, round(rounds * self.scale))
        costs, *reference_costs = interleave([subject, *references], rounds)
        self.note(what)
        ratios = {f"{subject.name} / {reference.name}": Ratio.of(costs, others)
                  for reference, others in zip(references, reference_costs, strict=True)}
        for name, ratio in ratios.items():
            self._line(name, ratio)
        return ratios

    def geometric_means(self, what, compared):
        """Show the means of what several calls of compare() returned, and the extremes."""
        self.note(what)
        for name in compared[0]:
            medians = [ratios[name].median for ratios in compared]
            print(f"    {name:38} {statistics.geometric_mean(medians):7.3f}   "
                  f"{min(medians):.3f} .. {max(medians):.3f}   (extremes)", flush=True)

    def compare_counts(self, what, subject, references):
        """The same for a cost that does not vary: measured once."""
        cost = subject.cost()
        self.note(what)
        for reference in references:
            self._line(f"{subject.name} / {reference.name}", Ratio.of([cost], [reference.cost()]))

    def _line(self, name, ratio):
        quartiles = f"{ratio.lower_quartile:.3f} .. {ratio.upper_quartile:.3f}"
        if ratio.rounds == 1:
            quartiles = ""
        print(f"    {name:38} {ratio.median:7.3f}   {quartiles:15} {ratio.rounds:6}", flush=True)


@contextlib.contextmanager
def pinned(processor):
    """Keep this process and those that it starts on one processor for a while."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def clean_environment():
    """Give the environment for an interpreter under measurement.

    No PYTHON* variable of the caller's, no history or startup file of the
    user's: HOME is a folder of its own, gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("PYTHON", "IPYTHON", "XDG_"))}
        environment.update(HOME=home, TERM="xterm", LC_ALL="C.UTF-8")
        yield environment
