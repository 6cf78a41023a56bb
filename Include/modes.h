/* The modes of compile(), and compiling in one of them (Python/modes.c).

   A mode is a grammar of the parser, the tree it gives, and what the compiler makes of it.  The
   modes of stock differ by the first two; those that are ours are built on them by private bits of
   the compiler flags, which no caller of compile() can pass and no code object keeps. */

#ifndef ASYNC_MODES_H
#define ASYNC_MODES_H

#include <Python.h>
#include <internal/pycore_ast.h>
#include "compiler.h"
#include "pyasync.h"

typedef struct {
    const char *name;
    int symbol;  /* the start symbol of the C API; see pyasync.h */
    int grammar; /* the start symbol that the parser knows */
    int tree;    /* enum _mod_kind of the tree */
    int flags;   /* that the mode adds, PyCF_* */
} CompileMode;

/* NULL, with no exception set, where there is no such mode or symbol. */
const CompileMode *compile_mode_find(const char *name);
const CompileMode *compile_mode_of_symbol(int symbol);

/* A new dict: to the name of each mode, in the table's order, that of the mode of stock with the
   same grammar. */
PyObject *compile_mode_names(void);

/* ValueError that names the modes; returns NULL. */
PyObject *compile_mode_raise_unknown(int only_ast);

/* New reference to a code object, or with PyCF_ONLY_AST to a tree of module ast; NULL with an
   exception.  flags may be NULL; the features that the source switches on are added to them, the
   mode's own flags are not.  The source is in UTF-8 or, without PyCF_SOURCE_IS_UTF8, in the
   encoding it declares. */
PyObject *compile_mode_compile_string(const CompileMode *mode, const char *source,
                                      PyObject *filename, PyCompilerFlags *flags, int optimize);

/* The same from a tree of module ast.  TypeError if it is not of the mode's kind. */
PyObject *compile_mode_compile_tree(const CompileMode *mode, PyObject *tree, PyObject *filename,
                                    PyCompilerFlags *flags, int optimize);

/* enum _mod_kind of a Module, Interactive or Expression of module ast, 0 for other objects, -1
   with an exception. */
int compile_mode_tree_kind(PyObject *object);

/* Whether running source text (str or bytes), a tree of module ast or a code object takes a
   coroutine: 1 or 0, -1 with an exception (SyntaxError where it is no program even when await is
   allowed at the top level, TypeError for other objects). */
int compile_mode_is_async(PyObject *object);

/* Gives a namespace that code is to run in its __builtins__ where it has none; -1 with an
   exception. */
int namespace_add_builtins(PyObject *globals);

/* Puts our compile(), aexec() and aeval() into the module builtins (Python/bltin_compile.c,
   Python/bltin_async.c); -1 with an exception. */
int builtin_compile_add(PyObject *builtins);
int builtin_async_add(PyObject *builtins);

#endif
