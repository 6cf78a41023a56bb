"""A cluster of Dask, awaited from one session."""

import os
import subprocess
import unittest

from places import PATIENCE, PYTHON, STOCK, PlaceTestCase, Tried, clean_environment, sleeps
from servers import Dask, wait_until

SESSION = """
>>> import os, sys
>>> from distributed import Client, as_completed
>>> client = await Client(os.environ['SCHEDULER'], asynchronous=True)
>>> await client.wait_for_workers(2)
>>> offset = 1
>>> class Point:
...     def __init__(self, x):
...         self.x = x
...
>>> def square(point):
...     return Point(point.x ** 2 + offset)
...
>>> points = await client.gather(client.map(square, [Point(x) for x in range(5)]))
>>> print([point.x for point in points])
[1, 2, 5, 10, 17]
>>> async def double(number):
...     import asyncio
...     return await asyncio.sleep(0.01, 2 * number)
...
>>> futures = client.map(double, range(5))
>>> print(sorted([await future async for future in as_completed(futures)]))
[0, 2, 4, 6, 8]
>>> try:
...     await client.submit(lambda number: 1 / number, 0)
... except ZeroDivisionError as error:
...     print(error)
...
division by zero
>>> await client.close()
"""

CONNECT = """
>>> import os, time
>>> from distributed import Client, as_completed, progress
>>> client = await Client(os.environ['SCHEDULER'], asynchronous=True)
>>> await client.wait_for_workers(2)
"""

# Runs until a file is there; tells which worker ran it.
WAIT = """
>>> def wait(path):
...     from distributed import get_worker
...     while not os.path.exists(path):
...         time.sleep(0.02)
...     return get_worker().name
...
"""


class Workers(Tried):
    title = "Dask, workers of this interpreter"
    packages = ("python3-distributed",)
    session = SESSION

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.use(Dask(PYTHON, [PYTHON, PYTHON]))

    def test_progress_while_the_prompt_waits(self):
        prompt = self.start()
        self.type(prompt, CONNECT + WAIT + """
>>> async def follow(futures):
...     async for future in as_completed(futures):
...         print('finished:', await future)
...
>>> import asyncio
""")
        path = os.path.join(self.home, "go")
        prompt.type(f"future = client.submit(wait, {path!r}, workers='worker-0')")
        prompt.type("task = asyncio.create_task(follow([future]))")
        prompt.child.send("40 + ")
        self.write("go", "")
        prompt.child.expect(r"finished: worker-0\r\n>>> 40 \+ ")
        prompt.child.send("2\n")
        prompt.child.expect_exact("42\r\n>>> ")
        self.assertEqual(prompt.leave("await client.close(); exit()")[1], 0)

    def test_progress_bar(self):
        prompt = self.start()
        self.type(prompt, CONNECT + WAIT)
        path = os.path.join(self.home, "bar")
        # They have to be kept: the client forgets those that nobody has, and waits for ever.
        prompt.type(f"futures = client.map(wait, 6 * [{path!r}], pure=False)")
        # A plain statement, during which the loop stands still: what map() has to say to the
        # scheduler must have been said.
        prompt.type("while not any((await client.processing()).values()): pass\n")
        prompt.child.send("progress(futures)\n")
        prompt.child.expect(r"\r\[ +\] \| 0% Completed")
        self.write("bar", "")
        prompt.child.expect(r"\r\[#+\] \| 100% Completed")
        prompt.child.expect_exact(">>> ")
        self.assertEqual(prompt.leave("await client.close(); exit()")[1], 0)

    def test_interrupted(self):
        """Ctrl-C gives up the wait, and the cluster goes on."""
        prompt = self.start()
        self.type(prompt, CONNECT + WAIT)
        path = os.path.join(self.home, "interrupted")
        prompt.type(f"future = client.submit(wait, {path!r})")
        prompt.child.send("await client.gather([future])\n")
        prompt.child.expect_exact("\n")
        wait_until(lambda: sleeps(prompt), "the prompt awaits")
        prompt.child.sendintr()
        self.assertRegex(prompt.read_to_prompt(), r"(?s)Traceback .*KeyboardInterrupt\n$")
        self.check_goes_on(prompt)
        self.write("interrupted", "")
        self.assertRegex(prompt.type("await future"), r"^'worker-[01]'\n$")
        self.assertEqual(prompt.leave("await client.close(); exit()")[1], 0)


class StockWorkers(Tried):
    title = "Dask, workers of stock"
    packages = ("python3-distributed",)
    session = SESSION

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.use(Dask(STOCK, [STOCK, STOCK]))


class StockClient(PlaceTestCase):
    title = "Dask, client of stock, workers of this interpreter"
    packages = ("python3-distributed",)

    def test_functions_of_stock_run_here(self):
        with Dask(PYTHON, [PYTHON, PYTHON]) as cluster:
            # What the session does, as stock would have to.
            source = "".join(line[4:] + "\n" for line in SESSION.splitlines()
                             if line.startswith((">>> ", "...")))
            printed = "".join(line + "\n" for line in SESSION.splitlines()
                              if line and not line.startswith((">>> ", "...")))
            program = self.write("program.py", "import ast, asyncio\n"
                                 f"code = compile({source!r}, 'text', 'exec', "
                                 "ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)\n"
                                 "asyncio.run(eval(code, globals()))\n")
            outcome = subprocess.run(
                [STOCK, program], env=clean_environment(**self.variables, **cluster.variables),
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(outcome.stdout, printed, outcome.stderr)


class Killed(PlaceTestCase):
    title = "Dask, killed in the middle"
    packages = ("python3-distributed",)

    def test_worker_killed(self):
        """Another one takes the work over, and the await is none the wiser."""
        with Dask(PYTHON, [PYTHON, STOCK]) as cluster:
            prompt = self.start(**cluster.variables)
            self.type(prompt, CONNECT + WAIT)
            path = os.path.join(self.home, "go")
            prompt.type(f"future = client.submit(wait, {path!r})")
            prompt.type("workers = {}")
            prompt.type("while not any(workers.values()): workers = await client.processing()\n")
            address = prompt.type("[address for address, tasks in workers.items() if tasks][0]")
            name = prompt.type(f"client.scheduler_info()['workers'][{address.strip()}]['name']")
            name = name.strip().strip("'")
            prompt.child.send("print('wait', 'ing'); await future\n")
            prompt.child.expect_exact("wait ing\r\n")
            cluster.kill_worker(name)
            self.write("go", "")
            other = ({"worker-0", "worker-1"} - {name}).pop()
            self.assertEqual(prompt.read_to_prompt(), f"'{other}'\n")
            self.assertEqual(prompt.leave("await client.close(); exit()")[1], 0)

    def test_scheduler_killed(self):
        with Dask(PYTHON, [PYTHON, PYTHON]) as cluster:
            prompt = self.start(**cluster.variables)
            self.type(prompt, CONNECT + WAIT)
            prompt.type("future = client.submit(wait, '/nowhere')")
            prompt.type("async def fetch():\n    return await client.gather([future])\n")
            prompt.child.send("await fetch()\n")
            prompt.child.expect_exact("\n")
            wait_until(lambda: sleeps(prompt), "the prompt awaits")
            cluster.kill()
            shown = prompt.read_to_prompt()
            self.assertIn('File "<stdin>", line 2, in fetch\n', shown)
            self.assertRegex(shown, r"\n[\w.]*(Error|Cancelled\w*)\b.*\n$")
            self.check_goes_on(prompt)
            prompt.leave()


del Tried

if __name__ == "__main__":
    unittest.main()
