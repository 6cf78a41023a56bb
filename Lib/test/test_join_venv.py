"""Virtual environments and pip: the environment's python is this one."""

import os
import sys
import sysconfig
import tempfile
import unittest
import zipfile

from join_support import (OUR_LIBRARY, PROGRAM, STOCK, VERSION_TAIL,
                          JoinTestCase, run, run_checked)

PROBE = """\
import sys, autoawait
print(sys.version)
print(sys.prefix)
print(sys.base_prefix)
print(autoawait.__file__)
print(sys.awaithook)
"""


def write(path, text):
    """Write text into a new file, with the folders that it takes."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class EnvironmentTests(JoinTestCase):
    """Environments made by -m venv."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        self.environment = os.path.join(self.folder, "environment")
        self.python = os.path.join(self.environment, "bin", "python")

    def make(self, *options):
        """Make the environment."""
        run_checked(self, PROGRAM, "-m", "venv", *options, self.environment)

    def check_python(self):
        """The environment's python is ours and finds our modules."""
        for options in ((), ("-I",), ("-S",), ("-E",)):
            with self.subTest(options=options):
                version, prefix, base, origin, hook = run_checked(
                    self, self.python, *options, "-c", PROBE).splitlines()
                self.assertEqual(version, sys.version)
                self.assertIn(VERSION_TAIL, version)
                # Without site nobody reads the environment's configuration.
                if "-S" not in options:
                    self.assertEqual(prefix, self.environment)
                self.assertEqual(base, sys.base_prefix)
                self.assertEqual(origin,
                                 os.path.join(OUR_LIBRARY, "autoawait", "__init__.py"))
                self.assertIn("__awaithook__", hook)

    def test_links(self):
        self.make("--without-pip")
        self.assertTrue(os.path.islink(self.python))
        self.check_python()

    def test_copies(self):
        self.make("--without-pip", "--copies")
        self.assertFalse(os.path.islink(self.python))
        # The interpreter that it was made by has none of these names but one.
        for name in ("python", "python3", "python3.11"):
            self.python = os.path.join(self.environment, "bin", name)
            self.check_python()

    def test_environment_of_an_environment(self):
        self.make("--without-pip")
        inner = os.path.join(self.folder, "inner")
        run_checked(self, self.python, "-m", "venv", "--without-pip", inner)
        self.environment = inner
        self.python = os.path.join(inner, "bin", "python")
        self.check_python()

    def test_system_packages(self):
        self.make("--without-pip", "--system-site-packages")
        origin = run_checked(self, self.python, "-c",
                             "import aiohttp; print(aiohttp.__file__)")
        self.assertTrue(origin.startswith("/usr/lib/python3/dist-packages/"))

    def test_upgrade_and_clear(self):
        self.make("--without-pip")
        self.make("--without-pip", "--upgrade")
        self.check_python()
        self.make("--without-pip", "--clear")
        self.check_python()

    def test_same_layout_as_stock(self):
        layouts = []
        for program in (STOCK, PROGRAM):
            run_checked(self, program, "-m", "venv", "--clear",
                        "--without-pip", self.environment)
            own_name = os.path.basename(program)
            if own_name not in ("python", "python3", "python3.11"):
                os.unlink(os.path.join(self.environment, "bin", own_name))
            layouts.append([(os.path.relpath(folder, self.environment),
                             sorted(folders), sorted(names))
                            for folder, folders, names
                            in os.walk(self.environment)])
        self.assertEqual(sorted(layouts[1]), sorted(layouts[0]))

    def test_awaits_at_prompt(self):
        self.make("--without-pip")
        outcome = run(self.python, "-i", "-q",
                      stdin="import asyncio\nawait asyncio.sleep(0, 42)\n")
        self.assertIn("42", outcome.output)


class PipTests(JoinTestCase):
    """pip in an environment, without a network."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = os.path.realpath(folder.name)
        environment = os.path.join(cls.folder, "environment")
        outcome = run(PROGRAM, "-m", "venv", environment, timeout=300)
        if outcome.status:
            raise AssertionError("no environment with pip; is the package "
                                 "python3.11-venv installed?\n"
                                 + outcome.output + outcome.errors)
        cls.environment = environment
        cls.python = os.path.join(environment, "bin", "python")

    def pip(self, *arguments):
        """Run pip and return what it printed."""
        return run_checked(
            self, self.python, "-m", "pip", *arguments, timeout=300,
            cwd=self.folder,
            variables={"PIP_NO_INDEX": "1", "PIP_NO_CACHE_DIR": "1",
                       "PIP_DISABLE_PIP_VERSION_CHECK": "1"})

    def test_version(self):
        output = self.pip("--version")
        self.assertIn(self.environment, output)
        self.assertIn("(python 3.11)", output)
        script = os.path.join(self.environment, "bin", "pip")
        self.assertEqual(run_checked(self, script, "--version"), output)

    def test_source_package(self):
        project = os.path.join(self.folder, "project")
        write(os.path.join(project, "setup.py"),
              "from setuptools import setup\n"
              "setup(name='sourcepackage', version='1.5', "
              "py_modules=['sourcemodule'], entry_points={'console_scripts':"
              " ['sourceprogram=sourcemodule:main']})\n")
        write(os.path.join(project, "sourcemodule.py"),
              "import sys\n\ndef main():\n    print(sys.version)\n")
        self.pip("install", "--no-build-isolation", project)
        self.assertIn("sourcepackage", self.pip("list"))
        program = os.path.join(self.environment, "bin", "sourceprogram")
        self.assertEqual(run_checked(self, program).strip(), sys.version)
        self.pip("uninstall", "--yes", "sourcepackage")
        self.assertNotIn("sourcepackage", self.pip("list"))

    def test_extension_package(self):
        project = os.path.join(self.folder, "extension")
        write(os.path.join(project, "setup.py"),
              "from setuptools import Extension, setup\n"
              "setup(name='extensionpackage', version='1', ext_modules="
              "[Extension('compiledmodule', ['compiledmodule.c'])])\n")
        write(os.path.join(project, "compiledmodule.c"), """\
            #include <Python.h>
            static struct PyModuleDef module = {
                PyModuleDef_HEAD_INIT, .m_name = "compiledmodule"};
            PyMODINIT_FUNC PyInit_compiledmodule(void) {
                PyObject *result = PyModule_Create(&module);
                PyModule_AddIntConstant(result, "ANSWER", 42);
                return result;
            }
            """)
        self.pip("install", "--no-build-isolation", project)
        origin = run_checked(self, self.python, "-c", "import compiledmodule; "
                             "print(compiledmodule.ANSWER, "
                             "compiledmodule.__file__)")
        self.assertTrue(origin.startswith("42 "))
        self.assertIn(sysconfig.get_config_var("EXT_SUFFIX"), origin)

    def test_wheel(self):
        wheel = os.path.join(self.folder, "wheelpackage-2-py3-none-any.whl")
        info = "wheelpackage-2.dist-info/"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("wheelmodule.py", "VALUE = 7\n")
            archive.writestr(info + "METADATA", "Metadata-Version: 2.1\n"
                             "Name: wheelpackage\nVersion: 2\n")
            archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: x"
                             "\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(info + "RECORD", "wheelmodule.py,,\n"
                             f"{info}METADATA,,\n{info}WHEEL,,\n"
                             f"{info}RECORD,,\n")
        self.pip("install", wheel)
        self.assertEqual(run_checked(self, self.python, "-c", "import "
                                     "wheelmodule; print(wheelmodule.VALUE)"),
                         "7\n")
        self.assertIn("wheelpackage @ file:", self.pip("freeze"))
        self.pip("check")


if __name__ == "__main__":
    unittest.main()
