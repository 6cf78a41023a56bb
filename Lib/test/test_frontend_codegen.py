"""Code generation, flow graph and assembler, by what they show and by what the code does."""

import dis
import itertools
import subprocess
import sys
import time
import unittest

import frontend_support as support
from stage_modules import _frontend
from join_support import STOCK, clean_environment


def units(text):
    """The units of a dump: a list of lines for each name."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith((' ', 'L')):
            found[line.partition(' of ')[2]] = lines = []
        else:
            lines.append(line)
    return found


def instructions(text, unit='<module>'):
    """Opcodes and arguments, without labels and locations."""
    return [line.partition('@')[0].strip() for line in units(text)[unit]
            if line.startswith(' ')]


def ir(source, unit='<module>', **options):
    return instructions(_frontend.ir(source, '<test>', **options), unit)


def flow(source, unit='<module>', **options):
    return instructions(_frontend.flow(source, '<test>', **options), unit)


def constants(source, **options):
    return compile(source, '<test>', 'exec', **options).co_consts


class CodegenTest(unittest.TestCase):
    """Instructions as they are generated."""

    def test_assignment(self):
        self.assertEqual(ir('x = a + 1'), [
            'RESUME 0', 'LOAD_NAME a', 'LOAD_CONST 1', 'BINARY_OP 0', 'STORE_NAME x',
            'LOAD_CONST None', 'RETURN_VALUE'])

    def test_expression(self):
        self.assertEqual(ir('a.b', mode='eval'),
                         ['RESUME 0', 'LOAD_NAME a', 'LOAD_ATTR b', 'RETURN_VALUE'])

    def test_interactive(self):
        self.assertIn('PRINT_EXPR', ir('a', mode='single'))
        self.assertNotIn('PRINT_EXPR', ir('a'))

    def test_variables(self):
        source = ('def f(a):\n    global g\n    b = a\n    g = h\n    c = 1\n'
                  '    return lambda: c')
        generated = ir(source, 'f')
        for expected in ('LOAD_FAST a', 'STORE_FAST b', 'STORE_GLOBAL g', 'LOAD_GLOBAL h',
                         'STORE_DEREF 0', 'LOAD_CLOSURE 0'):
            self.assertIn(expected, generated)

    def test_loop_is_tested_at_both_ends(self):
        generated = ir('while a: b')
        self.assertEqual(generated.count('LOAD_NAME a'), 2)

    def test_finally_is_generated_for_every_way_out(self):
        source = 'def f():\n    for x in y:\n        try:\n            if a: break\n' \
                 '            if b: return x\n        finally: c()'
        self.assertEqual(ir(source, 'f').count('LOAD_GLOBAL c'), 4)

    def test_inner_units_come_first(self):
        names = list(units(_frontend.ir('class A:\n    def f(self): pass', '<test>')))
        self.assertEqual(names, ['A.f', 'A', '<module>'])


class FlowTest(unittest.TestCase):
    """What the passes leave."""

    def test_unreachable_code(self):
        self.assertNotIn('LOAD_GLOBAL b', flow('def f():\n    return a\n    b()', 'f'))
        self.assertNotIn('LOAD_NAME b', flow('if 0: b'))
        self.assertNotIn('LOAD_NAME b', flow('while 1: a\nb'))

    def test_constant_test(self):
        for opcode in flow('if 1: a'):
            self.assertNotIn('JUMP', opcode)

    def test_none_test(self):
        self.assertTrue(any('IF_NOT_NONE' in line for line in flow('if x is None: a')))
        self.assertTrue(any('IF_NONE' in line for line in flow('if x is not None: a')))

    def test_tuple_of_constants(self):
        self.assertIn("LOAD_CONST (1, 'a')", flow('for x in [1, "a"]: pass'))

    def test_swaps_of_variables(self):
        left = flow('def f(a, b):\n    a, b = b, a', 'f')
        self.assertFalse([line for line in left if line.startswith(('SWAP', 'BUILD', 'UNPACK'))])
        self.assertEqual([line for line in left if line.startswith('STORE')],
                         ['STORE_FAST b', 'STORE_FAST a'])

    def test_jumps_have_a_direction(self):
        left = flow('for x in y:\n    if x: z')
        self.assertTrue(any(line.startswith('JUMP_BACKWARD') for line in left))
        self.assertFalse(any(line.startswith('JUMP ') for line in left))

    def test_calls_of_globals_take_no_push(self):
        left = flow('def f(): return g()', 'f')
        self.assertNotIn('PUSH_NULL', left)

    def test_every_return_has_a_line(self):
        text = _frontend.flow('def f():\n    if a:\n        b\n    elif c:\n        d', '<test>')
        returns = [line for line in units(text)['f'] if 'RETURN_VALUE' in line]
        self.assertTrue(returns)
        for line in returns:
            self.assertRegex(line, r'@ \d')


class ConstantTest(unittest.TestCase):
    """Which constants are one."""

    def test_types_are_told_apart(self):
        found = constants('a = 1; b = True; c = 1.0; d = 1+0j; e = 1; f = 1.0')
        self.assertEqual([repr(value) for value in found], ['1', 'True', '1.0', '(1+0j)', 'None'])

    def test_signs_of_zero(self):
        found = constants('a = 0.0; b = -0.0; c = 0.0; d = -0.0')
        self.assertEqual([repr(value) for value in found], ['0.0', '-0.0', 'None'])

    def test_signs_of_zero_in_tuples(self):
        found = constants('a = (0.0, 1); b = (-0.0, 1); c = (0.0, True); d = (0.0, 1)')
        self.assertEqual([repr(value) for value in found[:3]],
                         ['(0.0, 1)', '(-0.0, 1)', '(0.0, True)'])
        self.assertEqual(len(found), 4)

    def test_shared_among_code_objects(self):
        one, two = [code for code in constants('def f(a): return 12345678, "a b"\n'
                                               'def g(a): return 12345678, "a b", 1')
                    if hasattr(code, 'co_code')]
        self.assertIs(one.co_consts[1][0], two.co_consts[1][0])
        self.assertIs(one.co_varnames[0], two.co_varnames[0])

    def test_functions_on_one_line(self):
        codes = [code for code in constants('a = lambda: 0; b = lambda: 0; c = lambda: 1')
                 if hasattr(code, 'co_code')]
        self.assertEqual(len(codes), 3)
        self.assertIs(codes[0].co_consts, codes[1].co_consts)
        self.assertIs(codes[0].co_varnames, codes[1].co_varnames)

    def test_shared_with_names(self):
        for count in 1, 63, 64, 65, 70, 300:
            names = [f'n{number}' for number in range(count)]
            calls = ', '.join(f'{name}({name!r})' for name in names)
            sources = [f'({calls},)', f'[{calls}], {tuple(names)}', f'{names}, {tuple(names)}',
                       f"[{', '.join(names)}], {tuple(names)}", f"[{', '.join(names)}], 1",
                       f"[{', '.join(names)}], (lambda: ({', '.join(names)}, 1))",
                       f"lambda {', '.join(names)}: ({', '.join(names)}, {tuple(names)})",
                       f"[{', '.join(names)}], lambda {', '.join(names)}: {names}"]
            for mode in 'eval', 'exec':
                with self.subTest(count, mode=mode):
                    ours, expected = support.ask_both('marshal_all', sources, mode)
                    self.assertEqual(ours, expected)

    def test_many(self):
        count = 70_000
        source = '\n'.join(f'x = {number}.5' for number in range(count))
        namespace = {}
        exec(compile(source, '<test>', 'exec'), namespace)
        self.assertEqual(namespace['x'], count - 0.5)


def lambdas(count):
    """Functions that differ in their operators alone."""
    bodies = itertools.islice(itertools.product("+-*/", repeat=8), count)
    return f"[{', '.join('lambda: a' + 'a'.join(body) + 'a' for body in bodies)}]"


class HashTest(unittest.TestCase):
    """Constants that CPython's hash does not tell apart: ten times the source costs some ten times.

    The prime 2**61 - 1 is the modulus of the hash of numbers.
    """

    SOURCES = {
        "ints": lambda n: "\n".join(f"x = {(2**61 - 1) * i}" for i in range(n)),
        "floats": lambda n: "\n".join(f"x = {2.0**(61 * (i % 16)) * (i // 16)!r}" for i in range(n)),
        "tuples": lambda n: "\n".join(f"x = ({(2**61 - 1) * i}, 1)" for i in range(n)),
        "functions": lambdas,
    }

    def test_linear(self):
        def seconds(source):
            start = time.process_time()
            compile(source, "f", "exec")
            return time.process_time() - start
        for name, make in self.SOURCES.items():
            with self.subTest(name=name):
                small = min(seconds(make(2000)) for _ in range(3))
                self.assertLess(seconds(make(20_000)), 40 * small + 0.05)

    def test_numbers_are_told_apart(self):
        prime = 2**61 - 1
        numbers = [0, 1, -1, -2, prime, -prime, 2 * prime, 2**30, 2**60, -2**60, 1.0, -1.0,
                   float(prime + 1), float(2**61), 1j, -1j, True, False, 0.0, -0.0]
        source = "\n".join(f"x = {number!r}" for number in [*numbers, *numbers])
        ours, stock = support.ask_both("marshal_all", [source], "exec")
        self.assertEqual(ours, stock)


class ClausesTest(unittest.TestCase):
    """There is no limit to the clauses of a comprehension: no stack for each, no quadratic time."""

    def test_many(self):
        count = 105_000
        for clause, depth in ((" for x in y", count + 1), (" for x in [y] if z", 2), (" if z", 2)):
            with self.subTest(clause=clause):
                code = compile(f"[x for x in y{clause * count}]", "f", "exec").co_consts[0]
                self.assertGreater(code.co_stacksize, depth)
                self.assertLess(code.co_stacksize, depth + 4)

    def test_as_stock(self):
        sources = [f"{head}{clause * count}{tail}" for count in (1, 2, 3, 20)
                   for head, tail in (("[x for x in y", "]"), ("{x: x for x in y", "}"),
                                      ("(x for x in y", ")"))
                   for clause in (" for x in y", " for x in [y] if z", " for x in (y,) if not z",
                                  " for x in y if a or b", " for x in [*y]")]
        ours, stocks = support.ask_both("compile_all", sources)
        for source, our, stock in zip(sources, ours, stocks, strict=True):
            self.assertEqual(our, stock, source)


class WideTest(unittest.TestCase):
    """Arguments beyond a byte, and beyond two."""

    def run_source(self, source):
        namespace = {}
        exec(compile(source, '<test>', 'exec'), namespace)
        return namespace

    def test_names(self):
        source = '\n'.join(f'n{number} = {number}' for number in range(66_000))
        namespace = self.run_source(source)
        self.assertEqual(namespace['n65999'], 65_999)

    def test_jumps(self):
        for size in (20, 60, 300, 5_000, 20_000):
            with self.subTest(size):
                body = '            total += x\n' * size
                source = (f'def f(x, n):\n    total = 0\n    while n:\n        if n % 2:\n{body}'
                          f'        n -= 1\n    return total\nresult = f(1, 4)')
                self.assertEqual(self.run_source(source)['result'], 2 * size)

    def test_locations(self):
        source = 'x = (' + ' ' * 3_000 + 'a\n + \n\n\n' + '\n' * 3_000 + 'b)'
        code = compile(source, '<test>', 'exec')
        self.assertIn((1, 3_006, 3_005, 3_006), [(p[0], p[3], p[2], p[3]) for p in
                                                 code.co_positions()])
        self.assertEqual(max(p[0] or 0 for p in code.co_positions()), 3_005)

    def test_far_locations(self):
        numbers = [0, 1, 0x7FFF, 0x8000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x10001, 0x7FFFFFF]
        places = [(1, column, 1 + more, column + width)
                  for column in numbers for more in numbers for width in (0, 1, 20, 0x10000)]
        places += [(line, column, end_line, end_column)
                   for line in (-1, 0, 7) for end_line in (-1, 0, 7, 8)
                   for column in (-1, 0, 3) for end_column in (-1, 0, 3)]
        ours, expected = support.ask_both('compile_at', places)
        for place, answer, stock_answer in zip(places, ours, expected, strict=True):
            with self.subTest(place):
                self.assertEqual(answer, stock_answer)


EFFECTS = '''
import _opcode
for opcode in range(256):
    for argument in (None, 0, 1, 2, 3, 4, 5, 7, 8, 15, 255, 256, 257, 65535, 70000):
        for jump in (None, True, False):
            try:
                effect = _opcode.stack_effect(opcode, argument, jump=jump)
            except ValueError as error:
                effect = str(error)
            print(opcode, argument, jump, effect)
'''


class RuntimeTest(unittest.TestCase):
    """What the rest of the runtime asks of the compiler."""

    def output(self, program, *arguments):
        return subprocess.run([program, '-I', *arguments], env=clean_environment(),
                              capture_output=True, text=True, check=True)

    def test_stack_effect(self):
        expected = self.output(STOCK, '-c', EFFECTS).stdout
        self.assertIn('\n', expected)
        self.assertEqual(self.output(sys.executable, '-c', EFFECTS).stdout, expected)

    def test_caches(self):
        code = compile('a.b.c(d)[e] + f', '<test>', 'eval')
        plain = [i.opname for i in dis.get_instructions(code)]
        self.assertNotIn('CACHE', plain)
        self.assertIn('CACHE', [i.opname for i in dis.get_instructions(code, show_caches=True)])

    def test_dump_option(self):
        shown = self.output(sys.executable, '-S', '-X', 'dump=flow,code', '-c', 'x = 5').stderr
        self.assertRegex(shown, r'(?m)^flow of <module>$')
        self.assertRegex(shown, r'(?m)^code of <module>$')
        self.assertNotRegex(shown, r'(?m)^ir of')
        self.assertEqual(self.output(sys.executable, '-S', '-X', 'dump=cfg', '-c', 'x = 5').stderr,
                         self.output(sys.executable, '-S', '-X', 'dump=flow', '-c', 'x = 5').stderr)
        self.assertEqual(self.output(sys.executable, '-S', '-X', 'dump=', '-c', 'x = 5').stderr,
                         '')

    def test_dump_of_an_error(self):
        with self.assertRaises(SyntaxError):
            _frontend.ir('return', '<test>')


if __name__ == '__main__':
    unittest.main()
