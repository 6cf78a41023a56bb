/* Pools: the names, variables or constants that one code object uses, in order of first use.

   Each has an integer identity in the compile; the pool gives it its position in the code object,
   the argument of instructions.  Pools of nested code units share one stack of entries: a unit's
   own begin at `base`.  `positions` knows for every identity where it lies on that stack, so that
   a lookup is one array access; an entry remembers what it hid of the units around.
   Memory: freed by pool_clear(). */

#ifndef FRONTEND_POOLS_H
#define FRONTEND_POOLS_H

#include "arrays.h"

typedef struct {
    int identity;
    int hidden_position;
} PoolEntry;

DEFINE_ARRAY(PoolEntryArray, PoolEntry, pool_entries);
DEFINE_ARRAY(PoolPositionArray, int, pool_positions);

typedef struct {
    PoolEntryArray entries;
    PoolPositionArray positions; /* by identity, -1 when on no unit's stack */
    int base;
} Pool;

/* Makes room for a nested unit's own entries; what it returns goes to pool_leave(). */
static inline int
pool_enter(Pool *pool)
{
    int outer_base = pool->base;
    pool->base = pool->entries.count;
    return outer_base;
}

static inline void
pool_leave(Pool *pool, int outer_base)
{
    while (pool->entries.count > pool->base) {
        PoolEntry entry = pool->entries.items[--pool->entries.count];
        pool->positions.items[entry.identity] = entry.hidden_position;
    }
    pool->base = outer_base;
}

static inline int
pool_count(const Pool *pool)
{
    return pool->entries.count - pool->base;
}

static inline int
pool_identity(const Pool *pool, int position)
{
    return pool->entries.items[pool->base + position].identity;
}

static inline int
pool_add_positions(Pool *pool, int count)
{
    if (pool_positions_reserve(&pool->positions, count - pool->positions.count) < 0) {
        return -1;
    }
    while (pool->positions.count < count) {
        pool->positions.items[pool->positions.count++] = -1;
    }
    return 0;
}

/* Kept out of line: most identities are there already. */
__attribute__((noinline, unused)) static int
pool_add_identity(Pool *pool, int identity)
{
    if (identity >= pool->positions.count && pool_add_positions(pool, identity + 1) < 0) {
        return -1;
    }
    PoolEntry entry = {identity, pool->positions.items[identity]};
    if (pool_entries_append(&pool->entries, entry) < 0) {
        return -1;
    }
    pool->positions.items[identity] = pool->entries.count - 1;
    return pool_count(pool) - 1;
}

/* The position in the unit in hand, -1 when it is not there. */
static inline int
pool_find(const Pool *pool, int identity)
{
    if (identity >= pool->positions.count || pool->positions.items[identity] < pool->base) {
        return -1;
    }
    return pool->positions.items[identity] - pool->base;
}

/* The position in the unit in hand, taken anew when it is not there; -1 with an exception. */
static inline int
pool_position(Pool *pool, int identity)
{
    int position = pool_find(pool, identity);
    return position >= 0 ? position : pool_add_identity(pool, identity);
}

static inline void
pool_clear(Pool *pool)
{
    pool_entries_clear(&pool->entries);
    pool_positions_clear(&pool->positions);
    pool->base = 0;
}

#endif
