/* Reading through somebody else's reader; see Include/lines.h.

   Whoever has put a function of his own into PyOS_ReadlineFunctionPointer reads as he likes, and
   PyOS_InputHook is the one place to do something meanwhile.  It is ours for the time of one line.

   SIGINT needs care there.  Such a reader notices an interrupt only by a system call of its own
   that fails with EINTR, and while the hook runs there is none.  So the hook leaves the signal for
   it: a timer sends it to this thread anew, right after the hook has returned. */

#include "lines.h"

#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    Background *background;
    int input;
    int (*other_hook)(void); /* whose PyOS_InputHook it is besides, or NULL */
    timer_t timer;           /* raises SIGINT in the reader */
    bool timer_exists, is_interrupting;
} Reading;

/* PyOS_InputHook takes no argument. */
static _Thread_local Reading *current_reading;

/* The first signal comes as soon as the reader can have begun to wait; should it come too early,
   the next one does not. */
static void
interrupt_reader(Reading *reading)
{
    if (!reading->timer_exists) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGINT};
        event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
        if (timer_create(CLOCK_MONOTONIC, &event, &reading->timer) < 0) {
            return;
        }
        reading->timer_exists = true;
    }
    struct itimerspec soon = {.it_value = {.tv_nsec = 1000000},
                              .it_interval = {.tv_nsec = 50000000}};
    timer_settime(reading->timer, 0, &soon, NULL);
    reading->is_interrupting = true;
}

static int wait_for_input(void);

/* While background work runs, PyOS_InputHook is what it is for everybody else. */
static void
show_other_hook(Reading *reading)
{
    if (PyOS_InputHook == wait_for_input) {
        PyOS_InputHook = reading->other_hook;
    }
}

static void
hide_other_hook(Reading *reading)
{
    if (PyOS_InputHook != wait_for_input) {
        reading->other_hook = PyOS_InputHook;
        PyOS_InputHook = wait_for_input;
    }
}

static int
wait_for_input(void)
{
    Reading *reading = current_reading;
    if (reading == NULL) {
        return 0;
    }
    show_other_hook(reading);
    WaitEnd end;
    do {
        end = background_wait(reading->background, reading->input);
    } while (end == WAIT_WAKEUP);
    hide_other_hook(reading);
    if (end == WAIT_INTERRUPTED) {
        interrupt_reader(reading);
    }
    errno = 0;
    return 0;
}

/* The timer may have sent more than the one signal that the reader took; or none in time, where a
   line was there as soon as the interrupt: then it concerns what the line says. */
static void
stop_interrupting(Reading *reading, bool has_line)
{
    struct itimerspec never = {.it_value = {0}};
    timer_settime(reading->timer, 0, &never, NULL);
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

char *
reader_of_others_read(Background *background, LineReader read, FILE *input, FILE *output,
                      const char *prompt)
{
    Reading reading = {.background = background, .input = fileno(input)};
    terminal_begin_line(NULL, background);
    current_reading = &reading;
    hide_other_hook(&reading);
    char *line = read(input, output, prompt);
    show_other_hook(&reading);
    current_reading = NULL;
    terminal_end_line(background);
    if (reading.is_interrupting) {
        stop_interrupting(&reading, line != NULL);
    }
    if (reading.timer_exists) {
        timer_delete(reading.timer);
    }
    return line;
}
