/* Every line that is asked for: the prompt's, input()'s, a debugger's.

   In: PyOS_Readline(), which stays the one place where all of them come by, with its lock and its
   rules; in a thread that has background work to do, and where nobody else's reader is in charge,
   it is handed a stream of ours.  Out: the line that one of the sources of linesource.h gave,
   driven beside the work of background.h. */

#include "background.h"
#include "lines.h"
#include "linesource.h"
#include "parser.h"
#include "readlinelib.h"
#include "session.h"
#include "terminal.h"
#include "target.h"

#include <errno.h>
#include <internal/pycore_pylifecycle.h>
#include <internal/pycore_pystate.h>
#include <string.h>
#include <unistd.h>

/* Of the runtime's own headers none has it, though it is exported. */
extern char *PyOS_StdioReadline(FILE *, FILE *, const char *);

WRAPPED(PyOS_Readline);

/* ---- Driving a source ---- */

typedef enum { LINE_READ, LINE_INTERRUPTED, LINE_OUT_OF_MEMORY, LINE_NOT_BEGUN } LineEnd;

typedef struct {
    LineSource *source;
    Background *background;
    const char *prompt;
    LineText line;
    LineEnd end;
    int (*input_hook)(void); /* PyOS_InputHook, while it is not to be called */
} Reading;

static LineEnd
drive(LineSource *source, Background *background, LineText *line)
{
    for (;;) {
        switch (source->type->wait(source, background)) {
        case WAIT_INPUT:
            if (source->type->feed(source)) {
                return source->type->end(source, line) < 0 ? LINE_OUT_OF_MEMORY : LINE_READ;
            }
            break;
        case WAIT_WAKEUP:
            if (terminal_take_redraw()) {
                source->type->redraw(source);
            }
            break;
        case WAIT_INTERRUPTED:
            source->type->abort(source);
            return LINE_INTERRUPTED;
        }
    }
}

/* What was written while the line's last keys were typed has no line to appear above any more. */
static void
end_line(Reading *reading)
{
    PyEval_RestoreThread(reading->background->thread);
    terminal_end_line(reading->background);
    background_show_output(reading->background, false);
    PyEval_SaveThread();
}

static void
begin_line(Reading *reading)
{
    PyEval_RestoreThread(reading->background->thread);
    terminal_begin_line(reading->source, reading->background);
    PyEval_SaveThread();
}

static LineEnd
read_line(Reading *reading)
{
    LineSource *source = reading->source;
    if (!source->type->begin(source, reading->prompt)) {
        return LINE_NOT_BEGUN;
    }
    begin_line(reading);
    LineEnd end = drive(source, reading->background, &reading->line);
    end_line(reading);
    return end;
}

/* ---- The stream that the runtime reads ---- */

static void
hide_input_hook(Reading *reading)
{
    reading->input_hook = PyOS_InputHook;
    PyOS_InputHook = NULL;
}

static void
show_input_hook(Reading *reading)
{
    /* Somebody may have set it while background work ran. */
    if (PyOS_InputHook == NULL) {
        PyOS_InputHook = reading->input_hook;
    }
}

/* A read function of fopencookie(3), which the runtime comes to without the GIL by its fgets().  It
   gets an empty line: ours may have several, where they were pasted. */
static ssize_t
read_cookie(void *cookie, char *buffer, size_t size)
{
    Reading *reading = cookie;
    show_input_hook(reading);
    reading->end = read_line(reading);
    hide_input_hook(reading);
    if (reading->end != LINE_READ || size == 0) {
        errno = EIO;
        return -1;
    }
    *buffer = '\n';
    return 1;
}

/* The line for whoever called PyOS_Readline(): PyMem_Malloc()ed.  NULL with an exception. */
static char *
take_line(const LineText *line)
{
    char *copy = PyMem_Malloc(line->size + 1);
    if (copy == NULL) {
        return PyErr_NoMemory(), NULL;
    }
    if (line->size > 0) {
        memcpy(copy, line->text, line->size);
    }
    copy[line->size] = '\0';
    return copy;
}

/* NULL with an exception. */
static char *
finish(Reading *reading)
{
    switch (reading->end) {
    case LINE_READ:
        return take_line(&reading->line);
    case LINE_OUT_OF_MEMORY:
        return PyErr_NoMemory(), NULL;
    default:
        return PyErr_SetNone(PyExc_KeyboardInterrupt), NULL;
    }
}

static char *
call_runtime(Reading *reading, FILE *output)
{
    FILE *stream = fopencookie(reading, "r", (cookie_io_functions_t){.read = read_cookie});
    if (stream == NULL) {
        return PyErr_NoMemory(), NULL;
    }
    hide_input_hook(reading);
    char *line = __real_PyOS_Readline(stream, output, NULL);
    show_input_hook(reading);
    fclose(stream);
    return line;
}

static char *
read_from_source(LineSource *source, Background *background, FILE *input, FILE *output,
                 const char *prompt)
{
    Reading reading = {.source = source, .background = background, .prompt = prompt};
    char *line = call_runtime(&reading, output);
    if (line != NULL) {
        PyMem_Free(line);
        line = reading.end == LINE_NOT_BEGUN ? __real_PyOS_Readline(input, output, prompt)
                                             : finish(&reading);
    }
    source->type->free(source);
    line_text_clear(&reading.line);
    return line;
}

/* ---- Which source ---- */

/* As the runtime decides whether a module such as readline is to read the line. */
static bool
module_reads(FILE *input, FILE *output)
{
    return PyOS_ReadlineFunctionPointer != NULL
           && PyOS_ReadlineFunctionPointer != PyOS_StdioReadline && isatty(fileno(input))
           && isatty(fileno(output)) && _Py_IsMainInterpreter(PyInterpreterState_Get());
}

/* NULL, with no exception set, where another's reader is in charge. */
static LineSource *
choose_source(FILE *input, FILE *output)
{
    if (module_reads(input, output)) {
        return readlinelib_open() == NULL ? NULL : readline_source_new(input, output);
    }
    return isatty(fileno(input)) ? terminal_source_new(input) : stream_source_new(input);
}

/* New source, NULL where there is none. */
static LineSource *
made_up_source(void)
{
    PyObject *object = terminal_line_source();
    LineSource *source = object == NULL ? NULL : object_source_new(object);
    Py_XDECREF(object);
    return source;
}

static char *
read_beside(Background *background, FILE *input, FILE *output, const char *prompt)
{
    LineSource *source = made_up_source();
    if (source == NULL && background->runner == NULL) {
        return __real_PyOS_Readline(input, output, prompt);
    }
    if (source == NULL) {
        source = choose_source(input, output);
    }
    return source == NULL
               ? reader_of_others_read(background, __real_PyOS_Readline, input, output, prompt)
               : read_from_source(source, background, input, output, prompt);
}

/* The tokenizer knows which prompt a line gets. */
char *
__wrap_PyOS_Readline(FILE *sys_stdin, FILE *sys_stdout, const char *prompt)
{
    char *line;
    if (parser_take_read_line(&line)) {
        return line;
    }
    if (_PyOS_ReadlineTState == PyThreadState_Get()) {
        /* Background work that wants a line while this thread reads one: it is refused. */
        return __real_PyOS_Readline(sys_stdin, sys_stdout, prompt);
    }
    terminal_take_over();
    Background background;
    background_begin(&background, session_current());
    line = read_beside(&background, sys_stdin, sys_stdout, prompt);
    background_end(&background);
    return line;
}
