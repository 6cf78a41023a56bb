/* Names that act at a terminal without parentheses; see Include/commands.h. */

#include "commands.h"

#include <stdbool.h>

/* copyright, credits and license show their text as any value shows itself. */
static const char *const commands[] = {"exit", "quit", "help"};

/* The name that is all of a statement, borrowed; NULL, with no exception set, for other statements.
 */
static expr_ty
lone_name(mod_ty tree)
{
    if (tree->kind != Interactive_kind || asdl_seq_LEN(tree->v.Interactive.body) != 1) {
        return NULL;
    }
    stmt_ty statement = asdl_seq_GET(tree->v.Interactive.body, 0);
    if (statement->kind != Expr_kind || statement->v.Expr.value->kind != Name_kind) {
        return NULL;
    }
    return statement->v.Expr.value;
}

static bool
is_command(PyObject *name)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(commands); i++) {
        if (PyUnicode_CompareWithASCIIString(name, commands[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the name still is what module site made it.  Never fails. */
static bool
is_site_builtin(PyObject *name)
{
    PyObject *main_module = PyImport_AddModule("__main__");
    PyObject *namespace = main_module == NULL ? NULL : PyModule_GetDict(main_module);
    PyObject *value = NULL;
    if (namespace != NULL && PyDict_GetItemWithError(namespace, name) == NULL) {
        value = PyDict_GetItemWithError(PyEval_GetBuiltins(), name);
    }
    PyObject *module =
        value == NULL ? NULL : PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__module__");
    bool is_sites = module != NULL && PyUnicode_Check(module)
                    && PyUnicode_CompareWithASCIIString(module, "_sitebuiltins") == 0;
    Py_XDECREF(module);
    PyErr_Clear();
    return is_sites;
}

int
commands_complete(mod_ty tree, PyArena *arena)
{
    expr_ty name = lone_name(tree);
    if (name == NULL || !is_command(name->v.Name.id) || !is_site_builtin(name->v.Name.id)) {
        return 0;
    }
    expr_ty call = _PyAST_Call(name, NULL, NULL, name->lineno, name->col_offset, name->end_lineno,
                               name->end_col_offset, arena);
    if (call == NULL) {
        return -1;
    }
    asdl_seq_GET(tree->v.Interactive.body, 0)->v.Expr.value = call;
    return 0;
}
