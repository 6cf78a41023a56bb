"""Imports: modules that await, side by side and in cycles, and plain ones, which pay nothing."""

import pathlib
import re
import shutil
import subprocess

from measure import Subject, clean_environment

MARK = "from __future__ import top_level_await\n"

SIBLINGS = 100
SLEEP = f"{MARK}import asyncio\nawait asyncio.sleep(0.1)\n"
CYCLE = 160
EMPTY = 1000

# Of the standard library: what programs import, without asyncio, which ours may have imported.
LIBRARY = ("argparse collections.abc concurrent.futures csv ctypes dataclasses datetime decimal "
           "difflib email.message enum fractions ftplib gettext glob gzip hashlib heapq html.parser "
           "http.client http.cookiejar http.server imaplib inspect ipaddress json logging.config "
           "logging.handlers mailbox mimetypes multiprocessing netrc optparse pathlib pdb pickle "
           "pickletools platform plistlib poplib pprint pydoc queue random sched secrets selectors "
           "shelve shlex shutil smtplib socket socketserver sqlite3 ssl statistics string subprocess "
           "tarfile tempfile textwrap timeit tomllib trace traceback typing unittest urllib.request "
           "uuid venv wave weakref webbrowser wsgiref.simple_server xml.dom.minidom "
           "xml.etree.ElementTree xml.sax.expatreader xmlrpc.client zipapp zipfile zoneinfo")

# The library is there, and a module has been imported by its tasks, before a clock runs.  Plain
# imports of a long chain need more of the stack than is usual.
TIMED = """\
import asyncio, importlib, sys, time
sys.setrecursionlimit(10_000)
async def main():
    await importlib.import_module_async("warm")
    start = time.perf_counter()
    await importlib.import_module_async(sys.argv[1])
    print(time.perf_counter() - start)
asyncio.run(main())
"""

# How often the loop turns while a batch of modules that do not await is imported.
TURNS = """\
import asyncio, importlib
async def main():
    turns = 0
    def turn():
        nonlocal turns
        turns += 1
        asyncio.get_running_loop().call_soon(turn)
    await importlib.import_module_async("warm")
    asyncio.get_running_loop().call_soon(turn)
    await importlib.import_module_async("batch")
    print(turns)
asyncio.run(main())
"""

HIT = """\
import time
def hits():
    for _ in range(200_000):
        import sys; import time; import builtins; import importlib.machinery
hits()
start = time.process_time()
hits()
print(time.process_time() - start)
"""


def _write(folder, modules):
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")


def _cyclic(prefix, count, mark):
    """Return modules of which each imports all others."""
    names = [f"{prefix}{number}" for number in range(count)]
    return {name: mark + "".join(f"import {other}\n" for other in names if other != name)
            for name in names}


def _modules():
    siblings = [f"sibling{number}" for number in range(SIBLINGS)]
    empty = [f"empty{number}" for number in range(EMPTY)]
    return {
        "warm": MARK + "import asyncio\nawait asyncio.sleep(0)\n",
        "one": SLEEP,
        **dict.fromkeys(siblings, SLEEP),
        "siblings": MARK + "".join(f"import {name}\n" for name in siblings),
        **_cyclic("awaiting", CYCLE, MARK),
        **_cyclic("plain", CYCLE, ""),
        **dict.fromkeys(empty, ""),
        "all_empty": "".join(f"import {name}\n" for name in empty),
        "batch": MARK + "".join(f"import {name}\n" for name in empty[:100]),
        "library": "".join(f"import {name}\n" for name in LIBRARY.split()),
    }


class _Programs:
    """Runs programs in a folder of modules."""

    def __init__(self, environment):
        self._folder = pathlib.Path(environment["HOME"])
        self._environment = environment | {"PYTHONPATH": str(self._folder), "PYTHONHASHSEED": "0"}
        _write(self._folder, _modules())

    def run(self, interpreter, *options):
        """Return the number that a program prints."""
        done = subprocess.run([interpreter.path, *options], env=self._environment, check=True,
                              capture_output=True, text=True)
        return float(done.stdout)

    def timed(self, interpreter, name, module):
        """Return what it takes to import a module that awaits, in seconds."""
        return Subject(name, lambda: self.run(interpreter, "-c", TIMED, module))

    def instructions(self, interpreter, module):
        """Return how many instructions a process executes that imports a module, and no other."""
        def count(code):
            command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                       interpreter.path, "-I", "-S", "-c",
                       f"import sys; sys.path.insert(0, {str(self._folder)!r}); {code}"]
            done = subprocess.run(command, env=self._environment, capture_output=True, text=True,
                                  check=True)
            return int(re.search(r"Collected : (\d+)", done.stderr)[1])

        subprocess.run([interpreter.path, "-c", f"import {module}"], env=self._environment,
                       check=True)
        return Subject(interpreter.name, lambda: count(f"import {module}") - count("pass"))


def _awaiting(report, programs, ours):
    one = programs.timed(ours, "one", "one")
    report.compare(f"{SIBLINGS} modules that sleep 0.1 s (goal: below 1.5)",
                   programs.timed(ours, "side by side", "siblings"), [one], rounds=10)
    plain = programs.timed(ours, "plain", "plain0")
    report.compare(f"{CYCLE} modules of which each imports all",
                   programs.timed(ours, "awaited", "awaiting0"), [plain], rounds=10)

    def more():
        return (programs.timed(ours, "", "awaiting0").cost()
                - programs.timed(ours, "", "plain0").cost())
    report.compare("what awaiting adds to that (goal: below 1)", Subject("awaited - plain", more),
                   [Subject("0.1 s", lambda: 0.1)], rounds=10)
    turns = programs.run(ours, "-c", TURNS)
    report.note(f"turns of the loop while 100 plain modules are imported: {turns:.0f} (goal: 0)")


def _plain(report, programs, ours, references):
    if shutil.which("valgrind"):
        for what, module in ((f"{EMPTY} empty modules", "all_empty"),
                             ("the standard library", "library")):
            report.compare_counts(f"{what}, instructions (goal: below 1.01)",
                                  programs.instructions(ours, module),
                                  [programs.instructions(other, module) for other in references])
    else:
        report.note("instructions: not counted, valgrind is not installed")
    subject, *others = (Subject(interpreter.name,
                                lambda interpreter=interpreter: programs.run(interpreter, "-c", HIT))
                        for interpreter in (ours, *references))
    report.compare("import of what is in sys.modules", subject, others, rounds=20)


def run(report, interpreters):
    """Measure modules that await in ours, plain ones against the others."""
    ours = interpreters.ours
    with clean_environment() as environment:
        programs = _Programs(environment)
        _awaiting(report, programs, ours)
        _plain(report, programs, ours, [interpreters.stock, interpreters.distribution])
