/* The parser: source text to the tree of pycore_ast.h.

   The tree and all that it points to belong to the arena. */

#ifndef PARSER_H
#define PARSER_H

#include <Python.h>
#include <stdbool.h>

#include "pycore_ast.h"

#include "source.h"

/* The archive's parser gives up at a depth of 6000 by its own count. Ours, which never counts less,
   leaves a source to it some way before that. */
#define PARSER_DEPTH_LIMIT 5700

typedef struct {
    int mode; /* Py_file_input, Py_single_input, Py_eval_input or Py_func_type_input */
    int feature_version;
    PyObject *filename;
    bool type_comments;
    bool async_is_name;
    bool implies_dedent;
    bool diamond_is_unequal; /* "<>" in place of "!=" */
    bool interactive;        /* the source is typed at a prompt */
    bool is_file;            /* its end ends a line, whatever the mode */
} ParserOptions;

typedef enum {
    PARSER_ACCEPTED,
    PARSER_REJECTED,  /* not the language, or not to be decided here; no exception is set */
    PARSER_TOO_DEEP,  /* likewise, because of nesting */
    PARSER_NOT_TRIED, /* likewise, because of what the source is or where it comes from */
    PARSER_FAILED,    /* an exception is set */
} ParserVerdict;

ParserVerdict parser_run(const Source *source, const ParserOptions *options, PyArena *arena,
                         mod_ty *tree);

/* A source that is read while it is parsed: a line is asked for when the parser looks at a token
   beyond the last. */
typedef struct LineInput {
    /* Add to the source, or set has_ended. Return -1 if there is nothing to be had: with an
       exception, or without one if the source is not to be decided here. */
    int (*read)(struct LineInput *lines);
    /* The tree is made, the last warnings have not been issued. NULL if nothing is to be done
       then. */
    void (*accepted)(struct LineInput *lines);
    Source source; /* to be given to source_clear by the caller */
    bool has_ended;
} LineInput;

ParserVerdict parser_run_lines(LineInput *lines, const ParserOptions *options, PyArena *arena,
                               mod_ty *tree);

/* Forget the warnings that were kept for the archive's parser not to issue them again. To be called
   after it, with an exception set or without. */
void parser_drop_issued_warnings(void);

/* Read one statement at a prompt, like _PyParser_ASTFromFile. What has been read is still
   there for the archive's parser, which is asked by the function given where ours turns it down. */
typedef mod_ty (*ParserFallback)(void *request, ParserVerdict verdict);
mod_ty parser_read_prompt(const ParserOptions *options, FILE *file, const char *encoding,
                          const char *prompt, const char *second_prompt, PyArena *arena,
                          ParserFallback fallback, void *request);

/* For PyOS_Readline(): whether the archive's parser is to get a line that was read before.  *line
   is the caller's then, NULL for the end of what is to be read. */
bool parser_take_read_line(char **line);

/* What became of the sources that the parser turned down, counted for each interpreter. */
typedef enum {
    PARSER_COUNT_REJECTED, /* and by the archive's parser too */
    PARSER_COUNT_TOO_DEEP,
    PARSER_COUNT_WRONGLY_REJECTED, /* the archive's parser accepts it: a defect */
    PARSER_COUNT_PASSED_ON,        /* not to be decided by ours */
    PARSER_STRICT,                 /* not a count: when set, a wrong rejection raises SystemError */
    PARSER_COUNTS
} ParserCount;

/* Return the count, or -1 with an exception set. */
long parser_get_count(ParserCount which);
int parser_set_count(ParserCount which, long value);

#endif
