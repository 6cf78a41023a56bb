/* The library behind the module readline (Python/prompt/readlinelib.c).

   The interpreter is not linked with it: it is the one that the module has loaded and set up (key
   bindings, completion, history), and it is asked for by name. */

#ifndef ASYNC_READLINELIB_H
#define ASYNC_READLINELIB_H

#include <Python.h>
#include <stdbool.h>

/* The functions and variables of the library that we use. */
#define READLINE_SYMBOLS(X)                                                                        \
    X(add_history)                                                                                 \
    X(history_base)                                                                                \
    X(history_get)                                                                                 \
    X(history_length)                                                                              \
    X(rl_callback_handler_install)                                                                 \
    X(rl_callback_handler_remove)                                                                  \
    X(rl_callback_read_char)                                                                       \
    X(rl_callback_sigcleanup)                                                                      \
    X(rl_catch_signals)                                                                            \
    X(rl_catch_sigwinch)                                                                           \
    X(rl_cleanup_after_signal)                                                                     \
    X(rl_clear_visible_line)                                                                       \
    X(rl_forced_update_display)                                                                    \
    X(rl_free_line_state)                                                                          \
    X(rl_instream)                                                                                 \
    X(rl_outstream)                                                                                \
    X(rl_pending_input)                                                                            \
    X(rl_resize_terminal)

/* clang-format off */
typedef enum {
#define READLINE_ENUMERATOR(name) READLINE_##name,
    READLINE_SYMBOLS(READLINE_ENUMERATOR)
#undef READLINE_ENUMERATOR
    READLINE_SYMBOL_COUNT
} ReadlineSymbol;
/* clang-format on */

/* Where they are; NULL where the library, GNU's or libedit, has none of the name. */
typedef struct {
    const void *reader; /* what PyOS_ReadlineFunctionPointer was when they were looked up */
    void *symbols[READLINE_SYMBOL_COUNT];
} Readline;

/* The library, if the module readline reads the prompt's lines and it can be fed key by key; NULL
   if the module was not imported, or somebody else has put a reader of his own in its place.  Valid
   in this thread until the next call.  No exception is ever set. */
const Readline *readlinelib_open(void);

/* Calls a function without arguments.  False if there is none of that name. */
bool readlinelib_call(const Readline *library, ReadlineSymbol function);

/* Sets a variable, if there is one of that name; returns its value before. */
int readlinelib_set(const Readline *library, ReadlineSymbol variable, int value);

/* Adds line to the history, as the module does: unless it is empty or the same as the one before,
   or readline.set_auto_history(False) was called. */
void readlinelib_add_history(const Readline *library, const char *line);

#endif
