"""Runs a cell and shows the value of its last expression only."""

import ast
import asyncio


async def run_cell(source, namespace):
    """Run all statements; the last is shown if it is an expression."""
    tree = ast.parse(source, mode="async-exec")
    last = tree.body[-1:] if tree.body and isinstance(tree.body[-1], ast.Expr) else []
    first = ast.Module(tree.body[:len(tree.body) - len(last)], tree.type_ignores)
    await aexec(compile(first, "<cell>", "async-exec"), namespace)
    await aexec(compile(ast.Interactive(last), "<cell>", "async-multi-single"), namespace)


if __name__ == "__main__":
    asyncio.run(run_cell("1; import asyncio; x = await asyncio.sleep(0, 41); x + 1", {}))
