"""What is compiled here and what the distribution's interpreter compiles is the same.

The whole comparison is `make compare`; these are parts of it that take a minute or two.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import unittest

from join_support import STOCK

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, 'Tools',
                    'compare')
LIBRARY = sysconfig.get_path('stdlib')


def compare(*arguments, ours=sys.executable):
    return subprocess.run(
        [STOCK, '-B', TOOL, 'code', '--stock', STOCK, '--ours', ours,
         *arguments], capture_output=True, text=True, errors='backslashreplace', check=False)


class ComparisonTests(unittest.TestCase):
    def assertSame(self, *arguments):
        outcome = compare(*arguments)
        self.assertEqual(outcome.returncode, 0, outcome.stdout + outcome.stderr)
        self.assertRegex(outcome.stdout, r'\A[1-9]\d* sources, [1-9]\d* compiled, .* 0 differences')

    def test_library(self):
        self.assertSame('--text-only', '--optimize', '0', '--', LIBRARY)

    def test_trees_and_levels(self):
        self.assertSame(os.path.join(LIBRARY, 'asyncio'), os.path.join(LIBRARY, 'test', 'support'))

    def test_mutations(self):
        self.assertSame('--mutations', '2', '--seed', 'test', '--', LIBRARY)

    def test_corpus_of_the_fuzzer(self):
        self.assertSame('--corpus', os.path.join(TOOL, os.pardir, 'fuzz', 'corpus.txt'))

    def test_annotations_as_text(self):
        self.assertSame('--flags', '0x1000000', '--optimize', '0', '--text-only', '--',
                        os.path.join(LIBRARY, 'asyncio'))

    def test_no_debug_ranges(self):
        self.assertSame('-X', 'no_debug_ranges', '--optimize', '0', '--text-only', '--',
                        os.path.join(LIBRARY, 'asyncio'))

    def test_top_level_await(self):
        self.assertSame('--flags', '0x2000', '--mutations', '2', '--',
                        os.path.join(LIBRARY, 'asyncio'))

    def test_sets_in_the_order_of_addresses(self):
        """Where None lies is no difference; everything else of the set is one."""
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, 'sets.py')
            with open(source, 'w') as file:
                for number in range(10):
                    items = ', '.join(f'(None, {number * i})' for i in range(9))
                    file.write(f'a in {{{items}, 1}}\n')
            self.assertSame(source)

    def test_warnings_as_errors(self):
        self.assertSame('--warnings', 'error', '--mutations', '2', '--',
                        os.path.join(LIBRARY, 'asyncio'))


class ToolTests(unittest.TestCase):
    """The tool finds what differs."""

    def compare_with(self, worker_change):
        """Compares stock with a stock whose worker changes what it compiles."""
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, 'source.py')
            with open(source, 'w') as file:
                file.write('def f(a):\n    return a + 1\n')
            changed = os.path.join(folder, 'changed')
            with open(changed, 'w') as file:
                file.write(f'#!/bin/sh\nexec {STOCK} -B -c \'\n'
                           'import sys; sys.argv[0] = sys.argv[2]\n'
                           'sys.path.insert(0, sys.argv[0].rpartition("/")[0])\n'
                           'import code_worker, builtins\n'
                           'stock = builtins.compile\n'
                           f'{worker_change}\n'
                           'code_worker.main()\' "$@"\n')
            os.chmod(changed, 0o755)
            return compare('--text-only', '--optimize', '0', source, ours=changed)

    def test_field(self):
        outcome = self.compare_with(
            'builtins.compile = lambda *a, **k: stock(*a, **k).replace(co_stacksize=77)')
        self.assertEqual(outcome.returncode, 1, outcome.stderr)
        self.assertIn('co_stacksize differs', outcome.stdout)
        self.assertIn('1 differences', outcome.stdout)

    def test_error(self):
        outcome = self.compare_with(
            'builtins.compile = lambda *a, **k: stock("1 +", "x", "exec")')
        self.assertEqual(outcome.returncode, 1, outcome.stderr)
        self.assertIn('SyntaxError', outcome.stdout)

    def test_crash(self):
        outcome = self.compare_with('import os; builtins.compile = lambda *a, **k: os._exit(3)')
        self.assertEqual(outcome.returncode, 1, outcome.stderr)

    def test_same(self):
        outcome = self.compare_with('')
        self.assertEqual(outcome.returncode, 0, outcome.stdout + outcome.stderr)


if __name__ == '__main__':
    unittest.main()
