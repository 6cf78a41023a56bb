/* The compiler for those who want something else of it than a code object, which is what
   _PyAST_Compile() in pycore_compile.h is for: compile_and_look() serves ast.is_async() and the
   modes (modes.c), compile_with_dump() option -X dump and the
   tests of each stage. */

#ifndef FRONTEND_COMPILER_H
#define FRONTEND_COMPILER_H

#include "Python.h"
#include "pycore_ast.h"
#include "dump.h"
#include "pyasync.h"
#include "target.h"

/* What lets the top level of a program, or of a statement at a prompt, await. */
#define PyCF_AWAITING_PROGRAM (PyCF_ALLOW_TOP_LEVEL_AWAIT | PyCF_AWAITS_IMPORTS)

#define FUTURE_TOP_LEVEL_AWAIT "top_level_await"
/* What the mark means to the compiler. */
#define PyCF_MARKED_MODULE (PyCF_OWN_MODE | PyCF_AWAITING_PROGRAM)
/* What a series of statements hands on from one to the next: the features that were switched on. */
#define PyCF_KEPT_FEATURES (PyCF_MASK | CO_FUTURE_TOP_LEVEL_AWAIT)

/* Compiles, and what the stages that the request names made of each code unit, inner ones first, is
   added to it: see dump.h.  `flags` and the request may be NULL. */
PyCodeObject *compile_with_dump(mod_ty, PyObject *filename, PyCompilerFlags *flags, int optimize,
                                PyArena *, DumpRequest *);

/* Goes through a tree as _PyAST_Compile() does, with the same errors and no warnings, but makes no
   code: 1 if its code would be a coroutine's, 0 if not, -1 with an exception. */
int compile_and_look(mod_ty, PyObject *filename, PyCompilerFlags *, PyArena *);

#endif
