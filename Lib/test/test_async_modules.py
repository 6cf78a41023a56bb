"""Imports of modules that await: every case of the design, under asyncio."""

import asyncio
import contextvars
import importlib
import sys
import threading
import traceback
import types
import unittest

from async_modules_support import AsyncModulesTestCase

variable = contextvars.ContextVar("variable", default=None)


def tearDownModule():
    asyncio.set_event_loop_policy(None)


class AsyncioCase(AsyncModulesTestCase, unittest.IsolatedAsyncioTestCase):
    """Test methods are coroutines, and run in an event loop of their own."""


class OrderTest(AsyncioCase):
    """What starts when, and what goes on when."""

    async def test_leaf(self):
        self.write_all(leaf="note('start'); await gate('a'); note('end'); x = 1")
        task = self.begin("leaf")
        await self.settle()
        self.assertEqual(self.log, ["start"])
        self.assertFalse(task.done())
        self.assertTrue(sys.modules["leaf"].__spec__._initializing)
        self.probe.open("a")
        module = await task
        self.assertIs(module, sys.modules["leaf"])
        self.assertEqual(module.x, 1)
        self.assertFalse(module.__spec__._initializing)
        self.assertEqual(self.log, ["start", "end"])

    async def test_two_levels(self):
        self.write_all(leaf="await gate('a'); note('leaf')", top="import leaf; note('top')")
        task = self.begin("top")
        await self.settle()
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["leaf", "top"])

    async def test_diamond(self):
        self.write_all(leaf="note('leaf'); await gate('a'); note('leaf end')",
                       left="import leaf; note('left')", right="import leaf; note('right')",
                       top="import left, right; note('top')")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["leaf"])
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["leaf", "leaf end", "left", "right", "top"])

    async def test_siblings_side_by_side(self):
        self.write_all(a="note('a'); await gate('a'); note('a end')",
                       b="note('b'); await gate('b'); note('b end')",
                       top="import a\nimport b\nnote('top')")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["a", "b"])
        self.probe.open("b")
        await self.settle()
        self.assertEqual(self.log, ["a", "b", "b end"])
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["a", "b", "b end", "a end", "top"])

    async def test_other_statement_ends_the_batch(self):
        self.write_all(a="note('a'); await gate('a')", b="note('b'); await gate('b')",
                       top="import a\nnote('between')\nimport b")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["a"])
        self.probe.open("a")
        await self.settle()
        self.assertEqual(self.log, ["a", "between", "b"])
        self.probe.open("b")
        await task

    async def test_one_by_one_inside_statements(self):
        self.write_all(a="note('a'); await gate('a')", b="note('b')",
                       top="try:\n  import a, b\nfinally:\n  note('top')")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["a"])
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["a", "b", "top"])

    async def test_plain_sibling_runs_meanwhile(self):
        self.write_all(a="note('a'); await gate('a'); note('a end')")
        self.write("plain.py", "note('plain')", mark=False)
        self.write_all(b="note('b'); await gate('a'); note('b end')",
                       top="import a, plain, b\nnote('top')")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["a", "plain", "b"])
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["a", "plain", "b", "a end", "b end", "top"])

    async def test_start_is_post_order(self):
        self.write_all(a1="note('a1'); await gate('1')", a2="note('a2'); await gate('1')",
                       b1="note('b1'); await gate('1')", a="import a1, a2; note('a')",
                       b="import b1; note('b')", top="import a, b; note('top')")
        task = self.begin("top")
        # Every start is made before the loop has another turn.
        await asyncio.sleep(0)
        self.assertEqual(self.log, ["a1", "a2", "b1"])
        self.probe.open("1")
        await task
        self.assertEqual(self.log, ["a1", "a2", "b1", "b", "a", "top"][:3] + self.log[3:])
        self.assertEqual(self.log[-1], "top")
        self.assertCountEqual(self.log[3:], ["a", "b", "top"])

    async def test_resumption_in_order_reached(self):
        """Parents, direct and indirect, of a module that completes."""
        self.write_all(leaf="await gate('a'); note('leaf')",
                       p1="import leaf; note('p1')", p2="import leaf; note('p2')",
                       p3="import leaf; note('p3')", q="import p2; note('q')",
                       top="import p1, q, p3; note('top')")
        task = self.begin("top")
        await self.settle()
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["leaf", "p1", "p2", "p3", "q", "top"])

    async def test_no_turn_for_plain_modules(self):
        for name in "abc":
            self.write(f"{name}.py", f"note('{name}')", mark=False)
        self.write_all(top="import a, b\nfrom c import note as c\nnote('top')")
        asyncio.get_running_loop().call_soon(self.probe.note, "a turn")
        await importlib.import_module_async("top")
        self.assertEqual(self.log, ["a", "b", "c", "top"])

    async def test_chain_deeper_than_the_stack(self):
        depth = sys.getrecursionlimit() + 200
        for number in range(depth):
            self.write_all(**{f"m{number}": f"import m{number + 1}"})
        self.write_all(**{f"m{depth}": "await gate('a'); note('deep')"})
        task = self.begin("m0")
        await self.settle()
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["deep"])


class NamesTest(AsyncioCase):
    """What import statements bind."""

    async def check(self, statement, *expected):
        self.write("pkg/__init__.py", "await gate('p'); note('pkg'); x = 1")
        self.write("pkg/a.py", "await gate('p'); note('pkg.a'); y = 2; __all__ = ['y']")
        self.write("pkg/b.py", "await gate('p'); note('pkg.b')")
        self.write("pkg/sub/__init__.py", "note('pkg.sub')")
        self.write("pkg/sub/deep.py", "await gate('p'); note('pkg.sub.deep')")
        self.write("pkg/relative.py", "from . import a\nfrom .sub import deep as d\n"
                                      "from .a import y\nnote('pkg.relative', y)")
        self.write_all(top=statement)
        self.probe.open("p")
        module = await importlib.import_module_async("top")
        names = {name for name in vars(module) if not name.startswith("__")}
        self.assertEqual(self.log, list(expected))
        return module, names - {"note", "gate", "top_level_await"}

    async def test_package(self):
        module, names = await self.check("import pkg", "pkg")
        self.assertEqual(names, {"pkg"})
        self.assertEqual(module.pkg.x, 1)

    async def test_submodule(self):
        module, names = await self.check("import pkg.sub.deep", "pkg", "pkg.sub", "pkg.sub.deep")
        self.assertEqual(names, {"pkg"})
        self.assertIs(module.pkg.sub.deep, sys.modules["pkg.sub.deep"])

    async def test_submodule_as(self):
        module, names = await self.check("import pkg.sub.deep as d", "pkg", "pkg.sub",
                                         "pkg.sub.deep")
        self.assertEqual(names, {"d"})
        self.assertIs(module.d, sys.modules["pkg.sub.deep"])

    async def test_from_package(self):
        module, names = await self.check("from pkg import x, a, b as c", "pkg", "pkg.a", "pkg.b")
        self.assertEqual(names, {"x", "a", "c"})
        self.assertIs(module.c, sys.modules["pkg.b"])

    async def test_star(self):
        _, names = await self.check("from pkg.a import *", "pkg", "pkg.a")
        self.assertEqual(names, {"y"})

    async def test_star_imports_submodules_of_all(self):
        self.write("all/__init__.py", "__all__ = ['one', 'two']")
        self.write("all/one.py", "await gate('p'); note('one')")
        self.write("all/two.py", "await gate('p'); note('two')")
        _, names = await self.check("from all import *", "one", "two")
        self.assertEqual(names, {"one", "two"})

    async def test_relative(self):
        await self.check("import pkg.relative", "pkg", "pkg.a", "pkg.sub", "pkg.sub.deep",
                         "pkg.relative 2")

    async def test_relative_outside_of_packages(self):
        with self.assertRaisesRegex(ImportError, "no known parent package"):
            await self.check("from . import a")

    async def test_beyond_top_level(self):
        self.write("up/__init__.py", "")
        self.write("up/m.py", "from .. import a")
        with self.assertRaisesRegex(ImportError, "beyond top-level package"):
            await importlib.import_module_async("up.m")

    async def test_missing_name(self):
        with self.assertRaisesRegex(ImportError, "cannot import name 'nothing' from 'pkg'"):
            await self.check("from pkg import nothing")

    async def test_not_a_package(self):
        self.write_all(flat="")
        with self.assertRaisesRegex(ModuleNotFoundError, "'flat' is not a package") as caught:
            await importlib.import_module_async("flat.sub")
        self.assertEqual(caught.exception.name, "flat.sub")

    async def test_children_side_by_side(self):
        self.write("pkg/__init__.py", "")
        self.write("pkg/a.py", "note('a'); await gate('a')")
        self.write("pkg/b.py", "note('b'); await gate('a')")
        self.write_all(top="from pkg import a, b")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["a", "b"])
        self.probe.open("a")
        await task

    async def test_parent_strictly_first(self):
        self.write("pkg/__init__.py", "note('pkg'); await gate('p'); note('pkg end')")
        self.write("pkg/a.py", "note('a')")
        self.write_all(top="import pkg.a, pkg.a as b")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["pkg"])
        self.probe.open("p")
        await task
        self.assertEqual(self.log, ["pkg", "pkg end", "a"])

    async def test_module_getattr(self):
        self.write_all(lazy="await gate('p')\ndef __getattr__(name): return name * 2",
                       top="from lazy import ab, cd")
        self.probe.open("p")
        module = await importlib.import_module_async("top")
        self.assertEqual((module.ab, module.cd), ("abab", "cdcd"))

    async def test_replaces_itself(self):
        self.write_all(chameleon="import sys, types; await gate('p')\n"
                                 "new = types.SimpleNamespace(x=5); sys.modules[__name__] = new",
                       top="import chameleon; from chameleon import x")
        self.probe.open("p")
        module = await importlib.import_module_async("top")
        self.assertEqual((module.chameleon.x, module.x), (5, 5))

    async def test_relative_name_of_function(self):
        self.write("pkg/__init__.py", "")
        self.write("pkg/a.py", "await gate('p')")
        self.probe.open("p")
        module = await importlib.import_module_async(".a", "pkg")
        self.assertEqual(module.__name__, "pkg.a")
        with self.assertRaises(TypeError):
            importlib.import_module_async(".a")
        with self.assertRaises(ValueError):
            importlib.import_module_async("")

    async def test_async_with_around_the_module(self):
        self.write_all(held="""
            from contextlib import asynccontextmanager
            @asynccontextmanager
            async def manager():
                note('enter')
                yield 3
                note('exit')
            async with manager() as value:
                await gate('p')
                import other
            """, other="note('other')")
        self.probe.open("p")
        module = await importlib.import_module_async("held")
        self.assertEqual(module.value, 3)
        self.assertEqual(self.log, ["enter", "other", "exit"])


class NamedTest(AsyncioCase):
    """What is awaited says what it is."""

    async def test_task(self):
        self.write_all(a="await gate('a')")
        task = self.begin("a")
        await self.settle()
        self.assertIn("coro=<import of a()", repr(task))
        self.probe.open("a")
        reload = importlib.reload_async(await task)
        self.assertEqual(reload.__qualname__, "reload of a")
        reload.close()

    async def test_never_awaited(self):
        with self.assertWarnsRegex(RuntimeWarning, "coroutine 'import of a' was never awaited"):
            importlib.import_module_async("a")


class ManyImportersTest(AsyncioCase):
    """A module is executed once, whoever imports it."""

    async def test_same_batch(self):
        self.write_all(a="note('a'); await gate('a')", top="import a, a as b\nfrom a import note")
        task = self.begin("top")
        await self.settle()
        self.probe.open("a")
        module = await task
        self.assertIs(module.a, module.b)
        self.assertEqual(self.log, ["a"])

    async def test_other_task(self):
        self.write_all(a="note('a'); await gate('a')")
        tasks = [self.begin("a") for _ in range(3)]
        await self.settle()
        self.probe.open("a")
        modules = await asyncio.gather(*tasks)
        self.assertEqual(set(modules), {sys.modules["a"]})
        self.assertEqual(self.log, ["a"])

    async def test_other_thread(self):
        self.write_all(a="note('a'); await gate('a'); x = 1")
        task = self.begin("a")
        await self.settle()
        seen = []

        def plainly():
            import a
            seen.append(a.x)

        thread = threading.Thread(target=plainly)
        thread.start()
        while not _is_waiting(thread):
            await asyncio.sleep(0)
        self.probe.open("a")
        await task
        await asyncio.to_thread(thread.join)
        self.assertEqual(seen, [1])
        self.assertEqual(self.log, ["a"])

    async def test_other_loop(self):
        self.write_all(a="note('a'); await gate('a'); x = 1")
        task = self.begin("a")
        await self.settle()
        waits = threading.Event()

        def in_another_loop():
            async def main():
                asyncio.get_running_loop().call_soon(waits.set)
                return (await importlib.import_module_async("a")).x

            return asyncio.run(main())

        other = asyncio.ensure_future(asyncio.to_thread(in_another_loop))
        await asyncio.to_thread(waits.wait)
        self.probe.open("a")
        self.assertEqual(await other, 1)
        await task
        self.assertEqual(self.log, ["a"])

    async def test_error_of_other_thread(self):
        self.write_all(a="await gate('a'); 1/0")
        task = self.begin("a")
        await self.settle()
        seen = []

        def plainly():
            try:
                import a  # noqa: F401
            except ZeroDivisionError as error:
                seen.append(error)

        thread = threading.Thread(target=plainly)
        thread.start()
        while not _is_waiting(thread):
            await asyncio.sleep(0)
        self.probe.open("a")
        with self.assertRaises(ZeroDivisionError) as caught:
            await task
        await asyncio.to_thread(thread.join)
        self.assertEqual(seen, [caught.exception])

    async def test_complete_module_is_a_hit(self):
        self.write_all(a="await gate('a'); x = 1")
        self.probe.open("a")
        await importlib.import_module_async("a")
        import a
        self.assertEqual(a.x, 1)

    async def test_context_of_the_importer(self):
        self.write("settings.py", "import contextvars, sys\nawait gate('a')\n"
                   "sys.modules['test_variable'].set('set by the module')")
        sys.modules["test_variable"] = variable
        self.addCleanup(sys.modules.pop, "test_variable")
        self.probe.open("a")
        await importlib.import_module_async("settings")
        self.assertEqual(variable.get(), "set by the module")


def _is_waiting(thread):
    """Whether a thread has come to wait for a run."""
    from asyncimport import graph
    return thread.ident in graph.waiting or not thread.is_alive()


class CycleTest(AsyncioCase):
    """Modules that import each other."""

    async def test_chain_gets_half_made_module(self):
        self.write_all(a="before = 1\nimport b\nafter = 2",
                       b="await gate('a')\nimport a\n"
                         "note(hasattr(a, 'before'), hasattr(a, 'after'))")
        self.probe.open("a")
        await importlib.import_module_async("a")
        self.assertEqual(self.log, ["True False"])

    async def test_self_import(self):
        self.write_all(a="import a as b\nawait gate('a')\nimport a\nnote(a is b)")
        self.probe.open("a")
        await importlib.import_module_async("a")
        self.assertEqual(self.log, ["True"])

    async def test_outsider_waits_for_the_root(self):
        self.write_all(root="import leaf\nnote('root'); await gate('r'); note('root end')",
                       leaf="import root\nnote('leaf')",
                       outsider="import leaf, root\nnote('outsider')",
                       top="import root, outsider")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["leaf", "root"])
        self.assertTrue(sys.modules["leaf"].__spec__._initializing)
        self.probe.open("r")
        await task
        self.assertEqual(self.log, ["leaf", "root", "root end", "outsider"])
        self.assertFalse(sys.modules["leaf"].__spec__._initializing)

    async def test_outsider_of_an_inner_cycle(self):
        """A cycle in a cycle: the outermost module is what is waited for."""
        self.write_all(a="import b\nawait gate('a'); note('a')", b="import c\nnote('b')",
                       c="import b, a\nnote('c')", outsider="import c; note('outsider')",
                       top="import a, outsider")
        task = self.begin("top")
        await self.settle()
        self.assertEqual(self.log, ["c", "b"])
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["c", "b", "a", "outsider"])

    async def test_failed_cycle_is_imported_again(self):
        self.write_all(root="import leaf\nawait gate('r')", leaf="import root\nnote('leaf')")
        task = self.begin("root")
        await self.settle()
        outsider = self.begin("leaf")
        await self.settle()
        self.probe.open("r", ValueError("root"))
        with self.assertRaises(ValueError) as first:
            await task
        with self.assertRaises(ValueError) as second:
            await outsider
        self.assertIs(first.exception, second.exception)
        self.assertNotIn("root", sys.modules)
        self.assertNotIn("leaf", sys.modules)
        self.probe._gates.clear()
        self.probe.open("r")
        await importlib.import_module_async("leaf")
        self.assertEqual(self.log, ["leaf", "leaf"])
        self.assertIs(sys.modules["leaf"].root, sys.modules["root"])

    async def test_dynamic_cycle_is_named(self):
        self.write_all(a="await gate('a')\nimport b", b="await gate('b')\nimport a",
                       top="import a, b")
        task = self.begin("top")
        await self.settle()
        self.probe.open("a")
        await self.settle()
        self.probe.open("b")
        with self.assertRaises(ImportError) as caught:
            await task
        for words in ("b", "b.py", "line 4", "imports 'a'", "a.py", "waits for 'b'"):
            self.assertIn(words, str(caught.exception))

    async def test_dynamic_chain_through_tasks(self):
        """What gathers tasks is in the chain of what they import."""
        self.write_all(a="import asyncio\nfrom importlib import import_module_async\n"
                         "await asyncio.gather(import_module_async('b'), import_module_async('c'))",
                       b="await gate('b')\nimport a\nnote('b', a.__name__)",
                       c="await gate('b')\nfrom importlib import import_module_async\n"
                         "a = await import_module_async('a')\nnote('c', a.__name__)")
        task = self.begin("a")
        await self.settle()
        self.probe.open("b")
        await task
        self.assertEqual(self.log, ["b a", "c a"])

    async def test_chain_through_tasks_that_end_at_once(self):
        """As above, where what the task imports is done before anyone could wait for it."""
        ways = {
            "task": "await asyncio.create_task(import_module_async('b'))",
            "gather": "await asyncio.gather(import_module_async('b'))",
            "group": "async with asyncio.TaskGroup() as group:\n"
                     "    group.create_task(import_module_async('b'))",
            "wait": "await asyncio.wait([asyncio.create_task(import_module_async('b'))])",
        }
        for before in "", "await asyncio.sleep(0)\n":
            for way, code in ways.items():
                with self.subTest(way, suspends=bool(before)):
                    self.write_all(
                        a=f"import asyncio\nfrom importlib import import_module_async\n{code}",
                        b=f"import asyncio\n{before}import a\nnote('b', a.__name__)")
                    importlib.invalidate_caches()
                    sys.modules.pop("a", None), sys.modules.pop("b", None)
                    async with asyncio.timeout(20):
                        await importlib.import_module_async("a")
        self.assertEqual(self.log, ["b a"] * 8)

    async def test_chain_by_ways_that_cannot_be_seen(self):
        """What waits for a task by a future of its own, or not yet, is in the chain as well."""
        begin = ("import asyncio\nfrom importlib import import_module_async\n")
        for wait in ("await asyncio.wait_for(import_module_async('b'), 60)",
                     "t = asyncio.create_task(import_module_async('b'))\n"
                     "await asyncio.sleep(0.01); await t"):
            with self.subTest(wait=wait):
                self.log.clear()
                self.write_all(a=f"{begin}{wait}\nx = 1\nnote('a')",
                               b="import a\nnote('b', hasattr(a, 'x'))")
                sys.modules.pop("a", None), sys.modules.pop("b", None)
                async with asyncio.timeout(60):
                    await importlib.import_module_async("a")
                self.assertEqual(self.log, ["b False", "a"])

    async def test_awaits_what_imports_it(self):
        self.write_all(a="import asyncio\nfrom importlib import import_module_async\n"
                         "await gate('a')\n"
                         "task = asyncio.ensure_future(import_module_async('a'))\n"
                         "note((await task).__name__)")
        self.probe.open("a")
        await importlib.import_module_async("a")
        self.assertEqual(self.log, ["a"])

    async def test_awaits_an_outsider_that_imports_it(self):
        """A task that is none of the module's, and waits for it while it waits for the task."""
        self.write_all(a="import builtins\nawait gate('a')\nawait builtins.outsider",
                       b="await gate('b')\nimport a")
        import builtins
        builtins.outsider = outsider = self.begin("b")
        self.addCleanup(delattr, builtins, "outsider")
        task = self.begin("a")
        await self.settle()
        self.probe.open("a")
        await self.settle()
        self.probe.open("b")
        with self.assertRaisesRegex(ImportError, "for ever") as caught:
            await task
        self.assertIn("waits for the task", str(caught.exception))
        with self.assertRaises(ImportError):
            await outsider


class ErrorTest(AsyncioCase):
    """What fails is told to all who wait, and forgotten."""

    async def check(self, source, error_type, **others):
        self.write_all(a=source, **others)
        task, other = self.begin("a"), self.begin("a")
        await self.settle()
        self.probe.open("a")
        with self.assertRaises(error_type) as first:
            await task
        if not isinstance(first.exception, ImportError | SyntaxError):
            with self.assertRaises(error_type) as second:
                await other
            self.assertIs(first.exception, second.exception)
        else:
            await asyncio.gather(other, return_exceptions=True)
        self.assertNotIn("a", sys.modules)
        return first.exception

    async def test_before_the_first_await(self):
        self.write_all(a="1/0; await gate('a')")
        try:
            await importlib.import_module_async("a")
        except ZeroDivisionError as error:
            frames = traceback.extract_tb(error.__traceback__)
        self.assertEqual([frame.filename for frame in frames], [__file__, f"{self.folder}/a.py"])
        self.assertNotIn("a", sys.modules)

    async def test_at_the_first_await(self):
        self.write_all(a="await gate('a')")
        task = self.begin("a")
        await self.settle()
        self.probe.open("a", KeyError("gate"))
        with self.assertRaises(KeyError):
            await task
        self.assertNotIn("a", sys.modules)

    async def test_after_the_first_await(self):
        await self.check("await gate('a'); 1/0", ZeroDivisionError)

    async def test_imported_again(self):
        await self.check("note('a'); await gate('a'); 1/0", ZeroDivisionError)
        self.write_all(a="note('again'); x = 7")
        importlib.invalidate_caches()
        import os
        os.utime(f"{self.folder}/a.py", (1, 1))
        self.assertEqual((await importlib.import_module_async("a")).x, 7)

    async def test_syntax_error(self):
        error = await self.check("import b", SyntaxError, b="x = = 1")
        self.assertEqual(error.filename, f"{self.folder}/b.py")

    async def test_missing_deep_in_a_batch(self):
        self.write_all(a="import b, c", b="await gate('a')", c="import json, nowhere")
        self.probe.open("a")
        try:
            await importlib.import_module_async("a")
        except ModuleNotFoundError as error:
            self.assertEqual(error.name, "nowhere")
            frames = traceback.extract_tb(error.__traceback__)
        self.assertEqual([(frame.filename.rpartition("/")[2], frame.lineno) for frame in frames],
                         [("test_async_modules.py", frames[0].lineno), ("a.py", 3), ("c.py", 3)])

    async def test_base_exception(self):
        class Stop(BaseException):
            pass
        self.probe.Stop = Stop
        await self.check("await gate('a'); import probe; raise probe.Stop", Stop)

    async def test_siblings_go_on_and_failures_are_notes(self):
        self.write_all(a="await gate('a'); note('a'); raise ValueError('first')",
                       b="await gate('b'); note('b'); raise TypeError('second')",
                       c="await gate('c'); note('c')", top="x = 1\nimport a\nimport b\nimport c")
        task = self.begin("top")
        await self.settle()
        for name in "bac":
            self.probe.open(name)
            await self.settle()
        with self.assertRaisesRegex(ValueError, "first") as caught:
            await task
        self.assertEqual(caught.exception.__notes__, ["also failed: TypeError: second"])
        self.assertEqual(self.log, ["b", "a", "c"])
        self.assertIn("c", sys.modules)
        self.assertNotIn("top", sys.modules)

    async def test_traceback_does_not_grow(self):
        self.write_all(a="await gate('a')\n1/0", b="import a", c="import a")
        tasks = [self.begin("b"), self.begin("c"), self.begin("a")]
        await self.settle()
        self.probe.open("a")
        files = []
        for task in tasks:
            try:
                await task
            except ZeroDivisionError as error:
                files.append([frame.filename.rpartition("/")[2] for frame in
                              traceback.extract_tb(error.__traceback__)])
        own = "test_async_modules.py"
        self.assertEqual(files, [[own, "b.py", "a.py"], [own, "c.py", "a.py"], [own, "a.py"]])

    async def test_names_before_the_failing_one_are_bound(self):
        self.write_all(a="await gate('a')", b="await gate('a'); 1/0",
                       top="import sys\ntry:\n  import a\n  import b\nexcept ZeroDivisionError:\n"
                           "  note('a' in globals(), 'b' in globals())")
        task = self.begin("top")
        await self.settle()
        self.probe.open("a")
        await task
        self.assertEqual(self.log, ["True False"])

    async def test_module_that_replaced_itself(self):
        await self.check("import sys, types; sys.modules['a'] = types.SimpleNamespace()\n"
                         "await gate('a'); 1/0", ZeroDivisionError)

    async def test_module_that_removes_itself(self):
        await self.check("import sys; await gate('a'); del sys.modules['a']", KeyError)


class CancellationTest(AsyncioCase):
    """Those who wait are counted."""

    async def test_one_of_two(self):
        self.write_all(a="note('a'); await gate('a'); note('a end')")
        first, second = self.begin("a"), self.begin("a")
        await self.settle()
        first.cancel()
        await self.settle()
        self.assertTrue(first.cancelled())
        self.assertEqual(self.log, ["a"])
        self.probe.open("a")
        await second
        self.assertEqual(self.log, ["a", "a end"])

    async def test_the_last(self):
        self.write_all(a="try:\n  await gate('a')\nfinally:\n  await gate('clean'); note('clean')")
        task = self.begin("a")
        await self.settle()
        task.cancel()
        await self.settle()
        self.assertFalse(task.done())
        self.probe.open("clean")
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(self.log, ["clean"])
        self.assertNotIn("a", sys.modules)

    async def test_chain(self):
        """Nobody waits for the importer, so nobody waits for what it imports."""
        self.write_all(leaf="try:\n  await gate('a')\nfinally: note('leaf')",
                       top="try:\n  import leaf\nfinally: note('top')")
        task = self.begin("top")
        await self.settle()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError) as caught:
            await task
        self.assertEqual(self.log, ["leaf", "top"])
        self.assertFalse({"leaf", "top"} & set(sys.modules))
        self.assertIsNotNone(caught.exception)

    async def test_chain_with_another_importer(self):
        self.write_all(leaf="await gate('a'); note('leaf')", top="import leaf")
        task, other = self.begin("top"), self.begin("leaf")
        await self.settle()
        task.cancel()
        await self.settle()
        self.assertNotIn("top", sys.modules)
        self.probe.open("a")
        await other
        self.assertEqual(self.log, ["leaf"])

    async def test_before_it_has_begun(self):
        self.write_all(a="note('a')")
        task = self.begin("a")
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(self.log, [])
        self.assertNotIn("a", sys.modules)

    async def test_while_ready(self):
        self.write_all(a="await gate('a'); note('a')")
        task = self.begin("a")
        await self.settle()
        self.probe.open("a")
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        await self.settle()
        self.assertIn(self.log, ([], ["a"]))
        self.assertEqual("a" in sys.modules, self.log == ["a"])

    async def test_time_limit(self):
        self.write_all(a="try:\n  await gate('a')\nfinally: note('cleaned')")
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(0.01):
                await importlib.import_module_async("a")
        self.assertEqual(self.log, ["cleaned"])
        self.assertNotIn("a", sys.modules)

    async def test_tries_again_after_cancellation(self):
        """Who comes while a module is being cancelled gets a new execution."""
        self.write_all(a="note('a')\ntry:\n  await gate('a')\nfinally:\n  await gate('clean')")
        task = self.begin("a")
        await self.settle()
        task.cancel()
        await self.settle()
        other = self.begin("a")
        await self.settle()
        self.assertEqual(self.log, ["a"])
        self.probe.open("clean")
        await self.settle()
        self.assertEqual(self.log, ["a", "a"])
        self.probe.open("a") if not self.probe.gate("a").done() else None
        self.probe._gates.pop("a", None)
        await asyncio.gather(task, other, return_exceptions=True)

    async def test_module_that_ignores_it(self):
        self.write_all(a="import asyncio\ntry:\n  await gate('a')\n"
                         "except asyncio.CancelledError:\n  note('ignored')\nx = 1")
        task = self.begin("a")
        await self.settle()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(self.log, ["ignored"])


class PlainImportTest(AsyncioCase):
    """The plain import of a module that awaits."""

    async def test_refused_in_a_loop(self):
        self.write_all(a="note('a')\nawait gate('a')")
        self.write("plain.py", "note('plain')\nimport a", mark=False)
        self.probe.open("a")
        with self.assertRaises(ImportError) as caught:
            import plain  # noqa: F401
        message = str(caught.exception)
        for words in ("'a'", f"{self.folder}/a.py", "line 4", "plain.py, line 3",
                      "importlib.import_module_async('a')", "top_level_await"):
            self.assertIn(words, message)
        self.assertEqual(caught.exception.name, "a")
        self.assertEqual(self.log, ["plain"])
        self.assertFalse({"a", "plain"} & set(sys.modules))
        await importlib.import_module_async("a")
        import plain  # noqa: F811
        self.assertEqual(self.log, ["plain", "a", "plain"])
        del plain

    async def test_refused_while_waiting(self):
        self.write_all(a="await gate('a')")
        task = self.begin("a")
        await self.settle()
        with self.assertRaisesRegex(ImportError, "has begun and waits .*a.py, line 3"):
            import a  # noqa: F401
        with self.assertRaisesRegex(ImportError, "has begun"):
            importlib.import_module("a")
        self.probe.open("a")
        await task

    async def test_in_a_callback(self):
        self.write_all(a="await gate('a')")
        seen = asyncio.get_running_loop().create_future()

        def callback():
            try:
                import a  # noqa: F401
            except ImportError as error:
                seen.set_result(error)

        asyncio.get_running_loop().call_soon(callback)
        self.assertIn("event loop is running", str(await seen))

    async def test_half_made_in_the_chain(self):
        self.write_all(a="x = 1\nimport plain\nawait gate('a')\ny = 2")
        self.write("plain.py", "import a\nnote(hasattr(a, 'x'), hasattr(a, 'y'))", mark=False)
        self.probe.open("a")
        await importlib.import_module_async("a")
        self.assertEqual(self.log, ["True False"])

    async def test_in_a_function_of_a_module(self):
        self.write_all(b="await gate('a')", a="def f():\n  import b\nf()")
        self.probe.open("a")
        with self.assertRaisesRegex(ImportError, "cannot import 'b' here"):
            await importlib.import_module_async("a")


class ReloadTest(AsyncioCase):
    """importlib.reload_async()."""

    async def test_reload(self):
        self.write_all(a="note('a'); await gate('a'); x = 1")
        self.probe.open("a")
        module = await importlib.import_module_async("a")
        module.y = 2
        self.assertIs(await importlib.reload_async(module), module)
        self.assertEqual(self.log, ["a", "a"])
        self.assertEqual(module.y, 2)

    async def test_plain_reload_names_the_way_out(self):
        self.write_all(a="note('a'); await gate('a')")
        self.probe.open("a")
        module = await importlib.import_module_async("a")
        with self.assertRaisesRegex(
                ImportError, r"cannot reload 'a' here: .*`await importlib.reload_async\(module\)`"):
            importlib.reload(module)
        self.assertEqual(self.log, ["a"])
        self.assertIs(sys.modules["a"], module)

    async def test_plain_module(self):
        self.write("plain.py", "note('plain')", mark=False)
        import plain
        self.assertIs(await importlib.reload_async(plain), plain)
        self.assertEqual(self.log, ["plain", "plain"])

    async def test_while_importing(self):
        self.write_all(a="await gate('a')")
        task = self.begin("a")
        await self.settle()
        with self.assertRaisesRegex(ImportError, "is being imported"):
            await importlib.reload_async(sys.modules["a"])
        self.probe.open("a")
        await task

    async def test_import_while_reloading(self):
        self.write_all(a="await gate('a'); note('a')")
        self.probe.open("a")
        module = await importlib.import_module_async("a")
        self.probe._gates.clear()
        reload, other = asyncio.ensure_future(importlib.reload_async(module)), self.begin("a")
        await self.settle()
        self.assertFalse(other.done())
        self.probe.open("a")
        self.assertIs(await other, await reload)

    async def test_failing(self):
        self.write_all(a="await gate('a')")
        self.probe.open("a")
        module = await importlib.import_module_async("a")
        self.probe._gates.clear()
        reload = asyncio.ensure_future(importlib.reload_async(module))
        await self.settle()
        self.probe.open("a", ValueError())
        with self.assertRaises(ValueError):
            await reload
        # As stock's reload(): what was there stays.
        self.assertIs(sys.modules["a"], module)
        self.assertFalse(module.__spec__._initializing)

    async def test_no_module(self):
        with self.assertRaises(TypeError):
            await importlib.reload_async("a")
        with self.assertRaises(ImportError):
            await importlib.reload_async(types.ModuleType("nowhere"))


if __name__ == "__main__":
    unittest.main()
