/* The constructors of the syntax tree's C nodes and sequences, as pycore_ast.h declares them.

   In: field values and the arena that will own the node.  Out: the node, or NULL with an exception
   set: ValueError for a field that must not be NULL, MemoryError.  Objects in fields stay the
   caller's: it registers them with the arena.  All of it is expanded from ast_nodes.h. */

#include "ast_objects.h"

/* Only what is there once is checked, and a number may be 0. */
/* clang-format off */
enum {
#define MUST_BE_GIVEN(name) AST_MAY_BE_ZERO_##name = 0,
    AST_CLASSES(MUST_BE_GIVEN, MUST_BE_GIVEN, MUST_BE_GIVEN)
    AST_MAY_BE_ZERO_identifier = 0, AST_MAY_BE_ZERO_string = 0, AST_MAY_BE_ZERO_constant = 0,
    AST_MAY_BE_ZERO_int = 1
};
/* clang-format on */

static void *
field_required(const char *field, const char *node)
{
    PyErr_Format(PyExc_ValueError, "field '%s' is required for %s", field, node);
    return NULL;
}

/* clang-format off */
#define C_TYPE_ONE(type) type##_ty
#define C_TYPE_OPT(type) type##_ty
#define C_TYPE_END(type) type##_ty
#define C_TYPE_MANY(type) asdl_##type##_seq *

#define PARAMETER(node, type, quantity, name) C_TYPE_##quantity(type) name,
#define REQUIRE(node, type, quantity, name) \
    if (AST_##quantity == AST_ONE && !AST_MAY_BE_ZERO_##type && !name) { \
        return field_required(#name, #node); \
    }
#define STORE(node, type, quantity, name) result->name = name;
#define STORE_OF_KIND(node, type, quantity, name) result->v.node.name = name;

#define KIND(sum, node) \
sum##_ty \
_PyAST_##node(AST_FIELDS_##node(PARAMETER, node) AST_ATTRIBUTES_##sum(PARAMETER, node) \
              PyArena *arena) \
{ \
    AST_FIELDS_##node(REQUIRE, node) \
    sum##_ty result = _PyArena_Malloc(arena, sizeof(*result)); \
    if (result == NULL) { \
        return NULL; \
    } \
    result->kind = node##_kind; \
    AST_FIELDS_##node(STORE_OF_KIND, node) \
    AST_ATTRIBUTES_##sum(STORE, node) \
    return result; \
}

#define SEQUENCE(name) GENERATE_ASDL_SEQ_CONSTRUCTOR(name, name##_ty)

#define SUM(name) SEQUENCE(name) AST_KINDS_##name(KIND)
#define ENUM(name)
#define PRODUCT(node) \
SEQUENCE(node) \
node##_ty \
_PyAST_##node(AST_FIELDS_##node(PARAMETER, node) AST_ATTRIBUTES_##node(PARAMETER, node) \
              PyArena *arena) \
{ \
    AST_FIELDS_##node(REQUIRE, node) \
    node##_ty result = _PyArena_Malloc(arena, sizeof(*result)); \
    if (result == NULL) { \
        return NULL; \
    } \
    AST_FIELDS_##node(STORE, node) \
    AST_ATTRIBUTES_##node(STORE, node) \
    return result; \
}

AST_CLASSES(SUM, ENUM, PRODUCT)
/* clang-format on */
