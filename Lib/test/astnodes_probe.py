"""What an interpreter does with syntax trees as objects, one line for each thing.

Run with two interpreters, as a script with the name of a probe and its
arguments, it prints the same lines or the interpreters differ.
"""

import _ast
import ast
import copy
import glob
import hashlib
import marshal
import pickle
import random
import re
import sys
import warnings

SOURCES = ('''
def f(a, /, b: int=1, *c, d=2, **e) -> int:  # type: (...) -> int
    """doc"""
    global g, h
    return a + b * -c or d
async def g():
    async for i in x: pass
    else: pass
    async with a as b, c: await d
    return [x async for x in y if z]
x = []  # type: ignore[tag]
''', '''
@dec
class A(B, metaclass=C):
    x: int = 5
    y: str
    def m(self):
        nonlocal n
        yield; yield 3; yield from z
    del a, b[1:2:3], c.d
    a = b = c
    a += 1
for i in range(10): break
else: f()
while 1: continue
if a: pass
elif b: pass
else: pass
with open(x) as f, y: pass
raise X from Y
''', '''
match x:
    case 1 | -2 | "a": pass
    case None | True: pass
    case [a, *rest]: pass
    case {"k": v, **kw}: pass
    case P(1, a=2, b=c) if a > 1: pass
    case _ as z: pass
try: pass
except E as e: pass
except: pass
else: pass
finally: pass
try: pass
except* E: pass
assert a, b
import a.b as c, d
from . import x
from .m import (y as z, w)
''', '''
lambda *a, k=1, **kw: (yield)
(a := b)
{1: 2, **d}; {1, 2}; [1, *b]; (a, b)
{k: v for k, v in x}; {a for a in b}; (a for a in b for c in d if e if f)
f"{a!r:>{w}} {b}"
a < b <= c != d is not e not in f
f(a, *b, c=1, **d)
x if y else z
not a; ~b; +c; -d; a @ b // c ** d << e >> f | g ^ h & i % j
u"k"; b"c"; 1j; 1.5; ...; 10000000000000000000000
a[1, 2:3, ...]
''')


def neutral(text):
    """Return text without addresses."""
    return re.sub("0x[0-9a-f]+", "0x", text)


def outcome(function, *arguments):
    """Return what a call gives, or the exception that it raises."""
    try:
        return neutral(repr(function(*arguments)))
    except Exception as error:
        return neutral(f"{type(error).__name__}: {error}")


def digest(data):
    return hashlib.md5(data).hexdigest()


def content(value, lines):
    """Append all that a tree holds, in the order of the instances' dictionaries."""
    if isinstance(value, ast.AST):
        lines.append(type(value).__name__)
        for name, attribute in vars(value).items():
            lines.append(name)
            content(attribute, lines)
    elif type(value) is list:
        lines.append(f"{len(value)} items")
        for item in value:
            content(item, lines)
    else:
        lines.append(f"{type(value).__name__} {value!r}")


def tree_digest(tree):
    lines = []
    content(tree, lines)
    return digest("\0".join(lines).encode("utf-8", "surrogatepass"))


def code_digest(tree):
    return digest(marshal.dumps(compile(tree, "<tree>", "exec", dont_inherit=True)))


def probe_classes():
    """Classes and all that is in them; of __sizeof__, which stock does not need, the result."""
    for name, value in vars(_ast).items():
        if name == "is_async":      # which stock has not
            continue
        if not isinstance(value, type) or not issubclass(value, ast.AST):
            print(name, value if isinstance(value, int) else "")
            continue
        print(name, value.__mro__, value.__qualname__, sys.getsizeof(value()))
        for attribute, content_ in vars(value).items():
            if not isinstance(content_, property) and attribute != "__sizeof__":
                print("   ", attribute, neutral(repr(content_)))


def probe_constructors():
    classes = [value for value in vars(_ast).values()
               if isinstance(value, type) and issubclass(value, ast.AST)]
    for each in classes:
        for count in range(len(each._fields) + 2):
            print(each.__name__, count, outcome(lambda: vars(each(*range(count)))))
        names = dict.fromkeys((*each._fields, *each._attributes, "else"), 1)
        print(each.__name__, outcome(lambda: vars(each(**names))))
        print(each.__name__, outcome(lambda: vars(each(1, **names))))
        print(each.__name__, outcome(lambda: each().__reduce__()))
        print(each.__name__, outcome(lambda: each(**names).__reduce__()))

    class Listed(ast.AST):
        _fields = ["a", "b"]

    class Unsized(ast.AST):
        _fields = 3

    class Numbered(ast.AST):
        _fields = (1, 2)

    class Refusing(ast.Name):
        def __setattr__(self, name, value):
            raise LookupError(name)

    for each in (Listed, Unsized, Numbered, Refusing):
        for arguments, keywords in (((), {}), ((1,), {}), ((1, 2, 3), {}),
                                    ((1,), {"a": 2}), ((), {"b": 1, "c": 2}),
                                    ((1,), {"b": 1})):
            print(each.__name__, outcome(lambda: vars(each(*arguments, **keywords))))


def probe_files(step, start):
    """Trees and their code objects, for every step-th module of the standard library."""
    names = sorted(glob.glob(f"{sys.prefix}/lib/python3.11/**/*.py", recursive=True)
                   or glob.glob("/usr/lib/python3.11/**/*.py", recursive=True))
    for name in names[int(start)::int(step)]:
        with open(name, "rb") as file:
            source = file.read()
        for type_comments in (False, True):
            try:
                tree = ast.parse(source, name, type_comments=type_comments)
            except SyntaxError as error:
                print(name, error)
                continue
            print(name, tree_digest(tree), outcome(code_digest, tree))


def probe_sources():
    for source in SOURCES:
        tree = ast.parse(source, type_comments=True)
        for each in (tree, copy.deepcopy(tree), pickle.loads(pickle.dumps(tree))):
            print(tree_digest(each), outcome(code_digest, each))
            print(digest(ast.dump(each, include_attributes=True).encode()))
            for node in ast.walk(each):
                print(type(node).__name__, list(vars(node)))


def first_failing(function, high):
    """Return the first number from 1 for which function raises RecursionError, and its text."""
    low, text = 1, None
    while low < high:
        middle = (low + high) // 2
        try:
            function(middle)
        except RecursionError as error:
            high, text = middle, str(error)
        else:
            low = middle + 1
    return low, text


def nested_expression(depth):
    node = ast.Name("x", ast.Load(), lineno=1, col_offset=1)
    for _ in range(depth):
        node = ast.UnaryOp(ast.Not(), node, lineno=1, col_offset=1)
    return ast.Expression(node)


def nested_statement(depth):
    node = ast.Pass(lineno=1, col_offset=1)
    for _ in range(depth):
        node = ast.FunctionDef("f", ast.arguments([], [], None, [], [], None, []), [node], [],
                               lineno=1, col_offset=1)
    return ast.Module([node], [])


def nested_pattern(depth):
    node = ast.MatchAs(lineno=1, col_offset=1, end_lineno=1, end_col_offset=1)
    for _ in range(depth):
        node = ast.MatchSequence([node], lineno=1, col_offset=1, end_lineno=1, end_col_offset=1)
    position = {"lineno": 1, "col_offset": 1}
    case = ast.match_case(node, None, [ast.Pass(**position)])
    return ast.Module([ast.Match(ast.Constant(1, **position), [case], **position)], [])


def probe_recursion():
    for limit in (30, 80, 200):
        sys.setrecursionlimit(limit)
        for make, mode in ((nested_expression, "eval"), (nested_statement, "exec"),
                           (nested_pattern, "exec")):
            print(limit, first_failing(lambda depth: compile(make(depth), "", mode), limit * 2))
        print(limit, first_failing(lambda depth: ast.parse("-" * depth + "x"), limit * 4))
        print(limit, first_failing(lambda depth: ast.parse("[" * depth + "]" * depth), 90))
        print(limit, first_failing(
            lambda depth: ast.parse("".join(f"{' ' * i}if x:\n" for i in range(depth))
                                    + " " * depth + "pass"), 90))


class Text(str):
    pass


class Number(int):
    pass


class Items(list):
    pass


class Lookalike:
    """Has a node's attributes and is none."""


class SubName(ast.Name):
    pass


class TwoKinds(ast.Name, ast.Constant):
    pass


class NoKind(ast.expr):
    pass


class Computed(ast.Name):
    def __getattr__(self, name):
        if name == "ctx":
            return ast.Load()
        raise AttributeError(name)


class Raising(ast.Name):
    @property
    def id(self):
        raise KeyError("id")

    @id.setter
    def id(self, value):
        pass


class Emptying(ast.Name):
    """Changes a list while the tree is read."""

    @property
    def ctx(self):
        for items in self.lists:
            items.append(None)
        return ast.Load()

    @ctx.setter
    def ctx(self, value):
        pass


def some_value(chooser, nodes):
    position = {"lineno": 1, "col_offset": 0}
    return chooser.choice((
        lambda: None,
        lambda: chooser.randrange(-3, 400),
        lambda: 1 << 40,
        lambda: "name",
        lambda: b"bytes",
        lambda: 1.5,
        lambda: (1, 2),
        lambda: True,
        lambda: [],
        lambda: [None],
        lambda: [1, "x"],
        lambda: [chooser.choice(nodes)],
        lambda: chooser.choice(nodes),
        lambda: type(chooser.choice(nodes)),
        lambda: Text("s"),
        lambda: Number(7),
        lambda: Items([1]),
        lambda: ast.Add(),
        lambda: ast.Load(),
        lambda: ast.expr(),
        lambda: NoKind(**position),
        lambda: SubName("q", ast.Load(), **position),
        lambda: TwoKinds("q", ast.Load(), value=3, **position),
        lambda: Computed("q", **position),
        lambda: Raising("q", ast.Load(), **position),
        lambda: Emptying("q", **position, lists=[
            value for node in nodes for value in vars(node).values() if type(value) is list]),
    ))()


def nodes_of(tree):
    """Return what is in a tree, cycles or not, without the instances that all trees share."""
    seen, nodes, waiting = set(), [], [tree]
    for value in waiting:
        if id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, list):
                waiting.extend(value)
            elif isinstance(value, (ast.AST, Lookalike)):
                waiting.extend(vars(value).values())
                if isinstance(value, Lookalike) or value._fields or value._attributes:
                    nodes.append(value)
    return nodes


def mutate(chooser, tree):
    nodes = nodes_of(tree)
    node = chooser.choice([each for each in nodes if isinstance(each, ast.AST)])
    names = node._fields + node._attributes
    action = chooser.randrange(14)
    if action < 3:
        vars(node).pop(chooser.choice(names), None)
    elif action < 8:
        setattr(node, chooser.choice(names), some_value(chooser, nodes))
    elif action < 10:
        lists = [value for each in nodes for value in vars(each).values() if type(value) is list]
        items = chooser.choice(lists)
        if items and chooser.randrange(2):
            items[chooser.randrange(len(items))] = some_value(chooser, nodes)
        else:
            items.append(some_value(chooser, nodes))
    elif action == 10:
        try:
            node.__class__ = type(chooser.choice(nodes))
        except TypeError:
            pass
    elif action == 11:
        for each in nodes:
            vars(each)
    elif action == 12:
        node.__dict__ = dict(reversed(vars(node).items()))
    else:
        lookalike = Lookalike()
        vars(lookalike).update(vars(node))
        for each in nodes:
            for name, value in vars(each).items():
                if value is node:
                    setattr(each, name, lookalike)


# What a product cannot be without: stock goes on with what it could not make, and may crash.
NEEDED = {ast.arg: ("arg",), ast.keyword: ("value",), ast.alias: ("name",),
          ast.withitem: ("context_expr",), ast.comprehension: ("target", "iter"),
          ast.match_case: ("pattern",)}


def crashes_stock(tree):
    """Tell whether a None stands where stock's compiler, or its reading of products, looks through it."""
    for node in nodes_of(tree):
        needed = NEEDED.get(type(node), ())
        if isinstance(node, Lookalike):
            needed = sum(NEEDED.values(), ())
        for name, value in vars(node).items():
            if value is None and name in needed:
                return True
            if (isinstance(value, list) and name not in ("keys", "kw_defaults")
                    and any(item is None for item in value)):
                return True
    return False


def probe_mutations(low, high):
    """Trees spoilt by chance, handed to compile."""
    for seed in range(int(low), int(high)):
        chooser = random.Random(seed)
        tree = ast.parse(SOURCES[seed % len(SOURCES)], type_comments=True)
        if seed % 5 == 0:
            tree = copy.deepcopy(tree)
        elif seed % 5 == 1:
            tree = pickle.loads(pickle.dumps(tree))
        for _ in range(chooser.choice((1, 1, 1, 2, 4))):
            mutate(chooser, tree)
        if crashes_stock(tree):
            print(seed, "left out")
            continue
        sys.setrecursionlimit(120)
        result = outcome(code_digest, tree)
        sys.setrecursionlimit(1000)
        print(seed, result)


def probe_memory(name):
    """The most that a tree takes while it is made."""
    import tracemalloc
    with open(name, "rb") as file:
        source = file.read()
    ast.parse(source)
    tracemalloc.start()
    tree = ast.parse(source)
    print(*tracemalloc.get_traced_memory())
    del tree


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    globals()[f"probe_{sys.argv[1]}"](*sys.argv[2:])
