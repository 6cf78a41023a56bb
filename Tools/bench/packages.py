"""Packages as users meet them: installed, imported for the first time, tested."""

import functools
import importlib.util
import os
import pathlib
import shutil
import tempfile

from measure import Subject, clean_environment

ROUNDS = 8

# What `pip install` does with each file of a package that it has put in place.
INSTALL = """
import compileall, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob('*.py'):
    compileall.compile_file(path, force=True, quiet=True)
"""

# What pytest does with each file of tests, and with the plugins'.
REWRITE = """
import ast, pathlib, sys, warnings
from _pytest.assertion.rewrite import rewrite_asserts
warnings.simplefilter('ignore')
for path in sorted(pathlib.Path(sys.argv[1]).glob('test_[a-f]*.py')):
    source = path.read_bytes()
    try:
        tree = ast.parse(source, path)
    except SyntaxError:
        continue
    rewrite_asserts(tree, source, str(path), None)
    compile(tree, path, 'exec', dont_inherit=True)
"""


def _processor_time(command, environment, bytecode):
    """Run command, without bytecode from before, and return its and its children's time."""
    shutil.rmtree(bytecode, ignore_errors=True)
    process = os.posix_spawn(command[0], command, environment)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"{' '.join(command)[:200]} failed with status {status}")
    return usage.ru_utime + usage.ru_stime


def _package(name):
    found = importlib.util.find_spec(name)
    return found and pathlib.Path(found.submodule_search_locations[0])


def run(report, interpreters):
    """Compare the processor time of whole processes, by turns."""
    chosen = interpreters.ours, interpreters.stock, interpreters.distribution
    package, tests = _package("IPython"), _package("test")
    library = pathlib.Path(os.__file__).parent
    with clean_environment() as environment, tempfile.TemporaryDirectory() as folder:
        bytecode = os.path.join(folder, "bytecode")
        cases = {
            "compileall -j 2 of asyncio, email and unittest":
                ["-m", "compileall", "-qfj", "2", *(str(library / name) for name in
                                                   ("asyncio", "email", "unittest"))],
            "pip install's compile step, IPython":
                package and ["-c", INSTALL, str(package)],
            "import IPython without bytecode":
                package and ["-B", "-c", "import IPython"],
            "pytest's assertion rewriting of test_[a-f]*.py":
                _package("_pytest") and tests and ["-B", "-c", REWRITE, str(tests)],
        }
        for what, arguments in cases.items():
            if not arguments:
                report.note(f"{what}: not measured, it is not installed")
                continue
            subject, *references = (
                Subject(interpreter.name, functools.partial(
                    _processor_time,
                    [interpreter.path, "-X", f"pycache_prefix={bytecode}", *arguments],
                    environment, bytecode))
                for interpreter in chosen)
            report.compare(what, subject, references, ROUNDS)
