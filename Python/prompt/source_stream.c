/* Lines of what is no terminal: a pipe, a file; see Include/linesource.h.

   Characters are taken from the stream as long as it has some at hand, and more are fetched only
   once there are: so background work goes on in the midst of a line, and the stream has read no
   more ahead than it would have for fgets(). */

#include "linesource.h"

#include <errno.h>
#include <string.h>

/* True if stdio holds text that was read already: the descriptor may never become readable again
   while a whole line lies there. */
static bool
has_text(FILE *stream)
{
    return stream->_IO_read_ptr < stream->_IO_read_end;
}

bool
stream_source_begin(LineSource *source, const char *prompt)
{
    StreamSource *self = (StreamSource *)source;
    self->prompt = prompt;
    fputs(prompt, stderr);
    fflush(stderr);
    return true;
}

WaitEnd
stream_source_wait(LineSource *source, Background *background)
{
    FILE *input = ((StreamSource *)source)->input;
    return has_text(input) ? WAIT_INPUT : background_wait(background, fileno(input));
}

/* Nothing more came: true at the end of file.  In the midst of a line, as for fgets(), it takes two
   of them; a terminal goes on after the first. */
static bool
end_of_input(StreamSource *self)
{
    bool is_end = feof(self->input) || errno != EINTR;
    clearerr(self->input);
    if (is_end && self->line.size > 0 && !self->has_paused) {
        self->has_paused = true;
        return false;
    }
    return is_end;
}

/* The runtime's lines are strings of C: for it a null byte, and what is behind it up to the next
   line, is not there. */
static bool
ends_line(StreamSource *self)
{
    const char *null = memchr(self->line.text, '\0', self->line.size);
    if (null != NULL) {
        self->line.size = (size_t)(null - self->line.text);
    }
    return null == NULL;
}

bool
stream_source_feed(LineSource *source)
{
    StreamSource *self = (StreamSource *)source;
    do {
        errno = 0;
        int character = getc(self->input);
        if (character == EOF) {
            return end_of_input(self);
        }
        self->has_paused = false;
        if (line_text_add(&self->line, &(char){(char)character}, 1) < 0) {
            self->is_out_of_memory = true;
            return true;
        }
        if (character == '\n' && ends_line(self)) {
            return true;
        }
    } while (has_text(self->input));
    return false;
}

void
stream_source_abort(LineSource *source)
{
    line_text_clear(&((StreamSource *)source)->line);
}

int
stream_source_end(LineSource *source, LineText *line)
{
    StreamSource *self = (StreamSource *)source;
    *line = self->line;
    self->line = (LineText){.text = NULL};
    return self->is_out_of_memory ? -1 : 0;
}

void
stream_source_free(LineSource *source)
{
    stream_source_abort(source);
    PyMem_RawFree(source);
}

/* Nobody sees a line there. */
static void
redraw(LineSource *Py_UNUSED(source))
{
}

static int
write_above(LineSource *Py_UNUSED(source), int terminal, const char *text, size_t size)
{
    return line_source_write_all(terminal, text, size);
}

static const LineSourceType stream_source = {.begin = stream_source_begin,
                                             .wait = stream_source_wait,
                                             .feed = stream_source_feed,
                                             .redraw = redraw,
                                             .write_above = write_above,
                                             .abort = stream_source_abort,
                                             .end = stream_source_end,
                                             .free = stream_source_free};

LineSource *
stream_source_new(FILE *input)
{
    StreamSource *self = PyMem_RawCalloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.type = &stream_source;
    self->input = input;
    return &self->base;
}
