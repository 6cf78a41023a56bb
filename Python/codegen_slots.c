/* Where a unit keeps its variables: parameters, cells and free variables get their numbers.  The
   contract is in codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include "codegen.h"

static bool
is_cell(const Symbol *symbol)
{
    return symbol->binding == BINDING_CELL;
}

static bool
is_free(const Symbol *symbol)
{
    return symbol->binding == BINDING_FREE || (symbol->flags & SYMBOL_FREE_CLASS);
}

/* Lets symbol_in() find the unit's symbols, and counts those that have cells. */
static int
look_at_symbols(Compiler *compiler)
{
    enum { MANY_SYMBOLS = 1 << 12 };
    CodeUnit *unit = compiler->unit;
    int names = compiler->names->records.count;
    if (compiler->symbols.count < names) {
        TRY(symbols_by_name_extend(&compiler->symbols, names));
    }
    if (unit->scope->symbol_count > MANY_SYMBOLS) {
        TRY(pool_entries_reserve(&compiler->name_pool.entries, unit->scope->symbol_count));
        TRY(pool_positions_reserve(&compiler->name_pool.positions, names));
    }
    Symbol *symbol;
    FOR_EACH_SYMBOL (unit->scope, symbol) {
        compiler->symbols.items[symbol->name] = symbol;
        unit->cell_count += is_cell(symbol);
        unit->free_count += is_free(symbol);
    }
    return 0;
}

/* Gives the `count` symbols that belong their slots, in the order of their names. */
static int
number_symbols(Compiler *compiler, bool (*belongs)(const Symbol *), int count, int first_slot)
{
    if (count == 0) {
        return 0;
    }
    const Scope *scope = compiler->unit->scope;
    Symbol **found = arena_array(compiler->arena, (size_t)count, sizeof(*found));
    if (found == NULL) {
        return -1;
    }
    int filled = 0;
    Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        if (belongs(symbol)) {
            found[filled++] = symbol;
        }
    }
    symbols_sort(compiler->names, found, count);
    for (int i = 0; i < count; i++) {
        found[i]->slot = first_slot + i;
        compiler->unit->cell_names[first_slot + i] = found[i]->name;
    }
    return 0;
}

/* A class whose methods use __class__ has that one cell, which is no symbol of its own. */
static int
number_cells(Compiler *compiler)
{
    CodeUnit *unit = compiler->unit;
    const Scope *scope = unit->scope;
    if (scope->needs_class_closure) {
        unit->cell_count = 1;
    }
    int count = unit->cell_count + unit->free_count;
    if (count == 0) {
        return 0;
    }
    unit->cell_names = arena_array(compiler->arena, (size_t)count, sizeof(NameId));
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
number_parameters(Compiler *compiler)
{
    const Scope *scope = compiler->unit->scope;
    SymbolCursor cursor = {scope->symbols, 0};
    for (int i = 0; i < scope->parameter_count; i++) {
        TRY(pool_position(&compiler->variable_pool, symbol_next(&cursor)->name));
    }
    return 0;
}

int
unit_number_variables(Compiler *compiler)
{
    TRY(number_parameters(compiler));
    TRY(look_at_symbols(compiler));
    return number_cells(compiler);
}

/* The place among the locals of each cell and free variable: a cell that is an argument shares
   the argument's, others follow the locals. */
int *
unit_cell_slots(Compiler *compiler)
{
    const CodeUnit *unit = compiler->unit;
    int count = unit->cell_count + unit->free_count;
    int *slots = arena_array(compiler->arena, (size_t)count + 1, sizeof(int));
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
