/* The assembler.  The contract is in assemble.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_code.h"
#include "assemble.h"

/* One entry of the location table covers at most so many code units. */
enum { LONGEST_LOCATION = 8 };

/* More than an entry of the table of handlers takes, and the locations of one instruction. */
enum { ROOM_FOR_ENTRY = 40, ROOM_FOR_INSTRUCTION = 64 };

static inline Instruction *
instructions_of(const InstructionStore *store, const Block *block)
{
    return store->instructions.items + block->first;
}

#define FOR_EACH_BLOCK(store, entry, block)                                                        \
    for (Block *block = &(store)->blocks.items[entry]; block != NULL;                              \
         block = block->next == NO_LABEL ? NULL : &(store)->blocks.items[block->next])

/* ---- Widths and offsets ---- */

static inline int
caches_of(int opcode)
{
    return opcode_facts[opcode - LOWEST_OPCODE].caches;
}

/* Returns the number of code units. */
static int
place_blocks(InstructionStore *store, Label entry)
{
    int offset = 0;
    FOR_EACH_BLOCK(store, entry, block)
    {
        block->offset = offset;
        offset += block->size;
    }
    return offset;
}

/* How far the jump that ends the block goes, from its end, in either direction. */
static inline int
jump_distance(const InstructionStore *store, const Block *block)
{
    const Instruction *jump = instructions_of(store, block) + block->count - 1;
    int target = store->blocks.items[jump->argument].offset;
    return abs(target - (block->offset + block->size));
}

/* Gives the jumps the extensions that the blocks' places ask for.  True when that changed a
   block's size. */
static bool
extend_jumps(InstructionStore *store, Label entry)
{
    bool is_changed = false;
    FOR_EACH_BLOCK(store, entry, block)
    {
        if (block->ends & OPCODE_JUMPS) {
            int extensions = argument_extensions(jump_distance(store, block));
            is_changed |= extensions != block->extensions;
            block->size += extensions - block->extensions;
            block->extensions = (uint8_t)extensions;
        }
    }
    return is_changed;
}

/* Returns the number of code units. */
static int
settle_places(InstructionStore *store, Label entry)
{
    int size;
    do {
        size = place_blocks(store, entry);
    } while (extend_jumps(store, entry));
    return size;
}

/* ---- Source locations ---- */

static uint8_t *
write_first_byte(uint8_t *at, int kind, int length)
{
    return at + write_location_entry_start(at, kind, length);
}

/* What does not fit the forms for places within one line.  Columns are written plus one, as the
   instruction has them. */
static uint8_t *
write_unusual_location(uint8_t *at, int length, const InstructionStore *store,
                       const Instruction *instruction, int line_delta)
{
    unsigned int more_lines = instruction->more_lines;
    unsigned int column = instruction->column;
    unsigned int end_column = instruction->end_column;
    bool is_one_line = more_lines == 0;
    if (more_lines == IS_FAR) {
        Location where = location_of(store, instruction);
        more_lines = (unsigned int)(where.end_line - where.line);
        is_one_line = more_lines == 0 || where.end_line == -1;
        column = (unsigned int)(where.column + 1);
        end_column = (unsigned int)(where.end_column + 1);
    }
    if (is_one_line && ((int)column <= 0 || (int)end_column <= 0)) {
        at = write_first_byte(at, PY_CODE_LOCATION_INFO_NO_COLUMNS, length);
        return at + write_signed_varint(at, line_delta);
    }
    at = write_first_byte(at, PY_CODE_LOCATION_INFO_LONG, length);
    at += write_signed_varint(at, line_delta);
    at += write_varint(at, more_lines);
    at += write_varint(at, column);
    return at + write_varint(at, end_column);
}

/* One entry; *line is the line the last one gave.  Compared as unsigned, negative numbers are too
   large.  Which of the two short forms it is cannot be predicted, so both are written without a
   branch: what fits the shorter one, of two bytes, fits the other. */
__attribute__((always_inline)) static inline uint8_t *
write_location(uint8_t *at, int length, const InstructionStore *store,
               const Instruction *instruction, int *line)
{
    if (instruction->line < 0) {
        return write_first_byte(at, PY_CODE_LOCATION_INFO_NONE, length);
    }
    unsigned int column = instruction->column - 1U;
    unsigned int end_column = instruction->end_column - 1U;
    int delta = instruction->line - *line;
    *line = instruction->line;
    if ((instruction->more_lines == 0) & ((unsigned int)delta < 3)
        & ((column | end_column) < 128)) {
        unsigned int width = end_column - column;
        bool is_short = (delta == 0) & (column < 80) & (width < 16);
        int kind = is_short ? (int)column >> 3 : PY_CODE_LOCATION_INFO_ONE_LINE0 + delta;
        write_first_byte(at, kind, length);
        at[1] = (uint8_t)(is_short ? (column & 7) << 4 | width : column);
        at[2] = (uint8_t)end_column;
        return at + 3 - is_short;
    }
    return write_unusual_location(at, length, store, instruction, delta);
}

/* ---- Both at once ---- */

/* What is written: the code, and the table of locations until it has to grow.  Only inline
   functions get a pointer to it, so that it lies in registers. */
typedef struct {
    const InstructionStore *store;
    _Py_CODEUNIT *code;
    uint8_t *at;
    int line; /* the last one given */
} Writer;

/* Where the table goes on, after growth; NULL with MemoryError. */
static uint8_t *
make_room(ByteArray *table, const uint8_t *at)
{
    table->count = table->items == NULL ? 0 : (int)(at - table->items);
    return byte_array_reserve(table, ROOM_FOR_INSTRUCTION) < 0 ? NULL : table->items + table->count;
}

/* There is room for one more instruction up to here. */
static inline const uint8_t *
last_with_room(const ByteArray *table)
{
    return table->items + table->capacity - ROOM_FOR_INSTRUCTION;
}

static _Py_CODEUNIT *
write_extensions(_Py_CODEUNIT *at, int argument)
{
    for (int shift = 24; shift > 0; shift -= 8) {
        if (argument >> shift) {
            *at++ = _Py_MAKECODEUNIT(EXTENDED_ARG, (argument >> shift) & 0xFF);
        }
    }
    return at;
}

/* The entries of a long instruction but for the last, which is for units_of_last_entry(). */
__attribute__((noinline)) static uint8_t *
write_first_locations(const InstructionStore *store, uint8_t *at, const Instruction *instruction,
                      int line, int units)
{
    for (; units > LONGEST_LOCATION; units -= LONGEST_LOCATION) {
        at = write_location(at, LONGEST_LOCATION, store, instruction, &line);
    }
    return at;
}

static inline int
units_of_last_entry(int units)
{
    return (units - 1) % LONGEST_LOCATION + 1;
}

/* Caches are zero from the beginning. */
__attribute__((always_inline)) static inline void
write_instruction(Writer *writer, const Instruction *instruction, int argument)
{
    int opcode = instruction->opcode;
    int units = 1 + caches_of(opcode);
    if (argument > 0xFF) {
        _Py_CODEUNIT *code = write_extensions(writer->code, argument);
        units += (int)(code - writer->code);
        writer->code = code;
    }
    *writer->code = _Py_MAKECODEUNIT(opcode, argument & 0xFF);
    writer->code += 1 + caches_of(opcode);
    if (units > LONGEST_LOCATION) {
        writer->at =
            write_first_locations(writer->store, writer->at, instruction, writer->line, units);
        units = units_of_last_entry(units);
        writer->line = instruction->line < 0 ? writer->line : instruction->line;
    }
    writer->at = write_location(writer->at, units, writer->store, instruction, &writer->line);
}

/* Fills in the code and the table of locations: the instructions are read once.  The argument of
   a jump is how far it goes. */
static int
write_blocks(InstructionStore *store, Label entry, int line, _Py_CODEUNIT *code)
{
    ByteArray *table = &store->table;
    Writer writer = {.store = store, .code = code, .line = line};
    if ((writer.at = make_room(table, table->items)) == NULL) {
        return -1;
    }
    const uint8_t *limit = last_with_room(table);
    FOR_EACH_BLOCK(store, entry, block)
    {
        const Instruction *instruction = instructions_of(store, block);
        const Instruction *end = instruction + block->count;
        const Instruction *jump = block->ends & OPCODE_JUMPS ? end - 1 : end;
        for (; instruction < end; instruction++) {
            if (writer.at > limit) {
                if ((writer.at = make_room(table, writer.at)) == NULL) {
                    return -1;
                }
                limit = last_with_room(table);
            }
            int argument =
                instruction == jump ? jump_distance(store, block) : instruction->argument;
            write_instruction(&writer, instruction, argument);
        }
    }
    table->count = (int)(writer.at - table->items);
    return 0;
}

static PyObject *
finished_table(ByteArray *table)
{
    return PyBytes_FromStringAndSize((char *)table->items, table->count);
}

/* ---- Exception handlers ---- */

/* Six bits a byte, highest first; `start` marks the first byte of an entry. */
static uint8_t *
write_item(uint8_t *at, unsigned int value, int start)
{
    int shift = 0;
    /* At most value >> 30.  cppcheck-suppress shiftTooManyBits */
    while (shift < 30 && value >> (shift + 6)) {
        shift += 6;
    }
    for (; shift > 0; shift -= 6) {
        *at++ = (uint8_t)(start | 64 | (value >> shift & 63));
        start = 0;
    }
    *at++ = (uint8_t)(start | (value & 63));
    return at;
}

static int
append_handler(InstructionStore *store, int start, int end, Label label)
{
    ByteArray *table = &store->table;
    if (byte_array_reserve(table, ROOM_FOR_ENTRY) < 0) {
        return -1;
    }
    const Block *handler = &store->blocks.items[label];
    int depth = handler->start_depth - 1 - handler->keeps_last_offset;
    uint8_t *at = table->items + table->count;
    at = write_item(at, (unsigned int)start, 128);
    at = write_item(at, (unsigned int)(end - start), 0);
    at = write_item(at, (unsigned int)handler->offset, 0);
    at = write_item(at, (unsigned int)(depth << 1 | handler->keeps_last_offset), 0);
    table->count = (int)(at - table->items);
    return 0;
}

static PyObject *
assemble_handlers(InstructionStore *store, Label entry)
{
    Label handler = NO_LABEL;
    int start = 0;
    int offset = 0;
    store->table.count = 0;
    FOR_EACH_BLOCK(store, entry, block)
    {
        const Instruction *instruction = instructions_of(store, block);
        const Label *handlers = store->instruction_handlers.items + block->first;
        for (int i = 0; i < block->count; i++) {
            if (handlers[i] != handler) {
                if (handler != NO_LABEL && append_handler(store, start, offset, handler) < 0) {
                    return NULL;
                }
                start = offset;
                handler = handlers[i];
            }
            offset += 1 + caches_of(instruction[i].opcode);
            if (instruction[i].argument > 0xFF) {
                offset += argument_extensions(instruction[i].argument);
            }
        }
        offset = block->offset + block->size;
    }
    if (handler != NO_LABEL && append_handler(store, start, offset, handler) < 0) {
        return NULL;
    }
    return finished_table(&store->table);
}

/* ---- All of it ---- */

/* Writes the code and, into the store's table, its locations. */
static PyObject *
assemble_code(InstructionStore *store, Label entry, int first_line, int size)
{
    size_t bytes = (size_t)size * sizeof(_Py_CODEUNIT);
    PyObject *code = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bytes);
    if (code == NULL) {
        return NULL;
    }
    memset(PyBytes_AS_STRING(code), 0, bytes);
    if (write_blocks(store, entry, first_line, (_Py_CODEUNIT *)PyBytes_AS_STRING(code)) < 0) {
        Py_CLEAR(code);
    }
    return code;
}

int
assemble(InstructionStore *store, Label entry, const AssemblyTask *task, Assembled *made)
{
    int size = settle_places(store, entry);
    made->handlers =
        task->sets_handlers ? assemble_handlers(store, entry) : PyBytes_FromStringAndSize(NULL, 0);
    if (made->handlers == NULL) {
        return -1;
    }
    store->table.count = 0;
    made->code = assemble_code(store, entry, task->first_line, size);
    if (made->code == NULL) {
        return -1;
    }
    if (task->is_last) {
        instructions_forget(store);
    }
    made->locations = finished_table(&store->table);
    return made->locations == NULL ? -1 : 0;
}
