"""Other libraries than asyncio, and another loop for asyncio."""

import unittest

from places import MARK, Tried


class Anyio(Tried):
    title = "anyio"
    packages = ("python3-anyio",)
    session = """
>>> import anyio
>>> async def work(name, results):
...     async with results:
...         await anyio.sleep(0)
...         await results.send(name)
...
>>> send, receive = anyio.create_memory_object_stream()
>>> async with anyio.create_task_group() as group:
...     for name in 'ab':
...         group.start_soon(work, name, send.clone())
...     send.close()
...     print(sorted([name async for name in receive]))
...
['a', 'b']
>>> with anyio.move_on_after(0.01) as scope:
...     await anyio.sleep_forever()
...
>>> print(scope.cancel_called)
True
>>> print(await anyio.to_thread.run_sync(lambda: 6 * 7))
42
>>> print((await anyio.run_process(['echo', 'hello'])).stdout)
b'hello\\n'
"""


class Trio(Tried):
    """The runner is chosen first, in each place by its own means."""

    title = "trio"
    packages = ("python3-trio",)
    note = "``autoawait('trio')`` at the prompt, ``-X autoawait=trio``, IPython's ``%autoawait trio``"
    session = """
>>> import trio
>>> send, receive = trio.open_memory_channel(0)
>>> async def work(name, results):
...     async with results:
...         await results.send(name)
...
>>> async with trio.open_nursery() as nursery:
...     for name in 'ab':
...         nursery.start_soon(work, name, send.clone())
...     send.close()
...     print(sorted([name async for name in receive]))
...
['a', 'b']
>>> with trio.move_on_after(0.01) as scope:
...     await trio.sleep_forever()
...
>>> print(scope.cancelled_caught)
True
>>> print(await trio.to_thread.run_sync(lambda: 6 * 7))
42
"""

    def test_prompt(self):
        prompt = self.start()
        self.assertEqual(prompt.type("autoawait('trio')"), "")
        self.type(prompt, self.session)
        self.assertEqual(prompt.leave()[1], 0)

    def test_program(self):
        path = self.write("program.py", self.source())
        self.assertEqual(self.run_program("-X", "autoawait=trio", path), self.printed())

    def test_marked(self):
        self.write("marked.py", MARK + self.source())
        self.assertEqual(self.run_program("-X", "autoawait=trio", "-c", "import marked"),
                         self.printed())

    def _check_notebook(self, kernel):
        # IPython runs each cell in a trio.run() of its own: what is kept belongs to none.
        cells = ["%autoawait trio", self.source()]
        self.assertEqual(self.run_notebook(cells, kernel), ["", self.printed()])

    def test_nursery_works_while_the_prompt_waits(self):
        prompt = self.start()
        self.type(prompt, """
>>> import trio
>>> autoawait('trio')
>>> event = trio.Event()
>>> async def wait():
...     await event.wait()
...     print('woken up')
...
>>> async def wake():
...     await trio.sleep(0.2)
...     event.set()
...
>>> autoawait.nursery.start_soon(wait)
>>> autoawait.nursery.start_soon(wake)
""")
        prompt.child.send("40 + ")
        prompt.child.expect(r"woken up\r\n>>> 40 \+ ")
        prompt.child.send("2\n")
        prompt.child.expect_exact("42\r\n>>> ")
        self.assertEqual(prompt.leave()[1], 0)


class Uvloop(Tried):
    title = "uvloop, as the policy"
    packages = ("python3-uvloop",)
    note = ("a program with ``-X autoawait`` and a notebook's kernel are on their loop before their "
            "first statement: what is tried there is ``sys.awaithook()``, an import of a marked module "
            "after the policy is set, and a runner in a thread")
    session = """
>>> import asyncio, uvloop
>>> uvloop.install()
>>> async def loop_class():
...     return type(asyncio.get_running_loop()).__module__
...
>>> print(await loop_class())
uvloop
>>> async def serve(reader, writer):
...     writer.write((await reader.readline()).upper())
...     writer.close()
...
>>> server = await asyncio.start_server(serve, '127.0.0.1', 0)
>>> reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
>>> writer.write(b'loud\\n')
>>> print(await reader.read())
b'LOUD\\n'
>>> writer.close()
>>> server.close()
"""

    def _check_notebook(self, kernel):
        cell = ("import asyncio, uvloop\n"
                "async def loop_class():\n"
                "    return type(asyncio.get_running_loop()).__module__\n"
                "def run():\n"
                "    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:\n"
                "        return runner.run(loop_class())\n"
                "print(await asyncio.to_thread(run))")
        self.assertEqual(self.run_notebook([cell], kernel), ["uvloop\n"])

    def test_program(self):
        path = self.write("program.py", "import sys, uvloop\n"
                          "uvloop.install()\n"
                          f"code = compile({self.source()!r}, 'text', 'async-exec')\n"
                          "sys.awaithook(eval(code))\n")
        self.assertEqual(self.run_program(path), self.printed())

    def test_marked(self):
        self.write("marked.py", MARK + self.source())
        path = self.write("imports.py", "import uvloop\nuvloop.install()\nimport marked\n")
        self.assertEqual(self.run_program(path), self.printed())

    def test_server_answers_while_the_prompt_waits(self):
        prompt = self.start()
        self.type(prompt, """
>>> import asyncio, socket, uvloop
>>> uvloop.install()
>>> async def serve(reader, writer):
...     writer.write((await reader.readline()).upper())
...     writer.close()
...
>>> server = await asyncio.start_server(serve, '127.0.0.1', 0)
""")
        port = prompt.type("server.sockets[0].getsockname()[1]")
        import socket
        with socket.create_connection(("127.0.0.1", int(port)), 30) as connection:
            connection.sendall(b"loud\n")
            self.assertEqual(connection.makefile("rb").read(), b"LOUD\n")
        self.assertEqual(prompt.leave()[1], 0)


del Tried

if __name__ == "__main__":
    unittest.main()
