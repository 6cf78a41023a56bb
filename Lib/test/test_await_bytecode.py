"""Cached bytecode of marked modules: where it lies, when it is used, and that stock never runs it."""

import importlib.util
import marshal
import os
import subprocess
import sys
import textwrap
import unittest
import zipfile

from join_support import STOCK, clean_environment
from test_program import ProgramTestCase

MARKED = textwrap.dedent("""\
    from __future__ import top_level_await
    import asyncio
    value = await asyncio.sleep(0, 'awaited')
    debug = __debug__
    """)
# Marked, and yet an ordinary module.
QUIET = "from __future__ import top_level_await\nvalue = 'quiet'\n"
PLAIN = "value = 'plain'\n"
SHOW = "import mod; print(mod.value)"
TAG = sys.implementation.cache_tag


class BytecodeTestCase(ProgramTestCase):

    def write_at(self, name, text, mtime=1_500_000_000):
        path = self.write(name, text)
        os.utime(path, (mtime, mtime))
        return path

    def run_checked(self, *arguments, **options):
        """Run ours; return what it printed."""
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        self.assertEqual(result.stderr, "")
        return result.stdout.strip()

    def cached(self, folder=""):
        """Return the names of what is cached in a folder of the test's."""
        try:
            names = os.listdir(os.path.join(self.folder, folder, "__pycache__"))
        except FileNotFoundError:
            return []
        return sorted(name.replace(TAG + ".", "") for name in names)

    def cache_path(self, tag, name="mod"):
        return os.path.join(self.folder, "__pycache__", f"{name}.{TAG}{tag}.pyc")

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def refused_by_stock(self, *arguments, **options):
        """Assert that stock tells loudly that it cannot import the module."""
        result = self.run_program(*arguments, executable=STOCK, **options)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertRegex(result.stderr, "ImportError: this module awaits at its top level, which "
                         "the Python that imports it does not know|"
                         "SyntaxError: future feature top_level_await is not defined|"
                         "cannot import name 'top_level_await' from '__future__'")
        self.assertNotIn("never awaited", result.stderr)

    def source_is_read(self, **options):
        """Whether an import compiles the source."""
        result = self.run_program("-v", "-c", SHOW, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return "code object from '" + os.path.join(self.folder, "mod.py") in result.stderr


class ImportTest(BytecodeTestCase):
    """What importing a marked module reads and writes."""

    def test_tag(self):
        for options, name in ((), "opt-await"), (("-O",), "opt-await1"), (("-OO",), "opt-await2"):
            with self.subTest(name):
                self.write_at("mod.py", MARKED)
                self.assertEqual(self.run_checked(*options, "-c", SHOW), "awaited")
                self.assertIn(f"mod.{name}.pyc", self.cached())
                data = self.read(self.cache_path("." + name))
                # It is what the second import takes.
                self.assertIn(b"awaited", data)
                with open(self.cache_path("." + name), "wb") as file:
                    file.write(data.replace(b"awaited", b"renewed"))
                self.assertEqual(self.run_checked(*options, "-c", SHOW), "renewed")
        self.assertEqual(len(self.cached()), 3)
        self.refused_by_stock("-c", SHOW)

    def test_marked_without_await(self):
        self.write_at("mod.py", QUIET)
        self.assertEqual(self.run_checked("-c", SHOW), "quiet")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])
        self.refused_by_stock("-c", SHOW)

    def test_ordinary_is_as_in_stock(self):
        for source in PLAIN, "# top_level_await\n" + PLAIN, "top_level_await = value = 1\n":
            for options in (), ("-O",), ("-OO",):
                with self.subTest(source, options=options):
                    path = self.write_at("mod.py", source)
                    found = []
                    for executable in STOCK, sys.executable:
                        result = self.run_program(*options, "-c", SHOW, executable=executable)
                        self.assertEqual(result.returncode, 0)
                        [name] = os.listdir(os.path.join(self.folder, "__pycache__"))
                        cached = os.path.join(self.folder, "__pycache__", name)
                        found.append((name, self.read(cached)))
                        os.unlink(cached)
                    self.assertEqual(found[0], found[1])
                    os.unlink(path)

    def test_source_changes(self):
        self.write_at("mod.py", MARKED)
        self.assertEqual(self.run_checked("-c", SHOW), "awaited")
        self.write_at("mod.py", MARKED.replace("awaited", "later"), 1_500_000_001)
        self.assertEqual(self.run_checked("-c", SHOW), "later")
        self.assertFalse(self.source_is_read())

    def test_marked_later_and_unmarked_again(self):
        for mtimes in (1, 2, 3), (1, 1, 1):
            with self.subTest(mtimes):
                for source, value, mtime in zip((PLAIN, MARKED, PLAIN),
                                                ("plain", "awaited", "plain"), mtimes):
                    self.write_at("mod.py", source, 1_500_000_000 + mtime)
                    self.assertEqual(self.run_checked("-c", SHOW), value)
                    self.assertEqual(self.run_checked("-c", SHOW), value)
                    if source != MARKED:
                        self.assertEqual(
                            self.run_program("-c", SHOW, executable=STOCK).stdout.strip(), value)

    def test_stale_ordinary_file_goes(self):
        self.write_at("mod.py", PLAIN)
        self.run_checked("-c", SHOW)
        self.write_at("mod.py", MARKED, 1_500_000_001)
        self.run_checked("-c", SHOW)
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])

    def test_nothing_is_written(self):
        self.write_at("mod.py", MARKED)
        self.assertEqual(self.run_checked("-B", "-c", SHOW), "awaited")
        self.assertEqual(self.run_checked("-c", SHOW, PYTHONDONTWRITEBYTECODE="1"), "awaited")
        self.assertEqual(self.cached(), [])

    def test_prefix(self):
        path = self.write_at("mod.py", MARKED)
        prefix = os.path.join(self.folder, "elsewhere")
        for options, variables in ((), {"PYTHONPYCACHEPREFIX": prefix}), (
                ("-X", f"pycache_prefix={prefix}"), {}):
            for _ in range(2):
                self.assertEqual(self.run_checked(*options, "-c", SHOW, **variables), "awaited")
            self.assertEqual(self.cached(), [])
            self.assertTrue(os.path.exists(
                prefix + os.path.splitext(path)[0] + f".{TAG}.opt-await.pyc"))
            self.assertFalse(os.path.exists(prefix + os.path.splitext(path)[0] + f".{TAG}.pyc"))

    def test_read_only_folder(self):
        self.write_at("sub/mod.py", MARKED)
        folder = os.path.join(self.folder, "sub")
        # A file in the way, since root may write everywhere.
        with open(os.path.join(folder, "__pycache__"), "w"):
            pass
        for _ in range(2):
            self.assertEqual(self.run_checked("-c", SHOW, PYTHONPATH=folder), "awaited")

    def test_damaged_files(self):
        self.write_at("mod.py", MARKED)
        self.run_checked("-c", SHOW)
        path = self.cache_path(".opt-await")
        data = self.read(path)
        for damaged in b"", data[:3], data[:15], b"xxxx" + data[4:], data[:4] + b"\7" + data[5:]:
            with open(path, "wb") as file:
                file.write(damaged)
            self.assertEqual(self.run_checked("-c", SHOW), "awaited")
            self.assertEqual(self.read(path), data)
        with open(path, "wb") as file:
            file.write(data[:30])
        result = self.run_program("-c", SHOW)
        self.assertIn("EOFError: marshal data too short", result.stderr)

    def test_no_cache_tag(self):
        self.write_at("mod.py", MARKED)
        for _ in range(2):
            self.assertEqual(self.run_checked(
                "-c", "import sys; sys.implementation.cache_tag = None; " + SHOW), "awaited")
        self.assertEqual(self.cached(), [])

    def test_frozen_modules_off(self):
        self.write_at("mod.py", MARKED)
        for _ in range(2):
            self.assertEqual(self.run_checked("-X", "frozen_modules=off", "-c", SHOW), "awaited")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])

    def test_import_that_is_awaited(self):
        self.write_at("mod.py", MARKED)
        program = "from __future__ import top_level_await\n" + SHOW
        for _ in range(2):
            self.assertEqual(self.run_checked("-c", program), "awaited")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])

    def test_optimization_of_code(self):
        self.write_at("mod.py", MARKED)
        for options, value in ((), "True"), (("-O",), "False"), ((), "True"):
            self.assertEqual(self.run_checked(*options, "-c", "import mod; print(mod.debug)"),
                             value)

    def test_loader_of_ones_own(self):
        """That makes coroutines of unmarked sources, or marks them itself."""
        self.write("loaders.py", textwrap.dedent("""\
            import ast
            from importlib.machinery import SourceFileLoader

            class Allowing(SourceFileLoader):
                def source_to_code(self, data, path, *, _optimize=-1):
                    return compile(data, path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)

            class Marking(SourceFileLoader):
                def source_to_code(self, data, path, *, _optimize=-1):
                    head = b"from __future__ import top_level_await\\n"
                    return super().source_to_code(head + data, path)
            """))
        self.write_at("mod.py", MARKED.partition("\n")[2])
        for name in "Allowing", "Marking":
            program = textwrap.dedent(f"""\
                import importlib.util, loaders, sys
                spec = importlib.util.spec_from_file_location(
                    "mod", "mod.py", loader=loaders.{name}("mod", "mod.py"))
                mod = sys.modules["mod"] = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(mod)
                print(mod.value)
                """)
            for _ in range(2):
                self.assertEqual(self.run_checked("-c", program), "awaited")
            self.assertEqual(self.cached(), ["loaders.pyc"])


class HashTest(BytecodeTestCase):
    """Files that are validated by the source's hash."""

    def compile(self, mode):
        self.run_checked("-c", "import py_compile; print(py_compile.compile('mod.py', "
                         f"invalidation_mode=py_compile.PycInvalidationMode.{mode}))")

    def outcomes(self, mode):
        """Return what is imported when the source has changed and its file has not."""
        self.write_at("mod.py", MARKED)
        self.compile(mode)
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])
        self.write_at("mod.py", MARKED.replace("awaited", "changed"))
        values = []
        for option in "default", "always", "never":
            values.append(self.run_checked("--check-hash-based-pycs", option, "-B", "-c", SHOW))
        return values

    def test_checked(self):
        self.assertEqual(self.outcomes("CHECKED_HASH"), ["changed", "changed", "awaited"])
        self.assertEqual(self.run_checked("-c", SHOW), "changed")
        self.assertEqual(self.read(self.cache_path(".opt-await"))[4], 0b11)
        self.assertFalse(self.source_is_read())

    def test_unchecked(self):
        self.assertEqual(self.outcomes("UNCHECKED_HASH"), ["awaited", "changed", "awaited"])

    def test_unchecked_from_before_the_mark(self):
        self.write_at("mod.py", PLAIN)
        self.compile("UNCHECKED_HASH")
        self.assertEqual(self.cached(), ["mod.pyc"])
        self.write_at("mod.py", MARKED)
        self.assertEqual(self.run_checked("-c", SHOW), "plain")
        self.compile("UNCHECKED_HASH")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])
        self.assertEqual(self.run_checked("-c", SHOW), "awaited")

    def test_checked_from_before_the_mark(self):
        self.write_at("mod.py", PLAIN)
        self.compile("CHECKED_HASH")
        self.write_at("mod.py", MARKED)
        for _ in range(2):
            self.assertEqual(self.run_checked("-c", SHOW), "awaited")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])


class PyCompileTest(BytecodeTestCase):

    def test_same_file_as_an_import_writes(self):
        self.write_at("mod.py", MARKED)
        path = self.run_checked("-c", "import py_compile; print(py_compile.compile('mod.py'))")
        self.assertEqual(path, os.path.join("__pycache__", f"mod.{TAG}.opt-await.pyc"))
        written = self.read(self.cache_path(".opt-await"))
        os.unlink(self.cache_path(".opt-await"))
        self.run_checked("-c", SHOW)
        imported = self.read(self.cache_path(".opt-await"))
        self.assertEqual(written[:16], imported[:16])
        ours, theirs = marshal.loads(written[16:]), marshal.loads(imported[16:])
        self.assertEqual(ours.co_consts[-1].replace(co_filename=""),
                         theirs.co_consts[-1].replace(co_filename=""))

    def test_levels(self):
        self.write_at("mod.py", MARKED)
        for optimize, name in (0, "opt-await"), (1, "opt-await1"), (2, "opt-await2"):
            for options in (), ("-O",):
                path = self.run_checked(*options, "-c", "import py_compile; print(py_compile."
                                        f"compile('mod.py', optimize={optimize}))")
                self.assertEqual(path, os.path.join("__pycache__", f"mod.{TAG}.{name}.pyc"))
        self.assertEqual(len(self.cached()), 3)
        path = self.run_checked("-O", "-c", "import py_compile; print(py_compile.compile('mod.py'))")
        self.assertIn("opt-await1", path)

    def test_program(self):
        self.write_at("mod.py", MARKED)
        self.run_checked("-m", "py_compile", "mod.py")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])
        self.write_at("more.py", MARKED)
        self.run_checked("-m", "py_compile", "-", source="more.py\n")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc", "more.opt-await.pyc"])

    def test_named_file(self):
        """Stock refuses it by whatever name it comes."""
        self.write_at("mod.py", MARKED)
        os.mkdir(os.path.join(self.folder, "other"))
        for name in "other/mod.pyc", f"__pycache__/mod.{TAG}.pyc":
            self.run_checked("-c", f"import py_compile; py_compile.compile('mod.py', {name!r})")
        self.refused_by_stock("-c", SHOW, PYTHONPATH="other")
        self.assertEqual(self.run_checked("-c", SHOW), "awaited")
        os.unlink(os.path.join(self.folder, "mod.py"))
        self.assertEqual(self.run_checked("-c", SHOW, PYTHONPATH="other"), "awaited")
        self.refused_by_stock("-c", SHOW, PYTHONPATH="other")
        self.refused_by_stock("-m", "mod", PYTHONPATH="other")
        self.refused_by_stock(os.path.join("other", "mod.pyc"))
        self.assertEqual(self.run_checked(os.path.join("other", "mod.pyc")), "")
        self.assertEqual(self.run_checked("-m", "mod", PYTHONPATH="other"), "")

    def test_errors(self):
        self.write_at("mod.py", MARKED + "def f(): await x\n")
        program = "import py_compile; print(py_compile.compile('mod.py', %s))"
        result = self.run_program("-c", program % "doraise=True")
        self.assertIn("py_compile.PyCompileError", result.stderr)
        self.assertIn("'await' outside async function", result.stderr)
        result = self.run_program("-c", program % "")
        self.assertEqual((result.stdout, result.returncode), ("None\n", 0))
        self.assertIn("SyntaxError: 'await' outside async function", result.stderr)
        result = self.run_program("-c", program % "quiet=2")
        self.assertEqual((result.stdout, result.stderr), ("None\n", ""))
        for name in "missing.py", ".":
            results = [self.run_program("-c", f"import py_compile; py_compile.compile({name!r})",
                                        executable=executable).stderr.splitlines()[-1]
                       for executable in (sys.executable, STOCK)]
            self.assertEqual(*results)
        self.assertEqual(self.cached(), [])

    def test_link_in_the_way(self):
        self.write_at("mod.py", MARKED)
        os.mkdir(os.path.join(self.folder, "__pycache__"))
        os.symlink("elsewhere", self.cache_path(".opt-await"))
        result = self.run_program("-c", "import py_compile; py_compile.compile('mod.py')")
        self.assertIn("FileExistsError", result.stderr)

    def test_source_date_epoch(self):
        self.write_at("mod.py", MARKED)
        self.run_checked("-m", "py_compile", "mod.py", SOURCE_DATE_EPOCH="1")
        self.assertEqual(self.read(self.cache_path(".opt-await"))[4], 0b11)
        self.assertEqual(self.run_checked("-c", SHOW), "awaited")

    def test_dfile(self):
        self.write_at("mod.py", MARKED + "1 / 0\n")
        self.run_checked("-c", "import py_compile; py_compile.compile('mod.py', 'out.pyc', 'shown')")
        code = marshal.loads(self.read(os.path.join(self.folder, "out.pyc"))[16:])
        self.assertEqual((code.co_filename, code.co_consts[-1].co_filename), ("shown", "shown"))

    def test_ordinary_is_as_in_stock(self):
        self.write_at("mod.py", PLAIN)
        for arguments in "", "'a.pyc'", "optimize=2", "dfile='x'", "doraise=True", "quiet=1":
            found = []
            for executable in STOCK, sys.executable:
                path = self.run_program("-c", "import py_compile; print(py_compile.compile("
                                        f"'mod.py', {arguments}))", executable=executable).stdout
                found.append((path, self.read(os.path.join(self.folder, path.strip()))))
            self.assertEqual(found[0], found[1])

    def test_signature(self):
        import inspect
        import py_compile

        self.assertEqual(str(inspect.signature(py_compile.compile)),
                         "(file, cfile=None, dfile=None, doraise=False, optimize=-1, "
                         "invalidation_mode=None, quiet=0)")


class CompileAllTest(BytecodeTestCase):

    def setUp(self):
        super().setUp()
        self.write_at("mod.py", MARKED)
        self.write_at("package/plain.py", PLAIN)
        self.write_at("package/quiet.py", QUIET)
        self.write_at("package/marked.py", MARKED)

    def compile(self, *arguments, **options):
        return self.run_checked("-m", "compileall", *arguments, **options)

    def test_tree(self):
        output = self.compile(".")
        self.assertEqual(output.count("Compiling"), 4)
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])
        self.assertEqual(self.cached("package"), ["marked.opt-await.pyc", "plain.pyc",
                                                  "quiet.opt-await.pyc"])
        self.assertFalse(self.source_is_read())
        # A second time there is nothing to do, but with -f.
        self.assertNotIn("Compiling", self.compile("."))
        self.assertEqual(self.compile("-f", ".").count("Compiling"), 4)
        self.write_at("mod.py", MARKED + "#", 1_500_000_002)
        self.assertEqual(self.compile(".").count("Compiling"), 1)
        self.refused_by_stock("-c", SHOW)

    def test_quiet(self):
        self.assertEqual(self.compile("-q", "."), "")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])

    def test_levels(self):
        self.compile("-q", "-o", "0", "-o", "1", "-o", "2", ".")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc", "mod.opt-await1.pyc",
                                         "mod.opt-await2.pyc"])
        self.assertEqual(self.cached("package"), [
            *(f"marked.opt-await{level}.pyc" for level in ("", 1, 2)),
            *(f"plain{level}.pyc" for level in (".opt-1", ".opt-2", "")),
            *(f"quiet.opt-await{level}.pyc" for level in ("", 1, 2))])

    def test_workers(self):
        self.compile("-q", "-j", "2", ".")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])
        self.assertEqual(len(self.cached("package")), 3)

    def test_hard_links(self):
        self.compile("-q", "-o", "0", "-o", "1", "-o", "2", "--hardlink-dupes", "package")
        folder = os.path.join(self.folder, "package")
        inodes = {os.stat(os.path.join(folder, "__pycache__",
                                       f"quiet.{TAG}.opt-await{level}.pyc")).st_ino
                  for level in ("", 1, 2)}
        self.assertEqual(len(inodes), 1)

    def test_hash(self):
        for mode, flags in ("checked-hash", 0b11), ("unchecked-hash", 0b01), ("timestamp", 0):
            self.compile("-q", "-f", "--invalidation-mode", mode, ".")
            self.assertEqual(self.read(self.cache_path(".opt-await"))[4], flags)
            self.assertEqual(self.run_checked("-c", SHOW), "awaited")

    def test_legacy(self):
        self.compile("-q", "-b", ".")
        self.assertEqual(self.cached(), [])
        self.refused_by_stock("-c", SHOW)
        os.unlink(os.path.join(self.folder, "mod.py"))
        self.assertEqual(self.run_checked("-c", SHOW), "awaited")
        self.assertEqual(self.run_checked("-c", "from __future__ import top_level_await\n" + SHOW),
                         "awaited")
        self.refused_by_stock("-c", SHOW)

    def test_directories_in_names(self):
        self.compile("-q", "-s", "package", "-p", "/usr/share/x", "package")
        code = marshal.loads(self.read(os.path.join(
            self.folder, "package", "__pycache__", f"marked.{TAG}.opt-await.pyc"))[16:])
        self.assertEqual(code.co_consts[-1].co_filename, "/usr/share/x/marked.py")
        self.compile("-q", "-f", "-d", "shown", "package")
        code = marshal.loads(self.read(os.path.join(
            self.folder, "package", "__pycache__", f"marked.{TAG}.opt-await.pyc"))[16:])
        self.assertEqual(code.co_consts[-1].co_filename, "shown/marked.py")

    def test_functions(self):
        self.run_checked("-c", "import compileall; compileall.compile_file('mod.py', quiet=1); "
                         "compileall.compile_dir('package', quiet=1)")
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])
        self.assertEqual(len(self.cached("package")), 3)

    def test_prefix(self):
        prefix = os.path.join(self.folder, "elsewhere")
        self.compile("-q", "mod.py", PYTHONPYCACHEPREFIX=prefix)
        self.assertEqual(self.cached(), [])
        self.assertFalse(self.source_is_read(PYTHONPYCACHEPREFIX=prefix))

    def test_bad_source(self):
        self.write_at("mod.py", MARKED + "await\n")
        result = self.run_program("-m", "compileall", "mod.py")
        self.assertEqual(result.returncode, 1)
        self.assertIn("SyntaxError: invalid syntax", result.stdout)

    def test_stock_leaves_it(self):
        self.compile("-q", ".")
        result = self.run_program("-m", "compileall", ".", executable=STOCK)
        self.assertEqual(result.returncode, 1)
        self.assertIn("future feature top_level_await is not defined", result.stdout)
        self.assertEqual(self.cached(), ["mod.opt-await.pyc"])


class SourcelessTest(BytecodeTestCase):
    """Files without their source, and in archives."""

    def zipped(self, *names):
        path = os.path.join(self.folder, "archive.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.write(os.path.join(self.folder, name), name)
        for name in names:
            os.unlink(os.path.join(self.folder, name))
        return path

    def compile(self, name="mod.pyc"):
        self.write_at("mod.py", MARKED)
        self.run_checked("-c", f"import py_compile; py_compile.compile('mod.py', {name!r})")

    def check(self, **variables):
        for program in SHOW, "from __future__ import top_level_await\n" + SHOW:
            self.assertEqual(self.run_checked("-c", program, **variables), "awaited")

    def test_source_in_archive(self):
        self.write_at("mod.py", MARKED)
        path = self.zipped("mod.py")
        self.check(PYTHONPATH=path)
        self.refused_by_stock("-c", SHOW, PYTHONPATH=path)

    def test_both_in_archive(self):
        self.compile()
        path = self.zipped("mod.py", "mod.pyc")
        self.check(PYTHONPATH=path)
        self.refused_by_stock("-c", SHOW, PYTHONPATH=path)

    def test_bytecode_in_archive(self):
        self.compile()
        os.unlink(os.path.join(self.folder, "mod.py"))
        path = self.zipped("mod.pyc")
        self.check(PYTHONPATH=path)
        self.refused_by_stock("-c", SHOW, PYTHONPATH=path)
        self.refused_by_stock("-m", "mod", PYTHONPATH=path)

    def test_writepy(self):
        self.write_at("package/__init__.py", "")
        self.write_at("package/mod.py", MARKED)
        self.write_at("package/plain.py", PLAIN)
        self.write_at("mod.py", MARKED)
        for optimize in "", ", optimize=0", ", optimize=2":
            self.run_checked("-c", textwrap.dedent(f"""\
                import zipfile
                with zipfile.PyZipFile("packed.zip", "w"{optimize}) as archive:
                    archive.writepy("package")
                    archive.writepy("mod.py")
                """))
            with zipfile.ZipFile(os.path.join(self.folder, "packed.zip")) as archive:
                self.assertEqual(sorted(archive.namelist()),
                                 ["mod.pyc", "package/__init__.pyc", "package/mod.pyc",
                                  "package/plain.pyc"])
            here = os.getcwd()
            show = ("import sys; sys.path[:0] = ['packed.zip']; del sys.path[1]; "
                    "import mod, package.mod; print(mod.value, package.mod.value, mod.__file__)")
            self.assertEqual(self.run_checked("-c", show), "awaited awaited packed.zip/mod.pyc")
            self.refused_by_stock("-c", show)
            self.assertEqual(here, os.getcwd())

    def test_what_inspects_sees_the_code(self):
        self.compile("lone.pyc")
        probe = textwrap.dedent("""\
            import ast, asyncio, importlib.util, inspect
            from importlib.machinery import SourcelessFileLoader
            code = SourcelessFileLoader("lone", "lone.pyc").get_code("lone")
            print(bool(code.co_flags & inspect.CO_COROUTINE), ast.is_async(code))
            """)
        self.assertEqual(self.run_checked("-c", probe), "True True")

    def test_copied_file(self):
        """What an import has cached, under a name that stock looks for."""
        self.write_at("mod.py", MARKED)
        self.run_checked("-c", SHOW)
        os.rename(self.cache_path(".opt-await"), self.cache_path(""))
        self.refused_by_stock("-c", SHOW)
        self.assertEqual(self.run_checked("-c", SHOW), "awaited")


class NamesTest(unittest.TestCase):

    def test_names(self):
        path = importlib.util.cache_from_source("/a/b.py", optimization="await1")
        self.assertEqual(path, f"/a/__pycache__/b.{TAG}.opt-await1.pyc")
        self.assertEqual(importlib.util.source_from_cache(path), "/a/b.py")

    def test_sealed_code(self):
        """Through marshal and back, and evaluated by hand."""
        from importlib._bootstrap_external import (_code_to_hash_pyc, _code_to_timestamp_pyc,
                                                   _compile_bytecode)

        code = compile("from __future__ import top_level_await\nimport a\nawait b", "text", "exec",
                       dont_inherit=True)
        plain = compile("a", "text", "exec")
        for data in _code_to_timestamp_pyc(code), _code_to_hash_pyc(code, b"8 bytes."):
            self.assertEqual(_compile_bytecode(data[16:]), code)
            sealed = marshal.loads(data[16:])
            self.assertFalse(sealed.co_flags & 0x80)
            coroutine = eval(sealed, {})
            self.assertIs(coroutine.cr_code, sealed.co_consts[-1])
            coroutine.close()
        self.assertEqual(_code_to_timestamp_pyc(plain)[16:], marshal.dumps(plain))
        with self.assertRaises(TypeError):
            _code_to_timestamp_pyc()
        with self.assertRaises(TypeError):
            _compile_bytecode()
        outcome = subprocess.run([STOCK, "-c", "import marshal, sys\nexec(marshal.loads(sys.stdin."
                                  "buffer.read()), {'__name__': 'x'})"], capture_output=True,
                                 input=marshal.dumps(sealed), env=clean_environment())
        self.assertIn(b"ImportError: this module awaits", outcome.stderr)


if __name__ == "__main__":
    unittest.main()
