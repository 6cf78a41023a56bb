/* Folding: the walk over the tree.  See fold.h; the rules are in fold_constants.c and
 * fold_format.c.  Entry point: _PyAST_Optimize(). */

#include "fold.h"
#include "names.h"
#include "nesting.h"
#include "pycore_compile.h"
#include "stages.h"

#include <stdbool.h>

typedef struct Folder Folder;
struct Folder {
    PyArena *arena;
    Nesting nesting;
    bool debug;             /* the value of __debug__ */
    bool keeps_annotations; /* as text: from __future__ import annotations */
    int64_t expressions;    /* seen so far */
    int64_t constants;      /* among them */
    int64_t statements;
    int64_t branches;  /* among these: what makes blocks of its own */
    int64_t annotated; /* annotated assignments */
};

static int fold_nested(Folder *folder, expr_ty node);

static int
fold_name(Folder *folder, expr_ty node)
{
    if (node->v.Name.ctx != Load || !name_is_debug(node->v.Name.id)) {
        return 0;
    }
    return fold_to_constant(node, PyBool_FromLong(folder->debug), folder->arena);
}

/* Names and constants, which have nothing inside, are most of all expressions. */
static inline int
fold_expression(Folder *folder, expr_ty node)
{
    folder->expressions++;
    if (nesting_is_shallow(&folder->nesting)) {
        if (node->kind == Name_kind) {
            return fold_name(folder, node);
        }
        if (node->kind == Constant_kind) {
            folder->constants++;
            return 0;
        }
    }
    return fold_nested(folder, node);
}

static int fold_statement(Folder *folder, stmt_ty node);

/* --- Sequences --- */

/* An entry may be NULL where a value is left out: a key of `**mapping`, a missing default. */
static int
fold_expressions(Folder *folder, const asdl_expr_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        expr_ty node = asdl_seq_GET(nodes, i);
        if (node != NULL && fold_expression(folder, node) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
fold_optional(Folder *folder, expr_ty node)
{
    return node != NULL ? fold_expression(folder, node) : 0;
}

static int
fold_two(Folder *folder, expr_ty first, expr_ty second)
{
    if (fold_optional(folder, first) < 0) {
        return -1;
    }
    return fold_optional(folder, second);
}

static int
fold_statements(Folder *folder, const asdl_stmt_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (fold_statement(folder, asdl_seq_GET(nodes, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
fold_keywords(Folder *folder, const asdl_keyword_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (fold_expression(folder, asdl_seq_GET(nodes, i)->value) < 0) {
            return -1;
        }
    }
    return 0;
}

/* An expression statement that folding made a string must not become the docstring. */
static int
hide_docstring(Folder *folder, stmt_ty statement)
{
    asdl_expr_seq *values = _Py_asdl_expr_seq_new(1, folder->arena);
    if (values == NULL) {
        return -1;
    }
    asdl_seq_SET(values, 0, statement->v.Expr.value);
    expr_ty joined =
        _PyAST_JoinedStr(values, statement->lineno, statement->col_offset, statement->end_lineno,
                         statement->end_col_offset, folder->arena);
    if (joined == NULL) {
        return -1;
    }
    statement->v.Expr.value = joined;
    return 0;
}

/* Of a module, class or function. */
static int
fold_body(Folder *folder, asdl_stmt_seq *body)
{
    bool has_docstring = _PyAST_GetDocString(body) != NULL;
    if (fold_statements(folder, body) < 0) {
        return -1;
    }
    if (!has_docstring && _PyAST_GetDocString(body) != NULL) {
        return hide_docstring(folder, asdl_seq_GET(body, 0));
    }
    return 0;
}

/* --- Parameters and annotations --- */

static int
fold_annotation(Folder *folder, expr_ty node)
{
    return folder->keeps_annotations ? 0 : fold_optional(folder, node);
}

static int
fold_parameters(Folder *folder, const asdl_arg_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (fold_annotation(folder, asdl_seq_GET(nodes, i)->annotation) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
fold_arguments(Folder *folder, arguments_ty node)
{
    if (fold_parameters(folder, node->posonlyargs) < 0 || fold_parameters(folder, node->args) < 0
        || (node->vararg != NULL && fold_annotation(folder, node->vararg->annotation) < 0)
        || fold_parameters(folder, node->kwonlyargs) < 0
        || fold_expressions(folder, node->kw_defaults) < 0
        || (node->kwarg != NULL && fold_annotation(folder, node->kwarg->annotation) < 0)) {
        return -1;
    }
    return fold_expressions(folder, node->defaults);
}

/* --- Expressions --- */

static int
fold_loops(Folder *folder, const asdl_comprehension_seq *loops)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(loops); i++) {
        comprehension_ty loop = asdl_seq_GET(loops, i);
        if (fold_two(folder, loop->target, loop->iter) < 0
            || fold_expressions(folder, loop->ifs) < 0
            || fold_iterable(loop->iter, folder->arena) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
fold_compare(Folder *folder, expr_ty node)
{
    const asdl_expr_seq *comparators = node->v.Compare.comparators;
    if (fold_expression(folder, node->v.Compare.left) < 0
        || fold_expressions(folder, comparators) < 0) {
        return -1;
    }
    Py_ssize_t last = asdl_seq_LEN(comparators) - 1;
    int operator= asdl_seq_GET(node->v.Compare.ops, last);
    if (operator!= In && operator!= NotIn) {
        return 0;
    }
    return fold_iterable(asdl_seq_GET(comparators, last), folder->arena);
}

static int
fold_expression_fields(Folder *folder, expr_ty node)
{
    switch (node->kind) {
    case Name_kind:
        return fold_name(folder, node);
    case Constant_kind:
        return 0;
    case Attribute_kind:
        return fold_expression(folder, node->v.Attribute.value);
    case Call_kind:
        if (fold_expression(folder, node->v.Call.func) < 0
            || fold_expressions(folder, node->v.Call.args) < 0) {
            return -1;
        }
        return fold_keywords(folder, node->v.Call.keywords);
    case BoolOp_kind:
        return fold_expressions(folder, node->v.BoolOp.values);
    case BinOp_kind:
        if (fold_two(folder, node->v.BinOp.left, node->v.BinOp.right) < 0) {
            return -1;
        }
        return fold_binary(node, folder->arena);
    case UnaryOp_kind:
        if (fold_expression(folder, node->v.UnaryOp.operand) < 0) {
            return -1;
        }
        return fold_unary(node, folder->arena);
    case Lambda_kind:
        if (fold_arguments(folder, node->v.Lambda.args) < 0) {
            return -1;
        }
        return fold_expression(folder, node->v.Lambda.body);
    case IfExp_kind:
        if (fold_two(folder, node->v.IfExp.test, node->v.IfExp.body) < 0) {
            return -1;
        }
        return fold_expression(folder, node->v.IfExp.orelse);
    case Dict_kind:
        if (fold_expressions(folder, node->v.Dict.keys) < 0) {
            return -1;
        }
        return fold_expressions(folder, node->v.Dict.values);
    case Set_kind:
        return fold_expressions(folder, node->v.Set.elts);
    case ListComp_kind:
    case SetComp_kind:
    case GeneratorExp_kind:
        /* The three have the same fields. */
        if (fold_expression(folder, node->v.ListComp.elt) < 0) {
            return -1;
        }
        return fold_loops(folder, node->v.ListComp.generators);
    case DictComp_kind:
        if (fold_two(folder, node->v.DictComp.key, node->v.DictComp.value) < 0) {
            return -1;
        }
        return fold_loops(folder, node->v.DictComp.generators);
    case Await_kind:
        return fold_expression(folder, node->v.Await.value);
    case Yield_kind:
        return fold_optional(folder, node->v.Yield.value);
    case YieldFrom_kind:
        return fold_expression(folder, node->v.YieldFrom.value);
    case Compare_kind:
        return fold_compare(folder, node);
    case FormattedValue_kind:
        return fold_two(folder, node->v.FormattedValue.value, node->v.FormattedValue.format_spec);
    case JoinedStr_kind:
        return fold_expressions(folder, node->v.JoinedStr.values);
    case Subscript_kind:
        if (fold_two(folder, node->v.Subscript.value, node->v.Subscript.slice) < 0) {
            return -1;
        }
        return fold_subscript(node, folder->arena);
    case Starred_kind:
        return fold_expression(folder, node->v.Starred.value);
    case Slice_kind:
        if (fold_two(folder, node->v.Slice.lower, node->v.Slice.upper) < 0) {
            return -1;
        }
        return fold_optional(folder, node->v.Slice.step);
    case List_kind:
        return fold_expressions(folder, node->v.List.elts);
    case Tuple_kind:
        if (fold_expressions(folder, node->v.Tuple.elts) < 0) {
            return -1;
        }
        return fold_tuple(node, folder->arena);
    case NamedExpr_kind:
        return fold_expression(folder, node->v.NamedExpr.value);
    }
    return 0;
}

static int
fold_nested(Folder *folder, expr_ty node)
{
    if (nesting_enter(&folder->nesting) < 0 || fold_expression_fields(folder, node) < 0) {
        return -1;
    }
    nesting_leave(&folder->nesting);
    return 0;
}

/* --- Patterns --- */

static int fold_pattern(Folder *folder, pattern_ty node);

static int
fold_patterns(Folder *folder, const asdl_pattern_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (fold_pattern(folder, asdl_seq_GET(nodes, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What a pattern compares with may be an operation: `-1`, `1 + 2j`. */
static int
fold_pattern_fields(Folder *folder, pattern_ty node)
{
    switch (node->kind) {
    case MatchValue_kind:
        return fold_expression(folder, node->v.MatchValue.value);
    case MatchSequence_kind:
        return fold_patterns(folder, node->v.MatchSequence.patterns);
    case MatchMapping_kind:
        if (fold_expressions(folder, node->v.MatchMapping.keys) < 0) {
            return -1;
        }
        return fold_patterns(folder, node->v.MatchMapping.patterns);
    case MatchClass_kind:
        if (fold_expression(folder, node->v.MatchClass.cls) < 0
            || fold_patterns(folder, node->v.MatchClass.patterns) < 0) {
            return -1;
        }
        return fold_patterns(folder, node->v.MatchClass.kwd_patterns);
    case MatchAs_kind:
        if (node->v.MatchAs.pattern == NULL) {
            return 0;
        }
        return fold_pattern(folder, node->v.MatchAs.pattern);
    case MatchOr_kind:
        return fold_patterns(folder, node->v.MatchOr.patterns);
    case MatchSingleton_kind:
    case MatchStar_kind:
        return 0;
    }
    return 0;
}

static int
fold_pattern(Folder *folder, pattern_ty node)
{
    if (nesting_enter(&folder->nesting) < 0 || fold_pattern_fields(folder, node) < 0) {
        return -1;
    }
    nesting_leave(&folder->nesting);
    return 0;
}

static int
fold_match(Folder *folder, stmt_ty node)
{
    const asdl_match_case_seq *cases = node->v.Match.cases;
    if (fold_expression(folder, node->v.Match.subject) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(cases); i++) {
        match_case_ty at = asdl_seq_GET(cases, i);
        if (fold_pattern(folder, at->pattern) < 0 || fold_optional(folder, at->guard) < 0
            || fold_statements(folder, at->body) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- Statements --- */

/* FunctionDef and AsyncFunctionDef have the same fields. */
static int
fold_function(Folder *folder, stmt_ty node)
{
    if (fold_arguments(folder, node->v.FunctionDef.args) < 0
        || fold_body(folder, node->v.FunctionDef.body) < 0
        || fold_expressions(folder, node->v.FunctionDef.decorator_list) < 0) {
        return -1;
    }
    return fold_annotation(folder, node->v.FunctionDef.returns);
}

static int
fold_class(Folder *folder, stmt_ty node)
{
    if (fold_expressions(folder, node->v.ClassDef.bases) < 0
        || fold_keywords(folder, node->v.ClassDef.keywords) < 0
        || fold_body(folder, node->v.ClassDef.body) < 0) {
        return -1;
    }
    return fold_expressions(folder, node->v.ClassDef.decorator_list);
}

/* For and AsyncFor have the same fields. */
static int
fold_for(Folder *folder, stmt_ty node)
{
    folder->branches++;
    if (fold_two(folder, node->v.For.target, node->v.For.iter) < 0
        || fold_statements(folder, node->v.For.body) < 0
        || fold_statements(folder, node->v.For.orelse) < 0) {
        return -1;
    }
    if (node->kind == AsyncFor_kind) {
        return 0;
    }
    return fold_iterable(node->v.For.iter, folder->arena);
}

/* With and AsyncWith have the same fields. */
static int
fold_with(Folder *folder, stmt_ty node)
{
    const asdl_withitem_seq *items = node->v.With.items;
    folder->branches++;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(items); i++) {
        withitem_ty item = asdl_seq_GET(items, i);
        if (fold_two(folder, item->context_expr, item->optional_vars) < 0) {
            return -1;
        }
    }
    return fold_statements(folder, node->v.With.body);
}

/* Try and TryStar have the same fields. */
static int
fold_try(Folder *folder, stmt_ty node)
{
    const asdl_excepthandler_seq *handlers = node->v.Try.handlers;
    folder->branches++;
    if (fold_statements(folder, node->v.Try.body) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(handlers); i++) {
        excepthandler_ty handler = asdl_seq_GET(handlers, i);
        if (fold_optional(folder, handler->v.ExceptHandler.type) < 0
            || fold_statements(folder, handler->v.ExceptHandler.body) < 0) {
            return -1;
        }
    }
    if (fold_statements(folder, node->v.Try.orelse) < 0) {
        return -1;
    }
    return fold_statements(folder, node->v.Try.finalbody);
}

/* If and While. */
static int
fold_conditional(Folder *folder, expr_ty test, const asdl_stmt_seq *body,
                 const asdl_stmt_seq *orelse)
{
    folder->branches++;
    if (fold_expression(folder, test) < 0 || fold_statements(folder, body) < 0) {
        return -1;
    }
    return fold_statements(folder, orelse);
}

static int
fold_annotated_assignment(Folder *folder, stmt_ty node)
{
    folder->annotated++;
    if (fold_expression(folder, node->v.AnnAssign.target) < 0
        || fold_annotation(folder, node->v.AnnAssign.annotation) < 0) {
        return -1;
    }
    return fold_optional(folder, node->v.AnnAssign.value);
}

static int
fold_statement_fields(Folder *folder, stmt_ty node)
{
    switch (node->kind) {
    case FunctionDef_kind:
    case AsyncFunctionDef_kind:
        return fold_function(folder, node);
    case ClassDef_kind:
        return fold_class(folder, node);
    case Return_kind:
        return fold_optional(folder, node->v.Return.value);
    case Delete_kind:
        return fold_expressions(folder, node->v.Delete.targets);
    case Assign_kind:
        if (fold_expressions(folder, node->v.Assign.targets) < 0) {
            return -1;
        }
        return fold_expression(folder, node->v.Assign.value);
    case AugAssign_kind:
        return fold_two(folder, node->v.AugAssign.target, node->v.AugAssign.value);
    case AnnAssign_kind:
        return fold_annotated_assignment(folder, node);
    case For_kind:
    case AsyncFor_kind:
        return fold_for(folder, node);
    case While_kind:
        return fold_conditional(folder, node->v.While.test, node->v.While.body,
                                node->v.While.orelse);
    case If_kind:
        return fold_conditional(folder, node->v.If.test, node->v.If.body, node->v.If.orelse);
    case With_kind:
    case AsyncWith_kind:
        return fold_with(folder, node);
    case Match_kind:
        return fold_match(folder, node);
    case Raise_kind:
        return fold_two(folder, node->v.Raise.exc, node->v.Raise.cause);
    case Try_kind:
    case TryStar_kind:
        return fold_try(folder, node);
    case Assert_kind:
        return fold_two(folder, node->v.Assert.test, node->v.Assert.msg);
    case Expr_kind:
        return fold_expression(folder, node->v.Expr.value);
    case Import_kind:
    case ImportFrom_kind:
    case Global_kind:
    case Nonlocal_kind:
    case Pass_kind:
    case Break_kind:
    case Continue_kind:
        return 0;
    }
    return 0;
}

static int
fold_statement(Folder *folder, stmt_ty node)
{
    folder->statements++;
    if (nesting_enter(&folder->nesting) < 0 || fold_statement_fields(folder, node) < 0) {
        return -1;
    }
    nesting_leave(&folder->nesting);
    return 0;
}

/* --- The whole tree --- */

static int
fold_tree(Folder *folder, mod_ty tree)
{
    switch (tree->kind) {
    case Module_kind:
        return fold_body(folder, tree->v.Module.body);
    case Interactive_kind:
        return fold_statements(folder, tree->v.Interactive.body);
    case Expression_kind:
        return fold_expression(folder, tree->v.Expression.body);
    case FunctionType_kind:
        return 0;
    }
    return 0;
}

int
fold_and_survey(mod_ty tree, PyArena *arena, const _PyASTOptimizeState *state, TreeSurvey *survey)
{
    Folder folder = {
        .arena = arena,
        .debug = state->optimize == 0,
        .keeps_annotations = state->ff_features & CO_FUTURE_ANNOTATIONS,
    };
    nesting_init(&folder.nesting);
    int status = fold_tree(&folder, tree);
    survey->instructions = folder.expressions + 2 * folder.statements;
    survey->blocks = 2 * folder.branches;
    survey->constants = folder.constants;
    survey->has_annotations = folder.annotated > 0;
    return status;
}

int
_PyAST_Optimize(mod_ty tree, PyArena *arena, _PyASTOptimizeState *state)
{
    TreeSurvey survey;
    return fold_and_survey(tree, arena, state, &survey) == 0;
}
SHOWN_TO_STAGES(_PyAST_Optimize);
