/* What lives between the statements of a prompt (Python/session.c): the runner's part, kept by the
   module autoawait. */

#ifndef ASYNC_SESSION_H
#define ASYNC_SESSION_H

#include <Python.h>

/* New reference to the session; NULL with no exception set where the module cannot be imported: its
   error is written as unraisable, and the prompt does without.  All functions below accept NULL. */
PyObject *Session_Open(void);

/* New reference to the session if there is one and this thread is the main thread; NULL otherwise,
   with no exception set. */
PyObject *Session_Current(void);

/* Before a plain statement: *guard is a new reference to what Session_Leave takes, or NULL.  -1
   with an exception. */
int Session_Enter(PyObject *session, PyObject **guard);

/* After it: takes the guard, tells it the exception that is set, and keeps that exception.  -1 if
   the guard itself failed; its exception is set then, the other as its context. */
int Session_Leave(PyObject *guard);

/* After every statement: a changed sys.awaithook ends the runner before it.  Errors are written as
   unraisable; an exception that is set is kept. */
void Session_AfterStatement(PyObject *session);

/* Ends what lives in the session.  Errors and an exception that is set as above. */
void Session_End(PyObject *session);

#endif
