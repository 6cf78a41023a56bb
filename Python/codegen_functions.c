/* Code generation for what makes a code object of its own: functions, lambdas, classes and
   comprehensions.  The contract is in codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_runtime.h"
#include "codegen.h"

/* The parts of a function that MAKE_FUNCTION finds on the stack. */
enum { HAS_DEFAULTS = 1, HAS_KEYWORD_DEFAULTS = 2, HAS_ANNOTATIONS = 4 };

/* ---- Arguments ---- */

static int
refuse_debug_arguments(Compiler *compiler, asdl_arg_seq *arguments)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(arguments); i++) {
        TRY(refuse_forbidden_name(compiler, asdl_seq_GET(arguments, i)->arg, Store));
    }
    return 0;
}

static int
refuse_debug_argument(Compiler *compiler, arg_ty argument)
{
    return argument == NULL ? 0 : refuse_forbidden_name(compiler, argument->arg, Store);
}

static int
check_arguments(Compiler *compiler, arguments_ty arguments)
{
    TRY(refuse_debug_arguments(compiler, arguments->posonlyargs));
    TRY(refuse_debug_arguments(compiler, arguments->args));
    TRY(refuse_debug_argument(compiler, arguments->vararg));
    TRY(refuse_debug_arguments(compiler, arguments->kwonlyargs));
    return refuse_debug_argument(compiler, arguments->kwarg);
}

static Py_ssize_t
count_present(asdl_expr_seq *expressions)
{
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(expressions); i++) {
        count += asdl_seq_GET(expressions, i) != NULL;
    }
    return count;
}

/* The mangled names of the keyword-only arguments that have a default. */
static PyObject *
names_with_default(Compiler *compiler, arguments_ty arguments, Py_ssize_t count)
{
    PyObject *names = PyTuple_New(count);
    if (names == NULL) {
        return NULL;
    }
    Py_ssize_t filled = 0;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(arguments->kwonlyargs); i++) {
        if (asdl_seq_GET(arguments->kw_defaults, i) == NULL) {
            continue;
        }
        PyObject *name = mangled_name(compiler, asdl_seq_GET(arguments->kwonlyargs, i)->arg);
        if (name == NULL) {
            Py_DECREF(names);
            return NULL;
        }
        PyTuple_SET_ITEM(names, filled++, Py_NewRef(name));
    }
    return names;
}

static int
codegen_keyword_defaults(Compiler *compiler, arguments_ty arguments)
{
    Py_ssize_t count = count_present(arguments->kw_defaults);
    if (count == 0) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(arguments->kw_defaults); i++) {
        expr_ty value = asdl_seq_GET(arguments->kw_defaults, i);
        if (value != NULL) {
            TRY(codegen_expression(compiler, value));
        }
    }
    TRY(emit_new_constant(compiler, names_with_default(compiler, arguments, count)));
    TRY(emit_with(compiler, BUILD_CONST_KEY_MAP, count));
    return HAS_KEYWORD_DEFAULTS;
}

/* Returns which parts are on the stack. */
static int
codegen_defaults(Compiler *compiler, arguments_ty arguments)
{
    int parts = 0;
    if (asdl_seq_LEN(arguments->defaults) > 0) {
        TRY(codegen_expressions(compiler, arguments->defaults));
        TRY(emit_with(compiler, BUILD_TUPLE, asdl_seq_LEN(arguments->defaults)));
        parts |= HAS_DEFAULTS;
    }
    int keyword_part = codegen_keyword_defaults(compiler, arguments);
    return keyword_part < 0 ? -1 : parts | keyword_part;
}

static void
count_arguments(Compiler *compiler, arguments_ty arguments)
{
    CodeUnit *unit = compiler->unit;
    unit->argument_count = asdl_seq_LEN(arguments->args);
    unit->positional_only_count = asdl_seq_LEN(arguments->posonlyargs);
    unit->keyword_only_count = asdl_seq_LEN(arguments->kwonlyargs);
}

/* ---- Annotations ---- */

int
codegen_annotation_text(Compiler *compiler, expr_ty annotation)
{
    return emit_new_constant(compiler, _PyAST_ExprAsUnicode(annotation));
}

static int
codegen_annotation_value(Compiler *compiler, expr_ty annotation)
{
    if (compiler->flags & CO_FUTURE_ANNOTATIONS) {
        return codegen_annotation_text(compiler, annotation);
    }
    if (annotation->kind == Starred_kind) {
        TRY(codegen_expression(compiler, annotation->v.Starred.value));
        return emit_with(compiler, UNPACK_SEQUENCE, 1);
    }
    return codegen_expression(compiler, annotation);
}

/* Returns how many items are on the stack for the annotation, 0 when there is none. */
static int
codegen_annotation(Compiler *compiler, PyObject *name, expr_ty annotation)
{
    if (annotation == NULL) {
        return 0;
    }
    PyObject *mangled = mangled_name(compiler, name);
    if (mangled == NULL) {
        return -1;
    }
    TRY(emit_constant(compiler, mangled));
    TRY(codegen_annotation_value(compiler, annotation));
    return 2;
}

static int
annotate_arguments(Compiler *compiler, asdl_arg_seq *arguments)
{
    int items = 0;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(arguments); i++) {
        arg_ty argument = asdl_seq_GET(arguments, i);
        int more = codegen_annotation(compiler, argument->arg, argument->annotation);
        TRY(more);
        items += more;
    }
    return items;
}

static int
annotate_argument(Compiler *compiler, arg_ty argument)
{
    return argument == NULL ? 0 : codegen_annotation(compiler, argument->arg, argument->annotation);
}

static int
annotate_return(Compiler *compiler, expr_ty returns)
{
    NameId name = names_known(compiler->names, KNOWN_RETURN);
    TRY(name);
    return codegen_annotation(compiler, names_string(compiler->names, name), returns);
}

static int
codegen_annotations(Compiler *compiler, arguments_ty arguments, expr_ty returns)
{
    int items = 0;
    int more;
    TRY(more = annotate_arguments(compiler, arguments->args));
    items += more;
    TRY(more = annotate_arguments(compiler, arguments->posonlyargs));
    items += more;
    TRY(more = annotate_argument(compiler, arguments->vararg));
    items += more;
    TRY(more = annotate_arguments(compiler, arguments->kwonlyargs));
    items += more;
    TRY(more = annotate_argument(compiler, arguments->kwarg));
    items += more;
    TRY(more = annotate_return(compiler, returns));
    items += more;
    if (items == 0) {
        return 0;
    }
    TRY(emit_with(compiler, BUILD_TUPLE, items));
    return HAS_ANNOTATIONS;
}

/* ---- Decorators ---- */

static int
apply_decorators(Compiler *compiler, asdl_expr_seq *decorators)
{
    Location outer = compiler->unit->where;
    for (Py_ssize_t i = asdl_seq_LEN(decorators) - 1; i >= 0; i--) {
        set_location(compiler, LOCATION_OF(asdl_seq_GET(decorators, i)));
        TRY(emit_with(compiler, PRECALL, 0));
        TRY(emit_with(compiler, CALL, 0));
    }
    set_location(compiler, outer);
    return 0;
}

/* A decorated function begins with its first decorator. */
static int
first_line(stmt_ty statement, asdl_expr_seq *decorators)
{
    return asdl_seq_LEN(decorators) > 0 ? asdl_seq_GET(decorators, 0)->lineno : statement->lineno;
}

/* ---- Functions ---- */

/* The documentation is the first constant, None where there is none. */
static int
codegen_function_body(Compiler *compiler, asdl_stmt_seq *body)
{
    PyObject *documentation = compiler->optimize < 2 ? _PyAST_GetDocString(body) : NULL;
    TRY(unit_constant(compiler, documentation != NULL ? documentation : Py_None));
    for (Py_ssize_t i = documentation != NULL; i < asdl_seq_LEN(body); i++) {
        TRY(codegen_statement(compiler, asdl_seq_GET(body, i)));
    }
    return 0;
}

static PyCodeObject *
function_code(Compiler *compiler, arguments_ty arguments, asdl_stmt_seq *body)
{
    count_arguments(compiler, arguments);
    PyCodeObject *code = NULL;
    if (codegen_function_body(compiler, body) == 0) {
        code = unit_assemble(compiler, 1);
    }
    unit_leave(compiler);
    return code;
}

int
codegen_function(Compiler *compiler, stmt_ty statement, bool is_async)
{
    /* FunctionDef and AsyncFunctionDef have the same members in the same places. */
    arguments_ty arguments = statement->v.FunctionDef.args;
    asdl_expr_seq *decorators = statement->v.FunctionDef.decorator_list;
    CodeUnit unit;
    TRY(check_arguments(compiler, arguments));
    TRY(codegen_expressions(compiler, decorators));
    int parts = codegen_defaults(compiler, arguments);
    TRY(parts);
    int annotations = codegen_annotations(compiler, arguments, statement->v.FunctionDef.returns);
    TRY(annotations);
    TRY(unit_enter(compiler, &unit, is_async ? UNIT_ASYNC_FUNCTION : UNIT_FUNCTION,
                   statement->v.FunctionDef.name, statement, first_line(statement, decorators)));
    PyCodeObject *code = function_code(compiler, arguments, statement->v.FunctionDef.body);
    TRY(emit_function(compiler, code, &unit, parts | annotations));
    TRY(apply_decorators(compiler, decorators));
    return emit_variable(compiler, statement->v.FunctionDef.name, Store);
}

static int
codegen_lambda_body(Compiler *compiler, expr_ty lambda)
{
    /* Nothing but None may be taken for the documentation. */
    TRY(unit_constant(compiler, Py_None));
    count_arguments(compiler, lambda->v.Lambda.args);
    return codegen_expression(compiler, lambda->v.Lambda.body);
}

static PyCodeObject *
lambda_code(Compiler *compiler, expr_ty lambda)
{
    bool is_generator = compiler->unit->scope->is_generator;
    PyCodeObject *code = NULL;
    if (codegen_lambda_body(compiler, lambda) == 0
        && (is_generator || emit(compiler, RETURN_VALUE) == 0)) {
        code = unit_assemble(compiler, !is_generator);
    }
    unit_leave(compiler);
    return code;
}

int
codegen_lambda(Compiler *compiler, expr_ty lambda)
{
    CodeUnit unit;
    TRY(check_arguments(compiler, lambda->v.Lambda.args));
    int parts = codegen_defaults(compiler, lambda->v.Lambda.args);
    TRY(parts);
    TRY(unit_enter(compiler, &unit, UNIT_LAMBDA, &_Py_STR(anon_lambda), lambda, lambda->lineno));
    PyCodeObject *code = lambda_code(compiler, lambda);
    return emit_function(compiler, code, &unit, parts);
}

/* ---- Classes ---- */

/* A class whose methods use __class__ or super() returns the cell of it, for type() to fill. */
static int
return_class_cell(Compiler *compiler)
{
    no_location(compiler);
    if (compiler->unit->scope->needs_class_closure) {
        TRY(emit_with(compiler, LOAD_CLOSURE, 0));
        TRY(emit_with(compiler, COPY, 1));
        TRY(emit_known_variable(compiler, KNOWN_DUNDER_CLASSCELL, Store));
    }
    else {
        TRY(emit_none(compiler));
    }
    return emit(compiler, RETURN_VALUE);
}

static int
codegen_class_body(Compiler *compiler, asdl_stmt_seq *body)
{
    TRY(emit_known_variable(compiler, KNOWN_DUNDER_NAME, Load));
    TRY(emit_known_variable(compiler, KNOWN_DUNDER_MODULE, Store));
    TRY(emit_constant(compiler, compiler->unit->qualified_name));
    TRY(emit_known_variable(compiler, KNOWN_DUNDER_QUALNAME, Store));
    TRY(codegen_body(compiler, body));
    return return_class_cell(compiler);
}

static PyCodeObject *
class_code(Compiler *compiler, asdl_stmt_seq *body)
{
    PyCodeObject *code = NULL;
    if (codegen_class_body(compiler, body) == 0) {
        code = unit_assemble(compiler, 1);
    }
    unit_leave(compiler);
    return code;
}

int
codegen_class(Compiler *compiler, stmt_ty statement)
{
    PyObject *name = statement->v.ClassDef.name;
    asdl_expr_seq *decorators = statement->v.ClassDef.decorator_list;
    CodeUnit unit;
    TRY(codegen_expressions(compiler, decorators));
    TRY(unit_enter(compiler, &unit, UNIT_CLASS, name, statement,
                   first_line(statement, decorators)));
    PyCodeObject *code = class_code(compiler, statement->v.ClassDef.body);
    if (code == NULL) {
        return -1;
    }
    set_location(compiler, LOCATION_OF(statement));
    if (emit(compiler, PUSH_NULL) < 0 || emit(compiler, LOAD_BUILD_CLASS) < 0) {
        Py_DECREF(code);
        return -1;
    }
    TRY(emit_function(compiler, code, &unit, 0));
    TRY(emit_constant(compiler, name));
    TRY(codegen_call_arguments(compiler, 2, statement->v.ClassDef.bases,
                               statement->v.ClassDef.keywords));
    TRY(apply_decorators(compiler, decorators));
    return emit_variable(compiler, name, Store);
}

/* ---- Comprehensions ---- */

typedef struct Comprehension Comprehension;
struct Comprehension {
    ComprehensionKind kind;
    PyObject *name;
    asdl_comprehension_seq *generators;
    expr_ty element; /* of a dict comprehension: the key */
    expr_ty value;
    uint8_t build; /* opcodes */
    uint8_t add;
};

static Comprehension
comprehension_of(expr_ty expression)
{
    switch (expression->kind) {
    case ListComp_kind:
        return (Comprehension){
            COMPREHENSION_LIST,
            &_Py_STR(anon_listcomp),
            expression->v.ListComp.generators,
            expression->v.ListComp.elt,
            NULL,
            BUILD_LIST,
            LIST_APPEND,
        };
    case SetComp_kind:
        return (Comprehension){
            COMPREHENSION_SET,
            &_Py_STR(anon_setcomp),
            expression->v.SetComp.generators,
            expression->v.SetComp.elt,
            NULL,
            BUILD_SET,
            SET_ADD,
        };
    case DictComp_kind:
        return (Comprehension){
            COMPREHENSION_DICT,
            &_Py_STR(anon_dictcomp),
            expression->v.DictComp.generators,
            expression->v.DictComp.key,
            expression->v.DictComp.value,
            BUILD_MAP,
            MAP_ADD,
        };
    default:
        return (Comprehension){
            COMPREHENSION_GENERATOR,
            &_Py_STR(anon_genexpr),
            expression->v.GeneratorExp.generators,
            expression->v.GeneratorExp.elt,
            NULL,
            0,
            0,
        };
    }
}

/* The innermost loop's body: what is made goes below `depth` iterators. */
static int
codegen_element(Compiler *compiler, const Comprehension *comprehension, int depth)
{
    TRY(codegen_expression(compiler, comprehension->element));
    if (comprehension->kind == COMPREHENSION_GENERATOR) {
        TRY(codegen_yield(compiler));
        return emit(compiler, POP_TOP);
    }
    if (comprehension->value != NULL) {
        TRY(codegen_expression(compiler, comprehension->value));
    }
    return emit_with(compiler, comprehension->add, depth + 1);
}

/* The loop of one `for` clause, between its beginning and its end. */
typedef struct {
    Label start;
    Label skip;   /* to the next item */
    Label end;    /* of an asynchronous loop: the handler */
    bool assigns; /* there is no loop, see single_element() */
} ClauseLoop;

static int
new_loop(Compiler *compiler, ClauseLoop *loop)
{
    TRY(loop->start = new_label(compiler));
    TRY(loop->skip = new_label(compiler));
    return loop->end = new_label(compiler);
}

/* `for x in [y]` assigns: the only element of such a list or tuple, otherwise NULL. */
static expr_ty
single_element(expr_ty iterable)
{
    asdl_expr_seq *elements = iterable->kind == List_kind    ? iterable->v.List.elts
                              : iterable->kind == Tuple_kind ? iterable->v.Tuple.elts
                                                             : NULL;
    if (asdl_seq_LEN(elements) != 1 || asdl_seq_GET(elements, 0)->kind == Starred_kind) {
        return NULL;
    }
    return asdl_seq_GET(elements, 0);
}

/* The outermost iterator is the comprehension's argument. */
static int
load_outermost(Compiler *compiler)
{
    compiler->unit->argument_count = 1;
    return emit_with(compiler, LOAD_FAST, 0);
}

static int
begin_sync_loop(Compiler *compiler, comprehension_ty clause, bool is_outermost, ClauseLoop *loop)
{
    expr_ty assigned = is_outermost ? NULL : single_element(clause->iter);
    loop->assigns = assigned != NULL;
    if (loop->assigns) {
        return codegen_expression(compiler, assigned);
    }
    if (is_outermost) {
        TRY(load_outermost(compiler));
    }
    else {
        TRY(codegen_expression(compiler, clause->iter));
        TRY(emit(compiler, GET_ITER));
    }
    TRY(place_label(compiler, loop->start));
    return emit_jump(compiler, FOR_ITER, loop->end);
}

static int
begin_async_loop(Compiler *compiler, comprehension_ty clause, bool is_outermost, ClauseLoop *loop)
{
    loop->assigns = false;
    if (is_outermost) {
        TRY(load_outermost(compiler));
    }
    else {
        TRY(codegen_expression(compiler, clause->iter));
        TRY(emit(compiler, GET_AITER));
    }
    TRY(place_label(compiler, loop->start));
    TRY(frame_push(compiler, FRAME_ASYNC_COMPREHENSION, loop->start, NO_LABEL));
    return codegen_await_next(compiler, loop->end);
}

/* Up to where the next loop, or the element, stands. */
static int
begin_loop(Compiler *compiler, comprehension_ty clause, bool is_outermost, ClauseLoop *loop)
{
    TRY(new_loop(compiler, loop));
    TRY(clause->is_async ? begin_async_loop(compiler, clause, is_outermost, loop)
                         : begin_sync_loop(compiler, clause, is_outermost, loop));
    TRY(codegen_expression(compiler, clause->target));
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(clause->ifs); i++) {
        TRY(codegen_jump_if(compiler, asdl_seq_GET(clause->ifs, i), loop->skip, 0));
    }
    return 0;
}

static int
end_loop(Compiler *compiler, comprehension_ty clause, const ClauseLoop *loop)
{
    TRY(place_label(compiler, loop->skip));
    if (loop->assigns) {
        return 0;
    }
    TRY(emit_jump(compiler, JUMP, loop->start));
    if (!clause->is_async) {
        return place_label(compiler, loop->end);
    }
    frame_pop(compiler);
    TRY(place_label(compiler, loop->end));
    return emit(compiler, END_ASYNC_FOR);
}

/* All loops.  There is no limit to the number of clauses, so they do not take stack. */
static int
codegen_loops(Compiler *compiler, const Comprehension *comprehension)
{
    asdl_comprehension_seq *clauses = comprehension->generators;
    Py_ssize_t count = asdl_seq_LEN(clauses);
    ClauseLoop *loops = arena_array(compiler->arena, (size_t)count, sizeof(*loops));
    if (loops == NULL) {
        return -1;
    }
    int iterators = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        TRY(begin_loop(compiler, asdl_seq_GET(clauses, i), i == 0, &loops[i]));
        iterators += !loops[i].assigns;
    }
    TRY(codegen_element(compiler, comprehension, iterators));
    while (count-- > 0) {
        TRY(end_loop(compiler, asdl_seq_GET(clauses, count), &loops[count]));
    }
    return 0;
}

/* `around` is the unit that the comprehension is part of. */
static int
check_async_comprehension(Compiler *compiler, const Comprehension *comprehension,
                          const CodeUnit *around, bool may_await)
{
    if (compiler->unit->scope->is_coroutine && comprehension->kind != COMPREHENSION_GENERATOR
        && around->kind != UNIT_ASYNC_FUNCTION && around->kind != UNIT_COMPREHENSION
        && !may_await) {
        return codegen_error(compiler, "asynchronous comprehension outside of an asynchronous "
                                       "function");
    }
    return 0;
}

static int
codegen_comprehension_body(Compiler *compiler, const Comprehension *comprehension)
{
    if (comprehension->kind == COMPREHENSION_GENERATOR) {
        return codegen_loops(compiler, comprehension);
    }
    TRY(emit_with(compiler, comprehension->build, 0));
    TRY(codegen_loops(compiler, comprehension));
    return emit(compiler, RETURN_VALUE);
}

static PyCodeObject *
comprehension_code(Compiler *compiler, const Comprehension *comprehension, const CodeUnit *around,
                   bool may_await, Location where)
{
    PyCodeObject *code = NULL;
    set_location(compiler, where);
    if (check_async_comprehension(compiler, comprehension, around, may_await) == 0
        && codegen_comprehension_body(compiler, comprehension) == 0) {
        code = unit_assemble(compiler, 1);
    }
    unit_leave(compiler);
    return code;
}

int
codegen_comprehension(Compiler *compiler, expr_ty expression)
{
    Comprehension comprehension = comprehension_of(expression);
    comprehension_ty outermost = asdl_seq_GET(comprehension.generators, 0);
    CodeUnit *around = compiler->unit;
    bool may_await = unit_may_await_at_top_level(compiler);
    CodeUnit unit;
    TRY(unit_enter(compiler, &unit, UNIT_COMPREHENSION, comprehension.name, expression,
                   expression->lineno));
    PyCodeObject *code =
        comprehension_code(compiler, &comprehension, around, may_await, LOCATION_OF(expression));
    bool is_async = unit.scope->is_coroutine;
    TRY(emit_function(compiler, code, &unit, 0));
    TRY(codegen_expression(compiler, outermost->iter));
    TRY(emit(compiler, outermost->is_async ? GET_AITER : GET_ITER));
    TRY(emit_with(compiler, PRECALL, 0));
    TRY(emit_with(compiler, CALL, 0));
    if (is_async && comprehension.kind != COMPREHENSION_GENERATOR) {
        return codegen_await(compiler, 0);
    }
    return 0;
}
