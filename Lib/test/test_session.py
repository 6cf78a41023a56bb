"""Sessions: background work, the loop lent to plain statements, and the runners."""

import subprocess
import sys
import textwrap
import time
import types
import unittest
import unittest.mock

import pexpect

from prompt_support import PromptTestCase, clean_environment

TRACEBACK = "Traceback (most recent call last):\n"

TICKER = ("async def tick(times=10**6):\n    for n in range(times):\n"
          "        ticks.append(n)\n        await asyncio.sleep(0.01)\n")


class BackgroundTest(PromptTestCase):
    """What goes on while the prompt waits for a key."""

    # With readline and, isolated, without.
    MODES = [], ["-I"]

    def start_ticking(self, *arguments):
        """Start a prompt on which tick() appends to ticks in the background."""
        prompt = self.start(*arguments)
        prompt.type("import asyncio; ticks = []")
        prompt.type(TICKER)
        prompt.type("task = asyncio.create_task(tick())")
        return prompt

    def test_tasks_go_on(self):
        for mode in self.MODES:
            with self.subTest(mode=mode):
                prompt = self.start_ticking(*mode)
                prompt.type("before = len(ticks)")
                time.sleep(1)
                done = int(prompt.type("len(ticks) - before"))
                self.assertGreater(done, 20)

    def test_tasks_go_on_with_a_half_typed_line(self):
        prompt = self.start_ticking()
        prompt.type("before = len(ticks)")
        prompt.child.send("len(ticks) - ")
        time.sleep(1)
        self.assertGreater(int(prompt.type("before")), 20)

    def test_tasks_go_on_in_a_block(self):
        prompt = self.start_ticking()
        prompt.type("before = len(ticks)\nif True:")
        time.sleep(0.5)
        self.assertGreater(int(prompt.type("    len(ticks) - before\n")), 10)

    def test_tasks_go_on_with_piped_input(self):
        with subprocess.Popen([sys.executable, "-q", "-i"], text=True, bufsize=1,
                              env=clean_environment(), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            child.stdin.write("import asyncio; ticks = []\n" + TICKER + "\n"
                              "task = asyncio.create_task(tick())\nbefore = len(ticks)\n")
            time.sleep(1)
            child.stdin.write("len(ticks) - before\n")
            self.assertGreater(int(child.stdout.readline()), 20)
            # Lines that arrive together do not wait for the ones after them.
            child.stdin.write("1\n2\n3\n")
            self.assertEqual([child.stdout.readline() for _ in range(3)], ["1\n", "2\n", "3\n"])
            child.stdin.close()
            child.wait(timeout=30)

    def test_servers_answer_while_the_prompt_waits(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def serve(reader, writer):\n    writer.write(b'served')\n"
                    "    writer.close()\n")
        prompt.type("server = await asyncio.start_server(serve, '127.0.0.1', 0)")
        port = int(prompt.type("server.sockets[0].getsockname()[1]"))
        import socket
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            self.assertEqual(client.recv(100), b"served")

    def test_idle_prompt_uses_no_cpu(self):
        prompt = self.start()
        prompt.type("import asyncio, time")
        prompt.type("await asyncio.sleep(0)")
        prompt.type("before = time.process_time()")
        time.sleep(2)
        self.assertLess(float(prompt.type("time.process_time() - before")), 0.05)

    def test_interrupt_clears_the_line(self):
        for mode in self.MODES:
            with self.subTest(mode=mode):
                prompt = self.start_ticking(*mode)
                for _ in range(3):
                    prompt.child.send("1 + ")
                    time.sleep(0.3)
                    prompt.child.sendintr()
                    self.assertEqual(prompt.read_to_prompt().count("KeyboardInterrupt"), 1)
                self.assertEqual(prompt.type("2"), "2\n")
                self.assertEqual(prompt.type("task.done()"), "False\n")

    def test_another_input_hook_goes_on(self):
        for mode in self.MODES:
            with self.subTest(mode=mode):
                prompt = self.start_ticking(*mode)
                prompt.type(textwrap.dedent("""\
                    import ctypes, select
                    def hook():
                        # As tkinter's does: events until the terminal is readable.
                        while not select.select([0], [], [], 0.01)[0]:
                            events.append(1)
                        return 0
                    """))
                prompt.type("events = []; hook = ctypes.PYFUNCTYPE(ctypes.c_int)(hook)")
                prompt.type("place = ctypes.c_void_p.in_dll(ctypes.pythonapi, 'PyOS_InputHook')")
                prompt.type("place.value = ctypes.cast(hook, ctypes.c_void_p).value")
                prompt.type("before = len(ticks), len(events)")
                time.sleep(1)
                self.assertGreater(int(prompt.type("len(ticks) - before[0]")), 20)
                self.assertGreater(int(prompt.type("len(events) - before[1]")), 20)
                # One that does not wait, and is no Python code that Ctrl-C could interrupt.
                prompt.type("place.value = ctypes.cast(ctypes.CDLL(None).getppid,"
                            " ctypes.c_void_p).value")
                prompt.type("import time; before = len(ticks), time.process_time()")
                time.sleep(1)
                self.assertGreater(int(prompt.type("len(ticks) - before[0]")), 20)
                self.assertLess(float(prompt.type("time.process_time() - before[1]")), 0.3)
                prompt.child.send("1 + ")
                time.sleep(0.3)
                prompt.child.sendintr()
                self.assertEqual(prompt.read_to_prompt().count("KeyboardInterrupt"), 1)
                self.assertEqual(prompt.type("place.value is None"), "False\n")

    def test_signals_during_another_input_hook(self):
        for mode in self.MODES:
            with self.subTest(mode=mode):
                prompt = self.start_ticking(*mode)
                prompt.type("import ctypes, signal; alarms = []")
                prompt.type("_ = signal.signal(signal.SIGALRM, lambda *_: alarms.append(1))")
                prompt.type("place = ctypes.c_void_p.in_dll(ctypes.pythonapi, 'PyOS_InputHook')")
                prompt.child.send("_ = signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1);"
                                  " place.value = ctypes.cast(ctypes.CDLL(None).pause,"
                                  " ctypes.c_void_p).value; before = len(ticks)\n")
                prompt.read_to_prompt()
                time.sleep(1)
                self.assertEqual(prompt.type("len(alarms) > 5, len(ticks) - before > 2"),
                                 "(True, True)\n")

    def test_output_appears_above_the_line(self):
        prompt = self.start()
        prompt.type("import asyncio, logging")
        prompt.type("logging.basicConfig(format='logged: %(message)s')")
        prompt.type("async def speak():\n    await asyncio.sleep(0.5)\n"
                    "    print('spoken', 1)\n    print('spoken', 2)\n"
                    "    logging.error('too')\n")
        prompt.type("task = asyncio.create_task(speak())")
        prompt.child.send("6 * ")
        prompt.child.expect_exact("6 * ")
        prompt.child.expect_exact("spoken 1\r\nspoken 2\r\nlogged: too\r\n>>> 6 * ")
        self.assertEqual(prompt.type("7"), "42\n")

    def test_tasks_go_on_while_a_plain_statement_waits_for_a_line(self):
        for mode in self.MODES:
            with self.subTest(mode=mode):
                prompt = self.start_ticking(*mode)
                prompt.type("ask = 'name' + '? '")
                for statement in "line = input(ask)", "breakpoint()":
                    prompt.child.send(f"before = len(ticks); {statement}\n")
                    prompt.child.expect_exact(["name? ", "(Pdb) "])
                    time.sleep(0.5)
                    prompt.type("c")
                    self.assertGreater(int(prompt.type("len(ticks) - before")), 20)
                self.assertEqual(prompt.type("line"), "'c'\n")
                prompt.child.send("before = len(ticks); line = input(ask)\n")
                prompt.child.expect_exact("name? ")
                time.sleep(0.5)
                prompt.child.sendintr()
                self.assertIn("\nKeyboardInterrupt\n", prompt.read_to_prompt())
                self.assertGreater(int(prompt.type("len(ticks) - before")), 20)

    def test_output_appears_above_the_line_of_a_plain_statement(self):
        prompt = self.start()
        prompt.type("import asyncio\nasync def speak():\n    await asyncio.sleep(0.5)\n"
                    "    print('spo' + 'ken')\n")
        prompt.type("task = asyncio.create_task(speak())")
        prompt.child.send("line = input('name' + '? ')\n")
        prompt.child.expect_exact("name? ")
        prompt.child.send("half ")
        prompt.child.expect_exact("spoken\r\nname? half ")
        prompt.type("a line")
        self.assertEqual(prompt.type("line"), "'half a line'\n")

    def test_much_output_to_a_terminal_that_does_not_block(self):
        prompt = self.start()
        prompt.type("import asyncio, os; os.set_blocking(1, False)")
        prompt.type("async def speak():\n    await asyncio.sleep(0.2)\n"
                    "    print('x' * 10**5, 'spo' 'ken')\n")
        prompt.child.send("task = asyncio.create_task(speak())\n")
        time.sleep(1)
        prompt.child.expect_exact("spoken")
        prompt.read_to_prompt()
        self.assertEqual(prompt.type("1"), "1\n")

    def test_output_of_one_stream_to_the_terminal(self):
        prompt = self.start("-c", f"exec {sys.executable} -q > {self.home}/output",
                            executable="/bin/sh")
        prompt.type("import asyncio, sys")
        prompt.type("async def speak():\n    await asyncio.sleep(0.3)\n"
                    "    print('to', 'file')\n    print('to', 'screen', file=sys.stderr)\n")
        prompt.type("task = asyncio.create_task(speak())")
        prompt.child.expect_exact("to screen")
        prompt.read_to_prompt()
        prompt.type("1")
        prompt.leave()
        with open(f"{self.home}/output") as output:
            self.assertEqual(output.read(), "to file\n1\n")

    def test_output_above_the_prompt_without_readline(self):
        prompt = self.start("-I")
        prompt.type("import asyncio")
        prompt.type("async def speak():\n    await asyncio.sleep(0.3)\n    print('spoken', 1)\n")
        prompt.type("task = asyncio.create_task(speak())")
        self.assertTrue(prompt.read_to_prompt().endswith("spoken 1\n"))
        self.assertEqual(prompt.type("5"), "5\n")

    def test_typed_text_is_drawn_again_without_readline(self):
        prompt = self.start("-I")
        prompt.type("import asyncio")
        prompt.type("async def speak():\n    for n in range(2):\n"
                    "        await asyncio.sleep(0.4)\n        print('spoken', n)\n")
        prompt.type("task = asyncio.create_task(speak())")
        prompt.child.send("6 * ")
        prompt.child.expect_exact("spoken 0\r\n>>> 6 * ")
        prompt.child.send("7 + ")
        prompt.child.expect_exact("spoken 1\r\n>>> 6 * 7 + ")
        self.assertEqual(prompt.type("8"), "50\n")
        prompt.type("task = asyncio.create_task(speak())")
        prompt.child.send("9 + ")
        prompt.child.expect_exact("spoken 0\r\n>>> 9 + ")
        prompt.child.sendintr()
        prompt.read_to_prompt()
        self.assertEqual(prompt.type("1"), "1\n")

    def test_failures_are_shown_once(self):
        prompt = self.start()
        prompt.type("import asyncio, sys")
        prompt.type("async def fail():\n    await asyncio.sleep(0.1)\n    1/0\n")
        prompt.child.send("x = [asyncio.create_task(fail())]; x.clear()\n")
        prompt.child.expect_exact("\n")
        prompt.child.expect_exact("never retrieved")
        shown = prompt.read_to_prompt()
        self.assertIn(TRACEBACK + '  File "<stdin>", line 3, in fail\n'
                      "ZeroDivisionError: division by zero\n", shown)
        # One that somebody refers to is told of, too, and then no more.
        prompt.type("task = asyncio.create_task(fail())")
        shown = prompt.type("await asyncio.sleep(0.2)")
        self.assertEqual(shown.count("ZeroDivisionError: division by zero\n"), 1)
        self.assertEqual(prompt.type("type(task.exception())"), "<class 'ZeroDivisionError'>\n")
        shown, status = prompt.leave()
        self.assertNotIn("ZeroDivisionError", shown)

    def test_coroutines_never_awaited(self):
        prompt = self.start()
        prompt.type("async def f(): pass\n")
        for _ in range(3):
            self.assertIn("<stdin>:1: RuntimeWarning: coroutine 'f' was never awaited\n",
                          prompt.type("f() and None"))
        prompt.type("def g():\n    f()\n")
        self.assertIn("<stdin>:2: RuntimeWarning: coroutine 'f' was never awaited\n",
                      prompt.type("g()"))
        prompt.type("async def h():\n    await f()\n    f()\n")
        self.assertIn("<stdin>:3: RuntimeWarning: coroutine 'f' was never awaited\n",
                      prompt.type("await h()"))

    def test_exit_in_the_background(self):
        prompt = self.start()
        prompt.type("import asyncio, sys")
        prompt.type("async def leave():\n    await asyncio.sleep(0.1)\n    sys.exit(3)\n")
        prompt.type("task = asyncio.create_task(leave())")
        shown = prompt.type("await asyncio.sleep(0.3, 'here')")
        self.assertRegex(shown, r"^'here'\nTask exception was never retrieved[^$]*SystemExit: 3\n$")
        prompt.type("task = asyncio.create_task(leave())")
        prompt.child.expect_exact("SystemExit: 3")
        prompt.read_to_prompt()
        prompt.type("handle = asyncio.get_running_loop().call_later(0.1, sys.exit, 3)")
        prompt.child.expect_exact("SystemExit in a background callback")
        prompt.read_to_prompt()
        self.assertEqual(prompt.leave()[1], 0)


class TerminalTest(PromptTestCase):
    """Job control, window sizes and pasting, while background work goes on."""

    def test_stop_and_continue(self):
        shell = pexpect.spawn("bash", ["--norc", "--noprofile", "-i"], encoding="utf-8",
                              env=clean_environment(HOME=self.home, PS1="shell% "), timeout=30)
        self.addCleanup(shell.close, force=True)
        shell.expect_exact("shell% ")
        shell.sendline(f"{sys.executable} -q")
        for line in ("import asyncio; ticks = []", "task = 0", "async def tick():",
                     "    while True: ticks.append(await asyncio.sleep(0.01))", "",
                     "task = asyncio.create_task(tick())"):
            shell.expect(r"\n?(?:>>> |\.\.\. )$")
            shell.sendline(line)
        for typed in "1 + ", "2 + ":
            shell.expect(r">>> $")
            shell.send(typed)
            time.sleep(0.3)
            shell.sendcontrol("z")
            shell.expect_exact("shell% ")
            shell.sendline("fg")
            time.sleep(0.3)
            shell.sendline("3")
            shell.expect_exact(f"{int(typed[0]) + 3}\r\n")
        shell.expect(r">>> $")
        shell.sendline("before = len(ticks)")
        shell.expect(r">>> $")
        time.sleep(0.5)
        shell.sendline("len(ticks) - before > 10, task.done()")
        shell.expect_exact("(True, False)")

    def test_stop_and_continue_in_statements(self):
        for mode in BackgroundTest.MODES:
            with self.subTest(mode=mode):
                shell = pexpect.spawn("bash", ["--norc", "--noprofile", "-i"], encoding="utf-8",
                                      env=clean_environment(HOME=self.home, PS1="shell% "),
                                      timeout=30)
                self.addCleanup(shell.close, force=True)
                shell.expect_exact("shell% ")
                shell.sendline(" ".join([sys.executable, "-q", *mode]))
                for line in ("import asyncio, os, time; task = asyncio.create_task("
                             "asyncio.sleep(999))",
                             "async def ask(): return input('na' + 'me? ')", "",
                             "async def debug(x=5):", "    breakpoint()",
                             "    y = await asyncio.sleep(0, x)", "    return y", ""):
                    shell.expect(r"(?:>>> |\.\.\. )$")
                    shell.sendline(line)
                for statement, ready, answer, shown in (
                        ("await asyncio.sleep(1, 'sl' + 'ept')", "\n", None, "'slept'"),
                        ("time.sleep(1); 'sl' + 'ept'", "\n", None, "'slept'"),
                        ("await ask()", "name? ", "spam", "'spam'"),
                        ("input('na' + 'me? ')", "name? ", "spam", "'spam'"),
                        ("await debug()", "(Pdb) ", "c", "5"),
                        ("await asyncio.sleep(99)", "\n", "\3", "KeyboardInterrupt")):
                    shell.expect(r">>> $")
                    shell.sendline(statement)
                    shell.expect_exact(ready)
                    time.sleep(0.3)
                    shell.sendcontrol("z")
                    shell.expect_exact("shell% ")
                    shell.sendline("fg")
                    shell.expect_exact(sys.executable)
                    time.sleep(0.3)
                    if answer is not None:
                        shell.send(answer if answer == "\3" else answer + "\n")
                    shell.expect_exact(f"{shown}\r\n")
                shell.expect(r">>> $")
                shell.sendline("await asyncio.sleep(0.5); os.get_terminal_size().columns")
                shell.setwinsize(40, 77)
                shell.expect_exact("77\r\n")
                shell.expect(r">>> $")
                shell.sendline("task.done()")
                shell.expect_exact("False\r\n")

    def test_pager(self):
        for mode in BackgroundTest.MODES:
            with self.subTest(mode=mode):
                prompt = self.start(*mode)
                prompt.type("import asyncio, os; os.environ.update(PAGER='less', TERM='xterm')")
                prompt.type("async def ask(x): help(x)\n")
                for statement in "help(str)", "await ask(str)":
                    prompt.child.send(statement + "\n")
                    prompt.child.expect_exact("class str")
                    prompt.child.expect_exact("\n:")
                    prompt.child.send("q")
                    prompt.read_to_prompt()
                    self.assertEqual(prompt.type("6 * 7"), "42\n")

    def test_window_sizes(self):
        prompt = self.start()
        prompt.type("import asyncio, os")
        prompt.type("task = asyncio.create_task(asyncio.sleep(99))")
        prompt.child.send("1 + ")
        for rows, columns in (30, 60), (50, 120):
            time.sleep(0.2)
            prompt.child.setwinsize(rows, columns)
        time.sleep(0.2)
        self.assertTrue(prompt.type("2").endswith("3\n"))
        self.assertEqual(prompt.type("os.get_terminal_size().columns"), "120\n")
        self.assertEqual(prompt.type("task.done()"), "False\n")

    def test_paste(self):
        prompt = self.start()
        prompt.type("import asyncio; ticks = []")
        prompt.type(TICKER)
        prompt.type("task = asyncio.create_task(tick())")
        lines = [f"x = {n}" for n in range(50)] + ["if x:", "    y = await asyncio.sleep(0, x)",
                                                   "", "y"]
        prompt.child.send("\n".join(lines) + "\n")
        prompt.child.expect(r"\n49\r\n")

    def test_help(self):
        for mode in BackgroundTest.MODES:
            prompt = self.start(*mode)
            prompt.type("import asyncio")
            prompt.type("task = asyncio.create_task(asyncio.sleep(99))")
            self.assertIn("Help on built-in function", prompt.type("import sys; help(sys.intern)"))
            self.assertIn("Return the number of items", prompt.type(
                "await asyncio.sleep(0); help(len)"))

    def test_search_in_history(self):
        prompt = self.start(TERM_PROGRAM="none")
        prompt.type("import asyncio")
        prompt.type("task = asyncio.create_task(asyncio.sleep(99))")
        prompt.type("found = await asyncio.sleep(0, 'found it')")
        prompt.child.send("\x12found = aw")
        time.sleep(0.3)
        prompt.child.send("\x05; found\n")
        prompt.child.expect_exact("'found it'")


class LoanTest(PromptTestCase):
    """Plain statements have the session's loop, and may run others."""

    def test_statements_in_any_order(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("async def loop(): return asyncio.get_running_loop()\n", ""),
            ("session = asyncio.get_running_loop()", ""),
            ("session.is_running()", "False\n"),
            ("await loop() is session", "True\n"),
            ("asyncio.get_event_loop() is session", "True\n"),
            ("asyncio.run(loop()) is session", "False\n"),
            ("asyncio.run(asyncio.sleep(0, 1)), asyncio.get_running_loop() is session",
             "(1, True)\n"),
            ("task = asyncio.create_task(asyncio.sleep(0, 2))", ""),
            ("await task", "2\n"),
            ("other = asyncio.new_event_loop()", ""),
            ("other.run_until_complete(asyncio.sleep(0, 3))", "3\n"),
            ("other.run_until_complete(loop()) is other", "True\n"),
            ("other.close(); asyncio.get_running_loop() is session", "True\n"),
            ("session.run_until_complete(asyncio.sleep(0, 4))", "4\n"),
            ("asyncio.set_event_loop(None)", ""),
            ("asyncio.Future().get_loop() is session", "True\n"),
            ("asyncio.run(asyncio.sleep(0), debug=True)", ""),
            ("with asyncio.Runner() as runner: runner.run(loop()) is session\n", "False\n"),
            ("asyncio._get_running_loop()", ""),
            ("await loop() is session", "True\n"),
        ])

    def test_run_inside_awaited_code_is_refused(self):
        prompt = self.start()
        prompt.type("import asyncio")
        shown = prompt.type("await asyncio.sleep(0); asyncio.run(asyncio.sleep(0))")
        self.assertIn("asyncio.run() cannot be called from a running event loop", shown)

    def test_who_asks_is_told_that_no_loop_runs(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("def ask():\n    try: asyncio.get_running_loop()\n"
             "    except RuntimeError: return 'none'\n", ""),
            ("ask()", "'none'\n"),
            ("await asyncio.sleep(0); ask() is None", "True\n"),
            ("ask()", "'none'\n"),
            ("def with_lock():\n    with lock: return asyncio.get_running_loop()\n", ""),
            ("import threading; lock = threading.Lock()", ""),
            ("with_lock() is asyncio.get_running_loop()", "True\n"),
            ("def catch_others():\n    try: return asyncio.get_running_loop()\n"
             "    except (KeyError, ValueError): pass\n", ""),
            ("catch_others() is asyncio.get_running_loop()", "True\n"),
            ("def catch_broad():\n    try: return asyncio.all_tasks()\n"
             "    except KeyError: pass\n    except Exception: return 'none'\n", ""),
            ("catch_broad()", "'none'\n"),
            ("def catch_around():\n    try:\n        with lock: return asyncio.all_tasks()\n"
             "    except: return 'none'\n", ""),
            ("catch_around()", "'none'\n"),
        ])

    def test_off(self):
        self.check_session(self.start(), [
            ("import asyncio, sys; task = asyncio.create_task(asyncio.sleep(60))", ""),
            ("loop = asyncio.get_event_loop(); await asyncio.sleep(0)", ""),
            ("sys.awaithook = None", ""),
            ("asyncio.get_running_loop()", TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
             "RuntimeError: no running event loop\n"),
            ("other = asyncio.get_event_loop(); other is loop", "False\n"),
            ("other.run_until_complete(asyncio.sleep(0, 1)); other.close()", "1\n"),
            ("autoawait(True)", ""),
            ("asyncio.get_running_loop() is loop", "True\n"),
            ("await asyncio.sleep(0, task.done())", "False\n"),
            ("asyncio.get_event_loop() is loop", "True\n"),
        ])

    def test_loop_that_is_set(self):
        self.check_session(self.start(), [
            ("import asyncio; first = asyncio.get_running_loop()", ""),
            ("ended = []", ""),
            ("async def work():\n    try: await asyncio.sleep(60)\n"
             "    finally: print('en', 'ded')\n", ""),
            ("task = asyncio.create_task(work()); await asyncio.sleep(0)", ""),
            ("loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop)", ""),
            ("asyncio.get_event_loop() is loop", "True\n"),
            ("asyncio.get_running_loop() is loop", "True\n"),
            ("future = asyncio.ensure_future(asyncio.sleep(0, 5))", ""),
            ("await future", "5\n"),
            ("loop.run_until_complete(asyncio.sleep(0, 6))", "6\n"),
            ("first.is_closed(), task.done()", "(False, False)\n"),
            ("loop.close()", ""),
            ("await asyncio.sleep(0, 7)", "7\n"),
            ("asyncio.set_event_loop(first)", ""),
            ("await asyncio.sleep(0, 8)", "8\n"),
            ("asyncio.get_running_loop() is first", "True\n"),
            ("_ = task.cancel(); await asyncio.sleep(0)", "en ded\n"),
        ])

    def test_loop_that_was_set_before(self):
        self.check_session(self.start(), [
            ("import asyncio", ""),
            ("loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop)", ""),
            ("task = loop.create_task(asyncio.sleep(0, 5))", ""),
            ("await task", "5\n"),
            ("asyncio.get_running_loop() is loop", "True\n"),
        ])

    def test_other_threads_have_no_loop(self):
        self.check_session(self.start(), [
            ("import asyncio, threading", ""),
            ("def work():\n    results.append(asyncio._get_running_loop())\n"
             "    results.append(asyncio.run(asyncio.sleep(0, 5)))\n"
             "    results.append(asyncio._get_running_loop())\n", ""),
            ("results = []; t = threading.Thread(target=work); t.start(); t.join()", ""),
            ("results", "[None, 5, None]\n"),
        ])

    def test_client_session_in_a_plain_statement(self):
        prompt = self.start("-W", "ignore::DeprecationWarning")
        prompt.type("import aiohttp")
        self.assertEqual(prompt.type("session = aiohttp.ClientSession()"), "")
        self.assertEqual(prompt.type("await session.close()"), "")

    def test_policy(self):
        prompt = self.start()
        self.check_session(prompt, [
            ("import uvloop, asyncio", ""),
            ("asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())", ""),
            ("type(asyncio.get_running_loop()) is uvloop.Loop", "True\n"),
            ("await asyncio.sleep(0, 1)", "1\n"),
            ("asyncio.run(asyncio.sleep(0, 2)), type(asyncio.get_running_loop()) is uvloop.Loop",
             "(2, True)\n"),
            ("ticks = []", ""),
            (TICKER, ""),
            ("task = asyncio.create_task(tick())", ""),
        ])
        prompt.type("before = len(ticks)")
        time.sleep(0.6)
        self.assertGreater(int(prompt.type("len(ticks) - before")), 20)
        shown = prompt.interrupt("print('be', 'gin'); await asyncio.sleep(99)", "be gin")
        self.assertTrue(shown.endswith("in <module>\nKeyboardInterrupt\n"), shown)
        prompt.child.send("1 + ")
        time.sleep(0.3)
        prompt.child.sendintr()
        self.assertEqual(prompt.read_to_prompt().count("KeyboardInterrupt"), 1)
        self.assertEqual(prompt.type("task.done()"), "False\n")

    def test_interrupts_on_another_policys_loop(self):
        for mode in BackgroundTest.MODES:
            with self.subTest(mode=mode):
                prompt = self.start(*mode)
                prompt.type("import asyncio, uvloop, autoawait")
                prompt.type("asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())")
                for _ in range(2):
                    shown = prompt.interrupt("print('be', 'gin'); await asyncio.sleep(99)",
                                             "be gin")
                    self.assertTrue(shown.endswith("\nKeyboardInterrupt\n"), shown)
                    prompt.child.send("1 + ")
                    time.sleep(0.2)
                    prompt.child.sendintr()
                    self.assertEqual(prompt.read_to_prompt().count("KeyboardInterrupt"), 1)
                prompt.child.send("await autoawait.ainput('na' + 'me? ')\n")
                prompt.child.expect_exact("name? ")
                prompt.child.send("spam\n")
                prompt.child.expect_exact("'spam'")
                prompt.read_to_prompt()
                self.assertEqual(prompt.type("import os; os.get_blocking(0)"), "True\n")

    def test_task_factory(self):
        self.check_session(self.start(), [
            ("import asyncio; loop = asyncio.get_running_loop()", ""),
            ("def factory(loop, coroutine, context):\n    coroutine.close()\n"
             "    future = loop.create_future()\n    future.set_result(5)\n"
             "    return future\n", ""),
            ("loop.set_task_factory(factory)", ""),
            ("await asyncio.sleep(0, 6)", ""),
            ("loop.set_task_factory(None)", ""),
            ("await asyncio.sleep(0, 6)", "6\n"),
        ])

    def test_statement_that_imports_asyncio(self):
        self.check_session(self.start(), [
            ("import asyncio; task = asyncio.create_task(asyncio.sleep(0, 5))", ""),
            ("await task", "5\n"),
            ("import sys; [f for f in sys.meta_path if 'autoawait' in repr(f)]", "[]\n"),
            ("type(asyncio.__loader__) is type(sys.__loader__)", "False\n"),
            ("type(asyncio.events.__spec__.loader).__name__", "'SourceFileLoader'\n"),
        ])

    def test_context_variables_with_nested_runs(self):
        self.check_session(self.start(), [
            ("import asyncio, contextvars", ""),
            ("v = contextvars.ContextVar('v')", ""),
            ("async def set_v(x): v.set(x)\n", ""),
            ("await set_v(1); v.get()", "1\n"),
            ("asyncio.run(set_v(2)); v.get()", "1\n"),
            ("token = v.set(3)", ""),
            ("await asyncio.sleep(0, v.get())", "3\n"),
            ("asyncio.run(asyncio.sleep(0)); v.get()", "3\n"),
            ("await asyncio.create_task(set_v(4)); v.get()", "3\n"),
        ])


class InterruptTest(PromptTestCase):
    """Ctrl-C in an awaited statement."""

    def test_cleanup_goes_on_in_the_background(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def work():\n    try:\n        print('be', 'gin')\n"
                    "        await asyncio.sleep(99)\n    finally:\n"
                    "        await asyncio.sleep(1.5)\n        print('cleaned', 'up')\n")
        began = time.monotonic()
        self.assertNotIn("cleaned up", prompt.interrupt("await work()", "be gin"))
        self.assertLess(time.monotonic() - began, 1.4)
        self.assertEqual(prompt.type("1"), "1\n")
        prompt.child.expect_exact("cleaned up")
        prompt.read_to_prompt()

    def test_what_the_statement_started_is_cancelled_and_nothing_else(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def wait():\n    await asyncio.sleep(99)\n")
        prompt.type("async def begin(f): return asyncio.create_task(f())\n")
        prompt.type("before = asyncio.create_task(wait())")
        prompt.type("ours = await begin(wait)")
        prompt.type("async def main():\n    global child, members\n"
                    "    child = asyncio.create_task(wait())\n"
                    "    members = [asyncio.create_task(wait()) for _ in range(2)]\n"
                    "    print('be', 'gin')\n    await asyncio.gather(*members)\n")
        prompt.interrupt("await main()", "be gin")
        self.assertEqual(prompt.type("[t.cancelled() for t in (child, *members)]"),
                         "[True, True, True]\n")
        self.assertEqual(prompt.type("before.done(), ours.done()"), "(False, False)\n")

    def test_task_groups_and_executors(self):
        prompt = self.start()
        prompt.type("import asyncio, time")
        prompt.type("async def group():\n    async with asyncio.TaskGroup() as group:\n"
                    "        group.create_task(asyncio.sleep(99))\n        print('be', 'gin')\n")
        for statement in "await group()", (
                "print('be', 'gin'); await asyncio.get_running_loop()"
                ".run_in_executor(None, time.sleep, 2)"):
            shown = prompt.interrupt(statement, "be gin")
            self.assertEqual(shown.count("KeyboardInterrupt"), 1)
            self.assertEqual(prompt.type("1"), "1\n")

    def test_second_interrupt_abandons(self):
        prompt = self.start()
        prompt.type("import autoawait, asyncio, sys")
        prompt.type("sys.awaithook = autoawait.AsyncioRunner(interrupt_grace=60)")
        prompt.type("async def work():\n    while True:\n        try:\n"
                    "            print('be', 'gin')\n            await asyncio.sleep(99)\n"
                    "        except asyncio.CancelledError: pass\n")
        prompt.child.send("await work()\n")
        for _ in range(2):
            prompt.child.expect_exact("be gin")
            prompt.child.sendintr()
        # The task, cancelled once more, may have shown something since.
        self.assertIn("\nKeyboardInterrupt\n", prompt.read_to_prompt())

    def test_busy_background_task(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def busy():\n    await asyncio.sleep(0.2)\n    print('be', 'gin')\n"
                    "    while True: pass\n")
        prompt.child.send("task = asyncio.create_task(busy()); await asyncio.sleep(99)\n")
        prompt.child.expect_exact("\n")
        prompt.child.expect_exact("be gin")
        prompt.child.sendintr()
        shown = prompt.read_to_prompt()
        self.assertIn(", in busy\n", shown)
        self.assertTrue(shown.endswith("KeyboardInterrupt\n"))
        self.assertEqual(prompt.type("1"), "1\n")

    def test_debugger_and_input_in_awaited_code(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def ask():\n    name = input('name? ')\n    await asyncio.sleep(0)\n"
                    "    return name\n")
        prompt.child.send("await ask()\n")
        prompt.child.expect_exact("name? ")
        self.assertEqual(prompt.type("me"), "'me'\n")
        prompt.type("async def stop():\n    value = 41\n    breakpoint()\n    return value\n")
        prompt.child.send("await stop()\n")
        prompt.child.expect_exact("(Pdb) ")
        prompt.child.send("p value + 1\n")
        prompt.child.expect_exact("42")
        prompt.child.expect_exact("(Pdb) ")
        self.assertEqual(prompt.type("continue"), "41\n")

    def test_interrupt_after_the_debugger(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def debug():\n    await asyncio.sleep(0)\n    breakpoint()\n")
        for statement in "breakpoint()", "await debug()", "breakpoint(); await asyncio.sleep(0)":
            with self.subTest(statement=statement):
                prompt.child.send(statement + "\n")
                prompt.child.expect_exact("(Pdb) ")
                prompt.type("c")
                for wait in "await asyncio.sleep(99)", "asyncio.run(asyncio.sleep(99))":
                    shown = prompt.interrupt(f"print('be', 'gin'); {wait}", "be gin")
                    self.assertIn('File "<stdin>", line 1, in <module>\n', shown)
                    self.assertTrue(shown.endswith("\nKeyboardInterrupt\n"), shown)
                prompt.child.send("1 + ")
                time.sleep(0.1)
                prompt.child.sendintr()
                self.assertTrue(prompt.read_to_prompt().endswith("\nKeyboardInterrupt\n"))


class ChoiceTest(PromptTestCase):
    """autoawait(), and the runners it chooses."""

    def test_callable(self):
        on = "Awaiting at the top level is on, with {}; autoawait(False) switches it off.\n"
        off = "Awaiting at the top level is off; autoawait(True) switches it on.\n"
        prompt = self.start()
        self.check_session(prompt, [
            ("import sys", ""),
            ("autoawait", on.format("asyncio")),
            ("autoawait(False); autoawait", off),
            ("sys.awaithook", ""),
            ("await f()", '  File "<stdin>", line 1\nSyntaxError: \'await\' outside function\n'),
            ("autoawait(True); autoawait", on.format("asyncio")),
            ("async def f(): return 1\n", ""),
            ("await f()", "1\n"),
            ("def own(coroutine): coroutine.close(); return 2\n", ""),
            ("autoawait(own); sys.awaithook is own", "True\n"),
            ("autoawait(False)", ""),
            ("autoawait(True); sys.awaithook is own", "True\n"),
            ("autoawait('asyncio'); sys.awaithook is sys.__awaithook__", "True\n"),
            ("present = autoawait", ""),
            ("import autoawait; autoawait is present", "True\n"),
        ])
        for wrong, error in [("'nothing'", "ValueError: no runner for 'nothing'; there are "
                                           "asyncio, trio, curio, uvloop, or give a callable\n"),
                             ("3", "TypeError: autoawait() takes True, False, the name of a "
                                   "library or a callable, not int\n")]:
            self.assertTrue(prompt.type(f"autoawait({wrong})").endswith(error))
            self.assertEqual(prompt.type("sys.awaithook is sys.__awaithook__"), "True\n")

    def test_missing_library(self):
        prompt = self.start()
        prompt.type("import sys; sys.modules['trio'] = None")
        prompt.type("sys.modules['curio'] = None")
        for library in "trio", "curio":
            shown = prompt.type(f"autoawait('{library}')")
            self.assertTrue(shown.endswith(
                f"\nModuleNotFoundError: the library {library} is not installed\n"), shown)
            self.assertNotIn("importlib", shown)
        self.assertTrue(prompt.type("autoawait.nursery").endswith(
            "\nAttributeError: there is a nursery only while trio is the hook\n"))
        self.assertEqual(prompt.type("sys.awaithook is sys.__awaithook__"), "True\n")

    def test_switching_ends_the_earlier_runner(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def work():\n    try:\n        await asyncio.sleep(99)\n"
                    "    finally:\n        print('en', 'ded')\n")
        prompt.type("task = asyncio.create_task(work())")
        prompt.type("await asyncio.sleep(0)")
        self.assertEqual(prompt.type("autoawait('trio')"), "en ded\n")
        prompt.type("import trio")
        self.assertEqual(prompt.type("await trio.sleep(0); 'trio'"), "'trio'\n")
        prompt.type("autoawait('asyncio')")
        self.assertEqual(prompt.type("await asyncio.sleep(0, 'asyncio')"), "'asyncio'\n")

    def test_runner_with_all_methods(self):
        prompt = self.start()
        prompt.type(textwrap.dedent("""\
            class Runner:
                def __call__(self, coroutine):
                    try: coroutine.send(None)
                    except StopIteration as end: return end.value
                def wants_input(self): return True
                def wait_for_input(self, descriptor):
                    waits.append(len(select.select([descriptor], [], [], 9)[0]))
                def statement(self): return self
                def __enter__(self): print('enter')
                def __exit__(self, *e): print('exit', e[0])
                def close(self): print('close')
            """))
        prompt.type("import select; waits = []; runner = Runner()")
        prompt.type("autoawait(runner)")
        self.assertEqual(prompt.type("'plain'"), "enter\n'plain'\nexit None\n")
        self.assertRegex(prompt.type("1/0"), r"^enter\nexit <class 'ZeroDivisionError'>\nTrace")
        time.sleep(0.5)
        self.assertIn("{1}", prompt.type("set(waits)"))
        self.assertIn("close\n", prompt.leave()[0])


# Runs work() in a forked process; returns that one's exit code, and what it put into the queue.
WORK_AND_SEE = """\
def work_and_see(count):
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    process.join()
    return process.exitcode, [queue.get() for _ in range(count)]
"""


class ForkTest(PromptTestCase):
    """Processes forked at the prompt."""

    def test_the_loop_is_the_parents(self):
        for mode in [], ["-I"]:
            with self.subTest(mode=mode):
                prompt = self.start(*mode)
                prompt.type("import asyncio, multiprocessing, os, sys; ticks = []")
                prompt.type("async def tick():\n    try:\n        while True:\n"
                            "            ticks.append(1)\n            await asyncio.sleep(0.01)\n"
                            "    finally: print('en', 'ded', os.getpid() == parent)\n")
                prompt.type("parent = os.getpid(); task = asyncio.create_task(tick())")
                prompt.type("await asyncio.sleep(0.1)")
                prompt.type(textwrap.dedent("""\
                    def work(queue):
                        queue.put(asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, 1)))
                        queue.put(asyncio.run(asyncio.sleep(0, 2)))
                        queue.put(sys.awaithook(asyncio.sleep(0, 3)))
                    """))
                prompt.type(WORK_AND_SEE)

                self.assertEqual(prompt.type("work_and_see(3)"), "(0, [1, 2, 3])\n")
                # One that ends as any program does.
                prompt.type("child = os.fork() or exit(sys.awaithook(asyncio.sleep(0, 7)))")
                self.assertEqual(prompt.type("os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])"),
                                 "7\n")
                prompt.type("before = len(ticks)")
                time.sleep(0.5)
                self.assertGreater(int(prompt.type("len(ticks) - before")), 20)
                self.assertEqual(prompt.leave("exit()"), ("en ded True\n", 0))

    def test_the_run_of_trio_is_the_parents(self):
        prompt = self.start()
        prompt.type("autoawait('trio'); import multiprocessing, os, sys, trio; ticks = []")
        prompt.type("async def tick():\n    try:\n        while True:\n"
                    "            ticks.append(1)\n            await trio.sleep(0.01)\n"
                    "    finally: print('en', 'ded', os.getpid() == parent)\n")
        prompt.type("parent = os.getpid(); autoawait.nursery.start_soon(tick)")
        prompt.type("await trio.sleep(0.1)")
        prompt.type(textwrap.dedent("""\
            def work(queue):
                queue.put(trio.run(trio.sleep, 0))
                queue.put(sys.awaithook(trio.sleep(0.1)))
            """))
        prompt.type(WORK_AND_SEE)

        self.assertEqual(prompt.type("work_and_see(2)"), "(0, [None, None])\n")
        prompt.type("child = os.fork() or exit(sys.awaithook(trio.sleep(0.1)) or 7)")
        self.assertEqual(prompt.type("os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])"), "7\n")
        prompt.type("before = len(ticks)")
        time.sleep(0.5)
        self.assertGreater(int(prompt.type("len(ticks) - before")), 20)
        self.assertEqual(prompt.leave("exit()"), ("en ded True\n", 0))


class CurioTest(unittest.TestCase):
    """The runner for curio, by a stand-in: Debian has no package of curio."""

    def test_calls(self):
        calls = []

        class Kernel:
            """What the runner asks of curio's kernel."""

            def run(self, coroutine=None, shutdown=False):
                """Run a coroutine that waits for nothing."""
                calls.append("shutdown" if shutdown else "run")
                if coroutine is not None:
                    try:
                        coroutine.send(None)
                    except StopIteration as end:
                        return end.value

        async def five():
            return 5

        stand_in = types.ModuleType("curio")
        stand_in.Kernel = Kernel
        with unittest.mock.patch.dict(sys.modules, curio=stand_in):
            import autoawait
            runner = autoawait.runner("curio")
            self.assertEqual([runner(five()), runner(five())], [5, 5])
            runner.close()
            runner.close()
            # The real one may be asked for later.
            del autoawait.curio_runner
        self.assertEqual(calls, ["run", "run", "shutdown"])


class TrioTest(PromptTestCase):
    """The runner for trio."""

    def test_work_of_the_startup_file_goes_on(self):
        path = f"{self.home}/startup.py"
        with open(path, "w") as startup:
            startup.write("import autoawait, trio\nasync def work():\n"
                          "    await trio.sleep(0.5)\n    print('wor' 'ked')\n"
                          "autoawait('trio')\n"
                          "autoawait.nursery.start_soon(work)\n")
        prompt = self.start(PYTHONSTARTUP=path)
        prompt.child.expect_exact("worked")

    def start_trio(self):
        """Start a prompt that awaits with trio."""
        prompt = self.start()
        prompt.type("autoawait('trio')")
        prompt.type("import trio")
        return prompt

    def test_statements(self):
        self.check_session(self.start_trio(), [
            ("import sys, contextvars", ""),
            ("'asyncio' in sys.modules", "False\n"),
            ("await trio.sleep(0)", ""),
            ("async def f(x):\n    await trio.sleep(0.01)\n    return x\n", ""),
            ("await f(3)", "3\n"),
            ("async with trio.open_nursery() as n:\n    n.start_soon(f, 1)\n", ""),
            ("with trio.move_on_after(0.01): await trio.sleep(99)\n", ""),
            ("v = contextvars.ContextVar('v')", ""),
            ("async def set_v(): v.set(5)\n", ""),
            ("await set_v(); v.get()", "5\n"),
            ("v.get()", "5\n"),
            ("1/await f(0)", TRACEBACK + '  File "<stdin>", line 1, in <module>\n'
             "ZeroDivisionError: division by zero\n"),
        ])

    def test_background(self):
        prompt = self.start_trio()
        prompt.type("ticks = []")
        prompt.type("async def tick():\n    while True:\n        ticks.append(1)\n"
                    "        await trio.sleep(0.01)\n")
        prompt.type("autoawait.nursery.start_soon(tick)")
        prompt.type("before = len(ticks)")
        time.sleep(1)
        self.assertGreater(int(prompt.type("len(ticks) - before")), 20)
        prompt.type("before = len(ticks); await trio.sleep(0.5)")
        self.assertGreater(int(prompt.type("len(ticks) - before")), 10)
        prompt.type("async def fail(): 1/0\n")
        prompt.child.send("autoawait.nursery.start_soon(fail)\n")
        prompt.child.expect_exact("exception in a background task")
        prompt.child.expect_exact("ZeroDivisionError")
        prompt.read_to_prompt()
        prompt.type("before = len(ticks)")
        time.sleep(0.5)
        self.assertGreater(int(prompt.type("len(ticks) - before")), 10)

    def test_other_runs_in_plain_statements(self):
        prompt = self.start_trio()
        prompt.type("import asyncio, sys, warnings; ticks = []; warnings.simplefilter('error')")
        prompt.type("async def tick():\n    while True:\n        ticks.append(1)\n"
                    "        await trio.sleep(0.01)\n")
        prompt.type("async def give(x):\n    await trio.sleep(0.01)\n    return x\n")
        nursery, run = "autoawait.nursery.start_soon(tick)", "trio.run(give, 5)"
        for statement in run, f"{nursery}; {run}", f"_ = {run}; {nursery}; {run}":
            self.assertEqual(prompt.type(statement), "5\n")
            self.assertEqual(prompt.type("await give(6)"), "6\n")
        prompt.type("before = len(ticks)")
        time.sleep(0.5)
        self.assertGreater(int(prompt.type("len(ticks) - before")), 20)
        shown = prompt.interrupt("print('be', 'gin'); trio.run(trio.sleep, 99)", "be gin")
        self.assertEqual(shown.count("\nKeyboardInterrupt\n"), 1)
        self.check_session(prompt, [
            ("asyncio.run(asyncio.sleep(0, 6))", "6\n"),
            ("token = trio.lowlevel.current_trio_token()", ""),
            ("await give(7)", "7\n"),
            ("trio.lowlevel.current_trio_token() is token", "True\n"),
        ])
        prompt.type("async def nest(): trio.run(give, 8)\n")
        self.assertTrue(prompt.type("await nest()").endswith(
            "RuntimeError: Attempted to call run() from inside a run()\n"))

    def test_a_run_that_breaks_is_followed_by_another(self):
        prompt = self.start_trio()
        prompt.type("def fail(): raise ValueError('broken')\n")
        shown = prompt.type("trio.lowlevel.current_trio_token().run_sync_soon(fail);"
                            " await trio.sleep(99)")
        self.assertIn("trio.TrioInternalError", shown)
        self.assertEqual(prompt.type("await trio.sleep(0) or 5"), "5\n")
        self.assertEqual(prompt.type("autoawait.nursery.start_soon(trio.sleep, 99)"), "")
        self.assertEqual(prompt.leave(), ("\n", 0))

    def test_interrupt_and_exit(self):
        prompt = self.start_trio()
        shown = prompt.interrupt("print('be', 'gin'); await trio.sleep_forever()", "be gin")
        self.assertTrue(shown.endswith('  File "<stdin>", line 1, in <module>\n'
                                       "KeyboardInterrupt\n"), shown)
        prompt.type("async def busy():\n    print('be', 'gin')\n    while True: pass\n")
        shown = prompt.interrupt("await busy()", "be gin")
        self.assertRegex(shown, r"line 3, in busy\nKeyboardInterrupt\n$")
        prompt.type("async def last():\n    try: await trio.sleep_forever()\n"
                    "    finally: print('en', 'ded')\n")
        prompt.type("autoawait.nursery.start_soon(last)")
        prompt.type("await trio.sleep(0.01)")
        shown, status = prompt.leave("raise SystemExit(await trio.sleep(0) or 6)")
        self.assertIn("en ded\n", shown)
        self.assertEqual(status, 6)


if __name__ == "__main__":
    unittest.main()
