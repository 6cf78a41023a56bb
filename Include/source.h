/* Source as the parser wants it: UTF-8, line ends all "\n", ending in a NUL.

   A source that is so already is used where it lies. */

#ifndef SOURCE_H
#define SOURCE_H

#include <Python.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct {
    const char *text;
    size_t size;
    char *buffer;     /* what text lies in, if the bytes were copied */
    PyObject *decoded; /* what text lies in, if the bytes were decoded */
} Source;

/* Make the source from a NUL-terminated string, which must live as long as the source. With
   is_utf8 the encoding is settled: no byte order mark, no cookie. With ends_line a last line
   without a line end counts as a line. Return -1 if that cannot be done, with an exception set or
   without. */
int Source_FromString(Source *source, const char *string, bool is_utf8, bool ends_line);

/* Make the source from the rest of a file that can be read again. Return -1 as above. */
int Source_FromFile(Source *source, FILE *file);

void Source_Clear(Source *source);

#endif
