/* Names.

   Each spelling is made into an interned string once in a parse; a table from spelling to string
   answers from then on. In: tokens. Out: strings that the arena owns. */

#include "parser_internal.h"

enum { FIRST_NAME_CAPACITY = 64 };

static inline uint64_t
load(const char *text, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, text, size);
    return value;
}

/* Most names have no more than 16 bytes: two loads, which overlap. */
static inline uint32_t
hash_text(uint64_t seed, const char *text, size_t length)
{
    uint64_t hash = seed ^ (length * 0x9E3779B97F4A7C15u);
    while (length > 16) {
        hash = (hash ^ load(text, 8)) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
        text += 8;
        length -= 8;
    }
    uint64_t low, high;
    if (length >= 8) {
        low = load(text, 8);
        high = load(text + length - 8, 8);
    }
    else if (length >= 4) {
        low = load(text, 4);
        high = load(text + length - 4, 4);
    }
    else {
        low = (unsigned char)text[0];
        high = (uint64_t)(unsigned char)text[length / 2] << 8 | (unsigned char)text[length - 1];
    }
    hash = (hash ^ low) * 0xFF51AFD7ED558CCDu;
    hash = (hash ^ (hash >> 32) ^ high) * 0xC4CEB9FE1A85EC53u;
    return (uint32_t)(hash >> 32);
}

static int
grow_names(Parser *p)
{
    size_t capacity = p->name_capacity ? p->name_capacity * 4 : FIRST_NAME_CAPACITY;
    NameSlot *names = PyMem_Calloc(capacity, sizeof(NameSlot));
    if (names == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < p->name_capacity; i++) {
        if (p->names[i].name != NULL) {
            size_t at = p->names[i].hash & (capacity - 1);
            while (names[at].name != NULL) {
                at = (at + 1) & (capacity - 1);
            }
            names[at] = p->names[i];
        }
    }
    PyMem_Free(p->names);
    p->names = names;
    p->name_capacity = capacity;
    return 0;
}

/* Identifiers are compared in their NFKC form. Steals the reference. */
static PyObject *
normalize(Parser *p, PyObject *name)
{
    if (p->normalize == NULL) {
        PyObject *module = PyImport_ImportModule("unicodedata");
        p->normalize = module == NULL ? NULL : PyObject_GetAttrString(module, "normalize");
        Py_XDECREF(module);
    }
    PyObject *result = NULL;
    if (p->normalize != NULL) {
        result = PyObject_CallFunction(p->normalize, "sO", "NFKC", name);
    }
    Py_DECREF(name);
    if (result != NULL && !PyUnicode_Check(result)) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
make_name(Parser *p, const char *text, size_t length)
{
    PyObject *name;
    if (length == 1 && is_ascii(text, length)) {
        /* The runtime's own object for the character is the one to be interned. */
        name = PyUnicode_DecodeUTF8(text, 1, NULL);
        if (name == NULL) {
            return NULL;
        }
    }
    else if (is_ascii(text, length)) {
        name = PyUnicode_New((Py_ssize_t)length, 127);
        if (name == NULL) {
            return NULL;
        }
        memcpy(PyUnicode_1BYTE_DATA(name), text, length);
    }
    else {
        name = PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, NULL);
        if (name == NULL) {
            return NULL;
        }
        if (PyUnicode_IsIdentifier(name) != 1) {
            Py_DECREF(name);
            return NULL;
        }
        name = normalize(p, name);
        if (name == NULL) {
            return NULL;
        }
    }
    PyUnicode_InternInPlace(&name);
    return parser_keep(p, name);
}

PyObject *
parser_name(Parser *p, size_t index)
{
    const Token *token = token_at(p, index);
    const char *text = p->text + token->start;
    uint32_t length = token->end - token->start;
    if (p->name_count * 2 >= p->name_capacity && grow_names(p) < 0) {
        return NULL;
    }
    uint32_t hash = hash_text(p->hash_seed, text, length);
    size_t mask = p->name_capacity - 1;
    size_t at = hash & mask;
    for (; p->names[at].name != NULL; at = (at + 1) & mask) {
        const NameSlot *slot = &p->names[at];
        if (slot->hash == hash && slot->length == length
            && memcmp(p->text + slot->start, text, length) == 0) {
            return slot->name;
        }
    }
    PyObject *name = make_name(p, text, length);
    if (name != NULL) {
        p->names[at] = (NameSlot){token->start, length, hash, name};
        p->name_count++;
    }
    return name;
}

/* NAME */
PyObject *
parser_accept_name(Parser *p)
{
    if (peek(p) != TOKEN_NAME) {
        return NULL;
    }
    return parser_name(p, advance(p));
}

static PyObject *
join_names(Parser *p, size_t base)
{
    PyObject *names = PyList_New(0);
    PyObject *dot = PyUnicode_FromStringAndSize(".", 1);
    bool failed = names == NULL || dot == NULL;
    for (size_t i = base; i < p->stack_size && !failed; i++) {
        failed = PyList_Append(names, p->stack[i]) < 0;
    }
    p->stack_size = base;
    PyObject *joined = failed ? NULL : PyUnicode_Join(dot, names);
    Py_XDECREF(names);
    Py_XDECREF(dot);
    if (joined == NULL) {
        return NULL;
    }
    PyUnicode_InternInPlace(&joined);
    return parser_keep(p, joined);
}

/* dotted_name: NAME ("." NAME)* */
PyObject *
parser_dotted_name(Parser *p)
{
    size_t base = p->stack_size;
    PyObject *name = parser_accept_name(p);
    if (name == NULL || peek(p) != TOKEN_DOT) {
        return name;
    }
    if (!push(p, name)) {
        return NULL;
    }
    while (accept(p, TOKEN_DOT)) {
        name = parser_accept_name(p);
        if (name == NULL || !push(p, name)) {
            return NULL;
        }
    }
    return join_names(p, base);
}
