"""What a runner of top-level coroutines may have, said on a class.

A runner is any callable that takes a coroutine, runs it to its end and returns its
result.  All else is optional, and has here what it does where a runner does not
have it; a runner may inherit from Runner, or have what it needs by itself.
"""


class Runner:
    """The protocol of runners, and what is done for those that leave something out."""

    #: What autoawait calls the runner when it is shown.
    name = None

    #: What imports that wait need of its library, see asyncimport.libraries; for libraries that
    #: are not known there.
    tasks = None

    #: The packages whose frames drive the user's code: no traceback begins with them.
    packages = frozenset()

    def __call__(self, coroutine):
        """Run coroutine to its end; return its result or raise its exception."""
        raise NotImplementedError

    #: run_apart(coroutine) runs it to its end in another thread than the main one, on a loop of
    #: its own; None: the runner itself is called there.
    run_apart = None

    def wants_input(self):
        """Whether there is background work to go on with while a line is typed."""
        return False

    def wait_for_input(self, descriptor):
        """Do that work until descriptor can be read; KeyboardInterrupt after SIGINT.

        A runner with quiet() may return as soon as no work is to be done.
        """

    def quiet(self):
        """Return what that work waits for, if none is to be done now; None if some is.

        A pair of the descriptor that can be read when there is something to do (-1 if
        there is none) and the seconds until there is (or None).
        """
        return None

    def report_failures(self):
        """Before a line, and after work beside it: tell of what failed, once."""

    def statement(self):
        """Return a context manager for a plain statement, or None."""
        return None

    def withdraw(self):
        """Awaiting is switched off: take back what plain statements would find of the runner."""

    def close(self):
        """End what the runner keeps: the session or its turn ends."""

    def after_fork(self):
        """In a forked process: leave what the runner keeps to the parent."""

    @staticmethod
    def left_handler(handler):
        """Whether handler, of SIGINT, is one that the library leaves if it is interrupted."""
        return False
