/* _autoawait: what the module autoawait cannot say in Python. */

#include "awaithook.h"
#include "interrupts.h"
#include "linesource.h"
#include "modes.h"
#include "program.h"
#include "pyasync.h"
#include "readlinelib.h"
#include "stand_in.h"
#include "terminal.h"

#include <frameobject.h>
#include <poll.h>
#include <stdbool.h>

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

PyDoc_STRVAR(write_to_terminal_doc,
             "write_to_terminal(descriptor, data, above_line, /)\n--\n\n"
             "Write all of data to a descriptor, the terminal's; above the line being typed.");

static PyObject *
write_to_terminal(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    int descriptor, above_line;
    Py_buffer view;
    if (!PyArg_ParseTuple(arguments, "iy*p:write_to_terminal", &descriptor, &view, &above_line)) {
        return NULL;
    }
    bool failed = terminal_write(descriptor, view.buf, (size_t)view.len, above_line) < 0;
    PyBuffer_Release(&view);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* 1 if file is a terminal, -1 with an exception. */
static bool
is_terminal(PyObject *file)
{
    PyObject *result = PyObject_CallMethod(file, "isatty", NULL);
    int is_terminal = result == NULL ? -1 : PyObject_IsTrue(result);
    Py_XDECREF(result);
    return is_terminal;
}

/* Keeps data for the thread that reads a line.  New reference to its length; None if no line is
   being read.  From the question for that to the end nobody else runs. */
static PyObject *
keep_output(PyObject *pending, PyObject *data)
{
    PyObject *bytes = PyBytes_FromObject(data);
    if (bytes == NULL) {
        return NULL;
    }
    PyObject *result = NULL;
    if (!terminal_take_output()) {
        result = Py_NewRef(Py_None);
    }
    else if (PyList_Append(pending, bytes) == 0) {
        result = PyLong_FromSsize_t(PyBytes_GET_SIZE(bytes));
    }
    Py_DECREF(bytes);
    return result;
}

/* self: (file, pending). */
static PyObject *
write_guarded(PyObject *self, PyObject *data)
{
    PyObject *file = PyTuple_GET_ITEM(self, 0);
    if (terminal_is_reading()) {
        int goes_to_terminal = is_terminal(file);
        if (goes_to_terminal < 0) {
            return NULL;
        }
        if (goes_to_terminal) {
            PyObject *length = keep_output(PyTuple_GET_ITEM(self, 1), data);
            if (length != Py_None) {
                return length;
            }
            Py_DECREF(length);
        }
    }
    return PyObject_CallMethod((PyObject *)Py_TYPE(file), "write", "OO", file, data);
}

static PyMethodDef write_guarded_definition = {
    "write", write_guarded, METH_O,
    PyDoc_STR("write(data, /)\n--\n\nWrite data, above the line being typed if there is one.")};

PyDoc_STRVAR(guarded_write_doc,
             "guarded_write(file, pending, /)\n--\n\n"
             "Return what to put in the place of file.write.\n\n"
             "While a line is read, what is written to a terminal is added to the list pending,\n"
             "and the thread that reads calls the session's show_output() soon.");

static PyObject *
guarded_write(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *file, *pending;
    if (!PyArg_ParseTuple(arguments, "OO!:guarded_write", &file, &PyList_Type, &pending)) {
        return NULL;
    }
    return PyCFunction_New(&write_guarded_definition, arguments);
}

PyDoc_STRVAR(is_readable_doc, "is_readable(descriptor, /)\n--\n\n"
                              "Whether descriptor can be read now.");

static PyObject *
is_readable(PyObject *Py_UNUSED(module), PyObject *descriptor)
{
    struct pollfd status = {.fd = PyObject_AsFileDescriptor(descriptor), .events = POLLIN};
    return status.fd < 0 ? NULL : PyBool_FromLong(poll(&status, 1, 0) > 0);
}

PyDoc_STRVAR(begin_line_doc, "begin_line(prompt, /)\n--\n\n"
                             "Show prompt and begin a line; return whether readline edits it.");

/* The module is the owner of its lines. */
static PyObject *
begin_line(PyObject *module, PyObject *prompt)
{
    const char *text = PyUnicode_AsUTF8(prompt);
    if (text == NULL) {
        return NULL;
    }
    LineSource *source = readlinelib_open() == NULL ? NULL : readline_source_new(stdin, stdout);
    return PyBool_FromLong(terminal_begin_owned_line(module, source, text));
}

PyDoc_STRVAR(feed_line_doc,
             "feed_line()\n--\n\n"
             "Take what was typed; return the line as bytes if it is complete, else None.\n\n"
             "The line ends in a newline, and is empty at the end of file.");

static PyObject *
feed_line(PyObject *module, PyObject *Py_UNUSED(unused))
{
    LineSource *source = terminal_owned_line(module);
    if (source == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "no line has been begun");
        return NULL;
    }
    if (!source->type->feed(source)) {
        Py_RETURN_NONE;
    }
    LineText line;
    bool failed = source->type->end(source, &line) < 0;
    terminal_end_owned_line(module);
    PyObject *result =
        failed ? PyErr_NoMemory() : PyBytes_FromStringAndSize(line.text, (Py_ssize_t)line.size);
    line_text_clear(&line);
    return result;
}

PyDoc_STRVAR(abandon_line_doc, "abandon_line()\n--\n\n"
                               "Give up the line that was begun, if any.");

static PyObject *
abandon_line(PyObject *module, PyObject *Py_UNUSED(unused))
{
    terminal_end_owned_line(module);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(set_line_source_doc,
             "set_line_source(source, /)\n--\n\n"
             "Have lines come from an object in the place of the terminal; None ends that.\n\n"
             "Its methods are those of Include/linesource.h, for tests.");

static PyObject *
set_line_source(PyObject *Py_UNUSED(module), PyObject *source)
{
    terminal_set_line_source(source == Py_None ? NULL : source);
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

PyDoc_STRVAR(
    uninterrupted_doc,
    "uninterrupted(function, /, *arguments)\n--\n\n"
    "Call function; handlers of signals run after it, and where it calls interruptible().");

PyDoc_STRVAR(interruptible_doc, "interruptible(function, /, *arguments)\n--\n\n"
                                "Call function; handlers of signals run meanwhile.");

static PyObject *
call_held(bool held, PyObject *const *arguments, Py_ssize_t count)
{
    if (count == 0) {
        PyErr_SetString(PyExc_TypeError, "a function was expected");
        return NULL;
    }
    return interrupts_call(held, arguments[0], arguments + 1, count - 1);
}

static PyObject *
uninterrupted(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return call_held(true, arguments, count);
}

static PyObject *
interruptible(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return call_held(false, arguments, count);
}

/* self: (stock's function, lend). */
static PyObject *
get_running_loop(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *loop = PyObject_CallNoArgs(PyTuple_GET_ITEM(self, 0));
    if (loop != NULL || !PyErr_ExceptionMatches(PyExc_RuntimeError)) {
        return loop;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    loop = PyObject_CallNoArgs(PyTuple_GET_ITEM(self, 1));
    if (loop == Py_None) {
        Py_DECREF(loop);
        PyErr_Restore(type, value, traceback);
        return NULL;
    }
    Py_DECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return loop;
}

static PyMethodDef lending_definition = {
    "get_running_loop", get_running_loop, METH_NOARGS,
    PyDoc_STR("get_running_loop($module, /)\n--\n\n"
              "Return the running event loop.  Raise a RuntimeError if there is none.\n\n"
              "In a plain statement of a prompt, code that is not prepared for that error is\n"
              "given the prompt's loop.")};

PyDoc_STRVAR(lending_doc, "lending(get_running_loop, lend, /)\n--\n\n"
                          "Return what to put in the place of asyncio's get_running_loop().\n\n"
                          "Where that fails, lend() returns the loop for its caller, or None.");

static PyObject *
lending(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *stock, *lend;
    if (!PyArg_ParseTuple(arguments, "OO:lending", &stock, &lend)) {
        return NULL;
    }
    PyObject *module_name = PyUnicode_InternFromString("_asyncio");
    if (module_name == NULL) {
        return NULL;
    }
    PyObject *function = PyCFunction_NewEx(&lending_definition, arguments, module_name);
    Py_DECREF(module_name);
    return function;
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
             "Do what exec() does; source may await, and is run by sys.awaithook then.");

typedef PyObject *(*ExecCoroutine)(PyCodeObject *code, PyObject *globals, PyObject *locals);

static PyObject *
exec_statement(PyCodeObject *code, PyObject *globals, PyObject *locals)
{
    PyObject *result = PyEval_EvalAsyncCode((PyObject *)code, globals, locals);
    if (result == NULL) {
        awaithook_trim_traceback(code);
    }
    return result;
}

static bool
is_coroutine_code(PyObject *object)
{
    return PyCode_Check(object) && ((PyCodeObject *)object)->co_flags & CO_COROUTINE;
}

static PyObject *
call_builtin(const char *name, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *function = PyDict_GetItemString(PyEval_GetBuiltins(), name);
    if (function == NULL) {
        return PyErr_Format(PyExc_RuntimeError, "lost builtins.%s", name);
    }
    return PyObject_Vectorcall(function, arguments, (size_t)count, NULL);
}

/* compile() with flags beside those of the caller. */
static PyObject *
compile_text(PyObject *source, PyObject *filename, PyObject *mode, int flags)
{
    PyObject *bits = PyLong_FromLong(flags);
    if (bits == NULL) {
        return NULL;
    }
    PyObject *all[] = {source, filename, mode, bits};
    PyObject *code = call_builtin("compile", all, Py_ARRAY_LENGTH(all));
    Py_DECREF(bits);
    return code;
}

static PyObject *
compile_with(int flags, PyObject *arguments)
{
    PyObject *source, *filename, *mode;
    if (!PyArg_ParseTuple(arguments, "OOO:compile", &source, &filename, &mode)) {
        return NULL;
    }
    return compile_text(source, filename, mode, flags);
}

static int
program_flags(void)
{
    return awaithook_is_on() ? PyCF_AWAITING_PROGRAM : 0;
}

/* New reference to the code of text, or to what is no text itself. */
static PyObject *
compile_if_text(PyObject *source, const char *mode)
{
    if (!PyUnicode_Check(source)) {
        return Py_NewRef(source);
    }
    PyObject *filename = PyUnicode_FromString("<string>");
    PyObject *mode_name = PyUnicode_FromString(mode);
    PyObject *code = NULL;
    if (filename != NULL && mode_name != NULL) {
        code = compile_text(source, filename, mode_name, program_flags());
    }
    Py_XDECREF(filename);
    Py_XDECREF(mode_name);
    return code;
}

/* What exec() or eval(), by name, does; in C, so that it is no more to be seen in tracebacks than
   they are. */
static PyObject *
run_by(ExecCoroutine exec_coroutine, const char *name, PyObject *const *arguments, Py_ssize_t count)
{
    if (count == 0 || !is_coroutine_code(arguments[0])) {
        return call_builtin(name, arguments, count);
    }
    PyObject *code, *globals, *locals = NULL;
    if (count < 2 || count > 3 || !PyDict_Check(arguments[1])) {
        PyErr_Format(PyExc_TypeError, "%s() of a coroutine takes globals, a dict, and locals",
                     name);
        return NULL;
    }
    code = arguments[0];
    globals = arguments[1];
    locals = count == 3 && arguments[2] != Py_None ? arguments[2] : NULL;
    return exec_coroutine((PyCodeObject *)code, globals, locals);
}

static PyObject *
exec_by(ExecCoroutine exec_coroutine, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *value = run_by(exec_coroutine, "exec", arguments, count);
    if (value == NULL) {
        return NULL;
    }
    Py_DECREF(value);
    Py_RETURN_NONE;
}

static PyObject *
exec_awaiting(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count < 1 || count > 3) {
        return exec_by(exec_statement, arguments, count);
    }
    PyObject *all[3] = {compile_if_text(arguments[0], "exec")};
    if (all[0] == NULL) {
        return NULL;
    }
    memcpy(all + 1, arguments + 1, (size_t)(count - 1) * sizeof(*all));
    PyObject *result = exec_by(exec_statement, all, count);
    Py_DECREF(all[0]);
    return result;
}

PyDoc_STRVAR(eval_awaiting_doc,
             "eval_awaiting(source, globals, locals, /)\n--\n\n"
             "Do what eval() does; the code of a coroutine is run by sys.awaithook.");

static PyObject *
eval_awaiting(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return run_by(exec_statement, "eval", arguments, count);
}

PyDoc_STRVAR(exec_program_doc,
             "exec_program(source, globals, locals, /)\n--\n\n"
             "Do what exec_awaiting() does; what lives on the runner ends with the main program.");

static PyObject *
exec_program(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return exec_by(program_exec, arguments, count);
}

PyDoc_STRVAR(compile_awaiting_doc,
             "compile_awaiting(source, filename, mode, /)\n--\n\n"
             "Do what compile() does; the source may await at its top level.");

static PyObject *
compile_awaiting(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    return compile_with(PyCF_ALLOW_TOP_LEVEL_AWAIT, arguments);
}

PyDoc_STRVAR(compile_program_doc,
             "compile_program(source, filename, mode, /)\n--\n\n"
             "Do what compile_awaiting() does, unless awaiting is switched off.");

static PyObject *
compile_program(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    return compile_with(program_flags(), arguments);
}

PyDoc_STRVAR(call_awaiting_doc,
             "call_awaiting(function, /, *arguments)\n--\n\n"
             "Call an async function, have sys.awaithook run its coroutine, return the result.");

/* In C, so that it is not to be seen in tracebacks. */
static PyObject *
call_awaiting(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count == 0 || !PyFunction_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "a function was expected");
        return NULL;
    }
    PyObject *coroutine = PyObject_Vectorcall(arguments[0], arguments + 1, (size_t)count - 1, NULL);
    if (coroutine == NULL) {
        return NULL;
    }
    PyObject *code = PyFunction_GET_CODE(arguments[0]);
    PyObject *result = awaithook_run(coroutine, (PyCodeObject *)code);
    Py_DECREF(coroutine);
    return result;
}

PyDoc_STRVAR(write_locals_doc,
             "write_locals(frame, /)\n--\n\n"
             "Give a function's variables the values that they have in frame.f_locals.");

/* What the runtime does when a trace function returns; to ask the frame for f_locals would undo
   it. */
static PyObject *
write_locals(PyObject *Py_UNUSED(module), PyObject *frame)
{
    if (!PyFrame_Check(frame)) {
        PyErr_SetString(PyExc_TypeError, "a frame was expected");
        return NULL;
    }
    PyFrame_LocalsToFast((PyFrameObject *)frame, 1);
    Py_RETURN_NONE;
}

static PyMethodDef autoawait_functions[] = {
    {"write_locals", write_locals, METH_O, write_locals_doc},
    {"abandon_line", abandon_line, METH_NOARGS, abandon_line_doc},
    {"check_reader", check_reader, METH_NOARGS, check_reader_doc},
    {"begin_line", begin_line, METH_O, begin_line_doc},
    {"feed_line", feed_line, METH_NOARGS, feed_line_doc},
    {"set_line_source", set_line_source, METH_O, set_line_source_doc},
    {"is_readable", is_readable, METH_O, is_readable_doc},
    {"uninterrupted", _PyCFunction_CAST(uninterrupted), METH_FASTCALL, uninterrupted_doc},
    {"interruptible", _PyCFunction_CAST(interruptible), METH_FASTCALL, interruptible_doc},
    {"lending", lending, METH_VARARGS, lending_doc},
    {"keep_forever", keep_forever, METH_O, keep_forever_doc},
    {"guarded_write", guarded_write, METH_VARARGS, guarded_write_doc},
    {"write_to_terminal", write_to_terminal, METH_VARARGS, write_to_terminal_doc},
    {"current_context", current_context, METH_NOARGS, current_context_doc},
    {"call_awaiting", _PyCFunction_CAST(call_awaiting), METH_FASTCALL, call_awaiting_doc},
    {"compile_awaiting", compile_awaiting, METH_VARARGS, compile_awaiting_doc},
    {"compile_program", compile_program, METH_VARARGS, compile_program_doc},
    {"exec_program", _PyCFunction_CAST(exec_program), METH_FASTCALL, exec_program_doc},
    {"eval_awaiting", _PyCFunction_CAST(eval_awaiting), METH_FASTCALL, eval_awaiting_doc},
    {"exec_awaiting", _PyCFunction_CAST(exec_awaiting), METH_FASTCALL, exec_awaiting_doc},
    {NULL, NULL, 0, NULL},
};

/* The version, the modes of compile(), and the flags that consoles and programs in Python compile
   with. */
static int
add_constants(PyObject *module)
{
    PyObject *modes = compile_mode_names();
    if (modes == NULL || PyModule_AddObjectRef(module, "modes", modes) < 0) {
        Py_XDECREF(modes);
        return -1;
    }
    Py_DECREF(modes);
    if (PyModule_AddStringConstant(module, "version", PYASYNC_VERSION) < 0) {
        return -1;
    }
    return PyModule_AddIntConstant(module, "AWAITING_PROGRAM", PyCF_AWAITING_PROGRAM);
}

static int
add_types(PyObject *module)
{
    return PyModule_AddType(module, &StandIn_Type);
}

static struct PyModuleDef_Slot autoawait_slots[] = {
    {Py_mod_exec, add_constants},
    {Py_mod_exec, add_types},
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
