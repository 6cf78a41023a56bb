/* Scopes, first half: collecting the blocks of a tree and the names in them.
 *
 * One walk over the tree, in the order in which the language defines names to appear.  What each
 * name is bound to is found out afterwards, in scopes_resolve.c.  Entry points: scopes_build(),
 * scopes_at(), scope_symbol().  All memory that stays is the arena's. */

#include "scopes.h"
#include "memory.h"
#include "compiler.h"
#include "nesting.h"
#include "stages.h"

enum {
    FIRST_SYMBOLS = 4,
    /* Up to this many symbols, looking at each is faster than hashing. */
    UNHASHED_SYMBOLS = 8,
};

typedef struct Collector Collector;
struct Collector {
    Scopes *scopes;
    Names *names;
    Scope *current;
    SymbolsByName seen; /* of the last block that named it */
    int32_t opened;     /* blocks so far */
    Nesting nesting;
    bool keeps_annotations; /* as text: from __future__ import annotations */
    int own_mode_flags;     /* PyCF_*; 0 in stock's modes: code generation checks */
};

#define SPAN_OF(node)                                                                              \
    ((SourceSpan){(node)->lineno, (node)->col_offset, (node)->end_lineno, (node)->end_col_offset})

static int visit_statement(Collector *collector, stmt_ty node);
static int visit_name(Collector *collector, expr_ty node);
static int visit_nested(Collector *collector, expr_ty node);

/* Names and constants, which have nothing inside, are most of all expressions. */
static inline int
visit_expression(Collector *collector, expr_ty node)
{
    if (nesting_is_shallow(&collector->nesting)) {
        if (node->kind == Name_kind) {
            return visit_name(collector, node);
        }
        if (node->kind == Constant_kind) {
            return 0;
        }
    }
    return visit_nested(collector, node);
}

int
scopes_locate_error(const Scopes *scopes, SourceSpan span)
{
    PyErr_RangedSyntaxLocationObject(scopes->filename, span.lineno, span.col_offset + 1,
                                     span.end_lineno, span.end_col_offset + 1);
    return -1;
}

static int
error_at(Collector *collector, SourceSpan span, const char *message)
{
    PyErr_SetString(PyExc_SyntaxError, message);
    return scopes_locate_error(collector->scopes, span);
}

/* `format` has one %U. */
static int
name_error_at(Collector *collector, SourceSpan span, const char *format, PyObject *name)
{
    PyErr_Format(PyExc_SyntaxError, format, name);
    return scopes_locate_error(collector->scopes, span);
}

/* --- Who may await --- */

const char *
scope_await_advice(const Scope *scope, int flags)
{
    if (!(flags & PyCF_OWN_MODE)) {
        return "";
    }
    switch ((ScopeKind)scope->kind) {
    case SCOPE_MODULE:
        return " (mode 'async-multi-single' allows it)";
    case SCOPE_CLASS:
        return " (the body of a class cannot await)";
    case SCOPE_LAMBDA:
        return " (a lambda cannot await)";
    case SCOPE_FUNCTION:
        return " ('async def' can await, 'def' cannot)";
    default:
        return "";
    }
}

const char *
scope_function_advice(const Scope *scope, int flags)
{
    if (scope->kind == SCOPE_MODULE && flags & PyCF_OWN_MODE
        && flags & PyCF_ALLOW_TOP_LEVEL_AWAIT) {
        return " (code that awaits at the top level is still no function)";
    }
    return "";
}

/* In the modes that are ours, what code generation would refuse is refused here, so that it is an
   error in assertions that are left out and annotations that are not evaluated as well.  No
   function but `async def` is a coroutine there; a comprehension is what the block around it can
   be. */
static bool
may_await(const Collector *collector)
{
    const Scope *scope = collector->current;
    switch ((ScopeKind)scope->kind) {
    case SCOPE_MODULE:
        return collector->own_mode_flags & PyCF_ALLOW_TOP_LEVEL_AWAIT;
    case SCOPE_CLASS:
        return false;
    case SCOPE_FUNCTION:
    case SCOPE_LAMBDA:
        return scope->is_coroutine;
    default:
        return true;
    }
}

static int
refuse(Collector *collector, expr_ty node, const char *what, const char *advice)
{
    PyErr_Format(PyExc_SyntaxError, "%s%s", what, advice);
    return scopes_locate_error(collector->scopes, SPAN_OF(node));
}

static int
refuse_await(Collector *collector, expr_ty node, const char *what)
{
    return refuse(collector, node, what,
                  scope_await_advice(collector->current, collector->own_mode_flags));
}

static int
check_await(Collector *collector, expr_ty node)
{
    if (collector->own_mode_flags == 0 || may_await(collector)) {
        return 0;
    }
    return refuse_await(collector, node,
                        scope_is_function_like(collector->current)
                            ? "'await' outside async function"
                            : "'await' outside function");
}

static int
check_async_comprehension(Collector *collector, expr_ty node)
{
    if (collector->own_mode_flags == 0 || may_await(collector)) {
        return 0;
    }
    return refuse_await(collector, node,
                        "asynchronous comprehension outside of an asynchronous function");
}

static int
check_yield(Collector *collector, expr_ty node)
{
    const Scope *scope = collector->current;
    if (collector->own_mode_flags == 0
        || (scope->kind != SCOPE_MODULE && scope->kind != SCOPE_CLASS)) {
        return 0;
    }
    return refuse(collector, node, "'yield' outside function",
                  scope_function_advice(scope, collector->own_mode_flags));
}

/* --- Symbols of a block --- */

static Symbol **
index_slot(const Scope *scope, NameId name)
{
    uint32_t at = (uint32_t)name & scope->index_mask;
    while (scope->index[at] != NULL && scope->index[at]->name != name) {
        at = (at + 1) & scope->index_mask;
    }
    return &scope->index[at];
}

/* An index with room for twice the symbols there are now.  False when there is no memory. */
static bool
start_index(PyArena *arena, Scope *scope)
{
    size_t size = 4;
    while (size < 4 * (size_t)scope->symbol_count) {
        size *= 2;
    }
    Symbol **index = _PyArena_Malloc(arena, size * sizeof(*index));
    if (index == NULL) {
        PyErr_Clear();
        return false;
    }
    memset(index, 0, size * sizeof(*index));
    scope->index = index;
    scope->index_mask = (uint32_t)size - 1;
    scope->unindexed = (SymbolCursor){scope->symbols, 0};
    return true;
}

/* Brings the index up to date. */
static bool
index_symbols(PyArena *arena, Scope *scope)
{
    if ((scope->index == NULL || 2 * (uint32_t)scope->symbol_count > scope->index_mask)
        && !start_index(arena, scope)) {
        return false;
    }
    for (Symbol *symbol; (symbol = symbol_next(&scope->unindexed)) != NULL;) {
        *index_slot(scope, symbol->name) = symbol;
    }
    return true;
}

Symbol *
scope_symbol(const Scopes *scopes, Scope *scope, NameId name)
{
    if (scope->symbol_count > UNHASHED_SYMBOLS && index_symbols(scopes->arena, scope)) {
        return *index_slot(scope, name);
    }
    Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        if (symbol->name == name) {
            break;
        }
    }
    return symbol;
}

static int
grow_symbols(PyArena *arena, Scope *scope)
{
    int32_t capacity = Py_MAX(scope->symbol_count, FIRST_SYMBOLS);
    SymbolChunk *chunk = arena_array(arena, 1, sizeof(*chunk) + (size_t)capacity * sizeof(Symbol));
    if (chunk == NULL) {
        return -1;
    }
    *chunk = (SymbolChunk){.capacity = capacity};
    if (scope->symbols == NULL) {
        scope->symbols = chunk;
    }
    else {
        scope->last_symbols->next = chunk;
    }
    scope->last_symbols = chunk;
    return 0;
}

Symbol *
scope_add_symbol(Scopes *scopes, Scope *scope, NameId name)
{
    SymbolChunk *chunk = scope->last_symbols;
    if (chunk == NULL || chunk->count == chunk->capacity) {
        if (grow_symbols(scopes->arena, scope) < 0) {
            return NULL;
        }
        chunk = scope->last_symbols;
    }
    Symbol *symbol = &chunk->symbols[chunk->count++];
    scope->symbol_count++;
    *symbol = (Symbol){.name = name, .slot = -1, .block = scope->number};
    return symbol;
}

/* --- Where a name was seen last --- */

/* Stands for a symbol of a block that may be any. */
static const Symbol seen_elsewhere = {.block = INT32_MAX};

int
symbols_by_name_extend(SymbolsByName *symbols, int names)
{
    if (symbols_by_name_reserve(symbols, names - symbols->count) < 0) {
        return -1;
    }
    memset(symbols->items + symbols->count, 0,
           (size_t)(symbols->capacity - symbols->count) * sizeof(*symbols->items));
    symbols->count = symbols->capacity;
    return 0;
}

/* The symbol of a name in the current block, NULL if it has none.  Blocks are numbered as they are
 * opened: if the last one that named it was opened before the current one, the current one did
 * not name it.  If it was opened after that, it is inside, and the current one may have named it
 * before; so may it where a name was put into another block than the one in hand. */
static inline Symbol *
find_here(const Collector *collector, NameId name)
{
    Symbol *symbol = name < collector->seen.count ? collector->seen.items[name] : NULL;
    if (symbol == NULL || symbol->block <= collector->current->number) {
        return symbol != NULL && symbol->block == collector->current->number ? symbol : NULL;
    }
    return scope_symbol(collector->scopes, collector->current, name);
}

static int
note_sighting(Collector *collector, NameId name, const Symbol *symbol)
{
    if (name >= collector->seen.count
        && symbols_by_name_extend(&collector->seen, collector->names->records.count) < 0) {
        return -1;
    }
    collector->seen.items[name] = (Symbol *)symbol;
    return 0;
}

static Symbol *
find_symbol(const Collector *collector, Scope *scope, NameId name)
{
    return scope == collector->current ? find_here(collector, name)
                                       : scope_symbol(collector->scopes, scope, name);
}

static Symbol *
find_or_add_symbol(Collector *collector, Scope *scope, NameId name)
{
    Symbol *symbol = find_symbol(collector, scope, name);
    if (symbol == NULL) {
        symbol = scope_add_symbol(collector->scopes, scope, name);
    }
    const Symbol *sighting = scope == collector->current ? symbol : &seen_elsewhere;
    return symbol != NULL && note_sighting(collector, name, sighting) == 0 ? symbol : NULL;
}

static NameId
mangled_id(Collector *collector, PyObject *identifier)
{
    NameId name = names_intern(collector->names, identifier);
    if (name == NAME_NONE) {
        return NAME_NONE;
    }
    return names_mangle(collector->names, collector->current->private_class, name);
}

/* What the block says about a name so far. */
static int
flags_of(const Collector *collector, Scope *scope, NameId name)
{
    const Symbol *symbol = find_symbol(collector, scope, name);
    return symbol != NULL ? symbol->flags : 0;
}

/* A global statement makes the name known to the module as well. */
static int
define_in_module(Collector *collector, NameId name)
{
    Symbol *symbol = find_or_add_symbol(collector, collector->scopes->top, name);
    if (symbol == NULL) {
        return -1;
    }
    symbol->flags |= SYMBOL_GLOBAL;
    return 0;
}

/* Note that `scope` does with a name what `flag` says; `identifier` is the name as written. */
static int
define_name(Collector *collector, Scope *scope, NameId name, PyObject *identifier, int flag,
            SourceSpan span)
{
    Symbol *symbol = find_or_add_symbol(collector, scope, name);
    if (symbol == NULL) {
        return -1;
    }
    if (flag & symbol->flags & SYMBOL_PARAMETER) {
        return name_error_at(collector, span, "duplicate argument '%U' in function definition",
                             identifier);
    }
    symbol->flags |= (uint16_t)flag;
    if (scope->in_iteration_target) {
        if (symbol->flags & (SYMBOL_GLOBAL | SYMBOL_NONLOCAL)) {
            return name_error_at(collector, span,
                                 "comprehension inner loop cannot rebind assignment expression "
                                 "target '%U'",
                                 identifier);
        }
        symbol->flags |= SYMBOL_ITERATION;
    }
    if (flag & SYMBOL_PARAMETER) {
        scope->parameter_count++;
    }
    return flag & SYMBOL_GLOBAL ? define_in_module(collector, name) : 0;
}

static int
define_in(Collector *collector, Scope *scope, PyObject *identifier, int flag, SourceSpan span)
{
    NameId name = mangled_id(collector, identifier);
    if (name == NAME_NONE) {
        return -1;
    }
    return define_name(collector, scope, name, identifier, flag, span);
}

static int
define(Collector *collector, PyObject *identifier, int flag, SourceSpan span)
{
    return define_in(collector, collector->current, identifier, flag, span);
}

static int
record_directive(Collector *collector, PyObject *identifier, SourceSpan span)
{
    Directive *directive = arena_array(collector->scopes->arena, 1, sizeof(*directive));
    if (directive == NULL) {
        return -1;
    }
    directive->name = mangled_id(collector, identifier);
    directive->span = span;
    directive->previous = collector->current->directives;
    collector->current->directives = directive;
    return directive->name == NAME_NONE ? -1 : 0;
}

/* --- Blocks --- */

static void
append_child(Scope *parent, Scope *child)
{
    if (parent->last_child == NULL) {
        parent->first_child = child;
    }
    else {
        parent->last_child->next_sibling = child;
    }
    parent->last_child = child;
}

/* Open a block inside the current one and make it current. */
static Scope *
enter_scope(Collector *collector, ScopeKind kind, NameId name, const void *node, SourceSpan span)
{
    Scope *scope = arena_zeroed(collector->scopes->arena, 1, sizeof(*scope));
    if (scope == NULL || name == NAME_NONE) {
        return NULL;
    }
    Scope *parent = collector->current;
    scope->number = ++collector->opened;
    scope->kind = (uint8_t)kind;
    scope->name = name;
    scope->node = node;
    scope->span = span;
    scope->parent = parent;
    scope->private_class = NAME_NONE;
    if (parent != NULL) {
        scope->is_nested = parent->is_nested || scope_is_function_like(parent);
        scope->iterable_depth = parent->iterable_depth;
        scope->private_class = parent->private_class;
        /* What an annotation kept as text does with names is of no consequence. */
        if (kind != SCOPE_ANNOTATION) {
            append_child(parent, scope);
        }
    }
    collector->scopes->count++;
    collector->current = scope;
    return scope;
}

static Scope *
enter_known(Collector *collector, ScopeKind kind, KnownName name, const void *node, SourceSpan span)
{
    return enter_scope(collector, kind, names_known(collector->names, name), node, span);
}

static void
leave_scope(Collector *collector)
{
    collector->current = collector->current->parent;
}

/* --- What is not allowed where --- */

static int
forbid_in_annotation(Collector *collector, const char *what, expr_ty node)
{
    if (collector->current->kind != SCOPE_ANNOTATION) {
        return 0;
    }
    PyErr_Format(PyExc_SyntaxError, "'%s' can not be used within an annotation", what);
    return scopes_locate_error(collector->scopes, SPAN_OF(node));
}

static int
forbid_yield_in_comprehension(Collector *collector, expr_ty node)
{
    static const char *const messages[] = {
        [COMPREHENSION_LIST] = "'yield' inside list comprehension",
        [COMPREHENSION_SET] = "'yield' inside set comprehension",
        [COMPREHENSION_DICT] = "'yield' inside dict comprehension",
        [COMPREHENSION_GENERATOR] = "'yield' inside generator expression",
    };
    int kind = collector->current->comprehension;
    return kind != COMPREHENSION_NONE ? error_at(collector, SPAN_OF(node), messages[kind]) : 0;
}

/* --- Sequences --- */

/* An entry may be NULL where a value is left out: a key of `**mapping`, a missing default. */
static int
visit_expressions(Collector *collector, const asdl_expr_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        expr_ty node = asdl_seq_GET(nodes, i);
        if (node != NULL && visit_expression(collector, node) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
visit_optional(Collector *collector, expr_ty node)
{
    return node != NULL ? visit_expression(collector, node) : 0;
}

static int
visit_statements(Collector *collector, const asdl_stmt_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (visit_statement(collector, asdl_seq_GET(nodes, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
visit_keywords(Collector *collector, const asdl_keyword_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (visit_expression(collector, asdl_seq_GET(nodes, i)->value) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- Parameters and annotations --- */

static int
define_parameter(Collector *collector, arg_ty node)
{
    return define(collector, node->arg, SYMBOL_PARAMETER, SPAN_OF(node));
}

static int
define_parameters(Collector *collector, const asdl_arg_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (define_parameter(collector, asdl_seq_GET(nodes, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
define_arguments(Collector *collector, arguments_ty node)
{
    Scope *scope = collector->current;
    if (define_parameters(collector, node->posonlyargs) < 0
        || define_parameters(collector, node->args) < 0
        || define_parameters(collector, node->kwonlyargs) < 0) {
        return -1;
    }
    scope->has_varargs = node->vararg != NULL;
    scope->has_varkeywords = node->kwarg != NULL;
    if (node->vararg != NULL && define_parameter(collector, node->vararg) < 0) {
        return -1;
    }
    return node->kwarg != NULL ? define_parameter(collector, node->kwarg) : 0;
}

static int
visit_defaults(Collector *collector, arguments_ty node)
{
    if (visit_expressions(collector, node->defaults) < 0) {
        return -1;
    }
    return visit_expressions(collector, node->kw_defaults);
}

static int
visit_annotation_of(Collector *collector, arg_ty node)
{
    return node != NULL ? visit_optional(collector, node->annotation) : 0;
}

static int
visit_annotations_of(Collector *collector, const asdl_arg_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (visit_annotation_of(collector, asdl_seq_GET(nodes, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
enter_annotation(Collector *collector, const void *node, SourceSpan span)
{
    if (!collector->keeps_annotations) {
        return 0;
    }
    return enter_known(collector, SCOPE_ANNOTATION, KNOWN_ANNOTATION, node, span) ? 0 : -1;
}

static void
leave_annotation(Collector *collector)
{
    if (collector->keeps_annotations) {
        leave_scope(collector);
    }
}

static int
visit_annotation(Collector *collector, expr_ty node)
{
    if (enter_annotation(collector, node, SPAN_OF(node)) < 0
        || visit_expression(collector, node) < 0) {
        return -1;
    }
    leave_annotation(collector);
    return 0;
}

static int
visit_signature_annotations(Collector *collector, stmt_ty node, arguments_ty arguments,
                            expr_ty returns)
{
    if (enter_annotation(collector, node, SPAN_OF(node)) < 0
        || visit_annotations_of(collector, arguments->posonlyargs) < 0
        || visit_annotations_of(collector, arguments->args) < 0
        || visit_annotation_of(collector, arguments->vararg) < 0
        || visit_annotation_of(collector, arguments->kwarg) < 0
        || visit_annotations_of(collector, arguments->kwonlyargs) < 0) {
        return -1;
    }
    leave_annotation(collector);
    return returns != NULL ? visit_annotation(collector, returns) : 0;
}

/* --- Expressions that open a block --- */

static int
visit_lambda(Collector *collector, expr_ty node)
{
    arguments_ty arguments = node->v.Lambda.args;
    if (visit_defaults(collector, arguments) < 0
        || enter_known(collector, SCOPE_LAMBDA, KNOWN_LAMBDA, node, SPAN_OF(node)) == NULL
        || define_arguments(collector, arguments) < 0
        || visit_expression(collector, node->v.Lambda.body) < 0) {
        return -1;
    }
    leave_scope(collector);
    return 0;
}

static int
visit_iterable(Collector *collector, expr_ty node)
{
    collector->current->iterable_depth++;
    int result = visit_expression(collector, node);
    collector->current->iterable_depth--;
    return result;
}

static int
visit_iteration_target(Collector *collector, expr_ty node)
{
    collector->current->in_iteration_target = true;
    int result = visit_expression(collector, node);
    collector->current->in_iteration_target = false;
    return result;
}

static int
visit_inner_loop(Collector *collector, comprehension_ty node)
{
    if (visit_iteration_target(collector, node->target) < 0
        || visit_iterable(collector, node->iter) < 0
        || visit_expressions(collector, node->ifs) < 0) {
        return -1;
    }
    if (node->is_async) {
        collector->current->is_coroutine = true;
    }
    return 0;
}

static int
define_iterable(Collector *collector)
{
    Scope *scope = collector->current;
    NameId name = names_known(collector->names, KNOWN_ITERABLE);
    Symbol *symbol = name != NAME_NONE ? find_or_add_symbol(collector, scope, name) : NULL;
    if (symbol == NULL) {
        return -1;
    }
    symbol->flags = SYMBOL_PARAMETER;
    scope->parameter_count = 1;
    return 0;
}

/* The first iterable belongs to the block around; `second` is the value of a dict display. */
static int
visit_comprehension(Collector *collector, expr_ty node, ComprehensionKind kind, KnownName name,
                    const asdl_comprehension_seq *loops, expr_ty first, expr_ty second)
{
    comprehension_ty outermost = asdl_seq_GET(loops, 0);
    if (visit_iterable(collector, outermost->iter) < 0) {
        return -1;
    }
    Scope *scope = enter_known(collector, SCOPE_COMPREHENSION, name, node, SPAN_OF(node));
    if (scope == NULL) {
        return -1;
    }
    scope->comprehension = (uint8_t)kind;
    scope->is_coroutine = outermost->is_async != 0;
    if (define_iterable(collector) < 0 || visit_iteration_target(collector, outermost->target) < 0
        || visit_expressions(collector, outermost->ifs) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 1; i < asdl_seq_LEN(loops); i++) {
        if (visit_inner_loop(collector, asdl_seq_GET(loops, i)) < 0) {
            return -1;
        }
    }
    if (visit_optional(collector, second) < 0 || visit_expression(collector, first) < 0) {
        return -1;
    }
    scope->is_generator = kind == COMPREHENSION_GENERATOR;
    leave_scope(collector);
    /* Its elements are awaited where it stands; those of a generator only where it is used. */
    if (scope->is_coroutine && !scope->is_generator) {
        if (check_async_comprehension(collector, node) < 0) {
            return -1;
        }
        collector->current->is_coroutine = true;
    }
    return 0;
}

/* --- Assignment expressions --- */

/* Where the target of an assignment expression inside comprehensions is bound: `scope` is the
 * function or module around them. */
static int
bind_outside(Collector *collector, Scope *scope, expr_ty target, int inner_flag, int outer_flag)
{
    PyObject *identifier = target->v.Name.id;
    SourceSpan span = SPAN_OF(target);
    if (define(collector, identifier, inner_flag, span) < 0
        || record_directive(collector, identifier, span) < 0) {
        return -1;
    }
    return define_in(collector, scope, identifier, outer_flag, span);
}

static int
bind_in_function(Collector *collector, Scope *scope, expr_ty target, NameId name)
{
    bool is_global = flags_of(collector, scope, name) & SYMBOL_GLOBAL;
    return bind_outside(collector, scope, target, is_global ? SYMBOL_GLOBAL : SYMBOL_NONLOCAL,
                        SYMBOL_LOCAL);
}

/* The target belongs to the innermost block that is no comprehension. */
static int
extend_target_scope(Collector *collector, expr_ty target)
{
    if (target->kind != Name_kind) {
        PyErr_SetString(PyExc_ValueError, "NamedExpr with non-Name target in a comprehension");
        return -1;
    }
    PyObject *identifier = target->v.Name.id;
    /* Not mangled: the language reference says otherwise, the language does this. */
    NameId name = names_intern(collector->names, identifier);
    if (name == NAME_NONE) {
        return -1;
    }
    for (Scope *scope = collector->current; scope != NULL; scope = scope->parent) {
        switch ((ScopeKind)scope->kind) {
        case SCOPE_COMPREHENSION:
            if (flags_of(collector, scope, name) & SYMBOL_ITERATION) {
                return name_error_at(collector, SPAN_OF(target),
                                     "assignment expression cannot rebind comprehension "
                                     "iteration variable '%U'",
                                     identifier);
            }
            break;
        case SCOPE_FUNCTION:
        case SCOPE_LAMBDA:
            return bind_in_function(collector, scope, target, name);
        case SCOPE_MODULE:
            return bind_outside(collector, scope, target, SYMBOL_GLOBAL, SYMBOL_GLOBAL);
        case SCOPE_CLASS:
            return error_at(collector, SPAN_OF(target),
                            "assignment expression within a comprehension cannot be used in a "
                            "class body");
        case SCOPE_ANNOTATION:
            break;
        }
    }
    return 0;
}

static int
visit_named_expression(Collector *collector, expr_ty node)
{
    if (forbid_in_annotation(collector, "named expression", node) < 0) {
        return -1;
    }
    if (collector->current->iterable_depth > 0) {
        return error_at(collector, SPAN_OF(node),
                        "assignment expression cannot be used in a comprehension iterable "
                        "expression");
    }
    if (collector->current->comprehension != COMPREHENSION_NONE
        && extend_target_scope(collector, node->v.NamedExpr.target) < 0) {
        return -1;
    }
    if (visit_expression(collector, node->v.NamedExpr.value) < 0) {
        return -1;
    }
    return visit_expression(collector, node->v.NamedExpr.target);
}

/* --- Other expressions --- */

static int
visit_yield(Collector *collector, expr_ty node, expr_ty value)
{
    if (forbid_in_annotation(collector, "yield expression", node) < 0
        || visit_optional(collector, value) < 0) {
        return -1;
    }
    if (check_yield(collector, node) < 0) {
        return -1;
    }
    collector->current->is_generator = true;
    return forbid_yield_in_comprehension(collector, node);
}

static int
visit_await(Collector *collector, expr_ty node)
{
    if (forbid_in_annotation(collector, "await expression", node) < 0
        || check_await(collector, node) < 0
        || visit_expression(collector, node->v.Await.value) < 0) {
        return -1;
    }
    collector->current->is_coroutine = true;
    return 0;
}

/* super() finds its class through a variable that the source does not mention. */
static int
use_class_cell(Collector *collector, SourceSpan span)
{
    NameId name = names_known(collector->names, KNOWN_DUNDER_CLASS);
    if (name == NAME_NONE) {
        return -1;
    }
    return define_name(collector, collector->current, name, names_string(collector->names, name),
                       SYMBOL_USED, span);
}

static int
visit_name(Collector *collector, expr_ty node)
{
    PyObject *identifier = node->v.Name.id;
    NameId name = mangled_id(collector, identifier);
    if (name == NAME_NONE) {
        return -1;
    }
    Scope *scope = collector->current;
    bool is_loaded = node->v.Name.ctx == Load;
    int flag = is_loaded ? SYMBOL_USED : SYMBOL_LOCAL;
    Symbol *symbol = find_or_add_symbol(collector, scope, name);
    if (symbol == NULL) {
        return -1;
    }
    symbol->flags |= (uint16_t)flag;
    if (scope->in_iteration_target
        && define_name(collector, scope, name, identifier, flag, SPAN_OF(node)) < 0) {
        return -1;
    }
    if (is_loaded && names_is_super(collector->names, name) && scope_is_function_like(scope)) {
        return use_class_cell(collector, SPAN_OF(node));
    }
    return 0;
}

static int
visit_expression_fields(Collector *collector, expr_ty node)
{
    switch (node->kind) {
    case Name_kind:
        return visit_name(collector, node);
    case Constant_kind:
        return 0;
    case Attribute_kind:
        return visit_expression(collector, node->v.Attribute.value);
    case Call_kind:
        if (visit_expression(collector, node->v.Call.func) < 0
            || visit_expressions(collector, node->v.Call.args) < 0) {
            return -1;
        }
        return visit_keywords(collector, node->v.Call.keywords);
    case NamedExpr_kind:
        return visit_named_expression(collector, node);
    case BoolOp_kind:
        return visit_expressions(collector, node->v.BoolOp.values);
    case BinOp_kind:
        if (visit_expression(collector, node->v.BinOp.left) < 0) {
            return -1;
        }
        return visit_expression(collector, node->v.BinOp.right);
    case UnaryOp_kind:
        return visit_expression(collector, node->v.UnaryOp.operand);
    case Lambda_kind:
        return visit_lambda(collector, node);
    case IfExp_kind:
        if (visit_expression(collector, node->v.IfExp.test) < 0
            || visit_expression(collector, node->v.IfExp.body) < 0) {
            return -1;
        }
        return visit_expression(collector, node->v.IfExp.orelse);
    case Dict_kind:
        if (visit_expressions(collector, node->v.Dict.keys) < 0) {
            return -1;
        }
        return visit_expressions(collector, node->v.Dict.values);
    case Set_kind:
        return visit_expressions(collector, node->v.Set.elts);
    case ListComp_kind:
        return visit_comprehension(collector, node, COMPREHENSION_LIST, KNOWN_LISTCOMP,
                                   node->v.ListComp.generators, node->v.ListComp.elt, NULL);
    case SetComp_kind:
        return visit_comprehension(collector, node, COMPREHENSION_SET, KNOWN_SETCOMP,
                                   node->v.SetComp.generators, node->v.SetComp.elt, NULL);
    case DictComp_kind:
        return visit_comprehension(collector, node, COMPREHENSION_DICT, KNOWN_DICTCOMP,
                                   node->v.DictComp.generators, node->v.DictComp.key,
                                   node->v.DictComp.value);
    case GeneratorExp_kind:
        return visit_comprehension(collector, node, COMPREHENSION_GENERATOR, KNOWN_GENEXPR,
                                   node->v.GeneratorExp.generators, node->v.GeneratorExp.elt, NULL);
    case Await_kind:
        return visit_await(collector, node);
    case Yield_kind:
        return visit_yield(collector, node, node->v.Yield.value);
    case YieldFrom_kind:
        return visit_yield(collector, node, node->v.YieldFrom.value);
    case Compare_kind:
        if (visit_expression(collector, node->v.Compare.left) < 0) {
            return -1;
        }
        return visit_expressions(collector, node->v.Compare.comparators);
    case FormattedValue_kind:
        if (visit_expression(collector, node->v.FormattedValue.value) < 0) {
            return -1;
        }
        return visit_optional(collector, node->v.FormattedValue.format_spec);
    case JoinedStr_kind:
        return visit_expressions(collector, node->v.JoinedStr.values);
    case Subscript_kind:
        if (visit_expression(collector, node->v.Subscript.value) < 0) {
            return -1;
        }
        return visit_expression(collector, node->v.Subscript.slice);
    case Starred_kind:
        return visit_expression(collector, node->v.Starred.value);
    case List_kind:
        return visit_expressions(collector, node->v.List.elts);
    case Tuple_kind:
        return visit_expressions(collector, node->v.Tuple.elts);
    case Slice_kind:
        if (visit_optional(collector, node->v.Slice.lower) < 0
            || visit_optional(collector, node->v.Slice.upper) < 0) {
            return -1;
        }
        return visit_optional(collector, node->v.Slice.step);
    }
    return 0;
}

static int
visit_nested(Collector *collector, expr_ty node)
{
    if (nesting_enter(&collector->nesting) < 0 || visit_expression_fields(collector, node) < 0) {
        return -1;
    }
    nesting_leave(&collector->nesting);
    return 0;
}

/* --- Patterns --- */

static int visit_pattern(Collector *collector, pattern_ty node);

static int
visit_patterns(Collector *collector, const asdl_pattern_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (visit_pattern(collector, asdl_seq_GET(nodes, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
define_capture(Collector *collector, PyObject *identifier, pattern_ty node)
{
    return identifier != NULL ? define(collector, identifier, SYMBOL_LOCAL, SPAN_OF(node)) : 0;
}

static int
visit_pattern(Collector *collector, pattern_ty node)
{
    switch (node->kind) {
    case MatchValue_kind:
        return visit_expression(collector, node->v.MatchValue.value);
    case MatchSingleton_kind:
        return 0;
    case MatchSequence_kind:
        return visit_patterns(collector, node->v.MatchSequence.patterns);
    case MatchStar_kind:
        return define_capture(collector, node->v.MatchStar.name, node);
    case MatchMapping_kind:
        if (visit_expressions(collector, node->v.MatchMapping.keys) < 0
            || visit_patterns(collector, node->v.MatchMapping.patterns) < 0) {
            return -1;
        }
        return define_capture(collector, node->v.MatchMapping.rest, node);
    case MatchClass_kind:
        if (visit_expression(collector, node->v.MatchClass.cls) < 0
            || visit_patterns(collector, node->v.MatchClass.patterns) < 0) {
            return -1;
        }
        return visit_patterns(collector, node->v.MatchClass.kwd_patterns);
    case MatchAs_kind:
        if (node->v.MatchAs.pattern != NULL
            && visit_pattern(collector, node->v.MatchAs.pattern) < 0) {
            return -1;
        }
        return define_capture(collector, node->v.MatchAs.name, node);
    case MatchOr_kind:
        return visit_patterns(collector, node->v.MatchOr.patterns);
    }
    return 0;
}

static int
visit_match_cases(Collector *collector, const asdl_match_case_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        match_case_ty node = asdl_seq_GET(nodes, i);
        if (visit_pattern(collector, node->pattern) < 0
            || visit_optional(collector, node->guard) < 0
            || visit_statements(collector, node->body) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- Statements that open a block --- */

static int
visit_function(Collector *collector, stmt_ty node, bool is_async)
{
    /* FunctionDef and AsyncFunctionDef have the same fields. */
    PyObject *identifier = node->v.FunctionDef.name;
    arguments_ty arguments = node->v.FunctionDef.args;
    if (define(collector, identifier, SYMBOL_LOCAL, SPAN_OF(node)) < 0
        || visit_defaults(collector, arguments) < 0
        || visit_signature_annotations(collector, node, arguments, node->v.FunctionDef.returns) < 0
        || visit_expressions(collector, node->v.FunctionDef.decorator_list) < 0) {
        return -1;
    }
    Scope *scope = enter_scope(collector, SCOPE_FUNCTION,
                               names_intern(collector->names, identifier), node, SPAN_OF(node));
    if (scope == NULL) {
        return -1;
    }
    scope->is_coroutine = is_async;
    if (define_arguments(collector, arguments) < 0
        || visit_statements(collector, node->v.FunctionDef.body) < 0) {
        return -1;
    }
    leave_scope(collector);
    return 0;
}

static int
visit_class(Collector *collector, stmt_ty node)
{
    PyObject *identifier = node->v.ClassDef.name;
    if (define(collector, identifier, SYMBOL_LOCAL, SPAN_OF(node)) < 0
        || visit_expressions(collector, node->v.ClassDef.bases) < 0
        || visit_keywords(collector, node->v.ClassDef.keywords) < 0
        || visit_expressions(collector, node->v.ClassDef.decorator_list) < 0) {
        return -1;
    }
    NameId name = names_intern(collector->names, identifier);
    Scope *scope = enter_scope(collector, SCOPE_CLASS, name, node, SPAN_OF(node));
    if (scope == NULL) {
        return -1;
    }
    scope->private_class = name;
    if (visit_statements(collector, node->v.ClassDef.body) < 0) {
        return -1;
    }
    leave_scope(collector);
    return 0;
}

/* --- Other statements --- */

typedef struct DirectiveErrors DirectiveErrors;
struct DirectiveErrors {
    int flag;
    const char *parameter;
    const char *used;
    const char *annotated;
    const char *assigned;
};

static const DirectiveErrors global_errors = {
    SYMBOL_GLOBAL,
    "name '%U' is parameter and global",
    "name '%U' is used prior to global declaration",
    "annotated name '%U' can't be global",
    "name '%U' is assigned to before global declaration",
};

static const DirectiveErrors nonlocal_errors = {
    SYMBOL_NONLOCAL,
    "name '%U' is parameter and nonlocal",
    "name '%U' is used prior to nonlocal declaration",
    "annotated name '%U' can't be nonlocal",
    "name '%U' is assigned to before nonlocal declaration",
};

/* What a declaration comes too late for, NULL if it does not. */
static const char *
directive_error(const DirectiveErrors *errors, int flags)
{
    if (flags & SYMBOL_PARAMETER) {
        return errors->parameter;
    }
    if (flags & SYMBOL_USED) {
        return errors->used;
    }
    if (flags & SYMBOL_ANNOTATED) {
        return errors->annotated;
    }
    return flags & SYMBOL_LOCAL ? errors->assigned : NULL;
}

static int
visit_directive(Collector *collector, stmt_ty node, const asdl_identifier_seq *identifiers,
                const DirectiveErrors *errors)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(identifiers); i++) {
        PyObject *identifier = asdl_seq_GET(identifiers, i);
        NameId name = mangled_id(collector, identifier);
        if (name == NAME_NONE) {
            return -1;
        }
        int flags = flags_of(collector, collector->current, name);
        const char *message = directive_error(errors, flags);
        if (message != NULL) {
            return name_error_at(collector, SPAN_OF(node), message, identifier);
        }
        if (define(collector, identifier, errors->flag, SPAN_OF(node)) < 0
            || record_directive(collector, identifier, SPAN_OF(node)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The name that `import a.b.c` binds: `a`. */
static int
define_first_part(Collector *collector, alias_ty node, Py_ssize_t length)
{
    PyObject *first = PyUnicode_Substring(node->name, 0, length);
    if (first == NULL) {
        return -1;
    }
    int result = define(collector, first, SYMBOL_IMPORTED, SPAN_OF(node));
    Py_DECREF(first);
    return result;
}

static int
visit_alias(Collector *collector, alias_ty node)
{
    PyObject *identifier = node->asname != NULL ? node->asname : node->name;
    Py_ssize_t dot = PyUnicode_FindChar(identifier, '.', 0, PyUnicode_GET_LENGTH(identifier), 1);
    if (dot >= 0) {
        return define_first_part(collector, node, dot);
    }
    if (PyUnicode_CompareWithASCIIString(identifier, "*") != 0) {
        return define(collector, identifier, SYMBOL_IMPORTED, SPAN_OF(node));
    }
    if (collector->current->kind != SCOPE_MODULE) {
        return error_at(collector, SPAN_OF(node), "import * only allowed at module level");
    }
    return 0;
}

static int
visit_aliases(Collector *collector, const asdl_alias_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (visit_alias(collector, asdl_seq_GET(nodes, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* At module level an annotation may stand beside a global statement. */
static int
check_annotated_name(Collector *collector, stmt_ty node, PyObject *identifier)
{
    NameId name = mangled_id(collector, identifier);
    if (name == NAME_NONE) {
        return -1;
    }
    int flags = flags_of(collector, collector->current, name);
    if (!(flags & (SYMBOL_GLOBAL | SYMBOL_NONLOCAL)) || !node->v.AnnAssign.simple
        || collector->current == collector->scopes->top) {
        return 0;
    }
    return name_error_at(
        collector, SPAN_OF(node),
        flags & SYMBOL_GLOBAL ? global_errors.annotated : nonlocal_errors.annotated, identifier);
}

static int
visit_annotated_target(Collector *collector, stmt_ty node)
{
    expr_ty target = node->v.AnnAssign.target;
    if (target->kind != Name_kind) {
        return visit_expression(collector, target);
    }
    if (check_annotated_name(collector, node, target->v.Name.id) < 0) {
        return -1;
    }
    if (node->v.AnnAssign.simple) {
        return define(collector, target->v.Name.id, SYMBOL_ANNOTATED | SYMBOL_LOCAL,
                      SPAN_OF(target));
    }
    if (node->v.AnnAssign.value != NULL) {
        return define(collector, target->v.Name.id, SYMBOL_LOCAL, SPAN_OF(target));
    }
    return 0;
}

static int
visit_annotated_assignment(Collector *collector, stmt_ty node)
{
    if (visit_annotated_target(collector, node) < 0
        || visit_annotation(collector, node->v.AnnAssign.annotation) < 0) {
        return -1;
    }
    return visit_optional(collector, node->v.AnnAssign.value);
}

static int
visit_handlers(Collector *collector, const asdl_excepthandler_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        excepthandler_ty node = asdl_seq_GET(nodes, i);
        PyObject *identifier = node->v.ExceptHandler.name;
        if (visit_optional(collector, node->v.ExceptHandler.type) < 0
            || (identifier != NULL
                && define(collector, identifier, SYMBOL_LOCAL, SPAN_OF(node)) < 0)
            || visit_statements(collector, node->v.ExceptHandler.body) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Try and TryStar have the same fields. */
static int
visit_try(Collector *collector, stmt_ty node)
{
    if (visit_statements(collector, node->v.Try.body) < 0
        || visit_statements(collector, node->v.Try.orelse) < 0
        || visit_handlers(collector, node->v.Try.handlers) < 0) {
        return -1;
    }
    return visit_statements(collector, node->v.Try.finalbody);
}

/* With and AsyncWith have the same fields. */
static int
visit_with(Collector *collector, stmt_ty node)
{
    const asdl_withitem_seq *items = node->v.With.items;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(items); i++) {
        withitem_ty item = asdl_seq_GET(items, i);
        if (visit_expression(collector, item->context_expr) < 0
            || visit_optional(collector, item->optional_vars) < 0) {
            return -1;
        }
    }
    return visit_statements(collector, node->v.With.body);
}

/* For and AsyncFor have the same fields. */
static int
visit_for(Collector *collector, stmt_ty node)
{
    if (visit_expression(collector, node->v.For.target) < 0
        || visit_expression(collector, node->v.For.iter) < 0
        || visit_statements(collector, node->v.For.body) < 0) {
        return -1;
    }
    return visit_statements(collector, node->v.For.orelse);
}

/* If and While. */
static int
visit_conditional(Collector *collector, expr_ty test, const asdl_stmt_seq *body,
                  const asdl_stmt_seq *orelse)
{
    if (visit_expression(collector, test) < 0 || visit_statements(collector, body) < 0) {
        return -1;
    }
    return visit_statements(collector, orelse);
}

static int
visit_statement_fields(Collector *collector, stmt_ty node)
{
    switch (node->kind) {
    case FunctionDef_kind:
        return visit_function(collector, node, false);
    case AsyncFunctionDef_kind:
        return visit_function(collector, node, true);
    case ClassDef_kind:
        return visit_class(collector, node);
    case Return_kind:
        if (node->v.Return.value == NULL) {
            return 0;
        }
        collector->current->returns_value = true;
        return visit_expression(collector, node->v.Return.value);
    case Delete_kind:
        return visit_expressions(collector, node->v.Delete.targets);
    case Assign_kind:
        if (visit_expressions(collector, node->v.Assign.targets) < 0) {
            return -1;
        }
        return visit_expression(collector, node->v.Assign.value);
    case AugAssign_kind:
        if (visit_expression(collector, node->v.AugAssign.target) < 0) {
            return -1;
        }
        return visit_expression(collector, node->v.AugAssign.value);
    case AnnAssign_kind:
        return visit_annotated_assignment(collector, node);
    case AsyncFor_kind:
        collector->current->has_async_statement = true;
        return visit_for(collector, node);
    case For_kind:
        return visit_for(collector, node);
    case While_kind:
        return visit_conditional(collector, node->v.While.test, node->v.While.body,
                                 node->v.While.orelse);
    case If_kind:
        return visit_conditional(collector, node->v.If.test, node->v.If.body, node->v.If.orelse);
    case AsyncWith_kind:
        collector->current->has_async_statement = true;
        return visit_with(collector, node);
    case With_kind:
        return visit_with(collector, node);
    case Match_kind:
        if (visit_expression(collector, node->v.Match.subject) < 0) {
            return -1;
        }
        return visit_match_cases(collector, node->v.Match.cases);
    case Raise_kind:
        if (node->v.Raise.exc == NULL) {
            return 0;
        }
        if (visit_expression(collector, node->v.Raise.exc) < 0) {
            return -1;
        }
        return visit_optional(collector, node->v.Raise.cause);
    case Try_kind:
    case TryStar_kind:
        return visit_try(collector, node);
    case Assert_kind:
        if (visit_expression(collector, node->v.Assert.test) < 0) {
            return -1;
        }
        return visit_optional(collector, node->v.Assert.msg);
    case Import_kind:
        return visit_aliases(collector, node->v.Import.names);
    case ImportFrom_kind:
        return visit_aliases(collector, node->v.ImportFrom.names);
    case Global_kind:
        return visit_directive(collector, node, node->v.Global.names, &global_errors);
    case Nonlocal_kind:
        return visit_directive(collector, node, node->v.Nonlocal.names, &nonlocal_errors);
    case Expr_kind:
        return visit_expression(collector, node->v.Expr.value);
    case Pass_kind:
    case Break_kind:
    case Continue_kind:
        return 0;
    }
    return 0;
}

static int
visit_statement(Collector *collector, stmt_ty node)
{
    if (nesting_enter(&collector->nesting) < 0 || visit_statement_fields(collector, node) < 0) {
        return -1;
    }
    nesting_leave(&collector->nesting);
    return 0;
}

/* --- The whole tree --- */

static int
visit_tree(Collector *collector, mod_ty tree)
{
    switch (tree->kind) {
    case Module_kind:
        return visit_statements(collector, tree->v.Module.body);
    case Interactive_kind:
        return visit_statements(collector, tree->v.Interactive.body);
    case Expression_kind:
        return visit_expression(collector, tree->v.Expression.body);
    case FunctionType_kind:
        PyErr_SetString(PyExc_RuntimeError, "this compiler does not handle FunctionTypes");
        return -1;
    }
    return 0;
}

static int
collect(Scopes *scopes, mod_ty tree)
{
    Collector collector = {
        .scopes = scopes,
        .names = scopes->names,
        .keeps_annotations = scopes->future_features & CO_FUTURE_ANNOTATIONS,
        .own_mode_flags = scopes->future_features & PyCF_OWN_MODE ? scopes->future_features : 0,
    };
    Symbol *few[16] = {0};
    symbols_by_name_lend(&collector.seen, few, Py_ARRAY_LENGTH(few));
    collector.seen.count = Py_ARRAY_LENGTH(few);
    nesting_init(&collector.nesting);
    scopes->top = enter_known(&collector, SCOPE_MODULE, KNOWN_TOP, tree, (SourceSpan){0});
    int status = scopes->top != NULL ? visit_tree(&collector, tree) : -1;
    symbols_by_name_clear(&collector.seen);
    return status;
}

Scopes *
scopes_build(mod_ty tree, PyObject *filename, int future_features, Names *names, PyArena *arena)
{
    Scopes *scopes = arena_zeroed(arena, 1, sizeof(*scopes));
    if (scopes == NULL) {
        return NULL;
    }
    scopes->arena = arena;
    scopes->names = names;
    scopes->filename = filename;
    scopes->future_features = future_features;
    if (collect(scopes, tree) < 0 || scopes_resolve(scopes) < 0) {
        return NULL;
    }
    return scopes;
}
SHOWN_TO_STAGES(scopes_build);
