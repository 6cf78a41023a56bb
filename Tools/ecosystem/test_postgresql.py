"""PostgreSQL, by asyncpg and by psycopg 3."""

import unittest

from places import Tried
from servers import Misbehaving, Postgres, free_port


class Database(Tried):
    """What both clients have in common: the server, and how it fails."""

    connect = None      # a statement that makes `connection`
    lost = None         # how the error of a lost connection ends
    refused = r"\n(ConnectionRefusedError|OSError|psycopg.OperationalError): .*\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.connect:
            cls.server = cls.use(Postgres())

    def setUp(self):
        super().setUp()
        self.prompt = None

    def connected(self, **variables):
        """Return a prompt with a connection."""
        prompt = self.start(**variables)
        for statement in self.connect.strip().split("\n"):
            self.assertEqual(prompt.type(statement), "")
        return prompt

    def test_connection_lost_while_awaited(self):
        prompt = self.connected()
        prompt.type("async def wait():\n    return await connection.execute('select pg_sleep(60)')\n")
        prompt.child.send("await wait()\n")
        prompt.child.expect_exact("\n")
        self.server.end_query("pg_sleep(60)")
        self.check_failure(prompt.read_to_prompt(), self.lost, "wait")
        self.check_goes_on(prompt)
        # And to connect again is all it takes.
        self.type(prompt, ">>> " + self.connect.strip().split("\n")[-1] + "\n")
        self.assertEqual(prompt.leave()[1], 0)

    def test_interrupted_query(self):
        prompt = self.connected()
        prompt.child.send("await connection.execute('select pg_sleep(61)')\n")
        prompt.child.expect_exact("\n")
        self.server.wait_for_query("pg_sleep(61)")
        prompt.child.sendintr()
        self.assertRegex(prompt.read_to_prompt(), r"(?s)^\^CTraceback .*\nKeyboardInterrupt\n$")
        self.check_goes_on(prompt)
        self.assertEqual(prompt.leave()[1], 0)

    def test_refused(self):
        prompt = self.start(PGHOST="127.0.0.1", PGPORT=str(free_port()))
        *first, connect = self.connect.strip().split("\n")
        for statement in first:
            prompt.type(statement)
        self.check_failure(prompt.type(connect), self.refused)
        self.check_goes_on(prompt)

    def test_reset(self):
        with Misbehaving("reset") as server:
            prompt = self.start(PGHOST="127.0.0.1", PGPORT=str(server.port))
            *first, connect = self.connect.strip().split("\n")
            for statement in first:
                prompt.type(statement)
            self.check_failure(prompt.type(connect), r"\n\S*(Error|Exception)\S*: .*\n")
            self.check_goes_on(prompt)

    def test_slow(self):
        """A server that never answers: Ctrl-C gives the prompt back."""
        with Misbehaving("slow") as server:
            prompt = self.start(PGHOST="127.0.0.1", PGPORT=str(server.port))
            *first, connect = self.connect.strip().split("\n")
            for statement in first:
                prompt.type(statement)
            shown = prompt.interrupt(f"print('con', 'nects'); {connect}", "con nects")
            self.assertRegex(shown, r"(?s)Traceback .*\nKeyboardInterrupt\n$")
            self.check_goes_on(prompt)


class Asyncpg(Database):
    title = "asyncpg"
    packages = ("python3-asyncpg", "postgresql-15")
    connect = "import asyncpg\nconnection = await asyncpg.connect()"
    lost = r"\nasyncpg\.exceptions\.\w+: .*\n"
    session = """
>>> import asyncpg
>>> connection = await asyncpg.connect()
>>> _ = await connection.execute('create temp table numbers (number int)')
>>> print(await connection.fetchval('select 6 * $1::int', 7))
42
>>> async with connection.transaction():
...     for number in range(5):
...         print(await connection.fetchval('insert into numbers values ($1) returning number', number))
...
0
1
2
3
4
>>> async with connection.transaction():
...     async for row in connection.cursor('select * from numbers where number > 2 order by number'):
...         print(row['number'])
...
3
4
>>> try:
...     async with connection.transaction():
...         _ = await connection.execute('delete from numbers')
...         _ = await connection.execute('select 1/0')
... except asyncpg.DivisionByZeroError:
...     print('rolled back')
...
rolled back
>>> print(await connection.fetchval('select count(*) from numbers'))
5
>>> pool = await asyncpg.create_pool(min_size=1, max_size=2)
>>> async with pool.acquire() as other:
...     print([row[0] for row in await other.fetch('select generate_series(1, 3)')])
...
[1, 2, 3]
>>> await pool.close()
>>> await connection.close()
"""

    def test_notify_arrives_above_the_line(self):
        prompt = self.connected()
        self.type(prompt, """
>>> def notified(connection, process, channel, payload):
...     print('notified:', payload)
...
>>> await connection.add_listener('news', notified)
""")
        prompt.child.send("40 + ")
        self.server.run("notify news, 'hello'")
        prompt.child.expect(r"notified: hello\r\n>>> 40 \+ ")
        prompt.child.send("2\n")
        prompt.child.expect_exact("42\r\n>>> ")
        self.assertEqual(prompt.leave("await connection.close(); exit()")[1], 0)


class Psycopg(Database):
    title = "psycopg 3"
    packages = ("python3-psycopg", "postgresql-15")
    connect = "import psycopg\nconnection = await psycopg.AsyncConnection.connect('', autocommit=True)"
    lost = r"\npsycopg\.\S+: .*\n"
    session = """
>>> import psycopg
>>> connection = await psycopg.AsyncConnection.connect('', autocommit=True)
>>> _ = await connection.execute('create temp table numbers (number int)')
>>> async with connection.transaction(), connection.cursor() as cursor:
...     await cursor.executemany('insert into numbers values (%s)', [(n,) for n in range(5)])
...
>>> async with connection.cursor() as cursor:
...     _ = await cursor.execute('select * from numbers where number > 2 order by number')
...     async for row in cursor:
...         print(row[0])
...
3
4
>>> try:
...     async with connection.transaction():
...         _ = await connection.execute('delete from numbers')
...         _ = await connection.execute('select 1/0')
... except psycopg.errors.DivisionByZero:
...     print('rolled back')
...
rolled back
>>> print(await (await connection.execute('select count(*) from numbers')).fetchone())
(5,)
>>> print([row async for row in await connection.execute('select generate_series(1, 3)')])
[(1,), (2,), (3,)]
>>> await connection.close()
"""

    def test_notify_arrives_above_the_line(self):
        prompt = self.connected()
        self.type(prompt, """
>>> import asyncio
>>> async def listen():
...     async for notification in connection.notifies():
...         print('notified:', notification.payload)
...
>>> _ = await connection.execute('listen news')
>>> task = asyncio.create_task(listen())
""")
        prompt.child.send("40 + ")
        self.server.run("notify news, 'hello'")
        prompt.child.expect(r"notified: hello\r\n>>> 40 \+ ")
        prompt.child.send("2\n")
        prompt.child.expect_exact("42\r\n>>> ")
        self.assertEqual(prompt.leave("await connection.close(); exit()")[1], 0)


del Database, Tried

if __name__ == "__main__":
    unittest.main()
