/* Validation: whether a tree that a program made obeys the rules of the abstract grammar that its
 * construction does not enforce.
 *
 * One walk, nothing is changed or allocated.  The first rule broken raises ValueError, TypeError
 * for the type of a constant.  The parser's own trees need no validation.
 *
 * CPython 3.11 differs in two cases.  After a rule broken in the keys of a mapping pattern, or in
 * the class or the attribute names of a class pattern, it goes on with that exception pending, and
 * what comes of it depends on what the next stages happen to call.  And it crashes on a list of
 * patterns, handlers or identifiers that has None in it, and on parts (arg, keyword, alias,
 * withitem, comprehension, match_case) that lack a required field: their construction leaves NULL
 * in the list, and an exception that may be lost on the way.  Here all of these raise at once.
 * Entry points: _PyAST_Validate(), and _PyAST_GetDocString(), which every stage shares. */

#include "Python.h"
#include "pycore_ast.h"

#include "nesting.h"
#include "stages.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

/* Every stage reads some kinds of nodes through the fields of another kind that has the same, and
 * the parser writes them so. */
#define SAME_FIELD(node, kind, other, field)                                                       \
    static_assert(offsetof(struct node, v.kind.field) == offsetof(struct node, v.other.field),     \
                  #kind " and " #other " differ in " #field)

SAME_FIELD(_stmt, FunctionDef, AsyncFunctionDef, name);
SAME_FIELD(_stmt, FunctionDef, AsyncFunctionDef, args);
SAME_FIELD(_stmt, FunctionDef, AsyncFunctionDef, body);
SAME_FIELD(_stmt, FunctionDef, AsyncFunctionDef, decorator_list);
SAME_FIELD(_stmt, FunctionDef, AsyncFunctionDef, returns);
SAME_FIELD(_stmt, FunctionDef, AsyncFunctionDef, type_comment);
SAME_FIELD(_stmt, For, AsyncFor, target);
SAME_FIELD(_stmt, For, AsyncFor, iter);
SAME_FIELD(_stmt, For, AsyncFor, body);
SAME_FIELD(_stmt, For, AsyncFor, orelse);
SAME_FIELD(_stmt, For, AsyncFor, type_comment);
SAME_FIELD(_stmt, With, AsyncWith, items);
SAME_FIELD(_stmt, With, AsyncWith, body);
SAME_FIELD(_stmt, With, AsyncWith, type_comment);
SAME_FIELD(_stmt, Try, TryStar, body);
SAME_FIELD(_stmt, Try, TryStar, handlers);
SAME_FIELD(_stmt, Try, TryStar, orelse);
SAME_FIELD(_stmt, Try, TryStar, finalbody);
SAME_FIELD(_expr, ListComp, SetComp, elt);
SAME_FIELD(_expr, ListComp, SetComp, generators);
SAME_FIELD(_expr, ListComp, GeneratorExp, elt);
SAME_FIELD(_expr, ListComp, GeneratorExp, generators);

typedef struct Validator Validator;
struct Validator {
    Nesting nesting;
};

static int check_statements(Validator *validator, const asdl_stmt_seq *nodes);
static int check_expression(Validator *validator, expr_ty node, expr_context_ty context);
static int check_pattern(Validator *validator, pattern_ty node, bool star_allowed);

PyObject *
_PyAST_GetDocString(asdl_stmt_seq *body)
{
    if (asdl_seq_LEN(body) == 0) {
        return NULL;
    }
    stmt_ty first = asdl_seq_GET(body, 0);
    if (first->kind != Expr_kind || first->v.Expr.value->kind != Constant_kind) {
        return NULL;
    }
    PyObject *value = first->v.Expr.value->v.Constant.value;
    return PyUnicode_CheckExact(value) ? value : NULL;
}

static int
invalid(const char *message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return -1;
}

/* For an entry of a list that must be there.  If its construction failed, that is raised. */
static int
check_present(const void *entry, const char *what)
{
    if (entry != NULL) {
        return 0;
    }
    if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "None disallowed in %s list", what);
    }
    return -1;
}

/* --- Positions, names, constants --- */

static int
check_range(int lineno, int col_offset, int end_lineno, int end_col_offset)
{
    if (lineno > end_lineno) {
        PyErr_Format(PyExc_ValueError, "AST node line range (%d, %d) is not valid", lineno,
                     end_lineno);
        return -1;
    }
    if ((lineno < 0 && end_lineno != lineno) || (col_offset < 0 && col_offset != end_col_offset)) {
        PyErr_Format(PyExc_ValueError,
                     "AST node column range (%d, %d) for line range (%d, %d) is not valid",
                     col_offset, end_col_offset, lineno, end_lineno);
        return -1;
    }
    if (lineno == end_lineno && col_offset > end_col_offset) {
        PyErr_Format(PyExc_ValueError, "line %d, column %d-%d is not a valid range", lineno,
                     col_offset, end_col_offset);
        return -1;
    }
    return 0;
}

#define CHECK_RANGE(node)                                                                          \
    check_range((node)->lineno, (node)->col_offset, (node)->end_lineno, (node)->end_col_offset)

static int
check_name(PyObject *name)
{
    static const char *const constants[] = {"None", "True", "False"};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(constants); i++) {
        if (PyUnicode_CompareWithASCIIString(name, constants[i]) == 0) {
            PyErr_Format(PyExc_ValueError, "identifier field can't represent '%s' constant",
                         constants[i]);
            return -1;
        }
    }
    return 0;
}

static int
check_identifiers(const asdl_identifier_seq *names)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(names); i++) {
        if (check_present(asdl_seq_GET(names, i), "identifier") < 0) {
            return -1;
        }
    }
    return 0;
}

static int
check_names(const asdl_identifier_seq *names)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(names); i++) {
        if (check_name(asdl_seq_GET(names, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_constant(Validator *validator, PyObject *value);

static int
check_items(Validator *validator, PyObject *collection)
{
    PyObject *iterator = PyObject_GetIter(collection);
    if (iterator == NULL) {
        return -1;
    }
    int result = 0;
    PyObject *item;
    while (result == 0 && (item = PyIter_Next(iterator)) != NULL) {
        result = check_constant(validator, item);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return result < 0 || PyErr_Occurred() ? -1 : 0;
}

static int
check_constant(Validator *validator, PyObject *value)
{
    if (value == Py_None || value == Py_Ellipsis || PyLong_CheckExact(value)
        || PyFloat_CheckExact(value) || PyComplex_CheckExact(value) || PyBool_Check(value)
        || PyUnicode_CheckExact(value) || PyBytes_CheckExact(value)) {
        return 0;
    }
    if (!PyTuple_CheckExact(value) && !PyFrozenSet_CheckExact(value)) {
        PyErr_Format(PyExc_TypeError, "got an invalid type in Constant: %s",
                     _PyType_Name(Py_TYPE(value)));
        return -1;
    }
    if (nesting_enter(&validator->nesting) < 0 || check_items(validator, value) < 0) {
        return -1;
    }
    nesting_leave(&validator->nesting);
    return 0;
}

/* --- Sequences --- */

static int
check_nonempty(Py_ssize_t length, const char *what, const char *owner)
{
    if (length > 0) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "empty %s on %s", what, owner);
    return -1;
}

static int
check_expressions(Validator *validator, const asdl_expr_seq *nodes, expr_context_ty context,
                  bool null_allowed)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        expr_ty node = asdl_seq_GET(nodes, i);
        if (node != NULL) {
            if (check_expression(validator, node, context) < 0) {
                return -1;
            }
        }
        else if (!null_allowed) {
            return check_present(node, "expression");
        }
    }
    return 0;
}

static int
check_loads(Validator *validator, const asdl_expr_seq *nodes)
{
    return check_expressions(validator, nodes, Load, false);
}

static int
check_load(Validator *validator, expr_ty node)
{
    return check_expression(validator, node, Load);
}

static int
check_optional(Validator *validator, expr_ty node)
{
    return node != NULL ? check_load(validator, node) : 0;
}

static int
check_body(Validator *validator, const asdl_stmt_seq *nodes, const char *owner)
{
    if (check_nonempty(asdl_seq_LEN(nodes), "body", owner) < 0) {
        return -1;
    }
    return check_statements(validator, nodes);
}

static int
check_targets(Validator *validator, const asdl_expr_seq *nodes, expr_context_ty context)
{
    const char *owner = context == Del ? "Delete" : "Assign";
    if (check_nonempty(asdl_seq_LEN(nodes), "targets", owner) < 0) {
        return -1;
    }
    return check_expressions(validator, nodes, context, false);
}

static int
check_keywords(Validator *validator, const asdl_keyword_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        keyword_ty node = asdl_seq_GET(nodes, i);
        if (check_present(node, "keyword") < 0 || check_load(validator, node->value) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- Parameters --- */

static int
check_annotations(Validator *validator, const asdl_arg_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        arg_ty node = asdl_seq_GET(nodes, i);
        if (check_present(node, "parameter") < 0 || CHECK_RANGE(node) < 0
            || check_optional(validator, node->annotation) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
check_arguments(Validator *validator, arguments_ty node)
{
    if (check_annotations(validator, node->posonlyargs) < 0
        || check_annotations(validator, node->args) < 0
        || (node->vararg != NULL && check_optional(validator, node->vararg->annotation) < 0)
        || check_annotations(validator, node->kwonlyargs) < 0
        || (node->kwarg != NULL && check_optional(validator, node->kwarg->annotation) < 0)) {
        return -1;
    }
    if (asdl_seq_LEN(node->defaults) > asdl_seq_LEN(node->posonlyargs) + asdl_seq_LEN(node->args)) {
        return invalid("more positional defaults than args on arguments");
    }
    if (asdl_seq_LEN(node->kw_defaults) != asdl_seq_LEN(node->kwonlyargs)) {
        return invalid("length of kwonlyargs is not the same as kw_defaults on arguments");
    }
    if (check_loads(validator, node->defaults) < 0) {
        return -1;
    }
    return check_expressions(validator, node->kw_defaults, Load, true);
}

/* --- Expressions --- */

static int
check_comprehension(Validator *validator, const asdl_comprehension_seq *loops)
{
    if (asdl_seq_LEN(loops) == 0) {
        return invalid("comprehension with no generators");
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(loops); i++) {
        comprehension_ty loop = asdl_seq_GET(loops, i);
        if (check_present(loop, "generator") < 0
            || check_expression(validator, loop->target, Store) < 0
            || check_load(validator, loop->iter) < 0 || check_loads(validator, loop->ifs) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
check_dict(Validator *validator, expr_ty node)
{
    if (asdl_seq_LEN(node->v.Dict.keys) != asdl_seq_LEN(node->v.Dict.values)) {
        return invalid("Dict doesn't have the same number of keys as values");
    }
    if (check_expressions(validator, node->v.Dict.keys, Load, true) < 0) {
        return -1;
    }
    return check_loads(validator, node->v.Dict.values);
}

static int
check_compare(Validator *validator, expr_ty node)
{
    Py_ssize_t count = asdl_seq_LEN(node->v.Compare.comparators);
    if (count == 0) {
        return invalid("Compare with no comparators");
    }
    if (count != asdl_seq_LEN(node->v.Compare.ops)) {
        return invalid("Compare has a different number of comparators and operands");
    }
    if (check_loads(validator, node->v.Compare.comparators) < 0) {
        return -1;
    }
    return check_load(validator, node->v.Compare.left);
}

/* The context that a node carries; 0 for the nodes that can only be loaded. */
static expr_context_ty
context_of(expr_ty node)
{
    switch (node->kind) {
    case Attribute_kind:
        return node->v.Attribute.ctx;
    case Subscript_kind:
        return node->v.Subscript.ctx;
    case Starred_kind:
        return node->v.Starred.ctx;
    case Name_kind:
        return node->v.Name.ctx;
    case List_kind:
        return node->v.List.ctx;
    case Tuple_kind:
        return node->v.Tuple.ctx;
    default:
        return (expr_context_ty)0;
    }
}

static int
check_context(expr_ty node, expr_context_ty expected)
{
    static const char *const names[] = {[Load] = "Load", [Store] = "Store", [Del] = "Del"};
    if (node->kind == Name_kind && check_name(node->v.Name.id) < 0) {
        return -1;
    }
    expr_context_ty actual = context_of(node);
    if (actual == expected || (actual == 0 && expected == Load)) {
        return 0;
    }
    if (actual == 0) {
        PyErr_Format(PyExc_ValueError, "expression which can't be assigned to in %s context",
                     names[expected]);
    }
    else {
        PyErr_Format(PyExc_ValueError, "expression must have %s context but has %s instead",
                     names[expected], names[actual]);
    }
    return -1;
}

static int
check_expression_fields(Validator *validator, expr_ty node, expr_context_ty context)
{
    switch (node->kind) {
    case BoolOp_kind:
        if (asdl_seq_LEN(node->v.BoolOp.values) < 2) {
            return invalid("BoolOp with less than 2 values");
        }
        return check_loads(validator, node->v.BoolOp.values);
    case BinOp_kind:
        if (check_load(validator, node->v.BinOp.left) < 0) {
            return -1;
        }
        return check_load(validator, node->v.BinOp.right);
    case UnaryOp_kind:
        return check_load(validator, node->v.UnaryOp.operand);
    case Lambda_kind:
        if (check_arguments(validator, node->v.Lambda.args) < 0) {
            return -1;
        }
        return check_load(validator, node->v.Lambda.body);
    case IfExp_kind:
        if (check_load(validator, node->v.IfExp.test) < 0
            || check_load(validator, node->v.IfExp.body) < 0) {
            return -1;
        }
        return check_load(validator, node->v.IfExp.orelse);
    case Dict_kind:
        return check_dict(validator, node);
    case Set_kind:
        return check_loads(validator, node->v.Set.elts);
    case ListComp_kind:
    case SetComp_kind:
    case GeneratorExp_kind:
        /* The three have the same fields. */
        if (check_comprehension(validator, node->v.ListComp.generators) < 0) {
            return -1;
        }
        return check_load(validator, node->v.ListComp.elt);
    case DictComp_kind:
        if (check_comprehension(validator, node->v.DictComp.generators) < 0
            || check_load(validator, node->v.DictComp.key) < 0) {
            return -1;
        }
        return check_load(validator, node->v.DictComp.value);
    case Yield_kind:
        return check_optional(validator, node->v.Yield.value);
    case YieldFrom_kind:
        return check_load(validator, node->v.YieldFrom.value);
    case Await_kind:
        return check_load(validator, node->v.Await.value);
    case Compare_kind:
        return check_compare(validator, node);
    case Call_kind:
        if (check_load(validator, node->v.Call.func) < 0
            || check_loads(validator, node->v.Call.args) < 0) {
            return -1;
        }
        return check_keywords(validator, node->v.Call.keywords);
    case Constant_kind:
        return check_constant(validator, node->v.Constant.value);
    case JoinedStr_kind:
        return check_loads(validator, node->v.JoinedStr.values);
    case FormattedValue_kind:
        if (check_load(validator, node->v.FormattedValue.value) < 0) {
            return -1;
        }
        return check_optional(validator, node->v.FormattedValue.format_spec);
    case Attribute_kind:
        return check_load(validator, node->v.Attribute.value);
    case Subscript_kind:
        if (check_load(validator, node->v.Subscript.slice) < 0) {
            return -1;
        }
        return check_load(validator, node->v.Subscript.value);
    case Starred_kind:
        return check_expression(validator, node->v.Starred.value, context);
    case Slice_kind:
        if (check_optional(validator, node->v.Slice.lower) < 0
            || check_optional(validator, node->v.Slice.upper) < 0) {
            return -1;
        }
        return check_optional(validator, node->v.Slice.step);
    case List_kind:
        return check_expressions(validator, node->v.List.elts, context, false);
    case Tuple_kind:
        return check_expressions(validator, node->v.Tuple.elts, context, false);
    case NamedExpr_kind:
        return check_load(validator, node->v.NamedExpr.value);
    case Name_kind:
        return 0;
    }
    PyErr_SetString(PyExc_SystemError, "unexpected expression");
    return -1;
}

static int
check_expression(Validator *validator, expr_ty node, expr_context_ty context)
{
    if (CHECK_RANGE(node) < 0 || nesting_enter(&validator->nesting) < 0
        || check_context(node, context) < 0
        || check_expression_fields(validator, node, context) < 0) {
        return -1;
    }
    nesting_leave(&validator->nesting);
    return 0;
}

/* --- Patterns --- */

static bool
is_number(expr_ty node, bool complex_allowed)
{
    if (node->kind != Constant_kind) {
        return false;
    }
    PyObject *value = node->v.Constant.value;
    return PyLong_CheckExact(value) || PyFloat_CheckExact(value)
           || (complex_allowed && PyComplex_CheckExact(value));
}

static bool
is_negative_number(expr_ty node, bool complex_allowed)
{
    return node->kind == UnaryOp_kind && node->v.UnaryOp.op == USub
           && is_number(node->v.UnaryOp.operand, complex_allowed);
}

/* A real part, negative or not, and an imaginary one. */
static bool
is_complex_number(expr_ty node)
{
    expr_ty left = node->v.BinOp.left;
    expr_ty right = node->v.BinOp.right;
    return (node->v.BinOp.op == Add || node->v.BinOp.op == Sub)
           && (is_number(left, false) || is_negative_number(left, false))
           && right->kind == Constant_kind && PyComplex_CheckExact(right->v.Constant.value);
}

static int
check_literal_constant(PyObject *value)
{
    if (PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyBytes_CheckExact(value)
        || PyComplex_CheckExact(value) || PyUnicode_CheckExact(value)) {
        return 0;
    }
    return invalid("unexpected constant inside of a literal pattern");
}

static int
check_literal(Validator *validator, expr_ty node)
{
    if (check_load(validator, node) < 0) {
        return -1;
    }
    bool allowed = false;
    switch (node->kind) {
    case Constant_kind:
        return check_literal_constant(node->v.Constant.value);
    case Attribute_kind:
    case JoinedStr_kind:
        allowed = true;
        break;
    case UnaryOp_kind:
        allowed = is_negative_number(node, true);
        break;
    case BinOp_kind:
        allowed = is_complex_number(node);
        break;
    default:
        break;
    }
    return allowed ? 0 : invalid("patterns may only match literals and attribute lookups");
}

static int
check_capture(PyObject *name)
{
    if (name == NULL) {
        return 0;
    }
    if (PyUnicode_CompareWithASCIIString(name, "_") == 0) {
        return invalid("can't capture name '_' in patterns");
    }
    return check_name(name);
}

static int
check_patterns(Validator *validator, const asdl_pattern_seq *nodes, bool star_allowed)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        pattern_ty node = asdl_seq_GET(nodes, i);
        if (check_present(node, "pattern") < 0
            || check_pattern(validator, node, star_allowed) < 0) {
            return -1;
        }
    }
    return 0;
}

static bool
is_singleton(PyObject *value)
{
    return value == Py_None || PyBool_Check(value);
}

static int
check_mapping_keys(Validator *validator, const asdl_expr_seq *keys)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(keys); i++) {
        expr_ty key = asdl_seq_GET(keys, i);
        if (check_present(key, "expression") < 0) {
            return -1;
        }
        if (key->kind == Constant_kind && is_singleton(key->v.Constant.value)) {
            continue;
        }
        if (check_literal(validator, key) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
check_mapping(Validator *validator, pattern_ty node)
{
    if (asdl_seq_LEN(node->v.MatchMapping.keys) != asdl_seq_LEN(node->v.MatchMapping.patterns)) {
        return invalid("MatchMapping doesn't have the same number of keys as patterns");
    }
    if (check_capture(node->v.MatchMapping.rest) < 0
        || check_mapping_keys(validator, node->v.MatchMapping.keys) < 0) {
        return -1;
    }
    return check_patterns(validator, node->v.MatchMapping.patterns, false);
}

/* A name, or attributes of a name. */
static int
check_class_name(expr_ty node)
{
    while (node->kind == Attribute_kind) {
        node = node->v.Attribute.value;
    }
    if (node->kind != Name_kind) {
        return invalid("MatchClass cls field can only contain Name or Attribute nodes.");
    }
    return 0;
}

static int
check_class_pattern(Validator *validator, pattern_ty node)
{
    const asdl_identifier_seq *attributes = node->v.MatchClass.kwd_attrs;
    if (asdl_seq_LEN(attributes) != asdl_seq_LEN(node->v.MatchClass.kwd_patterns)) {
        return invalid("MatchClass doesn't have the same number of keyword attributes as patterns");
    }
    if (check_load(validator, node->v.MatchClass.cls) < 0
        || check_class_name(node->v.MatchClass.cls) < 0 || check_identifiers(attributes) < 0
        || check_names(attributes) < 0) {
        return -1;
    }
    if (check_patterns(validator, node->v.MatchClass.patterns, false) < 0) {
        return -1;
    }
    return check_patterns(validator, node->v.MatchClass.kwd_patterns, false);
}

static int
check_pattern_fields(Validator *validator, pattern_ty node, bool star_allowed)
{
    switch (node->kind) {
    case MatchValue_kind:
        return check_literal(validator, node->v.MatchValue.value);
    case MatchSingleton_kind:
        if (!is_singleton(node->v.MatchSingleton.value)) {
            return invalid("MatchSingleton can only contain True, False and None");
        }
        return 0;
    case MatchSequence_kind:
        return check_patterns(validator, node->v.MatchSequence.patterns, true);
    case MatchMapping_kind:
        return check_mapping(validator, node);
    case MatchClass_kind:
        return check_class_pattern(validator, node);
    case MatchStar_kind:
        if (!star_allowed) {
            return invalid("can't use MatchStar here");
        }
        return check_capture(node->v.MatchStar.name);
    case MatchAs_kind:
        if (check_capture(node->v.MatchAs.name) < 0) {
            return -1;
        }
        if (node->v.MatchAs.pattern == NULL) {
            return 0;
        }
        if (node->v.MatchAs.name == NULL) {
            return invalid("MatchAs must specify a target name if a pattern is given");
        }
        return check_pattern(validator, node->v.MatchAs.pattern, false);
    case MatchOr_kind:
        if (asdl_seq_LEN(node->v.MatchOr.patterns) < 2) {
            return invalid("MatchOr requires at least 2 patterns");
        }
        return check_patterns(validator, node->v.MatchOr.patterns, false);
    }
    PyErr_SetString(PyExc_SystemError, "unexpected pattern");
    return -1;
}

static int
check_pattern(Validator *validator, pattern_ty node, bool star_allowed)
{
    if (CHECK_RANGE(node) < 0 || nesting_enter(&validator->nesting) < 0
        || check_pattern_fields(validator, node, star_allowed) < 0) {
        return -1;
    }
    nesting_leave(&validator->nesting);
    return 0;
}

/* --- Statements --- */

/* FunctionDef and AsyncFunctionDef have the same fields. */
static int
check_function(Validator *validator, stmt_ty node, const char *owner)
{
    if (check_body(validator, node->v.FunctionDef.body, owner) < 0
        || check_arguments(validator, node->v.FunctionDef.args) < 0
        || check_loads(validator, node->v.FunctionDef.decorator_list) < 0) {
        return -1;
    }
    return check_optional(validator, node->v.FunctionDef.returns);
}

static int
check_class(Validator *validator, stmt_ty node)
{
    if (check_body(validator, node->v.ClassDef.body, "ClassDef") < 0
        || check_loads(validator, node->v.ClassDef.bases) < 0
        || check_keywords(validator, node->v.ClassDef.keywords) < 0) {
        return -1;
    }
    return check_loads(validator, node->v.ClassDef.decorator_list);
}

static int
check_annotated_assignment(Validator *validator, stmt_ty node)
{
    if (node->v.AnnAssign.target->kind != Name_kind && node->v.AnnAssign.simple) {
        PyErr_SetString(PyExc_TypeError, "AnnAssign with simple non-Name target");
        return -1;
    }
    if (check_expression(validator, node->v.AnnAssign.target, Store) < 0
        || check_optional(validator, node->v.AnnAssign.value) < 0) {
        return -1;
    }
    return check_load(validator, node->v.AnnAssign.annotation);
}

/* For and AsyncFor have the same fields. */
static int
check_for(Validator *validator, stmt_ty node, const char *owner)
{
    if (check_expression(validator, node->v.For.target, Store) < 0
        || check_load(validator, node->v.For.iter) < 0
        || check_body(validator, node->v.For.body, owner) < 0) {
        return -1;
    }
    return check_statements(validator, node->v.For.orelse);
}

/* With and AsyncWith have the same fields. */
static int
check_with(Validator *validator, stmt_ty node, const char *owner)
{
    const asdl_withitem_seq *items = node->v.With.items;
    if (check_nonempty(asdl_seq_LEN(items), "items", owner) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(items); i++) {
        withitem_ty item = asdl_seq_GET(items, i);
        if (check_present(item, "item") < 0 || check_load(validator, item->context_expr) < 0
            || (item->optional_vars != NULL
                && check_expression(validator, item->optional_vars, Store) < 0)) {
            return -1;
        }
    }
    return check_body(validator, node->v.With.body, owner);
}

static int
check_match(Validator *validator, stmt_ty node)
{
    const asdl_match_case_seq *cases = node->v.Match.cases;
    if (check_load(validator, node->v.Match.subject) < 0
        || check_nonempty(asdl_seq_LEN(cases), "cases", "Match") < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(cases); i++) {
        match_case_ty at = asdl_seq_GET(cases, i);
        if (check_present(at, "case") < 0 || check_pattern(validator, at->pattern, false) < 0
            || check_optional(validator, at->guard) < 0
            || check_body(validator, at->body, "match_case") < 0) {
            return -1;
        }
    }
    return 0;
}

static int
check_raise(Validator *validator, stmt_ty node)
{
    if (node->v.Raise.exc == NULL) {
        return node->v.Raise.cause == NULL ? 0 : invalid("Raise with cause but no exception");
    }
    if (check_load(validator, node->v.Raise.exc) < 0) {
        return -1;
    }
    return check_optional(validator, node->v.Raise.cause);
}

static int
check_handlers(Validator *validator, const asdl_excepthandler_seq *nodes, bool are_groups)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        excepthandler_ty node = asdl_seq_GET(nodes, i);
        if (check_present(node, "handler") < 0) {
            return -1;
        }
        /* CPython does not look at the range of an `except*`. */
        if ((!are_groups && CHECK_RANGE(node) < 0)
            || check_optional(validator, node->v.ExceptHandler.type) < 0
            || check_body(validator, node->v.ExceptHandler.body, "ExceptHandler") < 0) {
            return -1;
        }
    }
    return 0;
}

/* Try and TryStar have the same fields. */
static int
check_try(Validator *validator, stmt_ty node, const char *owner)
{
    if (check_body(validator, node->v.Try.body, owner) < 0) {
        return -1;
    }
    if (asdl_seq_LEN(node->v.Try.handlers) == 0) {
        if (asdl_seq_LEN(node->v.Try.finalbody) == 0) {
            PyErr_Format(PyExc_ValueError, "%s has neither except handlers nor finalbody", owner);
            return -1;
        }
        if (asdl_seq_LEN(node->v.Try.orelse) > 0) {
            PyErr_Format(PyExc_ValueError, "%s has orelse but no except handlers", owner);
            return -1;
        }
    }
    if (check_handlers(validator, node->v.Try.handlers, node->kind == TryStar_kind) < 0
        || check_statements(validator, node->v.Try.finalbody) < 0) {
        return -1;
    }
    return check_statements(validator, node->v.Try.orelse);
}

static int
check_aliases(const asdl_alias_seq *nodes, const char *owner)
{
    if (check_nonempty(asdl_seq_LEN(nodes), "names", owner) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (check_present(asdl_seq_GET(nodes, i), "alias") < 0) {
            return -1;
        }
    }
    return 0;
}

static int
check_import_from(stmt_ty node)
{
    if (node->v.ImportFrom.level < 0) {
        return invalid("Negative ImportFrom level");
    }
    return check_aliases(node->v.ImportFrom.names, "ImportFrom");
}

static int
check_directive(const asdl_identifier_seq *names, const char *owner)
{
    if (check_nonempty(asdl_seq_LEN(names), "names", owner) < 0) {
        return -1;
    }
    return check_identifiers(names);
}

/* If and While. */
static int
check_conditional(Validator *validator, expr_ty test, const asdl_stmt_seq *body,
                  const asdl_stmt_seq *orelse, const char *owner)
{
    if (check_load(validator, test) < 0 || check_body(validator, body, owner) < 0) {
        return -1;
    }
    return check_statements(validator, orelse);
}

static int
check_statement_fields(Validator *validator, stmt_ty node)
{
    switch (node->kind) {
    case FunctionDef_kind:
        return check_function(validator, node, "FunctionDef");
    case AsyncFunctionDef_kind:
        return check_function(validator, node, "AsyncFunctionDef");
    case ClassDef_kind:
        return check_class(validator, node);
    case Return_kind:
        return check_optional(validator, node->v.Return.value);
    case Delete_kind:
        return check_targets(validator, node->v.Delete.targets, Del);
    case Assign_kind:
        if (check_targets(validator, node->v.Assign.targets, Store) < 0) {
            return -1;
        }
        return check_load(validator, node->v.Assign.value);
    case AugAssign_kind:
        if (check_expression(validator, node->v.AugAssign.target, Store) < 0) {
            return -1;
        }
        return check_load(validator, node->v.AugAssign.value);
    case AnnAssign_kind:
        return check_annotated_assignment(validator, node);
    case For_kind:
        return check_for(validator, node, "For");
    case AsyncFor_kind:
        return check_for(validator, node, "AsyncFor");
    case While_kind:
        return check_conditional(validator, node->v.While.test, node->v.While.body,
                                 node->v.While.orelse, "While");
    case If_kind:
        return check_conditional(validator, node->v.If.test, node->v.If.body, node->v.If.orelse,
                                 "If");
    case With_kind:
        return check_with(validator, node, "With");
    case AsyncWith_kind:
        return check_with(validator, node, "AsyncWith");
    case Match_kind:
        return check_match(validator, node);
    case Raise_kind:
        return check_raise(validator, node);
    case Try_kind:
        return check_try(validator, node, "Try");
    case TryStar_kind:
        return check_try(validator, node, "TryStar");
    case Assert_kind:
        if (check_load(validator, node->v.Assert.test) < 0) {
            return -1;
        }
        return check_optional(validator, node->v.Assert.msg);
    case Import_kind:
        return check_aliases(node->v.Import.names, "Import");
    case ImportFrom_kind:
        return check_import_from(node);
    case Global_kind:
        return check_directive(node->v.Global.names, "Global");
    case Nonlocal_kind:
        return check_directive(node->v.Nonlocal.names, "Nonlocal");
    case Expr_kind:
        return check_load(validator, node->v.Expr.value);
    case Pass_kind:
    case Break_kind:
    case Continue_kind:
        return 0;
    }
    PyErr_SetString(PyExc_SystemError, "unexpected statement");
    return -1;
}

static int
check_statement(Validator *validator, stmt_ty node)
{
    if (CHECK_RANGE(node) < 0 || nesting_enter(&validator->nesting) < 0
        || check_statement_fields(validator, node) < 0) {
        return -1;
    }
    nesting_leave(&validator->nesting);
    return 0;
}

static int
check_statements(Validator *validator, const asdl_stmt_seq *nodes)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        stmt_ty node = asdl_seq_GET(nodes, i);
        if (check_present(node, "statement") < 0 || check_statement(validator, node) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- The whole tree --- */

static int
check_tree(Validator *validator, mod_ty tree)
{
    switch (tree->kind) {
    case Module_kind:
        return check_statements(validator, tree->v.Module.body);
    case Interactive_kind:
        return check_statements(validator, tree->v.Interactive.body);
    case Expression_kind:
        return check_load(validator, tree->v.Expression.body);
    case FunctionType_kind:
        if (check_loads(validator, tree->v.FunctionType.argtypes) < 0) {
            return -1;
        }
        return check_load(validator, tree->v.FunctionType.returns);
    }
    PyErr_SetString(PyExc_SystemError, "impossible module node");
    return -1;
}

int
_PyAST_Validate(mod_ty tree)
{
    Validator validator;
    nesting_init(&validator.nesting);
    return check_tree(&validator, tree) == 0 && !PyErr_Occurred();
}
SHOWN_TO_STAGES(_PyAST_Validate);
