/* The assembler: blocks in their final order to bytes.

   In: the blocks of one code unit after flow_optimize().
   Out: bytes objects, new references: the instructions with caches and extensions, the table of
   source locations, the table of exception handlers.
   Entry: assemble(). */

#ifndef FRONTEND_ASSEMBLE_H
#define FRONTEND_ASSEMBLE_H

#include "instructions.h"

typedef struct AssemblyTask AssemblyTask;
struct AssemblyTask {
    int first_line;
    bool sets_handlers; /* else there is nothing in the table of handlers */
    bool is_last;       /* of the compile: the instructions are given back when they are written,
                           since a large module has most of them in its own code */
};

typedef struct Assembled Assembled;
struct Assembled {
    PyObject *code;
    PyObject *locations;
    PyObject *handlers;
};

/* Lays out the blocks and writes their code.  What was made is the caller's, after a failure, too:
   the rest is left as it was. */
int assemble(InstructionStore *, Label entry, const AssemblyTask *, Assembled *made);

#endif
