/* Future statements: which `from __future__` features a tree asks for, and where the last one is.
 * They must come first in a module; one that comes later is an error of the code generator, which
 * compares line numbers with ff_lineno.
 */
#ifndef FRONTEND_FUTURE_H
#define FRONTEND_FUTURE_H

#include "Python.h"
#include "pycore_ast.h"

#include <stdbool.h>

/* Fill `*features`.  Returns -1 with SyntaxError set for an unknown feature. */
int future_from_tree(mod_ty tree, PyObject *filename, PyFutureFeatures *features);

/* Whether a statement is `from __future__ import ...`. */
bool future_is_statement(stmt_ty statement);

#endif
