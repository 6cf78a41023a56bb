/* Holding back what signals do (Python/interrupts.c), so that the Python code which drives
   statements is not broken off between two of its steps.

   While held, no handler of a signal runs in this thread; signals stay pending and take effect
   after the release, at the next bytecode or call of PyErr_CheckSignals().  Nothing is lost, and
   nothing is shown as unraisable because it came where nobody could take it. */

#ifndef ASYNC_INTERRUPTS_H
#define ASYNC_INTERRUPTS_H

#include <Python.h>
#include <stdbool.h>

/* Holds (true) or lets go (false) in this thread; returns what was before, for the way back. */
bool interrupts_set_held(bool held);

/* Calls function with handlers held back or not; then as before.  Where they are let go, what came
   during the call takes effect in it: its result, if any, is given up for the exception. */
PyObject *interrupts_call(bool held, PyObject *function, PyObject *const *arguments,
                          Py_ssize_t count);

#endif
