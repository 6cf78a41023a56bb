/* Reading a statement at a prompt.

   Lines are read one at a time, and parsed together, until they are a statement; a line is asked
   for exactly when the parser looks at a token beyond the last. In: a terminal, or what stands in for
   one. Out: a tree in the caller's arena. Entry point: Parser_ReadPrompt.

   Where our parser turns the lines down, the archive's reads them: lines that have been typed
   come to it a second time from PyOS_Readline, and if it asks for more than these, it gets them from
   the terminal. So each may stop being asked at any line. */

#include <Python.h>

#include <string.h>

#include "parser.h"

/* Each line has the statement parsed anew; one that is longer is left to the archive's parser. */
enum { MOST_LINES = 64 };

/* What has been typed. The lines are in the memory that PyOS_Readline returns its line in. */
typedef struct {
    char *lines[MOST_LINES];
    int count, replayed;
    bool was_interrupted; /* after the last line, and no exception tells it */
    const char *encoding; /* of the lines */
    char *text;           /* all lines as one, in UTF-8 */
    size_t size;
} Typed;

/* PyOS_Readline has no argument for it, and is called by the thread that asks. */
static _Thread_local Typed *replayed_input;

bool
Parser_TakeReadLine(char **line)
{
    Typed *typed = replayed_input;
    if (typed == NULL) {
        return false;
    }
    if (typed->replayed < typed->count) {
        *line = typed->lines[typed->replayed];
        typed->lines[typed->replayed++] = NULL;
        return true;
    }
    bool was_interrupted = typed->was_interrupted;
    typed->was_interrupted = false;
    *line = NULL;
    return was_interrupted;
}

static mod_ty
replay(Typed *typed, ParserFallback fallback, void *request, bool was_tried)
{
    Typed *outer = replayed_input;
    replayed_input = typed;
    mod_ty tree = fallback(request, was_tried);
    replayed_input = outer;
    return tree;
}

/* The line as a string, NULL without an exception if it is not to be parsed here. */
static PyObject *
decode_line(const Typed *typed, const char *line, size_t size)
{
    if (size == 0 || line[size - 1] != '\n' || memchr(line, '\r', size) != NULL) {
        return NULL;
    }
    PyObject *string = PyUnicode_Decode(line, (Py_ssize_t)size, typed->encoding, NULL);
    if (string == NULL || PyUnicode_AsUTF8(string) == NULL) {
        PyErr_Clear();
        Py_CLEAR(string);
    }
    return string;
}

/* Nothing but blanks and a comment: as a first line, not a matter for the parser. */
static bool
is_empty(const char *line)
{
    line += strspn(line, " \t\f");
    return *line == '\n' || *line == '#';
}

static bool
add_text(Typed *typed, PyObject *string)
{
    Py_ssize_t size;
    const char *added = PyUnicode_AsUTF8AndSize(string, &size);
    char *text =
        added == NULL ? NULL : PyMem_Realloc(typed->text, typed->size + (size_t)size + 1);
    if (text == NULL) {
        PyErr_NoMemory();
        return false;
    }
    memcpy(text + typed->size, added, (size_t)size + 1);
    typed->text = text;
    typed->size += (size_t)size;
    return true;
}

/* Take the line as one of those that have been typed. */
static bool
keep_line(Typed *typed, const char *line, size_t size)
{
    char *copy = PyMem_Malloc(size + 1);
    if (copy == NULL) {
        PyErr_NoMemory();
        return false;
    }
    memcpy(copy, line, size + 1);
    typed->lines[typed->count++] = copy;
    return true;
}

typedef enum { LINE_TEXT, LINE_OTHER, LINE_FAILED } LineKind;

static LineKind
read_line(Typed *typed, FILE *file, const char *prompt)
{
    char *line = PyOS_Readline(file, stdout, prompt);
    if (line == NULL && PyErr_Occurred()) {
        /* What is shown next begins a line of its own; the archive's parser sees to that too. */
        PySys_WriteStderr("\n");
        return LINE_FAILED;
    }
    if (line == NULL) {
        typed->was_interrupted = true;
        return LINE_OTHER;
    }
    size_t size = strlen(line);
    bool is_skipped = typed->count == 0 && is_empty(line);
    PyObject *string = is_skipped ? NULL : decode_line(typed, line, size);
    LineKind kind = string != NULL ? LINE_TEXT : LINE_OTHER;
    if (!keep_line(typed, line, size) || (string != NULL && !add_text(typed, string))) {
        kind = LINE_FAILED;
    }
    Py_XDECREF(string);
    PyMem_Free(line);
    return kind;
}

static mod_ty
read_statement(Typed *typed, const ParserOptions *options, FILE *file, const char *prompt,
               const char *second_prompt, PyArena *arena, ParserFallback fallback, void *request)
{
    while (typed->count < MOST_LINES) {
        LineKind kind = read_line(typed, file, typed->count == 0 ? prompt : second_prompt);
        if (kind == LINE_FAILED) {
            return NULL;
        }
        if (kind == LINE_OTHER) {
            return replay(typed, fallback, request, false);
        }
        Source source = {.text = typed->text, .size = typed->size};
        mod_ty tree = NULL;
        switch (Parser_Run(&source, options, arena, &tree)) {
        case PARSER_ACCEPTED:
            return tree;
        case PARSER_FAILED:
            return NULL;
        case PARSER_NEEDS_MORE:
            break;
        case PARSER_REJECTED:
            return replay(typed, fallback, request, true);
        case PARSER_TOO_DEEP:
            return replay(typed, fallback, request, false);
        }
    }
    return replay(typed, fallback, request, false);
}

mod_ty
Parser_ReadPrompt(const ParserOptions *options, FILE *file, const char *encoding,
                  const char *prompt, const char *second_prompt, PyArena *arena,
                  ParserFallback fallback, void *request)
{
    Typed typed = {.encoding = encoding};
    mod_ty tree = read_statement(&typed, options, file, prompt,
                                 second_prompt == NULL ? prompt : second_prompt, arena, fallback,
                                 request);
    for (int i = 0; i < typed.count; i++) {
        PyMem_Free(typed.lines[i]);
    }
    PyMem_Free(typed.text);
    return tree;
}
