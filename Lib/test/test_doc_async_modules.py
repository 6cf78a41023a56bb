"""Doc/async-modules.rst, as a reader follows it.

The blocks of the page are taken in their order.  A block of Python with a caption
is a file of that name, written into one folder, which the page calls /home/ada; a
console block is what appears when its commands are typed there.  The block of kind
``pycon`` is a session in that folder, when all files are there.
"""

import os
import pathlib
import re
import subprocess
import tempfile
import textwrap
import unittest

import test_tutorial
from join_support import PROGRAM, STOCK, clean_environment

PAGE = pathlib.Path(__file__).resolve().parents[2] / "Doc" / "async-modules.rst"
HOME = "/home/ada"
PATIENCE = 60

BLOCK = re.compile(r"^\.\. code-block:: (python|console)\n(?:   :caption: (.+)\n)?\n"
                   r"((?:   .*\n|\n)+)", re.MULTILINE)


def blocks_of(page):
    """Give (kind, caption, text) of the page's blocks, caption None where there is none."""
    for kind, caption, text in BLOCK.findall(page):
        yield kind, caption or None, textwrap.dedent(text).strip("\n") + "\n"


def commands_of(text):
    """Give (command, what appears) of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown.rstrip("\n")


class PageTest(unittest.TestCase):
    """What the page shows happens."""

    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        bin_folder = os.path.join(self.folder, ".bin")
        os.mkdir(bin_folder)
        os.symlink(STOCK, os.path.join(bin_folder, "python3.11"))
        self.environment = clean_environment(
            PATH=f"{bin_folder}:{os.environ['PATH']}", HOME=self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def shown_by(self, command):
        """Return what a command of the page shows."""
        command = re.sub(r"(?<!\S)\./python(?!\S)", PROGRAM, command)
        process = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment, timeout=PATIENCE,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", check=False)
        return process.stdout.replace(self.folder, HOME).rstrip("\n")

    def test_page(self):
        page = PAGE.read_text(encoding="utf-8")
        count = 0
        for kind, caption, text in blocks_of(page):
            if caption is not None:
                self.write(caption, text)
            elif kind == "console":
                for command, shown in commands_of(text):
                    with self.subTest(command):
                        self.assertEqual(self.shown_by(command), shown)
                    count += 1
        self.assertGreater(count, 10)
        with self.subTest("the session at the prompt"):
            self.check_session(page)

    def check_session(self, page):
        banner, *session = test_tutorial.session_of(page)
        self.assertRegex(banner, test_tutorial.BANNER_FORM)
        session = [line.replace(HOME, self.folder) for line in session]
        terminal = test_tutorial.Terminal(self.folder, self.folder)
        try:
            test_tutorial.play(terminal, session)
            self.assertEqual(terminal.text, "\n".join([test_tutorial.BANNER, *session, ""]))
            self.assertEqual(terminal.wait(), 0)
        finally:
            terminal.close()


if __name__ == "__main__":
    unittest.main()
