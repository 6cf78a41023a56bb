/* The values of numbers.

   In: a number token. Out: an int, a float or a complex that the arena owns. */

#include "parser_internal.h"

enum { DIGITS_IN_64_BITS = 18 };

/* The number's text without underscores, ending in a NUL. */
static char *
copy_digits(Parser *p, const char *text, size_t length)
{
    char *digits = parser_scratch(p, length + 1);
    if (digits == NULL) {
        return NULL;
    }
    char *to = digits;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '_') {
            *to++ = text[i];
        }
    }
    *to = '\0';
    if ((size_t)(to - digits) < length && !has_version(p, 6)) {
        return NULL;
    }
    return digits;
}

static PyObject *
long_number(Parser *p, const char *text, size_t length)
{
    char *digits = copy_digits(p, text, length);
    if (digits == NULL) {
        return NULL;
    }
    size_t size = strlen(digits);
    bool has_base = size > 1 && digits[0] == '0' && !Py_ISDIGIT((unsigned char)digits[1])
                    && strchr("xXoObB", digits[1]) != NULL;
    char last = digits[size - 1];
    if (has_base) {
        return PyLong_FromString(digits, NULL, 0);
    }
    if (last == 'j' || last == 'J') {
        digits[size - 1] = '\0';
        double imaginary = PyOS_string_to_double(digits, NULL, NULL);
        if (imaginary == -1.0 && PyErr_Occurred()) {
            return NULL;
        }
        return PyComplex_FromDoubles(0.0, imaginary);
    }
    if (strpbrk(digits, ".eE") == NULL) {
        return PyLong_FromString(digits, NULL, 0);
    }
    double value = PyOS_string_to_double(digits, NULL, NULL);
    if (value == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    return PyFloat_FromDouble(value);
}

PyObject *
parser_number_value(Parser *p, size_t index)
{
    const Token *token = token_at(p, index);
    const char *text = p->text + token->start;
    size_t length = token->end - token->start;
    if (length <= DIGITS_IN_64_BITS) {
        unsigned long long value = 0;
        size_t i = 0;
        while (i < length && Py_ISDIGIT((unsigned char)text[i])) {
            value = value * 10 + (unsigned)(text[i++] - '0');
        }
        if (i == length) {
            return parser_keep(p, PyLong_FromUnsignedLongLong(value));
        }
    }
    return parser_keep(p, long_number(p, text, length));
}
