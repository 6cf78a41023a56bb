"""The line of an instruction: what frames and tracebacks tell, as stock does."""

import textwrap
import unittest

from join_support import PROGRAM, STOCK, JoinTestCase, run_checked


class LineTests(JoinTestCase):
    """The same program tells the same lines under both interpreters."""

    def assert_same_output(self, program):
        program = textwrap.dedent(program)
        ours, stock = (run_checked(self, interpreter, "-c", program)
                       for interpreter in (PROGRAM, STOCK))
        self.assertEqual(ours, stock)
        self.assertGreater(len(set(ours.splitlines())), 90)

    def test_frame_of_each_instruction(self):
        """Long functions with lines of every kind, back and forth, and instructions without one."""
        self.assert_same_output("""
            import random, types
            random.seed(1)
            parts = ['yield 1', 'y = [1,\\n\\n  (yield 2)]', 'with a as b: yield 3', '\\n\\n\\n',
                     'for i in (yield 4): pass', 'try:\\n    yield 5\\n  finally:\\n    yield 6',
                     'y = f(\\n' + '\\n' * 300 + '(yield 7)); yield 8', 'yield ' + 'x +' * 90 + '9']
            for count in range(40):
                source = 'def g(x=0, a=None, f=print):\\n'
                source += ''.join(f'  {random.choice(parts)}\\n' for _ in range(count * 5)) + '  yield 0'
                code = compile(source.replace('with a as b: ', ''), '', 'exec')
                namespace = {}
                exec(code, namespace)
                generator = namespace['g'](f=lambda x: x)
                print(generator.gi_frame.f_lineno)
                next(generator)
                try:
                    while True:
                        print(generator.gi_frame.f_lineno)
                        generator.send(())
                except StopIteration as error:
                    print('end')
            """)

    def test_any_table(self):
        """Tables that no compiler makes: entries cut off, numbers without an end, none at all."""
        self.assert_same_output("""
            import random, types
            def g():
                yield 1
                x = [1,
                     2]; yield 2
                yield 3
            random.seed(2)
            for _ in range(20_000):
                table = bytes(random.choice([random.randrange(64), random.randrange(128),
                                             random.randrange(128, 256), 0xe8, 0xf0, 0xf8])
                              for _ in range(random.randrange(24)))
                code = g.__code__.replace(co_linetable=table, co_firstlineno=1000)
                generator = types.FunctionType(code, {})()
                for _ in range(random.randrange(1, 4)):
                    next(generator)
                print(generator.gi_frame.f_lineno)
            """)

    def test_lines_while_traced(self):
        """Tracing makes an array of the lines, which is used then."""
        self.assert_same_output("""
            import sys
            def work(n):
                for i in range(n):
                    if i % 3 == 1:
                        try:
                            [][i]
                        except IndexError as error:
                            print(i, error.__traceback__.tb_lineno, sys._getframe().f_lineno)
            work(50)
            sys.settrace(lambda *arguments: None)
            sys.settrace(lambda frame, event, argument: lambda *arguments: None)
            work(200)
            sys.settrace(None)
            work(300)
            """)


if __name__ == "__main__":
    unittest.main()
