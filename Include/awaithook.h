/* sys.awaithook: what runs a top-level coroutine to its end (Python/awaithook.c).

   As sys.displayhook shows a value, sys.awaithook runs a coroutine: a callable that takes it and
   returns its result.  sys.__awaithook__ is the default, None switches awaiting off. */

#ifndef ASYNC_AWAITHOOK_H
#define ASYNC_AWAITHOOK_H

#include <Python.h>
#include <stdbool.h>

/* Puts sys.awaithook and sys.__awaithook__ into the module sys of the current interpreter; -1 with
   an exception. */
int awaithook_add(void);

/* True if sys.awaithook is anything but None (a missing one included, so that its loss is reported
   when it is needed), false if it is None.  Never fails. */
bool awaithook_is_on(void);

/* Runs coroutine, made by evaluating code, through sys.awaithook and returns a new reference to
   the result.  NULL with an exception whose traceback starts at the frame of code: the frames of
   the hook and of the loop below it are left out; a coroutine that nobody but the caller holds is
   closed then.  Takes no reference. */
PyObject *awaithook_run(PyObject *coroutine, PyCodeObject *code);

/* Leaves the user's frames in the traceback of the exception that is set while code is run.  Where
   there is none, the traceback shows where code is. */
void awaithook_trim_traceback(PyCodeObject *code);

#endif
