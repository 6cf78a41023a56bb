/* Scopes: what every name of every block of a tree means.
 *
 * scopes_build() takes a tree (already folded) and the names of the compile, walks the tree once
 * and returns its blocks: module, classes, functions, lambdas, comprehensions, each with its
 * symbols, and each symbol with its binding (local, global, free, cell).  All SyntaxErrors that
 * concern names and blocks are raised here.
 *
 * Everything lives in the arena; nothing has to be released.  After scopes_build() the structure
 * does not change any more, but for Symbol.slot, which belongs to the code generator.
 */
#ifndef FRONTEND_SCOPES_H
#define FRONTEND_SCOPES_H

#include "Python.h"
#include "pycore_ast.h"
#include "names.h"

#include <stdbool.h>
#include <stdint.h>

/* How a block treats a name, as a set of bits: the values of DEF_* and USE in
 * pycore_symtable.h, which the module `symtable` hands to Python. */
enum {
    SYMBOL_GLOBAL = 1 << 0, /* global statement */
    SYMBOL_LOCAL = 1 << 1,  /* assigned, deleted, defined, imported */
    SYMBOL_PARAMETER = 1 << 2,
    SYMBOL_NONLOCAL = 1 << 3, /* nonlocal statement */
    SYMBOL_USED = 1 << 4,
    SYMBOL_FREE = 1 << 5,       /* passed through to a nested block */
    SYMBOL_FREE_CLASS = 1 << 6, /* free in a method, and bound in the class itself as well */
    SYMBOL_IMPORTED = 1 << 7,
    SYMBOL_ANNOTATED = 1 << 8,
    SYMBOL_ITERATION = 1 << 9, /* iteration variable of a comprehension */

    SYMBOL_BOUND = SYMBOL_LOCAL | SYMBOL_PARAMETER | SYMBOL_IMPORTED,
};

/* Where a name is found: the values of LOCAL .. CELL in pycore_symtable.h. */
typedef enum {
    BINDING_NONE = 0,
    BINDING_LOCAL = 1,
    BINDING_GLOBAL_EXPLICIT = 2,
    BINDING_GLOBAL_IMPLICIT = 3,
    BINDING_FREE = 4,
    BINDING_CELL = 5,
} Binding;

typedef enum {
    SCOPE_MODULE,        /* node: mod_ty */
    SCOPE_CLASS,         /* node: stmt_ty */
    SCOPE_FUNCTION,      /* node: stmt_ty, FunctionDef or AsyncFunctionDef */
    SCOPE_LAMBDA,        /* node: expr_ty */
    SCOPE_COMPREHENSION, /* node: expr_ty, generator expressions included */
    SCOPE_ANNOTATION,    /* an annotation that is kept as text; in no list of children */
} ScopeKind;

typedef enum {
    COMPREHENSION_NONE = 0,
    COMPREHENSION_LIST = 1,
    COMPREHENSION_DICT = 2,
    COMPREHENSION_SET = 3,
    COMPREHENSION_GENERATOR = 4,
} ComprehensionKind;

typedef struct SourceSpan SourceSpan;
struct SourceSpan {
    int lineno;
    int col_offset;
    int end_lineno;
    int end_col_offset;
};

/* A name in a global or nonlocal statement, or what an assignment expression makes of one. */
typedef struct Directive Directive;
struct Directive {
    Directive *previous;
    NameId name;
    SourceSpan span;
};

typedef struct Symbol Symbol;
struct Symbol {
    NameId name;     /* mangled */
    uint16_t flags;  /* SYMBOL_* */
    uint8_t binding; /* Binding */
    uint8_t outside; /* what the name is around the block; for the analysis */
    int32_t slot;    /* -1; for the code generator's own use */
    int32_t block;   /* the number of the scope it belongs to */
};

/* Symbols never move: there are more of them in the next chunk. */
typedef struct SymbolChunk SymbolChunk;
struct SymbolChunk {
    SymbolChunk *next;
    int32_t count;
    int32_t capacity;
    Symbol symbols[];
};

typedef struct SymbolCursor SymbolCursor;
struct SymbolCursor {
    const SymbolChunk *chunk;
    int32_t at;
};

typedef struct Scope Scope;
struct Scope {
    const void *node;
    Scope *parent;      /* NULL for the module */
    Scope *first_child; /* in the order of the source */
    Scope *last_child;
    Scope *next_sibling;

    /* In order of first appearance.  The parameters come first, as the code object has them:
     * positional-only, positional, keyword-only, *args, **kwargs; ".0" of a comprehension.
     * Free variables that only nested blocks use are appended by the analysis. */
    SymbolChunk *symbols;
    SymbolChunk *last_symbols;
    int32_t symbol_count;
    int32_t parameter_count;
    int32_t number; /* from 1, in the order in which blocks are opened */
    uint32_t index_mask;
    Symbol **index;         /* open addressing by NameId, NULL if empty; for scope_symbol() */
    SymbolCursor unindexed; /* where the symbols begin that are not in the index yet */
    Directive *directives;  /* last one first */

    NameId name;          /* of the class or function; KNOWN_TOP, KNOWN_LAMBDA, ... */
    NameId private_class; /* innermost class, whose name mangles; NAME_NONE outside */
    SourceSpan span;      /* of the statement or expression; zeros for the module */

    uint8_t kind;             /* ScopeKind */
    uint8_t comprehension;    /* ComprehensionKind */
    bool is_nested;           /* inside a function, at any distance */
    bool has_free;            /* has free variables */
    bool child_has_free;      /* a nested block has, free references to globals included */
    bool is_generator;        /* yield, or a generator expression */
    bool is_coroutine;        /* async def, await, asynchronous comprehension */
    bool has_async_statement; /* async for or async with, not in a block inside */
    bool has_varargs;
    bool has_varkeywords;
    bool returns_value;
    bool needs_class_closure; /* class: a method uses __class__ or super */

    /* While the block is being collected. */
    bool in_iteration_target; /* of a comprehension */
    int iterable_depth;       /* of comprehensions' iterables around this place */
    /* While it is resolved: what __class__ means around a class. */
    uint8_t class_cell_outside;
};

typedef struct Scopes Scopes;
struct Scopes {
    PyArena *arena;
    Names *names;
    PyObject *filename; /* borrowed */
    Scope *top;
    int32_t count; /* annotations kept as text included */
    uint32_t node_mask;
    Scope **by_node; /* open addressing by address of the node */
    int future_features;
};

/* Collect and resolve.  `future_features` are CO_FUTURE_* bits.  Returns NULL with an exception
 * set: SyntaxError with the location, RecursionError, MemoryError. */
Scopes *scopes_build(mod_ty tree, PyObject *filename, int future_features, Names *names,
                     PyArena *arena);

/* The scope that a node opens, NULL if it opens none or lies in an annotation kept as text. */
Scope *scopes_at(const Scopes *scopes, const void *node);

/* The symbol of a (mangled) name in this very block, or NULL.  Sets no exception: where there is no
 * memory for an index, it takes longer. */
Symbol *scope_symbol(const Scopes *scopes, Scope *scope, NameId name);

static inline Symbol *
symbol_next(SymbolCursor *cursor)
{
    while (cursor->chunk != NULL) {
        if (cursor->at < cursor->chunk->count) {
            return (Symbol *)&cursor->chunk->symbols[cursor->at++];
        }
        if (cursor->chunk->next == NULL) {
            return NULL;
        }
        *cursor = (SymbolCursor){cursor->chunk->next, 0};
    }
    return NULL;
}

#define FOR_EACH_SYMBOL(scope, symbol)                                                             \
    for (SymbolCursor symbol##_cursor = {(scope)->symbols, 0};                                     \
         ((symbol) = symbol_next(&symbol##_cursor)) != NULL;)

/* Sorts by the text of the names; cannot fail, for n symbols in n log n steps. */
void symbols_sort(const Names *, Symbol **, int count);

/* By NameId: a symbol of that name in the block seen last, or NULL. */
DEFINE_ARRAY(SymbolsByName, Symbol *, symbols_by_name);

/* Makes room for at least `names` of them.  -1 with MemoryError. */
int symbols_by_name_extend(SymbolsByName *, int names);

/* Why code of the block cannot await, or return and yield, to be put behind a message; empty in
 * stock's modes.  `flags` are the compile's. */
const char *scope_await_advice(const Scope *scope, int flags);
const char *scope_function_advice(const Scope *scope, int flags);

/* Between the files of this stage: the second half of scopes_build(), and adding a symbol that the
 * block does not have. */
int scopes_resolve(Scopes *scopes);
Symbol *scope_add_symbol(Scopes *scopes, Scope *scope, NameId name);

/* Set the location of the SyntaxError that is raised; returns -1. */
int scopes_locate_error(const Scopes *scopes, SourceSpan span);

/* Whether names of the block live in an array of local variables. */
static inline bool
scope_is_function_like(const Scope *scope)
{
    return scope->kind >= SCOPE_FUNCTION && scope->kind <= SCOPE_COMPREHENSION;
}

#endif
