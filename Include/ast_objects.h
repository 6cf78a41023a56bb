/* The classes of module ast and what the two conversions know of them.

   Every class has a fixed number (AST_CLASS_name), a description that never changes (ast_classes)
   and, in each interpreter, a class object with what belongs to it (AstType).  The
   descriptions are made of ast_nodes.h.

   In memory an attribute of a node object lies in a slot: its place in the class's fields followed
   by its positions.  The class's shared keys are laid down in that order before any node exists, so
   that slot number and key index are the same for the interpreter's whole life, whoever creates the
   object. */

#ifndef AST_OBJECTS_H
#define AST_OBJECTS_H

#include "Python.h"
#include "pycore_ast.h"
#include "pycore_dict.h"
#include "pycore_object.h"

#include "ast_nodes.h"

/* A type T of the description is the C type T_ty, a list of T an asdl_T_seq. */
typedef PyObject *identifier_ty;
typedef PyObject *string_ty;
typedef PyObject *constant_ty;
typedef int int_ty;
typedef asdl_int_seq asdl_cmpop_seq;

typedef enum { AST_ONE, AST_OPT, AST_MANY, AST_END } AstQuantity;

typedef enum {
    AST_SUM,
    AST_ENUM,
    AST_PRODUCT,
    AST_KIND,
    AST_IDENTIFIER,
    AST_STRING,
    AST_CONSTANT,
    AST_INT
} AstForm;

/* clang-format off */
typedef enum {
#define AST_NUMBER_KIND(sum, name) AST_CLASS_##name,
#define AST_NUMBER_SUM(name) AST_CLASS_##name, AST_KINDS_##name(AST_NUMBER_KIND)
#define AST_NUMBER_PRODUCT(name) AST_CLASS_##name,
    AST_CLASSES(AST_NUMBER_SUM, AST_NUMBER_SUM, AST_NUMBER_PRODUCT)
    AST_CLASS_COUNT,
    /* What is no class of node. */
    AST_CLASS_identifier = AST_CLASS_COUNT, AST_CLASS_string = AST_CLASS_COUNT,
    AST_CLASS_constant = AST_CLASS_COUNT, AST_CLASS_int = AST_CLASS_COUNT
} AstClassNumber;
/* clang-format on */

typedef struct AstField AstField;
struct AstField {
    const char *name;
    uint16_t offset;  /* in the C node */
    uint8_t type;     /* AstClassNumber */
    uint8_t form;     /* AstForm of that type */
    uint8_t quantity; /* AstQuantity */
};

typedef struct AstClass AstClass;
struct AstClass {
    const char *name;
    const char *traversing; /* the end of the RecursionError's text */
    const char *signature;  /* ", type name" for each field */
    const AstField *fields; /* the positions follow the fields */
    uint16_t size;          /* of the C node */
    uint8_t form;           /* AstForm, AST_KIND for a kind of a sum or enumeration */
    uint8_t sum;            /* what a kind is a kind of */
    uint8_t field_count;
    uint8_t attribute_count;
    uint8_t kind_count; /* kinds follow their sum in the order of their C enumeration */
};

extern const AstClass ast_classes[AST_CLASS_COUNT];

typedef struct AstType AstType;
struct AstType {
    PyTypeObject *type;
    PyObject *names;     /* tuple, in slot order */
    PyObject *singleton; /* of an enumeration's kind: the instance that all trees share */
    unsigned version;    /* of the type when it was last looked at */
    int plain;           /* then no slot was hidden by a descriptor */
};

#define AST_TYPE_MAP_SIZE 512

typedef struct AstTypes AstTypes;
struct AstTypes {
    PyTypeObject *base;    /* ast.AST */
    PyObject *fields_name; /* "_fields" */
    PyObject *dict_name;   /* "__dict__" */
    AstType of[AST_CLASS_COUNT];
    uint8_t map[AST_TYPE_MAP_SIZE]; /* class object to number + 1, open addressing */
};

/* The interpreter's classes, made at the first call.  NULL with an exception set. */
AstTypes *ast_types_get(void);

/* Puts the class AST, or all others, into a module; -1 with an exception. */
int ast_types_add_base_to(PyObject *module);
int ast_types_add_to(PyObject *module);

/* A new object of one of our classes other than AST, without attributes and not yet tracked by the
   collector. */
PyObject *ast_new_object(PyTypeObject *type);

/* Where the search for a class object starts in the map. */
static inline size_t
ast_map_place(PyTypeObject *type)
{
    return ((uintptr_t)type >> 4) * 0x9E3779B1u >> 8;
}

/* The class number of an object whose type is one of ours exactly, else AST_CLASS_COUNT. */
static inline int
ast_class_of(const AstTypes *types, PyTypeObject *type)
{
    for (size_t place = ast_map_place(type);; place++) {
        int number = types->map[place % AST_TYPE_MAP_SIZE];
        if (number == 0) {
            return AST_CLASS_COUNT;
        }
        if (types->of[number - 1].type == type) {
            return number - 1;
        }
    }
}

#endif
