/* A line from readline's callback interface; see Include/linereader.h. */

#include "linereader.h"

#include "readlinelib.h"

/* readline itself has one line, in static variables, and its callback no argument. */
static _Thread_local struct {
    const void *owner;
    const Readline *library; /* while a line is being read; NULL otherwise */
    int is_over;
    int catches_resize; /* whether the library does, of itself */
    char *line;         /* malloc()ed by readline; NULL at end of file */
} reading;

static void
on_line(char *line)
{
    reading.is_over = 1;
    reading.line = line;
    /* Here and not later: otherwise the prompt is shown once more. */
    Readline_Call(reading.library, READLINE_rl_callback_handler_remove);
}

static void
use_streams(FILE *input, FILE *output)
{
    *(FILE **)reading.library->symbols[READLINE_rl_instream] = input;
    *(FILE **)reading.library->symbols[READLINE_rl_outstream] = output;
}

int
LineReader_IsOpen(const void *owner)
{
    return reading.library != NULL && reading.owner == owner;
}

int
LineReader_Begin(const void *owner, FILE *input, FILE *output, const char *prompt)
{
    if (reading.library != NULL || (reading.library = Readline_Open()) == NULL) {
        return 0;
    }
    reading.owner = owner;
    reading.is_over = 0;
    reading.line = NULL;
    use_streams(input, output);
    /* Signals are the interpreter's, and a new size is the owner's to tell. */
    Readline_Set(reading.library, READLINE_rl_catch_signals, 0);
    reading.catches_resize = Readline_Set(reading.library, READLINE_rl_catch_sigwinch, 0);
    void (*install)(const char *, void (*)(char *));
    *(void **)&install = reading.library->symbols[READLINE_rl_callback_handler_install];
    install(prompt, on_line);
    return 1;
}

static void
end_line(void)
{
    Readline_Set(reading.library, READLINE_rl_catch_sigwinch, reading.catches_resize);
    reading.library = NULL;
}

/* True if readline has taken a key already that it has done nothing with yet. */
static int
has_pending_key(void)
{
    const int *pending = reading.library->symbols[READLINE_rl_pending_input];
    return pending != NULL && *pending != 0;
}

/* After a repeated insertion (ESC 3 x) the key behind it, read ahead, would be left until another
   is pressed. */
int
LineReader_Feed(const void *owner)
{
    if (!LineReader_IsOpen(owner) || reading.is_over) {
        return 0;
    }
    do {
        Readline_Call(reading.library, READLINE_rl_callback_read_char);
    } while (!reading.is_over && has_pending_key());
    return reading.is_over;
}

void
LineReader_Resize(const void *owner)
{
    if (LineReader_IsOpen(owner)) {
        Readline_Call(reading.library, READLINE_rl_resize_terminal);
    }
}

char *
LineReader_Take(const void *owner)
{
    if (!LineReader_IsOpen(owner) || !reading.is_over) {
        return NULL;
    }
    char *line = reading.line;
    reading.line = NULL;
    if (line != NULL) {
        Readline_AddHistory(reading.library, line);
    }
    end_line();
    return line;
}

void
LineReader_Abandon(const void *owner)
{
    if (!LineReader_IsOpen(owner)) {
        return;
    }
    if (!reading.is_over) {
        Readline_Call(reading.library, READLINE_rl_free_line_state);
        Readline_Call(reading.library, READLINE_rl_callback_sigcleanup);
        Readline_Call(reading.library, READLINE_rl_cleanup_after_signal);
        Readline_Call(reading.library, READLINE_rl_callback_handler_remove);
    }
    free(reading.line);
    end_line();
}

void
LineReader_AbandonAny(void)
{
    LineReader_Abandon(reading.owner);
}
