/* The archive's parser.  It is in the link for its verdict on what ours turns down (Parser/api.c);
   tests compare both. */

#ifndef ARCHIVE_PARSER_H
#define ARCHIVE_PARSER_H

#include <Python.h>
#include <stdio.h>

#include "pycore_ast.h"

/* What it is to be called with, all of it borrowed. */
typedef struct {
    const char *string; /* or a file, at a position or with its prompts */
    FILE *file;
    long position; /* -1 where that cannot be chosen; for the caller, who goes there */
    const char *encoding, *prompt, *second_prompt;
    int mode; /* Py_file_input, ... */
    PyObject *filename;
    PyCompilerFlags *flags;
    int *error_code; /* set where a file is read, to E_EOF and the like; may be NULL */
    PyArena *arena;
} ArchiveRequest;

/* The tree, in the arena; NULL with an exception set. */
mod_ty archive_parser_run(const ArchiveRequest *);

#endif
