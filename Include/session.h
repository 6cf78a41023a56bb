/* The one way from C to the session (Python/prompt/session.c), the object
   `autoawait.session.current`: what lives between the statements of a prompt, and the runner.

   Its methods are called with signals' handlers held back (interrupts.h); what is the user's in
   them, it lets be interrupted. */

#ifndef ASYNC_SESSION_H
#define ASYNC_SESSION_H

#include <Python.h>
#include <stdbool.h>

/* New reference to the session, begun at a prompt; NULL with no exception set where the module
   cannot be imported: its error is written as unraisable, and the prompt does without.  All
   functions below accept NULL. */
PyObject *session_open(void);

/* New reference to the session if there is one; NULL otherwise, with no exception set. */
PyObject *session_current(void);

/* Before a plain statement: *guard is a new reference to what session_leave takes, or NULL.  -1
   with an exception. */
int session_enter(PyObject *session, PyObject **guard);

/* After it: takes the guard, tells it the exception that is set, and keeps that exception.  -1 if
   the guard itself failed; its exception is set then, the other as its context. */
int session_leave(PyObject *guard);

/* After every statement: a changed sys.awaithook ends the runner before it.  Errors are written as
   unraisable; an exception that is set is kept. */
void session_after_statement(PyObject *session);

/* Ends what lives in the session.  Errors and an exception that is set as above. */
void session_end(PyObject *session);

/* New reference to the runner whose work goes on while a line is awaited, NULL if there is none.
   Errors as above. */
PyObject *session_background(PyObject *session);

/* Does that work until descriptor can be read.  -1 with an exception, KeyboardInterrupt after
   SIGINT. */
int session_wait_for_input(PyObject *session, int descriptor);

/* New reference to what that work waits for, in the form that the runner's quiet() has; None if it
   does not say, NULL with an exception. */
PyObject *session_quiet(PyObject *runner);

/* Writes what came for the terminal while a line was typed.  Errors as session_end. */
void session_show_output(PyObject *session, bool above_line);

/* New reference to what sys.__awaithook__ calls, NULL with an exception.  Begins no prompt. */
PyObject *session_default_runner(void);

/* New reference to what of traceback (or None) is the user's; NULL with no exception set where no
   session can tell. */
PyObject *session_user_traceback(PyObject *value, PyObject *traceback);

#endif
