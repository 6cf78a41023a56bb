/* The memory domains: which allocator each has, and the allocators there are.

   The interface to the rest of the world is CPython's own, in pymem.h, objimpl.h and
   pycore_pymem.h, and its documentation holds for it. This header is what the files behind that
   interface share. */

#ifndef FRONTEND_ALLOCATOR_H
#define FRONTEND_ALLOCATOR_H

#include <stdbool.h>
#include <stdio.h>
#include "Python.h"
#include "small_blocks.h"

enum { DOMAIN_COUNT = PYMEM_DOMAIN_OBJ + 1 };

#pragma GCC visibility push(hidden)

/* malloc() and its kin, with a distinct block for a request of no bytes; there is no context. */
void *plain_malloc(void *context, size_t size);
void *plain_calloc(void *context, size_t count, size_t size);
void *plain_realloc(void *context, void *block, size_t size);
void plain_free(void *context, void *block);

#define PLAIN_ALLOCATOR                                                                            \
    {                                                                                              \
        NULL, plain_malloc, plain_calloc, plain_realloc, plain_free                                \
    }

/* The allocator of each domain without PYTHONMALLOC, debug hooks apart. */
#define DEFAULT_ALLOCATORS                                                                         \
    [PYMEM_DOMAIN_RAW] = PLAIN_ALLOCATOR, [PYMEM_DOMAIN_MEM] = SMALL_BLOCKS_ALLOCATOR,             \
    [PYMEM_DOMAIN_OBJ] = SMALL_BLOCKS_ALLOCATOR

/* The debug hooks, allocators that check what goes to the one below.  The context of each is that
   of its domain, in this array. */
struct DebugHooks {
    PyMemAllocatorEx below;
    char api;      /* 'r', 'm' or 'o', marks the domain's blocks */
    bool need_gil; /* whether callers must hold the interpreter lock */
};

extern struct DebugHooks debug_hooks[DOMAIN_COUNT];

void *debug_hooks_malloc(void *context, size_t size);
void *debug_hooks_calloc(void *context, size_t count, size_t size);
void *debug_hooks_realloc(void *context, void *block, size_t size);
void debug_hooks_free(void *context, void *block);

#define DEBUG_HOOKS_ALLOCATOR(domain)                                                              \
    {                                                                                              \
        &debug_hooks[domain], debug_hooks_malloc, debug_hooks_calloc, debug_hooks_realloc,         \
            debug_hooks_free                                                                       \
    }

/* The table that sys._debugmallocstats() begins with. */
void allocator_print_survey(FILE *, const struct SmallBlocksSurvey *);

#pragma GCC visibility pop

#endif
