/* Reading through somebody else's reader (Python/prompt/reader_of_others.c). */

#ifndef ASYNC_LINES_H
#define ASYNC_LINES_H

#include "background.h"

#include <stdio.h>

/* PyOS_Readline's signature. */
typedef char *(*LineReader)(FILE *input, FILE *output, const char *prompt);

/* Calls read, which calls PyOS_InputHook while it waits: background work is done there. */
char *reader_of_others_read(Background *background, LineReader read, FILE *input, FILE *output,
                            const char *prompt);

#endif
