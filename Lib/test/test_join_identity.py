"""The interpreter is CPython 3.11, says what it has beside it, and finds our
modules where they belong in the search path."""

import builtins
import importlib.machinery
import importlib.util
import os
import platform
import re
import subprocess
import sys
import sysconfig
import tempfile
import unittest

from join_support import (OUR_LIBRARY, PROGRAM, STOCK, VERSION, VERSION_TAIL,
                          JoinTestCase, run, run_checked)

SYS_PROBE = """\
import sys, platform, sysconfig, pprint, site
pprint.pprint([
    sys.implementation, sys.version_info, sys.hexversion, sys.api_version,
    sys.platform, sys.byteorder, sys.maxsize, sys.float_info, sys.hash_info,
    sys.int_info, sys.thread_info, sys.abiflags, sys._git, sys._framework,
    sys.copyright, sys.getrecursionlimit(), sys.getswitchinterval(),
    sys.getdlopenflags(), sorted(sys.stdlib_module_names),
    sorted(set(sys.builtin_module_names) - {"_asyncimport", "_autoawait"}),
    sorted(set(dir(sys)) - {"awaithook", "__awaithook__"}),
    platform.python_implementation(), platform.python_version(),
    platform.python_build(), platform.python_compiler(),
    sysconfig.get_platform(), sysconfig.get_paths(),
    sysconfig.get_config_vars(), sysconfig.get_default_scheme(),
    site.getsitepackages(), site.getusersitepackages(),
], width=200)
"""
PATH_PROBE = "import sys; print(*sys.path, sep='\\n')"


class IdentityTests(JoinTestCase):
    """What the interpreter says of itself."""

    def test_sys_platform_sysconfig(self):
        self.assertEqual(self.assertAsStock("-c", SYS_PROBE).status, 0)

    def test_implementation(self):
        self.assertEqual(sys.implementation.name, "cpython")
        self.assertEqual(sys.implementation.cache_tag, "cpython-311")
        self.assertEqual(platform.python_implementation(), "CPython")

    def test_magic_number(self):
        stock = run_checked(self, STOCK, "-c", "import importlib.util; "
                            "print(importlib.util.MAGIC_NUMBER.hex())")
        self.assertEqual(importlib.util.MAGIC_NUMBER.hex(), stock.strip())

    def test_version_tells_of_await(self):
        stock = run_checked(self, STOCK, "-c",
                            "import sys; print(sys.version)")
        self.assertEqual(sys.version, stock.rstrip("\n") + VERSION_TAIL)

    def test_banner_tells_of_await(self):
        banner = run(PROGRAM, "-i").errors.splitlines()[0]
        self.assertIn("await", banner)
        self.assertNotIn("await", run(STOCK, "-i").errors.splitlines()[0])

    def test_builtins_are_the_same(self):
        self.assertAsStock("-c", "import builtins; print(sorted("
                           "set(dir(builtins)) - {'aexec', 'aeval', '__aimport__'}))")
        self.assertLessEqual({"aexec", "aeval", "__aimport__"}, set(dir(builtins)))

    def test_compile_has_stocks_signature(self):
        self.assertAsStock("-c", "print(compile.__text_signature__, "
                           "compile.__module__, compile.__self__, compile)")

    def test_frozen_modules_are_the_same(self):
        self.assertAsStock("-c", "import _imp; "
                           "print(_imp._frozen_module_names())")

    def test_extension_suffixes(self):
        self.assertAsStock("-c", "import importlib.machinery as m; "
                           "print(m.all_suffixes(), m.EXTENSION_SUFFIXES)")

    def test_distribution_modules_are_found(self):
        present = run_checked(
            self, STOCK, "-c", "import pkgutil\n"
            "for module in pkgutil.iter_modules(): print(module.name)")
        here = run_checked(
            self, PROGRAM, "-c", "import pkgutil\n"
            "for module in pkgutil.iter_modules(): print(module.name)")
        self.assertLessEqual(set(present.split()), set(here.split()))

    def test_sysconfig_as_program(self):
        self.assertAsStock("-m", "sysconfig")


class SearchPathTests(JoinTestCase):
    """Our library is right ahead of the standard library, always."""

    def search_path(self, *options, **keywords):
        """Return sys.path of the interpreter as a list."""
        return run_checked(self, PROGRAM, *options, "-c", PATH_PROBE,
                           **keywords).split("\n")[:-1]

    def test_place(self):
        standard = sysconfig.get_path("stdlib")
        for options in ((), ("-I",), ("-S",), ("-E",), ("-P",), ("-s",),
                        ("-I", "-S"), ("-X", "frozen_modules=off")):
            with self.subTest(options=options):
                path = self.search_path(*options)
                self.assertEqual(path.count(OUR_LIBRARY), 1)
                self.assertEqual(path[path.index(OUR_LIBRARY) + 1], standard)

    def test_rest_is_stocks(self):
        for options in ((), ("-I",), ("-S",), ("-E",), ("-P",), ("-I", "-S")):
            with self.subTest(options=options):
                path = self.search_path(*options)
                path.remove(OUR_LIBRARY)
                stock = run_checked(self, STOCK, *options, "-c", PATH_PROBE)
                self.assertEqual(path, stock.split("\n")[:-1])

    def test_user_path_comes_first(self):
        path = self.search_path(variables={"PYTHONPATH": "/tmp/one:/tmp/two"})
        self.assertEqual(path[:3], ["", "/tmp/one", "/tmp/two"])
        self.assertGreater(path.index(OUR_LIBRARY), 2)

    def test_user_module_shadows_ours(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "autoawait.py"), "w") as file:
                file.write("MARK = 'the user'\n")
            probe = "import autoawait; print(autoawait.__file__)"
            options = {"variables": {"PYTHONPATH": folder}}
            self.assertIn(folder, run_checked(self, PROGRAM, "-c", probe,
                                              **options))
            for option in ("-I", "-E"):
                self.assertIn(OUR_LIBRARY, run_checked(
                    self, PROGRAM, option, "-c", probe, **options))

    def test_working_folder_does_not_matter(self):
        self.assertIn(OUR_LIBRARY, self.search_path(cwd="/"))

    def test_started_through_link(self):
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "python-by-another-name")
            os.symlink(PROGRAM, link)
            path = run_checked(self, link, "-c", PATH_PROBE).split("\n")
            self.assertIn(OUR_LIBRARY, path)

    def test_started_by_search_of_path(self):
        folder, name = os.path.split(PROGRAM)
        variables = {"PATH": folder + os.pathsep + os.environ["PATH"]}
        output = run_checked(self, "/usr/bin/env", name, "-c", PATH_PROBE,
                             variables=variables)
        self.assertIn(OUR_LIBRARY, output.split("\n"))

    def test_other_home(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "lib"))
            os.symlink(sysconfig.get_path("stdlib"),
                       os.path.join(folder, "lib", "python3.11"))
            path = self.search_path(variables={"PYTHONHOME": folder})
            place = path.index(os.path.join(folder, "lib", "python3.11"))
            self.assertEqual(path[place - 1], OUR_LIBRARY)

    def test_path_file_is_the_whole_path(self):
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "python3.11")
            os.symlink(PROGRAM, link)
            lines = ["/tmp/one", sysconfig.get_path("stdlib"), "/tmp/two"]
            with open(link + "._pth", "w") as file:
                file.write("\n".join(lines))
            path = run_checked(self, link, "-c", PATH_PROBE).split("\n")
            self.assertEqual(path[:-1], lines)

    def test_ours_are_found(self):
        spec = importlib.util.find_spec("autoawait")
        self.assertEqual(spec.origin,
                         os.path.join(OUR_LIBRARY, "autoawait", "__init__.py"))
        self.assertIsInstance(spec.loader,
                              importlib.machinery.SourceFileLoader)

    def test_start_up_imports_what_stock_imports(self):
        for options in ((), ("-I", "-S")):
            with self.subTest(options=options):
                self.assertAsStock(*options, "-c", "import sys; "
                                   "print(sorted(sys.modules))")

    def test_pydoc_and_help_find_our_modules(self):
        output = run_checked(self, PROGRAM, "-m", "pydoc", "autoawait")
        self.assertIn("autoawait", output)


class VersionTests(JoinTestCase):
    """Our own version is the same wherever it is told."""

    def test_version_option(self):
        plain = run_checked(self, STOCK, "--version")
        expected = f"{plain.rstrip()} (python-async {VERSION})\n"
        for options in (["--version"], ["-V"], ["-IV"], ["-ISB", "--version"], ["-V", "-c", "x"]):
            with self.subTest(options=options):
                self.assertEqual(run_checked(self, PROGRAM, *options), expected)
        for options in (["-c", "print(1)", "--version"], ["-Xdev", "-c", "print(1)", "-V"]):
            with self.subTest(options=options):
                self.assertEqual(run_checked(self, PROGRAM, *options), "1\n")

    def test_module(self):
        output = run_checked(self, PROGRAM, "-c", "import autoawait; print(autoawait.__version__)")
        self.assertEqual(output, f"{VERSION}\n")

    def test_package(self):
        source = os.path.dirname(OUR_LIBRARY)
        with open(os.path.join(source, "debian", "changelog"), encoding="utf-8") as file:
            self.assertIn(f"+{VERSION})", file.readline())
        with open(os.path.join(source, "CHANGELOG.md"), encoding="utf-8") as file:
            self.assertIn(f"\n## {VERSION}", file.read())


def exported(program):
    """The names that a program gives to the extensions it loads."""
    table = subprocess.run(["nm", "-D", "--defined-only", program], capture_output=True,
                           text=True, check=True).stdout
    names = {line.split()[-1] for line in table.splitlines()}
    return {name for name in names if "@" not in name}     # with a version: the C library's


# An extension's own function, called from the same extension through the dynamic linker.
NAMESAKES = """
int emit(int x) { return x + 41; }
int assemble(void) { return emit(1); }
int call_own(void) { return assemble(); }
"""


class ExportTests(JoinTestCase):
    """What extensions see of the program."""

    def test_names(self):
        with open(os.path.join(os.path.dirname(OUR_LIBRARY), "Include", "pyasync.h"),
                  encoding="utf-8") as header:
            own = set(re.findall(r"PyAPI_FUNC\(.*?\) (\w+)\(", header.read()))
        self.assertGreater(len(own), 4)
        names = {name for name in exported(PROGRAM) if not name.startswith("_PyStage_")}
        self.assertEqual(names - exported(STOCK), own | {"PyInit__asyncimport", "PyInit__autoawait"})
        self.assertEqual(exported(STOCK) - names, set())

    def test_namesakes(self):
        """No function of ours takes the place of an extension's."""
        with tempfile.TemporaryDirectory() as folder:
            library = os.path.join(folder, "namesakes.so")
            subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", library],
                           input=NAMESAKES, text=True, check=True)
            output = run_checked(self, PROGRAM, "-c", "import ctypes, sys\n"
                                 "print(ctypes.CDLL(sys.argv[1]).call_own())", library)
        self.assertEqual(output, "42\n")


if __name__ == "__main__":
    unittest.main()
