/* What line sources share; see Include/linesource.h. */

#include "linesource.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Most lines are shorter. */
enum { FIRST_CAPACITY = 128 };

int
line_text_add(LineText *line, const char *text, size_t size)
{
    size_t needed = line->size + size;
    if (needed > line->capacity) {
        size_t capacity = Py_MAX(needed, Py_MAX(line->capacity * 2, FIRST_CAPACITY));
        char *grown = PyMem_RawRealloc(line->text, capacity);
        if (grown == NULL) {
            return -1;
        }
        line->text = grown;
        line->capacity = capacity;
    }
    if (size > 0) {
        memcpy(line->text + line->size, text, size);
        line->size = needed;
    }
    return 0;
}

void
line_text_clear(LineText *line)
{
    PyMem_RawFree(line->text);
    *line = (LineText){.text = NULL};
}

int
line_source_write_all(int descriptor, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(descriptor, text, size);
        if (written < 0 && errno == EAGAIN) {
            /* asyncio makes a terminal that it writes to non-blocking. */
            struct pollfd status = {.fd = descriptor, .events = POLLOUT};
            poll(&status, 1, -1);
        }
        else if (written < 0 && errno != EINTR) {
            return -1;
        }
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        }
    }
    return 0;
}
