"""A prompt inside a running coroutine, while the program's own loop goes on."""

import code
import inspect
import os
import signal
import sys

import _autoawait

from . import interrupts, report, terminal


async def interact(banner=None, local=None, exitmsg=None):
    """Open a prompt in the coroutine that awaits this, until end of file.

    As code.interact(): banner and exitmsg are shown before and after, local is
    the namespace.  Statements may await; they run in the caller's own task, one
    after the other, and everything else on the loop goes on while one waits or
    a line is typed.  Works under asyncio and trio.

    Ctrl-C clears the line, or cancels the statement that runs.
    """
    if os.isatty(0):
        try:
            import readline  # noqa: F401
        except ImportError:
            pass
    await _Console({} if local is None else local).interact(banner, exitmsg)


async def ainput(prompt=""):
    """Read a line as input() does, while everything else on the loop goes on.

    Works under asyncio and trio.  EOFError at end of file; Ctrl-C is
    KeyboardInterrupt.  RuntimeError in the background of a prompt that reads a
    line, or comes to.  Of a pipe no more is read than the line.
    """
    line = await _Reader(_SigintUnlessGuarded).read_line(str(prompt))
    if line is None:
        raise EOFError
    return line


def give_way():
    """Have a coroutine that waits for a line fail: the prompt wants one."""
    if _waiting_reader is not None:
        _waiting_reader.refuse()


_waiting_reader = None


class _Reader:
    """Reads lines from standard input in a coroutine."""

    def __init__(self, sigint):
        """Make a reader; sigint is what SIGINT does meanwhile, a subclass of _Sigint."""
        _autoawait.check_reader()
        self.side = _trio_side() or _AsyncioSide()
        self._sigint = sigint
        self._is_refused = False
        # One at a time where nobody edits the line: what follows it is for the next reader.
        self._chunk = 65536 if os.isatty(0) else 1

    async def cancellable(self, awaitable):
        """Await awaitable; SIGINT cancels it and becomes KeyboardInterrupt."""
        with self._sigint(self.side.cancel) as sigint:
            try:
                result = await self.side.run(awaitable)
                if sigint.count or self._is_refused:
                    # It came too late; here, and not in what is awaited next, it has its effect.
                    await self.side.be_cancelled()
                return result
            except self.side.Cancelled:
                if not sigint.count and not self._is_refused:
                    raise
                self.side.forget_cancel()
            raise (RuntimeError("the prompt is reading a line") if self._is_refused
                   else KeyboardInterrupt)

    def refuse(self):
        """Have read_line() raise RuntimeError."""
        if not self._is_refused:
            self._is_refused = True
            self.side.cancel()

    async def read_line(self, prompt):
        """Return a line without its end, or None at end of file."""
        global _waiting_reader
        if _waiting_reader is not None:
            raise RuntimeError("another coroutine is reading a line")
        _waiting_reader = self
        try:
            return await self._read_line(prompt)
        finally:
            _waiting_reader = None

    async def _read_line(self, prompt):
        edited = os.isatty(0) and _autoawait.begin_line(prompt)
        if not edited:
            sys.stderr.write(prompt)
            sys.stderr.flush()
        line = None
        typed = []
        try:
            with terminal.OutputAboveLine(self.side.run_soon):
                while line is None:
                    await self.cancellable(self.side.wait_readable(0))
                    line = _autoawait.feed_line() if edited else self._read_typed(typed)
        finally:
            _autoawait.abandon_line()
        if not line:
            return None
        return line.decode(sys.stdin.encoding or "utf-8").removesuffix("\n")

    def _read_typed(self, typed):
        """Return a line as bytes, b"" at end of file, None if there is none yet."""
        text = os.read(0, self._chunk)
        typed.append(text)
        return b"".join(typed) if not text or text.endswith(b"\n") else None


class _Console(code.InteractiveConsole):
    """code.InteractiveConsole, awaited."""

    def __init__(self, namespace):
        namespace.setdefault("__name__", "__console__")
        namespace.setdefault("__builtins__", __builtins__)
        super().__init__(namespace)
        self.compile.compiler.flags |= _autoawait.AWAITING_PROGRAM
        self._reader = _Reader(_Sigint)
        self._ready_code = None

    async def interact(self, banner, exitmsg):
        """Read and run statements until end of file."""
        if banner is None:
            banner = f"Python {sys.version} on {sys.platform}\n({self.__class__.__name__[1:]})"
        if banner:
            self.write(f"{banner}\n")
        more = False
        while True:
            prompt = getattr(sys, "ps2", "... ") if more else getattr(sys, "ps1", ">>> ")
            try:
                line = await self._reader.read_line(str(prompt))
                if line is None:
                    self.write("\n")
                    break
                more = self.push(line)
                if self._ready_code is not None:
                    await self._run_ready_code()
            except KeyboardInterrupt:
                self.write("\nKeyboardInterrupt\n")
                self.resetbuffer()
                more = False
        if exitmsg is None:
            exitmsg = "now leaving the prompt in the coroutine"
        if exitmsg:
            self.write(f"{exitmsg}\n")

    def runcode(self, code):
        """Keep code for the coroutine that pushed its source."""
        self._ready_code = code

    async def _run_ready_code(self):
        code, self._ready_code = self._ready_code, None
        try:
            if code.co_flags & inspect.CO_COROUTINE:
                await self._reader.cancellable(eval(code, self.locals))
            else:
                with _Sigint(_interrupt):
                    exec(code, self.locals)
        except (SystemExit, KeyboardInterrupt, self._reader.side.Cancelled):
            raise
        except BaseException as error:
            # showtraceback() would show the frames of this module.
            sys.last_traceback = report.user_traceback(error, error.__traceback__)
            sys.last_type, sys.last_value = type(error), error
            sys.excepthook(type(error), error.with_traceback(sys.last_traceback),
                           sys.last_traceback)


def _interrupt():
    raise KeyboardInterrupt


class _Sigint:
    """While entered, SIGINT calls cancel() and counts, whatever it did before.

    The second SIGINT breaks what keeps the loop from cancelling.
    """

    def __init__(self, cancel):
        self.count = 0
        self._cancel = cancel

    def __enter__(self):
        self._before = None
        try:
            self._before = signal.signal(signal.SIGINT, self._handle)
        except ValueError:
            # Not the main thread: SIGINT is not ours.
            pass
        return self

    def __exit__(self, *exception):
        if self._before is not None and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, signal_number, frame):
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt
        self._cancel()


class _SigintUnlessGuarded(_Sigint):
    """The same, where a runner does not have SIGINT cancel its statement anyway."""

    def __enter__(self):
        if isinstance(interrupts.owner(signal.getsignal(signal.SIGINT)), interrupts.SigintGuard):
            self._before = None
            return self
        return super().__enter__()


class _AsyncioSide:
    """What the console needs of asyncio."""

    def __init__(self):
        import asyncio

        self.Cancelled = asyncio.CancelledError
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._sleep = asyncio.sleep
        self.run_soon = self._loop.call_soon_threadsafe

    async def run(self, awaitable):
        """Await awaitable so that cancel() ends it."""
        return await awaitable

    async def wait_readable(self, descriptor):
        """Wait until descriptor can be read."""
        readable = self._loop.create_future()

        def on_readable():
            if not readable.done():
                readable.set_result(None)

        # The loop keeps one reader for a descriptor, and the prompt may come to wait, too.
        own_descriptor = os.dup(descriptor)
        blocks = os.get_blocking(descriptor)
        try:
            self._loop.add_reader(own_descriptor, on_readable)
            try:
                await readable
            finally:
                self._loop.remove_reader(own_descriptor)
        except PermissionError:
            # A regular file: it can always be read.
            return
        finally:
            os.set_blocking(descriptor, blocks)
            os.close(own_descriptor)

    def cancel(self):
        """Cancel what runs; from a signal handler."""
        self._loop.call_soon_threadsafe(self._task.cancel)

    async def be_cancelled(self):
        """Take what cancel() has set going, unless the awaited code took it."""
        await self._sleep(0)

    def forget_cancel(self):
        """Say that cancel() has had its effect."""
        self._task.uncancel()


def _trio_side():
    """Return a _TrioSide if the caller runs under trio, else None."""
    trio = sys.modules.get("trio")
    try:
        return _TrioSide(trio) if trio and trio.lowlevel.current_task() else None
    except RuntimeError:
        return None


class _TrioSide:
    """What the console needs of trio."""

    class Cancelled(BaseException):
        """The scope around what ran was cancelled."""

    def __init__(self, trio):
        self._trio = trio
        self._token = trio.lowlevel.current_trio_token()
        self._scope = None
        self.wait_readable = trio.lowlevel.wait_readable
        self.run_soon = self._token.run_sync_soon

    async def run(self, awaitable):
        """Await awaitable so that cancel() ends it."""
        with self._trio.CancelScope() as self._scope:
            return await awaitable
        raise self.Cancelled

    def cancel(self):
        """Cancel what runs; from a signal handler."""
        scope = self._scope
        self._token.run_sync_soon(scope.cancel)

    async def be_cancelled(self):
        """Raise what cancel() did not, since the scope was over."""
        raise self.Cancelled

    def forget_cancel(self):
        """Nothing to do: the scope is over."""
