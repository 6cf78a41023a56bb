/* Lines of a terminal whose line the kernel edits; see Include/linesource.h.

   The kernel keeps the line until it is complete, and nobody can look at it or erase it from the
   screen.  So what has been typed when other output comes is taken out of the kernel's hands: it
   becomes the beginning of the line, is shown again behind the prompt, and can no longer be
   erased. */

#include "linesource.h"

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ERASE_LINE "\r\x1b[K"

/* Takes the unfinished line out of the kernel's editor, which gives it away, and cannot be asked
   for it otherwise, once it is told to edit no lines.  Without memory for it the kernel's echo is
   all that is left of it, and the line is what follows. */
static void
take_typed(StreamSource *self)
{
    int input = fileno(self->input);
    struct pollfd status = {.fd = input, .events = POLLIN};
    struct termios editing;
    if (poll(&status, 1, 0) > 0 || tcgetattr(input, &editing) < 0 || !(editing.c_lflag & ICANON)) {
        return;
    }
    struct termios plain = editing;
    plain.c_lflag &= ~(tcflag_t)ICANON;
    plain.c_cc[VMIN] = 0;
    plain.c_cc[VTIME] = 0;
    if (tcsetattr(input, TCSANOW, &plain) < 0) {
        return;
    }
    char text[MAX_CANON];
    ssize_t size = read(input, text, sizeof(text));
    tcsetattr(input, TCSANOW, &editing);
    if (size > 0) {
        (void)line_text_add(&self->line, text, (size_t)size);
    }
}

static int
draw(StreamSource *self, int terminal)
{
    if (line_source_write_all(terminal, self->prompt, strlen(self->prompt)) < 0) {
        return -1;
    }
    return line_source_write_all(terminal, self->line.text, self->line.size);
}

/* The terminal does so itself. */
static void
redraw(LineSource *Py_UNUSED(source))
{
}

static int
write_above(LineSource *source, int terminal, const char *text, size_t size)
{
    StreamSource *self = (StreamSource *)source;
    take_typed(self);
    bool has_end = size > 0 && text[size - 1] == '\n';
    if (line_source_write_all(terminal, ERASE_LINE, strlen(ERASE_LINE)) < 0
        || line_source_write_all(terminal, text, size) < 0
        || (!has_end && line_source_write_all(terminal, "\n", 1) < 0)) {
        return -1;
    }
    return draw(self, terminal);
}

/* The end of file behind something that was taken ends the line. */
static int
end(LineSource *source, LineText *line)
{
    StreamSource *self = (StreamSource *)source;
    if (self->line.size > 0 && self->line.text[self->line.size - 1] != '\n'
        && line_text_add(&self->line, "\n", 1) < 0) {
        return -1;
    }
    return stream_source_end(source, line);
}

static const LineSourceType terminal_source = {.begin = stream_source_begin,
                                               .wait = stream_source_wait,
                                               .feed = stream_source_feed,
                                               .redraw = redraw,
                                               .write_above = write_above,
                                               .abort = stream_source_abort,
                                               .end = end,
                                               .free = stream_source_free};

LineSource *
terminal_source_new(FILE *input)
{
    LineSource *source = stream_source_new(input);
    if (source != NULL) {
        source->type = &terminal_source;
    }
    return source;
}
