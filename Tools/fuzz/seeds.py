"""Write sources for the fuzzer to start from.

They are the corpus that was kept, and every statement and expression of the language.

    seeds.py FOLDER
"""

import ast
import codecs
import os
import sys
import sysconfig

MOST = 400      # bytes; short inputs are tried more often

# In the standard library these are short, and there is one of each kind.
PLACES = ('test/test_grammar.py', 'test/test_patma.py', 'test/test_coroutines.py',
          'test/test_except_star.py', 'test/test_fstring.py', 'test/test_generators.py',
          'test/test_unpack_ex.py', 'test/test_scope.py', 'test/test_syntax.py')


def statements(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            text = ast.unparse(node)
            if len(text) <= MOST:
                yield text


def kept():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus.txt')
    with open(path, 'rb') as file:
        return [codecs.escape_decode(line)[0] for line in file.read().splitlines()]


def main():
    folder, = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    library = sysconfig.get_path('stdlib')
    seen = set()
    for place in PLACES:
        with open(os.path.join(library, place), 'rb') as file:
            seen.update(statements(file.read()))
    seeds = kept()
    for number, text in enumerate(sorted(seen)):
        seeds.append(bytes([number & 255]) + text.encode(errors='surrogatepass') + b'\n')
    for number, seed in enumerate(seeds):
        with open(os.path.join(folder, f'seed{number:05}'), 'wb') as file:
            file.write(seed)
    print(f'{len(seeds)} seeds')


if __name__ == '__main__':
    main()
