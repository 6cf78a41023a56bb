/* Reading a line with readline, a key at a time, beside something else (Python/linereader.c). */

#ifndef ASYNC_LINEREADER_H
#define ASYNC_LINEREADER_H

#include <Python.h>
#include <stdio.h>

/* Shows prompt on output and begins a line, whose keys come from input.  0 if there is no
   readline to edit it, or if it edits a line already.  The functions below do nothing with a
   line that another owner has begun. */
int LineReader_Begin(const void *owner, FILE *input, FILE *output, const char *prompt);

/* To be called when input is readable.  1 if the owner's line is over. */
int LineReader_Feed(const void *owner);

/* Draws the line anew for a window of another size. */
void LineReader_Resize(const void *owner);

/* Takes the line that is over, and has it remembered in the history: malloc()ed, without a newline,
   or NULL at the end of file. */
char *LineReader_Take(const void *owner);

/* True while owner's line has been begun and was neither taken nor abandoned. */
int LineReader_IsOpen(const void *owner);

/* Gives up the line, if any, after an interrupt; or whoever's it is, for another reader. */
void LineReader_Abandon(const void *owner);
void LineReader_AbandonAny(void);

#endif
