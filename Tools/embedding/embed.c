/* A program that embeds the interpreter of libpython3.11-async.a.

   embed PYTHON: twice over, starts the runtime as PYTHON would (which tells it where our Lib/ and
   the standard library are), runs code in the main interpreter and in a subinterpreter, awaits at
   the top level, by the functions of pyasync.h too, and ends the runtime.  Exit status 0 if
   everything did what it should. */

#include "pyasync.h"

#include <stdio.h>

enum { ROUNDS = 2 };

static const char source[] =
    "import sys, asyncio, autoawait, ast, json, os\n"
    "assert 'with top-level await' in sys.version\n"
    "assert callable(sys.awaithook)\n"
    "code = compile('await asyncio.sleep(0, 42)', 'text', 'eval',\n"
    "               ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)\n"
    "print(sys.awaithook(eval(code)), host.round(),\n"
    "      os.path.dirname(os.path.dirname(autoawait.__file__)), flush=True)\n";

static const char subinterpreter_source[] = "import sys\n"
                                            "assert callable(sys.awaithook)\n"
                                            "sys.awaithook = None\n"
                                            "print('subinterpreter', flush=True)\n";

static int current_round;

static PyObject *
host_round(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyLong_FromLong(current_round);
}

static PyMethodDef host_functions[] = {
    {"round", host_round, METH_NOARGS, "How many times the runtime was started."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef host_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "host",
    .m_doc = "What the embedding program offers.",
    .m_size = 0,
    .m_methods = host_functions,
};

static PyObject *
PyInit_host(void)
{
    return PyModuleDef_Init(&host_module);
}

static PyStatus
start(const char *python)
{
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, python);
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    return status;
}

/* Runs source in the namespace and prints what it gave. */
static int
run_and_print(const char *source, int start, PyObject *namespace)
{
    PyObject *result = PyRun_AsyncString(source, start, namespace, namespace, NULL);
    if (result == NULL) {
        PyErr_Print();
        return -1;
    }
    PySys_FormatStdout("%R\n", result);
    Py_DECREF(result);
    return 0;
}

/* Compiled once, the code runs as often as it is evaluated. */
static int
run_twice(PyObject *namespace)
{
    PyObject *code =
        Py_CompileAsyncString("count += await one()", "host", Py_async_file_input, NULL, -1);
    PyObject *first = code == NULL ? NULL : PyEval_EvalAsyncCode(code, namespace, NULL);
    PyObject *second = first == NULL ? NULL : PyEval_EvalAsyncCode(code, namespace, NULL);
    int failed = second == NULL;
    if (failed) {
        PyErr_Print();
    }
    Py_XDECREF(code);
    Py_XDECREF(first);
    Py_XDECREF(second);
    return failed ? -1 : 0;
}

/* An error of the source is an exception like any other. */
static int
refuse(const char *source, int start, PyObject *exception)
{
    PyObject *code = Py_CompileAsyncString(source, "host", start, NULL, -1);
    int is_refused = code == NULL && PyErr_ExceptionMatches(exception);
    Py_XDECREF(code);
    if (is_refused) {
        PyErr_Clear();
        return 0;
    }
    fprintf(stderr, "not refused: %s\n", source);
    return -1;
}

static int
run_by_start_symbols(void)
{
    PyObject *namespace = PyDict_New();
    if (namespace == NULL) {
        PyErr_Print();
        return -1;
    }
    int failed =
        run_and_print("import asyncio\nasync def one(): return await asyncio.sleep(0, 1)\n"
                      "count = await one()\n",
                      Py_async_file_input, namespace)
            < 0
        || run_twice(namespace) < 0
        || run_and_print("await one() + count", Py_async_eval_input, namespace) < 0
        || run_and_print("count", Py_eval_input, namespace) < 0
        || run_and_print("await one()\n", Py_async_single_input, namespace) < 0
        || run_and_print("'several'\nawait one()\n", Py_async_multi_single_input, namespace) < 0
        || run_and_print("'more'\ncount\n", Py_multi_single_input, namespace) < 0
        || refuse("return await one()", Py_async_file_input, PyExc_SyntaxError) < 0
        || refuse("await one()", Py_multi_single_input, PyExc_SyntaxError) < 0
        || refuse("await one()", -1, PyExc_ValueError) < 0;
    Py_DECREF(namespace);
    return failed || PyRun_SimpleString("import sys; sys.stdout.flush()") < 0 ? -1 : 0;
}

static int
run_in_subinterpreter(void)
{
    PyThreadState *main_thread = PyThreadState_Get();
    PyThreadState *sub_thread = Py_NewInterpreter();
    if (sub_thread == NULL) {
        PyThreadState_Swap(main_thread);
        return -1;
    }
    int result = PyRun_SimpleString(subinterpreter_source);
    Py_EndInterpreter(sub_thread);
    PyThreadState_Swap(main_thread);
    return result;
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s PYTHON\n", argv[0]);
        return 2;
    }
    if (PyImport_AppendInittab("host", PyInit_host) < 0) {
        return 1;
    }
    for (current_round = 1; current_round <= ROUNDS; current_round++) {
        PyStatus status = start(argv[1]);
        if (PyStatus_Exception(status)) {
            Py_ExitStatusException(status);
        }
        int failed = PyRun_SimpleString("import host") < 0 || PyRun_SimpleString(source) < 0
                     || run_by_start_symbols() < 0 || run_in_subinterpreter() < 0;
        if (Py_FinalizeEx() < 0 || failed) {
            return 1;
        }
    }
    return 0;
}
