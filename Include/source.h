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
    char *buffer;         /* what text lies in, if the bytes were copied */
    size_t capacity;      /* of the buffer, if text is added to it */
    PyObject *decoded;    /* what text lies in, if the bytes were decoded */
    bool has_nulls;       /* see filelines.c */
    uint32_t *inner_ends; /* line ends that do not end a line, by offset, see interactive.c */
    size_t inner_end_count, inner_end_capacity;
} Source;

/* Make the source from a NUL-terminated string, which must live as long as the source. With
   is_utf8 the encoding is settled: no byte order mark, no cookie. With ends_line a last line
   without a line end counts as a line. Return -1 if that cannot be done, with an exception set or
   without. */
int source_from_string(Source *source, const char *string, bool is_utf8, bool ends_line);

/* Make the source from the rest of a file that can be read again. Return -1 as above. */
int source_from_file(Source *source, FILE *file);

/* Add text to a source that has none but what was added. Return -1 with MemoryError. */
int source_add(Source *source, const char *text, size_t size);

bool source_is_utf8(const char *text, size_t size);

/* What one of a source's first two lines says about its encoding. */
typedef enum {
    COOKIE_NOT_YET, /* nothing, the next line may */
    COOKIE_NONE,    /* nothing, nor will another */
    COOKIE_UTF8,
    COOKIE_OTHER,
    COOKIE_TOO_LONG, /* the name is longer than any */
} CookieKind;

enum { SOURCE_ENCODING_SIZE = 101 };

/* The name is copied to encoding if it is another than UTF-8's. */
CookieKind source_find_cookie(const char *line, const char *end,
                              char encoding[SOURCE_ENCODING_SIZE]);

/* Return -1, as what cannot be made into a source: whether it is one is not to be decided here. The
   exception stays only if it has nothing to do with the source. */
int source_undecided(void);

void source_clear(Source *source);

#endif
