/* Whether two trees are the same in every field and position. */

#ifndef FUZZ_SAME_TREE_H
#define FUZZ_SAME_TREE_H

#include "Python.h"
#include "pycore_ast.h"

#include <stdbool.h>

bool same_tree(mod_ty left, mod_ty right);

#endif
