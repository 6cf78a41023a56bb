/* How deep a tree may be nested.
 *
 * Every stage that recurses over a tree keeps one Nesting, enters it for a statement and an
 * expression, and leaves it after.  The limit is that of the interpreter's recursion limit, three
 * levels of a tree for one call, counted from the depth of the Python stack at the start; below it
 * the thread's real stack is a second limit, looked at only when nesting is deep.
 */
#ifndef FRONTEND_NESTING_H
#define FRONTEND_NESTING_H

#include "Python.h"

#include <stdbool.h>

typedef struct Nesting Nesting;
struct Nesting {
    int depth;
    int limit;
    int start;
    int check;             /* depth from which the real stack is looked at */
    const char *stack_end; /* lowest address to use, NULL until looked up */
};

/* Start counting at the current depth of the Python stack. */
void nesting_init(Nesting *nesting);

/* For what has been through a stage that counted: only the real stack is a limit. */
void nesting_init_for_stack(Nesting *nesting);

/* The lowest address of the thread's stack that nesting may use, NULL where the system does not
 * tell.  Asking costs some microseconds, in the main thread the reading of a file. */
const char *nesting_stack_end(void);

/* What nesting_stack_end() is to return while the thread runs on another stack; NULL for what the
   system tells.  Returns what was set before. */
const char *nesting_set_stack_end(const char *end);
bool nesting_has_room(const char *stack_end, size_t size);
bool nesting_in_main_thread(void);

/* The rare part of nesting_enter(). */
int nesting_enter_deep(Nesting *nesting);

/* One level down.  Returns -1 with RecursionError set if there is no more room. */
static inline int
nesting_enter(Nesting *nesting)
{
    return ++nesting->depth <= nesting->check ? 0 : nesting_enter_deep(nesting);
}

/* One level more is certain to be allowed: what has no levels inside need not enter. */
static inline bool
nesting_is_shallow(const Nesting *nesting)
{
    return nesting->depth < nesting->check;
}

static inline void
nesting_leave(Nesting *nesting)
{
    nesting->depth--;
}

#endif
