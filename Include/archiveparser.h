/* The archive's parser, whose own header is not installed.  It is in the link for its verdict on
   what ours turns down (Parser/api.c), and for comparisons.

   Trees live in the arena; NULL with an exception set. */

#ifndef ARCHIVE_PARSER_H
#define ARCHIVE_PARSER_H

#include <Python.h>
#include <stdio.h>

#include "pycore_ast.h"

extern mod_ty _PyPegen_run_parser_from_string(const char *string, int mode, PyObject *filename,
                                              PyCompilerFlags *flags, PyArena *arena);
extern mod_ty _PyPegen_run_parser_from_file_pointer(FILE *file, int mode, PyObject *filename,
                                                    const char *encoding, const char *prompt,
                                                    const char *second_prompt,
                                                    PyCompilerFlags *flags, int *error_code,
                                                    PyArena *arena);

#endif
