/* Folding of `format % (a, b)` into an f-string: see fold.h.
 *
 * Only the conversions that an f-string has as well: %s, %r and %a with a width and a precision.
 * With any other the expression stays as it is, errors included. */

#include "fold.h"

#include <stdbool.h>

enum { MOST_DIGITS = 2 };

typedef struct Format Format;
struct Format {
    PyObject *text;
    const void *data;
    int kind;
    Py_ssize_t length;
    Py_ssize_t position;
    PyArena *arena;
};

/* A conversion as written: %-10.3r */
typedef struct Conversion Conversion;
struct Conversion {
    bool is_left_justified;
    int width;     /* -1: none */
    int precision; /* -1: none */
    Py_UCS4 letter;
};

/* The next character, or 0 at the end, which no conversion is spelled with. */
static Py_UCS4
peek(const Format *format)
{
    if (format->position >= format->length) {
        return 0;
    }
    return PyUnicode_READ(format->kind, format->data, format->position);
}

/* --- Text between conversions --- */

/* Up to the next conversion; sets `*has_percent` if "%%" is in between. */
static void
skip_text(Format *format, bool *has_percent)
{
    while (format->position < format->length) {
        if (peek(format) == '%') {
            if (format->position + 1 >= format->length
                || PyUnicode_READ(format->kind, format->data, format->position + 1) != '%') {
                return;
            }
            *has_percent = true;
            format->position++;
        }
        format->position++;
    }
}

static PyObject *
without_double_percents(PyObject *text)
{
    PyObject *two = PyUnicode_FromStringAndSize("%%", 2);
    PyObject *one = PyUnicode_FromOrdinal('%');
    PyObject *result = two != NULL && one != NULL ? PyUnicode_Replace(text, two, one, -1) : NULL;
    Py_XDECREF(two);
    Py_XDECREF(one);
    Py_DECREF(text);
    return result;
}

/* New nodes of this file that no source text stands for have no position. */
static expr_ty
new_text(PyObject *text, PyArena *arena)
{
    if (_PyArena_AddPyObject(arena, text) < 0) {
        Py_DECREF(text);
        return NULL;
    }
    return _PyAST_Constant(text, NULL, -1, -1, -1, -1, arena);
}

/* Leaves `*node` NULL where there is no text before the next conversion. */
static int
read_text(Format *format, expr_ty *node)
{
    Py_ssize_t start = format->position;
    bool has_percent = false;
    skip_text(format, &has_percent);
    *node = NULL;
    if (format->position == start) {
        return 0;
    }
    PyObject *text = PyUnicode_Substring(format->text, start, format->position);
    if (text != NULL && has_percent) {
        text = without_double_percents(text);
    }
    *node = text != NULL ? new_text(text, format->arena) : NULL;
    return *node != NULL ? 0 : -1;
}

/* --- Conversions --- */

/* Digits, few enough not to overflow anything; -1 for none, -2 for too many. */
static int
read_number(Format *format)
{
    int number = -1;
    for (int digits = 0; peek(format) >= '0' && peek(format) <= '9'; digits++) {
        if (digits == MOST_DIGITS) {
            return -2;
        }
        number = 10 * Py_MAX(number, 0) + (int)(peek(format) - '0');
        format->position++;
    }
    return number;
}

/* All but '-' say nothing to %s, %r and %a. */
static bool
is_flag(Py_UCS4 character)
{
    return character == '-' || character == '+' || character == ' ' || character == '#'
           || character == '0';
}

static bool
read_conversion(Format *format, Conversion *conversion)
{
    format->position++;
    conversion->is_left_justified = false;
    for (; is_flag(peek(format)); format->position++) {
        conversion->is_left_justified |= peek(format) == '-';
    }
    conversion->width = read_number(format);
    conversion->precision = -1;
    if (conversion->width != -2 && peek(format) == '.') {
        format->position++;
        conversion->precision = read_number(format);
        if (conversion->precision == -1) {
            conversion->precision = 0;
        }
    }
    conversion->letter = peek(format);
    format->position++;
    return conversion->width != -2 && conversion->precision != -2
           && (conversion->letter == 's' || conversion->letter == 'r' || conversion->letter == 'a');
}

/* Leaves `*node` NULL where no format specification is needed. */
static int
make_specification(const Conversion *conversion, PyArena *arena, expr_ty *node)
{
    char text[2 * MOST_DIGITS + 8];
    int length = 0;
    *node = NULL;
    if (conversion->width > 0 && !conversion->is_left_justified) {
        text[length++] = '>';
    }
    if (conversion->width >= 0) {
        length += PyOS_snprintf(text + length, MOST_DIGITS + 2, "%d", conversion->width);
    }
    if (conversion->precision >= 0) {
        length += PyOS_snprintf(text + length, MOST_DIGITS + 3, ".%d", conversion->precision);
    }
    if (length == 0) {
        return 0;
    }
    PyObject *string = PyUnicode_FromStringAndSize(text, length);
    *node = string != NULL ? new_text(string, arena) : NULL;
    return *node != NULL ? 0 : -1;
}

/* Leaves `*node` NULL where the conversion is not one that f-strings have. */
static int
read_argument(Format *format, expr_ty argument, expr_ty *node)
{
    Conversion conversion;
    expr_ty specification;
    *node = NULL;
    if (!read_conversion(format, &conversion)) {
        return 0;
    }
    if (make_specification(&conversion, format->arena, &specification) < 0) {
        return -1;
    }
    *node = _PyAST_FormattedValue(argument, (int)conversion.letter, specification, argument->lineno,
                                  argument->col_offset, argument->end_lineno,
                                  argument->end_col_offset, format->arena);
    return *node != NULL ? 0 : -1;
}

/* --- The whole format --- */

/* Fills `parts` and sets its size.  Returns 1, 0 if the format does not fit the arguments. */
static int
read_format(Format *format, const asdl_expr_seq *arguments, asdl_expr_seq *parts)
{
    Py_ssize_t used = 0;
    Py_ssize_t count = 0;
    for (;;) {
        expr_ty part;
        if (read_text(format, &part) < 0) {
            return -1;
        }
        if (part != NULL) {
            asdl_seq_SET(parts, count++, part);
        }
        if (format->position >= format->length) {
            break;
        }
        if (used >= asdl_seq_LEN(arguments)) {
            return 0;
        }
        if (read_argument(format, asdl_seq_GET(arguments, used++), &part) < 0) {
            return -1;
        }
        if (part == NULL) {
            return 0;
        }
        asdl_seq_SET(parts, count++, part);
    }
    parts->size = count;
    return used == asdl_seq_LEN(arguments);
}

int
fold_format(expr_ty node, PyArena *arena)
{
    const asdl_expr_seq *arguments = node->v.BinOp.right->v.Tuple.elts;
    PyObject *text = node->v.BinOp.left->v.Constant.value;
    if (fold_has_starred(arguments)) {
        return 0;
    }
    Format format = {
        .text = text,
        .data = PyUnicode_DATA(text),
        .kind = PyUnicode_KIND(text),
        .length = PyUnicode_GET_LENGTH(text),
        .arena = arena,
    };
    /* An argument and the text before it, and the text after the last. */
    asdl_expr_seq *parts = _Py_asdl_expr_seq_new(2 * asdl_seq_LEN(arguments) + 1, arena);
    if (parts == NULL) {
        return -1;
    }
    int fits = read_format(&format, arguments, parts);
    if (fits <= 0) {
        return fits;
    }
    expr_ty joined = _PyAST_JoinedStr(parts, node->lineno, node->col_offset, node->end_lineno,
                                      node->end_col_offset, arena);
    if (joined == NULL) {
        return -1;
    }
    *node = *joined;
    return 0;
}
