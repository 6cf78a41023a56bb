/* _autoawait: what the module autoawait cannot say in Python. */

#include "inputhook.h"
#include "interrupts.h"
#include "linereader.h"
#include "program.h"
#include "pyasync.h"

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
             "write_above_line(descriptor, data, /)\n--\n\n"
             "Write bytes to a descriptor, the terminal's, above the line being typed.");

static PyObject *
write_above_line(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    int descriptor;
    Py_buffer view;
    if (!PyArg_ParseTuple(arguments, "iy*:write_above_line", &descriptor, &view)) {
        return NULL;
    }
    int failed = InputWait_WriteAbove(descriptor, view.buf, (size_t)view.len) < 0;
    PyBuffer_Release(&view);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(begin_line_doc,
             "begin_line(prompt, /)\n--\n\n"
             "Show prompt and begin a line; return whether readline edits it.");

static PyObject *
begin_line(PyObject *Py_UNUSED(module), PyObject *prompt)
{
    const char *text = PyUnicode_AsUTF8(prompt);
    return text == NULL ? NULL : PyBool_FromLong(LineReader_Begin(text));
}

PyDoc_STRVAR(feed_line_doc,
             "feed_line()\n--\n\n"
             "Take what was typed; return the line as bytes if it is complete, else None.");

static PyObject *
feed_line(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return LineReader_Feed();
}

PyDoc_STRVAR(abandon_line_doc,
             "abandon_line()\n--\n\n"
             "Give up the line that was begun, if any.");

static PyObject *
abandon_line(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    LineReader_Abandon();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(check_reader_doc,
             "check_reader()\n--\n\n"
             "Raise RuntimeError if this thread is reading a line: it is background work's turn.");

static PyObject *
check_reader(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    if (_PyOS_ReadlineTState == PyThreadState_Get()) {
        PyErr_SetString(PyExc_RuntimeError, "the prompt is reading a line");
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(uninterrupted_doc,
             "uninterrupted(function, /, *arguments)\n--\n\n"
             "Call function; handlers of signals run after it, and where it calls interruptible().");

PyDoc_STRVAR(interruptible_doc,
             "interruptible(function, /, *arguments)\n--\n\n"
             "Call function; handlers of signals run meanwhile.");

static PyObject *
call_held(int held, PyObject *const *arguments, Py_ssize_t count)
{
    if (count == 0) {
        PyErr_SetString(PyExc_TypeError, "a function was expected");
        return NULL;
    }
    return Interrupts_Call(held, arguments[0], arguments + 1, count - 1);
}

static PyObject *
uninterrupted(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return call_held(1, arguments, count);
}

static PyObject *
interruptible(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return call_held(0, arguments, count);
}

PyDoc_STRVAR(keep_forever_doc,
             "keep_forever(object, /)\n--\n\n"
             "Never let object end: a forked process has a copy of what ends in its parent.");

static PyObject *
keep_forever(PyObject *Py_UNUSED(module), PyObject *object)
{
    Py_INCREF(object);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(exec_awaiting_doc,
             "exec_awaiting(source, globals, locals, /)\n--\n\n"
             "Do what exec() does; the code of a coroutine is run by sys.awaithook.");

typedef PyObject *(*ExecCoroutine)(PyCodeObject *code, PyObject *globals, PyObject *locals);

static PyObject *
exec_statement(PyCodeObject *code, PyObject *globals, PyObject *locals)
{
    return PyEval_EvalAsyncCode((PyObject *)code, globals, locals);
}

/* In C, so that it is no more to be seen in tracebacks than exec() is. */
static PyObject *
exec_by(ExecCoroutine exec_coroutine, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *code = count > 0 ? arguments[0] : NULL;
    if (code != NULL && PyCode_Check(code) && ((PyCodeObject *)code)->co_flags & CO_COROUTINE) {
        PyObject *globals, *locals = NULL;
        if (!_PyArg_ParseStack(arguments, count, "OO!|O:exec", &code, &PyDict_Type, &globals,
                               &locals)) {
            return NULL;
        }
        PyObject *value = exec_coroutine((PyCodeObject *)code, globals,
                                         locals == Py_None ? NULL : locals);
        if (value == NULL) {
            return NULL;
        }
        Py_DECREF(value);
        Py_RETURN_NONE;
    }
    PyObject *exec = PyDict_GetItemString(PyEval_GetBuiltins(), "exec");
    if (exec == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "lost builtins.exec");
        return NULL;
    }
    return PyObject_Vectorcall(exec, arguments, count, NULL);
}

static PyObject *
exec_awaiting(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return exec_by(exec_statement, arguments, count);
}

PyDoc_STRVAR(exec_program_doc,
             "exec_program(source, globals, locals, /)\n--\n\n"
             "Do what exec_awaiting() does; what lives on the runner ends with the main program.");

static PyObject *
exec_program(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return exec_by(Program_Exec, arguments, count);
}

PyDoc_STRVAR(compile_program_doc,
             "compile_program(source, filename, mode, /)\n--\n\n"
             "Do what compile() does; the source may await at its top level.");

static PyObject *
compile_program(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *source, *filename, *mode;
    if (!PyArg_ParseTuple(arguments, "OOO:compile", &source, &filename, &mode)) {
        return NULL;
    }
    PyObject *compile = PyDict_GetItemString(PyEval_GetBuiltins(), "compile");
    if (compile == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "lost builtins.compile");
        return NULL;
    }
    return PyObject_CallFunction(compile, "OOOi", source, filename, mode,
                                 PyCF_ALLOW_TOP_LEVEL_AWAIT);
}

static PyMethodDef autoawait_functions[] = {
    {"abandon_line", abandon_line, METH_NOARGS, abandon_line_doc},
    {"check_reader", check_reader, METH_NOARGS, check_reader_doc},
    {"begin_line", begin_line, METH_O, begin_line_doc},
    {"feed_line", feed_line, METH_NOARGS, feed_line_doc},
    {"uninterrupted", _PyCFunction_CAST(uninterrupted), METH_FASTCALL, uninterrupted_doc},
    {"interruptible", _PyCFunction_CAST(interruptible), METH_FASTCALL, interruptible_doc},
    {"keep_forever", keep_forever, METH_O, keep_forever_doc},
    {"write_above_line", write_above_line, METH_VARARGS, write_above_line_doc},
    {"current_context", current_context, METH_NOARGS, current_context_doc},
    {"compile_program", compile_program, METH_VARARGS, compile_program_doc},
    {"exec_program", _PyCFunction_CAST(exec_program), METH_FASTCALL, exec_program_doc},
    {"exec_awaiting", _PyCFunction_CAST(exec_awaiting), METH_FASTCALL, exec_awaiting_doc},
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
