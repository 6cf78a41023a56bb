/* Background work while the prompt waits; see Include/inputhook.h.

   The runtime reads a line either with readline, whose module calls the hook whenever a select() of
   0.1 s found nothing, or with fgets(), which calls it once before it blocks.  Our hook does not
   return before the terminal is readable, so that nothing is polled.

   SIGINT needs care.  Both readers notice an interrupt only by a system call of theirs that fails
   with EINTR, and while the hook runs there is none.  So the hook leaves the signal for them: a timer
   sends it to this thread anew, right after the hook has returned. */

#include "inputhook.h"

#include <dlfcn.h>
#include <errno.h>
#include <internal/pycore_runtime.h>
#include <signal.h>
#include <stdio_ext.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the runtime's own headers none has it, though it is exported. */
extern char *PyOS_StdioReadline(FILE *, FILE *, const char *);

/* For a terminal whose line the kernel edits. */
#define ERASE_LINE "\r\x1b[K"

/* The read in progress.  PyOS_InputHook takes no argument, and as the hook itself there is one for
   the process: the thread that reads is its only user. */
static _Thread_local InputWait *current_wait;

/* True if stdio holds text that was read already: the descriptor may never become readable again
   while a whole line lies there. */
static int
stream_has_text(FILE *stream)
{
    return stream->_IO_read_ptr < stream->_IO_read_end;
}

/* The first signal comes as soon as the reader can have begun to wait; should it come too early, the
   next one does not. */
static void
interrupt_reader(InputWait *wait)
{
    if (!wait->timer_exists) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGINT};
        event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
        if (timer_create(CLOCK_MONOTONIC, &event, &wait->timer) < 0) {
            return;
        }
        wait->timer_exists = 1;
    }
    struct itimerspec soon = {.it_value = {.tv_nsec = 1000000},
                              .it_interval = {.tv_nsec = 50000000}};
    timer_settime(wait->timer, 0, &soon, NULL);
}

static void
run_session(InputWait *wait)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *result = PyObject_CallMethod(wait->session, "wait_for_input", "i", fileno(stdin));
    if (result == NULL && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_Clear();
        interrupt_reader(wait);
    }
    else if (result == NULL) {
        PyErr_WriteUnraisable(wait->session);
    }
    Py_XDECREF(result);
    PyGILState_Release(state);
}

static int
wait_for_input(void)
{
    InputWait *wait = current_wait;
    if (wait == NULL || errno == EINTR || stream_has_text(stdin)) {
        /* EINTR: the reader was interrupted and is about to look why. */
        errno = 0;
        return 0;
    }
    if (_Py_atomic_load(&_PyRuntime.ceval.signals_pending)) {
        interrupt_reader(wait);
    }
    else {
        run_session(wait);
    }
    errno = 0;
    return 0;
}

static int
session_wants_input(PyObject *session)
{
    PyObject *result = PyObject_CallMethod(session, "wants_input", NULL);
    int wants = result == NULL ? -1 : PyObject_IsTrue(result);
    if (wants < 0) {
        PyErr_WriteUnraisable(session);
    }
    Py_XDECREF(result);
    return wants > 0;
}

void
InputWait_Begin(InputWait *wait, PyObject *session)
{
    *wait = (InputWait){.session = session, .prompt = ""};
    if (session != NULL && session_wants_input(session)) {
        wait->installed = 1;
        wait->other_hook = PyOS_InputHook;
        PyOS_InputHook = wait_for_input;
        current_wait = wait;
    }
}

void
InputWait_End(InputWait *wait)
{
    if (wait->timer_exists) {
        timer_delete(wait->timer);
    }
    if (!wait->installed) {
        return;
    }
    current_wait = NULL;
    /* Somebody may have set it while background work ran. */
    if (PyOS_InputHook == wait_for_input) {
        PyOS_InputHook = wait->other_hook;
    }
}

int
InputWait_HasOtherHook(void)
{
    return current_wait != NULL && current_wait->other_hook != NULL;
}

int
InputWait_CallOtherHook(void)
{
    if (!InputWait_HasOtherHook()) {
        return 0;
    }
    Py_BEGIN_ALLOW_THREADS
    current_wait->other_hook();
    Py_END_ALLOW_THREADS
    return 1;
}

/* The library that the module readline uses, if it edits the prompt's lines; the interpreter itself
   is not linked with it. */
static void *
active_readline(void)
{
    if (PyOS_ReadlineFunctionPointer == NULL
        || PyOS_ReadlineFunctionPointer == PyOS_StdioReadline) {
        return NULL;
    }
    return dlopen("libreadline.so.8", RTLD_LAZY | RTLD_NOLOAD);
}

/* 0 if there is no readline that could do it. */
static int
call_readline(const char *name)
{
    void *library = active_readline();
    if (library == NULL) {
        return 0;
    }
    int (*function)(void);
    *(void **)&function = dlsym(library, name);
    if (function != NULL) {
        function();
        fflush(stdout);
    }
    dlclose(library);
    return function != NULL;
}

static int
write_all(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, text, length);
        if (written < 0 && errno != EINTR) {
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

int
InputWait_WriteAbove(const char *text, size_t length)
{
    const char *prompt = current_wait == NULL ? "" : current_wait->prompt;
    if (!call_readline("rl_clear_visible_line") && write_all(ERASE_LINE, strlen(ERASE_LINE)) < 0) {
        return -1;
    }
    if (write_all(text, length) < 0
        || (length > 0 && text[length - 1] != '\n' && write_all("\n", 1) < 0)) {
        return -1;
    }
    if (!call_readline("rl_forced_update_display")) {
        return write_all(prompt, strlen(prompt));
    }
    return 0;
}

extern char *__real_PyOS_Readline(FILE *sys_stdin, FILE *sys_stdout, const char *prompt);
extern char *__wrap_PyOS_Readline(FILE *sys_stdin, FILE *sys_stdout, const char *prompt);

/* The tokenizer knows which prompt a line gets; the hook, called from further below, wants to draw
   it again. */
char *
__wrap_PyOS_Readline(FILE *sys_stdin, FILE *sys_stdout, const char *prompt)
{
    if (current_wait != NULL) {
        current_wait->prompt = prompt;
    }
    char *line = __real_PyOS_Readline(sys_stdin, sys_stdout, prompt);
    if (current_wait != NULL) {
        current_wait->prompt = "";
        if (current_wait->timer_exists) {
            struct itimerspec never = {.it_value = {0}};
            timer_settime(current_wait->timer, 0, &never, NULL);
        }
    }
    return line;
}
