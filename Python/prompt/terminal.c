/* The process's one terminal; see Include/terminal.h. */

#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static struct {
    /* Guarded by the GIL. */
    LineSource *line;       /* that the prompt reads, or what it runs; NULL if none */
    Background *background; /* of that read */
    LineSource *owned_line; /* that a coroutine reads; NULL if none */
    const void *owner;
    PyObject *made_up; /* owned: where lines come from in the place of the terminal */

    /* What the handler of SIGWINCH needs: whom to wake, and the handler that was there before. */
    _Atomic(Background *) reader;
    atomic_bool needs_redraw;
    struct sigaction handler_behind;
} terminal;

/* ---- The window's size ---- */

/* The module readline has a handler of SIGWINCH, too, which notes it for its own reader. */
static void
on_resize(int signal_number, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    Background *reader = terminal.reader;
    if (reader != NULL) {
        terminal.needs_redraw = true;
        background_wake(reader);
    }
    const struct sigaction *behind = &terminal.handler_behind;
    if (behind->sa_flags & SA_SIGINFO) {
        behind->sa_sigaction(signal_number, info, context);
    }
    else if (behind->sa_handler != SIG_DFL && behind->sa_handler != SIG_IGN) {
        behind->sa_handler(signal_number);
    }
    errno = saved_errno;
}

static void
watch_window(void)
{
    sigaction(SIGWINCH, NULL, &terminal.handler_behind);
    struct sigaction action = terminal.handler_behind;
    action.sa_flags |= SA_SIGINFO;
    action.sa_sigaction = on_resize;
    sigaction(SIGWINCH, &action, NULL);
}

static void
end_watching_window(void)
{
    struct sigaction action;
    sigaction(SIGWINCH, &terminal.handler_behind, &action);
    if (!(action.sa_flags & SA_SIGINFO) || action.sa_sigaction != on_resize) {
        /* Somebody, such as background work, has set another meanwhile. */
        sigaction(SIGWINCH, &action, NULL);
    }
}

bool
terminal_take_redraw(void)
{
    return atomic_exchange(&terminal.needs_redraw, false);
}

/* ---- The line being typed ---- */

void
terminal_begin_line(LineSource *source, Background *background)
{
    background_open(background);
    if (terminal.background == NULL) {
        terminal.line = source;
        terminal.background = background;
        terminal.reader = background;
        watch_window();
    }
}

void
terminal_end_line(Background *background)
{
    if (terminal.background == background) {
        end_watching_window();
        terminal.reader = NULL;
        terminal.line = NULL;
        terminal.background = NULL;
    }
    background_close(background);
}

bool
terminal_is_reading(void)
{
    return terminal.background != NULL;
}

bool
terminal_take_output(void)
{
    if (terminal.background == NULL) {
        return false;
    }
    terminal.background->has_output = true;
    background_wake(terminal.background);
    return true;
}

int
terminal_write(int descriptor, const char *text, size_t size, bool above_line)
{
    LineSource *line = terminal.owned_line != NULL ? terminal.owned_line : terminal.line;
    int result = above_line && line != NULL ? line->type->write_above(line, descriptor, text, size)
                                            : line_source_write_all(descriptor, text, size);
    if (result < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return result;
}

/* ---- A coroutine's line ---- */

bool
terminal_begin_owned_line(const void *owner, LineSource *source, const char *prompt)
{
    bool is_begun =
        source != NULL && terminal.owned_line == NULL && source->type->begin(source, prompt);
    if (is_begun) {
        terminal.owned_line = source;
        terminal.owner = owner;
    }
    else if (source != NULL) {
        source->type->free(source);
    }
    return is_begun;
}

LineSource *
terminal_owned_line(const void *owner)
{
    return terminal.owner == owner ? terminal.owned_line : NULL;
}

void
terminal_end_owned_line(const void *owner)
{
    LineSource *line = terminal_owned_line(owner);
    if (line != NULL) {
        terminal.owned_line = NULL;
        line->type->free(line);
    }
}

void
terminal_take_over(void)
{
    terminal_end_owned_line(terminal.owner);
}

/* ---- Made-up lines ---- */

PyObject *
terminal_line_source(void)
{
    return Py_XNewRef(terminal.made_up);
}

void
terminal_set_line_source(PyObject *object)
{
    Py_XSETREF(terminal.made_up, Py_XNewRef(object));
}
