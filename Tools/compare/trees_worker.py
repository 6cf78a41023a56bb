"""Parse sources and write down everything that can be told of the result.

Run by compare.py under both interpreters; must not depend on anything but the standard library.
Each source gives one line: a digest of the tree with all positions, or the error with all of its
attributes, and the warnings.

The tree is digested from the node objects by way of pickle, which is several times faster than
ast.dump() and knows all that it knows. Floats and zeros keep their signs there; identical strings
are written once, so objects are never memoized here: what is shared in memory is no difference.
"""

import ast
import hashlib
import io
import os
import random
import sys
import tokenize
import warnings

from mutate import mutate_bytes

MODES = ('exec', 'eval', 'single', 'func_type')


class Outcome:
    """What compiling a source to a tree has come to."""

    def __init__(self, source, name, mode, flags, version):
        self.tree = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            try:
                self.tree = compile(source, name, mode, flags | ast.PyCF_ONLY_AST,
                                    dont_inherit=True, _feature_version=version)
            except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
                self.text = describe_error(error)
            except BaseException as error:
                self.text = 'unexpected ' + describe_error(error)
            else:
                self.text = 'tree ' + digest(self.tree)
        for warning in caught:
            self.text += f' {warning.category.__name__}: {warning.message} {warning.filename}:{warning.lineno}'


def describe_error(error):
    details = tuple(error.args[1:]) if isinstance(error, SyntaxError) else ()
    return f'{type(error).__name__}: {error} {details!r}'


def digest(tree):
    pieces = []
    flatten(tree, pieces)
    return hashlib.md5('\n'.join(pieces).encode('utf-8', 'surrogatepass')).hexdigest()


def flatten(node, pieces):
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.AST):
            pieces.append(type(item).__name__)
            values = item.__dict__
            for name in item._fields:
                stack.append(values.get(name))
            if 'lineno' in values:
                pieces.append('%s:%s-%s:%s' % (values['lineno'], values.get('col_offset'),
                                               values.get('end_lineno'), values.get('end_col_offset')))
        elif isinstance(item, list):
            pieces.append('[%d' % len(item))
            stack.extend(item)
        else:
            pieces.append(type(item).__name__ + repr(item) if item is not None else '-')


def variants_of_file(path, data, chosen):
    """Yield (label, source, mode, flags, version)."""
    if 'plain' in chosen:
        yield 'plain', data, 'exec', 0, -1
    if 'type_comments' in chosen:
        yield 'type_comments', data, 'exec', ast.PyCF_TYPE_COMMENTS, -1
    if 'versions' in chosen:
        for version in range(4, 12):
            yield f'version {version}', data, 'exec', 0, version
    if 'flags' in chosen:
        yield 'top-level await', data, 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, -1
        yield 'no dedent', data, 'exec', 0x200, -1
        yield 'incomplete', data, 'exec', 0x4000, -1
        yield 'flufl', data, 'exec', 0x400000, -1
    if 'text' in chosen:
        try:
            text = decode(data)
        except (SyntaxError, ValueError, LookupError):
            return
        yield 'text', text, 'exec', 0, -1
    if 'lines' in chosen:
        yield 'crlf', data.replace(b'\n', b'\r\n'), 'exec', 0, -1
        yield 'cr', data.replace(b'\n', b'\r'), 'exec', 0, -1
        yield 'form feed', data.replace(b'\n', b'\n\f'), 'exec', 0, -1
        yield 'no end', data.rstrip(b'\n'), 'exec', 0, -1
        yield 'mark', b'\xef\xbb\xbf' + data, 'exec', 0, -1
        yield 'tabs', data.replace(b'        ', b'\t'), 'exec', 0, -1
    if 'encodings' in chosen:
        try:
            text = decode(data)
        except (SyntaxError, ValueError, LookupError):
            return
        for encoding in ('latin-1', 'utf-7', 'cp1252', 'koi8-r', 'shift_jis', 'gb18030', 'utf-8-sig',
                         'utf-16', 'no-such'):
            head = f'# -*- coding: {encoding} -*-\n'.encode()
            try:
                yield encoding, head + text.encode(encoding, 'xmlcharrefreplace'), 'exec', 0, -1
            except LookupError:
                yield encoding, head + data, 'exec', 0, -1
    if 'modes' in chosen:
        yield from statements_of_file(data)


def decode(data):
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding).replace('\r\n', '\n').replace('\r', '\n')


def statements_of_file(data):
    """The file's top-level statements and expressions in the other modes."""
    try:
        text = decode(data)
        tree = ast.parse(text)
    except (SyntaxError, ValueError, LookupError, RecursionError):
        return
    lines = text.split('\n')
    for node in tree.body[:60]:
        source = '\n'.join(lines[node.lineno - 1:node.end_lineno])
        for ending in ('', '\n', '\n\n', ' # c', '\n  ', ';'):
            yield f'single {node.lineno} {ending!r}', source + ending, 'single', 0, -1
        yield f'codeop {node.lineno}', source, 'single', 0x4200, -1
        yield f'codeop line {node.lineno}', source + '\n', 'single', 0x4200, -1
        yield f'incomplete {node.lineno}', source[:len(source) * 2 // 3], 'single', 0x4200, -1
        yield f'eval {node.lineno}', source, 'eval', 0, -1
    for node in list(ast.walk(tree))[::7][:150]:
        if isinstance(node, ast.expr):
            source = ast.get_source_segment(text, node)
            if source:
                yield f'eval {node.lineno}', source, 'eval', 0, -1
                yield f'func_type {node.lineno}', f'({source}) -> {source}', 'func_type', 0, -1
                yield f'func_type {node.lineno}', f'(int, *{source}, **{source}) -> x', 'func_type', 0, -1


def mutations_of_file(path, data, count, seed):
    generator = random.Random(f'{seed} {path}')
    for number in range(count):
        flags = generator.choice((0, 0, 0, ast.PyCF_TYPE_COMMENTS))
        version = generator.choice((-1, -1, -1, 4, 5, 6, 7, 8, 9, 10))
        mode = generator.choice(('exec', 'exec', 'exec', 'exec', 'single', 'eval', 'func_type'))
        yield f'mutation {number}', mutate_bytes(data, generator), mode, flags, version


def main():
    chosen, count, seed = sys.argv[1].split(','), int(sys.argv[2]), sys.argv[3]
    out = sys.stdout
    for path in sys.stdin.read().split('\n'):
        if not path:
            continue
        with open(path, 'rb') as file:
            data = file.read()
        sources = list(variants_of_file(path, data, chosen))
        if count:
            sources += mutations_of_file(path, data, count, seed)
        for label, source, mode, flags, version in sources:
            outcome = Outcome(source, 'f', mode, flags, version)
            text = outcome.text.encode('unicode_escape', 'surrogatepass').decode()
            out.write(f'{path}\t{label}\t{text}\n')
    stages = os.path.join(os.path.dirname(os.path.realpath(sys.executable)), 'build', 'stages')
    if os.path.isdir(stages):
        sys.path.append(stages)
        import _parser_stage
        sys.stderr.write(f'{_parser_stage.counts()}\n')


if __name__ == '__main__':
    main()
