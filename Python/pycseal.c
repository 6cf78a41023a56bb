/* Sealed code: how the code of a module that awaits is written into a .pyc file.

   CPython evaluates a module's code object that is a coroutine's, and drops the coroutine: the
   module is empty, and nobody says so.  Files go astray, are copied, packed and found under other
   names than ours, so what is written is never the coroutine's code itself.  It is plain code that
   raises an ImportError, with the coroutine's code as its last constant:

       file <-- _code_to_timestamp_pyc, _code_to_hash_pyc <-- pycseal_seal() <-- code
       file --> _compile_bytecode -------------------------> pycseal_open() --> code

   These are functions of importlib, which our own ones are put around.  Who reads a file otherwise
   (zipimport, a program that is a .pyc, runpy) has sealed code in hand, which is opened where it is
   evaluated: PyEval_EvalCode, wrapped in Python/program.c. */

#include "asyncimport.h"
#include "pyasync.h"

/* ---- Opening ---- */

PyObject *
pycseal_open(PyObject *object)
{
    PyCodeObject *code = (PyCodeObject *)object;
    if (!PyCode_Check(object)
        || (code->co_flags & (CO_FUTURE_TOP_LEVEL_AWAIT | CO_COROUTINE))
               != CO_FUTURE_TOP_LEVEL_AWAIT) {
        return object;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(code->co_consts);
    PyObject *last = count == 0 ? NULL : PyTuple_GET_ITEM(code->co_consts, count - 1);
    /* A function inside a module has a namespace of its own. */
    bool is_sealed =
        last != NULL && PyCode_Check(last)
        && (((PyCodeObject *)last)->co_flags & (CO_COROUTINE | CO_NEWLOCALS)) == CO_COROUTINE;
    return is_sealed ? last : object;
}

/* ---- Sealing ---- */

/* New reference to what other interpreters find in the file. */
static PyObject *
new_refusal(PyObject *filename)
{
    static const char source[] =
        "raise ImportError('this module awaits at its top level, which the Python that imports it "
        "does not know: its source begins with `from __future__ import top_level_await`', "
        "name=__name__)";
    return Py_CompileStringObject(source, filename, Py_file_input, NULL, 0);
}

/* New reference to the constants of refusal with code behind them. */
static PyObject *
constants_with(PyCodeObject *refusal, PyObject *code)
{
    PyObject *last = PyTuple_Pack(1, code);
    PyObject *constants = last == NULL ? NULL : PySequence_Concat(refusal->co_consts, last);
    Py_XDECREF(last);
    return constants;
}

PyObject *
pycseal_seal(PyObject *object)
{
    PyCodeObject *code = (PyCodeObject *)object;
    if (!PyCode_Check(object) || (code->co_flags & (CO_COROUTINE | CO_NEWLOCALS)) != CO_COROUTINE) {
        return Py_NewRef(object);
    }
    PyObject *refusal = new_refusal(code->co_filename);
    PyObject *constants = refusal == NULL ? NULL : constants_with((PyCodeObject *)refusal, object);
    PyObject *replace = constants == NULL ? NULL : PyObject_GetAttrString(refusal, "replace");
    PyObject *keywords =
        replace == NULL
            ? NULL
            : Py_BuildValue("{sOsi}", "co_consts", constants, "co_flags",
                            ((PyCodeObject *)refusal)->co_flags | CO_FUTURE_TOP_LEVEL_AWAIT);
    PyObject *none = keywords == NULL ? NULL : PyTuple_New(0);
    PyObject *sealed = none == NULL ? NULL : PyObject_Call(replace, none, keywords);
    Py_XDECREF(refusal);
    Py_XDECREF(constants);
    Py_XDECREF(replace);
    Py_XDECREF(keywords);
    Py_XDECREF(none);
    return sealed;
}

/* ---- Around the functions of importlib: self is the one that was there ---- */

/* New reference to a tuple as arguments, but for the first. */
static PyObject *
with_first(PyObject *arguments, PyObject *first)
{
    PyObject *one = PyTuple_Pack(1, first);
    PyObject *rest = PyTuple_GetSlice(arguments, 1, PyTuple_GET_SIZE(arguments));
    PyObject *result = one == NULL || rest == NULL ? NULL : PySequence_Concat(one, rest);
    Py_XDECREF(one);
    Py_XDECREF(rest);
    return result;
}

/* code, ... -> the bytes of a .pyc */
static PyObject *
write_sealed(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    if (PyTuple_GET_SIZE(arguments) == 0) {
        return PyObject_Call(self, arguments, keywords);
    }
    PyObject *sealed = pycseal_seal(PyTuple_GET_ITEM(arguments, 0));
    PyObject *changed = sealed == NULL ? NULL : with_first(arguments, sealed);
    PyObject *data = changed == NULL ? NULL : PyObject_Call(self, changed, keywords);
    Py_XDECREF(sealed);
    Py_XDECREF(changed);
    return data;
}

/* marshalled code, ... -> code */
static PyObject *
read_opened(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    PyObject *code = PyObject_Vectorcall(self, arguments, (size_t)count, names);
    if (code != NULL) {
        PyObject *opened = pycseal_open(code);
        if (opened != code) {
            Py_INCREF(opened);
            Py_SETREF(code, opened);
        }
    }
    return code;
}

static PyMethodDef seams[] = {
    {"_code_to_timestamp_pyc", _PyCFunction_CAST(write_sealed), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("Produce the data for a timestamp-based pyc.")},
    {"_code_to_hash_pyc", _PyCFunction_CAST(write_sealed), METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("Produce the data for a hash-based pyc.")},
    {"_compile_bytecode", _PyCFunction_CAST(read_opened), METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("Compile bytecode as found in a pyc.")},
};

int
pycseal_install(PyObject *external)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(seams); i++) {
        PyObject *stock = PyObject_GetAttrString(external, seams[i].ml_name);
        PyObject *function = stock == NULL ? NULL : PyCFunction_New(&seams[i], stock);
        int failed =
            function == NULL || PyObject_SetAttrString(external, seams[i].ml_name, function) < 0;
        Py_XDECREF(stock);
        Py_XDECREF(function);
        if (failed) {
            return -1;
        }
    }
    return 0;
}
