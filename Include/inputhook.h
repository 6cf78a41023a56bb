/* What goes on while the prompt waits for a key (Python/inputhook.c).

   PyOS_InputHook is the process's one place to do something while a line is being typed, a plain
   function pointer.  It is ours for the time of one read, and only if the session has something to
   do then; whoever set it before (tkinter, Qt) gets it back afterwards and is called through us in
   between. */

#ifndef ASYNC_INPUTHOOK_H
#define ASYNC_INPUTHOOK_H

#include <Python.h>
#include <stdio.h>
#include <time.h>

/* One read of the prompt; lives in the reader's frame. */
typedef struct InputWait {
    PyObject *session;        /* borrowed: has wants_input() and wait_for_input(fd) */
    PyThreadState *thread;    /* the reader's, which waits without the GIL */
    int (*other_hook)(void);  /* whose PyOS_InputHook this was, or NULL */
    int installed;
    int timer_exists;
    int is_interrupting;
    timer_t timer;            /* raises SIGINT in the reader, see InputWait_Interrupt */
    FILE *stream;             /* where a line is being read from, and what prompt is shown: */
    const char *prompt;       /* set when the runtime asks for a line */
    char *typed;              /* taken back from the kernel, which edits the line: its beginning, */
    size_t typed_length;      /* owned by PyMem_RawMalloc(); NULL as a rule */
} InputWait;

/* Begins a read for session (NULL: stock behaviour).  Pair with InputWait_End.  Never fails: an
   error of the session's is written as unraisable and the hook stays away. */
void InputWait_Begin(InputWait *wait, PyObject *session);
void InputWait_End(InputWait *wait);

/* Writes text to the descriptor terminal above the line that is being typed, which is drawn again
   below it, cursor and all; a text that ends in no newline gets one.  Where the kernel and not
   readline edits the line, what was typed before can no longer be erased.  With the GIL held
   throughout, since readline's state is the reader's.  -1 with OSError. */
int InputWait_WriteAbove(int terminal, const char *text, size_t length);

#endif
