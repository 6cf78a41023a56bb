/* Reading a statement at a prompt.

   A line is asked for exactly when the parser looks at a token beyond the last. In: a terminal, or
   what stands in for one. Out: a tree in the caller's arena. Entry point: parser_read_prompt.

   Where our parser turns the lines down, the archive's reads them: lines that have been typed come
   to it a second time from PyOS_Readline, and if it asks for more than these, it gets them from the
   terminal. So each may stop being asked at any line. */

#include <Python.h>

#include <string.h>

#include "parser.h"
#include "tokenizer.h"

/* What has been typed. The lines are in the memory that PyOS_Readline returns its line in. */
typedef struct {
    LineInput input;
    FILE *file;
    const char *prompt, *second_prompt;
    const char *encoding; /* of the lines, NULL if they are taken as they are */
    char **lines;
    size_t count, capacity, replayed;
    bool was_interrupted; /* after the last line, and no exception tells it */
} Typed;

/* PyOS_Readline has no argument for it, and is called by the thread that asks. */
static _Thread_local Typed *replayed_input;

bool
parser_take_read_line(char **line)
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
replay(Typed *typed, ParserFallback fallback, void *request, ParserVerdict verdict)
{
    Typed *outer = replayed_input;
    replayed_input = typed;
    mod_ty tree = fallback(request, verdict);
    replayed_input = outer;
    return tree;
}

/* ---- lines ---- */

/* Take the line, whose memory belongs to the list from here on, as one of those that have been
   typed. */
static int
keep_line(Typed *typed, char *line)
{
    if (typed->count == typed->capacity
        && vector_grow((void **)&typed->lines, &typed->capacity, sizeof(*typed->lines)) < 0) {
        PyMem_Free(line);
        return -1;
    }
    typed->lines[typed->count++] = line;
    return 0;
}

/* Add the line, its line ends made into "\n". */
static int
add_bytes(Source *source, const char *line)
{
    while (*line != '\0') {
        size_t size = strcspn(line, "\r");
        if (source_add(source, line, size) < 0) {
            return -1;
        }
        line += size;
        if (*line == '\r') {
            line += line[1] == '\n' ? 2 : 1;
            if (source_add(source, "\n", 1) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int
add_decoded(Source *source, const char *line, const char *encoding)
{
    Source bytes = {.text = ""};
    PyObject *string = add_bytes(&bytes, line) < 0
                           ? NULL
                           : PyUnicode_Decode(bytes.text, (Py_ssize_t)bytes.size, encoding, NULL);
    source_clear(&bytes);
    Py_ssize_t size;
    const char *text = string == NULL ? NULL : PyUnicode_AsUTF8AndSize(string, &size);
    int result = text == NULL ? -1 : source_add(source, text, (size_t)size);
    Py_XDECREF(string);
    return result;
}

/* Carriage returns that are typed end lines, though for CPython all of what came at once is one:
   its places go by that. */
static int
note_inner_ends(Source *source, size_t from)
{
    const char *text = source->text, *end = text + source->size - 1;
    for (const char *at = text + from; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
        if (source->inner_end_count == source->inner_end_capacity
            && vector_grow((void **)&source->inner_ends, &source->inner_end_capacity,
                           sizeof(*source->inner_ends))
                   < 0) {
            return -1;
        }
        source->inner_ends[source->inner_end_count++] = (uint32_t)(at - text);
    }
    return 0;
}

static int
add_line(Typed *typed, const char *line)
{
    Source *source = &typed->input.source;
    size_t before = source->size;
    int result = typed->encoding == NULL ? add_bytes(source, line)
                                         : add_decoded(source, line, typed->encoding);
    if (result < 0 || source->size == before) {
        return source_undecided();
    }
    return note_inner_ends(source, before);
}

/* An empty line says that no more will come. */
static int
read_line(LineInput *input)
{
    Typed *typed = (Typed *)input;
    char *line = PyOS_Readline(typed->file, stdout,
                               typed->count == 0 ? typed->prompt : typed->second_prompt);
    if (line == NULL) {
        if (PyErr_Occurred()) {
            /* What is shown next begins a line of its own; the archive's parser sees to that
               too. */
            PySys_WriteStderr("\n");
        }
        typed->was_interrupted = !PyErr_Occurred();
        return -1;
    }
    if (keep_line(typed, line) < 0) {
        return -1;
    }
    input->has_ended = *line == '\0';
    return input->has_ended ? 0 : add_line(typed, line);
}

/* What is shown next begins a line of its own. Where the archive's parser reads, it sees to
   that. */
static void
end_line_shown(LineInput *input)
{
    if (input->has_ended) {
        PySys_WriteStderr("\n");
    }
}

/* ---- the way in ---- */

mod_ty
parser_read_prompt(const ParserOptions *options, FILE *file, const char *encoding,
                   const char *prompt, const char *second_prompt, PyArena *arena,
                   ParserFallback fallback, void *request)
{
    Typed typed = {.input = {.read = read_line, .accepted = end_line_shown},
                   .file = file,
                   .prompt = prompt,
                   .second_prompt = second_prompt == NULL ? prompt : second_prompt,
                   .encoding = encoding};
    mod_ty tree = NULL;
    ParserVerdict verdict = parser_run_lines(&typed.input, options, arena, &tree);
    if (verdict != PARSER_ACCEPTED && verdict != PARSER_FAILED) {
        tree = replay(&typed, fallback, request, verdict);
    }
    for (size_t i = 0; i < typed.count; i++) {
        PyMem_Free(typed.lines[i]);
    }
    PyMem_Free(typed.lines);
    source_clear(&typed.input.source);
    return tree;
}
