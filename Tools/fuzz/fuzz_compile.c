/* Fuzz target: bytes through parser and compiler.

   In: the first byte chooses mode, flags and optimization level, the rest is the source.
   A finding is a crash, a hang, a sanitizer's report, an exception that no source may cause, a source
   that our parser and the archive's do not both accept, a tree in which they differ, or time for
   parsing that grows faster than the source.
   Entry: LLVMFuzzerTestOneInput(), called by libFuzzer. */

#define PY_SSIZE_T_CLEAN
#ifndef Py_BUILD_CORE
#  define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_ast.h"
#include "pycore_parser.h"

#include "parser.h"
#include "same_tree.h"
#include "source.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The archive's parser. Its header is not installed. */
extern mod_ty _PyPegen_run_parser_from_string(const char *string, int mode, PyObject *filename,
                                              PyCompilerFlags *flags, PyArena *arena);

/* What the first byte asks for. */
enum {
    CHOICE_START = 3,
    CHOICE_AWAIT = 4,
    CHOICE_ANNOTATIONS = 8,
    CHOICE_OPTIMIZE = 48,
    CHOICE_PARSER_FLAGS = 64,
    CHOICE_GROWTH = 128,
};

/* A source is repeated so often, and so often, to see how the time for it grows. */
enum { FEW_COPIES = 8, MANY_COPIES = 64 };

/* The many copies may take so many times as long as their number asks for, and so many seconds more;
   what other processes do to the clock is gone after so many attempts. */
enum { GROWTH_TOLERANCE = 4, GROWTH_ATTEMPTS = 5 };
static const double GROWTH_SECONDS = 0.02;

static void
finding(const char *what)
{
    fprintf(stderr, "finding: %s\n", what);
    if (PyErr_Occurred()) {
        PyErr_Print();
    }
    abort();
}

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
    if (Parser_SetCount(PARSER_STRICT, 1) < 0) {
        finding("no strict mode");
    }
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

static const int starts[] = {Py_file_input, Py_eval_input, Py_single_input, Py_func_type_input};

/* ---- The tree ---- */

typedef mod_ty (*ParseFunction)(const char *, PyObject *, int, PyCompilerFlags *, PyArena *);

static mod_ty
parse_by_archive(const char *source, PyObject *filename, int start, PyCompilerFlags *flags,
                 PyArena *arena)
{
    return _PyPegen_run_parser_from_string(source, start, filename, flags, arena);
}

/* *error is the type of the exception, borrowed, or NULL. */
static mod_ty
parse_by(ParseFunction parse, const char *source, int start, PyCompilerFlags flags,
         PyObject *filename, PyArena *arena, PyObject **error)
{
    mod_ty tree = parse(source, filename, start, &flags, arena);
    *error = PyErr_Occurred();
    PyErr_Clear();
    if ((tree == NULL) != (*error != NULL)) {
        finding("neither tree nor exception, or both");
    }
    return tree;
}

static PyCompilerFlags
parser_flags(unsigned int choice)
{
    PyCompilerFlags flags = {.cf_flags = PyCF_ONLY_AST, .cf_feature_version = PY_MINOR_VERSION};
    if (choice & CHOICE_PARSER_FLAGS) {
        flags.cf_flags |= PyCF_TYPE_COMMENTS;
        flags.cf_flags |= choice & CHOICE_AWAIT ? PyCF_DONT_IMPLY_DEDENT : 0;
        flags.cf_flags |= choice & CHOICE_ANNOTATIONS ? CO_FUTURE_BARRY_AS_BDFL : 0;
        flags.cf_feature_version = 4 + (int)(choice >> 4 & 3) * 2;
    }
    return flags;
}

static const char *
verdict_name(PyObject *error)
{
    return error == NULL ? "a tree" : ((PyTypeObject *)error)->tp_name;
}

/* In strict mode our parser raises SystemError for what only the archive's accepts. */
static void
compare_trees(const char *source, unsigned int choice)
{
    PyCompilerFlags flags = parser_flags(choice);
    int start = starts[choice & CHOICE_START];
    PyArena *arena = _PyArena_New();
    PyObject *filename = PyUnicode_FromString("fuzz");
    if (arena == NULL || filename == NULL) {
        finding("no memory");
    }
    PyObject *our_error, *their_error;
    mod_ty ours =
        parse_by(_PyParser_ASTFromString, source, start, flags, filename, arena, &our_error);
    mod_ty theirs =
        parse_by(parse_by_archive, source, start, flags, filename, arena, &their_error);
    if (our_error != their_error) {
        fprintf(stderr, "ours: %s, the archive's: %s\n", verdict_name(our_error),
                verdict_name(their_error));
        finding("accepted by one parser alone, or refused for another reason");
    }
    if (ours != NULL && !same_tree(ours, theirs)) {
        finding("two trees");
    }
    Py_DECREF(filename);
    _PyArena_Free(arena);
}

/* ---- Time ---- */

static double
seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What our parser alone takes; the archive's, which is asked about what ours turns down, is not
   under test. */
static double
seconds_to_parse(const char *source, unsigned int choice)
{
    ParserOptions options = {.mode = starts[choice & CHOICE_START],
                             .feature_version = PY_MINOR_VERSION,
                             .filename = Py_None,
                             .implies_dedent = true};
    PyArena *arena = _PyArena_New();
    Source text;
    if (arena == NULL) {
        finding("no memory");
    }
    double start = seconds();
    if (Source_FromString(&text, source, true, options.mode == Py_file_input) == 0) {
        mod_ty tree;
        Parser_Run(&text, &options, arena, &tree);
    }
    Source_Clear(&text);
    PyErr_Clear();
    double taken = seconds() - start;
    _PyArena_Free(arena);
    return taken;
}

static char *
repeated(const char *source, size_t size, int copies)
{
    char *text = malloc(size * (size_t)copies + 1);
    if (text == NULL) {
        finding("no memory");
    }
    for (int i = 0; i < copies; i++) {
        memcpy(text + (size_t)i * size, source, size);
    }
    text[size * (size_t)copies] = '\0';
    return text;
}

static void
check_growth(const char *source, unsigned int choice)
{
    size_t size = strlen(source);
    char *few = repeated(source, size, FEW_COPIES);
    char *many = repeated(source, size, MANY_COPIES);
    int attempt = 0;
    double allowed, taken;
    do {
        allowed = GROWTH_TOLERANCE * (MANY_COPIES / FEW_COPIES) * seconds_to_parse(few, choice)
                  + GROWTH_SECONDS;
        taken = seconds_to_parse(many, choice);
    } while (taken > allowed && ++attempt < GROWTH_ATTEMPTS);
    free(few);
    free(many);
    if (taken > allowed) {
        finding("time that grows faster than the source");
    }
}

/* ---- The code ---- */

static void
compile_source(const char *source, unsigned int choice)
{
    PyCompilerFlags flags = {.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
    if (choice & CHOICE_AWAIT) {
        flags.cf_flags |= PyCF_ALLOW_TOP_LEVEL_AWAIT;
    }
    if (choice & CHOICE_ANNOTATIONS) {
        flags.cf_flags |= CO_FUTURE_ANNOTATIONS;
    }
    int start = starts[choice & CHOICE_START];
    if (start == Py_func_type_input) {
        start = Py_file_input;    /* a type of a function has no code */
    }
    int optimize = (int)(choice >> 4 & 3) % 3;
    PyObject *code = Py_CompileStringExFlags(source, "fuzz", start, &flags, optimize);
    if (code == NULL && !is_expected()) {
        finding("an exception that no source may cause");
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
    compare_trees(source, data[0]);
    if (data[0] & CHOICE_GROWTH) {
        check_growth(source, data[0]);
    }
    compile_source(source, data[0]);
    free(source);
    return 0;
}
