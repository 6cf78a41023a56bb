"""What `make install` puts in place works from there and goes away again."""

import os
import sys
import sysconfig
import tempfile
import unittest

from join_support import BUILD, STOCK, JoinTestCase, run, run_checked

PROBE = ("import sys, autoawait; print(sys.version); print(sys.awaithook); "
         "print(*sys.path, sep='\\n')")


class InstallTests(JoinTestCase):
    """An installation under a folder of its own (DESTDIR)."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = os.path.realpath(folder.name)
        cls.make("install")
        found = [os.path.join(parent, name)
                 for parent, _, names in os.walk(cls.folder)
                 for name in names
                 if os.path.join(os.path.basename(parent), name) == "bin/python3.11-async"]
        [cls.program] = found
        cls.root = os.path.dirname(os.path.dirname(cls.program))
        cls.library = os.path.join(cls.root, "lib", "python3.11-async")

    @classmethod
    def make(cls, target):
        """Run make in the build's folder."""
        outcome = run("make", "-s", "-C", BUILD, target,
                      f"DESTDIR={cls.folder}", timeout=300)
        if outcome.status:
            raise AssertionError(outcome.output + outcome.errors)

    def test_program(self):
        for options in ((), ("-I",), ("-S",), ("-E",)):
            with self.subTest(options=options):
                version, hook, *path = run_checked(
                    self, self.program, *options, "-c", PROBE).splitlines()
                self.assertEqual(version, sys.version)
                self.assertIn("__awaithook__", hook)
                place = path.index(self.library)
                self.assertEqual(path[place + 1], sysconfig.get_path("stdlib"))

    def test_rest_of_search_path_is_stocks(self):
        probe = "import sys; print(*sys.path, sep='\\n')"
        path = run_checked(self, self.program, "-c", probe).split("\n")
        path.remove(self.library)
        self.assertEqual(path,
                         run_checked(self, STOCK, "-c", probe).split("\n"))

    def test_short_name(self):
        link = os.path.join(os.path.dirname(self.program), "python-async")
        self.assertTrue(os.path.samefile(link, self.program))
        self.assertIn(self.library, run_checked(self, link, "-c", PROBE))

    def test_virtual_environment(self):
        for options in ((), ("--copies",)):
            with self.subTest(options=options), \
                    tempfile.TemporaryDirectory() as folder:
                run_checked(self, self.program, "-m", "venv", "--without-pip",
                            *options, folder)
                python = os.path.join(folder, "bin", "python")
                output = run_checked(self, python, "-c", PROBE)
                self.assertIn(sys.version, output)
                self.assertIn(self.library, output.split("\n"))

    def test_awaits(self):
        outcome = run(self.program, "-i", "-q", stdin="import asyncio\n"
                      "await asyncio.sleep(0, 6 * 7)\n")
        self.assertIn("42", outcome.output)

    def test_modules_are_compiled(self):
        cache = os.path.join(self.library, "autoawait", "__pycache__")
        self.assertIn("__init__.cpython-311.pyc", os.listdir(cache))

    def test_nothing_of_the_build_is_in_it(self):
        for parent, _, names in os.walk(self.library):
            for name in names:
                with open(os.path.join(parent, name), "rb") as file:
                    contents = file.read()
                self.assertNotIn(os.fsencode(BUILD), contents, name)
                self.assertNotIn(os.fsencode(self.folder), contents, name)

    def test_uninstall_leaves_no_file(self):
        self.make("uninstall")
        left = [name for _, _, names in os.walk(self.folder)
                for name in names]
        self.make("install")
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
