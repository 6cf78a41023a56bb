"""Unparsing: the text of annotations that are kept as text."""

import ast
import os
import unittest

import frontend_support as support
from stage_modules import _frontend

EXPRESSIONS = [
    "1j", "1e400", "-1e400", "1e400j", "()", "(1,)", "(1, 2)", "x[a, b]", "x[(a, b):c]",
    "x[a:b:c, ...]", "x[:]", "x[::]", "x[*a]", "(lambda: 1)()", "lambda: (yield)",
    "lambda a, b=1, /, c=2, *d, e, f=3, **g: a", "lambda *, a: a", "lambda **k: k",
    "lambda a, /: a", "lambda *a: a", "lambda a, /, b: a", "1 .x", "1.0.x", "(-1).x", "True.x",
    "'a'.b", "u'a'", "f'{a}'", "f'{a!r:>{b}}'", "f'{ {1}}'", "f'{{}}'", "f'{(lambda: 1)}'",
    "f'{a:{{}}}'", "f'{a if b else c}'", "f'{a,}'", "f'{(x:=1)}'", "f'{a:b{c:d}}'",
    "not a == b", "not (a and b)", "(not a) == b", "-(-a)", "-a**b", "(-a)**b", "a**-b",
    "a**b**c", "(a**b)**c", "a-b-c", "a-(b-c)", "a if b else c if d else e",
    "(a if b else c) if d else e", "a if (b if c else d) else e", "[*a, *b]", "{**a, **b | c}",
    "{**(a or b)}", "{*a}", "f(*a, **b)", "f(*(a or b))", "f(x for x in y)",
    "f((x for x in y), z)", "[x for x in (a if b else c)]", "[x for x, in y if (lambda: 1)]",
    "{a: b for a, b in c}", "{a for a in b for c in d}", "(x := 1)", "f(x := 1)", "f(a=(x := 1))",
    "x[(y := 1)]", "a < b < c", "(a < b) < c", "a and (b or c)", "(a and b) or c",
    "a or (b or c)", "(yield)", "(yield a)", "(yield from a)", "~a", "+a", "(await a)**b",
    "await (a**b)", "await (await a)", "[i async for i in a]", "'a' 'b'", "'\xe9\\n'", "b'x'",
    "None", "...", "0xff", "a@b", "-1", "{}", "{1: 2}", "[]", "a.b.c(d)[e].f", "f(a, b=c, *d)",
    "lambda x: lambda y: z", "(lambda: 1) if a else b", "a if b else lambda: 1", "(a, b)[0]",
    "a is not b", "a not in b", "a|b^c&d<<e+f*g", "((((((a|b)^c)&d)<<e)+f)*g)**h", "a//b%c/d",
]


def unparse(tree):
    return _frontend.unparse(tree, "<test>", "eval")


class RulesTest(unittest.TestCase):

    def test_round_trip(self):
        for source in EXPRESSIONS:
            with self.subTest(source):
                tree = ast.parse(source, mode="eval")
                again = ast.parse(unparse(tree), mode="eval")
                self.assertEqual(ast.dump(again), ast.dump(tree))

    def test_fewest_parentheses(self):
        for source in ["a + b * c", "(a + b) * c", "a ** b ** c", "(a ** b) ** c", "-a ** (-b)",
                       "not a == b", "a if b else c", "lambda: a", "a and b or c", "f(a, *b)",
                       "[a, b]", "(a, b)", "x[a, b]", "x[a:b]", "{**a}", "a < b <= c"]:
            self.assertEqual(unparse(source), source)

    def test_spellings(self):
        for source, text in [("1 .x", "1 .x"), ("1e400", "1e309"), ("...", "..."), ("'a'", "'a'"),
                             ("f'{ {1} }'", "f'{ {1}}'"), ("lambda:0", "lambda: 0"),
                             ("(yield)", "(yield)"), ("f'{a!r:>{b}}'", "f'{a!r:>{b}}'")]:
            self.assertEqual(unparse(source), text)

    def test_impossible_nodes(self):
        for node, message in [
            (ast.JoinedStr([ast.Name("x", ast.Load())]), "unknown expression kind inside f-string"),
            (ast.JoinedStr([ast.FormattedValue(ast.Constant(1), 5, None)]),
             "unknown f-value conversion kind"),
        ]:
            tree = ast.fix_missing_locations(ast.Expression(node))
            with self.assertRaisesRegex(SystemError, message):
                unparse(tree)


class SameAsCPythonTest(unittest.TestCase):

    def check(self, sources):
        ours, stock = support.ask_both("compile_all", sources, "exec", support.ANNOTATIONS)
        for source, answer, expected in zip(sources, ours, stock, strict=True):
            self.assertEqual(answer, expected, source)

    def test_expressions(self):
        self.check([f"x: {source}\ndef f(a: {source}, *b: {source}) -> {source}: pass\n"
                    for source in EXPRESSIONS])

    def test_standard_library(self):
        """Every expression of some modules, as an annotation."""
        folder = os.path.dirname(os.__file__)
        sources = []
        for name in "argparse.py", "dataclasses.py", "enum.py", "typing.py", "_pydecimal.py":
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                source = file.read()
            sources += [f"x: ({ast.unparse(node)})\n" for node in ast.walk(ast.parse(source))
                        if isinstance(node, (ast.Call, ast.BinOp, ast.BoolOp, ast.Compare))]
        self.assertGreater(len(sources), 4000)
        self.check(sources)


if __name__ == "__main__":
    unittest.main()
