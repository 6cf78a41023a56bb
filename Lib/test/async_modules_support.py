"""Folders of modules for the tests of imports that wait, and a probe that they talk to."""

import asyncio
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import types
import unittest

from join_support import PROGRAM

MARK = "from __future__ import top_level_await\n"


class Probe(types.ModuleType):
    """The module `probe`: what modules under test log, and the gates at which they wait."""

    def __init__(self):
        super().__init__("probe")
        self.log = []
        self._gates = {}

    def note(self, *words):
        """Log words."""
        self.log.append(" ".join(map(str, words)))

    def gate(self, name):
        """Return what a module awaits until the test opens the gate of that name."""
        if name not in self._gates:
            self._gates[name] = asyncio.get_running_loop().create_future()
        return self._gates[name]

    def open(self, name, error=None):
        """Open a gate, or have what waits at it fail."""
        gate = self.gate(name)
        if error is None:
            gate.set_result(None)
        else:
            gate.set_exception(error)


class AsyncModulesTestCase(unittest.TestCase):
    """A test with a folder of modules of its own, ahead of sys.path."""

    maxDiff = None

    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        before = set(sys.modules)
        self.addCleanup(self._forget_modules, before)
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)
        self.probe = sys.modules["probe"] = Probe()
        # The folder is new: nothing about it is known to importlib's caches.
        importlib.invalidate_caches()

    def _forget_modules(self, before):
        for name in set(sys.modules) - before:
            module = sys.modules[name]
            if name == "probe" or str(getattr(module, "__file__", "")).startswith(self.folder):
                del sys.modules[name]

    def write(self, name, source, *, mark=True):
        """Write a module; its source is dedented, marked, and knows note() and gate()."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        source = textwrap.dedent(source).strip("\n") + "\n"
        head = MARK if mark else ""
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{head}from probe import note, gate\n{source}")
        importlib.invalidate_caches()

    def write_all(self, **sources):
        """Write marked modules by their names."""
        for name, source in sources.items():
            self.write(f"{name}.py", source)

    @property
    def log(self):
        """What was logged."""
        return self.probe.log

    async def settle(self):
        """Let the loop do all that it can do now."""
        loop = asyncio.get_running_loop()
        for _ in range(1000):
            await asyncio.sleep(0)
            if not loop._ready:
                return
        self.fail("the loop does not come to rest")

    def begin(self, name):
        """Start the import of a module as a task."""
        return asyncio.ensure_future(importlib.import_module_async(name))

    def run_program(self, source, *arguments, mark=True, **keywords):
        """Run a main program in the folder; return its CompletedProcess."""
        path = os.path.join(self.folder, "main.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write((MARK if mark else "") + textwrap.dedent(source))
        with open(os.path.join(self.folder, "probe.py"), "w", encoding="utf-8") as file:
            file.write("def note(*words): print(*words)\ndef gate(name): ...\n")
        return subprocess.run([PROGRAM, *arguments, "main.py"], cwd=self.folder, timeout=60,
                              capture_output=True, text=True, encoding="utf-8", **keywords)
