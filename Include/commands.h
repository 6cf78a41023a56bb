/* What acts at a terminal without parentheses, as in CPython 3.13 (Python/prompt/commands.c). */

#ifndef ASYNC_COMMANDS_H
#define ASYNC_COMMANDS_H

#include <Python.h>
#include <internal/pycore_ast.h>

/* Makes a statement that is the name exit, quit or help, as module site made it and nobody has
   another by that name, a call of it.  Other trees stay as they are.  -1 with an exception. */
int commands_complete(mod_ty tree, PyArena *arena);

#endif
