"""The parser, against the archive's in the same process and in its own right.

That the trees are stock's is for Tools/compare to show, on whole libraries; here stand the
corners of the language one by one, and what no comparison of trees sees: counts, limits, memory.
"""

import ast
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

from stage_modules import PATH_STATEMENT, _parser_stage
from join_support import STOCK

# One case a line; ⏎ stands for a line end.
ACCEPTED = r"""
x
x = y = 1
x, y = z
x, *y = z
*x, = y
[x, [y, *z]] = 1
(x) = (y)
x.y, z[0], (w) = 1
(x).y = (x)[0] = 1
(await x).y = 1
x: int
(x): int = 1
x.y: int = yield
x[0]: int = *y, z
x += yield
(x) @= 1
x <<= y,
del x, (y), [z, w.v]
del ()
x if y else z if w else v
lambda: x
lambda x, /, y=1, *z, w, v=2, **u: (yield)
lambda *, x: x
lambda *x,: x
not x or y and not z
x < y <= z != w is not v not in u in t is s
-x ** -y
x + y * z - w // v % u @ t << s >> r & q ^ p | o
~-+x
await x ** y
x.y[z](w).v
x[y:z:w, ::, *v, u:, :t]
x[*y]
x[y := 1]
f(x, *y, z=1, *w, **v, u=2)
f(x for x in y)
f(x := 1, y)
f(**x, y=1,)
(x for x in y if z if w for v in u)
[x async for x in y]
{x: y for x, *y in z}
{x for x in y}
{**x, 'y': 1, **z}
{*x, y}
{}
()
(x,)
(x := 1)
(yield x, *y)
(*x, y)
yield from x
'a' 'b' "c"
u'a' 'b'
f'a{x}b{y!r:>{z}}{w=}' 'c'
f'{x:{y}{z!s:a}}'
f'{ {1: 2}[1] }'
f'{x!=y}'
f'{(lambda x: 1)}'
f'{x:=5}'
f'{*x, y}'
b'a' rb'\d'
1, 1.5, 1j, 0xff, 1_000
None, True, False, ...
import x.y as z, w
from x import (y, z as w,)
from ... import x
from .... x import *
global x, y
nonlocal x
pass; break; continue;
return *x, y
raise x from y
assert x, y
if x: y
if x: y⏎elif z: w⏎elif v: u⏎else: t
while x: y⏎else: z
for x, *y in *z, w: v⏎else: u
async for x in y: z
async with x as y: z
with x as y, z: w
with (x as y, z): w
with (x, y): z
with (x, y) as z: w
with (x): y
with (yield): x
with (x := 1): y
with (x), (y): z
with (x).y as z: w
with (): x
try: x⏎finally: y
try: x⏎except: y
try: x⏎except y as z: w⏎except v: u⏎else: t⏎finally: s
try: x⏎except* y: z
@x.y[0](1)⏎@z⏎class w(v, *u, t=1): s
@x⏎async def y(): z
def f(x: int, y: z = 1, /, w=2, *v: u, t: s = 3, r, **q: p) -> o: n
def f(*x: *y): z
def f(x, /): y
match x:⏎ case 1: pass
match x, *y:⏎ case 1 | -2 | 3+4j | 'a' 'b' | None | x.y: pass
match (x):⏎ case (1 | 2) as y if z: w
match -x:⏎ case {'a': 1, x.y: _, **z}: w
match {}:⏎ case x.y(1, z=2,): w
match [x]:⏎ case [1, *_], (2, *x), 3: y
match not x:⏎ case (): y
match x:⏎ case _: case = match = _
match = case = _ = 1
match[x]: int
match(x)
match.x
match -x
match * x
match not in x
match, case
print
"""

REJECTED = r"""
x y
x = = y
x +
f() = 1
x + y = 1
(*x) = 1
(x, y): int
x, y: int
[x] += 1
None = 1
x = yield = 1
del *x
del f()
x if y
lambda *: x
lambda *, **x: x
lambda x=1, y: x
lambda /: x
lambda x, /, y, /: x
x in not y
x + not y
x <> y
await await x
x[]
x[*y:z]
x[y := 1:2]
f(x=1, y)
f(**x, *y)
f(x for x in y, z)
f(x, y for y in z)
f(x.y=1)
f(True=1)
class x(y for y in z): w
[*x for x in y]
{**x for x in y}
{x: *y}
{*x: y}
{x := 1: 2}
[x for x in y, z]
[x for x in lambda: y]
[x for x() in y]
(*x)
(x := 1 = 2)
x := 1
yield from x, y
'a' b'b'
'\x1'
'\N{no such}'
b'é'
f'{}'
f'{x!}'
f'{x!z}'
f'{x'
f'}'
f'{x:{y:{z}}}'
f'{lambda x: 1}'
f'{x#}'
f'{*x}'
f'{x\n}'
09
1_
0b2
import x.y as z.w
import x,
from x import y,
from x import (*)
from x import ()
from . import
global x.y
pass;; pass
raise x, y
assert x,
if x := : y
for x in: y
for f() in y: z
with x,: y
with (x as y): # c
try: x
try: x⏎else: y
try: x⏎except y: z⏎except* w: v
try: x⏎except*: y
@x⏎pass
def f(x=1, y): z
def f(*): x
def f(**x, y): z
def f(x: *y): z
def f(x) -> y, z: w
match x:⏎ pass
match *x:⏎ case 1: pass
match x:⏎ case +1: pass
match x:⏎ case 1+1: pass
match x:⏎ case _.y: pass
match x:⏎ case x as _: pass
match x:⏎ case *y: pass
match x:⏎ case {**_}: pass
match x:⏎ case {**x, 'y': 1}: pass
match x:⏎ case y(z=1, w): pass
  x
if x:⏎y
x⏎  y
$
"""


def read_cases(text):
    return [line.replace("⏎", "\n") for line in text.split("\n") if line]


ACCEPTED_CASES = read_cases(ACCEPTED)
REJECTED_CASES = read_cases(REJECTED)


def dump(source, mode="exec", archive=False, flags=0, version=11):
    tree = _parser_stage.tree(source.encode(), mode, archive, flags, version)
    return ast.dump(tree, include_attributes=True)


class SnippetTest(unittest.TestCase):

    def setUp(self):
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        _parser_stage.set_strict(True)
        self.addCleanup(_parser_stage.set_strict, False)

    def test_accepted(self):
        for source in ACCEPTED_CASES:
            with self.subTest(source=source):
                before = _parser_stage.counts()
                ours = dump(source)
                self.assertEqual(_parser_stage.counts(), before, "handed over")
                self.assertEqual(ours, dump(source, archive=True))

    def test_rejected(self):
        for source in REJECTED_CASES:
            with self.subTest(source=source):
                before = _parser_stage.counts()["rejected"]
                with self.assertRaises(SyntaxError) as ours:
                    dump(source)
                self.assertEqual(_parser_stage.counts()["rejected"], before + 1)
                with self.assertRaises(SyntaxError) as archive:
                    dump(source, archive=True)
                self.assertEqual(ours.exception.args, archive.exception.args)

    def test_asynchronous_context_managers_of_any_version(self):
        for head in ("(a as b)", "(a, b)", "(a as b, c as d)", "(a as b,)", "(a, b) as c", "(a), b"):
            for version in range(3, 12):
                with self.subTest(head=head, version=version):
                    source = f"async def f():\n  async with {head}: pass\n"
                    if version < 5:
                        self.assertRaises(SyntaxError, dump, source, version=version)
                    else:
                        self.check_same(source, version=version)

    def test_versions(self):
        for version in range(3, 12):
            for source in ACCEPTED_CASES:
                with self.subTest(source=source, version=version):
                    self.check_same(source, version=version)

    def test_modes(self):
        for mode in ("eval", "single", "func_type"):
            for source in ACCEPTED_CASES + ["(int, *str, **x) -> y", "() -> x", "(**x) -> y\n\n",
                                            "(*x, y) -> z", "x\n\n", "x # c", "x\n  # c\n"]:
                for ending in ("", "\n", "\n\n"):
                    with self.subTest(source=source, mode=mode, ending=ending):
                        self.check_same(source + ending, mode=mode)

    def test_type_comments(self):
        for source in ("x = 1 # type: int", "for x in y: # type: int\n  pass",
                       "with x as y: # type: int\n  pass", "with (x, y): # type: int\n  pass",
                       "with (x as y): # type: int\n  pass",
                       "def f(): # type: () -> int\n  pass", "def f():\n  # type: () -> int\n  pass",
                       "def f(x, # type: int\n  y=1, # type: str\n  *z, # type: a\n  w # type: b\n): pass",
                       "def f():\n  pass\n  # type: int\n", "x # type: ignore[y]\n# type: ignore z\n",
                       "x += 1 # type: int", "async def f(): # type: x\n  pass", "# type: int"):
            with self.subTest(source=source):
                self.check_same(source, flags=ast.PyCF_TYPE_COMMENTS)

    def check_same(self, source, **options):
        outcomes = []
        for archive in (False, True):
            try:
                outcomes.append(dump(source, archive=archive, **options))
            except SyntaxError as error:
                outcomes.append(error.args)
        self.assertEqual(*outcomes)


class AnnotationTest(unittest.TestCase):
    """Targets of annotations that begin with a parenthesis."""

    TARGETS = [
        "(x)", "((x))", "(x.a)", "((x).a)", "(x)[0]", "(x)[1, *y]", "(x).a[*y]", "(x)[0].a", "((x))[0]",
        "(x.a)[0]", "(x[0]).a", "(x)(1).a", "(x)()[0]", "(f(x))[0]", "((f(x)))[0]", "(f(x).a)[0]",
        "(x,)[0]", "()[0]", "(yield)[0]", "(x for y in z)[0]", "(1).a", "(-x).a", "(x or y)[0]",
        "(await x)[0]", "(a := b)[0]", "(\n x\n)[0]", "(\n x\n. a)[0]", "(*x,)[0]", "(lambda: 0).a",
        "f((x))[0]", "[(x)][0]", "x[(y)].a", "('a').b", "('a' 'b')[0]",
    ]
    FORMS = ["{}: int", "{}: int = 1", "if x: {}: int", "{} = 1", "{} += 1"]

    def test_as_stock(self):
        """Accepted, with the same tree, or not: as the archive's parser says."""
        accepted = 0
        for target in self.TARGETS:
            for form in self.FORMS:
                source = form.format(target)
                with self.subTest(source):
                    trees = [self.tree(program, source) for program in (sys.executable, STOCK)]
                    self.assertEqual(*trees)
                    accepted += "SyntaxError" not in trees[0]
        self.assertGreater(accepted, 50)

    answers = {}

    def tree(self, program, source):
        if program not in self.answers:
            run = subprocess.run([program, "-c", """if 1:
                import ast, json
                targets, forms = json.loads(input())
                answers = {}
                for target in targets:
                    for form in forms:
                        source = form.format(target)
                        try:
                            answer = ast.dump(ast.parse(source), include_attributes=True)
                        except SyntaxError as error:
                            answer = repr(error)
                        answers[source] = answer
                print(json.dumps(answers))"""], check=True, capture_output=True, text=True,
                input=json.dumps([self.TARGETS, self.FORMS]))
            self.answers[program] = json.loads(run.stdout)
        return self.answers[program][source]


class TypeCommentTest(unittest.TestCase):

    ENDS = ["# type:", "#type:", "# type", "\n# type:", "# type: ", "# type: a", "# type:\n",
            "# type: ignore", "\n     # type:", "\n     # type:\n"]
    PROGRAM = """if 1:
        import ast, json
        flags = ast.PyCF_ONLY_AST | ast.PyCF_TYPE_COMMENTS
        answers = []
        for end in json.loads(input()):
            for mode in ("eval", "single", "exec"):
                for more in (0, 0x200):
                    for start in ("x ", ""):
                        try:
                            tree = compile(start + end, "source", mode, flags | more)
                            answers.append([start, end, mode, more, ast.dump(tree)])
                        except SyntaxError as error:
                            answers.append([start, end, mode, more, repr(error)])
        print(json.dumps(answers))"""

    def test_at_the_end(self):
        """Where the source ends without a line end, what begins a type comment may be none."""
        answers = [json.loads(subprocess.run(
            [program, "-c", self.PROGRAM], input=json.dumps(self.ENDS), text=True,
            env=os.environ | {"FRONTEND_STRICT_PARSER": "1"},
            capture_output=True, check=True).stdout) for program in (sys.executable, STOCK)]
        for ours, stocks in zip(*answers, strict=True):
            self.assertEqual(ours, stocks)


# A codec that lies: the first time it decodes another source than afterwards.
LYING_CODEC = PATH_STATEMENT + """
import codecs, _parser_stage

def decode(data, errors="strict"):
    calls.append(data)
    return codecs.decode(b"x x" if len(calls) == 1 else bytes(data), "latin-1"), len(data)

def search(name):
    if name == "lying":
        return codecs.CodecInfo(codecs.latin_1_encode, decode, name=name)

calls = []
codecs.register(search)
strict = {strict}
_parser_stage.set_strict(strict)
try:
    compile(b"# coding: lying\\ny = 1\\n", "f", "exec")
    print("compiled", _parser_stage.counts()["wrongly_rejected"])
except SystemError as error:
    print(error, _parser_stage.counts()["wrongly_rejected"])
"""


class StrictTest(unittest.TestCase):
    """What only the archive's parser accepts is counted, and an error where that is asked for."""

    def outcome(self, strict, **variables):
        environment = {name: value for name, value in os.environ.items()
                       if name != "FRONTEND_STRICT_PARSER"} | variables
        return subprocess.run([sys.executable, "-c", LYING_CODEC.replace("{strict}", str(strict))],
                              env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    def test_counted(self):
        self.assertEqual(self.outcome(False), "compiled 1\n")

    def test_error(self):
        error = "the parser turned down a valid source: 'f' 1\n"
        self.assertEqual(self.outcome(True), error)
        self.assertEqual(self.outcome(False, FRONTEND_STRICT_PARSER="1"), error)


class DifferenceTest(unittest.TestCase):
    """The walk over two trees, with which the fuzz target compares, misses nothing."""

    SOURCE = "\n".join(ACCEPTED_CASES)

    def parse(self, source):
        return ast.parse(source, type_comments=True)

    def changed(self, value):
        """Another value of the kind of a field's, None if there is none."""
        if isinstance(value, bool) or value is None or value is ...:
            return "another"
        if isinstance(value, (int, float, complex)):
            return value + 1
        if isinstance(value, str):
            return value + "x"
        if isinstance(value, bytes):
            return value + b"x"
        if isinstance(value, list):
            return value[:-1] if value else None
        if isinstance(value, ast.expr):
            return ast.Name("another", getattr(value, "ctx", ast.Load()),
                            **{name: getattr(value, name) for name in value._attributes})
        others = [kind for kind in type(value).__mro__[1].__subclasses__() if kind is not type(value)]
        return others[0]() if others and not value._fields else None

    def test_same(self):
        for source in ACCEPTED_CASES:
            self.assertIsNone(_parser_stage.difference(self.parse(source), self.parse(source)), source)

    def test_every_field(self):
        changed = set()
        for source in ACCEPTED_CASES + ["for x in y: # type: z\n  pass\n", "x = 1 # type: ignore[y]\n",
                                        "with x: # type: y\n  pass\n", "def f(x # type: y\n): pass"]:
            left, right = self.parse(source), self.parse(source)
            for node in ast.walk(right):
                for field in node._fields + node._attributes:
                    old = getattr(node, field)
                    new = self.changed(old)
                    if new is None or (old is None and (type(node), field) != (ast.Constant, "value")):
                        continue
                    setattr(node, field, new)
                    with self.subTest(source=source, node=type(node).__name__, field=field):
                        self.assertIn(" of ", _parser_stage.difference(left, right))
                    setattr(node, field, old)
                    changed.add(f"{type(node).__name__}.{field}")
            self.assertIsNone(_parser_stage.difference(left, right))
        self.assertGreater(len(changed), 250)

    def test_place(self):
        self.assertEqual(_parser_stage.difference(self.parse("x\ny = z"), self.parse("x\ny = w")),
                         "id of Name of value of Assign of item 1 of body of Module")
        self.assertEqual(_parser_stage.difference(self.parse("x"), self.parse("x\ny")),
                         "length of body of Module")
        self.assertEqual(_parser_stage.difference(self.parse("1"), self.parse("1.0")),
                         "value of Constant of value of Expr of item 0 of body of Module")


class WarningTest(unittest.TestCase):

    def check(self, source, expected):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _parser_stage.tree(source.encode())
        self.assertEqual([(w.category.__name__, str(w.message), w.lineno) for w in caught], expected)

    def test_escapes(self):
        self.check(r"'\d \e'", [("DeprecationWarning", r"invalid escape sequence '\d'", 1)])
        self.check(r"b'\d'", [("DeprecationWarning", r"invalid escape sequence '\d'", 1)])
        self.check(r"'\777'", [("DeprecationWarning", r"invalid octal escape sequence '\777'", 1)])
        self.check("\n\n" + r"f'\{x}\d'",
                   [("DeprecationWarning", r"invalid escape sequence '\{'", 3),
                    ("DeprecationWarning", r"invalid escape sequence '\d'", 3)])
        self.check(r"r'\d'", [])

    def test_numbers(self):
        self.check("1if 2else 3", [("SyntaxWarning", "invalid decimal literal", 1)] * 2)
        self.check("\n0xfor x", [("SyntaxWarning", "invalid hexadecimal literal", 2)])

    def test_in_the_order_of_the_source(self):
        self.check("'\\d' if 1else f'{1or 2}' '\\e'\n1in x",
                   [("DeprecationWarning", r"invalid escape sequence '\d'", 1),
                    ("SyntaxWarning", "invalid decimal literal", 1),
                    ("SyntaxWarning", "invalid decimal literal", 1),
                    ("DeprecationWarning", r"invalid escape sequence '\e'", 1),
                    ("SyntaxWarning", "invalid decimal literal", 2)])

    def test_once_in_what_is_tried_twice(self):
        self.check("with (x, (yield f'\\d{1or 2}')): pass\nwith (yield '\\e'): pass",
                   [("DeprecationWarning", r"invalid escape sequence '\d'", 1),
                    ("SyntaxWarning", "invalid decimal literal", 1),
                    ("DeprecationWarning", r"invalid escape sequence '\e'", 2)])

    def test_as_error(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaisesRegex(SyntaxError, "invalid escape sequence"):
                compile(r"'\d'", "f", "exec")
            with self.assertRaisesRegex(SyntaxError, "invalid decimal literal"):
                compile("1if x else y", "f", "exec")

    def test_foreign_exception_is_let_through(self):
        class Foreign(Exception):
            pass

        def show(*args):
            calls.append(args)
            raise Foreign

        calls = []
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings._showwarnmsg_impl, before = show, warnings._showwarnmsg_impl
            try:
                with self.assertRaises(Foreign):
                    compile(r"'\d'", "f", "exec")
            finally:
                warnings._showwarnmsg_impl = before
        self.assertEqual(len(calls), 1)


WARNING_FILTERS = r"""
import json, warnings

SOURCES = [
    r"'\d'", r"'\d'; '\e'", r"1if x else y; '\d'; 0x1for x in y",
    "x = (\n r'a',\n '\\d',\n '\\e')\n'\\f'", r"f'\d{x}\e'", r"b'\d'; '\e'",
    r"'\d'; 1 1", r"'\d'; '\e'; 1 1", "'\\d'\n'\\e'\n(", "1or 2\n'\\d'\nx = 0x1or y\n",
    r"'\d' '\e'", r"assert (x, 'y'); '\d'; '\e'", r"x is 1; '\d'; '\e'; 1()",
]
ACTIONS = ["default", "error", "ignore", "always", "once", "module"]
RESTS = ["default", "error", "ignore"]
PLACE = ["filename", "lineno", "offset", "end_lineno", "end_offset", "text"]


def attempt(source, rest, **filter):
    shown = []
    with warnings.catch_warnings():
        warnings.simplefilter(rest)
        warnings.filterwarnings(**filter)
        warnings.showwarning = lambda *warning: shown.append(repr(warning))
        try:
            compile(source, "source", "exec")
            error = None
        except Exception as raised:
            error = [repr(raised), [getattr(raised, name, None) for name in PLACE]]
    return [source, rest, repr(filter), shown, error]


print(json.dumps([
    attempt(source, rest, action=action, category=category, message=message)
    for source in SOURCES for action in ACTIONS for rest in RESTS
    for category in (DeprecationWarning, SyntaxWarning, Warning)
    for message in ("", ".*e", "invalid decimal")]))
"""


class WarningFilterTest(unittest.TestCase):
    """Which warnings are shown, how often, and which are errors, as in stock."""

    def answers(self, program):
        run = subprocess.run([program, "-c", WARNING_FILTERS], capture_output=True, check=True)
        return json.loads(run.stdout)

    def test_filters(self):
        ours, stocks = self.answers(sys.executable), self.answers(STOCK)
        self.assertGreater(len(stocks), 2000)
        for our, stock in zip(ours, stocks, strict=True):
            self.assertEqual(our, stock)


class StreamTest(unittest.TestCase):
    """Programs and statements that come by a pipe."""

    COUNTS = (f"\n{PATH_STATEMENT}import _parser_stage as s\n"
              "print(s.counts()['passed_on'], file=sys.stderr)\n").encode()

    def run_with(self, program, source, *options, encoding="utf-8"):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("PYTHON")}
        environment["PYTHONIOENCODING"] = encoding
        run = subprocess.run([program, *options], input=source, capture_output=True,
                             env=environment)
        return run.returncode, run.stdout, run.stderr

    def check(self, source, *options, **arguments):
        self.assertEqual(self.run_with(sys.executable, source, *options, **arguments),
                         self.run_with(STOCK, source, *options, **arguments))

    PROGRAMS = [
        b"", b"print(1)\nimport sys\nprint(sys.stdin.read())", b"# coding: latin-1\nprint(1)\n",
        b"# coding: utf-8\nprint('\xc3\xa9')\n", b"print(1\n", b"x = 1\n 1 1\n", b"1/0", b"\n" * 100_000,
        b"print('a\0b')\nprint(2)\n", b"\xef\xbb\xbfprint(3)\n", b"print(4)\r\nif 1:\r\n  print(5)",
        b"x = '\\d'; print(6)\n", b"\n" * 100_000 + b"1 1", b"print('\xff')\n",
        b"if 1:\n\tprint(1)\n        print(2)\n",
    ]

    def test_programs(self):
        for source in self.PROGRAMS:
            with self.subTest(source[:40]):
                self.check(source, "-Walways")
                self.check(source, "-Walways", "-", "argument")

    STATEMENTS = [
        b"x = 1\nx\n", b"if 1:\n  2\n\n3\n", b"if 1:\n  2\n3\n", b'"\xe9"\n', b'x = """a\nb\n"""\nx\n',
        b"(1,\n2)\n", b"1 1\n2\n", b"(\n", b"1", b"\n\n1\n", b"# c\n1\n", b"1\r\n2\r\n", b"'a\0b'\n2\n",
        b"try:\n 1/0\nexcept:\n 5\n\n6\n", b"input()\nhello\n7\n", b"if 1: 2\n3\n", b"x = \\\n 5\nx\n",
        "é = 3\né\n".encode(), "é = 3\né 1\n".encode(), "é = 3\né 1\n".encode("latin-1"),
        b"def f(:\n\n1\n", b"match 1:\n case 1: 5\n\n", b"raise SystemExit(3)\n", b"'\\d'\n",
    ]

    def test_statements(self):
        for encoding in ("utf-8", "latin-1", "shift_jis", "utf-8:surrogateescape"):
            for source in self.STATEMENTS:
                with self.subTest(source, encoding=encoding):
                    self.check(source, "-i", "-q", "-Walways", encoding=encoding)

    def test_who_reads(self):
        """Ours does, without the help of the archive's parser."""
        for encoding, text in (("utf-8", "é = 'é'"), ("latin-1", "é = 'é'")):
            lines = text.encode(encoding) + self.COUNTS
            interactive = self.run_with(sys.executable, lines, "-i", "-q", encoding=encoding)
            self.assertIn(b">>> 0\n", interactive[2])
        for text in ("é = 'é'", "# coding: utf-8", "\ufeffx = 1\r\n"):
            self.assertEqual(self.run_with(sys.executable, text.encode() + self.COUNTS)[2], b"0\n")


# What is shown, and what compile() does, under each mix of filters; also where showing raises.
WARNING_SCRIPT = r"""
import itertools, warnings

SOURCES = (
    "'\\d'\n'\\e'\n1if 2else 3\n'\\777'\n",
    "'\\d'\nx = (\n",
    "'\\d'\n1 is 2\nx = '\\e'\n1if 2else 3\n",
    "1if 2else 3\n'\\d'\n)",
    "f'{1if 2else 3}\\d'\n'\\e'\n",
    "'\\d'\n1 is 2\nreturn\n'\\e'",
    "0x1for x in y\n'\\d'",
    "x = '\\d', 0x1for x in 1if 1else 2\n",
)
FILTERS = (
    ('always', {}), ('default', {}), ('once', {}), ('error', {}),
    ('error', {'lineno': 2}), ('error', {'lineno': 3}), ('ignore', {'lineno': 1}),
    ('error', {'message': r'.*\\e'}), ('error', {'message': '.*octal'}),
    ('error', {'category': SyntaxWarning}), ('ignore', {'category': DeprecationWarning}),
)

def outcome(source):
    try:
        compile(source, '<source>', 'exec')
    except Exception as error:
        return type(error).__name__, error.args
    return 'compiled'

def show(message, category, filename, line, *rest):
    shown.append((category.__name__, str(message), filename, line))
    if len(shown) == raise_at:
        raise raised(len(shown))

mixes = [mix for count in (1, 2) for mix in itertools.permutations(FILTERS, count)]
for source, mix in itertools.product(SOURCES, mixes):
    for raise_at, raised in ((0, None), (1, KeyError), (2, KeyError), (2, DeprecationWarning)):
        with warnings.catch_warnings():
            warnings.resetwarnings()
            for action, rest in mix:
                warnings.filterwarnings(action, **rest)
            shown = []
            warnings.showwarning = show
            print(repr(source), mix, raise_at, raised, shown, outcome(source))
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        for action, rest in mix:
            warnings.filterwarnings(action, **rest)
        result = outcome(source)
    print(repr(source), mix, [(str(w.message), w.lineno) for w in caught], result)
"""


class WarningSequenceTest(unittest.TestCase):

    def test_as_stock(self):
        stock, ours = (subprocess.run([program, "-I", "-B", "-c", WARNING_SCRIPT], check=True,
                                      stdout=subprocess.PIPE, text=True).stdout.splitlines()
                       for program in (STOCK, sys.executable))
        self.assertGreater(len(stock), 4000)
        self.assertEqual([pair for pair in zip(stock, ours) if pair[0] != pair[1]], [])
        self.assertEqual(len(stock), len(ours))

    def test_the_next_source_starts_anew(self):
        for _ in range(2):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                warnings.filterwarnings("error", message=r".*\\e")
                with self.assertRaises(SyntaxError):
                    compile(r"'\d'; '\e'", "f", "exec")
            self.assertEqual(len(caught), 1)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                compile(r"'\d'; '\e'", "f", "exec")
            self.assertEqual(len(caught), 2)


class SourceTest(unittest.TestCase):

    def value(self, source):
        return eval(compile(source, "f", "eval"))

    def test_encodings(self):
        self.assertEqual(self.value(b"'\xc3\xa9'"), "é")
        self.assertEqual(self.value(b"# coding: latin-1\n'\xe9'"), "é")
        self.assertEqual(self.value(b"\n# -*- coding: koi8-r -*-\n'\xc1'"), "а")
        self.assertEqual(self.value(b"\xef\xbb\xbf'\xc3\xa9'"), "é")
        self.assertEqual(self.value("# coding: latin-1\n'é'"), "é")
        for source in (b"'\xe9'", b"# coding: no-such\n1", b"\xef\xbb\xbf# coding: latin-1\n1",
                       b"'a'\n# coding: latin-1\n'\xe9'", b"\xef\xbb\xbf\xef\xbb\xbf1", "\ufeff1"):
            with self.subTest(source=source), self.assertRaises(SyntaxError):
                self.value(source)

    def test_spellings_of_encodings(self):
        before = _parser_stage.counts()["wrongly_rejected"]
        for name in ("latin_1", "ISO-8859-1", "iso_latin_1", "latin-1-unix", "iso-8859-1_dos",
                     "Iso-Latin-1-mac", "iso-8859-1-" + "x" * 200, "iso8859-1", "l1"):
            with self.subTest(name=name):
                self.assertEqual(self.value(f"# coding: {name}\n'\xe9'".encode("latin-1")), "é")
        for name in ("utf_8", "UTF-8-unix", "utf-8_x", "utf-8-" + "x" * 200, "utf8"):
            with self.subTest(name=name):
                self.assertEqual(self.value(f"# coding: {name}\n'é'".encode()), "é")
        for name in ("latin-1x", "iso-8859-1x", "iso-latin-1x", "utf-8x", "iso-latin-2-unix"):
            with self.subTest(name=name), self.assertRaises(SyntaxError):
                self.value(f"# coding: {name}\n'a'".encode())
        self.assertEqual(_parser_stage.counts()["wrongly_rejected"], before)

    def test_line_ends(self):
        for source in (b"'''a\nb'''", b"'''a\r\nb'''", b"'''a\rb'''"):
            self.assertEqual(self.value(source), "a\nb")

    def test_backslash_before_a_last_line_end_of_two_characters(self):
        before = _parser_stage.counts()["wrongly_rejected"]
        for source in ("\\\r\n", "x\n\\\r\n", "# coding: latin-1\r\n\\\r\n"):
            self.assertEqual(dump(source), dump(source, archive=True))
        self.assertEqual(_parser_stage.counts()["wrongly_rejected"], before)

    def test_names_are_normalized(self):
        tree = ast.parse("ﬁ = ª.ﬁ(ﬁ=1)\nimport ﬁ.ª as ª")
        self.assertEqual(ast.unparse(tree), "fi = a.fi(fi=1)\nimport fi.a as a")

    def test_files(self):
        for data, expected in ((b"print('\xc3\xa9' == chr(233))", b"True"),
                               (b"# coding: latin-1\r\nprint('\xe9' == chr(233))\r\n", b"True"),
                               (b"\xef\xbb\xbfprint(1)\rprint(2)", b"1\n2"),
                               (b"if 1:\n  print('''a\r\nb''')\n  ", b"a\nb")):
            with self.subTest(data=data), tempfile.NamedTemporaryFile(suffix=".py") as file:
                file.write(data)
                file.flush()
                result = subprocess.run([sys.executable, "-I", file.name], capture_output=True)
                self.assertEqual((result.returncode, result.stdout.strip()), (0, expected))

    def test_pipe(self):
        result = subprocess.run([sys.executable, "-I", "-"], capture_output=True,
                                input=b"x = '''\n'''\nprint(x == '\\n')")
        self.assertEqual(result.stdout, b"True\n")


class DepthTest(unittest.TestCase):

    NESTINGS = {
        "minus": lambda n: "-" * n + "x",
        "not": lambda n: "not " * n + "x",
        "lambda": lambda n: "lambda: " * n + "x",
        "default": lambda n: "lambda x=" * n + "x" + ": x" * n,
        "conditional": lambda n: "x if y else " * n + "z",
        "power": lambda n: "x ** " * n + "x",
        "parentheses": lambda n: "(" * n + "x" + ")" * n,
        "comparison": lambda n: "x < (" * n + "x" + ")" * n,
        "call": lambda n: "x(y=" * n + "x" + ")" * n,
        "dict": lambda n: "{x: x, x: " * n + "x" + "}" * n,
        "pattern": lambda n: "match x:\n case " + "[" * n + "x" + "]" * n + ": pass",
        "target": lambda n: "[" * n + "x" + "]" * n + " = y",
        "elif": lambda n: "if x: pass\n" + "elif x: pass\n" * n,
        "blocks": lambda n: "".join(" " * i + "if x:\n" for i in range(n)) + " " * n + "x",
    }

    def verdict(self, source, archive):
        try:
            _parser_stage.measure(source.encode(), 1, archive)
        except Exception as error:
            return type(error).__name__, str(error)
        return "accepted"

    def test_verdict_at_any_depth(self):
        for name, nest in self.NESTINGS.items():
            for depth in (50, 99, 100, 101, 192, 193, 199, 200, 201, 700, 747, 1500, 1990, 2985, 5000,
                          5700, 5969, 5970, 6100, 20000):
                with self.subTest(name=name, depth=depth):
                    source = nest(min(depth, 500) if name == "blocks" else depth)
                    self.assertEqual(self.verdict(source, False), self.verdict(source, True))

    def test_format_strings_in_format_strings(self):
        for depth in (100, 4000, 5000, 7000):
            source = "f'''{f\"\"\"{f'{f\"{" + "-" * depth + "x}\"}'}\"\"\"}'''"
            with self.subTest(depth=depth):
                self.assertEqual(self.verdict(source, False), self.verdict(source, True))


class SingleCharacterTest(unittest.TestCase):
    """Strings of one character are the runtime's own objects, as in stock.

    It shows in the order of a frozenset's elements, which is part of a .pyc file.
    """

    def test_constants(self):
        for source in "'a'", "'a' ''", "r'a'", "u'a'", "'\\x61'":
            with self.subTest(source=source):
                value = ast.parse(source, mode="eval").body.value
                self.assertIs(value, chr(97))

    def test_order_of_constant_sets(self):
        probe = ("for _ in range(3): print(list(compile(\"x in {'1', '2', '3'}\", '', 'eval')"
                 ".co_consts[0]))")
        for seed in range(8):
            ours, stock = (subprocess.run(
                [program, "-c", probe], capture_output=True, text=True, check=True,
                env={"PYTHONHASHSEED": str(seed)}).stdout for program in (sys.executable, STOCK))
            self.assertEqual(ours, stock)


class CostTest(unittest.TestCase):
    """Cost is linear: ten times the source may cost more than ten times, for memory's sake."""

    SOURCES = {
        "expressions in a format string": lambda n: b"f'" + b"{x}" * n + b"'",
        "lines in a format string": lambda n: b"f'''" + b"a{x}\n" * n + b"'''",
        "escapes": lambda n: b"'''" + b"\\\\" * n + b"'''",
        "quotes": lambda n: b"'''" + b"' " * n + b"'''",
        "docstrings": lambda n: b"'''a\nb'''\n" * n,
        "adjacent strings": lambda n: b"(" + b"'a' " * n + b")",
        "adjacent bytes": lambda n: b"(" + b"b'a' " * n + b")",
        "names": lambda n: b"\n".join(b"name_%d" % i for i in range(n)),
        "arguments": lambda n: b"f(" + b"x=1, *y, " * n + b")",
        "statements that might be matches": lambda n: b"match (x)\n" * n,
        "context managers": lambda n: b"with (" + b"x, " * n + b"): pass",
        "comments": lambda n: b"# type: ignore\n" * n,
    }

    def test_linear(self):
        for name, make in self.SOURCES.items():
            with self.subTest(name=name):
                small = _parser_stage.measure(make(3000), 5)
                large = _parser_stage.measure(make(30000), 3)
                self.assertLess(large, 40 * small + 0.05)


class RobustnessTest(unittest.TestCase):

    SOURCES = (b"def f(a, b=1, *c, d=2):\n  '''doc'''\n  return f'a{b!r:>{c}} {d=}' '\\n'\n"
               b"import a.b.c as d\nwith (a as b, c): pass\nx = {1: 2.5, **y}, [*z], b'\\0'\n",
               b"# coding: latin-1\nx = '\xe9'\r\n", b"x = [" + b"'abc', name, " * 300 + b"]",
               "é = 1".encode())

    def test_out_of_memory(self):
        try:
            from _testcapi import remove_mem_hooks, set_nomemory
        except ImportError:
            self.skipTest("needs _testcapi")
        for source in self.SOURCES:
            _parser_stage.measure(source, 1)
            failures = successes = start = 0
            while successes < 5:
                self.assertLess(start, 10_000)
                set_nomemory(start, start + 1)
                try:
                    _parser_stage.measure(source, 1)
                except MemoryError:
                    failures += 1
                    successes = 0
                else:
                    successes += 1
                finally:
                    remove_mem_hooks()
                start += 1
            self.assertGreater(failures, 8)

    # No f-string: the archive's parser, which says what is wrong in one, crashes without memory.
    REJECTED = ("x = (1,\n y z)", "    x\n  y\n z", "f(", "x = 08", "'\\N{no}'", "def f(:\n pass")

    @unittest.skipIf(hasattr(sys, "gettotalrefcount"),
                     "an assertion of the debug archive ends the process: open() in _PyPegen_raise_error")
    def test_out_of_memory_while_rejecting(self):
        """Where there is none to say what is wrong, that is what is said."""
        try:
            from _testcapi import remove_mem_hooks, set_nomemory
        except ImportError:
            self.skipTest("needs _testcapi")
        for source in self.REJECTED:
            outcomes = set()
            for start in range(150):
                set_nomemory(start, start + 1)
                try:
                    compile(source, "f", "exec")
                except BaseException as error:
                    outcomes.add(type(error))
                finally:
                    remove_mem_hooks()
            self.assertLessEqual(outcomes, {MemoryError, SyntaxError, IndentationError}, source)
            self.assertIn(MemoryError, outcomes)

    FIRST_COMPILE = """if True:
        import _testcapi, sys
        start = int(sys.argv[1])
        try:
            _testcapi.set_nomemory(start, start + 1)
            compile("x = 1", "f", "exec")
        except MemoryError:
            pass
        """

    def test_out_of_memory_at_first(self):
        """The classes of module ast are made when something is compiled first."""
        if importlib.util.find_spec("_testcapi") is None:
            self.skipTest("needs _testcapi")
        for start in range(16):
            run = subprocess.run([sys.executable, "-ISc", self.FIRST_COMPILE, str(start)],
                                 capture_output=True, text=True)
            self.assertEqual((run.returncode, run.stderr), (0, ""), start)

    @unittest.skipUnless(hasattr(sys, "gettotalrefcount"), "needs a debug build")
    def test_references(self):
        sources = [*self.SOURCES, b"x = (", b"f'{x!}'", b"'\\N{no}'", b"f'{x' 'y'", b"b'\\x'"]

        def parse_all():
            for source in sources:
                try:
                    _parser_stage.measure(source, 1)
                except SyntaxError:
                    pass
        for _ in range(3):
            parse_all()
        before = sys.gettotalrefcount()
        for _ in range(20):
            parse_all()
        self.assertLess(sys.gettotalrefcount() - before, 20)

    def test_threads(self):
        with open(ast.__file__, "rb") as file:
            source = file.read()
        expected = ast.dump(_parser_stage.tree(source, archive=True), include_attributes=True)
        results = []

        def work():
            for _ in range(3):
                results.append(ast.dump(_parser_stage.tree(source), include_attributes=True))
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(results), {expected})
        self.assertEqual(len(results), 12)

    def test_subinterpreters(self):
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            self.skipTest("needs _xxsubinterpreters")
        before = _parser_stage.counts()
        with tempfile.NamedTemporaryFile("r") as file:
            script = (f"{PATH_STATEMENT}import _parser_stage, ast\n"
                      "try: compile('x y', 'f', 'exec')\n"
                      "except SyntaxError: pass\n"
                      f"with open({file.name!r}, 'w') as out:\n"
                      "  tree = _parser_stage.tree(b'f(x, *y)')\n"
                      "  print(ast.unparse(tree), _parser_stage.counts()['rejected'], file=out)\n")
            interpreter = interpreters.create()
            try:
                interpreters.run_string(interpreter, script)
            finally:
                interpreters.destroy(interpreter)
            self.assertEqual(file.read(), "f(x, *y) 1\n")
        self.assertEqual(_parser_stage.counts(), before)


if __name__ == "__main__":
    unittest.main()
