/* _asyncimport: what the package asyncimport cannot say in Python.

   What is awaited, and what is called, by an import statement is of C, so that no frame of ours
   stands in the traceback of what a module raises. */

#include "asyncimport.h"

#include <internal/pycore_genobject.h>

/* ---- Awaited: a coroutine whose result is an outcome ---- */

typedef struct {
    PyObject_HEAD PyObject *coroutine;
} Awaited;

/* Ours are the frames of what was thrown in: they say nothing to the user. */
static void
forget_frames(void)
{
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) {
        PyObject *type, *error, *traceback;
        PyErr_Fetch(&type, &error, &traceback);
        PyErr_NormalizeException(&type, &error, &traceback);
        PyException_SetTraceback(error, Py_None);
        Py_XDECREF(traceback);
        PyErr_Restore(type, error, NULL);
    }
}

static PySendResult
awaited_send(PyObject *self, PyObject *argument, PyObject **result)
{
    PySendResult status = PyIter_Send(((Awaited *)self)->coroutine, argument, result);
    if (status == PYGEN_RETURN) {
        Py_SETREF(*result, asyncimport_unwrap(*result));
        return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
    }
    if (status == PYGEN_ERROR) {
        forget_frames();
    }
    return status;
}

/* A value, or NULL with StopIteration or another exception. */
static PyObject *
as_iteration(PySendResult status, PyObject *result)
{
    if (status != PYGEN_RETURN) {
        return result;
    }
    _PyGen_SetStopIterationValue(result);
    Py_DECREF(result);
    return NULL;
}

static PyObject *
awaited_next(PyObject *self)
{
    PyObject *result = NULL;
    PySendResult status = awaited_send(self, Py_None, &result);
    return as_iteration(status, result);
}

PyDoc_STRVAR(send_doc, "send(value, /)\n--\n\nGo on, as a coroutine does.");

static PyObject *
awaited_send_method(PyObject *self, PyObject *argument)
{
    PyObject *result = NULL;
    PySendResult status = awaited_send(self, argument, &result);
    return as_iteration(status, result);
}

PyDoc_STRVAR(throw_doc, "throw(error, /)\n--\n\nRaise error where it waits, as a coroutine does.");

static PyObject *
awaited_throw(PyObject *self, PyObject *arguments)
{
    PyObject *method = PyObject_GetAttrString(((Awaited *)self)->coroutine, "throw");
    PyObject *result = method == NULL ? NULL : PyObject_CallObject(method, arguments);
    Py_XDECREF(method);
    if (result != NULL) {
        return result;
    }
    if (_PyGen_FetchStopIterationValue(&result) < 0) {
        forget_frames();
        return NULL;
    }
    PyObject *value = asyncimport_unwrap(result);
    Py_DECREF(result);
    return value == NULL ? NULL : as_iteration(PYGEN_RETURN, value);
}

PyDoc_STRVAR(close_doc, "close()\n--\n\nGive up waiting, as a coroutine does.");

static PyObject *
awaited_close(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyObject_CallMethod(((Awaited *)self)->coroutine, "close", NULL);
}

static int
awaited_traverse(Awaited *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->coroutine);
    return 0;
}

static int
awaited_clear(Awaited *self)
{
    Py_CLEAR(self->coroutine);
    return 0;
}

static void
awaited_dealloc(Awaited *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->coroutine);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyObject *
awaited_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    PyObject *coroutine;
    static char *names[] = {"coroutine", NULL};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O:Awaited", names, &coroutine)) {
        return NULL;
    }
    Awaited *self = (Awaited *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->coroutine = Py_NewRef(coroutine);
    }
    return (PyObject *)self;
}

/* What shows a task or a coroutine asks for these. */
static PyObject *
awaited_name(PyObject *self, void *attribute)
{
    return PyObject_GetAttrString(((Awaited *)self)->coroutine, attribute);
}

static PyGetSetDef awaited_names[] = {
    {"__name__", awaited_name, NULL, PyDoc_STR("What is awaited."), "__name__"},
    {"__qualname__", awaited_name, NULL, PyDoc_STR("What is awaited."), "__qualname__"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef awaited_methods[] = {
    {"send", awaited_send_method, METH_O, send_doc},
    {"throw", awaited_throw, METH_VARARGS, throw_doc},
    {"close", awaited_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(awaited_doc,
             "Awaited(coroutine)\n--\n\n"
             "An import that can be awaited: a coroutine whose result is an outcome.\n\n"
             "Awaiting it gives the outcome's value or raises its error.");

static PyType_Slot awaited_slots[] = {
    {Py_tp_doc, (void *)awaited_doc}, {Py_tp_new, awaited_new},
    {Py_tp_dealloc, awaited_dealloc}, {Py_tp_traverse, awaited_traverse},
    {Py_tp_clear, awaited_clear},     {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, awaited_next},   {Py_am_await, PyObject_SelfIter},
    {Py_am_send, awaited_send},       {Py_tp_getset, awaited_names},
    {Py_tp_methods, awaited_methods}, {0, NULL},
};

static PyType_Spec awaited_spec = {
    .name = "_asyncimport.Awaited",
    .basicsize = sizeof(Awaited),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = awaited_slots,
};

/* ---- Functions ---- */

/* self: a list of outcomes, the next one last. */
static PyObject *
take(PyObject *self, PyObject *Py_UNUSED(unused))
{
    Py_ssize_t count = PyList_GET_SIZE(self);
    if (count == 0) {
        PyErr_SetString(PyExc_RuntimeError, "all imports of the batch are taken");
        return NULL;
    }
    PyObject *outcome = Py_NewRef(PyList_GET_ITEM(self, count - 1));
    if (PyList_SetSlice(self, count - 1, count, NULL) < 0) {
        Py_DECREF(outcome);
        return NULL;
    }
    PyObject *value = asyncimport_unwrap(outcome);
    Py_DECREF(outcome);
    return value;
}

static PyMethodDef take_definition = {
    "take", take, METH_NOARGS,
    PyDoc_STR("take()\n--\n\nReturn the next module of the batch, or raise its error.")};

PyDoc_STRVAR(taker_doc, "taker(outcomes, /)\n--\n\n"
                        "Return a function that gives the value of one outcome at each call.\n\n"
                        "outcomes is a list, the first one last.");

static PyObject *
taker(PyObject *Py_UNUSED(module), PyObject *outcomes)
{
    if (!PyList_Check(outcomes)) {
        PyErr_SetString(PyExc_TypeError, "a list was expected");
        return NULL;
    }
    return PyCFunction_New(&take_definition, outcomes);
}

/* self: a function that returns an outcome. */
static PyObject *
call_and_unwrap(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    PyObject *outcome = PyObject_Call(self, arguments, keywords);
    PyObject *value = outcome == NULL ? NULL : asyncimport_unwrap(outcome);
    Py_XDECREF(outcome);
    return value;
}

static PyMethodDef unwrapping_definition = {
    "unwrapping", _PyCFunction_CAST(call_and_unwrap), METH_VARARGS | METH_KEYWORDS,
    PyDoc_STR("Return the value of the outcome of a function, or raise its error.")};

PyDoc_STRVAR(unwrapping_doc, "unwrapping(function, /)\n--\n\n"
                             "Return a function that calls function and unwraps the outcome.");

static PyObject *
unwrapping(PyObject *Py_UNUSED(module), PyObject *function)
{
    return PyCFunction_New(&unwrapping_definition, function);
}

PyDoc_STRVAR(
    exec_module_doc,
    "exec_module(method, module, /)\n--\n\n"
    "Call a loader's exec_module; return the coroutine that the module's body is, or None.");

static PyObject *
exec_module(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *method, *imported;
    if (!PyArg_ParseTuple(arguments, "OO:exec_module", &method, &imported)) {
        return NULL;
    }
    return asyncimport_exec_module(method, imported);
}

PyDoc_STRVAR(running_context_doc,
             "running_context()\n--\n\n"
             "Return the contextvars.Context that the caller runs in itself, not a copy.\n\n"
             "Only what runs when the caller has given way can be run in it.");

static PyObject *
running_context(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    PyThreadState *thread = PyThreadState_Get();
    if (thread->context == NULL) {
        /* Asking for a copy makes the thread a context where it has none yet. */
        Py_XDECREF(PyContext_CopyCurrent());
        if (thread->context == NULL) {
            return NULL;
        }
    }
    return Py_NewRef(thread->context);
}

static PyMethodDef functions[] = {
    {"taker", taker, METH_O, taker_doc},
    {"unwrapping", unwrapping, METH_O, unwrapping_doc},
    {"exec_module", exec_module, METH_VARARGS, exec_module_doc},
    {"running_context", running_context, METH_NOARGS, running_context_doc},
    {NULL, NULL, 0, NULL},
};

static int
add_types(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &awaited_spec, NULL);
    int result = type == NULL ? -1 : PyModule_AddObjectRef(module, "Awaited", type);
    Py_XDECREF(type);
    return result;
}

static struct PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_types},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_asyncimport",
    .m_doc = "Support for the package asyncimport.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__asyncimport(void)
{
    return PyModuleDef_Init(&definition);
}
