/* Two trees compared, field by field.

   In: two trees of a parser.  Out: whether they are the same.  The functions, one for each class of
   node, are expanded from ast_nodes.h. */

#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE
#endif
#include "same_tree.h"
#include "ast_nodes.h"

static bool
same_int(int left, int right)
{
    return left == right;
}

/* Values of the same type; floats by what is shown of them, since 0.0 == -0.0. */
static bool
same_constant(PyObject *left, PyObject *right)
{
    if (left == NULL || right == NULL || Py_TYPE(left) != Py_TYPE(right)) {
        return left == right;
    }
    if (!PyFloat_Check(left) && !PyComplex_Check(left)) {
        return PyObject_RichCompareBool(left, right, Py_EQ) == 1;
    }
    PyObject *shown_left = PyObject_Repr(left);
    PyObject *shown_right = PyObject_Repr(right);
    bool same = shown_left != NULL && shown_right != NULL
                && PyObject_RichCompareBool(shown_left, shown_right, Py_EQ) == 1;
    Py_XDECREF(shown_left);
    Py_XDECREF(shown_right);
    return same;
}

static bool
same_identifier(const void *left, const void *right)
{
    return same_constant((PyObject *)left, (PyObject *)right);
}

static bool
same_string(PyObject *left, PyObject *right)
{
    return same_constant(left, right);
}

static bool
same_sequence(const void *left, const void *right, bool (*same)(const void *, const void *))
{
    const asdl_generic_seq *lefts = left;
    const asdl_generic_seq *rights = right;
    if (asdl_seq_LEN(lefts) != asdl_seq_LEN(rights)) {
        return false;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(lefts); i++) {
        if (!same(asdl_seq_GET_UNTYPED(lefts, i), asdl_seq_GET_UNTYPED(rights, i))) {
            return false;
        }
    }
    return true;
}

static bool
same_many_identifier(const void *left, const void *right)
{
    return same_sequence(left, right, same_identifier);
}

static bool
same_many_cmpop(const asdl_int_seq *left, const asdl_int_seq *right)
{
    if (asdl_seq_LEN(left) != asdl_seq_LEN(right)) {
        return false;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(left); i++) {
        if (asdl_seq_GET(left, i) != asdl_seq_GET(right, i)) {
            return false;
        }
    }
    return true;
}

#define DECLARE(name) static bool same_##name(const void *, const void *);
#define DECLARE_NONE(name)
AST_CLASSES(DECLARE, DECLARE_NONE, DECLARE)

#define MANY(name)                                                                                \
    __attribute__((unused)) static bool same_many_##name(const void *left, const void *right)     \
    {                                                                                             \
        return same_sequence(left, right, same_##name);                                           \
    }
AST_CLASSES(MANY, DECLARE_NONE, MANY)

#define SAME_ONE(type, left, right) same_##type(left, right)
#define SAME_OPT(type, left, right) same_##type(left, right)
#define SAME_END(type, left, right) same_##type(left, right)
#define SAME_MANY(type, left, right) same_many_##type(left, right)

#define AND_FIELD(node, type, quantity, name) &&SAME_##quantity(type, a->name, b->name)
#define AND_FIELD_OF_KIND(node, type, quantity, name)                                             \
    &&SAME_##quantity(type, a->v.node.name, b->v.node.name)

#define KIND(sum, node)                                                                           \
    case node##_kind:                                                                             \
        return true AST_FIELDS_##node(AND_FIELD_OF_KIND, node);

#define SUM(name)                                                                                 \
    static bool same_##name(const void *left, const void *right)                                  \
    {                                                                                             \
        const struct _##name *a = left;                                                           \
        const struct _##name *b = right;                                                          \
        if (a == NULL || b == NULL || a->kind != b->kind) {                                       \
            return a == b;                                                                        \
        }                                                                                         \
        if (!(true AST_ATTRIBUTES_##name(AND_FIELD, name))) {                                     \
            return false;                                                                         \
        }                                                                                         \
        switch (a->kind) {                                                                        \
            AST_KINDS_##name(KIND)                                                                \
        }                                                                                         \
        return false;                                                                             \
    }

#define ENUM(name)                                                                                \
    __attribute__((unused)) static bool same_##name(name##_ty left, name##_ty right)                                    \
    {                                                                                             \
        return left == right;                                                                     \
    }

#define PRODUCT(name)                                                                             \
    static bool same_##name(const void *left, const void *right)                                  \
    {                                                                                             \
        const struct _##name *a = left;                                                           \
        const struct _##name *b = right;                                                          \
        if (a == NULL || b == NULL) {                                                             \
            return a == b;                                                                        \
        }                                                                                         \
        return true AST_FIELDS_##name(AND_FIELD, name) AST_ATTRIBUTES_##name(AND_FIELD, name);    \
    }

#define NOTHING(name)
AST_CLASSES(NOTHING, ENUM, NOTHING)
AST_CLASSES(SUM, NOTHING, PRODUCT)

bool
same_tree(mod_ty left, mod_ty right)
{
    return same_mod(left, right);
}
