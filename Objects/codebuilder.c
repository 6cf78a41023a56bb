/* The code object of a finished code unit.  The contract is in codebuilder.h. */

#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_code.h"
#include "assemble.h"
#include "codebuilder.h"

static PyObject *
constants_tuple(const struct CodeParts *parts)
{
    PyObject *tuple = PyTuple_New(parts->constant_count);
    for (int i = 0; tuple != NULL && i < parts->constant_count; i++) {
        ConstantId id = pool_identity(parts->constant_pool, i);
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(constants_object(parts->constants, id)));
    }
    return constants_share(parts->constants, tuple);
}

static PyObject *
names_tuple(const struct CodeParts *parts)
{
    int count = pool_count(parts->name_pool);
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple != NULL && i < count; i++) {
        NameId name = pool_identity(parts->name_pool, i);
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(names_string(parts->names, name)));
    }
    return constants_share(parts->constants, tuple);
}

/* Locals, cells and free variables in the order of their slots, with a byte for the kind of
   each.  A cell that shares its slot with an argument is both. */
static int
fill_variables(const struct CodeParts *parts, PyObject **names, PyObject **kinds)
{
    int locals = pool_count(parts->variable_pool);
    int count = locals;
    for (int i = 0; i < parts->cell_count + parts->free_count; i++) {
        count += parts->cell_slots[i] >= locals;
    }
    *names = PyTuple_New(count);
    *kinds = *names == NULL ? NULL : PyBytes_FromStringAndSize(NULL, count);
    if (*kinds == NULL) {
        Py_CLEAR(*names);
        return -1;
    }
    memset(PyBytes_AS_STRING(*kinds), 0, (size_t)count);
    for (int i = 0; i < locals; i++) {
        NameId name = pool_identity(parts->variable_pool, i);
        PyTuple_SET_ITEM(*names, i, Py_NewRef(names_string(parts->names, name)));
        _PyLocals_SetKind(*kinds, i, CO_FAST_LOCAL);
    }
    for (int i = 0; i < parts->cell_count + parts->free_count; i++) {
        int slot = parts->cell_slots[i];
        if (slot >= locals) {
            PyObject *name = names_string(parts->names, parts->cell_names[i]);
            PyTuple_SET_ITEM(*names, slot, Py_NewRef(name));
        }
        _PyLocals_Kind kind = i < parts->cell_count ? CO_FAST_CELL : CO_FAST_FREE;
        _PyLocals_SetKind(*kinds, slot, _PyLocals_GetKind(*kinds, slot) | kind);
    }
    return 0;
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
make_objects(const struct CodeParts *parts, InstructionStore *store, Label entry,
             struct _PyCodeConstructor *made)
{
    ConstantTable *constants = parts->constants;
    int size = assemble_layout(store, entry);
    if ((made->linetable = constants_share(
             constants, assemble_locations(store, entry, parts->first_line))) == NULL
        || (made->exceptiontable =
                constants_share(constants, assemble_handlers(store, entry))) == NULL
        || (made->code = constants_share(constants, assemble_code(store, entry, size))) == NULL
        || (made->names = names_tuple(parts)) == NULL
        || (made->consts = constants_tuple(parts)) == NULL
        || fill_variables(parts, &made->localsplusnames, &made->localspluskinds) < 0
        || _PyCode_Validate(made) < 0) {
        return -1;
    }
    made->localsplusnames = constants_share(constants, made->localsplusnames);
    return made->localsplusnames == NULL ? -1 : 0;
}

PyCodeObject *
code_build(const struct CodeParts *parts, InstructionStore *store, Label entry)
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
        code = _PyCode_New(&made);
    }
    release(&made);
    return code;
}
