/* Lines that a Python object gives; see Include/linesource.h.

   Its methods have the names and the meaning of the interface's, so that a test plays keys,
   interrupts, a new window size or output without a terminal, and in the order that it wants:

       begin(prompt)       end() -> str, with its newline; '' at the end of file
       feed() -> bool      redraw()      write_above(data)      abort()
       wait() -> 'input', 'wakeup', or a descriptor: until that is readable

   KeyboardInterrupt in wait(), such as a signal's that it raises, ends the line.  Any other
   exception is written as unraisable and ends the input. */

#define PY_SSIZE_T_CLEAN
#include "linesource.h"

typedef struct {
    LineSource base;
    PyObject *object; /* owned */
    bool has_failed;
} ObjectSource;

/* Calls a method.  New reference; NULL, with no exception set, after a failure. */
static PyObject *
call(ObjectSource *self, const char *method, const char *format, const char *text, Py_ssize_t size)
{
    PyObject *result = PyObject_CallMethod(self->object, method, format, text, size);
    if (result == NULL) {
        PyErr_WriteUnraisable(self->object);
        self->has_failed = true;
    }
    return result;
}

static bool
begin(LineSource *source, const char *prompt)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *result = call((ObjectSource *)source, "begin", "s", prompt, 0);
    Py_XDECREF(result);
    PyGILState_Release(state);
    return true;
}

typedef enum { EVENT_INPUT, EVENT_WAKEUP, EVENT_INTERRUPT, EVENT_WAIT } Event;

static Event
parse_event(ObjectSource *self, PyObject *result, int *descriptor)
{
    if (PyUnicode_Check(result)) {
        bool is_wakeup = PyUnicode_CompareWithASCIIString(result, "wakeup") == 0;
        return is_wakeup ? EVENT_WAKEUP : EVENT_INPUT;
    }
    *descriptor = PyObject_AsFileDescriptor(result);
    if (*descriptor < 0) {
        PyErr_WriteUnraisable(self->object);
        self->has_failed = true;
        return EVENT_INPUT;
    }
    return EVENT_WAIT;
}

static Event
next_event(ObjectSource *self, int *descriptor)
{
    if (self->has_failed) {
        return EVENT_INPUT;
    }
    PyObject *result = PyObject_CallMethod(self->object, "wait", NULL);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_Clear();
        return EVENT_INTERRUPT;
    }
    if (result == NULL) {
        PyErr_WriteUnraisable(self->object);
        self->has_failed = true;
        return EVENT_INPUT;
    }
    Event event = parse_event(self, result, descriptor);
    Py_DECREF(result);
    return event;
}

static WaitEnd
wait_for_event(LineSource *source, Background *background)
{
    int descriptor = -1;
    PyGILState_STATE state = PyGILState_Ensure();
    Event event = next_event((ObjectSource *)source, &descriptor);
    if (event == EVENT_WAKEUP) {
        background_show_output(background, true);
    }
    PyGILState_Release(state);
    switch (event) {
    case EVENT_WAIT:
        return background_wait(background, descriptor);
    case EVENT_WAKEUP:
        return WAIT_WAKEUP;
    case EVENT_INTERRUPT:
        return WAIT_INTERRUPTED;
    default:
        return WAIT_INPUT;
    }
}

static bool
feed(LineSource *source)
{
    ObjectSource *self = (ObjectSource *)source;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *result = self->has_failed ? NULL : call(self, "feed", NULL, NULL, 0);
    int is_over = result == NULL ? 1 : PyObject_IsTrue(result);
    if (is_over < 0) {
        PyErr_WriteUnraisable(self->object);
        self->has_failed = true;
    }
    Py_XDECREF(result);
    PyGILState_Release(state);
    return is_over != 0;
}

static void
redraw(LineSource *source)
{
    PyGILState_STATE state = PyGILState_Ensure();
    Py_XDECREF(call((ObjectSource *)source, "redraw", NULL, NULL, 0));
    PyGILState_Release(state);
}

static int
write_above(LineSource *source, int Py_UNUSED(terminal), const char *text, size_t size)
{
    Py_XDECREF(call((ObjectSource *)source, "write_above", "y#", text, (Py_ssize_t)size));
    return 0;
}

static void
give_up(LineSource *source)
{
    PyGILState_STATE state = PyGILState_Ensure();
    Py_XDECREF(call((ObjectSource *)source, "abort", NULL, NULL, 0));
    PyGILState_Release(state);
}

static int
end(LineSource *source, LineText *line)
{
    ObjectSource *self = (ObjectSource *)source;
    *line = (LineText){.text = NULL};
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *result = self->has_failed ? NULL : call(self, "end", NULL, NULL, 0);
    Py_ssize_t size = 0;
    const char *text = result == NULL ? "" : PyUnicode_AsUTF8AndSize(result, &size);
    if (text == NULL) {
        PyErr_WriteUnraisable(self->object);
        text = "";
        size = 0;
    }
    int failed = line_text_add(line, text, (size_t)size);
    Py_XDECREF(result);
    PyGILState_Release(state);
    return failed;
}

static void
free_source(LineSource *source)
{
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF(((ObjectSource *)source)->object);
    PyGILState_Release(state);
    PyMem_RawFree(source);
}

static const LineSourceType object_source = {.begin = begin,
                                             .wait = wait_for_event,
                                             .feed = feed,
                                             .redraw = redraw,
                                             .write_above = write_above,
                                             .abort = give_up,
                                             .end = end,
                                             .free = free_source};

LineSource *
object_source_new(PyObject *object)
{
    ObjectSource *self = PyMem_RawCalloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->base.type = &object_source;
    self->object = Py_NewRef(object);
    return &self->base;
}
