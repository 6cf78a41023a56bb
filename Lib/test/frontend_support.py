"""What the tests of the compiler's stages share: asking CPython the same question.

A question is the name of a function of this module and its arguments, plain data.
The interpreter under test calls the function, CPython runs this file as a program
and does the same; the answers, plain data again, must be equal.
"""

import ast
import hashlib
import json
import marshal
import os
import random
import subprocess
import sys
import symtable
import types
import warnings

STOCK = os.environ.get("PYTHON_STOCK", "/usr/bin/python3.11")
ANNOTATIONS = 0x1000000     # CO_FUTURE_ANNOTATIONS


# --- Answers ---

def describe_error(error):
    """An exception as plain data: type, text, and a SyntaxError's place."""
    place = []
    if isinstance(error, SyntaxError):
        place = [error.filename, error.lineno, error.offset, error.end_lineno,
                 error.end_offset, error.text]
    return [type(error).__name__, str(error), place]


CODE_FIELDS = ["co_name", "co_qualname", "co_filename", "co_code", "co_names", "co_varnames",
               "co_cellvars", "co_freevars", "co_argcount", "co_posonlyargcount",
               "co_kwonlyargcount", "co_flags", "co_stacksize", "co_firstlineno",
               "co_linetable", "co_exceptiontable"]


def describe_constant(value):
    """The same text for the same value and types; the order of a set depends on addresses."""
    if isinstance(value, types.CodeType):
        return describe_code(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(describe_constant, value))})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(describe_constant, value)))}}}"
    return repr(value)


def describe_code(code):
    """All that a code object holds, as text."""
    fields = [getattr(code, field) for field in CODE_FIELDS]
    return repr([fields, describe_constant(code.co_consts)])


def compile_all(sources, mode="exec", flags=0, optimize=-1):
    """The digest of each source's code object, or its exception."""
    answers = []
    for source in sources:
        try:
            code = compile(source, "<test>", mode, flags, True, optimize)
            answers.append(hashlib.sha256(describe_code(code).encode()).hexdigest())
        except Exception as error:
            answers.append(describe_error(error))
    return answers


def marshal_all(sources, mode):
    """The digest of what each source's .pyc file holds: which objects are shared shows there."""
    return [hashlib.sha256(marshal.dumps(compile(source, "<test>", mode))).hexdigest()
            for source in sources]


def compile_at(places):
    """The code of a call whose nodes all lie at each of the places."""
    answers = []
    for line, column, end_line, end_column in places:
        tree = ast.parse("async def f():\n for x in g(a + b).c: await h")
        for node in ast.walk(tree):
            if hasattr(node, "lineno"):
                node.lineno, node.col_offset = line, column
                node.end_lineno, node.end_col_offset = end_line, end_column
        try:
            code = compile(tree, "<test>", "exec")
            answers.append([describe_code(code), list(code.co_consts[0].co_positions())])
        except Exception as error:
            answers.append(describe_error(error))
    return answers


def describe_table(table):
    """A block of module symtable and the blocks in it, as plain data."""
    entry = table._table
    # Names that only inner blocks use are added in the order of a set.
    symbols = list(entry.symbols.items())
    own = [item for item in symbols if item[1] & 0x7FF]
    passed = sorted(item for item in symbols if not item[1] & 0x7FF)
    return [entry.name, entry.type, entry.lineno, bool(entry.nested), entry.varnames,
            own, passed, [describe_table(child) for child in table.get_children()]]


def tables_of(sources):
    answers = []
    for source in sources:
        try:
            answers.append(describe_table(symtable.symtable(source, "<test>", "exec")))
        except SyntaxError as error:
            answers.append(describe_error(error))
    return answers


def digests_of_tables(paths):
    answers = []
    for path in paths:
        with open(path, "rb") as file:
            answer = json.dumps(tables_of([file.read()]))
        answers.append(hashlib.sha256(answer.encode()).hexdigest())
    return answers


def nesting_limits(limit):
    """How deep each construct may be nested before compile() refuses, and how it does."""
    makers = ["'-' * n + 'a'", "'a' + '.b' * n", "'a' + '+b' * n", "'not ' * n + 'a'",
              "'a' + '(b' * n + ')' * n", "'if a: b\\n' + 'elif c: d\\n' * n",
              "'a' + '[b' * n + ']' * n", "'a' + ' if b else c' * n"]
    sys.setrecursionlimit(limit)
    answers = []
    for maker in makers:
        low, high, error = 1, 4 * limit, None
        while low < high:
            middle = (low + high) // 2
            try:
                compile(eval(maker, {"n": middle}), "<test>", "exec")
                low = middle + 1
            except Exception as caught:
                error = describe_error(caught)[:2]
                high = middle
        answers.append([maker, low, error])
    return answers


# --- Trees mutated at random ---

SNIPPETS = [
    "def f(a, b=1, /, c: int = 2, *d: str, e, g=(3, 4), **h: 'x') -> None:\n"
    "    'doc'\n    global q, r\n    return a + b * 2 - (c, d)\n",
    "class C(B, metaclass=M, **kw):\n    'doc'\n    x: int = 1\n"
    "    def m(self): return super().m(__x)\n    y = [1, 2] + [3]\n",
    "async def f(x):\n    async for i in x: await i\n"
    "    async with a as b, c: yield b\n    return\n",
    "for i, (j, *k) in x in [1, 2, 3], y:\n    if i in {1, 2, 'a'}: break\n"
    "    elif not i in (1, [2]): continue\nelse: pass\n",
    "while not x == 1 < y is not None:\n    del a.b, c[0], (d, [e]); x += 1; y @= 2\n"
    "else: x = y = z[1:2:3, ...]\n",
    "match x:\n    case [1, -2, 3+4j, *rest]: pass\n"
    "    case {'a': 1, None: x, -1: y, b.c: z, **w}: pass\n"
    "    case Point(1, a.b, x=0, y=[p, q] as t) if t: pass\n"
    "    case None | True | 'a' 'b' | b'c': pass\n"
    "    case (1 | a.b) as c: pass\n    case _: pass\n",
    "try: import a.b as c, d.e\nexcept* (ValueError, T) as e: raise e from None\n"
    "else: from .. import x as y, z\nfinally: assert x, 'msg %s' % y\n",
    "try: pass\nexcept A: raise\nexcept B as b: x\nexcept: y\nelse: z\n",
    "def o():\n    x = 1\n    def i():\n        nonlocal x\n"
    "        x = lambda a, *b, c=1, **d: (yield a)\n"
    "        return ([x for x in y if z for w in x], {k: v for k, v in y},\n"
    "                {s for s in t}, (g async for g in h))\n",
    "x = f'{a!r:>{w}.2f} {b} {{c}} {d=}' + 'a%s b%r c%5s %%' % (p, q, r) + '%a' % (z,)\n"
    "y = -1, +2, ~3, not True, 1 if a else b, (x := 3), [*a, *b], {**c, 'd': 1}, {1, 2}\n",
    "f(a, *b, c=d, **e)(g)[h].i = x and y or z and not w\n"
    "1 + 2 * 3 ** 4 // 5 % 6 - 7 << 2 >> 1 | 8 ^ 9 & 10 / 3\n"
    "'a' * 5 + 'b'; (1, 2)[0]; 'abc'[1]; (1, 2) * 3; 1 << 100; 2 ** 200\n",
    "print(__debug__, not (a is b), not (a in b), () + (1,), -(-1), not not x)\n"
    "x = (1, (2, 'x', b'y', ..., None, True), 3.5, 1j)\n"
    "for _ in [a, b]: x in [1, 2]; x not in {3}; x in []; x in {}\n",
    "@a.b(c)\n@d\nclass D:\n    @property\n    def x(self): return __class__\n"
    "    x: (v) = 3\n    (y): int\n    z.w: int = 1\n"
    "with (a as b, c() as [d, e]): pass\n",
]
NAMES = ["None", "True", "False", "_", "x", "__x", "__debug__", "super", "__class__", "a.b",
         "", "*", "\xe9", "\ufb01"]
ODD_VALUES = [None, True, False, ..., 1, -1, 2**70, 1.5, -0.0, 1j, b"x", "s", "", [], {},
              (1, (2, "x")), (1, [2]), frozenset({1, 2}), frozenset({(1, (None,))}), int,
              ((),), "None", "_", 10**5, "x" * 30, (0.0, -0.0), "%s %r", "%5.2f%%"]
PARTS = (ast.arg, ast.keyword, ast.alias, ast.withitem, ast.comprehension, ast.match_case)
POSITIONS = ["lineno", "col_offset", "end_lineno", "end_col_offset"]
OPERATORS = {kind: kind.__subclasses__() for kind in (ast.operator, ast.unaryop, ast.cmpop)}


def mutable_nodes(tree):
    """All nodes but those in which CPython goes on after an error, see Python/validate.c."""
    excluded = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.MatchMapping):
            excluded.update(id(inner) for key in node.keys for inner in ast.walk(key))
            excluded.add(id(node))
        if isinstance(node, ast.MatchClass):
            excluded.update(id(inner) for inner in ast.walk(node.cls))
            excluded.add(id(node))
    return [node for node in ast.walk(tree) if id(node) not in excluded]


def mutate_list(items, expressions, choose):
    """Leave out, repeat, replace."""
    what = choose.random()
    if what < 0.3:
        items.clear()
    elif what < 0.5:
        items[:] = items[:-1]
    elif not items:
        return
    elif what < 0.7:
        items.append(items[0])
    elif isinstance(items[0], ast.expr):
        items[choose.randrange(len(items))] = choose.choice([*expressions, None])
    elif isinstance(items[0], ast.stmt):
        items[choose.randrange(len(items))] = None


def mutate_field(node, expressions, choose):
    field = choose.choice(node._fields)
    value = getattr(node, field, None)
    if isinstance(value, list):
        mutate_list(value, expressions, choose)
    elif isinstance(value, ast.expr):
        # A target that is no name crashes CPython.
        if not isinstance(node, ast.NamedExpr):
            odd = ast.copy_location(ast.Constant(choose.choice(ODD_VALUES)), value)
            # Missing in a part that is no node of its own: see Python/validate.c.
            missing = odd if isinstance(node, PARTS) else None
            setattr(node, field, choose.choice([*choose.choices(expressions, k=3), missing, odd]))
    elif isinstance(value, tuple(OPERATORS)):
        kinds = next(kinds for kind, kinds in OPERATORS.items() if isinstance(value, kind))
        setattr(node, field, choose.choice(kinds)())
    elif isinstance(value, str) or field in ("name", "rest", "asname", "module"):
        setattr(node, field, choose.choice(NAMES))
    elif isinstance(value, int):
        setattr(node, field, choose.choice([-1, 0, 1, 2, 114]))


def mutated_tree(seed):
    """A tree that obeys the grammar but for one to three places; the same for the same seed."""
    choose = random.Random(seed)
    tree = ast.parse(choose.choice(SNIPPETS))
    nodes = mutable_nodes(tree)
    expressions = [node for node in nodes if isinstance(node, ast.expr)]
    for _ in range(choose.choice([1, 1, 1, 2, 3])):
        node = choose.choice(nodes)
        what = choose.random()
        if hasattr(node, "ctx") and what < 0.25:
            node.ctx = choose.choice([ast.Load, ast.Store, ast.Del])()
        elif hasattr(node, "lineno") and what < 0.35:
            setattr(node, choose.choice(POSITIONS), choose.choice([-1, 0, 1, 2, 5, -5, 100]))
        elif isinstance(node, ast.Constant):
            node.value = choose.choice(ODD_VALUES)
        elif node._fields:
            mutate_field(node, expressions, choose)
    options = {"flags": choose.choice([0, 0, 0, ANNOTATIONS]),
               "optimize": choose.choice([-1, 0, 1, 2])}
    return tree, options


def compile_mutated(seed):
    tree, options = mutated_tree(seed)
    return compile_all([tree], **options)[0]


def _answer_in_child(seeds):
    """The answers for the seeds up to the first one that crashes the child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with open(writer, "w", buffering=1) as file:
            for seed in seeds:
                file.write(json.dumps(compile_mutated(seed)) + "\n")
        os._exit(0)
    os.close(writer)
    with open(reader) as file:
        answers = [json.loads(line) for line in file]
    os.waitpid(child, 0)
    return answers


def compile_mutations(first, count):
    """What compile() makes of that many mutated trees; "crash" if it kills the interpreter."""
    answers = []
    while len(answers) < count:
        remaining = range(first + len(answers), first + count)[:200]
        batch = _answer_in_child(remaining)
        answers += batch
        if len(batch) < len(remaining):
            answers.append("crash")
    return answers


# --- Asking ---

def ask_here(question, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return json.loads(json.dumps(globals()[question](*arguments)))


def ask_in(executable, question, *arguments):
    """Ask an interpreter of its own, with a fixed order of sets."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PYTHON")}
    process = subprocess.run(
        [executable, "-B", "-W", "ignore", __file__], env={**environment, "PYTHONHASHSEED": "0"},
        input=json.dumps([question, *arguments]), capture_output=True, text=True, timeout=600)
    if process.returncode:
        raise RuntimeError(process.stderr)
    return json.loads(process.stdout)


def ask_both(question, *arguments):
    """The answers of the interpreter under test and of CPython."""
    return (ask_in(sys.executable, question, *arguments),
            ask_in(STOCK, question, *arguments))


if __name__ == "__main__":
    json.dump(ask_here(*json.load(sys.stdin)), sys.stdout)
