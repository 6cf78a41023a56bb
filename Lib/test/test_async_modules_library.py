"""The standard library, and pytest, with modules that await: what imports, what shows source."""

import os
import subprocess
import sys
import textwrap
import unittest

from join_support import clean_environment
from test_program import ProgramTestCase

HEAD = "from __future__ import top_level_await\n"
MODULE = textwrap.dedent('''\
    """A module that awaits.

    >>> double(value)
    10
    >>> await asyncio.sleep(0, double(1))
    2
    """
    from __future__ import top_level_await
    import asyncio
    value = await asyncio.sleep(0, 5)


    def double(x: "Number") -> "list[Number]":
        """Double.

        >>> double(2)
        4
        """
        return 2 * x


    class Number(int):
        def fail(self):
            return 1 / 0
    ''')


class LibraryTest(ProgramTestCase):

    def setUp(self):
        super().setUp()
        self.write("module.py", MODULE)

    def run_checked(self, source, *options, mark=False):
        result = self.run_program(*options, "-c", (HEAD if mark else "") + textwrap.dedent(source))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def both(self, source, expected):
        """In a plain program, and in one that awaits, which has imported the module."""
        self.assertEqual(self.run_checked(source), expected)
        self.assertEqual(self.run_checked("import module\n" + textwrap.dedent(source), mark=True),
                         expected)

    def pickled(self):
        self.run_checked("""\
            import module, pickle
            with open("data", "wb") as file:
                pickle.dump([module.double, module.Number(3)], file)
            """)

    def test_pickle(self):
        self.pickled()
        self.both("""\
            import pickle
            with open("data", "rb") as file:
                double, number = pickle.load(file)
            print(double(number), type(number).__module__)
            """, "6 module\n")

    def test_pickle_in_a_loop(self):
        """An import by name in the midst of plain code cannot wait: done before, it need not."""
        self.pickled()
        source = """\
            import asyncio, importlib, pickle
            async def main():
                with open("data", "rb") as file:
                    data = file.read()
                try:
                    pickle.loads(data)
                except ImportError as error:
                    print("await importlib.import_module_async('module')" in str(error))
                await importlib.import_module_async("module")
                print(pickle.loads(data)[1])
            asyncio.run(main())
            """
        self.assertEqual(self.run_checked(source), "True\n3\n")

    def test_type_hints(self):
        self.both("""\
            import typing, importlib
            hints = typing.get_type_hints(importlib.import_module("module").double)
            print(hints["x"].__name__, hints["return"])
            """, "Number list[module.Number]\n")

    def test_type_hints_that_import(self):
        self.write("hints.py", "def f(x: \"__import__('module').Number\"): pass\n")
        self.both("""\
            import hints, typing
            print(typing.get_type_hints(hints.f)["x"].__name__)
            """, "Number\n")

    def test_walk_packages(self):
        self.write("package/__init__.py", HEAD + "import asyncio\nawait asyncio.sleep(0)\n")
        self.write("package/inner/__init__.py", HEAD + "import asyncio\nawait asyncio.sleep(0)\n")
        self.write("package/inner/leaf.py", MODULE)
        self.both("""\
            import importlib
            if "asyncio" in __import__("sys").modules:
                import package.inner
            import package, pkgutil
            print([m.name for m in pkgutil.walk_packages(package.__path__, "package.")])
            """, "['package.inner', 'package.inner.leaf']\n")

    def test_walk_packages_in_a_loop(self):
        """It tells of packages that it cannot import, as ever, and goes on."""
        self.write("package/__init__.py", "")
        self.write("package/inner/__init__.py", HEAD + "import asyncio\nawait asyncio.sleep(0)\n")
        self.write("package/leaf.py", MODULE)
        source = """\
            import asyncio, package, pkgutil
            async def main():
                failed = []
                print([m.name for m in pkgutil.walk_packages(package.__path__, "package.",
                                                             failed.append)], failed)
            asyncio.run(main())
            """
        self.assertEqual(self.run_checked(source),
                         "['package.inner', 'package.leaf'] ['package.inner']\n")

    def test_resolve_name(self):
        self.both("import pkgutil; print(pkgutil.resolve_name('module:Number.fail').__name__)",
                  "fail\n")

    def test_doctest(self):
        for arguments in ["-m", "doctest", "-v", "module.py"], [
                "-c", "import doctest, module; print(doctest.testmod(module))"]:
            result = self.run_program(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertRegex(result.stdout, r"3 passed and 0 failed|failed=0, attempted=3")

    def test_inspect(self):
        self.both("""\
            import inspect, module
            print(inspect.getsource(module.double).splitlines()[0])
            print(inspect.getsource(module.Number.fail).strip().splitlines()[1].strip())
            print(inspect.getsource(module).splitlines()[0], inspect.getmodule(module.double))
            print(inspect.getdoc(module).splitlines()[0])
            """, 'def double(x: "Number") -> "list[Number]":\nreturn 1 / 0\n'
            f"\"\"\"A module that awaits. <module 'module' from "
            f"'{os.path.realpath(self.folder)}/module.py'>\nA module that awaits.\n")

    def test_tracebacks(self):
        source = ("import module\ntry:\n    module.Number().fail()\nexcept ZeroDivisionError:\n"
                  "    import traceback; traceback.print_exc(limit=-1, file=sys.stdout)\n")
        expected = (f'Traceback (most recent call last):\n  File "{os.path.realpath(self.folder)}'
                    '/module.py", line 24, in fail\n    return 1 / 0\n           ~~^~~\n'
                    "ZeroDivisionError: division by zero\n")
        self.assertEqual(self.run_checked("import sys\n" + source), expected)
        self.assertEqual(self.run_checked("import sys\n" + source, mark=True), expected)

    def test_linecache_of_archives(self):
        import zipfile

        with zipfile.ZipFile(os.path.join(self.folder, "archive.zip"), "w") as archive:
            archive.writestr("zipped.py", MODULE)
        self.assertEqual(self.run_checked("""\
            import sys; sys.path.insert(0, "archive.zip")
            import inspect, zipped
            print(inspect.getsource(zipped.Number.fail).splitlines()[1].strip())
            """), "return 1 / 0\n")

    def test_help(self):
        result = self.run_program("-m", "pydoc", "module")
        self.assertIn("A module that awaits.", result.stdout)
        result = self.run_program("-m", "pyclbr", "module.py")
        self.assertIn("def double", result.stdout)


@unittest.skipIf(subprocess.run([sys.executable, "-c", "import pytest"],
                                capture_output=True).returncode, "pytest is not installed")
class PytestTest(ProgramTestCase):
    """Test modules that await at their top, collected by pytest's own import hook."""

    def pytest(self, *arguments, executable=sys.executable):
        return subprocess.run(
            [executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            capture_output=True, text=True, cwd=self.folder, timeout=120, env=clean_environment())

    def test_collected(self):
        self.write("helper.py", MODULE)
        self.write("conftest.py", HEAD + textwrap.dedent("""\
            import asyncio, pytest
            number = await asyncio.sleep(0, 5)
            @pytest.fixture
            def five(): return number
            """))
        self.write("test_awaiting.py", HEAD + textwrap.dedent("""\
            import asyncio, helper
            here = await asyncio.sleep(0, 5)
            def test_value(five): assert helper.value == here == five
            def test_failing(five): assert five == helper.double(five)
            """))
        for _ in range(2):
            result = self.pytest()
            self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
            self.assertIn("1 failed, 1 passed", result.stdout)
            # Assertions are rewritten.
            self.assertIn("assert 5 == 10", result.stdout)
            self.assertIn("where 10 = ", result.stdout)
            self.assertNotIn("never awaited", result.stdout + result.stderr)

    def test_error_at_the_top(self):
        self.write("test_broken.py", HEAD + "import asyncio\nawait asyncio.sleep(0)\n1 / 0\n")
        result = self.pytest()
        self.assertEqual(result.returncode, 2)
        self.assertIn("test_broken.py:4: in <module>\n    1 / 0", result.stdout)
        self.assertNotIn("asyncimport", result.stdout)

    def test_skipped_at_the_top(self):
        self.write("test_skipped.py", HEAD + "import asyncio, pytest\nawait asyncio.sleep(0)\n"
                   "pytest.skip('no server', allow_module_level=True)\n")
        self.assertIn("1 skipped", self.pytest().stdout)

    def test_one_module_imports_another(self):
        self.write("test_one.py", HEAD + "import asyncio\none = await asyncio.sleep(0, 1)\n"
                   "def test(): assert one == 1\n")
        self.write("test_two.py", HEAD + "import test_one\nfrom test_one import one\n"
                   "def test(): assert one == 1\n")
        for names in [], ["test_two.py"], ["test_two.py", "test_one.py"]:
            with self.subTest(names):
                result = self.pytest(*names)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
