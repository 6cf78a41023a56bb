/* The assembler: blocks in their final order to bytes.

   In: the blocks of one code unit after flow_optimize().
   Out: bytes objects, new references: the instructions with caches and extensions, the table of
   source locations, the table of exception handlers.
   Entry: assemble_layout() first, then the three in any order. */

#ifndef FRONTEND_ASSEMBLE_H
#define FRONTEND_ASSEMBLE_H

#include "instructions.h"

/* Gives every instruction its width and every block its offset; returns the number of code
   units. */
int assemble_layout(InstructionStore *, Label entry);

PyObject *assemble_code(const InstructionStore *, Label entry, int size);
PyObject *assemble_locations(InstructionStore *, Label entry, int first_line);
PyObject *assemble_handlers(InstructionStore *, Label entry);

#endif
