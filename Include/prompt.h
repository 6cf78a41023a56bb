/* The interactive prompt that awaits (Python/prompt/prompt.c). */

#ifndef ASYNC_PROMPT_H
#define ASYNC_PROMPT_H

#include <Python.h>
#include <stdio.h>

/* Reads statements from fp and runs each in __main__ until end of file, as PyRun_InteractiveLoop
   does in stock; one that awaits is handed to sys.awaithook.  filename (str) names the input in
   tracebacks; flags collects the __future__ features that statements switch on.

   Returns 0 at end of file and -1 when memory stays exhausted; no exception is left set.  Does not
   return from SystemExit. */
int prompt_loop(FILE *fp, PyObject *filename, PyCompilerFlags *flags);

#endif
