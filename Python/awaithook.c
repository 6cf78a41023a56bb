/* sys.awaithook and what the prompt asks of it; see Include/awaithook.h.

   Nothing here knows an event loop.  The default hook imports the module `autoawait` at its first
   use and calls that; every other runner is a callable that the user set. */

#include "awaithook.h"
#include "interrupts.h"
#include "modes.h"
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

/* What runs the coroutine: autoawait's default runner, kept in the dict of self, which is a module
   of the hook's own.  New reference. */
static PyObject *
default_runner(PyObject *self)
{
    PyObject *kept = PyModule_GetDict(self);
    PyObject *run = PyDict_GetItemString(kept, "run");
    if (run != NULL) {
        return Py_NewRef(run);
    }
    PyObject *module = PyImport_ImportModule("autoawait");
    if (module == NULL) {
        return NULL;
    }
    run = PyObject_CallMethod(module, "_default_runner", NULL);
    Py_DECREF(module);
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

static int
add_awaithook(void)
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
    int failed =
        PySys_SetObject("awaithook", hook) < 0 || PySys_SetObject("__awaithook__", hook) < 0;
    Py_DECREF(hook);
    return failed ? -1 : 0;
}

/* Runs once for each interpreter, main and sub, when its sys module already stands.  What is put
   into builtins here counts as built in from the start. */
PyObject *
__wrap__PyBuiltin_Init(PyInterpreterState *interp)
{
    PyObject *builtins = __real__PyBuiltin_Init(interp);
    if (builtins != NULL
        && (add_awaithook() < 0 || builtin_compile_add(builtins) < 0
            || builtin_async_add(builtins) < 0)) {
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

PyObject *
AwaitHook_ImportedModule(const char *name)
{
    PyObject *key = PyUnicode_FromString(name);
    PyObject *module = key == NULL ? NULL : PyImport_GetModule(key);
    Py_XDECREF(key);
    if (module == NULL) {
        PyErr_Clear();
    }
    return module;
}

/* New reference to what is left of traceback (or to None) when the frames of our runners are out;
   they know their own.  Never fails. */
static PyObject *
skip_runners(PyObject *value, PyObject *traceback)
{
    PyObject *rest = NULL;
    PyObject *module = AwaitHook_ImportedModule("autoawait");
    if (module != NULL) {
        int held_before = Interrupts_SetHeld(1);
        rest = PyObject_CallMethod(module, "_user_traceback", "OO", value, traceback);
        Interrupts_SetHeld(held_before);
    }
    Py_XDECREF(module);
    if (rest == NULL) {
        PyErr_Clear();
        return Py_NewRef(traceback);
    }
    return rest;
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
AwaitHook_TrimTraceback(PyCodeObject *code)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        Py_SETREF(traceback, skip_runners(value, traceback));
        Py_SETREF(traceback, skip_to_code(traceback, code));
        if (PyException_SetTraceback(value, traceback) < 0) {
            PyErr_Clear();
        }
    }
    int is_empty = traceback == NULL || traceback == Py_None;
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
AwaitHook_Run(PyObject *coroutine, PyCodeObject *code)
{
    PyObject *result = PySys_Await(coroutine);
    if (result == NULL) {
        AwaitHook_TrimTraceback(code);
        if (Py_REFCNT(coroutine) == 1) {
            discard_coroutine(coroutine);
        }
    }
    return result;
}
