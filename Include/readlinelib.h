/* The library behind the module readline (Python/readlinelib.c).

   The interpreter is not linked with it: it is the one that the module has loaded and set up (key
   bindings, completion, history), and it is asked for by name. */

#ifndef ASYNC_READLINELIB_H
#define ASYNC_READLINELIB_H

#include <Python.h>

/* The library, GNU's or libedit, if the module readline reads the prompt's lines; NULL if it was
   not imported, or somebody else has put a reader of his own in its place.  To be closed by
   Readline_Close.  No exception is ever set. */
void *Readline_Open(void);
void Readline_Close(void *library);

/* A function or variable of the library, NULL if it has none of that name. */
void *Readline_Find(void *library, const char *name);

/* 1 if it can be fed key by key. */
int Readline_HasCallbacks(void *library);

/* Calls a function without arguments.  0 if there is none of that name. */
int Readline_Call(void *library, const char *name);

/* Adds line to the history, as the module does: unless it is empty or the same as the one before,
   or readline.set_auto_history(False) was called. */
void Readline_AddHistory(void *library, const char *line);

#endif
