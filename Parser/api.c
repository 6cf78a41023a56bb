/* The entry points that the rest of the interpreter calls, in place of the archive's.

   A source is given to our parser first. What it turns down is given to the archive's, whose
   verdict and message are what the caller gets: our parser says no, and never why. The one
   function hand_over is where a diagnosis of our own can take its place.

   In: what pycore_parser.h says. Out: a tree in the caller's arena, or NULL with an exception. */

#include <Python.h>

#include "pycore_ast.h"
#include "pycore_parser.h"
#include "pycore_pystate.h"

#include "archiveparser.h"
#include "filelines.h"
#include "parser.h"
#include "source.h"
#include "stages.h"

/* ---- counts ---- */

static const char *const count_names[PARSER_COUNTS] = {
    "parser.rejected",  "parser.too_deep", "parser.wrongly_rejected",
    "parser.passed_on", "parser.strict",
};

static PyObject *
count_store(void)
{
    PyObject *store = PyInterpreterState_GetDict(PyInterpreterState_Get());
    if (store == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the interpreter has no dict");
    }
    return store;
}

long
parser_get_count(ParserCount which)
{
    PyObject *store = count_store();
    PyObject *key = store == NULL ? NULL : PyUnicode_FromString(count_names[which]);
    if (key == NULL) {
        return -1;
    }
    PyObject *value = PyDict_GetItemWithError(store, key);
    Py_DECREF(key);
    if (value == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    return PyLong_AsLong(value);
}
SHOWN_TO_STAGES(parser_get_count);

int
parser_set_count(ParserCount which, long value)
{
    PyObject *store = count_store();
    PyObject *number = store == NULL ? NULL : PyLong_FromLong(value);
    if (number == NULL) {
        return -1;
    }
    int result = PyDict_SetItemString(store, count_names[which], number);
    Py_DECREF(number);
    return result;
}
SHOWN_TO_STAGES(parser_set_count);

/* Counting happens while an exception may be set, and must not add one of its own. */
static void
count(ParserCount which)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    long before = parser_get_count(which);
    if (before < 0 || parser_set_count(which, before + 1) < 0) {
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
}

/* Asked for in this interpreter, or by the environment for a whole run of tests. */
static bool
is_strict(void)
{
    if (getenv("FRONTEND_STRICT_PARSER") != NULL) {
        return true;
    }
    long strict = parser_get_count(PARSER_STRICT);
    if (strict < 0) {
        PyErr_Clear();
    }
    return strict > 0;
}

/* ---- options ---- */

static ParserOptions
read_options(int mode, PyObject *filename, const PyCompilerFlags *flags)
{
    int bits = flags == NULL ? 0 : flags->cf_flags;
    int version = bits & PyCF_ONLY_AST ? flags->cf_feature_version : PY_MINOR_VERSION;
    return (ParserOptions){
        .mode = mode,
        .feature_version = version,
        .filename = filename,
        .type_comments = bits & PyCF_TYPE_COMMENTS,
        .async_is_name = version < 7,
        .implies_dedent = !(bits & PyCF_DONT_IMPLY_DEDENT),
        .diamond_is_unequal = bits & CO_FUTURE_BARRY_AS_BDFL,
    };
}

/* ---- the hand-over ---- */

static mod_ty
hand_over(const ArchiveRequest *request, ParserCount reason)
{
    if (request->file != NULL && request->prompt == NULL && request->position >= 0
        && fseek(request->file, request->position, SEEK_SET) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return NULL;
    }
    mod_ty tree = archive_parser_run(request);
    parser_drop_issued_warnings();
    /* Both a tree and an exception is what the archive's parser returns for bytes in a type comment
       that are no text; whoever called it makes an error of that. */
    if (tree == NULL || reason != PARSER_COUNT_REJECTED || PyErr_Occurred()) {
        count(reason);
        return tree;
    }
    count(PARSER_COUNT_WRONGLY_REJECTED);
    if (is_strict()) {
        PyErr_Format(PyExc_SystemError, "the parser turned down a valid source: %R",
                     request->filename);
        return NULL;
    }
    return tree;
}

static mod_ty
decide(const ArchiveRequest *request, ParserVerdict verdict, mod_ty tree)
{
    switch (verdict) {
    case PARSER_ACCEPTED:
        return tree;
    case PARSER_FAILED:
        return NULL;
    case PARSER_TOO_DEEP:
        return hand_over(request, PARSER_COUNT_TOO_DEEP);
    case PARSER_NOT_TRIED:
        return hand_over(request, PARSER_COUNT_PASSED_ON);
    case PARSER_REJECTED:
        break;
    }
    return hand_over(request, PARSER_COUNT_REJECTED);
}

static ParserVerdict
run_parser(Source *source, const ArchiveRequest *request, mod_ty *tree)
{
    ParserOptions options = read_options(request->mode, request->filename, request->flags);
    return parser_run(source, &options, request->arena, tree);
}

/* ---- strings ---- */

mod_ty
_PyParser_ASTFromString(const char *string, PyObject *filename, int mode, PyCompilerFlags *flags,
                        PyArena *arena)
{
    if (PySys_Audit("compile", "yO", string, filename) < 0) {
        return NULL;
    }
    ArchiveRequest request = {
        .string = string, .mode = mode, .filename = filename, .flags = flags, .arena = arena};
    Source source;
    bool is_utf8 = flags != NULL && flags->cf_flags & PyCF_IGNORE_COOKIE;
    if (source_from_string(&source, string, is_utf8, mode == Py_file_input) < 0) {
        source_clear(&source);
        source_undecided();
        return PyErr_Occurred() ? NULL : hand_over(&request, PARSER_COUNT_REJECTED);
    }
    mod_ty tree = NULL;
    ParserVerdict verdict = run_parser(&source, &request, &tree);
    source_clear(&source);
    return decide(&request, verdict, tree);
}
SHOWN_TO_STAGES(_PyParser_ASTFromString);

/* ---- files ---- */

static mod_ty
fall_back(void *request, ParserVerdict verdict)
{
    return decide(request, verdict, NULL);
}

/* A file of which all is wanted and that can be read whole. Return false if it cannot. */
static bool
parse_whole(const ArchiveRequest *request, mod_ty *tree)
{
    Source source;
    if (source_from_file(&source, request->file) < 0) {
        source_clear(&source);
        source_undecided();
        return PyErr_Occurred() != NULL;
    }
    ParserVerdict verdict = run_parser(&source, request, tree);
    source_clear(&source);
    *tree = decide(request, verdict, *tree);
    return true;
}

static mod_ty
parse_lines(const ArchiveRequest *request)
{
    FileLines input;
    mod_ty tree = NULL;
    ParserOptions options = read_options(request->mode, request->filename, request->flags);
    options.is_file = true;
    file_lines_init(&input, request->file, request->position);
    ParserVerdict verdict = parser_run_lines(&input.lines, &options, request->arena, &tree);
    if (verdict == PARSER_REJECTED && input.has_bad_bytes) {
        verdict = PARSER_NOT_TRIED;
    }
    if (verdict != PARSER_ACCEPTED && verdict != PARSER_FAILED) {
        tree = file_lines_give_back(&input) < 0 ? NULL : decide(request, verdict, NULL);
        parser_drop_issued_warnings();
    }
    file_lines_clear(&input);
    return tree;
}

/* Set the position that the file is to be read from again, -1 if it cannot be. */
static bool
find_position(ArchiveRequest *request)
{
    request->position = ftell(request->file);
    if (request->position >= 0 && fseek(request->file, request->position, SEEK_SET) < 0) {
        request->position = -1;
    }
    return request->position >= 0;
}

static mod_ty
parse_file(ArchiveRequest *request)
{
    mod_ty tree = NULL;
    if (find_position(request) && request->mode == Py_file_input) {
        if (parse_whole(request, &tree)) {
            return tree;
        }
        if (fseek(request->file, request->position, SEEK_SET) < 0) {
            PyErr_SetFromErrno(PyExc_OSError);
            return NULL;
        }
    }
    return parse_lines(request);
}

/* The interpreter asks for statements with prompts and without, for whole files and for
   expressions, and it names an encoding only together with a prompt. */
mod_ty
_PyParser_ASTFromFile(FILE *file, PyObject *filename, const char *encoding, int mode,
                      const char *prompt, const char *second_prompt, PyCompilerFlags *flags,
                      int *error_code, PyArena *arena)
{
    if (PySys_Audit("compile", "OO", Py_None, filename) < 0) {
        return NULL;
    }
    ArchiveRequest request = {.file = file,
                              .mode = mode,
                              .filename = filename,
                              .flags = flags,
                              .error_code = error_code,
                              .arena = arena,
                              .encoding = encoding,
                              .prompt = prompt,
                              .second_prompt = second_prompt};
    if (prompt == NULL && encoding == NULL) {
        return parse_file(&request);
    }
    if (prompt == NULL || mode != Py_single_input) {
        request.position = -1;
        return hand_over(&request, PARSER_COUNT_PASSED_ON);
    }
    ParserOptions options = read_options(mode, filename, flags);
    options.interactive = true;
    return parser_read_prompt(&options, file, encoding, prompt, second_prompt, arena, fall_back,
                              &request);
}
SHOWN_TO_STAGES(_PyParser_ASTFromFile);
