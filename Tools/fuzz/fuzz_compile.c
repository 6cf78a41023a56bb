/* Fuzz target: bytes through parser and compiler.

   In: the first byte chooses mode, flags and optimization level, the rest is the source.
   A finding is a crash, a hang, a sanitizer's report, or an exception that no source may cause.
   Entry: LLVMFuzzerTestOneInput(), called by libFuzzer. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>

static void
start_interpreter(void)
{
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    PyStatus status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
    PyRun_SimpleString("import warnings; warnings.simplefilter('ignore')");
}

/* What a source may raise. */
static int
is_expected(void)
{
    return PyErr_ExceptionMatches(PyExc_SyntaxError) || PyErr_ExceptionMatches(PyExc_ValueError)
           || PyErr_ExceptionMatches(PyExc_OverflowError)
           || PyErr_ExceptionMatches(PyExc_RecursionError)
           || PyErr_ExceptionMatches(PyExc_MemoryError);
}

static void
compile_source(const char *source, unsigned int choice)
{
    static const int starts[] = {Py_file_input, Py_eval_input, Py_single_input, Py_file_input};
    PyCompilerFlags flags = {.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
    if (choice & 4) {
        flags.cf_flags |= PyCF_ALLOW_TOP_LEVEL_AWAIT;
    }
    if (choice & 8) {
        flags.cf_flags |= CO_FUTURE_ANNOTATIONS;
    }
    int optimize = (int)(choice >> 4 & 3) % 3;
    PyObject *code =
        Py_CompileStringExFlags(source, "fuzz", starts[choice & 3], &flags, optimize);
    if (code == NULL && !is_expected()) {
        PyErr_Print();
        abort();
    }
    PyErr_Clear();
    Py_XDECREF(code);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!Py_IsInitialized()) {
        start_interpreter();
    }
    if (size < 2) {
        return 0;
    }
    char *source = malloc(size);
    if (source == NULL) {
        return 0;
    }
    memcpy(source, data + 1, size - 1);
    source[size - 1] = '\0';
    compile_source(source, data[0]);
    free(source);
    return 0;
}
