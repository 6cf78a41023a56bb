/* The one way from C to the session; see Include/session.h. */

#include "session.h"

#include "interrupts.h"

#include <internal/pycore_initconfig.h>
#include <internal/pycore_interp.h>

/* Where the interpreter's own modules are: the search path that it started with, from the folder
   ahead of the standard library on.  New list; what came since follows. */
static PyObject *
own_path_first(PyObject *path)
{
    const PyConfig *config = _Py_GetConfig();
    const PyWideStringList *folders = &config->module_search_paths;
    PyObject *own = PyList_New(0);
    bool is_own = false;
    for (Py_ssize_t i = 0; i < folders->length && own != NULL; i++) {
        is_own |= i + 1 < folders->length && config->stdlib_dir != NULL
                  && wcscmp(folders->items[i + 1], config->stdlib_dir) == 0;
        PyObject *folder = is_own ? PyUnicode_FromWideChar(folders->items[i], -1) : NULL;
        if (is_own && (folder == NULL || PyList_Append(own, folder) < 0)) {
            Py_CLEAR(own);
        }
        Py_XDECREF(folder);
    }
    if (own != NULL) {
        Py_SETREF(own, PySequence_InPlaceConcat(own, path));
    }
    return own;
}

/* Whatever file of the name lies in the current folder.  New reference, NULL with an exception. */
static PyObject *
import_from_own_place(const char *name)
{
    PyObject *path = Py_XNewRef(PySys_GetObject("path"));
    PyObject *own = path != NULL && PyList_Check(path) ? own_path_first(path) : NULL;
    PyObject *module = NULL;
    PyErr_Clear();
    if (own == NULL || PySys_SetObject("path", own) == 0) {
        module = PyImport_ImportModule(name);
    }
    if (own != NULL && PySys_GetObject("path") == own) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PySys_SetObject("path", path);
        PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(own);
    Py_XDECREF(path);
    return module;
}

static PyObject *
imported_session(void)
{
    PyObject *name = PyUnicode_InternFromString("autoawait.session");
    PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
    Py_XDECREF(name);
    return module;
}

/* Begins no prompt.  New reference to `autoawait.session.current`, NULL with an exception. */
static PyObject *
import_session(void)
{
    PyObject *module = imported_session();
    if (module == NULL && !PyErr_Occurred()) {
        module = import_from_own_place("autoawait.session");
    }
    PyObject *session = module == NULL ? NULL : PyObject_GetAttrString(module, "current");
    Py_XDECREF(module);
    return session;
}

/* Calls a method with signals' handlers held back; format is a tuple's, as
   Py_BuildValue takes it.  New reference, NULL with an exception. */
static PyObject *
call(PyObject *object, const char *method, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    PyObject *arguments = Py_VaBuildValue(format, values);
    va_end(values);
    PyObject *function = arguments == NULL ? NULL : PyObject_GetAttrString(object, method);
    PyObject *result = NULL;
    if (function != NULL) {
        bool held_before = interrupts_set_held(true);
        result = PyObject_CallObject(function, arguments);
        interrupts_set_held(held_before);
    }
    Py_XDECREF(function);
    Py_XDECREF(arguments);
    return result;
}

/* Calls a method whose failure is nobody's: it is written as unraisable.  Keeps an exception that
   is set.  New reference, NULL with no new exception. */
static PyObject *
call_quietly(PyObject *session, const char *method, const char *format, int argument)
{
    if (session == NULL) {
        return NULL;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *result = call(session, method, format, argument);
    if (result == NULL) {
        PyErr_WriteUnraisable(session);
    }
    PyErr_Restore(type, value, traceback);
    return result;
}

/* Makes the package known by its name, as exit and help are, unless somebody took the name. */
static int
add_builtin(void)
{
    PyObject *name = PyUnicode_InternFromString("autoawait");
    PyObject *package = name == NULL ? NULL : PyImport_GetModule(name);
    PyObject *present =
        package == NULL ? NULL : PyDict_SetDefault(PyEval_GetBuiltins(), name, package);
    Py_XDECREF(name);
    Py_XDECREF(package);
    return present == NULL ? -1 : 0;
}

PyObject *
session_open(void)
{
    PyObject *session = import_session();
    PyObject *begun = session == NULL || add_builtin() < 0 ? NULL : call(session, "begin", "()");
    if (begun == NULL) {
        PyErr_WriteUnraisable(NULL);
        Py_CLEAR(session);
    }
    Py_XDECREF(begun);
    return session;
}

PyObject *
session_current(void)
{
    PyObject *module = imported_session();
    PyObject *session = module == NULL ? NULL : PyObject_GetAttrString(module, "current");
    Py_XDECREF(module);
    if (session == NULL) {
        PyErr_Clear();
    }
    return session;
}

int
session_enter(PyObject *session, PyObject **guard)
{
    *guard = NULL;
    if (session == NULL) {
        return 0;
    }
    PyObject *manager = call(session, "statement", "()");
    if (manager == NULL) {
        return -1;
    }
    if (manager == Py_None) {
        Py_DECREF(manager);
        return 0;
    }
    PyObject *entered = call(manager, "__enter__", "()");
    if (entered == NULL) {
        Py_DECREF(manager);
        return -1;
    }
    Py_DECREF(entered);
    *guard = manager;
    return 0;
}

int
session_leave(PyObject *guard)
{
    if (guard == NULL) {
        return 0;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *result = call(guard, "__exit__", "(OOO)", type ? type : Py_None,
                            value ? value : Py_None, traceback ? traceback : Py_None);
    Py_DECREF(guard);
    if (result == NULL) {
        _PyErr_ChainExceptions(type, value, traceback);
        return -1;
    }
    Py_DECREF(result);
    PyErr_Restore(type, value, traceback);
    return 0;
}

void
session_after_statement(PyObject *session)
{
    Py_XDECREF(call_quietly(session, "after_statement", "()", 0));
}

void
session_end(PyObject *session)
{
    Py_XDECREF(call_quietly(session, "end", "()", 0));
}

PyObject *
session_background(PyObject *session)
{
    PyObject *runner = call_quietly(session, "background", "()", 0);
    if (runner == Py_None) {
        Py_CLEAR(runner);
    }
    return runner;
}

int
session_wait_for_input(PyObject *session, int descriptor)
{
    PyObject *result = call(session, "wait_for_input", "(i)", descriptor);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Asked between two keys, so that it takes the shortest way: handlers have just run. */
PyObject *
session_quiet(PyObject *runner)
{
    PyObject *method;
    PyObject *name = PyUnicode_InternFromString("quiet");
    int found = name == NULL ? -1 : _PyObject_LookupAttr(runner, name, &method);
    Py_XDECREF(name);
    if (found <= 0) {
        return found < 0 ? NULL : Py_NewRef(Py_None);
    }
    PyObject *result = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return result;
}

void
session_show_output(PyObject *session, bool above_line)
{
    Py_XDECREF(call_quietly(session, "show_output", "(i)", above_line));
}

PyObject *
session_default_runner(void)
{
    PyObject *session = import_session();
    PyObject *runner = session == NULL ? NULL : call(session, "default_runner", "()");
    Py_XDECREF(session);
    return runner;
}

PyObject *
session_user_traceback(PyObject *value, PyObject *traceback)
{
    PyObject *session = session_current();
    if (session == NULL) {
        return NULL;
    }
    PyObject *rest = call(session, "user_traceback", "(OO)", value, traceback);
    Py_DECREF(session);
    if (rest == NULL) {
        PyErr_Clear();
    }
    return rest;
}
