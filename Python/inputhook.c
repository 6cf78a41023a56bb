/* Background work while the prompt waits; see Include/inputhook.h.

   Where readline edits the line the waits are ours (linedriver.c).  Otherwise the runtime reads it
   with fgets(), and calls the hook once before that.  Our hook does not return before the terminal
   is readable, so that nothing is polled.

   SIGINT needs care there.  The reader notices an interrupt only by a system call of its own that
   fails with EINTR, and while the hook runs there is none.  So the hook leaves the signal for it: a
   timer sends it to this thread anew, right after the hook has returned.  (Any other reader that
   calls the hook, such as one that a program has put in readline's place, works alike.) */

#include "inputhook.h"

#include "linedriver.h"
#include "linereader.h"
#include "parser.h"
#include "readlinelib.h"
#include "session.h"

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

/* How long a wait is, in milliseconds, when a session does not wait though it should. */
enum { WAIT_WITHOUT_SESSION = 100 };

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
is_readable_within(int descriptor, int milliseconds)
{
    struct pollfd status = {.fd = descriptor, .events = POLLIN};
    return poll(&status, 1, milliseconds) > 0;
}

static int
is_readable(int descriptor)
{
    return is_readable_within(descriptor, 0);
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
}

static int wait_for_input(void);

/* Whose PyOS_InputHook it is, if not ours: another thread's prompt may wait, too. */
static int (*hook_of_others(void))(void)
{
    return PyOS_InputHook == wait_for_input ? NULL : PyOS_InputHook;
}

/* Takes the exception that is set: KeyboardInterrupt is the reader's to raise. */
static void
pass_on_exception(InputWait *wait)
{
    if (!PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_WriteUnraisable(wait->session);
        return;
    }
    PyErr_Clear();
    if (wait->is_driven) {
        wait->is_interrupted = 1;
    }
    else {
        interrupt_reader(wait);
    }
}

/* Returns 0 if an exception, such as SIGINT's, ended it. */
static int
run_session(InputWait *wait, int descriptor)
{
    PyEval_RestoreThread(wait->thread);
    PyObject *result = PyObject_CallMethod(wait->session, "wait_for_input", "i", descriptor);
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

/* What is readable when one of several is: an epoll instance, or -1 without the means for it.  A
   descriptor that is -1 is none. */
static int
join_descriptors(const int *descriptors, size_t count)
{
    int joined = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event readable = {.events = EPOLLIN};
    for (size_t i = 0; i < count && joined >= 0; i++) {
        if (descriptors[i] >= 0
            && epoll_ctl(joined, EPOLL_CTL_ADD, descriptors[i], &readable) < 0) {
            close(joined);
            joined = -1;
        }
    }
    return joined;
}

/* True once there is something to do for who asked for the wait. */
static int
wait_is_over(InputWait *wait, int input)
{
    return is_readable(input) || (wait->wakeup >= 0 && is_readable(wait->wakeup));
}

static void
run_session_alone(InputWait *wait, int input)
{
    if (wait->wakeup >= 0 && wait->either < 0) {
        wait->either = join_descriptors((int[]){input, wait->wakeup}, 2);
    }
    run_session(wait, wait->either < 0 ? input : wait->either);
}

/* What it takes to wait together with another hook. */
typedef struct {
    int keyboard;   /* where standard input is while descriptor 0 is something else */
    int timer;      /* readable every OTHER_HOOK_TURN */
    int any;        /* readable when one of those is, or the wait's wakeup */
} SharedWait;

static void
shared_wait_close(SharedWait *shared)
{
    int descriptors[] = {shared->keyboard, shared->timer, shared->any};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(descriptors); i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
}

static int
shared_wait_open(SharedWait *shared, int input, int wakeup)
{
    struct itimerspec turn = {.it_value = {.tv_nsec = OTHER_HOOK_TURN},
                              .it_interval = {.tv_nsec = OTHER_HOOK_TURN}};
    shared->keyboard = fcntl(input, F_DUPFD_CLOEXEC, 3);
    shared->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    shared->any = join_descriptors((int[]){shared->keyboard, shared->timer, wakeup}, 3);
    if (shared->keyboard < 0 || shared->timer < 0 || shared->any < 0
        || timerfd_settime(shared->timer, 0, &turn, NULL) < 0) {
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
    if (!shared_wait_open(&shared, input, wait->wakeup)) {
        wait->other_hook();
        return;
    }
    int goes_on;
    do {
        uint64_t turns;
        dup2(shared.any, input);
        wait->other_hook();
        dup2(shared.keyboard, input);
        goes_on = !wait_is_over(wait, input) && handle_signals(wait)
                  && run_session(wait, shared.any);
        (void)!read(shared.timer, &turns, sizeof(turns));
    } while (goes_on && !wait_is_over(wait, input));
    shared_wait_close(&shared);
}

static void
do_background_work(InputWait *wait, int input)
{
    if (!handle_signals(wait)) {
        return;
    }
    if (wait->other_hook != NULL) {
        run_with_other_hook(wait, input);
    }
    else {
        run_session_alone(wait, input);
    }
}

WaitEnd
InputWait_ForInput(InputWait *wait)
{
    int input = fileno(wait->stream);
    int milliseconds = 0;
    while (!is_readable_within(input, milliseconds)) {
        wait->other_hook = hook_of_others();
        do_background_work(wait, input);
        if (wait->is_interrupted) {
            return WAIT_INTERRUPTED;
        }
        if (wait->wakeup >= 0 && is_readable(wait->wakeup)) {
            return WAIT_WAKEUP;
        }
        milliseconds = WAIT_WITHOUT_SESSION;
    }
    return WAIT_INPUT;
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
    if (errno == EINTR && interrupt_is_pending(wait)) {
        /* The reader was interrupted and is about to look why. */
        errno = 0;
        return 0;
    }
    int input = fileno(wait->stream);
    if (stream_has_text(wait->stream) || is_readable(input)) {
        return 0;
    }
    do_background_work(wait, input);
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
    *wait = (InputWait){.session = session,
                        .stream = stdin,
                        .thread = PyThreadState_Get(),
                        .prompt = "",
                        .wakeup = -1,
                        .either = -1};
    if (session != NULL && session_wants_input(session)) {
        current_wait = wait;
    }
}

void
InputWait_End(InputWait *wait)
{
    if (wait->timer_exists) {
        timer_delete(wait->timer);
    }
    if (current_wait == wait) {
        current_wait = NULL;
    }
}

static void
install_hook(InputWait *wait)
{
    wait->other_hook = hook_of_others();
    PyOS_InputHook = wait_for_input;
}

static void
uninstall_hook(InputWait *wait)
{
    /* Somebody may have set it while background work ran. */
    if (PyOS_InputHook == wait_for_input) {
        PyOS_InputHook = wait->other_hook;
    }
}

/* Calls a function of the library that edits the prompt's lines, as the runtime has the module
   readline do between two terminals; 0 if there is none that could do it. */
static int
call_readline(const char *name)
{
    if (!isatty(fileno(stdin)) || !isatty(fileno(stdout))) {
        return 0;
    }
    void *library = Readline_Open();
    int called = library != NULL && Readline_Call(library, name);
    if (called) {
        fflush(stdout);
    }
    Readline_Close(library);
    return called;
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

/* The timer may have sent more than the one signal that the reader took. */
static void
stop_interrupting(InputWait *wait)
{
    struct itimerspec never = {.it_value = {0}};
    timer_settime(wait->timer, 0, &never, NULL);
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
read_by_hook(InputWait *wait, FILE *output)
{
    install_hook(wait);
    char *line = __real_PyOS_Readline(wait->stream, output, wait->prompt);
    uninstall_hook(wait);
    line = with_typed(wait, line);
    if (wait->timer_exists) {
        stop_interrupting(wait);
    }
    return line;
}

static char *
read_by_driver(InputWait *wait, FILE *output)
{
    char *line = __real_PyOS_Readline(wait->stream, output, wait->prompt);
    LineDriver_End(wait);
    if (wait->is_interrupted) {
        wait->is_interrupted = 0;
        PyMem_Free(line);
        PyErr_SetNone(PyExc_KeyboardInterrupt);
        return NULL;
    }
    return line;
}

/* The tokenizer knows which prompt a line gets; what goes on meanwhile wants to draw it again. */
static char *
read_line(InputWait *wait, FILE *input, FILE *output, const char *prompt)
{
    wait->stream = input;
    wait->prompt = prompt;
    char *line = LineDriver_Begin(wait, input, output) ? read_by_driver(wait, output)
                                                       : read_by_hook(wait, output);
    wait->prompt = "";
    return line;
}

/* A line that is not the prompt's own: input()'s, a console's or a debugger's in a statement or in
   a program.  The session's work goes on as at the prompt, unless its runner is in the midst of
   it. */
static char *
read_line_for_program(FILE *input, FILE *output, const char *prompt)
{
    InputWait wait;
    PyObject *session = Session_Current();
    InputWait_Begin(&wait, session);
    char *line = current_wait == NULL ? __real_PyOS_Readline(input, output, prompt)
                                      : read_line(&wait, input, output, prompt);
    InputWait_End(&wait);
    Py_XDECREF(session);
    return line;
}

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
    LineReader_AbandonAny();
    return current_wait != NULL ? read_line(current_wait, sys_stdin, sys_stdout, prompt)
                                : read_line_for_program(sys_stdin, sys_stdout, prompt);
}
