/* sys.awaithook: what runs a top-level coroutine to its end (Python/awaithook.c).

   As sys.displayhook shows a value, sys.awaithook runs a coroutine: a callable that takes it and
   returns its result.  sys.__awaithook__ is the default, None switches awaiting off. */

#ifndef ASYNC_AWAITHOOK_H
#define ASYNC_AWAITHOOK_H

#include <Python.h>

/* 1 if sys.awaithook is anything but None (a missing one included, so that its loss is reported
   when it is needed), 0 if it is None.  Never fails. */
int AwaitHook_IsOn(void);

/* Runs coroutine, made by evaluating code, through sys.awaithook and returns a new reference to
   the result.  NULL with an exception whose traceback starts at the frame of code: the frames of
   the hook and of the loop below it are left out; a coroutine that nobody but the caller holds is
   closed then.  Takes no reference. */
PyObject *AwaitHook_Run(PyObject *coroutine, PyCodeObject *code);

/* Leaves the user's frames in the traceback of the exception that is set while code is run.  Where
   there is none, the traceback shows where code is. */
void AwaitHook_TrimTraceback(PyCodeObject *code);

/* New reference to a module that was imported already; NULL, with no exception set, if it was not.
 */
PyObject *AwaitHook_ImportedModule(const char *name);

#endif
