/* Where two syntax trees differ: see ast_difference.h.

   The walk goes by the description of the nodes, side by side through both trees. The place of a
   difference is written on the way back, from the inside out. */

#include "ast_difference.h"
#include "ast_objects.h"
#include "nesting.h"

#include <stdio.h>

typedef struct Comparison Comparison;
struct Comparison {
    Nesting nesting;
    char *place;
    size_t size, written;
};

static int compare_nodes(Comparison *comparison, int number, const char *left, const char *right);

/* A name, or an item's index. What does not fit is left out: the place is for a reader, and its
 * beginning says most. */
static void
write_place(Comparison *comparison, const char *name, Py_ssize_t index)
{
    size_t left = comparison->size - comparison->written;
    char *at = comparison->place + comparison->written;
    const char *link = comparison->written > 0 ? " of " : "";
    int length = name != NULL ? snprintf(at, left, "%s%s", link, name)
                              : snprintf(at, left, "%sitem %zd", link, index);
    if (length > 0) {
        comparison->written += Py_MIN((size_t)length, left - 1);
    }
}

static int
differs_at(Comparison *comparison, const char *name)
{
    write_place(comparison, name, 0);
    return 1;
}

static inline const char *
pointer_at(const char *place)
{
    const char *pointer;
    memcpy(&pointer, place, sizeof(pointer));
    return pointer;
}

static inline int
int_at(const char *place)
{
    int value;
    memcpy(&value, place, sizeof(value));
    return value;
}

/* No literal is negative or not a number, so that equal values of a type are the same. */
static int
compare_objects(PyObject *left, PyObject *right)
{
    if (left == right) {
        return 0;
    }
    if (left == NULL || right == NULL || Py_TYPE(left) != Py_TYPE(right)) {
        return 1;
    }
    return PyObject_RichCompareBool(left, right, Py_NE);
}

static int
compare_values(Comparison *comparison, const AstField *field, const char *left, const char *right)
{
    if (field->form == AST_INT || field->form == AST_ENUM) {
        return int_at(left) != int_at(right);
    }
    left = pointer_at(left);
    right = pointer_at(right);
    if (field->form == AST_SUM || field->form == AST_PRODUCT) {
        return compare_nodes(comparison, field->type, left, right);
    }
    return compare_objects((PyObject *)left, (PyObject *)right);
}

static int
compare_lists(Comparison *comparison, const AstField *field, const asdl_seq *left,
              const asdl_seq *right)
{
    Py_ssize_t size = asdl_seq_LEN(left);
    if (size != asdl_seq_LEN(right)) {
        return differs_at(comparison, "length");
    }
    size_t step = field->form == AST_ENUM ? sizeof(int) : sizeof(void *);
    for (Py_ssize_t i = 0; i < size; i++) {
        int result = compare_values(comparison, field, (const char *)left->elements + i * step,
                                    (const char *)right->elements + i * step);
        if (result != 0) {
            write_place(comparison, NULL, i);
            return result;
        }
    }
    return 0;
}

static int
compare_fields(Comparison *comparison, const AstClass *class, const char *left, const char *right)
{
    for (int i = 0; i < class->field_count + class->attribute_count; i++) {
        const AstField *field = &class->fields[i];
        const char *left_place = left + field->offset, *right_place = right + field->offset;
        int result =
            field->quantity == AST_MANY
                ? compare_lists(comparison, field, (const asdl_seq *)pointer_at(left_place),
                                (const asdl_seq *)pointer_at(right_place))
                : compare_values(comparison, field, left_place, right_place);
        if (result != 0) {
            write_place(comparison, field->name, 0);
            return result;
        }
    }
    return 0;
}

/* A kind's enumeration value is the node's first member, and its class number follows its sum's. */
static int
compare_nodes(Comparison *comparison, int number, const char *left, const char *right)
{
    if (left == NULL || right == NULL) {
        return left != right;
    }
    if (ast_classes[number].form == AST_SUM) {
        int kind = int_at(left);
        if (kind != int_at(right)) {
            return differs_at(comparison, "kind");
        }
        number += kind;
    }
    if (nesting_enter(&comparison->nesting) < 0) {
        return -1;
    }
    int result = compare_fields(comparison, &ast_classes[number], left, right);
    nesting_leave(&comparison->nesting);
    if (result != 0) {
        write_place(comparison, ast_classes[number].name, 0);
    }
    return result;
}

int
ast_difference(mod_ty left, mod_ty right, char *place, size_t size)
{
    Comparison comparison = {.place = place, .size = size};
    nesting_init_for_stack(&comparison.nesting);
    place[0] = '\0';
    return compare_nodes(&comparison, AST_CLASS_mod, (const char *)left, (const char *)right);
}
