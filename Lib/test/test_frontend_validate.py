"""Validation of trees that a program made: the rules, and the same exceptions as CPython."""

import ast
import sys
import unittest

import frontend_support as support
from stage_modules import _frontend


def located(node):
    return ast.fix_missing_locations(node)


def expression(node):
    return located(ast.Expression(node))


def module(*statements):
    return located(ast.Module(list(statements), []))


def name(identifier="x", context=ast.Load):
    return ast.Name(identifier, context())


def arguments(**fields):
    return ast.arguments(**{"posonlyargs": [], "args": [], "kwonlyargs": [], "kw_defaults": [],
                            "defaults": [], **fields})


def match(pattern):
    return module(ast.Match(name(), [ast.match_case(pattern, None, [ast.Pass()])]))


class RulesTest(unittest.TestCase):

    def check(self, tree, message, error=ValueError):
        mode = "eval" if isinstance(tree, ast.Expression) else "exec"
        with self.assertRaises(error) as caught:
            _frontend.validate(tree, "<test>", mode)
        self.assertEqual(str(caught.exception), message)

    def test_valid(self):
        for source in support.SNIPPETS:
            self.assertIsNone(_frontend.validate(ast.parse(source), "<test>"))

    def test_expressions(self):
        one = ast.Constant(1)
        for node, message in [
            (ast.BoolOp(ast.And(), [one]), "BoolOp with less than 2 values"),
            (ast.Dict([one], []), "Dict doesn't have the same number of keys as values"),
            (ast.Dict([], [one]), "Dict doesn't have the same number of keys as values"),
            (ast.Compare(one, [], []), "Compare with no comparators"),
            (ast.Compare(one, [ast.Lt()], [one, one]),
             "Compare has a different number of comparators and operands"),
            (ast.ListComp(one, []), "comprehension with no generators"),
            (ast.DictComp(one, one, []), "comprehension with no generators"),
            (ast.List([None], ast.Load()), "None disallowed in expression list"),
            (ast.Call(name(), [None], []), "None disallowed in expression list"),
            (name(context=ast.Store), "expression must have Load context but has Store instead"),
            (ast.Attribute(name(context=ast.Del), "a", ast.Load()),
             "expression must have Load context but has Del instead"),
            (name("None"), "identifier field can't represent 'None' constant"),
            (name("False"), "identifier field can't represent 'False' constant"),
            (ast.Lambda(arguments(defaults=[one]), one),
             "more positional defaults than args on arguments"),
            (ast.Lambda(arguments(kw_defaults=[one]), one),
             "length of kwonlyargs is not the same as kw_defaults on arguments"),
        ]:
            with self.subTest(ast.dump(node)):
                self.check(expression(node), message)

    def test_constants(self):
        for value in (1, "s", b"s", 1.5, 2j, None, True, ..., (), (1, (2,)), frozenset({(1,)})):
            self.assertIsNone(_frontend.validate(expression(ast.Constant(value)), "<test>", "eval"))
        for value, kind in ([], "list"), ((1, [2]), "list"), (int, "type"), ({}, "dict"):
            self.check(expression(ast.Constant(value)), f"got an invalid type in Constant: {kind}",
                       TypeError)

    def test_statements(self):
        one, nothing = ast.Constant(1), ast.Pass()
        handler = ast.ExceptHandler(None, None, [])
        for node, message in [
            (ast.FunctionDef("f", arguments(), [], []), "empty body on FunctionDef"),
            (ast.AsyncFunctionDef("f", arguments(), [], []), "empty body on AsyncFunctionDef"),
            (ast.ClassDef("C", [], [], [], []), "empty body on ClassDef"),
            (ast.Delete([]), "empty targets on Delete"),
            (ast.Assign([], one), "empty targets on Assign"),
            (ast.Assign([one], one), "expression which can't be assigned to in Store context"),
            (ast.Delete([one]), "expression which can't be assigned to in Del context"),
            (ast.For(name(context=ast.Store), one, [], []), "empty body on For"),
            (ast.AsyncFor(name(context=ast.Store), one, [], []), "empty body on AsyncFor"),
            (ast.While(one, [], []), "empty body on While"),
            (ast.If(one, [], []), "empty body on If"),
            (ast.With([], [nothing]), "empty items on With"),
            (ast.AsyncWith([ast.withitem(one)], []), "empty body on AsyncWith"),
            (ast.Match(one, []), "empty cases on Match"),
            (ast.Raise(None, one), "Raise with cause but no exception"),
            (ast.Try([], [], [], []), "empty body on Try"),
            (ast.Try([nothing], [], [], []), "Try has neither except handlers nor finalbody"),
            (ast.TryStar([nothing], [], [], []),
             "TryStar has neither except handlers nor finalbody"),
            (ast.Try([nothing], [], [nothing], [nothing]), "Try has orelse but no except handlers"),
            (ast.Try([nothing], [handler], [], []), "empty body on ExceptHandler"),
            (ast.Import([]), "empty names on Import"),
            (ast.ImportFrom("m", [], 0), "empty names on ImportFrom"),
            (ast.ImportFrom("m", [ast.alias("n")], -1), "Negative ImportFrom level"),
            (ast.Global([]), "empty names on Global"),
            (ast.Nonlocal([]), "empty names on Nonlocal"),
            (ast.If(one, [None], []), "None disallowed in statement list"),
        ]:
            with self.subTest(ast.dump(node)):
                self.check(module(node), message)

    def test_annotated_assignment(self):
        target = ast.Attribute(name(), "a", ast.Store())
        self.check(module(ast.AnnAssign(target, name(), None, 1)),
                   "AnnAssign with simple non-Name target", TypeError)

    def test_patterns(self):
        value, capture = ast.MatchValue(ast.Constant(1)), ast.MatchAs(None, "x")
        for pattern, message in [
            (ast.MatchValue(ast.Constant(None)), "unexpected constant inside of a literal pattern"),
            (ast.MatchValue(name()), "patterns may only match literals and attribute lookups"),
            (ast.MatchValue(ast.UnaryOp(ast.UAdd(), ast.Constant(1))),
             "patterns may only match literals and attribute lookups"),
            (ast.MatchSingleton(1), "MatchSingleton can only contain True, False and None"),
            (ast.MatchStar("x"), "can't use MatchStar here"),
            (ast.MatchAs(None, "_"), "can't capture name '_' in patterns"),
            (ast.MatchAs(value, None), "MatchAs must specify a target name if a pattern is given"),
            (ast.MatchOr([value]), "MatchOr requires at least 2 patterns"),
            (ast.MatchMapping([], [capture], None),
             "MatchMapping doesn't have the same number of keys as patterns"),
            (ast.MatchClass(name(), [], ["a"], []),
             "MatchClass doesn't have the same number of keyword attributes as patterns"),
        ]:
            with self.subTest(ast.dump(pattern)):
                self.check(match(pattern), message)

    def test_what_crashes_cpython(self):
        self.check(match(ast.MatchSequence([None])), "None disallowed in pattern list")
        self.check(match(ast.MatchMapping([None], [ast.MatchAs()], None)),
                   "None disallowed in expression list")
        self.check(module(ast.Try([ast.Pass()], [None], [], [])), "None disallowed in handler list")
        self.check(module(ast.Global([None])), "None disallowed in identifier list")

    def test_what_cpython_overlooks(self):
        key = ast.UnaryOp(ast.USub(), ast.Constant("a"))
        self.check(match(ast.MatchMapping([key], [ast.MatchAs()], None)),
                   "patterns may only match literals and attribute lookups")
        self.check(match(ast.MatchClass(ast.Constant(1), [], [], [])),
                   "MatchClass cls field can only contain Name or Attribute nodes.")

    def test_positions(self):
        for position, message in [
            ((2, 0, 1, 0), "AST node line range (2, 1) is not valid"),
            ((-1, 0, 1, 0), "AST node column range (0, 0) for line range (-1, 1) is not valid"),
            ((1, -1, 1, 3), "AST node column range (-1, 3) for line range (1, 1) is not valid"),
            ((1, 5, 1, 3), "line 1, column 5-3 is not a valid range"),
        ]:
            line, column, end_line, end_column = position
            node = ast.Name("x", ast.Load(), lineno=line, col_offset=column, end_lineno=end_line,
                            end_col_offset=end_column)
            self.check(ast.Expression(node), message)

    def test_nesting(self):
        node = ast.Constant(1)
        for _ in range(sys.getrecursionlimit() * 4):
            node = ast.UnaryOp(ast.Not(), node, lineno=1, col_offset=0)
        with self.assertRaises(RecursionError):
            _frontend.validate(ast.Expression(node), "<test>", "eval")

    def test_missing_parts(self):
        one = ast.Constant(1)
        for node in [
            ast.With([ast.withitem(None)], [ast.Pass()]),
            ast.Match(one, [ast.match_case(None, None, [ast.Pass()])]),
            ast.Import([ast.alias(None)]),
            ast.Expr(ast.ListComp(one, [ast.comprehension(None, one, [], 0)])),
            ast.Expr(ast.Call(name(), [], [ast.keyword("a", None)])),
            ast.Expr(ast.Lambda(arguments(args=[ast.arg(None)]), one)),
        ]:
            with self.subTest(ast.dump(node)), self.assertRaises(ValueError):
                _frontend.validate(module(node), "<test>")


class MutationsTest(unittest.TestCase):

    COUNT = 6000

    def test_same_as_cpython(self):
        ours, stock = support.ask_both("compile_mutations", 0, self.COUNT)
        self.assertEqual([seed for seed, answer in enumerate(ours) if answer == "crash"], [])
        crashed = stock.count("crash")
        self.assertLess(crashed, self.COUNT // 100, "CPython crashes on too many to compare")
        for seed, (answer, expected) in enumerate(zip(ours, stock, strict=True)):
            if expected != "crash":
                self.assertEqual(answer, expected, f"frontend_support.mutated_tree({seed})")


if __name__ == "__main__":
    unittest.main()
