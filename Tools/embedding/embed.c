/* A program that embeds the interpreter of libpython3.11-async.a.

   embed PYTHON: twice over, starts the runtime as PYTHON would (which tells it where our Lib/ and
   the standard library are), runs code in the main interpreter and in a subinterpreter, awaits at
   the top level, and ends the runtime.  Exit status 0 if everything did what it should. */

#include <Python.h>

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

static const char subinterpreter_source[] =
    "import sys\n"
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
                     || run_in_subinterpreter() < 0;
        if (Py_FinalizeEx() < 0 || failed) {
            return 1;
        }
    }
    return 0;
}
