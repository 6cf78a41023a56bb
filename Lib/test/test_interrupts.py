"""SIGINT at any time is one KeyboardInterrupt: none is lost, none comes twice or too late."""

import os
import random
import re
import signal
import subprocess
import sys
import time
import unittest

from prompt_support import PromptTestCase

ASYNCIO_PRELUDE = (
    "import asyncio",
    "async def nothing(): pass\n",
    "async def wait(seconds): await asyncio.sleep(seconds)\n",
)
ASYNCIO_TICKER = (
    "async def tick():\n    while True: await asyncio.sleep(0.0005)\n",
    "ticking = asyncio.create_task(tick())",
)
ASYNCIO_STATEMENTS = (
    "x = 1",
    "for i in range(3000): pass\n",
    "await nothing()",
    "await nothing(); x = 1",
    "await asyncio.sleep(0)",
    "await asyncio.sleep(0.001)",
    "await asyncio.gather(wait(0), wait(0.001))",
    "async with asyncio.TaskGroup() as group: group.create_task(wait(0.0005))\n",
    "task = asyncio.create_task(nothing())",
    "autoawait(True)",
)
TRIO_PRELUDE = (
    "autoawait('trio')",
    "import trio",
    "async def nothing(): pass\n",
    "async def wait(seconds): await trio.sleep(seconds)\n",
    "await nothing()",
)
TRIO_TICKER = (
    "async def tick():\n    while True: await trio.sleep(0.0005)\n",
    "autoawait.nursery.start_soon(tick)",
)
TRIO_STATEMENTS = (
    "x = 1",
    "for i in range(3000): pass\n",
    "await nothing()",
    "await trio.sleep(0)",
    "await trio.sleep(0.001)",
    "async with trio.open_nursery() as nursery: nursery.start_soon(wait, 0.001)\n",
    "await trio.to_thread.run_sync(int)",
    "autoawait.nursery.start_soon(nothing)",
)
SIGNALS = 20

# At a continuation prompt it stands behind that.
INTERRUPT = re.compile(r"^(?:\.\.\. )?KeyboardInterrupt$", re.MULTILINE)

# In the callback of a weak reference, such as those of asyncio's set of all tasks, CPython can only
# tell of it; the statement goes on.
TOLD_ONLY = re.compile(r"^Exception ignored in: <function WeakSet\..*?^KeyboardInterrupt: $",
                       re.MULTILINE | re.DOTALL)


class InterruptTest(PromptTestCase):
    """Statements that are interrupted anywhere on their way, and around it."""

    def send(self, statement):
        """Type a statement and do not wait for it."""
        self.prompt.child.send(statement + "\n")

    def read_until(self, word):
        """Return what is shown until word, and the prompt behind it."""
        self.prompt.child.expect_exact(word)
        shown = self.prompt.child.before
        self.prompt.child.expect(r"\n>>> $")
        return self.prompt._clean(shown + self.prompt.child.before) + "\n"

    def time_of(self, statement):
        """Return how long a statement takes, typing included."""
        began = time.perf_counter()
        for _ in range(3):
            self.prompt.type(statement)
        return (time.perf_counter() - began) / 3

    def check(self, statements):
        """Interrupt some statements at random times."""
        times = {statement: self.time_of(statement) for statement in statements}
        seed = random.randrange(10**6)
        chance = random.Random(seed)
        for number in range(SIGNALS):
            statement = chance.choice(statements)
            self.send(statement)
            end = time.perf_counter() + chance.uniform(0, 1.3 * times[statement])
            while time.perf_counter() < end:
                pass
            os.kill(self.prompt.child.pid, signal.SIGINT)
            # The next statement, which must not be interrupted, comes when this one was.
            # A value whose display was interrupted may still be written behind that.
            self.prompt.child.expect_exact("KeyboardInterrupt")
            shown = self.prompt.child.before + self.prompt.child.after
            self.prompt.child.expect(r">>> $")
            shown += self.prompt.child.before + self.prompt.child.after
            self.send(f"print('number', {number}, 'is', 'over')")
            shown = self.prompt._clean(shown) + self.read_until(f"number {number} is over")
            shown = TOLD_ONLY.sub("KeyboardInterrupt", shown)
            self.assertEqual(len(INTERRUPT.findall(shown)), 1, (seed, statement, shown))
            self.assertNotIn("Exception ignored", shown, (seed, statement))
            self.assertNotIn("RuntimeError", shown, (seed, statement))

    def run_all(self, prelude, ticker, statements):
        """Check at prompts with readline and without, idle and busy."""
        for mode in [], ["-I"]:
            for background in (), ticker:
                with self.subTest(mode=mode, background=bool(background)):
                    self.prompt = self.start(*mode)
                    for statement in prelude + background:
                        self.prompt.type(statement)
                    self.check(statements)
                    self.assertEqual(self.prompt.leave()[1], 0)

    def test_asyncio(self):
        self.run_all(ASYNCIO_PRELUDE, ASYNCIO_TICKER, ASYNCIO_STATEMENTS)

    def test_trio(self):
        self.run_all(TRIO_PRELUDE, TRIO_TICKER, TRIO_STATEMENTS)


JUST_GIVEN_WAY = """
import asyncio, signal, sys

def interrupt(frame, event, argument):
    if event == "return" and frame.f_code is asyncio.events.Handle._run.__code__:
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)

async def waiting():
    sys.setprofile(interrupt)
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaned")

try:
    await waiting()
except BaseException as error:
    print(type(error).__name__)
"""


class FirstStepTest(unittest.TestCase):
    """SIGINT at a moment that chance seldom finds."""

    def test_when_it_has_just_given_way(self):
        """It is for the statement, which is cancelled, and not for what drives it."""
        result = subprocess.run(
            [sys.executable, "-X", "autoawait", "-c", JUST_GIVEN_WAY], capture_output=True,
            text=True, timeout=60,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        self.assertEqual((result.stdout, result.returncode), ("cleaned\nCancelledError\n", 0),
                         result.stderr)


if __name__ == "__main__":
    unittest.main()
