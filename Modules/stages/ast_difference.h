/* Where two syntax trees differ.

   In: two trees, which stay as they are. Out: whether they are the same, in every kind, field and
   position; where they are not, the place of the first difference. */

#ifndef AST_DIFFERENCE_H
#define AST_DIFFERENCE_H

#include <Python.h>

#include "pycore_ast.h"

/* Return 0 if the trees are the same, 1 with the place in the buffer ("lineno of Name of value of
   Expr of item 0 of body of Module") if not, -1 with an exception set. */
int ast_difference(mod_ty left, mod_ty right, char *place, size_t size);

#endif
