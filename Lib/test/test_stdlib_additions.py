"""What is added to modules of the standard library, and that they stay its own."""

import ast
import copy
import doctest
import gc
import importlib
import inspect
import os
import pickle
import pkgutil
import pyclbr
import sys
import tempfile
import textwrap
import types
import unittest
import weakref

import _autoawait
import _xxsubinterpreters as interpreters

import _stdlib_additions
from join_support import PROGRAM, JoinTestCase, run

OCCASIONS = "on_demand", "programs"
FOLDER = _stdlib_additions.__path__[0]


def modules_of(*folders):
    """Return the names of the modules that have a file in one of the folders."""
    names = set()
    for folder in folders:
        package = ".".join(filter(None, ("_stdlib_additions", folder)))
        for found in pkgutil.walk_packages([os.path.join(FOLDER, folder)], package + "."):
            addition = importlib.import_module(found.name)
            # The __init__.py of a folder may be there for the folder alone.
            if not found.ispkg or hasattr(addition, "add") or hasattr(addition, "__all__"):
                names.add(found.name.removeprefix(package + "."))
    return sorted(name for name in names if name.partition(".")[0] not in OCCASIONS)


def in_process(source, *options):
    """Return what a program prints."""
    return run(PROGRAM, *options, "-c", textwrap.dedent(source))


class ListingTest(unittest.TestCase):
    """Each file of the package is what the package says."""

    def test_every_addition(self):
        for folder in "", "programs":
            for name in modules_of(folder):
                addition = importlib.import_module(
                    ".".join(filter(None, ("_stdlib_additions", folder, name))))
                with self.subTest(addition.__name__):
                    self.assertTrue(callable(addition.add))
                    self.assertTrue(addition.__doc__)

    def test_every_name_on_demand(self):
        for name in modules_of("on_demand"):
            addition = importlib.import_module(f"_stdlib_additions.on_demand.{name}")
            module = importlib.import_module(name)
            for added in addition.__all__:
                with self.subTest(name, added=added):
                    self.assertIs(getattr(module, added), getattr(addition, added))

    def test_every_module_is_the_standard_librarys(self):
        for name in modules_of("", *OCCASIONS):
            with self.subTest(name):
                importlib.import_module(name)


class SourceTest(JoinTestCase):
    """What reads a module's source sees the standard library's file."""

    def test_identity(self):
        probe = textwrap.dedent("""\
            import importlib, sys
            for name in sys.argv[1:]:
                module = importlib.import_module(name)
                print(name, module.__file__, module.__cached__, module.__spec__.origin,
                      module.__doc__, module.__package__, type(module.__loader__),
                      module.__loader__.path)
            """)
        names = [name for name in modules_of("", *OCCASIONS)
                 if hasattr(importlib.import_module(name).__loader__, "path")]
        self.assertTrue(names)
        self.assertAsStock("-c", probe, *names)

    def test_source(self):
        for name in modules_of("", *OCCASIONS):
            with self.subTest(name):
                module = importlib.import_module(name)
                path = os.path.join(sys._stdlib_dir, *name.split("."))
                path = f"{path}/__init__.py" if os.path.isdir(path) else f"{path}.py"
                with open(path) as file:
                    source = file.read()
                self.assertEqual(inspect.getsource(module), source)
                classes = {statement.name: ast.get_source_segment(source, statement)
                           for statement in ast.parse(source).body
                           if isinstance(statement, ast.ClassDef)}
                for class_name, text in classes.items():
                    found = inspect.getsource(getattr(module, class_name))
                    self.assertIn(text, found)

    def test_functions_that_stand_for_stocks(self):
        import code
        import symtable

        for function in symtable.symtable, code.InteractiveInterpreter.runcode:
            with self.subTest(function):
                self.assertIn(f"def {function.__name__}(", inspect.getsource(function))
                self.assertEqual(inspect.getsourcefile(function.__wrapped__),
                                 sys.modules[function.__module__].__file__)
                self.assertEqual(inspect.signature(function),
                                 inspect.signature(function.__wrapped__))

    def test_class_browser(self):
        probe = ("import pyclbr, sys\n"
                 "for name in sys.argv[1:]:\n"
                 "    for found in pyclbr.readmodule_ex(name).values():\n"
                 "        print(vars(found).get('file'), found.name, found.lineno)")
        names = [name for name in modules_of("")]
        self.assertAsStock("-c", probe, *names)
        self.assertIn("InteractiveConsole", pyclbr.readmodule("code"))


class ImportTest(unittest.TestCase):
    """An addition is made wherever the module comes to life."""

    PROBE = "import dis; print('GET_AWAITABLE' in [i.opname for i in dis.Bytecode('await x')])"

    def test_options(self):
        for options in ((), ("-I",), ("-S",), ("-E",), ("-I", "-S", "-B"), ("-O",), ("-OO",),
                        ("-X", "frozen_modules=off")):
            with self.subTest(options):
                outcome = in_process(self.PROBE, *options)
                self.assertEqual(outcome.output, "True\n", outcome.errors)

    def test_reload(self):
        outcome = in_process("""\
            import dis, importlib, symtable
            before = symtable.symtable
            for module in dis, symtable, symtable:
                importlib.reload(module)
            print(symtable.symtable is not before, symtable.symtable("x", "", "async-exec"))
            """ + self.PROBE)
        self.assertTrue(outcome.output.startswith("True <SymbolTable"), outcome)
        self.assertTrue(outcome.output.endswith("\nTrue\n"), outcome)

    def test_imported_afresh(self):
        outcome = in_process("import sys, dis; del sys.modules['dis']\n" + self.PROBE)
        self.assertEqual(outcome.output, "True\n", outcome.errors)

    def test_subinterpreter(self):
        identity = interpreters.create()
        try:
            interpreters.run_string(
                identity, f"def print(value): assert value is True\n{self.PROBE}")
        finally:
            interpreters.destroy(identity)

    def test_module_of_the_same_name(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "dis.py"), "w") as file:
                file.write("x = 1\n")
            outcome = run(PROGRAM, "-c", "import dis, sys; print(dis.x, dir(dis)[-1], "
                          "'_stdlib_additions' in sys.modules)", cwd=folder)
            self.assertEqual(outcome.output, "1 x False\n", outcome.errors)

    def test_other_namespaces_are_left_alone(self):
        outcome = in_process("""\
            import dis, sys, types
            loader = dis.__loader__
            namespace = {"__name__": "dis"}
            exec(loader.get_code("dis"), namespace)
            print("compile" in namespace)
            module = types.ModuleType("dis")
            loader.exec_module(module)
            print(hasattr(module, "compile"))
            """)
        self.assertEqual(outcome.output, "False\nFalse\n", outcome.errors)

    def test_import_of_others_is_not_asked(self):
        outcome = in_process("""\
            import builtins, opcode, collections, io
            stock, seen = builtins.__import__, []
            def look(name, *arguments):
                seen.append(name)
                return stock(name, *arguments)
            builtins.__import__ = look
            import symtable
            builtins.__import__ = stock
            print("_stdlib_additions.symtable" in seen)
            """)
        self.assertEqual(outcome.output, "False\n", outcome.errors)

    def test_search_path_without_additions(self):
        outcome = in_process("import sys; sys.path[:] = [sys._stdlib_dir]\nimport symtable\n"
                             "print(hasattr(symtable.symtable, '__wrapped__'))")
        self.assertEqual(outcome.output, "False\n", outcome.errors)

    def test_who_imports_none_has_none(self):
        outcome = in_process("import sys, importlib; importlib.import_module('ast')\n"
                             "print([name for name in sys.modules if 'additions' in name])")
        self.assertEqual(outcome.output, "[]\n", outcome.errors)


class FailureTest(unittest.TestCase):
    """An addition that fails fails the import."""

    STUB = textwrap.dedent("""\
        import sys, types
        import _stdlib_additions
        def add(module):
            raise ZeroDivisionError("here")
        sys.modules["_stdlib_additions.symtable"] = types.SimpleNamespace(add=add)
        """)

    def test_import(self):
        outcome = in_process(self.STUB + textwrap.dedent("""\
            try:
                import symtable
            except ZeroDivisionError as error:
                entry = error.__traceback__
                while entry:
                    print(entry.tb_frame.f_code.co_name, entry.tb_lineno)
                    entry = entry.tb_next
            print("symtable" in sys.modules)
            del sys.modules["_stdlib_additions.symtable"]
            import symtable
            print(hasattr(symtable.symtable, "__wrapped__"))
            """))
        lines = outcome.output.splitlines()
        self.assertEqual(lines[0], "<module> 7", outcome)
        self.assertEqual(lines[-3:], ["add 4", "False", "True"], outcome)

    def test_reload(self):
        outcome = in_process("import symtable\n" + self.STUB + textwrap.dedent("""\
            import importlib
            try:
                importlib.reload(symtable)
            except ZeroDivisionError:
                print(sys.modules["symtable"] is symtable)
            """))
        self.assertEqual(outcome.output, "True\n", outcome.errors)

    def test_no_add(self):
        outcome = in_process(self.STUB + textwrap.dedent("""\
            del sys.modules["_stdlib_additions.symtable"].add
            import symtable
            """))
        self.assertEqual(outcome.status, 1)
        self.assertIn("AttributeError", outcome.errors)

    def test_program(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "sitecustomize.py"), "w") as file:
                file.write(self.STUB.replace("_additions.symtable", "_additions.programs.dis")
                           .replace("import _stdlib_additions",
                                    "import _stdlib_additions.programs"))
            outcome = run(PROGRAM, "-m", "dis", stdin="x\n", variables={"PYTHONPATH": folder})
        self.assertEqual((outcome.status, outcome.output), (1, ""))
        self.assertTrue(outcome.errors.endswith("in add\n    raise ZeroDivisionError(\"here\")\n"
                                                "ZeroDivisionError: here\n"), outcome.errors)


class OnDemandTest(unittest.TestCase):
    """Names that are imported when somebody asks."""

    STUB = textwrap.dedent("""\
        import sys, types
        import importlib
        import _stdlib_additions.on_demand
        stub = types.ModuleType("_stdlib_additions.on_demand.importlib")
        stub.added, stub.other, stub.__all__ = "added", "other", ["added", "lost"]
        """)
    PUT = "sys.modules[stub.__name__] = stub\n"

    def assertPrints(self, source, *lines):
        """Assert what source prints after the stub was prepared."""
        outcome = in_process(self.STUB + textwrap.dedent(source))
        self.assertEqual(outcome.output.splitlines(), list(map(str, lines)), outcome.errors)

    def test_found_once(self):
        self.assertPrints(self.PUT + "print(hasattr(importlib, '__path__'))\n"
                          "print('added' in vars(importlib), importlib.added)\n"
                          "stub.added = 5\n"
                          "print(vars(importlib)['added'], importlib.added)\n"
                          "from importlib import added\nprint(added)\n",
                          True, "False added", "added added", "added")

    def test_not_imported_before(self):
        self.assertPrints("print(hasattr(importlib, '__wrapped__'))\n"
                          "print(stub.__name__ in sys.modules)\n", False, False)

    def test_not_public(self):
        for name in "other", "none", "lost":
            with self.subTest(name):
                self.assertPrints(
                    self.PUT + f"try: importlib.{name}\n"
                    "except AttributeError as error:\n"
                    "    print(error, error.name, error.obj.__name__)\n",
                    f"module '{'_stdlib_additions.on_demand.' if name == 'lost' else ''}importlib'"
                    f" has no attribute '{name}' {name} "
                    f"{'_stdlib_additions.on_demand.' if name == 'lost' else ''}importlib")

    def test_reload(self):
        self.assertPrints(self.PUT + "importlib.reload(importlib)\nprint(importlib.added)\n",
                          "added")

    def test_wrong_name(self):
        self.assertPrints("try: importlib.__getattr__(5)\n"
                          "except TypeError as error: print(error)\n",
                          "a name was expected, not int")

    def test_no_package(self):
        self.assertPrints("package = '_stdlib_additions'\n"
                          "for name in stub.__name__, package + '.on_demand', package:\n"
                          "    sys.modules.pop(name, None)\n"
                          "sys.path[:] = [sys._stdlib_dir]\n"
                          "try: importlib.added\n"
                          "except AttributeError as error: print(error)\n",
                          "module 'importlib' has no attribute 'added'")


class StandInTest(unittest.TestCase):
    """Functions in whose place others are called."""

    def setUp(self):
        def stock(self, x, *, y=1):
            """Stock's."""
            raise ValueError(f"stock {x} {y}")

        def ours(self, x, *, y=1):
            return "ours", x, y

        class Example:
            method = _autoawait.StandIn(lambda self, x, **keywords: x > 1, ours, stock)

        self.stock, self.example = stock, Example

    def test_call(self):
        self.assertEqual(self.example().method(2, y=3), ("ours", 2, 3))
        try:
            self.example().method(1, y=3)
        except ValueError as error:
            self.assertEqual(str(error), "stock 1 3")
            # No frame is in between.
            self.assertIs(error.__traceback__.tb_next.tb_frame.f_code, self.stock.__code__)
        else:
            self.fail("nothing was raised")

    def test_wrong_arguments(self):
        for arguments in (), (1, 2), ("a",):
            with self.subTest(arguments), self.assertRaises((TypeError, ValueError)) as caught:
                self.example().method(*arguments)
            with self.assertRaises((TypeError, ValueError)) as expected:
                self.stock(self.example(), *arguments)
            self.assertEqual(str(caught.exception), str(expected.exception))

    def test_failing_condition(self):
        def fail():
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            _autoawait.StandIn(fail, fail, self.stock)()

    def test_looks_like_stock(self):
        method = vars(self.example)["method"]
        self.assertIsInstance(method, types.FunctionType)
        self.assertTrue(inspect.isfunction(method))
        self.assertTrue(inspect.ismethod(self.example().method))
        self.assertEqual(inspect.signature(method), inspect.signature(self.stock))
        self.assertEqual(inspect.getsource(method), inspect.getsource(self.stock))
        self.assertEqual((repr(method), method.__doc__, method.__name__, method.__kwdefaults__),
                         (repr(self.stock), "Stock's.", "stock", {"y": 1}))
        self.assertIs(method.__wrapped__, self.stock)
        self.assertFalse(hasattr(method, "none"))

    def test_pickle_and_copy(self):
        function = doctest.DocTestRunner.run
        self.assertIsInstance(function.__wrapped__, types.FunctionType)
        self.assertIs(pickle.loads(pickle.dumps(function)), function)
        self.assertIs(copy.copy(function), function)

    def test_arguments_of_the_type(self):
        for arguments in (), (1, 2), (print, print, print), (print, print, 5):
            with self.subTest(arguments), self.assertRaises(TypeError):
                _autoawait.StandIn(*arguments)

    def test_garbage(self):
        function = _autoawait.StandIn(print, print, lambda: None)
        function.__wrapped__.itself = function
        reference = weakref.ref(function.__wrapped__)
        del function
        gc.collect()
        self.assertIsNone(reference())


class ProgramTest(JoinTestCase):
    """A module run by -m."""

    def test_as_module_and_as_file(self):
        for arguments in ("-m", "dis"), (f"{sys._stdlib_dir}/dis.py",):
            with self.subTest(arguments):
                outcome = run(PROGRAM, *arguments, stdin="await x\n")
                self.assertIn("GET_AWAITABLE", outcome.output, outcome.errors)

    def test_without_await(self):
        self.assertAsStock("-m", "dis", stdin="def f(x):\n    return x + 1\n")
        self.assertAsStock("-m", "ast", stdin="def f(x):\n    return x + 1\n")
        self.assertAsStock("-m", "dis", stdin="await = 1\n")
        self.assertAsStock("-m", "code", "-q", stdin="x = 1\nx\n1/0\nprint(__name__)\n")
        self.assertAsStock("-m", "code", "--help")

    def test_every_program(self):
        # What they say of themselves is their own, argument parser and namespace and all.
        for name in modules_of("programs"):
            with self.subTest(name):
                if name == "ast":
                    # It names the modes, of which some are ours.
                    self.assertIn("async-exec", run(PROGRAM, "-m", name, "-h").output)
                else:
                    self.assertAsStock("-m", name, "-h", stdin="")

    def run_as_timeit(self, source):
        """Run a module timeit of ours as a program, in a standard library with it."""
        with tempfile.TemporaryDirectory() as home:
            library = os.path.join(home, "lib", "python3.11")
            os.makedirs(library)
            for name in set(os.listdir(sys._stdlib_dir)) - {"timeit.py", "__pycache__"}:
                os.symlink(os.path.join(sys._stdlib_dir, name), os.path.join(library, name))
            with open(os.path.join(library, "timeit.py"), "w") as file:
                file.write(source)
            return run(PROGRAM, "-B", "-m", "timeit", variables={"PYTHONHOME": home})

    def test_last_statement_of_a_long_module(self):
        # With more names and constants than one byte, or two, can number.
        for count in 1, 100, 300, 70_000:
            with self.subTest(count):
                assignments = "".join(f"name_{i} = {i + 1000}.5\n" for i in range(count))
                outcome = self.run_as_timeit(
                    "'''Docstring.'''\ntemplate = ''\n" + assignments
                    + "before = 'compile' in globals()\n"
                    "if __name__ == '__main__':\n"
                    f"    print(before, 'compile' in globals(), name_{count - 1}, __doc__)\n"
                    "    1 / 0\n")
                self.assertEqual(outcome.output, f"False True {count + 999}.5 Docstring.\n",
                                 outcome.errors)
                self.assertIn(f'timeit.py", line {count + 6}, in <module>\n    1 / 0\n',
                              outcome.errors)

    def test_other_endings(self):
        for source, output in (
                ("print('compile' in globals())\n", "False\n"),
                ("", ""),
                ("@if __name__ == '__main__': print('compile' in globals())\nprint(2)\n",
                 "True\n2\n"),
                ("@if __name__ == '__main__':\n    print(1)\nelse:\n    print(2)\n"
                 "if '__main__' == __name__: print('compile' in globals())\n", "1\nTrue\n"),
                ("def f():\n    if __name__ == '__main__': print('f')\nf()\n", "f\n")):
            with self.subTest(source):
                # The addition asks for it.
                outcome = self.run_as_timeit(source.replace("@", "template = ''\n"))
                self.assertEqual((outcome.output, outcome.errors), (output, ""))

    def test_namespace_is_the_programs(self):
        probe = ("import __main__, sys; print(__main__.InteractiveConsole.__module__, "
                 "__main__.__spec__, __main__.__file__, __main__.__name__, sys.argv)\n")
        self.assertAsStock("-m", "code", "-q", stdin=probe)


if __name__ == "__main__":
    unittest.main()
