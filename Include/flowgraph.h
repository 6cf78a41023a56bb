/* The control-flow graph: blocks of instructions, rewritten until they can be laid out.

   In: the blocks of one code unit, linked in the order of the source, and its constants.
   Out: the same blocks, without unreachable code and needless jumps and NOPs, every instruction
   with a line where one can be given, jumps with a direction, handlers known, the depth of the
   value stack computed, and each block with its size and place, as if no jump had to be
   extended.
   Memory: blocks that grow move to the end of the instruction array.
   Entry: flow_optimize(), then assembling.  Passes follow the order in which blocks were made
   (newest first) where the result depends on it. */

#ifndef FRONTEND_FLOWGRAPH_H
#define FRONTEND_FLOWGRAPH_H

#include "instructions.h"
#include "constants.h"
#include "pools.h"

typedef struct {
    InstructionStore *store;
    Block *blocks; /* the store's, while they do not move */
    Instruction *instructions;
    ConstantTable *constants;
    Pool *constant_pool;
    int first_instruction; /* the unit's */
    Label entry;           /* the unit's first block; its others have higher labels */
    int first_line;
    int is_generator;      /* generator, coroutine or asynchronous generator */
    int start_depth;       /* of the value stack: 1 where something may be sent in */
    int sets_handlers;     /* false when no instruction does: passes about them are left out */
    const int *cell_slots; /* for each cell and free variable, its place among the locals */
    int cell_count;        /* cells made here; those of the units around follow */
    int free_count;
    bool has_exit_without_line; /* may have; only those are copied to where they are left for.
                                   Blocks keep the line of their first instruction, so that
                                   what is found by flow_prepare() stays true. */
    bool has_shared_exit;       /* a block that leaves has more than one way in */
    int used_constants;         /* out: how many constants, from the first on, are needed */
} FlowGraph;

/* Closes off the blocks as code generation left them.  Comes first: the line on which a unit
   begins may depend on it. */
int flow_prepare(FlowGraph *);

/* Runs all other passes.  Returns the depth of the value stack needed, -1 with an exception. */
int flow_optimize(FlowGraph *);

#endif
