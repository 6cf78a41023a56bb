/* The emission of instructions into the blocks of the unit in hand.  The contract is in codegen.h.
 */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include "codegen.h"

/* ---- Blocks and instructions ---- */

Label
new_label(Compiler *compiler)
{
    return instructions_new_block(&compiler->store);
}

/* The block being written ends here. */
void
finish_block(Compiler *compiler)
{
    Block *block = &compiler->store.blocks.items[compiler->unit->current];
    block->count = compiler->store.instructions.count - block->first;
    block->notes = compiler->unit->notes;
    block->ends = compiler->unit->ends;
}

int
place_label(Compiler *compiler, Label label)
{
    CodeUnit *unit = compiler->unit;
    finish_block(compiler);
    compiler->store.blocks.items[unit->current].next = label;
    compiler->store.blocks.items[label].first = compiler->store.instructions.count;
    unit->current = label;
    unit->notes = 0;
    unit->ends = 0;
    return 0;
}

static int
start_unlabelled_block(Compiler *compiler)
{
    Label label = new_label(compiler);
    TRY(label);
    return place_label(compiler, label);
}

/* What the last instruction means for its block. */
__attribute__((noinline)) static int
note_traits(Compiler *compiler, int traits)
{
    enum { NOTED_ALWAYS = BLOCK_SETS_HANDLERS | BLOCK_HAS_NOPS | BLOCK_MAY_FOLD };
    CodeUnit *unit = compiler->unit;
    const InstructionArray *instructions = &compiler->store.instructions;
    unit->ends = (uint8_t)(traits & (OPCODE_ENDS_BLOCK | OPCODE_ALWAYS_JUMPS));
    unit->notes |= (uint8_t)(traits & NOTED_ALWAYS);
    unit->sets_handlers |= (traits & OPCODE_SETS_HANDLER) != 0;
    if ((traits & OPCODE_TESTS_VALUE) && instructions->count > 1
        && instructions->items[instructions->count - 2].opcode == LOAD_CONST) {
        unit->notes |= BLOCK_MAY_FOLD;
    }
    return 0;
}

enum {
    NOTED_TRAITS = OPCODE_ENDS_BLOCK | OPCODE_SETS_HANDLER | OPCODE_IS_NOP | OPCODE_MAY_FOLD
                   | OPCODE_TESTS_VALUE,
};

static inline int
note_opcode(Compiler *compiler, int opcode)
{
    int traits = opcode_facts[opcode - LOWEST_OPCODE].traits;
    return traits & NOTED_TRAITS ? note_traits(compiler, traits) : 0;
}

/* The last instruction's place takes more than it has room for. */
__attribute__((noinline)) static int
place_far(Compiler *compiler, const Location *where)
{
    InstructionArray *instructions = &compiler->store.instructions;
    Instruction *last = &instructions->items[instructions->count - 1];
    TRY(instruction_place_far(&compiler->store, last, where));
    return note_opcode(compiler, last->opcode);
}

/* For append(), which comes back to it, where there is more to do. */
static int append_after_end(Compiler *compiler, int opcode, Py_ssize_t argument,
                            const Location *where);

/* What is rare is left to calls at the very end, so that nothing has to be saved for them. */
__attribute__((always_inline)) static inline int
append(Compiler *compiler, int opcode, Py_ssize_t argument, const Location *where)
{
    CodeUnit *unit = compiler->unit;
    InstructionArray *instructions = &compiler->store.instructions;
    if (unit->ends != 0 || compiler->only_looks || instructions->count >= instructions->capacity) {
        return append_after_end(compiler, opcode, argument, where);
    }
    Instruction *instruction = &instructions->items[instructions->count++];
    instruction->opcode = (int16_t)opcode;
    instruction->argument = (int)argument;
    unit->notes |= where->line < 0 ? BLOCK_LACKS_LINES : 0;
    if (!instruction_place(instruction, where)) {
        return place_far(compiler, where);
    }
    return note_opcode(compiler, opcode);
}

__attribute__((noinline)) static int
append_after_end(Compiler *compiler, int opcode, Py_ssize_t argument, const Location *where)
{
    if (compiler->only_looks) {
        return 0;
    }
    if (compiler->unit->ends != 0) {
        TRY(start_unlabelled_block(compiler));
    }
    TRY(instruction_array_reserve(&compiler->store.instructions, 1));
    return append(compiler, opcode, argument, where);
}

int
emit_at(Compiler *compiler, int opcode, Py_ssize_t argument, Location where)
{
    return append(compiler, opcode, argument, &where);
}

int
emit_with(Compiler *compiler, int opcode, Py_ssize_t argument)
{
    return append(compiler, opcode, argument, &compiler->unit->where);
}

int
emit(Compiler *compiler, int opcode)
{
    return append(compiler, opcode, 0, &compiler->unit->where);
}

/* The columns matter where a line alone is filled in later. */
int
emit_artificial(Compiler *compiler, int opcode, Py_ssize_t argument)
{
    return emit_at(compiler, opcode, argument, (Location){-1, 0, 0, 0});
}

int
emit_jump(Compiler *compiler, int opcode, Label target)
{
    return append(compiler, opcode, target, &compiler->unit->where);
}

/* ---- Constants ---- */

int
unit_constant(Compiler *compiler, PyObject *constant)
{
    if (compiler->only_looks) {
        return 0;
    }
    ConstantId id = constants_identify(&compiler->constants, constant);
    return id < 0 ? -1 : pool_position(&compiler->constant_pool, id);
}

int
emit_constant(Compiler *compiler, PyObject *constant)
{
    int position = unit_constant(compiler, constant);
    TRY(position);
    return emit_with(compiler, LOAD_CONST, position);
}

int
emit_new_constant(Compiler *compiler, PyObject *constant)
{
    if (constant == NULL) {
        return -1;
    }
    int status = emit_constant(compiler, constant);
    Py_DECREF(constant);
    return status;
}

int
emit_none(Compiler *compiler)
{
    CodeUnit *unit = compiler->unit;
    if (unit->none_position < 0) {
        unit->none_position = unit_constant(compiler, Py_None);
        TRY(unit->none_position);
    }
    return emit_with(compiler, LOAD_CONST, unit->none_position);
}
