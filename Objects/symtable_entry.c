/* Symbol table entries: scopes as Python objects, for the module `symtable`.
 *
 * The runtime asks for a struct symtable of which only st_top is looked at, and for the type of the
 * entries.  Entries own everything they hold and outlive the arena of the scopes they show.
 * Entry points: _Py_SymtableStringObjectFlags(), _PySymtable_Free(), PySTEntry_Type. */

#include "Python.h"
#include "structmember.h"
#include "pycore_ast.h"
#include "pycore_parser.h"
#include "pycore_pyarena.h"
#include "pycore_symtable.h"

#include "future.h"
#include "scopes.h"

/* The bits are the runtime's. */
static_assert(SYMBOL_GLOBAL == (DEF_GLOBAL), "DEF_GLOBAL");
static_assert(SYMBOL_LOCAL == (DEF_LOCAL), "DEF_LOCAL");
static_assert(SYMBOL_PARAMETER == (DEF_PARAM), "DEF_PARAM");
static_assert(SYMBOL_NONLOCAL == (DEF_NONLOCAL), "DEF_NONLOCAL");
static_assert(SYMBOL_USED == (USE), "USE");
static_assert(SYMBOL_FREE == (DEF_FREE), "DEF_FREE");
static_assert(SYMBOL_FREE_CLASS == (DEF_FREE_CLASS), "DEF_FREE_CLASS");
static_assert(SYMBOL_IMPORTED == (DEF_IMPORT), "DEF_IMPORT");
static_assert(SYMBOL_ANNOTATED == (DEF_ANNOT), "DEF_ANNOT");
static_assert(SYMBOL_ITERATION == (DEF_COMP_ITER), "DEF_COMP_ITER");
static_assert((int)BINDING_LOCAL == LOCAL && (int)BINDING_CELL == CELL, "bindings");

static void
entry_dealloc(PySTEntryObject *entry)
{
    Py_XDECREF(entry->ste_id);
    Py_XDECREF(entry->ste_name);
    Py_XDECREF(entry->ste_symbols);
    Py_XDECREF(entry->ste_varnames);
    Py_XDECREF(entry->ste_children);
    PyObject_Free(entry);
}

static PyObject *
entry_repr(PySTEntryObject *entry)
{
    return PyUnicode_FromFormat("<symtable entry %U(%ld), line %d>", entry->ste_name,
                                PyLong_AsLong(entry->ste_id), entry->ste_lineno);
}

#define MEMBER(name, kind, field)                                                                  \
    {                                                                                              \
        name, kind, offsetof(PySTEntryObject, field), READONLY, NULL                               \
    }

static PyMemberDef entry_members[] = {
    MEMBER("id", T_OBJECT, ste_id),
    MEMBER("name", T_OBJECT, ste_name),
    MEMBER("symbols", T_OBJECT, ste_symbols),
    MEMBER("varnames", T_OBJECT, ste_varnames),
    MEMBER("children", T_OBJECT, ste_children),
    MEMBER("nested", T_INT, ste_nested),
    MEMBER("type", T_INT, ste_type),
    MEMBER("lineno", T_INT, ste_lineno),
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject PySTEntry_Type = {
    PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "symtable entry",
    .tp_basicsize = sizeof(PySTEntryObject),
    .tp_dealloc = (destructor)entry_dealloc,
    .tp_repr = (reprfunc)entry_repr,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_members = entry_members,
};

static int
add_symbol(PyObject *symbols, PyObject *name, const Symbol *symbol)
{
    PyObject *value = PyLong_FromLong(symbol->flags | (long)symbol->binding << SCOPE_OFFSET);
    if (value == NULL) {
        return -1;
    }
    int result = PyDict_SetItem(symbols, name, value);
    Py_DECREF(value);
    return result;
}

static int
fill_symbols(PySTEntryObject *entry, const Names *names, const Scope *scope)
{
    entry->ste_symbols = PyDict_New();
    entry->ste_varnames = PyList_New(scope->parameter_count);
    if (entry->ste_symbols == NULL || entry->ste_varnames == NULL) {
        return -1;
    }
    int32_t parameter = 0;
    const Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        PyObject *name = names_string(names, symbol->name);
        if (parameter < scope->parameter_count) {
            PyList_SET_ITEM(entry->ste_varnames, parameter, Py_NewRef(name));
            parameter++;
        }
        if (add_symbol(entry->ste_symbols, name, symbol) < 0) {
            return -1;
        }
    }
    return 0;
}

static void
fill_facts(PySTEntryObject *entry, const Scope *scope)
{
    static const _Py_block_ty types[] = {
        [SCOPE_MODULE] = ModuleBlock,          [SCOPE_CLASS] = ClassBlock,
        [SCOPE_FUNCTION] = FunctionBlock,      [SCOPE_LAMBDA] = FunctionBlock,
        [SCOPE_COMPREHENSION] = FunctionBlock, [SCOPE_ANNOTATION] = AnnotationBlock,
    };
    entry->ste_type = types[scope->kind];
    entry->ste_comprehension = (_Py_comprehension_ty)scope->comprehension;
    entry->ste_nested = scope->is_nested;
    entry->ste_free = scope->has_free;
    entry->ste_child_free = scope->child_has_free;
    entry->ste_generator = scope->is_generator;
    entry->ste_coroutine = scope->is_coroutine;
    entry->ste_varargs = scope->has_varargs;
    entry->ste_varkeywords = scope->has_varkeywords;
    entry->ste_returns_value = scope->returns_value;
    entry->ste_needs_class_closure = scope->needs_class_closure;
    entry->ste_lineno = scope->span.lineno;
    entry->ste_col_offset = scope->span.col_offset;
    entry->ste_end_lineno = scope->span.end_lineno;
    entry->ste_end_col_offset = scope->span.end_col_offset;
}

static PyObject *entry_from_scope(const Names *names, const Scope *scope);

static int
fill_children(PySTEntryObject *entry, const Names *names, const Scope *scope)
{
    entry->ste_children = PyList_New(0);
    if (entry->ste_children == NULL) {
        return -1;
    }
    for (const Scope *at = scope->first_child; at != NULL; at = at->next_sibling) {
        PyObject *child = entry_from_scope(names, at);
        if (child == NULL) {
            return -1;
        }
        int result = PyList_Append(entry->ste_children, child);
        Py_DECREF(child);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}

/* Recurses by blocks, in less stack than it took to collect them. */
static PyObject *
entry_from_scope(const Names *names, const Scope *scope)
{
    PySTEntryObject *entry = PyObject_New(PySTEntryObject, &PySTEntry_Type);
    if (entry == NULL) {
        return NULL;
    }
    memset((char *)entry + sizeof(PyObject), 0, sizeof(*entry) - sizeof(PyObject));
    fill_facts(entry, scope);
    entry->ste_name = Py_NewRef(names_string(names, scope->name));
    entry->ste_id = PyLong_FromVoidPtr((void *)(uintptr_t)scope->node);
    if (entry->ste_id == NULL || fill_symbols(entry, names, scope) < 0
        || fill_children(entry, names, scope) < 0) {
        Py_DECREF(entry);
        return NULL;
    }
    return (PyObject *)entry;
}

static PyObject *
entry_from_source(const char *source, PyObject *filename, int start, PyCompilerFlags *flags,
                  PyArena *arena)
{
    Names names;
    PyFutureFeatures future;
    mod_ty tree = _PyParser_ASTFromString(source, filename, start, flags, arena);
    if (tree == NULL || future_from_tree(tree, filename, &future) < 0) {
        return NULL;
    }
    names_init(&names, arena);
    Scopes *scopes =
        scopes_build(tree, filename, future.ff_features | flags->cf_flags, &names, arena);
    PyObject *entry = scopes != NULL ? entry_from_scope(&names, scopes->top) : NULL;
    names_clear(&names);
    return entry;
}

struct symtable *
_Py_SymtableStringObjectFlags(const char *source, PyObject *filename, int start,
                              PyCompilerFlags *flags)
{
    PyArena *arena = _PyArena_New();
    if (arena == NULL) {
        return NULL;
    }
    PyObject *top = entry_from_source(source, filename, start, flags, arena);
    _PyArena_Free(arena);
    if (top == NULL) {
        return NULL;
    }
    struct symtable *table = PyMem_Calloc(1, sizeof(*table));
    if (table == NULL) {
        Py_DECREF(top);
        PyErr_NoMemory();
        return NULL;
    }
    table->st_top = (PySTEntryObject *)top;
    return table;
}

void
_PySymtable_Free(struct symtable *table)
{
    Py_XDECREF(table->st_top);
    PyMem_Free(table);
}

static PySTEntryObject *
find_entry(PySTEntryObject *entry, PyObject *id)
{
    int is_same = PyObject_RichCompareBool(entry->ste_id, id, Py_EQ);
    if (is_same != 0) {
        return is_same < 0 ? NULL : entry;
    }
    PySTEntryObject *found = NULL;
    for (Py_ssize_t i = 0; found == NULL && i < PyList_GET_SIZE(entry->ste_children); i++) {
        found = find_entry((PySTEntryObject *)PyList_GET_ITEM(entry->ste_children, i), id);
    }
    return found;
}

/* The entry of a node's block, a new reference.  Nothing of the runtime asks for it, but an
   extension can. */
PySTEntryObject *
PySymtable_Lookup(struct symtable *table, void *key)
{
    PyObject *id = PyLong_FromVoidPtr(key);
    if (id == NULL) {
        return NULL;
    }
    PySTEntryObject *entry = find_entry(table->st_top, id);
    Py_DECREF(id);
    if (entry == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_KeyError, "unknown symbol table entry");
    }
    return (PySTEntryObject *)Py_XNewRef(entry);
}
