"""A REPL that starts a loop for each statement that awaits, and stops it after.

Between two statements nothing runs: what a statement starts in the background
and does not wait for is cancelled when the statement ends.
"""

import ast
import asyncio
import codeop
import inspect
import traceback


class Repl:
    """One namespace, and the statements that are run in it."""

    def __init__(self):
        self.namespace = {"__name__": "__main__"}
        self.compile = codeop.CommandCompiler()
        # A coroutine only where the statement needs one: most statements need no loop.
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def read(self):
        """Return the code of the next statement."""
        lines = [input(">>> ")]
        while (code := self.compile("\n".join(lines))) is None:
            lines.append(input("... "))
        return code

    def run(self, code):
        """Run a statement to its end."""
        result = eval(code, self.namespace)
        if inspect.iscoroutine(result):
            asyncio.run(result)

    def loop(self):
        """Read and run statements until end of file."""
        while True:
            try:
                self.run(self.read())
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                print("\nKeyboardInterrupt")
            except Exception as error:
                show(error)


def show(error):
    """Show an exception from the statement on, without the frames that lead there."""
    entry = error.__traceback__
    while entry is not None and entry.tb_frame.f_code.co_filename != "<input>":
        entry = entry.tb_next
    traceback.print_exception(error.with_traceback(entry))


if __name__ == "__main__":
    Repl().loop()
