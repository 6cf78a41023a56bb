"""The memory domains, small blocks and the debug hooks: as stock's, and whole under stress."""

import re
import sys
import textwrap
import unittest

from join_support import PROGRAM, STOCK, JoinTestCase, run, run_checked

IS_DEBUG_BUILD = hasattr(sys, "gettotalrefcount")
without_debug_hooks = unittest.skipIf(IS_DEBUG_BUILD, "each block has guards around it")

NAMES = ["", "default", "debug", "pymalloc", "pymalloc_debug", "malloc", "malloc_debug"]

# What every program here begins with: a domain's functions, called with the interpreter lock.
DOMAINS = """
import ctypes, random, sys

def function(name, result, *arguments):
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))

POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t

class Domain:
    def __init__(self, prefix):
        self.malloc = function(prefix + 'Malloc', POINTER, SIZE)
        self.calloc = function(prefix + 'Calloc', POINTER, SIZE, SIZE)
        self.realloc = function(prefix + 'Realloc', POINTER, POINTER, SIZE)
        self.free = function(prefix + 'Free', None, POINTER)

raw, mem, obj = map(Domain, ['PyMem_Raw', 'PyMem_', 'PyObject_'])
"""


def masked(errors):
    """What a crash tells, without the addresses in it."""
    return re.sub(r"0x[0-9a-f]{6,}", "ADDRESS", errors)


class AllocatorTestCase(JoinTestCase):
    """Runs programs that call the domains' functions."""

    def run_domains(self, program, **options):
        return run_checked(self, PROGRAM, "-c", DOMAINS + textwrap.dedent(program), **options)

    def assert_same_end(self, program, **variables):
        """Both interpreters end alike, the addresses in their words apart."""
        program = DOMAINS + textwrap.dedent(program)
        ours, stock = (run(interpreter, "-c", program, variables=variables)
                       for interpreter in (PROGRAM, STOCK))
        self.assertEqual((ours.status, ours.output, masked(ours.errors)),
                         (stock.status, stock.output, masked(stock.errors)))
        return ours


class NameTests(AllocatorTestCase):
    """PYTHONMALLOC and what it sets."""

    def test_every_name(self):
        program = ("import _testcapi, sys, tracemalloc\n"
                   "print(_testcapi.pymem_getallocatorsname(), sys.getallocatedblocks() > 5000)")
        # The debug build has the hooks by default, and stock is no debug build.
        for name in NAMES[2 * IS_DEBUG_BUILD:]:
            with self.subTest(name):
                self.assert_same_end(program, PYTHONMALLOC=name)
        self.assert_same_end(program, PYTHONDEVMODE="1")

    def test_unknown_name(self):
        self.assertNotEqual(self.assert_same_end("", PYTHONMALLOC="nonsense").status, 0)

    def test_statistics_of_malloc(self):
        program = "sys._debugmallocstats()"
        for name, has_table in ("pymalloc", True), ("pymalloc_debug", True), ("malloc", False):
            with self.subTest(name):
                errors = run(PROGRAM, "-c", DOMAINS + program,
                             variables={"PYTHONMALLOC": name}).errors
                self.assertEqual("32 size classes" in errors, has_table)
                self.assertIn("free PyDictObjects * 48 bytes each =", errors)

    def test_statistics_of_each_arena(self):
        counts = []
        for asked in "1", "":
            errors = run(PROGRAM, "-c", "a = [bytes(100) for _ in range(30_000)]",
                         variables={"PYTHONMALLOCSTATS": asked}).errors
            counts.append(errors.count("Small block threshold = 512, in 32 size classes."))
        self.assertGreater(counts[0], 3)
        self.assertEqual(counts[1], 0)


class DebugHookTests(AllocatorTestCase):
    """What is wrong with a block ends the process, in stock's words."""

    def assert_fatal(self, program, words):
        for name in "debug", "malloc_debug":
            with self.subTest(name):
                end = self.assert_same_end(program, PYTHONMALLOC=name)
                self.assertEqual(end.status, -6)
                self.assertIn(words, end.errors)

    def test_behind_the_block(self):
        self.assert_fatal("p = mem.malloc(40); ctypes.memset(p + 40, 1, 3); mem.free(p)",
                          "bad trailing pad byte")
        self.assert_fatal("p = obj.malloc(7); ctypes.memset(p + 14, 1, 1); obj.realloc(p, 100)",
                          "_PyMem_DebugRawRealloc: bad trailing pad byte")

    def test_in_front_of_the_block(self):
        self.assert_fatal("p = raw.calloc(5, 3); ctypes.memset(p - 3, 1, 2); raw.free(p)",
                          "bad leading pad byte")

    def test_wrong_domain(self):
        self.assert_fatal("obj.free(mem.malloc(0))",
                          "bad ID: Allocated using API 'm', verified using API 'o'")

    def test_freed_twice(self):
        self.assert_fatal("p = raw.malloc(600); q = raw.malloc(600); mem.free(p)", "bad ID")

    def test_without_the_lock(self):
        self.assert_fatal("ctypes.CDLL(None).PyObject_Malloc(10)",
                          "Python memory allocator called without holding the GIL")
        self.assert_fatal("ctypes.CDLL(None).PyMem_Calloc(10, 10)", "_PyMem_DebugCalloc")

    def test_where_it_was_allocated(self):
        self.assert_same_end(
            "import tracemalloc; tracemalloc.start()\n"
            "p = mem.malloc(8); ctypes.memset(p + 8, 0, 1); mem.free(p)", PYTHONMALLOC="debug")

    def test_bytes_of_new_grown_and_shrunk(self):
        """Clean bytes, and contents that outlast every way of changing the size."""
        program = """
            for domain in raw, mem, obj:
                p = domain.malloc(20)
                print(ctypes.string_at(p - 8, 36))
                for old in 0, 1, 60, 64, 65, 100, 127, 128, 129, 200, 500, 3000:
                    for new in 0, 1, 30, 63, 64, 66, 99, 128, 140, 201, 450, 2999, 9000:
                        data = bytes(i % 200 for i in range(old))
                        p = domain.malloc(old)
                        ctypes.memmove(p, data, old)
                        p = domain.realloc(p, new)
                        found = ctypes.string_at(p, new)
                        assert found[:old] == data[:new], (old, new)
                        assert found[old:] == b'\\xcd' * max(0, new - old), (old, new)
                        assert ctypes.string_at(p + new, 8) == b'\\xfd' * 8
                        domain.free(p)
                assert domain.malloc(2**63 - 20) is None
                p = domain.malloc(100)
                ctypes.memset(p, 7, 100)
                assert domain.realloc(p, 2**63 - 20) is None
                assert ctypes.string_at(p, 100) == b'\\x07' * 100
                domain.free(p)
            """
        for name in "debug", "malloc_debug":
            self.assert_same_end(program, PYTHONMALLOC=name)


class SmallBlockTests(AllocatorTestCase):
    """Blocks do not overlap, keep what is in them, and are all given back."""

    STRESS = """
        random.seed(SEED)
        blocks = {}
        def check(p):
            domain, size, byte = blocks.pop(p)
            assert ctypes.string_at(p, size) == bytes([byte]) * size
            return domain, size, byte
        before = sys.getallocatedblocks()
        for step in range(60_000):
            if len(blocks) < 8000 * (step // 10_000 % 2) + 30:
                domain = random.choice([mem, obj])
                size = random.choice([random.randrange(1, 64), random.randrange(700)])
                byte = random.randrange(256)
                p = domain.malloc(size)
                assert p % 16 == 0 and p not in blocks
                if random.random() < 0.2:
                    domain.free(p)
                    p = domain.calloc(size, 1)
                    assert not any(ctypes.string_at(p, size))
                ctypes.memset(p, byte, size)
                blocks[p] = domain, size, byte
            else:
                p = random.choice(list(blocks)[-50:])
                domain, size, byte = check(p)
                if random.random() < 0.4:
                    new = random.randrange(700)
                    p = domain.realloc(p, new)
                    kept = min(size, new)
                    assert ctypes.string_at(p, kept) == bytes([byte]) * kept
                    ctypes.memset(p, byte, new)
                    blocks[p] = domain, new, byte
                else:
                    domain.free(p)
        for p in list(blocks):
            check(p)[0].free(p)
        del p
        del blocks
        print(round((sys.getallocatedblocks() - before) / 1000))
        """

    def test_stress(self):
        for seed, name in (1, "default"), (2, "debug"), (3, "malloc"):
            with self.subTest(name):
                program = self.STRESS.replace("SEED", str(seed))
                self.assert_same_end(program, PYTHONMALLOC=name)

    def test_count(self):
        """Each block counts once, whichever way it came, until it is freed."""
        self.assertEqual(self.run_domains("""
            sizes = [0, 1, 16, 17, 512, 513, 5000] * 3000
            pointers = [None] * len(sizes)
            def change(way):
                before = sys.getallocatedblocks()
                way()
                return sys.getallocatedblocks() - before
            def take():
                for i, size in enumerate(sizes):
                    pointers[i] = obj.malloc(size)
            def resize():
                for i, size in enumerate(sizes):
                    pointers[i] = obj.realloc(pointers[i], 700 - min(size, 700))
            def free():
                for i in range(len(pointers)):
                    obj.free(pointers[i])
                    pointers[i] = None
            # The integers in the list are objects too.
            print(*[round(change(way) / 1000) for way in (take, resize, free)])
            """), "42 0 -42\n")

    GROW = textwrap.dedent("""\
        def resident():
            for line in open('/proc/self/status'):
                if line.startswith('RssAnon'):
                    return int(line.split()[1])
        random.seed(1)
        before = resident()
        objects = [bytes(random.randrange(480)) for _ in range(200_000)]
        random.shuffle(objects)
        grown = resident() - before
        """)

    @without_debug_hooks
    def test_memory_goes_back(self):
        """All that was freed, in whatever order, but for what a few blocks keep."""
        self.assertEqual(self.run_domains(self.GROW + textwrap.dedent("""
            objects.clear()
            print(grown > 50_000, resident() - before < 8_000)
            """)), "True True\n")

    @without_debug_hooks
    def test_memory_between_blocks_goes_back(self):
        """An arena with a block in use gives back the memory of its free pools."""
        program = self.GROW + textwrap.dedent("""
            del objects[1500:]
            import gc; gc.collect()
            print(resident() - before)
            """)
        ours = int(self.run_domains(program))
        stock = int(run_checked(self, STOCK, "-c", DOMAINS + textwrap.dedent(program)))
        self.assertLess(ours, stock * 0.8)

    @without_debug_hooks
    def test_collection_empties_magazines(self):
        self.assertEqual(self.run_domains(self.GROW + textwrap.dedent("""
            objects.clear()
            import gc; gc.collect()
            print(resident() - before < 2_500)
            """)), "True\n")

    def test_other_source_of_arenas(self):
        """Arenas of any alignment, as PyObject_SetArenaAllocator() takes them, and none at all."""
        self.assertEqual(self.run_domains("""
            class Source(ctypes.Structure):
                _fields_ = [('context', POINTER), ('alloc', POINTER), ('free', POINTER)]
            get = function('PyObject_GetArenaAllocator', None, ctypes.POINTER(Source))
            set = function('PyObject_SetArenaAllocator', None, ctypes.POINTER(Source))
            def address(name):
                return ctypes.cast(getattr(ctypes.CDLL(None), name), POINTER).value
            # calloc(1, size) gives memory that is not aligned; abs() keeps what is given back.
            old, new = Source(), Source(1, address('calloc'), address('abs'))
            get(old)
            assert old.alloc and old.free
            ballast = [bytes(100) for _ in range(30_000)]
            set(new)
            get(new)
            print(new.context, new.alloc == address('calloc'))
            objects = [[bytes(i % 500), i] for i in range(20_000)]
            assert all(data == bytes(i % 500) for i, (data, n) in enumerate(objects))
            del objects[::2]
            more = [bytes(i % 500) for i in range(30_000)]
            del objects, more
            # abs(0) again: an allocator that has nothing.
            set(Source(0, address('abs'), address('abs')))
            objects = [bytes(i % 500) for i in range(60_000)]
            print(all(data == bytes(i % 500) for i, data in enumerate(objects)))
            sys.stdout.flush()
            import os; os._exit(0)
            """), "1 True\nTrue\n")

    def test_out_of_memory(self):
        """A MemoryError, and all is well again with the memory."""
        self.assertEqual(self.run_domains("""
            import resource
            with open('/proc/self/statm') as file:
                pages = int(file.read().split()[0])
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 30_000_000, hard))
            kept = []
            try:
                while True:
                    kept.append([None, bytes(100)])
            except MemoryError:
                count = len(kept)
                kept.clear()
            print(count > 50_000)
            print(len([[None, bytes(100)] for _ in range(50_000)]))
            """), "True\n50000\n")

    def test_hooks_see_everything(self):
        """Once a domain has another allocator, no block goes past it."""
        self.assert_same_end("""
            import _testcapi
            names = [name for name in dir(_testcapi)
                     if name.startswith(('test_pymem', 'test_pyobject'))]
            for name in names:
                getattr(_testcapi, name)()
            print(names)
            _testcapi.set_nomemory(0)
            try:
                [].append(object())
            except MemoryError:
                _testcapi.remove_mem_hooks()
                print('out of memory')
            else:
                _testcapi.remove_mem_hooks()
            """)

    def test_traces(self):
        """tracemalloc counts every block, and forgets it."""
        self.assert_same_end("""
            import tracemalloc
            tracemalloc.start(3)
            pointers = [domain.malloc(size) for domain in (raw, mem, obj)
                        for size in (0, 1, 500, 5000)]
            here = [trace for trace in tracemalloc.take_snapshot().traces
                    if trace.traceback[0].lineno > 20 and trace.size in (1, 500, 5000)]
            print(sorted(trace.size for trace in here))
            for p, domain in zip(pointers, [raw] * 4 + [mem] * 4 + [obj] * 4):
                domain.free(p)
            print(len([trace for trace in tracemalloc.take_snapshot().traces
                       if trace.traceback[0].lineno > 20 and trace.size in (500, 5000)]))
            """)

    def test_children(self):
        """A forked child goes on with what is its parent's, and both end well."""
        self.assertEqual(self.run_domains("""
            import os, threading
            objects = [[bytes(i % 500)] for i in range(50_000)]
            def work():
                return sum(len([str(i), (i,), [i]]) for i in range(20_000))
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            child = os.fork()
            del objects[::2]
            work()
            if child == 0:
                os._exit(0 if sum(len(data) for data, in objects) == 6_250_000 else 1)
            for thread in threads:
                thread.join()
            print(os.waitpid(child, 0)[1])
            """), "0\n")


if __name__ == "__main__":
    unittest.main()
