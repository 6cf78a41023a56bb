"""Tasks as they are: autoawait.tasks(), autoawait.tree(), and from outside a process."""

import asyncio
import contextlib
import gc
import os
import re
import socket
import subprocess
import tempfile
import textwrap
import threading
import time
import unittest

import autoawait
from autoawait import taskview
from autoawait.taskview import server, stacks
from join_support import PROGRAM, clean_environment, run

HERE = os.path.abspath(__file__)


async def settle():
    """Let every task come to where it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def forever():
    """Wait for nothing that comes."""
    await asyncio.Event().wait()


class AsyncioCase(unittest.IsolatedAsyncioTestCase):
    """A test on a loop, whose tasks are cancelled after it."""

    def start(self, coroutine, name):
        """Begin a task that ends with the test."""
        task = asyncio.create_task(coroutine, name=name)

        async def end():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

        self.addAsyncCleanup(end)
        return task

    async def records(self):
        """Return the records by name."""
        await settle()
        return {record.name: record for record in autoawait.tasks()}


class WaitingTest(AsyncioCase):
    """What a task of asyncio waits for."""

    async def assertWaits(self, coroutine, words, *names):
        """Assert what the task of coroutine waits for, and which tasks it awaits."""
        task = self.start(coroutine, "it")
        await settle()
        [record] = [record for record in autoawait.tasks() if record.key is task]
        self.assertRegex(record.waits_for, f"^{words}$")
        self.assertEqual(sorted(awaited.get_name() for awaited, _ in record.awaits), sorted(names))
        self.assertEqual(record.state, "waiting")

    async def test_sleep(self):
        await self.assertWaits(asyncio.sleep(1000), r"sleep 1e\+03 s")

    async def test_task(self):
        await self.assertWaits(self.awaiting(self.start(forever(), "one")), "one", "one")

    async def awaiting(self, awaitable):
        """Await an awaitable, in a coroutine."""
        return await awaitable

    async def test_gather(self):
        gathered = asyncio.gather(self.start(forever(), "one"), self.start(forever(), "two"))
        await self.assertWaits(self.awaiting(gathered), "gather of 2", "one", "two")

    async def test_gather_of_gather_and_shield(self):
        inner = asyncio.gather(self.start(forever(), "one"))
        outer = asyncio.gather(inner, asyncio.shield(self.start(forever(), "two")))
        await self.assertWaits(self.awaiting(outer), "gather of 2", "one", "two")

    async def test_shield(self):
        await self.assertWaits(self.awaiting(asyncio.shield(self.start(forever(), "one"))),
                               "shield", "one")

    async def test_wait(self):
        await self.assertWaits(asyncio.wait([self.start(forever(), "one")]), "wait of 1", "one")

    async def test_wait_for(self):
        await self.assertWaits(asyncio.wait_for(self.start(forever(), "one"), 1000),
                               r"wait_for 1e\+03 s", "one")

    async def test_as_completed(self):
        async def first():
            for one in asyncio.as_completed([self.start(forever(), "one")]):
                await one

        await self.assertWaits(first(), "as_completed of 1", "one")

    async def test_task_group(self):
        async def group():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(forever(), name="one")

        await self.assertWaits(group(), "TaskGroup of 1", "one")

    async def test_queues_and_locks(self):
        queue, lock = asyncio.Queue(1), asyncio.Lock()
        await lock.acquire()
        await self.assertWaits(queue.get(), "Queue.get of 0")
        await self.assertWaits(self.awaiting(lock.acquire()), r"Lock.acquire\(\)")
        self.addCleanup(lock.release)

    async def test_executor_and_thread(self):
        event = threading.Event()
        self.addCleanup(event.set)
        loop = asyncio.get_running_loop()
        await self.assertWaits(asyncio.to_thread(event.wait), r"thread Event.wait\(\)")
        await self.assertWaits(self.awaiting(loop.run_in_executor(None, event.wait)), "executor")

    async def test_asynchronous_generator(self):
        async def numbers():
            await forever()
            yield 1

        async def first():
            async for number in numbers():
                return number

        await self.assertWaits(first(), r"Event.wait\(\)")
        record = (await self.records())["it"]
        self.assertTrue(record.place.endswith(f":{forever.__code__.co_firstlineno + 2}"), record)

    async def test_awaitable_of_ones_own(self):
        class Own:
            def __await__(self):
                return forever().__await__()

        await self.assertWaits(self.awaiting(Own()), r"Event.wait\(\)")


class RecordTest(AsyncioCase):
    """The columns."""

    async def test_place_and_states(self):
        self.start(forever(), "waits")
        records = await self.records()
        place = f":{forever.__code__.co_firstlineno + 2}"
        self.assertTrue(records["waits"].place.endswith(place), records["waits"])
        self.assertEqual(records["waits"].function, "forever")
        own = asyncio.current_task().get_name()
        self.assertEqual(records[own].state, "running")
        ready = self.start(forever(), "ready")
        [record] = [record for record in autoawait.tasks() if record.key is ready]
        self.assertEqual(record.state, "ready")

        async def stubborn():
            try:
                await forever()
            except asyncio.CancelledError:
                await forever()

        task = self.start(stubborn(), "stubborn")
        await settle()
        task.cancel()
        self.assertEqual((await self.records())["stubborn"].state, "cancelling")

    async def test_ended_tasks_are_none(self):
        task = self.start(asyncio.sleep(0), "ended")
        await task
        self.assertNotIn("ended", await self.records())

    async def test_since_and_computed(self):
        autoawait.tasks()
        before = time.monotonic()

        async def compute():
            begin = time.monotonic()
            while time.monotonic() == begin:
                pass
            await forever()

        self.start(compute(), "computes")
        record = (await self.records())["computes"]
        self.assertGreater(record.computed, 0)
        self.assertLessEqual(before, record.since)
        self.assertLessEqual(record.since, time.monotonic())

    async def test_table(self):
        self.start(asyncio.sleep(1000), "a name")
        await settle()
        heading, *lines = repr(autoawait.tasks()).splitlines()
        self.assertEqual(re.split("  +", heading), ["task", "state", "waits for", "since",
                                                    "stands at", "computed"])
        [line] = [line for line in lines if line.startswith("a name")]
        self.assertRegex(line, r"^a name +waiting +sleep 1e\+03 s +[\d.]+ ms +\S+tasks.py:\d+ "
                               r"sleep\(\) +[\d.]+ ms$")
        column = heading.index("waits for")
        self.assertEqual(line[column:column + 5], "sleep")

    async def test_order(self):
        for name in "t-10", "t-9", "t-2":
            self.start(forever(), name)
        await settle()
        names = [record.name for record in autoawait.tasks() if record.name.startswith("t-")]
        self.assertEqual(names, ["t-2", "t-9", "t-10"])

    async def test_tasks_of_other_threads(self):
        loop, begun = asyncio.new_event_loop(), threading.Event()

        async def elsewhere():
            begun.set()
            await forever()

        def work():
            task = loop.create_task(elsewhere(), name="elsewhere")
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
            loop.close()

        thread = threading.Thread(target=work)
        thread.start()
        begun.wait()
        record = (await self.records())["elsewhere"]
        self.assertIn(record.state, ("waiting", "running"))
        loop.call_soon_threadsafe(record.key.cancel)
        thread.join()


class TreeTest(AsyncioCase):
    """Who awaits whom."""

    async def shown(self):
        """Return the lines of the tree, without places."""
        await settle()
        return [re.sub(r" at \S+:\d+", "", line) for line in repr(autoawait.tree()).splitlines()]

    async def test_branches(self):
        one, two = self.start(forever(), "one"), self.start(forever(), "two")

        async def both():
            await asyncio.gather(one, two)

        async def outer(inner):
            await inner

        middle = self.start(both(), "both")
        self.start(outer(middle), "outer")
        lines = await self.shown()
        begin = lines.index("outer outer()  both")
        self.assertEqual(lines[begin + 1:begin + 4], [
            "└── both both()  gather of 2",
            "    ├── one forever()  Event.wait()",
            "    └── two forever()  Event.wait()"])

    async def test_cycle(self):
        others = {}

        async def await_other(name):
            # Unlike a plain await, this can be cancelled in a cycle.
            await asyncio.wait([others[name]])

        others["b"] = self.start(await_other("a"), "b")
        others["a"] = self.start(await_other("b"), "a")
        lines = await self.shown()
        self.assertIn(lines[-1], ("cycle: a awaits b awaits a", "cycle: b awaits a awaits b"))
        self.assertEqual(sum("a cycle" in line for line in lines), 1)

    async def test_where_of_the_debugger(self):
        lines = []

        async def inner():
            await settle()
            lines.extend(taskview.lines_of_awaiters())

        async def outer():
            await asyncio.gather(asyncio.create_task(inner(), name="inner"))

        await self.start(outer(), "outer")
        self.assertRegex(lines[0], r"^awaited by outer outer\(\) at \S+:\d+  gather of 1$")

    async def test_no_tasks(self):
        self.assertEqual(repr(taskview.Table()), "no tasks")
        self.assertEqual(repr(taskview.Tree()), "no tasks")


class TrioTest(unittest.TestCase):
    """The tasks of trio."""

    def test_nurseries(self):
        try:
            import trio
        except ImportError:
            self.skipTest("trio is not installed")
        shown = []

        async def waits():
            await trio.sleep_forever()

        async def opens():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(waits)

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(opens)
                await trio.testing.wait_all_tasks_blocked()
                shown.extend([autoawait.tasks(), repr(autoawait.tree())])
                nursery.cancel_scope.cancel()

        import trio.testing
        trio.run(main)
        records = {record.name: record for record in shown[0]}
        self.assertEqual(set(records), {"main", "opens", "waits"})
        self.assertEqual(records["main"].state, "running")
        self.assertEqual((records["waits"].state, records["waits"].waits_for),
                         ("waiting", "sleep_forever()"))
        self.assertEqual(records["opens"].waits_for, "nursery of 1")
        lines = [re.sub(r" at \S+:\d+", "", line) for line in shown[1].splitlines()]
        self.assertEqual(lines, ["main main()  running", "└── opens opens()  nursery of 1",
                                 "    └── waits waits()  sleep_forever()"])


class ModuleTest(unittest.TestCase):
    """What it costs who does not ask."""

    def test_nothing_is_imported(self):
        outcome = run(PROGRAM, "-c", "import sys, autoawait; print('autoawait.taskview' in "
                      "sys.modules); autoawait.tasks(); print('asyncio' in sys.modules, "
                      "'trio' in sys.modules, autoawait.tasks())")
        self.assertEqual(outcome.output, "False\nFalse False no tasks\n", outcome.errors)

    def test_stock_loop_is_measured_only_when_asked(self):
        outcome = run(PROGRAM, "-c", "import asyncio, autoawait\n"
                      "print(hasattr(asyncio.Handle._run, '__wrapped__'))\n"
                      "autoawait.tasks(); print(hasattr(asyncio.Handle._run, '__wrapped__'))")
        self.assertEqual(outcome.output, "False\nTrue\n", outcome.errors)

    def test_short_names(self):
        def inner():
            pass

        self.assertEqual(stacks.short_name(inner), "inner")
        self.assertEqual(stacks.short_name(self.test_short_names),
                         "ModuleTest.test_short_names")


class SocketTest(unittest.TestCase):
    """-X tasksocket, and python -m asyncio ps and pstree."""

    PROGRAM = textwrap.dedent("""\
        import asyncio, sys
        async def worker():
            await asyncio.sleep(1000)
        async def main():
            task = asyncio.create_task(worker(), name="the worker")
            await asyncio.sleep(0)
            print("ready", flush=True)
            await asyncio.gather(task)
        asyncio.run(main())
        """)

    @contextlib.contextmanager
    def process(self, *options, program=PROGRAM, **variables):
        """Run a program until the block has ended."""
        with subprocess.Popen([PROGRAM, *options, "-c", program], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=clean_environment(**variables),
                              text=True) as process:
            try:
                process.stdout.readline()
                yield process
            finally:
                process.kill()

    def ask(self, command, process):
        """Return what the command prints."""
        return run(PROGRAM, "-m", "asyncio", command, str(process.pid))

    def test_ps_and_pstree(self):
        for options, variables in (("-X", "tasksocket"), {}), ((), {"PYTHONTASKSOCKET": "1"}):
            with self.subTest(options), self.process(*options, **variables) as process:
                table = self.ask("ps", process)
                self.assertRegex(table.output, r"(?m)^the worker +waiting +sleep .* <string>:3 "
                                               r"worker\(\) +[\d.]+ ms$")
                self.assertEqual((table.status, table.errors), (0, ""))
                tree = self.ask("pstree", process)
                self.assertRegex(tree.output, r"^Task-1 main\(\) at <string>:8  gather of 1\n"
                                 r"└── the worker worker\(\) at <string>:3  sleep .* s\n$")

    def test_blocked_loop(self):
        program = textwrap.dedent("""\
            import asyncio, time
            def block():
                print("ready", flush=True)
                time.sleep(1000)
            async def main():
                await asyncio.sleep(0)
                block()
            asyncio.run(main())
            """)
        with self.process("-X", "tasksocket", program=program) as process:
            table = self.ask("ps", process)
            self.assertRegex(table.output, r"(?m)^Task-1 +running .*<string>:4 main\(\)")

    def test_uvloop(self):
        try:
            import uvloop  # noqa: F401
        except ImportError:
            self.skipTest("uvloop is not installed")
        program = "import uvloop; uvloop.install()\n" + self.PROGRAM
        with self.process("-X", "tasksocket", program=program) as process:
            tree = self.ask("pstree", process)
            self.assertRegex(tree.output, r"^Task-1 main\(\) at <string>:9  gather of 1\n"
                             r"└── the worker worker\(\) at <string>:4  sleep .* s\n$")

    def test_process_that_does_not_allow_it(self):
        with self.process() as process:
            outcome = self.ask("ps", process)
        self.assertEqual((outcome.status, outcome.output), (1, ""))
        self.assertIn("-X tasksocket", outcome.errors)
        self.assertNotIn("Traceback", outcome.errors)

    def test_only_the_user_may_enter(self):
        with self.process("-X", "tasksocket") as process:
            path = server.path_of(process.pid)
            self.assertEqual(os.lstat(path).st_mode & 0o777, 0o600)
            self.assertEqual(os.lstat(os.path.dirname(path)).st_mode & 0o777, 0o700)

    def test_folder_of_others(self):
        with tempfile.TemporaryDirectory() as parent:
            folder = os.path.join(parent, "sockets")
            probe = ("from autoawait.taskview import server\n"
                     f"server.folder = lambda: {folder!r}\nserver.begin()\nprint('open')")
            os.mkdir(folder)
            os.chmod(folder, 0o755)
            os.mkdir(folder + "2", 0o700)
            for kind in "open to others", "a link":
                with self.subTest(kind):
                    outcome = run(PROGRAM, "-c", probe)
                    self.assertEqual((outcome.status, outcome.output), (1, ""))
                    self.assertIn("is not a folder of yours alone", outcome.errors)
                if kind == "open to others":
                    os.rmdir(folder)
                    os.symlink(folder + "2", folder)

    def test_nonsense(self):
        with self.process("-X", "tasksocket") as process:
            for line, answer in (b"kill\n", b"unknown command\n"), (b"\xff\n", b""), (b"", b""):
                with self.subTest(line), socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(server.path_of(process.pid))
                    connection.sendall(line)
                    connection.shutdown(socket.SHUT_WR)
                    received = connection.recv(1000)
                    self.assertIn(received, (answer, b"unknown command\n"))
            self.assertEqual(self.ask("ps", process).status, 0)

    def test_socket_goes_with_the_process(self):
        outcome = run(PROGRAM, "-X", "tasksocket", "-c", "import os\n"
                      "from autoawait.taskview import server\n"
                      "print(server.path_of(os.getpid()), os.path.exists("
                      "server.path_of(os.getpid())))")
        path, existed = outcome.output.split()
        self.assertEqual(existed, "True")
        self.assertFalse(os.path.exists(path))

    def test_forked_process(self):
        program = textwrap.dedent("""\
            import os, signal
            from autoawait.taskview import server
            child = os.fork()
            if child == 0:
                path = server.path_of(os.getpid())
                print(os.path.exists(path), flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            print(os.path.exists(server.path_of(os.getpid())))
            """)
        outcome = run(PROGRAM, "-X", "tasksocket", "-c", program)
        self.assertEqual(outcome.output, "True\nTrue\n", outcome.errors)

    def test_off_by_default(self):
        outcome = run(PROGRAM, "-c", "import sys, threading; print(threading.active_count(), "
                      "'socket' in sys.modules, 'autoawait' in sys.modules)")
        self.assertEqual(outcome.output, "1 False False\n")


def tearDownModule():
    """Leave no event loop policy and no thread behind."""
    asyncio.set_event_loop_policy(None)
    gc.collect()


if __name__ == "__main__":
    unittest.main()
