/* Background work between the keys of a line that readline edits; see Include/linedriver.h.

   The module's own reader calls PyOS_InputHook only when for 0.1 s after a key there was no other:
   so long the background would stand still.  The reader here takes its place for a line, and does
   all that it does: streams, locale, history.

   A line has to be drawn anew when the window gets another size.  The module has a handler of
   SIGWINCH, which notes that for later; the one here, in front of it, ends the wait.

   The runtime finds its reader in PyOS_ReadlineFunctionPointer.  Ours is there only until it is
   called, so that whoever looks meanwhile finds the module's. */

#include "linedriver.h"

#include "linereader.h"
#include "readlinelib.h"

#include <internal/pycore_pylifecycle.h>
#include <internal/pycore_pystate.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

typedef char *(*Reader)(FILE *input, FILE *output, const char *prompt);

/* The module's, in whose place ours is; as PyOS_ReadlineFunctionPointer, one for the process. */
static Reader module_reader;

/* A reader has no argument for it. */
static _Thread_local InputWait *driven_wait;

/* What the handler of SIGWINCH needs, of the process as itself: whom to wake, and the handler that
   was there before. */
static _Atomic(InputWait *) resized_wait;
static atomic_int is_resized;
static struct sigaction handler_behind;

static void
on_resize(int signal_number, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    InputWait *wait = resized_wait;
    if (wait != NULL) {
        is_resized = 1;
        InputWait_Wake(wait);
    }
    if (handler_behind.sa_flags & SA_SIGINFO) {
        handler_behind.sa_sigaction(signal_number, info, context);
    }
    else if (handler_behind.sa_handler != SIG_DFL && handler_behind.sa_handler != SIG_IGN) {
        handler_behind.sa_handler(signal_number);
    }
    errno = saved_errno;
}

static void
watch_window(InputWait *wait)
{
    resized_wait = wait;
    sigaction(SIGWINCH, NULL, &handler_behind);
    struct sigaction action = handler_behind;
    action.sa_flags |= SA_SIGINFO;
    action.sa_sigaction = on_resize;
    sigaction(SIGWINCH, &action, NULL);
}

static void
end_watching_window(void)
{
    struct sigaction action;
    sigaction(SIGWINCH, &handler_behind, &action);
    if (!(action.sa_flags & SA_SIGINFO) || action.sa_sigaction != on_resize) {
        /* Somebody, such as background work, has set another meanwhile. */
        sigaction(SIGWINCH, &action, NULL);
    }
    resized_wait = NULL;
}

static void
resize_line(InputWait *wait)
{
    if (atomic_exchange(&is_resized, 0)) {
        LineReader_Resize(wait);
    }
}

/* What is typed is in the environment's encoding, whatever the program has set.  NULL without
   memory, when nothing was changed. */
static char *
use_locale_of_environment(void)
{
    const char *current = setlocale(LC_CTYPE, NULL);
    char *saved = current == NULL ? NULL : strdup(current);
    if (saved != NULL) {
        _Py_SetLocaleFromEnv(LC_CTYPE);
    }
    return saved;
}

static void
restore_locale(char *saved)
{
    if (saved != NULL) {
        setlocale(LC_CTYPE, saved);
        free(saved);
    }
}

/* What a reader returns: the line with its newline, "" at end of file, NULL without memory. */
static char *
finish_line(InputWait *wait)
{
    char *line = LineReader_Take(wait);
    size_t length = line == NULL ? 0 : strlen(line);
    char *result = PyMem_RawMalloc(length + 2);
    if (result != NULL) {
        strcpy(result, line == NULL ? "" : line);
        strcpy(result + length, line == NULL ? "" : "\n");
    }
    free(line);
    return result;
}

/* 0 when the line was interrupted. */
static int
feed_line(InputWait *wait)
{
    for (;;) {
        switch (InputWait_ForInput(wait)) {
        case WAIT_INPUT:
            if (LineReader_Feed(wait)) {
                return 1;
            }
            break;
        case WAIT_WAKEUP:
            resize_line(wait);
            break;
        case WAIT_INTERRUPTED:
            LineReader_Abandon(wait);
            return 0;
        }
    }
}

/* As the runtime's readers: NULL when it was interrupted. */
static char *
read_line(InputWait *wait)
{
    watch_window(wait);
    int is_complete = feed_line(wait);
    end_watching_window();
    return is_complete ? finish_line(wait) : NULL;
}

static char *read_beside_background_work(FILE *input, FILE *output, const char *prompt);

static void
give_place_back(void)
{
    if (PyOS_ReadlineFunctionPointer == read_beside_background_work) {
        PyOS_ReadlineFunctionPointer = module_reader;
    }
}

static char *
read_beside_background_work(FILE *input, FILE *output, const char *prompt)
{
    InputWait *wait = driven_wait;
    if (wait == NULL) {
        /* Another thread's read, of all those that wait for their turn. */
        return module_reader(input, output, prompt);
    }
    give_place_back();
    char *locale = use_locale_of_environment();
    char *line = LineReader_Begin(wait, input, output, prompt)
                     ? read_line(wait)
                     : module_reader(input, output, prompt);
    restore_locale(locale);
    return line;
}

/* As the runtime decides whether the module is to read the line. */
static int
module_would_read(FILE *input, FILE *output)
{
    return isatty(fileno(input)) && isatty(fileno(output))
           && _Py_IsMainInterpreter(PyInterpreterState_Get());
}

int
LineDriver_Begin(InputWait *wait, FILE *input, FILE *output)
{
    int is_driven = module_would_read(input, output) && Readline_Open() != NULL;
    if (is_driven) {
        module_reader = PyOS_ReadlineFunctionPointer;
        PyOS_ReadlineFunctionPointer = read_beside_background_work;
        driven_wait = wait;
        wait->is_driven = 1;
    }
    return is_driven;
}

void
LineDriver_End(InputWait *wait)
{
    give_place_back();
    driven_wait = NULL;
    wait->is_driven = 0;
}
