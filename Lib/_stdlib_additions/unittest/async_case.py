"""Added to module unittest.async_case: its tests run in a program that awaits.

An IsolatedAsyncioTestCase has an event loop of its own. Where unittest.main() is
called at the top level of a program that awaits, the program's loop runs already;
it stands still until the test has ended, as with every call that takes long.
"""

import sys

from _autoawait import StandIn


def add(module):
    """Have the loop that runs out of the way while a test has its own."""
    case = module.IsolatedAsyncioTestCase
    stock_set_up, stock_tear_down = case._setupAsyncioRunner, case._tearDownAsyncioRunner

    def _setupAsyncioRunner(self):
        self._standing_loop = module.asyncio._get_running_loop()
        module.asyncio._set_running_loop(None)
        stock_set_up(self)

    def _tearDownAsyncioRunner(self):
        try:
            stock_tear_down(self)
        finally:
            module.asyncio._set_running_loop(self.__dict__.pop("_standing_loop"))

    case._setupAsyncioRunner = StandIn(_is_in_program, _setupAsyncioRunner, stock_set_up)
    case._tearDownAsyncioRunner = StandIn(_has_standing_loop, _tearDownAsyncioRunner,
                                          stock_tear_down)


def _is_in_program(case):
    interrupts = sys.modules.get("autoawait.asyncio_interrupts")
    if interrupts is None or interrupts.current_run.get(None) is None:
        return False
    import asyncio

    return asyncio._get_running_loop() is not None


def _has_standing_loop(case):
    return "_standing_loop" in vars(case)
