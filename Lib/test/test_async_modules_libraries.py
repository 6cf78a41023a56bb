"""Imports that wait under each library, what never completes, and interrupts: in programs."""

import importlib.util
import os
import signal
import sys
import unittest

from async_modules_support import AsyncModulesTestCase

# How a program imports `top` under each library; none of them names it in the modules.
MAINS = {
    "plainly": ("import top", False),
    "marked": ("import top", True),
    "asyncio": ("""
        import asyncio, importlib
        async def main():
            await importlib.import_module_async('top')
        asyncio.run(main())
        """, False),
    "uvloop": ("""
        import asyncio, importlib, uvloop
        uvloop.install()
        async def main():
            await importlib.import_module_async('top')
        asyncio.run(main())
        """, False),
    "trio": ("""
        import importlib, trio
        async def main():
            await importlib.import_module_async('top')
        trio.run(main)
        """, False),
    "trio as hook": ("""
        import autoawait
        autoawait('trio')
        import top
        """, False),
    "hook": ("""
        import sys
        def hook(coroutine):
            try:
                while True:
                    coroutine.send(None)
            except StopIteration as end:
                return end.value
        sys.awaithook = hook
        import top
        """, False),
}

# Gives way a number of times, in whatever library.
SLEEPER = """
import sys

async def turns(count):
    for _ in range(count):
        if "trio" in sys.modules:
            import trio
            await trio.lowlevel.checkpoint()
        elif sys.awaithook is not sys.__awaithook__:
            import types
            await types.coroutine(lambda: (yield))()
        else:
            import asyncio
            await asyncio.sleep(0)
"""


def has(name):
    return importlib.util.find_spec(name) is not None


class LibrariesTest(AsyncModulesTestCase):
    """The same order in every library."""

    # Where a start takes turns itself, as in trio, the numbers of turns are to be far apart.

    def setUp(self):
        super().setUp()
        self.write("sleeper.py", SLEEPER, mark=False)

    def check(self, expected, *, sequential=None, **modules):
        """Have the program print expected under each library."""
        sleeper = "from sleeper import turns\n"
        self.write_all(**{name: sleeper + source for name, source in modules.items()})
        for name, (main, mark) in MAINS.items():
            library = name.partition(" ")[0]
            if library in ("trio", "uvloop") and not has(library):
                continue
            with self.subTest(library=name):
                result = self.run_program(main, mark=mark)
                self.assertEqual(result.stderr, "")
                wanted = sequential if sequential and name == "hook" else expected
                self.assertEqual(result.stdout.split(), wanted.split())

    def test_siblings(self):
        self.check("a b c A B C top", sequential="a A b B c C top",
                   a="note('a'); await turns(20); note('A')",
                   b="note('b'); await turns(40); note('B')",
                   c="note('c'); await turns(60); note('C')",
                   top="import a, b, c\nnote('top')")

    def test_start_in_post_order(self):
        self.check("x y z Y X Z b a top", sequential="x X y Y a z Z b top",
                   x="note('x'); await turns(40); note('X')",
                   y="note('y'); await turns(20); note('Y')",
                   z="note('z'); await turns(60); note('Z')",
                   a="import x, y, sleeper\nawait turns(80); note('a')",
                   b="import z\nnote('b')", top="import a, b\nnote('top')")

    def test_plain_members_in_their_turn(self):
        self.write("plain.py", "note('plain')", mark=False)
        self.check("a plain b A B top", sequential="a A plain b B top",
                   a="note('a'); await turns(20); note('A')",
                   b="note('b'); await turns(40); note('B')",
                   top="import a, plain, b\nnote('top')")

    def test_cycle(self):
        self.check("b_False A outsider top", a="import b\nawait turns(5)\nx = 1; note('A')",
                   b="import a\nnote(f\"b_{hasattr(a, 'x')}\")",
                   outsider="import b\nnote('outsider')", top="import a, outsider\nnote('top')")

    def test_resumption_in_order_reached(self):
        self.check("leaf p q r top", leaf="await turns(50); note('leaf')",
                   p="import leaf; note('p')", q="import leaf; note('q')",
                   r="import leaf; note('r')", top="import p, q, r; note('top')")

    def test_error(self):
        self.check("b c ValueError", a="await turns(30); raise ValueError('first')",
                   b="await turns(1); note('b')", c="await turns(9); note('c')",
                   group="import a, b, c", top="try:\n  import group\n"
                                               "except ValueError:\n  note('ValueError')")


class NeverTest(AsyncModulesTestCase):
    """Modules that wait where nothing can happen any more."""

    NEVER = {
        "asyncio": "import asyncio\nawait asyncio.get_running_loop().create_future()",
        "trio": "import trio\nawait trio.sleep_forever()",
    }

    def check(self, main, *, library="asyncio", mark=False, **modules):
        self.write_all(never=self.NEVER[library], **modules)
        result = self.run_program(main, mark=mark)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertNotIn("asyncimport", result.stderr)
        return result.stderr

    def check_chain(self, main, **options):
        stderr = self.check(main, top="x = 1\nimport middle", middle="import never", **options)
        self.assertIn(f"the import of 'never' never completes: it waits ({self.folder}/never.py, "
                      f"line 4)", stderr)
        self.assertIn(f"'never' is imported by middle ({self.folder}/middle.py, line 3)", stderr)
        self.assertIn(f"'middle' is imported by top ({self.folder}/top.py, line 4)", stderr)
        self.assertRegex(stderr, rf"'top' is imported by .*\({self.folder}/main.py, line \d\)")

    def test_plainly(self):
        self.check_chain("import top")

    def test_marked(self):
        self.check_chain("import top", mark=True)

    def test_asyncio_run(self):
        self.check_chain("import asyncio, importlib\nasync def main():\n"
                         "  await importlib.import_module_async('top')\nasyncio.run(main())")

    @unittest.skipUnless(has("trio"), "needs trio")
    def test_trio(self):
        self.check_chain("import trio, importlib\nasync def main():\n"
                         "  await importlib.import_module_async('top')\ntrio.run(main)",
                         library="trio")

    @unittest.skipUnless(has("trio"), "needs trio")
    def test_trio_as_hook(self):
        self.check_chain("import autoawait; autoawait('trio')\nimport top", library="trio")

    def test_imported_plainly_itself(self):
        stderr = self.check("import never")
        self.assertIn("line 4, in <module>\n    await asyncio.get_running_loop()", stderr)
        self.assertRegex(stderr, rf"'never' is imported by .*\({self.folder}/main.py, line \d\)")

    @unittest.skipUnless(has("trio"), "needs trio")
    def test_imported_plainly_itself_with_trio_as_hook(self):
        stderr = self.check("import autoawait; autoawait('trio')\nimport never", library="trio")
        self.assertIn("the import of 'never' never completes", stderr)

    def test_after_work_in_threads(self):
        self.check_chain("import asyncio\nawait asyncio.to_thread(print)\nimport top", mark=True)

    def test_task_that_waits_for_the_module(self):
        stderr = self.check("import asyncio, builtins, importlib\n"
                            "builtins.task = asyncio.ensure_future("
                            "importlib.import_module_async('top'))\nawait builtins.task",
                            mark=True, top="import asyncio, builtins\nawait asyncio.sleep(0)\n"
                                           "await builtins.task")
        self.assertIn("the import of 'top' never completes", stderr)

    def test_can_be_caught(self):
        self.write_all(never=self.NEVER["asyncio"])
        result = self.run_program("try:\n  import never\nexcept ImportError: print('caught')\n"
                                  "import asyncio; await asyncio.sleep(0); print('goes on')",
                                  mark=True)
        self.assertEqual(result.stdout.split(), ["caught", "goes", "on"])
        self.assertEqual((result.returncode, result.stderr), (0, ""))


@unittest.skipIf(sys.platform == "win32", "needs signals")
class InterruptTest(AsyncModulesTestCase):
    """Ctrl-C while an import waits."""

    def check(self, main, mark):
        self.write_all(top="import slow, kill", slow="import asyncio\nawait asyncio.sleep(600)",
                       kill="import os, signal, asyncio\nasyncio.get_running_loop()"
                            ".call_soon(os.kill, os.getpid(), signal.SIGINT)")
        result = self.run_program(main, mark=mark,
                                  preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                                   signal.default_int_handler))
        self.assertEqual(result.returncode, -signal.SIGINT, result.stderr)
        self.assertIn("KeyboardInterrupt\n", result.stderr)
        self.assertNotIn("asyncimport", result.stderr)
        self.assertIn(f"slow ({self.folder}/slow.py, line 4)", result.stderr)

    def test_plainly(self):
        self.check("import top", mark=False)

    def test_marked(self):
        self.check("import top", mark=True)

    def test_exit_in_a_module(self):
        self.write_all(top="import leave", leave="import asyncio\nawait asyncio.sleep(0)\n"
                                                 "raise SystemExit(5)")
        for mark in False, True:
            with self.subTest(mark=mark):
                result = self.run_program("import top", mark=mark)
                self.assertEqual((result.returncode, result.stderr), (5, ""))


class SeeingTest(AsyncModulesTestCase):
    """What tells of imports that wait."""

    def test_autoawait_lists_them(self):
        self.write_all(top="import leaf", leaf="import asyncio\nawait asyncio.sleep(600)")
        result = self.run_program("""
            import asyncio, autoawait, importlib
            task = asyncio.ensure_future(importlib.import_module_async('top'))
            await asyncio.sleep(0)
            print(autoawait)
            task.cancel()
            """, mark=True)
        self.assertEqual(result.stdout.splitlines()[1:], [
            f"top waits at {self.folder}/top.py, line 3; imported by __main__ "
            f"({self.folder}/main.py, line 4)",
            f"leaf waits at {self.folder}/leaf.py, line 4; imported by top "
            f"({self.folder}/top.py, line 3)"])

    def test_switched_off(self):
        self.write_all(top="import asyncio\nawait asyncio.sleep(0)")
        result = self.run_program("import sys; sys.awaithook = None\nimport top", mark=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("ImportError: cannot import 'top': it awaits "
                      f"({self.folder}/top.py, line 4), and awaiting is switched off",
                      result.stderr)

    def test_import_at_exit(self):
        self.write_all(top="import asyncio\nawait asyncio.sleep(0)\nnote('top')")
        result = self.run_program("import atexit\n@atexit.register\ndef f():\n  import top\n",
                                  mark=False)
        self.assertEqual((result.stdout, result.stderr), ("top\n", ""))

    def test_bytecode_is_not_stocks(self):
        self.write_all(top="import asyncio\nawait asyncio.sleep(0)")
        environment = {key: value for key, value in os.environ.items()
                       if key != "PYTHONDONTWRITEBYTECODE"}
        self.run_program("import top", mark=False, env=environment)
        names = [name for name in os.listdir(f"{self.folder}/__pycache__") if "top" in name]
        self.assertEqual(names, ["top.cpython-311.opt-await.pyc"])


if __name__ == "__main__":
    unittest.main()
