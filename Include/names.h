/* The names of one compile.
 *
 * Every spelling gets one small integer, its NameId, the first time it is met; from then on
 * names are compared, looked up and stored as integers.  Ids are dense, 0 .. count - 1, so that
 * a stage can keep an array of its own indexed by them.
 *
 * The parser interns identifiers: a pointer is a spelling, and the table hashes pointers.  A
 * string that is not interned (a tree made by hand, a mangled name) is interned first, so the
 * interpreter's own table of interned strings is the fallback that compares values.
 *
 * The references to the strings live in the arena given to names_init(), the table until
 * names_clear().  Functions return NAME_NONE or NULL with an exception set.
 */
#ifndef FRONTEND_NAMES_H
#define FRONTEND_NAMES_H

#include "Python.h"
#include "arrays.h"
#include "memory.h"

#include <stdbool.h>
#include <stdint.h>

typedef int32_t NameId;

#define NAME_NONE ((NameId)-1)

/* What a small source needs; a larger one moves to the heap. */
enum { NAMES_FIRST_CAPACITY = 32, NAMES_FIRST_SLOTS = 4 * NAMES_FIRST_CAPACITY };

/* Names the compiler itself speaks of.  They get an id when first asked for.  KEPT are those that
 * the runtime keeps a string of. */
#define KNOWN_NAMES(KEPT, SPELLED)                                                                 \
    KEPT(TOP, top)                                                                                 \
    KEPT(LAMBDA, lambda)                                                                           \
    KEPT(GENEXPR, genexpr)                                                                         \
    KEPT(LISTCOMP, listcomp)                                                                       \
    KEPT(SETCOMP, setcomp)                                                                         \
    KEPT(DICTCOMP, dictcomp)                                                                       \
    KEPT(ANNOTATION, _annotation)                                                                  \
    KEPT(RETURN, return )                                                                          \
    KEPT(DUNDER_ANNOTATIONS, __annotations__)                                                      \
    KEPT(DUNDER_CLASS, __class__)                                                                  \
    KEPT(DUNDER_CLASSCELL, __classcell__)                                                          \
    KEPT(DUNDER_DOC, __doc__)                                                                      \
    KEPT(DUNDER_MODULE, __module__)                                                                \
    KEPT(DUNDER_NAME, __name__)                                                                    \
    KEPT(DUNDER_QUALNAME, __qualname__)                                                            \
    SPELLED(DUNDER_AIMPORT, "__aimport__")                                                         \
    SPELLED(DUNDER_DEBUG, "__debug__")                                                             \
    SPELLED(ITERABLE, ".0")                                                                        \
    SPELLED(SUPER, "super")

/* clang-format off */
typedef enum {
#define ENUMERATE(symbol, spelling) KNOWN_##symbol,
    KNOWN_NAMES(ENUMERATE, ENUMERATE)
#undef ENUMERATE
    KNOWN_NAMES_COUNT
} KnownName;
/* clang-format on */

typedef struct NameRecord NameRecord;
struct NameRecord {
    PyObject *string;      /* interned; kept alive by the arena */
    NameId mangling_class; /* the class it was last mangled for, and the result; NAME_NONE: */
    NameId mangled;        /* none yet; NAME_PUBLIC: it is not "__x", and never mangled */
};

#define NAME_PUBLIC ((NameId)-2)

DEFINE_ARRAY(NameRecordArray, NameRecord, name_records);

typedef struct Names Names;
struct Names {
    PyArena *arena;
    NameRecordArray records; /* indexed by NameId */
    int32_t *slots;          /* open addressing by address of the string: id + 1, 0 if empty */
    uint32_t slot_mask;
    NameId known[KNOWN_NAMES_COUNT]; /* NAME_NONE: not asked for; see names_is_super() */
    NameRecord first_records[NAMES_FIRST_CAPACITY];
    int32_t first_slots[NAMES_FIRST_SLOTS];
};

/* Make an empty table, which must stay where it is. */
void names_init(Names *names, PyArena *arena);

void names_clear(Names *names);

/* For names_intern(), when the string is not at the first place looked at. */
NameId names_find_or_add(Names *names, PyObject *identifier);

/* The id of a spelling, a new one if it was not met before.  `identifier` must be an exact str,
 * and the arena must keep it alive if it is interned, as it does the strings of a tree. */
static inline NameId
names_intern(Names *names, PyObject *identifier)
{
    int32_t slot = names->slots[hash_of_address(identifier) & names->slot_mask];
    if (slot != 0 && names->records.items[slot - 1].string == identifier) {
        return slot - 1;
    }
    return names_find_or_add(names, identifier);
}

/* The id of a name the compiler itself speaks of: names_known(names, KNOWN_DUNDER_CLASS). */
NameId names_known(Names *names, KnownName which);

/* Whether the name is `super`, which functions give a meaning. */
static inline bool
names_is_super(const Names *names, NameId id)
{
    return names->known[KNOWN_SUPER] == id;
}

/* Whether a string is spelled as `text`, which is ASCII. */
static inline bool
name_is_spelled(PyObject *string, const char *text, Py_ssize_t length)
{
    return PyUnicode_GET_LENGTH(string) == length && PyUnicode_IS_ASCII(string)
           && memcmp(PyUnicode_1BYTE_DATA(string), text, (size_t)length) == 0;
}

static inline bool
name_is_debug(PyObject *string)
{
    return name_is_spelled(string, "__debug__", 9);
}

/* For names_mangle(), when there is something to mangle. */
NameId names_mangle_private(Names *names, NameId class_name, NameId name);

/* The id under which `name` is stored inside the class `class_name`; `name` itself where nothing
 * is mangled, which includes `class_name` being NAME_NONE. */
static inline NameId
names_mangle(Names *names, NameId class_name, NameId name)
{
    if (names->records.items[name].mangling_class == NAME_PUBLIC || class_name == NAME_NONE) {
        return name;
    }
    return names_mangle_private(names, class_name, name);
}

/* The string of an id, borrowed: it lives as long as the arena. */
static inline PyObject *
names_string(const Names *names, NameId id)
{
    return names->records.items[id].string;
}

/* Mangling of plain strings: what _Py_Mangle() has to be.  `class_name` may be NULL; `name` must
 * be a str.  Returns a new reference. */
PyObject *names_mangle_strings(PyObject *class_name, PyObject *name);

#endif
