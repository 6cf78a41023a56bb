/* Code generation for expressions.  The contract is in codegen.h; calls and displays are in
   codegen_calls.c, lambdas and comprehensions in codegen_functions.c. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_runtime.h"
#include "codegen.h"

/* ---- Operators ---- */

/* By operator_ty. */
static const uint8_t binary_operators[] = {
    [Add] = NB_ADD,
    [Sub] = NB_SUBTRACT,
    [Mult] = NB_MULTIPLY,
    [MatMult] = NB_MATRIX_MULTIPLY,
    [Div] = NB_TRUE_DIVIDE,
    [Mod] = NB_REMAINDER,
    [Pow] = NB_POWER,
    [LShift] = NB_LSHIFT,
    [RShift] = NB_RSHIFT,
    [BitOr] = NB_OR,
    [BitXor] = NB_XOR,
    [BitAnd] = NB_AND,
    [FloorDiv] = NB_FLOOR_DIVIDE,
};

int
codegen_binary(Compiler *compiler, operator_ty operator, bool in_place)
{
    if (operator<Add || operator> FloorDiv) {
        PyErr_Format(PyExc_SystemError, "%s op %d should not be possible",
                     in_place ? "inplace" : "binary", operator);
        return -1;
    }
    int argument = binary_operators[operator] + (in_place ? NB_INPLACE_ADD - NB_ADD : 0);
    return emit_with(compiler, BINARY_OP, argument);
}

static const uint8_t unary_opcodes[] = {
    [Invert] = UNARY_INVERT,
    [Not] = UNARY_NOT,
    [UAdd] = UNARY_POSITIVE,
    [USub] = UNARY_NEGATIVE,
};

static int
codegen_unary(Compiler *compiler, expr_ty expression)
{
    unaryop_ty operator= expression->v.UnaryOp.op;
    TRY(codegen_expression(compiler, expression->v.UnaryOp.operand));
    if (operator<Invert || operator> USub) {
        PyErr_Format(PyExc_SystemError, "unary op %d should not be possible", operator);
        return -1;
    }
    return emit(compiler, unary_opcodes[operator]);
}

/* By cmpop_ty. */
static const struct {
    uint8_t opcode;
    uint8_t argument;
} comparisons[] = {
    [Eq] = {COMPARE_OP, Py_EQ},  [NotEq] = {COMPARE_OP, Py_NE}, [Lt] = {COMPARE_OP, Py_LT},
    [LtE] = {COMPARE_OP, Py_LE}, [Gt] = {COMPARE_OP, Py_GT},    [GtE] = {COMPARE_OP, Py_GE},
    [Is] = {IS_OP, 0},           [IsNot] = {IS_OP, 1},          [In] = {CONTAINS_OP, 0},
    [NotIn] = {CONTAINS_OP, 1},
};

int
codegen_comparison(Compiler *compiler, cmpop_ty comparison)
{
    return emit_with(compiler, comparisons[comparison].opcode, comparisons[comparison].argument);
}

static bool
has_no_identity(expr_ty expression)
{
    if (expression->kind != Constant_kind) {
        return false;
    }
    PyObject *value = expression->v.Constant.value;
    return value != Py_None && value != Py_False && value != Py_True && value != Py_Ellipsis;
}

static int
warn_about_identity(Compiler *compiler, expr_ty expression)
{
    bool left = has_no_identity(expression->v.Compare.left);
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(expression->v.Compare.ops); i++) {
        int comparison = asdl_seq_GET(expression->v.Compare.ops, i);
        bool right = has_no_identity(asdl_seq_GET(expression->v.Compare.comparators, i));
        if ((comparison == Is || comparison == IsNot) && (left || right)) {
            return codegen_warn(compiler, comparison == Is
                                              ? "\"is\" with a literal. Did you mean \"==\"?"
                                              : "\"is not\" with a literal. Did you mean \"!=\"?");
        }
        left = right;
    }
    return 0;
}

/* All but the last comparison of a chain: each leaves the right operand under its result for the
   next one. */
static int
compare_chained(Compiler *compiler, expr_ty expression, int test, Label cleanup)
{
    Py_ssize_t last = asdl_seq_LEN(expression->v.Compare.ops) - 1;
    for (Py_ssize_t i = 0; i < last; i++) {
        TRY(codegen_expression(compiler, asdl_seq_GET(expression->v.Compare.comparators, i)));
        TRY(emit_with(compiler, SWAP, 2));
        TRY(emit_with(compiler, COPY, 2));
        TRY(codegen_comparison(compiler, asdl_seq_GET(expression->v.Compare.ops, i)));
        TRY(emit_jump(compiler, test, cleanup));
    }
    TRY(codegen_expression(compiler, asdl_seq_GET(expression->v.Compare.comparators, last)));
    return codegen_comparison(compiler, asdl_seq_GET(expression->v.Compare.ops, last));
}

static int
codegen_compare(Compiler *compiler, expr_ty expression)
{
    TRY(warn_about_identity(compiler, expression));
    TRY(codegen_expression(compiler, expression->v.Compare.left));
    if (asdl_seq_LEN(expression->v.Compare.ops) <= 1) {
        return compare_chained(compiler, expression, JUMP_IF_FALSE_OR_POP, NO_LABEL);
    }
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    TRY(compare_chained(compiler, expression, JUMP_IF_FALSE_OR_POP, cleanup));
    Label end = new_label(compiler);
    TRY(end);
    TRY(emit_artificial(compiler, JUMP, end));
    TRY(place_label(compiler, cleanup));
    TRY(emit_with(compiler, SWAP, 2));
    TRY(emit(compiler, POP_TOP));
    return place_label(compiler, end);
}

static int
codegen_bool_op(Compiler *compiler, expr_ty expression)
{
    int test = expression->v.BoolOp.op == And ? JUMP_IF_FALSE_OR_POP : JUMP_IF_TRUE_OR_POP;
    asdl_expr_seq *values = expression->v.BoolOp.values;
    Py_ssize_t last = asdl_seq_LEN(values) - 1;
    Label end = new_label(compiler);
    TRY(end);
    for (Py_ssize_t i = 0; i < last; i++) {
        TRY(codegen_expression(compiler, asdl_seq_GET(values, i)));
        TRY(emit_jump(compiler, test, end));
        Label next = new_label(compiler);
        TRY(next);
        TRY(place_label(compiler, next));
    }
    TRY(codegen_expression(compiler, asdl_seq_GET(values, last)));
    return place_label(compiler, end);
}

static int
codegen_conditional(Compiler *compiler, expr_ty expression)
{
    Label end = new_label(compiler);
    TRY(end);
    Label otherwise = new_label(compiler);
    TRY(otherwise);
    TRY(codegen_jump_if(compiler, expression->v.IfExp.test, otherwise, 0));
    TRY(codegen_expression(compiler, expression->v.IfExp.body));
    TRY(emit_artificial(compiler, JUMP, end));
    TRY(place_label(compiler, otherwise));
    TRY(codegen_expression(compiler, expression->v.IfExp.orelse));
    return place_label(compiler, end);
}

/* ---- Tests ---- */

static int
jump_if_bool_op(Compiler *compiler, expr_ty test, Label target, int condition)
{
    asdl_expr_seq *values = test->v.BoolOp.values;
    Py_ssize_t last = asdl_seq_LEN(values) - 1;
    int decisive = test->v.BoolOp.op == Or;
    Label decided = target;
    if (decisive != !!condition) {
        decided = new_label(compiler);
        TRY(decided);
    }
    for (Py_ssize_t i = 0; i < last; i++) {
        TRY(codegen_jump_if(compiler, asdl_seq_GET(values, i), decided, decisive));
    }
    TRY(codegen_jump_if(compiler, asdl_seq_GET(values, last), target, condition));
    return decided == target ? 0 : place_label(compiler, decided);
}

static int
jump_if_conditional(Compiler *compiler, expr_ty test, Label target, int condition)
{
    Label end = new_label(compiler);
    TRY(end);
    Label otherwise = new_label(compiler);
    TRY(otherwise);
    TRY(codegen_jump_if(compiler, test->v.IfExp.test, otherwise, 0));
    TRY(codegen_jump_if(compiler, test->v.IfExp.body, target, condition));
    TRY(emit_artificial(compiler, JUMP, end));
    TRY(place_label(compiler, otherwise));
    TRY(codegen_jump_if(compiler, test->v.IfExp.orelse, target, condition));
    return place_label(compiler, end);
}

static int
jump_if_chain(Compiler *compiler, expr_ty test, Label target, int condition)
{
    TRY(warn_about_identity(compiler, test));
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    TRY(codegen_expression(compiler, test->v.Compare.left));
    TRY(compare_chained(compiler, test, POP_JUMP_IF_FALSE, cleanup));
    TRY(emit_jump(compiler, condition ? POP_JUMP_IF_TRUE : POP_JUMP_IF_FALSE, target));
    Label end = new_label(compiler);
    TRY(end);
    TRY(emit_artificial(compiler, JUMP, end));
    TRY(place_label(compiler, cleanup));
    TRY(emit(compiler, POP_TOP));
    if (!condition) {
        TRY(emit_artificial(compiler, JUMP, target));
    }
    return place_label(compiler, end);
}

int
codegen_jump_if(Compiler *compiler, expr_ty test, Label target, int condition)
{
    switch (test->kind) {
    case UnaryOp_kind:
        if (test->v.UnaryOp.op == Not) {
            return codegen_jump_if(compiler, test->v.UnaryOp.operand, target, !condition);
        }
        break;
    case BoolOp_kind:
        return jump_if_bool_op(compiler, test, target, condition);
    case IfExp_kind:
        return jump_if_conditional(compiler, test, target, condition);
    case Compare_kind:
        set_location(compiler, LOCATION_OF(test));
        if (asdl_seq_LEN(test->v.Compare.ops) > 1) {
            return jump_if_chain(compiler, test, target, condition);
        }
        break;
    default:
        break;
    }
    TRY(codegen_expression(compiler, test));
    return emit_jump(compiler, condition ? POP_JUMP_IF_TRUE : POP_JUMP_IF_FALSE, target);
}

/* ---- yield and await ---- */

int
codegen_send_loop(Compiler *compiler, int is_await)
{
    Label send = new_label(compiler);
    TRY(send);
    Label resume = new_label(compiler);
    TRY(resume);
    Label exit = new_label(compiler);
    TRY(exit);
    TRY(place_label(compiler, send));
    TRY(emit_jump(compiler, SEND, exit));
    TRY(place_label(compiler, resume));
    TRY(emit(compiler, YIELD_VALUE));
    TRY(emit_with(compiler, RESUME, is_await ? 3 : 2));
    TRY(emit_jump(compiler, JUMP_NO_INTERRUPT, send));
    return place_label(compiler, exit);
}

int
codegen_await(Compiler *compiler, int awaitable_kind)
{
    TRY(emit_with(compiler, GET_AWAITABLE, awaitable_kind));
    TRY(emit_none(compiler));
    return codegen_send_loop(compiler, 1);
}

int
codegen_yield(Compiler *compiler)
{
    const Scope *scope = compiler->unit->scope;
    if (scope->is_generator && scope->is_coroutine) {
        TRY(emit(compiler, ASYNC_GEN_WRAP));
    }
    TRY(emit(compiler, YIELD_VALUE));
    return emit_with(compiler, RESUME, 1);
}

static int
check_yield(Compiler *compiler)
{
    if (!scope_is_function_like(compiler->unit->scope)) {
        return codegen_error(compiler, "'yield' outside function");
    }
    return 0;
}

static int
codegen_yield_expression(Compiler *compiler, expr_ty value)
{
    TRY(check_yield(compiler));
    TRY(value != NULL ? codegen_expression(compiler, value) : emit_none(compiler));
    return codegen_yield(compiler);
}

static int
codegen_yield_from(Compiler *compiler, expr_ty value)
{
    TRY(check_yield(compiler));
    if (compiler->unit->kind == UNIT_ASYNC_FUNCTION) {
        return codegen_error(compiler, "'yield from' inside async function");
    }
    TRY(codegen_expression(compiler, value));
    TRY(emit(compiler, GET_YIELD_FROM_ITER));
    TRY(emit_none(compiler));
    return codegen_send_loop(compiler, 0);
}

static int
check_await(Compiler *compiler)
{
    const CodeUnit *unit = compiler->unit;
    if (unit_may_await_at_top_level(compiler)) {
        return 0;
    }
    if (!scope_is_function_like(unit->scope)) {
        return codegen_error(compiler, "'await' outside function");
    }
    if (unit->kind != UNIT_ASYNC_FUNCTION && unit->kind != UNIT_COMPREHENSION) {
        return codegen_error(compiler, "'await' outside async function");
    }
    return 0;
}

static int
codegen_await_expression(Compiler *compiler, expr_ty value)
{
    TRY(check_await(compiler));
    TRY(codegen_expression(compiler, value));
    return codegen_await(compiler, 0);
}

/* ---- f-strings ---- */

static int
codegen_joined_string(Compiler *compiler, expr_ty expression)
{
    enum { MOST_JOINED_ON_STACK = 30 };
    asdl_expr_seq *values = expression->v.JoinedStr.values;
    Py_ssize_t count = asdl_seq_LEN(values);
    if (count <= MOST_JOINED_ON_STACK) {
        TRY(codegen_expressions(compiler, values));
        return count == 1 ? 0 : emit_with(compiler, BUILD_STRING, count);
    }
    TRY(emit_constant(compiler, &_Py_STR(empty)));
    TRY(emit_exact_name(compiler, LOAD_METHOD, &_Py_ID(join)));
    TRY(emit_with(compiler, BUILD_LIST, 0));
    for (Py_ssize_t i = 0; i < count; i++) {
        TRY(codegen_expression(compiler, asdl_seq_GET(values, i)));
        TRY(emit_with(compiler, LIST_APPEND, 1));
    }
    TRY(emit_with(compiler, PRECALL, 1));
    return emit_with(compiler, CALL, 1);
}

static int
codegen_formatted_value(Compiler *compiler, expr_ty expression)
{
    enum { CONVERT_STR = 1, CONVERT_REPR = 2, CONVERT_ASCII = 3, HAS_FORMAT = 4 };
    int argument = 0;
    TRY(codegen_expression(compiler, expression->v.FormattedValue.value));
    switch (expression->v.FormattedValue.conversion) {
    case -1:
        break;
    case 's':
        argument = CONVERT_STR;
        break;
    case 'r':
        argument = CONVERT_REPR;
        break;
    case 'a':
        argument = CONVERT_ASCII;
        break;
    default:
        PyErr_Format(PyExc_SystemError, "Unrecognized conversion character %d",
                     expression->v.FormattedValue.conversion);
        return -1;
    }
    if (expression->v.FormattedValue.format_spec != NULL) {
        TRY(codegen_expression(compiler, expression->v.FormattedValue.format_spec));
        argument |= HAS_FORMAT;
    }
    return emit_with(compiler, FORMAT_VALUE, argument);
}

/* ---- Attributes, subscripts, names ---- */

PyTypeObject *
codegen_literal_type(expr_ty expression)
{
    switch (expression->kind) {
    case Tuple_kind:
        return &PyTuple_Type;
    case List_kind:
    case ListComp_kind:
        return &PyList_Type;
    case Dict_kind:
    case DictComp_kind:
        return &PyDict_Type;
    case Set_kind:
    case SetComp_kind:
        return &PySet_Type;
    case GeneratorExp_kind:
        return &PyGen_Type;
    case Lambda_kind:
        return &PyFunction_Type;
    case JoinedStr_kind:
    case FormattedValue_kind:
        return &PyUnicode_Type;
    case Constant_kind:
        return Py_TYPE(expression->v.Constant.value);
    default:
        return NULL;
    }
}

static bool
cannot_be_subscripted(expr_ty expression)
{
    switch (expression->kind) {
    case Set_kind:
    case SetComp_kind:
    case GeneratorExp_kind:
    case Lambda_kind:
        return true;
    case Constant_kind: {
        PyObject *value = expression->v.Constant.value;
        return value == Py_None || value == Py_Ellipsis || PyLong_Check(value)
               || PyFloat_Check(value) || PyComplex_Check(value) || PyAnySet_Check(value);
    }
    default:
        return false;
    }
}

static bool
takes_integers_only(expr_ty expression)
{
    switch (expression->kind) {
    case Tuple_kind:
    case List_kind:
    case ListComp_kind:
    case JoinedStr_kind:
    case FormattedValue_kind:
        return true;
    case Constant_kind: {
        PyObject *value = expression->v.Constant.value;
        return PyUnicode_Check(value) || PyBytes_Check(value) || PyTuple_Check(value);
    }
    default:
        return false;
    }
}

static int
warn_about_subscript(Compiler *compiler, expr_ty value, expr_ty index)
{
    if (cannot_be_subscripted(value)) {
        TRY(codegen_warn(compiler,
                         "'%.200s' object is not subscriptable; perhaps you missed a "
                         "comma?",
                         codegen_literal_type(value)->tp_name));
    }
    PyTypeObject *index_type = codegen_literal_type(index);
    if (index_type == NULL || PyType_FastSubclass(index_type, Py_TPFLAGS_LONG_SUBCLASS)
        || index_type == &PySlice_Type || !takes_integers_only(value)) {
        return 0;
    }
    return codegen_warn(compiler,
                        "%.200s indices must be integers or slices, not %.200s; perhaps "
                        "you missed a comma?",
                        codegen_literal_type(value)->tp_name, index_type->tp_name);
}

/* ORDER expr_context_ty, which begins with 1 */
static const uint8_t subscript_opcodes[] = {BINARY_SUBSCR, STORE_SUBSCR, DELETE_SUBSCR};
static const uint8_t attribute_opcodes[] = {LOAD_ATTR, STORE_ATTR, DELETE_ATTR};

static int
codegen_subscript(Compiler *compiler, expr_ty expression)
{
    expr_ty value = expression->v.Subscript.value;
    expr_ty index = expression->v.Subscript.slice;
    expr_context_ty context = expression->v.Subscript.ctx;
    if (context == Load) {
        TRY(warn_about_subscript(compiler, value, index));
    }
    TRY(codegen_expression(compiler, value));
    TRY(codegen_expression(compiler, index));
    return emit(compiler, subscript_opcodes[context - Load]);
}

static int
codegen_attribute(Compiler *compiler, expr_ty expression)
{
    expr_context_ty context = expression->v.Attribute.ctx;
    TRY(codegen_expression(compiler, expression->v.Attribute.value));
    locate_attribute(compiler, expression);
    if (context == Store) {
        TRY(refuse_forbidden_name(compiler, expression->v.Attribute.attr, Store));
    }
    return emit_name(compiler, attribute_opcodes[context - Load], expression->v.Attribute.attr);
}

static int
codegen_slice_bound(Compiler *compiler, expr_ty bound)
{
    return bound != NULL ? codegen_expression(compiler, bound) : emit_none(compiler);
}

static int
codegen_slice(Compiler *compiler, expr_ty expression)
{
    TRY(codegen_slice_bound(compiler, expression->v.Slice.lower));
    TRY(codegen_slice_bound(compiler, expression->v.Slice.upper));
    if (expression->v.Slice.step == NULL) {
        return emit_with(compiler, BUILD_SLICE, 2);
    }
    TRY(codegen_expression(compiler, expression->v.Slice.step));
    return emit_with(compiler, BUILD_SLICE, 3);
}

static int
codegen_starred(Compiler *compiler, expr_ty expression)
{
    return codegen_error(compiler, expression->v.Starred.ctx == Store
                                       ? "starred assignment target must be in a list or tuple"
                                       : "can't use starred expression here");
}

/* ---- Targets ---- */

static int
emit_target_unpack(Compiler *compiler, asdl_expr_seq *targets)
{
    Py_ssize_t count = asdl_seq_LEN(targets);
    bool has_star = false;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (asdl_seq_GET(targets, i)->kind != Starred_kind) {
            continue;
        }
        if (has_star) {
            return codegen_error(compiler, "multiple starred expressions in assignment");
        }
        if (i >= 1 << 8 || count - i - 1 >= INT_MAX >> 8) {
            return codegen_error(compiler, "too many expressions in star-unpacking assignment");
        }
        TRY(emit_with(compiler, UNPACK_EX, i + ((count - i - 1) << 8)));
        has_star = true;
    }
    return has_star ? 0 : emit_with(compiler, UNPACK_SEQUENCE, count);
}

static int
codegen_unpack(Compiler *compiler, asdl_expr_seq *targets)
{
    TRY(emit_target_unpack(compiler, targets));
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(targets); i++) {
        expr_ty target = asdl_seq_GET(targets, i);
        TRY(codegen_expression(compiler,
                               target->kind == Starred_kind ? target->v.Starred.value : target));
    }
    return 0;
}

static int
codegen_list_or_tuple(Compiler *compiler, asdl_expr_seq *parts, expr_context_ty context,
                      DisplayKind kind)
{
    switch (context) {
    case Store:
        return codegen_unpack(compiler, parts);
    case Load:
        return codegen_display(compiler, parts, 0, kind);
    default:
        return codegen_expressions(compiler, parts);
    }
}

/* ---- All expressions ---- */

static int
codegen_named_expression(Compiler *compiler, expr_ty expression)
{
    TRY(codegen_expression(compiler, expression->v.NamedExpr.value));
    TRY(emit_with(compiler, COPY, 1));
    return codegen_expression(compiler, expression->v.NamedExpr.target);
}

static int
codegen_bin_op(Compiler *compiler, expr_ty expression)
{
    TRY(codegen_expression(compiler, expression->v.BinOp.left));
    TRY(codegen_expression(compiler, expression->v.BinOp.right));
    return codegen_binary(compiler, expression->v.BinOp.op, false);
}

static int
dispatch(Compiler *compiler, expr_ty expression)
{
    switch (expression->kind) {
    case BoolOp_kind:
        return codegen_bool_op(compiler, expression);
    case NamedExpr_kind:
        return codegen_named_expression(compiler, expression);
    case BinOp_kind:
        return codegen_bin_op(compiler, expression);
    case UnaryOp_kind:
        return codegen_unary(compiler, expression);
    case Lambda_kind:
        return codegen_lambda(compiler, expression);
    case IfExp_kind:
        return codegen_conditional(compiler, expression);
    case Dict_kind:
        return codegen_dict(compiler, expression);
    case Set_kind:
        return codegen_display(compiler, expression->v.Set.elts, 0, DISPLAY_SET);
    case ListComp_kind:
    case SetComp_kind:
    case DictComp_kind:
    case GeneratorExp_kind:
        return codegen_comprehension(compiler, expression);
    case Await_kind:
        return codegen_await_expression(compiler, expression->v.Await.value);
    case Yield_kind:
        return codegen_yield_expression(compiler, expression->v.Yield.value);
    case YieldFrom_kind:
        return codegen_yield_from(compiler, expression->v.YieldFrom.value);
    case Compare_kind:
        return codegen_compare(compiler, expression);
    case Call_kind:
        return codegen_call(compiler, expression);
    case FormattedValue_kind:
        return codegen_formatted_value(compiler, expression);
    case JoinedStr_kind:
        return codegen_joined_string(compiler, expression);
    case Constant_kind:
        return emit_constant(compiler, expression->v.Constant.value);
    case Attribute_kind:
        return codegen_attribute(compiler, expression);
    case Subscript_kind:
        return codegen_subscript(compiler, expression);
    case Starred_kind:
        return codegen_starred(compiler, expression);
    case Name_kind:
        return emit_variable(compiler, expression->v.Name.id, expression->v.Name.ctx);
    case List_kind:
        return codegen_list_or_tuple(compiler, expression->v.List.elts, expression->v.List.ctx,
                                     DISPLAY_LIST);
    case Tuple_kind:
        return codegen_list_or_tuple(compiler, expression->v.Tuple.elts, expression->v.Tuple.ctx,
                                     DISPLAY_TUPLE);
    case Slice_kind:
        return codegen_slice(compiler, expression);
    }
    PyErr_Format(PyExc_SystemError, "expression kind %d should not be possible", expression->kind);
    return -1;
}

static int
codegen_nested(Compiler *compiler, expr_ty expression)
{
    TRY(nesting_enter(&compiler->depth));
    TRY(dispatch(compiler, expression));
    nesting_leave(&compiler->depth);
    return 0;
}

/* Names and constants, which have nothing inside, are most of all expressions. */
int
codegen_expression(Compiler *compiler, expr_ty expression)
{
    Location outer = compiler->unit->where;
    set_location(compiler, LOCATION_OF(expression));
    if (expression->kind == Name_kind && nesting_is_shallow(&compiler->depth)) {
        TRY(emit_variable(compiler, expression->v.Name.id, expression->v.Name.ctx));
    }
    else if (expression->kind == Constant_kind && nesting_is_shallow(&compiler->depth)) {
        TRY(emit_constant(compiler, expression->v.Constant.value));
    }
    else {
        TRY(codegen_nested(compiler, expression));
    }
    set_location(compiler, outer);
    return 0;
}
