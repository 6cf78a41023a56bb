/* Memory in an arena: sizes checked for overflow, MemoryError set on failure. */
#ifndef FRONTEND_MEMORY_H
#define FRONTEND_MEMORY_H

#include "Python.h"
#include "pycore_pyarena.h"

#include <string.h>

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

/* Doubles an array.  The old one stays in the arena, so that all growth together costs no more
 * than the array itself. */
static inline void *
arena_doubled(PyArena *arena, const void *items, int32_t *capacity, int32_t first, size_t size)
{
    if (*capacity > INT32_MAX / 2) {
        PyErr_NoMemory();
        return NULL;
    }
    int32_t wanted = *capacity > 0 ? 2 * *capacity : first;
    void *room = arena_array(arena, (size_t)wanted, size);
    if (room != NULL) {
        if (items != NULL) {
            memcpy(room, items, (size_t)*capacity * size);
        }
        *capacity = wanted;
    }
    return room;
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
