"""One session, in every place where a user would type it.

A Tried is a test case made of a session in the form of doctest.  It is played

    at the prompt       in a pseudo-terminal
    as a program        with -X autoawait, and marked to await
    in a notebook       one cell a statement, on this interpreter and on stock

and has to print the same everywhere.  What else is a method of the class is a test
of its own, of something that only one place has.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), "Lib", "test"))
from prompt_support import Prompt, clean_environment  # noqa: E402

PYTHON = os.path.abspath(sys.executable)
STOCK = os.environ.get("STOCK_PYTHON", "/usr/bin/python3.11")
KERNELS = {"here": PYTHON, "stock": STOCK}
PATIENCE = 60
# Makes a source one that awaits at its top level.
MARK = "from __future__ import top_level_await\n"

_STATEMENT = re.compile(r"^>>> (.*\n(?:^\.\.\.(?: .*)?\n)*)", re.MULTILINE)


def statements_of(session):
    """Return pairs (source of a statement, what it prints) of a session."""
    pieces = _STATEMENT.split(re.sub(r"\n{2,}>>> ", "\n>>> ", session))
    pairs = []
    for source, printed in zip(pieces[1::2], pieces[2::2], strict=True):
        source = re.sub(r"^\.\.\. ?", "", source, flags=re.MULTILINE).rstrip("\n")
        pairs.append((source, printed))
    return pairs


class PlaceTestCase(unittest.TestCase):
    """Has a home folder, and environments without what the caller's would change."""

    maxDiff = None
    # What clients find servers by; see use().
    variables = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(folder.cleanup)
        cls.home = folder.name
        cls.variables = {"HOME": cls.home, "IPYTHONDIR": os.path.join(cls.home, "ipython"),
                         "JUPYTER_DATA_DIR": os.path.join(cls.home, "jupyter"),
                         "JUPYTER_RUNTIME_DIR": os.path.join(cls.home, "runtime"),
                         "JUPYTER_CONFIG_DIR": os.path.join(cls.home, "config"),
                         "LANG": "C.UTF-8",
                         # The debugger in the kernel warns of frozen modules.
                         "PYDEVD_DISABLE_FILE_VALIDATION": "1"}

    @classmethod
    def use(cls, server):
        """Start a server for the whole class; its variables are in every environment."""
        cls.enterClassContext(server)
        cls.variables = {**cls.variables, **server.variables}
        return server

    def start(self, *arguments, executable=PYTHON, **variables):
        """Return a prompt, in a terminal that ends with the test."""
        prompt = Prompt(*arguments, executable=executable, timeout=PATIENCE,
                        environment=clean_environment(**{**self.variables, **variables}))
        self.addCleanup(prompt.child.close, force=True)
        return prompt

    def type(self, prompt, session):
        """Type a session; assert that it shows what it should."""
        for source, printed in statements_of(session):
            # A block ends with an empty line.
            typed = source + "\n" if "\n" in source or source.startswith("async ") else source
            self.assertEqual(prompt.type(typed), printed, source)

    def check_goes_on(self, prompt):
        """Assert that the session is as good as ever, whatever happened before."""
        self.assertEqual(prompt.type("import asyncio"), "")
        self.assertEqual(prompt.type("await asyncio.sleep(0, 6 * 7)"), "42\n")

    def check_failure(self, shown, ending, *own_frames):
        """Assert that a traceback begins at the statement and ends in an error.

        No line of it may be the loop's, and functions that the session defined are in it.
        """
        lines = shown.strip("\n").split("\n")
        self.assertIn("Traceback (most recent call last):", lines, shown)
        self.assertIn('  File "<stdin>", line 1, in <module>', lines, shown)
        for name in own_frames:
            self.assertRegex(shown, rf'File "<stdin>", line \d+, in {name}\n')
        self.assertRegex(shown, ending)
        last = shown[shown.rindex("Traceback (most recent call last):"):]
        for loop in ("base_events.py", "autoawait/", "selector_events.py"):
            self.assertNotIn(loop, last.split('File "<stdin>"')[0], shown)

    def write(self, name, text):
        """Write a file into the home folder, where programs run; return its path."""
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_program(self, *arguments, **options):
        """Run a program of the interpreter to its end; return what it printed."""
        outcome = subprocess.run(
            [PYTHON, *arguments], env=clean_environment(**self.variables), cwd=self.home,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(outcome.returncode, options.get("status", 0), outcome.stderr)
        return outcome.stdout

    @classmethod
    def kernelspec(cls, name, program):
        """Have Jupyter know an interpreter by a name."""
        folder = os.path.join(cls.home, "jupyter", "kernels", name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "kernel.json"), "w", encoding="utf-8") as file:
            json.dump({"argv": [program, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                       "display_name": name, "language": "python"}, file)

    def run_notebook(self, sources, kernel="here"):
        """Run cells one by one; return what each wrote, standard error left out."""
        import nbclient
        import nbformat.v4 as form

        self.kernelspec(kernel, KERNELS[kernel])
        notebook = form.new_notebook(cells=[form.new_code_cell(source) for source in sources])
        with _environment(clean_environment(**self.variables)):
            nbclient.NotebookClient(notebook, timeout=PATIENCE, kernel_name=kernel).execute()
        return [self._output_of(cell) for cell in notebook.cells]

    @staticmethod
    def _output_of(cell):
        written = ""
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stdout":
                written += output.text
        return written


def sleeps(prompt):
    """Tell whether the program of a prompt waits for something."""
    with open(f"/proc/{prompt.child.pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0] == "S"


@contextlib.contextmanager
def _environment(variables):
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Tried(PlaceTestCase):
    """A session that prints the same in every place."""

    title = None
    # Debian's packages whose versions are told.
    packages = ()
    # What differs from stock, where something does.
    note = ""
    # Prints what it shows: a program shows no values by itself.
    session = None

    def setUp(self):
        if self.session is None:
            self.skipTest("no session")

    def printed(self):
        return "".join(printed for _, printed in statements_of(self.session))

    def source(self):
        return "".join(source + "\n" for source, _ in statements_of(self.session))

    def test_prompt(self):
        prompt = self.start()
        self.type(prompt, self.session)
        self.assertEqual(prompt.leave()[1], 0)

    def test_program(self):
        path = self.write("program.py", self.source())
        self.assertEqual(self.run_program("-X", "autoawait", path), self.printed())

    def test_marked(self):
        path = self.write("marked.py", MARK + self.source())
        self.assertEqual(self.run_program(path), self.printed())

    def test_notebook(self):
        self._check_notebook("here")

    def test_notebook_stock(self):
        self._check_notebook("stock")

    def _check_notebook(self, kernel):
        sources, printed = zip(*statements_of(self.session))
        self.assertEqual(self.run_notebook(sources, kernel), list(printed))
