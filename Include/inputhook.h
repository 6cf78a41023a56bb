/* What goes on while the prompt waits for a key (Python/inputhook.c).

   Where the module readline reads, linedriver.c asks for the wait between two keys.  Elsewhere
   PyOS_InputHook is the process's one place to do something while a line is being typed, a plain
   function pointer.  It is ours for the time of one line then, and only if the session has
   something to do; whoever set it before (tkinter, Qt) gets it back afterwards.  Either way that
   hook is called in turns with the session. */

#ifndef ASYNC_INPUTHOOK_H
#define ASYNC_INPUTHOOK_H

#include <Python.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* One read of the prompt; lives in the reader's frame. */
typedef struct InputWait {
    PyObject *session;       /* borrowed: has background(), wait_for_input(fd), show_output() */
    PyObject *runner;        /* owned: what background() gave, NULL if nothing goes on */
    PyThreadState *thread;   /* the reader's, which waits without the GIL */
    FILE *stream;            /* where a line is being read from, and what prompt is shown: */
    const char *prompt;      /* set when the runtime asks for a line; "" otherwise */
    int is_interrupted;      /* KeyboardInterrupt is to end the line */
    int (*other_hook)(void); /* whose PyOS_InputHook it is, or was before ours, or NULL */
    int is_driven;           /* the waits between keys are linedriver.c's */
    int wakeup;              /* a descriptor that ends a wait when it is readable; -1 if not yet */
    atomic_int is_woken;     /* needed, when this tells the same */
    int either;              /* readable when the stream or wakeup is; -1 if not yet needed */
    int has_output;          /* the session has something to show */
    int timer_exists;
    int is_interrupting; /* the timer does */
    timer_t timer;       /* raises SIGINT in the reader: interrupt_reader() */
    char *typed;         /* taken back from the kernel, which edits the line: its beginning, */
    size_t typed_length; /* owned by PyMem_RawMalloc(); NULL as a rule */
} InputWait;

/* Begins a read for session (NULL: stock behaviour).  Pair with InputWait_End.  Never fails: an
   error of the session's is written as unraisable and the hook stays away. */
void InputWait_Begin(InputWait *wait, PyObject *session);
void InputWait_End(InputWait *wait);

typedef enum { WAIT_INPUT, WAIT_WAKEUP, WAIT_INTERRUPTED } WaitEnd;

/* Does background work until the stream can be read, the wakeup came, or KeyboardInterrupt is to
   end the line.  Without the GIL, in the thread that reads. */
WaitEnd InputWait_ForInput(InputWait *wait);

/* Ends the wait in progress, or the next one, with WAIT_WAKEUP.  In any thread, and in a signal
   handler. */
void InputWait_Wake(InputWait *wait);

/* Whether a thread reads a line.  With the GIL. */
int InputWait_IsReading(void);

/* Has that thread, if there is one, call the session's show_output() soon.  0 if there is none.
   With the GIL. */
int InputWait_TakeOutput(void);

/* Writes text to the descriptor terminal; above_line: above the line that is being typed, which is
   drawn again below it, cursor and all, and a text that ends in no newline gets one.  Where the
   kernel and not readline edits the line, what was typed before can no longer be erased.  With the
   GIL held throughout, since readline's state is the reader's.  -1 with OSError. */
int InputWait_Write(int terminal, const char *text, size_t length, int above_line);

#endif
