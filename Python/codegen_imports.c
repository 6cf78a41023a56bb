/* Code generation for import statements, plain and awaited.  The contract is in codegen.h.

   Plain, as in stock:

       LOAD_CONST level; LOAD_CONST fromlist; IMPORT_NAME name; then the names are bound

   Awaited (unit_awaits_imports()), for a batch of statements whose modules are imported side by
   side:

       __aimport__(requests)        one (name, fromlist, level, lineno) for each module to import
       await                        the result is a function, `take`, which stays on the stack
       take(); the names are bound  for each request, at the place of its own statement: what is
       ...                          wrong with one module is told there, names before it being bound
       POP_TOP                      the function

   A batch is as many import statements as follow one another in the module's own body; inside of
   other statements it is one module.  Future statements only look like imports: they are bound as
   plain ones and belong to no batch. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_runtime.h"
#include "codegen.h"
#include "future.h"

/* ---- Binding what was imported ---- */

/* The name from `start` up to the next dot: a new reference, not interned, so that the table of
   names keeps it alive. */
static PyObject *
name_part(PyObject *name, Py_ssize_t start, Py_ssize_t *end)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    *end = PyUnicode_FindChar(name, '.', start, length, 1);
    if (*end == -2) {
        return NULL;
    }
    return PyUnicode_Substring(name, start, *end < 0 ? length : *end);
}

static int
store_top_package(Compiler *compiler, PyObject *name)
{
    Py_ssize_t dot;
    PyObject *package = name_part(name, 0, &dot);
    if (package == NULL) {
        return -1;
    }
    int status = emit_variable(compiler, package, Store);
    Py_DECREF(package);
    return status;
}

/* import a.b.c as name: from the top package down to the module meant. */
static int
store_submodule(Compiler *compiler, PyObject *name, PyObject *as_name, Py_ssize_t dot)
{
    for (;;) {
        PyObject *part = name_part(name, dot + 1, &dot);
        if (part == NULL) {
            return -1;
        }
        int status = emit_exact_name(compiler, IMPORT_FROM, part);
        Py_DECREF(part);
        TRY(status);
        if (dot < 0) {
            break;
        }
        TRY(emit_with(compiler, SWAP, 2));
        TRY(emit(compiler, POP_TOP));
    }
    TRY(emit_variable(compiler, as_name, Store));
    return emit(compiler, POP_TOP);
}

/* Takes the top package off the stack. */
static int
bind_module(Compiler *compiler, alias_ty alias)
{
    if (alias->asname == NULL) {
        return store_top_package(compiler, alias->name);
    }
    Py_ssize_t dot = PyUnicode_FindChar(alias->name, '.', 0, PyUnicode_GET_LENGTH(alias->name), 1);
    if (dot == -2) {
        return -1;
    }
    return dot >= 0 ? store_submodule(compiler, alias->name, alias->asname, dot)
                    : emit_variable(compiler, alias->asname, Store);
}

/* Takes the module off the stack. */
static int
bind_attributes(Compiler *compiler, asdl_alias_seq *aliases)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(aliases); i++) {
        alias_ty alias = asdl_seq_GET(aliases, i);
        if (i == 0 && PyUnicode_GET_LENGTH(alias->name) > 0
            && PyUnicode_READ_CHAR(alias->name, 0) == '*') {
            return emit(compiler, IMPORT_STAR);
        }
        TRY(emit_name(compiler, IMPORT_FROM, alias->name));
        TRY(emit_variable(compiler, alias->asname != NULL ? alias->asname : alias->name, Store));
    }
    return emit(compiler, POP_TOP);
}

/* New reference. */
static PyObject *
imported_names(asdl_alias_seq *aliases)
{
    PyObject *names = PyTuple_New(asdl_seq_LEN(aliases));
    for (Py_ssize_t i = 0; names != NULL && i < asdl_seq_LEN(aliases); i++) {
        PyTuple_SET_ITEM(names, i, Py_NewRef(asdl_seq_GET(aliases, i)->name));
    }
    return names;
}

/* ---- Requests ---- */

static int
add_request(PyObject *requests, PyObject *name, PyObject *names, int level, stmt_ty statement)
{
    if (names == NULL) {
        return -1;
    }
    PyObject *request = Py_BuildValue("(OOii)", name, names, level, statement->lineno);
    int status = request == NULL ? -1 : PyList_Append(requests, request);
    Py_XDECREF(request);
    return status;
}

static int
add_module_request(PyObject *requests, stmt_ty statement, alias_ty alias)
{
    return add_request(requests, alias->name, Py_None, 0, statement);
}

static int
add_requests(PyObject *requests, stmt_ty statement)
{
    if (statement->kind == Import_kind) {
        asdl_alias_seq *aliases = statement->v.Import.names;
        for (Py_ssize_t i = 0; i < asdl_seq_LEN(aliases); i++) {
            TRY(add_module_request(requests, statement, asdl_seq_GET(aliases, i)));
        }
        return 0;
    }
    PyObject *module = statement->v.ImportFrom.module;
    PyObject *names = imported_names(statement->v.ImportFrom.names);
    int status = add_request(requests, module != NULL ? module : &_Py_STR(empty), names,
                             statement->v.ImportFrom.level, statement);
    Py_XDECREF(names);
    return status;
}

/* ---- Awaited imports ---- */

/* Calls the hook and awaits it, `take` being on the stack after it.  The constant is a new
   reference to the requests, or NULL with an exception. */
static int
await_requests(Compiler *compiler, PyObject *requests)
{
    PyObject *constant = requests == NULL ? NULL : PyList_AsTuple(requests);
    Py_XDECREF(requests);
    if (constant == NULL) {
        return -1;
    }
    compiler->unit->is_coroutine = true;
    int status = emit(compiler, PUSH_NULL);
    if (status == 0) {
        status = emit_known_variable(compiler, KNOWN_DUNDER_AIMPORT, Load);
    }
    if (status < 0) {
        Py_DECREF(constant);
        return -1;
    }
    TRY(emit_new_constant(compiler, constant));
    TRY(emit_with(compiler, PRECALL, 1));
    TRY(emit_with(compiler, CALL, 1));
    return codegen_await(compiler, 0);
}

/* Puts what the next request gave above `take`. */
static int
take_next(Compiler *compiler)
{
    TRY(emit(compiler, PUSH_NULL));
    TRY(emit_with(compiler, COPY, 2));
    TRY(emit_with(compiler, PRECALL, 0));
    return emit_with(compiler, CALL, 0);
}

static int
take_statement(Compiler *compiler, stmt_ty statement)
{
    set_location(compiler, LOCATION_OF(statement));
    if (statement->kind == ImportFrom_kind) {
        TRY(take_next(compiler));
        return bind_attributes(compiler, statement->v.ImportFrom.names);
    }
    asdl_alias_seq *aliases = statement->v.Import.names;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(aliases); i++) {
        TRY(take_next(compiler));
        TRY(bind_module(compiler, asdl_seq_GET(aliases, i)));
    }
    return 0;
}

/* New reference to a list. */
static PyObject *
batch_requests(asdl_stmt_seq *body, Py_ssize_t first, Py_ssize_t count)
{
    PyObject *requests = PyList_New(0);
    for (Py_ssize_t i = 0; requests != NULL && i < count; i++) {
        if (add_requests(requests, asdl_seq_GET(body, first + i)) < 0) {
            Py_CLEAR(requests);
        }
    }
    return requests;
}

Py_ssize_t
codegen_count_batch(asdl_stmt_seq *body, Py_ssize_t first)
{
    Py_ssize_t count = 0;
    while (first + count < asdl_seq_LEN(body)) {
        stmt_ty statement = asdl_seq_GET(body, first + count);
        if ((statement->kind != Import_kind && statement->kind != ImportFrom_kind)
            || future_is_statement(statement)) {
            break;
        }
        count++;
    }
    return count;
}

int
codegen_import_batch(Compiler *compiler, asdl_stmt_seq *body, Py_ssize_t first, Py_ssize_t count)
{
    set_location(compiler, LOCATION_OF(asdl_seq_GET(body, first)));
    TRY(await_requests(compiler, batch_requests(body, first, count)));
    for (Py_ssize_t i = 0; i < count; i++) {
        TRY(take_statement(compiler, asdl_seq_GET(body, first + i)));
    }
    return emit(compiler, POP_TOP);
}

/* Inside of another statement: a batch for each module. */
static int
await_module(Compiler *compiler, stmt_ty statement, alias_ty alias)
{
    PyObject *requests = PyList_New(0);
    if (requests != NULL && add_module_request(requests, statement, alias) < 0) {
        Py_CLEAR(requests);
    }
    TRY(await_requests(compiler, requests));
    TRY(take_next(compiler));
    TRY(bind_module(compiler, alias));
    return emit(compiler, POP_TOP);
}

static int
await_attributes(Compiler *compiler, stmt_ty statement)
{
    PyObject *requests = PyList_New(0);
    if (requests != NULL && add_requests(requests, statement) < 0) {
        Py_CLEAR(requests);
    }
    TRY(await_requests(compiler, requests));
    TRY(take_next(compiler));
    TRY(bind_attributes(compiler, statement->v.ImportFrom.names));
    return emit(compiler, POP_TOP);
}

/* ---- Statements ---- */

static int
import_module(Compiler *compiler, alias_ty alias)
{
    TRY(emit_new_constant(compiler, PyLong_FromLong(0)));
    TRY(emit_none(compiler));
    TRY(emit_name(compiler, IMPORT_NAME, alias->name));
    return bind_module(compiler, alias);
}

int
codegen_import(Compiler *compiler, stmt_ty statement)
{
    asdl_alias_seq *aliases = statement->v.Import.names;
    bool is_awaited = unit_awaits_imports(compiler);
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(aliases); i++) {
        alias_ty alias = asdl_seq_GET(aliases, i);
        TRY(is_awaited ? await_module(compiler, statement, alias) : import_module(compiler, alias));
    }
    return 0;
}

static int
refuse_late_future(Compiler *compiler, stmt_ty statement)
{
    if (statement->lineno > compiler->last_future_line && future_is_statement(statement)) {
        return codegen_error(compiler, "from __future__ imports must occur at the beginning of "
                                       "the file");
    }
    return 0;
}

int
codegen_import_from(Compiler *compiler, stmt_ty statement)
{
    PyObject *module = statement->v.ImportFrom.module;
    if (unit_awaits_imports(compiler) && !future_is_statement(statement)) {
        return await_attributes(compiler, statement);
    }
    TRY(emit_new_constant(compiler, PyLong_FromLong(statement->v.ImportFrom.level)));
    TRY(refuse_late_future(compiler, statement));
    TRY(emit_new_constant(compiler, imported_names(statement->v.ImportFrom.names)));
    TRY(module != NULL ? emit_name(compiler, IMPORT_NAME, module)
                       : emit_exact_name(compiler, IMPORT_NAME, &_Py_STR(empty)));
    return bind_attributes(compiler, statement->v.ImportFrom.names);
}
