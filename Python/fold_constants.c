/* Folding of operations on constants: see fold.h.
 *
 * What is computed is bounded: a constant that is cheap to write and expensive to hold stays an
 * operation. */

#include "fold.h"

#include <stdbool.h>

enum {
    LARGEST_INTEGER_BITS = 128,
    LARGEST_COLLECTION = 256, /* items of a tuple made by repetition */
    LARGEST_STRING = 4096,    /* characters or bytes of one */
    MOST_ITEMS = 1024,        /* items of a tuple and all tuples and sets in it */
};

int
fold_to_constant(expr_ty node, PyObject *value, PyArena *arena)
{
    if (value == NULL) {
        /* Out of memory, the operation could still be left alone, but not by a pattern. */
        if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)
            || PyErr_ExceptionMatches(PyExc_MemoryError)) {
            return -1;
        }
        PyErr_Clear();
        return 0;
    }
    if (_PyArena_AddPyObject(arena, value) < 0) {
        Py_DECREF(value);
        return -1;
    }
    node->kind = Constant_kind;
    node->v.Constant.kind = NULL;
    node->v.Constant.value = value;
    return 0;
}

/* --- Unary operators --- */

static PyObject *
not_constant(PyObject *value)
{
    int truth = PyObject_IsTrue(value);
    return truth < 0 ? NULL : PyBool_FromLong(!truth);
}

/* `not a in b` is `a not in b`; comparisons that could return anything stay. */
static void
fold_negated_comparison(expr_ty node)
{
    expr_ty operand = node->v.UnaryOp.operand;
    if (operand->kind != Compare_kind || asdl_seq_LEN(operand->v.Compare.ops) != 1) {
        return;
    }
    cmpop_ty opposite;
    switch ((cmpop_ty)asdl_seq_GET(operand->v.Compare.ops, 0)) {
    case Is:
        opposite = IsNot;
        break;
    case IsNot:
        opposite = Is;
        break;
    case In:
        opposite = NotIn;
        break;
    case NotIn:
        opposite = In;
        break;
    default:
        return;
    }
    asdl_seq_SET(operand->v.Compare.ops, 0, opposite);
    *node = *operand;
}

int
fold_unary(expr_ty node, PyArena *arena)
{
    unaryop_ty operator= node->v.UnaryOp.op;
    if (node->v.UnaryOp.operand->kind != Constant_kind) {
        if (operator== Not) {
            fold_negated_comparison(node);
        }
        return 0;
    }
    PyObject *value = node->v.UnaryOp.operand->v.Constant.value;
    PyObject *result = NULL;
    switch (operator) {
    case Invert:
        result = PyNumber_Invert(value);
        break;
    case Not:
        result = not_constant(value);
        break;
    case UAdd:
        result = PyNumber_Positive(value);
        break;
    case USub:
        result = PyNumber_Negative(value);
        break;
    }
    return fold_to_constant(node, result, arena);
}

/* --- Binary operators --- */

/* What is left of `limit` when the items of a collection, inner ones included, are taken off;
 * negative if they are too many. */
static Py_ssize_t
items_left(PyObject *value, Py_ssize_t limit)
{
    if (PyTuple_Check(value)) {
        limit -= PyTuple_GET_SIZE(value);
        for (Py_ssize_t i = 0; limit >= 0 && i < PyTuple_GET_SIZE(value); i++) {
            limit = items_left(PyTuple_GET_ITEM(value, i), limit);
        }
    }
    else if (PyFrozenSet_Check(value)) {
        Py_ssize_t position = 0;
        PyObject *item;
        Py_hash_t hash;
        limit -= PySet_GET_SIZE(value);
        while (limit >= 0 && _PySet_NextEntry(value, &position, &item, &hash)) {
            limit = items_left(item, limit);
        }
    }
    return limit;
}

static bool
is_nonzero_integer(PyObject *value)
{
    return PyLong_Check(value) && Py_SIZE(value) != 0;
}

/* -1 with an exception where there are too many to count. */
static Py_ssize_t
bits_of(PyObject *integer)
{
    size_t bits = _PyLong_NumBits(integer);
    if (bits == (size_t)-1 && PyErr_Occurred()) {
        return -1;
    }
    return bits <= (size_t)PY_SSIZE_T_MAX ? (Py_ssize_t)bits : PY_SSIZE_T_MAX;
}

static bool
product_is_small(PyObject *left, PyObject *right)
{
    Py_ssize_t left_bits = bits_of(left);
    Py_ssize_t right_bits = bits_of(right);
    return left_bits >= 0 && right_bits >= 0 && left_bits <= LARGEST_INTEGER_BITS
           && right_bits <= LARGEST_INTEGER_BITS - left_bits;
}

/* Largest size of a repeated sequence, -1 if `value` is none. */
static Py_ssize_t
largest_repeated(PyObject *value)
{
    if (PyTuple_Check(value) || PyFrozenSet_Check(value)) {
        return LARGEST_COLLECTION;
    }
    return PyUnicode_Check(value) || PyBytes_Check(value) ? LARGEST_STRING : -1;
}

static bool
repetition_is_small(PyObject *count, PyObject *sequence, Py_ssize_t largest)
{
    Py_ssize_t size = PyObject_Size(sequence);
    if (size <= 0) {
        return size == 0;
    }
    long times = PyLong_AsLong(count);
    if (times < 0 || times > largest / size) {
        return false;
    }
    return times == 0 || largest != LARGEST_COLLECTION
           || items_left(sequence, MOST_ITEMS / times) >= 0;
}

static PyObject *
multiply(PyObject *left, PyObject *right)
{
    if (is_nonzero_integer(left) && is_nonzero_integer(right)) {
        return product_is_small(left, right) ? PyNumber_Multiply(left, right) : NULL;
    }
    PyObject *count = PyLong_Check(left) ? left : right;
    PyObject *sequence = count == left ? right : left;
    Py_ssize_t largest = largest_repeated(sequence);
    if (PyLong_Check(count) && largest >= 0 && !repetition_is_small(count, sequence, largest)) {
        return NULL;
    }
    return PyNumber_Multiply(left, right);
}

static PyObject *
power(PyObject *base, PyObject *exponent)
{
    if (is_nonzero_integer(base) && PyLong_Check(exponent) && Py_SIZE(exponent) > 0) {
        Py_ssize_t bits = bits_of(base);
        size_t times = PyLong_AsSize_t(exponent);
        if (bits < 0 || (times == (size_t)-1 && PyErr_Occurred())
            || (size_t)bits > LARGEST_INTEGER_BITS / times) {
            return NULL;
        }
    }
    return PyNumber_Power(base, exponent, Py_None);
}

static PyObject *
shift_left(PyObject *value, PyObject *count)
{
    if (is_nonzero_integer(value) && is_nonzero_integer(count)) {
        Py_ssize_t bits = bits_of(value);
        size_t places = PyLong_AsSize_t(count);
        if (bits < 0 || (places == (size_t)-1 && PyErr_Occurred()) || places > LARGEST_INTEGER_BITS
            || (size_t)bits > LARGEST_INTEGER_BITS - places) {
            return NULL;
        }
    }
    return PyNumber_Lshift(value, count);
}

/* Formatting may call anything and make anything. */
static PyObject *
remainder_of(PyObject *left, PyObject *right)
{
    return PyUnicode_Check(left) || PyBytes_Check(left) ? NULL : PyNumber_Remainder(left, right);
}

/* NULL without an exception: better left alone. */
static PyObject *
compute(operator_ty operator, PyObject * left, PyObject *right)
{
    switch (operator) {
    case Add:
        return PyNumber_Add(left, right);
    case Sub:
        return PyNumber_Subtract(left, right);
    case Mult:
        return multiply(left, right);
    case Div:
        return PyNumber_TrueDivide(left, right);
    case FloorDiv:
        return PyNumber_FloorDivide(left, right);
    case Mod:
        return remainder_of(left, right);
    case Pow:
        return power(left, right);
    case LShift:
        return shift_left(left, right);
    case RShift:
        return PyNumber_Rshift(left, right);
    case BitOr:
        return PyNumber_Or(left, right);
    case BitXor:
        return PyNumber_Xor(left, right);
    case BitAnd:
        return PyNumber_And(left, right);
    case MatMult:
        return NULL; /* no constant has it */
    }
    return NULL;
}

int
fold_binary(expr_ty node, PyArena *arena)
{
    expr_ty left = node->v.BinOp.left;
    expr_ty right = node->v.BinOp.right;
    if (left->kind != Constant_kind) {
        return 0;
    }
    if (right->kind == Tuple_kind && node->v.BinOp.op == Mod
        && PyUnicode_Check(left->v.Constant.value)) {
        return fold_format(node, arena);
    }
    if (right->kind != Constant_kind) {
        return 0;
    }
    PyObject *value = compute(node->v.BinOp.op, left->v.Constant.value, right->v.Constant.value);
    return value == NULL && !PyErr_Occurred() ? 0 : fold_to_constant(node, value, arena);
}

/* --- Collections --- */

/* NULL without an exception if an item is no constant. */
static PyObject *
tuple_of_constants(const asdl_expr_seq *items)
{
    Py_ssize_t size = asdl_seq_LEN(items);
    for (Py_ssize_t i = 0; i < size; i++) {
        if (asdl_seq_GET(items, i)->kind != Constant_kind) {
            return NULL;
        }
    }
    PyObject *tuple = PyTuple_New(size);
    for (Py_ssize_t i = 0; tuple != NULL && i < size; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(asdl_seq_GET(items, i)->v.Constant.value));
    }
    return tuple;
}

static int
fold_items(expr_ty node, PyObject *tuple, PyArena *arena)
{
    return tuple == NULL && !PyErr_Occurred() ? 0 : fold_to_constant(node, tuple, arena);
}

int
fold_tuple(expr_ty node, PyArena *arena)
{
    if (node->v.Tuple.ctx != Load) {
        return 0;
    }
    return fold_items(node, tuple_of_constants(node->v.Tuple.elts), arena);
}

int
fold_subscript(expr_ty node, PyArena *arena)
{
    expr_ty value = node->v.Subscript.value;
    expr_ty index = node->v.Subscript.slice;
    if (node->v.Subscript.ctx != Load || value->kind != Constant_kind
        || index->kind != Constant_kind) {
        return 0;
    }
    PyObject *item = PyObject_GetItem(value->v.Constant.value, index->v.Constant.value);
    return fold_to_constant(node, item, arena);
}

bool
fold_has_starred(const asdl_expr_seq *items)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(items); i++) {
        if (asdl_seq_GET(items, i)->kind == Starred_kind) {
            return true;
        }
    }
    return false;
}

static int
fold_list(expr_ty node, PyArena *arena)
{
    asdl_expr_seq *items = node->v.List.elts;
    expr_context_ty context = node->v.List.ctx;
    if (fold_has_starred(items)) {
        return 0;
    }
    node->kind = Tuple_kind;
    node->v.Tuple.elts = items;
    node->v.Tuple.ctx = context;
    return fold_items(node, tuple_of_constants(items), arena);
}

static int
fold_set(expr_ty node, PyArena *arena)
{
    PyObject *tuple = tuple_of_constants(node->v.Set.elts);
    if (tuple == NULL) {
        return fold_items(node, NULL, arena);
    }
    PyObject *set = PyFrozenSet_New(tuple);
    Py_DECREF(tuple);
    return fold_to_constant(node, set, arena);
}

int
fold_iterable(expr_ty node, PyArena *arena)
{
    switch (node->kind) {
    case List_kind:
        return fold_list(node, arena);
    case Set_kind:
        return fold_set(node, arena);
    default:
        return 0;
    }
}
