"""Imports notebooks: `import report` finds report.ipynb, whose cells may await.

    notebooks.py NAME [VARIABLE ...]     import a notebook, show what it has by these names

With `import notebooks` in any program, notebooks are found on sys.path and in
packages, behind modules.  Each code cell is run as a file of its own, so that a
traceback names the cell.  Cells in another language than Python (%%bash) and lines
of magic (%matplotlib, !ls) are passed over.
"""

import importlib
import importlib.machinery
import json
import linecache
import os
import sys

try:
    import nbformat
except ModuleNotFoundError:
    nbformat = None


class NotebookFinder:
    """A finder, for sys.meta_path."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Find the notebook of a module's name."""
        for folder in sys.path if path is None else path:
            file = os.path.join(os.path.abspath(folder), name.rpartition(".")[2] + ".ipynb")
            if os.path.isfile(file):
                spec = importlib.machinery.ModuleSpec(name, NotebookLoader(file), origin=file)
                spec.has_location = True
                return spec
        return None


class NotebookLoader:
    """Loads one notebook."""

    def __init__(self, path):
        self.path = path

    def create_module(self, spec):
        """Return None: a module as any other."""

    async def aexec_module(self, module):
        """Run the cells, one after the other: for imports that are awaited."""
        for number, source in enumerate(code_cells(self.path), 1):
            name = f"{self.path}, cell {number}"
            linecache.cache[name] = len(source), None, source.splitlines(True), name
            await aexec(compile(source, name, "async-exec", dont_inherit=True), vars(module))

    def exec_module(self, module):
        """The same for a plain import."""
        importlib.run_aexec_module(self, module)


def code_cells(path):
    """Return the sources of the cells with Python code."""
    if nbformat is None:
        with open(path, encoding="utf-8") as file:
            cells = json.load(file)["cells"]
    else:
        cells = nbformat.read(path, as_version=4).cells
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [without_magic(source) for source in sources if not source.startswith("%%")]


def without_magic(source):
    """Return a cell's source with lines of magic made empty."""
    return "\n".join("" if line.startswith(("%", "!")) else line for line in source.split("\n"))


sys.meta_path.append(NotebookFinder)


def main(name, *variables):
    """Import and show."""
    module = importlib.import_module(name)
    for variable in variables:
        print(f"{name}.{variable} = {getattr(module, variable)!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
