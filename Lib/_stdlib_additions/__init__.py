"""What is added to modules of the standard library.

Module dis is the standard library's own file, found, loaded and run as ever:
__file__, __spec__, source and .pyc are its own.  What we add to it lies here in
a file of its name, which the interpreter (Python/additions.c) imports on one of
three occasions:

    dis.py                   when the module's body has run, at import or reload.  Its
                             add(module) is called, to change what the module has.
    on_demand/importlib.py   when the module is asked for a name that it has not got.
                             The names of its __all__ become the module's.  Who imports
                             the module and asks for none of them pays nothing.
    programs/dis.py          when the module is run by `python -m dis`, as __main__.  Its
                             add(module) is called between the body and the last
                             statement, the `if __name__ == "__main__":`.

A module may have one of each.  What is added to importlib.util lies in
importlib/util.py; each folder needs an __init__.py.  A new file is known after
the next `make`.

If add() raises, the import fails by it.  What is imported here at the top is
imported by all who import the module: import in functions what only those need.
"""


def stands_for(stock):
    """Decorate a function that takes the place of stock, and looks the same.

    By its __wrapped__, inspect.signature() and inspect.getsource() see stock's.
    """
    def decorate(function):
        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(function, name, getattr(stock, name))
        function.__wrapped__ = stock
        return function

    return decorate


def exec_source(module, method, position=1, run=None):
    """Return what stands for a method that calls exec(), of module's globals, with a source.

    The source, the argument at that position, is text or a code object, and may
    await. Where it does, exec() is one that runs it by sys.awaithook.
    """
    from _autoawait import StandIn, call_awaiting, compile_program, exec_awaiting

    def awaits(*arguments, **keywords):
        source = arguments[position] if len(arguments) > position else None
        if "exec" in vars(module):
            # -X autoawait, which has given it one.
            return False
        if hasattr(source, "co_flags"):
            # CO_COROUTINE
            return bool(source.co_flags & 0x80)
        if not isinstance(source, str) or "await" not in source and "async" not in source:
            return False
        try:
            # CO_COROUTINE
            return bool(compile_program(source, "<string>", "exec").co_flags & 0x80)
        except (SyntaxError, ValueError):
            return False

    async def nothing():
        pass

    def execute(*arguments, **keywords):
        # The event loop is made before, and is no part of what is looked at.
        call_awaiting(nothing)
        module.exec = run or exec_awaiting
        try:
            return method(*arguments, **keywords)
        finally:
            del module.exec

    return StandIn(awaits, execute, method)
