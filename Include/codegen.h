/* Code generation: tree and scopes to instructions, one code unit at a time.

   In: a folded tree, its scopes and names.
   Out: for each module, class, function and comprehension a code object.
   Memory: a Compiler lives for one compile; the instruction store and the pools are shared
   by all its code units, nested units lying on top of those around them.  A CodeUnit lives on
   the C stack of the function that generates it.
   Errors: -1 with an exception set; nothing has to be released but what the Compiler holds.
   Entry: codegen_module().  This header is for the codegen_*.c files and compile.c only. */

#ifndef FRONTEND_CODEGEN_H
#define FRONTEND_CODEGEN_H

#include "Python.h"
#include "pycore_ast.h"
#include "constants.h"
#include "dump.h"
#include "instructions.h"
#include "names.h"
#include "nesting.h"
#include "pools.h"
#include "result.h"
#include "scopes.h"

typedef enum {
    UNIT_MODULE,
    UNIT_CLASS,
    UNIT_FUNCTION,
    UNIT_ASYNC_FUNCTION,
    UNIT_LAMBDA,
    UNIT_COMPREHENSION,
} UnitKind;

/* What surrounds a statement and has to be wound up when control leaves it. */
typedef enum {
    FRAME_WHILE,
    FRAME_FOR,
    FRAME_TRY,
    FRAME_FINALLY_BODY, /* finally: the statements to run */
    FRAME_FINALLY_HANDLER,
    FRAME_WITH,          /* statement */
    FRAME_ASYNC_WITH,    /* statement */
    FRAME_NAMED_HANDLER, /* name: the variable to clear, or NULL */
    FRAME_POP_VALUE,
    FRAME_HANDLER,
    FRAME_GROUP_HANDLER,
    FRAME_ASYNC_COMPREHENSION,
} FrameKind;

enum { MOST_FRAMES = CO_MAXBLOCKS };

typedef struct Frame Frame;
struct Frame {
    FrameKind kind;
    Label start; /* where `continue` goes */
    Label end;   /* where `break` goes */
    union {
        asdl_stmt_seq *finally;
        stmt_ty statement;
        PyObject *name;
    } of;
};

typedef struct CodeUnit CodeUnit;
struct CodeUnit {
    CodeUnit *around;
    Scope *scope;
    UnitKind kind;
    PyObject *name;           /* borrowed */
    PyObject *qualified_name; /* owned; NULL for a module */
    PyObject *inner_prefix;   /* owned; what units inside put before their own names */
    Py_ssize_t argument_count;
    Py_ssize_t positional_only_count;
    Py_ssize_t keyword_only_count;
    int first_line;
    int cell_count;
    int free_count;
    NameId *cell_names; /* cells, then free variables, each sorted; in the arena */
    bool is_coroutine;  /* top-level code found to await */

    Location where; /* of the instructions emitted next */
    Label entry;
    Label current;      /* the block being written; always the last in the store */
    uint8_t notes;      /* BLOCK_... of the block being written */
    uint8_t ends;       /* how its last instruction ended it, 0 while it did not */
    bool sets_handlers; /* an instruction has set up an exception handler */
    int instruction_base;
    int none_position;   /* of None among the constants, -1 when it is not there yet */
    int outer_constants; /* what pool_leave() gets */
    int outer_names;
    int outer_variables;

    int frame_count;
    Frame frames[MOST_FRAMES];
};

typedef struct Compiler Compiler;
struct Compiler {
    PyObject *filename;
    PyArena *arena;
    Scopes *scopes;
    Names *names;
    int flags; /* CO_FUTURE_* and PyCF_*, those of the source included */
    int last_future_line;
    bool has_annotations; /* an annotated assignment is somewhere in the tree */
    int optimize;
    bool is_interactive;
    int nesting; /* of code units */
    CodeUnit *unit;
    InstructionStore store;
    ConstantTable constants;
    Pool constant_pool;
    Pool name_pool;
    Pool variable_pool;
    SymbolsByName symbols;   /* of the unit entered last; some of those around */
    IntArray name_constants; /* see codebuilder.h */
    IntArray captures;       /* NameIds bound by the patterns in hand */
    IntArray failures;       /* labels of the ways out of the patterns in hand */
    Nesting depth;           /* of the C stack; the tree's own depth was checked before */
    DumpRequest *dump;       /* NULL when nothing is to be shown */
    bool only_looks;         /* nothing is emitted, and None stands for each code object: what is
                                left of generation is what it refuses and whether it awaits */
    bool is_async;           /* then: the module would be a coroutine */
};

/* ---- Code units: codegen_units.c ---- */

int unit_enter(Compiler *, CodeUnit *, UnitKind, PyObject *name, const void *node, int first_line);
void unit_leave(Compiler *);

/* Ends the unit's last block; `returns_none` when control may run off its end. */
int unit_close(Compiler *, int returns_none);
/* A module's first line is that of its first instruction. */
void unit_settle_first_line(Compiler *);

/* True for code outside functions and classes that may await. */
bool unit_may_await_at_top_level(const Compiler *);

/* True for code outside functions and classes whose imports are points of suspension. */
bool unit_awaits_imports(const Compiler *);

int unit_flags(const Compiler *);

/* ---- The stages behind: compile.c ---- */

/* The code object of the unit in hand; `returns_none` when control may run off its end. */
PyCodeObject *unit_assemble(Compiler *, int returns_none);

/* ---- Qualified names: codegen_qualname.c ---- */

/* A new reference. */
PyObject *unit_qualified_name(Compiler *, const CodeUnit *);

/* ---- Variables' numbers: codegen_slots.c ---- */

/* Numbers the parameters, cells and free variables of the unit in hand. */
int unit_number_variables(Compiler *);
/* The place among the locals of each cell and free variable; in the arena, NULL with MemoryError.
 */
int *unit_cell_slots(Compiler *);

/* ---- Functions of code objects: codegen_closures.c ---- */

/* Loads the code object and makes a function of it, with the cells it needs from the unit in
   hand.  `inner` is the unit left just now that it was made from; steals the code object. */
int emit_function(Compiler *, PyCodeObject *, const CodeUnit *inner, int parts);

/* ---- Emission: codegen_emit.c ---- */

int emit(Compiler *, int opcode);
int emit_with(Compiler *, int opcode, Py_ssize_t argument);
int emit_jump(Compiler *, int opcode, Label target);
int emit_at(Compiler *, int opcode, Py_ssize_t argument, Location where);
/* Artificial code: it takes the line of what comes before it. */
int emit_artificial(Compiler *, int opcode, Py_ssize_t argument);
int emit_constant(Compiler *, PyObject *constant);
/* Steals the reference; NULL is an exception set. */
int emit_new_constant(Compiler *, PyObject *constant);
int emit_none(Compiler *);

/* The position of a constant in the unit in hand. */
int unit_constant(Compiler *, PyObject *constant);

Label new_label(Compiler *);
int place_label(Compiler *, Label);
/* The block being written ends here. */
void finish_block(Compiler *);

/* ---- Names: codegen_names.c ---- */

/* An instruction whose argument is a name in co_names; the name is mangled. */
int emit_name(Compiler *, int opcode, PyObject *name);
/* The same for a name that is not mangled. */
int emit_exact_name(Compiler *, int opcode, PyObject *name);
/* Loads, stores or deletes a variable, wherever its scope keeps it. */
int emit_variable(Compiler *, PyObject *name, expr_context_ty);
int emit_known_variable(Compiler *, KnownName, expr_context_ty);

/* What a (mangled) name is in a scope, NULL when it is not there. */
Symbol *symbol_in(Compiler *, Scope *, NameId);

/* The mangled form of a name, borrowed. */
PyObject *mangled_name(Compiler *, PyObject *name);

/* ---- Places ---- */

#define LOCATION_OF(node)                                                                          \
    ((Location){(node)->lineno, (node)->end_lineno, (node)->col_offset, (node)->end_col_offset})

static inline void
set_location(Compiler *compiler, Location where)
{
    compiler->unit->where = where;
}

static inline void
no_location(Compiler *compiler)
{
    compiler->unit->where = NO_LOCATION;
}

/* ---- Errors: codegen_errors.c ---- */

/* SyntaxError at the location in hand; returns -1. */
int codegen_error(Compiler *, const char *format, ...);
/* SyntaxWarning at the location in hand; -1 when it is to be an error. */
int codegen_warn(Compiler *, const char *format, ...);
/* Refuses to store to or delete `__debug__`. */
int refuse_forbidden_name(Compiler *, PyObject *name, expr_context_ty);

/* ---- Frames: codegen_control.c ---- */

int frame_push(Compiler *, FrameKind, Label start, Label end);
void frame_pop(Compiler *);
static inline Frame *
frame_top(Compiler *compiler)
{
    return &compiler->unit->frames[compiler->unit->frame_count - 1];
}

/* ---- The tree ---- */

PyCodeObject *codegen_module(Compiler *, mod_ty);
int codegen_body(Compiler *, asdl_stmt_seq *);
int codegen_statement(Compiler *, stmt_ty);
int codegen_statements(Compiler *, asdl_stmt_seq *);
int codegen_expression(Compiler *, expr_ty);

/* One frame less for each level of nesting: how deeply returns are predicted is limited. */
static inline int
codegen_expressions(Compiler *compiler, asdl_expr_seq *expressions)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(expressions); i++) {
        if (codegen_expression(compiler, asdl_seq_GET(expressions, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Evaluates `test` and goes to `target` when it is `condition`. */
int codegen_jump_if(Compiler *, expr_ty test, Label target, int condition);
int codegen_comparison(Compiler *, cmpop_ty);
/* Awaits or delegates to what is on the stack, under the None to be sent first. */
int codegen_send_loop(Compiler *, int is_await);
/* Binary operator or its in-place form. */
int codegen_binary(Compiler *, operator_ty, bool in_place);
int codegen_yield(Compiler *);
/* The type of a literal or display, NULL for other expressions. */
PyTypeObject *codegen_literal_type(expr_ty);
int codegen_await(Compiler *, int awaitable_kind);

/* codegen_calls.c */
/* The first name that comes again: its index, and that of the next one like it in *again; the
   number of names when all are different, -1 with an exception.  NULLs are passed over. */
Py_ssize_t find_repeated_name(PyObject *const *names, Py_ssize_t count, Py_ssize_t *again);
int codegen_call(Compiler *, expr_ty);
int codegen_dict(Compiler *, expr_ty);
int codegen_call_arguments(Compiler *, int pushed, asdl_expr_seq *, asdl_keyword_seq *);
typedef enum { DISPLAY_LIST, DISPLAY_TUPLE, DISPLAY_SET } DisplayKind;
/* `pushed` parts are on the stack already. */
int codegen_display(Compiler *, asdl_expr_seq *, int pushed, DisplayKind);
/* An attribute's name is on the last line of its expression, which the location is moved to. */
void locate_attribute(Compiler *, expr_ty);

/* codegen_functions.c */
int codegen_function(Compiler *, stmt_ty, bool is_async);
int codegen_class(Compiler *, stmt_ty);
int codegen_lambda(Compiler *, expr_ty);
int codegen_comprehension(Compiler *, expr_ty);
int codegen_annotation_text(Compiler *, expr_ty);

/* codegen_control.c */
int codegen_if(Compiler *, stmt_ty);
int codegen_for(Compiler *, stmt_ty);
int codegen_async_for(Compiler *, stmt_ty);
int codegen_while(Compiler *, stmt_ty);
int codegen_break(Compiler *);
int codegen_continue(Compiler *);
int codegen_return(Compiler *, stmt_ty);
int codegen_try(Compiler *, stmt_ty);
int codegen_with(Compiler *, stmt_ty);
/* Asks an asynchronous iterator for its next value; an exception goes to `handler`, the end of
   the iteration among them. */
int codegen_await_next(Compiler *, Label handler);

/* codegen_imports.c */
int codegen_import(Compiler *, stmt_ty);
int codegen_import_from(Compiler *, stmt_ty);
/* The statements of a body from `first` on that are one batch of awaited imports: their number, 0
   where there is none. */
Py_ssize_t codegen_count_batch(asdl_stmt_seq *body, Py_ssize_t first);
/* Imports what `count` statements name at once, and binds each name at its own statement. */
int codegen_import_batch(Compiler *, asdl_stmt_seq *body, Py_ssize_t first, Py_ssize_t count);

/* codegen_patterns.c */
int codegen_match(Compiler *, stmt_ty);

#endif
