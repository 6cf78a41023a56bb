/* The interactive prompt; see Include/prompt.h.

   In: lines of a terminal or a pipe.  Out: effects in __main__.  A statement is read into a tree
   (arena of its own), compiled with top-level await allowed, and evaluated; where its code object
   is a coroutine's, the coroutine goes to sys.awaithook.  What needs no awaiting takes stock's path
   and never touches the hook.

   The two wrapped entry points at the end are how the runtime's main program comes here; input that
   is not interactive goes on to the runtime. */

#include "awaithook.h"
#include "commands.h"
#include "interrupts.h"
#include "modes.h"
#include "program.h"
#include "prompt.h"
#include "pyasync.h"
#include "session.h"
#include "target.h"

#include <errcode.h>
#include <internal/pycore_ast.h>
#include <internal/pycore_compile.h>
#include <internal/pycore_initconfig.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_object.h>
#include <internal/pycore_parser.h>
#include <internal/pycore_pyarena.h>
#include <internal/pycore_pylifecycle.h>
#include <internal/pycore_pystate.h>
#include <unistd.h>

/* After so many statements in a row that ran out of memory the prompt gives up, as stock's. */
enum { OUT_OF_MEMORY_LIMIT = 16 };

typedef struct {
    FILE *fp;
    PyObject *filename; /* borrowed */
    PyCompilerFlags *flags;
    PyObject *session; /* owned; NULL where there is none */
} Prompt;

typedef enum { STATEMENT_READ, STATEMENT_FAILED, INPUT_ENDED } ReadResult;

/* For what is no error at the prompt.  An interrupt is not its to take: it stays pending. */
static void
clear_error(void)
{
    bool interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);
    PyErr_Clear();
    if (interrupted) {
        PyErr_SetInterrupt();
    }
}

/* New reference to str(sys.NAME) or to an empty str; prompts that fail to show are no error. */
static PyObject *
prompt_text(const char *name)
{
    PyObject *value = PySys_GetObject(name);
    if (value != NULL) {
        PyObject *text = PyObject_Str(value);
        if (text != NULL && PyUnicode_AsUTF8(text) != NULL) {
            return text;
        }
        Py_XDECREF(text);
        clear_error();
    }
    return PyUnicode_FromString("");
}

static int
set_default_prompt(const char *name, const char *text)
{
    if (PySys_GetObject(name) != NULL) {
        return 0;
    }
    PyObject *value = PyUnicode_FromString(text);
    if (value == NULL) {
        return -1;
    }
    int result = PySys_SetObject(name, value);
    Py_DECREF(value);
    return result;
}

/* New reference to sys.stdin.encoding if that is what decodes fp, None if the parser finds out. */
static PyObject *
input_encoding(FILE *fp)
{
    PyObject *stdin_object = fp == stdin ? PySys_GetObject("stdin") : NULL;
    if (stdin_object != NULL && stdin_object != Py_None) {
        PyObject *encoding = PyObject_GetAttrString(stdin_object, "encoding");
        if (encoding != NULL && PyUnicode_Check(encoding) && PyUnicode_AsUTF8(encoding) != NULL) {
            return encoding;
        }
        Py_XDECREF(encoding);
        clear_error();
    }
    return Py_NewRef(Py_None);
}

static ReadResult
read_statement(const Prompt *prompt, PyArena *arena, mod_ty *tree)
{
    int error_code = 0;
    *tree = NULL;
    PyObject *encoding = input_encoding(prompt->fp);
    PyObject *first_prompt = prompt_text("ps1");
    PyObject *next_prompt = prompt_text("ps2");
    /* What came since the last statement ended drops the line that is not begun yet. */
    if (encoding != NULL && first_prompt != NULL && next_prompt != NULL
        && PyErr_CheckSignals() == 0) {
        *tree = _PyParser_ASTFromFile(
            prompt->fp, prompt->filename, encoding == Py_None ? NULL : PyUnicode_AsUTF8(encoding),
            Py_single_input, PyUnicode_AsUTF8(first_prompt), PyUnicode_AsUTF8(next_prompt),
            prompt->flags, &error_code, arena);
    }
    Py_XDECREF(encoding);
    Py_XDECREF(first_prompt);
    Py_XDECREF(next_prompt);
    if (*tree != NULL) {
        return STATEMENT_READ;
    }
    if (error_code == E_EOF) {
        PyErr_Clear();
        return INPUT_ENDED;
    }
    return STATEMENT_FAILED;
}

/* New reference to the statement's code.  Features that a `from __future__` switches on stay in
   flags; that await is allowed does not.  While awaiting is switched off the mark counts for the
   statement that has it alone. */
static PyCodeObject *
compile_statement(const Prompt *prompt, mod_ty tree, PyArena *arena)
{
    PyCompilerFlags statement_flags = *prompt->flags;
    if (awaithook_is_on()) {
        statement_flags.cf_flags |= PyCF_AWAITING_PROGRAM;
    }
    else {
        statement_flags.cf_flags &= ~CO_FUTURE_TOP_LEVEL_AWAIT;
    }
    PyCodeObject *code = _PyAST_Compile(tree, prompt->filename, &statement_flags, -1, arena);
    prompt->flags->cf_flags |= statement_flags.cf_flags & PyCF_KEPT_FEATURES;
    return code;
}

/* A signal belongs to the statement in which it came, even where no bytecode of it looked for one:
   while it was compiled, or in its last operation.  -1 with the handler's exception. */
static int
check_signals(PyCodeObject *code)
{
    if (PyErr_CheckSignals() < 0) {
        awaithook_trim_traceback(code);
        return -1;
    }
    return 0;
}

static PyObject *
await_code(PyCodeObject *code, PyObject *namespace)
{
    PyObject *coroutine = program_make_coroutine(code, namespace, namespace);
    if (coroutine == NULL) {
        return NULL;
    }
    PyObject *result = awaithook_run(coroutine, code);
    Py_DECREF(coroutine);
    if (result != NULL && check_signals(code) < 0) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
evaluate_plain(PyObject *session, PyCodeObject *code, PyObject *namespace)
{
    PyObject *guard;
    if (session_enter(session, &guard) < 0) {
        awaithook_trim_traceback(code);
        return NULL;
    }
    PyObject *result = PyEval_EvalCode((PyObject *)code, namespace, namespace);
    if (result != NULL && check_signals(code) < 0) {
        Py_CLEAR(result);
    }
    if (session_leave(guard) < 0) {
        awaithook_trim_traceback(code);
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
evaluate_statement(PyObject *session, PyCodeObject *code, PyObject *namespace)
{
    if (check_signals(code) < 0 || PySys_Audit("exec", "O", code) < 0) {
        return NULL;
    }
    /* `del __builtins__` harms the statement it is in and no other. */
    if (namespace_add_builtins(namespace) < 0) {
        return NULL;
    }
    if (code->co_flags & CO_COROUTINE) {
        return await_code(code, namespace);
    }
    return evaluate_plain(session, code, namespace);
}

/* The main program exits by SIGINT when the last thing that happened was an interrupt nobody
   handled; it looks for that here. */
static int
run_statement(PyObject *session, PyCodeObject *code)
{
    PyObject *main_module = PyImport_AddModule("__main__");
    if (main_module == NULL) {
        return -1;
    }
    PyObject *namespace = Py_NewRef(PyModule_GetDict(main_module));
    _Py_UnhandledKeyboardInterrupt = 0;
    PyObject *result = evaluate_statement(session, code, namespace);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        _Py_UnhandledKeyboardInterrupt = 1;
    }
    Py_DECREF(namespace);
    Py_XDECREF(result);
    session_after_statement(session);
    return result == NULL ? -1 : 0;
}

static ReadResult
read_and_run(const Prompt *prompt)
{
    PyArena *arena = _PyArena_New();
    if (arena == NULL) {
        return STATEMENT_FAILED;
    }
    mod_ty tree;
    PyCodeObject *code = NULL;
    ReadResult read = read_statement(prompt, arena, &tree);
    if (read == STATEMENT_READ
        && (!isatty(fileno(prompt->fp)) || commands_complete(tree, arena) == 0)) {
        code = compile_statement(prompt, tree, arena);
    }
    _PyArena_Free(arena);
    if (read == STATEMENT_READ && (code == NULL || run_statement(prompt->session, code) < 0)) {
        read = STATEMENT_FAILED;
    }
    Py_XDECREF(code);
    return read;
}

static void
flush_stream(const char *name)
{
    PyObject *stream = PySys_GetObject(name);
    if (stream == NULL) {
        return;
    }
    PyObject *result = PyObject_CallMethod(stream, "flush", NULL);
    if (result == NULL) {
        clear_error();
    }
    Py_XDECREF(result);
}

static void
flush_output(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    flush_stream("stderr");
    flush_stream("stdout");
    PyErr_Restore(type, value, traceback);
}

/* An interrupt that comes while a traceback is written, by the runtime's own hook, is not to take
   its place. */
static void
show_exception(void)
{
    PyObject *hook = PySys_GetObject("excepthook");
    bool held_before =
        interrupts_set_held(hook != NULL && hook == PySys_GetObject("__excepthook__"));
    PyErr_Print();
    interrupts_set_held(held_before);
}

/* Shows the exception that is set.  SystemExit ends the process here, unless -i asks to stay. */
static void
report_failure(PyObject *session)
{
    if (PyErr_ExceptionMatches(PyExc_SystemExit) && !_Py_GetConfig()->inspect) {
        session_end(session);
        PyErr_Print();
    }
    else {
        show_exception();
    }
    flush_output();
}

static void
show_reference_count(void)
{
#ifdef Py_REF_DEBUG
    if (_Py_GetConfig()->show_ref_count) {
        _PyDebug_PrintTotalRefs();
    }
#endif
}

static int
run_to_end_of_file(const Prompt *prompt)
{
    int out_of_memory = 0;
    for (;;) {
        ReadResult read = read_and_run(prompt);
        if (read == INPUT_ENDED) {
            return 0;
        }
        bool failed = read == STATEMENT_FAILED;
        out_of_memory = failed && PyErr_ExceptionMatches(PyExc_MemoryError) ? out_of_memory + 1 : 0;
        if (out_of_memory > OUT_OF_MEMORY_LIMIT) {
            PyErr_Clear();
            return -1;
        }
        if (failed) {
            report_failure(prompt->session);
        }
        else {
            flush_output();
        }
        show_reference_count();
    }
}

int
prompt_loop(FILE *fp, PyObject *filename, PyCompilerFlags *flags)
{
    PyCompilerFlags own_flags = _PyCompilerFlags_INIT;
    if (set_default_prompt("ps1", ">>> ") < 0 || set_default_prompt("ps2", "... ") < 0) {
        PyErr_Clear();
    }
    Prompt prompt = {
        .fp = fp,
        .filename = filename,
        .flags = flags == NULL ? &own_flags : flags,
        .session = session_open(),
    };
    int result = run_to_end_of_file(&prompt);
    flush_output();
    session_end(prompt.session);
    Py_XDECREF(prompt.session);
    return result;
}

WRAPPED(_PyRun_AnyFileObject);
WRAPPED(PyRun_AnyFileExFlags);

int
__wrap__PyRun_AnyFileObject(FILE *fp, PyObject *filename, int close_it, PyCompilerFlags *flags)
{
    if (filename != NULL && _Py_FdIsInteractive(fp, filename)) {
        int result = prompt_loop(fp, filename, flags);
        if (close_it) {
            fclose(fp);
        }
        return result;
    }
    PyCompilerFlags copy;
    program_begin_file(flags, &copy);
    int result = __real__PyRun_AnyFileObject(fp, filename, close_it, &copy);
    program_end_file(flags, &copy);
    return result;
}

int
PyRun_AsyncInteractiveLoop(FILE *fp, const char *filename, PyCompilerFlags *flags)
{
    PyObject *filename_object = PyUnicode_DecodeFSDefault(filename);
    if (filename_object == NULL) {
        PyErr_Print();
        return -1;
    }
    int result = prompt_loop(fp, filename_object, flags);
    Py_DECREF(filename_object);
    return result;
}

int
__wrap_PyRun_AnyFileExFlags(FILE *fp, const char *filename, int close_it, PyCompilerFlags *flags)
{
    if (filename == NULL || !Py_FdIsInteractive(fp, filename)) {
        PyCompilerFlags copy;
        program_begin_file(flags, &copy);
        int result = __real_PyRun_AnyFileExFlags(fp, filename, close_it, &copy);
        program_end_file(flags, &copy);
        return result;
    }
    int result = PyRun_AsyncInteractiveLoop(fp, filename, flags);
    if (close_it) {
        fclose(fp);
    }
    return result;
}
