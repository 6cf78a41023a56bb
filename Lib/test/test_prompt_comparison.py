"""What a session does, sentence by sentence, beside `python3.11 -m asyncio` and IPython.

A scenario types at a prompt and tells whether it behaves as the manual says.  Each is played at
our prompt, with readline and without, and at the two others; what came out is the table in
Doc/prompt.rst, which is compared with this one.
"""

import contextlib
import importlib.util
import os
import re
import socket
import textwrap
import time
import unittest

import pexpect

from join_support import STOCK
from prompt_support import Prompt, PromptTestCase

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "Doc", "prompt.rst")

PREPARATION = [
    "import asyncio, contextvars, os, sys, threading, time; ticks = []; log = []",
    'exec("async def tick():\\n  while True:\\n    ticks.append(1)\\n'
    '    await asyncio.sleep(.01)")',
    'exec("async def begin(c): return asyncio.create_task(c)")',
    'exec("async def wait(n=99):\\n  await asyncio.sleep(n)\\n  log.append(n)")',
]


class IPythonPrompt(Prompt):
    """IPython where it behaves like a terminal program of one line."""

    PROMPT = r"(?:^|(?<=\n)|(?<=\r))(?:In \[\d+\]: )$"
    CONTINUATION = r"   \.\.\.: $"

    def read_to_prompt(self):
        """Return what is shown up to the next prompt."""
        self.child.expect([self.PROMPT, self.CONTINUATION])
        return self._clean(self.child.before)


# Expected where it is chance; such a scenario is played all the same.
VARIES = "varies"


def scenario(sentence, *, readline=True, plain=True, asyncio=True, ipython=True):
    """Declare a scenario: what it stands for, and where it comes out true.

    None where there is nothing to play: keys of readline without readline, and in IPython,
    which has an editor of its own.
    """
    def declare(function):
        function.sentence = sentence
        function.expected = {"python": readline, "python -I": plain,
                             "python3.11 -m asyncio": asyncio, "IPython": ipython}
        SCENARIOS.append(function)
        return function
    return declare


SCENARIOS = []


def value(prompt, expression):
    """Return what the prompt shows for an expression, without `Out[1]:`."""
    return re.sub(r"^Out\[\d+\]: ", "", prompt.type(expression).strip()).strip()


def grows(prompt, least=40):
    """Tell whether ticks grow while the prompt waits for a second."""
    prompt.type("before = len(ticks)")
    time.sleep(1)
    return int(value(prompt, "len(ticks) - before")) > least


@scenario("Tasks go on while the prompt waits", ipython=False)
def tasks_go_on(prompt):
    prompt.type("task = await begin(tick())")
    return grows(prompt)


@scenario("... and while keys are pressed, one every 50 ms", ipython=False)
def tasks_go_on_between_keys(prompt):
    prompt.type("task = await begin(tick())")
    prompt.type("before = len(ticks)")
    for key in "len(ticks) - before         ":
        prompt.child.send(key)
        time.sleep(0.05)
    return int(value(prompt, "")) > 60


@scenario("... in the same thread", asyncio=False, ipython=False)
def one_thread(prompt):
    prompt.type("task = await begin(tick())")
    return grows(prompt) and value(prompt, "len(os.listdir('/proc/self/task'))") == "1"


@scenario("Timers fire while the prompt waits", ipython=False)
def timers_fire(prompt):
    prompt.type('exec("async def later(): asyncio.get_running_loop().call_later('
                '.2, lambda: log.append(time.monotonic()))")')
    prompt.type("await later()")
    time.sleep(1)
    return (value(prompt, "len(log)") == "1"
            and float(value(prompt, "time.monotonic() - log[0]")) > 0.5)


@scenario("Servers answer while the prompt waits", ipython=False)
def servers_answer(prompt):
    prompt.type('exec("async def serve(r, w):\\n  w.write(b\'served\')\\n  w.close()")')
    prompt.type("server = await asyncio.start_server(serve, '127.0.0.1', 0)")
    port = int(value(prompt, "server.sockets[0].getsockname()[1]"))
    with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
        client.settimeout(2)
        return client.recv(100) == b"served"


@scenario("An idle prompt uses no processor time")
def idle_prompt(prompt):
    prompt.type("await asyncio.sleep(0)")
    time.sleep(1)

    def activity():
        total = 0
        for thread in os.listdir(f"/proc/{prompt.child.pid}/task"):
            with open(f"/proc/{prompt.child.pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
        return total

    before = activity()
    time.sleep(1)
    return activity() == before


@scenario("Another user of PyOS_InputHook goes on, and tasks beside it", asyncio=False,
          ipython=False)
def another_input_hook(prompt):
    prompt.type("task = await begin(tick())")
    prompt.type("import ctypes, select")
    prompt.type('exec("def hook():\\n  while not select.select([0], [], [], .01)[0]:'
                ' log.append(threading.current_thread() is threading.main_thread())\\n'
                '  return 0")')
    prompt.type("hook = ctypes.PYFUNCTYPE(ctypes.c_int)(hook)")
    prompt.type("place = ctypes.c_void_p.in_dll(ctypes.pythonapi, 'PyOS_InputHook')")
    prompt.type("place.value = ctypes.cast(hook, ctypes.c_void_p).value")
    return grows(prompt, least=20) and value(prompt, "len(log) > 20 and all(log)") == "True"


@scenario("The history is searched and kept", plain=None, ipython=None)
def history(prompt):
    prompt.type("task = await begin(tick())")
    prompt.type("'found it'")
    prompt.child.send("\x12fou")
    time.sleep(0.3)
    prompt.child.send("\x05\r")
    prompt.child.expect_exact("\r\n'found it'\r\n")
    prompt.read_to_prompt()
    return value(prompt, "'end'") == "'end'"


@scenario("Completion knows names awaited into existence", plain=None, asyncio=False, ipython=None)
def completion(prompt):
    prompt.type("some_awaited_name = await asyncio.sleep(0, 5)")
    prompt.child.send("some_aw\t")
    prompt.child.expect_exact("some_awaited_name")
    return value(prompt, "") == "5"


@scenario("A paste of several lines runs as typed", ipython=None)
def paste(prompt):
    prompt.child.send("x = await asyncio.sleep(0, 1)\ny = x + 1\nz = await asyncio.sleep(0, y)\n"
                      "z + 40\n")
    prompt.child.expect(r"42\r\n")
    prompt.read_to_prompt()
    return True


@scenario("asyncio.run() in a plain statement", asyncio=False)
def run(prompt):
    return value(prompt, "asyncio.run(asyncio.sleep(0, 5))") == "5"


@scenario("loop.run_until_complete() on another loop", asyncio=False)
def another_loop(prompt):
    prompt.type("other = asyncio.new_event_loop()")
    return value(prompt, "other.run_until_complete(asyncio.sleep(0, 5))") == "5"


@scenario("create_task(), get_running_loop() in a plain statement", ipython=False)
def create_task(prompt):
    prompt.type("task = asyncio.create_task(asyncio.sleep(0, 5))")
    prompt.type("same = asyncio.get_running_loop() is task.get_loop()")
    return value(prompt, "same, await task") == "(True, 5)"


@scenario("aiohttp.ClientSession() in a plain statement")
def client_session(prompt):
    prompt.type("import warnings; warnings.simplefilter('ignore'); import aiohttp")
    prompt.type("session = aiohttp.ClientSession()")
    prompt.type("await session.close()")
    return value(prompt, "session.closed") == "True"


@scenario("A loop that a library starts and stops leaves the session's whole", asyncio=False,
          ipython=False)
def loop_of_a_library(prompt):
    prompt.type("task = await begin(tick())")
    prompt.type("asyncio.run(asyncio.sleep(0)); other = asyncio.new_event_loop()")
    prompt.type("other.run_until_complete(asyncio.sleep(0)); other.close()")
    return (value(prompt, "other.is_closed()") == "True" and grows(prompt)
            and value(prompt, "await asyncio.sleep(0, 5), task.done()") == "(5, False)")


CLEANUP = ('exec("async def work(n):\\n  try:\\n    print(\'be\', \'gin\')\\n'
           '    await asyncio.sleep(99)\\n  finally:\\n    await asyncio.sleep(n)\\n'
           '    log.append(\'clean\')")')


@scenario("Ctrl-C cancels what is awaited, and its cleanup runs", ipython=False)
def interrupt(prompt):
    prompt.type(CLEANUP)
    shown = prompt.interrupt("await asyncio.gather(work(0), work(.01))", "be gin")
    prompt.type("await asyncio.sleep(.1)")
    return "KeyboardInterrupt" in shown and value(prompt, "log") == "['clean', 'clean']"


@scenario("... task groups and executors' futures, too", ipython=VARIES)
def interrupt_group(prompt):
    prompt.type('exec("async def group():\\n  async with asyncio.TaskGroup() as g:\\n'
                '    g.create_task(wait(3))\\n    print(\'be\', \'gin\')\\n'
                '    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 2)")')
    began = time.monotonic()
    shown = prompt.interrupt("await group()", "be gin")
    took = time.monotonic() - began
    prompt.type("await asyncio.sleep(3.2)")
    return "KeyboardInterrupt" in shown and took < 1.5 and value(prompt, "log") == "[]"


@scenario("The prompt is back at once, though cleanup takes long, which goes on", asyncio=False,
          ipython=False)
def interrupt_long_cleanup(prompt):
    prompt.type(CLEANUP)
    began = time.monotonic()
    prompt.interrupt("await work(2)", "be gin")
    took = time.monotonic() - began
    time.sleep(2.5)
    return took < 1.5 and value(prompt, "log") == "['clean']"


@scenario("Tasks that the statement did not create live on")
def interrupt_background(prompt):
    prompt.type("task = await begin(tick())")
    prompt.interrupt("print('be', 'gin'); await asyncio.sleep(99)", "be gin")
    return value(prompt, "task.done()") == "False"


@scenario("... and those that it created do not", asyncio=False, ipython=False)
def interrupt_children(prompt):
    prompt.type('exec("async def parent():\\n  asyncio.create_task(wait(1))\\n'
                '  print(\'be\', \'gin\')\\n  await asyncio.sleep(99)")')
    prompt.interrupt("await parent()", "be gin")
    prompt.type("await asyncio.sleep(1.3)")
    return value(prompt, "log") == "[]"


@scenario("A busy loop in awaited code is interrupted where it is")
def interrupt_busy(prompt):
    prompt.type('exec("async def busy():\\n  print(\'be\', \'gin\')\\n  while True: pass")')
    shown = prompt.interrupt("await busy()", "be gin")
    return "in busy" in shown and value(prompt, "await asyncio.sleep(0, 5)") == "5"


@scenario("Ctrl-C at the prompt clears the line, and is told once", asyncio=False)
def interrupt_line(prompt):
    prompt.type("task = await begin(wait())")
    prompt.child.send("1 + ")
    time.sleep(0.3)
    prompt.child.sendintr()
    shown = prompt.read_to_prompt()
    if value(prompt, "2") != "2":
        return False
    return shown.count("KeyboardInterrupt") == 1 and value(prompt, "task.done()") == "False"


@scenario("KeyboardInterrupt comes neither twice nor in the next statement")
def interrupt_once(prompt):
    shown = prompt.interrupt("print('be', 'gin'); await asyncio.sleep(99)", "be gin")
    after = prompt.type("await asyncio.sleep(.3)") + prompt.type("time.sleep(.3)")
    told = re.findall(r"^KeyboardInterrupt:? *$", shown, re.MULTILINE)
    return len(told) == 1 and "KeyboardInterrupt" not in after


@scenario("Output of the background appears above the line, which is drawn again", asyncio=False,
          ipython=False)
def output_above(prompt):
    prompt.type('exec("async def speak():\\n  await asyncio.sleep(.5)\\n  print(\'spo\' \'ken\')")')
    prompt.type("task = await begin(speak())")
    prompt.child.send("6 * ")
    prompt.child.expect(r"spoken\r\n(?:>>> |In \[\d+\]: )6 \* ", timeout=3)
    return value(prompt, "7") == "42"


FAIL = 'exec("async def fail():\\n  await asyncio.sleep(.1)\\n  1/0")'


@scenario("A failure that nobody awaits is shown once, by frames of the user", ipython=False)
def failure(prompt):
    prompt.type(FAIL)
    prompt.child.send("x = [await begin(fail())]; x.clear()\n")
    time.sleep(1)
    shown = prompt.type("import gc; gc.collect(); 'end'")
    return (shown.count("ZeroDivisionError: division") == 1 and "in fail" in shown
            and "asyncio/" not in shown)


@scenario("... and not one that somebody looks at")
def failure_looked_at(prompt):
    prompt.type(FAIL)
    prompt.type("task = await begin(fail())")
    prompt.type("await asyncio.sleep(.3)")
    shown = prompt.type("type(task.exception()).__name__") + prompt.type("del task")
    return shown.count("ZeroDivisionError") == 1 and "Traceback" not in shown


@scenario("SystemExit in a background task does not end the session", asyncio=False,
          ipython=False)
def exit_in_background(prompt):
    prompt.type('exec("async def leave():\\n  await asyncio.sleep(.1)\\n  sys.exit(3)")')
    prompt.type("task = await begin(leave())")
    time.sleep(0.5)
    # It is told of meanwhile.
    with contextlib.suppress(pexpect.TIMEOUT):
        prompt.child.read_nonblocking(10000, 0)
    return value(prompt, "await asyncio.sleep(.3, 5)") == "5"


@scenario("A coroutine never awaited gets its warning with the input's line, each time",
          asyncio=False, ipython=False)
def never_awaited(prompt):
    shown = [prompt.type("wait() and None") for _ in range(2)]
    return all(re.search(r"<stdin>:1: RuntimeWarning: coroutine 'wait' was never awaited", text)
               for text in shown)


@scenario("Context variables persist, awaited or not, also with nested runs", asyncio=False,
          ipython=False)
def context_variables(prompt):
    prompt.type("v = contextvars.ContextVar('v', default=0)")
    prompt.type('exec("async def set_v(x): v.set(x)")')
    prompt.type("await set_v(1)")
    seen = [value(prompt, "v.get()")]
    prompt.type("_ = v.set(2)")
    seen.append(value(prompt, "await asyncio.sleep(0, v.get())"))
    prompt.type("asyncio.run(set_v(3))")
    return seen + [value(prompt, "v.get()")] == ["1", "2", "2"]


@scenario("input() in awaited code")
def input_in_awaited_code(prompt):
    prompt.type('exec("async def ask(): return await asyncio.sleep(0, input(\'name? \'))")')
    prompt.child.send("await ask()\n")
    prompt.child.expect_exact("name? ", timeout=3)
    return value(prompt, "me") == "'me'"


@scenario("breakpoint() in awaited code and in a plain statement")
def debugger(prompt):
    prompt.type('exec("async def stop():\\n  x = 41\\n  breakpoint()\\n  return x")')
    prompt.type('exec("def stop_plainly():\\n  x = 41\\n  breakpoint()\\n  return x")')
    for statement in "await stop()", "stop_plainly()":
        prompt.child.send(f"{statement}\n")
        prompt.child.expect(r"\(Pdb\) |ipdb> ", timeout=5)
        prompt.child.send("p 6 * 7\n")
        prompt.child.expect_exact("42", timeout=3)
        prompt.child.expect(r"\(Pdb\) |ipdb> ", timeout=3)
        if value(prompt, "continue") != "41":
            return False
    return True


@scenario("help() after an await")
def help_(prompt):
    return "Return the number of items" in prompt.type("await asyncio.sleep(0); help(len)")


@scenario("A resized window", asyncio=VARIES)
def resized(prompt):
    prompt.type("task = await begin(tick())")
    prompt.child.send("1 + ")
    prompt.child.setwinsize(30, 60)
    time.sleep(0.3)
    return value(prompt, "2") == "3" and value(prompt, "os.get_terminal_size().columns") == "60"


class ComparisonTest(PromptTestCase):
    """Every scenario at every prompt."""

    def open(self, name):
        """Start the prompt of that name; None if it is not installed."""
        timeout = 6
        if name == "IPython":
            if importlib.util.find_spec("IPython") is None:
                return None
            arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor",
                         "--no-confirm-exit", "--HistoryManager.enabled=False"]
            prompt = self.start(*arguments, executable=STOCK, timeout=timeout, kind=IPythonPrompt)
        elif name == "python3.11 -m asyncio":
            prompt = self.start("-m", "asyncio", executable=STOCK, timeout=timeout)
        else:
            prompt = self.start(*name.split()[1:], timeout=timeout)
        for line in PREPARATION:
            prompt.type(line)
        return prompt

    def comes_out(self, function, name):
        """Play a scenario; None where that cannot be done."""
        prompt = self.open(name)
        if prompt is None:
            return None
        try:
            return function(prompt)
        except (pexpect.TIMEOUT, pexpect.EOF, ValueError, OSError):
            # It hangs, is gone or shows something else than the value asked for.
            return False
        finally:
            prompt.child.close(force=True)

    def play(self, function):
        """See that the scenario comes out everywhere as declared."""
        for name, expected in function.expected.items():
            if expected is None:
                continue
            with self.subTest(prompt=name):
                outcome = self.comes_out(function, name)
                if outcome is None:
                    self.skipTest(f"{name} is not installed")
                if expected is not VARIES:
                    self.assertEqual(outcome, expected)


# Sentences that have their test elsewhere.
ELSEWHERE = {
    "Piped input": "test_session.BackgroundTest.test_tasks_go_on_with_piped_input",
    "libedit in readline's place": "test_line_editing.LibeditTest.test_as_with_stock",
    "Every key of readline as at the stock prompt": "test_line_editing.KeysTest",
    "No wake-up of an idle prompt": "test_line_editing.IdleTest",
    "A second Ctrl-C abandons the cleanup": "test_session.InterruptTest."
                                            "test_second_interrupt_abandons",
    "Ctrl-Z and fg": "test_session.TerminalTest.test_stop_and_continue",
    "asyncio is imported on first need": "test_prompt.SessionTest."
                                         "test_plain_statements_do_not_import_asyncio",
    "Memory, descriptors and time stay flat": "test_soak.SoakTest",
}

_MARKS = {True: "yes", False: "no", None: "", VARIES: "varies"}
_WIDTHS = 24, 43, 6, 6, 7, 7


def _row(*cells):
    return " ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS)).rstrip()


def table():
    """Return the manual's table of the scenarios."""
    rule = _row(*("=" * width for width in _WIDTHS))
    lines = [rule, _row("test", "what", "python", "python", "python3", "IPython"),
             _row("", "", "", "-I", "-m"), _row("", "", "", "", "asyncio"), rule]
    for function in SCENARIOS:
        first, *others = textwrap.wrap(function.sentence, _WIDTHS[1])
        marks = [_MARKS[outcome] for outcome in function.expected.values()]
        # An empty last cell is one all the same.
        lines.append(_row(function.__name__.rstrip("_"), first, *marks))
        lines += [_row("", text) for text in others]
    return "\n".join([*lines, rule])


class TableTest(unittest.TestCase):
    """The manual says what the scenarios do."""

    def test_table(self):
        with open(DOCUMENT, encoding="utf-8") as document:
            text = document.read()
        self.assertIn(table(), text)
        for sentence, test in ELSEWHERE.items():
            self.assertIn(f"{sentence}\n   ``{test}``\n", text)

    def test_tests_elsewhere_are_there(self):
        for test in ELSEWHERE.values():
            loader = unittest.TestLoader()
            self.assertGreater(loader.loadTestsFromName(test).countTestCases(), 0)
            self.assertEqual(loader.errors, [])


def _add_tests():
    for function in SCENARIOS:
        def test(self, function=function):
            self.play(function)
        test.__doc__ = function.sentence
        setattr(ComparisonTest, f"test_{function.__name__.rstrip('_')}", test)


_add_tests()


if __name__ == "__main__":
    unittest.main()
