/* Memory in an arena: sizes checked for overflow, MemoryError set on failure. */
#ifndef FRONTEND_MEMORY_H
#define FRONTEND_MEMORY_H

#include "Python.h"
#include "pycore_pyarena.h"

#include <string.h>
#include <sys/mman.h>

/* Room for `count` items of `size` bytes, uninitialised; NULL with MemoryError set. */
static inline void *
arena_array(PyArena *arena, size_t count, size_t size)
{
    void *room = NULL;
    if (count <= (size_t)PY_SSIZE_T_MAX / size) {
        room = _PyArena_Malloc(arena, count * size);
    }
    if (room == NULL) {
        PyErr_NoMemory();
    }
    return room;
}

static inline void *
arena_zeroed(PyArena *arena, size_t count, size_t size)
{
    void *room = arena_array(arena, count, size);
    if (room != NULL) {
        memset(room, 0, count * size);
    }
    return room;
}

/* Ask for large pages for a large block that is about to be filled, in the place of a page fault
   for each small one.  It is advice: a kernel that has none need not follow it. */
static inline void
memory_prefer_large_pages(void *block, size_t size)
{
    enum { PAGE = 1 << 12, WORTH_ADVICE = 1 << 22 };
    if (size >= WORTH_ADVICE) {
        uintptr_t first = ((uintptr_t)block + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
        uintptr_t end = ((uintptr_t)block + size) & ~(uintptr_t)(PAGE - 1);
        madvise((void *)first, end - first, MADV_HUGEPAGE);
    }
}

/* Where an open-addressed table starts to look. */
static inline uint32_t
hash_of_integer(uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

static inline uint32_t
hash_of_address(const void *address)
{
    return hash_of_integer((uint64_t)(uintptr_t)address >> 3);
}

#endif
