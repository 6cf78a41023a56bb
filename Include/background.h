/* What goes on while a line is awaited (Python/prompt/background.c).

   The session's runner does its work in the thread that reads, whenever that has nothing to read;
   so does another user of PyOS_InputHook, in turns.  Nothing is polled. */

#ifndef ASYNC_BACKGROUND_H
#define ASYNC_BACKGROUND_H

#include <Python.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef enum { WAIT_INPUT, WAIT_WAKEUP, WAIT_INTERRUPTED } WaitEnd;

/* One read of a line; lives in the reader's frame. */
typedef struct {
    PyObject *session;     /* owned; NULL where there is none */
    PyObject *runner;      /* owned: whose work goes on; NULL if nothing does */
    PyThreadState *thread; /* the reader's, which waits without the GIL */
    int wakeup;            /* a descriptor that ends a wait when it is readable; -1 if none */
    atomic_bool is_woken;  /* a wakeup was asked for, even if its descriptor tells nothing */
    int either;            /* readable when input or wakeup is; -1 if not yet needed */
    bool says_quiet;       /* the runner tells when it has nothing to do */
    bool has_output;       /* the session has something to show; with the GIL */
} Background;

/* Finds out whose work is to go on; pair with background_end.  Never fails: an error of the
   session's is written as unraisable and nothing goes on.  With the GIL; takes the reference to
   session (or NULL). */
void background_begin(Background *background, PyObject *session);
void background_end(Background *background);

/* Between the two, around the time in which others may wake the reader. */
void background_open(Background *background);
void background_close(Background *background);

/* Does background work until input can be read, the wakeup came, or an interrupt is to end the
   line; it is taken then, and put off where there is input before it.  Output that came meanwhile
   has been shown.  Without the GIL. */
WaitEnd background_wait(Background *background, int input);

/* Ends the wait in progress, or the next one, with WAIT_WAKEUP.  In any thread, and in a signal
   handler. */
void background_wake(Background *background);

/* Shows the output that came, if any: above the line, or where that is over.  With the GIL; keeps
   an exception that is set. */
void background_show_output(Background *background, bool above_line);

#endif
