"""A kernel: one loop that always runs, and cells that are run on it.

Reads requests from standard input, a JSON object on each line:

    {"run": "source text"}      run a cell, after those that came before
    {"interrupt": true}         cancel the cell that runs

Writes a JSON object for each cell when it ends: {"cell": its number, "values":
what its expression statements gave}, and with it "error" if it failed.  What
cells have started in the background goes on meanwhile.
"""

import asyncio
import json
import sys
import traceback


class Kernel:
    """One namespace, and the cells that are run in it."""

    def __init__(self):
        self.namespace = {"__name__": "__main__"}
        self.count = 0
        self.values = []
        self.running = None

    async def run(self, source):
        """Run a cell."""
        code = compile(source, f"<cell {self.count}>", "async-multi-single", dont_inherit=True)
        await aexec(code, self.namespace)

    def display(self, value):
        """Keep the value of an expression statement; this is sys.displayhook."""
        if value is not None:
            self.values.append(repr(value))

    async def run_all(self, cells):
        """Run the cells that are put into a queue, one after the other."""
        while True:
            source = await cells.get()
            self.count += 1
            self.values = []
            # A task of its own, so that an interrupt cancels the cell and not the kernel.
            self.running = asyncio.create_task(self.run(source))
            await asyncio.wait([self.running])
            answer = {"cell": self.count, "values": self.values}
            if self.running.cancelled():
                answer["error"] = "interrupted"
            elif error := self.running.exception():
                answer["error"] = "".join(traceback.format_exception_only(error))
            self.running = None
            print(json.dumps(answer), flush=True)
            cells.task_done()

    async def serve(self):
        """Answer requests until end of file."""
        sys.displayhook = self.display
        cells = asyncio.Queue()
        runner = asyncio.create_task(self.run_all(cells))
        requests = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
        async for line in requests:
            request = json.loads(line)
            if "run" in request:
                cells.put_nowait(request["run"])
            elif self.running is not None:
                self.running.cancel()
        await cells.join()
        runner.cancel()


if __name__ == "__main__":
    asyncio.run(Kernel().serve())
