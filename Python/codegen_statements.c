/* Code generation for simple statements and the bodies they stand in.  The contract is in
   codegen.h; statements that direct control are in codegen_control.c, match in
   codegen_patterns.c, def and class in codegen_functions.c, import in codegen_imports.c. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_runtime.h"
#include "codegen.h"

/* ---- Assignments ---- */

static int
codegen_assign(Compiler *compiler, stmt_ty statement)
{
    asdl_expr_seq *targets = statement->v.Assign.targets;
    Py_ssize_t count = asdl_seq_LEN(targets);
    TRY(codegen_expression(compiler, statement->v.Assign.value));
    for (Py_ssize_t i = 0; i < count; i++) {
        if (i + 1 < count) {
            TRY(emit_with(compiler, COPY, 1));
        }
        TRY(codegen_expression(compiler, asdl_seq_GET(targets, i)));
    }
    return 0;
}

/* Loads the target's value, what is needed to store it again staying below. */
static int
load_augmented(Compiler *compiler, expr_ty target)
{
    switch (target->kind) {
    case Attribute_kind:
        TRY(codegen_expression(compiler, target->v.Attribute.value));
        TRY(emit_with(compiler, COPY, 1));
        locate_attribute(compiler, target);
        return emit_name(compiler, LOAD_ATTR, target->v.Attribute.attr);
    case Subscript_kind:
        TRY(codegen_expression(compiler, target->v.Subscript.value));
        TRY(codegen_expression(compiler, target->v.Subscript.slice));
        TRY(emit_with(compiler, COPY, 2));
        TRY(emit_with(compiler, COPY, 2));
        return emit(compiler, BINARY_SUBSCR);
    case Name_kind:
        return emit_variable(compiler, target->v.Name.id, Load);
    default:
        PyErr_Format(PyExc_SystemError, "invalid node type (%d) for augmented assignment",
                     target->kind);
        return -1;
    }
}

static int
store_augmented(Compiler *compiler, expr_ty target)
{
    switch (target->kind) {
    case Attribute_kind:
        locate_attribute(compiler, target);
        TRY(emit_with(compiler, SWAP, 2));
        return emit_name(compiler, STORE_ATTR, target->v.Attribute.attr);
    case Subscript_kind:
        TRY(emit_with(compiler, SWAP, 3));
        TRY(emit_with(compiler, SWAP, 2));
        return emit(compiler, STORE_SUBSCR);
    default:
        return emit_variable(compiler, target->v.Name.id, Store);
    }
}

static int
codegen_augmented_assign(Compiler *compiler, stmt_ty statement)
{
    expr_ty target = statement->v.AugAssign.target;
    Location where = compiler->unit->where;
    set_location(compiler, LOCATION_OF(target));
    TRY(load_augmented(compiler, target));
    set_location(compiler, where);
    TRY(codegen_expression(compiler, statement->v.AugAssign.value));
    TRY(codegen_binary(compiler, statement->v.AugAssign.op, true));
    set_location(compiler, LOCATION_OF(target));
    return store_augmented(compiler, target);
}

/* ---- Annotated assignments ---- */

static bool
stores_annotations(const Compiler *compiler)
{
    return compiler->unit->kind == UNIT_MODULE || compiler->unit->kind == UNIT_CLASS;
}

static int
evaluate(Compiler *compiler, expr_ty expression)
{
    TRY(codegen_expression(compiler, expression));
    return emit(compiler, POP_TOP);
}

/* Everything in the subscript of a target is evaluated, whether or not there is a value. */
static int
evaluate_subscript(Compiler *compiler, expr_ty expression)
{
    switch (expression->kind) {
    case Slice_kind:
        if (expression->v.Slice.lower != NULL) {
            TRY(evaluate(compiler, expression->v.Slice.lower));
        }
        if (expression->v.Slice.upper != NULL) {
            TRY(evaluate(compiler, expression->v.Slice.upper));
        }
        if (expression->v.Slice.step != NULL) {
            TRY(evaluate(compiler, expression->v.Slice.step));
        }
        return 0;
    case Tuple_kind:
        for (Py_ssize_t i = 0; i < asdl_seq_LEN(expression->v.Tuple.elts); i++) {
            TRY(evaluate_subscript(compiler, asdl_seq_GET(expression->v.Tuple.elts, i)));
        }
        return 0;
    default:
        return evaluate(compiler, expression);
    }
}

static int
store_annotation(Compiler *compiler, PyObject *name, expr_ty annotation)
{
    TRY(compiler->flags & CO_FUTURE_ANNOTATIONS ? codegen_annotation_text(compiler, annotation)
                                                : codegen_expression(compiler, annotation));
    TRY(emit_exact_name(compiler, LOAD_NAME, &_Py_ID(__annotations__)));
    PyObject *mangled = mangled_name(compiler, name);
    if (mangled == NULL) {
        return -1;
    }
    TRY(emit_constant(compiler, mangled));
    return emit(compiler, STORE_SUBSCR);
}

static int
check_annotated_target(Compiler *compiler, stmt_ty statement)
{
    expr_ty target = statement->v.AnnAssign.target;
    bool has_value = statement->v.AnnAssign.value != NULL;
    switch (target->kind) {
    case Name_kind:
        TRY(refuse_forbidden_name(compiler, target->v.Name.id, Store));
        if (statement->v.AnnAssign.simple && stores_annotations(compiler)) {
            return store_annotation(compiler, target->v.Name.id, statement->v.AnnAssign.annotation);
        }
        return 0;
    case Attribute_kind:
        TRY(refuse_forbidden_name(compiler, target->v.Attribute.attr, Store));
        return has_value ? 0 : evaluate(compiler, target->v.Attribute.value);
    case Subscript_kind:
        if (has_value) {
            return 0;
        }
        TRY(evaluate(compiler, target->v.Subscript.value));
        return evaluate_subscript(compiler, target->v.Subscript.slice);
    default:
        PyErr_Format(PyExc_SystemError, "invalid node type (%d) for annotated assignment",
                     target->kind);
        return -1;
    }
}

static int
codegen_annotated_assign(Compiler *compiler, stmt_ty statement)
{
    if (statement->v.AnnAssign.value != NULL) {
        TRY(codegen_expression(compiler, statement->v.AnnAssign.value));
        TRY(codegen_expression(compiler, statement->v.AnnAssign.target));
    }
    TRY(check_annotated_target(compiler, statement));
    if (statement->v.AnnAssign.simple || (compiler->flags & CO_FUTURE_ANNOTATIONS)
        || !stores_annotations(compiler)) {
        return 0;
    }
    return evaluate(compiler, statement->v.AnnAssign.annotation);
}

/* ---- Others ---- */

static bool
is_nonempty_tuple(expr_ty expression)
{
    if (expression->kind == Tuple_kind) {
        return asdl_seq_LEN(expression->v.Tuple.elts) > 0;
    }
    return expression->kind == Constant_kind && PyTuple_Check(expression->v.Constant.value)
           && PyTuple_GET_SIZE(expression->v.Constant.value) > 0;
}

static int
codegen_assert(Compiler *compiler, stmt_ty statement)
{
    if (is_nonempty_tuple(statement->v.Assert.test)) {
        TRY(codegen_warn(compiler, "assertion is always true, perhaps remove parentheses?"));
    }
    if (compiler->optimize > 0) {
        return 0;
    }
    Label end = new_label(compiler);
    TRY(end);
    TRY(codegen_jump_if(compiler, statement->v.Assert.test, end, 1));
    TRY(emit(compiler, LOAD_ASSERTION_ERROR));
    if (statement->v.Assert.msg != NULL) {
        TRY(codegen_expression(compiler, statement->v.Assert.msg));
        TRY(emit_with(compiler, PRECALL, 0));
        TRY(emit_with(compiler, CALL, 0));
    }
    TRY(emit_with(compiler, RAISE_VARARGS, 1));
    return place_label(compiler, end);
}

static int
codegen_raise(Compiler *compiler, stmt_ty statement)
{
    int count = 0;
    if (statement->v.Raise.exc != NULL) {
        TRY(codegen_expression(compiler, statement->v.Raise.exc));
        count++;
        if (statement->v.Raise.cause != NULL) {
            TRY(codegen_expression(compiler, statement->v.Raise.cause));
            count++;
        }
    }
    return emit_with(compiler, RAISE_VARARGS, count);
}

static int
codegen_expression_statement(Compiler *compiler, expr_ty value)
{
    if (compiler->is_interactive && compiler->nesting <= 1) {
        TRY(codegen_expression(compiler, value));
        return emit(compiler, PRINT_EXPR);
    }
    if (value->kind == Constant_kind) {
        return emit(compiler, NOP);
    }
    TRY(codegen_expression(compiler, value));
    no_location(compiler);
    return emit(compiler, POP_TOP);
}

/* ---- All statements ---- */

static int
dispatch(Compiler *compiler, stmt_ty statement)
{
    switch (statement->kind) {
    case FunctionDef_kind:
        return codegen_function(compiler, statement, false);
    case AsyncFunctionDef_kind:
        return codegen_function(compiler, statement, true);
    case ClassDef_kind:
        return codegen_class(compiler, statement);
    case Return_kind:
        return codegen_return(compiler, statement);
    case Delete_kind:
        return codegen_expressions(compiler, statement->v.Delete.targets);
    case Assign_kind:
        return codegen_assign(compiler, statement);
    case AugAssign_kind:
        return codegen_augmented_assign(compiler, statement);
    case AnnAssign_kind:
        return codegen_annotated_assign(compiler, statement);
    case For_kind:
        return codegen_for(compiler, statement);
    case AsyncFor_kind:
        return codegen_async_for(compiler, statement);
    case While_kind:
        return codegen_while(compiler, statement);
    case If_kind:
        return codegen_if(compiler, statement);
    case With_kind:
    case AsyncWith_kind:
        return codegen_with(compiler, statement);
    case Match_kind:
        return codegen_match(compiler, statement);
    case Raise_kind:
        return codegen_raise(compiler, statement);
    case Try_kind:
    case TryStar_kind:
        return codegen_try(compiler, statement);
    case Assert_kind:
        return codegen_assert(compiler, statement);
    case Import_kind:
        return codegen_import(compiler, statement);
    case ImportFrom_kind:
        return codegen_import_from(compiler, statement);
    case Global_kind:
    case Nonlocal_kind:
        return 0;
    case Expr_kind:
        return codegen_expression_statement(compiler, statement->v.Expr.value);
    case Pass_kind:
        return emit(compiler, NOP);
    case Break_kind:
        return codegen_break(compiler);
    case Continue_kind:
        return codegen_continue(compiler);
    }
    return 0;
}

int
codegen_statement(Compiler *compiler, stmt_ty statement)
{
    TRY(nesting_enter(&compiler->depth));
    set_location(compiler, LOCATION_OF(statement));
    TRY(dispatch(compiler, statement));
    nesting_leave(&compiler->depth);
    return 0;
}

int
codegen_statements(Compiler *compiler, asdl_stmt_seq *statements)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(statements); i++) {
        TRY(codegen_statement(compiler, asdl_seq_GET(statements, i)));
    }
    return 0;
}

/* ---- Bodies of modules and classes ---- */

static bool annotates(asdl_stmt_seq *);

static bool
handlers_annotate(asdl_excepthandler_seq *handlers)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(handlers); i++) {
        if (annotates(asdl_seq_GET(handlers, i)->v.ExceptHandler.body)) {
            return true;
        }
    }
    return false;
}

static bool
statement_annotates(stmt_ty statement)
{
    switch (statement->kind) {
    case AnnAssign_kind:
        return true;
    case For_kind:
    case AsyncFor_kind:
        return annotates(statement->v.For.body) || annotates(statement->v.For.orelse);
    case While_kind:
        return annotates(statement->v.While.body) || annotates(statement->v.While.orelse);
    case If_kind:
        return annotates(statement->v.If.body) || annotates(statement->v.If.orelse);
    case With_kind:
    case AsyncWith_kind:
        return annotates(statement->v.With.body);
    case Try_kind:
    case TryStar_kind:
        return handlers_annotate(statement->v.Try.handlers) || annotates(statement->v.Try.body)
               || annotates(statement->v.Try.finalbody) || annotates(statement->v.Try.orelse);
    default:
        return false;
    }
}

/* Whether an annotated assignment is among the statements, outside of functions and classes.
   CPython 3.11 does not look into match statements, so neither is it done here. */
static bool
annotates(asdl_stmt_seq *statements)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(statements); i++) {
        if (statement_annotates(asdl_seq_GET(statements, i))) {
            return true;
        }
    }
    return false;
}

static int
set_up_annotations(Compiler *compiler, asdl_stmt_seq *body)
{
    return compiler->has_annotations && annotates(body) ? emit(compiler, SETUP_ANNOTATIONS) : 0;
}

static int
store_documentation(Compiler *compiler, stmt_ty statement)
{
    TRY(codegen_expression(compiler, statement->v.Expr.value));
    no_location(compiler);
    return emit_known_variable(compiler, KNOWN_DUNDER_DOC, Store);
}

/* The statements of a body from `first` on.  Where imports are awaited, those that follow one
   another are awaited together. */
static int
codegen_own_statements(Compiler *compiler, asdl_stmt_seq *body, Py_ssize_t first)
{
    bool has_batches = unit_awaits_imports(compiler);
    for (Py_ssize_t i = first; i < asdl_seq_LEN(body);) {
        Py_ssize_t batched = has_batches ? codegen_count_batch(body, i) : 0;
        if (batched > 0) {
            TRY(codegen_import_batch(compiler, body, i, batched));
            i += batched;
            continue;
        }
        TRY(codegen_statement(compiler, asdl_seq_GET(body, i)));
        i++;
    }
    return 0;
}

int
codegen_body(Compiler *compiler, asdl_stmt_seq *body)
{
    Py_ssize_t first = 0;
    if (asdl_seq_LEN(body) > 0 && compiler->unit->kind == UNIT_MODULE) {
        set_location(compiler, LOCATION_OF(asdl_seq_GET(body, 0)));
    }
    TRY(set_up_annotations(compiler, body));
    if (compiler->optimize < 2 && asdl_seq_LEN(body) > 0 && _PyAST_GetDocString(body) != NULL) {
        TRY(store_documentation(compiler, asdl_seq_GET(body, 0)));
        first = 1;
    }
    return codegen_own_statements(compiler, body, first);
}

static int
codegen_interactive(Compiler *compiler, asdl_stmt_seq *body)
{
    TRY(set_up_annotations(compiler, body));
    compiler->is_interactive = true;
    return codegen_own_statements(compiler, body, 0);
}

static int
codegen_module_body(Compiler *compiler, mod_ty module)
{
    compiler->unit->where.line = 1;
    switch (module->kind) {
    case Module_kind:
        return codegen_body(compiler, module->v.Module.body);
    case Interactive_kind:
        return codegen_interactive(compiler, module->v.Interactive.body);
    case Expression_kind:
        return codegen_expression(compiler, module->v.Expression.body);
    default:
        PyErr_Format(PyExc_SystemError, "module kind %d should not be possible", module->kind);
        return -1;
    }
}

PyCodeObject *
codegen_module(Compiler *compiler, mod_ty module)
{
    CodeUnit unit;
    PyCodeObject *code = NULL;
    if (unit_enter(compiler, &unit, UNIT_MODULE, &_Py_STR(anon_module), module, 1) == 0) {
        if (codegen_module_body(compiler, module) == 0) {
            code = unit_assemble(compiler, module->kind != Expression_kind);
        }
        unit_leave(compiler);
    }
    return code;
}
