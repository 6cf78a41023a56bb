/* Unparsing: the text of an expression, for annotations that are kept as text.
 *
 * Parentheses are written where the precedence of an operand is lower than its place asks for, so
 * that the text parses to the same tree.  Returns a new string; the tree is not changed.
 * Entry point: _PyAST_ExprAsUnicode(). */

#include "Python.h"
#include "pycore_ast.h"

#include "nesting.h"
#include "stages.h"

#include <float.h>
#include <limits.h>
#include <stdbool.h>

/* Loosest first. */
typedef enum {
    PRECEDENCE_TUPLE,
    PRECEDENCE_TEST, /* conditional expressions, lambda */
    PRECEDENCE_OR,
    PRECEDENCE_AND,
    PRECEDENCE_NOT,
    PRECEDENCE_COMPARISON,
    PRECEDENCE_BIT_OR,
    PRECEDENCE_BIT_XOR,
    PRECEDENCE_BIT_AND,
    PRECEDENCE_SHIFT,
    PRECEDENCE_SUM,
    PRECEDENCE_PRODUCT,
    PRECEDENCE_SIGN,
    PRECEDENCE_POWER,
    PRECEDENCE_AWAIT,
    PRECEDENCE_ATOM,
} Precedence;

typedef struct Operator Operator;
struct Operator {
    const char *text;
    Precedence precedence;
};

static const Operator binary_operators[] = {
    [Add] = {" + ", PRECEDENCE_SUM},           [Sub] = {" - ", PRECEDENCE_SUM},
    [Mult] = {" * ", PRECEDENCE_PRODUCT},      [MatMult] = {" @ ", PRECEDENCE_PRODUCT},
    [Div] = {" / ", PRECEDENCE_PRODUCT},       [Mod] = {" % ", PRECEDENCE_PRODUCT},
    [Pow] = {" ** ", PRECEDENCE_POWER},        [LShift] = {" << ", PRECEDENCE_SHIFT},
    [RShift] = {" >> ", PRECEDENCE_SHIFT},     [BitOr] = {" | ", PRECEDENCE_BIT_OR},
    [BitXor] = {" ^ ", PRECEDENCE_BIT_XOR},    [BitAnd] = {" & ", PRECEDENCE_BIT_AND},
    [FloorDiv] = {" // ", PRECEDENCE_PRODUCT},
};

static const Operator unary_operators[] = {
    [Invert] = {"~", PRECEDENCE_SIGN},
    [Not] = {"not ", PRECEDENCE_NOT},
    [UAdd] = {"+", PRECEDENCE_SIGN},
    [USub] = {"-", PRECEDENCE_SIGN},
};

static const char *const comparisons[] = {
    [Eq] = " == ",  [NotEq] = " != ", [Lt] = " < ",         [LtE] = " <= ", [Gt] = " > ",
    [GtE] = " >= ", [Is] = " is ",    [IsNot] = " is not ", [In] = " in ",  [NotIn] = " not in ",
};

typedef struct Unparser Unparser;
struct Unparser {
    _PyUnicodeWriter writer;
    Nesting *nesting;
};

static int write_expression(Unparser *unparser, expr_ty node, Precedence place);

/* --- Text --- */

static int
write_ascii(Unparser *unparser, const char *text)
{
    return _PyUnicodeWriter_WriteASCIIString(&unparser->writer, text, -1);
}

static int
write_string(Unparser *unparser, PyObject *string)
{
    return _PyUnicodeWriter_WriteStr(&unparser->writer, string);
}

/* Takes over the reference; NULL is a failure. */
static int
write_owned(Unparser *unparser, PyObject *string)
{
    if (string == NULL) {
        return -1;
    }
    int result = write_string(unparser, string);
    Py_DECREF(string);
    return result;
}

static int
write_separator(Unparser *unparser, bool *is_first)
{
    if (*is_first) {
        *is_first = false;
        return 0;
    }
    return write_ascii(unparser, ", ");
}

/* `from` may occur in `string`, which is taken over. */
static PyObject *
replaced(PyObject *string, const char *from, const char *to)
{
    PyObject *from_string = PyUnicode_FromString(from);
    PyObject *to_string = PyUnicode_FromString(to);
    PyObject *result = NULL;
    if (string != NULL && from_string != NULL && to_string != NULL) {
        result = PyUnicode_Replace(string, from_string, to_string, -1);
    }
    Py_XDECREF(string);
    Py_XDECREF(from_string);
    Py_XDECREF(to_string);
    return result;
}

/* --- Constants --- */

/* Infinity is a literal too large to be represented. */
static int
write_repr(Unparser *unparser, PyObject *value)
{
    static_assert(DBL_MAX_10_EXP == 308, "1e309 is infinite");
    PyObject *repr = PyObject_Repr(value);
    if (repr != NULL && (PyFloat_CheckExact(value) || PyComplex_CheckExact(value))) {
        repr = replaced(repr, "inf", "1e309");
    }
    return write_owned(unparser, repr);
}

static int
write_constant_value(Unparser *unparser, PyObject *value)
{
    if (value == Py_Ellipsis) {
        return write_ascii(unparser, "...");
    }
    if (!PyTuple_CheckExact(value)) {
        return write_repr(unparser, value);
    }
    if (write_ascii(unparser, "(") < 0) {
        return -1;
    }
    bool is_first = true;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++) {
        if (write_separator(unparser, &is_first) < 0
            || write_constant_value(unparser, PyTuple_GET_ITEM(value, i)) < 0) {
            return -1;
        }
    }
    return write_ascii(unparser, PyTuple_GET_SIZE(value) == 1 ? ",)" : ")");
}

static int
write_constant(Unparser *unparser, expr_ty node)
{
    PyObject *prefix = node->v.Constant.kind;
    if (prefix != NULL && write_string(unparser, prefix) < 0) {
        return -1;
    }
    return write_constant_value(unparser, node->v.Constant.value);
}

/* --- Sequences --- */

static int
write_items(Unparser *unparser, const asdl_expr_seq *nodes, bool *is_first)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(nodes); i++) {
        if (write_separator(unparser, is_first) < 0
            || write_expression(unparser, asdl_seq_GET(nodes, i), PRECEDENCE_TEST) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
write_display(Unparser *unparser, const char *open, const asdl_expr_seq *nodes, const char *close)
{
    bool is_first = true;
    if (write_ascii(unparser, open) < 0 || write_items(unparser, nodes, &is_first) < 0) {
        return -1;
    }
    return write_ascii(unparser, close);
}

static int
write_tuple_items(Unparser *unparser, expr_ty node)
{
    const asdl_expr_seq *nodes = node->v.Tuple.elts;
    return write_display(unparser, "", nodes, asdl_seq_LEN(nodes) == 1 ? "," : "");
}

static int
write_dict(Unparser *unparser, expr_ty node)
{
    bool is_first = true;
    if (write_ascii(unparser, "{") < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(node->v.Dict.values); i++) {
        expr_ty key = asdl_seq_GET(node->v.Dict.keys, i);
        Precedence place = key != NULL ? PRECEDENCE_TEST : PRECEDENCE_BIT_OR;
        if (write_separator(unparser, &is_first) < 0
            || (key != NULL && write_expression(unparser, key, PRECEDENCE_TEST) < 0)
            || write_ascii(unparser, key != NULL ? ": " : "**") < 0
            || write_expression(unparser, asdl_seq_GET(node->v.Dict.values, i), place) < 0) {
            return -1;
        }
    }
    return write_ascii(unparser, "}");
}

/* --- Operators --- */

static int
write_bool_operation(Unparser *unparser, expr_ty node, Precedence precedence)
{
    const asdl_expr_seq *values = node->v.BoolOp.values;
    const char *text = node->v.BoolOp.op == And ? " and " : " or ";
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(values); i++) {
        if ((i > 0 && write_ascii(unparser, text) < 0)
            || write_expression(unparser, asdl_seq_GET(values, i), precedence + 1) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
write_binary_operation(Unparser *unparser, expr_ty node, Precedence precedence)
{
    bool is_right_associative = node->v.BinOp.op == Pow;
    if (write_expression(unparser, node->v.BinOp.left, precedence + is_right_associative) < 0
        || write_ascii(unparser, binary_operators[node->v.BinOp.op].text) < 0) {
        return -1;
    }
    return write_expression(unparser, node->v.BinOp.right, precedence + !is_right_associative);
}

static int
write_unary_operation(Unparser *unparser, expr_ty node, Precedence precedence)
{
    if (write_ascii(unparser, unary_operators[node->v.UnaryOp.op].text) < 0) {
        return -1;
    }
    return write_expression(unparser, node->v.UnaryOp.operand, precedence);
}

static int
write_comparison(Unparser *unparser, expr_ty node)
{
    const asdl_expr_seq *comparators = node->v.Compare.comparators;
    if (write_expression(unparser, node->v.Compare.left, PRECEDENCE_COMPARISON + 1) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(comparators); i++) {
        int operator= asdl_seq_GET(node->v.Compare.ops, i);
        if (write_ascii(unparser, comparisons[operator]) < 0
            || write_expression(unparser, asdl_seq_GET(comparators, i),
                                PRECEDENCE_COMPARISON + 1) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
write_conditional(Unparser *unparser, expr_ty node)
{
    if (write_expression(unparser, node->v.IfExp.body, PRECEDENCE_TEST + 1) < 0
        || write_ascii(unparser, " if ") < 0
        || write_expression(unparser, node->v.IfExp.test, PRECEDENCE_TEST + 1) < 0
        || write_ascii(unparser, " else ") < 0) {
        return -1;
    }
    return write_expression(unparser, node->v.IfExp.orelse, PRECEDENCE_TEST);
}

static int
write_named_expression(Unparser *unparser, expr_ty node)
{
    if (write_expression(unparser, node->v.NamedExpr.target, PRECEDENCE_ATOM) < 0
        || write_ascii(unparser, " := ") < 0) {
        return -1;
    }
    return write_expression(unparser, node->v.NamedExpr.value, PRECEDENCE_ATOM);
}

/* --- Lambda --- */

static int
write_parameter(Unparser *unparser, arg_ty node)
{
    if (write_string(unparser, node->arg) < 0) {
        return -1;
    }
    if (node->annotation == NULL) {
        return 0;
    }
    if (write_ascii(unparser, ": ") < 0) {
        return -1;
    }
    return write_expression(unparser, node->annotation, PRECEDENCE_TEST);
}

static int
write_default(Unparser *unparser, expr_ty node)
{
    if (node == NULL) {
        return 0;
    }
    if (write_ascii(unparser, "=") < 0) {
        return -1;
    }
    return write_expression(unparser, node, PRECEDENCE_TEST);
}

static int
write_positional(Unparser *unparser, arguments_ty arguments, bool *is_first)
{
    Py_ssize_t positional_only = asdl_seq_LEN(arguments->posonlyargs);
    Py_ssize_t count = positional_only + asdl_seq_LEN(arguments->args);
    Py_ssize_t required = count - asdl_seq_LEN(arguments->defaults);
    for (Py_ssize_t i = 0; i < count; i++) {
        arg_ty node = i < positional_only ? asdl_seq_GET(arguments->posonlyargs, i)
                                          : asdl_seq_GET(arguments->args, i - positional_only);
        if (write_separator(unparser, is_first) < 0 || write_parameter(unparser, node) < 0
            || (i >= required
                && write_default(unparser, asdl_seq_GET(arguments->defaults, i - required)) < 0)
            || (i + 1 == positional_only && write_ascii(unparser, ", /") < 0)) {
            return -1;
        }
    }
    return 0;
}

static int
write_keyword_only(Unparser *unparser, arguments_ty arguments, bool *is_first)
{
    if (arguments->vararg != NULL || asdl_seq_LEN(arguments->kwonlyargs) > 0) {
        if (write_separator(unparser, is_first) < 0 || write_ascii(unparser, "*") < 0
            || (arguments->vararg != NULL && write_parameter(unparser, arguments->vararg) < 0)) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(arguments->kwonlyargs); i++) {
        if (write_separator(unparser, is_first) < 0
            || write_parameter(unparser, asdl_seq_GET(arguments->kwonlyargs, i)) < 0
            || write_default(unparser, asdl_seq_GET(arguments->kw_defaults, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
write_arguments(Unparser *unparser, arguments_ty arguments)
{
    bool is_first = true;
    if (write_positional(unparser, arguments, &is_first) < 0
        || write_keyword_only(unparser, arguments, &is_first) < 0) {
        return -1;
    }
    if (arguments->kwarg == NULL) {
        return 0;
    }
    if (write_separator(unparser, &is_first) < 0 || write_ascii(unparser, "**") < 0) {
        return -1;
    }
    return write_parameter(unparser, arguments->kwarg);
}

static int
write_lambda(Unparser *unparser, expr_ty node)
{
    arguments_ty arguments = node->v.Lambda.args;
    /* No space before a star: CPython does it so. */
    bool has_positional =
        asdl_seq_LEN(arguments->args) > 0 || asdl_seq_LEN(arguments->posonlyargs) > 0;
    if (write_ascii(unparser, has_positional ? "lambda " : "lambda") < 0
        || write_arguments(unparser, arguments) < 0 || write_ascii(unparser, ": ") < 0) {
        return -1;
    }
    return write_expression(unparser, node->v.Lambda.body, PRECEDENCE_TEST);
}

/* --- Comprehensions --- */

static int
write_loop(Unparser *unparser, comprehension_ty loop)
{
    if (write_ascii(unparser, loop->is_async ? " async for " : " for ") < 0
        || write_expression(unparser, loop->target, PRECEDENCE_TUPLE) < 0
        || write_ascii(unparser, " in ") < 0
        || write_expression(unparser, loop->iter, PRECEDENCE_TEST + 1) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(loop->ifs); i++) {
        if (write_ascii(unparser, " if ") < 0
            || write_expression(unparser, asdl_seq_GET(loop->ifs, i), PRECEDENCE_TEST + 1) < 0) {
            return -1;
        }
    }
    return 0;
}

/* `value` is that of a dict comprehension, or NULL. */
static int
write_comprehension(Unparser *unparser, const char *open, expr_ty element, expr_ty value,
                    const asdl_comprehension_seq *loops, const char *close)
{
    if (write_ascii(unparser, open) < 0
        || write_expression(unparser, element, PRECEDENCE_TEST) < 0) {
        return -1;
    }
    if (value != NULL
        && (write_ascii(unparser, ": ") < 0
            || write_expression(unparser, value, PRECEDENCE_TEST) < 0)) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(loops); i++) {
        if (write_loop(unparser, asdl_seq_GET(loops, i)) < 0) {
            return -1;
        }
    }
    return write_ascii(unparser, close);
}

static int
write_generator(Unparser *unparser, expr_ty node)
{
    return write_comprehension(unparser, "(", node->v.GeneratorExp.elt, NULL,
                               node->v.GeneratorExp.generators, ")");
}

/* --- Calls, subscripts, attributes --- */

static int
write_keyword(Unparser *unparser, keyword_ty node)
{
    if (node->arg == NULL) {
        if (write_ascii(unparser, "**") < 0) {
            return -1;
        }
    }
    else if (write_string(unparser, node->arg) < 0 || write_ascii(unparser, "=") < 0) {
        return -1;
    }
    return write_expression(unparser, node->value, PRECEDENCE_TEST);
}

static int
write_call(Unparser *unparser, expr_ty node)
{
    const asdl_expr_seq *arguments = node->v.Call.args;
    const asdl_keyword_seq *keywords = node->v.Call.keywords;
    bool is_first = true;
    if (write_expression(unparser, node->v.Call.func, PRECEDENCE_ATOM) < 0) {
        return -1;
    }
    if (asdl_seq_LEN(arguments) == 1 && asdl_seq_LEN(keywords) == 0
        && asdl_seq_GET(arguments, 0)->kind == GeneratorExp_kind) {
        return write_generator(unparser, asdl_seq_GET(arguments, 0));
    }
    if (write_ascii(unparser, "(") < 0 || write_items(unparser, arguments, &is_first) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(keywords); i++) {
        if (write_separator(unparser, &is_first) < 0
            || write_keyword(unparser, asdl_seq_GET(keywords, i)) < 0) {
            return -1;
        }
    }
    return write_ascii(unparser, ")");
}

static int
write_attribute(Unparser *unparser, expr_ty node)
{
    expr_ty value = node->v.Attribute.value;
    /* "1.x" would be a number. */
    bool is_integer = value->kind == Constant_kind && PyLong_CheckExact(value->v.Constant.value);
    if (write_expression(unparser, value, PRECEDENCE_ATOM) < 0
        || write_ascii(unparser, is_integer ? " ." : ".") < 0) {
        return -1;
    }
    return write_string(unparser, node->v.Attribute.attr);
}

static int
write_subscript(Unparser *unparser, expr_ty node)
{
    if (write_expression(unparser, node->v.Subscript.value, PRECEDENCE_ATOM) < 0
        || write_ascii(unparser, "[") < 0
        || write_expression(unparser, node->v.Subscript.slice, PRECEDENCE_TUPLE) < 0) {
        return -1;
    }
    return write_ascii(unparser, "]");
}

static int
write_optional(Unparser *unparser, expr_ty node)
{
    return node != NULL ? write_expression(unparser, node, PRECEDENCE_TEST) : 0;
}

static int
write_slice(Unparser *unparser, expr_ty node)
{
    if (write_optional(unparser, node->v.Slice.lower) < 0 || write_ascii(unparser, ":") < 0
        || write_optional(unparser, node->v.Slice.upper) < 0) {
        return -1;
    }
    if (node->v.Slice.step == NULL) {
        return 0;
    }
    if (write_ascii(unparser, ":") < 0) {
        return -1;
    }
    return write_expression(unparser, node->v.Slice.step, PRECEDENCE_TEST);
}

static int
write_yield(Unparser *unparser, const char *open, expr_ty value)
{
    if (write_ascii(unparser, open) < 0 || write_optional(unparser, value) < 0) {
        return -1;
    }
    return write_ascii(unparser, ")");
}

/* --- f-strings --- */

static int write_fstring_part(Unparser *unparser, expr_ty node, bool in_specification);

static void
start(Unparser *unparser, Nesting *nesting)
{
    _PyUnicodeWriter_Init(&unparser->writer);
    unparser->writer.min_length = 256;
    unparser->writer.overallocate = 1;
    unparser->nesting = nesting;
}

/* Returns NULL if `result` is a failure. */
static PyObject *
finish(Unparser *unparser, int result)
{
    if (result < 0) {
        _PyUnicodeWriter_Dealloc(&unparser->writer);
        return NULL;
    }
    return _PyUnicodeWriter_Finish(&unparser->writer);
}

static PyObject *
expression_text(Nesting *nesting, expr_ty node, Precedence place)
{
    Unparser unparser;
    start(&unparser, nesting);
    return finish(&unparser, write_expression(&unparser, node, place));
}

static int
write_fstring_parts(Unparser *unparser, expr_ty node, bool in_specification)
{
    const asdl_expr_seq *parts = node->v.JoinedStr.values;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(parts); i++) {
        if (write_fstring_part(unparser, asdl_seq_GET(parts, i), in_specification) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
write_fstring(Unparser *unparser, expr_ty node, bool in_specification)
{
    if (in_specification) {
        return write_fstring_parts(unparser, node, true);
    }
    Unparser inner;
    start(&inner, unparser->nesting);
    PyObject *body = finish(&inner, write_fstring_parts(&inner, node, false));
    if (body == NULL) {
        return -1;
    }
    int result = write_ascii(unparser, "f");
    if (result == 0) {
        result = write_repr(unparser, body);
    }
    Py_DECREF(body);
    return result;
}

static int
write_conversion(Unparser *unparser, int conversion)
{
    if (conversion <= 0) {
        return 0;
    }
    if (conversion != 'a' && conversion != 'r' && conversion != 's') {
        PyErr_SetString(PyExc_SystemError, "unknown f-value conversion kind");
        return -1;
    }
    const char text[] = {'!', (char)conversion, '\0'};
    return write_ascii(unparser, text);
}

static int
write_formatted_value(Unparser *unparser, expr_ty node)
{
    PyObject *text =
        expression_text(unparser->nesting, node->v.FormattedValue.value, PRECEDENCE_TEST + 1);
    if (text == NULL) {
        return -1;
    }
    /* "{{" would be a brace. */
    bool is_brace = PyUnicode_GET_LENGTH(text) > 0 && PyUnicode_READ_CHAR(text, 0) == '{';
    expr_ty specification = node->v.FormattedValue.format_spec;
    int result = write_ascii(unparser, is_brace ? "{ " : "{");
    if (result == 0) {
        result = write_string(unparser, text);
    }
    Py_DECREF(text);
    if (result < 0 || write_conversion(unparser, node->v.FormattedValue.conversion) < 0) {
        return -1;
    }
    if (specification != NULL
        && (write_ascii(unparser, ":") < 0
            || write_fstring_part(unparser, specification, true) < 0)) {
        return -1;
    }
    return write_ascii(unparser, "}");
}

static int
write_fstring_part(Unparser *unparser, expr_ty node, bool in_specification)
{
    switch (node->kind) {
    case Constant_kind: {
        PyObject *text = Py_NewRef(node->v.Constant.value);
        return write_owned(unparser, replaced(replaced(text, "{", "{{"), "}", "}}"));
    }
    case JoinedStr_kind:
        return write_fstring(unparser, node, in_specification);
    case FormattedValue_kind:
        return write_formatted_value(unparser, node);
    default:
        PyErr_SetString(PyExc_SystemError, "unknown expression kind inside f-string");
        return -1;
    }
}

/* --- All expressions --- */

static Precedence
precedence_of(expr_ty node)
{
    switch (node->kind) {
    case NamedExpr_kind:
        return PRECEDENCE_TUPLE;
    case Tuple_kind:
        return asdl_seq_LEN(node->v.Tuple.elts) > 0 ? PRECEDENCE_TUPLE : PRECEDENCE_ATOM;
    case Lambda_kind:
    case IfExp_kind:
        return PRECEDENCE_TEST;
    case BoolOp_kind:
        return node->v.BoolOp.op == And ? PRECEDENCE_AND : PRECEDENCE_OR;
    case Compare_kind:
        return PRECEDENCE_COMPARISON;
    case BinOp_kind:
        return binary_operators[node->v.BinOp.op].precedence;
    case UnaryOp_kind:
        return unary_operators[node->v.UnaryOp.op].precedence;
    case Await_kind:
        return PRECEDENCE_AWAIT;
    default:
        return PRECEDENCE_ATOM;
    }
}

static int
write_fields(Unparser *unparser, expr_ty node, Precedence precedence)
{
    switch (node->kind) {
    case BoolOp_kind:
        return write_bool_operation(unparser, node, precedence);
    case BinOp_kind:
        return write_binary_operation(unparser, node, precedence);
    case UnaryOp_kind:
        return write_unary_operation(unparser, node, precedence);
    case Lambda_kind:
        return write_lambda(unparser, node);
    case IfExp_kind:
        return write_conditional(unparser, node);
    case Dict_kind:
        return write_dict(unparser, node);
    case Set_kind:
        return write_display(unparser, "{", node->v.Set.elts, "}");
    case List_kind:
        return write_display(unparser, "[", node->v.List.elts, "]");
    case Tuple_kind:
        if (asdl_seq_LEN(node->v.Tuple.elts) == 0) {
            return write_ascii(unparser, "()");
        }
        return write_tuple_items(unparser, node);
    case GeneratorExp_kind:
        return write_generator(unparser, node);
    case ListComp_kind:
        return write_comprehension(unparser, "[", node->v.ListComp.elt, NULL,
                                   node->v.ListComp.generators, "]");
    case SetComp_kind:
        return write_comprehension(unparser, "{", node->v.SetComp.elt, NULL,
                                   node->v.SetComp.generators, "}");
    case DictComp_kind:
        return write_comprehension(unparser, "{", node->v.DictComp.key, node->v.DictComp.value,
                                   node->v.DictComp.generators, "}");
    case Yield_kind:
        return write_yield(unparser, node->v.Yield.value != NULL ? "(yield " : "(yield",
                           node->v.Yield.value);
    case YieldFrom_kind:
        return write_yield(unparser, "(yield from ", node->v.YieldFrom.value);
    case Await_kind:
        if (write_ascii(unparser, "await ") < 0) {
            return -1;
        }
        return write_expression(unparser, node->v.Await.value, PRECEDENCE_ATOM);
    case Compare_kind:
        return write_comparison(unparser, node);
    case Call_kind:
        return write_call(unparser, node);
    case Constant_kind:
        return write_constant(unparser, node);
    case JoinedStr_kind:
        return write_fstring(unparser, node, false);
    case FormattedValue_kind:
        return write_formatted_value(unparser, node);
    case Attribute_kind:
        return write_attribute(unparser, node);
    case Starred_kind:
        if (write_ascii(unparser, "*") < 0) {
            return -1;
        }
        return write_expression(unparser, node->v.Starred.value, PRECEDENCE_BIT_OR);
    case Name_kind:
        return write_string(unparser, node->v.Name.id);
    case Subscript_kind:
        return write_subscript(unparser, node);
    case Slice_kind:
        return write_slice(unparser, node);
    case NamedExpr_kind:
        return write_named_expression(unparser, node);
    }
    PyErr_SetString(PyExc_SystemError, "unknown expression kind");
    return -1;
}

static int
write_expression(Unparser *unparser, expr_ty node, Precedence place)
{
    Precedence precedence = precedence_of(node);
    bool needs_parentheses = place > precedence;
    if (nesting_enter(unparser->nesting) < 0
        || (needs_parentheses && write_ascii(unparser, "(") < 0)
        || write_fields(unparser, node, precedence) < 0
        || (needs_parentheses && write_ascii(unparser, ")") < 0)) {
        return -1;
    }
    nesting_leave(unparser->nesting);
    return 0;
}

PyObject *
_PyAST_ExprAsUnicode(expr_ty node)
{
    Nesting nesting;
    nesting_init(&nesting);
    /* The interpreter limit was looked at when scopes were collected; here only the stack is. */
    nesting.limit = INT_MAX;
    return expression_text(&nesting, node, PRECEDENCE_TEST);
}
SHOWN_TO_STAGES(_PyAST_ExprAsUnicode);
