"""The compiler: from a tree to a code object, parsing apart.

Measured is what one function does, in both interpreters: _PyAST_Compile(), which takes the
compiler's own tree.  That is made from `ast` objects beforehand, anew each time, since compiling
changes it.
"""

import json
import os
import subprocess
import sysconfig

from measure import Subject, clean_environment

ROUNDS = 6

# Runs in the interpreter under measurement: tells the seconds, or kilobytes, of its argument.
PROBE = r"""
import ast, ctypes, gc, json, sys, time, warnings

warnings.simplefilter('ignore')

POINTER, OBJECT = ctypes.c_void_p, ctypes.py_object


class Flags(ctypes.Structure):
    _fields_ = [('flags', ctypes.c_int), ('feature_version', ctypes.c_int)]


def function(name, result, *arguments):
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


new_arena = function('_PyArena_New', POINTER)
free_arena = function('_PyArena_Free', None, POINTER)
compile_tree = function('_PyAST_Compile', OBJECT, POINTER, OBJECT, POINTER, ctypes.c_int, POINTER)


def tree_from_objects(*arguments):
    # The archive hides its own, see stock_tree.c.
    has_own = hasattr(ctypes.pythonapi, 'PyAST_obj2mod')
    name = 'PyAST_obj2mod' if has_own else 'bench_tree_from_objects'
    return function(name, POINTER, OBJECT, POINTER, ctypes.c_int)(*arguments)


def compiled(objects, measure):
    # What measure() says after compiling less what it said before.
    arena = new_arena()
    flags = Flags(0, sys.version_info.minor)
    try:
        tree = tree_from_objects(objects, arena, 0)
        # What the objects cost the collector is no part of it.
        gc.freeze()
        before = measure()
        code = compile_tree(tree, 'bench', ctypes.byref(flags), 0, arena)
        return measure() - before
    finally:
        free_arena(arena)
        gc.unfreeze()


def tree_to_code(source):
    objects = ast.parse(source)
    return min(compiled(objects, time.perf_counter) for _ in range(3))


def seconds(function, times):
    best = float('inf')
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(times):
            function()
        best = min(best, time.perf_counter() - start)
    return best


def over_library(cost_of):
    total = 0.0
    for path in json.load(sys.stdin):
        with open(path, 'rb') as file:
            total += cost_of(file.read())
    return total


def library_to_code():
    return over_library(tree_to_code)


def library_from_source():
    return over_library(lambda source: seconds(lambda: compile(source, 'bench', 'exec'), 1))


def library_as_objects():
    return over_library(lambda source: seconds(lambda: ast.parse(source), 1))


def lines(pattern, count):
    return '\n'.join(pattern % {'i': i} for i in range(count))


def items(pattern, count):
    return ', '.join(pattern % {'i': i} for i in range(count))


FIELDS = ''.join(f'    self.field{i} = field{i}\n' for i in range(8))
SIGNATURE = ', '.join(f'field{i}: _type{i} = _default{i}' for i in range(8))
DATACLASS = f'def __init__(self, {SIGNATURE}) -> None:\n{FIELDS}'

LARGE = {
    'module': lambda: lines('value%(i)d = function(argument, %(i)d).attribute', 100_000),
    'constants': lambda: lines('x = %(i)d', 100_000),
    'names': lambda: lines('name%(i)d = x', 50_000),
    'branches': lambda: 'def f():\n' + lines(' if a%(i)d: b()', 20_000),
    'dict': lambda: 'x = {' + items('"key%(i)d": %(i)d', 100_000) + '}',
    'nesting': lambda: lines('x%(i)d = ' + '[' * 90 + 'a' + ']' * 90, 1000),
}


def tiny_expression():
    return seconds(lambda: compile('a+b', 'bench', 'eval'), 3000)


def dataclass_init():
    return seconds(lambda: compile(DATACLASS, 'bench', 'exec'), 300)


def status(name):
    with open('/proc/self/status') as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1])


def peak():
    # Kilobytes of memory that were in use at most since the last time; those in use from now on.
    kilobytes = status('VmHWM')
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')
    return kilobytes


def peak_of(function):
    peak()
    before = status('VmRSS')
    function()
    return peak() - before


def tree_to_code_memory(source):
    objects = ast.parse(source)
    def measure():
        # Before compiling what is in use, after it what was at most.
        peak_so_far = peak()
        measure.calls += 1
        return status('VmRSS') if measure.calls == 1 else peak_so_far

    measure.calls = 0
    return compiled(objects, measure)


what, name = sys.argv[1:]
if what == 'time':
    print(tree_to_code(LARGE[name]()))
elif what == 'memory':
    print(tree_to_code_memory(LARGE[name]()))
elif what == 'whole memory':
    source = LARGE[name]()
    print(peak_of(lambda: compile(source, 'bench', 'exec')))
else:
    print(globals()[name]())
"""

LIBRARY = {
    "library_to_code": "the standard library",
    "library_from_source": "the standard library, from source to code",
    "library_as_objects": "the standard library by ast.parse()",
}

TINY = {
    "tiny_expression": "a+b as eval, parsing included",
    "dataclass_init": "a dataclass's __init__ as exec, parsing included",
}

LARGE = {
    "module": "a module of 100,000 lines",
    "constants": "100,000 distinct constants",
    "names": "50,000 names",
    "branches": "a function of 20,000 branches",
    "dict": "a dict display of 100,000 entries",
    "nesting": "1,000 times 90 nested lists",
}


# Tests are no part of what is compiled every day, and some are not meant to compile.
NOT_LIBRARY = {"test", "tests", "idle_test", "site-packages", "dist-packages"}


def _library_modules():
    paths = []
    for folder, folders, names in os.walk(sysconfig.get_path("stdlib")):
        folders[:] = [name for name in folders if name not in NOT_LIBRARY]
        paths += [os.path.join(folder, name) for name in names if name.endswith(".py")]
    return sorted(paths)


def _subject(interpreter, what, name, environment, modules):
    command = [interpreter.path, "-I", "-c", PROBE, what, name]

    def cost():
        return float(subprocess.run(command, env=environment, input=modules, text=True,
                                    capture_output=True, check=True).stdout)

    return Subject(interpreter.name, cost)


def run(report, interpreters):
    """Measure each case in processes of each interpreter, by turns."""
    modules = json.dumps(_library_modules())
    with clean_environment() as environment:
        def compare(description, what, name, *references):
            subject, *others = (_subject(interpreter, what, name, environment, modules)
                                for interpreter in (interpreters.ours, interpreters.stock,
                                                    *references))
            report.compare(description, subject, others, ROUNDS)

        for name, description in LIBRARY.items():
            compare(description, "call", name)
        for name, description in TINY.items():
            compare(description, "call", name, interpreters.distribution)
        for name, description in LARGE.items():
            compare(description, "time", name)
            compare(f"peak memory of {description}", "memory", name)
        compare(f"peak memory of {LARGE['module']}, from source to code", "whole memory",
                "module", interpreters.distribution)
