/* Background work while the prompt waits; see Include/inputhook.h.

   Where readline edits the line the waits are ours (linedriver.c).  Otherwise the runtime reads it
   with fgets(), and calls the hook once before that.  Our hook does not return before the terminal
   is readable, so that nothing is polled.

   SIGINT needs care there.  The reader notices an interrupt only by a system call of its own that
   fails with EINTR, and while the hook runs there is none.  So the hook leaves the signal for it: a
   timer sends it to this thread anew, right after the hook has returned.  (Any other reader that
   calls the hook, such as one that a program has put in readline's place, works alike.) */

#include "inputhook.h"

#include "interrupts.h"
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
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
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

/* In seconds, far from where a time overflows. */
#define LONGEST_LIMIT 1e6

/* For a terminal whose line the kernel edits. */
#define ERASE_LINE "\r\x1b[K"

/* The read in progress.  PyOS_InputHook takes no argument, and as the hook itself there is one for
   the process: the thread that reads is its only user. */
static _Thread_local InputWait *current_wait;

/* The one whose line is being typed right now, for other threads; guarded by the GIL. */
static InputWait *reading_wait;

/* The last wait's wakeup, for the next; -1 if none. */
static atomic_int spare_wakeup = -1;

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
    wait->is_interrupting = 1;
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
    return is_readable(input) || is_readable(wait->wakeup);
}

/* The session gets one descriptor to watch. */
static void
run_session_alone(InputWait *wait, int input)
{
    if (wait->either < 0) {
        wait->either = join_descriptors((int[]){input, wait->wakeup}, 2);
    }
    int descriptor = wait->either < 0 ? input : wait->either;
    run_session(wait, descriptor);
    if (!wait->is_interrupted && !wait->is_interrupting) {
        is_readable_within(descriptor, WAIT_WITHOUT_SESSION);
    }
}

/* What a session with nothing to do waits for. */
typedef struct {
    int descriptor; /* -1 if none */
    int has_limit;
    struct timespec limit;
} QuietWait;

/* What a runner's quiet() returned; 0 for None, -1 with an exception. */
static int
parse_quiet_wait(PyObject *result, QuietWait *quiet)
{
    PyObject *seconds;
    if (result == Py_None) {
        return 0;
    }
    if (!PyArg_ParseTuple(result, "iO:quiet", &quiet->descriptor, &seconds)) {
        return -1;
    }
    quiet->has_limit = seconds != Py_None;
    if (quiet->has_limit) {
        double value = PyFloat_AsDouble(seconds);
        if (value == -1.0 && PyErr_Occurred()) {
            return -1;
        }
        value = value < 0 ? 0 : value < LONGEST_LIMIT ? value : LONGEST_LIMIT;
        quiet->limit.tv_sec = (time_t)value;
        quiet->limit.tv_nsec = (long)((value - (double)quiet->limit.tv_sec) * 1e9);
    }
    return 1;
}

/* New reference to what the runner's quiet() returns, None if it has none. */
static PyObject *
call_quiet(PyObject *runner)
{
    PyObject *method;
    PyObject *name = PyUnicode_InternFromString("quiet");
    int found = name == NULL ? -1 : _PyObject_LookupAttr(runner, name, &method);
    Py_XDECREF(name);
    if (found <= 0) {
        return found < 0 ? NULL : Py_NewRef(Py_None);
    }
    PyObject *result = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return result;
}

static int
runner_is_quiet(InputWait *wait, QuietWait *quiet)
{
    PyEval_RestoreThread(wait->thread);
    PyObject *result = call_quiet(wait->runner);
    int is_quiet = result == NULL ? -1 : parse_quiet_wait(result, quiet);
    Py_XDECREF(result);
    if (is_quiet < 0) {
        pass_on_exception(wait);
    }
    PyEval_SaveThread();
    return is_quiet > 0;
}

/* poll(), which a signal that came since its handlers were last run ends at once. */
static int
poll_unless_signalled(struct pollfd *status, nfds_t count, const struct timespec *limit)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int ready = -1;
    if (!_Py_atomic_load(&_PyRuntime.ceval.signals_pending)) {
        ready = ppoll(status, count, limit, &before);
    }
    int saved_errno = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved_errno;
    return ready;
}

typedef enum { QUIET_SIGNAL, QUIET_INPUT, QUIET_WAKEUP, QUIET_OVER } QuietEnd;

static QuietEnd
wait_quietly(InputWait *wait, int input, const QuietWait *quiet)
{
    struct pollfd status[] = {{.fd = input, .events = POLLIN},
                              {.fd = wait->wakeup, .events = POLLIN},
                              {.fd = quiet->descriptor, .events = POLLIN}};
    int ready = poll_unless_signalled(status, Py_ARRAY_LENGTH(status),
                                      quiet->has_limit ? &quiet->limit : NULL);
    if (ready < 0) {
        return QUIET_SIGNAL;
    }
    if (status[1].revents & POLLNVAL) {
        /* Somebody has closed all descriptors that he did not know. */
        wait->wakeup = -1;
    }
    /* The wakeup comes first: output belongs above the line as it is. */
    return status[1].revents ? QUIET_WAKEUP : status[0].revents ? QUIET_INPUT : QUIET_OVER;
}

/* A runner that has nothing to do is not run: that takes longer than most statements.  Returns 1
   when it is known that there is input. */
static int
wait_with_session(InputWait *wait, int input)
{
    QuietWait quiet;
    while (runner_is_quiet(wait, &quiet)) {
        switch (wait_quietly(wait, input, &quiet)) {
        case QUIET_INPUT:
            return 1;
        case QUIET_WAKEUP:
            return 0;
        case QUIET_OVER:
            run_session_alone(wait, input);
            return 0;
        case QUIET_SIGNAL:
            if (!handle_signals(wait)) {
                return 0;
            }
        }
    }
    if (is_readable(input)) {
        return 1;
    }
    run_session_alone(wait, input);
    return 0;
}

/* What it takes to wait together with another hook. */
typedef struct {
    int keyboard; /* where standard input is while descriptor 0 is something else */
    int timer;    /* readable every OTHER_HOOK_TURN */
    int any;      /* readable when one of those is, or the wait's wakeup */
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
        goes_on =
            !wait_is_over(wait, input) && handle_signals(wait) && run_session(wait, shared.any);
        (void)!read(shared.timer, &turns, sizeof(turns));
    } while (goes_on && !wait_is_over(wait, input));
    shared_wait_close(&shared);
}

/* Other threads may wake this one from now on.  The descriptor for that is kept from one line to
   the next. */
static void
open_wakeup(InputWait *wait)
{
    int wakeup = atomic_exchange(&spare_wakeup, -1);
    PyEval_RestoreThread(wait->thread);
    wait->wakeup = wakeup >= 0 ? wakeup : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reading_wait == NULL && wait->wakeup >= 0) {
        reading_wait = wait;
    }
    PyEval_SaveThread();
}

static void
close_wakeup(InputWait *wait)
{
    if (wait->wakeup >= 0) {
        int other = atomic_exchange(&spare_wakeup, wait->wakeup);
        wait->wakeup = -1;
        if (other >= 0) {
            close(other);
        }
    }
}

/* Returns 1 when it is known that there is input. */
static int
do_background_work(InputWait *wait, int input)
{
    if (wait->wakeup < 0) {
        open_wakeup(wait);
    }
    if (wait->is_woken || !handle_signals(wait)) {
        return 0;
    }
    if (wait->other_hook == NULL) {
        return wait_with_session(wait, input);
    }
    if (is_readable(input)) {
        return 1;
    }
    run_with_other_hook(wait, input);
    return 0;
}

static void
show_output(InputWait *wait, int above_line)
{
    wait->has_output = 0;
    int held_before = Interrupts_SetHeld(1);
    PyObject *result = PyObject_CallMethod(wait->session, "show_output", "i", above_line);
    Interrupts_SetHeld(held_before);
    if (result == NULL) {
        PyErr_WriteUnraisable(wait->session);
    }
    Py_XDECREF(result);
}

/* True if the wakeup came; what it was for, if that is ours, is done then. */
static int
take_wakeup(InputWait *wait)
{
    uint64_t times;
    int is_woken = atomic_exchange(&wait->is_woken, 0);
    if (read(wait->wakeup, &times, sizeof(times)) < 0 && !is_woken) {
        return 0;
    }
    if (wait->has_output) {
        PyEval_RestoreThread(wait->thread);
        show_output(wait, 1);
        PyEval_SaveThread();
    }
    return 1;
}

void
InputWait_Wake(InputWait *wait)
{
    uint64_t once = 1;
    wait->is_woken = 1;
    if (wait->wakeup >= 0) {
        (void)!write(wait->wakeup, &once, sizeof(once));
    }
}

int
InputWait_IsReading(void)
{
    return reading_wait != NULL;
}

int
InputWait_TakeOutput(void)
{
    if (reading_wait == NULL) {
        return 0;
    }
    reading_wait->has_output = 1;
    InputWait_Wake(reading_wait);
    return 1;
}

/* What was typed before it is the beginning of the line that it clears, or the statement that it
   ends. */
static WaitEnd
put_interrupt_off(InputWait *wait)
{
    wait->is_interrupted = 0;
    PyErr_SetInterrupt();
    return WAIT_INPUT;
}

WaitEnd
InputWait_ForInput(InputWait *wait)
{
    int input = fileno(wait->stream);
    for (;;) {
        wait->other_hook = hook_of_others();
        if (do_background_work(wait, input)) {
            return WAIT_INPUT;
        }
        if (wait->is_interrupted) {
            return is_readable(input) ? put_interrupt_off(wait) : WAIT_INTERRUPTED;
        }
        if (take_wakeup(wait)) {
            return WAIT_WAKEUP;
        }
    }
}

/* Where the runtime has a module such as readline read, not fgets(). */
static int
is_between_terminals(void)
{
    return isatty(fileno(stdin)) && isatty(fileno(stdout));
}

/* True if the reader is not the runtime's own, which calls fgets(). */
static int
readline_edits(void)
{
    return PyOS_ReadlineFunctionPointer != NULL
           && PyOS_ReadlineFunctionPointer != PyOS_StdioReadline && is_between_terminals();
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
    while (!do_background_work(wait, input) && take_wakeup(wait)) {
    }
    errno = 0;
    return 0;
}

/* New reference to the runner whose work goes on, NULL if there is none. */
static PyObject *
background_runner(PyObject *session)
{
    int held_before = Interrupts_SetHeld(1);
    PyObject *runner = PyObject_CallMethod(session, "background", NULL);
    Interrupts_SetHeld(held_before);
    if (runner == NULL) {
        PyErr_WriteUnraisable(session);
    }
    else if (runner == Py_None) {
        Py_CLEAR(runner);
    }
    return runner;
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
    wait->runner = session == NULL ? NULL : background_runner(session);
    if (wait->runner != NULL) {
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
    Py_CLEAR(wait->runner);
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
call_readline(ReadlineSymbol function)
{
    const Readline *library = is_between_terminals() ? Readline_Open() : NULL;
    int called = library != NULL && Readline_Call(library, function);
    if (called) {
        fflush(stdout);
    }
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
    if (call_readline(READLINE_rl_forced_update_display) || current_wait == NULL) {
        return 0;
    }
    const char *prompt = current_wait->prompt;
    if (write_all(terminal, prompt, strlen(prompt)) < 0) {
        return -1;
    }
    return write_all(terminal, current_wait->typed, current_wait->typed_length);
}

static int
erase_line(int terminal)
{
    if (call_readline(READLINE_rl_clear_visible_line)) {
        return 0;
    }
    if (current_wait != NULL) {
        take_typed(current_wait);
    }
    return write_all(terminal, ERASE_LINE, strlen(ERASE_LINE));
}

int
InputWait_Write(int terminal, const char *text, size_t length, int above_line)
{
    if (!above_line) {
        return write_all(terminal, text, length);
    }
    int has_end = length > 0 && text[length - 1] == '\n';
    if (erase_line(terminal) < 0 || write_all(terminal, text, length) < 0
        || (!has_end && write_all(terminal, "\n", 1) < 0)) {
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
read_by_hook(InputWait *wait, FILE *output)
{
    install_hook(wait);
    char *line = __real_PyOS_Readline(wait->stream, output, wait->prompt);
    uninstall_hook(wait);
    line = with_typed(wait, line);
    if (wait->is_interrupting) {
        stop_interrupting(wait, line != NULL);
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

/* What was written while the line's last keys were typed has no line to appear above any more. */
static void
end_line(InputWait *wait)
{
    wait->prompt = "";
    if (reading_wait == wait) {
        reading_wait = NULL;
    }
    if (wait->either >= 0) {
        close(wait->either);
        wait->either = -1;
    }
    close_wakeup(wait);
    if (wait->has_output) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        show_output(wait, 0);
        PyErr_Restore(type, value, traceback);
    }
}

/* The tokenizer knows which prompt a line gets; what goes on meanwhile wants to draw it again. */
static char *
read_line(InputWait *wait, FILE *input, FILE *output, const char *prompt)
{
    wait->stream = input;
    wait->prompt = prompt;
    char *line = LineDriver_Begin(wait, input, output) ? read_by_driver(wait, output)
                                                       : read_by_hook(wait, output);
    end_line(wait);
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
    if (parser_take_read_line(&line)) {
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
