/* _autoawait: what the module autoawait cannot say in Python. */

#include <Python.h>

PyDoc_STRVAR(current_context_doc,
             "current_context()\n--\n\n"
             "Return the calling thread's current contextvars.Context itself, not a copy.\n\n"
             "A coroutine that runs in it leaves its context variables to the statements that\n"
             "follow.  Context.run() on it works unless the thread is inside that context's run().");

static PyObject *
current_context(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    PyThreadState *thread = PyThreadState_Get();
    if (thread->context == NULL) {
        /* A thread gets its context when it is first asked for one. */
        PyObject *copy = PyContext_CopyCurrent();
        if (copy == NULL) {
            return NULL;
        }
        Py_DECREF(copy);
    }
    return Py_NewRef(thread->context);
}

static PyMethodDef autoawait_functions[] = {
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
