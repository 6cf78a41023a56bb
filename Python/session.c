/* The prompt's side of a session; see Include/session.h. */

#include "awaithook.h"
#include "interrupts.h"
#include "session.h"

#include <internal/pycore_pystate.h>

/* Makes the module known by its name, as exit and help are, unless somebody took the name. */
static int
add_builtin(PyObject *module)
{
    PyObject *name = PyUnicode_InternFromString("autoawait");
    if (name == NULL) {
        return -1;
    }
    PyObject *present = PyDict_SetDefault(PyEval_GetBuiltins(), name, module);
    Py_DECREF(name);
    return present == NULL ? -1 : 0;
}

PyObject *
Session_Open(void)
{
    PyObject *session = NULL;
    PyObject *module = PyImport_ImportModule("autoawait");
    if (module != NULL && add_builtin(module) == 0) {
        PyObject *keeper = PyObject_GetAttrString(module, "_session");
        session = keeper == NULL ? NULL : PyObject_CallMethod(keeper, "begin", NULL);
        Py_XDECREF(keeper);
    }
    Py_XDECREF(module);
    if (session == NULL) {
        PyErr_WriteUnraisable(NULL);
    }
    return session;
}

PyObject *
Session_Current(void)
{
    if (!_Py_ThreadCanHandleSignals(PyInterpreterState_Get())) {
        return NULL;
    }
    PyObject *module = AwaitHook_ImportedModule("autoawait");
    PyObject *session = module == NULL ? NULL : PyObject_GetAttrString(module, "_session");
    Py_XDECREF(module);
    if (session == NULL) {
        PyErr_Clear();
    }
    return session;
}

static int
enter_statement(PyObject *session, PyObject **guard)
{
    PyObject *manager = PyObject_CallMethod(session, "statement", NULL);
    if (manager == NULL) {
        return -1;
    }
    if (manager == Py_None) {
        Py_DECREF(manager);
        return 0;
    }
    PyObject *entered = PyObject_CallMethod(manager, "__enter__", NULL);
    if (entered == NULL) {
        Py_DECREF(manager);
        return -1;
    }
    Py_DECREF(entered);
    *guard = manager;
    return 0;
}

int
Session_Enter(PyObject *session, PyObject **guard)
{
    *guard = NULL;
    if (session == NULL) {
        return 0;
    }
    int held_before = Interrupts_SetHeld(1);
    int result = enter_statement(session, guard);
    Interrupts_SetHeld(held_before);
    return result;
}

int
Session_Leave(PyObject *guard)
{
    if (guard == NULL) {
        return 0;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    int held_before = Interrupts_SetHeld(1);
    PyObject *result =
        PyObject_CallMethod(guard, "__exit__", "OOO", type ? type : Py_None,
                            value ? value : Py_None, traceback ? traceback : Py_None);
    Interrupts_SetHeld(held_before);
    Py_DECREF(guard);
    if (result == NULL) {
        _PyErr_ChainExceptions(type, value, traceback);
        return -1;
    }
    Py_DECREF(result);
    PyErr_Restore(type, value, traceback);
    return 0;
}

static void
call_quietly(PyObject *session, const char *method)
{
    if (session == NULL) {
        return;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int held_before = Interrupts_SetHeld(1);
    PyObject *result = PyObject_CallMethod(session, method, NULL);
    if (result == NULL) {
        PyErr_WriteUnraisable(session);
    }
    Py_XDECREF(result);
    Interrupts_SetHeld(held_before);
    PyErr_Restore(type, value, traceback);
}

void
Session_AfterStatement(PyObject *session)
{
    call_quietly(session, "after_statement");
}

void
Session_End(PyObject *session)
{
    call_quietly(session, "end");
}
