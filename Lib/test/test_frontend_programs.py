"""Programs put together at random from statements: most of them parse and many do not compile."""

import random
import textwrap
import unittest

import frontend_support as support
from test_frontend_scopes import BLOCKS, STATEMENTS

MORE_STATEMENTS = r"""
return 1
yield
await x
async with a as b: pass
async for i in x: pass
break
continue
while x: break
for q in y: continue
else_ = [await z for z in y]
x, *y = z
*x, *y = z
*x
print(*x)
del (a, b), [c]
with a as (b, c): x
try: x\nexcept A as x: global x\nfinally: return
try: x\nexcept* A as e: break
match x:\n case {"a": y, **z}: pass\n case _: pass
match x:\n case y: pass\n case z: pass
x: list[int] = [1, 2][0]
__debug__ = 1
def f(__debug__): pass
(x for x in y) if z else lambda: 1
f"{x!r:>{y}}" f"{z}"
"%s %r" % (x, y)
assert (x, "y")
x is 1
1()
[1][x, y]
if 0: yield
if __debug__: x
while 0: x
x = y = z = 1, 2, *w
x[a:b, ::2] += 1
a.b @= c
global x; x = 1
from a import b as c, d
import a.b.c as d
q = lambda *a, b=1, **c: (a, b, c)
@x\n@y\nclass D(E, metaclass=F): __slots__ = ()
class G: x = 1; y: int; __class__
async def h():\n async for i in x: yield i\n return
async def h(): return [i async for i in x if await y]
""".strip().splitlines()

OUTER = [*BLOCKS, ("async def k():",), ("def k():", "while x:"), ("async def k():", "for i in y:"),
         ("def k():", "with x:")]
INNER = [(), (), ("def k(x):",), ("class k:",), ("if x:",), ("for x in y:",)]


def random_program(choose):
    lines, depth = [], 0
    for head in choose.choice(OUTER) + choose.choice(INNER):
        lines.append(" " * depth + head)
        depth += head.endswith(":")
    statements = choose.choices(STATEMENTS + MORE_STATEMENTS, k=choose.randint(1, 4))
    body = "\n".join(statements).replace(r"\n", "\n")
    return "\n".join([*lines, textwrap.indent(body, " " * depth)]) + "\n"


class SameAsCPythonTest(unittest.TestCase):

    SEED = 1
    COUNT = 6000

    def test_random_programs(self):
        choose = random.Random(self.SEED)
        sources = [random_program(choose) for _ in range(self.COUNT)]
        for optimize in 0, 2:
            ours, stock = support.ask_both("compile_all", sources, "exec", 0, optimize)
            refused = sum(isinstance(answer, list) for answer in stock)
            self.assertGreater(refused, self.COUNT // 4)
            self.assertGreater(self.COUNT - refused, self.COUNT // 4)
            for source, answer, expected in zip(sources, ours, stock, strict=True):
                self.assertEqual(answer, expected, source)


if __name__ == "__main__":
    unittest.main()
