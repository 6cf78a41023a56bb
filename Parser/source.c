/* Bytes to decoded source.

   In: a string or a file; a line at a time is filelines.c. Out: a Source, to be given to
   source_clear. What cannot be decoded is not diagnosed: -1 says that whoever reports it has to
   look at the bytes again. */

#include "source.h"

#include <string.h>
#include <sys/stat.h>

enum {
    MARK_SIZE = 3, /* UTF-8 byte order mark */
    FIRST_BUFFER_SIZE = 1024,
    NORMALIZED_SIZE = 12, /* as much of the name is looked at to find UTF-8 and Latin-1 */
};

static int
fail_memory(void)
{
    PyErr_NoMemory();
    return -1;
}

int
source_undecided(void)
{
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_Exception)
        && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
    }
    return -1;
}

/* ---- the encoding cookie ---- */

static const char *
skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\f')) {
        at++;
    }
    return at;
}

static bool
is_in_encoding_name(char c)
{
    return Py_ISALNUM((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* cookie: blanks "#" anything "coding" (":" | "=") blanks name */
static bool
find_cookie(const char *line, const char *end, const char **name, size_t *length)
{
    static const char word[] = "coding";
    const size_t size = sizeof(word) - 1;
    const char *at = skip_blanks(line, end);
    if (at == end || *at != '#') {
        return false;
    }
    while ((at = memchr(at, 'c', end - at)) != NULL) {
        if ((size_t)(end - at) > size && memcmp(at, word, size) == 0
            && (at[size] == ':' || at[size] == '=')) {
            const char *begin = at + size + 1;
            while (begin < end && (*begin == ' ' || *begin == '\t')) {
                begin++;
            }
            const char *stop = begin;
            while (stop < end && is_in_encoding_name(*stop)) {
                stop++;
            }
            if (stop > begin) {
                *name = begin;
                *length = stop - begin;
                return true;
            }
        }
        at++;
    }
    return false;
}

static bool
begins_with_word(const char *name, const char *word)
{
    size_t length = strlen(word);
    return strncmp(name, word, length) == 0 && (name[length] == '\0' || name[length] == '-');
}

typedef enum {
    ENCODING_UTF8,
    ENCODING_LATIN1,
    ENCODING_OTHER,
} EncodingKind;

/* What an editor puts behind the first two, such as "-unix", is passed over (PEP 263). */
static EncodingKind
encoding_kind(const char *name, size_t length)
{
    char normalized[NORMALIZED_SIZE + 1];
    size_t i;
    for (i = 0; i < length && i < NORMALIZED_SIZE; i++) {
        normalized[i] = name[i] == '_' ? '-' : (char)Py_TOLOWER(name[i]);
    }
    normalized[i] = '\0';
    if (begins_with_word(normalized, "utf-8")) {
        return ENCODING_UTF8;
    }
    bool is_latin1 = begins_with_word(normalized, "latin-1")
                     || begins_with_word(normalized, "iso-8859-1")
                     || begins_with_word(normalized, "iso-latin-1");
    return is_latin1 ? ENCODING_LATIN1 : ENCODING_OTHER;
}

/* ---- line ends ---- */

/* Copy text with every line end made into "\n"; return the size. */
static size_t
copy_lines(char *to, const char *from, const char *end)
{
    char *start = to;
    while (from < end) {
        const char *stop = memchr(from, '\r', end - from);
        size_t length = (stop == NULL ? end : stop) - from;
        memcpy(to, from, length);
        to += length;
        from += length;
        if (stop != NULL) {
            *to++ = '\n';
            from += from + 1 < end && from[1] == '\n' ? 2 : 1;
        }
    }
    return to - start;
}

/* A string that ends in "\r\n" counts as ending without, and gets a line end more. */
static int
normalize_lines(Source *source, bool ends_line)
{
    if (memchr(source->text, '\r', source->size) == NULL) {
        return 0;
    }
    char *buffer = PyMem_Malloc(source->size + 1);
    if (buffer == NULL) {
        return fail_memory();
    }
    const char *end = source->text + source->size;
    bool adds_end = ends_line && source->size > 1 && end[-2] == '\r' && end[-1] == '\n';
    source->size = copy_lines(buffer, source->text, end);
    if (adds_end) {
        buffer[source->size++] = '\n';
    }
    buffer[source->size] = '\0';
    PyMem_Free(source->buffer);
    source->buffer = buffer;
    source->text = buffer;
    return 0;
}

/* ---- decoding ---- */

static int
decode(Source *source, const char *encoding, bool ends_line)
{
    /* The line end that is taken to follow the last line is part of what is decoded. */
    bool adds_end = ends_line && (source->size == 0 || source->text[source->size - 1] != '\n');
    PyObject *string;
    if (adds_end) {
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, source->size + 1);
        if (bytes == NULL) {
            return -1;
        }
        memcpy(PyBytes_AS_STRING(bytes), source->text, source->size);
        PyBytes_AS_STRING(bytes)[source->size] = '\n';
        string = PyUnicode_Decode(PyBytes_AS_STRING(bytes), source->size + 1, encoding, NULL);
        Py_DECREF(bytes);
    }
    else {
        string = PyUnicode_Decode(source->text, source->size, encoding, NULL);
    }
    if (string == NULL) {
        return -1;
    }
    source->decoded = PyUnicode_AsUTF8String(string);
    Py_DECREF(string);
    if (source->decoded == NULL) {
        return -1;
    }
    source->text = PyBytes_AS_STRING(source->decoded);
    source->size = strlen(source->text);
    return 0;
}

CookieKind
source_find_cookie(const char *line, const char *end, char encoding[SOURCE_ENCODING_SIZE])
{
    const char *name, *first = skip_blanks(line, end);
    size_t length;
    if (!find_cookie(line, end, &name, &length)) {
        return first < end && *first != '#' && *first != '\n' ? COOKIE_NONE : COOKIE_NOT_YET;
    }
    EncodingKind kind = encoding_kind(name, length);
    if (kind == ENCODING_UTF8) {
        return COOKIE_UTF8;
    }
    if (kind == ENCODING_LATIN1) {
        name = "iso-8859-1";
        length = strlen(name);
    }
    if (length >= SOURCE_ENCODING_SIZE) {
        return COOKIE_TOO_LONG;
    }
    memcpy(encoding, name, length);
    encoding[length] = '\0';
    return COOKIE_OTHER;
}

/* Look in the first two lines; in the second only if the first holds no more than a comment. */
static CookieKind
find_cookie_in_source(const char *text, const char *end, bool ends_line,
                      char encoding[SOURCE_ENCODING_SIZE])
{
    for (int line = 0; line < 2; line++) {
        const char *line_end = memchr(text, '\n', end - text);
        if (line_end == NULL) {
            if (!ends_line) {
                return COOKIE_NONE;
            }
            line_end = end;
        }
        CookieKind kind = source_find_cookie(text, line_end, encoding);
        if (kind != COOKIE_NOT_YET || line_end == end) {
            return kind;
        }
        text = line_end + 1;
    }
    return COOKIE_NONE;
}

/* Settle the encoding by byte order mark and cookie. Set *is_decoded if it was not UTF-8. */
static int
decode_by_cookie(Source *source, bool ends_line, bool *is_decoded)
{
    char encoding[SOURCE_ENCODING_SIZE];
    bool has_mark = source->size >= MARK_SIZE && memcmp(source->text, "\xef\xbb\xbf", 3) == 0;
    if (has_mark) {
        source->text += MARK_SIZE;
        source->size -= MARK_SIZE;
    }
    switch (find_cookie_in_source(source->text, source->text + source->size, ends_line, encoding)) {
    case COOKIE_OTHER:
        break;
    case COOKIE_TOO_LONG:
        return -1;
    default:
        return 0;
    }
    if (has_mark) {
        return -1;
    }
    *is_decoded = true;
    return decode(source, encoding, ends_line);
}

int
source_from_string(Source *source, const char *string, bool is_utf8, bool ends_line)
{
    bool is_decoded = false;
    *source = (Source){.text = string, .size = strlen(string)};
    if (normalize_lines(source, ends_line) < 0) {
        return -1;
    }
    return is_utf8 ? 0 : decode_by_cookie(source, ends_line, &is_decoded);
}

/* ---- files ---- */

static int
read_rest(Source *source, FILE *file)
{
    struct stat status;
    long position = ftell(file);
    if (position < 0 || fstat(fileno(file), &status) < 0 || !S_ISREG(status.st_mode)
        || status.st_size < position) {
        return -1;
    }
    size_t expected = (size_t)(status.st_size - position);
    source->buffer = PyMem_Malloc(expected + 1);
    if (source->buffer == NULL) {
        return fail_memory();
    }
    source->size = fread(source->buffer, 1, expected, file);
    source->buffer[source->size] = '\0';
    source->text = source->buffer;
    /* A file that changes while it is read is left to the line by line reader. */
    return source->size == expected && getc(file) == EOF && !ferror(file) ? 0 : -1;
}

bool
source_is_utf8(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] >= 128) {
            PyObject *string = PyUnicode_DecodeUTF8(text + i, (Py_ssize_t)(size - i), NULL);
            Py_XDECREF(string);
            return string != NULL;
        }
    }
    return true;
}

/* What is not UTF-8 though it says so, or has null bytes, is left to the line by line reader. */
int
source_from_file(Source *source, FILE *file)
{
    bool is_decoded = false;
    *source = (Source){.text = NULL};
    if (read_rest(source, file) < 0 || memchr(source->text, '\0', source->size) != NULL
        || decode_by_cookie(source, true, &is_decoded) < 0) {
        return -1;
    }
    if (is_decoded ? (size_t)PyBytes_GET_SIZE(source->decoded) != source->size
                   : !source_is_utf8(source->text, source->size)) {
        return -1;
    }
    return normalize_lines(source, false);
}

/* ---- line by line ---- */

int
source_add(Source *source, const char *text, size_t size)
{
    size_t wanted = source->size + size + 1;
    if (wanted > source->capacity) {
        size_t capacity = Py_MAX(wanted, 2 * source->capacity);
        capacity = Py_MAX(capacity, FIRST_BUFFER_SIZE);
        char *bigger = PyMem_Realloc(source->buffer, capacity);
        if (bigger == NULL) {
            return fail_memory();
        }
        source->text = source->buffer = bigger;
        source->capacity = capacity;
    }
    memcpy(source->buffer + source->size, text, size);
    source->size += size;
    source->buffer[source->size] = '\0';
    return 0;
}

void
source_clear(Source *source)
{
    PyMem_Free(source->buffer);
    PyMem_Free(source->inner_ends);
    Py_CLEAR(source->decoded);
    source->buffer = NULL;
    source->text = NULL;
}
