/* Scopes, second half: what each name of each block is bound to.
 *
 * The blocks are visited once, outer before inner.  For every name of the compile an array holds
 * what it means at the place in hand to the blocks inside: nothing, a variable of a function
 * around, or a global by declaration.  A block overwrites the entries of its own names while its
 * children are visited, remembers what it hid in Symbol.outside, and puts it back after.  So
 * nothing is copied from block to block, and the time taken is that of the symbols.
 *
 * Entry points: scopes_resolve(), scopes_at(). */

#include "scopes.h"
#include "memory.h"

typedef enum { MEANS_NOTHING, MEANS_VARIABLE, MEANS_GLOBAL } Meaning;

typedef struct Resolver Resolver;
struct Resolver {
    Scopes *scopes;
    uint8_t *meanings; /* Meaning, by NameId */
    NameId dunder_class;
};

/* --- The error of a declaration --- */

static int
error_at_directive(const Resolver *resolver, const Scope *scope, NameId name)
{
    const Directive *first = NULL;
    for (const Directive *at = scope->directives; at != NULL; at = at->previous) {
        if (at->name == name) {
            first = at;
        }
    }
    return first != NULL ? scopes_locate_error(resolver->scopes, first->span) : -1;
}

static int
directive_error(const Resolver *resolver, const Scope *scope, NameId name, const char *format)
{
    PyErr_Format(PyExc_SyntaxError, format, names_string(resolver->scopes->names, name));
    return error_at_directive(resolver, scope, name);
}

/* --- Free variables --- */

typedef enum { PASSING_FAILED = -1, PASSING_STOPS, PASSING_GOES_ON } Passing;

/* A block inside `scope` uses a variable of a function around it. */
static Passing
pass_through_function(Resolver *resolver, Scope *scope, NameId name)
{
    Symbol *symbol = scope_symbol(resolver->scopes, scope, name);
    if (symbol != NULL) {
        if (symbol->binding == BINDING_LOCAL) {
            symbol->binding = BINDING_CELL;
        }
        return PASSING_STOPS;
    }
    symbol = scope_add_symbol(resolver->scopes, scope, name);
    if (symbol == NULL) {
        return PASSING_FAILED;
    }
    symbol->binding = BINDING_FREE;
    return PASSING_GOES_ON;
}

static Passing
pass_through_class(Resolver *resolver, Scope *scope, NameId name)
{
    if (name == resolver->dunder_class) {
        scope->needs_class_closure = true;
        return PASSING_STOPS;
    }
    Symbol *symbol = scope_symbol(resolver->scopes, scope, name);
    if (symbol == NULL) {
        return pass_through_function(resolver, scope, name);
    }
    /* The class's own variable of that name is another one; the class passes on both. */
    if (symbol->flags & (SYMBOL_BOUND | SYMBOL_GLOBAL) && !(symbol->flags & SYMBOL_FREE_CLASS)) {
        symbol->flags |= SYMBOL_FREE_CLASS;
        return PASSING_GOES_ON;
    }
    return PASSING_STOPS;
}

/* Make every block between `scope` and the one that binds the name pass it on.  Stops at the first
 * block that does already. */
static int
pass_inwards(Resolver *resolver, Scope *scope, NameId name)
{
    Passing passing = PASSING_GOES_ON;
    for (scope = scope->parent; scope != NULL && passing == PASSING_GOES_ON;
         scope = scope->parent) {
        if (scope->kind == SCOPE_CLASS) {
            passing = pass_through_class(resolver, scope, name);
        }
        else if (scope_is_function_like(scope)) {
            passing = pass_through_function(resolver, scope, name);
        }
    }
    return passing == PASSING_FAILED ? -1 : 0;
}

/* --- The names of one block --- */

static int
bind_nonlocal(Resolver *resolver, Scope *scope, Symbol *symbol)
{
    if (scope->parent == NULL) {
        PyErr_SetString(PyExc_SyntaxError, "nonlocal declaration not allowed at module level");
        return error_at_directive(resolver, scope, symbol->name);
    }
    if (resolver->meanings[symbol->name] != MEANS_VARIABLE) {
        return directive_error(resolver, scope, symbol->name, "no binding for nonlocal '%U' found");
    }
    symbol->binding = BINDING_FREE;
    scope->has_free = true;
    return pass_inwards(resolver, scope, symbol->name);
}

static int
bind_used(Resolver *resolver, Scope *scope, Symbol *symbol)
{
    Meaning meaning = resolver->meanings[symbol->name];
    if (meaning == MEANS_VARIABLE) {
        symbol->binding = BINDING_FREE;
        scope->has_free = true;
        return pass_inwards(resolver, scope, symbol->name);
    }
    symbol->binding = BINDING_GLOBAL_IMPLICIT;
    if (meaning != MEANS_GLOBAL && scope->is_nested) {
        scope->has_free = true;
    }
    return 0;
}

static int
bind_symbol(Resolver *resolver, Scope *scope, Symbol *symbol)
{
    if (symbol->flags & SYMBOL_GLOBAL) {
        if (symbol->flags & SYMBOL_NONLOCAL) {
            return directive_error(resolver, scope, symbol->name,
                                   "name '%U' is nonlocal and global");
        }
        symbol->binding = BINDING_GLOBAL_EXPLICIT;
        return 0;
    }
    if (symbol->flags & SYMBOL_NONLOCAL) {
        return bind_nonlocal(resolver, scope, symbol);
    }
    if (symbol->flags & SYMBOL_BOUND) {
        symbol->binding = BINDING_LOCAL;
        return 0;
    }
    return bind_used(resolver, scope, symbol);
}

static int
bind_symbols(Resolver *resolver, Scope *scope)
{
    Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        if (bind_symbol(resolver, scope, symbol) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- From a block to its children and back --- */

/* What a name of the block means to the blocks inside; MEANS_NOTHING: the same as outside. */
static Meaning
meaning_inside(const Scope *scope, const Symbol *symbol)
{
    if (symbol->binding == BINDING_GLOBAL_EXPLICIT) {
        return MEANS_GLOBAL;
    }
    bool is_variable = symbol->binding == BINDING_LOCAL || symbol->binding == BINDING_CELL;
    return is_variable && scope_is_function_like(scope) ? MEANS_VARIABLE : MEANS_NOTHING;
}

/* Inside a class there is one more variable, the cell that super() looks at. */
static void
open_class(Resolver *resolver, Scope *scope)
{
    scope->class_cell_outside = resolver->meanings[resolver->dunder_class];
    resolver->meanings[resolver->dunder_class] = MEANS_VARIABLE;
}

static void
open_scope(Resolver *resolver, Scope *scope)
{
    if (scope->kind == SCOPE_CLASS) {
        open_class(resolver, scope);
        return;
    }
    Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        Meaning inside = meaning_inside(scope, symbol);
        if (inside != MEANS_NOTHING) {
            symbol->outside = resolver->meanings[symbol->name];
            resolver->meanings[symbol->name] = (uint8_t)inside;
        }
    }
}

/* Symbols that were passed through since open_scope() are free, and mean nothing new inside. */
static void
close_scope(Resolver *resolver, Scope *scope)
{
    if (scope->kind == SCOPE_CLASS) {
        resolver->meanings[resolver->dunder_class] = scope->class_cell_outside;
        return;
    }
    const Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        if (meaning_inside(scope, symbol) != MEANS_NOTHING) {
            resolver->meanings[symbol->name] = symbol->outside;
        }
    }
}

/* --- All blocks --- */

static uint32_t
node_slot(const Scopes *scopes, const void *node)
{
    uint32_t at = hash_of_address(node) & scopes->node_mask;
    while (scopes->by_node[at] != NULL && scopes->by_node[at]->node != node) {
        at = (at + 1) & scopes->node_mask;
    }
    return at;
}

Scope *
scopes_at(const Scopes *scopes, const void *node)
{
    return scopes->by_node[node_slot(scopes, node)];
}

static int
make_node_table(Scopes *scopes)
{
    size_t size = 4;
    while (size < 2 * (size_t)scopes->count) {
        size *= 2;
    }
    scopes->by_node = arena_zeroed(scopes->arena, size, sizeof(*scopes->by_node));
    scopes->node_mask = (uint32_t)size - 1;
    return scopes->by_node != NULL ? 0 : -1;
}

/* The block after `scope`; blocks that have no child left are closed on the way. */
static Scope *
next_scope(Resolver *resolver, Scope *scope)
{
    if (scope->first_child != NULL) {
        open_scope(resolver, scope);
        return scope->first_child;
    }
    while (scope->next_sibling == NULL) {
        Scope *parent = scope->parent;
        if (parent == NULL) {
            return NULL;
        }
        parent->child_has_free |= scope->has_free || scope->child_has_free;
        close_scope(resolver, parent);
        scope = parent;
    }
    scope->parent->child_has_free |= scope->has_free || scope->child_has_free;
    return scope->next_sibling;
}

int
scopes_resolve(Scopes *scopes)
{
    Resolver resolver = {
        .scopes = scopes,
        .dunder_class = names_known(scopes->names, KNOWN_DUNDER_CLASS),
    };
    if (resolver.dunder_class == NAME_NONE || make_node_table(scopes) < 0) {
        return -1;
    }
    resolver.meanings = arena_zeroed(scopes->arena, (size_t)scopes->names->records.count, 1);
    if (resolver.meanings == NULL) {
        return -1;
    }
    for (Scope *at = scopes->top; at != NULL; at = next_scope(&resolver, at)) {
        scopes->by_node[node_slot(scopes, at->node)] = at;
        if (bind_symbols(&resolver, at) < 0) {
            return -1;
        }
    }
    return 0;
}
