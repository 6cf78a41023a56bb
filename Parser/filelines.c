/* A file, line by line.  The contract is in filelines.h.

   In: a C stream. Out: text for parser_run_lines, UTF-8 with all line ends "\n".

   Null bytes. CPython reads lines as C strings: what follows a null byte, up to and with the line
   end, is lost, and the next line is joined to what came before. Where nothing came before, its
   tokenizer meets an end that is none. So the text has a null byte there, at the beginning of a
   line, and nowhere else; what it means is the tokenizer's to know. In text that was decoded a null
   byte is a character. Such a one becomes BAD_BYTE, since it is as wrong as that everywhere but in
   a comment. */

#include "filelines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tokenizer.h"

enum {
    /* CPython takes longer lines in pieces, whose size depends on what it has read before. */
    LONGEST_LINE_WITH_NULL = 8000,
    BAD_BYTE = 0xff,
};

/* ---- bytes ---- */

static int
add_byte(char **bytes, size_t *size, size_t *capacity, int byte)
{
    if (*size == *capacity && vector_grow((void **)bytes, capacity, 1) < 0) {
        return -1;
    }
    (*bytes)[(*size)++] = (char)byte;
    return 0;
}

/* Set *byte to EOF at the end, of which an error of reading is one. */
static int
read_byte(FileLines *input, int *byte)
{
    errno = 0;
    while ((*byte = getc(input->file)) == EOF && ferror(input->file) && errno == EINTR) {
        clearerr(input->file);
        if (PyErr_CheckSignals() < 0) {
            return -1;
        }
        errno = 0;
    }
    if (*byte == EOF || input->position >= 0) {
        return 0;
    }
    return add_byte(&input->taken, &input->taken_size, &input->taken_capacity, *byte);
}

static void
unread_byte(FileLines *input, int byte)
{
    if (byte != EOF) {
        ungetc(byte, input->file);
        input->taken_size -= input->position < 0;
    }
}

/* ---- lines ---- */

/* Add what goes up to a line end to the line in hand; the line end as "\n". Nothing is added at the
   end of the file. */
static int
read_piece(FileLines *input)
{
    int byte;
    do {
        if (read_byte(input, &byte) < 0) {
            return -1;
        }
        if (byte == '\r') {
            if (read_byte(input, &byte) < 0) {
                return -1;
            }
            if (byte != '\n') {
                unread_byte(input, byte);
            }
            byte = '\n';
        }
        if (byte != EOF
            && add_byte(&input->line, &input->line_size, &input->line_capacity, byte) < 0) {
            return -1;
        }
    } while (byte != '\n' && byte != EOF);
    return 0;
}

static void
drop_mark(FileLines *input, size_t start)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t size = sizeof(mark) - 1;
    if (input->line_size - start >= size && memcmp(input->line + start, mark, size) == 0) {
        input->line_size -= size;
        memmove(input->line + start, input->line + start + size, input->line_size - start);
        input->has_declared_utf8 = true;
    }
}

/* Return 0 at the end of the file, 1 if a line is in hand, -1 as LineInput says. Its beginning,
   where CPython's tokenizer sees ends, is null bytes. */
static int
read_raw_line(FileLines *input)
{
    input->line_size = 0;
    for (bool is_first = input->line_count == 0;; is_first = false) {
        size_t start = input->line_size;
        if (read_piece(input) < 0) {
            return -1;
        }
        bool is_end = input->line_size == start;
        if (is_first) {
            drop_mark(input, start);
        }
        if (is_end) {
            return input->line_size > 0;
        }
        char *null = memchr(input->line + start, '\0', input->line_size - start);
        if (null == NULL) {
            return 1;
        }
        if (input->line_size - start > LONGEST_LINE_WITH_NULL) {
            return source_undecided();
        }
        bool is_empty = null == input->line || null[-1] == '\0';
        input->line_size = (size_t)(null - input->line) + is_empty;
        input->lines.source.has_nulls |= is_empty;
    }
}

/* ---- encoding ---- */

static PyObject *
open_decoder(FileLines *input, const char *encoding)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *decoder = io == NULL
                            ? NULL
                            : PyObject_CallMethod(io, "open", "isisOOO", fileno(input->file), "r",
                                                  -1, encoding, Py_None, Py_None, Py_False);
    PyObject *read_line = decoder == NULL ? NULL : PyObject_GetAttrString(decoder, "readline");
    Py_XDECREF(decoder);
    Py_XDECREF(io);
    return read_line;
}

/* From the next line on the file is read by an object that decodes. As in CPython that begins with
   the last line end, which counts for encodings whose characters take more than a byte. */
static int
decode_from_here(FileLines *input, const char *encoding)
{
    long position = ftell(input->file);
    if (input->position < 0 || position <= 0
        || lseek(fileno(input->file), position - 1, SEEK_SET) < 0) {
        return source_undecided();
    }
    input->read_line = open_decoder(input, encoding);
    PyObject *rest = input->read_line == NULL ? NULL : PyObject_CallNoArgs(input->read_line);
    Py_XDECREF(rest);
    return rest == NULL ? source_undecided() : 0;
}

static int
settle_encoding(FileLines *input, const char *text, size_t size)
{
    char encoding[SOURCE_ENCODING_SIZE];
    switch (source_find_cookie(text, text + size, encoding)) {
    case COOKIE_NOT_YET:
        return 0;
    case COOKIE_NONE:
        input->is_settled = true;
        return 0;
    case COOKIE_UTF8:
        input->is_settled = true;
        input->has_declared_utf8 = true;
        return 0;
    case COOKIE_OTHER:
        input->is_settled = true;
        return input->has_declared_utf8 ? source_undecided() : decode_from_here(input, encoding);
    case COOKIE_TOO_LONG:
        break;
    }
    return source_undecided();
}

/* ---- the lines of the parser ---- */

static int
add_line(FileLines *input, const char *text, size_t size)
{
    bool lacks_end = size == 0 || text[size - 1] != '\n';
    Source *source = &input->lines.source;
    input->line_count++;
    if (source_add(source, text, size) < 0 || (lacks_end && source_add(source, "\n", 1) < 0)) {
        return -1;
    }
    return 0;
}

static int
add_raw_line(FileLines *input)
{
    int result = read_raw_line(input);
    if (result <= 0) {
        input->lines.has_ended = result == 0;
        return result;
    }
    const char *text = input->line;
    size_t size = input->line_size, nulls = 0;
    while (nulls < size && text[nulls] == '\0') {
        nulls++;
    }
    if (nulls == size) {
        input->lines.has_ended = true;
        return source_add(&input->lines.source, text, size);
    }
    if (!input->is_settled && input->line_count < 2
        && settle_encoding(input, text + nulls, size - nulls) < 0) {
        return -1;
    }
    if (!input->has_declared_utf8 && input->read_line == NULL && !source_is_utf8(text, size)) {
        return source_undecided();
    }
    return add_line(input, text, size);
}

static void
mark_bad_bytes(FileLines *input, char *text, size_t size)
{
    char *end = text + size;
    while ((text = memchr(text, '\0', (size_t)(end - text))) != NULL) {
        *text++ = (char)BAD_BYTE;
        input->has_bad_bytes = true;
    }
}

static int
add_decoded_line(FileLines *input)
{
    PyObject *line = PyObject_CallNoArgs(input->read_line);
    Py_ssize_t size;
    const char *text = line == NULL ? NULL : PyUnicode_AsUTF8AndSize(line, &size);
    int result = -1;
    if (text != NULL && size == 0) {
        input->lines.has_ended = true;
        result = 0;
    }
    else if (text != NULL) {
        size_t before = input->lines.source.size;
        result = add_line(input, text, (size_t)size);
        if (result == 0) {
            mark_bad_bytes(input, input->lines.source.buffer + before, (size_t)size);
        }
    }
    Py_XDECREF(line);
    return result < 0 ? source_undecided() : 0;
}

static int
read_line(LineInput *lines)
{
    FileLines *input = (FileLines *)lines;
    return input->read_line == NULL ? add_raw_line(input) : add_decoded_line(input);
}

/* ---- the way in ---- */

void
file_lines_init(FileLines *input, FILE *file, long position)
{
    *input = (FileLines){
        .lines = {.read = read_line}, .file = file, .position = position, .terminal = -1};
    if (position >= 0) {
        input->descriptor_position = lseek(fileno(file), 0, SEEK_CUR);
    }
}

/* The C library forgets an end as soon as something is given back to it. */
static int
end_terminal(FileLines *input)
{
    int descriptor = fileno(input->file), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    input->terminal = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    input->descriptor_flags = fcntl(descriptor, F_GETFD);
    int result = null < 0 || input->terminal < 0 ? -1 : dup2(null, descriptor);
    if (result < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
    }
    if (null >= 0) {
        close(null);
    }
    return result < 0 ? -1 : 0;
}

/* It takes back any number of bytes, other than the standard asks of it. */
static int
give_back_taken(FileLines *input)
{
    for (size_t i = input->taken_size; i > 0; i--) {
        if (ungetc((unsigned char)input->taken[i - 1], input->file) == EOF) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

int
file_lines_give_back(FileLines *input)
{
    if (input->position < 0) {
        bool has_ended = feof(input->file);
        if (give_back_taken(input) < 0) {
            return -1;
        }
        return has_ended && isatty(fileno(input->file)) ? end_terminal(input) : 0;
    }
    if (input->read_line != NULL) {
        lseek(fileno(input->file), input->descriptor_position, SEEK_SET);
    }
    if (fseek(input->file, input->position, SEEK_SET) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

void
file_lines_clear(FileLines *input)
{
    PyMem_Free(input->taken);
    PyMem_Free(input->line);
    Py_CLEAR(input->read_line);
    if (input->terminal >= 0) {
        dup2(input->terminal, fileno(input->file));
        fcntl(fileno(input->file), F_SETFD, input->descriptor_flags);
        close(input->terminal);
    }
    source_clear(&input->lines.source);
}
