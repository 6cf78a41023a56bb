/* Lets the benchmark of the compiler begin with a tree in ./python-stock, too: the archive hides
   the function that makes one from ast objects, which only a part of the same link can call.

   Contract: as PyAST_obj2mod() of pycore_ast.h, the tree lives in the arena; NULL with an
   exception set. */

#include "Python.h"
#include "pycore_ast.h"

extern mod_ty bench_tree_from_objects(PyObject *objects, PyArena *arena, int mode);

mod_ty
bench_tree_from_objects(PyObject *objects, PyArena *arena, int mode)
{
    return PyAST_obj2mod(objects, arena, mode);
}
