"""Redis, by its own client."""

import unittest

from places import Tried
from servers import Misbehaving, Redis, free_port

CONNECT = ("import asyncio, os, redis.asyncio",
           "client = redis.asyncio.from_url(os.environ['REDIS_URL'], decode_responses=True)")


class RedisClient(Tried):
    title = "redis"
    packages = ("python3-redis", "redis-server")
    session = """
>>> import asyncio, os, redis.asyncio
>>> client = redis.asyncio.from_url(os.environ['REDIS_URL'], decode_responses=True)
>>> _ = await client.delete('number', 'list')
>>> async with client.pipeline() as pipeline:
...     print(await pipeline.set('number', 41).incr('number').rpush('list', 'a', 'b').execute())
...
[True, 42, 2]
>>> print([key async for key in client.scan_iter('n*')])
['number']
>>> received = asyncio.Queue()
>>> subscribed = asyncio.Event()
>>> async def listen():
...     async with client.pubsub() as channel:
...         await channel.subscribe('news')
...         async for message in channel.listen():
...             if message['type'] == 'subscribe':
...                 subscribed.set()
...             else:
...                 await received.put(message['data'])
...
>>> async def begin():
...     return asyncio.create_task(listen())
...
>>> task = await begin()
>>> _ = await subscribed.wait()
>>> for text in ('one', 'two'):
...     _ = await client.publish('news', text)
...
>>> print(await received.get(), await received.get())
one two
>>> _ = task.cancel()
>>> await client.close()
"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.use(Redis())

    def connected(self, **variables):
        prompt = self.start(**variables)
        for statement in CONNECT:
            self.assertEqual(prompt.type(statement), "")
        return prompt

    def test_message_arrives_above_the_line(self):
        prompt = self.connected()
        self.type(prompt, """
>>> channel = client.pubsub()
>>> await channel.subscribe(news=lambda message: print('news:', message['data']))
>>> task = asyncio.create_task(channel.run())
""")
        prompt.child.send("40 + ")
        self.server.run("publish", "news", "hello")
        prompt.child.expect(r"news: hello\r\n>>> 40 \+ ")
        prompt.child.send("2\n")
        prompt.child.expect_exact("42\r\n>>> ")
        self.assertEqual(prompt.leave()[1], 0)

    def test_killed_while_awaited(self):
        with Redis() as server:
            prompt = self.connected(**server.variables)
            prompt.type("async def wait():\n    return await client.blpop('nothing')\n")
            self.assertEqual(prompt.type("await client.ping()"), "True\n")
            prompt.child.send("print('wai', 'ting'); await wait()\n")
            prompt.child.expect_exact("wai ting\r\n")
            server.kill()
            self.check_failure(prompt.read_to_prompt(), r"\nredis\.exceptions\.ConnectionError: .*\n",
                               "wait")
            self.check_goes_on(prompt)
            self.check_failure(prompt.type("await client.ping()"), r"ConnectionError: .*\n")
            self.assertEqual(prompt.leave()[1], 0)

    def test_refused(self):
        prompt = self.connected(REDIS_URL=f"redis://127.0.0.1:{free_port()}")
        self.check_failure(prompt.type("await client.ping()"),
                           r"\nredis\.exceptions\.ConnectionError: .*\n")
        self.check_goes_on(prompt)

    def test_reset(self):
        with Misbehaving("reset") as server:
            prompt = self.connected(REDIS_URL=f"redis://127.0.0.1:{server.port}")
            self.check_failure(prompt.type("await client.ping()"),
                               r"\nredis\.exceptions\.ConnectionError: .*\n")
            self.check_goes_on(prompt)

    def test_slow(self):
        with Misbehaving("slow") as server:
            prompt = self.connected(REDIS_URL=f"redis://127.0.0.1:{server.port}")
            shown = prompt.interrupt("print('ask', 'ing'); await client.ping()", "ask ing")
            self.assertRegex(shown, r"(?s)Traceback .*\nKeyboardInterrupt\n$")
            self.check_goes_on(prompt)


del Tried

if __name__ == "__main__":
    unittest.main()
