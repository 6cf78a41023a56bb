/* The code object of a finished code unit.  The contract is in codebuilder.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_code.h"
#include "assemble.h"
#include "codebuilder.h"

static ConstantId
name_constant(const CodeParts *parts, NameId name)
{
    IntArray *known = parts->name_constants;
    if (name >= known->count) {
        int missing = parts->names->records.count - known->count;
        if (int_array_reserve(known, missing) < 0) {
            return -1;
        }
        memset(known->items + known->count, 0xFF, (size_t)missing * sizeof(int));
        known->count += missing;
    }
    if (known->items[name] < 0) {
        known->items[name] =
            constants_identify_name(parts->constants, names_string(parts->names, name));
    }
    return known->items[name];
}

/* Whether no other tuple of the compile can be equal to one of `count` elements, nor to that of
   the variables: it needs no identity as a constant then.  That is worth a look where they are
   many. */
static bool
is_alone(const CodeParts *parts, int count, int variables)
{
    enum { MANY_ELEMENTS = 64 };
    return parts->is_last && count >= MANY_ELEMENTS && count != variables
           && !constants_have_tuple_of(parts->constants, count);
}

static PyObject *
tuple_of_constants(const CodeParts *parts)
{
    PyObject *tuple = PyTuple_New(parts->constant_count);
    for (int i = 0; tuple != NULL && i < parts->constant_count; i++) {
        ConstantId id = pool_identity(parts->constant_pool, i);
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(constants_object(parts->constants, id)));
    }
    return tuple;
}

/* After names_tuple(). */
static PyObject *
constants_tuple(const CodeParts *parts, IntArray *ids, int variables)
{
    if (is_alone(parts, parts->constant_count, variables)) {
        return tuple_of_constants(parts);
    }
    if (int_array_reserve(ids, parts->constant_count) < 0) {
        return NULL;
    }
    for (int i = 0; i < parts->constant_count; i++) {
        ids->items[i] = pool_identity(parts->constant_pool, i);
    }
    return constants_shared_tuple(parts->constants, ids->items, parts->constant_count);
}

static int
fill_names(const CodeParts *parts, const Pool *pool, int *ids)
{
    int count = pool_count(pool);
    for (int i = 0; i < count; i++) {
        ids[i] = name_constant(parts, pool_identity(pool, i));
        if (ids[i] < 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *
tuple_of_names(const CodeParts *parts, int count)
{
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple != NULL && i < count; i++) {
        PyObject *name = names_string(parts->names, pool_identity(parts->name_pool, i));
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(name));
    }
    return tuple;
}

static PyObject *
names_tuple(const CodeParts *parts, IntArray *ids, int variables)
{
    int count = pool_count(parts->name_pool);
    if (count != parts->constant_count && is_alone(parts, count, variables)) {
        return tuple_of_names(parts, count);
    }
    if (int_array_reserve(ids, count) < 0 || fill_names(parts, parts->name_pool, ids->items) < 0) {
        return NULL;
    }
    return constants_shared_tuple(parts->constants, ids->items, count);
}

/* Locals, cells and free variables in the order of their slots. */
static PyObject *
variables_tuple(const CodeParts *parts, IntArray *ids, int count)
{
    int locals = pool_count(parts->variable_pool);
    if (int_array_reserve(ids, count) < 0
        || fill_names(parts, parts->variable_pool, ids->items) < 0) {
        return NULL;
    }
    for (int i = 0; i < parts->cell_count + parts->free_count; i++) {
        if (parts->cell_slots[i] >= locals) {
            ConstantId id = name_constant(parts, parts->cell_names[i]);
            if (id < 0) {
                return NULL;
            }
            ids->items[parts->cell_slots[i]] = id;
        }
    }
    return constants_shared_tuple(parts->constants, ids->items, count);
}

/* A byte for the kind of each variable.  A cell that shares its slot with an argument is both. */
static PyObject *
variable_kinds(const CodeParts *parts, int count)
{
    PyObject *kinds = PyBytes_FromStringAndSize(NULL, count);
    if (kinds == NULL) {
        return NULL;
    }
    int locals = pool_count(parts->variable_pool);
    memset(PyBytes_AS_STRING(kinds), 0, (size_t)count);
    memset(PyBytes_AS_STRING(kinds), CO_FAST_LOCAL, (size_t)locals);
    for (int i = 0; i < parts->cell_count + parts->free_count; i++) {
        int slot = parts->cell_slots[i];
        _PyLocals_Kind kind = i < parts->cell_count ? CO_FAST_CELL : CO_FAST_FREE;
        _PyLocals_SetKind(kinds, slot, _PyLocals_GetKind(kinds, slot) | kind);
    }
    return kinds;
}

static int
count_variables(const CodeParts *parts)
{
    int locals = pool_count(parts->variable_pool);
    int count = locals;
    for (int i = 0; i < parts->cell_count + parts->free_count; i++) {
        count += parts->cell_slots[i] >= locals;
    }
    return count;
}

static void
release(struct _PyCodeConstructor *made)
{
    Py_XDECREF(made->code);
    Py_XDECREF(made->linetable);
    Py_XDECREF(made->exceptiontable);
    Py_XDECREF(made->consts);
    Py_XDECREF(made->names);
    Py_XDECREF(made->localsplusnames);
    Py_XDECREF(made->localspluskinds);
}

/* Fills in the objects; the caller releases them, whether or not all could be made. */
static int
make_objects(const CodeParts *parts, InstructionStore *store, Label entry,
             struct _PyCodeConstructor *made)
{
    ConstantTable *constants = parts->constants;
    IntArray *ids = &store->scratch;
    int variables = count_variables(parts);
    ids->count = 0;
    AssemblyTask task = {parts->first_line, parts->sets_handlers, parts->is_last};
    Assembled assembled = {.code = NULL};
    int status = assemble(store, entry, &task, &assembled);
    made->code = assembled.code;
    made->linetable = assembled.locations;
    made->exceptiontable = assembled.handlers;
    if (status < 0) {
        return -1;
    }
    made->linetable = constants_share_bytes(constants, made->linetable);
    made->exceptiontable = constants_share_bytes(constants, made->exceptiontable);
    if (made->linetable == NULL || made->exceptiontable == NULL
        || (made->names = names_tuple(parts, ids, variables)) == NULL
        || (made->consts = constants_tuple(parts, ids, variables)) == NULL
        || (made->localsplusnames = variables_tuple(parts, ids, variables)) == NULL
        || (made->localspluskinds = variable_kinds(parts, variables)) == NULL) {
        return -1;
    }
    return _PyCode_Validate(made);
}

PyCodeObject *
code_build(const CodeParts *parts, InstructionStore *store, Label entry)
{
    struct _PyCodeConstructor made = {
        .filename = parts->filename,
        .name = parts->name,
        .qualname = parts->qualified_name,
        .flags = parts->flags,
        .firstlineno = parts->first_line,
        .argcount = parts->argument_count,
        .posonlyargcount = parts->positional_only_count,
        .kwonlyargcount = parts->keyword_only_count,
        .stacksize = parts->stack_depth,
    };
    PyCodeObject *code = NULL;
    if (make_objects(parts, store, entry, &made) == 0) {
        /* A copy: without debug ranges the line table is replaced by one that it owns. */
        struct _PyCodeConstructor given = made;
        code = _PyCode_New(&given);
    }
    release(&made);
    return code;
}
