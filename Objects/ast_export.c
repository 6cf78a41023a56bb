/* The syntax tree as Python objects: what ast.parse returns.

   In: the parser's tree.  Out: a new reference to an instance of ast.AST, or NULL with an exception
   set.  The C tree is left as it is.  Entry point: PyAST_mod2obj.

   Positions, of which a tree has four a node and few different ones, share their int objects
   through a small table. */

#include "ast_objects.h"
#include "nesting.h"

#include "pycore_interp.h"
#include "pycore_pystate.h"
#include "stages.h"

#define INT_TABLE_SIZE 256

/* Nesting is counted in units of which a Python frame takes three: as much as the compiler allows
   itself. */
#define UNITS_IN_FRAME 3

typedef struct Exporter Exporter;
struct Exporter {
    AstTypes *types;
    int depth;
    int depth_limit;
    Nesting nesting; /* for the real stack */
    PyObject *ints[INT_TABLE_SIZE];
    int int_values[INT_TABLE_SIZE];
};

static PyObject *export_node(Exporter *exporter, int number, const char *node);

static inline void *
pointer_at(const char *place)
{
    void *pointer;
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

static PyObject *
export_int(Exporter *exporter, int value)
{
    unsigned place = (unsigned)value % INT_TABLE_SIZE;
    PyObject *known = exporter->ints[place];
    if (known == NULL || exporter->int_values[place] != value) {
        PyObject *made = PyLong_FromLong(value);
        if (made == NULL) {
            return NULL;
        }
        Py_XDECREF(known);
        exporter->ints[place] = known = made;
        exporter->int_values[place] = value;
    }
    return Py_NewRef(known);
}

static inline PyObject *
export_enum(Exporter *exporter, int enumeration, int value)
{
    assert(0 < value && value <= ast_classes[enumeration].kind_count);
    return Py_NewRef(exporter->types->of[enumeration + value].singleton);
}

static inline PyObject *
export_object(PyObject *object)
{
    return Py_NewRef(object == NULL ? Py_None : object);
}

/* A kind's enumeration value is the node's first member, and its class number follows its sum's. */
static inline PyObject *
export_sum(Exporter *exporter, int sum, const char *node)
{
    if (node == NULL) {
        Py_RETURN_NONE;
    }
    int kind = int_at(node);
    assert(0 < kind && kind <= ast_classes[sum].kind_count);
    return export_node(exporter, sum + kind, node);
}

static inline PyObject *
export_value(Exporter *exporter, const AstField *field, const char *place)
{
    switch (field->form) {
    case AST_SUM:
        return export_sum(exporter, field->type, pointer_at(place));
    case AST_INT:
        return export_int(exporter, int_at(place));
    case AST_ENUM:
        return export_enum(exporter, field->type, int_at(place));
    case AST_PRODUCT: {
        const char *node = pointer_at(place);
        if (node == NULL) {
            Py_RETURN_NONE;
        }
        return export_node(exporter, field->type, node);
    }
    default:
        return export_object(pointer_at(place));
    }
}

static PyObject *
export_list(Exporter *exporter, const AstField *field, const asdl_seq *sequence)
{
    Py_ssize_t size = asdl_seq_LEN(sequence);
    PyObject *list = PyList_New(size);
    if (list == NULL || size == 0) {
        return list;
    }
    size_t step = field->form == AST_ENUM ? sizeof(int) : sizeof(void *);
    const char *place = (const char *)sequence->elements;
    for (Py_ssize_t i = 0; i < size; i++, place += step) {
        PyObject *value = export_value(exporter, field, place);
        if (value == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, value);
    }
    return list;
}

static PyObject *
export_node(Exporter *exporter, int number, const char *node)
{
    if (++exporter->depth > exporter->depth_limit || nesting_enter(&exporter->nesting) < 0) {
        PyErr_SetString(PyExc_RecursionError,
                        "maximum recursion depth exceeded during ast construction");
        return NULL;
    }
    const AstClass *class = &ast_classes[number];
    PyObject *object = ast_new_object(exporter->types->of[number].type);
    if (object == NULL) {
        return NULL;
    }
    PyDictValues *slots = *_PyObject_ValuesPointer(object);
    int count = class->field_count + class->attribute_count;
    for (int i = 0; i < count; i++) {
        const AstField *field = &class->fields[i];
        const char *place = node + field->offset;
        PyObject *value = field->quantity == AST_MANY
                              ? export_list(exporter, field, pointer_at(place))
                              : export_value(exporter, field, place);
        if (value == NULL) {
            Py_DECREF(object);
            return NULL;
        }
        slots->values[i] = value;
        _PyDictValues_AddToInsertionOrder(slots, i);
    }
    _PyObject_GC_TRACK(object);
    exporter->depth--;
    nesting_leave(&exporter->nesting);
    return object;
}

/* Nothing of a tree in the making can be garbage, so the collector stands still; the collections of
   the young that it missed are counted as if they had been, for the older generations' turn to come
   when it would have. */
static void
count_missed_collections(struct _gc_runtime_state *gc)
{
    for (int i = 0; i < NUM_GENERATIONS - 1; i++) {
        struct gc_generation *generation = &gc->generations[i];
        if (generation->threshold <= 0 || generation->count <= generation->threshold) {
            return;
        }
        gc->generations[i + 1].count += generation->count / generation->threshold;
    }
}

static int
units_of(int frames)
{
    return frames < INT_MAX / UNITS_IN_FRAME ? frames * UNITS_IN_FRAME : frames;
}

PyObject *
PyAST_mod2obj(mod_ty tree)
{
    PyThreadState *thread = _PyThreadState_GET();
    Exporter exporter = {.types = ast_types_get()};
    if (exporter.types == NULL) {
        return NULL;
    }
    exporter.depth = units_of(thread->recursion_limit - thread->recursion_remaining);
    exporter.depth_limit = units_of(thread->recursion_limit);
    nesting_init_for_stack(&exporter.nesting);

    struct _gc_runtime_state *gc = &thread->interp->gc;
    int was_enabled = gc->enabled;
    gc->enabled = 0;
    PyObject *result = export_sum(&exporter, AST_CLASS_mod, (const char *)tree);
    gc->enabled = was_enabled;
    if (was_enabled && !gc->collecting) {
        count_missed_collections(gc);
    }

    for (int i = 0; i < INT_TABLE_SIZE; i++) {
        Py_XDECREF(exporter.ints[i]);
    }
    return result;
}
SHOWN_TO_STAGES(PyAST_mod2obj);
