/* Additions to modules of the standard library; see Include/additions.h.

   A body is known by the name of its code's file, which is that of the search path's entry and of
   the module together, or of a frozen module; the module, by the namespace it is evaluated in.  So
   a module of the same name elsewhere is nothing to us, and what is evaluated in any other
   namespace is stock's. */

#include "additions.h"
#include "additions_split.h"

#include <internal/pycore_interp.h>
#include <internal/pycore_pylifecycle.h>
#include <internal/pycore_pystate.h>
#include <stdbool.h>

#define PACKAGE "_stdlib_additions"

typedef enum { AT_IMPORT, ON_DEMAND, IN_PROGRAM } Occasion;

typedef struct {
    Occasion occasion;
    const char *name; /* of the module, dotted */
} Addition;

/* From the listing of Lib/_stdlib_additions/, by the Makefile. */
static const Addition additions[] = {
#define ADDITION(occasion, name) {occasion, name},
#include "additions_list.h"
#undef ADDITION
};

/* Of the package that holds those of each occasion. */
static const char *const packages[] = {
    [AT_IMPORT] = PACKAGE,
    [ON_DEMAND] = PACKAGE ".on_demand",
    [IN_PROGRAM] = PACKAGE ".programs",
};

/* The end of expected in text, where it stands from start on, or -1; its dots are those of a
   module's name, that are slashes in a file's. */
static Py_ssize_t
skip_text(PyObject *text, Py_ssize_t start, const char *expected, char dot)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    for (; *expected != '\0'; start++, expected++) {
        char character = *expected == '.' ? dot : *expected;
        if (start >= length || PyUnicode_READ_CHAR(text, start) != (unsigned char)character) {
            return -1;
        }
    }
    return start;
}

static bool
ends_with(PyObject *text, Py_ssize_t start, const char *end)
{
    return skip_text(text, start, end, '.') == PyUnicode_GET_LENGTH(text);
}

/* The length of the standard library's folder and a slash, if path begins so, else -1. */
static Py_ssize_t
skip_library_folder(PyObject *path)
{
    const wchar_t *folder = _Py_GetStdlibDir();
    Py_ssize_t length = PyUnicode_GET_LENGTH(path);
    for (Py_ssize_t i = 0; folder != NULL && i < length; i++) {
        Py_UCS4 character = PyUnicode_READ_CHAR(path, i);
        if (folder[i] == L'\0') {
            return character == '/' ? i + 1 : -1;
        }
        if (character != (Py_UCS4)folder[i]) {
            return -1;
        }
    }
    return -1;
}

static const char *
find_frozen(PyObject *filename, Py_ssize_t start)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(additions); i++) {
        Py_ssize_t end = skip_text(filename, start, additions[i].name, '.');
        if (end > 0 && ends_with(filename, end, ">")) {
            return additions[i].name;
        }
    }
    return NULL;
}

static const char *
find_file(PyObject *filename, Py_ssize_t start)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(additions); i++) {
        Py_ssize_t end = skip_text(filename, start, additions[i].name, '/');
        if (end > 0
            && (ends_with(filename, end, ".py") || ends_with(filename, end, "/__init__.py"))) {
            return additions[i].name;
        }
    }
    return NULL;
}

const char *
additions_find(PyObject *code)
{
    if (!PyCode_Check(code)) {
        return NULL;
    }
    PyObject *filename = ((PyCodeObject *)code)->co_filename;
    if (PyUnicode_GET_LENGTH(filename) > 0 && PyUnicode_READ_CHAR(filename, 0) == '<') {
        Py_ssize_t start = skip_text(filename, 1, "frozen ", '.');
        return start > 0 ? find_frozen(filename, start) : NULL;
    }
    Py_ssize_t start = skip_library_folder(filename);
    return start > 0 ? find_file(filename, start) : NULL;
}

/* New reference to the imported module of that name whose namespace globals is; NULL, with no
   exception, if there is none. */
static PyObject *
module_of(PyObject *globals, const char *name)
{
    PyObject *key = PyUnicode_FromString(name);
    PyObject *module = key == NULL ? NULL : PyImport_GetModule(key);
    Py_XDECREF(key);
    if (module != NULL && PyModule_Check(module) && PyModule_GetDict(module) == globals) {
        return module;
    }
    Py_XDECREF(module);
    PyErr_Clear();
    return NULL;
}

/* Whether the exception that is set says that our package is not on sys.path: an embedder may set
   one with the standard library alone. */
static bool
package_is_missing(void)
{
    if (!PyErr_ExceptionMatches(PyExc_ModuleNotFoundError)) {
        return false;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *name = ((PyImportErrorObject *)value)->name;
    bool is_missing = name != NULL && PyUnicode_Check(name)
                      && PyUnicode_CompareWithASCIIString(name, PACKAGE) == 0;
    PyErr_Restore(type, value, traceback);
    return is_missing;
}

/* Past builtins.__import__, which is the user's. */
static PyObject *
import_by_name(PyObject *name)
{
    PyObject *package = PyImport_ImportModuleLevelObject(name, NULL, NULL, NULL, 0);
    if (package == NULL) {
        return NULL;
    }
    Py_DECREF(package);
    PyObject *module = PyImport_GetModule(name);
    if (module == NULL && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ImportError, "module %R was removed while it was imported", name);
    }
    return module;
}

/* New reference to the addition's own module; NULL, with no exception where there is no package of
   ours. */
static PyObject *
import_addition(const Addition *addition)
{
    PyObject *name = PyUnicode_FromFormat("%s.%s", packages[addition->occasion], addition->name);
    PyObject *module = name == NULL ? NULL : import_by_name(name);
    Py_XDECREF(name);
    if (module == NULL && package_is_missing()) {
        PyErr_Clear();
    }
    return module;
}

/* Calls the addition's add() with module.  0, or -1 with an exception. */
static int
call_add(const Addition *addition, PyObject *module)
{
    PyObject *source = import_addition(addition);
    if (source == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *result = PyObject_CallMethod(source, "add", "O", module);
    Py_DECREF(source);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* NULL if there is none. */
static const Addition *
find_by_name(const char *name, Occasion occasion)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(additions); i++) {
        if (additions[i].occasion == occasion && strcmp(additions[i].name, name) == 0) {
            return &additions[i];
        }
    }
    return NULL;
}

static int
is_public(PyObject *addition, PyObject *name)
{
    PyObject *names = PyObject_GetAttrString(addition, "__all__");
    int result = names == NULL ? -1 : PySequence_Contains(names, name);
    Py_XDECREF(names);
    return result;
}

/* New reference to what the addition has by that name, which the module has from now on; NULL, with
   no exception where that is nothing public. */
static PyObject *
take_from_addition(PyObject *addition, PyObject *module, PyObject *name)
{
    if (is_public(addition, name) <= 0) {
        return NULL;
    }
    PyObject *value = PyObject_GetAttr(addition, name);
    if (value != NULL && PyObject_SetAttr(module, name, value) < 0) {
        Py_CLEAR(value);
    }
    return value;
}

/* Many ask a module for __path__, __wrapped__ and the like, which is no reason to import. */
static bool
is_special(PyObject *name)
{
    return skip_text(name, 0, "__", '.') > 0;
}

PyDoc_STRVAR(getattr_doc, "__getattr__(name, /)\n--\n\n"
                          "Import what is added to the module, and return what has this name.");

static PyObject *
get_on_demand(PyObject *module, PyObject *name)
{
    const char *module_name = PyModule_GetName(module);
    if (module_name == NULL) {
        return NULL;
    }
    if (!PyUnicode_Check(name)) {
        return PyErr_Format(PyExc_TypeError, "a name was expected, not %.200s",
                            Py_TYPE(name)->tp_name);
    }
    const Addition *addition = find_by_name(module_name, ON_DEMAND);
    PyObject *source = addition == NULL || is_special(name) ? NULL : import_addition(addition);
    PyObject *value = source == NULL ? NULL : take_from_addition(source, module, name);
    Py_XDECREF(source);
    if (value == NULL && !PyErr_Occurred()) {
        PyErr_Format(PyExc_AttributeError, "module '%s' has no attribute '%U'", module_name, name);
    }
    return value;
}

static PyMethodDef get_on_demand_definition = {"__getattr__", get_on_demand, METH_O, getattr_doc};

/* 0, or -1 with an exception. */
static int
add_on_demand(PyObject *module)
{
    PyObject *function = PyCFunction_New(&get_on_demand_definition, module);
    int failed = function == NULL || PyObject_SetAttrString(module, "__getattr__", function) < 0;
    Py_XDECREF(function);
    return failed ? -1 : 0;
}

static PyObject *
eval_imported(const char *name, AdditionsEval eval, PyObject *code, PyObject *module,
              PyObject *locals)
{
    PyObject *result = eval(code, PyModule_GetDict(module), locals);
    if (result == NULL) {
        return NULL;
    }
    const Addition *addition = find_by_name(name, AT_IMPORT);
    if ((addition != NULL && call_add(addition, module) < 0)
        || (find_by_name(name, ON_DEMAND) != NULL && add_on_demand(module) < 0)) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
eval_parts(PyObject *body, PyObject *rest, AdditionsEval eval, const Addition *addition,
           PyObject *module, PyObject *locals)
{
    PyObject *globals = PyModule_GetDict(module);
    PyObject *result = eval(body, globals, locals);
    if (result == NULL) {
        return NULL;
    }
    Py_DECREF(result);
    return call_add(addition, module) < 0 ? NULL : eval(rest, globals, locals);
}

/* What a module is as a program lies in its last statement, `if __name__ == "__main__":`. */
static PyObject *
eval_program(const char *name, AdditionsEval eval, PyObject *code, PyObject *module,
             PyObject *locals)
{
    const Addition *addition = find_by_name(name, IN_PROGRAM);
    PyObject *body = NULL, *rest = NULL;
    if (addition != NULL && additions_split((PyCodeObject *)code, &body, &rest) < 0) {
        return NULL;
    }
    if (body == NULL) {
        return eval(code, PyModule_GetDict(module), locals);
    }
    PyObject *result = eval_parts(body, rest, eval, addition, module, locals);
    Py_DECREF(body);
    Py_DECREF(rest);
    return result;
}

PyObject *
additions_eval_module(const char *name, AdditionsEval eval, PyObject *code, PyObject *globals,
                      PyObject *locals)
{
    PyObject *module = module_of(globals, name);
    PyObject *result;
    if (module != NULL) {
        result = eval_imported(name, eval, code, module, locals);
    }
    else if ((module = module_of(globals, "__main__")) != NULL) {
        result = eval_program(name, eval, code, module, locals);
    }
    else {
        result = eval(code, globals, locals);
    }
    Py_XDECREF(module);
    return result;
}
