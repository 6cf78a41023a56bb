/* The instruction sequence: what code generation writes and the flow graph rewrites.

   Instructions of all code units in hand lie in one array, blocks in another: a unit's own begin
   where those of the unit around it stop, and are taken off again when it is assembled.  So a
   nested function costs no allocation.
   A label is the index of a block, made before or at the place it marks; blocks are numbered in
   the order in which they are made, which several passes follow.
   Until it is assembled a jump's argument is the label it goes to.
   Memory: the arrays belong to the compile and are freed with it. */

#ifndef FRONTEND_INSTRUCTIONS_H
#define FRONTEND_INSTRUCTIONS_H

#include "Python.h"
#include "opcode.h"
#include "arrays.h"

#include <stdbool.h>
#include <stdint.h>

/* Opcodes that exist before assembling only. */
enum {
    SETUP_FINALLY = -1,
    SETUP_CLEANUP = -2,
    SETUP_WITH = -3,
    POP_BLOCK = -4,
    JUMP = -5,
    JUMP_NO_INTERRUPT = -6,
    POP_JUMP_IF_FALSE = -7,
    POP_JUMP_IF_TRUE = -8,
    POP_JUMP_IF_NONE = -9,
    POP_JUMP_IF_NOT_NONE = -10,
    LOWEST_OPCODE = -10,
};

typedef int Label;

enum { NO_LABEL = -1 };

typedef struct {
    int line;
    int end_line;
    int column;
    int end_column;
} Location;

#define NO_LOCATION ((Location){-1, -1, -1, -1})

typedef struct {
    int16_t opcode;
    int16_t width;    /* code units, caches and extensions included; set by the assembler */
    int argument;
    Label handler;    /* where an exception raised here goes; set by the flow graph */
    Location where;
} Instruction;

typedef struct {
    int first;        /* index of the first instruction */
    int count;
    Label next;       /* the block laid out after this one */
    int predecessors;
    int start_depth;  /* of the value stack, -1 when unknown */
    int size;         /* in code units */
    int offset;
    int handlers;     /* the handlers in force on entry, as an index into a list of them */
    bool leaves;              /* ends in return, raise or reraise */
    bool no_fallthrough;
    bool has_nops;            /* may have: set where one is made */
    bool keeps_last_offset;   /* as a handler: the offset of what raised is pushed as well */
    bool visited;
} Block;

DEFINE_ARRAY(InstructionArray, Instruction, instruction_array);
DEFINE_ARRAY(BlockArray, Block, block_array);
/* Handlers in force, innermost first, as a list that shares its tails. */
typedef struct {
    Label handler;
    int outer;
} HandlerEntry;

DEFINE_ARRAY(HandlerArray, HandlerEntry, handler_array);
DEFINE_ARRAY(IntArray, int, int_array);
DEFINE_ARRAY(ByteArray, uint8_t, byte_array);

typedef struct {
    InstructionArray instructions;
    BlockArray blocks;
    HandlerArray handlers;    /* of the unit being optimized; entry 0 is no handler */
    IntArray scratch;         /* work lists of the passes, empty between them */
    ByteArray table;          /* the line or exception table being written */
} InstructionStore;

void instructions_clear(InstructionStore *);

Label instructions_new_block(InstructionStore *);

/* What an opcode does to control flow. */
enum {
    OPCODE_JUMPS = 1,
    OPCODE_ALWAYS_JUMPS = 2,
    OPCODE_SETS_HANDLER = 4,
    OPCODE_LEAVES = 8,
    OPCODE_IS_NOP = 16,
    OPCODE_MAY_FOLD = 32,    /* the flow graph looks at it together with what follows */
    OPCODE_USES_CONSTANT = 64,
};

extern const uint8_t opcode_traits[256 - LOWEST_OPCODE];

static inline int
opcode_has(int opcode, int traits)
{
    return opcode_traits[opcode - LOWEST_OPCODE] & traits;
}

/* The effect of each opcode on the value stack where it is always the same. */
enum { EFFECT_VARIES = 100 };
extern const int8_t opcode_effects[256 - LOWEST_OPCODE];

/* The effect where the table has EFFECT_VARIES; `jump` as below. */
int opcode_varying_effect(int opcode, int argument, int jump);

/* How an opcode moves the value stack: when it jumps (1), when it does not (0), at most (-1).
   PY_INVALID_STACK_EFFECT for what is no opcode. */
int opcode_stack_effect(int opcode, int argument, int jump);

/* The opcode's name; NULL for what is no opcode. */
const char *opcode_name(int opcode);

#endif
