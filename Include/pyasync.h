/* Public C API of the awaiting interpreter, for programs that embed it.

   Link with libpython3.11-async.a in the place of libpython3.11.a; everything of CPython's own C
   API is there as ever.  Call with the GIL held. */

#ifndef PYASYNC_H
#define PYASYNC_H

#include <Python.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of what is ours; PY_VERSION is CPython's.  sys.version, autoawait.__version__,
   --version, configure and the package take it from here. */
#define PYASYNC_VERSION "0.9.0"

/* The feature `from __future__ import top_level_await`, which marks a module that awaits: a bit of
   compiler flags, beside CO_FUTURE_ANNOTATIONS and the like, and of the flags of the module's code
   object, but of no code object inside it.  exec() and compile() do not inherit it. */
#define CO_FUTURE_TOP_LEVEL_AWAIT 0x10000000

/* As PyRun_InteractiveLoopFlags, with await at the top level: reads statements from fp until end of
   file and runs each in __main__.  filename is in the file system's encoding; flags may be NULL.
   Errors of statements are printed.  Returns 0 at end of file, -1 on failure with no exception set.
   SystemExit ends the process. */
PyAPI_FUNC(int) PyRun_AsyncInteractiveLoop(FILE *fp, const char *filename, PyCompilerFlags *flags);

/* Runs a coroutine to its end through sys.awaithook, as the prompt does.  Returns a new reference
   to its result, or NULL with an exception: RuntimeError where sys.awaithook was deleted, TypeError
   where it is None or not callable, else what the coroutine or the hook raised. */
PyAPI_FUNC(PyObject *) PySys_Await(PyObject *coroutine);

/* Start symbols beside Py_file_input, Py_single_input and Py_eval_input, each for the mode of
   compile() of the same name: 'multi-single', 'async-exec', 'async-single', 'async-eval',
   'async-multi-single'. */
#define Py_multi_single_input 1256
#define Py_async_file_input 1257
#define Py_async_single_input 1258
#define Py_async_eval_input 1259
#define Py_async_multi_single_input 1260

/* As Py_CompileStringExFlags and Py_CompileStringObject, for these start symbols as well as for
   stock's.  The source is in UTF-8 if flags have PyCF_SOURCE_IS_UTF8 or it declares nothing else;
   the filename is in the file system's encoding; flags may be NULL, and get the features that the
   source switches on; optimize is -1 for that of the interpreter.  Returns a new reference to a
   code object (to a tree of module ast with PyCF_ONLY_AST), or NULL with an exception:
   SyntaxError, ValueError for another start symbol, or what a compile can raise besides. */
PyAPI_FUNC(PyObject *) Py_CompileAsyncString(const char *source, const char *filename, int start,
                                             PyCompilerFlags *flags, int optimize);
PyAPI_FUNC(PyObject *) Py_CompileAsyncStringObject(const char *source, PyObject *filename,
                                                   int start, PyCompilerFlags *flags, int optimize);

/* As PyEval_EvalCode; the coroutine that awaiting code gives is run by PySys_Await().  globals is a
   dict and gets __builtins__ where it has none; locals is a mapping, NULL for globals.  Takes no
   reference.  Returns a new reference to the value: of an expression, else None; NULL with an
   exception. */
PyAPI_FUNC(PyObject *) PyEval_EvalAsyncCode(PyObject *code, PyObject *globals, PyObject *locals);

/* As PyRun_StringFlags: Py_CompileAsyncString() and PyEval_EvalAsyncCode() in one, with the name
   "<string>". */
PyAPI_FUNC(PyObject *) PyRun_AsyncString(const char *source, int start, PyObject *globals,
                                         PyObject *locals, PyCompilerFlags *flags);

#ifdef __cplusplus
}
#endif

#endif
