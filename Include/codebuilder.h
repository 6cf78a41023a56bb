/* The code object of a finished code unit.

   In: assembled blocks, and the pools of the names, variables and constants the unit uses.
   Out: a code object, a new reference.  Its tuples and tables are shared with equal ones of the
   same compile.
   Entry: code_build(). */

#ifndef FRONTEND_CODEBUILDER_H
#define FRONTEND_CODEBUILDER_H

#include "Python.h"
#include "constants.h"
#include "instructions.h"
#include "names.h"
#include "pools.h"

typedef struct CodeParts CodeParts;
struct CodeParts {
    PyObject *filename; /* the objects are borrowed */
    PyObject *name;
    PyObject *qualified_name;
    int flags;
    int first_line;
    int argument_count; /* the positional-only ones included */
    int positional_only_count;
    int keyword_only_count;
    int stack_depth;
    bool is_last;       /* of the compile */
    bool sets_handlers; /* there is an exception table */
    int constant_count;
    ConstantTable *constants;
    const Pool *constant_pool;
    const Names *names;
    IntArray *name_constants; /* the ConstantId of a name by NameId, -1 where unknown */
    const Pool *name_pool;
    const Pool *variable_pool;
    const NameId *cell_names; /* cells, then free variables */
    const int *cell_slots;    /* their places among the locals */
    int cell_count;
    int free_count;
};

PyCodeObject *code_build(const CodeParts *, InstructionStore *, Label entry);

#endif
