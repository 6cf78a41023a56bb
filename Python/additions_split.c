/* A module's code in two parts; see Include/additions_split.h.

   Between two statements of a module's top level nothing is on the stack, so the code can be left
   there, and entered there. */

#include "additions_split.h"

#include <opcode.h>
#include <stdbool.h>

/* An instruction of code bytes, with the EXTENDED_ARGs before it; in units of two bytes. */
typedef struct {
    Py_ssize_t begin;
    Py_ssize_t end;
    int opcode;
    int argument;
} Instruction;

/* The next instruction; caches between the two are passed over.  false at the end. */
static bool
next_instruction(const unsigned char *units, Py_ssize_t count, Instruction *instruction)
{
    Py_ssize_t i = instruction->end;
    while (i < count && units[2 * i] == CACHE) {
        i++;
    }
    instruction->begin = i;
    instruction->argument = 0;
    for (; i < count; i++) {
        instruction->argument = instruction->argument << 8 | units[2 * i + 1];
        if (units[2 * i] != EXTENDED_ARG) {
            instruction->opcode = units[2 * i];
            instruction->end = i + 1;
            return true;
        }
    }
    return false;
}

static bool
is_text(PyObject *items, int index, const char *text)
{
    PyObject *item = index < PyTuple_GET_SIZE(items) ? PyTuple_GET_ITEM(items, index) : NULL;
    return item != NULL && PyUnicode_Check(item)
           && PyUnicode_CompareWithASCIIString(item, text) == 0;
}

/* Where the last comparison of __name__ with "__main__" begins, in units, or -1. */
static Py_ssize_t
find_main(const PyCodeObject *code, const unsigned char *units, Py_ssize_t count)
{
    Py_ssize_t found = -1;
    Instruction name = {0}, constant, comparison;
    while (next_instruction(units, count, &name)) {
        if (name.opcode != LOAD_NAME || !is_text(code->co_names, name.argument, "__name__")) {
            continue;
        }
        constant = name;
        if (!next_instruction(units, count, &constant) || constant.opcode != LOAD_CONST
            || !is_text(code->co_consts, constant.argument, "__main__")) {
            continue;
        }
        comparison = constant;
        if (next_instruction(units, count, &comparison) && comparison.opcode == COMPARE_OP
            && comparison.argument == Py_EQ) {
            found = name.begin;
        }
    }
    return found;
}

/* Writes an instruction in as many units as its argument takes; returns how many. */
static Py_ssize_t
write_instruction(unsigned char *place, int opcode, Py_ssize_t argument)
{
    Py_ssize_t units = 1;
    for (Py_ssize_t rest = argument >> 8; rest > 0; rest >>= 8) {
        units++;
    }
    for (Py_ssize_t i = 0; i < units; i++) {
        place[2 * i] = (unsigned char)(i == units - 1 ? opcode : EXTENDED_ARG);
        place[2 * i + 1] = (unsigned char)(argument >> 8 * (units - 1 - i) & 0xff);
    }
    return units;
}

/* A jump, in the first of distance units, to the end of them. */
static void
write_jump(unsigned char *place, Py_ssize_t distance)
{
    Py_ssize_t units = 1, before;
    do {
        before = units;
        units = write_instruction(place, JUMP_FORWARD, distance - before);
    } while (units != before);
}

static Py_ssize_t
index_of_none(PyObject *constants)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); i++) {
        if (PyTuple_GET_ITEM(constants, i) == Py_None) {
            return i;
        }
    }
    return -1;
}

/* New reference to code with other code bytes. */
static PyObject *
replace_bytes(PyCodeObject *code, PyObject *bytes)
{
    PyObject *replace = PyObject_GetAttrString((PyObject *)code, "replace");
    PyObject *arguments = PyTuple_New(0);
    PyObject *keywords = Py_BuildValue("{sO}", "co_code", bytes);
    PyObject *result = NULL;
    if (replace != NULL && arguments != NULL && keywords != NULL) {
        result = PyObject_Call(replace, arguments, keywords);
    }
    Py_XDECREF(replace);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    return result;
}

/* New reference to code that ends at unit number end. */
static PyObject *
code_until(PyCodeObject *code, PyObject *bytes, Py_ssize_t end)
{
    PyObject *copy = PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    if (copy == NULL) {
        return NULL;
    }
    unsigned char *place = (unsigned char *)PyBytes_AS_STRING(copy) + 2 * end;
    place += 2 * write_instruction(place, LOAD_CONST, index_of_none(code->co_consts));
    write_instruction(place, RETURN_VALUE, 0);
    PyObject *result = replace_bytes(code, copy);
    Py_DECREF(copy);
    return result;
}

/* New reference to code that begins at unit number begin, after its first instruction, RESUME. */
static PyObject *
code_from(PyCodeObject *code, PyObject *bytes, Py_ssize_t begin)
{
    if (begin == 1) {
        return Py_NewRef(code);
    }
    PyObject *copy = PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    if (copy == NULL) {
        return NULL;
    }
    write_jump((unsigned char *)PyBytes_AS_STRING(copy) + 2, begin - 1);
    PyObject *result = replace_bytes(code, copy);
    Py_DECREF(copy);
    return result;
}

/* Whether it begins as modules do, and has room for a return, of up to five units. */
static bool
can_be_split(const PyCodeObject *code, const unsigned char *units, Py_ssize_t count,
             Py_ssize_t place)
{
    return place > 0 && count - place > 5 && units[0] == RESUME
           && index_of_none(code->co_consts) >= 0;
}

int
additions_split(PyCodeObject *code, PyObject **body, PyObject **rest)
{
    *body = *rest = NULL;
    PyObject *bytes = PyCode_GetCode(code);
    if (bytes == NULL) {
        return -1;
    }
    const unsigned char *units = (const unsigned char *)PyBytes_AS_STRING(bytes);
    Py_ssize_t count = PyBytes_GET_SIZE(bytes) / 2;
    Py_ssize_t place = find_main(code, units, count);
    if (!can_be_split(code, units, count, place)) {
        Py_DECREF(bytes);
        return 0;
    }
    *body = code_until(code, bytes, place);
    *rest = *body == NULL ? NULL : code_from(code, bytes, place);
    Py_DECREF(bytes);
    if (*rest == NULL) {
        Py_CLEAR(*body);
        return -1;
    }
    return 0;
}
