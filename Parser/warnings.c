/* Warnings: kept while the parser runs, issued once the source is known to be valid.

   In: what the tokenizer and the parse functions keep. Out: warnings, in the order of the source.

   A warning that a filter turns into an error makes the source a bad one, about which the archive's
   parser has to say the rest. It would issue all the warnings again; so those issued by then, and
   the exception, are kept for the thread, and __wrap_PyErr_WarnExplicitObject answers from there
   until they are used up. */

#include "parser_internal.h"
#include "target.h"

#define KEPT_KEY "parser.issued_warnings"

WRAPPED(PyErr_WarnExplicitObject);

int
parser_warn(Parser *p, PendingWarning warning)
{
    if (p->warning_count == p->warning_capacity
        && vector_grow((void **)&p->warnings, &p->warning_capacity, sizeof(warning)) < 0) {
        return -1;
    }
    p->warnings[p->warning_count++] = warning;
    return 0;
}

static int
issue_warning(Parser *p, const PendingWarning *warning)
{
    PyObject *message;
    if (warning->text_length == 0) {
        message = PyUnicode_FromString(warning->message);
    }
    else {
        char text[4] = {0};
        memcpy(text, p->text + warning->text_start, warning->text_length);
        message = PyUnicode_FromFormat(warning->message, text);
    }
    if (message == NULL) {
        return -1;
    }
    int result = PyErr_WarnExplicitObject(warning->category, message, p->options->filename,
                                          warning->line, NULL, NULL);
    Py_DECREF(message);
    return result;
}

/* The archive's parser is to meet the exception, if there is one, after so many warnings. */
static int
keep_issued(Parser *p, size_t count, PyObject *exception)
{
    PyObject *thread = PyThreadState_GetDict();
    PyObject *kept = Py_BuildValue("[nO]", (Py_ssize_t)count, exception);
    int result = kept == NULL || thread == NULL ? -1 : PyDict_SetItemString(thread, KEPT_KEY, kept);
    Py_XDECREF(kept);
    p->has_kept_warnings = true;
    return result;
}

/* The exception that is set becomes the archive's parser's. Return -1, without an exception if that
   is settled. */
static int
keep_error(Parser *p)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    keep_issued(p, p->issued_here + p->issued_of_tokens - 1, value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}

int
parser_keep_warnings(Parser *p)
{
    size_t count = p->issued_here + p->issued_of_tokens;
    return p->has_kept_warnings || count == 0 ? 0 : keep_issued(p, count, Py_None);
}

static PendingWarning
warning_of_token(const TokenWarning *from)
{
    return (PendingWarning){.offset = from->offset,
                            .line = from->line,
                            .category = PyExc_SyntaxWarning,
                            .message = from->message};
}

int
parser_take_warnings(Parser *p, size_t count)
{
    TokenVector *vector = &p->vector;
    for (size_t i = count; i < vector->warning_count; i++) {
        if (parser_warn(p, warning_of_token(&vector->warnings[i])) < 0) {
            return -1;
        }
    }
    vector->warning_count = count;
    return 0;
}

/* The next of the tokenizer's warnings and the parser's, both in the order of the source, as
   one. */
static PendingWarning
next_warning(Parser *p)
{
    const TokenVector *vector = &p->vector;
    size_t t = p->issued_of_tokens, w = p->issued_here;
    if (w >= p->warning_count
        || (t < vector->warning_count && vector->warnings[t].offset < p->warnings[w].offset)) {
        p->issued_of_tokens++;
        return warning_of_token(&vector->warnings[t]);
    }
    p->issued_here++;
    return p->warnings[w];
}

/* Where something is parsed a second time, those that have been issued come up again, the same. */
int
parser_issue_warnings(Parser *p)
{
    while (p->issued_of_tokens < p->vector.warning_count || p->issued_here < p->warning_count) {
        PendingWarning warning = next_warning(p);
        if (issue_warning(p, &warning) < 0) {
            return PyErr_ExceptionMatches(warning.category) ? keep_error(p) : -1;
        }
    }
    return 0;
}

void
parser_drop_issued_warnings(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *thread = PyThreadState_GetDict();
    if (thread != NULL && PyDict_GetItemString(thread, KEPT_KEY) != NULL
        && PyDict_DelItemString(thread, KEPT_KEY) < 0) {
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
}

/* Whether the next warning is one of those that are kept; *result is what became of it then: 0, as
   when it was issued, or -1 with the exception. */
static bool
is_answered(PyObject *kept, int *result)
{
    Py_ssize_t count = PyLong_AsSsize_t(PyList_GET_ITEM(kept, 0));
    PyObject *exception = PyList_GET_ITEM(kept, 1);
    if (count > 0) {
        PyObject *rest = PyLong_FromSsize_t(count - 1);
        *result = rest == NULL ? -1 : PyList_SetItem(kept, 0, rest);
        return true;
    }
    Py_INCREF(exception);
    parser_drop_issued_warnings();
    if (exception != Py_None) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        *result = -1;
    }
    bool is_error = exception != Py_None;
    Py_DECREF(exception);
    return is_error;
}

int
__wrap_PyErr_WarnExplicitObject(PyObject *category, PyObject *message, PyObject *filename,
                                int lineno, PyObject *module, PyObject *registry)
{
    PyObject *thread = PyThreadState_GetDict();
    PyObject *kept = thread == NULL ? NULL : PyDict_GetItemString(thread, KEPT_KEY);
    int result;
    if (kept != NULL && is_answered(kept, &result)) {
        return result;
    }
    return __real_PyErr_WarnExplicitObject(category, message, filename, lineno, module, registry);
}
