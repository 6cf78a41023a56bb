"""Imports that await keep nothing: no object, and in the debug join no reference."""

import asyncio
import contextlib
import gc
import importlib
import pathlib
import random
import sys
import tempfile
import threading
import unittest


def tearDownModule():
    asyncio.set_event_loop_policy(None)


MARK = "from __future__ import top_level_await\n"

# One that waits, a cycle, one that fails, a package, and a plain one among them.
MODULES = {
    "leaf": MARK + "import asyncio\nawait asyncio.sleep(0)\n",
    "a": MARK + "import b, leaf\nfrom package import child\n",
    "b": MARK + "import a, plain\n",
    "plain": "import sys\n",
    "package/__init__": MARK + "import leaf\n",
    "package/child": MARK + "from . import other\n",
    "package/other": "",
    "fails": MARK + "import a\nimport leaf\nraise ValueError\n",
}
NAMES = [name.removesuffix("/__init__").replace("/", ".") for name in MODULES]


@contextlib.contextmanager
def written():
    """Have the modules in a folder of sys.path."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in MODULES.items():
            path = pathlib.Path(folder, f"{name}.py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(source, encoding="utf-8")
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(folder)
            forget()


def forget():
    """Take the modules out of sys.modules."""
    for name in NAMES:
        sys.modules.pop(name, None)


async def import_all():
    """Import everything side by side, one in vain, one given up; reload one."""
    results = await asyncio.gather(*(importlib.import_module_async(name)
                                     for name in ("a", "fails", "package.child", "a")),
                                   return_exceptions=True)
    assert isinstance(results[1], ValueError), results
    await importlib.reload_async(sys.modules["leaf"])
    sys.modules.pop("leaf")
    task = asyncio.ensure_future(importlib.import_module_async("leaf"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    forget()


class LeakTest(unittest.TestCase):
    """What is there after a thousand imports is what was there before."""

    @staticmethod
    def counts():
        gc.collect()
        references = sys.gettotalrefcount() if hasattr(sys, "gettotalrefcount") else 0
        return len(gc.get_objects()), references

    def test_a_thousand_imports_and_reloads(self):
        async def main():
            grown = []
            for _ in range(4):
                before = self.counts()
                for _ in range(40):     # of seven imports and a reload each, at least
                    await import_all()
                grown.append([after - old for old, after in zip(before, self.counts())])
            return grown

        with written(), asyncio.Runner() as runner:
            grown = runner.run(main())
        # The first round fills caches.  A leak of one object each time would be 40 in every round.
        for objects, references in grown[1:]:
            self.assertLess(objects, 20, grown)
            self.assertLess(references, 20, grown)

    def test_nothing_is_in_progress(self):
        with written():
            asyncio.run(import_all())
        from asyncimport import graph, runs

        self.assertFalse(runs.in_progress)
        self.assertFalse(graph.waiting)


class ThreadsTest(unittest.TestCase):
    """Several threads, each with loops of its own, import the same at random."""

    THREADS, ROUNDS = 4, 25

    def test_threads_and_loops(self):
        failures = []
        barrier = threading.Barrier(self.THREADS, forget)

        def check(name, module):
            spec = module.__spec__
            if module.__name__ != name or spec is None:
                failures.append(f"{name}: {module!r}")

        async def awaited(name):
            try:
                check(name, await importlib.import_module_async(name))
            except (ValueError, ImportError) as error:
                self.note(error, name, failures)

        async def several(chance):
            await asyncio.gather(*(awaited(chance.choice(NAMES)) for _ in range(3)))

        def work(number):
            chance = random.Random(number)
            for _ in range(self.ROUNDS):
                barrier.wait()
                if chance.random() < 0.3:
                    name = chance.choice(NAMES)
                    try:
                        check(name, importlib.import_module(name))
                    except (ValueError, ImportError) as error:
                        self.note(error, name, failures)
                else:
                    asyncio.run(several(chance))

        def guarded(number):
            try:
                work(number)
            except threading.BrokenBarrierError:
                pass
            except BaseException as error:
                failures.append(f"thread {number}: {error!r}")
                barrier.abort()

        with written():
            threads = [threading.Thread(target=guarded, args=(number,), daemon=True)
                       for number in range(self.THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            hung = [thread.name for thread in threads if thread.is_alive()]
        self.assertEqual((hung, failures), ([], []))

    @staticmethod
    def note(error, name, failures):
        """Some may fail: what raises, and what would wait for itself by way of another thread."""
        if isinstance(error, ValueError):
            expected = name == "fails"
        else:
            expected = "each of these would wait for the next" in str(error)
        if not expected:
            failures.append(f"{name}: {error!r}")


if __name__ == "__main__":
    unittest.main()
