/* What is added to modules of the standard library (Python/additions.c).

   The library's own file is found, loaded and run as ever.  When its body has been evaluated, what
   Lib/_stdlib_additions/ has for it is added; that package's documentation tells of the occasions
   and of what to write there. */

#ifndef ASYNC_ADDITIONS_H
#define ASYNC_ADDITIONS_H

#include <Python.h>

/* Evaluates code: PyEval_EvalCode. */
typedef PyObject *(*AdditionsEval)(PyObject *code, PyObject *globals, PyObject *locals);

/* The name of the module whose body code is, if there is something to add to it, else NULL.  Never
   fails.  Each exec() and each import pays for this: it looks at the name of code's file. */
const char *additions_find(PyObject *code);

/* Evaluates code, the body of the module of that name, and adds.  New reference to what eval
   returned; NULL with an exception of the body or of the addition. */
PyObject *additions_eval_module(const char *name, AdditionsEval eval, PyObject *code,
                                PyObject *globals, PyObject *locals);

#endif
