"""Sources that are read line by line, against the archive's parser in the same process.

Files, pipes, terminals and prompts: the tree or the exception, what was read and what was not, the
prompts and the warnings that were shown, in their order.
"""

import ast
import os
import pty
import random
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import warnings

import pexpect

from stage_modules import _parser_stage
from join_support import STOCK, clean_environment

# Ends, as CPython's tokenizer sees them, and lines that go on in the next one.
WITH_NULLS = [
    b"print(1)\n\0print(5)", b"x = 1 \0 blah\n+ 2\n", b"print('a')\0 junk\nprint(2)\n", b"print('a\0b')\nx\n",
    b"x # c\0mm\n#x\ny\n", b"\0\nx\n", b"x\0", b"x\n\0", b"x\r\0zz\ry\r", b"x='''a\0b\nc\0\n'''\n",
    b"x\0\n\ny\n", b"x#\0\n\ny\n", b"if 1:\n\0\n  3\n", b"if 1:\n  \0zz\n  3\n", b"x = '\\\0\nn'\n",
    b"x\n\0\n\0\n3\n", b"x\n\0\n\0\n\0\n3\n", b"(\n\0\n3)", b"(\n\0\n\0\n3)", b"(\n\0\n\0\n\0\n3)", b"x\n\0\n#c\n3",
    b"x\n\0\n  3", b"if 1:\n  2\n\0\n\0\n3", b"if 1:\n 2\n\0\n 3\n", b"x\n\0\n\\\n3", b"\\\n\0\n3", b"(1,\\\n\0\n3)",
    b"x\n\0\n\f3", b"'''\n\0\n3'''", b"'''\n\0", b"\0\0\n3", b"if 1:\n  2\n#c\n\0\n  3", b"f'''{1}\0\n'''\n",
    b"x" + b" " * 7000 + b"\0\n+ 1\n", b"\0" + b"x" * 7000 + b"\n3\n", b"def f(\n\0\na,\n\0b\n):\n\0\n  return a\n",
]

WITH_ENCODINGS = [
    b"#\x80\nx\n", b"x\n#\x80", b"# coding: utf-8\n#\x80\nx\n", b"#\x80\n# coding: utf-8\nx\n",
    b"\xef\xbb\xbf#\xed\xa0\x80\nx", b"#\xed\xa0\x80", b"#\xf4\x90\x80\x80", b"#\xe0\x80\x80\n",
    b"# coding: utf-8\nx = '\x80'\n", b"# coding: utf-8\n\x80 = 1\n", b"# coding: utf-8\nx = b'\x80'\n",
    b"# coding: utf-8\n\xff\nx\n", b"# coding: utf-8\n\xff\n\0\nx\n", b"\xef\xbb\xbf\0\nx", b"\xef\xbb\0\xbfx",
    b"\xef\xbb\xbf# coding: latin-1\nx\n", b"\xef\xbb\xbf# coding: utf-8\nx\n", b"\xef\xbb\xbf",
    b"# coding: latin-1\nx = '\xe9' #a\0b\n", b"# coding: latin-1\nx = '\xe9\0'\n", b"# coding: latin-1\nx = b'\0'\n",
    b"# coding: latin-1\nx = r'''\0'''\n", b"# coding: latin-1\n\0\nx\n", b"# coding: latin-1\n#\0\nx\n#\0",
    b"# coding: latin-1\nx\0 = 1\n", b"# coding: latin-1\0\nx = '\xe9'\n", b"# c\0oding: latin-1\n# coding: latin-1\n'\xe9'",
    b"\0# coding: latin-1\n'\xe9'\n", b"\0\n# coding: latin-1\n'\xe9'\n#\0", b"x\n# coding: latin-1\n'\xe9'\n#\0",
    b"# coding: utf-7\nx = 1 # +AAA-\ny = 2\n", b"# coding: utf-7\nx = '+AAA-'\n", b"# coding: utf-16\nx\n",
    b"# coding: shift_jis\nx = '\x83\x5c' #\0\n", b"# coding: no-such\nx #\0\n", b"# coding: hex\n31 #\0\n",
    b"# coding: latin-1\r\nx = '''\xe9\r\n'''#\0\r\n", b"# coding: " + b"a" * 200 + b"\nx #\0",
    b"# coding: ascii\nx = '\xe9'\n#\0", b"#c\n#c\n# coding: latin-1\n#\xe9\n",
]

STATEMENTS = [
    b"x = 1\ny = 2\n", b"if 1:\n  2\n\n3\n", b"if 1:\n  2\n3\n", b"if 1: 2", b"x", b"\nx\n", b"   \n", b"  # c\n",
    b"\t#x\nx\n", b"\f\n", b"(1,\n2)\n3\n", b"1 1\n2\n", b"'''a\nb'''\n1\n", b"'a\\\nb'\n", b"1 + \\\n2\n", b"\\\n2\n",
    b" \\\n\\\n 2\n", b"@x\ndef f():\n  1\n\n2\n", b"match x:\n case 1: 2\n\n3\n", b"match (x,\ny):\n case 1: 2\n\n",
    b"match (x,\ny)\n1\n", b"with (x,\n y): z\n\n", b"with (x,\n y) as z: z\n\n", b"try: 1\nexcept: 2\n\n3\n",
    b"x: (\nint) = \\\n 5\n", b"x = # c\n", b"if 1:\n  2\n", b"if 1:\n  if 2:\n    3\n\n", b"if 1:\n  if 2:\n    3\n  \n\n",
    b"x; y;\nz\n", b"class A: pass\n\nx\n", b"f'''{\n1}'''\n", b"def f(\n  a, # type: int\n):\n  # c\n  pass\n\n",
    b"f() = (\n1\n", b"f() += (\n1)\n", b"f(): (\n1)\n", b"'x' = '''\n", b"\xef\xbb\xbf'''x\ny'''\n", b"async def f():\n  await x\n\n",
    b"if 1:\n" + b"  x = 1\n" * 100 + b"\nx\n", b"x = [\n" + b"1,\n" * 100 + b"]\n", b"$\n", b"x = 08\n", b"(]\n",
    b"else:\n", b"if 1:\n\tx\n        y\n", b"if 1:\n    x\n  y\n", b"lambda: (yield)\n", b"print(1)\r\nprint(2)\r\n",
    b"(1,\r2)\r3\n", b"'''a\rb'''\n", b"x\ry\n", b"x = 1.", b"x = 1 if", b"x..", b"...", b"''", b"x = '''", b"x \\", b"# c", b"'a'",
    b"for 'x', await [\n", b"with (x as x\\\n@await \\\nx)\n", b"with (x*):\\\n->\n", b"for await (1\\\n)\n",
    b"del x + (\n1)\n", b"(" + b"1" * 4500 + b"\n'\xab')\n", b"# coding: utf-8\nmatch'\xab'\\\n x\n", b"match 1\\\n" + b"[" * 300 + b"\\\n1" + b"]" * 300 + b"\n",
    b"with (x, y) \\\n: pass\n\n", b"async def f():\n  async with(x, y) \\\n:\n    pass\n\n", b"with (x,\n y) \\\n as z: pass\n\n",
    b"with (x, y) \\\n+ z: pass\n\n", b"with (x) \\\n, y: pass\n\n",
    b"1 'a'", b"1 1 1", b"1 )", b"if x", b"if x:", b"  ", b"x.", b"a $ b", b"1if", b"0x", b"0xg", b"\xc3\xa9", b"a\xc3\xa9 +",
]

FRAGMENTS = [
    b"x", b"1", b"\n", b"\n", b"\n", b"\0", b"\0", b" ", b"  ", b"\t", b"\\\n", b"(", b")", b"'''", b"'", b"#c", b"if 1:\n  ",
    b"\r\n", b"\r", b"\f", b"=", b"+", b"\xc3\xa9", b"\xff", b";", b"#\0", b"# coding: latin-1\n", b"# coding: utf-8\n",
    b"f'{x}'", b"pass", b"'\\d'", b"else:", b"# coding: utf-16\n", b"\0\n", b"\nprint(1)\n", b"\0zz\n", b"[", b"]", b".",
    b"match x:\n case 1: 2\n", b"with (x,\n y): z\n", b"def f():\n  return 1\n", b"class A: pass\n", b"1if 1else 2",
]

# What asks for more lines, and what ends that: words, and constants that are errors by themselves.
WORDS = [
    b"match ", b"case ", b"with (", b"with ", b" as x", b"async ", b"'\xab'", b"f'{a!\xab}'", b"'\\N{no}'", b"'\\x1'",
    b"b'\xab'", b"\xd3\x8e", b"1" * 4500, b"0777", b"(", b")", b"[", b"]", b"{", b"}", b":", b",", b"\n", b"\n ", b"\\\n",
    b"x", b" ", b"=", b":=", b"*", b"lambda ", b"if ", b"else ", b"for ", b"in ", b"'''", b"#c\n", b"# type: int\n", b"@",
    b"def f", b"()", b"pass", b".", b"await ", b"\r\n", b"not ", b"'a'", b"del ", b"x\n", b"x,", b"\n\n",
]


E_EOF = 11      # errcode.h

# In the checked build the archive's parser asserts that most of what it turns down comes from the C library's stdin.
is_checked = hasattr(sys, "gettotalrefcount")
compares_errors = unittest.skipIf(is_checked, "the archive's parser aborts on errors in other files than stdin")


def describe(outcome):
    result, error_code, place = outcome
    if isinstance(result, ast.AST):
        return "tree", ast.dump(result, include_attributes=True), error_code, place
    return type(result).__name__, repr(result.args), error_code


def in_a_file(data):
    descriptor = os.memfd_create("source")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def in_a_pipe(data):
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return reader


def read(open_source, data, archive, **options):
    """What the parser makes of a source, and what it showed on the way to standard error."""
    source, shown = open_source(data), os.memfd_create("shown")
    saved = os.dup(2)
    os.dup2(shown, 2)
    try:
        outcomes = _parser_stage.read(source, archive=archive, **options)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(source)
    text = os.pread(shown, 100_000, 0)
    os.close(shown)
    return list(map(describe, outcomes)), text


def is_accepted(described):
    """All of it, up to the end."""
    outcomes = described[0]
    return outcomes[0][0] == "tree" and all(outcome[0] == "tree" or outcome[2] == E_EOF for outcome in outcomes)


class LinesTestCase(unittest.TestCase):

    maxDiff = None

    def setUp(self):
        context = warnings.catch_warnings()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        warnings.simplefilter("ignore")

    def check(self, open_source, data, **options):
        """Both the same; and what is accepted has been read by ours."""
        with self.subTest(data[:200], **options):
            expected = read(open_source, data, True, **options)
            before = _parser_stage.counts()
            self.assertEqual(read(open_source, data, False, **options), expected)
            after = _parser_stage.counts()
            self.assertEqual(after["wrongly_rejected"], before["wrongly_rejected"])
            if is_accepted(expected) and not is_left_to_archive(data, options):
                self.assertEqual(after["passed_on"], before["passed_on"])
                return True
        return False

    def check_random(self, seed, sources, open_source, fragments=FRAGMENTS, **options):
        random_source = random.Random(seed)
        accepted = 0
        for _ in range(sources):
            data = b"".join(random_source.choices(fragments, k=random_source.randint(1, 12)))
            if "prompt" in options:
                data = data.replace(b"\0", b"") + b"\n"
            accepted += self.check(open_source, data, **options)
        self.assertGreater(accepted, sources // 50)


def is_left_to_archive(data, options):
    """What ours does not read though CPython accepts it, see Doc/parser.rst."""
    return b"coding" in data and any(quote in data and b"\0" in data for quote in (b"'", b'"'))


class FileTest(LinesTestCase):

    @compares_errors
    def test_null_bytes(self):
        for data in WITH_NULLS:
            for mode in ("exec", "single", "eval"):
                self.check(in_a_file, data, mode=mode)

    @compares_errors
    def test_encodings(self):
        for data in WITH_ENCODINGS:
            for mode in ("exec", "single", "eval"):
                self.check(in_a_file, data, mode=mode)

    @compares_errors
    def test_statement_by_statement(self):
        for data in STATEMENTS:
            self.check(in_a_file, data, mode="single", count=5)

    @compares_errors
    def test_expressions(self):
        for data in (b"1", b"1\n\n# c\n", b"(1,\n2)\n", b"1, 2\n3", b"", b"x\ny", b" 1", b"\\\n1", b"f'{x}'"):
            self.check(in_a_file, data, mode="eval", count=2)
            self.check(in_a_pipe, data, mode="eval", count=2)

    @compares_errors
    def test_random(self):
        self.check_random(1, 700, in_a_file, mode="single", count=4)
        self.check_random(2, 300, in_a_file, mode="eval")
        self.check_random(5, 700, in_a_file, fragments=WORDS, mode="single", count=4)

    def test_programs_as_stock(self):
        """The same by the interpreter itself."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "program.py")
            for data in WITH_NULLS + WITH_ENCODINGS:
                with open(path, "wb") as file:
                    file.write(data.replace(b"x", b"print"))
                outcomes = [subprocess.run([program, "-I", path], capture_output=True,
                                           env=clean_environment()) for program in (STOCK, sys.executable)]
                with self.subTest(data[:200]):
                    self.assertEqual(outcomes[0].stdout, outcomes[1].stdout)
                    self.assertEqual(outcomes[0].stderr, outcomes[1].stderr)

    def test_unreadable(self):
        for mode in ("exec", "single"):
            with self.subTest(mode=mode):
                outcomes = []
                for archive in (True, False):
                    descriptor = os.open("/", os.O_RDONLY)
                    outcomes.append(list(map(describe, _parser_stage.read(
                        descriptor, mode=mode, archive=archive))))
                    os.close(descriptor)
                self.assertEqual(*outcomes)


class PipeTest(LinesTestCase):

    @compares_errors
    def test_programs(self):
        for data in WITH_NULLS + WITH_ENCODINGS + STATEMENTS:
            self.check(in_a_pipe, data)

    @compares_errors
    def test_random(self):
        self.check_random(3, 700, in_a_pipe)


class PromptTest(LinesTestCase):

    def check_typed(self, data, encoding="utf-8", count=6):
        return self.check(in_a_pipe, data, mode="single", encoding=encoding, prompt="> ",
                          second_prompt=". ", count=count)

    @compares_errors
    def test_statements(self):
        for data in STATEMENTS:
            for encoding in ("utf-8", "latin-1", None):
                self.check_typed(data, encoding)

    @compares_errors
    def test_random(self):
        for encoding in ("utf-8", "latin-1", None):
            self.check_random(4, 500, in_a_pipe, mode="single", encoding=encoding, prompt="> ",
                              second_prompt=". ", count=5)
            self.check_random(6, 700, in_a_pipe, fragments=WORDS, mode="single", encoding=encoding, prompt="> ",
                              second_prompt=". ", count=5)

    @compares_errors
    def test_other_encodings(self):
        text = "é = 'é'\nif 1:\n  'é'\n\n"
        for encoding in ("latin-1", "cp1252", "utf-8-sig", "mac-roman"):
            self.assertTrue(self.check_typed(text.encode(encoding), encoding, count=2))
        self.assertTrue(self.check_typed("ソ = '''ソ\nソ'''\n".encode("shift_jis"), "shift_jis", count=1))
        for encoding in ("ascii", "no-such", "utf-16", "hex", "cp037"):
            self.check_typed(text.encode("latin-1"), encoding)

    def test_length_does_not_matter(self):
        """A line costs the same however many came before."""
        def cost(count):
            data = b"x = [\n" + b"1,\n" * count + b"]\n"
            best = 1e9
            for _ in range(5):
                start = time.thread_time()
                with tempfile.TemporaryFile() as file:
                    file.write(data)
                    file.seek(0)
                    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
                    os.dup2(null, 2)
                    try:
                        (tree, _, _), = _parser_stage.read(
                            file.fileno(), mode="single", encoding="utf-8", prompt="> ", second_prompt=". ")
                    finally:
                        os.dup2(saved, 2)
                        os.close(saved)
                        os.close(null)
                best = min(best, time.thread_time() - start)
                self.assertEqual(len(tree.body[0].value.elts), count)
            return best
        self.assertLess(cost(20_000), 40 * cost(2000) + 0.05)

    WARNED = [
        b"if 1:\n  '\\d'\n  '\\e'\n\n", b"x = ('\\d',\n'\\e'\n'\\f')\n", b"if 1:\n  1if 1else 2\n  '\\d'\n\n",
        b"if 1:\n  '\\d'\n  x y\n", b"with ('\\d',\n'\\e'): f'{1if 1else 2}'\n\n", b"match ('\\d',\n 1):\n case 1: 2\n\n",
        b"with ('\\d',\n'\\e') as z, f'{1if 1else 2}': '\\f'\n\n", b"if 1:\n  '\\d'\n", b"f'{1if 1else 2}' \\\n'\\d'\n",
        b"match ('\\d',\n f'{0x1or 2}')\n",
    ]

    @compares_errors
    def test_warnings(self):
        """Shown before the next line is asked for, and once; an error for the line that they are about."""
        for data in self.WARNED:
            for action in ("always", "error"):
                with self.subTest(action=action), warnings.catch_warnings():
                    warnings.simplefilter(action)
                    warnings.showwarning = lambda message, category, *place: os.write(
                        2, f"{message}, {category}, {place[:2]}\n".encode())
                    self.check_typed(data)
                with self.subTest(action=action), warnings.catch_warnings():
                    warnings.simplefilter("always")
                    warnings.filterwarnings("error", message=r".*\\e")
                    warnings.showwarning = lambda message, *rest: os.write(2, f"{message}\n".encode())
                    self.check_typed(data)

    def test_out_of_memory(self):
        try:
            from _testcapi import remove_mem_hooks, set_nomemory
        except ImportError:
            self.skipTest("needs _testcapi")
        data = b"if 1:\n  x = '''a\nb''', '\\d'\n" + b"  y = 1\n" * 80 + b"\n"
        options = [(dict(mode="single", encoding="latin-1", prompt="", second_prompt=""), data),
                   (dict(mode="exec"), data), (dict(mode="exec"), b"x = \0\n1\n" + data),
                   (dict(mode="exec"), b"# coding: latin-1\n#\0\n" + data)]
        for arguments, data in options:
            for open_source in (in_a_pipe, in_a_file):
                if open_source is in_a_pipe and b"latin" in data:
                    continue        # which CPython cannot decode
                read(open_source, data, False, **arguments)
                failures = successes = start = 0
                while successes < 5:
                    self.assertLess(start, 10_000)
                    source = open_source(data)
                    set_nomemory(start, start + 1)
                    try:
                        outcome = _parser_stage.read(source, **arguments)
                    except MemoryError:
                        outcome = None
                    finally:
                        remove_mem_hooks()
                        os.close(source)
                    failed = outcome is None or isinstance(outcome[0][0], MemoryError)
                    failures += failed
                    successes = 0 if failed else successes + 1
                    start += 1
                with self.subTest(arguments=arguments, source=open_source.__name__):
                    self.assertGreater(failures, 3)

    @unittest.skipUnless(is_checked, "needs a debug build")
    def test_references(self):
        program = b"if 1:\n  x = '''a\n\xc3\xa9''', f'{y}'\n# c\n\n"
        at_a_prompt = dict(mode="single", prompt="", second_prompt="")

        def read_all():
            for data, options in (
                    (program, dict(at_a_prompt, encoding="utf-8")), (program, dict(at_a_prompt, encoding="latin-1")),
                    (b"(1,\r2)\n", dict(at_a_prompt)), (b"if 1:\n  2", dict(at_a_prompt)), (program, {}),
                    (b"\0\n" + program, {}), (b"# coding: latin-1\n#\0\n" + program, {}),
                    (program, dict(mode="single", count=2)), (b"# coding: latin-1\n#\0\n1", dict(mode="eval"))):
                for open_source in (in_a_file, in_a_pipe):
                    if open_source is in_a_file or b"coding" not in data:
                        outcomes, _ = read(open_source, data, False, **options)
                        self.assertEqual(outcomes[0][0], "tree", data)
        for _ in range(3):
            read_all()
        before = sys.gettotalrefcount()
        for _ in range(20):
            read_all()
        self.assertLess(sys.gettotalrefcount() - before, 20)


class TerminalTest(LinesTestCase):
    """A program, not a statement, that is typed at a terminal."""

    PROGRAMS = [
        b"x = 1\nif x:\n  y = 2\nprint(x)\n", b"", b"x = (1,\n2)\n", b"x y\nz\n", b"x = (\n", b"'''\n", b"if 1:\n",
        b"'\xc3\xa9'\n", b"'\xe9'\n", b"# coding: latin-1\nx\n", b"x = '\\d'\n", b"\n\n",
    ]

    def typed(self, data, archive):
        keyboard, terminal = pty.openpty()
        attributes = termios.tcgetattr(terminal)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        os.write(keyboard, data + b"\4")
        outcomes = list(map(describe, _parser_stage.read(terminal, archive=archive)))
        os.close(keyboard)
        os.close(terminal)
        return outcomes

    @compares_errors
    def test_programs(self):
        for data in self.PROGRAMS:
            with self.subTest(data):
                expected = self.typed(data, True)
                before = _parser_stage.counts()
                self.assertEqual(self.typed(data, False), expected)
                if expected[0][0] == "tree":
                    self.assertEqual(_parser_stage.counts(), before)

    EMBEDDER = """
import ctypes
api = ctypes.pythonapi
api.PyRun_SimpleFileExFlags.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
stdin = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stdin")
print("ready")
print(api.PyRun_SimpleFileExFlags(stdin, b"<typed>", 0, None))
"""

    @compares_errors
    def test_as_stock(self):
        for lines in (["x = 6", "if x:", "  print(x * 7)"], ["x = 1", "print(x y)"], ["x = ("], ["1/0"]):
            shown = []
            for program in (STOCK, sys.executable):
                child = pexpect.spawn(program, ["-I", "-c", self.EMBEDDER], encoding="utf-8", timeout=30,
                                      echo=False, env=clean_environment())
                child.expect_exact("ready\r\n")
                for line in lines:
                    child.sendline(line)
                child.sendeof()
                child.expect(pexpect.EOF)
                shown.append(child.before)
                child.close()
            with self.subTest(lines):
                self.assertEqual(*shown)


if __name__ == "__main__":
    unittest.main()
