/* Where a line comes from: one interface, and who implements it.

   A line is begun, fed whenever there is input for it, and ended; in between it may have to be
   drawn anew, or make room for output above it.  Lines.c drives it beside the background work of
   background.h; Lib/autoawait/console.py drives one from a coroutine.

       source_readline.c   a terminal whose line the library of module readline edits
       source_terminal.c   a terminal whose line the kernel edits
       source_stream.c     no terminal
       source_object.c     a Python object with methods of the same names: what tests make up

   The functions may be called with or without the GIL, unless said otherwise; none sets an
   exception.  All calls for one line come from the thread that began it. */

#ifndef ASYNC_LINESOURCE_H
#define ASYNC_LINESOURCE_H

#include "background.h"

#include <Python.h>
#include <stdbool.h>
#include <stdio.h>

/* Bytes that grow; text is PyMem_RawMalloc()ed, NULL where there are none. */
typedef struct {
    char *text;
    size_t size, capacity;
} LineText;

/* -1 without memory, when nothing was added. */
int line_text_add(LineText *line, const char *text, size_t size);
void line_text_clear(LineText *line);

typedef struct LineSource LineSource;

typedef struct {
    /* Shows prompt and begins a line.  False where another line of the same library is open. */
    bool (*begin)(LineSource *source, const char *prompt);
    /* Has background work done until there is input, somebody wakes the reader, or an interrupt
       ends the line.  Without the GIL. */
    WaitEnd (*wait)(LineSource *source, Background *background);
    /* Takes what input there is.  True when the line is over. */
    bool (*feed)(LineSource *source);
    /* Draws the line anew: the window has another size. */
    void (*redraw)(LineSource *source);
    /* Writes text above the line, which is drawn again below it; text that ends in no newline gets
       one.  With the GIL held throughout.  -1 with errno. */
    int (*write_above)(LineSource *source, int terminal, const char *text, size_t size);
    /* Gives the line up, after an interrupt. */
    void (*abort)(LineSource *source);
    /* Gives the line that is over away: with its newline, empty at the end of file.  -1 without
       memory. */
    int (*end)(LineSource *source, LineText *line);
    /* Frees the source; a line that is open is given up. */
    void (*free)(LineSource *source);
} LineSourceType;

struct LineSource {
    const LineSourceType *type;
};

/* A source that is freed by its type's function; NULL without memory.  The streams are borrowed,
   and so is the object (a new reference is kept). */
LineSource *readline_source_new(FILE *input, FILE *output);
LineSource *terminal_source_new(FILE *input);
LineSource *stream_source_new(FILE *input);
LineSource *object_source_new(PyObject *object);

/* What the two sources without an editor of their own share: characters from a stream, no more of
   them than are there. */
typedef struct {
    LineSource base;
    FILE *input;
    const char *prompt; /* of the line that is begun; borrowed */
    LineText line;
    bool is_out_of_memory, has_paused; /* the latter: at an end of file in the midst of the line */
} StreamSource;

bool stream_source_begin(LineSource *source, const char *prompt);
WaitEnd stream_source_wait(LineSource *source, Background *background);
bool stream_source_feed(LineSource *source);
void stream_source_abort(LineSource *source);
int stream_source_end(LineSource *source, LineText *line);
void stream_source_free(LineSource *source);

/* Writes all of text, also where somebody has made the descriptor non-blocking.  -1 with errno. */
int line_source_write_all(int descriptor, const char *text, size_t size);

#endif
