"""Compiles what it is sent and tells what came out, for compare.py.

Runs under the interpreter that is compared.  Jobs come as pickled tuples on standard input, an
answer goes to standard output for each: a digest of everything that can be told of the result, or
the whole description where the job asks for it.
"""

import ast
import hashlib
import pickle
import sys
import types
import warnings

FIELDS = (
    'co_name', 'co_qualname', 'co_filename', 'co_firstlineno', 'co_flags', 'co_argcount',
    'co_posonlyargcount', 'co_kwonlyargcount', 'co_nlocals', 'co_varnames', 'co_cellvars',
    'co_freevars', 'co_names', 'co_code', 'co_stacksize', 'co_exceptiontable', 'co_linetable',
)


# None and the ellipsis lie at different addresses in different interpreters, and after their hashes
# goes the order of a set that has one, in a tuple as well.
def is_hashed_by_address(value):
    if isinstance(value, (tuple, frozenset)):
        return any(map(is_hashed_by_address, value))
    return value is None or value is ...


def describe_constant(value):
    if isinstance(value, types.CodeType):
        return describe_code(value)
    kind = type(value).__name__
    if isinstance(value, (tuple, frozenset)):
        items = [describe_constant(item) for item in value]
        if isinstance(value, frozenset) and is_hashed_by_address(value):
            items.sort(key=repr)
        return kind, items
    return kind, repr(value)


def describe_code(code):
    """All fields by name; constants last, since that is where nested code is."""
    fields = [(name, getattr(code, name)) for name in FIELDS]
    fields.append(('co_consts', [describe_constant(value) for value in code.co_consts]))
    return 'code', fields


def describe_error(error):
    return 'error', type(error).__name__, repr(error.args)


def compile_source(source, filename, mode, flags, optimize, from_tree):
    if from_tree:
        source = compile(source, filename, mode, flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    return compile(source, filename, mode, flags, dont_inherit=True, optimize=optimize)


def describe(source, filename, mode, flags, optimize, from_tree, warning_filter):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(warning_filter)
        try:
            code = compile_source(source, filename, mode, flags, optimize, from_tree)
            result = describe_code(code)
        except BaseException as error:
            result = describe_error(error)
    told = [(w.category.__name__, str(w.message), w.filename, w.lineno) for w in caught]
    return result, ('warnings', told)


def main():
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            wants_all, job = pickle.load(jobs)
        except EOFError:
            return
        description = describe(*job)
        if wants_all:
            answer = description
        else:
            is_code = description[0][0] == 'code'
            text = repr(description).encode(errors='backslashreplace')
            answer = is_code, hashlib.sha1(text).digest()
        pickle.dump(answer, answers, protocol=4)
        answers.flush()


if __name__ == '__main__':
    main()
