"""Subinterpreters, and threads that compile side by side."""

import sys
import textwrap
import unittest

from join_support import PROGRAM, JoinTestCase, run_checked

import _xxsubinterpreters as interpreters


def run_in_new(source):
    """Run source in an interpreter of its own."""
    identity = interpreters.create()
    try:
        interpreters.run_string(identity, textwrap.dedent(source))
    finally:
        interpreters.destroy(identity)


class SubinterpreterTests(JoinTestCase):
    """Each interpreter has its own hook, modules and search path."""

    def test_hook_is_there(self):
        run_in_new("""
            import sys
            assert callable(sys.awaithook)
            assert sys.awaithook is sys.__awaithook__
            """)

    def test_hook_is_its_own(self):
        before = sys.awaithook
        run_in_new(f"""
            import sys
            assert id(sys.awaithook) != {id(before)}
            sys.awaithook = None
            """)
        self.assertIs(sys.awaithook, before)
        run_in_new("""
            import sys
            assert sys.awaithook is not None
            """)

    def test_search_path_is_inherited(self):
        output = run_checked(self, PROGRAM, "-c", textwrap.dedent("""\
            import sys, _xxsubinterpreters as i
            print(sys.path)
            sys.stdout.flush()
            i.run_string(i.create(), 'import sys; print(sys.path, flush=True)')
            """))
        first, second = output.splitlines()
        self.assertEqual(first.replace("'', ", ""), second.replace("'', ", ""))

    def test_many_one_after_the_other(self):
        for _ in range(30):
            run_in_new("import sys; exec('x = [y for y in range(3)]')")

    def test_errors_cross(self):
        with self.assertRaisesRegex(interpreters.RunFailedError,
                                    "SyntaxError"):
            run_in_new("x = = 1")

    def test_left_over_at_exit(self):
        source = "import _xxsubinterpreters as i; i.create(); i.create()"
        self.assertAsStock("-c", source)

    def test_threads_and_interpreters_compile_at_once(self):
        output = run_checked(self, PROGRAM, "-c", textwrap.dedent("""\
            import threading
            import _xxsubinterpreters as interpreters
            SOURCE = '''
            import ast
            line = "def f{0}(a, b={0}): return [a + b for c in a if c]"
            text = "\\\\n".join(line.format(n) for n in range(200))
            for _ in range(5):
                code = compile(text, "text", "exec")
                ast.unparse(ast.parse(text))
            assert code.co_consts[1].co_name == "f0"
            '''
            import textwrap
            SOURCE = textwrap.dedent(SOURCE)
            failures = []
            def in_thread():
                exec(SOURCE, {})
            def in_interpreter():
                identity = interpreters.create()
                interpreters.run_string(identity, SOURCE)
                interpreters.destroy(identity)
            def guarded(function):
                try:
                    function()
                except BaseException as error:
                    failures.append(error)
            threads = [threading.Thread(target=guarded, args=(function,))
                       for function in [in_thread, in_interpreter] * 3]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(failures)
            """))
        self.assertEqual(output, "[]\n")


if __name__ == "__main__":
    unittest.main()
