/* Background work while the prompt waits; see Include/inputhook.h.

   The runtime reads a line either with readline, whose module calls the hook whenever a select()
   of 0.1 s found nothing, or with fgets(), which calls it once before it blocks.  Our hook does
   not return before the terminal is readable, so that nothing is polled.

   SIGINT needs care.  Both readers notice an interrupt only by a system call of theirs that fails
   with EINTR, and while the hook runs there is none.  So the hook leaves the signal for them: a
   timer sends it to this thread anew, right after the hook has returned. */

#include "inputhook.h"
#include "interrupts.h"
#include "linereader.h"
#include "parser.h"
#include "session.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <internal/pycore_runtime.h>
#include <poll.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

/* Of the runtime's own headers none has it, though it is exported. */
extern char *PyOS_StdioReadline(FILE *, FILE *, const char *);

/* How long another hook may keep the session from its work, in nanoseconds; tkinter's own looks at
   its windows as often. */
enum { OTHER_HOOK_TURN = 20000000 };

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

static int
is_readable(int descriptor)
{
    struct pollfd status = {.fd = descriptor, .events = POLLIN};
    return poll(&status, 1, 0) > 0;
}

/* The first signal comes as soon as the reader can have begun to wait; should it come too early,
   the next one does not. */
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
    wait->is_interrupting = 1;
}

/* Takes the exception that is set: KeyboardInterrupt is the reader's to raise. */
static void
pass_on_exception(InputWait *wait)
{
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_Clear();
        interrupt_reader(wait);
    }
    else {
        PyErr_WriteUnraisable(wait->session);
    }
}

/* Returns 0 if an exception, such as SIGINT's, ended it. */
static int
run_session(InputWait *wait, int descriptor)
{
    PyEval_RestoreThread(wait->thread);
    int held_before = Interrupts_SetHeld(1);
    PyObject *result = PyObject_CallMethod(wait->session, "wait_for_input", "i", descriptor);
    Interrupts_SetHeld(held_before);
    if (result != NULL && PyErr_CheckSignals() < 0) {
        Py_CLEAR(result);
    }
    if (result == NULL) {
        pass_on_exception(wait);
    }
    Py_XDECREF(result);
    PyEval_SaveThread();
    return result != NULL;
}

/* Runs the handlers of signals that came where nobody looked for them.  Returns 0 if one raised. */
static int
handle_signals(InputWait *wait)
{
    if (!_Py_atomic_load(&_PyRuntime.ceval.signals_pending)) {
        return 1;
    }
    PyEval_RestoreThread(wait->thread);
    int raised = PyErr_CheckSignals() < 0;
    if (raised) {
        pass_on_exception(wait);
    }
    PyEval_SaveThread();
    return !raised;
}

/* What it takes to wait together with another hook. */
typedef struct {
    int keyboard;   /* where standard input is while descriptor 0 is something else */
    int timer;      /* readable every OTHER_HOOK_TURN */
    int either;     /* an epoll instance: readable when one of those is */
} SharedWait;

static void
shared_wait_close(SharedWait *shared)
{
    int descriptors[] = {shared->keyboard, shared->timer, shared->either};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(descriptors); i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
}

static int
shared_wait_open(SharedWait *shared, int input)
{
    struct itimerspec turn = {.it_value = {.tv_nsec = OTHER_HOOK_TURN},
                              .it_interval = {.tv_nsec = OTHER_HOOK_TURN}};
    shared->keyboard = fcntl(input, F_DUPFD_CLOEXEC, 3);
    shared->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    shared->either = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event readable = {.events = EPOLLIN};
    if (shared->keyboard < 0 || shared->timer < 0 || shared->either < 0
        || timerfd_settime(shared->timer, 0, &turn, NULL) < 0
        || epoll_ctl(shared->either, EPOLL_CTL_ADD, shared->keyboard, &readable) < 0
        || epoll_ctl(shared->either, EPOLL_CTL_ADD, shared->timer, &readable) < 0) {
        shared_wait_close(shared);
        return 0;
    }
    return 1;
}

/* Hooks return when the terminal is readable and not before, and so does the session's runner.
   They take turns: what they see as the terminal's descriptor becomes readable by a timer, too,
   and the session has its turn with what the other hook, if it did not wait, left of the time. */
static void
run_with_other_hook(InputWait *wait, int input)
{
    SharedWait shared;
    if (!shared_wait_open(&shared, input)) {
        wait->other_hook();
        return;
    }
    int goes_on;
    do {
        uint64_t turns;
        dup2(shared.either, input);
        wait->other_hook();
        dup2(shared.keyboard, input);
        goes_on = !is_readable(input) && handle_signals(wait) && run_session(wait, shared.either);
        (void)!read(shared.timer, &turns, sizeof(turns));
    } while (goes_on && !is_readable(input));
    shared_wait_close(&shared);
}

static int
readline_edits(void)
{
    return PyOS_ReadlineFunctionPointer != NULL
           && PyOS_ReadlineFunctionPointer != PyOS_StdioReadline && isatty(fileno(stdin))
           && isatty(fileno(stdout));
}

static int
interrupt_is_pending(InputWait *wait)
{
    PyEval_RestoreThread(wait->thread);
    int is_pending = PyOS_InterruptOccurred();
    if (is_pending) {
        /* Asking took it. */
        PyErr_SetInterrupt();
    }
    PyEval_SaveThread();
    return is_pending;
}

static int
wait_for_input(void)
{
    InputWait *wait = current_wait;
    if (wait == NULL) {
        return 0;
    }
    if (errno == EINTR && readline_edits() && interrupt_is_pending(wait)) {
        /* readline's select() was interrupted, and its module is about to look why.  With fgets()
           the hook comes first: what was interrupted then is the prompt's way to the terminal. */
        errno = 0;
        return 0;
    }
    int input = fileno(wait->stream);
    if (stream_has_text(wait->stream) || is_readable(input)) {
        return 0;
    }
    if (handle_signals(wait)) {
        if (wait->other_hook != NULL) {
            run_with_other_hook(wait, input);
        }
        else {
            run_session(wait, input);
        }
    }
    errno = 0;
    return 0;
}

static int
session_wants_input(PyObject *session)
{
    int held_before = Interrupts_SetHeld(1);
    PyObject *result = PyObject_CallMethod(session, "wants_input", NULL);
    Interrupts_SetHeld(held_before);
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
    *wait = (InputWait){
        .session = session, .stream = stdin, .thread = PyThreadState_Get(), .prompt = ""};
    if (session != NULL && session_wants_input(session)) {
        wait->installed = 1;
        /* Ours: another thread's prompt waits, too. */
        wait->other_hook = PyOS_InputHook == wait_for_input ? NULL : PyOS_InputHook;
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

/* The library that the module readline uses, if it edits the prompt's lines, as the runtime has it
   do between two terminals; the interpreter itself is not linked with it. */
static void *
active_readline(void)
{
    return readline_edits() ? dlopen("libreadline.so.8", RTLD_LAZY | RTLD_NOLOAD) : NULL;
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
write_all(int descriptor, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);
        if (written < 0 && errno == EAGAIN) {
            /* asyncio makes a terminal that it writes to non-blocking. */
            struct pollfd status = {.fd = descriptor, .events = POLLOUT};
            poll(&status, 1, -1);
        }
        else if (written < 0 && errno != EINTR) {
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

/* Keeps text as the beginning of the line; without memory for it the kernel's echo is all that is
   left of it, and the line is what follows. */
static void
keep_typed(InputWait *wait, const char *text, size_t length)
{
    char *typed = PyMem_RawRealloc(wait->typed, wait->typed_length + length);
    if (typed != NULL) {
        memcpy(typed + wait->typed_length, text, length);
        wait->typed = typed;
        wait->typed_length += length;
    }
}

/* Takes the unfinished line out of the kernel's editor, which gives it away, and cannot be asked
   for it otherwise, once it is told to edit no lines. */
static void
take_typed(InputWait *wait)
{
    int input = fileno(wait->stream);
    struct termios editing;
    if (is_readable(input) || tcgetattr(input, &editing) < 0 || !(editing.c_lflag & ICANON)) {
        return;
    }
    struct termios plain = editing;
    plain.c_lflag &= ~(tcflag_t)ICANON;
    plain.c_cc[VMIN] = 0;
    plain.c_cc[VTIME] = 0;
    if (tcsetattr(input, TCSANOW, &plain) < 0) {
        return;
    }
    char text[MAX_CANON];
    ssize_t length = read(input, text, sizeof(text));
    tcsetattr(input, TCSANOW, &editing);
    if (length > 0) {
        keep_typed(wait, text, (size_t)length);
    }
}

static int
draw_line(int terminal)
{
    if (call_readline("rl_forced_update_display") || current_wait == NULL) {
        return 0;
    }
    const char *prompt = current_wait->prompt;
    if (write_all(terminal, prompt, strlen(prompt)) < 0) {
        return -1;
    }
    return write_all(terminal, current_wait->typed, current_wait->typed_length);
}

int
InputWait_WriteAbove(int terminal, const char *text, size_t length)
{
    if (!call_readline("rl_clear_visible_line")) {
        if (current_wait != NULL) {
            take_typed(current_wait);
        }
        if (write_all(terminal, ERASE_LINE, strlen(ERASE_LINE)) < 0) {
            return -1;
        }
    }
    if (write_all(terminal, text, length) < 0
        || (length > 0 && text[length - 1] != '\n' && write_all(terminal, "\n", 1) < 0)) {
        return -1;
    }
    return draw_line(terminal);
}

/* The timer may have sent more than the one signal that the reader took; or none in time, where a
   line was there as soon as the interrupt: then it concerns what the line says. */
static void
stop_interrupting(InputWait *wait, int has_line)
{
    struct itimerspec never = {.it_value = {0}};
    timer_settime(wait->timer, 0, &never, NULL);
    wait->is_interrupting = 0;
    if (has_line) {
        PyErr_SetInterrupt();
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type != NULL && PyErr_CheckSignals() < 0) {
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
}

/* Puts what was taken before back in front of line, which is replaced; drops it where line is NULL,
   since an interrupt clears the line. */
static char *
with_typed(InputWait *wait, char *line)
{
    char *whole = line;
    if (line != NULL && wait->typed_length > 0) {
        size_t length = strlen(line);
        whole = PyMem_Malloc(wait->typed_length + length + 2);
        if (whole == NULL) {
            PyErr_NoMemory();
        }
        else {
            memcpy(whole, wait->typed, wait->typed_length);
            /* End of file after something typed ends the line. */
            strcpy(whole + wait->typed_length, length > 0 ? line : "\n");
        }
        PyMem_Free(line);
    }
    PyMem_RawFree(wait->typed);
    wait->typed = NULL;
    wait->typed_length = 0;
    return whole;
}

extern char *__real_PyOS_Readline(FILE *sys_stdin, FILE *sys_stdout, const char *prompt);
extern char *__wrap_PyOS_Readline(FILE *sys_stdin, FILE *sys_stdout, const char *prompt);

static char *
read_line(InputWait *wait, FILE *sys_stdin, FILE *sys_stdout, const char *prompt)
{
    wait->stream = sys_stdin;
    wait->prompt = prompt;
    char *line = __real_PyOS_Readline(sys_stdin, sys_stdout, prompt);
    line = with_typed(wait, line);
    wait->prompt = "";
    if (wait->is_interrupting) {
        stop_interrupting(wait, line != NULL);
    }
    return line;
}

/* A line that is not the prompt's own: input()'s, a console's or a debugger's in a statement or in
   a program.  The session's work goes on as at the prompt, unless its runner is in the midst of
   it. */
static char *
read_line_for_program(FILE *sys_stdin, FILE *sys_stdout, const char *prompt)
{
    InputWait wait;
    PyObject *session = Session_Current();
    InputWait_Begin(&wait, session);
    char *line = wait.installed ? read_line(&wait, sys_stdin, sys_stdout, prompt)
                                : __real_PyOS_Readline(sys_stdin, sys_stdout, prompt);
    InputWait_End(&wait);
    Py_XDECREF(session);
    return line;
}

/* The tokenizer knows which prompt a line gets; the hook, called from further below, wants to draw
   it again. */
char *
__wrap_PyOS_Readline(FILE *sys_stdin, FILE *sys_stdout, const char *prompt)
{
    char *line;
    if (Parser_TakeReadLine(&line)) {
        return line;
    }
    if (_PyOS_ReadlineTState == PyThreadState_Get()) {
        /* Background work that wants a line while this thread reads one: it is refused. */
        return __real_PyOS_Readline(sys_stdin, sys_stdout, prompt);
    }
    LineReader_Abandon();
    if (current_wait != NULL) {
        return read_line(current_wait, sys_stdin, sys_stdout, prompt);
    }
    return read_line_for_program(sys_stdin, sys_stdout, prompt);
}
