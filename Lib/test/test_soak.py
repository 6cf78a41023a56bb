"""A hundred thousand statements in one session leave nothing behind."""

import subprocess
import sys
import unittest

from prompt_support import clean_environment

BLOCKS = 12
WARM = 5
STATEMENTS = (
    # Plain, awaited, and mixed with tasks that come and go in the background.
    "x = 1",
    "await nothing()",
    "x + 1 and None",
    "await asyncio.sleep(0)",
    "t = asyncio.create_task(nothing())",
    "await t",
    "x = [n async for n in count()]",
    "asyncio.create_task(asyncio.sleep(0)) and None",
    "async with lock: pass\n",
    "for y in range(2): x = await nothing()\n",
)
PRELUDE = """\
import asyncio, gc, os
async def nothing(): pass

async def count():
    yield 1

async def tick():
    while True: await asyncio.sleep(0)

lock = asyncio.Lock()
ticking = asyncio.create_task(tick())
def measure():
    gc.collect()
    with open('/proc/self/statm') as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE'), len(os.listdir('/proc/self/fd')), \
        len(asyncio.all_tasks(asyncio.get_running_loop())), len(gc.get_objects())

"""


class SoakTest(unittest.TestCase):
    """Memory, descriptors, tasks and objects stay as they are."""

    def test_session(self):
        block = "\n".join(STATEMENTS * 1000) + "\nmeasure()\n"
        result = subprocess.run(
            [sys.executable, "-q", "-i"], input=PRELUDE + block * BLOCKS, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600, env=clean_environment())
        self.assertEqual(result.stderr.replace(">>> ", "").replace("... ", "").strip(), "")
        measures = [eval(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(measures), BLOCKS)
        # The first blocks warm caches up.
        memory, descriptors, tasks, objects = zip(*measures[WARM:])
        self.assertLess(max(memory) - memory[0], 256 * 1024)
        self.assertEqual(set(descriptors), {descriptors[0]})
        self.assertEqual(set(tasks), {tasks[0]})
        self.assertLess(max(objects) - objects[0], 50)


if __name__ == "__main__":
    unittest.main()
