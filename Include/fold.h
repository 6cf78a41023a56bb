/* Folding: the tree without what can be computed before it runs.
 *
 * Operations on constants become constants, displays that are only looked at become tuples and
 * frozen sets, `format % (a, b)` becomes an f-string, __debug__ becomes what it is.  The tree is
 * changed in place; new nodes and constants belong to the arena.
 *
 * Entry points: _PyAST_Optimize() of pycore_compile.h and fold_and_survey(), in fold.c.  The
 * functions below them are the single rules; each is called when the node's children are folded
 * already.  They return -1 with an exception set, and leave the node alone where they do not apply.
 */
#ifndef FRONTEND_FOLD_H
#define FRONTEND_FOLD_H

#include "Python.h"
#include "pycore_ast.h"
#include "pycore_compile.h"

#include <stdbool.h>

/* What the walk saw: how much the tree will come to, more or less. */
typedef struct TreeSurvey TreeSurvey;
struct TreeSurvey {
    int64_t instructions;
    int64_t blocks;       /* at least so many */
    int64_t constants;    /* equal ones are counted each time */
    bool has_annotations; /* an annotated assignment is somewhere */
};

/* fold.c: the same as _PyAST_Optimize(), but returns -1 on failure, and tells what it saw. */
int fold_and_survey(mod_ty tree, PyArena *arena, const _PyASTOptimizeState *state,
                    TreeSurvey *survey);

/* fold_constants.c */

/* Make `node` a constant.  Takes over `value`; NULL means that computing it failed, which is an
 * error only for KeyboardInterrupt and MemoryError: the operation is left to raise when it runs. */
int fold_to_constant(expr_ty node, PyObject *value, PyArena *arena);

int fold_unary(expr_ty node, PyArena *arena);
int fold_binary(expr_ty node, PyArena *arena);
int fold_subscript(expr_ty node, PyArena *arena);
int fold_tuple(expr_ty node, PyArena *arena);

/* A list or set that is iterated over, or asked whether it contains something. */
int fold_iterable(expr_ty node, PyArena *arena);

bool fold_has_starred(const asdl_expr_seq *items);

/* fold_format.c: a BinOp of a str constant, `%` and a tuple display. */
int fold_format(expr_ty node, PyArena *arena);

#endif
