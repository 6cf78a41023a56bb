/* The classes of module ast: their descriptions, their class objects, and the built-in module _ast
   that shows them.

   Entry points: ast_types_get (ast_objects.h), PyAST_Check, PyInit__ast, and _PyAST_Fini, which
   gives back what an interpreter holds.  Class objects are made at an interpreter's first need of
   one and belong to its AstTypes, to which the interpreter state's room for this
   (interp->ast) points.

   Attributes of a node object are inline values (Py_TPFLAGS_MANAGED_DICT): no dictionary comes into
   being until someone asks for one, and that is where most of a tree's memory and time went. */

#include "ast_objects.h"

#include "compile.h"
#include "pycore_interp.h"
#include "pycore_pystate.h"
#include "structmember.h"
#include "stages.h"

/* Descriptions */

/* clang-format off */
enum {
#define FORM_OF_SUM(name) AST_FORM_##name = AST_SUM,
#define FORM_OF_ENUM(name) AST_FORM_##name = AST_ENUM,
#define FORM_OF_PRODUCT(name) AST_FORM_##name = AST_PRODUCT,
    AST_CLASSES(FORM_OF_SUM, FORM_OF_ENUM, FORM_OF_PRODUCT)
    AST_FORM_identifier = AST_IDENTIFIER, AST_FORM_string = AST_STRING,
    AST_FORM_constant = AST_CONSTANT, AST_FORM_int = AST_INT
};

#define FIELD(node, type, quantity, member, name) \
    {#name, offsetof(node, member), AST_CLASS_##type, AST_FORM_##type, AST_##quantity},
#define FIELD_OF_KIND(kind, type, quantity, name) \
    FIELD(kind##_node, type, quantity, v.kind.name, name)
#define FIELD_OF_NODE(node, type, quantity, name) FIELD(struct _##node, type, quantity, name, name)

#define MARK_ONE ""
#define MARK_OPT "?"
#define MARK_END "?"
#define MARK_MANY "*"
#define SIGNATURE(node, type, quantity, name) ", " #type MARK_##quantity " " #name
#define COUNT(node, type, quantity, name) + 1

#define FIELDS_OF_KIND(sum, kind) \
typedef struct _##sum kind##_node; \
static const AstField kind##_fields[] = { \
    AST_FIELDS_##kind(FIELD_OF_KIND, kind) \
    AST_ATTRIBUTES_##sum(FIELD_OF_NODE, sum) \
    {NULL, 0, 0, 0, 0} \
};
#define FIELDS_OF_SUM(sum) \
static const AstField sum##_fields[] = { \
    AST_ATTRIBUTES_##sum(FIELD_OF_NODE, sum) \
    {NULL, 0, 0, 0, 0} \
}; \
AST_KINDS_##sum(FIELDS_OF_KIND)
#define FIELDS_OF_ENUM(name)
#define FIELDS_OF_PRODUCT(node) \
static const AstField node##_fields[] = { \
    AST_FIELDS_##node(FIELD_OF_NODE, node) \
    AST_ATTRIBUTES_##node(FIELD_OF_NODE, node) \
    {NULL, 0, 0, 0, 0} \
};

AST_CLASSES(FIELDS_OF_SUM, FIELDS_OF_ENUM, FIELDS_OF_PRODUCT)

static const AstField no_fields[] = {{NULL, 0, 0, 0, 0}};

#define TRAVERSING(name) " while traversing '" #name "' node"
#define COUNT_KIND(sum, name) + 1

#define CLASS_OF_KIND(sum_name, kind) \
    [AST_CLASS_##kind] = { \
        .name = #kind, .traversing = TRAVERSING(kind), .form = AST_KIND, \
        .signature = "" AST_FIELDS_##kind(SIGNATURE, kind), .fields = kind##_fields, \
        .size = sizeof(struct _##sum_name), .sum = AST_CLASS_##sum_name, \
        .field_count = 0 AST_FIELDS_##kind(COUNT, kind), \
        .attribute_count = 0 AST_ATTRIBUTES_##sum_name(COUNT, kind), \
    },
#define CLASS_OF_SUM(sum) \
    [AST_CLASS_##sum] = { \
        .name = #sum, .traversing = TRAVERSING(sum), .form = AST_SUM, .signature = "", \
        .fields = sum##_fields, .size = sizeof(struct _##sum), \
        .attribute_count = 0 AST_ATTRIBUTES_##sum(COUNT, sum), \
        .kind_count = 0 AST_KINDS_##sum(COUNT_KIND), \
    }, \
    AST_KINDS_##sum(CLASS_OF_KIND)
#define CLASS_OF_ENUM_KIND(enumeration, kind) \
    [AST_CLASS_##kind] = { \
        .name = #kind, .form = AST_KIND, .signature = "", .fields = no_fields, \
        .sum = AST_CLASS_##enumeration, \
    },
#define CLASS_OF_ENUM(enumeration) \
    [AST_CLASS_##enumeration] = { \
        .name = #enumeration, .form = AST_ENUM, .signature = "", .fields = no_fields, \
        .kind_count = 0 AST_KINDS_##enumeration(COUNT_KIND), \
    }, \
    AST_KINDS_##enumeration(CLASS_OF_ENUM_KIND)
#define CLASS_OF_PRODUCT(node) \
    [AST_CLASS_##node] = { \
        .name = #node, .traversing = TRAVERSING(node), .form = AST_PRODUCT, \
        .signature = "" AST_FIELDS_##node(SIGNATURE, node), .fields = node##_fields, \
        .size = sizeof(struct _##node), \
        .field_count = 0 AST_FIELDS_##node(COUNT, node), \
        .attribute_count = 0 AST_ATTRIBUTES_##node(COUNT, node), \
    },

const AstClass ast_classes[AST_CLASS_COUNT] = {
    AST_CLASSES(CLASS_OF_SUM, CLASS_OF_ENUM, CLASS_OF_PRODUCT)
};
SHOWN_TO_STAGES(ast_classes);

#define CHECK_ORDER(sum, kind, value) \
    _Static_assert(AST_CLASS_##sum + value == AST_CLASS_##kind, "kinds out of order");
#define CHECK_KIND(sum, kind) CHECK_ORDER(sum, kind, kind##_kind)
#define CHECK_SUM(sum) AST_KINDS_##sum(CHECK_KIND)
#define CHECK_ENUM_KIND(enumeration, kind) CHECK_ORDER(enumeration, kind, kind)
#define CHECK_ENUM(enumeration) AST_KINDS_##enumeration(CHECK_ENUM_KIND)
#define CHECK_PRODUCT(name)
AST_CLASSES(CHECK_SUM, CHECK_ENUM, CHECK_PRODUCT)
/* clang-format on */
_Static_assert(AST_CLASS_COUNT < UINT8_MAX, "class numbers are kept in a byte");

/* The node object */

#define SPARE_SLOTS 3

static void node_dealloc(PyObject *self);

/* Room for the class's attributes and SPARE_SLOTS of the user's.  The runtime's own way to get it
   takes a slot off the class's room at each new instance until one is left, and an attribute that
   does not fit turns the instance's attributes into a dictionary: tools that hang a parent and a
   scope on each node would pay for that.

   The layout is that of _PyDictValues_AddToInsertionOrder in pycore_dict.h: before the values, the
   last byte is the length of what lies before them, and the one before that how many are set. */
static PyDictValues *
new_slots(const PyDictKeysObject *keys)
{
    size_t size = keys->dk_nentries + keys->dk_usable;
    size_t prefix = _Py_SIZE_ROUND_UP(size + 2, sizeof(PyObject *));
    char *memory = PyMem_Calloc(1, prefix + size * sizeof(PyObject *));
    if (memory == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    ((uint8_t *)memory)[prefix - 1] = prefix;
    return (PyDictValues *)(memory + prefix);
}

PyObject *
ast_new_object(PyTypeObject *type)
{
    PyObject *self = (PyObject *)PyObject_GC_New(PyObject, type);
    if (self == NULL) {
        return NULL;
    }
    *_PyObject_GET_WEAKREFS_LISTPTR(self) = NULL;
    PyDictValues *slots = new_slots(((PyHeapTypeObject *)type)->ht_cached_keys);
    if (slots == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    *_PyObject_ValuesPointer(self) = slots;
    return self;
}

static PyObject *
node_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(keywords))
{
    /* Of the classes with this dealloc, AST alone is not laid out by lay_down_slots. */
    if (type->tp_dealloc == node_dealloc && type->tp_weaklistoffset > 0) {
        PyObject *self = ast_new_object(type);
        if (self != NULL) {
            _PyObject_GC_TRACK(self);
        }
        return self;
    }
    PyObject *self = type->tp_alloc(type, 0);
    if (self != NULL && (type->tp_flags & Py_TPFLAGS_MANAGED_DICT)
        && _PyObject_InitializeDict(self) < 0) {
        Py_CLEAR(self);
    }
    return self;
}

/* How many arguments are at most taken by position; the names of fields are a sequence of the
   user's perhaps. */
static int
check_positional_count(PyObject *self, PyObject *args, PyObject *fields)
{
    Py_ssize_t most = fields == NULL ? 0 : PySequence_Size(fields);
    if (most == -1) {
        return -1;
    }
    if (PyTuple_GET_SIZE(args) > most) {
        PyErr_Format(PyExc_TypeError, "%.400s constructor takes at most %zd positional argument%s",
                     _PyType_Name(Py_TYPE(self)), most, most == 1 ? "" : "s");
        return -1;
    }
    return 0;
}

static int
set_positional(PyObject *self, PyObject *args, PyObject *fields)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        PyObject *name = PySequence_GetItem(fields, i);
        if (name == NULL) {
            return -1;
        }
        int result = PyObject_SetAttr(self, name, PyTuple_GET_ITEM(args, i));
        Py_DECREF(name);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}

static int
check_given_once(PyObject *self, PyObject *args, PyObject *fields, PyObject *name)
{
    int is_field = fields == NULL ? 0 : PySequence_Contains(fields, name);
    if (is_field <= 0) {
        return is_field;
    }
    Py_ssize_t place = PySequence_Index(fields, name);
    if (place == -1) {
        return -1;
    }
    if (place < PyTuple_GET_SIZE(args)) {
        PyErr_Format(PyExc_TypeError, "%.400s got multiple values for argument '%U'",
                     _PyType_Name(Py_TYPE(self)), name);
        return -1;
    }
    return 0;
}

static int
set_by_keyword(PyObject *self, PyObject *args, PyObject *fields, PyObject *keywords)
{
    /* Without positional arguments none is given twice; but a sequence of the user's is asked. */
    int search_fields = PyTuple_GET_SIZE(args) > 0 || fields == NULL || !PyTuple_CheckExact(fields);
    Py_ssize_t position = 0;
    PyObject *name, *value;
    while (PyDict_Next(keywords, &position, &name, &value)) {
        Py_INCREF(name);
        Py_INCREF(value);
        int result = search_fields ? check_given_once(self, args, fields, name) : 0;
        if (result == 0) {
            result = PyObject_SetAttr(self, name, value);
        }
        Py_DECREF(name);
        Py_DECREF(value);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}

static int
node_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    AstTypes *types = ast_types_get();
    if (types == NULL) {
        return -1;
    }
    PyObject *fields;
    if (_PyObject_LookupAttr((PyObject *)Py_TYPE(self), types->fields_name, &fields) < 0) {
        return -1;
    }
    int result = check_positional_count(self, args, fields);
    if (result == 0) {
        result = set_positional(self, args, fields);
    }
    if (result == 0 && keywords != NULL) {
        result = set_by_keyword(self, args, fields, keywords);
    }
    Py_XDECREF(fields);
    return result;
}

static PyObject *
node_reduce(PyObject *self, PyObject *Py_UNUSED(arguments))
{
    AstTypes *types = ast_types_get();
    if (types == NULL) {
        return NULL;
    }
    PyObject *state;
    if (_PyObject_LookupAttr(self, types->dict_name, &state) < 0) {
        return NULL;
    }
    if (state == NULL) {
        return Py_BuildValue("O()", Py_TYPE(self));
    }
    return Py_BuildValue("O()N", Py_TYPE(self), state);
}

/* What sys.getsizeof makes of this is what it says of stock's node, which has one pointer to a
   dictionary where ours has two to attributes: attributes are not counted in either. */
static PyObject *
node_sizeof(PyObject *self, PyObject *Py_UNUSED(arguments))
{
    Py_ssize_t size = Py_TYPE(self)->tp_basicsize;
    if (Py_TYPE(self)->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        size -= sizeof(PyObject *);
    }
    return PyLong_FromSsize_t(size);
}

/* A subclass made in Python brings its own traverse, clear and dealloc, which end by calling
   these.  Its traverse has visited the inline values by then, but not the dictionary. */
static int
node_traverse(PyObject *self, visitproc visit, void *arg)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_VISIT(type);
    if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        Py_VISIT(*_PyObject_ManagedDictPointer(self));
        if (type->tp_traverse == node_traverse) {
            return _PyObject_VisitInstanceAttributes(self, visit, arg);
        }
    }
    return 0;
}

static int
node_clear(PyObject *self)
{
    if (Py_TYPE(self)->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        _PyObject_ClearInstanceAttributes(self);
        Py_CLEAR(*_PyObject_ManagedDictPointer(self));
    }
    return 0;
}

static void
node_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (type->tp_weaklistoffset > 0 && *_PyObject_GET_WEAKREFS_LISTPTR(self) != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        _PyObject_FreeInstanceAttributes(self);
        Py_CLEAR(*_PyObject_ManagedDictPointer(self));
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static void
node_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (type->tp_dealloc == node_dealloc && type->tp_finalize != NULL
        && PyObject_CallFinalizerFromDealloc(self) < 0) {
        return;
    }
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, node_dealloc) node_free(self);
    Py_TRASHCAN_END
}

static PyMethodDef node_methods[] = {{"__reduce__", node_reduce, METH_NOARGS, NULL},
                                     {"__sizeof__", node_sizeof, METH_NOARGS, NULL},
                                     {NULL, NULL, 0, NULL}};

static PyGetSetDef node_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef node_members[] = {
    {"__dictoffset__", T_PYSSIZET, MANAGED_DICT_OFFSET, READONLY, NULL}, {NULL, 0, 0, 0, NULL}};

static PyType_Slot node_slots[] = {{Py_tp_dealloc, node_dealloc},
                                   {Py_tp_getattro, PyObject_GenericGetAttr},
                                   {Py_tp_setattro, PyObject_GenericSetAttr},
                                   {Py_tp_traverse, node_traverse},
                                   {Py_tp_clear, node_clear},
                                   {Py_tp_members, node_members},
                                   {Py_tp_methods, node_methods},
                                   {Py_tp_getset, node_getset},
                                   {Py_tp_init, node_init},
                                   {Py_tp_alloc, PyType_GenericAlloc},
                                   {Py_tp_new, node_new},
                                   {Py_tp_free, PyObject_GC_Del},
                                   {0, NULL}};

static PyType_Spec node_spec = {
    .name = "ast.AST",
    .basicsize = sizeof(PyObject),
    .flags =
        (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MANAGED_DICT),
    .slots = node_slots,
};

/* Making the classes */

static PyObject *
kind_doc(const AstClass *class)
{
    if (class->field_count == 0) {
        return PyUnicode_FromString(class->name);
    }
    return PyUnicode_FromFormat("%s(%s)", class->name, class->signature + strlen(", "));
}

static PyObject *
kind_docs(const AstClass *sum)
{
    PyObject *docs = PyList_New(sum->kind_count);
    if (docs == NULL) {
        return NULL;
    }
    for (int i = 0; i < sum->kind_count; i++) {
        PyObject *doc = kind_doc(sum + 1 + i);
        if (doc == NULL) {
            Py_DECREF(docs);
            return NULL;
        }
        PyList_SET_ITEM(docs, i, doc);
    }
    return docs;
}

/* An enumeration stands on one line; a sum has a line for each kind, the bars under the equals
   sign. */
static PyObject *
sum_doc(const AstClass *sum)
{
    char separator[40] = " | ";
    if (sum->form == AST_SUM) {
        snprintf(separator, sizeof(separator), "\n%*s| ", (int)strlen(sum->name) + 1, "");
    }
    PyObject *docs = kind_docs(sum);
    PyObject *bar = PyUnicode_FromString(separator);
    PyObject *kinds = docs == NULL || bar == NULL ? NULL : PyUnicode_Join(bar, docs);
    PyObject *doc = kinds == NULL ? NULL : PyUnicode_FromFormat("%s = %U", sum->name, kinds);
    Py_XDECREF(docs);
    Py_XDECREF(bar);
    Py_XDECREF(kinds);
    return doc;
}

static PyObject *
names_of(const AstField *fields, int count)
{
    PyObject *names = PyTuple_New(count);
    if (names == NULL) {
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        PyObject *name = PyUnicode_InternFromString(fields[i].name);
        if (name == NULL) {
            Py_DECREF(names);
            return NULL;
        }
        PyTuple_SET_ITEM(names, i, name);
    }
    return names;
}

static PyObject *
class_namespace(const AstClass *class)
{
    int has_kinds = class->form == AST_SUM || class->form == AST_ENUM;
    PyObject *doc = has_kinds ? sum_doc(class) : kind_doc(class);
    PyObject *names = names_of(class->fields, class->field_count);
    PyObject *module = PyUnicode_InternFromString("ast");
    PyObject *namespace = PyDict_New();
    if (doc == NULL || names == NULL || module == NULL || namespace == NULL
        || PyDict_SetItemString(namespace, "_fields", names) < 0
        || PyDict_SetItemString(namespace, "__match_args__", names) < 0
        || PyDict_SetItemString(namespace, "__module__", module) < 0
        || PyDict_SetItemString(namespace, "__doc__", doc) < 0) {
        Py_CLEAR(namespace);
    }
    Py_XDECREF(doc);
    Py_XDECREF(names);
    Py_XDECREF(module);
    return namespace;
}

static PyTypeObject *
new_class(const AstClass *class, PyTypeObject *base)
{
    PyObject *namespace = class_namespace(class);
    if (namespace == NULL) {
        return NULL;
    }
    PyObject *type =
        PyObject_CallFunction((PyObject *)&PyType_Type, "s(O)N", class->name, base, namespace);
    return (PyTypeObject *)type;
}

static int
set_attribute_names(PyTypeObject *type, const AstClass *class)
{
    PyObject *names = names_of(class->fields + class->field_count, class->attribute_count);
    if (names == NULL) {
        return -1;
    }
    int result = PyObject_SetAttrString((PyObject *)type, "_attributes", names);
    Py_DECREF(names);
    return result;
}

/* What may be left out is None in the class. */
static int
set_defaults(PyTypeObject *type, const AstField *fields, int count)
{
    for (int i = 0; i < count; i++) {
        if ((fields[i].quantity == AST_OPT || fields[i].quantity == AST_END)
            && PyObject_SetAttrString((PyObject *)type, fields[i].name, Py_None) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Gives the class's shared keys their order, by an instance that sets every attribute once. */
static int
lay_down_slots(AstType *record)
{
    PyTypeObject *type = record->type;
    PyDictKeysObject *keys = ((PyHeapTypeObject *)type)->ht_cached_keys;
    if (keys == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(record->names);
    assert(count + SPARE_SLOTS <= keys->dk_usable);
    keys->dk_usable = count + SPARE_SLOTS;
    PyObject *instance = node_new(type, NULL, NULL);
    if (instance == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(record->names, i);
        if (PyObject_SetAttr(instance, name, Py_None) < 0) {
            Py_DECREF(instance);
            return -1;
        }
        assert(_PyDictKeys_StringLookup(keys, name) == i);
    }
    Py_DECREF(instance);
    return 0;
}

static void
map_class(AstTypes *types, int number)
{
    size_t place = ast_map_place(types->of[number].type);
    while (types->map[place % AST_TYPE_MAP_SIZE] != 0) {
        place++;
    }
    types->map[place % AST_TYPE_MAP_SIZE] = number + 1;
}

static int
make_class(AstTypes *types, int number)
{
    const AstClass *class = &ast_classes[number];
    AstType *record = &types->of[number];
    int is_kind = class->form == AST_KIND;
    record->type = new_class(class, is_kind ? types->of[class->sum].type : types->base);
    if (record->type == NULL || (!is_kind && set_attribute_names(record->type, class) < 0)
        || set_defaults(record->type, class->fields,
                        class->field_count + (is_kind ? 0 : class->attribute_count))
               < 0) {
        return -1;
    }
    map_class(types, number);
    record->type->tp_dealloc = node_dealloc;
    record->type->tp_traverse = node_traverse;
    record->type->tp_clear = node_clear;
    record->names = names_of(class->fields, class->field_count + class->attribute_count);
    if (record->names == NULL || lay_down_slots(record) < 0) {
        return -1;
    }
    if (is_kind && ast_classes[class->sum].form == AST_ENUM) {
        record->singleton = node_new(record->type, NULL, NULL);
        return record->singleton == NULL ? -1 : 0;
    }
    return 0;
}

static int
make_base(AstTypes *types)
{
    types->base = (PyTypeObject *)PyType_FromSpec(&node_spec);
    if (types->base == NULL) {
        return -1;
    }
    PyHeapTypeObject *heap_type = (PyHeapTypeObject *)types->base;
    if (heap_type->ht_cached_keys == NULL) {
        heap_type->ht_cached_keys = _PyDict_NewKeysForClass();
        if (heap_type->ht_cached_keys == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    static const char *const empty[] = {"_fields", "__match_args__", "_attributes"};
    PyObject *names = PyTuple_New(0);
    if (names == NULL) {
        return -1;
    }
    int result = 0;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(empty) && result == 0; i++) {
        result = PyObject_SetAttrString((PyObject *)types->base, empty[i], names);
    }
    Py_DECREF(names);
    return result;
}

static void
free_types(AstTypes *types)
{
    for (int i = 0; i < AST_CLASS_COUNT; i++) {
        Py_XDECREF(types->of[i].singleton);
        Py_XDECREF(types->of[i].names);
        Py_XDECREF(types->of[i].type);
    }
    Py_XDECREF(types->base);
    Py_XDECREF(types->fields_name);
    Py_XDECREF(types->dict_name);
    PyMem_Free(types);
}

/* Returns NULL, with an exception.  Freeing a class that is half made can lose the one in hand, and
   the runtime says nothing where there is no memory for the name of a class. */
static AstTypes *
fail_to_make(AstTypes *types)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    free_types(types);
    if (type == NULL) {
        return (AstTypes *)PyErr_NoMemory();
    }
    PyErr_Restore(type, value, traceback);
    return NULL;
}

static AstTypes *
make_types(void)
{
    AstTypes *types = PyMem_Calloc(1, sizeof(*types));
    if (types == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    types->fields_name = PyUnicode_InternFromString("_fields");
    types->dict_name = PyUnicode_InternFromString("__dict__");
    if (types->fields_name == NULL || types->dict_name == NULL || make_base(types) < 0) {
        return fail_to_make(types);
    }
    for (int number = 0; number < AST_CLASS_COUNT; number++) {
        if (make_class(types, number) < 0) {
            return fail_to_make(types);
        }
    }
    return types;
}

/* The interpreter state has a structure for the archive's own classes, which nothing else reads;
   zero at first. */
static AstTypes **
types_of_interpreter(PyInterpreterState *interpreter)
{
    _Static_assert(sizeof(interpreter->ast) >= sizeof(AstTypes *), "no room for it");
    return (AstTypes **)(void *)&interpreter->ast;
}

AstTypes *
ast_types_get(void)
{
    AstTypes **place = types_of_interpreter(_PyInterpreterState_GET());
    if (*place == NULL) {
        AstTypes *types = make_types();
        if (types == NULL) {
            return NULL;
        }
        /* Making classes can run a collection and with it any code, another thread's here too. */
        if (*place == NULL) {
            *place = types;
        }
        else {
            free_types(types);
        }
    }
    return *place;
}

void
_PyAST_Fini(PyInterpreterState *interpreter)
{
    AstTypes **place = types_of_interpreter(interpreter);
    AstTypes *types = *place;
    *place = NULL;
    if (types != NULL) {
        free_types(types);
    }
}

int
PyAST_Check(PyObject *object)
{
    AstTypes *types = ast_types_get();
    if (types == NULL) {
        return -1;
    }
    return PyObject_IsInstance(object, (PyObject *)types->base);
}
SHOWN_TO_STAGES(PyAST_Check);

int
ast_types_add_base_to(PyObject *module)
{
    AstTypes *types = ast_types_get();
    return types == NULL ? -1 : PyModule_AddObjectRef(module, "AST", (PyObject *)types->base);
}

int
ast_types_add_to(PyObject *module)
{
    AstTypes *types = ast_types_get();
    if (types == NULL) {
        return -1;
    }
    for (int i = 0; i < AST_CLASS_COUNT; i++) {
        if (PyModule_AddObjectRef(module, ast_classes[i].name, (PyObject *)types->of[i].type) < 0) {
            return -1;
        }
    }
    return 0;
}
