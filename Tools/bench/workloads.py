"""What the group loops runs: small programs, one thing each.

Run as a program with the name of one, it prints the processor time that its
second run took.
"""

import json
import sys
import time


def integer_loop():
    total = 0
    for number in range(300_000):
        total += number * 3 % 7
    return total


def function_calls():
    def add(a, b=1):
        return a + b

    value = 0
    for _ in range(200_000):
        value = add(value)
    return value


def method_calls():
    class Counter:
        def __init__(self):
            self.value = 0

        def step(self):
            self.value += 1

    counter = Counter()
    for _ in range(200_000):
        counter.step()
    return counter.value


def floats():
    x, y, speed = 0.0, 1.0, 0.01
    for _ in range(200_000):
        x += speed * y
        y -= speed * x
    return x


def dicts_and_strings():
    counts = {}
    for number in range(60_000):
        key = f"key {number % 1000}"
        counts[key] = counts.get(key, 0) + 1
    return ",".join(sorted(counts))


def allocation():
    return sum(len([number, (number, None), {number}]) for number in range(60_000))


def generators():
    def count(limit):
        for number in range(limit):
            yield number

    return sum(1 for a in count(400) for b in count(400))


def exceptions():
    caught = 0
    for number in range(60_000):
        try:
            [][number]
        except IndexError:
            caught += 1
    return caught


def json_round_trip():
    data = {"names": [f"name {number}" for number in range(200)], "flags": [True, None, 1.5] * 100}
    for _ in range(40):
        data = json.loads(json.dumps(data))
    return len(data)


WORKLOADS = [integer_loop, function_calls, method_calls, floats, dicts_and_strings, allocation,
             generators, exceptions, json_round_trip]


def _time(workload):
    workload()  # Warms up: caches, specialised instructions.
    start = time.process_time()
    workload()
    return time.process_time() - start


if __name__ == "__main__":
    print(_time(globals()[sys.argv[1]]))
