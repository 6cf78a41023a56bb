/* The process's one terminal, and who reads a line from it (Python/prompt/terminal.c).

   The only state of the prompt that is the process's own: readline and the terminal have one line,
   signals no argument. */

#ifndef ASYNC_TERMINAL_H
#define ASYNC_TERMINAL_H

#include "background.h"
#include "linesource.h"

/* Around the time in which a line is being typed.  With the GIL. */
void terminal_begin_line(LineSource *source, Background *background);
void terminal_end_line(Background *background);

/* True once after the window was given another size while a line was being typed. */
bool terminal_take_redraw(void);

/* Whether a thread reads a line.  With the GIL. */
bool terminal_is_reading(void);

/* Has that thread, if there is one, call the session's show_output() soon.  False if there is
   none.  With the GIL. */
bool terminal_take_output(void);

/* Writes text to the descriptor terminal; above_line: above the line that is being typed, if one
   is.  With the GIL held throughout.  -1 with OSError. */
int terminal_write(int terminal, const char *text, size_t size, bool above_line);

/* A line that a coroutine reads, fed by hand; owner is any address.  Takes source, if that is not
   NULL; false if it could not be begun, when it has been freed.  The others do nothing where
   another owner's line is open, or none. */
bool terminal_begin_owned_line(const void *owner, LineSource *source, const char *prompt);
LineSource *terminal_owned_line(const void *owner);
void terminal_end_owned_line(const void *owner);
/* Gives up whoever's line it is, for another reader. */
void terminal_take_over(void);

/* The object that lines come from in the place of the terminal: new reference, or NULL.  Set takes
   a borrowed one, or NULL. */
PyObject *terminal_line_source(void);
void terminal_set_line_source(PyObject *object);

#endif
