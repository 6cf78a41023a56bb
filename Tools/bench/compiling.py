"""The compiler: from a tree to a code object, parsing apart.

A tree is given to compile() as `ast` objects, which first turns them into the compiler's own tree
and checks it.  What that costs is measured by the same tree with a statement before it that is
refused right after, and taken off.
"""

import json
import os
import subprocess
import sysconfig

from measure import Subject, clean_environment

ROUNDS = 6

# Runs in the interpreter under measurement: tells the seconds that its argument takes.
PROBE = r"""
import ast, ctypes, json, sys, time, warnings

warnings.simplefilter('ignore')


def refused(tree):
    # Turned into the compiler's tree and checked, then an error: the tree's own cost.
    statement = ast.ImportFrom('__future__', [ast.alias('no_such_feature')], 0)
    ast.copy_location(statement, ast.Module([ast.Pass()], []))
    ast.fix_missing_locations(statement)
    return ast.Module([statement, *tree.body], tree.type_ignores)


def seconds(function, times):
    best = float('inf')
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(times):
            function()
        best = min(best, time.perf_counter() - start)
    return best


def attempt(tree):
    try:
        compile(tree, 'bench', 'exec')
    except SyntaxError:
        pass


def tree_to_code(source, times=1):
    tree = ast.parse(source)
    bad = refused(tree)
    return seconds(lambda: attempt(tree), times) - seconds(lambda: attempt(bad), times)


def library():
    total = 0.0
    for path in json.load(sys.stdin):
        with open(path, 'rb') as file:
            total += tree_to_code(file.read())
    return total


def lines(pattern, count):
    return '\n'.join(pattern % {'i': i} for i in range(count))


def items(pattern, count):
    return ', '.join(pattern % {'i': i} for i in range(count))


FIELDS = ''.join(f'    self.field{i} = field{i}\n' for i in range(8))
SIGNATURE = ', '.join(f'field{i}: _type{i} = _default{i}' for i in range(8))
DATACLASS = f'def __init__(self, {SIGNATURE}) -> None:\n{FIELDS}'


def tiny_expression():
    return seconds(lambda: compile('a+b', 'bench', 'eval'), 3000)


def dataclass_init():
    return seconds(lambda: compile(DATACLASS, 'bench', 'exec'), 300)


def large_module():
    return tree_to_code(lines('value%(i)d = function(argument, %(i)d).attribute', 100_000))


def constants():
    return tree_to_code(lines('x = %(i)d', 100_000))


def names():
    return tree_to_code(lines('name%(i)d = x', 50_000))


def branches():
    return tree_to_code('def f():\n' + lines(' if a%(i)d: b()', 20_000))


def dict_display():
    return tree_to_code('x = {' + items('"key%(i)d": %(i)d', 100_000) + '}')


def nesting():
    # Many statements, beside which the error that the tree's own cost is taken with is small.
    return tree_to_code(lines('x%(i)d = ' + '[' * 90 + 'a' + ']' * 90, 100))


def status(name):
    with open('/proc/self/status') as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1])


def peak(given):
    # Kilobytes that a compile takes at most beyond what was there.
    ctypes.CDLL(None).malloc_trim(0)
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')
    before = status('VmRSS')
    compile(given, 'bench', 'exec')
    return status('VmHWM') - before


def memory():
    return peak(lines('value%(i)d = function(argument, %(i)d).attribute', 100_000))


def memory_from_tree():
    return peak(ast.parse(lines('value%(i)d = function(argument, %(i)d).attribute', 100_000)))


print(globals()[sys.argv[1]]())
"""

CASES = {
    "library": "every module of the standard library",
    "tiny_expression": "a+b as eval, parsing included",
    "dataclass_init": "a dataclass's __init__ as exec, parsing included",
    "large_module": "a module of 100,000 lines",
    "constants": "100,000 distinct constants",
    "names": "50,000 names",
    "branches": "a function of 20,000 branches",
    "dict_display": "a dict display of 100,000 entries",
    "nesting": "100 times 90 nested lists",
    "memory": "peak memory of a module of 100,000 lines, from source to code",
    "memory_from_tree": "peak memory of the same from its ast objects, the compiler's own tree "
                        "included",
}


def _library_modules():
    folder = sysconfig.get_path("stdlib")
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)
                  if name.endswith(".py"))


def _subject(interpreter, case, environment, modules):
    command = [interpreter.path, "-I", "-c", PROBE, case]

    def cost():
        return float(subprocess.run(command, env=environment, input=modules, text=True,
                                    capture_output=True, check=True).stdout)

    return Subject(interpreter.name, cost)


def run(report, interpreters):
    """Measure each case in processes of each interpreter, by turns."""
    modules = json.dumps(_library_modules())
    with clean_environment() as environment:
        for case, what in CASES.items():
            subject, *references = (
                _subject(interpreter, case, environment, modules)
                for interpreter in (interpreters.ours, interpreters.stock,
                                    interpreters.distribution))
            report.compare(what, subject, references, ROUNDS)
