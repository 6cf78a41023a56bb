"""tkinter beside the session's loop, on a display of its own."""

import os
import unittest

from places import PATIENCE, PlaceTestCase
from servers import Server, wait_until


class Display(Server):
    """An X server that nobody sees."""

    def start(self):
        reader, writer = os.pipe()
        self.process = self.spawn("Xvfb", "-displayfd", str(writer), "-nolisten", "tcp", "-screen",
                                  "0", "640x480x24", pass_fds=(writer,))
        os.close(writer)
        with open(reader, encoding="ascii") as file:
            number = file.readline().strip()
        assert number, "Xvfb does not start"
        self.variables = {"DISPLAY": f":{number}"}


class Tkinter(PlaceTestCase):
    title = "tkinter"
    packages = ("python3-tk", "xvfb")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.use(Display())

    def test_beside_the_loop(self):
        """Both go on while the prompt waits: a window's timers and clicks, and tasks."""
        prompt = self.start()
        self.type(prompt, """
>>> import asyncio, tkinter
>>> window = tkinter.Tk()
>>> ticks, beats = [], []
>>> def tick():
...     ticks.append(len(ticks))
...     _ = window.after(10, tick)
...
>>> async def beat():
...     while True:
...         beats.append(len(beats))
...         await asyncio.sleep(0.01)
...
>>> tick()
>>> task = asyncio.create_task(beat())
>>> button = tkinter.Button(window, command=lambda: print('clicked'))
>>> button.pack()
>>> window.update()
""")

        def counts():
            return eval(prompt.type("len(ticks), len(beats)"))

        first = counts()
        wait_until(lambda: all(now > before + 5 for now, before in zip(counts(), first)),
                   "both timers go on")
        prompt.type("_ = window.after(50, button.invoke)")
        prompt.child.send("40 + ")
        prompt.child.expect_exact("clicked\r\n", timeout=PATIENCE)
        prompt.child.send("2\n")
        prompt.child.expect_exact("42\r\n>>> ")
        self.assertEqual(prompt.type("await asyncio.sleep(0, 'awaits')"), "'awaits'\n")
        self.assertEqual(prompt.type("window.destroy()"), "")
        self.assertEqual(prompt.leave()[1], 0)

    def test_program(self):
        """A program that awaits, and keeps its window alive by a task."""
        path = self.write(
            "window.py",
            "import asyncio, tkinter\n"
            "window = tkinter.Tk()\n"
            "clicked = asyncio.Event()\n"
            "button = tkinter.Button(window, command=clicked.set)\n"
            "window.after(20, button.invoke)\n"
            "async def run():\n"
            "    while True:\n"
            "        window.update()\n"
            "        await asyncio.sleep(0.01)\n"
            "task = asyncio.create_task(run())\n"
            "await clicked.wait()\n"
            "task.cancel()\n"
            "window.destroy()\n"
            "print('clicked')\n")
        self.assertEqual(self.run_program("-X", "autoawait", path), "clicked\n")


if __name__ == "__main__":
    unittest.main()
