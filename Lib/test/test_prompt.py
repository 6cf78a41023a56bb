"""The prompt, typed at through a terminal or fed through a pipe."""

import os
import re
import subprocess
import sys
import textwrap
import unittest

from prompt_support import STOCK, PromptTestCase, clean_environment

TRACEBACK = "Traceback (most recent call last):\n"


def run_piped(source, *arguments, executable=sys.executable, **variables):
    """Feed source to an interactive interpreter; return the finished process."""
    return subprocess.run(
        [executable, "-q", "-i", *arguments], input=textwrap.dedent(source),
        capture_output=True, text=True, timeout=60, env=clean_environment(**variables))


class AwaitTest(PromptTestCase):
    """What the stock prompt refuses."""

    def test_await_in_statements(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("await asyncio.sleep(0, 'done')", "'done'\n"),
            ("_ + '!'", "'done!'\n"),
            ("x = await asyncio.sleep(0, 1) + await asyncio.sleep(0, 2)", ""),
            ("x", "3\n"),
            ("x += await asyncio.sleep(0, 4); x", "7\n"),
            ("print(await asyncio.sleep(0, 5), f'{await asyncio.sleep(0, 6)}')", "5 6\n"),
            ("if await asyncio.sleep(0, True):\n    x = 8\n", ""),
            ("x", "8\n"),
            ("await asyncio.sleep(0)", ""),
            ("[await asyncio.sleep(0, n) for n in range(3)]", "[0, 1, 2]\n"),
            ("await asyncio.sleep(0, 1) if 0 else 'no'", "'no'\n"),
            ("assert await asyncio.sleep(0, 1)", ""),
            ("del x; await asyncio.sleep(0, 2)", "2\n"),
        ])

    def test_async_for(self):
        self.check_session(self.start(), [
            ("async def count():\n    yield 1\n    yield 2\n", ""),
            ("async for n in count():\n    print(n)\nelse:\n    print('end')\n", "1\n2\nend\n"),
            ("async for n in count(): n\n", "1\n2\n"),
            ("[n async for n in count()]", "[1, 2]\n"),
            ("{n: -n async for n in count() if n > 1}", "{2: -2}\n"),
            ("sorted({n async for n in count()})", "[1, 2]\n"),
            ("for i in range(2):\n    async for n in count():\n        i, n\n",
             "(0, 1)\n(0, 2)\n(1, 1)\n(1, 2)\n"),
        ])

    def test_async_with(self):
        self.check_session(self.start(), [
            ("import contextlib", ""),
            ("@contextlib.asynccontextmanager\nasync def manager():\n    print('in')\n"
             "    yield 'value'\n    print('out')\n", ""),
            ("async with manager() as value:\n    value\n", "in\n'value'\nout\n"),
            ("async with manager() as a, manager() as b:\n    pass\n", "in\nin\nout\nout\n"),
            ("value", "'value'\n"),
        ])

    def test_nested_statements(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("try:\n    await asyncio.sleep(0)\n    1/0\nexcept ZeroDivisionError:\n"
             "    await asyncio.sleep(0, 'handled')\nfinally:\n"
             "    await asyncio.sleep(0, 'after')\n", "'handled'\n'after'\n"),
            ("while True:\n    if await asyncio.sleep(0, True): break\n", ""),
            ("@(await asyncio.sleep(0, lambda f: f()))\n"
             "def made(x=await asyncio.sleep(0, 3)):\n    return x\n", ""),
            ("made", "3\n"),
            ("class C(await asyncio.sleep(0, object)):\n    pass\n", ""),
            ("C.__mro__[1]", "<class 'object'>\n"),
            ("match await asyncio.sleep(0, 1):\n    case 1: 'one'\n", "'one'\n"),
        ])

    def test_what_stays_an_error(self):
        self.check_session(self.start(), [
            ("def f(): await g()\n",
             '  File "<stdin>", line 1\nSyntaxError: \'await\' outside async function\n'),
            ("lambda: await g()",
             '  File "<stdin>", line 1\nSyntaxError: \'await\' outside async function\n'),
            ("return await g()",
             '  File "<stdin>", line 1\nSyntaxError: \'return\' outside function\n'),
            ("yield", '  File "<stdin>", line 1\nSyntaxError: \'yield\' outside function\n'),
        ])

    def test_locals_are_globals(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("await asyncio.sleep(0, locals() is globals())", "True\n"),
            ("await asyncio.sleep(0, __name__)", "'__main__'\n"),
            ("y: int = await asyncio.sleep(0, 1)", ""),
            ("__annotations__", "{'y': <class 'int'>}\n"),
        ])

    def test_future_features_stay(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("from __future__ import annotations", ""),
            ("def f() -> undefined: pass\n", ""),
            ("await asyncio.sleep(0, f.__annotations__)", "{'return': 'undefined'}\n"),
            ("compile('await x', '', 'eval')",
             TRACEBACK + '  File "<stdin>", line 1, in <module>\n  File "", line 1\n'
             "SyntaxError: 'await' outside function\n"),
        ])


class SessionTest(PromptTestCase):
    """What lives from one statement to the next."""

    def test_plain_statements_do_not_import_asyncio(self):
        self.check_session(self.start(), [
            ("import sys", ""),
            ("async def f(): return 5\n", ""),
            ("[x for x in (1, 2)]", "[1, 2]\n"),
            ("'asyncio' in sys.modules", "False\n"),
            ("await f()", "5\n"),
            ("'asyncio' in sys.modules", "True\n"),
        ])

    def test_one_loop(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("async def loop(): return asyncio.get_running_loop()\n", ""),
            ("a = await loop()", ""),
            ("b = await loop()", ""),
            ("a is b, a.is_closed()", "(True, False)\n"),
            ("asyncio.run(loop()) is a", "False\n"),
            ("await loop() is a", "True\n"),
            ("a.close()", ""),
            ("(await loop()).is_closed()", "False\n"),
        ])

    def test_tasks_live_on(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("seen = []", ""),
            ("async def ticker():\n    while True:\n        seen.append(1)\n"
             "        await asyncio.sleep(0.01)\n", ""),
            ("async def begin(): return asyncio.create_task(ticker())\n", ""),
            ("task = await begin()", ""),
            ("await asyncio.sleep(0.2)", ""),
            ("before = len(seen); before > 1", "True\n"),
            ("await asyncio.sleep(0.2)", ""),
            ("len(seen) > before, task.done()", "(True, False)\n"),
            ("task.cancel()", "True\n"),
            ("await asyncio.wait([task])\ntask.cancelled()",
             "({<Task cancelled name='Task-2' coro=<ticker() done, defined at <stdin>:1>>}, set())\n"
             "True\n"),
        ])

    def test_servers_and_generators_live_on(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("async def serve(reader, writer):\n    writer.write(await reader.readline())\n"
             "    writer.close()\n", ""),
            ("server = await asyncio.start_server(serve, '127.0.0.1', 0)", ""),
            ("port = server.sockets[0].getsockname()[1]", ""),
            ("reader, writer = await asyncio.open_connection('127.0.0.1', port)", ""),
            ("writer.write(b'hello\\n')", ""),
            ("await reader.read()", "b'hello\\n'\n"),
            ("async def count():\n    for n in range(9):\n        yield n\n", ""),
            ("numbers = count()", ""),
            ("await anext(numbers)", "0\n"),
            ("await anext(numbers)", "1\n"),
        ])

    def test_context_variables(self):
        self.check_session(self.start(), [
            ("import asyncio, contextvars", ""),
            ("v = contextvars.ContextVar('v', default=0)", ""),
            ("async def set_v(x): return v.set(x)\n", ""),
            ("token = await set_v(1)", ""),
            ("v.get()", "1\n"),
            ("v.reset(token)", ""),
            ("v.get()", "0\n"),
            ("token = v.set(2)", ""),
            ("await asyncio.sleep(0, v.get())", "2\n"),
            ("v.reset(await asyncio.sleep(0, token)); v.get()", "0\n"),
        ])


class FailureTest(PromptTestCase):
    """Tracebacks, interrupts and the ways out."""

    def test_tracebacks_show_the_users_frames(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("async def f(): 1/0\n", ""),
            ("await f()", TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
             '  File "<stdin>", line 1, in f\nZeroDivisionError: division by zero\n'),
            ("async def g():\n    await asyncio.create_task(f())\n", ""),
            ("await g()", TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
             '  File "<stdin>", line 2, in g\n  File "<stdin>", line 1, in f\n'
             "ZeroDivisionError: division by zero\n"),
            ("await 3", TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
             "TypeError: object int can't be used in 'await' expression\n"),
            ("asyncio.get_event_loop().stop(); await asyncio.sleep(9)",
             TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
             "RuntimeError: Event loop stopped before Future completed.\n"),
            ("raise asyncio.CancelledError(await asyncio.sleep(0, 'own'))",
             TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
             "asyncio.exceptions.CancelledError: own\n"),
            ("raise StopIteration(await asyncio.sleep(0, 1))",
             TRACEBACK + '  File "<stdin>", line 1, in <module>\nStopIteration: 1\n\n'
             "The above exception was the direct cause of the following exception:\n\n"
             + TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
             "RuntimeError: coroutine raised StopIteration\n"),
            ("import sys; sys.last_type", "<class 'RuntimeError'>\n"),
        ])

    def test_interrupt(self):
        prompt = self.start()
        prompt.type("import asyncio, time")
        prompt.type("async def f():\n    try:\n        print('be', 'gin')\n"
                    "        await asyncio.Event().wait()\n"
                    "    finally:\n        print('clean')\n")
        shown = prompt.interrupt("await f()", "be gin")
        self.assertRegex(shown, r"clean\n" + TRACEBACK.replace("(", r"\(").replace(")", r"\)")
                         + r'  File "<stdin>", line 1, in <module>\n'
                         r'  File "<stdin>", line [34], in f\nKeyboardInterrupt\n$')
        self.assertEqual(prompt.type("await asyncio.sleep(0, 'works')"), "'works'\n")

        prompt.type("async def busy():\n    print('be', 'gin')\n    while True: pass\n")
        shown = prompt.interrupt("await busy()", "be gin")
        self.assertRegex(shown, r'in <module>\n  File "<stdin>", line 3, in busy\n'
                         r"KeyboardInterrupt\n$")
        self.assertEqual(prompt.type("await asyncio.sleep(0, 'works')"), "'works'\n")

        prompt.type("async def slow():\n    try:\n        print('be', 'gin')\n"
                    "        await asyncio.sleep(99)\n"
                    "    finally:\n        await asyncio.sleep(99)\n")
        shown = prompt.interrupt("await slow()", "be gin")
        self.assertRegex(shown, r"\nKeyboardInterrupt\n$")
        self.assertEqual(prompt.type("await asyncio.sleep(0, 'works')"), "'works'\n")

    def test_interrupt_that_no_bytecode_notices(self):
        prompt = self.start()
        prompt.type("import itertools")
        prompt.type("def slow():\n    print('be', 'gin')\n"
                    "    return map(abs, itertools.repeat(1, 5 * 10**7))\n")
        for statement in "", "import asyncio":
            prompt.type(statement)
            shown = prompt.interrupt("x = 0 in slow()", "be gin")
            self.assertTrue(shown.endswith(TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
                                           "KeyboardInterrupt\n"), shown)
            self.assertEqual(shown.count("File"), 1)
            self.assertEqual(prompt.type("1"), "1\n")

    def test_interrupt_of_a_plain_statement(self):
        prompt = self.start()
        prompt.type("import time")
        shown = prompt.interrupt("print('be', 'gin'); time.sleep(99)", "be gin")
        self.assertRegex(shown, r"\nKeyboardInterrupt\n$")
        self.assertEqual(prompt.type("1"), "1\n")

    def test_exit_statuses(self):
        for source, status in [("raise SystemExit(await asyncio.sleep(0, 3))", 3),
                               ("exit(await asyncio.sleep(0, 4))", 4),
                               ("await f()", 5),
                               ("await asyncio.create_task(f())", 5),
                               ("exit()", 0), (None, 0)]:
            with self.subTest(source=source):
                prompt = self.start()
                prompt.type("import asyncio, sys")
                prompt.type("async def f(): sys.exit(5)\n")
                shown, exit_status = prompt.leave(source)
                self.assertEqual(exit_status, status)
                self.assertNotIn("Traceback", shown)

    def test_exit_status_after_interrupt(self):
        for statement in "time.sleep(99)", "await asyncio.sleep(99)":
            ours = self.start()
            ours.type("import asyncio, time")
            ours.interrupt(f"print('be', 'gin'); {statement}", "be gin")
            stock = self.start(executable=STOCK)
            stock.type("import time")
            stock.interrupt("print('be', 'gin'); time.sleep(99)", "be gin")
            self.assertEqual(ours.leave()[1], stock.leave()[1])

    def test_leaving_cleans_up(self):
        for way_out in None, "exit()", "raise SystemExit(await asyncio.sleep(0))":
            with self.subTest(way_out=way_out):
                prompt = self.start()
                prompt.type("import asyncio")
                prompt.type("async def work():\n    try:\n        await asyncio.sleep(99)\n"
                            "    finally:\n        await asyncio.sleep(0.01)\n"
                            "        print('task', 'ended')\n")
                prompt.type("async def count():\n    try:\n        yield 1\n"
                            "    finally:\n        await asyncio.sleep(0)\n"
                            "        print('generator', 'closed')\n")
                prompt.type("async def begin(): return asyncio.create_task(work())\n")
                prompt.type("task = await begin()")
                prompt.type("numbers = count()")
                prompt.type("await anext(numbers)")
                shown, status = prompt.leave(way_out)
                self.assertIn("task ended\n", shown)
                self.assertIn("generator closed\n", shown)
                self.assertNotIn("Warning", shown)
                self.assertEqual(status, 0)

    def test_leaving_a_task_that_refuses(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def refuse():\n    while True:\n        try:\n"
                    "            await asyncio.sleep(99)\n"
                    "        except asyncio.CancelledError: pass\n")
        prompt.type("async def begin(): return asyncio.create_task(refuse())\n")
        prompt.type("task = await begin()")
        shown, status = prompt.leave()
        self.assertIn("abandoned a task that does not end: Task-2, refuse() at <stdin>:", shown)
        self.assertEqual(shown.count("refuse()"), 1)
        self.assertEqual(status, 0)

    def test_leaving_reports_failed_cleanup(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def work():\n    try:\n        await asyncio.sleep(99)\n"
                    "    finally:\n        1/0\n")
        prompt.type("async def begin(): return asyncio.create_task(work())\n")
        prompt.type("task = await begin()")
        prompt.type("await asyncio.sleep(0)")
        shown, status = prompt.leave()
        self.assertIn("ZeroDivisionError", shown)
        self.assertEqual(status, 0)


class HookTest(PromptTestCase):
    """sys.awaithook."""

    def test_own_hook(self):
        self.check_session(self.start(), [
            ("import sys", ""),
            ("sys.awaithook is sys.__awaithook__", "True\n"),
            ("async def f(x): return x\n", ""),
            ("def hook(coroutine):\n    print('hook')\n    try:\n        coroutine.send(None)\n"
             "    except StopIteration as end:\n        return end.value\n", ""),
            ("sys.awaithook = hook", ""),
            ("await f(1)", "hook\n1\n"),
            ("f(1).close()", ""),
            ("raise ValueError(await f(1))",
             "hook\n" + TRACEBACK + '  File "<stdin>", line 1, in <module>\nValueError: 1\n'),
            ("def hook(coroutine):\n    coroutine.close()\n    1/0\n", ""),
            ("sys.awaithook = hook", ""),
            ("await f(1)", TRACEBACK + '  File "<stdin>", line 3, in hook\n'
             "ZeroDivisionError: division by zero\n"),
            ("def hook(coroutine):\n    del coroutine\n    1/0\n", ""),
            ("sys.awaithook = hook", ""),
            ("await f(1)", TRACEBACK + '  File "<stdin>", line 3, in hook\n'
             "ZeroDivisionError: division by zero\n"),
            ("'asyncio' in sys.modules", "False\n"),
            ("sys.awaithook = sys.__awaithook__", ""),
            ("await f(2)", "2\n"),
        ])

    def test_none(self):
        self.check_session(self.start(), [
            ("import sys", ""),
            ("sys.awaithook = None", ""),
            ("await f()",
             '  File "<stdin>", line 1\nSyntaxError: \'await\' outside function\n'),
            ("sys.awaithook = sys.__awaithook__", ""),
            ("import asyncio", ""),
            ("await asyncio.sleep(0, 1)", "1\n"),
        ])

    def test_broken_hooks_are_reported_as_displayhook_is(self):
        for breaking in "sys.{} = 3", "del sys.{}":
            with self.subTest(breaking=breaking):
                prompt = self.start()
                prompt.type("import asyncio, sys")
                prompt.type(breaking.format("displayhook"))
                expected = prompt.type("1")
                prompt.type("sys.displayhook = sys.__displayhook__")
                prompt.type(breaking.format("awaithook"))
                self.assertEqual(prompt.type("await asyncio.sleep(0)"),
                                 expected.replace("displayhook", "awaithook"))
                self.assertEqual(prompt.type("1"), "1\n")

    def test_hook_called_directly(self):
        result = subprocess.run([sys.executable, "-c", textwrap.dedent("""
            import asyncio, sys
            async def background():
                try:
                    await asyncio.sleep(99)
                finally:
                    print('ended')
            async def main():
                global task
                task = asyncio.create_task(background())
                await asyncio.sleep(0)
                try:
                    sys.awaithook(asyncio.sleep(0))
                except RuntimeError as error:
                    print(error)
                return 7
            print(sys.awaithook(main()))
            try:
                sys.awaithook(3)
            except TypeError as error:
                print(error)
            """)], capture_output=True, text=True, timeout=60, env=clean_environment())
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout.splitlines(), [
            "a top-level coroutine cannot be run from a running event loop", "7",
            "a coroutine was expected, got 3", "ended"])

    def test_hook_called_in_two_threads(self):
        result = subprocess.run([sys.executable, "-c", textwrap.dedent("""
            import asyncio, sys, threading
            started, refused = threading.Event(), threading.Event()
            async def work():
                started.set()
                while not refused.is_set():
                    await asyncio.sleep(0.01)
                print('ended')
            thread = threading.Thread(target=sys.awaithook, args=(work(),))
            thread.start()
            started.wait()
            try:
                sys.awaithook(asyncio.sleep(0))
            except RuntimeError as error:
                print(error)
            refused.set()
            thread.join()
            """)], capture_output=True, text=True, timeout=60, env=clean_environment())
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout, "another thread runs a top-level coroutine\nended\n")


class StockTest(PromptTestCase):
    """What has nothing to do with awaiting is as at the stock prompt."""

    SESSION = [
        "1 + 1", "_ * 2", "x = 5", "x", "None", "def f(a):\n    return a * 2\n", "f(x)",
        "for i in range(3):\n    i\n", "if x:\n    'yes'\nelse:\n    'no'\n",
        "class C:\n    def m(self): return 1\n", "C().m()", "1/0", "f(", ")", "f(\n3\n)",
        "'''a\nb'''", "x = \\\n7", "x", "if x:", "    pass", "", "    x", "raise KeyError('k')",
        "import sys", "sys.ps1", "sys.ps2", "sys.last_type", "del _", "del __builtins__", "len('ab')",
        "a b", "x = = 1", "\"abc", "from __future__ import barry_as_FLUFL", "1 <> 2",
        "from __future__ import annotations", "def g() -> y: pass\n", "g.__annotations__",
        "async def h(): await h()\n", "h", "# comment", "", "@f\n", "sys.flags.interactive",
        "sys.displayhook = lambda v: print('shown', v)", "3", "del sys.displayhook", "4",
        "__warningregistry__ = 5", "del sys.modules['__main__']", "print(x)",
    ]

    def test_session(self):
        ours = self.start()
        stock = self.start(executable=STOCK)
        for source in self.SESSION:
            with self.subTest(source=source):
                shown = [self.without_address(prompt.type(source)) for prompt in (ours, stock)]
                self.assertEqual(*shown)
        self.assertEqual(ours.leave(), stock.leave())

    @staticmethod
    def without_address(text):
        """Return text with the address of `<function h at 0x...>` left out."""
        before, at, _ = text.partition(" at 0x")
        return before + at

    def test_banner(self):
        ours = self.start().banner
        stock = self.start(executable=STOCK).banner
        tail = re.search(r" with top-level await [\d.]+(?= on linux)", ours)[0]
        self.assertEqual(ours.replace(tail, ""), stock)
        self.assertEqual(self.start("-q").banner, "")

    def test_completion_and_history(self):
        for executable in sys.executable, STOCK:
            prompt = self.start(executable=executable)
            prompt.type("import keyword")
            prompt.child.send("keyword.isk\t")
            prompt.child.expect_exact("keyword.iskeyword(")
            self.assertEqual(prompt.type("'if')"), "True\n")
            self.assertEqual(prompt.type("\x10"), "True\n")      # Ctrl-P: the line before
            prompt.leave()
            with open(os.path.join(self.home, ".python_history")) as history:
                self.assertEqual(history.read().splitlines(),
                                 ["import keyword", "keyword.iskeyword('if')"])
            os.remove(os.path.join(self.home, ".python_history"))

    def test_completion_of_awaited_names(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("awaited_name = await asyncio.sleep(0, 5)")
        prompt.child.send("awaited_n\t")
        prompt.child.expect_exact("awaited_name")
        self.assertEqual(prompt.type(""), "5\n")

    def test_prompts(self):
        prompt = self.start()
        prompt.child.send("import sys; sys.ps1 = '1> '; sys.ps2 = '2> '\n")
        prompt.child.expect_exact("\n1> ")
        prompt.child.send("if 1:\n")
        prompt.child.expect_exact("\n2> ")
        prompt.child.send("  await f()\n\n")
        prompt.child.expect_exact("NameError")
        prompt.child.expect_exact("\n1> ")
        prompt.child.send("sys.ps1 = type('P', (), {'__str__': lambda s: 'made> '})()\n")
        prompt.child.expect_exact("\nmade> ")
        prompt.child.send("sys.ps1 = type('P', (), {'__str__': lambda s: 1/0})()\n")
        prompt.child.expect_exact("\n")
        prompt.child.send("print('still', 'there'); sys.ps1 = '>>> '\n")
        prompt.child.expect_exact("still there")

    def test_startup_file(self):
        path = os.path.join(self.home, "startup.py")
        with open(path, "w") as startup:
            startup.write("x = 'from startup'\nprint('started')\n")
        prompt = self.start(PYTHONSTARTUP=path)
        self.assertIn("started\n", prompt.banner)
        self.assertEqual(prompt.type("x"), "'from startup'\n")
        prompt = self.start("-E", PYTHONSTARTUP=path)
        self.assertNotIn("started\n", prompt.banner)

    def test_inspect_after_script(self):
        path = os.path.join(self.home, "script.py")
        with open(path, "w") as script:
            script.write("import asyncio\nx = 6\nraise SystemExit(3)\n")
        prompt = self.start("-i", path)
        self.assertIn("SystemExit: 3\n", prompt.banner)
        self.assertEqual(prompt.type("await asyncio.sleep(0, x)"), "6\n")
        self.assertEqual(prompt.leave("exit(await asyncio.sleep(0, 4))")[1], 4)
        prompt = self.start("-i", "-c", "y = 7")
        self.assertEqual(prompt.type("y"), "7\n")

    def test_piped(self):
        source = "import asyncio\nawait asyncio.sleep(0, 5)\nif 1:\n  await asyncio.sleep(0, 6)\n\n_"
        result = run_piped(source)
        self.assertEqual(result.stdout, "5\n6\n6\n")
        self.assertEqual(result.stderr, ">>> >>> >>> ... ... >>> ... \n>>> \n")
        self.assertEqual(result.returncode, 0)

    def test_piped_as_stock(self):
        source = "\n".join(self.SESSION) + "\n"
        ours, stock = (run_piped(source, executable=executable, PYTHONHASHSEED="0")
                       for executable in (sys.executable, STOCK))
        self.assertEqual(self.without_address(ours.stdout), self.without_address(stock.stdout))
        self.assertEqual(ours.stderr, stock.stderr)
        self.assertEqual(ours.returncode, stock.returncode)

    def test_out_of_memory(self):
        for source in "raise MemoryError\n" * 20, "raise MemoryError\n1/0\n" * 20:
            ours, stock = (run_piped(source + "'alive'\n", executable=executable)
                           for executable in (sys.executable, STOCK))
            self.assertEqual((ours.stdout, ours.stderr, ours.returncode),
                             (stock.stdout, stock.stderr, stock.returncode))

    @unittest.skipUnless(hasattr(sys, "gettotalrefcount"), "needs --enable-debug")
    def test_references(self):
        for statement in "x = 1", "a b", "y = 1/0", "await f()", "await g()", "autoawait(3)":
            with self.subTest(statement=statement):
                result = run_piped("import sys\nasync def f(): pass\n\n"
                                   "async def g(): 1/0\n\ncounts = []\n"
                                   + ((statement + "\n") * 50
                                      + "counts.append(sys.gettotalrefcount())\n") * 4
                                   + "counts[3] - counts[2]\n")
                self.assertLess(abs(int(result.stdout)), 50)

    def test_audit_events(self):
        source = """\
            import sys
            events = []
            sys.addaudithook(lambda event, args: events.append(event) if events is not None else 0)
            x = 1
            x
            seen, events = events, None
            seen
            """
        ours, stock = (run_piped(source, executable=executable).stdout
                       for executable in (sys.executable, STOCK))
        self.assertEqual(ours, stock)
        self.assertIn("'exec'", ours)

    def test_not_interactive(self):
        for arguments in ["-"], []:
            result = subprocess.run([sys.executable, *arguments], input="await x\n", text=True,
                                    capture_output=True, timeout=60, env=clean_environment())
            self.assertEqual(result.returncode, 1)
            self.assertIn("SyntaxError: 'await' outside function", result.stderr)


class CommandTest(PromptTestCase):
    """Names that act without parentheses, at a terminal."""

    def test_leave(self):
        for mode in [], ["-I"]:
            for command in "exit", "quit", "  # nothing\nexit   # now":
                with self.subTest(command=command, mode=mode):
                    prompt = self.start(*mode)
                    *lines, last = command.split("\n")
                    for line in lines:
                        prompt.type(line)
                    self.assertEqual(prompt.leave(last), ("", 0))

    def test_help(self):
        prompt = self.start()
        prompt.child.send("help\n")
        prompt.child.expect_exact("help> ")
        prompt.child.send("quit\n")
        prompt.read_to_prompt()
        self.assertEqual(prompt.type("2"), "2\n")

    def test_other_statements(self):
        self.check_session(self.start(), [
            ("exit, 1", "(Use exit() or Ctrl-D (i.e. EOF) to exit, 1)\n"),
            ("(lambda: exit)()", "Use exit() or Ctrl-D (i.e. EOF) to exit\n"),
            ("exit; 1", "Use exit() or Ctrl-D (i.e. EOF) to exit\n1\n"),
            ("if True: exit\n", "Use exit() or Ctrl-D (i.e. EOF) to exit\n"),
            ("exit = 'mine'", ""),
            ("exit", "'mine'\n"),
            ("import builtins; builtins.quit = 5", ""),
            ("quit", "5\n"),
            ("del builtins.help", ""),
            ("help", 'Traceback (most recent call last):\n  File "<stdin>", line 1, in <module>\n'
             "NameError: name 'help' is not defined\n"),
            ("credits", "    Thanks to CWI, CNRI, BeOpen.com, Zope Corporation and a cast of thousands\n"
             "    for supporting Python development.  See www.python.org for more information.\n"),
        ])

    def test_not_at_a_terminal(self):
        shown = subprocess.run([sys.executable, "-q", "-i"], input="exit\n1\n", text=True,
                               capture_output=True, env=clean_environment()).stdout
        self.assertEqual(shown, "Use exit() or Ctrl-D (i.e. EOF) to exit\n1\n")


if __name__ == "__main__":
    unittest.main()
