"""What is installed beside the program: completion, configuration, and the source archive.

The packages themselves are tried by `make test-package`, which needs more than this.
"""

import json
import os
import re
import subprocess
import tarfile
import tempfile
import unittest

from join_support import BUILD, PROGRAM, STOCK, JoinTestCase, run, run_checked

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILLED_IN = os.path.join(BUILD, "build", "Misc")
COMPLETION = os.path.join(SOURCE, "Misc", "python3.11-async.bash")

# Completes its arguments, the last one being the word at the cursor.
COMPLETE = """
source "$0"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_python_async "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


class CompletionTest(unittest.TestCase):
    """What bash offers."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        os.makedirs(os.path.join(cls.folder, "parcel", "inner"))
        for name in ("script.py", "data.txt", "parcel/__init__.py", "parcel/module.py",
                     "parcel/inner/__init__.py"):
            with open(os.path.join(cls.folder, name), "w", encoding="utf-8") as file:
                file.write("raise SystemExit('imported')\n" if name.endswith(".py") else "")

    def complete(self, *words):
        """Return what is offered for the last word."""
        return subprocess.run(
            ["bash", "--norc", "-c", COMPLETE, COMPLETION, PROGRAM, *words], cwd=self.folder,
            capture_output=True, text=True, timeout=60, check=True).stdout.split()

    def test_options(self):
        self.assertIn("-X", self.complete("-"))
        self.assertEqual(sorted(self.complete("--help-")),
                         ["--help-all", "--help-env", "--help-xoptions"])

    def test_every_option_of_the_help(self):
        shown = run_checked(self, PROGRAM, "-h")
        options = set(re.findall(r"^(--?[a-zA-Z-]+)", shown, re.MULTILINE))
        self.assertGreater(len(options), 20)
        self.assertLessEqual(options, set(self.complete("-")))

    def test_every_x_option_of_the_help(self):
        shown = run_checked(self, PROGRAM, "--help-xoptions")
        options = set(re.findall(r"^-X ([a-z_0-9]+)", shown, re.MULTILINE))
        self.assertGreater(len(options), 8)
        offered = {option.rstrip("=") for option in self.complete("-X", "")}
        self.assertLessEqual(options | {"autoawait"}, offered)

    def test_values(self):
        self.assertEqual(self.complete("-X", "autoawait", "="), ["asyncio", "trio", "curio"])
        self.assertEqual(self.complete("-q", "-X", "autoawait", "=", "tr"), ["trio"])
        self.assertEqual(self.complete("-W", "err"), ["error"])
        self.assertEqual(self.complete("--check-hash-based-pycs", "n"), ["never"])

    def test_modules(self):
        self.assertEqual(self.complete("-m", "autoaw"), ["autoawait"])
        self.assertEqual(self.complete("-Im", "asyncio.run"), ["asyncio.runners"])
        self.assertIn("_autoawait", self.complete("-m", "_auto"))
        self.assertEqual(self.complete("-m", "no.such.module"), [])

    def test_modules_of_the_folder_are_not_imported(self):
        self.assertEqual(self.complete("-m", "parc"), ["parcel"])
        self.assertEqual(sorted(self.complete("-m", "parcel.")),
                         ["parcel.inner", "parcel.module"])

    def test_scripts_and_then_any_file(self):
        self.assertEqual(self.complete("s"), ["script.py"])
        self.assertEqual(self.complete("d"), [])
        self.assertEqual(self.complete("-X", "autoawait", "=", "trio", "s"), ["script.py"])
        self.assertEqual(self.complete("script.py", "d"), ["data.txt"])
        self.assertEqual(self.complete("-m", "json.tool", "d"), ["data.txt"])
        self.assertEqual(self.complete("-c", "pass", "-"), [])


class ConfigurationTest(JoinTestCase):
    """python-async-config and the files of pkg-config."""

    def answers(self, *options, program=os.path.join(FILLED_IN, "python3.11-async-config")):
        return run_checked(self, PROGRAM, program, *options).splitlines()

    def test_as_stocks(self):
        stock = run_checked(self, STOCK, "-c",
                            "import sysconfig as s; print(s.get_config_var('MULTIARCH'))").strip()
        options = ("--prefix", "--exec-prefix", "--extension-suffix", "--abiflags", "--configdir",
                   "--libs", "--ldflags")
        expected = run_checked(self, f"/usr/bin/{stock}-python3.11-config", *options)
        self.assertEqual([line.split() for line in self.answers(*options)],
                         [line.split() for line in expected.splitlines()])

    def test_headers(self):
        [line] = self.answers("--includes")
        folders = [flag.removeprefix("-I") for flag in line.split()]
        self.assertTrue(os.path.exists(os.path.join(folders[0], "Python.h")))
        self.assertEqual(os.path.basename(folders[-1]), "python3.11-async")

    def test_embedding(self):
        libraries, flags, folders = self.answers("--libs", "--embed", "--ldflags", "--cflags")
        self.assertIn("-lpython3.11-async", libraries.split())
        self.assertLessEqual(set(libraries.split()), set(flags.split()))
        self.assertIn("-I/usr/include/python3.11", folders.split())
        for line in self.answers("--libs", "--ldflags"):
            self.assertNotIn("-lpython3.11-async", line.split())

    def test_wrong_options(self):
        for options in ((), ("--wrong",), ("--libs", "wrong")):
            outcome = run(PROGRAM, os.path.join(FILLED_IN, "python3.11-async-config"), *options)
            self.assertEqual((outcome.status, outcome.output), (1, ""))
            self.assertIn("--extension-suffix", outcome.errors)

    def test_nothing_is_left_to_fill_in(self):
        filled_in = [os.path.join(folder, name) for folder, _, names in os.walk(FILLED_IN)
                     for name in names]
        self.assertEqual(len(filled_in), 4)
        for path in filled_in:
            with open(path, encoding="utf-8") as file:
                self.assertNotRegex(file.read(), r"@\w+@")

    def test_kernelspec(self):
        with open(os.path.join(FILLED_IN, "kernelspec", "kernel.json"), encoding="utf-8") as file:
            kernelspec = json.load(file)
        self.assertEqual(os.path.basename(kernelspec["argv"][0]), "python3.11-async")
        self.assertEqual(kernelspec["argv"][-1], "{connection_file}")


@unittest.skipUnless(os.path.exists(os.path.join(SOURCE, ".git")), "no git checkout")
class ArchiveTest(unittest.TestCase):
    """make dist."""

    def make(self):
        """Return the archive's path and its bytes, made anew."""
        shown = subprocess.run(["make", "-s", "-C", BUILD, "dist"], capture_output=True, text=True,
                               timeout=60, check=True).stdout
        path = os.path.join(BUILD, shown.split()[-1])
        with open(path, "rb") as file:
            return path, file.read()

    def test_same_each_time_and_whole(self):
        first, again = self.make(), self.make()
        self.assertEqual(first, again)
        listed = subprocess.run(["git", "-C", SOURCE, "ls-tree", "-r", "--name-only", "HEAD"],
                                capture_output=True, text=True, timeout=60, check=True).stdout
        with tarfile.open(first[0]) as archive:
            members = archive.getmembers()
        names = {member.name.partition("/")[2] for member in members if member.isfile()}
        self.assertEqual(names, {*listed.splitlines(), "configure"})
        self.assertEqual({(member.uid, member.gid, member.uname) for member in members},
                         {(0, 0, "root")})

    def test_version_is_that_of_the_packages(self):
        with open(os.path.join(SOURCE, "debian", "changelog"), encoding="utf-8") as file:
            version = re.match(r"python3\.11-async \((.+?)\)", file.readline())[1]
        self.assertIn(version, os.path.basename(self.make()[0]))


if __name__ == "__main__":
    unittest.main()
