"""Compare, test by test, what two interpreters made of the same modules.

The rule: a test that stock passes and ours does not is a failure.  So is one
that stock skips and ours fails.  What stock itself does not pass has nothing
to be compared with; it is counted as skipped, and named.
"""

import collections

from runner import GOOD, is_bad

# A test's verdict.
PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped under both"
BOTH_FAIL = "failed under both"
STOCK_FAILS = "passed here, not under stock"
NO_STOCK = "stock did not come to it"
VERDICTS = (PASSED, FAILED, SKIPPED, BOTH_FAIL, STOCK_FAILS, NO_STOCK)
# Verdicts under which stock's answer is no measure.
UNMEASURED = (SKIPPED, BOTH_FAIL, NO_STOCK)

Row = collections.namedtuple("Row", "module test stock ours text verdict")

_NOT_RUN = ["not run", ""]


def judge(stock, ours, stock_finished):
    """Return the verdict on one test from both outcomes.

    "not run" is the outcome of a test that an interpreter did not come to;
    stock_finished tells whether stock ran its module to the end.
    """
    if stock == "not run" and not stock_finished:
        return NO_STOCK
    if stock in GOOD:
        return PASSED if ours in GOOD else FAILED
    if stock == "skipped" or stock == "not run":
        if ours == "skipped" or ours == "not run":
            return SKIPPED
        return FAILED if is_bad(ours) else PASSED
    if ours in GOOD:
        return STOCK_FAILS
    return BOTH_FAIL


def finished(result):
    """Tell whether the driver came to the module's end."""
    return result["module"][0] not in ("crashed", "timed out", "interrupted")


def _explained(result):
    """Return the module's outcome, without what its tests say themselves."""
    outcome, text = result["module"]
    if outcome == "failed" and any(is_bad(test_outcome) for test_outcome, _
                                   in result["tests"].values()):
        return ["passed", ""]
    return [outcome, text]


def compare(module, stock, ours):
    """Return the rows of one module: one for each test.

    The module as a whole is one more where it has no tests that could be
    told apart, or where the driver says something else than that it passed.
    """
    stock_tests, our_tests = dict(stock["tests"]), dict(ours["tests"])
    stock_whole, our_whole = _explained(stock), _explained(ours)
    if stock_whole[0] != "passed" or our_whole[0] != "passed" or not (
            stock_tests or our_tests):
        whole = f"{module} (whole module)"
        stock_tests[whole] = stock_whole
        our_tests[whole] = our_whole
    rows = []
    for test in dict.fromkeys([*stock_tests, *our_tests]):
        stock_outcome, stock_text = stock_tests.get(test, _NOT_RUN)
        our_outcome, our_text = our_tests.get(test, _NOT_RUN)
        verdict = judge(stock_outcome, our_outcome, finished(stock))
        text = stock_text if verdict == SKIPPED else our_text
        rows.append(Row(module, test, stock_outcome, our_outcome,
                        text or stock_text, verdict))
    return rows


def has_bad(result):
    """Tell whether anything in a module's result speaks against it."""
    outcomes = [result["module"], *result["tests"].values()]
    return any(is_bad(outcome) for outcome, _ in outcomes)


def merge(first, again):
    """Return what two runs say together and the names of the mended tests.

    A test has the better of its outcomes.  An error that belongs to no test
    (of a class's set-up) and did not come back in a whole second run is gone.
    """
    tests = dict(first["tests"])
    mended = []
    for test, (outcome, _) in first["tests"].items():
        if is_bad(outcome) and test not in again["tests"] and finished(again):
            del tests[test]
            mended.append(test)
    for test, (outcome, text) in again["tests"].items():
        if is_bad(tests.get(test, ["crashed"])[0]) and not is_bad(outcome):
            if test in tests:
                mended.append(test)
            tests[test] = [outcome, text]
    module = first["module"]
    if is_bad(module[0]) and not is_bad(again["module"][0]):
        module = again["module"]
    return {"tests": tests, "module": module,
            "seconds": first["seconds"]}, mended


def own_rows(module, result):
    """Return the rows of a module of ours, which must pass by itself.

    A test that skips itself is skipped; any other word than a pass fails.
    """
    perfect = {"tests": {test: ["skipped" if outcome == "skipped"
                                else "passed", ""]
                         for test, (outcome, _) in result["tests"].items()},
               "module": ["passed", ""]}
    texts = {test: text for test, (_, text) in result["tests"].items()}
    return [row._replace(stock="", text=texts.get(row.test, row.text))
            for row in compare(module, perfect, result)]
