"""Editing a line with readline while background work goes on between its keys."""

import os
import signal
import subprocess
import time
import unittest

from join_support import STOCK
from prompt_support import PromptTestCase

TICKER = ("async def tick():\n    while True:\n"
          "        ticks.append(1)\n        await asyncio.sleep(0.01)\n")

CONTROL_A, CONTROL_D, CONTROL_E, CONTROL_R, CONTROL_U, CONTROL_V, CONTROL_W = (
    "\x01\x04\x05\x12\x15\x16\x17")
ESCAPE = "\x1b"
PASTE = ESCAPE + "[200~{}" + ESCAPE + "[201~"


class LineTestCase(PromptTestCase):
    """A prompt with a task that ticks; types key by key."""

    def start_ticking(self, *arguments, **variables):
        """Start a prompt on which ticks grows in the background."""
        prompt = self.start(*arguments, **variables)
        prompt.type("import asyncio; ticks = []")
        prompt.type(TICKER)
        prompt.type("task = asyncio.create_task(tick())")
        return prompt

    def prompts(self):
        """Give stock's prompt, and ours with and without background work."""
        yield self.start(executable=STOCK)
        yield self.start()
        yield self.start_ticking()

    @staticmethod
    def press(prompt, *keys, pause=0.05):
        """Send keys one after the other, as a person does."""
        for key in keys:
            prompt.child.send(key)
            time.sleep(pause)

    def check_keys(self, expected, *keys, before=()):
        """See that lines and then keys, pressed slowly and at once, show expected everywhere."""
        for prompt in self.prompts():
            for pause in 0.05, 0:
                for line in before:
                    prompt.type(line)
                with self.subTest(executable=prompt.child.command, pause=pause):
                    self.press(prompt, *keys, pause=pause)
                    time.sleep(0.1)
                    # Return and not a newline, which ends a search without ending the line.
                    prompt.child.send("\r")
                    prompt.child.expect_exact(f"\r\n{expected}\r\n", timeout=5)
                    prompt.read_to_prompt()


class TickTest(LineTestCase):
    """The background does not stand still for a key."""

    KEYS = 40

    def test_tasks_go_on_between_keys(self):
        for mode in [], ["-I"]:
            with self.subTest(mode=mode):
                prompt = self.start_ticking(*mode)
                prompt.type("before = len(ticks)")
                self.press(prompt, *"(len(ticks) - before)".ljust(self.KEYS))
                # 2 s in all.  A reader that looks for keys first had 0 to 10 of 200 ticks.
                self.assertGreater(int(prompt.type("")), self.KEYS * 2)

    def test_tasks_go_on_while_history_is_searched(self):
        prompt = self.start_ticking()
        prompt.type("before = len(ticks)")
        prompt.type("len(ticks) - before")
        prompt.type("before = len(ticks)")
        self.press(prompt, CONTROL_R, *"len(ticks) - be")
        time.sleep(0.5)
        prompt.child.send("\r")
        prompt.child.expect(r"\r\n(\d+)\r\n")
        self.assertGreater(int(prompt.child.match[1]), 60)

    def test_other_input_hook_goes_on_between_keys(self):
        prompt = self.start_ticking()
        prompt.type("import ctypes, select")
        prompt.type("def hook():\n    while not select.select([0], [], [], 0.01)[0]:\n"
                    "        events.append(1)\n    return 0\n")
        prompt.type("events = []; hook = ctypes.PYFUNCTYPE(ctypes.c_int)(hook)")
        prompt.type("place = ctypes.c_void_p.in_dll(ctypes.pythonapi, 'PyOS_InputHook')")
        prompt.type("place.value = ctypes.cast(hook, ctypes.c_void_p).value")
        prompt.type("before = len(ticks), len(events)")
        self.press(prompt, *"len(ticks) - before[0], len(events) - before[1]")
        counted_ticks, counted_events = eval(prompt.type(""))
        # In 2.4 s; a reader that looks for keys first leaves nothing to either.
        self.assertGreater(counted_ticks, 25)
        self.assertGreater(counted_events, 25)
        # Nothing that the hook does not want, and it is where it was.
        prompt.type("place.value = None")
        self.assertEqual(prompt.type("place.value"), "")
        before = int(prompt.type("len(events)"))
        time.sleep(0.3)
        self.assertEqual(int(prompt.type("len(events)")), before)


class IdleTest(LineTestCase):
    """A prompt with nothing to do does nothing."""

    @staticmethod
    def activity(prompt):
        """Return how often all threads of prompt waited and were preempted, and their CPU time."""
        switches = ticks = 0
        folder = f"/proc/{prompt.child.pid}/task"
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/status") as status:
                switches += sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)
            with open(f"{folder}/{thread}/schedstat") as schedstat:
                ticks += int(schedstat.read().split()[0])
        return switches, ticks

    def test_nothing_wakes_an_idle_prompt(self):
        loop = "import asyncio", "await asyncio.sleep(0)"
        waiting = "task = asyncio.create_task(asyncio.sleep(3600))"
        server = "server = await asyncio.start_server(print, '127.0.0.1', 0)"
        prompts = {}
        for mode in "", "-I":
            for statements in (), loop, (*loop, waiting, server):
                for typed in "", "1 + ":
                    prompt = self.start(*mode.split())
                    for statement in statements:
                        prompt.type(statement)
                    self.press(prompt, *typed)
                    prompts[mode, statements, typed] = prompt
        time.sleep(0.5)
        before = {case: self.activity(prompt) for case, prompt in prompts.items()}
        time.sleep(2)
        for case, prompt in prompts.items():
            with self.subTest(case=case):
                self.assertEqual(self.activity(prompt), before[case])

    def test_a_task_costs_its_own_wake_ups(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def tick():\n    while True: await asyncio.sleep(0.1)\n")
        prompt.type("task = asyncio.create_task(tick())")
        time.sleep(0.5)
        before, _ = self.activity(prompt)
        time.sleep(2)
        # 20 turns of the loop.
        self.assertLess(self.activity(prompt)[0] - before, 60)


class KeysTest(LineTestCase):
    """Every key does what it does at the stock prompt."""

    def test_moving_and_deleting(self):
        self.check_keys("42", *"6 * 9", "\x7f", *"7")
        self.check_keys("63", *"* 7", CONTROL_A, *"9 ", CONTROL_E)
        self.check_keys("5", *"5 + 1 + ", CONTROL_W, CONTROL_W, CONTROL_W)
        self.check_keys("7", *"78", ESCAPE + "[D", CONTROL_D)

    def test_alt_keys(self):
        self.check_keys("(1, 22)", *"22, 33", ESCAPE + "b", *"1", ESCAPE + "b", ESCAPE + "b",
                        *"1, ", ESCAPE + "d", *"22", CONTROL_E, "\x7f" * 5)
        # ESC and the key, one after the other.
        self.check_keys("(7, 8)", *"8", ESCAPE, "b", *"7, ")
        self.check_keys("'xxx'", *"''", ESCAPE + "[D", ESCAPE, "3", "x")

    def test_key_behind_a_repeated_one(self):
        # Stock's prompt waits for one more key.
        prompt = self.start_ticking()
        prompt.child.send("''" + ESCAPE + "[D" + ESCAPE + "3x\r")
        prompt.child.expect_exact("\r\n'xxx'\r\n", timeout=5)

    def test_quoted_key_and_character_search(self):
        self.check_keys("1", *"len('", CONTROL_V, CONTROL_A, *"')")
        # Ctrl-] X: to the next X.
        self.check_keys("123", *"103", CONTROL_A, "\x1d", "0", CONTROL_D, "2")

    def test_search(self):
        self.check_keys("'found it'", CONTROL_R, *"fou", CONTROL_E,
                        before=["'found it'", "'not this'"])
        # ESC ends the search and edits on.
        self.check_keys("'found again'", CONTROL_R, *"found ag", ESCAPE, CONTROL_E,
                        before=["'found again'", "'not this'"])
        # Ctrl-G gives it up.
        self.check_keys("5", CONTROL_R, *"foun", "\x07", "5", before=["'found it'"])

    def test_history_keys(self):
        self.check_keys("'first'", ESCAPE + "[A", ESCAPE + "[A", ESCAPE + "[B", ESCAPE + "[A",
                        before=["'first'", "'second'"])

    def test_vi_mode(self):
        vi = "import readline; readline.parse_and_bind('set editing-mode vi')"
        self.check_keys("'abd'", *"'abc'", ESCAPE, "h", "r", "d", before=[vi])
        self.check_keys("12", *"2", ESCAPE, "i", "1", before=[vi])

    def test_completion(self):
        self.check_keys("True", *"keyword.isk\t'if')", before=["import keyword"])

    def test_list_of_completions(self):
        for prompt in self.prompts():
            prompt.type("some_name_1 = some_name_2 = 8")
            self.press(prompt, *"some_name_", "\t", "\t", pause=0.1)
            prompt.child.expect_exact("some_name_1  some_name_2")
            self.press(prompt, "2")
            self.assertTrue(prompt.type("").endswith("8\n"))

    def test_question_before_many_completions(self):
        for prompt in self.prompts():
            prompt.type("globals().update((f'many_{n:03}', n) for n in range(150))")
            self.press(prompt, *"many_", "\t", "\t", pause=0.1)
            prompt.child.expect_exact("(y or n)")
            self.press(prompt, "n", CONTROL_U, *"many_007", pause=0.1)
            prompt.child.send("\r")
            prompt.child.expect_exact("\r\n7\r\n")

    def test_undo(self):
        self.check_keys("55", *"55", CONTROL_A, "\x0b", "\x1f")

    def test_bracketed_paste(self):
        for prompt in self.prompts():
            prompt.type("import readline")
            prompt.type("readline.parse_and_bind('set enable-bracketed-paste on')")
            self.press(prompt, "'", PASTE.format("a\tb"), "'")
            self.assertEqual(prompt.type(""), "'a\\tb'\n")
            # A newline in it does not end the line.
            self.press(prompt, PASTE.format("(1,\n2)"))
            prompt.child.send("\r")
            prompt.child.expect_exact("(1, 2)\r\n")

    def test_pasted_lines(self):
        statements = "for n in range(2):\n    y = n\n\ny + 40\n"
        for prompt in self.prompts():
            prompt.child.send(statements)
            prompt.child.expect_exact("\r\n41\r\n")

    def test_end_of_file(self):
        for prompt in self.prompts():
            # On a line with text Ctrl-D deletes, and rings at its end.
            self.press(prompt, "5", CONTROL_D, pause=0.1)
            self.assertTrue(prompt.type("").endswith("5\n"))
            self.assertEqual(prompt.leave()[1], 0)

    def test_end_of_file_without_readline(self):
        for start in self.start, self.start_ticking:
            prompt = start("-I")
            # In the middle of a line: what was typed is read, and the rest as it comes.
            self.press(prompt, "5", CONTROL_D, CONTROL_D, "6", CONTROL_D, pause=0.1)
            self.assertEqual(prompt.type(""), "56\n")
            self.assertEqual(prompt.leave()[1], 0)

    def test_characters_of_several_bytes(self):
        for start in self.start, self.start_ticking:
            for program in "0", "import locale; _ = locale.setlocale(locale.LC_CTYPE, 'C')":
                prompt = start(LC_ALL="C.UTF-8")
                prompt.type(program)
                self.press(prompt, *"'äöüx'", ESCAPE + "[D", ESCAPE + "[D", "\x7f", pause=0.05)
                self.assertEqual(prompt.type(""), "'äöx'\n")
                if program != "0":
                    self.assertEqual(prompt.type("locale.setlocale(locale.LC_CTYPE)"), "'C'\n")


class ModuleTest(LineTestCase):
    """What the module readline offers."""

    def test_history_without_duplicates(self):
        for prompt in self.prompts():
            prompt.type("import readline; readline.clear_history()")
            for line in "1", "1", "2", "", "1":
                prompt.type(line)
            self.assertEqual(
                prompt.type("[readline.get_history_item(n + 1) for n in range(9)][:5]"),
                "['1', '2', '1', '[readline.get_history_item(n + 1) for n in range(9)][:5]', "
                "None]\n")

    def test_automatic_history_switched_off(self):
        for prompt in self.prompts():
            prompt.type("import readline; readline.set_auto_history(False)")
            prompt.type("readline.clear_history()")
            prompt.type("1")
            self.assertEqual(prompt.type("readline.get_current_history_length()"), "0\n")
            prompt.type("readline.set_auto_history(True)")
            prompt.type("2")
            self.assertEqual(prompt.type("readline.get_current_history_length()"), "2\n")

    def test_automatic_history_switched_off_by_the_startup_file(self):
        path = os.path.join(self.home, "startup.py")
        with open(path, "w") as startup:
            startup.write("import readline; readline.set_auto_history(0)\n")
        prompt = self.start_ticking(PYTHONSTARTUP=path)
        self.assertEqual(prompt.type("readline.get_current_history_length()"), "0\n")

    def test_set_auto_history_is_as_in_stock(self):
        describe = ("import inspect, readline; f = readline.set_auto_history; "
                    "f, f.__doc__, inspect.signature(f), f.__module__, f.__self__ is readline")
        shown = [prompt.type(describe) for prompt in self.prompts()]
        self.assertEqual(shown[1:], shown[:1] * 2)
        for prompt in self.prompts():
            self.assertIn("TypeError", prompt.type("readline.set_auto_history()")
                          if "readline" in prompt.type("import readline; 'readline'") else "")

    def test_hooks(self):
        for prompt in self.prompts():
            prompt.type("import readline; calls = []")
            prompt.type("def begin(): calls.append('startup')\n")
            prompt.type("def insert():\n    calls.append('before input')\n"
                        "    if fill: readline.insert_text('1 + ')\n    readline.redisplay()\n")
            prompt.type("fill = False; readline.set_startup_hook(begin)")
            prompt.type("readline.set_pre_input_hook(insert)")
            prompt.type("calls.clear()")
            self.assertEqual(prompt.type("calls"), "['startup', 'before input']\n")
            prompt.child.send("fill = True\n")
            prompt.child.expect_exact(">>> 1 + ")
            prompt.child.send("fill; fill = False\n")
            prompt.child.expect_exact("\r\n2\r\n")
            prompt.read_to_prompt()

    def test_completer_that_fails(self):
        for prompt in self.prompts():
            prompt.type("import readline; readline.set_completer(lambda *_: 1 / 0)")
            self.press(prompt, *"5\t", pause=0.1)
            self.assertTrue(prompt.type("").endswith("5\n"))

    def test_input_in_plain_code(self):
        for prompt in self.prompts():
            prompt.child.send("name = input('name? ')\n")
            prompt.child.expect_exact("name? ")
            self.press(prompt, *"mf", "\x7f", "e")
            prompt.type("")
            self.assertEqual(prompt.type("name"), "'me'\n")


class SignalTest(LineTestCase):
    """Signals that come between keys."""

    def test_interrupt_clears_the_line_once(self):
        for prompt in self.prompts():
            for keys in "1 + ", CONTROL_R + "fo", ESCAPE, "if 1:\n  5":
                self.press(prompt, keys, pause=0.2)
                prompt.child.sendintr()
                prompt.child.expect_exact("KeyboardInterrupt")
                self.assertNotIn("KeyboardInterrupt", prompt.read_to_prompt())
                self.assertEqual(prompt.type("2"), "2\n")

    def test_interrupt_between_quick_keys(self):
        prompt = self.start_ticking()
        for _ in range(5):
            self.press(prompt, *"1 + 2", pause=0.01)
            prompt.child.sendintr()
            self.assertEqual(prompt.read_to_prompt().count("KeyboardInterrupt"), 1)
        self.assertEqual(prompt.type("3"), "3\n")
        self.assertEqual(prompt.type("task.done()"), "False\n")

    def test_handlers_of_signals(self):
        prompt = self.start_ticking()
        prompt.type("import signal; alarms = []")
        prompt.type("_ = signal.signal(signal.SIGALRM, lambda *_: alarms.append(len(ticks)))")
        prompt.type("_ = signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)")
        self.press(prompt, *"len(alarms) > 5 and len(set(alarms)) > 5", pause=0.03)
        self.assertTrue(prompt.type("").endswith("True\n"))
        prompt.type("async def f(): pass\n")
        prompt.type("asyncio.get_running_loop().add_signal_handler(signal.SIGALRM, ticks.clear)")
        time.sleep(0.5)
        self.assertLess(int(prompt.type("_ = signal.setitimer(signal.ITIMER_REAL, 0); "
                                        "len(ticks)")), 15)

    def test_window_of_another_size(self):
        for start in self.start, self.start_ticking:
            with self.subTest(start=start):
                prompt = start(INPUTRC="/dev/null")
                prompt.type("import asyncio")
                prompt.type("await asyncio.sleep(0)")
                self.press(prompt, *"'abcdefghij' * 2")
                prompt.child.expect_exact("* 2")
                prompt.child.setwinsize(30, 60)
                # Drawn anew at once, without a key.
                prompt.child.expect_exact("'abcdefghij' * 2", timeout=2)
                self.assertEqual(prompt.type(""), "'abcdefghijabcdefghij'\n")
                self.assertEqual(prompt.type("import os; os.get_terminal_size().columns"), "60\n")

    def test_stop_and_continue(self):
        # In bash: TerminalTest of test_session.  Here what is typed stays.
        prompt = self.start_ticking()
        self.press(prompt, *"1 + ")
        os.kill(prompt.child.pid, signal.SIGSTOP)
        time.sleep(0.2)
        os.kill(prompt.child.pid, signal.SIGCONT)
        self.press(prompt, "2")
        self.assertTrue(prompt.type("").endswith("3\n"))


class OutputTest(LineTestCase):
    """What appears while a line is typed."""

    def test_other_threads_write_above_the_line(self):
        for mode in [], ["-I"]:
            with self.subTest(mode=mode):
                prompt = self.start(*mode)
                prompt.type("import asyncio, sys, threading, time")
                # A loop with nothing to do.
                prompt.type("await asyncio.sleep(0)")
                prompt.type("def work():\n    time.sleep(0.5)\n    print('spo' 'ken', 1)\n"
                            "    print('spo' 'ken', 2, file=sys.stderr)\n")
                prompt.type("threading.Thread(target=work).start()")
                prompt.child.send("6 * ")
                prompt.child.expect_exact("spoken 2\r\n>>> 6 * ", timeout=5)
                self.assertIn("spoken 1\r\n", prompt.child.before)
                self.assertEqual(prompt.type("7"), "42\n")

    def test_output_without_an_end_of_line(self):
        prompt = self.start()
        prompt.type("import asyncio")
        prompt.type("async def work():\n    await asyncio.sleep(0.3)\n"
                    "    print('spo' 'ken', end='')\n")
        prompt.type("task = asyncio.create_task(work())")
        prompt.child.send("6 * ")
        time.sleep(0.6)
        prompt.child.send("7")
        prompt.child.expect_exact("spoken\r\n>>> 6 * 7", timeout=5)
        self.assertEqual(prompt.type(""), "42\n")

    def test_output_as_the_line_ends(self):
        prompt = self.start()
        prompt.type("import asyncio, threading")
        prompt.type("await asyncio.sleep(0)")
        prompt.type("stop = False; count = 0")
        prompt.type("def work():\n    global count\n    while not stop:\n"
                    "        print('spo' 'ken'); count += 1\n        time.sleep(0.001)\n")
        prompt.type("import time; thread = threading.Thread(target=work)")
        prompt.child.send("thread.start()\n" + "x = 1\n" * 50 + "stop = True; thread.join()\n"
                          "'end', count\n")
        prompt.child.expect(r"\('end', (\d+)\)\r\n")
        # Each once, whoever wrote it.
        self.assertEqual(prompt.child.before.count("spoken\r\n"), int(prompt.child.match[1]))

    def test_descriptor_closed_by_the_user(self):
        prompt = self.start()
        prompt.type("import asyncio, os, time")
        prompt.type("await asyncio.sleep(0)")
        prompt.type("kinds = {n: os.readlink(f'/proc/self/fd/{n}') for n in range(3, 30)"
                    " if os.path.exists(f'/proc/self/fd/{n}')}")
        prompt.type("for n, kind in kinds.items():\n    if 'eventfd' in kind: os.close(n)\n")
        prompt.type("before = time.process_time()")
        time.sleep(1)
        self.assertLess(float(prompt.type("time.process_time() - before")), 0.1)
        self.assertTrue(prompt.type("any('eventfd' in kind for kind in kinds.values())"))


class LibeditTest(LineTestCase):
    """The module readline with the library libedit in the place of GNU's."""

    LIBRARY = "/usr/lib/x86_64-linux-gnu/libedit.so.2"
    # All that the distribution's module wants and libedit lacks.
    MISSING = "void rl_callback_sigcleanup(void) {}\n"

    @unittest.skipUnless(os.path.exists(LIBRARY), "package libedit2 is not installed")
    def test_as_with_stock(self):
        folder = os.path.join(self.home, "libraries")
        os.mkdir(folder)
        subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-",
                        "-o", f"{folder}/libreadline.so.8", "-Wl,-soname,libreadline.so.8",
                        "-Wl,--no-as-needed", "-x", "none", self.LIBRARY],
                       input=self.MISSING, text=True, check=True)
        path = {"LD_LIBRARY_PATH": folder}
        for prompt in self.start(executable=STOCK, **path), self.start_ticking(**path):
            prompt.type("import readline")
            self.assertEqual(prompt.type("'libedit' in readline.__doc__"), "True\n")
            self.press(prompt, "2", CONTROL_A, *"4", CONTROL_E)
            self.assertEqual(prompt.type(""), "42\n")
            self.press(prompt, *"1 + ")
            prompt.child.sendintr()
            self.assertEqual(prompt.read_to_prompt().count("KeyboardInterrupt"), 1)
            self.assertEqual(prompt.type("2"), "2\n")
        prompt.type("before = len(ticks)")
        self.press(prompt, *"len(ticks) - before                ")
        self.assertGreater(int(prompt.type("")), 80)


if __name__ == "__main__":
    unittest.main()
