"""Compare our parser and the archive's in one process, on mutated sources.

    ./python trees_fuzz.py [--count N] [--seed S] [--every N] [FILE | FOLDER]...

Runs under our interpreter, which holds both parsers. Much faster than trees.py and for that reason
the way to hundreds of thousands of sources; stock itself is not asked. Exits with 1 if an outcome
differs, or if our parser turned down what the archive's accepts.
"""

import argparse
import ast
import os
import random
import sys
import warnings

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(sys.executable)), "build", "stages"))
import _parser_stage

from mutate import mutate_bytes
from sources import default_places, find_sources
from trees_worker import describe_error, digest

FLAGS = (0, 0, 0, ast.PyCF_TYPE_COMMENTS, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, 0x200, 0x4200, 0x400000, 0x800)
VERSIONS = (11, 11, 11, 11, 4, 5, 6, 7, 8, 9, 10)
MODES = ('exec', 'exec', 'exec', 'exec', 'single', 'eval', 'func_type')


def outcome(source, mode, flags, version, archive):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            text = digest(_parser_stage.tree(source, mode, archive, flags, version))
        except Exception as error:
            text = describe_error(error)
    return text, [(warning.category, str(warning.message), warning.filename, warning.lineno)
                  for warning in caught]


def random_bytes(generator):
    size = generator.choice((1, 2, 3, 5, 10, 40))
    alphabet = generator.choice((bytes(range(1, 256)), b'"\'\\fFbBrRuU{}!:=\nx 1', b'\n\t \f\\#x:;ifelse',
                                 b'0123456789_.eEjJxXoObBaAfFdnorlsti+-', b'()[]{},:=*x \n@'))
    return bytes(generator.choice(alphabet) for _ in range(size))


def tight_numbers(generator):
    """Numbers and keywords without blanks between them."""
    pieces = ('1', '0', '0x1', '0xf', '0o1', '0b1', '1.', '1.5', '1e5', '1j', '.5', '1_0', '00', '0x', 'if ', 'else ',
              ' else ', 'for x in ', 'in ', 'is ', 'or ', 'and ', 'not in ', '+', ' ', 'f"{1if 1else 2}"',
              '"\\d"', 'x')
    return ''.join(generator.choice(pieces) for _ in range(generator.randrange(2, 9))).encode()


def format_strings(generator):
    pieces = ['{', '}', '{{', '}}', '{x', ':', '!r', '=', ' ', '\\n', '\\{', '\\N{DIGIT ONE}', '\\d', 'a', 'é',
              '{x}', '{x!s:>{y}}', '{x:{{}}}', '{', '}', '"', "'", '\n', '(', ')', '[', 'lambda:', '#', '!=',
              '{y=}', '{a+b}', '{"a"}', '\\', ',', '*', 'yield ', ':=', '1if x', '\\777', '{\n x}', '"""a\nb"""',
              "f'{z}'", 'f"{z:{w}}"', '\t', '0']
    quote = generator.choice(('"', "'", '"""', "'''"))
    parts = []
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        body = ''.join(generator.choice(pieces) for _ in range(generator.randrange(7)))
        prefix = generator.choice(('f', 'f', 'f', 'rf', 'F', 'u', '', 'b', 'fR'))
        parts.append(prefix + quote + body + quote)
    return (generator.choice(('', 'x = ', 'f(', '\n\n  ', 'if x:\n   ')) +
            generator.choice((' ', '\\\n', '', '\n')).join(parts)).encode()


def sources(files, count, seed):
    generator = random.Random(seed)
    while count > 0:
        path = generator.choice(files)
        with open(path, 'rb') as file:
            data = file.read()
        for _ in range(min(count, 40)):
            count -= 1
            kind = generator.random()
            if kind < 0.1:
                source = random_bytes(generator)
            elif kind < 0.25:
                source = format_strings(generator)
            elif kind < 0.3:
                source = tight_numbers(generator)
            else:
                source = mutate_bytes(data, generator)
            if b'\0' not in source:
                yield (source, generator.choice(MODES), generator.choice(FLAGS),
                       generator.choice(VERSIONS))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--count', type=int, default=100_000)
    parser.add_argument('--seed', default='1')
    parser.add_argument('--every', type=int, default=1)
    parser.add_argument('--show', type=int, default=20)
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    files = list(find_sources(options.names or default_places()))[::options.every]
    compared = accepted = different = 0
    for case in sources(files, options.count, options.seed):
        ours, archive = outcome(*case, False), outcome(*case, True)
        compared += 1
        accepted += len(archive[0]) == 32
        if ours != archive:
            different += 1
            if different <= options.show:
                print(case, 'ours', ours, 'archive', archive, sep='\n    ')
    counts = _parser_stage.counts()
    print(f'{compared} sources compared, {accepted} of them valid, {different} different, {counts}')
    return 1 if different or counts['wrongly_rejected'] or not compared else 0
