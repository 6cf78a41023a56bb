/* Growable arrays of plain structures.

   DEFINE_ARRAY(Name, Item, prefix) declares the type Name with the members `items`, `count` and
   `capacity`, and prefix_reserve(), prefix_append(), prefix_clear().  Capacity grows by half
   again (of little arrays to four times), so that appending is linear.  The items are moved by
   growth: keep indices across an append, never pointers.  A zeroed structure is an empty array;
   whoever holds the array clears it.  prefix_lend() gives an empty array memory to start with,
   which it does not own: most compiles are small, and need no other.  Functions return -1 with
   MemoryError set when memory runs out, and the array is unchanged then. */

#ifndef FRONTEND_ARRAYS_H
#define FRONTEND_ARRAYS_H

#include "Python.h"
#include "memory.h"

#include <stdbool.h>

enum { ARRAY_FIRST_CAPACITY = 32, ARRAY_SMALL_SIZE = 1 << 14 };

/* New memory for at least `needed` items with the old ones in it.  The old memory is given back
   unless it was lent.  Kept out of line: it is rare, and callers that never need it should not
   save registers for it. */
__attribute__((noinline, cold, unused)) static void *
array_grown(void *items, const void *lent, int *capacity, int needed, size_t item_size)
{
    int64_t wanted = (size_t)*capacity * item_size < ARRAY_SMALL_SIZE
                         ? (int64_t)*capacity * 4
                         : (int64_t)*capacity + *capacity / 2;
    if (wanted < needed) {
        wanted = needed;
    }
    if (wanted < ARRAY_FIRST_CAPACITY) {
        wanted = ARRAY_FIRST_CAPACITY;
    }
    if (wanted > INT_MAX / 2) {
        PyErr_NoMemory();
        return NULL;
    }
    bool is_lent = items != NULL && items == lent;
    void *grown = PyMem_Realloc(is_lent ? NULL : items, (size_t)wanted * item_size);
    if (grown == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memory_prefer_large_pages(grown, (size_t)wanted * item_size);
    if (is_lent) {
        memcpy(grown, items, (size_t)*capacity * item_size);
    }
    *capacity = (int)wanted;
    return grown;
}

#define DEFINE_ARRAY(Name, Item, prefix)                                                           \
    typedef struct {                                                                               \
        Item *items;                                                                               \
        Item *lent;                                                                                \
        int count;                                                                                 \
        int capacity;                                                                              \
    } Name;                                                                                        \
                                                                                                   \
    static inline int prefix##_reserve(Name *array, int extra)                                     \
    {                                                                                              \
        if (array->count + extra <= array->capacity) {                                             \
            return 0;                                                                              \
        }                                                                                          \
        Item *grown = array_grown(array->items, array->lent, &array->capacity,                     \
                                  array->count + extra, sizeof(Item));                             \
        if (grown == NULL) {                                                                       \
            return -1;                                                                             \
        }                                                                                          \
        array->items = grown;                                                                      \
        return 0;                                                                                  \
    }                                                                                              \
                                                                                                   \
    static inline int prefix##_append(Name *array, Item item)                                      \
    {                                                                                              \
        if (prefix##_reserve(array, 1) < 0) {                                                      \
            return -1;                                                                             \
        }                                                                                          \
        array->items[array->count++] = item;                                                       \
        return 0;                                                                                  \
    }                                                                                              \
                                                                                                   \
    static inline void prefix##_lend(Name *array, Item *space, int capacity)                       \
    {                                                                                              \
        array->items = array->lent = space;                                                        \
        array->capacity = capacity;                                                                \
    }                                                                                              \
                                                                                                   \
    static inline void prefix##_clear(Name *array)                                                 \
    {                                                                                              \
        if (array->items != array->lent) {                                                         \
            PyMem_Free(array->items);                                                              \
        }                                                                                          \
        array->items = array->lent = NULL;                                                         \
        array->count = array->capacity = 0;                                                        \
    }                                                                                              \
    struct prefix##_needs_semicolon

#endif
