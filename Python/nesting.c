/* How deep a tree may be nested: see nesting.h. */

#include "nesting.h"
#include "pycore_pystate.h"
#include "stages.h"

#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

enum {
    LEVELS_PER_CALL = 3,
    /* Levels that fit into the smallest stack a thread can have, 32 KiB: of that, code generation
     * takes a quarter for itself, and a kilobyte for each function, class or lambda. */
    UNCHECKED_LEVELS = 8,
    /* Asking for the bounds of the main thread's stack reads a file of the system, so that is put
     * off until nesting is rare. */
    UNCHECKED_LEVELS_OF_MAIN_THREAD = 200,
    /* What is left for the work that a level does on top of its own recursion. */
    STACK_RESERVE = 64 * 1024,
};

static int
scaled(int calls, int too_many)
{
    return calls < INT_MAX / LEVELS_PER_CALL ? calls * LEVELS_PER_CALL : too_many;
}

void
nesting_init(Nesting *nesting)
{
    PyThreadState *tstate = _PyThreadState_GET();
    int calls = tstate->recursion_limit - tstate->recursion_remaining;
    nesting->start = scaled(calls, calls);
    nesting->depth = nesting->start;
    nesting->limit = scaled(Py_GetRecursionLimit(), INT_MAX);
    nesting->check = Py_MIN(nesting->limit, nesting->start + UNCHECKED_LEVELS);
    nesting->stack_end = NULL;
}

void
nesting_init_for_stack(Nesting *nesting)
{
    nesting_init(nesting);
    nesting->limit = INT_MAX;
    nesting->check = nesting->start + UNCHECKED_LEVELS;
}
SHOWN_TO_STAGES(nesting_init_for_stack);

bool
nesting_in_main_thread(void)
{
    return gettid() == getpid();
}

/* Of a thread's stack, which stays where it is; the main thread's grows. */
static _Thread_local const char *known_stack_end;

const char *
nesting_set_stack_end(const char *end)
{
    const char *before = known_stack_end;
    known_stack_end = end;
    return before;
}

static const char *
find_stack_end(void)
{
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    const char *end = NULL;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return NULL;
    }
    if (pthread_attr_getstack(&attributes, &lowest, &size) == 0) {
        end = (const char *)lowest + Py_MIN(size / 4, (size_t)STACK_RESERVE);
    }
    pthread_attr_destroy(&attributes);
    return end;
}

const char *
nesting_stack_end(void)
{
    if (known_stack_end != NULL) {
        return known_stack_end;
    }
    const char *end = find_stack_end();
    if (!nesting_in_main_thread()) {
        known_stack_end = end;
    }
    return end;
}

/* Compared as integers: they point into different objects. */
bool
nesting_has_room(const char *stack_end, size_t size)
{
    return (uintptr_t)__builtin_frame_address(0) >= (uintptr_t)stack_end + size;
}

static int
too_deep(void)
{
    PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded during compilation");
    return -1;
}

int
nesting_enter_deep(Nesting *nesting)
{
    if (nesting->depth > nesting->limit) {
        return too_deep();
    }
    if (nesting->stack_end == NULL) {
        int level = nesting->depth - nesting->start;
        if (level <= UNCHECKED_LEVELS_OF_MAIN_THREAD && nesting_in_main_thread()) {
            nesting->check =
                Py_MIN(nesting->limit, nesting->start + UNCHECKED_LEVELS_OF_MAIN_THREAD);
            return 0;
        }
        nesting->stack_end = nesting_stack_end();
    }
    return nesting_has_room(nesting->stack_end, 0) ? 0 : too_deep();
}
SHOWN_TO_STAGES(nesting_enter_deep);
