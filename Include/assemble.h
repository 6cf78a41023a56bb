/* The assembler: blocks in their final order to bytes.

   In: the blocks of one code unit after flow_optimize().
   Out: bytes objects, new references: the instructions with caches and extensions, the table of
   source locations, the table of exception handlers.
   Entry: assemble_code(), then assemble_handlers(). */

#ifndef FRONTEND_ASSEMBLE_H
#define FRONTEND_ASSEMBLE_H

#include "instructions.h"

/* Lays the blocks out and gives the code and the table of its source locations. */
int assemble_code(InstructionStore *, Label entry, int first_line, PyObject **code,
                  PyObject **locations);

/* The table of exception handlers. */
PyObject *assemble_handlers(InstructionStore *, Label entry);

#endif
