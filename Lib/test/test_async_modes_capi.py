"""The functions of pyasync.h, called with every start symbol: values, errors, and no reference kept."""

import ast
import contextlib
import ctypes
import gc
import sys
import unittest

OBJECT, TEXT, INT, POINTER = ctypes.py_object, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p
MULTI, FILE, SINGLE, EVAL, MULTI_SINGLE = range(1256, 1261)
STOCK_FILE, STOCK_SINGLE, STOCK_EVAL = 257, 256, 258
SYMBOLS = MULTI, FILE, SINGLE, EVAL, MULTI_SINGLE, STOCK_FILE, STOCK_SINGLE, STOCK_EVAL

SOURCES = (b"1", b"a = 1\nb = [a]", b"return", b"1 / 0", b"class A:\n  def f(self): pass\n", b"await one()",
           b"await one(); await 3", b"x = await one()\n", b"\xff")


def function(name, *arguments):
    found = getattr(ctypes.pythonapi, name)
    found.argtypes, found.restype = arguments, OBJECT
    return found


compile_object = function("Py_CompileAsyncStringObject", TEXT, OBJECT, INT, POINTER, INT)
compile_text = function("Py_CompileAsyncString", TEXT, TEXT, INT, POINTER, INT)
run_text = function("PyRun_AsyncString", TEXT, INT, OBJECT, OBJECT, POINTER)
evaluate = function("PyEval_EvalAsyncCode", OBJECT, OBJECT, OBJECT)
await_ = function("PySys_Await", OBJECT)


def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


async def one():
    return 1


class CApiTest(unittest.TestCase):

    def setUp(self):
        self.addCleanup(setattr, sys, "awaithook", sys.awaithook)
        self.addCleanup(setattr, sys, "displayhook", sys.displayhook)
        sys.awaithook, sys.displayhook = drive, lambda value: None

    def test_values(self):
        for symbol in FILE, EVAL, STOCK_EVAL:
            self.assertEqual(run_text(b"1", symbol, {}, {}, None), 1 if symbol != FILE else None)
        namespace = {"one": one}
        self.assertEqual(run_text(b"await one()", EVAL, namespace, namespace, None), 1)
        self.assertIsNone(run_text(b"x = await one()\n", FILE, namespace, namespace, None))
        self.assertEqual(namespace["x"], 1)
        code = compile_text(b"await one()", b"name", EVAL, None, -1)
        self.assertEqual((code.co_filename, evaluate(code, namespace, {})), ("name", 1))

    def test_errors(self):
        for symbol in SYMBOLS:
            with self.assertRaises(SyntaxError):
                run_text(b"return", symbol, {}, {}, None)
        with self.assertRaisesRegex(ValueError, "no start symbol"):
            run_text(b"1", -1, {}, {}, None)
        for arguments in (3, {}, {}), (compile("1", "text", "eval"), 3, {}):
            with self.assertRaises(SystemError):
                evaluate(*arguments)
        for hook in None, 3:
            sys.awaithook = hook
            with contextlib.closing(one()) as coroutine, self.assertRaises(TypeError):
                await_(coroutine)
        del sys.awaithook
        with contextlib.closing(one()) as coroutine, self.assertRaises(RuntimeError):
            await_(coroutine)

    def use_everything(self, name, namespace, variables):
        """Call each function with all there is; return how many calls gave a value."""
        values = 0
        for source in SOURCES:
            for symbol in (*SYMBOLS, -1):
                for call in (lambda: compile_object(source, name, symbol, None, -1),
                             lambda: run_text(source, symbol, namespace, variables, None),
                             lambda: evaluate(compile_object(source, name, symbol, None, -1), namespace,
                                              variables)):
                    with contextlib.suppress(Exception):
                        call()
                        values += 1
        return values

    @contextlib.contextmanager
    def counted(self, *objects):
        """Nothing inside keeps a reference to the objects, nor to others where all are counted."""
        total = getattr(sys, "gettotalrefcount", lambda: 0)
        gc.collect()
        before, total_before = [sys.getrefcount(item) for item in objects], total()
        yield
        gc.collect()
        self.assertEqual([sys.getrefcount(item) for item in objects], before)
        self.assertLess(total() - total_before, 50)

    def test_references(self):
        name, namespace, variables = "".join(["na", "me"]), {"one": one}, {}
        code = compile("await one()", "text", "async-eval")
        for _ in range(5):
            values = self.use_everything(name, namespace, variables)
        with self.counted(name, namespace, variables, one, code):
            for _ in range(50):
                self.use_everything(name, namespace, variables)
                evaluate(code, namespace, variables)
        self.assertGreater(values, 60)

    def test_references_of_builtins(self):
        tree, broken = ast.parse("def f(a): return lambda: a\nawait one()"), ast.parse("class A: await x")
        codes = [compile("1", "text", "exec"), compile("await one()", "text", "async-eval")]
        namespace, variables = {"one": one}, {}

        def use():
            ast.is_async(tree)
            self.assertRaises(SyntaxError, ast.is_async, broken)
            self.assertRaises(SyntaxError, aexec, "return", namespace, variables)
            for function in aexec, aeval:
                for source in (*codes, "await one()"):
                    drive(function(source, namespace, variables))
                    function(source, namespace, variables).close()

        for _ in range(5):
            use()
        with self.counted(tree, broken, *codes, namespace, variables, one):
            for _ in range(60):
                use()


if __name__ == "__main__":
    unittest.main()
