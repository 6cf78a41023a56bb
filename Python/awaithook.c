/* sys.awaithook and what the prompt asks of it; see Include/awaithook.h.

   Nothing here knows an event loop.  The default hook imports the module `autoawait` at its first
   use and calls that; every other runner is a callable that the user set. */

#include "awaithook.h"
#include "pyasync.h"

#include <frameobject.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pylifecycle.h>

extern PyObject *__real__PyBuiltin_Init(PyInterpreterState *interp);
extern PyObject *__wrap__PyBuiltin_Init(PyInterpreterState *interp);

PyDoc_STRVAR(awaithook_doc,
             "__awaithook__(coroutine, /)\n--\n\n"
             "Run a top-level coroutine to its end and return its result.\n\n"
             "All coroutines of the interpreter's life share one asyncio event loop and the\n"
             "calling thread's context.");

/* Applies skip(traceback, argument), a new reference or NULL, to the exception that is set. */
static void
replace_traceback(PyObject *(*skip)(PyObject *, PyObject *), PyObject *argument)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyObject *rest = skip(traceback, argument);
        if (rest == NULL || PyException_SetTraceback(value, rest) < 0) {
            PyErr_Clear();
            Py_XDECREF(rest);
        }
        else {
            Py_SETREF(traceback, rest);
        }
    }
    if (traceback == Py_None) {
        Py_CLEAR(traceback);
    }
    PyErr_Restore(type, value, traceback);
}

static int
has_traceback(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_Restore(type, value, traceback);
    return traceback != NULL;
}

/* The runner knows which frames are its own. */
static PyObject *
skip_runner_frames(PyObject *traceback, PyObject *module)
{
    return PyObject_CallMethod(module, "_skip_runner_frames", "O", traceback);
}

static PyObject *
default_awaithook(PyObject *Py_UNUSED(self), PyObject *coroutine)
{
    PyObject *module = PyImport_ImportModule("autoawait");
    if (module == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallMethod(module, "_default_awaithook", "O", coroutine);
    if (result == NULL) {
        replace_traceback(skip_runner_frames, module);
    }
    Py_DECREF(module);
    return result;
}

static PyMethodDef default_awaithook_definition = {"__awaithook__", default_awaithook, METH_O,
                                                   awaithook_doc};

static int
add_awaithook(void)
{
    PyObject *module_name = PyUnicode_InternFromString("sys");
    if (module_name == NULL) {
        return -1;
    }
    PyObject *hook = PyCFunction_NewEx(&default_awaithook_definition, NULL, module_name);
    Py_DECREF(module_name);
    if (hook == NULL) {
        return -1;
    }
    int failed = PySys_SetObject("awaithook", hook) < 0 || PySys_SetObject("__awaithook__", hook) < 0;
    Py_DECREF(hook);
    return failed ? -1 : 0;
}

/* Runs once for each interpreter, main and sub, when its sys module already stands. */
PyObject *
__wrap__PyBuiltin_Init(PyInterpreterState *interp)
{
    PyObject *builtins = __real__PyBuiltin_Init(interp);
    if (builtins != NULL && add_awaithook() < 0) {
        Py_CLEAR(builtins);
    }
    return builtins;
}

int
AwaitHook_IsOn(void)
{
    return PySys_GetObject("awaithook") != Py_None;
}

/* The first entry of traceback that belongs to code, or traceback itself where none does (the hook
   failed before it ran the coroutine, and its frames are the news). */
static PyObject *
skip_to_code(PyObject *traceback, PyObject *code)
{
    for (PyObject *entry = traceback; entry != NULL;
         entry = (PyObject *)((PyTracebackObject *)entry)->tb_next) {
        PyCodeObject *entry_code = PyFrame_GetCode(((PyTracebackObject *)entry)->tb_frame);
        Py_DECREF(entry_code);
        if ((PyObject *)entry_code == code) {
            return Py_NewRef(entry);
        }
    }
    return Py_NewRef(traceback);
}

/* A coroutine that nobody will run says so once, by the error that is set: close it, so that it
   does not warn of never having been awaited as well. */
static void
discard_coroutine(PyObject *coroutine)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *result = PyObject_CallMethod(coroutine, "close", NULL);
    if (result == NULL) {
        PyErr_WriteUnraisable(coroutine);
    }
    Py_XDECREF(result);
    PyErr_Restore(type, value, traceback);
}

/* New reference to sys.awaithook if it can run anything; else NULL with the exception that says so,
   in the words that a lost or broken sys.displayhook has. */
static PyObject *
usable_awaithook(void)
{
    PyObject *hook = PySys_GetObject("awaithook");
    if (hook == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "lost sys.awaithook");
        return NULL;
    }
    if (!PyCallable_Check(hook)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' object is not callable", Py_TYPE(hook)->tp_name);
        return NULL;
    }
    return Py_NewRef(hook);
}

PyObject *
PySys_Await(PyObject *coroutine)
{
    PyObject *hook = usable_awaithook();
    if (hook == NULL) {
        discard_coroutine(coroutine);
        return NULL;
    }
    PyObject *result = PyObject_CallOneArg(hook, coroutine);
    Py_DECREF(hook);
    return result;
}

PyObject *
AwaitHook_Run(PyObject *coroutine, PyCodeObject *code)
{
    PyObject *result = PySys_Await(coroutine);
    if (result == NULL) {
        replace_traceback(skip_to_code, (PyObject *)code);
        if (!has_traceback()) {
            /* The statement never began, or the runner gave up on it: show where it is. */
            _PyTraceback_Add("<module>", PyUnicode_AsUTF8(code->co_filename),
                             code->co_firstlineno);
        }
    }
    return result;
}

void
AwaitHook_EndSession(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *name = PyUnicode_FromString("autoawait");
    PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
    if (module != NULL) {
        PyObject *result = PyObject_CallMethod(module, "_end_session", NULL);
        if (result == NULL) {
            PyErr_WriteUnraisable(module);
        }
        Py_XDECREF(result);
        Py_DECREF(module);
    }
    Py_XDECREF(name);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
}
