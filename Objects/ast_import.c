/* Python objects as the syntax tree: what compile does with a tree that it is given.

   In: any object, the arena that will own the tree, and the mode (0 exec, 1 eval, 2 single).  Out:
   the tree, or NULL with an exception set.  Objects in the tree are registered with the
   arena.  Entry point: PyAST_obj2mod.

   Any code of the user's can run between two reads: a property, a class's __instancecheck__.  So
   each value read is held while it is converted, and nothing about an object is remembered across a
   read. */

#include "ast_objects.h"
#include "nesting.h"

#include "pycore_ceval.h"
#include "pycore_pystate.h"
#include "stages.h"

typedef struct Importer Importer;
struct Importer {
    AstTypes *types;
    PyThreadState *thread;
    PyArena *arena;
    Nesting nesting; /* the recursion limit knows nothing of the stack */
};

/* The node whose fields are being read.  The C node and the names are those of the class that its
   object counts as; slots can only be used when it is exactly of that class. */
typedef struct AttributeSource AttributeSource;
struct AttributeSource {
    PyObject *object;
    const AstClass *class;
    AstType *record;
    char *node;
    const char *traversing;
    int entered; /* is this node counted as a level of recursion? */
};

static int import_value(Importer *importer, const AstField *field, PyObject *value, void *place);

/* Reading an attribute */

/* Looks through a class that was changed since the last look, or never looked at. */
static void
look_at_class(AstType *record)
{
    PyTypeObject *type = record->type;
    int plain = type->tp_getattro == PyObject_GenericGetAttr;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(record->names); i++) {
        PyObject *found = _PyType_Lookup(type, PyTuple_GET_ITEM(record->names, i));
        if (found != NULL && Py_TYPE(found)->tp_descr_set != NULL) {
            plain = 0;
        }
    }
    record->version = type->tp_version_tag;
    record->plain = plain && record->version != 0;
}

/* A borrowed reference to what lies in a slot; NULL if that can only be told by a look-up. */
static inline PyObject *
value_in_slot(PyObject *object, AstType *record, int slot)
{
    PyTypeObject *type = record->type;
    if (Py_TYPE(object) != type) {
        return NULL;
    }
    if (type->tp_version_tag != record->version || type->tp_version_tag == 0) {
        look_at_class(record);
    }
    if (!record->plain) {
        return NULL;
    }
    PyDictValues *values = *_PyObject_ValuesPointer(object);
    if (values == NULL) {
        PyDictObject *dict = (PyDictObject *)*_PyObject_ManagedDictPointer(object);
        if (dict == NULL || dict->ma_values == NULL
            || dict->ma_keys != ((PyHeapTypeObject *)type)->ht_cached_keys) {
            return NULL;
        }
        values = dict->ma_values;
    }
    return values->values[slot];
}

/* A new reference, NULL without an exception where there is no such attribute. */
static inline int
read_slot(const AttributeSource *source, int slot, PyObject **value)
{
    *value = value_in_slot(source->object, source->record, slot);
    if (*value != NULL) {
        Py_INCREF(*value);
        return 0;
    }
    PyObject *name = PyTuple_GET_ITEM(source->record->names, slot);
    return _PyObject_LookupAttr(source->object, name, value) < 0 ? -1 : 0;
}

/* A node with anything in it is a level of recursion, whatever the number of its fields. */
static inline int
enter(Importer *importer, AttributeSource *source)
{
    if (source->entered) {
        return 0;
    }
    if (_Py_EnterRecursiveCallTstate(importer->thread, source->traversing)) {
        return -1;
    }
    source->entered = 1;
    if (nesting_enter(&importer->nesting) < 0) {
        PyErr_Format(PyExc_RecursionError, "maximum recursion depth exceeded%s",
                     source->traversing);
        return -1;
    }
    return 0;
}

static inline void
leave(Importer *importer, AttributeSource *source)
{
    if (source->entered) {
        nesting_leave(&importer->nesting);
        _Py_LeaveRecursiveCallTstate(importer->thread);
    }
}

/* Values that are no nodes.  Where None stands for nothing the place is left as it is: zero. */

static int
import_object(Importer *importer, PyObject *value, PyObject **place)
{
    if (_PyArena_AddPyObject(importer->arena, value) < 0) {
        return -1;
    }
    /* The arena's. */
    *place = Py_NewRef(value);
    return 0;
}

static int
import_identifier(Importer *importer, PyObject *value, PyObject **place)
{
    if (!PyUnicode_CheckExact(value) && value != Py_None) {
        PyErr_SetString(PyExc_TypeError, "AST identifier must be of type str");
        return -1;
    }
    return value == Py_None ? 0 : import_object(importer, value, place);
}

static int
import_string(Importer *importer, PyObject *value, PyObject **place)
{
    if (!PyUnicode_CheckExact(value) && !PyBytes_CheckExact(value) && value != Py_None) {
        PyErr_SetString(PyExc_TypeError, "AST string must be of type str");
        return -1;
    }
    return value == Py_None ? 0 : import_object(importer, value, place);
}

static int
import_int(PyObject *value, int *place)
{
    if (PyLong_CheckExact(value) && (size_t)Py_SIZE(value) <= 1) {
        *place = Py_SIZE(value) == 0 ? 0 : (int)((PyLongObject *)value)->ob_digit[0];
        return 0;
    }
    if (!PyLong_Check(value)) {
        PyErr_Format(PyExc_ValueError, "invalid integer value: %R", value);
        return -1;
    }
    *place = _PyLong_AsInt(value);
    return *place == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Nodes */

/* Which kind of the sum an object is, from 1; 0 with TypeError for none, -1 with the exception of
   an asked class. */
static int
kind_of(Importer *importer, int sum, PyObject *object)
{
    AstTypes *types = importer->types;
    int number = ast_class_of(types, Py_TYPE(object));
    int kind_count = ast_classes[sum].kind_count;
    if (number > sum && number <= sum + kind_count) {
        return number - sum;
    }
    for (int kind = 1; kind <= kind_count; kind++) {
        int is_instance = PyObject_IsInstance(object, (PyObject *)types->of[sum + kind].type);
        if (is_instance != 0) {
            return is_instance < 0 ? -1 : kind;
        }
    }
    PyErr_Format(PyExc_TypeError, "expected some sort of %s, but got %R", ast_classes[sum].name,
                 object);
    return -1;
}

static int
import_enum(Importer *importer, int enumeration, PyObject *object, int *place)
{
    int kind = kind_of(importer, enumeration, object);
    *place = kind;
    return kind < 0 ? -1 : 0;
}

static int
import_elements(Importer *importer, AttributeSource *source, const AstField *field, PyObject *list,
                asdl_seq *sequence)
{
    size_t step = field->form == AST_ENUM ? sizeof(int) : sizeof(void *);
    char *place = (char *)sequence->elements;
    for (Py_ssize_t i = 0; i < sequence->size; i++, place += step) {
        PyObject *value = Py_NewRef(PyList_GET_ITEM(list, i));
        int result = enter(importer, source);
        if (result == 0) {
            result = import_value(importer, field, value, place);
        }
        Py_DECREF(value);
        if (result < 0) {
            return -1;
        }
        if (PyList_GET_SIZE(list) != sequence->size) {
            PyErr_Format(PyExc_RuntimeError, "%s field \"%s\" changed size during iteration",
                         source->class->name, field->name);
            return -1;
        }
    }
    return 0;
}

static int
import_list(Importer *importer, AttributeSource *source, const AstField *field, PyObject *list,
            void *place)
{
    if (!PyList_Check(list)) {
        PyErr_Format(PyExc_TypeError, "%s field \"%s\" must be a list, not a %.200s",
                     source->class->name, field->name, _PyType_Name(Py_TYPE(list)));
        return -1;
    }
    Py_ssize_t size = PyList_GET_SIZE(list);
    void *sequence = field->form == AST_ENUM
                         ? (void *)_Py_asdl_int_seq_new(size, importer->arena)
                         : (void *)_Py_asdl_generic_seq_new(size, importer->arena);
    if (sequence == NULL) {
        return -1;
    }
    memcpy(place, &sequence, sizeof(sequence));
    return import_elements(importer, source, field, list, sequence);
}

/* The node's memory is zero, which is what an optional field without a value is. */
static int
import_missing(AttributeSource *source, const AstField *field)
{
    if (field->quantity == AST_END) {
        memcpy(source->node + field->offset, source->node + field[-2].offset, sizeof(int));
        return 0;
    }
    if (field->quantity == AST_OPT) {
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "required field \"%s\" missing from %s", field->name,
                 source->class->name);
    return -1;
}

static inline int
import_field(Importer *importer, AttributeSource *source, const AstField *field, int slot)
{
    PyObject *value;
    if (read_slot(source, slot, &value) < 0) {
        return -1;
    }
    int result;
    if (value == NULL
        || (value == Py_None && (field->quantity == AST_OPT || field->quantity == AST_END))) {
        result = import_missing(source, field);
    }
    else if (field->quantity == AST_MANY) {
        result = import_list(importer, source, field, value, source->node + field->offset);
    }
    else {
        result = enter(importer, source);
        if (result == 0) {
            result = import_value(importer, field, value, source->node + field->offset);
        }
    }
    Py_XDECREF(value);
    return result;
}

/* A required value can still be missing: None was given for it. */
static int
check_required(const AttributeSource *source)
{
    const AstClass *class = source->class;
    for (int i = 0; i < class->field_count; i++) {
        const AstField *field = &class->fields[i];
        if (field->quantity != AST_ONE || field->form == AST_INT || field->form == AST_ENUM) {
            continue;
        }
        void *pointer;
        memcpy(&pointer, source->node + field->offset, sizeof(pointer));
        if (pointer == NULL) {
            PyErr_Format(PyExc_ValueError, "field '%s' is required for %s", field->name,
                         class->name);
            return -1;
        }
    }
    return 0;
}

static int
import_fields(Importer *importer, AttributeSource *source)
{
    for (int i = 0; i < source->class->field_count; i++) {
        if (import_field(importer, source, &source->class->fields[i], i) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The positions, which lie in the slots from the first one given. */
static int
import_attributes(Importer *importer, AttributeSource *source, int slot)
{
    const AstClass *class = source->class;
    const AstField *attributes = class->fields + class->field_count;
    for (int i = 0; i < class->attribute_count; i++) {
        if (import_field(importer, source, &attributes[i], slot + i) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Positions are read before the object is asked what kind it is. */
static int
import_as_sum(Importer *importer, int sum, AttributeSource *source)
{
    AstTypes *types = importer->types;
    int number = ast_class_of(types, Py_TYPE(source->object));
    int is_kind = number > sum && number <= sum + ast_classes[sum].kind_count;
    source->record = &types->of[is_kind ? number : sum];
    if (import_attributes(importer, source, is_kind ? ast_classes[number].field_count : 0) < 0) {
        return -1;
    }
    int kind = kind_of(importer, sum, source->object);
    if (kind < 0) {
        return -1;
    }
    memcpy(source->node, &kind, sizeof(kind));
    source->record = &types->of[sum + kind];
    source->class = &ast_classes[sum + kind];
    source->traversing = source->class->traversing;
    return import_fields(importer, source);
}

static int
import_as_product(Importer *importer, int product, AttributeSource *source)
{
    source->record = &importer->types->of[product];
    if (import_fields(importer, source) < 0) {
        return -1;
    }
    return import_attributes(importer, source, source->class->field_count);
}

static int
import_node(Importer *importer, int number, PyObject *object, void *place)
{
    const AstClass *class = &ast_classes[number];
    AttributeSource source = {.object = object, .class = class, .traversing = class->traversing};
    source.node = _PyArena_Malloc(importer->arena, class->size);
    if (source.node == NULL) {
        return -1;
    }
    memset(source.node, 0, class->size);
    int result = class->form == AST_SUM ? import_as_sum(importer, number, &source)
                                        : import_as_product(importer, number, &source);
    leave(importer, &source);
    if (result < 0 || check_required(&source) < 0) {
        return -1;
    }
    memcpy(place, &source.node, sizeof(source.node));
    return 0;
}

static int
import_value(Importer *importer, const AstField *field, PyObject *value, void *place)
{
    switch (field->form) {
    case AST_SUM:
        return value == Py_None ? 0 : import_node(importer, field->type, value, place);
    case AST_PRODUCT:
        return import_node(importer, field->type, value, place);
    case AST_ENUM:
        return import_enum(importer, field->type, value, place);
    case AST_INT:
        return import_int(value, place);
    case AST_IDENTIFIER:
        return import_identifier(importer, value, place);
    case AST_STRING:
        return import_string(importer, value, place);
    default:
        return import_object(importer, value, place);
    }
}

mod_ty
PyAST_obj2mod(PyObject *tree, PyArena *arena, int mode)
{
    static const uint8_t wanted[] = {AST_CLASS_Module, AST_CLASS_Expression, AST_CLASS_Interactive};
    assert(0 <= mode && mode < (int)Py_ARRAY_LENGTH(wanted));

    if (PySys_Audit("compile", "OO", tree, Py_None) < 0) {
        return NULL;
    }
    Importer importer = {.types = ast_types_get(), .thread = _PyThreadState_GET(), .arena = arena};
    if (importer.types == NULL) {
        return NULL;
    }
    nesting_init_for_stack(&importer.nesting);
    int number = wanted[mode];
    int is_instance = PyObject_IsInstance(tree, (PyObject *)importer.types->of[number].type);
    if (is_instance <= 0) {
        if (is_instance == 0) {
            PyErr_Format(PyExc_TypeError, "expected %s node, got %.400s", ast_classes[number].name,
                         _PyType_Name(Py_TYPE(tree)));
        }
        return NULL;
    }
    mod_ty result;
    return import_node(&importer, AST_CLASS_mod, tree, &result) < 0 ? NULL : result;
}
SHOWN_TO_STAGES(PyAST_obj2mod);
