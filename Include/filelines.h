/* A file that is read a line at a time, as CPython reads one.

   For what cannot be read whole: a pipe, a terminal, a file of which a statement or an expression
   is wanted and no more; and for files in which lines are not all that they seem (null bytes, an
   encoding that is found out on the way). */

#ifndef FILELINES_H
#define FILELINES_H

#include <Python.h>
#include <stdbool.h>
#include <stdio.h>

#include "parser.h"

typedef struct {
    LineInput lines; /* for parser_run_lines */
    FILE *file;
    long position; /* where it begins, -1 if the file cannot be read again */
    off_t descriptor_position;
    char *taken; /* all that was read of a file that cannot be read again */
    size_t taken_size, taken_capacity;
    char *line; /* the line in hand */
    size_t line_size, line_capacity;
    int line_count;
    bool has_declared_utf8; /* by byte order mark or cookie */
    bool is_settled;        /* no cookie is looked for any more */
    bool has_bad_bytes;     /* null bytes in decoded text, where CPython may end a string */
    PyObject *read_line;    /* of the object that decodes, if there is one */
    int terminal;           /* whose end was met, see file_lines_give_back; or -1 */
    int descriptor_flags;   /* of the terminal's */
} FileLines;

void file_lines_init(FileLines *input, FILE *file, long position);

/* Let the file begin anew, for another to read, until file_lines_clear. Where what is typed has
   ended, it ends there once more, without another end being typed. Return -1 with an exception
   set. */
int file_lines_give_back(FileLines *input);

/* Free what was allocated; the file stays open. */
void file_lines_clear(FileLines *input);

#endif
