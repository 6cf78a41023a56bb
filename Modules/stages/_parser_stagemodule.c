/* _parser_stage: shows the parser's stages to tests and benchmarks. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <time.h>
#include <unistd.h>

#include "errcode.h"
#include "pycore_ast.h"
#include "pycore_parser.h"
#include "pycore_pyarena.h"

#include "archiveparser.h"
#include "ast_difference.h"
#include "parser.h"
#include "tokenizer.h"

typedef mod_ty (*ParseFunction)(const char *, PyObject *, int, PyCompilerFlags *, PyArena *);

static mod_ty
parse_with_archive(const char *string, PyObject *filename, int mode, PyCompilerFlags *flags,
                   PyArena *arena)
{
    ArchiveRequest request = {
        .string = string, .mode = mode, .filename = filename, .flags = flags, .arena = arena};
    return archive_parser_run(&request);
}

static int
mode_of(const char *name)
{
    return strcmp(name, "exec") == 0     ? Py_file_input
           : strcmp(name, "single") == 0 ? Py_single_input
           : strcmp(name, "eval") == 0   ? Py_eval_input
                                         : Py_func_type_input;
}

PyDoc_STRVAR(tokens_doc, "tokens(source, *, type_comments=False, mode='exec')\n\
\n\
Return a list of (kind, text, line, column) for the tokens of a str.");

static PyObject *
token_list(const TokenVector *vector, const char *text, size_t size)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < vector->count; i++) {
        const Token *token = &vector->tokens[i];
        size_t start = token->start < size ? token->start : size;
        size_t end = token->end < size ? token->end : size;
        PyObject *item = Py_BuildValue("(ss#ii)", token_names[vector->kinds[i]], text + start,
                                       (Py_ssize_t)(end - start), token->line, token->column);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *
stage_tokens(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"source", "type_comments", "mode", NULL};
    const char *text, *mode = "exec";
    Py_ssize_t size;
    int type_comments = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s#|$ps", names, &text, &size, &type_comments,
                                     &mode)) {
        return NULL;
    }
    TokenizerInput input = {
        .text = text,
        .end = (uint32_t)size,
        .line = 1,
        .type_comments = type_comments,
        .single = mode_of(mode) == Py_single_input,
        .implies_dedent = true,
        .ends_line = mode_of(mode) == Py_file_input,
    };
    TokenVector vector;
    PyObject *list = NULL;
    if (token_vector_init(&vector, (size_t)size) == 0) {
        if (tokenizer_run(&input, &vector) == 0) {
            list = token_list(&vector, text, (size_t)size);
        }
        token_vector_clear(&vector);
    }
    return list;
}

PyDoc_STRVAR(tree_doc, "tree(source, mode='exec', archive=False, flags=0, version=11)\n\
\n\
Return the tree of a bytes object as ast nodes, from our parser or from the archive's.");

static PyObject *
stage_tree(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"source", "mode", "archive", "flags", "version", NULL};
    const char *text, *mode = "exec";
    int archive = 0;
    PyCompilerFlags flags = _PyCompilerFlags_INIT;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y|spii", names, &text, &mode, &archive,
                                     &flags.cf_flags, &flags.cf_feature_version)) {
        return NULL;
    }
    flags.cf_flags |= PyCF_ONLY_AST;
    PyArena *arena = _PyArena_New();
    PyObject *filename = PyUnicode_FromString("<stage>"), *result = NULL;
    if (arena != NULL && filename != NULL) {
        ParseFunction parse = archive ? parse_with_archive : _PyParser_ASTFromString;
        mod_ty tree = parse(text, filename, mode_of(mode), &flags, arena);
        result = tree == NULL ? NULL : PyAST_mod2obj(tree);
    }
    Py_XDECREF(filename);
    if (arena != NULL) {
        _PyArena_Free(arena);
    }
    return result;
}

PyDoc_STRVAR(read_doc, "read(descriptor, mode='exec', archive=False, encoding=None, prompt=None,\n\
     second_prompt=None, count=1)\n\
\n\
Parse what a file holds, so many times in a row. Return a list of (tree or exception, error code,\n\
place in the file) up to the end of the file.");

typedef struct {
    FILE *file;
    const char *mode, *encoding, *prompt, *second_prompt;
    int archive;
} FileChoice;

/* The tree, or the exception. */
static PyObject *
read_tree(const FileChoice *choice, int *error_code)
{
    PyCompilerFlags flags = _PyCompilerFlags_INIT;
    PyArena *arena = _PyArena_New();
    PyObject *filename = PyUnicode_FromString("<stage>"), *result = NULL;
    if (arena != NULL && filename != NULL) {
        int mode = mode_of(choice->mode);
        ArchiveRequest request = {
            .file = choice->file,
            .mode = mode,
            .filename = filename,
            .encoding = choice->encoding,
            .prompt = choice->prompt,
            .second_prompt = choice->second_prompt,
            .flags = &flags,
            .error_code = error_code,
            .arena = arena,
        };
        mod_ty tree = choice->archive
                          ? archive_parser_run(&request)
                          : _PyParser_ASTFromFile(choice->file, filename, choice->encoding, mode,
                                                  choice->prompt, choice->second_prompt, &flags,
                                                  error_code, arena);
        result = tree == NULL ? NULL : PyAST_mod2obj(tree);
    }
    if (result == NULL) {
        PyObject *type, *traceback;
        PyErr_Fetch(&type, &result, &traceback);
        PyErr_NormalizeException(&type, &result, &traceback);
        Py_XDECREF(type);
        Py_XDECREF(traceback);
    }
    Py_XDECREF(filename);
    if (arena != NULL) {
        _PyArena_Free(arena);
    }
    return result;
}

static PyObject *
read_trees(const FileChoice *choice, int count)
{
    PyObject *list = PyList_New(0);
    int error_code = 0;
    while (list != NULL && count-- > 0 && error_code != E_EOF) {
        PyObject *item = read_tree(choice, &error_code);
        item = item == NULL ? NULL : Py_BuildValue("Nil", item, error_code, ftell(choice->file));
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *
stage_read(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"descriptor", "mode",          "archive", "encoding",
                            "prompt",     "second_prompt", "count",   NULL};
    FileChoice choice = {.mode = "exec"};
    int descriptor, count = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i|spzzzi", names, &descriptor, &choice.mode,
                                     &choice.archive, &choice.encoding, &choice.prompt,
                                     &choice.second_prompt, &count)) {
        return NULL;
    }
    int copy = dup(descriptor);
    choice.file = copy < 0 ? NULL : fdopen(copy, "r");
    if (choice.file == NULL) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *list = read_trees(&choice, count);
    fclose(choice.file);
    return list;
}

PyDoc_STRVAR(difference_doc, "difference(left, right)\n\
\n\
Return the place where two ast.Module trees first differ, None if they are the same.");

static PyObject *
stage_difference(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *left, *right;
    if (!PyArg_ParseTuple(args, "OO", &left, &right)) {
        return NULL;
    }
    PyArena *arena = _PyArena_New();
    if (arena == NULL) {
        return NULL;
    }
    char place[200];
    int result = -1;
    mod_ty left_tree = PyAST_obj2mod(left, arena, 0), right_tree = NULL;
    if (left_tree != NULL && (right_tree = PyAST_obj2mod(right, arena, 0)) != NULL) {
        result = ast_difference(left_tree, right_tree, place, sizeof(place));
    }
    _PyArena_Free(arena);
    return result < 0 ? NULL : result == 0 ? Py_NewRef(Py_None) : PyUnicode_FromString(place);
}

PyDoc_STRVAR(measure_doc, "measure(source, repeat, archive=False)\n\
\n\
Return the seconds that parsing takes, tree only, the least of all repetitions.");

static double
seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static PyObject *
stage_measure(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    int repeat, archive = 0;
    if (!PyArg_ParseTuple(args, "yi|p", &text, &repeat, &archive)) {
        return NULL;
    }
    PyObject *filename = PyUnicode_FromString("<measure>");
    if (filename == NULL) {
        return NULL;
    }
    ParseFunction parse = archive ? parse_with_archive : _PyParser_ASTFromString;
    double best = 1e9;
    bool failed = false;
    for (int i = 0; i < repeat && !failed; i++) {
        double start = seconds();
        PyArena *arena = _PyArena_New();
        failed = arena == NULL || parse(text, filename, Py_file_input, NULL, arena) == NULL;
        if (arena != NULL) {
            _PyArena_Free(arena);
        }
        double taken = seconds() - start;
        best = taken < best ? taken : best;
    }
    Py_DECREF(filename);
    return failed ? NULL : PyFloat_FromDouble(best);
}

PyDoc_STRVAR(counts_doc, "counts()\n\
\n\
Return how often sources were handed to the archive's parser, by reason.");

static PyObject *
stage_counts(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    long values[PARSER_COUNTS];
    for (int i = 0; i < PARSER_COUNTS; i++) {
        values[i] = parser_get_count(i);
        if (values[i] < 0) {
            return NULL;
        }
    }
    return Py_BuildValue("{s:l,s:l,s:l,s:l}", "rejected", values[PARSER_COUNT_REJECTED], "too_deep",
                         values[PARSER_COUNT_TOO_DEEP], "wrongly_rejected",
                         values[PARSER_COUNT_WRONGLY_REJECTED], "passed_on",
                         values[PARSER_COUNT_PASSED_ON]);
}

PyDoc_STRVAR(set_strict_doc, "set_strict(flag)\n\
\n\
Whether a source that only the archive's parser accepts raises SystemError.");

static PyObject *
stage_set_strict(PyObject *Py_UNUSED(module), PyObject *flag)
{
    int strict = PyObject_IsTrue(flag);
    if (strict < 0 || parser_set_count(PARSER_STRICT, strict) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"tokens", (PyCFunction)(void (*)(void))stage_tokens, METH_VARARGS | METH_KEYWORDS, tokens_doc},
    {"tree", (PyCFunction)(void (*)(void))stage_tree, METH_VARARGS | METH_KEYWORDS, tree_doc},
    {"read", (PyCFunction)(void (*)(void))stage_read, METH_VARARGS | METH_KEYWORDS, read_doc},
    {"difference", stage_difference, METH_VARARGS, difference_doc},
    {"measure", stage_measure, METH_VARARGS, measure_doc},
    {"counts", stage_counts, METH_NOARGS, counts_doc},
    {"set_strict", stage_set_strict, METH_O, set_strict_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_parser_stage",
    .m_doc = "The parser's stages, for tests and benchmarks.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__parser_stage(void)
{
    return PyModuleDef_Init(&definition);
}
