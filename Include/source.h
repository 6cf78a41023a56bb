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

/* Read the rest of a stream, such as a pipe.  The caller frees *bytes with PyMem_Free(), whatever is
   returned: -1 as above. */
int Source_ReadStream(FILE *file, char **bytes, size_t *size);

/* Let the stream begin with the bytes once more; -1 with MemoryError. */
int Source_GiveBack(FILE *file, const char *bytes, size_t size);

/* Make the source from what such a stream gave, which has to be UTF-8 and must live as long as the
   source.  Return -1 as above. */
int Source_FromBytes(Source *source, const char *bytes, size_t size);

void Source_Clear(Source *source);

#endif
