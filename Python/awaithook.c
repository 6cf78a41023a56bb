/* sys.awaithook and what the prompt asks of it; see Include/awaithook.h.

   Nothing here knows an event loop.  The default hook asks the session (session.h) at its first
   use for what it calls; every other runner is a callable that the user set. */

#include "awaithook.h"
#include "pyasync.h"
#include "session.h"

#include <frameobject.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pylifecycle.h>

PyDoc_STRVAR(awaithook_doc,
             "__awaithook__(coroutine, /)\n--\n\n"
             "Run a top-level coroutine to its end and return its result.\n\n"
             "All coroutines of the interpreter's life share one asyncio event loop and the\n"
             "calling thread's context.");

/* What runs the coroutine: the session's default runner, kept in the dict of self, which is a
   module of the hook's own.  New reference. */
static PyObject *
default_runner(PyObject *self)
{
    PyObject *kept = PyModule_GetDict(self);
    PyObject *run = PyDict_GetItemString(kept, "run");
    if (run != NULL) {
        return Py_NewRef(run);
    }
    run = session_default_runner();
    if (run != NULL && PyDict_SetItemString(kept, "run", run) < 0) {
        Py_CLEAR(run);
    }
    return run;
}

static PyObject *
default_awaithook(PyObject *self, PyObject *coroutine)
{
    PyObject *run = default_runner(self);
    if (run == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallOneArg(run, coroutine);
    Py_DECREF(run);
    return result;
}

static PyMethodDef default_awaithook_definition = {"__awaithook__", default_awaithook, METH_O,
                                                   awaithook_doc};

int
awaithook_add(void)
{
    PyObject *module_name = PyUnicode_InternFromString("sys");
    PyObject *self = PyModule_New("sys");
    PyObject *hook = NULL;
    if (module_name != NULL && self != NULL) {
        hook = PyCFunction_NewEx(&default_awaithook_definition, self, module_name);
    }
    Py_XDECREF(module_name);
    Py_XDECREF(self);
    if (hook == NULL) {
        return -1;
    }
    bool failed =
        PySys_SetObject("awaithook", hook) < 0 || PySys_SetObject("__awaithook__", hook) < 0;
    Py_DECREF(hook);
    return failed ? -1 : 0;
}

bool
awaithook_is_on(void)
{
    return PySys_GetObject("awaithook") != Py_None;
}

/* The first entry of traceback that belongs to code, or traceback itself where none does (the hook
   failed before it ran the coroutine, and its frames are the news). */
static PyObject *
skip_to_code(PyObject *traceback, PyCodeObject *code)
{
    for (PyObject *entry = traceback; entry != NULL && entry != Py_None;
         entry = (PyObject *)((PyTracebackObject *)entry)->tb_next) {
        PyCodeObject *entry_code = PyFrame_GetCode(((PyTracebackObject *)entry)->tb_frame);
        Py_DECREF(entry_code);
        if (entry_code == code) {
            return Py_NewRef(entry);
        }
    }
    return Py_NewRef(traceback);
}

/* Has the traceback of the exception that is set begin where code is, if no frame of it is
   there. */
static void
add_place(PyCodeObject *code)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *filename = PyUnicode_EncodeFSDefault(code->co_filename);
    if (filename == NULL) {
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
    if (filename != NULL) {
        _PyTraceback_Add("<module>", PyBytes_AS_STRING(filename), code->co_firstlineno);
        Py_DECREF(filename);
    }
}

/* A statement that never began, or that the runner gave up, has no frames. */
void
awaithook_trim_traceback(PyCodeObject *code)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyObject *rest = session_user_traceback(value, traceback);
        if (rest != NULL) {
            Py_SETREF(traceback, rest);
        }
        Py_SETREF(traceback, skip_to_code(traceback, code));
        if (PyException_SetTraceback(value, traceback) < 0) {
            PyErr_Clear();
        }
    }
    bool is_empty = traceback == NULL || traceback == Py_None;
    if (is_empty) {
        Py_CLEAR(traceback);
    }
    PyErr_Restore(type, value, traceback);
    if (is_empty) {
        add_place(code);
    }
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
awaithook_run(PyObject *coroutine, PyCodeObject *code)
{
    PyObject *result = PySys_Await(coroutine);
    if (result == NULL) {
        awaithook_trim_traceback(code);
        if (Py_REFCNT(coroutine) == 1) {
            discard_coroutine(coroutine);
        }
    }
    return result;
}
