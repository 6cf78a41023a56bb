/* What goes on while a line is awaited; see Include/background.h.

   The runner is given one descriptor to watch, and returns when that can be read.  One that has
   nothing to do is not even run: what it waits for is waited for here. */

#include "background.h"

#include "interrupts.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <internal/pycore_runtime.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* How long another hook may keep the session from its work, in nanoseconds; tkinter's own looks at
   its windows as often. */
enum { OTHER_HOOK_TURN = 20000000 };

/* How long a wait is, in milliseconds, when a session does not wait though it should. */
enum { WAIT_WITHOUT_SESSION = 100 };

/* In seconds, far from where a time overflows. */
#define LONGEST_LIMIT 1e6

/* What a turn of background work left behind. */
typedef enum { TURN_OVER, TURN_INPUT, TURN_INTERRUPTED } Turn;

static bool
is_readable_within(int descriptor, int milliseconds)
{
    struct pollfd status = {.fd = descriptor, .events = POLLIN};
    return poll(&status, 1, milliseconds) > 0;
}

static bool
is_readable(int descriptor)
{
    return is_readable_within(descriptor, 0);
}

/* ---- The session's turn ---- */

/* Takes the exception that is set: KeyboardInterrupt ends the line. */
static Turn
take_exception(Background *background)
{
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_Clear();
        return TURN_INTERRUPTED;
    }
    PyErr_WriteUnraisable(background->session);
    return TURN_OVER;
}

static Turn
run_session(Background *background, int descriptor)
{
    PyEval_RestoreThread(background->thread);
    Turn turn = TURN_OVER;
    if (session_wait_for_input(background->session, descriptor) < 0 || PyErr_CheckSignals() < 0) {
        turn = take_exception(background);
    }
    PyEval_SaveThread();
    return turn;
}

/* Runs the handlers of signals that came where nobody looked for them. */
static Turn
handle_signals(Background *background)
{
    if (!_Py_atomic_load(&_PyRuntime.ceval.signals_pending)) {
        return TURN_OVER;
    }
    PyEval_RestoreThread(background->thread);
    Turn turn = PyErr_CheckSignals() < 0 ? take_exception(background) : TURN_OVER;
    PyEval_SaveThread();
    return turn;
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

/* The session gets one descriptor to watch. */
static Turn
run_session_alone(Background *background, int input)
{
    if (background->either < 0) {
        background->either = join_descriptors((int[]){input, background->wakeup}, 2);
    }
    int descriptor = background->either < 0 ? input : background->either;
    Turn turn = run_session(background, descriptor);
    if (turn != TURN_INTERRUPTED && !background->says_quiet) {
        is_readable_within(descriptor, WAIT_WITHOUT_SESSION);
    }
    return turn;
}

/* ---- A session that has nothing to do ---- */

/* What it waits for. */
typedef struct {
    int descriptor; /* -1 if none */
    bool has_limit;
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

/* Whether the runner has nothing to do; *turn is what asking it left behind. */
static bool
is_quiet(Background *background, QuietWait *quiet, Turn *turn)
{
    PyEval_RestoreThread(background->thread);
    PyObject *result = session_quiet(background->runner);
    int answer = result == NULL ? -1 : parse_quiet_wait(result, quiet);
    Py_XDECREF(result);
    background->says_quiet |= answer > 0;
    *turn = answer < 0 ? take_exception(background) : TURN_OVER;
    PyEval_SaveThread();
    return answer > 0;
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
wait_quietly(Background *background, int input, const QuietWait *quiet)
{
    struct pollfd status[] = {{.fd = input, .events = POLLIN},
                              {.fd = background->wakeup, .events = POLLIN},
                              {.fd = quiet->descriptor, .events = POLLIN}};
    int ready = poll_unless_signalled(status, Py_ARRAY_LENGTH(status),
                                      quiet->has_limit ? &quiet->limit : NULL);
    if (ready < 0) {
        return QUIET_SIGNAL;
    }
    if (status[1].revents & POLLNVAL) {
        /* Somebody has closed all descriptors that he did not know. */
        background->wakeup = -1;
    }
    /* The wakeup comes first: output belongs above the line as it is. */
    return status[1].revents ? QUIET_WAKEUP : status[0].revents ? QUIET_INPUT : QUIET_OVER;
}

/* A runner that has nothing to do is not run: that takes longer than most statements. */
static Turn
wait_with_session(Background *background, int input)
{
    QuietWait quiet;
    Turn turn;
    while (is_quiet(background, &quiet, &turn)) {
        switch (wait_quietly(background, input, &quiet)) {
        case QUIET_INPUT:
            return TURN_INPUT;
        case QUIET_WAKEUP:
            return TURN_OVER;
        case QUIET_OVER:
            return run_session_alone(background, input);
        case QUIET_SIGNAL:
            turn = handle_signals(background);
            if (turn == TURN_INTERRUPTED) {
                return turn;
            }
        }
    }
    if (turn == TURN_INTERRUPTED) {
        return turn;
    }
    return is_readable(input) ? TURN_INPUT : run_session_alone(background, input);
}

/* ---- Turns with another hook ---- */

/* What it takes to wait together with one. */
typedef struct {
    int keyboard; /* where standard input is while descriptor 0 is something else */
    int timer;    /* readable every OTHER_HOOK_TURN */
    int any;      /* readable when one of those is, or the wakeup */
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

static bool
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
        return false;
    }
    return true;
}

/* True once there is something to do for who asked for the wait. */
static bool
wait_is_over(Background *background, int input)
{
    return is_readable(input) || is_readable(background->wakeup);
}

/* The session's turn beside another hook: until any is readable, or its work is done.  The other
   may have taken all of the time, so it is run in any case. */
static Turn
share_turn(Background *background, int any)
{
    QuietWait quiet;
    Turn turn;
    if (is_quiet(background, &quiet, &turn)
        && wait_quietly(background, any, &quiet) == QUIET_SIGNAL) {
        turn = handle_signals(background);
    }
    return turn == TURN_INTERRUPTED ? turn : run_session(background, any);
}

/* Hooks return when the terminal is readable and not before, and so does the session's runner.
   They take turns: what they see as the terminal's descriptor becomes readable by a timer, too,
   and the session has its turn with what the other hook, if it did not wait, left of the time. */
static Turn
run_with_other_hook(Background *background, int input, int (*other_hook)(void))
{
    SharedWait shared;
    if (!shared_wait_open(&shared, input, background->wakeup)) {
        other_hook();
        return TURN_OVER;
    }
    Turn turn = TURN_OVER;
    do {
        uint64_t turns;
        dup2(shared.any, input);
        other_hook();
        dup2(shared.keyboard, input);
        if (!wait_is_over(background, input)) {
            turn = handle_signals(background);
            if (turn != TURN_INTERRUPTED) {
                turn = share_turn(background, shared.any);
            }
        }
        (void)!read(shared.timer, &turns, sizeof(turns));
    } while (turn != TURN_INTERRUPTED && !wait_is_over(background, input));
    shared_wait_close(&shared);
    return turn;
}

/* ---- The wait ---- */

static Turn
take_turn(Background *background, int input)
{
    if (background->is_woken) {
        return TURN_OVER;
    }
    Turn turn = handle_signals(background);
    int (*other_hook)(void) = PyOS_InputHook;
    if (turn == TURN_INTERRUPTED) {
        return turn;
    }
    if (other_hook == NULL) {
        return wait_with_session(background, input);
    }
    return is_readable(input) ? TURN_INPUT : run_with_other_hook(background, input, other_hook);
}

/* True if the wakeup came; what it was for, if that is ours, is done then. */
static bool
take_wakeup(Background *background)
{
    uint64_t times;
    bool is_woken = atomic_exchange(&background->is_woken, false);
    if (read(background->wakeup, &times, sizeof(times)) < 0 && !is_woken) {
        return false;
    }
    if (background->has_output) {
        PyEval_RestoreThread(background->thread);
        background_show_output(background, true);
        PyEval_SaveThread();
    }
    return true;
}

WaitEnd
background_wait(Background *background, int input)
{
    for (;;) {
        switch (take_turn(background, input)) {
        case TURN_INPUT:
            return WAIT_INPUT;
        case TURN_INTERRUPTED:
            if (!is_readable(input)) {
                return WAIT_INTERRUPTED;
            }
            /* What was typed before it is the beginning of the line that it clears, or the
               statement that it ends. */
            PyErr_SetInterrupt();
            return WAIT_INPUT;
        case TURN_OVER:
            if (take_wakeup(background)) {
                return WAIT_WAKEUP;
            }
        }
    }
}

void
background_wake(Background *background)
{
    uint64_t once = 1;
    background->is_woken = true;
    if (background->wakeup >= 0) {
        (void)!write(background->wakeup, &once, sizeof(once));
    }
}

/* ---- A read ---- */

void
background_show_output(Background *background, bool above_line)
{
    if (background->has_output) {
        background->has_output = false;
        session_show_output(background->session, above_line);
    }
}

void
background_begin(Background *background, PyObject *session)
{
    *background = (Background){.session = session,
                               .runner = session_background(session),
                               .thread = PyThreadState_Get(),
                               .wakeup = -1,
                               .either = -1};
}

void
background_open(Background *background)
{
    background->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void
background_close(Background *background)
{
    int *descriptors[] = {&background->wakeup, &background->either};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(descriptors); i++) {
        if (*descriptors[i] >= 0) {
            close(*descriptors[i]);
            *descriptors[i] = -1;
        }
    }
}

void
background_end(Background *background)
{
    Py_CLEAR(background->runner);
    Py_CLEAR(background->session);
}
