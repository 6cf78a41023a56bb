/* _autoawait: what the module autoawait cannot say in Python. */

#include "inputhook.h"

PyDoc_STRVAR(current_context_doc,
             "current_context()\n--\n\n"
             "Return the calling thread's current contextvars.Context itself, not a copy.\n\n"
             "A coroutine that runs in it leaves its context variables to what follows.  Where\n"
             "the thread is inside that context's run() already, nobody can enter it a second\n"
             "time, and the result is a copy.");

static PyObject *
current_context(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    /* Asking for a copy makes the thread a context where it has none yet. */
    PyObject *copy = PyContext_CopyCurrent();
    if (copy == NULL) {
        return NULL;
    }
    PyObject *context = Py_NewRef(PyThreadState_Get()->context);
    if (PyContext_Enter(context) < 0) {
        PyErr_Clear();
        Py_DECREF(context);
        return copy;
    }
    Py_DECREF(copy);
    if (PyContext_Exit(context) < 0) {
        Py_CLEAR(context);
    }
    return context;
}

PyDoc_STRVAR(write_above_line_doc,
             "write_above_line(data, /)\n--\n\n"
             "Write bytes to the terminal above the line being typed; return their number.");

static PyObject *
write_above_line(PyObject *Py_UNUSED(module), PyObject *data)
{
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    int failed = InputWait_WriteAbove(view.buf, (size_t)view.len) < 0;
    Py_ssize_t length = view.len;
    PyBuffer_Release(&view);
    return failed ? NULL : PyLong_FromSsize_t(length);
}

PyDoc_STRVAR(has_other_hook_doc,
             "has_other_hook()\n--\n\n"
             "Whether somebody else, such as tkinter, waits for input by PyOS_InputHook as well.");

static PyObject *
has_other_hook(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(InputWait_HasOtherHook());
}

PyDoc_STRVAR(call_other_hook_doc,
             "call_other_hook()\n--\n\n"
             "Let that other hook wait until descriptor 0 can be read.");

static PyObject *
call_other_hook(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    InputWait_CallOtherHook();
    Py_RETURN_NONE;
}

static PyMethodDef autoawait_functions[] = {
    {"call_other_hook", call_other_hook, METH_NOARGS, call_other_hook_doc},
    {"has_other_hook", has_other_hook, METH_NOARGS, has_other_hook_doc},
    {"write_above_line", write_above_line, METH_O, write_above_line_doc},
    {"current_context", current_context, METH_NOARGS, current_context_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef_Slot autoawait_slots[] = {
    {0, NULL},
};

static struct PyModuleDef autoawait_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_autoawait",
    .m_doc = "Support for the module autoawait.",
    .m_methods = autoawait_functions,
    .m_slots = autoawait_slots,
};

PyMODINIT_FUNC
PyInit__autoawait(void)
{
    return PyModuleDef_Init(&autoawait_module);
}
