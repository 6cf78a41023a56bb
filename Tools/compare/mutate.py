"""Sources changed at random, the same ones for the same seed."""

import random
import re

TOKEN = re.compile(
    r'''[rbfuRBFU]{0,2}(?:"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'
    |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|\w+|\#[^\n]*|\s+
    |\*\*=?|//=?|>>=?|<<=?|[-+*/%@&|^=<>!:]=|->|\.\.\.|.''',
    re.VERBOSE | re.DOTALL)

# What programs are rarely tried with in places where it does not belong.
EXTRAS = (
    'await ', 'async ', 'yield ', 'yield from x', 'return ', 'break', 'continue', 'lambda: ',
    'not ', '*', '**', ':=', ' if ', ' else ', ' for x in y ', 'global x', 'nonlocal x', 'del ',
    'None', 'True', '__debug__', '__class__', 'super()', '1', '-1', '0.0', '""', '()', '[]', '{}',
    '...', ' is ', ' in ', ' and ', ' or ', ', ', ': ', '=', '+=', 'pass', 'raise', 'assert ',
    'try:\n', 'finally:\n', 'with x:\n', 'while 1:\n', 'class C:\n', 'def f():\n', '\n', '    ',
)


def tokens(source):
    return TOKEN.findall(source)


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
    parts = tokens(''.join(lines))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if not parts:
            break
        at = chance.randrange(len(parts))
        kind = chance.randrange(6)
        if kind == 0:
            del parts[at]
        elif kind == 1:
            parts.insert(at, chance.choice(EXTRAS))
        elif kind == 2:
            parts.insert(at, chance.choice(parts))
        elif kind == 3:
            other = chance.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        elif kind == 4:
            parts[at] = chance.choice(parts)
        else:
            parts.insert(at, parts[at])
    return ''.join(parts)
