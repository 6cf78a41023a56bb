"""Synchronous code in a plain statement does what it does at the stock prompt.

Each entry is typed at three prompts: stock's, ours, and ours after an await, with a task in
the background.  What they show must be the same.  The table of entries is in Doc/plain.rst.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest

from join_support import STOCK
from prompt_support import clean_environment

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "Doc", "plain.rst")

# What a session is in the midst of when it has awaited.
AWAITED = """\
async def _tick():
    while True: await _asyncio.sleep(0.001)

import asyncio as _asyncio
_ticking = _asyncio.create_task(_tick())
await _asyncio.sleep(0.01)
"""

DJANGO = """
import django
from django.conf import settings
settings.configure(DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3',
                                          'NAME': ':memory:'}},
                   INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth'],
                   ALLOWED_HOSTS=['*'], ROOT_URLCONF=__name__, SECRET_KEY='x')

django.setup()
"""

FLASK = """
import flask
app = flask.Flask('app')
@app.route('/')
async def view():
    import asyncio
    await asyncio.sleep(0)
    return 'shown'

"""

COROUTINE = """
import asyncio
async def give(value):
    await asyncio.sleep(0)
    return value

"""

# name: (library or None, what it is, statements)
ENTRIES = {
    "asyncio.run": (None, "asyncio.run()", COROUTINE + "asyncio.run(give(1))"),
    "asyncio.run-twice": (None, "... twice", COROUTINE
                          + "asyncio.run(give(1)), asyncio.run(give(2))"),
    "asyncio.Runner": (None, "asyncio.Runner", COROUTINE + """
with asyncio.Runner() as runner: runner.run(give(1))

"""),
    "run_until_complete": (None, "run_until_complete() of a new loop", COROUTINE + """
loop = asyncio.new_event_loop()
loop.run_until_complete(give(1))
loop.close()
"""),
    "set_event_loop": (None, "set_event_loop(), then ensure_future() and run_until_complete()",
                       COROUTINE + """
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
asyncio.get_event_loop() is loop
future = asyncio.ensure_future(give(1))
loop.run_until_complete(future)
loop.run_until_complete(asyncio.gather(give(2), give(3)))
asyncio.get_event_loop() is loop
"""),
    "set_event_loop-in-one": (None, "... in one statement", COROUTINE + """
loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop); asyncio.get_event_loop() is loop
"""),
    "policy": (None, "A policy of one's own", COROUTINE + """
class Policy(asyncio.DefaultEventLoopPolicy):
    made = 0
    def new_event_loop(self):
        Policy.made += 1
        return super().new_event_loop()

asyncio.set_event_loop_policy(Policy())
asyncio.run(give(1)), Policy.made
"""),
    "ask": (None, "Code that asks whether a loop runs", """
import asyncio
def ask():
    try: asyncio.get_running_loop()
    except RuntimeError as error: return str(error)

ask()
try: asyncio.get_running_loop()
except Exception: 'none'

"""),
    "ask-taken": (None, "... by a function taken from asyncio", """
from asyncio import get_running_loop
def ask():
    with open('/dev/null'):
        try: get_running_loop()
        except (KeyError, RuntimeError) as error: return str(error)

ask()
def ask_in_finally():
    try:
        try: get_running_loop()
        finally: len('x')
    except: return 'none'

ask_in_finally()
"""),
    "_get_running_loop": (None, "asyncio._get_running_loop()", """
import asyncio
asyncio._get_running_loop() is None
"""),
    "thread": (None, "A loop in a thread", COROUTINE + """
import threading
seen = []
thread = threading.Thread(target=lambda: seen.append(asyncio.run(give(1))))
thread.start(); thread.join(); seen
"""),
    "run_coroutine_threadsafe": (None, "run_coroutine_threadsafe() to a thread's loop", COROUTINE
                                 + """
import threading
loop = asyncio.new_event_loop()
thread = threading.Thread(target=loop.run_forever); thread.start()
asyncio.run_coroutine_threadsafe(give(1), loop).result()
_ = loop.call_soon_threadsafe(loop.stop); thread.join(); loop.close()
"""),
    "queue": (None, "asyncio.Queue, Lock, Event, Semaphore made outside of a loop", COROUTINE + """
queue, lock = asyncio.Queue(), asyncio.Lock()
async def use():
    async with lock: await queue.put(1)
    return await queue.get()

asyncio.run(use())
"""),
    "subprocess": (None, "asyncio's subprocesses under asyncio.run()", """
import asyncio
async def shell():
    process = await asyncio.create_subprocess_exec('echo', 'shown', stdout=-1)
    return await process.communicate()

asyncio.run(shell())
"""),
    "IsolatedAsyncioTestCase": (None, "unittest.IsolatedAsyncioTestCase", """
import unittest, asyncio, io
class Test(unittest.IsolatedAsyncioTestCase):
    async def test(self):
        await asyncio.sleep(0)

result = unittest.TextTestRunner(stream=io.StringIO()).run(Test('test')); result
"""),
    "contextvars": (None, "Context variables", """
import contextvars
variable = contextvars.ContextVar('variable', default=0)
token = variable.set(1)
variable.get()
contextvars.copy_context().run(variable.get)
"""),
    "futures": (None, "concurrent.futures, threads and processes", """
import concurrent.futures
with concurrent.futures.ThreadPoolExecutor() as pool: list(pool.map(abs, [-1, -2]))

with concurrent.futures.ProcessPoolExecutor(1) as pool: list(pool.map(abs, [-1, -2]))

"""),
    "multiprocessing": (None, "multiprocessing.Pool", """
import multiprocessing
with multiprocessing.Pool(2) as pool: pool.map(abs, [-1, -2])

"""),
    "subprocess.run": (None, "subprocess.run()", """
import subprocess
subprocess.run(['echo', 'shown'], capture_output=True).stdout
"""),
    "fork": (None, "os.fork()", """
import os
child = os.fork() or os._exit(3)
os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""),
    "http": (None, "http.server and urllib", """
import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); _ = self.wfile.write(b'served')
    def log_message(self, *arguments): pass

server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
thread = threading.Thread(target=server.serve_forever); thread.start()
urllib.request.urlopen(f'http://127.0.0.1:{server.server_port}/').read()
server.shutdown(); thread.join(); server.server_close()
"""),
    "selectors": (None, "selectors and sockets", """
import selectors, socket
one, other = socket.socketpair()
selector = selectors.DefaultSelector()
_ = selector.register(one, selectors.EVENT_READ)
_ = other.send(b'x')
[event for _, event in selector.select()]
selector.close(); one.close(); other.close()
"""),
    "sched": (None, "sched and time.sleep()", """
import sched
seen = []; scheduler = sched.scheduler()
_ = scheduler.enter(0.01, 1, seen.append, (1,))
scheduler.run()
seen
"""),
    "signal": (None, "signal.alarm() and a handler", """
import signal, time
seen = []
_ = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
_ = signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()
seen
"""),
    "sqlite3": (None, "sqlite3", """
import sqlite3
sqlite3.connect(':memory:').execute('select 1').fetchall()
"""),
    "wsgiref": (None, "wsgiref", """
from wsgiref.simple_server import demo_app
from wsgiref.util import setup_testing_defaults
environ = {}; setup_testing_defaults(environ)
demo_app(environ, lambda status, headers: None)[0][:12]
"""),
    "xmlrpc": (None, "xmlrpc", """
import xmlrpc.server, xmlrpc.client, threading
server = xmlrpc.server.SimpleXMLRPCServer(('127.0.0.1', 0), logRequests=False)
server.register_function(pow, 'pow')
thread = threading.Thread(target=server.handle_request); thread.start()
xmlrpc.client.ServerProxy('http://127.0.0.1:%d' % server.server_address[1]).pow(2, 3)
thread.join(); server.server_close()
"""),
    "unittest": (None, "unittest", """
import unittest, io
class Test(unittest.TestCase):
    def test(self): self.assertEqual(1, 1)

unittest.TextTestRunner(stream=io.StringIO()).run(Test('test'))
"""),
    "doctest": (None, "doctest", '''
import doctest
def one():
    """
    >>> one()
    1
    """
    return 1

doctest.run_docstring_examples(one, globals()) is None
'''),
    "timeit": (None, "timeit", """
import timeit
timeit.timeit('pass', number=10) < 1
"""),
    "cProfile": (None, "cProfile", """
import cProfile
cProfile.Profile().runcall(abs, -1)
"""),
    "code": (None, "code.InteractiveInterpreter", """
import code
code.InteractiveInterpreter().runsource('1 + 1')
"""),
    "exec": (None, "exec() and eval() of code that asks", """
exec("import asyncio\\ntry: asyncio.get_running_loop()\\nexcept RuntimeError: print('none')")
eval('1 + 1')
"""),
    "generators": (None, "An async generator driven by hand", """
async def count():
    yield 1

generator = count()
try: generator.asend(None).send(None)
except StopIteration as stop: stop.value

"""),
    "coroutine": (None, "A coroutine driven by hand", """
async def answer(): return 42

try: answer().send(None)
except StopIteration as stop: stop.value

"""),
    "django-orm": ("django", "Django's ORM", DJANGO + """
from django.core.management import call_command
call_command('migrate', verbosity=0)
from django.contrib.auth.models import User
_ = User.objects.create(username='me')
User.objects.count(), list(User.objects.values_list('username', flat=True))
"""),
    "django-asgi": ("django", "async_to_sync() around sync_to_async() around the ORM", DJANGO + """
from asgiref.sync import async_to_sync, sync_to_async
from django.core.management import call_command
call_command('migrate', verbosity=0)
from django.contrib.auth.models import User
async_to_sync(sync_to_async(User.objects.count))()
"""),
    "django-client": ("django", "Django's test client and an async view", DJANGO + """
from django.http import HttpResponse
from django.urls import path
async def view(request): return HttpResponse('shown')

urlpatterns = [path('', view)]
from django.test import Client
Client().get('/').content
"""),
    "asgiref": ("asgiref", "asgiref's async_to_sync()", """
from asgiref.sync import async_to_sync
async def answer(): return 42

async_to_sync(answer)()
"""),
    "flask": ("flask", "Flask's test client and an async view", FLASK + """
app.test_client().get('/').text
"""),
    "flask-context": ("flask", "Flask's application context", FLASK + """
with app.app_context(): flask.current_app.name

"""),
    "nest_asyncio": ("nest_asyncio", "nest_asyncio.apply(), then asyncio.run()", COROUTINE + """
import nest_asyncio
nest_asyncio.apply()
asyncio.run(give(1))
async def nested(): return asyncio.run(give(2))

asyncio.run(nested())
"""),
    "nest_asyncio-loop": ("nest_asyncio", "... and get_event_loop().run_until_complete()",
                          COROUTINE + """
import nest_asyncio
nest_asyncio.apply()
asyncio.get_event_loop().run_until_complete(give(1))
"""),
    "prompt_toolkit": ("prompt_toolkit", "prompt_toolkit.prompt()", """
import prompt_toolkit
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
def ask():
    with create_pipe_input() as keys:
        keys.send_text('typed\\n')
        return prompt_toolkit.PromptSession(input=keys, output=DummyOutput()).prompt()

ask()
"""),
    "sqlalchemy": ("sqlalchemy", "SQLAlchemy", """
import sqlalchemy
with sqlalchemy.create_engine('sqlite://').connect() as c: c.execute(sqlalchemy.text('select 1')).all()

"""),
    "gevent": ("gevent", "gevent", """
import gevent
[job.value for job in gevent.joinall([gevent.spawn(abs, -1), gevent.spawn(abs, -2)])]
"""),
    "trio": ("trio", "trio.run()", """
import trio
async def answer():
    await trio.sleep(0)
    return 42

trio.run(answer)
"""),
    "anyio": ("anyio", "anyio.run()", """
import anyio
async def answer():
    await anyio.sleep(0)
    return 42

anyio.run(answer)
"""),
    "anyio-trio": ("anyio", "... with trio", """
import anyio
async def answer():
    await anyio.sleep(0)
    return 42

anyio.run(answer, backend='trio')
"""),
    "anyio-thread": ("anyio", "anyio.from_thread.start_blocking_portal()", """
import anyio.from_thread
async def answer():
    await anyio.sleep(0)
    return 42

with anyio.from_thread.start_blocking_portal() as portal: portal.call(answer)

"""),
    "sniffio": ("sniffio", "sniffio.current_async_library()", """
import sniffio
try: sniffio.current_async_library()
except sniffio.AsyncLibraryNotFoundError: 'none'

"""),
    "httpx": ("httpx", "httpx's synchronous client", """
import httpx
def serve(request): return httpx.Response(200, text='served')

with httpx.Client(transport=httpx.MockTransport(serve)) as client: client.get('http://x/').text

"""),
    "httpx-run": ("httpx", "... and the other, by asyncio.run()", """
import asyncio, httpx
def serve(request): return httpx.Response(200, text='served')

async def get():
    async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as client:
        return (await client.get('http://x/')).text

asyncio.run(get())
"""),
    "tornado": ("tornado", "tornado's IOLoop.run_sync()", """
import tornado.ioloop, tornado.gen
async def answer():
    await tornado.gen.sleep(0)
    return 42

loop = tornado.ioloop.IOLoop(make_current=False)
loop.run_sync(answer)
loop.close()
"""),
    "uvloop": ("uvloop", "uvloop.install(), then asyncio.run()", COROUTINE + """
import uvloop
uvloop.install()
async def loop(): return type(asyncio.get_running_loop()).__module__

asyncio.run(loop())
"""),
    "pytest": ("pytest_asyncio", "pytest.main() with pytest-asyncio", """
import os, tempfile, pytest
folder = tempfile.mkdtemp()
path = os.path.join(folder, 'test_it.py')
with open(path, 'w') as file: _ = file.write('import pytest\\n@pytest.mark.asyncio\\nasync def test(): pass\\n')

import contextlib, io
with contextlib.redirect_stdout(io.StringIO()): status = pytest.main(['-q', '-p', 'no:cacheprovider', path])

status
"""),
    "aiosqlite": ("aiosqlite", "aiosqlite by asyncio.run()", """
import aiosqlite, asyncio
async def ask():
    async with aiosqlite.connect(':memory:') as connection:
        async with connection.execute('select 1') as cursor: return await cursor.fetchall()

asyncio.run(ask())
"""),
}

# What the manual gives a reason for: something is shown behind what stock shows.
SHOW_MORE = {"pytest"}

PROMPTS = re.compile(r"^(?:(?:>>> |\.\.\. )*)", re.MULTILINE)


def run(executable, statements):
    """Type statements at a prompt that reads a pipe; return what it shows."""
    with tempfile.TemporaryDirectory() as home:
        played = subprocess.run(
            [executable, "-q", "-i", "-W", "ignore"], input=statements, text=True, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home,
            env=clean_environment(HOME=home, PYTHONUNBUFFERED="1"))
    return PROMPTS.sub("", re.sub(r"0x[0-9a-f]+", "0x", played.stdout)).strip()


class EntryPointTest(unittest.TestCase):
    """Every entry, at the three prompts."""

    def check(self, name):
        library, _, statements = ENTRIES[name]
        if library is not None and importlib.util.find_spec(library) is None:
            self.skipTest(f"needs {library}")
        statements = textwrap.dedent(statements).lstrip("\n") + "\n"
        expected = run(STOCK, statements)
        self.assertNotIn("Traceback", expected)
        self.assertNotEqual(expected, "")
        self.assertEqual(run(sys.executable, statements), expected)
        awaited = run(sys.executable, AWAITED + statements)
        if name in SHOW_MORE:
            self.assertRegex(awaited, re.escape(expected) + "\n+Task was destroyed")
            return
        self.assertEqual(awaited, expected)
        off = "import sys; sys.awaithook = None\n"
        self.assertEqual(run(sys.executable, AWAITED + off + statements), expected)

    def test_the_manual_has_the_table(self):
        with open(DOCUMENT) as file:
            text = file.read()
        for name, (library, what, _) in ENTRIES.items():
            with self.subTest(name=name):
                self.assertIn(f"\n   * - {what}\n     - {library or 'Python'}\n", text)


def _add_tests():
    for name in ENTRIES:
        def test(self, name=name):
            self.check(name)

        identifier = re.sub(r"\W", "_", name)
        test.__doc__ = ENTRIES[name][1]
        setattr(EntryPointTest, f"test_{identifier}", test)


_add_tests()

if __name__ == "__main__":
    unittest.main()
