"""Say what came of it, in full: every test without a pass is named."""

import collections
import textwrap

import compare
import selection

_TITLES = {
    compare.FAILED: "FAILED (of CPython's tests: those that stock does not)",
    compare.BOTH_FAIL: "Failed under both (no measure; counted as skipped)",
    compare.NO_STOCK: "Stock crashed or timed out before these (no measure; "
                      "counted as skipped)",
    compare.STOCK_FAILS: "Passed here though stock does not",
    compare.SKIPPED: "Skipped by the tests themselves (under both)",
}
_TEXT_LIMIT = 6000


class Report:
    """The rows of a run, counted and put into words."""

    def __init__(self, own_rows, stock_rows, reruns, modules, seconds):
        self._rows = own_rows + stock_rows
        self._own_count = len(own_rows)
        self._reruns = reruns
        self._modules = modules
        self._seconds = seconds
        count = collections.Counter(row.verdict for row in self._rows)
        self._count = count
        self.failed = count[compare.FAILED]
        self.passed = count[compare.PASSED] + count[compare.STOCK_FAILS]
        self.skipped = sum(count[verdict] for verdict in compare.UNMEASURED)

    def _of(self, verdict):
        return [row for row in self._rows if row.verdict == verdict]

    def _failures(self):
        for row in self._of(compare.FAILED):
            yield f"{row.module}: {row.test}"
            stock = f"stock: {row.stock}, " if row.stock else ""
            yield f"  {stock}here: {row.ours}"
            yield textwrap.indent(row.text[-_TEXT_LIMIT:].rstrip(), "  | ")

    def _differences(self, verdict):
        for row in self._of(verdict):
            yield f"{row.module}: {row.test} (stock: {row.stock}, " \
                  f"here: {row.ours})"

    def _skipped(self):
        groups = collections.defaultdict(list)
        for row in self._of(compare.SKIPPED):
            lines = row.text.strip().splitlines() or ["not run"]
            groups[row.module, lines[-1]].append(row.test)
        for (module, reason), tests in groups.items():
            yield f"{module}: {reason} ({len(tests)})"
            yield textwrap.fill(", ".join(tests), 100, initial_indent="    ",
                                subsequent_indent="    ",
                                break_long_words=False,
                                break_on_hyphens=False)

    def _excluded(self):
        for module in self._modules:
            for pattern, reason in selection.EXCLUDED.get(module, ()):
                yield f"{module}: {pattern} ({reason})"

    def _rerun_lines(self):
        for side, module, mended in self._reruns:
            names = ", ".join(mended) if mended else "nothing"
            yield f"{side} {module}: mended by that: {names}"

    def _sections(self):
        yield _TITLES[compare.SKIPPED], list(self._skipped())
        yield "Excluded under both", list(self._excluded())
        yield "Run once more, alone", list(self._rerun_lines())
        for verdict in (compare.STOCK_FAILS, compare.NO_STOCK,
                        compare.BOTH_FAIL):
            yield _TITLES[verdict], list(self._differences(verdict))
        yield _TITLES[compare.FAILED], list(self._failures())

    def sum_line(self):
        """Return the last line: what was counted."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"

    def lines(self):
        """Yield the whole report."""
        for title, lines in self._sections():
            if lines:
                yield ""
                yield f"== {title}"
                yield from lines
        own, compared = self._own_count, len(self._rows) - self._own_count
        yield ""
        yield f"{own} tests of our own, {compared} tests of " \
              f"{len(self._modules)} modules compared with stock, " \
              f"in {self._seconds:.0f} s"
        yield self.sum_line()

    def save(self, path):
        """Write the report to a file."""
        with open(path, "w", encoding="utf-8",
                  errors="backslashreplace") as file:
            file.writelines(line + "\n" for line in self.lines())

    def show(self):
        """Print the report."""
        for line in self.lines():
            print(line.encode("utf-8", "backslashreplace").decode())
