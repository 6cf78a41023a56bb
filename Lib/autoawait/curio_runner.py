"""The runner for curio: one kernel for the session."""

import curio

import _autoawait

from .protocol import Runner


class CurioRunner(Runner):
    """Runs coroutines, one after the other, on one curio kernel.

    Tasks spawned by one statement go on while a later one runs.  They stand
    still while the prompt waits: curio has no way to run as a guest.
    """

    name = "curio"
    packages = frozenset({"curio"})

    def __init__(self):
        self._kernel = None

    def __call__(self, coroutine):
        """Run coroutine to its end; return its result or raise its exception."""
        if self._kernel is None:
            self._kernel = curio.Kernel()
        return self._kernel.run(coroutine)

    def after_fork(self):
        """In a forked process: leave the kernel to the parent."""
        _autoawait.keep_forever(self._kernel)
        self._kernel = None

    def close(self):
        """Cancel the tasks that are left and shut the kernel down."""
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            kernel.run(shutdown=True)
