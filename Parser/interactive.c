/* Reading a statement from a terminal.

   Lines are read one at a time, and parsed together, until they are a statement; a line is asked
   for exactly when the parser looks at a token beyond the last. In: a terminal. Out: a tree in
   the caller's arena. Entry point: Parser_ReadPrompt.

   Where our parser turns the lines down, the archive's reads them: lines that have been typed
   come to it a second time by way of the function that reads lines, and if it asks for more than
   these, it gets them from the terminal. So each may stop being asked at any line. */

#include <Python.h>

#include <string.h>
#include <unistd.h>

#include "parser.h"

/* Each line has the statement parsed anew; one that is longer is left to the archive's parser. */
enum { MOST_LINES = 64 };

typedef char *(*LineReader)(FILE *, FILE *, const char *);

/* What has been typed. The lines are in the memory that a LineReader returns its line in. */
typedef struct {
    char *lines[MOST_LINES];
    int count, replayed;
    bool was_interrupted; /* after the last line, and no exception tells it */
    LineReader reader;    /* the one that was there before */
    char *text;           /* all lines as one */
    size_t size;
} Typed;

/* Readers of lines have no argument of their own, and are called by the thread that asks. */
static _Thread_local Typed *replayed_input;

/* What reads for the other threads meanwhile. */
static LineReader reader_of_others;

static char *
replay_line(FILE *input, FILE *output, const char *prompt)
{
    Typed *typed = replayed_input;
    if (typed == NULL) {
        return reader_of_others(input, output, prompt);
    }
    if (typed->replayed < typed->count) {
        char *line = typed->lines[typed->replayed];
        typed->lines[typed->replayed++] = NULL;
        return line;
    }
    if (typed->was_interrupted) {
        typed->was_interrupted = false;
        return NULL;
    }
    return typed->reader(input, output, prompt);
}

static mod_ty
replay(Typed *typed, ParserFallback fallback, void *request, bool was_tried)
{
    Typed *outer = replayed_input;
    typed->reader = PyOS_ReadlineFunctionPointer;
    if (typed->reader != replay_line) {
        reader_of_others = typed->reader;
    }
    replayed_input = typed;
    PyOS_ReadlineFunctionPointer = replay_line;
    mod_ty tree = fallback(request, was_tried);
    PyOS_ReadlineFunctionPointer = typed->reader;
    replayed_input = outer;
    return tree;
}

static bool
is_text(const char *line, size_t size)
{
    if (size == 0 || line[size - 1] != '\n' || memchr(line, '\r', size) != NULL) {
        return false;
    }
    PyObject *string = PyUnicode_DecodeUTF8(line, (Py_ssize_t)size, NULL);
    if (string == NULL) {
        PyErr_Clear();
        return false;
    }
    Py_DECREF(string);
    return true;
}

/* Nothing but blanks and a comment: as a first line, not a matter for the parser. */
static bool
is_empty(const char *line)
{
    line += strspn(line, " \t\f");
    return *line == '\n' || *line == '#';
}

/* Take the line as one of those that have been typed. */
static bool
keep_line(Typed *typed, const char *line, size_t size)
{
    char *copy = PyMem_RawMalloc(size + 1);
    char *text = PyMem_Realloc(typed->text, typed->size + size + 1);
    if (text != NULL) {
        typed->text = text;
        memcpy(text + typed->size, line, size + 1);
        typed->size += size;
    }
    if (copy == NULL || text == NULL) {
        PyMem_RawFree(copy);
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
    bool is_parsed = is_text(line, size) && !(typed->count == 0 && is_empty(line));
    bool is_kept = keep_line(typed, line, size);
    PyMem_Free(line);
    return !is_kept ? LINE_FAILED : is_parsed ? LINE_TEXT : LINE_OTHER;
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
        case PARSER_WARNS:
            return replay(typed, fallback, request, false);
        }
    }
    return replay(typed, fallback, request, false);
}

/* Only what a LineReader reads can be read again. */
bool
Parser_CanReadPrompt(FILE *file, const char *encoding, const char *prompt)
{
    return prompt != NULL && encoding != NULL &&
           (strcmp(encoding, "utf-8") == 0 || strcmp(encoding, "UTF-8") == 0) &&
           isatty(fileno(file)) && isatty(fileno(stdout));
}

mod_ty
Parser_ReadPrompt(const ParserOptions *options, FILE *file, const char *prompt,
                  const char *second_prompt, PyArena *arena, ParserFallback fallback,
                  void *request)
{
    Typed typed = {.count = 0};
    mod_ty tree = read_statement(&typed, options, file, prompt,
                                 second_prompt == NULL ? prompt : second_prompt, arena, fallback,
                                 request);
    for (int i = 0; i < typed.count; i++) {
        PyMem_RawFree(typed.lines[i]);
    }
    PyMem_Free(typed.text);
    return tree;
}
