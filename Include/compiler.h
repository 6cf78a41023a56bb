/* The compiler for those who want something else of it than a code object, which is what
   _PyAST_Compile() in pycore_compile.h is for: compile_and_look() serves ast.is_async() and the
   modes (modes.c), compile_and_dump() the tests of each stage (module _frontend). */

#ifndef FRONTEND_COMPILER_H
#define FRONTEND_COMPILER_H

#include "Python.h"
#include "pycore_ast.h"

/* Compiles and returns, as text, what the given stages (DUMP_* in dump.h) made of each code unit,
   inner ones first. */
PyObject *compile_and_dump(mod_ty, PyObject *filename, PyCompilerFlags *, int optimize, PyArena *,
                           int stages);

/* Goes through a tree as _PyAST_Compile() does, with the same errors and no warnings, but makes no
   code: 1 if its code would be a coroutine's, 0 if not, -1 with an exception. */
int compile_and_look(mod_ty, PyObject *filename, PyCompilerFlags *, PyArena *);

#endif
