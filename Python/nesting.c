/* How deep a tree may be nested: see nesting.h. */

#include "nesting.h"
#include "pycore_pystate.h"

#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

enum {
    LEVELS_PER_CALL = 3,
    /* Levels that fit into the smallest stack a thread can have. */
    UNCHECKED_LEVELS = 24,
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
nesting_init(struct Nesting *nesting)
{
    PyThreadState *tstate = _PyThreadState_GET();
    int calls = tstate->recursion_limit - tstate->recursion_remaining;
    nesting->start = scaled(calls, calls);
    nesting->depth = nesting->start;
    nesting->limit = scaled(Py_GetRecursionLimit(), INT_MAX);
    nesting->check = Py_MIN(nesting->limit, nesting->start + UNCHECKED_LEVELS);
    nesting->stack_end = NULL;
}

/* Leaves stack_end NULL where the system does not tell. */
static void
find_stack_end(struct Nesting *nesting)
{
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return;
    }
    if (pthread_attr_getstack(&attributes, &lowest, &size) == 0) {
        nesting->stack_end = (const char *)lowest + Py_MIN(size / 4, (size_t)STACK_RESERVE);
    }
    pthread_attr_destroy(&attributes);
}

static int
too_deep(void)
{
    PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded during compilation");
    return -1;
}

int
nesting_enter_deep(struct Nesting *nesting)
{
    if (nesting->depth > nesting->limit) {
        return too_deep();
    }
    if (nesting->stack_end == NULL) {
        int level = nesting->depth - nesting->start;
        if (level <= UNCHECKED_LEVELS_OF_MAIN_THREAD && gettid() == getpid()) {
            nesting->check = Py_MIN(nesting->limit,
                                    nesting->start + UNCHECKED_LEVELS_OF_MAIN_THREAD);
            return 0;
        }
        find_stack_end(nesting);
    }
    /* Compared as integers: they point into different objects. */
    if ((uintptr_t)__builtin_frame_address(0) < (uintptr_t)nesting->stack_end) {
        return too_deep();
    }
    return 0;
}
