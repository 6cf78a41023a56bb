/* Code units and the emission of instructions.  The contract is in codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include <stddef.h>
#include "codebuilder.h"
#include "codegen.h"
#include "flowgraph.h"
#include "modes.h"

/* ---- Blocks and instructions ---- */

Label
new_label(struct Compiler *compiler)
{
    return instructions_new_block(&compiler->store);
}

/* The block being written ends here. */
static void
finish_block(struct Compiler *compiler)
{
    Block *block = &compiler->store.blocks.items[compiler->unit->current];
    block->count = compiler->store.instructions.count - block->first;
    block->notes = compiler->unit->notes;
    block->ends = compiler->unit->ends;
}

int
place_label(struct Compiler *compiler, Label label)
{
    struct CodeUnit *unit = compiler->unit;
    finish_block(compiler);
    compiler->store.blocks.items[unit->current].next = label;
    compiler->store.blocks.items[label].first = compiler->store.instructions.count;
    unit->current = label;
    unit->notes = 0;
    unit->ends = 0;
    return 0;
}

static int
start_unlabelled_block(struct Compiler *compiler)
{
    Label label = new_label(compiler);
    TRY(label);
    return place_label(compiler, label);
}

/* What the last instruction means for its block. */
__attribute__((noinline)) static int
note_traits(struct Compiler *compiler, int traits)
{
    enum { NOTED_ALWAYS = BLOCK_SETS_HANDLERS | BLOCK_HAS_NOPS | BLOCK_MAY_FOLD };
    struct CodeUnit *unit = compiler->unit;
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
note_opcode(struct Compiler *compiler, int opcode)
{
    int traits = opcode_facts[opcode - LOWEST_OPCODE].traits;
    return traits & NOTED_TRAITS ? note_traits(compiler, traits) : 0;
}

/* The last instruction's place takes more than it has room for. */
__attribute__((noinline)) static int
place_far(struct Compiler *compiler, const Location *where)
{
    InstructionArray *instructions = &compiler->store.instructions;
    Instruction *last = &instructions->items[instructions->count - 1];
    TRY(instruction_place_far(&compiler->store, last, where));
    return note_opcode(compiler, last->opcode);
}

/* For append(), which comes back to it, where there is more to do. */
static int append_after_end(struct Compiler *compiler, int opcode, Py_ssize_t argument,
                            const Location *where);

/* What is rare is left to calls at the very end, so that nothing has to be saved for them. */
__attribute__((always_inline)) static inline int
append(struct Compiler *compiler, int opcode, Py_ssize_t argument, const Location *where)
{
    struct CodeUnit *unit = compiler->unit;
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
append_after_end(struct Compiler *compiler, int opcode, Py_ssize_t argument, const Location *where)
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
emit_at(struct Compiler *compiler, int opcode, Py_ssize_t argument, Location where)
{
    return append(compiler, opcode, argument, &where);
}

int
emit_with(struct Compiler *compiler, int opcode, Py_ssize_t argument)
{
    return append(compiler, opcode, argument, &compiler->unit->where);
}

int
emit(struct Compiler *compiler, int opcode)
{
    return append(compiler, opcode, 0, &compiler->unit->where);
}

/* The columns matter where a line alone is filled in later. */
int
emit_artificial(struct Compiler *compiler, int opcode, Py_ssize_t argument)
{
    return emit_at(compiler, opcode, argument, (Location){-1, 0, 0, 0});
}

int
emit_jump(struct Compiler *compiler, int opcode, Label target)
{
    return append(compiler, opcode, target, &compiler->unit->where);
}

/* ---- Constants ---- */

int
unit_constant(struct Compiler *compiler, PyObject *constant)
{
    if (compiler->only_looks) {
        return 0;
    }
    ConstantId id = constants_identify(&compiler->constants, constant);
    return id < 0 ? -1 : pool_position(&compiler->constant_pool, id);
}

int
emit_constant(struct Compiler *compiler, PyObject *constant)
{
    int position = unit_constant(compiler, constant);
    TRY(position);
    return emit_with(compiler, LOAD_CONST, position);
}

int
emit_new_constant(struct Compiler *compiler, PyObject *constant)
{
    if (constant == NULL) {
        return -1;
    }
    int status = emit_constant(compiler, constant);
    Py_DECREF(constant);
    return status;
}

int
emit_none(struct Compiler *compiler)
{
    struct CodeUnit *unit = compiler->unit;
    if (unit->none_position < 0) {
        unit->none_position = unit_constant(compiler, Py_None);
        TRY(unit->none_position);
    }
    return emit_with(compiler, LOAD_CONST, unit->none_position);
}

/* ---- Names ---- */

static NameId
mangled(struct Compiler *compiler, NameId name)
{
    return names_mangle(compiler->names, compiler->unit->scope->private_class, name);
}

/* Takes back a PUSH_NULL of the same line that was just emitted.  Returns whether there was one.
   What is on another line is left to the flow graph, which keeps a NOP for its line. */
static int
take_back_push(struct Compiler *compiler)
{
    struct CodeUnit *unit = compiler->unit;
    InstructionArray *instructions = &compiler->store.instructions;
    const Instruction *last = &instructions->items[instructions->count - 1];
    if (last->opcode != PUSH_NULL
        || compiler->store.blocks.items[unit->current].first == instructions->count) {
        return 0;
    }
    if (last->line != unit->where.line) {
        unit->notes |= BLOCK_MAY_FOLD;
        return 0;
    }
    instructions->count--;
    return 1;
}

static int
emit_name_id(struct Compiler *compiler, int opcode, NameId name)
{
    int position = pool_position(&compiler->name_pool, name);
    TRY(position);
    if (opcode == LOAD_GLOBAL) {
        position <<= 1; /* the lowest bit says whether NULL is pushed as well */
        position |= take_back_push(compiler);
    }
    return emit_with(compiler, opcode, position);
}

int
emit_name(struct Compiler *compiler, int opcode, PyObject *name)
{
    if (compiler->only_looks) {
        return 0;
    }
    NameId id = names_intern(compiler->names, name);
    TRY(id);
    id = mangled(compiler, id);
    TRY(id);
    return emit_name_id(compiler, opcode, id);
}

int
emit_exact_name(struct Compiler *compiler, int opcode, PyObject *name)
{
    if (compiler->only_looks) {
        return 0;
    }
    NameId id = names_intern(compiler->names, name);
    TRY(id);
    return emit_name_id(compiler, opcode, id);
}

PyObject *
mangled_name(struct Compiler *compiler, PyObject *name)
{
    NameId id = names_intern(compiler->names, name);
    if (id >= 0) {
        id = mangled(compiler, id);
    }
    return id < 0 ? NULL : names_string(compiler->names, id);
}

enum Access { ACCESS_NAME, ACCESS_GLOBAL, ACCESS_FAST, ACCESS_CELL };

/* ORDER enum Access; by context less one: load, store, delete. */
static const uint8_t access_opcodes[][3] = {
    {LOAD_NAME, STORE_NAME, DELETE_NAME},
    {LOAD_GLOBAL, STORE_GLOBAL, DELETE_GLOBAL},
    {LOAD_FAST, STORE_FAST, DELETE_FAST},
    {LOAD_DEREF, STORE_DEREF, DELETE_DEREF},
};

static enum Access
access_to(const struct Scope *scope, const struct Symbol *symbol)
{
    switch (symbol == NULL ? BINDING_NONE : symbol->binding) {
    case BINDING_FREE:
    case BINDING_CELL:
        return ACCESS_CELL;
    case BINDING_LOCAL:
        return scope_is_function_like(scope) ? ACCESS_FAST : ACCESS_NAME;
    case BINDING_GLOBAL_IMPLICIT:
        return scope_is_function_like(scope) ? ACCESS_GLOBAL : ACCESS_NAME;
    case BINDING_GLOBAL_EXPLICIT:
        return ACCESS_GLOBAL;
    default:
        return ACCESS_NAME;
    }
}

/* Units inside may have put their symbols in the place of those of the unit in hand. */
__attribute__((noinline)) static struct Symbol *
search_symbol(struct Compiler *compiler, struct Scope *scope, NameId name)
{
    struct Symbol *symbol = scope_symbol(compiler->scopes, scope, name);
    if (symbol != NULL && name < compiler->symbols.count) {
        compiler->symbols.items[name] = symbol;
    }
    return symbol;
}

struct Symbol *
symbol_in(struct Compiler *compiler, struct Scope *scope, NameId name)
{
    struct Symbol *seen = name < compiler->symbols.count ? compiler->symbols.items[name] : NULL;
    return seen != NULL && seen->block == scope->number ? seen
                                                        : search_symbol(compiler, scope, name);
}

static int
emit_variable_id(struct Compiler *compiler, NameId name, expr_context_ty context)
{
    struct Scope *scope = compiler->unit->scope;
    const struct Symbol *symbol = symbol_in(compiler, scope, name);
    enum Access access = access_to(scope, symbol);
    int opcode = access_opcodes[access][context - Load];
    int position;
    switch (access) {
    case ACCESS_CELL:
        if (context == Load && scope->kind == SCOPE_CLASS) {
            opcode = LOAD_CLASSDEREF;
        }
        return emit_with(compiler, opcode, symbol->slot);
    case ACCESS_FAST:
        position = pool_position(&compiler->variable_pool, name);
        TRY(position);
        return emit_with(compiler, opcode, position);
    default:
        return emit_name_id(compiler, opcode, name);
    }
}

int
emit_variable(struct Compiler *compiler, PyObject *name, expr_context_ty context)
{
    TRY(refuse_forbidden_name(compiler, name, context));
    if (compiler->only_looks) {
        return 0;
    }
    NameId id = names_intern(compiler->names, name);
    TRY(id);
    id = mangled(compiler, id);
    TRY(id);
    return emit_variable_id(compiler, id, context);
}

int
emit_known_variable(struct Compiler *compiler, enum KnownName name, expr_context_ty context)
{
    if (compiler->only_looks) {
        return 0;
    }
    NameId id = names_known(compiler->names, name);
    TRY(id);
    return emit_variable_id(compiler, id, context);
}

/* ---- Entering ---- */

static int
order_by_text(const struct Names *names, const struct Symbol *left, const struct Symbol *right)
{
    return PyUnicode_Compare(names_string(names, left->name), names_string(names, right->name));
}

/* Sorts the symbols by their names' text; heap sort, for its bounds and no comparison context. */
static void
sift_down(const struct Names *names, struct Symbol **heap, int root, int count)
{
    for (int child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && order_by_text(names, heap[child], heap[child + 1]) < 0) {
            child++;
        }
        if (order_by_text(names, heap[root], heap[child]) >= 0) {
            return;
        }
        struct Symbol *exchanged = heap[root];
        heap[root] = heap[child];
        heap[child] = exchanged;
    }
}

static void
sort_symbols(const struct Names *names, struct Symbol **symbols, int count)
{
    for (int root = count / 2 - 1; root >= 0; root--) {
        sift_down(names, symbols, root, count);
    }
    for (int last = count - 1; last > 0; last--) {
        struct Symbol *exchanged = symbols[0];
        symbols[0] = symbols[last];
        symbols[last] = exchanged;
        sift_down(names, symbols, 0, last);
    }
}

static bool
is_cell(const struct Symbol *symbol)
{
    return symbol->binding == BINDING_CELL;
}

static bool
is_free(const struct Symbol *symbol)
{
    return symbol->binding == BINDING_FREE || (symbol->flags & SYMBOL_FREE_CLASS);
}

/* Lets symbol_in() find the unit's symbols, and counts those that have cells. */
static int
look_at_symbols(struct Compiler *compiler)
{
    enum { MANY_SYMBOLS = 1 << 12 };
    struct CodeUnit *unit = compiler->unit;
    int names = compiler->names->records.count;
    if (compiler->symbols.count < names) {
        TRY(symbols_by_name_extend(&compiler->symbols, names));
    }
    if (unit->scope->symbol_count > MANY_SYMBOLS) {
        TRY(pool_entries_reserve(&compiler->name_pool.entries, unit->scope->symbol_count));
        TRY(pool_positions_reserve(&compiler->name_pool.positions, names));
    }
    struct Symbol *symbol;
    FOR_EACH_SYMBOL (unit->scope, symbol) {
        compiler->symbols.items[symbol->name] = symbol;
        unit->cell_count += is_cell(symbol);
        unit->free_count += is_free(symbol);
    }
    return 0;
}

static void *
arena_memory(struct Compiler *compiler, size_t size)
{
    void *memory = _PyArena_Malloc(compiler->arena, size);
    if (memory == NULL) {
        PyErr_NoMemory();
    }
    return memory;
}

/* Gives the `count` symbols that belong their slots, in the order of their names. */
static int
number_symbols(struct Compiler *compiler, bool (*belongs)(const struct Symbol *), int count,
               int first_slot)
{
    if (count == 0) {
        return 0;
    }
    const struct Scope *scope = compiler->unit->scope;
    struct Symbol **found = arena_memory(compiler, (size_t)count * sizeof(*found));
    if (found == NULL) {
        return -1;
    }
    int filled = 0;
    struct Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        if (belongs(symbol)) {
            found[filled++] = symbol;
        }
    }
    sort_symbols(compiler->names, found, count);
    for (int i = 0; i < count; i++) {
        found[i]->slot = first_slot + i;
        compiler->unit->cell_names[first_slot + i] = found[i]->name;
    }
    return 0;
}

/* A class whose methods use __class__ has that one cell, which is no symbol of its own. */
static int
number_cells(struct Compiler *compiler)
{
    struct CodeUnit *unit = compiler->unit;
    const struct Scope *scope = unit->scope;
    if (scope->needs_class_closure) {
        unit->cell_count = 1;
    }
    int count = unit->cell_count + unit->free_count;
    if (count == 0) {
        return 0;
    }
    unit->cell_names = arena_memory(compiler, (size_t)count * sizeof(NameId));
    if (unit->cell_names == NULL) {
        return -1;
    }
    if (scope->needs_class_closure) {
        unit->cell_names[0] = names_known(compiler->names, KNOWN_DUNDER_CLASS);
        TRY(unit->cell_names[0]);
    }
    else {
        TRY(number_symbols(compiler, is_cell, unit->cell_count, 0));
    }
    return number_symbols(compiler, is_free, unit->free_count, unit->cell_count);
}

static int
number_parameters(struct Compiler *compiler)
{
    const struct Scope *scope = compiler->unit->scope;
    struct SymbolCursor cursor = {scope->symbols, 0};
    for (int i = 0; i < scope->parameter_count; i++) {
        TRY(pool_position(&compiler->variable_pool, symbol_next(&cursor)->name));
    }
    return 0;
}

static bool
has_named_scope(const struct CodeUnit *unit)
{
    return unit->kind == UNIT_FUNCTION || unit->kind == UNIT_ASYNC_FUNCTION
           || unit->kind == UNIT_CLASS;
}

static bool
shows_locals(const struct CodeUnit *unit)
{
    return unit->kind == UNIT_FUNCTION || unit->kind == UNIT_ASYNC_FUNCTION
           || unit->kind == UNIT_LAMBDA;
}

/* Whether the unit around declares the function's or class's name global. */
static int
is_declared_global(struct Compiler *compiler, const struct CodeUnit *unit)
{
    NameId name = names_intern(compiler->names, unit->name);
    TRY(name);
    name = names_mangle(compiler->names, unit->around->scope->private_class, name);
    TRY(name);
    const struct Symbol *symbol = symbol_in(compiler, unit->around->scope, name);
    return symbol != NULL && symbol->binding == BINDING_GLOBAL_EXPLICIT;
}

static PyObject *
qualified_name(struct Compiler *compiler, const struct CodeUnit *unit)
{
    struct CodeUnit *around = unit->around;
    if (around == NULL || around->around == NULL) {
        return Py_NewRef(unit->name);
    }
    if (has_named_scope(unit)) {
        int is_global = is_declared_global(compiler, unit);
        if (is_global != 0) {
            return is_global < 0 ? NULL : Py_NewRef(unit->name);
        }
    }
    if (around->inner_prefix == NULL) {
        around->inner_prefix = PyUnicode_FromFormat(shows_locals(around) ? "%U.<locals>." : "%U.",
                                                    around->qualified_name);
    }
    return around->inner_prefix == NULL ? NULL : PyUnicode_Concat(around->inner_prefix, unit->name);
}

static int
emit_start(struct Compiler *compiler, int first_line)
{
    struct CodeUnit *unit = compiler->unit;
    unit->where = (Location){first_line, first_line, 0, 0};
    if (unit->kind == UNIT_MODULE) {
        unit->where.line = 0;
    }
    else if (!compiler->only_looks) {
        unit->qualified_name = qualified_name(compiler, unit);
        if (unit->qualified_name == NULL) {
            return -1;
        }
    }
    TRY(emit_with(compiler, RESUME, 0));
    if (unit->kind == UNIT_MODULE) {
        unit->where.line = -1;
    }
    return 0;
}

static int
start_code(struct Compiler *compiler, int first_line)
{
    struct CodeUnit *unit = compiler->unit;
    if (!compiler->only_looks) {
        TRY(number_parameters(compiler));
        TRY(look_at_symbols(compiler));
        TRY(number_cells(compiler));
    }
    compiler->store.blocks.items[unit->entry].first = unit->instruction_base;
    return emit_start(compiler, first_line);
}

int
unit_enter(struct Compiler *compiler, struct CodeUnit *unit, enum UnitKind kind, PyObject *name,
           const void *node, int first_line)
{
    memset(unit, 0, offsetof(struct CodeUnit, frames));
    unit->around = compiler->unit;
    unit->scope = scopes_at(compiler->scopes, node);
    unit->kind = kind;
    unit->name = name;
    unit->first_line = first_line;
    unit->none_position = -1;
    unit->instruction_base = compiler->store.instructions.count;
    unit->outer_constants = pool_enter(&compiler->constant_pool);
    unit->outer_names = pool_enter(&compiler->name_pool);
    unit->outer_variables = pool_enter(&compiler->variable_pool);
    unit->entry = unit->current = compiler->store.blocks.count;
    compiler->unit = unit;
    compiler->nesting++;
    if (unit->scope == NULL) {
        PyErr_SetString(PyExc_SystemError, "no scope for this node");
    }
    if (unit->scope == NULL || new_label(compiler) < 0 || start_code(compiler, first_line) < 0) {
        unit_leave(compiler);
        return -1;
    }
    return 0;
}

void
unit_leave(struct Compiler *compiler)
{
    struct CodeUnit *unit = compiler->unit;
    Py_CLEAR(unit->qualified_name);
    Py_CLEAR(unit->inner_prefix);
    compiler->store.instructions.count = unit->instruction_base;
    compiler->store.blocks.count = unit->entry;
    /* The outermost unit's go with the compile. */
    if (unit->around != NULL) {
        pool_leave(&compiler->constant_pool, unit->outer_constants);
        pool_leave(&compiler->name_pool, unit->outer_names);
        pool_leave(&compiler->variable_pool, unit->outer_variables);
    }
    compiler->unit = unit->around;
    compiler->nesting--;
}

/* ---- Assembling ---- */

bool
unit_may_await_at_top_level(const struct Compiler *compiler)
{
    return (compiler->flags & PyCF_ALLOW_TOP_LEVEL_AWAIT)
           && compiler->unit->scope->kind == SCOPE_MODULE;
}

static int
function_flags(const struct Scope *scope)
{
    int flags = CO_NEWLOCALS | CO_OPTIMIZED;
    flags |= scope->is_nested ? CO_NESTED : 0;
    flags |= scope->has_varargs ? CO_VARARGS : 0;
    flags |= scope->has_varkeywords ? CO_VARKEYWORDS : 0;
    if (scope->is_generator) {
        return flags | (scope->is_coroutine ? CO_ASYNC_GENERATOR : CO_GENERATOR);
    }
    return flags | (scope->is_coroutine ? CO_COROUTINE : 0);
}

int
unit_flags(const struct Compiler *compiler)
{
    const struct CodeUnit *unit = compiler->unit;
    const struct Scope *scope = unit->scope;
    int flags = compiler->flags & PyCF_MASK;
    if (scope_is_function_like(scope)) {
        return flags | function_flags(scope);
    }
    if (!unit_may_await_at_top_level(compiler)) {
        return flags;
    }
    bool awaits = (scope->is_coroutine || unit->is_coroutine) && !scope->is_generator;
    return awaits || compiler->flags & PyCF_ALWAYS_COROUTINE ? flags | CO_COROUTINE : flags;
}

/* The place among the locals of each cell and free variable: a cell that is an argument shares
   the argument's, others follow the locals. */
static int *
cell_slots(struct Compiler *compiler)
{
    const struct CodeUnit *unit = compiler->unit;
    int count = unit->cell_count + unit->free_count;
    int *slots = arena_memory(compiler, (size_t)(count + 1) * sizeof(int));
    if (slots == NULL) {
        return NULL;
    }
    int next = pool_count(&compiler->variable_pool);
    for (int i = 0; i < count; i++) {
        int shared =
            i < unit->cell_count ? pool_find(&compiler->variable_pool, unit->cell_names[i]) : -1;
        slots[i] = shared >= 0 ? shared : next++;
    }
    return slots;
}

static bool
ends_in_return(const struct Compiler *compiler)
{
    const InstructionArray *instructions = &compiler->store.instructions;
    return instructions->count > compiler->store.blocks.items[compiler->unit->current].first
           && instructions->items[instructions->count - 1].opcode == RETURN_VALUE;
}

static int
close_unit(struct Compiler *compiler, int returns_none)
{
    if (!ends_in_return(compiler)) {
        no_location(compiler);
        if (returns_none) {
            TRY(emit_none(compiler));
        }
        TRY(emit(compiler, RETURN_VALUE));
    }
    finish_block(compiler);
    return 0;
}

static void
settle_first_line(struct Compiler *compiler)
{
    struct CodeUnit *unit = compiler->unit;
    if (unit->first_line == 0) {
        const Block *entry = &compiler->store.blocks.items[unit->entry];
        int line = compiler->store.instructions.items[entry->first].line;
        unit->first_line = line != 0 ? line : 1;
    }
}

static PyCodeObject *
build_code(struct Compiler *compiler, const FlowGraph *graph, int stack_depth)
{
    struct CodeUnit *unit = compiler->unit;
    struct CodeParts parts = {
        .filename = compiler->filename,
        .name = unit->name,
        .qualified_name = unit->qualified_name != NULL ? unit->qualified_name : unit->name,
        .flags = unit_flags(compiler),
        .first_line = unit->first_line,
        .argument_count = (int)(unit->positional_only_count + unit->argument_count),
        .positional_only_count = (int)unit->positional_only_count,
        .keyword_only_count = (int)unit->keyword_only_count,
        .stack_depth = stack_depth,
        .is_last = unit->around == NULL,
        .sets_handlers = unit->sets_handlers,
        .constant_count = graph->used_constants,
        .constants = &compiler->constants,
        .constant_pool = &compiler->constant_pool,
        .names = compiler->names,
        .name_constants = &compiler->name_constants,
        .name_pool = &compiler->name_pool,
        .variable_pool = &compiler->variable_pool,
        .cell_names = unit->cell_names,
        .cell_slots = graph->cell_slots,
        .cell_count = unit->cell_count,
        .free_count = unit->free_count,
    };
    return code_build(&parts, &compiler->store, unit->entry);
}

PyCodeObject *
unit_assemble(struct Compiler *compiler, int returns_none)
{
    struct CodeUnit *unit = compiler->unit;
    if (compiler->only_looks) {
        compiler->is_async = (unit_flags(compiler) & CO_COROUTINE) != 0;
        return (PyCodeObject *)Py_NewRef(Py_None);
    }
    if (close_unit(compiler, returns_none) < 0) {
        return NULL;
    }
    int *slots = cell_slots(compiler);
    if (slots == NULL) {
        return NULL;
    }
    bool is_generator =
        (unit_flags(compiler) & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0;
    FlowGraph graph = {
        .store = &compiler->store,
        .constants = &compiler->constants,
        .constant_pool = &compiler->constant_pool,
        .entry = unit->entry,
        .is_generator = is_generator,
        .start_depth = is_generator || unit->scope->is_generator || unit->scope->is_coroutine
                       || unit->is_coroutine,
        .sets_handlers = unit->sets_handlers,
        .cell_slots = slots,
        .cell_count = unit->cell_count,
        .free_count = unit->free_count,
    };
    if (dump_unit(compiler, DUMP_IR) < 0 || flow_prepare(&graph) < 0) {
        return NULL;
    }
    settle_first_line(compiler);
    graph.first_line = unit->first_line;
    int stack_depth = flow_optimize(&graph);
    if (stack_depth < 0 || dump_unit(compiler, DUMP_FLOW) < 0) {
        return NULL;
    }
    PyCodeObject *code = build_code(compiler, &graph, stack_depth);
    if (code != NULL && dump_code(compiler, code) < 0) {
        Py_CLEAR(code);
    }
    return code;
}

/* ---- Functions of code objects ---- */

/* The slot of a cell or free variable that a nested unit closes over.  __class__ in a class is
   the class's own cell, whatever else the name means there. */
static int
closed_over_slot(struct Compiler *compiler, NameId name)
{
    const struct CodeUnit *unit = compiler->unit;
    if (unit->kind == UNIT_CLASS && unit->scope->needs_class_closure
        && name == unit->cell_names[0]) {
        return 0;
    }
    const struct Symbol *symbol = symbol_in(compiler, unit->scope, name);
    if (symbol == NULL || symbol->slot < 0) {
        PyErr_Format(PyExc_SystemError, "variable %R is closed over, but has no cell",
                     names_string(compiler->names, name));
        return -1;
    }
    return symbol->slot;
}

static int
emit_closure(struct Compiler *compiler, const struct CodeUnit *inner)
{
    for (int i = 0; i < inner->free_count; i++) {
        int slot = closed_over_slot(compiler, inner->cell_names[inner->cell_count + i]);
        TRY(slot);
        TRY(emit_with(compiler, LOAD_CLOSURE, slot));
    }
    return emit_with(compiler, BUILD_TUPLE, inner->free_count);
}

int
emit_function(struct Compiler *compiler, PyCodeObject *code, const struct CodeUnit *inner,
              int parts)
{
    enum { HAS_CLOSURE = 8 };
    if (code == NULL) {
        return -1;
    }
    if (compiler->only_looks) {
        Py_DECREF(code);
        return 0;
    }
    if (inner->free_count > 0) {
        parts |= HAS_CLOSURE;
        if (emit_closure(compiler, inner) < 0) {
            Py_DECREF(code);
            return -1;
        }
    }
    TRY(emit_new_constant(compiler, (PyObject *)code));
    return emit_with(compiler, MAKE_FUNCTION, parts);
}
