"""Servers for the tests: each on loopback or a Unix socket, in a folder of its own.

A server is a context manager: entered it runs and answers, left it is ended, and its
folder is gone.  One that outlives the tests all the same is ended by the kernel.

    with Postgres() as server:
        server.variables        what a client finds it by
        server.run("select 1")  by the distribution's own client
"""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# Seconds that a server has to begin or end; far more than it needs.
PATIENCE = 25
# Ends a process when the one that started it is gone.
TIED = ("setpriv", "--pdeathsig", "KILL", "--")


def free_port():
    """Return a port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(is_so, what):
    """Ask until something is so; AssertionError when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come to this: {what}")
        time.sleep(0.02)


def answers(port):
    """Tell whether somebody accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Server:
    """A process that serves, and its folder."""

    def __init__(self):
        self.folder = None
        self.process = None
        self.variables = {}

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="eco-")
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *exception):
        self.end()

    def start(self):
        """Start the server and return when it answers."""
        raise NotImplementedError

    def spawn(self, *command, **options):
        """Start a process that does not outlive this one; its output goes into the folder."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            return subprocess.Popen([*TIED, *command], stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, start_new_session=True, **options)

    def kill(self):
        """End it at once, without a word to its clients."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def end(self):
        """End it, and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    """A PostgreSQL cluster."""

    def __init__(self):
        super().__init__()
        [self._programs, *_] = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
        self._options = {}
        if os.geteuid() == 0:
            # The server refuses to be root.
            user = pwd.getpwnam("postgres")
            self._options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _call(self, program, *arguments, **options):
        return subprocess.run([os.path.join(self._programs, program), *arguments],
                              capture_output=True, text=True, timeout=PATIENCE, check=True,
                              stdin=subprocess.DEVNULL, **options)

    def start(self):
        self.port = free_port()
        self.variables = {"PGHOST": self.folder, "PGPORT": str(self.port), "PGUSER": "postgres",
                          "PGDATABASE": "postgres"}
        data = os.path.join(self.folder, "data")
        if self._options:
            shutil.chown(self.folder, self._options["user"], self._options["group"])
        self._call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
                   cwd="/", **self._options)
        self.process = self.spawn(
            os.path.join(self._programs, "postgres"), "-D", data, "-k", self.folder,
            "-h", "127.0.0.1", "-p", str(self.port), "-F", cwd="/", **self._options)
        wait_until(self._is_ready, "PostgreSQL accepts connections")

    def _is_ready(self):
        return subprocess.run([os.path.join(self._programs, "pg_isready"), "-q", "-h", self.folder,
                               "-p", str(self.port)], check=False).returncode == 0

    def run(self, statement):
        """Return what a statement gives, by psql."""
        return self._call("psql", "-XAtqc", statement,
                          env={**os.environ, **self.variables}).stdout.rstrip("\n")

    def wait_for_query(self, text):
        """Return when some client's statement that has this text runs."""
        text = text.replace("'", "''")
        wait_until(lambda: self.run("select count(*) from pg_stat_activity where state = 'active' "
                                    f"and pid <> pg_backend_pid() and query like '%{text}%'") != "0",
                   f"a client runs {text}")

    def end_query(self, text):
        """End the connection of the client that runs a statement with this text."""
        self.wait_for_query(text)
        self.run("select pg_terminate_backend(pid) from pg_stat_activity where "
                 f"pid <> pg_backend_pid() and query like '%{text}%'")


class Redis(Server):
    """A Redis server that keeps nothing."""

    def start(self):
        self.port = free_port()
        self.variables = {"REDIS_URL": f"redis://127.0.0.1:{self.port}"}
        self.process = self.spawn("redis-server", "--bind", "127.0.0.1", "--port", str(self.port),
                                  "--save", "", "--appendonly", "no", "--dir", self.folder,
                                  cwd=self.folder)
        wait_until(lambda: answers(self.port), "Redis accepts connections")

    def run(self, *command):
        """Return what a command gives, by redis-cli."""
        return subprocess.run(["redis-cli", "-p", str(self.port), *command], capture_output=True,
                              text=True, timeout=PATIENCE, check=True).stdout.rstrip("\n")


class Misbehaving(Server):
    """Listens on a port and never says what a server should.

    manner is "slow", which accepts and stays silent, or "reset", which breaks each
    connection off as soon as something came.
    """

    def __init__(self, manner):
        super().__init__()
        self._manner = manner

    def start(self):
        self.port = free_port()
        self.variables = {"PORT": str(self.port)}
        self.process = self.spawn(
            "/usr/bin/python3.11", "-Ic",
            "import socket, struct, sys\n"
            "kept = []\n"
            "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
            "while True:\n"
            "    connection, _ = server.accept()\n"
            "    print('accepted', flush=True)\n"
            "    if sys.argv[2] == 'reset':\n"
            "        connection.recv(1)\n"
            "        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,\n"
            "                              struct.pack('ii', 1, 0))\n"
            "        connection.close()\n"
            "    else:\n"
            "        kept.append(connection)\n", str(self.port), self._manner)
        wait_until(lambda: answers(self.port), f"the {self._manner} server accepts connections")

    def wait_for_client(self):
        """Return when somebody has connected, beside start()."""
        wait_until(lambda: self._accepted() > 1, "a client connects")

    def _accepted(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return file.read().count("accepted")


class Dask(Server):
    """A scheduler of Dask and its workers, each a process of the interpreter given for it."""

    def __init__(self, scheduler, workers):
        super().__init__()
        self._program = scheduler
        self._worker_programs = workers
        self.workers = {}       # process by name

    def start(self):
        self.port = free_port()
        address = f"tcp://127.0.0.1:{self.port}"
        self.variables = {"SCHEDULER": address}
        self.process = self.spawn(
            self._program, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port",
            str(self.port), "--no-dashboard", cwd=self.folder, env=self._environment())
        wait_until(lambda: answers(self.port), "Dask's scheduler accepts connections")
        for number, program in enumerate(self._worker_programs):
            name = f"worker-{number}"
            self.workers[name] = self.spawn(
                program, "-m", "distributed.cli.dask_worker", address, "--no-nanny",
                "--no-dashboard", "--nthreads", "1", "--name", name, "--local-directory",
                os.path.join(self.folder, name), cwd=self.folder, env=self._environment())

    def _environment(self):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("PYTHON")}
        return {**environment, "HOME": self.folder, "TMPDIR": self.folder}

    def kill_worker(self, name):
        """End a worker at once."""
        os.killpg(self.workers[name].pid, signal.SIGKILL)
        self.workers[name].wait(PATIENCE)

    def end(self):
        for name, process in self.workers.items():
            if process.poll() is None:
                self.kill_worker(name)
        super().end()
