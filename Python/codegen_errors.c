/* Errors and warnings of code generation.  The contract is in codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include "codegen.h"

static PyObject *
source_line(PyObject *filename, int line)
{
    PyObject *text = PyErr_ProgramTextObject(filename, line);
    return text != NULL ? text : Py_NewRef(Py_None);
}

static void
raise_syntax_error(Compiler *compiler, PyObject *message)
{
    const Location *where = &compiler->unit->where;
    PyObject *arguments = Py_BuildValue(
        "O(OiiNii)", message, compiler->filename, where->line, where->column + 1,
        source_line(compiler->filename, where->line), where->end_line, where->end_column + 1);
    if (arguments != NULL) {
        PyErr_SetObject(PyExc_SyntaxError, arguments);
        Py_DECREF(arguments);
    }
}

int
codegen_error(Compiler *compiler, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *message = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (message != NULL) {
        raise_syntax_error(compiler, message);
        Py_DECREF(message);
    }
    return -1;
}

/* A warning that is to be an error becomes a SyntaxError, which knows its place. */
static int
warn(Compiler *compiler, PyObject *message)
{
    int status = PyErr_WarnExplicitObject(PyExc_SyntaxWarning, message, compiler->filename,
                                          compiler->unit->where.line, NULL, NULL);
    if (status < 0 && PyErr_ExceptionMatches(PyExc_SyntaxWarning)) {
        PyErr_Clear();
        raise_syntax_error(compiler, message);
    }
    return status;
}

int
codegen_warn(Compiler *compiler, const char *format, ...)
{
    if (compiler->only_looks) {
        return 0;
    }
    va_list arguments;
    va_start(arguments, format);
    PyObject *message = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (message == NULL) {
        return -1;
    }
    int status = warn(compiler, message);
    Py_DECREF(message);
    return status;
}

int
refuse_forbidden_name(Compiler *compiler, PyObject *name, expr_context_ty context)
{
    if (context == Load || !name_is_debug(name)) {
        return 0;
    }
    return codegen_error(compiler, context == Store ? "cannot assign to __debug__"
                                                    : "cannot delete __debug__");
}
