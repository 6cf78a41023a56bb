"""Clients and servers of HTTP and WebSocket, both ends in one session."""

import unittest

from places import PlaceTestCase, Tried, sleeps
from servers import Misbehaving, free_port, wait_until


class Aiohttp(Tried):
    title = "aiohttp"
    packages = ("python3-aiohttp",)
    session = """
>>> from aiohttp import ClientSession, web
>>> async def hello(request):
...     return web.json_response({'hello': request.match_info['name']})
...
>>> async def echo(request):
...     socket = web.WebSocketResponse()
...     await socket.prepare(request)
...     async for message in socket:
...         await socket.send_str(message.data.upper())
...     return socket
...
>>> app = web.Application()
>>> _ = app.add_routes([web.get('/hello/{name}', hello), web.get('/echo', echo)])
>>> runner = web.AppRunner(app)
>>> await runner.setup()
>>> await web.TCPSite(runner, '127.0.0.1', 0).start()
>>> host, port = runner.addresses[0]
>>> async with ClientSession(f'http://{host}:{port}') as session:
...     print([await (await session.get(f'/hello/{n}')).json() for n in range(2)])
...     async with session.ws_connect('/echo') as socket:
...         await socket.send_str('loud')
...         print(await socket.receive_str())
...
[{'hello': '0'}, {'hello': '1'}]
LOUD
>>> await runner.cleanup()
"""


class Httpx(Tried):
    title = "httpx, starlette, uvicorn"
    packages = ("python3-httpx", "python3-starlette", "python3-uvicorn")
    session = """
>>> import asyncio, socket, httpx, uvicorn
>>> from starlette.applications import Starlette
>>> from starlette.responses import JSONResponse, StreamingResponse
>>> from starlette.routing import Route
>>> async def hello(request):
...     return JSONResponse({'hello': request.path_params['name']})
...
>>> async def count(request):
...     async def numbers():
...         for n in range(3):
...             yield f'{n}\\n'
...     return StreamingResponse(numbers())
...
>>> app = Starlette(routes=[Route('/hello/{name}', hello), Route('/count', count)])
>>> class Server(uvicorn.Server):
...     def install_signal_handlers(self):
...         pass
...
>>> server = Server(uvicorn.Config(app, log_level='error', lifespan='off'))
>>> listener = socket.create_server(('127.0.0.1', 0))
>>> async def begin():
...     return asyncio.create_task(server.serve([listener]))
...
>>> task = await begin()
>>> url = 'http://127.0.0.1:%d' % listener.getsockname()[1]
>>> async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
...     print((await client.get('/hello/starlette')).json())
...     async with client.stream('GET', '/count') as response:
...         print([line async for line in response.aiter_lines()])
...
{'hello': 'starlette'}
['0\\n', '1\\n', '2\\n']
>>> server.should_exit = True
>>> await task
"""


class Websockets(Tried):
    title = "websockets"
    packages = ("python3-websockets",)
    session = """
>>> import websockets
>>> async def echo(socket):
...     async for message in socket:
...         await socket.send(message.upper())
...
>>> server = await websockets.serve(echo, '127.0.0.1', 0)
>>> port = server.sockets[0].getsockname()[1]
>>> async with websockets.connect(f'ws://127.0.0.1:{port}') as socket:
...     for word in 'one', 'two':
...         await socket.send(word)
...         print(await socket.recv())
...
ONE
TWO
>>> server.close()
>>> await server.wait_closed()
"""


class Tornado(Tried):
    title = "tornado"
    packages = ("python3-tornado",)
    session = """
>>> import tornado.httpclient, tornado.httpserver, tornado.netutil, tornado.web
>>> class Hello(tornado.web.RequestHandler):
...     async def get(self, name):
...         self.write({'hello': name})
...
>>> async def serve():
...     app = tornado.web.Application([('/hello/(.*)', Hello)])
...     server = tornado.httpserver.HTTPServer(app)
...     sockets = tornado.netutil.bind_sockets(0, '127.0.0.1')
...     server.add_sockets(sockets)
...     return server, sockets[0].getsockname()[1]
...
>>> server, port = await serve()
>>> client = tornado.httpclient.AsyncHTTPClient()
>>> response = await client.fetch(f'http://127.0.0.1:{port}/hello/tornado')
>>> print(response.code, response.body)
200 b'{"hello": "tornado"}'
>>> server.stop()
>>> await server.close_all_connections()
"""


class Failures(PlaceTestCase):
    """What clients say of servers that fail, at the prompt."""

    title = "HTTP clients: aiohttp, httpx, websockets, tornado"
    packages = ("python3-aiohttp", "python3-httpx", "python3-websockets", "python3-tornado")
    CLIENTS = {
        "aiohttp": ("import aiohttp\nclient = aiohttp.ClientSession()",
                    "(await client.get(url)).status"),
        "httpx": ("import httpx\nclient = httpx.AsyncClient(trust_env=False, timeout=None)",
                  "(await client.get(url)).status_code"),
        "websockets": ("import websockets", "await websockets.connect(url.replace('http', 'ws'))"),
        "tornado": ("import tornado.httpclient\nclient = tornado.httpclient.AsyncHTTPClient()",
                    "(await client.fetch(url)).code"),
    }
    # An exception of the client's or of the system's.
    ENDING = r"\n[\w.]*(Error|Closed|Disconnected|Invalid\w*)(: .*)?\n$"

    def asking(self, client, port):
        """Return a prompt that has a client and ask(), which sends a request."""
        preparation, request = self.CLIENTS[client]
        # aiohttp's client asks for a loop that is_running(), which one that is lent is not.
        prompt = self.start("-W", "ignore::DeprecationWarning")
        for statement in preparation.split("\n"):
            self.assertEqual(prompt.type(statement), "")
        prompt.type(f"url = 'http://127.0.0.1:{port}/'")
        prompt.type(f"async def ask():\n    return {request}\n")
        return prompt

    def ask(self, prompt):
        """Ask, and return without an answer."""
        prompt.child.send("await ask()\n")
        prompt.child.expect_exact("\n")

    def test_refused(self):
        for client in self.CLIENTS:
            with self.subTest(client=client):
                prompt = self.asking(client, free_port())
                self.check_failure(prompt.type("await ask()"), self.ENDING, "ask")
                self.check_goes_on(prompt)

    def test_reset(self):
        with Misbehaving("reset") as server:
            for client in self.CLIENTS:
                with self.subTest(client=client):
                    prompt = self.asking(client, server.port)
                    self.check_failure(prompt.type("await ask()"), self.ENDING, "ask")
                    self.check_goes_on(prompt)

    def test_slow(self):
        for client in self.CLIENTS:
            with self.subTest(client=client), Misbehaving("slow") as server:
                prompt = self.asking(client, server.port)
                self.ask(prompt)
                server.wait_for_client()
                wait_until(lambda: sleeps(prompt), "the client waits for an answer")
                prompt.child.sendintr()
                # A cleanup of websockets waits for the server, so that it goes on in the
                # background, and where it had waited is not told.
                where = "" if client == "websockets" else r".*, in ask\n"
                self.assertRegex(prompt.read_to_prompt(),
                                 rf"(?s)Traceback {where}.*KeyboardInterrupt\n$")
                self.check_goes_on(prompt)

    def test_killed(self):
        for client in self.CLIENTS:
            with self.subTest(client=client), Misbehaving("slow") as server:
                prompt = self.asking(client, server.port)
                self.ask(prompt)
                server.wait_for_client()
                server.kill()
                self.check_failure(prompt.read_to_prompt(), self.ENDING, "ask")
                self.check_goes_on(prompt)


del Tried

if __name__ == "__main__":
    unittest.main()
