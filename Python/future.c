/* Future statements: see future.h.  Entry points: future_from_tree(), _PyFuture_FromAST(). */

#include "future.h"
#include "compiler.h"
#include "pycore_compile.h"
#include "stages.h"

#include <stdbool.h>

typedef struct Feature Feature;
struct Feature {
    const char *name;
    int flag; /* 0: always on by now */
};

static const Feature features_known[] = {
    {FUTURE_NESTED_SCOPES, 0},
    {FUTURE_GENERATORS, 0},
    {FUTURE_DIVISION, 0},
    {FUTURE_ABSOLUTE_IMPORT, 0},
    {FUTURE_WITH_STATEMENT, 0},
    {FUTURE_PRINT_FUNCTION, 0},
    {FUTURE_UNICODE_LITERALS, 0},
    {FUTURE_GENERATOR_STOP, 0},
    {FUTURE_BARRY_AS_BDFL, CO_FUTURE_BARRY_AS_BDFL},
    {FUTURE_ANNOTATIONS, CO_FUTURE_ANNOTATIONS},
    {FUTURE_TOP_LEVEL_AWAIT, CO_FUTURE_TOP_LEVEL_AWAIT},
};

static const Feature *
find_feature(PyObject *name)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(features_known); i++) {
        if (PyUnicode_CompareWithASCIIString(name, features_known[i].name) == 0) {
            return &features_known[i];
        }
    }
    return NULL;
}

static int
unknown_feature(PyObject *name, stmt_ty statement, PyObject *filename)
{
    if (PyUnicode_CompareWithASCIIString(name, "braces") == 0) {
        PyErr_SetString(PyExc_SyntaxError, "not a chance");
    }
    else {
        const char *text = PyUnicode_AsUTF8(name);
        if (text == NULL) {
            return -1;
        }
        PyErr_Format(PyExc_SyntaxError, "future feature %.100s is not defined", text);
    }
    PyErr_SyntaxLocationObject(filename, statement->lineno, statement->col_offset + 1);
    return -1;
}

static int
add_features(stmt_ty statement, PyObject *filename, PyFutureFeatures *features)
{
    const asdl_alias_seq *names = statement->v.ImportFrom.names;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(names); i++) {
        PyObject *name = asdl_seq_GET(names, i)->name;
        const Feature *feature = find_feature(name);
        if (feature == NULL) {
            return unknown_feature(name, statement, filename);
        }
        features->ff_features |= feature->flag;
    }
    features->ff_lineno = statement->lineno;
    return 0;
}

bool
future_is_statement(stmt_ty statement)
{
    return statement->kind == ImportFrom_kind && statement->v.ImportFrom.module != NULL
           && PyUnicode_CompareWithASCIIString(statement->v.ImportFrom.module, "__future__") == 0;
}

/* Once another statement has come, one that follows on the same line is seen as being late here;
 * later lines are left to the code generator, which knows ff_lineno. */
static int
read_statements(const asdl_stmt_seq *body, Py_ssize_t first, PyObject *filename,
                PyFutureFeatures *features)
{
    bool is_late = false;
    int last_line = 0;
    for (Py_ssize_t i = first; i < asdl_seq_LEN(body); i++) {
        stmt_ty statement = asdl_seq_GET(body, i);
        if (is_late && statement->lineno > last_line) {
            return 0;
        }
        last_line = statement->lineno;
        if (!future_is_statement(statement)) {
            is_late = true;
            continue;
        }
        if (is_late) {
            PyErr_SetString(PyExc_SyntaxError,
                            "from __future__ imports must occur at the beginning of the file");
            PyErr_SyntaxLocationObject(filename, statement->lineno, statement->col_offset);
            return -1;
        }
        if (add_features(statement, filename, features) < 0) {
            return -1;
        }
    }
    return 0;
}

int
future_from_tree(mod_ty tree, PyObject *filename, PyFutureFeatures *features)
{
    features->ff_features = 0;
    features->ff_lineno = -1;
    if (tree->kind != Module_kind && tree->kind != Interactive_kind) {
        return 0;
    }
    asdl_stmt_seq *body =
        tree->kind == Module_kind ? tree->v.Module.body : tree->v.Interactive.body;
    if (asdl_seq_LEN(body) == 0) {
        return 0;
    }
    return read_statements(body, _PyAST_GetDocString(body) != NULL, filename, features);
}
SHOWN_TO_STAGES(future_from_tree);

PyFutureFeatures *
_PyFuture_FromAST(mod_ty tree, PyObject *filename)
{
    PyFutureFeatures *features = PyObject_Malloc(sizeof(*features));
    if (features == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (future_from_tree(tree, filename, features) < 0) {
        PyObject_Free(features);
        return NULL;
    }
    return features;
}
