/* The instruction sequence: what code generation writes and the flow graph rewrites.

   Instructions of all code units in hand lie in one array, blocks in another: a unit's own begin
   where those of the unit around it stop, and are taken off again when it is assembled.  So a
   nested function costs no allocation.
   A label is the index of a block, made before or at the place it marks; blocks are numbered in
   the order in which they are made, which several passes follow.
   Until it is assembled a jump's argument is the label it goes to.
   An instruction is kept small, since a large module has a million: its place in the source is
   packed as a rule.
   Memory: the arrays belong to the compile and are freed with it. */

#ifndef FRONTEND_INSTRUCTIONS_H
#define FRONTEND_INSTRUCTIONS_H

#include "Python.h"
#include "opcode.h"
#include "arrays.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef int Label;

enum { NO_LABEL = -1 };

typedef struct {
    int line;
    int end_line;
    int column;
    int end_column;
} Location;

#define NO_LOCATION ((Location){-1, -1, -1, -1})

/* The members but the first line belong to location_of() and instruction_place(). */
typedef struct {
    int argument;        /* 0 where the opcode takes none */
    int line;            /* negative: none */
    uint16_t more_lines; /* to the end line, or IS_FAR */
    uint16_t column;     /* plus one; where IS_FAR, the lower half of an index of far_locations */
    uint16_t end_column; /* plus one; or the higher half */
    int16_t opcode;
} Instruction;

/* The place takes more than an instruction has room for. */
enum { IS_FAR = UINT16_MAX };

/* What an opcode does to control flow, and what the flow graph looks for. */
enum {
    OPCODE_JUMPS = 1,
    OPCODE_ALWAYS_JUMPS = 2,
    OPCODE_LEAVES = 4,
    OPCODE_ENDS_BLOCK = OPCODE_JUMPS | OPCODE_LEAVES,
    OPCODE_SETS_HANDLER = 8,
    OPCODE_IS_NOP = 16,
    OPCODE_MAY_FOLD = 32,        /* looked at together with what is around it */
    OPCODE_FOLDS_WITH_NEXT = 64, /* the same, but worth a look before some opcodes only */
    OPCODE_TESTS_VALUE = 128,    /* those, for a constant */
    OPCODE_USES_CONSTANT = 256,
};

/* What there may be in a block: what has none of it is spared the passes that look for it. */
enum {
    BLOCK_SETS_HANDLERS = OPCODE_SETS_HANDLER,
    BLOCK_HAS_NOPS = OPCODE_IS_NOP,
    BLOCK_MAY_FOLD = OPCODE_MAY_FOLD,
    BLOCK_LACKS_LINES = 64,
};

typedef struct {
    int first; /* index of the first instruction */
    int count;
    Label next; /* the block laid out after this one */
    int predecessors;
    int start_depth; /* of the value stack, -1 when unknown */
    int size;        /* in code units */
    int offset;      /* -1 until it is laid out */
    int handlers;    /* the handlers in force on entry, as an index into a list of them */
    uint8_t notes;   /* BLOCK_... */
    uint8_t ends;    /* OPCODE_JUMPS, OPCODE_ALWAYS_JUMPS, OPCODE_LEAVES of the last instruction */
    uint8_t extensions;     /* of the jump that ends it */
    bool keeps_last_offset; /* as a handler: the offset of what raised is pushed as well */
    bool visited;
} Block;

DEFINE_ARRAY(InstructionArray, Instruction, instruction_array);
DEFINE_ARRAY(BlockArray, Block, block_array);
DEFINE_ARRAY(LocationArray, Location, location_array);
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
    LocationArray far_locations;
    HandlerArray handlers;         /* of the unit being optimized; entry 0 is no handler */
    IntArray instruction_handlers; /* where an exception goes that an instruction of the unit
                                      raises, by index; empty if the unit has no handlers */
    IntArray scratch;              /* work lists of the passes, empty between them */
    ByteArray table;               /* the line or exception table being written */
} InstructionStore;

void instructions_clear(InstructionStore *);

/* Gives back the instructions and what goes with them, after the last unit was assembled; the table
   stays. */
void instructions_forget(InstructionStore *);

/* instruction_place() for the places that take more.  -1 with MemoryError. */
int instruction_place_far(InstructionStore *, Instruction *, const Location *);

/* Gives the instruction its place in the source.  False when that takes more than it has room for:
   instruction_place_far() is to be called then. */
static inline bool
instruction_place(Instruction *instruction, const Location *where)
{
    unsigned int more_lines = (unsigned int)where->end_line - (unsigned int)where->line;
    unsigned int column = (unsigned int)where->column + 1;
    unsigned int end_column = (unsigned int)where->end_column + 1;
    instruction->line = where->line;
    instruction->more_lines = (uint16_t)more_lines;
    instruction->column = (uint16_t)column;
    instruction->end_column = (uint16_t)end_column;
    return (more_lines | column | end_column) < IS_FAR;
}

/* The same for the place of another instruction. */
static inline void
instruction_place_as(Instruction *instruction, const Instruction *other)
{
    instruction->line = other->line;
    instruction->more_lines = other->more_lines;
    instruction->column = other->column;
    instruction->end_column = other->end_column;
}

static inline Location
location_of(const InstructionStore *store, const Instruction *instruction)
{
    if (instruction->more_lines == IS_FAR) {
        return store->far_locations.items[instruction->column | instruction->end_column << 16];
    }
    return (Location){instruction->line, instruction->line + instruction->more_lines,
                      instruction->column - 1, instruction->end_column - 1};
}

/* How many extensions an argument takes. */
static inline int
argument_extensions(int argument)
{
    return (argument > 0xFF) + (argument > 0xFFFF) + (argument > 0xFFFFFF);
}

Label instructions_new_block(InstructionStore *);

/* The effect on the value stack is effect + factor * (argument & mask), or has to be asked for. */
typedef struct {
    uint16_t traits;
    uint8_t caches; /* code units that follow the instruction */
    int8_t effect;  /* or EFFECT_VARIES */
    int8_t factor;
    int8_t mask;
} OpcodeFacts;

enum { EFFECT_VARIES = 100 };

extern const OpcodeFacts opcode_facts[OPCODE_LIMIT - LOWEST_OPCODE];

static inline int
opcode_has(int opcode, int traits)
{
    return opcode_facts[opcode - LOWEST_OPCODE].traits & traits;
}

/* The effect where the facts have EFFECT_VARIES; `jump` as below. */
int opcode_varying_effect(int opcode, int argument, int jump);

static inline int
opcode_effect(OpcodeFacts facts, int opcode, int argument, int jump)
{
    return facts.effect != EFFECT_VARIES ? facts.effect + facts.factor * (argument & facts.mask)
                                         : opcode_varying_effect(opcode, argument, jump);
}

/* How an opcode moves the value stack: when it jumps (1), when it does not (0), at most (-1).
   PY_INVALID_STACK_EFFECT for what is no opcode. */
int opcode_stack_effect(int opcode, int argument, int jump);

/* The opcode's name; NULL for what is no opcode. */
const char *opcode_name(int opcode);

#endif
