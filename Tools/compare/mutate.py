"""Sources changed at random, the same ones for the same seed.

mutate() is for what has to be compiled: it changes text, and the lines it keeps are mostly a program
still.  mutate_bytes() is for the parser: pieces of lines, bytes that are no text.
"""

import random
import re

TEXT_TOKEN = re.compile(
    r'''[rbfuRBFU]{0,2}(?:"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'
    |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|\w+|\#[^\n]*|\s+
    |\*\*=?|//=?|>>=?|<<=?|[-+*/%@&|^=<>!:]=|->|\.\.\.|.''',
    re.VERBOSE | re.DOTALL)

# What programs are rarely tried with in places where it does not belong.
TEXT_EXTRAS = (
    'await ', 'async ', 'yield ', 'yield from x', 'return ', 'break', 'continue', 'lambda: ',
    'not ', '*', '**', ':=', ' if ', ' else ', ' for x in y ', 'global x', 'nonlocal x', 'del ',
    'None', 'True', '__debug__', '__class__', 'super()', '1', '-1', '0.0', '""', '()', '[]', '{}',
    '...', ' is ', ' in ', ' and ', ' or ', ', ', ': ', '=', '+=', 'pass', 'raise', 'assert ',
    'try:\n', 'finally:\n', 'with x:\n', 'while 1:\n', 'class C:\n', 'def f():\n', '\n', '    ',
)


BYTES_TOKEN = re.compile(rb'''[A-Za-z_][A-Za-z_0-9]*|[0-9][0-9_.a-zA-Z]*|[rRbBuUfF]{0,2}"""|"""|\'\'\'|["']|'''
                         rb'''[*/<>=!:]=|\*\*|//|->|[ \t]+|\n[ \t]*|\\\n|[\x80-\xff]+|.''', re.S)

BYTES_EXTRAS = (
    b'if', b'else', b'for', b'in', b'not', b'lambda', b'yield', b'await', b'async', b'match',
    b'case', b'_', b'*', b'**', b',', b':', b':=', b'=', b'(', b')', b'[', b']', b'{', b'}',
    b'.', b'...', b'is', b'as', b'import', b'from', b'\n', b'\n    ', b'\n\t', b' ', b'1', b'0x1',
    b'1.', b'1e', b'1j', b'"', b"'", b'"""', b"f'{", b"}'", b"f'{x!r:>{w}}'", b"b''", b"u''",
    b'\\', b'\\\n', b'#', b'# type: int', b'# type: ignore', b';', b'@', b'->', b'<>', b'!=',
    b'$', b'?', b'!', b'\f', b'\r', b'\xc3\xa9', b'\xff', b'None', b'True', b'with', b'while',
    b'try', b'except', b'except*', b'finally', b'def', b'class', b'return', b'del', b'global',
    b'print', b'pass', b'and', b'or', b'-', b'+', b'~', b'%', b'+=', b'@=', b'/', b'\\d', b'0_0',
)


def change(tokens, count, extras, chance):
    """Change so many tokens of a list, in place; extras are what may come in from elsewhere."""
    for _ in range(count):
        if not tokens:
            break
        at = chance.randrange(len(tokens))
        kind = chance.randrange(7)
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens.insert(at, chance.choice(extras))
        elif kind == 2:
            tokens.insert(at, chance.choice(tokens))
        elif kind == 3:
            other = chance.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 4:
            tokens[at] = chance.choice(tokens)
        elif kind == 5:
            tokens[at] = chance.choice(extras)
        else:
            tokens.insert(at, tokens[at])


def mutate(source, seed, window=60):
    """Make one change, and keep only the lines around it.

    A change in a short text is more often one that still parses, and is compiled faster.
    """
    chance = random.Random(seed)
    lines = source.splitlines(keepends=True)
    if len(lines) > window:
        starts = [i for i, line in enumerate(lines) if line[:4] in ('def ', 'clas', 'asyn', 'try:')
                  or line[:3] in ('if ', 'for') or line[:5] == 'with ']
        start = chance.choice(starts) if starts else chance.randrange(len(lines) - window)
        end = start + 1
        while end < len(lines) and end - start < 4 * window and (
                lines[end][:1] in ' \t\n#)]}' or end - start < 5):
            end += 1
        lines = lines[start:end]
    parts = TEXT_TOKEN.findall(''.join(lines))
    change(parts, chance.choice((1, 1, 1, 2, 3)), TEXT_EXTRAS, chance)
    return ''.join(parts)


def mutate_bytes(data, generator):
    """Change a few tokens of a piece of source."""
    lines = data.split(b'\n')
    count = generator.choice((1, 3, 8, 20, 40))
    first = generator.randrange(max(1, len(lines) - count))
    piece = b'\n'.join(lines[first:first + count])
    if generator.random() < 0.7:
        margin = len(piece) - len(piece.lstrip(b' '))
        piece = re.sub(rb'(?m)^ {1,%d}' % margin if margin else rb'^\b$', b'', piece)
    tokens = BYTES_TOKEN.findall(piece)
    change(tokens, generator.choice((0, 1, 1, 1, 2, 3)), BYTES_EXTRAS, generator)
    return b''.join(tokens)
