/* The code of a module in two parts, for what is added to a program (Python/additions_split.c). */

#ifndef ASYNC_ADDITIONS_SPLIT_H
#define ASYNC_ADDITIONS_SPLIT_H

#include <Python.h>

/* Makes two code objects of a module's one: the body up to the last `if __name__ == "__main__":` of
   the top level, and the rest.  Both are the module's code but for a few instructions, so lines,
   names and constants are as they were.  New references in *body and *rest; both NULL where there
   is no such statement.  -1 with an exception. */
int additions_split(PyCodeObject *code, PyObject **body, PyObject **rest);

#endif
