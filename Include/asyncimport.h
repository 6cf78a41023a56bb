/* Modules whose code is a coroutine: where their import meets the runtime (Python/asyncimport.c).

   What such an import is lies in Lib/asyncimport, which is imported when the first of them comes
   by. */

#ifndef ASYNC_ASYNCIMPORT_H
#define ASYNC_ASYNCIMPORT_H

#include <Python.h>
#include <stdbool.h>

/* Whether evaluating code in globals is what an import does to run a module's body, and code is a
   coroutine's.  Looked at for top-level coroutines only.  Never fails. */
bool asyncimport_is_module_body(PyCodeObject *code, PyObject *globals);

/* Runs such a body to its end, or keeps its coroutine for the one who called
   asyncimport_exec_module().  New reference to None; NULL with an exception: the module's own, with
   the module's frames only, or an ImportError that tells why it cannot be run here. */
PyObject *asyncimport_run_module_body(PyCodeObject *code, PyObject *globals);

/* Calls exec_module(module), a loader's method.  New reference to the coroutine that the module's
   body is, if it is one, which has not begun; else to None.  NULL with an exception. */
PyObject *asyncimport_exec_module(PyObject *exec_module, PyObject *module);

/* What import statements await: see builtins.__aimport__.  New reference, NULL with an exception.
 */
PyObject *asyncimport_begin_statement(PyObject *requests, PyObject *globals);

/* Raises what an outcome holds, or returns a new reference to its value.  An outcome is a tuple
   (value, error, traceback), error None or an exception. */
PyObject *asyncimport_unwrap(PyObject *outcome);

/* Has loaders of source keep the code of marked modules under a tag of its own (PEP 488).  Called
   once for each interpreter, when the import system stands; -1 with an exception. */
int asyncimport_install(void);

/* ---- Code of modules that await, in .pyc files (Python/pycseal.c) ---- */

/* New reference to what is written for code: plain code that refuses to run, with code in it, if
   code is that of a module that awaits; else code itself.  NULL with an exception. */
PyObject *pycseal_seal(PyObject *code);

/* Borrowed from code: the code that is sealed in it, or code itself.  Never fails. */
PyObject *pycseal_open(PyObject *code);

/* Has importlib seal what it writes and open what it reads.  external is its module
   _bootstrap_external; -1 with an exception. */
int pycseal_install(PyObject *external);

#endif
