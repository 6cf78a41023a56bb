"""Folding: what is computed at compile time and what is left alone."""

import ast
import itertools
import unittest

import frontend_support as support
from stage_modules import _frontend


def folded(source, mode="eval", flags=0):
    return _frontend.fold(source, "<test>", mode, flags)


def dump(tree):
    return ast.dump(tree, include_attributes=False)


class RulesTest(unittest.TestCase):

    def check_constant(self, source, value):
        body = folded(source).body
        self.assertIsInstance(body, ast.Constant, source)
        self.assertEqual((type(body.value), repr(body.value)), (type(value), repr(value)), source)

    def check_same(self, *sources):
        for source in sources:
            with self.subTest(source):
                self.assertEqual(dump(folded(source)), dump(ast.parse(source, mode="eval")))

    def check_becomes(self, source, result, mode="eval", flags=0):
        with self.subTest(source):
            self.assertEqual(dump(folded(source, mode, flags)), dump(ast.parse(result, mode=mode)))

    def test_operations(self):
        for source, value in [
            ("1 + 2 * 3", 7), ("7 // 2", 3), ("7 / 2", 3.5), ("-7 % 3", 2), ("2 ** 10", 1024),
            ("1 << 4", 16), ("0xF0 >> 4", 15), ("6 & 3", 2), ("6 | 3", 7), ("6 ^ 3", 5),
            ("-1", -1), ("+1", 1), ("~1", -2), ("not 1", False), ("not ''", True),
            ("'a' + 'b'", "ab"), ("b'a' * 3", b"aaa"), ("-0.0", -0.0), ("1 + 2j", 1 + 2j),
            ("(1, 2) + (3,)", (1, 2, 3)), ("(1, (2, 'x'))", (1, (2, "x"))), ("'abc'[1]", "b"),
            ("(1, 2)[-1]", 2), ("-(-True)", 1),
        ]:
            with self.subTest(source):
                self.check_constant(source, value)

    def test_errors_are_left_to_run_time(self):
        self.check_same("1 / 0", "'a' - 1", "'abc'[5]", "'abc'['x']", "~1.5", "-'a'",
                        "1 % 0", "'%d' % 'x'", "{} + {}")

    def test_limits(self):
        self.check_constant("2 ** 64", 2 ** 64)
        self.check_constant("'x' * 4096", "x" * 4096)
        self.check_constant("(1,) * 256", (1,) * 256)
        self.check_constant("1 << 127", 1 << 127)
        self.check_same("1 << 128", "'x' * 4097", "4097 * 'x'", "3 ** 1000000000")
        self.assertIsInstance(folded("(1,) * 257").body, ast.BinOp)
        tree = folded("((1,) * 20, (2,) * 20) * 100").body
        self.assertIsInstance(tree, ast.BinOp)
        self.assertIsInstance(tree.left, ast.Constant)

    def test_no_formatting_of_constants(self):
        self.assertIsInstance(folded("'%s' % 1").body, ast.BinOp)
        self.assertIsInstance(folded("'%s' % (1,)").body, ast.BinOp)
        self.assertIsInstance(folded("b'%s' % (x,)").body, ast.BinOp)

    def test_negated_comparisons(self):
        self.check_becomes("not a is b", "a is not b")
        self.check_becomes("not a is not b", "a is b")
        self.check_becomes("not a in b", "a not in b")
        self.check_becomes("not a not in b", "a in b")
        self.check_same("not a == b", "not a < b", "not a in b in c")

    def test_displays_that_are_looked_at(self):
        self.assertEqual(folded("a in [1, 2]").body.comparators[0].value, (1, 2))
        self.assertEqual(folded("a in {1, 2}").body.comparators[0].value, frozenset({1, 2}))
        self.assertEqual(folded("[x for x in {1}]").body.generators[0].iter.value, frozenset({1}))
        self.check_becomes("a in [b, 1]", "a in (b, 1)")
        self.check_same("a in {b, 1}", "a in [*b]", "a == [1]", "f([1, 2])")

    def test_for(self):
        self.check_becomes("for x in [a, b]: pass", "for x in (a, b): pass", "exec")
        source = "async def f():\n async for x in [a]: pass"
        self.check_becomes(source, source, "exec")

    def test_debug(self):
        self.check_constant("__debug__", True)
        self.assertEqual(compile("__debug__", "", "eval", optimize=1).co_consts, (False,))

    def test_formats(self):
        for source, result in [
            ("'%s' % (a,)", "f'{a!s}'"), ("'<%r|%a>' % (a, b)", "f'<{a!r}|{b!a}>'"),
            ("'100%% %s' % (a,)", "f'100% {a!s}'"),
        ]:
            self.check_becomes(source, result)
        for conversion, specification in [
            ("%5s", ">5"), ("%-5s", "5"), ("%.3s", ".3"), ("%-10.3r", "10.3"), ("%.s", ".0"),
            ("%+ #05s", ">5"),
        ]:
            value, = folded(f"'{conversion}' % (a,)").body.values
            self.assertEqual(value.format_spec.value, specification)

    def test_formats_that_stay(self):
        self.check_same("'%d' % (a,)", "'%s %s' % (a,)", "'%s' % (a, b)", "'%(k)s' % (a,)",
                        "'%*s' % (a, b)", "'%s' % (*a,)", "'%s' % a", "'%' % (a,)",
                        "'%100s' % (a,)", "'%.100s' % (a,)", "'%ls' % (a,)", "'%i%s' % (a, b)")

    def test_no_docstring_is_made(self):
        for source in "'a' + 'b'", "def f(): 'a' + 'b'", "class C: 'a' + 'b'":
            body = folded(source, "exec").body[0]
            statement = body.body[0] if hasattr(body, "body") else body
            self.assertIsInstance(statement.value, ast.JoinedStr)
        self.assertIsInstance(folded("'a' + 'b'", "single").body[0].value, ast.Constant)
        self.assertIsInstance(folded("1; 'a' + 'b'", "exec").body[1].value, ast.Constant)

    def test_annotations(self):
        source = "def f(a: 1 + 1, *b: 1 + 1) -> 1 + 1: x: 1 + 1 = 1 + 1"
        self.check_becomes(source, source.replace("1 + 1", "2"), "exec")
        self.check_becomes(source, source.replace("= 1 + 1", "= 2"), "exec", support.ANNOTATIONS)

    def test_targets_stay(self):
        statement = folded("(a, b) = (1, 2)", "exec").body[0]
        self.assertIsInstance(statement.targets[0], ast.Tuple)
        self.assertIsInstance(statement.value, ast.Constant)
        self.assertIsInstance(folded("del (a, 'b'[0])[0], c", "exec").body[0].targets[0],
                              ast.Subscript)

    def test_patterns(self):
        case = folded("match x:\n case -1 | 1 + 2j: pass", "exec").body[0].cases[0]
        self.assertEqual([value.value.value for value in case.pattern.patterns], [-1, 1 + 2j])


OPERANDS = ["0", "1", "-1", "True", "None", "...", "127", "129", "256", "257", "4096", "4097",
            "2**31", "10**19", "1.5", "0.0", "2j", "'a'", "'ab'*3", "b'x'", "()", "(1, 2, 3)",
            "((1, 2), (3,))", "1<<64", "1<<127", "2**64-1", "(1,)*100", "x", "[1, 2]", "{1, 2}"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "^", "|", "@", "in", "is not"]
FORMATS = ["%", "s", "r", "a", "d", "-", "+", "0", "5", "12", "345", ".", "(k)", "%%", "*", "\xe9",
           "\U0001F600", "{", "\n", "x", "l"]


class SameAsCPythonTest(unittest.TestCase):

    def check(self, sources):
        ours, stock = support.ask_both("compile_all", sources, "eval")
        for source, answer, expected in zip(sources, ours, stock, strict=True):
            self.assertEqual(answer, expected, source)

    def test_operators(self):
        self.check([f"({left}) {operator} ({right})" for left, operator, right
                    in itertools.product(OPERANDS, OPERATORS, OPERANDS)])
        self.check([f"{operator}({operand})" for operator, operand
                    in itertools.product(["not ", "-", "+", "~"], OPERANDS)])
        self.check([f"({value})[{index}]" for value, index
                    in itertools.product(OPERANDS, [*OPERANDS, "1:2", "::"])])

    def test_formats(self):
        for count in 0, 1, 2, 3:
            self.check([f"{'a%' + ''.join(parts)!r} % ({arguments})"
                        for parts in itertools.product(FORMATS, repeat=count)
                        for arguments in ("a,", "a, b")])


if __name__ == "__main__":
    unittest.main()
