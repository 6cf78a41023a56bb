/* Constants of one compile.  The contract is in constants.h.

   One open-addressing table with linear probing holds every constant of the compile.  Scalars are
   compared by type and value, tuples and frozen sets by the identities of their elements, so that
   comparing never walks into nested constants twice.  Code objects are compared by the runtime,
   but only when they share their tuples: hashing or comparing them whole would do all the code
   inside of them again at every level of nesting. */

#include "Python.h"
#include "constants.h"

/* What is being looked for: an object and, for tuples and frozen sets, where in the table's element
   array the number of its elements and their identities lie, at the end until an equal constant is
   found. */
typedef struct {
    PyObject *object;
    uint32_t hash;
    int elements;
    bool provisional;
} Probe;

static ConstantId identify(ConstantTable *table, PyObject *object, bool provisional);

static uint32_t
mixed(uint32_t hash, uint32_t value)
{
    return (hash ^ value) * 0x9E3779B1u + (hash >> 15);
}

static bool
same_sign_of_zero(double left, double right)
{
    return left != 0.0 || signbit(left) == signbit(right);
}

static bool
equal_complex(PyObject *left, PyObject *right)
{
    Py_complex a = ((PyComplexObject *)left)->cval;
    Py_complex b = ((PyComplexObject *)right)->cval;
    return a.real == b.real && a.imag == b.imag && same_sign_of_zero(a.real, b.real)
           && same_sign_of_zero(a.imag, b.imag);
}

static bool
equal_float(PyObject *left, PyObject *right)
{
    double a = PyFloat_AS_DOUBLE(left);
    double b = PyFloat_AS_DOUBLE(right);
    return a == b && same_sign_of_zero(a, b);
}

static bool
equal_text(PyObject *left, PyObject *right)
{
    return PyUnicode_GET_LENGTH(left) == PyUnicode_GET_LENGTH(right)
           && PyUnicode_KIND(left) == PyUnicode_KIND(right)
           && memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right),
                     (size_t)PyUnicode_GET_LENGTH(left) * PyUnicode_KIND(left))
                  == 0;
}

static bool
equal_bytes(PyObject *left, PyObject *right)
{
    return PyBytes_GET_SIZE(left) == PyBytes_GET_SIZE(right)
           && memcmp(PyBytes_AS_STRING(left), PyBytes_AS_STRING(right),
                     (size_t)PyBytes_GET_SIZE(left))
                  == 0;
}

/* The runtime compares all there is to a code object; code inside of it is reached only through
   tuples that are the same object. */
static int
equal_code(PyObject *left, PyObject *right)
{
    return ((PyCodeObject *)left)->co_consts == ((PyCodeObject *)right)->co_consts
           && PyObject_RichCompareBool(left, right, Py_EQ);
}

/* Their numbers are compared with them. */
static bool
equal_elements(const ConstantTable *table, const Constant *constant, const Probe *probe)
{
    const ConstantId *left = table->elements.items + constant->elements;
    const ConstantId *right = table->elements.items + probe->elements;
    return memcmp(left, right, ((size_t)*right + 1) * sizeof(ConstantId)) == 0;
}

/* 1 when the constant equals what is looked for, 0 when not, -1 with an exception. */
static int
matches(ConstantTable *table, const Constant *constant, const Probe *probe)
{
    PyObject *left = constant->object;
    PyObject *right = probe->object;
    if (left == right) {
        return 1;
    }
    PyTypeObject *type = Py_TYPE(right);
    if (constant->hash != probe->hash || Py_TYPE(left) != type) {
        return 0;
    }
    if (type == &PyLong_Type) {
        return PyObject_RichCompareBool(left, right, Py_EQ);
    }
    if (type == &PyTuple_Type || type == &PyFrozenSet_Type) {
        return equal_elements(table, constant, probe);
    }
    if (type == &PyBytes_Type) {
        return equal_bytes(left, right);
    }
    if (type == &PyFloat_Type) {
        return equal_float(left, right);
    }
    if (type == &PyComplex_Type) {
        return equal_complex(left, right);
    }
    if (type == &PyCode_Type) {
        return equal_code(left, right);
    }
    return 0;
}

static uint64_t
folded_product(uint64_t left, uint64_t right)
{
    __extension__ unsigned __int128 product = (unsigned __int128)left * right;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time: code, tables and long texts are hashed once and compared rarely.  The
   runtime's secret goes into each step, so that nobody can write texts of one hash. */
static uint32_t
hash_memory(const char *at, Py_ssize_t size)
{
    const uint64_t key = (uint64_t)_Py_HashSecret.siphash.k0 ^ 0x9E3779B97F4A7C15u;
    uint64_t hash = (uint64_t)_Py_HashSecret.siphash.k1 ^ (uint64_t)size;
    uint64_t word;
    for (; size >= (Py_ssize_t)sizeof(word); size -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = folded_product(hash ^ word, key);
    }
    word = 0;
    memcpy(&word, at, (size_t)size);
    hash = folded_product(hash ^ word, key);
    return (uint32_t)(hash ^ hash >> 32);
}

/* The same for digits of a number, or identities. */
static inline uint32_t
hash_words(const uint32_t *words, Py_ssize_t count)
{
    const uint64_t key = (uint64_t)_Py_HashSecret.siphash.k0 ^ 0x9E3779B97F4A7C15u;
    uint64_t hash = (uint64_t)_Py_HashSecret.siphash.k1 ^ (uint64_t)count;
    for (; count >= 2; count -= 2, words += 2) {
        hash = folded_product(hash ^ ((uint64_t)words[1] << 32 | words[0]), key);
    }
    if (count > 0) {
        hash = folded_product(hash ^ *words, key);
    }
    return (uint32_t)(hash ^ hash >> 32);
}

/* The hash of a short text is there already, or soon needed, if it is a name.  That of the runtime
   takes three times as long for the others. */
static uint32_t
hash_text(PyObject *text)
{
    enum { LONGEST_SHORT_TEXT = 40 };
    Py_ssize_t size = PyUnicode_GET_LENGTH(text) * PyUnicode_KIND(text);
    if (size > LONGEST_SHORT_TEXT) {
        return hash_memory(PyUnicode_DATA(text), size);
    }
    Py_hash_t hash = ((PyASCIIObject *)text)->hash;
    return (uint32_t)(hash != -1 ? hash : PyObject_Hash(text));
}

static uint32_t
hash_pointer(uint32_t hash, const void *pointer)
{
    return mixed(hash, (uint32_t)((uintptr_t)pointer >> 4));
}

/* Equal code objects of one compile share their tuples. */
static uint32_t
hash_code(PyCodeObject *code)
{
    uint32_t hash = mixed((uint32_t)code->co_firstlineno, (uint32_t)Py_SIZE(code));
    hash = hash_pointer(hash, code->co_consts);
    hash = hash_pointer(hash, code->co_names);
    return hash_pointer(hash, code->co_localsplusnames);
}

/* For those that share their tuples and are not equal, of which there may be many on one line. Most
   have no need of it. */
static uint32_t
hash_instructions(PyCodeObject *code)
{
    return hash_memory((const char *)_PyCode_CODE(code), _PyCode_NBYTES(code));
}

static uint32_t
hash_elements(const ConstantTable *table, const Probe *probe)
{
    const ConstantId *element = table->elements.items + probe->elements;
    return hash_words((const uint32_t *)element, *element + 1);
}

/* That of the runtime tells what is equal across types, and leaves it to who writes the numbers
   which of them have the same. */
static uint32_t
hash_int(PyObject *number)
{
    const PyLongObject *value = (PyLongObject *)number;
    Py_ssize_t size = Py_ABS(Py_SIZE(value));
    uint32_t hash = hash_words(value->ob_digit, size);
    return Py_SIZE(value) < 0 ? ~hash : hash;
}

/* Of those that are left, such as None, there are few. */
static int
hash_singleton(PyObject *object, uint32_t *result)
{
    Py_hash_t hash = PyObject_Hash(object);
    if (hash == -1 && PyErr_Occurred()) {
        return -1;
    }
    *result = mixed((uint32_t)hash, (uint32_t)((uint64_t)hash >> 32));
    return 0;
}

static int
hash_probe(ConstantTable *table, Probe *probe)
{
    PyObject *object = probe->object;
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyLong_Type) {
        probe->hash = hash_int(object);
    }
    else if (type == &PyTuple_Type || type == &PyFrozenSet_Type) {
        probe->hash = hash_elements(table, probe);
    }
    else if (type == &PyCode_Type) {
        probe->hash = hash_code((PyCodeObject *)object);
    }
    else if (type == &PyBytes_Type) {
        probe->hash = hash_memory(PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
    }
    else if (type == &PyFloat_Type) {
        probe->hash =
            hash_memory((const char *)&((PyFloatObject *)object)->ob_fval, sizeof(double));
    }
    else if (type == &PyComplex_Type) {
        Py_complex value = ((PyComplexObject *)object)->cval;
        probe->hash = hash_memory((const char *)&value, sizeof(value));
    }
    else {
        return hash_singleton(object, &probe->hash);
    }
    return 0;
}

static void
free_buckets(ConstantTable *table)
{
    if (table->buckets != table->first_buckets) {
        PyMem_Free(table->buckets);
    }
}

static int
grow_buckets(ConstantTable *table)
{
    enum { MANY_BUCKETS = 1 << 16 };
    size_t count = (size_t)table->bucket_mask + 1;
    count *= count < MANY_BUCKETS ? 4 : 2;
    int *buckets = PyMem_Calloc(count, sizeof(int));
    if (buckets == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    uint32_t mask = (uint32_t)(count - 1);
    for (int id = 0; id < table->constants.count; id++) {
        uint32_t bucket = table->constants.items[id].hash & mask;
        while (buckets[bucket] != 0) {
            bucket = (bucket + 1) & mask;
        }
        buckets[bucket] = id + 1;
    }
    free_buckets(table);
    table->buckets = buckets;
    table->bucket_mask = mask;
    return 0;
}

static ConstantId
enter(ConstantTable *table, uint32_t bucket, const Probe *probe)
{
    Constant constant = {
        .object = probe->object,
        .hash = probe->hash,
        .elements = (unsigned int)probe->elements,
        .provisional = probe->provisional,
    };
    if (constant_array_append(&table->constants, constant) < 0) {
        return -1;
    }
    Py_INCREF(constant.object);
    table->buckets[bucket] = table->constants.count;
    return table->constants.count - 1;
}

static inline void
settle(Constant *constant, PyObject *object, bool provisional)
{
    if (constant->provisional && !provisional) {
        constant->provisional = false;
        Py_INCREF(object);
        Py_SETREF(constant->object, object);
    }
}

static inline int
reserve_bucket(ConstantTable *table)
{
    return (uint32_t)table->constants.count * 2 > table->bucket_mask ? grow_buckets(table) : 0;
}

static ConstantId find_among_namesakes(ConstantTable *, Probe *, int *is_new);

/* Goes by the hash that the probe has. */
static inline ConstantId
find_or_enter_hashed(ConstantTable *table, Probe *probe, int *is_new, bool is_first_hash)
{
    bool has_namesake = false;
    uint32_t bucket = probe->hash & table->bucket_mask;
    while (table->buckets[bucket] != 0) {
        ConstantId id = table->buckets[bucket] - 1;
        Constant *constant = &table->constants.items[id];
        int equal = matches(table, constant, probe);
        if (equal < 0) {
            return -1;
        }
        if (equal) {
            settle(constant, probe->object, probe->provisional);
            *is_new = 0;
            return id;
        }
        has_namesake |= constant->hash == probe->hash;
        bucket = (bucket + 1) & table->bucket_mask;
    }
    if (is_first_hash && has_namesake && PyCode_Check(probe->object)) {
        return find_among_namesakes(table, probe, is_new);
    }
    *is_new = 1;
    return enter(table, bucket, probe);
}

__attribute__((noinline)) static ConstantId
find_among_namesakes(ConstantTable *table, Probe *probe, int *is_new)
{
    probe->hash = hash_instructions((PyCodeObject *)probe->object);
    return find_or_enter_hashed(table, probe, is_new, false);
}

/* The identity of what is looked for, entered when new; *is_new tells which. */
static ConstantId
find_or_enter(ConstantTable *table, Probe *probe, int *is_new)
{
    if (hash_probe(table, probe) < 0 || reserve_bucket(table) < 0) {
        return -1;
    }
    return find_or_enter_hashed(table, probe, is_new, true);
}

/* Most constants, and all names, are strings: they have a way of their own. */
static ConstantId
identify_text(ConstantTable *table, PyObject *text, bool provisional)
{
    if (reserve_bucket(table) < 0) {
        return -1;
    }
    uint32_t hash = hash_text(text);
    uint32_t bucket = hash & table->bucket_mask;
    for (ConstantId id; (id = table->buckets[bucket] - 1) >= 0;) {
        Constant *constant = &table->constants.items[id];
        if (constant->object == text
            || (constant->hash == hash && PyUnicode_CheckExact(constant->object)
                && equal_text(constant->object, text))) {
            settle(constant, text, provisional);
            return id;
        }
        bucket = (bucket + 1) & table->bucket_mask;
    }
    Probe probe = {.object = text, .hash = hash, .provisional = provisional};
    return enter(table, bucket, &probe);
}

static ConstantId
identify_scalar(ConstantTable *table, PyObject *object, bool provisional)
{
    Probe probe = {.object = object, .provisional = provisional};
    int is_new;
    return find_or_enter(table, &probe, &is_new);
}

/* Puts the identities of the elements of a tuple or frozen set at the end of the table's array,
   behind their number.  Returns where. */
static int
append_elements(ConstantTable *table, const ConstantId *ids, int count)
{
    ConstantIdArray *elements = &table->elements;
    int at = elements->count;
    if (constant_ids_reserve(elements, count + 1) < 0) {
        return -1;
    }
    elements->items[at] = count;
    if (count > 0) {
        memcpy(elements->items + at + 1, ids, (size_t)count * sizeof(ConstantId));
    }
    elements->count += count + 1;
    return at;
}

/* Looks up a tuple or frozen set whose elements were appended last; they stay in the table only
   when the constant is new. */
static ConstantId
identify_elements(ConstantTable *table, PyObject *object, int elements, int *is_new)
{
    Probe probe = {.object = object, .elements = elements};
    ConstantId id = find_or_enter(table, &probe, is_new);
    if (id < 0 || !*is_new) {
        table->elements.count = elements;
    }
    return id;
}

static void
replace_elements(ConstantTable *table, PyObject *tuple, int elements)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        ConstantId id = table->elements.items[elements + 1 + i];
        PyObject *element = constants_object(table, id);
        PyObject *replaced = PyTuple_GET_ITEM(tuple, i);
        if (element != replaced) {
            PyTuple_SET_ITEM(tuple, i, Py_NewRef(element));
            Py_DECREF(replaced);
        }
    }
}

/* Identifies the elements first and appends their identities in one run afterwards: an element
   that is a tuple itself appends its own in between.  Returns where they lie. */
static int
identify_tuple_elements(ConstantTable *table, PyObject *tuple, bool provisional)
{
    int count = (int)PyTuple_GET_SIZE(tuple);
    ConstantId small[16];
    ConstantId *ids = small;
    if (count > 16) {
        ids = PyMem_Malloc((size_t)count * sizeof(ConstantId));
        if (ids == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    int status = 0;
    for (int i = 0; i < count && status == 0; i++) {
        ids[i] = identify(table, PyTuple_GET_ITEM(tuple, i), provisional);
        status = ids[i] < 0 ? -1 : 0;
    }
    int at = status == 0 ? append_elements(table, ids, count) : -1;
    if (ids != small) {
        PyMem_Free(ids);
    }
    return at;
}

static ConstantId
identify_tuple(ConstantTable *table, PyObject *tuple, bool provisional)
{
    int elements = identify_tuple_elements(table, tuple, provisional);
    if (elements < 0) {
        return -1;
    }
    int is_new;
    ConstantId id = identify_elements(table, tuple, elements, &is_new);
    if (id >= 0 && is_new && !provisional) {
        replace_elements(table, tuple, elements);
    }
    return id;
}

static int
order_of_ids(const void *left, const void *right)
{
    ConstantId a = *(const ConstantId *)left;
    ConstantId b = *(const ConstantId *)right;
    return (a > b) - (a < b);
}

/* The set is built anew from the objects that stand for its elements, in the order in which it
   gives them: that order decides the order of the new one. */
static int
rebuild_set(ConstantTable *table, ConstantId id, PyObject *items)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); i++) {
        PyObject *item = PyTuple_GET_ITEM(items, i);
        ConstantId item_id = identify(table, item, false);
        if (item_id < 0) {
            return -1;
        }
        PyTuple_SET_ITEM(items, i, Py_NewRef(constants_object(table, item_id)));
        Py_DECREF(item);
    }
    PyObject *rebuilt = PyFrozenSet_New(items);
    if (rebuilt == NULL) {
        return -1;
    }
    Py_SETREF(table->constants.items[id].object, rebuilt);
    return 0;
}

static ConstantId
identify_set(ConstantTable *table, PyObject *set)
{
    PyObject *items = PySequence_Tuple(set);
    if (items == NULL) {
        return -1;
    }
    int count = (int)PyTuple_GET_SIZE(items);
    ConstantId id = -1;
    int is_new;
    int elements = identify_tuple_elements(table, items, false);
    if (elements >= 0) {
        qsort(table->elements.items + elements + 1, (size_t)count, sizeof(ConstantId),
              order_of_ids);
        id = identify_elements(table, set, elements, &is_new);
        if (id >= 0 && is_new && count > 0 && rebuild_set(table, id, items) < 0) {
            id = -1;
        }
    }
    Py_DECREF(items);
    return id;
}

static ConstantId
identify(ConstantTable *table, PyObject *object, bool provisional)
{
    if (PyUnicode_CheckExact(object)) {
        return identify_text(table, object, provisional);
    }
    bool is_tuple = PyTuple_CheckExact(object);
    if (!is_tuple && !PyFrozenSet_CheckExact(object)) {
        return identify_scalar(table, object, provisional);
    }
    if (nesting_enter(&table->nesting) < 0) {
        return -1;
    }
    ConstantId id =
        is_tuple ? identify_tuple(table, object, provisional) : identify_set(table, object);
    nesting_leave(&table->nesting);
    return id;
}

ConstantId
constants_identify(ConstantTable *table, PyObject *constant)
{
    return identify(table, constant, false);
}

ConstantId
constants_identify_name(ConstantTable *table, PyObject *name)
{
    return identify(table, name, true);
}

PyObject *
constants_share_bytes(ConstantTable *table, PyObject *bytes)
{
    if (bytes == NULL || PyBytes_GET_SIZE(bytes) == 0) {
        return bytes;
    }
    ConstantId id = identify(table, bytes, false);
    PyObject *shared = id < 0 ? NULL : Py_NewRef(constants_object(table, id));
    Py_DECREF(bytes);
    return shared;
}

static PyObject *
tuple_of(const ConstantTable *table, const ConstantId *ids, int count)
{
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple != NULL && i < count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(constants_object(table, ids[i])));
    }
    return tuple;
}

/* Looks for a tuple by its elements, before there is an object of it.  NULL when there is none
   yet; *bucket is where it belongs then. */
static PyObject *
known_tuple(const ConstantTable *table, const Probe *probe, uint32_t *bucket)
{
    for (ConstantId id; (id = table->buckets[*bucket] - 1) >= 0;) {
        const Constant *constant = &table->constants.items[id];
        if (constant->hash == probe->hash && PyTuple_CheckExact(constant->object)
            && equal_elements(table, constant, probe)) {
            return constant->object;
        }
        *bucket = (*bucket + 1) & table->bucket_mask;
    }
    return NULL;
}

PyObject *
constants_shared_tuple(ConstantTable *table, const ConstantId *ids, int count)
{
    if (count == 0) {
        return tuple_of(table, ids, count);
    }
    Probe probe = {.elements = table->elements.count};
    if (reserve_bucket(table) < 0 || append_elements(table, ids, count) < 0) {
        return NULL;
    }
    probe.hash = hash_elements(table, &probe);
    uint32_t bucket = probe.hash & table->bucket_mask;
    PyObject *tuple = Py_XNewRef(known_tuple(table, &probe, &bucket));
    bool is_new = tuple == NULL;
    if (is_new) {
        probe.object = tuple = tuple_of(table, ids, count);
        if (tuple != NULL && enter(table, bucket, &probe) < 0) {
            Py_CLEAR(tuple);
        }
    }
    if (tuple == NULL || !is_new) {
        table->elements.count = probe.elements;
    }
    return tuple;
}

bool
constants_have_tuple_of(const ConstantTable *table, int count)
{
    const Constant *constant = table->constants.items;
    const Constant *end = constant + (table->elements.count > 0 ? table->constants.count : 0);
    for (; constant < end; constant++) {
        if (PyTuple_CheckExact(constant->object)
            && table->elements.items[constant->elements] == count) {
            return true;
        }
    }
    return false;
}

void
constants_init(ConstantTable *table)
{
    memset(table, 0, sizeof(*table));
    nesting_init_for_stack(&table->nesting);
    table->buckets = table->first_buckets;
    table->bucket_mask = Py_ARRAY_LENGTH(table->first_buckets) - 1;
}

void
constants_clear(ConstantTable *table)
{
    for (int id = 0; id < table->constants.count; id++) {
        Py_DECREF(table->constants.items[id].object);
    }
    constant_array_clear(&table->constants);
    constant_ids_clear(&table->elements);
    free_buckets(table);
    table->buckets = NULL;
}
