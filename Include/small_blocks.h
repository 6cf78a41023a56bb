/* Memory for small objects: what lies behind PyObject_Malloc() and PyMem_Malloc().

   A block of at most SMALL_BLOCK_MAX bytes belongs to one of CLASS_COUNT size classes. Each class
   has a magazine, a stack of free blocks: taking and returning one is a pop and a push, and touches
   nothing of the block's, which is what makes it faster than a chain through the blocks. An empty
   magazine is refilled from a pool of the class, 16 KiB of blocks of one size; a full one returns
   its older half to the pools where they came from. Pools are cut from arenas of 1 MiB, which come
   from the operating system and go back to it:

       small_blocks_take() <--pop-- magazine <--refill-- pools of the class <-- arenas <-- mmap()
       small_blocks_return() -push->         --release->                    -->        --> munmap()

   A block in a magazine keeps its pool from becoming free, so a magazine is only as large as is of
   use: it grows when it is refilled and shrinks when it is full. All magazines are emptied now and
   then while pools become free; and when the free ones are many in proportion to those in use they
   give their memory back, also where their arena has others in use.

   What class a block has, and whether it is one of these at all, is a byte for every 16 KiB of the
   address space, in a table of two levels of which only what is in use takes memory.

   Everything here needs the interpreter lock. Larger blocks, and blocks for which no arena could be
   had, are the raw domain's. */

#ifndef FRONTEND_SMALL_BLOCKS_H
#define FRONTEND_SMALL_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "Python.h"

enum {
    BLOCK_ALIGNMENT = 16,
    SMALL_BLOCK_MAX = 512,
    CLASS_COUNT = SMALL_BLOCK_MAX / BLOCK_ALIGNMENT,

    POOL_BITS = 14,
    POOL_SIZE = 1 << POOL_BITS,
    ARENA_SIZE = 1 << 20, /* and its alignment */

    /* The table of classes: addresses have ADDRESS_BITS, a leaf tells of 16 GiB. */
    ADDRESS_BITS = sizeof(void *) == 4 ? 32 : 48,
    LEAF_BITS = ADDRESS_BITS - POOL_BITS < 20 ? ADDRESS_BITS - POOL_BITS : 20,
    ROOT_BITS = ADDRESS_BITS - POOL_BITS - LEAF_BITS,
    LEAF_SIZE = 1 << LEAF_BITS,
    ROOT_SIZE = 1 << ROOT_BITS,
};

struct Magazine {
    void **top; /* behind the block that was returned last; below all blocks lies a NULL */
    void **end; /* where it is full at present */
};

#pragma GCC visibility push(hidden)

/* All of this is small_blocks.c's; others see it for the sake of the functions below. */
extern struct Magazine small_block_magazines[CLASS_COUNT];
extern const uint8_t small_block_no_leaf[LEAF_SIZE];
extern uintptr_t small_block_leaves[ROOT_SIZE]; /* where a leaf is, less where no_leaf is */

/* The slower ways: a block of the class or NULL; the return of one to a full magazine. */
void *small_blocks_refill(size_t size);
void small_blocks_release(int size_class, void *block);

/* The allocator's functions, as PyMem_SetAllocator() takes them; there is no context. */
void *small_blocks_malloc(void *context, size_t size);
void *small_blocks_calloc(void *context, size_t count, size_t size);
void *small_blocks_realloc(void *context, void *block, size_t size);
void small_blocks_free(void *context, void *block);

#define SMALL_BLOCKS_ALLOCATOR                                                                     \
    {                                                                                              \
        NULL, small_blocks_malloc, small_blocks_calloc, small_blocks_realloc, small_blocks_free    \
    }

/* The source of arenas, as PyObject_SetArenaAllocator() sets it. */
extern PyObjectArenaAllocator small_blocks_arena_allocator;

/* Empties all magazines and gives back what memory is free; for a full collection of garbage. */
void small_blocks_trim(void);

/* How many blocks are in use, the larger ones included. */
Py_ssize_t small_blocks_count(void);

/* What all arenas hold at the moment. */
struct SmallBlocksSurvey {
    struct {
        size_t pools, blocks_in_use, blocks_available; /* those in the magazine included */
    } of_class[CLASS_COUNT];
    size_t arenas_ever, arenas_now, arenas_most;
    size_t free_pools;
    size_t header_bytes;   /* of the arenas, in the place of their first pool */
    size_t leftover_bytes; /* behind the last block of each pool in use */
    size_t table_leaves;
};

void small_blocks_survey(struct SmallBlocksSurvey *);

/* Whether small_blocks_take() may be called: not before small_blocks_malloc() was. */
bool small_blocks_have_magazines(void);

/* Called once, by small_blocks_malloc() when magazines exist: allocator.c's. */
void small_blocks_are_ready(void);

#pragma GCC visibility pop

/* A block of at least `size` bytes, where 1 <= size <= SMALL_BLOCK_MAX; NULL when out of memory. */
static inline void *
small_blocks_take(size_t size)
{
    struct Magazine *magazine = &small_block_magazines[(size - 1) / BLOCK_ALIGNMENT];
    void *block = magazine->top[-1];
    if (block == NULL) {
        return small_blocks_refill(size);
    }
    magazine->top--;
    return block;
}

/* One more than the block's class, 0 if it is none of ours; any address will do. */
static inline unsigned
small_blocks_class_mark(const void *block)
{
    uint64_t pool = (uint64_t)(uintptr_t)block >> POOL_BITS;
    uintptr_t leaf = small_block_leaves[(pool >> LEAF_BITS) % ROOT_SIZE];
    return *(const uint8_t *)((uintptr_t)small_block_no_leaf + leaf + pool % LEAF_SIZE);
}

/* Frees a block with its class mark. */
static inline void
small_blocks_return(unsigned class_mark, void *block)
{
    struct Magazine *magazine = &small_block_magazines[class_mark - 1];
    if (magazine->top == magazine->end) {
        small_blocks_release((int)class_mark - 1, block);
        return;
    }
    *magazine->top++ = block;
}

#endif
