/* Warnings: kept while the parser runs, issued once the source is known to be valid.

   In: what the tokenizer and the parse functions keep. Out: warnings, in the order of the source.

   A warning that a filter turns into an error makes the source a bad one, about which the archive's
   parser has to say the rest. It would issue all the warnings again; so those issued by then, and the
   exception, are kept for the thread, and __wrap_PyErr_WarnExplicitObject answers from there until
   they are used up. */

#include "parser_internal.h"

#define KEPT_KEY "parser.issued_warnings"

extern int __real_PyErr_WarnExplicitObject(PyObject *category, PyObject *message,
                                           PyObject *filename, int lineno, PyObject *module,
                                           PyObject *registry);
int __wrap_PyErr_WarnExplicitObject(PyObject *category, PyObject *message, PyObject *filename,
                                    int lineno, PyObject *module, PyObject *registry);

int
Parser_Warn(Parser *p, PendingWarning warning)
{
    if (p->warning_count == p->warning_capacity &&
        Vector_Grow((void **)&p->warnings, &p->warning_capacity, sizeof(warning)) < 0) {
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

/* An f-string's numbers are tokenized after all others. */
static int
compare_offsets(const void *left, const void *right)
{
    uint32_t a = ((const TokenWarning *)left)->offset, b = ((const TokenWarning *)right)->offset;
    return (a > b) - (a < b);
}

/* The exception that is set becomes what the archive's parser meets after so many warnings. Return
   -1: without an exception if that is settled. */
static int
keep_issued(size_t count)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *thread = PyThreadState_GetDict();
    PyObject *kept = Py_BuildValue("[nO]", (Py_ssize_t)count, value);
    if (kept != NULL && thread != NULL) {
        PyDict_SetItemString(thread, KEPT_KEY, kept);
    }
    Py_XDECREF(kept);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}

/* The tokenizer's warnings and the parser's, both in the order of the source, as one. */
int
Parser_IssueWarnings(Parser *p)
{
    size_t t = 0, w = 0;
    const TokenVector *vector = &p->vector;
    if (vector->warning_count > 1) {
        qsort(vector->warnings, vector->warning_count, sizeof(TokenWarning), compare_offsets);
    }
    while (t < vector->warning_count || w < p->warning_count) {
        PendingWarning warning;
        if (w == p->warning_count ||
            (t < vector->warning_count && vector->warnings[t].offset < p->warnings[w].offset)) {
            const TokenWarning *from = &vector->warnings[t++];
            warning = (PendingWarning){.offset = from->offset,
                                       .line = from->line,
                                       .category = PyExc_SyntaxWarning,
                                       .message = from->message};
        }
        else {
            warning = p->warnings[w++];
        }
        if (issue_warning(p, &warning) < 0) {
            return PyErr_ExceptionMatches(warning.category) ? keep_issued(t + w - 1) : -1;
        }
    }
    return 0;
}

void
Parser_DropIssuedWarnings(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *thread = PyThreadState_GetDict();
    if (thread != NULL && PyDict_GetItemString(thread, KEPT_KEY) != NULL &&
        PyDict_DelItemString(thread, KEPT_KEY) < 0) {
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
}

/* The next of the kept warnings: 0, as when it was issued, or -1 with the exception. */
static int
answer_from(PyObject *kept)
{
    Py_ssize_t count = PyLong_AsSsize_t(PyList_GET_ITEM(kept, 0));
    if (count > 0) {
        PyObject *rest = PyLong_FromSsize_t(count - 1);
        return rest == NULL ? -1 : PyList_SetItem(kept, 0, rest);
    }
    PyObject *value = Py_NewRef(PyList_GET_ITEM(kept, 1));
    Parser_DropIssuedWarnings();
    PyErr_SetObject((PyObject *)Py_TYPE(value), value);
    Py_DECREF(value);
    return -1;
}

int
__wrap_PyErr_WarnExplicitObject(PyObject *category, PyObject *message, PyObject *filename,
                                int lineno, PyObject *module, PyObject *registry)
{
    PyObject *thread = PyThreadState_GetDict();
    PyObject *kept = thread == NULL ? NULL : PyDict_GetItemString(thread, KEPT_KEY);
    if (kept != NULL) {
        return answer_from(kept);
    }
    return __real_PyErr_WarnExplicitObject(category, message, filename, lineno, module, registry);
}
