"""What a port would go through is listed where Doc/porting.rst says, and nowhere else."""

import asyncio
import asyncio.events as events
import asyncio.tasks as tasks
import pathlib
import re
import subprocess
import unittest

import trio

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = [path for folder in ("Include", "Parser", "Python", "Objects", "Modules")
           for path in (ROOT / folder).rglob("*.[ch]")]


def tearDownModule():
    """Leave no event loop policy behind."""
    asyncio.set_event_loop_policy(None)


def texts():
    """Give (path, text) of each C file."""
    return ((path, path.read_text(encoding="utf-8")) for path in SOURCES)


class TargetTest(unittest.TestCase):
    """Include/target.h and join.list against the sources."""

    def test_internal_headers(self):
        target = (ROOT / "Include" / "target.h").read_text(encoding="utf-8")
        listed = re.search(r"\(pycore_NAME\.h\) that are included anywhere:(.*?)\*/", target, re.DOTALL)[1]
        included = {name for _, text in texts()
                    for name in re.findall(r'#include ["<](?:internal/)?pycore_(\w+)\.h', text)}
        self.assertEqual(listed.split(), sorted(included))

    def test_wrapped(self):
        lines = (ROOT / "join.list").read_text(encoding="utf-8").splitlines()
        listed = {line.split()[1] for line in lines if line.startswith("wrap ")}
        declared, defined = set(), set()
        for path, text in texts():
            if path.name != "target.h":
                declared.update(re.findall(r"^WRAPPED\((\w+)\);", text, re.MULTILINE))
                defined.update(re.findall(r"^__wrap_(\w+)\(", text, re.MULTILINE))
        self.assertEqual(declared, listed)
        self.assertEqual(defined, listed)

    def test_another_version_is_refused(self):
        probe = "#include <Python.h>\n#undef PY_VERSION_HEX\n#define PY_VERSION_HEX 0x030C00F0\n" \
                "#include \"target.h\"\n"
        run = subprocess.run(
            ["gcc", "-fsyntax-only", "-DPy_BUILD_CORE", f"-I{ROOT}/Include", "-isystem", "/usr/include/python3.11",
             "-isystem", "/usr/include/python3.11/internal", "-x", "c", "-"],
            input=probe, text=True, capture_output=True)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("apt-get install libpython3.11-dev", run.stderr)


class PrivateNamesTest(unittest.TestCase):
    """The table of libraries' private names in Doc/porting.rst."""

    NAME = r"\b(?:loop|events|tasks|task|thread_state|trio)\._[a-z_]+(?:\.[A-Za-z_]+)*"

    def listed(self):
        page = (ROOT / "Doc" / "porting.rst").read_text(encoding="utf-8")
        return set(re.findall(rf"``({self.NAME})``", page))

    def test_installed(self):
        async def own_task():
            return asyncio.current_task()
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        known = {"loop": [loop], "events": [events], "tasks": [tasks],
                 "task": [loop.run_until_complete(own_task()), trio.lowlevel.Task],
                 "thread_state": [asyncio.DefaultEventLoopPolicy()._local], "trio": [trio]}
        for name in self.listed():
            head, *rest = name.split(".")
            with self.subTest(name):
                things = known[head]
                for part in rest:
                    things = [getattr(thing, part) for thing in things if hasattr(thing, part)]
                self.assertTrue(things)


if __name__ == "__main__":
    unittest.main()
