/* Names in instructions: which one reads or writes a variable, by what its scope says of it.  The
   contract is in codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include "codegen.h"

static NameId
mangled(Compiler *compiler, NameId name)
{
    return names_mangle(compiler->names, compiler->unit->scope->private_class, name);
}

/* Takes back a PUSH_NULL of the same line that was just emitted.  Returns whether there was one.
   What is on another line is left to the flow graph, which keeps a NOP for its line. */
static bool
take_back_push(Compiler *compiler)
{
    CodeUnit *unit = compiler->unit;
    InstructionArray *instructions = &compiler->store.instructions;
    const Instruction *last = &instructions->items[instructions->count - 1];
    if (last->opcode != PUSH_NULL
        || compiler->store.blocks.items[unit->current].first == instructions->count) {
        return false;
    }
    if (last->line != unit->where.line) {
        unit->notes |= BLOCK_MAY_FOLD;
        return false;
    }
    instructions->count--;
    return true;
}

static int
emit_name_id(Compiler *compiler, int opcode, NameId name)
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
emit_name(Compiler *compiler, int opcode, PyObject *name)
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
emit_exact_name(Compiler *compiler, int opcode, PyObject *name)
{
    if (compiler->only_looks) {
        return 0;
    }
    NameId id = names_intern(compiler->names, name);
    TRY(id);
    return emit_name_id(compiler, opcode, id);
}

PyObject *
mangled_name(Compiler *compiler, PyObject *name)
{
    NameId id = names_intern(compiler->names, name);
    if (id >= 0) {
        id = mangled(compiler, id);
    }
    return id < 0 ? NULL : names_string(compiler->names, id);
}

typedef enum { ACCESS_NAME, ACCESS_GLOBAL, ACCESS_FAST, ACCESS_CELL } Access;

/* ORDER Access; by context less one: load, store, delete. */
static const uint8_t access_opcodes[][3] = {
    {LOAD_NAME, STORE_NAME, DELETE_NAME},
    {LOAD_GLOBAL, STORE_GLOBAL, DELETE_GLOBAL},
    {LOAD_FAST, STORE_FAST, DELETE_FAST},
    {LOAD_DEREF, STORE_DEREF, DELETE_DEREF},
};

static Access
access_to(const Scope *scope, const Symbol *symbol)
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
__attribute__((noinline)) static Symbol *
search_symbol(Compiler *compiler, Scope *scope, NameId name)
{
    Symbol *symbol = scope_symbol(compiler->scopes, scope, name);
    if (symbol != NULL && name < compiler->symbols.count) {
        compiler->symbols.items[name] = symbol;
    }
    return symbol;
}

Symbol *
symbol_in(Compiler *compiler, Scope *scope, NameId name)
{
    Symbol *seen = name < compiler->symbols.count ? compiler->symbols.items[name] : NULL;
    return seen != NULL && seen->block == scope->number ? seen
                                                        : search_symbol(compiler, scope, name);
}

static int
emit_variable_id(Compiler *compiler, NameId name, expr_context_ty context)
{
    Scope *scope = compiler->unit->scope;
    const Symbol *symbol = symbol_in(compiler, scope, name);
    Access access = access_to(scope, symbol);
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
emit_variable(Compiler *compiler, PyObject *name, expr_context_ty context)
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
emit_known_variable(Compiler *compiler, KnownName name, expr_context_ty context)
{
    if (compiler->only_looks) {
        return 0;
    }
    NameId id = names_known(compiler->names, name);
    TRY(id);
    return emit_variable_id(compiler, id, context);
}
