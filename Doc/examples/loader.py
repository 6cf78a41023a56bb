"""A loader: runs a file as a module, which may await.  No loop is running.

    loader.py FILE [NAME ...]    load FILE, show the values of these names

A program without a loop of its own has a coroutine run by sys.awaithook,
whatever library the user has chosen with it.
"""

import ast
import importlib.util
import os
import sys


def load(path):
    """Return the module that the file at path defines."""
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    with open(path, "rb") as file:
        tree = ast.parse(importlib.util.decode_source(file.read()), path)
    sys.modules[name] = module
    try:
        if ast.is_async(tree):
            code = compile(tree, path, "async-exec", dont_inherit=True)
            sys.awaithook(eval(code, vars(module)))
        else:
            exec(compile(tree, path, "exec", dont_inherit=True), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def main(path, *names):
    """Load and show."""
    module = load(path)
    for name in names:
        print(f"{module.__name__}.{name} = {getattr(module, name)!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
