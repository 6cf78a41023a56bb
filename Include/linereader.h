/* Reading a line with readline, a character at a time, beside a running event loop
   (Python/linereader.c). */

#ifndef ASYNC_LINEREADER_H
#define ASYNC_LINEREADER_H

#include <Python.h>

/* Shows prompt and begins a line.  0 if the module readline is not there to edit it. */
int LineReader_Begin(const char *prompt);

/* To be called when the terminal is readable.  New reference: None while the line goes on, else the
   line as bytes, with its newline; b"" at the end of file.  The line is over then.  NULL with
   RuntimeError if none was begun. */
PyObject *LineReader_Feed(void);

/* Gives up the line that was begun, if any, after an interrupt. */
void LineReader_Abandon(void);

#endif
