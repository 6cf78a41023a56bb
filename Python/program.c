/* Whole programs that await at the top level, and what `-m asyncio` means.

   -X autoawait and PYTHONAUTOAWAIT let the main program (-c, a file, standard input, -m, a folder
   or an archive) await; the startup file of a prompt may anyway.  The runtime compiles and
   evaluates that code, in functions of its own that take compiler flags but know no coroutine.
   So the flag is put in where main calls them, and the evaluation that they do is ours to finish:
   the coroutine goes to sys.awaithook.  Nothing else of the program is changed.

   A main program that is marked, by from __future__ import top_level_await, awaits without these.

   Programs that Python code of the standard library runs (-m, folders and archives; under pdb,
   trace and the profilers) come by program_exec(), which Lib/autoawait/program.py gives to those
   modules in the place of exec(). */

#include "additions.h"
#include "asyncimport.h"
#include "awaithook.h"
#include "modes.h"
#include "pyasync.h"
#include "program.h"
#include "session.h"
#include "target.h"

#include <internal/pycore_initconfig.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pylifecycle.h>
#include <internal/pycore_pystate.h>

/* OTHER_PROGRAM: a startup file, or what runs before the program or a part of it. */
typedef enum { NO_PROGRAM, OTHER_PROGRAM, MAIN_PROGRAM } ProgramKind;

/* What the runtime is on its way to evaluate, if it may await: the first code evaluated in __main__
   is it.  The runtime's functions in between pass no argument of ours through. */
static _Thread_local ProgramKind next_program;

/* Whether main has the runtime compile and run the main program, and what is given with -c. */
static _Thread_local bool is_program_begun;
static _Thread_local const char *program_command;

static bool
is_main_namespace(PyObject *globals)
{
    PyObject *main_module = PyImport_AddModule("__main__");
    return main_module != NULL && PyModule_GetDict(main_module) == globals;
}

/* As at the end of asyncio.run(), tasks do not outlive the program, unless a prompt follows
   (-i). */
static PyObject *
run_program(ProgramKind kind, PyObject *coroutine, PyCodeObject *code)
{
    PyObject *result = awaithook_run(coroutine, code);
    Py_DECREF(coroutine);
    if (kind == MAIN_PROGRAM && !_Py_GetConfig()->inspect) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyObject *session = session_open();
        session_end(session);
        Py_XDECREF(session);
        PyErr_Restore(type, value, traceback);
    }
    return result;
}

WRAPPED(PyEval_EvalCode);

static bool
is_main_program(PyObject *globals)
{
    PyObject *name = PyDict_GetItemString(globals, "__name__");
    return name != NULL && PyUnicode_Check(name)
           && PyUnicode_CompareWithASCIIString(name, "__main__") == 0;
}

/* Whether code is of module runpy, frozen or not; its namespace is the program's with `-m runpy`.
 */
static bool
is_of_runpy(PyCodeObject *code)
{
    PyObject *name = code->co_filename;
    if (PyUnicode_CompareWithASCIIString(name, "<frozen runpy>") == 0) {
        return true;
    }
    const wchar_t *folder = _Py_GetStdlibDir();
    PyObject *library = PyUnicode_FromWideChar(folder == NULL ? L"" : folder, -1);
    PyObject *path = library == NULL ? NULL : PyUnicode_FromFormat("%U/runpy.py", library);
    bool result = path != NULL && PyUnicode_Compare(path, name) == 0;
    Py_XDECREF(library);
    Py_XDECREF(path);
    PyErr_Clear();
    return result;
}

/* Code that runpy runs: `-m`, a folder or an archive, runpy.run_path(). */
static bool
is_called_by_runpy(void)
{
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame == NULL) {
        return false;
    }
    PyCodeObject *caller = PyFrame_GetCode(frame);
    bool result =
        PyUnicode_CompareWithASCIIString(caller->co_name, "_run_code") == 0 && is_of_runpy(caller);
    Py_DECREF(caller);
    return result;
}

/* Whether code of a source that has the mark is evaluated as a program, by main or by runpy. */
static bool
is_marked_program(PyCodeObject *code, PyObject *globals)
{
    return (code->co_flags & CO_FUTURE_TOP_LEVEL_AWAIT)
           && ((PyEval_GetFrame() == NULL && is_main_namespace(globals)) || is_called_by_runpy());
}

/* What is special about the code of a coroutine at a top level: it may be a program's, or the body
   of a module that is imported. */
static PyObject *
evaluate_coroutine(PyCodeObject *code, PyObject *globals, PyObject *locals)
{
    if (is_marked_program(code, globals)) {
        PyObject *coroutine = __real_PyEval_EvalCode((PyObject *)code, globals, locals);
        ProgramKind kind = is_main_program(globals) ? MAIN_PROGRAM : OTHER_PROGRAM;
        return coroutine == NULL ? NULL : run_program(kind, coroutine, code);
    }
    if (asyncimport_is_module_body(code, globals)) {
        return asyncimport_run_module_body(code, globals);
    }
    return __real_PyEval_EvalCode((PyObject *)code, globals, locals);
}

PyObject *
__wrap_PyEval_EvalCode(PyObject *code, PyObject *globals, PyObject *locals)
{
    code = pycseal_open(code);
    bool is_coroutine = ((PyCodeObject *)code)->co_flags & CO_COROUTINE;
    if (next_program == NO_PROGRAM || !is_main_namespace(globals)) {
        if (is_coroutine) {
            return evaluate_coroutine((PyCodeObject *)code, globals, locals);
        }
        const char *name = additions_find(code);
        if (name != NULL) {
            return additions_eval_module(name, __real_PyEval_EvalCode, code, globals, locals);
        }
        return __real_PyEval_EvalCode(code, globals, locals);
    }
    ProgramKind kind = next_program;
    next_program = NO_PROGRAM;
    PyObject *result = __real_PyEval_EvalCode(code, globals, locals);
    if (result != NULL && is_coroutine) {
        return run_program(kind, result, (PyCodeObject *)code);
    }
    return result;
}

PyObject *
program_make_coroutine(PyCodeObject *code, PyObject *globals, PyObject *locals)
{
    return __real_PyEval_EvalCode((PyObject *)code, globals, locals);
}

PyObject *
program_exec(PyCodeObject *code, PyObject *globals, PyObject *locals)
{
    if (PySys_Audit("exec", "O", code) < 0 || namespace_add_builtins(globals) < 0) {
        return NULL;
    }
    PyObject *coroutine =
        __real_PyEval_EvalCode((PyObject *)code, globals, locals == NULL ? globals : locals);
    if (coroutine == NULL) {
        return NULL;
    }
    return run_program(is_main_program(globals) ? MAIN_PROGRAM : OTHER_PROGRAM, coroutine, code);
}

/* True once -X autoawait or PYTHONAUTOAWAIT was seen: autoawait.program is imported then. */
static bool
program_may_await(void)
{
    PyObject *name = PyUnicode_InternFromString("autoawait.program");
    PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
    Py_XDECREF(name);
    Py_XDECREF(module);
    PyErr_Clear();
    return module != NULL && awaithook_is_on();
}

static void
begin_program(ProgramKind kind, const PyCompilerFlags *flags, PyCompilerFlags *copy)
{
    *copy = _PyCompilerFlags_INIT;
    if (flags != NULL) {
        *copy = *flags;
    }
    if (kind != NO_PROGRAM) {
        copy->cf_flags |= PyCF_AWAITING_PROGRAM;
    }
    next_program = kind;
}

void
program_begin_file(const PyCompilerFlags *flags, PyCompilerFlags *copy)
{
    is_program_begun = true;
    begin_program(program_may_await() ? MAIN_PROGRAM : NO_PROGRAM, flags, copy);
}

void
program_end_file(PyCompilerFlags *flags, const PyCompilerFlags *copy)
{
    is_program_begun = false;
    next_program = NO_PROGRAM;
    if (flags != NULL) {
        flags->cf_flags |= copy->cf_flags & PyCF_KEPT_FEATURES;
    }
}

WRAPPED(PyRun_SimpleStringFlags);
WRAPPED(_PyRun_SimpleFileObject);

/* -c */
int
__wrap_PyRun_SimpleStringFlags(const char *command, PyCompilerFlags *flags)
{
    PyCompilerFlags copy;
    program_begin_file(flags, &copy);
    program_command = command;
    int result = __real_PyRun_SimpleStringFlags(command, &copy);
    program_command = NULL;
    program_end_file(flags, &copy);
    return result;
}

/* The startup file of a prompt. */
int
__wrap__PyRun_SimpleFileObject(FILE *fp, PyObject *filename, int close_it, PyCompilerFlags *flags)
{
    PyCompilerFlags copy;
    begin_program(awaithook_is_on() ? OTHER_PROGRAM : NO_PROGRAM, flags, &copy);
    int result = __real__PyRun_SimpleFileObject(fp, filename, close_it, &copy);
    program_end_file(flags, &copy);
    return result;
}

/* ---- A main program that may not await, and does ---- */

/* A program that cannot be compiled has no frame; behind -m and the like there are runpy's. */
static bool
may_be_of_program(PyObject *error, PyObject *traceback)
{
    bool has_frames = traceback != NULL && traceback != Py_None;
    return error != NULL && Py_IS_TYPE(error, (PyTypeObject *)PyExc_SyntaxError)
           && PyEval_GetFrame() == NULL && has_frames != is_program_begun && awaithook_is_on();
}

/* Tells the ways out, if the program would be right were it allowed to await. */
static void
tell_ways_out(PyObject *error, PyObject *traceback)
{
    PyObject *module = PyImport_ImportModule("autoawait.advice");
    PyObject *result = module == NULL ? NULL
                                      : PyObject_CallMethod(module, "tell", "OOz", error,
                                                            traceback == NULL ? Py_None : traceback,
                                                            program_command);
    Py_XDECREF(module);
    Py_XDECREF(result);
    PyErr_Clear();
}

WRAPPED(PyErr_Display);

/* What sys.excepthook() does. */
void
__wrap_PyErr_Display(PyObject *type, PyObject *error, PyObject *traceback)
{
    __real_PyErr_Display(type, error, traceback);
    if (may_be_of_program(error, traceback)) {
        tell_ways_out(error, traceback);
    }
}

/* ---- The command line ---- */

/* sys.argv becomes what it is after `-c COMMAND`. */
static PyStatus
take_command(PyConfig *config)
{
    wchar_t **items = config->argv.items;
    PyStatus status = PyConfig_SetString(config, &config->run_command, items[2]);
    if (PyStatus_Exception(status)) {
        return status;
    }
    wchar_t *option = items[1];
    items[1] = items[2];
    items[2] = option;
    return PyConfig_SetWideStringList(config, &config->argv, config->argv.length - 2, items + 2);
}

static PyStatus
take_prompt(PyConfig *config)
{
    config->interactive = 1;
    config->inspect = 1;
    return PyConfig_SetString(config, &config->argv.items[0], L"");
}

static bool
asks_for_tasks(const PyConfig *config)
{
    if (config->argv.length < 2) {
        return false;
    }
    const wchar_t *command = config->argv.items[1];
    return wcscmp(command, L"ps") == 0 || wcscmp(command, L"pstree") == 0;
}

/* `-m asyncio` is our own prompt with asyncio imported, or with -c a program on it: the command
   line becomes that of `-i` or `-c`.  With ps or pstree it shows the tasks of another process. */
static PyStatus
replace_asyncio_module(PyConfig *config, int *is_asyncio)
{
    PyStatus status = PyConfig_Read(config);
    if (PyStatus_Exception(status) || config->run_module == NULL
        || wcscmp(config->run_module, L"asyncio") != 0) {
        return status;
    }
    if (asks_for_tasks(config)) {
        return PyConfig_SetString(config, &config->run_module, L"autoawait.taskview.client");
    }
    *is_asyncio = 1;
    int is_command = config->argv.length >= 3 && wcscmp(config->argv.items[1], L"-c") == 0;
    status = is_command ? take_command(config) : take_prompt(config);
    if (PyStatus_Exception(status)) {
        return status;
    }
    return PyConfig_SetString(config, &config->run_module, NULL);
}

static bool
mentions_asyncio(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(argv[i], "asyncio") != NULL) {
            return true;
        }
    }
    return false;
}

/* How often an option asks for the version: the letter V among letters that take no argument, or
   --version. */
static int
count_version_options(const char *option)
{
    if (strcmp(option, "--version") == 0) {
        return 1;
    }
    int count = 0;
    for (; *option != '\0'; option++) {
        count += *option == 'V';
    }
    return count;
}

/* Whether CPython's version and ours are asked for, in one line.  For `-VV`, for help, and where an
   option is wrong, the runtime has the word. */
static bool
asks_version(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        bool is_version = strcmp(argv[i], "--version") == 0;
        if (!is_version && strpbrk(argv[i] + 1, "-WXh?") != NULL) {
            return false;
        }
        if (!is_version && strpbrk(argv[i] + 1, "cm") != NULL) {
            break;
        }
        count += count_version_options(argv[i]);
    }
    return count == 1;
}

static PyStatus
initialize(int argc, char **argv, int *is_asyncio)
{
    PyPreConfig preconfig;
    PyPreConfig_InitPythonConfig(&preconfig);
    PyStatus status = Py_PreInitializeFromBytesArgs(&preconfig, argc, argv);
    if (PyStatus_Exception(status)) {
        return status;
    }
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status) && mentions_asyncio(argc, argv)) {
        status = replace_asyncio_module(&config, is_asyncio);
    }
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    return status;
}

/* New reference to what an option -X NAME or its variable says, NULL with no exception if
   neither. */
static PyObject *
option_value(const char *name, const char *variable_name)
{
    PyObject *options = PySys_GetXOptions();
    PyObject *option = options == NULL ? NULL : PyDict_GetItemString(options, name);
    if (option != NULL) {
        return Py_NewRef(option);
    }
    const char *variable = getenv(variable_name);
    if (!_Py_GetConfig()->use_environment || variable == NULL || *variable == '\0') {
        return NULL;
    }
    return PyUnicode_DecodeLocale(variable, "surrogateescape");
}

/* 0, or -1 when the exception has been printed. */
static int
call_module(const char *name, const char *function, PyObject *argument)
{
    PyObject *module = PyImport_ImportModule(name);
    PyObject *result = NULL;
    if (module != NULL) {
        result = argument == NULL ? PyObject_CallMethod(module, function, NULL)
                                  : PyObject_CallMethod(module, function, "O", argument);
    }
    Py_XDECREF(module);
    if (result == NULL) {
        PyErr_Print();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

/* -X tasksocket: whoever started this process may see its tasks. */
static int
open_task_socket(void)
{
    PyObject *option = option_value("tasksocket", "PYTHONTASKSOCKET");
    if (option == NULL) {
        return 0;
    }
    Py_DECREF(option);
    return call_module("autoawait.taskview.server", "begin", NULL);
}

static int
prepare(int is_asyncio)
{
    if (open_task_socket() < 0) {
        return -1;
    }
    PyObject *option = option_value("autoawait", "PYTHONAUTOAWAIT");
    if (option != NULL || is_asyncio) {
        PyObject *choice = option == NULL ? Py_True : option;
        int failed = call_module("autoawait.program", "begin", choice) < 0;
        Py_XDECREF(option);
        if (failed) {
            return -1;
        }
    }
    return is_asyncio ? call_module("autoawait.program", "import_asyncio", NULL) : 0;
}

int
program_main(int argc, char **argv)
{
    if (asks_version(argc, argv)) {
        printf("Python %s (python-async %s)\n", PY_VERSION, PYASYNC_VERSION);
        return 0;
    }
    int is_asyncio = 0;
    PyStatus status = initialize(argc, argv, &is_asyncio);
    if (PyStatus_IsExit(status)) {
        return status.exitcode;
    }
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
    if (prepare(is_asyncio) < 0) {
        Py_FinalizeEx();
        return 1;
    }
    return Py_RunMain();
}
