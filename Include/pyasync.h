/* Public C API of the awaiting interpreter, for programs that embed it.

   Link with libpython3.11-async.a in the place of libpython3.11.a; everything of CPython's own C API
   is there as ever.  Call with the GIL held. */

#ifndef PYASYNC_H
#define PYASYNC_H

#include <Python.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As PyRun_InteractiveLoopFlags, with await at the top level: reads statements from fp until end of
   file and runs each in __main__.  filename is in the file system's encoding; flags may be NULL.
   Errors of statements are printed.  Returns 0 at end of file, -1 on failure with no exception set.
   SystemExit ends the process. */
PyAPI_FUNC(int) PyRun_AsyncInteractiveLoop(FILE *fp, const char *filename, PyCompilerFlags *flags);

/* Runs a coroutine to its end through sys.awaithook, as the prompt does.  Returns a new reference
   to its result, or NULL with an exception: RuntimeError where sys.awaithook was deleted, TypeError
   where it is None or not callable, else what the coroutine or the hook raised. */
PyAPI_FUNC(PyObject *) PySys_Await(PyObject *coroutine);

#ifdef __cplusplus
}
#endif

#endif
