"""Loaders and finders of others, of the standard library and of one's own, and modules that await."""

import asyncio
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import textwrap
import types
import unittest
import zipfile

from async_modules_support import MARK, AsyncModulesTestCase


def tearDownModule():
    asyncio.set_event_loop_policy(None)


BODY = MARK + textwrap.dedent("""\
    import asyncio
    name = __name__
    value = await asyncio.sleep(0, 5)
    """)


class Finder:
    """Finds modules by a dict: name to loader."""

    def __init__(self, **loaders):
        self.loaders = loaders

    def find_spec(self, name, path=None, target=None):
        if name in self.loaders:
            return importlib.machinery.ModuleSpec(name, self.loaders[name], origin=f"<{name}>")
        return None


class Executing:
    """A loader as people write it: exec(code, module.__dict__)."""

    def __init__(self, source):
        self.code = compile(source, "<executing>", "exec", dont_inherit=True)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.code, module.__dict__)


class ExecutingBefore(Executing):
    """One that does something afterwards."""

    def exec_module(self, module):
        super().exec_module(module)
        module.x = module.value + 1


class ExecutingInTry(Executing):
    """One that acts on the errors of the body."""

    def exec_module(self, module):
        try:
            exec(self.code, module.__dict__)
        except ZeroDivisionError:
            module.value = 0


class ExecutingInWith(Executing):
    """One that undoes afterwards what the body needs."""

    def exec_module(self, module):
        with self:
            return exec(self.code, module.__dict__)

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        pass


class ExecutingLast(Executing):
    """One that calls another at its end."""

    def exec_module(self, module):
        module.before = 1
        return super().exec_module(module)


class Awaiting:
    """A loader with aexec_module()."""

    def __init__(self, *, evaluate=None, error=None):
        self.evaluate = evaluate
        self.error = error
        self.events = []

    def create_module(self, spec):
        return None

    async def aexec_module(self, module):
        self.events.append("begin")
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        if self.evaluate is not None:
            await self.evaluate(module)
        module.value = 5
        self.events.append("end")

    def exec_module(self, module):
        importlib.run_aexec_module(self, module)


class LoadersTestCase(AsyncModulesTestCase):

    def install(self, finder=None, **loaders):
        finder = finder or Finder(**loaders)
        sys.meta_path.insert(0, finder)
        self.addCleanup(sys.meta_path.remove, finder)
        for name in loaders:
            self.addCleanup(sys.modules.pop, name, None)
        return finder

    def import_awaited(self, name):
        return asyncio.run(self._import(name))

    async def _import(self, name):
        return await importlib.import_module_async(name)

    def both_ways(self, name):
        """Import it plainly and awaited; yield the modules."""
        for function in importlib.import_module, self.import_awaited:
            with self.subTest(function.__name__):
                yield function(name)
                del sys.modules[name]


class StandardLoadersTest(LoadersTestCase):

    def write_body(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(BODY)
        importlib.invalidate_caches()
        return path

    def test_source(self):
        self.write_body("module.py")
        for module in self.both_ways("module"):
            self.assertEqual(module.value, 5)
            self.assertFalse(module.__spec__._initializing)

    def test_bytecode(self):
        import py_compile

        path = self.write_body("module.py")
        py_compile.compile(path, path + "c")
        os.unlink(path)
        for module in self.both_ways("module"):
            self.assertEqual(module.value, 5)
            self.assertIsInstance(module.__loader__, importlib.machinery.SourcelessFileLoader)

    def test_archive(self):
        path = os.path.join(self.folder, "archive.zip")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("module.py", BODY)
            archive.writestr("package/__init__.py", BODY)
            archive.writestr("package/inner.py", BODY)
        sys.path.insert(0, path)
        self.addCleanup(sys.path.remove, path)
        for name in "module", "package.inner":
            for module in self.both_ways(name):
                self.assertEqual((module.value, module.name), (5, name))
                self.assertEqual(module.__file__, f"{path}/{name.replace('.', '/')}.py")
                sys.modules.pop("package", None)

    def test_namespace_package(self):
        self.write_body("space/inner.py")
        for module in self.both_ways("space.inner"):
            self.assertEqual(module.value, 5)
            self.assertIsNone(sys.modules["space"].__file__)
            self.assertIs(sys.modules["space"].inner, module)

    def test_by_hand(self):
        """As the documentation of importlib has it."""
        path = self.write_body("module.py")
        spec = importlib.util.spec_from_file_location("module", path)
        for is_registered in True, False:
            module = importlib.util.module_from_spec(spec)
            if is_registered:
                sys.modules["module"] = module
            spec.loader.exec_module(module)
            self.assertEqual(module.value, 5)
            sys.modules.pop("module", None)

    def test_by_hand_in_a_loop(self):
        path = self.write_body("module.py")
        spec = importlib.util.spec_from_file_location("module", path)

        async def load():
            module = importlib.util.module_from_spec(spec)
            with self.assertRaisesRegex(ImportError, "cannot import 'module' here: it awaits"):
                spec.loader.exec_module(module)
            self.assertFalse(hasattr(module, "name"))
            code = spec.loader.get_code("module")
            await aexec(code, vars(module))
            return module

        self.assertEqual(asyncio.run(load()).value, 5)

    def test_lazy_loader(self):
        """The body runs at the first access; where a loop runs then, that is refused, and can be
        done later."""
        path = self.write_body("module.py")

        def load():
            spec = importlib.util.spec_from_file_location("module", path)
            spec.loader = importlib.util.LazyLoader(spec.loader)
            module = sys.modules["module"] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module

        self.assertEqual(load().value, 5)

        async def access(module):
            with self.assertRaisesRegex(ImportError, "cannot import 'module' here: it awaits"):
                module.value

        asyncio.run(access(load()))

    def test_load_module(self):
        """The old interface."""
        import warnings

        path = self.write_body("module.py")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loader = importlib.machinery.SourceFileLoader("module", path)
            self.assertEqual(loader.load_module("module").value, 5)


class LoadersOfOthersTest(LoadersTestCase):
    """exec(code, module.__dict__) in a loader that knows nothing of modules that await."""

    def test_plain_import(self):
        for loader in Executing, ExecutingBefore, ExecutingInTry, ExecutingInWith, ExecutingLast:
            with self.subTest(loader.__name__):
                self.install(module=loader(BODY))
                module = importlib.import_module("module")
                self.assertEqual(module.value, 5)
                # What the loader does afterwards has found a module that is complete.
                self.assertEqual(getattr(module, "x", 6), 6)
                del sys.modules["module"]

    def test_plain_import_in_a_loop(self):
        self.install(module=Executing(BODY))

        async def load():
            with self.assertRaisesRegex(ImportError, "cannot import 'module' here: it awaits "
                                        r"\(<executing>, line 4\)"):
                import module  # noqa: F401
            self.assertNotIn("module", sys.modules)

        asyncio.run(load())

    def test_awaited_import(self):
        """If running the body is the last that the loader does, it can as well be awaited."""
        # Many times: the interpreter specialises the loader's instructions.
        for loader in [Executing, ExecutingLast] * 30:
            with self.subTest(loader.__name__):
                self.install(module=loader(BODY))
                module = self.import_awaited("module")
                self.assertEqual((module.value, getattr(module, "before", 1)), (5, 1))
                self.assertFalse(module.__spec__._initializing)
                del sys.modules["module"]

    def test_awaited_import_that_would_be_early(self):
        """The loader would go on with an empty module."""
        for loader in [ExecutingBefore, ExecutingInTry, ExecutingInWith] * 30:
            with self.subTest(loader.__name__):
                self.install(module=loader(BODY))
                with self.assertRaisesRegex(ImportError, "'module'.*coroutine's, which its loader "
                                            r"does not run at .* no method aexec_module\(\)"):
                    self.import_awaited("module")
                self.assertNotIn("module", sys.modules)

    def test_awaited_import_of_failing_module(self):
        self.install(module=Executing(BODY + "1 / 0\n"))
        with self.assertRaises(ZeroDivisionError):
            self.import_awaited("module")
        self.assertNotIn("module", sys.modules)

    def test_awaited_import_of_ordinary_module(self):
        for loader in Executing, ExecutingBefore, ExecutingInTry, ExecutingInWith:
            self.install(module=loader("value = 5"))
            module = self.import_awaited("module")
            self.assertEqual((module.value, getattr(module, "x", 6)), (5, 6))
            del sys.modules["module"]

    def test_reload(self):
        self.install(module=Executing(BODY))
        module = importlib.import_module("module")
        module.value = 0
        importlib.reload(module)
        self.assertEqual(module.value, 5)

    def test_reload_awaited(self):
        self.install(module=Executing(BODY))
        module = self.import_awaited("module")
        module.value = 0

        async def reload():
            return await importlib.reload_async(module)

        self.assertIs(asyncio.run(reload()), module)
        self.assertEqual(module.value, 5)

    def test_around_a_loader(self):
        """A loader around another's, as import hooks put it there."""
        class Around(importlib.machinery.SourceFileLoader):
            def exec_module(self, module):
                super().exec_module(module)
                module.after = module.value + 1

        self.write("inner.py", "value = await gate('never')\n")
        path = os.path.join(self.folder, "inner.py")
        with open(path, "w") as file:
            file.write(BODY)
        self.install(outer=Around("outer", path))
        self.assertEqual(importlib.import_module("outer").after, 6)
        del sys.modules["outer"]
        with self.assertRaisesRegex(ImportError, "aexec_module"):
            self.import_awaited("outer")

    def test_code_that_is_run_in_another_namespace(self):
        """Not a module's body: exec() and eval() give the coroutine, as in CPython."""
        code = compile(BODY, "<code>", "exec", dont_inherit=True)
        coroutine = eval(code, {})
        self.assertIsInstance(coroutine, types.CoroutineType)
        coroutine.close()

    def test_module_that_evaluates_in_its_own_namespace(self):
        self.install(module=Executing(
            "code = compile('await x', '', 'eval', 0x2000)\n"
            "coroutine = eval(code)\ncoroutine.close()\n"))
        for module in self.both_ways("module"):
            self.assertIsInstance(module.coroutine, types.CoroutineType)


class AwaitingLoaderTest(LoadersTestCase):
    """aexec_module()."""

    def test_both_ways(self):
        loader = Awaiting()
        self.install(module=loader)
        for module in self.both_ways("module"):
            self.assertEqual(module.value, 5)
            self.assertEqual(loader.events, ["begin", "end"])
            loader.events.clear()

    def test_plain_import_in_a_loop(self):
        loader = Awaiting()
        self.install(module=loader)

        async def load():
            with self.assertRaisesRegex(ImportError, "cannot import 'module' here: it awaits "
                                        r"\(<module>\)"):
                import module  # noqa: F401

        asyncio.run(load())
        self.assertEqual(loader.events, [])

    def test_side_by_side(self):
        async def wait_for_other(module):
            events.append(module.__name__)
            if len(events) < 2:
                await both
            else:
                both.set_result(None)

        events = []
        self.install(one=Awaiting(evaluate=wait_for_other), two=Awaiting(evaluate=wait_for_other))

        async def load():
            nonlocal both
            both = asyncio.get_running_loop().create_future()
            await aexec("import one, two\nassert one.value == two.value == 5", {})

        both = None
        asyncio.run(load())
        self.assertEqual(events, ["one", "two"])

    def test_error(self):
        self.install(module=Awaiting(error=KeyError("x")))
        for function in importlib.import_module, self.import_awaited:
            with self.assertRaises(KeyError):
                function("module")
            self.assertNotIn("module", sys.modules)

    def test_evaluating_in_the_module(self):
        """By aexec(), and by eval() and await: neither is taken for the module's body."""
        code = compile("x = await asyncio.sleep(0, 7)\nimport asyncio as again", "<cell>",
                       "async-exec")

        async def by_aexec(module):
            module.asyncio = asyncio
            await aexec(code, vars(module))

        async def by_eval(module):
            module.asyncio = asyncio
            await eval(code, vars(module))

        for evaluate in by_aexec, by_eval:
            self.install(module=Awaiting(evaluate=evaluate))
            for module in self.both_ways("module"):
                self.assertEqual((module.x, module.again), (7, asyncio))

    def test_cycle(self):
        async def import_other(module):
            await aexec("import two", vars(module))

        async def import_back(module):
            await aexec("import one\nseen = vars(one).get('value')", vars(module))

        self.install(one=Awaiting(evaluate=import_other), two=Awaiting(evaluate=import_back))
        self.import_awaited("one")
        self.assertIsNone(sys.modules["two"].seen)

    def test_where_it_waits(self):
        async def wait(module):
            await aexec("import asyncio\n\nawait asyncio.get_running_loop().create_future()",
                        vars(module))

        import asyncimport

        self.install(module=Awaiting(evaluate=wait))

        async def load():
            task = asyncio.ensure_future(importlib.import_module_async("module"))
            while not asyncimport.describe_waiting():
                await asyncio.sleep(0)
            first = asyncimport.describe_waiting()
            for _ in range(5):
                await asyncio.sleep(0)
            task.cancel()
            return first, asyncimport.describe_waiting()

        (first,), (then,) = asyncio.run(load())
        self.assertIn("module waits at <module>, line 1;", first)
        self.assertIn("module waits at <string>, line 3;", then)

    def test_reload(self):
        loader = Awaiting()
        self.install(module=loader)
        module = self.import_awaited("module")
        module.value = 6
        loader.events.clear()

        async def reload():
            return await importlib.reload_async(module)

        self.assertIs(asyncio.run(reload()), module)
        self.assertEqual((module.value, loader.events), (5, ["begin", "end"]))
        importlib.reload(module)
        self.assertEqual(loader.events, ["begin", "end"] * 2)


class Fetching(importlib.abc.SourceLoader):
    """A loader with aget_data()."""

    def __init__(self, name, source, fetched):
        self.name, self.source, self.fetched = name, source.encode(), fetched

    def get_filename(self, name):
        return f"<{self.name}>"

    async def aget_data(self, path):
        self.fetched.append(f"begin {path}")
        await asyncio.sleep(0)
        self.fetched.append(f"end {path}")
        if self.source == b"fail":
            raise OSError("cannot be fetched")
        return self.source

    def get_data(self, path):
        if path != f"<{self.name}>":
            raise FileNotFoundError(path)
        self.fetched.append(f"plain {path}")
        return self.source


class FetchingLoaderTest(LoadersTestCase):
    """aget_data()."""

    def install_sources(self, **sources):
        self.fetched = []
        self.install(**{name: Fetching(name, source, self.fetched)
                        for name, source in sources.items()})

    def test_both_ways(self):
        for source in BODY, "value = 5":
            self.install_sources(module=source)
            for module in self.both_ways("module"):
                self.assertEqual(module.value, 5)
            self.assertEqual(self.fetched, ["plain <module>", "begin <module>", "end <module>"])

    def test_at_once(self):
        self.install_sources(one=BODY, two="value = 5", three="import two\nvalue = two.value")
        asyncio.run(aexec("import one, two\nimport three\n", {}))
        self.assertEqual(self.fetched[:3], ["begin <one>", "begin <two>", "begin <three>"])
        self.assertEqual(sorted(self.fetched[3:]), ["end <one>", "end <three>", "end <two>"])

    def test_failures(self):
        self.install_sources(module="fail")
        with self.assertRaisesRegex(OSError, "cannot be fetched"):
            self.import_awaited("module")
        self.assertNotIn("module", sys.modules)
        self.install_sources(module="1 +")
        with self.assertRaises(SyntaxError) as caught:
            self.import_awaited("module")
        self.assertEqual(caught.exception.filename, "<module>")

    def test_traceback(self):
        import traceback

        self.install_sources(module=BODY + "1 / 0\n")
        try:
            self.import_awaited("module")
        except ZeroDivisionError as error:
            files = [entry.filename for entry in traceback.extract_tb(error.__traceback__)]
        self.assertEqual(files[-1], "<module>")
        self.assertFalse([name for name in files if "asyncimport" in name])


class PreparingFinder(Finder):
    """A finder with prepare_imports()."""

    def __init__(self, **loaders):
        super().__init__(**loaders)
        self.events = []
        self.error = None

    async def prepare_imports(self, names):
        self.events.append(list(names))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error

    def find_spec(self, name, path=None, target=None):
        spec = super().find_spec(name, path, target)
        if spec is not None:
            self.events.append(name)
            spec.submodule_search_locations = ["somewhere"] if "package" in name else None
        return spec


class PrepareTest(LoadersTestCase):
    """prepare_imports(names)."""

    def install_finder(self, *names):
        loaders = {name: Executing("value = 5") for name in names}
        self.finder = PreparingFinder(**loaders)
        self.install(self.finder)
        for name in names:
            self.addCleanup(sys.modules.pop, name, None)
        return self.finder.events

    def test_once_for_a_batch(self):
        events = self.install_finder("one", "two", "three")
        asyncio.run(aexec("import one, two\nfrom three import value\nimport one, os\n", {}))
        self.assertEqual(events, [["one", "two", "three"], "one", "two", "three"])
        asyncio.run(aexec("import one, two", {}))
        self.assertEqual(len(events), 4)

    def test_parents(self):
        events = self.install_finder("package", "package.inner", "package.inner_package",
                                     "package.inner_package.deep")
        asyncio.run(aexec("import package.inner_package.deep", {}))
        self.assertEqual(events[0], ["package", "package.inner_package",
                                     "package.inner_package.deep"])

    def test_submodules(self):
        events = self.install_finder("package", "package.a", "package.b")
        asyncio.run(aexec("from package import a, b, value", {}))
        self.assertEqual(events, [["package"], "package", ["package.a", "package.b"], "package.a",
                                  "package.b"])

    def test_relative(self):
        events = self.install_finder("package", "package.a", "package.b")
        asyncio.run(aexec("from . import a\nfrom .b import value",
                          {"__package__": "package", "__name__": "package.user"}))
        self.assertEqual(events[0], ["package", "package.b"])
        self.assertIn(["package.a"], events)

    def test_wrong_requests(self):
        events = self.install_finder("one")
        with self.assertRaisesRegex(ImportError, "relative import"):
            asyncio.run(aexec("import one\nfrom . import a", {"__name__": "main", "__package__": ""}))
        self.assertEqual(events, [["one"], "one"])

    def test_import_module_async(self):
        events = self.install_finder("package", "package.a")
        self.import_awaited("package.a")
        self.assertEqual(events[0], ["package", "package.a"])

    def test_failure(self):
        self.install_finder("one")
        self.finder.error = OSError("no network")
        with self.assertRaisesRegex(OSError, "no network"):
            asyncio.run(aexec("import one", {}))
        self.assertNotIn("one", sys.modules)
        self.finder.error = None
        asyncio.run(aexec("import one", {}))

    def test_plain_import(self):
        events = self.install_finder("one")
        importlib.import_module("one")
        self.assertEqual(events, ["one"])

    def test_cancelled(self):
        self.install_finder("one")

        async def main():
            task = asyncio.ensure_future(importlib.import_module_async("one"))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            return task.cancelled()

        self.assertTrue(asyncio.run(main()))
        self.assertNotIn("one", sys.modules)


if __name__ == "__main__":
    unittest.main()
