/* A line from readline's callback interface; see Include/linereader.h.

   The interpreter is not linked with the library: it is the one that the module readline has loaded
   and set up (key bindings, completion, history). */

#include "linereader.h"

#include <dlfcn.h>

/* readline itself has one line, in static variables, and its callback no argument. */
static _Thread_local struct {
    void *library;      /* open while a line is being read */
    int is_over;
    char *line;         /* malloc()ed by readline; NULL at end of file */
} reading;

/* NULL if the library has no such function; the caller casts to its type. */
static void *
library_function(const char *name)
{
    return dlsym(reading.library, name);
}

static void
call_plain(const char *name)
{
    void (*function)(void);
    *(void **)&function = library_function(name);
    if (function != NULL) {
        function();
    }
}

static void
on_line(char *line)
{
    reading.is_over = 1;
    reading.line = line;
    /* Here and not later: otherwise the prompt is shown once more. */
    call_plain("rl_callback_handler_remove");
}

static void
close_library(void)
{
    dlclose(reading.library);
    reading.library = NULL;
}

int
LineReader_Begin(const char *prompt)
{
    LineReader_Abandon();
    reading.library = dlopen("libreadline.so.8", RTLD_LAZY | RTLD_NOLOAD);
    if (reading.library == NULL) {
        return 0;
    }
    void (*install)(const char *, void (*)(char *));
    *(void **)&install = library_function("rl_callback_handler_install");
    if (install == NULL) {
        close_library();
        return 0;
    }
    reading.is_over = 0;
    reading.line = NULL;
    install(prompt, on_line);
    return 1;
}

/* Takes the line that on_line() was given. */
static PyObject *
take_line(void)
{
    char *line = reading.line;
    reading.line = NULL;
    if (line == NULL) {
        close_library();
        return PyBytes_FromString("");
    }
    void (*add_history)(const char *);
    *(void **)&add_history = library_function("add_history");
    if (*line != '\0' && add_history != NULL) {
        add_history(line);
    }
    close_library();
    PyObject *result = PyBytes_FromFormat("%s\n", line);
    free(line);
    return result;
}

PyObject *
LineReader_Feed(void)
{
    if (reading.library == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "no line has been begun");
        return NULL;
    }
    call_plain("rl_callback_read_char");
    if (!reading.is_over) {
        Py_RETURN_NONE;
    }
    return take_line();
}

void
LineReader_Abandon(void)
{
    if (reading.library == NULL) {
        return;
    }
    call_plain("rl_free_line_state");
    call_plain("rl_callback_sigcleanup");
    call_plain("rl_cleanup_after_signal");
    call_plain("rl_callback_handler_remove");
    close_library();
}
