/* Lines that the library of module readline edits, by its callbacks; see Include/linesource.h.

   The module's own reader calls PyOS_InputHook only when for 0.1 s after a key there was no other:
   so long the background would stand still.  This one takes its place, and does all that it does:
   streams, locale, history. */

#include "linesource.h"

#include "readlinelib.h"

#include <internal/pycore_pylifecycle.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    LineSource base;
    FILE *input, *output;
    const Readline *library;
    bool is_open, is_over;
    int catches_resize; /* whether the library does, of itself */
    char *line;         /* malloc()ed by readline; NULL at end of file */
} ReadlineSource;

/* readline itself has one line, in static variables, and its callback no argument. */
static _Thread_local ReadlineSource *open_source;

/* ---- The locale ---- */

/* What is typed is in the environment's encoding, whatever the program has set.  NULL without
   memory, when nothing was changed. */
static char *
use_locale_of_environment(void)
{
    const char *current = setlocale(LC_CTYPE, NULL);
    char *saved = current == NULL ? NULL : strdup(current);
    if (saved != NULL) {
        _Py_SetLocaleFromEnv(LC_CTYPE);
    }
    return saved;
}

static void
restore_locale(char *saved)
{
    if (saved != NULL) {
        setlocale(LC_CTYPE, saved);
        free(saved);
    }
}

static void
call_in_locale(ReadlineSource *self, ReadlineSymbol function)
{
    char *saved = use_locale_of_environment();
    readlinelib_call(self->library, function);
    restore_locale(saved);
}

/* ---- The line ---- */

static void
on_line(char *line)
{
    open_source->is_over = true;
    open_source->line = line;
    /* Here and not later: otherwise the prompt is shown once more. */
    readlinelib_call(open_source->library, READLINE_rl_callback_handler_remove);
}

static bool
begin(LineSource *source, const char *prompt)
{
    ReadlineSource *self = (ReadlineSource *)source;
    self->library = open_source != NULL ? NULL : readlinelib_open();
    if (self->library == NULL) {
        return false;
    }
    open_source = self;
    self->is_open = true;
    self->is_over = false;
    *(FILE **)self->library->symbols[READLINE_rl_instream] = self->input;
    *(FILE **)self->library->symbols[READLINE_rl_outstream] = self->output;
    /* Signals are the interpreter's, and a new size is the terminal's to tell. */
    readlinelib_set(self->library, READLINE_rl_catch_signals, 0);
    self->catches_resize = readlinelib_set(self->library, READLINE_rl_catch_sigwinch, 0);
    void (*install)(const char *, void (*)(char *));
    *(void **)&install = self->library->symbols[READLINE_rl_callback_handler_install];
    char *saved = use_locale_of_environment();
    install(prompt, on_line);
    restore_locale(saved);
    return true;
}

static WaitEnd
wait_for_key(LineSource *source, Background *background)
{
    return background_wait(background, fileno(((ReadlineSource *)source)->input));
}

/* True if readline has taken a key already that it has done nothing with yet. */
static bool
has_pending_key(ReadlineSource *self)
{
    const int *pending = self->library->symbols[READLINE_rl_pending_input];
    return pending != NULL && *pending != 0;
}

/* After a repeated insertion (ESC 3 x) the key behind it, read ahead, would be left until another
   is pressed. */
static bool
feed(LineSource *source)
{
    ReadlineSource *self = (ReadlineSource *)source;
    char *saved = use_locale_of_environment();
    do {
        readlinelib_call(self->library, READLINE_rl_callback_read_char);
    } while (!self->is_over && has_pending_key(self));
    restore_locale(saved);
    return self->is_over;
}

static void
redraw(LineSource *source)
{
    call_in_locale((ReadlineSource *)source, READLINE_rl_resize_terminal);
}

static int
write_above(LineSource *source, int terminal, const char *text, size_t size)
{
    ReadlineSource *self = (ReadlineSource *)source;
    readlinelib_call(self->library, READLINE_rl_clear_visible_line);
    fflush(self->output);
    bool has_end = size > 0 && text[size - 1] == '\n';
    if (line_source_write_all(terminal, text, size) < 0
        || (!has_end && line_source_write_all(terminal, "\n", 1) < 0)) {
        return -1;
    }
    call_in_locale(self, READLINE_rl_forced_update_display);
    fflush(self->output);
    return 0;
}

static void
close_line(ReadlineSource *self)
{
    if (self->is_open) {
        readlinelib_set(self->library, READLINE_rl_catch_sigwinch, self->catches_resize);
        self->is_open = false;
        open_source = NULL;
    }
}

static void
give_up(LineSource *source)
{
    ReadlineSource *self = (ReadlineSource *)source;
    if (self->is_open && !self->is_over) {
        readlinelib_call(self->library, READLINE_rl_free_line_state);
        readlinelib_call(self->library, READLINE_rl_callback_sigcleanup);
        readlinelib_call(self->library, READLINE_rl_cleanup_after_signal);
        readlinelib_call(self->library, READLINE_rl_callback_handler_remove);
    }
    close_line(self);
    free(self->line);
    self->line = NULL;
}

static int
end(LineSource *source, LineText *line)
{
    ReadlineSource *self = (ReadlineSource *)source;
    *line = (LineText){.text = NULL};
    int result = 0;
    if (self->line != NULL) {
        readlinelib_add_history(self->library, self->line);
        if (line_text_add(line, self->line, strlen(self->line)) < 0
            || line_text_add(line, "\n", 1) < 0) {
            result = -1;
        }
    }
    close_line(self);
    free(self->line);
    self->line = NULL;
    return result;
}

static void
free_source(LineSource *source)
{
    give_up(source);
    PyMem_RawFree(source);
}

static const LineSourceType readline_source = {.begin = begin,
                                               .wait = wait_for_key,
                                               .feed = feed,
                                               .redraw = redraw,
                                               .write_above = write_above,
                                               .abort = give_up,
                                               .end = end,
                                               .free = free_source};

LineSource *
readline_source_new(FILE *input, FILE *output)
{
    ReadlineSource *self = PyMem_RawCalloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.type = &readline_source;
    self->input = input;
    self->output = output;
    return &self->base;
}
