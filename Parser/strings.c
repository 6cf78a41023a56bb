/* String and bytes literals.

   In: adjacent string tokens. Out: a Constant or a JoinedStr. Text without escapes goes from the
   source into the object in one step. */

#include "parser_internal.h"

enum { OCTAL_DIGITS = 3, LARGEST_BYTE = 255 };

/* ---- escapes ---- */

/* What is read of a literal, and the first of its escapes that means nothing. */
typedef struct {
    const char *at, *end;
    const char *first_invalid;
    uint8_t invalid_length;
} EscapeReader;

static void
note_invalid(EscapeReader *reader, const char *backslash, uint8_t length)
{
    if (reader->first_invalid == NULL) {
        reader->first_invalid = backslash + 1;
        reader->invalid_length = length;
    }
}

static int
warn_invalid(Parser *p, const EscapeReader *reader, int line)
{
    if (reader->first_invalid == NULL) {
        return 0;
    }
    uint32_t offset = (uint32_t)(reader->first_invalid - p->text);
    const char *message = reader->invalid_length == 1 ? "invalid escape sequence '\\%s'"
                                                      : "invalid octal escape sequence '\\%s'";
    return parser_warn(p, (PendingWarning){offset, line, PyExc_DeprecationWarning, offset,
                                           reader->invalid_length, message});
}

/* Escapes of one letter, the same in strings and bytes; -1 if it is none. */
static int
simple_escape(char c)
{
    switch (c) {
    case '\\':
    case '\'':
    case '"':
        return c;
    case 'a':
        return '\a';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    default:
        return -1;
    }
}

static int
octal_escape(EscapeReader *reader, const char *backslash)
{
    int value = 0;
    const char *stop = backslash + 1 + OCTAL_DIGITS;
    while (reader->at < reader->end && reader->at < stop && *reader->at >= '0'
           && *reader->at <= '7') {
        value = value * 8 + (*reader->at++ - '0');
    }
    if (value > LARGEST_BYTE) {
        note_invalid(reader, backslash, OCTAL_DIGITS);
    }
    return value;
}

static Py_UCS4
digit_value(char c)
{
    return (Py_UCS4)(Py_ISDIGIT((unsigned char)c) ? c - '0' : Py_TOLOWER(c) - 'a' + 10);
}

static bool
hexadecimal_escape(EscapeReader *reader, int digits, Py_UCS4 *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        if (reader->at >= reader->end || !Py_ISXDIGIT((unsigned char)*reader->at)) {
            return false;
        }
        *value = *value * 16 + digit_value(*reader->at++);
    }
    return *value <= 0x10ffff;
}

/* "\N{name}": the character database is asked by way of the codec. */
static bool
named_escape(EscapeReader *reader, const char *backslash, Py_UCS4 *value)
{
    const char *close = memchr(reader->at, '}', reader->end - reader->at);
    if (close == NULL) {
        return false;
    }
    PyObject *character = PyUnicode_DecodeUnicodeEscape(backslash, close + 1 - backslash, NULL);
    if (character == NULL || PyUnicode_GET_LENGTH(character) != 1) {
        Py_XDECREF(character);
        return false;
    }
    *value = PyUnicode_READ_CHAR(character, 0);
    Py_DECREF(character);
    reader->at = close + 1;
    return true;
}

/* The character after a backslash has been read. Return how many characters were written, or -1. */
static int
read_escape(EscapeReader *reader, Py_UCS4 *out)
{
    const char *backslash = reader->at++;
    if (reader->at >= reader->end || (unsigned char)*reader->at >= 128) {
        out[0] = '\\';
        return 1;
    }
    char c = *reader->at;
    int simple = simple_escape(c);
    if (simple >= 0) {
        reader->at++;
        out[0] = (Py_UCS4)simple;
        return 1;
    }
    if (c >= '0' && c <= '7') {
        out[0] = (Py_UCS4)octal_escape(reader, backslash);
        return 1;
    }
    reader->at++;
    switch (c) {
    case '\n':
        return 0;
    case 'x':
        return hexadecimal_escape(reader, 2, out) ? 1 : -1;
    case 'u':
        return hexadecimal_escape(reader, 4, out) ? 1 : -1;
    case 'U':
        return hexadecimal_escape(reader, 8, out) ? 1 : -1;
    case 'N':
        return named_escape(reader, backslash, out) ? 1 : -1;
    default:
        note_invalid(reader, backslash, 1);
        out[0] = '\\';
        out[1] = (Py_UCS4)c;
        return 2;
    }
}

/* Read one character of UTF-8; false if it is not well formed. */
static bool
read_character(EscapeReader *reader, Py_UCS4 *out)
{
    const unsigned char *at = (const unsigned char *)reader->at;
    size_t left = (size_t)(reader->end - reader->at);
    size_t size = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] < 0xc2 || at[0] > 0xf4 || size > left) {
        return false;
    }
    Py_UCS4 value = at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return false;
        }
        value = value << 6 | (at[i] & 0x3f);
    }
    static const Py_UCS4 smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    *out = value;
    reader->at += size;
    return value >= smallest[size] && value <= 0x10ffff && !Py_UNICODE_IS_SURROGATE(value);
}

static PyObject *
decode_escapes(Parser *p, EscapeReader *reader)
{
    size_t size = (size_t)(reader->end - reader->at);
    Py_UCS4 *out = parser_scratch(p, (size + 1) * sizeof(Py_UCS4));
    if (out == NULL) {
        return NULL;
    }
    size_t length = 0;
    while (reader->at < reader->end) {
        unsigned char c = (unsigned char)*reader->at;
        if (c == '\\') {
            int written = read_escape(reader, out + length);
            if (written < 0) {
                return NULL;
            }
            length += (size_t)written;
        }
        else if (c < 128) {
            out[length++] = c;
            reader->at++;
        }
        else if (!read_character(reader, &out[length++])) {
            return NULL;
        }
    }
    return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, out, (Py_ssize_t)length);
}

static PyObject *
decode_plain(const char *text, size_t size)
{
    /* A single character is one of the runtime's own objects, there and nowhere else. */
    if (size == 1 || !is_ascii(text, size)) {
        return PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, NULL);
    }
    PyObject *string = PyUnicode_New((Py_ssize_t)size, 127);
    if (string != NULL && size > 0) {
        memcpy(PyUnicode_1BYTE_DATA(string), text, size);
    }
    return string;
}

PyObject *
parser_decode_string(Parser *p, uint32_t start, uint32_t end, bool is_raw, int line)
{
    const char *text = p->text + start;
    size_t size = end - start;
    if (is_raw || memchr(text, '\\', size) == NULL) {
        return decode_plain(text, size);
    }
    EscapeReader reader = {text, text + size, NULL, 0};
    PyObject *string = decode_escapes(p, &reader);
    if (string != NULL && warn_invalid(p, &reader, line) < 0) {
        Py_CLEAR(string);
    }
    return string;
}

/* Bytes know fewer escapes. Return how many bytes were written, or -1. */
static int
read_bytes_escape(EscapeReader *reader, char *out)
{
    const char *backslash = reader->at++;
    char c = *reader->at;
    int simple = simple_escape(c);
    if (simple >= 0) {
        reader->at++;
        out[0] = (char)simple;
        return 1;
    }
    if (c >= '0' && c <= '7') {
        out[0] = (char)octal_escape(reader, backslash);
        return 1;
    }
    reader->at++;
    if (c == '\n') {
        return 0;
    }
    if (c == 'x') {
        Py_UCS4 value;
        if (!hexadecimal_escape(reader, 2, &value)) {
            return -1;
        }
        out[0] = (char)value;
        return 1;
    }
    note_invalid(reader, backslash, 1);
    out[0] = '\\';
    out[1] = c;
    return 2;
}

/* Write the value of a stretch of text, which is no longer than the text; return its size or -1. */
static Py_ssize_t
decode_bytes(Parser *p, StringParts parts, int line, char *out)
{
    const char *text = p->text + parts.start;
    size_t size = parts.end - parts.start;
    if (!is_ascii(text, size)) {
        return -1;
    }
    if (parts.is_raw || memchr(text, '\\', size) == NULL) {
        memcpy(out, text, size);
        return (Py_ssize_t)size;
    }
    EscapeReader reader = {text, text + size, NULL, 0};
    Py_ssize_t length = 0;
    while (reader.at < reader.end) {
        if (*reader.at != '\\') {
            out[length++] = *reader.at++;
            continue;
        }
        int written = read_bytes_escape(&reader, out + length);
        if (written < 0) {
            return -1;
        }
        length += written;
    }
    return warn_invalid(p, &reader, line) < 0 ? -1 : length;
}

/* ---- adjacent strings ---- */

static StringParts
take_apart(const Parser *p, size_t index)
{
    const Token *token = token_at(p, index);
    const char *at = p->text + token->start;
    StringParts parts = {0};
    for (; *at != '"' && *at != '\''; at++) {
        char c = (char)Py_TOLOWER(*at);
        parts.is_bytes |= c == 'b';
        parts.is_raw |= c == 'r';
        parts.is_format |= c == 'f';
    }
    uint32_t opening = (uint32_t)(at - p->text);
    uint32_t quotes = token->end - opening >= 6 && at[1] == at[0] && at[2] == at[0] ? 3 : 1;
    parts.start = opening + quotes;
    parts.end = token->end - quotes;
    return parts;
}

static expr_ty
bytes_constant(Parser *p, size_t start)
{
    size_t size = token_at(p, p->index - 1)->end - token_at(p, start)->start;
    char *out = parser_scratch(p, size);
    if (out == NULL) {
        return NULL;
    }
    Py_ssize_t length = 0;
    for (size_t i = start; i < p->index; i++) {
        StringParts parts = take_apart(p, i);
        Py_ssize_t written =
            parts.is_bytes ? decode_bytes(p, parts, token_at(p, i)->line, out + length) : -1;
        if (written < 0) {
            return NULL;
        }
        length += written;
    }
    PyObject *value = parser_keep(p, PyBytes_FromStringAndSize(out, length));
    return parser_new_constant(p, value, start);
}

/* A node that spans the tokens from first to last. */
expr_ty
parser_node_over(Parser *p, enum _expr_kind kind, size_t first, size_t last)
{
    size_t index = p->index;
    p->index = last + 1;
    expr_ty node = new_expression(p, kind, first);
    p->index = index;
    return node;
}

/* Only a lower case "u" is told in the tree. */
static int
set_kind(Parser *p, expr_ty node, size_t first)
{
    node->v.Constant.kind = NULL;
    if (p->text[token_at(p, first)->start] == 'u') {
        node->v.Constant.kind = parser_keep(p, PyUnicode_InternFromString("u"));
        return node->v.Constant.kind == NULL ? -1 : 0;
    }
    return 0;
}

static expr_ty
text_constant(Parser *p, PyObject *text, size_t first, size_t last)
{
    text = parser_keep(p, text);
    expr_ty node = text == NULL ? NULL : parser_node_over(p, Constant_kind, first, last);
    if (node == NULL) {
        return NULL;
    }
    node->v.Constant.value = text;
    return set_kind(p, node, first) < 0 ? NULL : node;
}

static PyObject *
finish_text(StringBuilder *builder)
{
    if (builder->is_writing) {
        builder->is_writing = false;
        return _PyUnicodeWriter_Finish(&builder->writer);
    }
    PyObject *text = builder->literal;
    builder->literal = NULL;
    return text;
}

void
string_builder_clear(StringBuilder *builder)
{
    if (builder->is_writing) {
        _PyUnicodeWriter_Dealloc(&builder->writer);
    }
    Py_CLEAR(builder->literal);
}

/* Steals the text. */
int
string_builder_add_text(StringBuilder *builder, PyObject *text)
{
    if (text == NULL) {
        return -1;
    }
    if (PyUnicode_GET_LENGTH(text) == 0 || (builder->literal == NULL && !builder->is_writing)) {
        if (PyUnicode_GET_LENGTH(text) == 0) {
            Py_DECREF(text);
        }
        else {
            builder->literal = text;
        }
        return 0;
    }
    if (!builder->is_writing) {
        _PyUnicodeWriter_Init(&builder->writer);
        builder->writer.overallocate = 1;
        builder->is_writing = true;
        if (_PyUnicodeWriter_WriteStr(&builder->writer, builder->literal) < 0) {
            Py_DECREF(text);
            return -1;
        }
        Py_CLEAR(builder->literal);
    }
    int result = _PyUnicodeWriter_WriteStr(&builder->writer, text);
    Py_DECREF(text);
    return result;
}

int
string_builder_end_text(Parser *p, StringBuilder *builder, size_t first, size_t last)
{
    if (builder->literal == NULL && !builder->is_writing) {
        return 0;
    }
    PyObject *text = finish_text(builder);
    expr_ty node = text == NULL ? NULL : text_constant(p, text, first, last);
    return node != NULL && push(p, node) ? 0 : -1;
}

static int
add_strings(Parser *p, StringBuilder *builder)
{
    for (size_t i = builder->first_token; i <= builder->last_token; i++) {
        StringParts parts = take_apart(p, i);
        if (parts.is_bytes) {
            return -1;
        }
        int result;
        if (parts.is_format) {
            builder->is_format = true;
            result = has_version(p, 6) ? parser_format_string(p, builder, i, parts) : -1;
        }
        else {
            result = string_builder_add_text(builder, parser_decode_string(p, parts.start,
                                                                           parts.end, parts.is_raw,
                                                                           token_at(p, i)->line));
        }
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}

static expr_ty
finish_strings(Parser *p, StringBuilder *builder)
{
    size_t first = builder->first_token, last = builder->last_token;
    if (!builder->is_format) {
        PyObject *text = builder->literal == NULL && !builder->is_writing ? PyUnicode_New(0, 0)
                                                                          : finish_text(builder);
        return text == NULL ? NULL : text_constant(p, text, first, last);
    }
    if (string_builder_end_text(p, builder, first, last) < 0) {
        return NULL;
    }
    expr_ty node = parser_node_over(p, JoinedStr_kind, first, last);
    if (node == NULL) {
        return NULL;
    }
    node->v.JoinedStr.values = parser_take_sequence(p, builder->base);
    return node->v.JoinedStr.values == NULL ? NULL : node;
}

/* strings: STRING+ */
expr_ty
parser_strings(Parser *p)
{
    size_t start = p->index;
    do {
        advance(p);
    } while (at_string(p));
    StringParts first = take_apart(p, start);
    if (first.is_bytes) {
        return bytes_constant(p, start);
    }
    if (p->index == start + 1 && !first.is_format) {
        PyObject *text =
            parser_decode_string(p, first.start, first.end, first.is_raw, token_at(p, start)->line);
        return text == NULL ? NULL : text_constant(p, text, start, start);
    }
    StringBuilder builder = {
        .first_token = start, .last_token = p->index - 1, .base = p->stack_size};
    expr_ty node = add_strings(p, &builder) < 0 ? NULL : finish_strings(p, &builder);
    string_builder_clear(&builder);
    return node;
}
