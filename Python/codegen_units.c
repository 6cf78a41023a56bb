/* Code units: how one begins and ends, and its flags.  The contract is in codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include <stddef.h>
#include "codegen.h"
#include "compiler.h"

/* ---- Beginning ---- */

static int
emit_start(Compiler *compiler, int first_line)
{
    CodeUnit *unit = compiler->unit;
    unit->where = (Location){first_line, first_line, 0, 0};
    if (unit->kind == UNIT_MODULE) {
        unit->where.line = 0;
    }
    else if (!compiler->only_looks) {
        unit->qualified_name = unit_qualified_name(compiler, unit);
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
start_code(Compiler *compiler, int first_line)
{
    CodeUnit *unit = compiler->unit;
    if (!compiler->only_looks) {
        TRY(unit_number_variables(compiler));
    }
    compiler->store.blocks.items[unit->entry].first = unit->instruction_base;
    return emit_start(compiler, first_line);
}

int
unit_enter(Compiler *compiler, CodeUnit *unit, UnitKind kind, PyObject *name, const void *node,
           int first_line)
{
    memset(unit, 0, offsetof(CodeUnit, frames));
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
unit_leave(Compiler *compiler)
{
    CodeUnit *unit = compiler->unit;
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

/* ---- Flags ---- */

bool
unit_may_await_at_top_level(const Compiler *compiler)
{
    return (compiler->flags & PyCF_ALLOW_TOP_LEVEL_AWAIT)
           && compiler->unit->scope->kind == SCOPE_MODULE;
}

static int
function_flags(const Scope *scope)
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
unit_flags(const Compiler *compiler)
{
    const CodeUnit *unit = compiler->unit;
    const Scope *scope = unit->scope;
    int flags = compiler->flags & PyCF_MASK;
    if (scope_is_function_like(scope)) {
        return flags | function_flags(scope);
    }
    if (scope->kind == SCOPE_MODULE) {
        flags |= compiler->flags & CO_FUTURE_TOP_LEVEL_AWAIT;
    }
    if (!unit_may_await_at_top_level(compiler)) {
        return flags;
    }
    bool awaits = (scope->is_coroutine || unit->is_coroutine) && !scope->is_generator;
    return awaits || compiler->flags & PyCF_ALWAYS_COROUTINE ? flags | CO_COROUTINE : flags;
}

/* To be known before the first import; `is_coroutine` of the unit is known only at its end. */
bool
unit_awaits_imports(const Compiler *compiler)
{
    const Scope *scope = compiler->unit->scope;
    if (!(compiler->flags & PyCF_AWAITS_IMPORTS) || !unit_may_await_at_top_level(compiler)) {
        return false;
    }
    return (compiler->flags & (PyCF_ALWAYS_COROUTINE | CO_FUTURE_TOP_LEVEL_AWAIT)) != 0
           || ((scope->is_coroutine || scope->has_async_statement) && !scope->is_generator);
}

/* ---- End ---- */

static bool
ends_in_return(const Compiler *compiler)
{
    const InstructionArray *instructions = &compiler->store.instructions;
    return instructions->count > compiler->store.blocks.items[compiler->unit->current].first
           && instructions->items[instructions->count - 1].opcode == RETURN_VALUE;
}

int
unit_close(Compiler *compiler, int returns_none)
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

void
unit_settle_first_line(Compiler *compiler)
{
    CodeUnit *unit = compiler->unit;
    if (unit->first_line == 0) {
        const Block *entry = &compiler->store.blocks.items[unit->entry];
        int line = compiler->store.instructions.items[entry->first].line;
        unit->first_line = line != 0 ? line : 1;
    }
}
