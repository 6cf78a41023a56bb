"""What the group running measures: twenty small programs, each with one thing in the foreground.

Run as a program with the name of one, it prints the processor time of the
fastest of some runs, after one that warms up.
"""

import asyncio
import collections
import dataclasses
import difflib
import heapq
import json
import pickle
import re
import sys
import textwrap
import time

REPEAT = 3


def integer_loop():
    total = 0
    for number in range(600_000):
        total += number * 3 % 7
    return total


def floats():
    x, y, speed = 0.0, 1.0, 0.01
    for _ in range(600_000):
        x += speed * y
        y -= speed * x
    return x


def function_calls():
    def add(a, b=1):
        return a + b

    value = 0
    for _ in range(500_000):
        value = add(value)
    return value


def method_calls():
    class Counter:
        def __init__(self):
            self.value = 0

        def step(self):
            self.value += 1

    counter = Counter()
    for _ in range(500_000):
        counter.step()
    return counter.value


def attributes():
    class Slotted:
        __slots__ = "left", "right"

    class Plain:
        shared = 1

        def __init__(self, slotted):
            self.slotted = slotted
            self.total = 0

        @property
        def sum(self):
            return self.slotted.left + self.slotted.right

    slotted = Slotted()
    slotted.left = slotted.right = 1
    plain = Plain(slotted)
    for _ in range(250_000):
        plain.total += plain.sum + plain.shared
        slotted.left = plain.shared
    return plain.total


def recursion():
    def fibonacci(number):
        return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)

    return fibonacci(26)


def allocation():
    return sum(len([number, (number, None), {number}]) for number in range(250_000))


def binary_trees():
    def grow(depth):
        return (grow(depth - 1), grow(depth - 1)) if depth else (None, None)

    def count(tree):
        left, right = tree
        return 1 if left is None else 1 + count(left) + count(right)

    return sum(count(grow(depth)) for depth in range(4, 17))


def comprehensions():
    total = 0
    for _ in range(6):
        numbers = [number * 2 for number in range(40_000)]
        odd = {number: str(number) for number in numbers if number % 3}
        total += len({len(text) for text in odd.values()}) + len(numbers)
    return total


def generators():
    def count(limit):
        for number in range(limit):
            yield number

    return sum(1 for a in count(800) for b in count(800))


def exceptions():
    caught = 0
    for number in range(150_000):
        try:
            [][number]
        except IndexError:
            caught += 1
    return caught


def dicts_and_strings():
    counts = {}
    for number in range(150_000):
        key = f"key {number % 1000}"
        counts[key] = counts.get(key, 0) + 1
    return ",".join(sorted(counts))


def flips():
    """Turn the front of every permutation of eight around until a zero is in front."""
    most = 0
    pending = [[]]
    while pending:
        prefix = pending.pop()
        if len(prefix) < 8:
            pending += [prefix + [number] for number in range(8) if number not in prefix]
            continue
        row, turns = prefix[:], 0
        while first := row[0]:
            row[:first + 1] = row[first::-1]
            turns += 1
        most = max(most, turns)
    return most


def matrices():
    size = 70
    left = [[row * column % 11 for column in range(size)] for row in range(size)]
    result = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            for k in range(size):
                result[i][j] += left[i][k] * left[k][j]
    return result


def queues_and_sorting():
    Job = collections.namedtuple("Job", "priority name")
    jobs = [Job(number * 7919 % 1009, f"job {number}") for number in range(20_000)]
    waiting = []
    for job in jobs:
        heapq.heappush(waiting, job)
    order = [heapq.heappop(waiting) for _ in jobs]
    return order == sorted(jobs, key=lambda job: (job.priority, job.name))


def data_classes():
    @dataclasses.dataclass(order=True)
    class Point:
        x: int
        y: int = 0

        def moved(self, by):
            return Point(self.x + by, self.y - by)

    points = [Point(number % 13, number) for number in range(50_000)]
    return max(point.moved(2) for point in points)


LOG = "\n".join(f'10.0.{number % 7}.{number % 251} - - "GET /page/{number}?q=a{number} HTTP/1.1" 200'
                for number in range(6000))


def regular_expressions():
    line = re.compile(r'^(?P<host>[\d.]+) - - "(?P<verb>\w+) (?P<path>[^\s"]+)[^"]*" (\d+)$',
                      re.MULTILINE)
    hosts = collections.Counter(match["host"] for match in line.finditer(LOG))
    words = re.findall(r"[a-z]+(?=\d)|\b\w{4}\b", LOG)
    return len(hosts) + len(words) + len(re.sub(r"(\d+)\.(\d+)", r"\2.\1", LOG))


def text():
    lines = textwrap.wrap(LOG[:100_000], 60)
    moved = lines[40:] + lines[:40]
    return len("\n".join(difflib.unified_diff(lines, moved))) + LOG.upper().count("PAGE")


def json_and_pickle():
    data = {"names": [f"name {number}" for number in range(200)], "flags": [True, None, 1.5] * 100}
    for _ in range(300):
        data = pickle.loads(pickle.dumps(json.loads(json.dumps(data))))
    return len(data)


def asyncio_tasks():
    async def worker(queue, results):
        while (number := await queue.get()) is not None:
            await asyncio.sleep(0)
            results.append(number)

    async def main():
        queue, results = asyncio.Queue(10), []
        workers = [asyncio.create_task(worker(queue, results)) for _ in range(10)]
        for number in range(8000):
            await queue.put(number)
        for _ in workers:
            await queue.put(None)
        await asyncio.gather(*workers)
        return len(results)

    return asyncio.run(main())


WORKLOADS = [integer_loop, floats, function_calls, method_calls, attributes, recursion, allocation,
             binary_trees, comprehensions, generators, exceptions, dicts_and_strings, flips,
             matrices, queues_and_sorting, data_classes, regular_expressions, text,
             json_and_pickle, asyncio_tasks]


def _time(workload):
    start = time.process_time()
    workload()
    return time.process_time() - start


if __name__ == "__main__":
    chosen = globals()[sys.argv[1]]
    chosen()  # Warms up: caches, specialised instructions.
    print(min(_time(chosen) for _ in range(REPEAT)))
