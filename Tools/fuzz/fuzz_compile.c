/* Fuzz target: bytes through parser and compiler, beside the archive's parser.

   In: the first byte chooses mode, flags and optimization level, the rest is the source.
   A finding is a crash, a hang, a sanitizer's report, an exception that no source may cause, an
   outcome of the parser (a tree or an exception) that is not the archive's, another outcome for the
   same source where it arrives in pieces, or more time than the length of the source accounts for.
   Entry: LLVMFuzzerTestOneInput(), called by libFuzzer. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "pycore_ast.h"
#include "pycore_compile.h"
#include "pycore_parser.h"
#include "pycore_pyarena.h"

#include "archiveparser.h"
#include "asyncimport.h"
#include "ast_difference.h"
#include "modes.h"
#include "parser.h"
#include "program.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What is compiled here is never run: this needs no more than to be linked. */
PyObject *
program_make_coroutine(PyCodeObject *code, PyObject *globals, PyObject *locals)
{
    return PyEval_EvalCode((PyObject *)code, globals, locals);
}

PyObject *
asyncimport_begin_statement(PyObject *Py_UNUSED(requests), PyObject *Py_UNUSED(globals))
{
    PyErr_SetString(PyExc_ImportError, "nothing is imported here");
    return NULL;
}

enum {
    /* Every input is parsed once more with parts of it repeated up to this size, and of so many
     * inputs one is compiled so as well. */
    STRETCHED_SIZE = 32 * 1024,
    STRETCHED_FOR_EACH_COMPILED = 16,
    ATTEMPTS = 4,
};

/* What a byte may take, sanitizers and all, in seconds; a quadratic stage takes ten times that for
   a stretched source. */
static const double FIXED_TIME = 0.02;
static const double PARSING_TIME = 4e-6;
static const double COMPILING_TIME = 4e-5;

/* ---- what the first byte means ---- */

typedef struct {
    int mode;
    PyCompilerFlags flags; /* for parser and compiler */
    PyCompilerFlags parser_flags;
    int optimize;
} Choice;

/* Told from the first byte's upper half, which also holds the optimization level. */
static const struct {
    int flags, version;
} parser_variants[16] = {
    {0, 11},
    {0, 11},
    {0, 11},
    {PyCF_TYPE_COMMENTS, 11},
    {PyCF_TYPE_COMMENTS, 7},
    {PyCF_TYPE_COMMENTS, 6},
    {0, 9},
    {0, 8},
    {0, 5},
    {0, 4},
    {PyCF_DONT_IMPLY_DEDENT, 11},
    {PyCF_DONT_IMPLY_DEDENT | PyCF_ALLOW_INCOMPLETE_INPUT, 11},
    {CO_FUTURE_BARRY_AS_BDFL, 11},
    {PyCF_IGNORE_COOKIE, 11},
    {PyCF_TYPE_COMMENTS | PyCF_DONT_IMPLY_DEDENT, 10},
    {0, 11},
};

enum { FUNCTION_TYPE_VARIANT = 15 };

static Choice
read_choice(unsigned int byte)
{
    static const int starts[] = {Py_file_input, Py_eval_input, Py_single_input, Py_file_input};
    unsigned int variant = byte >> 4;
    Choice choice = {.mode = starts[byte & 3], .optimize = (int)(variant & 3) % 3};
    choice.flags.cf_feature_version = PY_MINOR_VERSION;
    if (byte & 4) {
        choice.flags.cf_flags |= variant & 8 ? PyCF_AWAITING_PROGRAM : PyCF_ALLOW_TOP_LEVEL_AWAIT;
    }
    if (byte & 8) {
        choice.flags.cf_flags |= CO_FUTURE_ANNOTATIONS;
    }
    if (variant == FUNCTION_TYPE_VARIANT && (byte & 3) == 3) {
        choice.mode = Py_func_type_input;
    }
    choice.parser_flags = choice.flags;
    choice.parser_flags.cf_flags |= parser_variants[variant].flags | PyCF_ONLY_AST;
    choice.parser_flags.cf_feature_version = parser_variants[variant].version;
    return choice;
}

/* ---- findings ---- */

static void
report(const char *what, const char *detail)
{
    fprintf(stderr, "\n==== %s: %s\n", what, detail);
    if (PyErr_Occurred()) {
        PyErr_Print();
    }
    abort();
}

/* What compiling a tree may raise. The parser may raise what the archive's raises: that can be a
   SystemError, for bytes that are not UTF-8 in a source of an old feature version. */
static void
check_exception(const char *stage)
{
    if (!PyErr_ExceptionMatches(PyExc_SyntaxError) && !PyErr_ExceptionMatches(PyExc_ValueError)
        && !PyErr_ExceptionMatches(PyExc_OverflowError)
        && !PyErr_ExceptionMatches(PyExc_RecursionError)
        && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        report("an exception that no source may cause", stage);
    }
}

/* ---- both parsers ---- */

typedef struct {
    mod_ty tree;
    PyObject *exception, *arguments; /* if there is no tree */
} Outcome;

/* Take the exception that is set into the outcome: its type and its arguments, in which the
   position is. */
static void
take_exception(Outcome *outcome)
{
    PyObject *value, *traceback;
    PyErr_Fetch(&outcome->exception, &value, &traceback);
    PyErr_NormalizeException(&outcome->exception, &value, &traceback);
    outcome->arguments = PyObject_GetAttrString(value, "args");
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}

static void
clear_outcome(Outcome *outcome)
{
    Py_CLEAR(outcome->exception);
    Py_CLEAR(outcome->arguments);
}

typedef mod_ty (*ParseFunction)(const char *, PyObject *, int, PyCompilerFlags *, PyArena *);

static mod_ty
parse_with_archive(const char *string, PyObject *filename, int mode, PyCompilerFlags *flags,
                   PyArena *arena)
{
    ArchiveRequest request = {
        .string = string, .mode = mode, .filename = filename, .flags = flags, .arena = arena};
    return archive_parser_run(&request);
}

static Outcome
parse(ParseFunction function, const char *source, PyObject *filename, const Choice *choice,
      PyArena *arena)
{
    PyCompilerFlags flags = choice->parser_flags;
    Outcome outcome = {.tree = function(source, filename, choice->mode, &flags, arena)};
    /* The archive's parser returns both for bytes in a type comment that are no text. */
    if (outcome.tree == NULL || PyErr_Occurred()) {
        outcome.tree = NULL;
        take_exception(&outcome);
    }
    return outcome;
}

static void
compare_exceptions(const Outcome *ours, const Outcome *theirs)
{
    if (ours->exception == theirs->exception
        && PyObject_RichCompareBool(ours->arguments, theirs->arguments, Py_EQ) == 1) {
        return;
    }
    PyObject *detail = PyUnicode_FromFormat("%R %R, the archive's parser %R %R", ours->exception,
                                            ours->arguments, theirs->exception, theirs->arguments);
    report("another exception", detail == NULL ? "" : PyUnicode_AsUTF8(detail));
}

static void
compare_outcomes(const Outcome *ours, const Outcome *theirs)
{
    if (ours->tree == NULL && theirs->tree == NULL) {
        compare_exceptions(ours, theirs);
        return;
    }
    if (ours->tree == NULL || theirs->tree == NULL) {
        report("another language", ours->tree == NULL ? "accepted by the archive's parser alone"
                                                      : "accepted by ours alone");
    }
    char place[500];
    if (ast_difference(ours->tree, theirs->tree, place, sizeof(place)) != 0) {
        report("another tree", place);
    }
}

static void
compile_tree(mod_ty tree, PyObject *filename, const Choice *choice, PyArena *arena)
{
    PyCompilerFlags flags = choice->flags;
    PyCodeObject *code = _PyAST_Compile(tree, filename, &flags, choice->optimize, arena);
    if (code == NULL) {
        check_exception("compiling");
        PyErr_Clear();
    }
    Py_XDECREF(code);
}

static void
check_source(const char *source, PyObject *filename, const Choice *choice, PyArena *arena)
{
    Outcome ours = parse(_PyParser_ASTFromString, source, filename, choice, arena);
    Outcome theirs = parse(parse_with_archive, source, filename, choice, arena);
    compare_outcomes(&ours, &theirs);
    if (ours.tree != NULL && choice->mode != Py_func_type_input) {
        compile_tree(ours.tree, filename, choice, arena);
    }
    clear_outcome(&ours);
    clear_outcome(&theirs);
}

/* ---- the source in pieces ---- */

/* The text in pieces, which end at line ends or anywhere. */
typedef struct {
    LineInput lines;
    const char *text;
    size_t size, at;
    uint32_t random; /* 0: lines */
} Pieces;

static int
read_piece(LineInput *lines)
{
    Pieces *pieces = (Pieces *)lines;
    const char *text = pieces->text + pieces->at;
    size_t rest = pieces->size - pieces->at, size = rest;
    if (pieces->random != 0) {
        pieces->random = pieces->random * 1664525u + 1013904223u;
        size = Py_MIN(rest, 1 + (pieces->random >> 16) % 9);
    }
    else if (rest > 0) {
        const char *end = memchr(text, '\n', rest);
        size = end == NULL ? rest : (size_t)(end + 1 - text);
    }
    pieces->at += size;
    lines->has_ended = rest == 0;
    return source_add(&lines->source, text, size);
}

static ParserVerdict
run_pieces(const Source *source, const ParserOptions *options, uint32_t random, PyArena *arena,
           mod_ty *tree)
{
    Pieces pieces = {.lines = {.read = read_piece},
                     .text = source->text,
                     .size = source->size,
                     .random = random};
    ParserVerdict verdict = parser_run_lines(&pieces.lines, options, arena, tree);
    source_clear(&pieces.lines.source);
    return verdict;
}

/* A source that nests deeply and is wrong behind that may be turned down for either: whoever reads
   it as a whole sees the error first. */
static ParserVerdict
without_reason(ParserVerdict verdict)
{
    return verdict == PARSER_TOO_DEEP ? PARSER_REJECTED : verdict;
}

static void
check_pieces(const char *text, PyObject *filename, const Choice *choice, uint32_t random,
             PyArena *arena)
{
    ParserOptions options = {.mode = choice->mode,
                             .feature_version = choice->parser_flags.cf_feature_version,
                             .filename = filename,
                             .type_comments = choice->parser_flags.cf_flags & PyCF_TYPE_COMMENTS,
                             .is_file = true,
                             .implies_dedent = true};
    Source source = {0};
    /* In those before 3.7 it depends on the next word what "async" is. */
    bool is_tried = choice->mode != Py_single_input && options.feature_version >= 7;
    if (is_tried && source_from_string(&source, text, false, true) == 0) {
        mod_ty whole = NULL, tree = NULL;
        ParserVerdict wanted = parser_run(&source, &options, arena, &whole);
        ParserVerdict verdict = run_pieces(&source, &options, random, arena, &tree);
        parser_drop_issued_warnings();
        char place[500] = "";
        bool same = without_reason(verdict) == without_reason(wanted)
                    && (verdict != PARSER_ACCEPTED
                        || ast_difference(tree, whole, place, sizeof(place)) == 0);
        if (PyErr_Occurred() == NULL && !same) {
            fprintf(stderr, "\nverdicts %d and %d, pieces of %x\n", verdict, wanted, random);
            report("another outcome in pieces", place);
        }
    }
    PyErr_Clear();
    source_clear(&source);
}

/* ---- time ---- */

static double
thread_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* FNV-1a: what is chosen for an input depends on the input alone. */
static uint32_t
hash_bytes(const uint8_t *data, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * 16777619u;
    }
    return hash;
}

/* The source with a part of it repeated, or all of it. */
static char *
stretch(const char *source, size_t size, uint32_t hash)
{
    size_t begin = 0, end = size;
    if (hash & 1) {
        begin = (hash >> 8) % size;
        end = begin + 1 + (hash >> 20) % (size - begin);
    }
    size_t step = end - begin, times = STRETCHED_SIZE / step + 1;
    char *result = malloc(size + times * step + 1), *at = result;
    if (result == NULL) {
        return NULL;
    }
    at = (char *)memcpy(at, source, begin) + begin;
    for (size_t i = 0; i < times; i++) {
        at = (char *)memcpy(at, source + begin, step) + step;
    }
    at = (char *)memcpy(at, source + end, size - end) + (size - end);
    *at = '\0';
    return result;
}

/* Our parser alone: what it turns down would go on to the archive's, which is not linear. */
static double
time_of_parsing(const char *text, PyObject *filename, const Choice *choice, bool compiled)
{
    PyArena *arena = _PyArena_New();
    if (arena == NULL) {
        PyErr_Clear();
        return 0;
    }
    ParserOptions options = {.mode = choice->mode,
                             .feature_version = PY_MINOR_VERSION,
                             .filename = filename,
                             .type_comments = choice->parser_flags.cf_flags & PyCF_TYPE_COMMENTS,
                             .implies_dedent = true};
    Source source = {0};
    mod_ty tree = NULL;
    double start = thread_time(), taken = 0;
    if (source_from_string(&source, text, false, choice->mode == Py_file_input) == 0
        && parser_run(&source, &options, arena, &tree) == PARSER_ACCEPTED && compiled) {
        start = thread_time();
        compile_tree(tree, filename, choice, arena);
    }
    taken = thread_time() - start;
    PyErr_Clear();
    source_clear(&source);
    _PyArena_Free(arena);
    return taken;
}

static void
check_time(const char *text, PyObject *filename, const Choice *choice, bool compiled)
{
    size_t size = strlen(text);
    double allowed = FIXED_TIME + (double)size * (compiled ? COMPILING_TIME : PARSING_TIME);
    double taken = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        taken = time_of_parsing(text, filename, choice, compiled);
        if (taken <= allowed) {
            return;
        }
    }
    fprintf(stderr, "\n==== %zu bytes take %.3f s, allowed are %.3f s\n", size, taken, allowed);
    fwrite(text, 1, Py_MIN(size, 2000), stderr);
    report("time grows faster than the source", compiled ? "compiling" : "parsing");
}

static void
check_stretched(const char *source, PyObject *filename, const Choice *choice, uint32_t hash)
{
    char *text = stretch(source, strlen(source), hash);
    if (text == NULL) {
        return;
    }
    bool compiled =
        choice->mode != Py_func_type_input && (hash >> 1) % STRETCHED_FOR_EACH_COMPILED == 0;
    check_time(text, filename, choice, compiled);
    free(text);
}

/* ---- the way in ---- */

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
    /* What ours turns down it hands over: it must not come back as accepted. */
    if (parser_set_count(PARSER_STRICT, 1) < 0) {
        report("an exception", "start");
    }
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
    PyArena *arena = _PyArena_New();
    PyObject *filename = PyUnicode_FromString("fuzz");
    if (source == NULL || arena == NULL || filename == NULL) {
        report("no memory", "start");
    }
    memcpy(source, data + 1, size - 1);
    source[size - 1] = '\0';
    Choice choice = read_choice(data[0]);
    check_source(source, filename, &choice, arena);
    if (*source != '\0') {
        uint32_t hash = hash_bytes(data, size);
        check_pieces(source, filename, &choice, 0, arena);
        check_pieces(source, filename, &choice, hash | 1, arena);
        check_stretched(source, filename, &choice, hash);
    }
    Py_DECREF(filename);
    _PyArena_Free(arena);
    free(source);
    return 0;
}
