/* The names of one compile: see names.h.  Entry points: names_init(), names_clear(),
 * names_intern(), names_known(), names_mangle(), names_mangle_strings(). */

#include "names.h"
#include "pycore_runtime.h"
#include "pycore_global_strings.h"
#include "stages.h"

#include <stddef.h>

typedef struct KnownString KnownString;
struct KnownString {
    PyObject *kept; /* NULL: made when it is needed */
    const char *spelling;
};

static const KnownString known_strings[] = {
#define KEPT(symbol, name) [KNOWN_##symbol] = {&_Py_ID(name), NULL},
#define SPELLED(symbol, spelling) [KNOWN_##symbol] = {NULL, spelling},
    KNOWN_NAMES(KEPT, SPELLED)
#undef KEPT
#undef SPELLED
};

void
names_init(Names *names, PyArena *arena)
{
    memset(names, 0, offsetof(Names, first_records));
    names->arena = arena;
    name_records_lend(&names->records, names->first_records, NAMES_FIRST_CAPACITY);
    memset(names->first_slots, 0, sizeof(names->first_slots));
    names->slots = names->first_slots;
    names->slot_mask = NAMES_FIRST_SLOTS - 1;
    memset(names->known, 0xFF, sizeof(names->known));
}
SHOWN_TO_STAGES(names_init);

static void
free_slots(Names *names)
{
    if (names->slots != names->first_slots) {
        PyMem_Free(names->slots);
    }
}

void
names_clear(Names *names)
{
    free_slots(names);
    name_records_clear(&names->records);
}
SHOWN_TO_STAGES(names_clear);

/* The slot of a string, or the empty one where it belongs. */
static int32_t *
find_slot(const Names *names, const PyObject *string)
{
    uint32_t at = hash_of_address(string) & names->slot_mask;
    while (names->slots[at] != 0 && names->records.items[names->slots[at] - 1].string != string) {
        at = (at + 1) & names->slot_mask;
    }
    return &names->slots[at];
}

static int
double_slots(Names *names)
{
    uint32_t size = 2 * (names->slot_mask + 1);
    int32_t *slots = PyMem_Calloc(size, sizeof(int32_t));
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    free_slots(names);
    names->slots = slots;
    names->slot_mask = size - 1;
    for (NameId id = 0; id < names->records.count; id++) {
        *find_slot(names, names->records.items[id].string) = id + 1;
    }
    return 0;
}

/* Slots are a quarter full at most where there are few, half full where room for more would cost
 * more than the search. */
static int
reserve_name(Names *names)
{
    enum { FEW_SLOTS = 1 << 14 };
    if (name_records_reserve(&names->records, 1) < 0) {
        return -1;
    }
    uint32_t count = (uint32_t)names->records.count;
    uint32_t room = names->slot_mask / (names->slot_mask < FEW_SLOTS ? 4 : 2);
    return count > room ? double_slots(names) : 0;
}

/* Starts with two underscores, does not end with two, and is no dotted name. */
static bool
is_private(PyObject *string)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(string);
    int kind = PyUnicode_KIND(string);
    const void *data = PyUnicode_DATA(string);
    if (length < 2 || PyUnicode_READ(kind, data, 0) != '_'
        || PyUnicode_READ(kind, data, 1) != '_') {
        return false;
    }
    if (PyUnicode_READ(kind, data, length - 1) == '_'
        && PyUnicode_READ(kind, data, length - 2) == '_') {
        return false;
    }
    return PyUnicode_FindChar(string, '.', 0, length, 1) == -1;
}

/* `string` is interned and kept alive by the arena. */
static NameId
intern_canonical(Names *names, PyObject *string)
{
    int32_t *slot = find_slot(names, string);
    if (*slot != 0) {
        return *slot - 1;
    }
    if (reserve_name(names) < 0) {
        return NAME_NONE;
    }
    NameId id = names->records.count++;
    names->records.items[id] = (NameRecord){
        .string = string,
        .mangling_class = is_private(string) ? NAME_NONE : NAME_PUBLIC,
    };
    *find_slot(names, string) = id + 1;
    if (name_is_spelled(string, "super", 5)) {
        names->known[KNOWN_SUPER] = id;
    }
    return id;
}

/* Takes over the reference, also on failure. */
static NameId
intern_owned(Names *names, PyObject *string)
{
    PyUnicode_InternInPlace(&string);
    if (!PyUnicode_CHECK_INTERNED(string)) {
        Py_DECREF(string);
        PyErr_NoMemory();
        return NAME_NONE;
    }
    int32_t *slot = find_slot(names, string);
    if (*slot != 0) {
        Py_DECREF(string);
        return *slot - 1;
    }
    if (_PyArena_AddPyObject(names->arena, string) < 0) {
        Py_DECREF(string);
        return NAME_NONE;
    }
    return intern_canonical(names, string);
}

NameId
names_find_or_add(Names *names, PyObject *identifier)
{
    if (PyUnicode_CHECK_INTERNED(identifier)) {
        return intern_canonical(names, identifier);
    }
    return intern_owned(names, Py_NewRef(identifier));
}

static NameId
intern_spelling(Names *names, const char *spelling)
{
    PyObject *string = PyUnicode_FromString(spelling);
    return string != NULL ? intern_owned(names, string) : NAME_NONE;
}

NameId
names_known(Names *names, KnownName which)
{
    if (names->known[which] == NAME_NONE) {
        const KnownString *known = &known_strings[which];
        names->known[which] = known->kept != NULL ? names_intern(names, known->kept)
                                                  : intern_spelling(names, known->spelling);
    }
    return names->known[which];
}

NameId
names_mangle_private(Names *names, NameId class_name, NameId name)
{
    NameRecord *record = &names->records.items[name];
    if (record->mangling_class == class_name) {
        return record->mangled;
    }
    PyObject *string = names_mangle_strings(names_string(names, class_name), record->string);
    if (string == NULL) {
        return NAME_NONE;
    }
    NameId mangled = intern_owned(names, string);
    if (mangled != NAME_NONE) {
        record = &names->records.items[name];
        record->mangling_class = class_name;
        record->mangled = mangled;
    }
    return mangled;
}

/* The length of what precedes the class name proper. */
static Py_ssize_t
leading_underscores(PyObject *class_name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(class_name);
    Py_ssize_t count = 0;
    while (count < length && PyUnicode_READ_CHAR(class_name, count) == '_') {
        count++;
    }
    return count;
}

PyObject *
names_mangle_strings(PyObject *class_name, PyObject *name)
{
    if (class_name == NULL || !PyUnicode_Check(class_name) || !is_private(name)) {
        return Py_NewRef(name);
    }
    Py_ssize_t skipped = leading_underscores(class_name);
    Py_ssize_t kept = PyUnicode_GET_LENGTH(class_name) - skipped;
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    if (kept == 0) {
        return Py_NewRef(name);
    }
    if (kept >= PY_SSIZE_T_MAX - 1 - length) {
        PyErr_SetString(PyExc_OverflowError, "private identifier too large to be mangled");
        return NULL;
    }
    Py_UCS4 widest = Py_MAX(PyUnicode_MAX_CHAR_VALUE(class_name), PyUnicode_MAX_CHAR_VALUE(name));
    PyObject *mangled = PyUnicode_New(1 + kept + length, widest);
    if (mangled == NULL) {
        return NULL;
    }
    PyUnicode_WRITE(PyUnicode_KIND(mangled), PyUnicode_DATA(mangled), 0, '_');
    if (PyUnicode_CopyCharacters(mangled, 1, class_name, skipped, kept) < 0
        || PyUnicode_CopyCharacters(mangled, 1 + kept, name, 0, length) < 0) {
        Py_DECREF(mangled);
        return NULL;
    }
    return mangled;
}
