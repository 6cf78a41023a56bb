"""The tokenizer, by its list of tokens."""

import unittest

from stage_modules import _parser_stage


def kinds(source, **options):
    return [token[0] for token in _parser_stage.tokens(source, **options)]


class TokenizerTest(unittest.TestCase):

    def check(self, source, expected, **options):
        self.assertEqual(" ".join(kinds(source, **options)), expected)

    def check_places(self, source, expected, **options):
        tokens = [token[1:] for token in _parser_stage.tokens(source, **options)]
        self.assertEqual(tokens[:len(expected)], expected)


class LineTest(TokenizerTest):

    def test_empty(self):
        for source in ("", "\n", "  ", "# a comment", "\n\n  # a\n"):
            with self.subTest(source=source):
                self.check(source, "END")

    def test_last_line_without_end(self):
        self.check("x", "NAME NEWLINE END")
        self.check("x", "NAME END", mode="eval")
        self.check("x # c", "NAME NEWLINE END")

    def test_blocks(self):
        self.check("if x:\n  y\nz\n",
                   "if NAME : NEWLINE INDENT NAME NEWLINE DEDENT NAME NEWLINE END")
        self.check("if x:\n  if x:\n    y",
                   "if NAME : NEWLINE INDENT if NAME : NEWLINE INDENT NAME NEWLINE DEDENT DEDENT END")

    def test_blank_lines_do_not_indent(self):
        self.check("if x:\n  y\n\n # c\n\t\n  z\n",
                   "if NAME : NEWLINE INDENT NAME NEWLINE NAME NEWLINE DEDENT END")

    def test_bad_dedent(self):
        self.check("if x:\n  y\n z\n", "if NAME : NEWLINE INDENT NAME NEWLINE ERROR")

    def test_tabs(self):
        self.check("if x:\n\ty\n\tz\n",
                   "if NAME : NEWLINE INDENT NAME NEWLINE NAME NEWLINE DEDENT END")
        self.check("if x:\n\ty\n        z\n", "if NAME : NEWLINE INDENT NAME NEWLINE ERROR")
        self.check("if x:\n        y\n\tz\n", "if NAME : NEWLINE INDENT NAME NEWLINE ERROR")

    def test_form_feed_begins_the_line_anew(self):
        self.check("x\n   \fy\n", "NAME NEWLINE NAME NEWLINE END")

    def test_continuation(self):
        self.check("x = \\\n  1\n", "NAME = NUMBER NEWLINE END")
        self.check("x \\ \n", "NAME ERROR")
        self.check("x \\", "NAME ERROR")
        self.check("x \\\n", "NAME ERROR")

    def test_indentation_of_continued_line_is_the_first(self):
        self.check("if x:\n  y\n  \\\n    z\n",
                   "if NAME : NEWLINE INDENT NAME NEWLINE NAME NEWLINE DEDENT END")
        self.check("if x:\n  y\n\\\n  z\n",
                   "if NAME : NEWLINE INDENT NAME NEWLINE NAME NEWLINE DEDENT END")

    def test_no_line_ends_in_brackets(self):
        self.check("(x,\n # c\n  y)\n", "( NAME , NAME ) NEWLINE END")

    def test_limits(self):
        self.assertEqual(kinds("(" * 200)[-2:], ["(", "ERROR"])
        self.assertEqual(len(kinds("(" * 201)), 201)
        self.assertEqual(kinds("(" * 200 + ")" * 200)[-1], "END")
        deep = "".join(" " * i + "if x:\n" for i in range(100)) + " " * 100 + "x\n"
        self.assertEqual(kinds(deep)[-1], "ERROR")
        deep = "".join(" " * i + "if x:\n" for i in range(99)) + " " * 99 + "x\n"
        self.assertEqual(kinds(deep)[-1], "END")

    def test_brackets_must_match(self):
        for source in (")", "(]", "({)}", "("):
            with self.subTest(source=source):
                self.assertEqual(kinds(source)[-1], "ERROR")

    def test_interactive_statement_ends_itself(self):
        self.check("x", "NAME NEWLINE END", mode="single")
        self.check("if x:\n  y",
                   "if NAME : NEWLINE INDENT NAME NEWLINE DEDENT NEWLINE END", mode="single")
        self.check("", "END", mode="single")


class OperatorTest(TokenizerTest):

    def test_longest_match(self):
        for spelling in ("+ - * ** / // % @ << >> & | ^ ~ := < > <= >= == != <> -> "
                         "+= -= *= /= //= %= @= &= |= ^= >>= <<= **= . ... , : ; =").split():
            with self.subTest(spelling=spelling):
                self.check(spelling, spelling + " NEWLINE END")

    def test_two_dots_are_two(self):
        self.check("..", ". . NEWLINE END")
        self.check("....", "... . NEWLINE END")

    def test_no_operator(self):
        for source in ("$", "?", "!", "`", "\x01"):
            with self.subTest(source=source):
                self.check(source, "ERROR")


class NameTest(TokenizerTest):

    def test_keywords(self):
        import keyword
        for word in keyword.kwlist:
            with self.subTest(word=word):
                self.check(word, word + " NEWLINE END")
                self.check(word + "x", "NAME NEWLINE END")
                self.check(word.swapcase(), "NAME NEWLINE END")

    def test_soft_keywords_are_names(self):
        self.check("match case _", "NAME NAME NAME NEWLINE END")

    def test_beyond_ascii(self):
        self.check_places("é = ü", [("é", 1, 0), ("=", 1, 3), ("ü", 1, 5)])


class NumberTest(TokenizerTest):

    def test_numbers(self):
        for text in ("0", "00", "0_0", "1", "1_0", "0x1F", "0x_1", "0O17", "0b01", "1.", ".5", "1.5",
                     "1e5", "1E+5", "1e-5", "1.e5", ".5e5", "1j", "1.5J", "09.", "09e1", "09j",
                     "1_0.0_1e1_0j", "00.5"):
            with self.subTest(text=text):
                self.check(text, "NUMBER NEWLINE END")
                self.check_places(text, [(text, 1, 0)])

    def test_no_numbers(self):
        for text in ("1_", "1__0", "0x", "0xg", "0_x1", "0b2", "0o8", "1e+", "1_e5", "1._5", "09",
                     "0_9", "012", "1l", "1a", "0b1_", "1e5_", "1jj", "1é"):
            with self.subTest(text=text):
                self.check(text, "ERROR")

    def test_keyword_right_after(self):
        self.check("1if x", "NUMBER if NAME NEWLINE END")
        self.check("0xfor x", "NUMBER or NAME NEWLINE END")
        self.check("1else", "NUMBER else NEWLINE END")
        self.check("1.and", "NUMBER and NEWLINE END")


class StringTest(TokenizerTest):

    def test_prefixes(self):
        for prefix in ("", "r", "b", "u", "f", "br", "Rb", "fr", "rF", "BR", "U"):
            with self.subTest(prefix=prefix):
                self.check(prefix + "'x'", "STRING NEWLINE END")
                self.check(prefix + '"""x"""', "STRING NEWLINE END")

    def test_no_prefix(self):
        for prefix in ("ur", "bu", "fb", "x", "rr"):
            with self.subTest(prefix=prefix):
                self.check(prefix + "'x'", "NAME STRING NEWLINE END")

    def test_quotes(self):
        self.check("'a\\'b'", "STRING NEWLINE END")
        self.check("''", "STRING NEWLINE END")
        self.check("'' ''", "STRING STRING NEWLINE END")
        self.check('"""a"b""c\\""""', "STRING NEWLINE END")

    def test_not_closed(self):
        for source in ("'", "'a\n'", "'\\", '"""', '"""a""', '"""a\\"""', "'a\\"):
            with self.subTest(source=source):
                self.assertEqual(kinds(source)[-1], "ERROR")

    def test_lines(self):
        self.check_places('x = """a\nb""" + y',
                          [("x", 1, 0), ("=", 1, 2), ('"""a\nb"""', 1, 4), ("+", 2, 5), ("y", 2, 7)])
        self.check("'a\\\nb'", "STRING_LINES NEWLINE END")


class TypeCommentTest(TokenizerTest):

    def check(self, source, expected):
        super().check(source, expected, type_comments=True)

    def test_type_comment(self):
        self.check("x = 1 # type: int", "NAME = NUMBER TYPE_COMMENT NEWLINE END")
        self.check("x = 1 #type:int", "NAME = NUMBER TYPE_COMMENT NEWLINE END")
        self.check("# type: int", "TYPE_COMMENT NEWLINE END")

    def test_no_type_comment(self):
        self.check("x # typed: int", "NAME NEWLINE END")
        self.check("x # a type: int", "NAME NEWLINE END")

    def test_type_ignore_is_no_token(self):
        self.check("x # type: ignore", "NAME NEWLINE END")
        self.check("x # type: ignore[a]", "NAME NEWLINE END")
        self.check("x # type: ignored", "NAME TYPE_COMMENT NEWLINE END")
        self.check("# type: ignore\nx", "NAME NEWLINE END")

    def test_only_when_asked_for(self):
        super().check("x = 1 # type: int", "NAME = NUMBER NEWLINE END")


if __name__ == "__main__":
    unittest.main()
