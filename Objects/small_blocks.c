/* Magazines, pools and arenas of small blocks.  The contract is in small_blocks.h.

       arena, at a multiple of ARENA_SIZE
       +------------------------------------------+--------------+--------------+----
       | Arena | BlockPool 1 | BlockPool 2 | ...  | blocks of 1  | blocks of 2  | ...
       +------------------------------------------+--------------+--------------+----
       |<----------- in the place of pool 0 ----->|<- POOL_SIZE->|

   A pool is free, on the list of its arena; or in use, by a size class and then on the list of its
   class as long as it has a block to give. What is known of a pool lies apart from its blocks: at
   the start of each pool it would all fall into one set of the processor's cache, and it must last
   while the memory of a free pool is given back.

   New pools come from the arena that has the fewest free ones, so that arenas which are nearly
   empty get a chance to become so. A pool counts as used the blocks that lie in a magazine. */

#include "small_blocks.h"

#include <assert.h>
#include <internal/pycore_pymem.h>
#include <string.h>
#include <sys/mman.h>

struct BlockPool {
    void *returned; /* a chain of blocks through their first word */
    struct BlockPool *next, *previous;
    uint16_t used;  /* 0: the pool is free */
    uint16_t count; /* of all its blocks; on the list of its class while fewer are used */
    uint16_t fresh; /* offset of the first block that was never given */
    uint8_t size_class;
};

/* Lies where BlockPool 0 would. */
struct Arena {
    struct Arena *next, *previous; /* among those with as many free pools */
    struct BlockPool *free_pools;
    uint32_t pools_ever_used, free_count;
    uint64_t resident; /* a bit for each free pool that may have memory */
    char *memory;      /* as it was allocated: arena_allocate() */
};

union PoolOrArena {
    struct BlockPool pool;
    struct Arena arena;
    char size[64]; /* so that it is found by shifts */
};

enum {
    ARENA_POOLS = ARENA_SIZE / POOL_SIZE - 1,

    /* A magazine holds at most as many blocks as fit in so many bytes, within limits. */
    MAGAZINE_BYTES = 8192,
    MAGAZINE_LEAST = 16,
    MAGAZINE_MOST = 128,
    SLOT_COUNT = 2048,
};

static_assert(ARENA_POOLS < 64, "a bit for each pool");
static_assert(sizeof(union PoolOrArena) * (ARENA_POOLS + 1) <= 4096, "the header is a page");

struct Magazine small_block_magazines[CLASS_COUNT];
const uint8_t small_block_no_leaf[LEAF_SIZE];
uintptr_t small_block_leaves[ROOT_SIZE];

/* Behind all magazines, a NULL below each. */
static void *slots[SLOT_COUNT];

static struct {
    struct BlockPool *pools[CLASS_COUNT];  /* those with blocks to give */
    struct Arena *arenas[ARENA_POOLS + 1]; /* by their free pools */
    Py_ssize_t in_magazines_or_use;        /* small blocks */
    Py_ssize_t raw_blocks;                 /* those of the raw domain's that went through here */
    size_t pools_in_use;
    size_t pools_freed;    /* since magazines were emptied the last time */
    size_t resident_pools; /* free ones that may have memory */
    size_t arenas_now, arenas_ever, arenas_most;
} heap;

static inline size_t
class_size(int size_class)
{
    return ((size_t)size_class + 1) * BLOCK_ALIGNMENT;
}

static inline struct Arena *
arena_of(const void *block_or_pool)
{
    return (struct Arena *)((uintptr_t)block_or_pool / ARENA_SIZE * ARENA_SIZE);
}

static inline struct BlockPool *
arena_pool(struct Arena *arena, size_t number)
{
    return &((union PoolOrArena *)arena)[number].pool;
}

static inline size_t
pool_number(const struct BlockPool *pool)
{
    return (uintptr_t)pool % ARENA_SIZE / sizeof(union PoolOrArena);
}

static inline char *
pool_memory(const struct BlockPool *pool)
{
    return (char *)arena_of(pool) + pool_number(pool) * POOL_SIZE;
}

static inline struct BlockPool *
pool_of(const void *block)
{
    return arena_pool(arena_of(block), (uintptr_t)block % ARENA_SIZE / POOL_SIZE);
}

/* The place of a pool's mark in the table of classes; NULL if there is no memory for it. */
static uint8_t *
class_mark_of(const void *memory)
{
    uint64_t number = (uint64_t)(uintptr_t)memory >> POOL_BITS;
    uintptr_t *leaf = &small_block_leaves[(number >> LEAF_BITS) % ROOT_SIZE];
    if (*leaf == 0) {
        void *new_leaf =
            mmap(NULL, LEAF_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (new_leaf == MAP_FAILED) {
            return NULL;
        }
        *leaf = (uintptr_t)new_leaf - (uintptr_t)small_block_no_leaf;
    }
    return (uint8_t *)((uintptr_t)small_block_no_leaf + *leaf + number % LEAF_SIZE);
}

/* ---- Arenas ---- */

static void *
map_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static bool
is_aligned(const void *memory)
{
    return (uintptr_t)memory % ARENA_SIZE == 0;
}

static char *
align_up(char *memory)
{
    return memory + (-(uintptr_t)memory) % ARENA_SIZE;
}

/* Cuts aligned memory out of a mapping twice as large. */
static void *
map_aligned_arena(void)
{
    char *memory = map_memory(2 * ARENA_SIZE);
    if (memory == NULL) {
        return NULL;
    }
    char *arena = align_up(memory), *end = arena + ARENA_SIZE;
    if (arena > memory) {
        munmap(memory, (size_t)(arena - memory));
    }
    if (memory + 2 * ARENA_SIZE > end) {
        munmap(end, (size_t)(memory + 2 * ARENA_SIZE - end));
    }
    return arena;
}

/* The system puts a mapping below the one before, so most are aligned already. */
static void *
map_arena(void *Py_UNUSED(context), size_t size)
{
    char *memory = map_memory(size);
    if (memory == NULL || is_aligned(memory) || size != ARENA_SIZE) {
        return memory;
    }
    munmap(memory, size);
    return map_aligned_arena();
}

static void
unmap_arena(void *Py_UNUSED(context), void *memory, size_t size)
{
    munmap(memory, size);
}

PyObjectArenaAllocator small_blocks_arena_allocator = {NULL, map_arena, unmap_arena};

static void
arena_link(struct Arena *arena)
{
    struct Arena **list = &heap.arenas[arena->free_count];
    arena->previous = NULL;
    arena->next = *list;
    if (*list != NULL) {
        (*list)->previous = arena;
    }
    *list = arena;
}

static void
arena_unlink(struct Arena *arena)
{
    if (arena->previous != NULL) {
        arena->previous->next = arena->next;
    }
    else {
        heap.arenas[arena->free_count] = arena->next;
    }
    if (arena->next != NULL) {
        arena->next->previous = arena->previous;
    }
}

static void
print_statistics_if_asked(void)
{
    static int asked = -1;
    if (asked == -1) {
        const char *value = Py_GETENV("PYTHONMALLOCSTATS");
        asked = value != NULL && *value != '\0';
    }
    if (asked) {
        _PyObject_DebugMallocStats(stderr);
    }
}

/* How much memory was asked for: see arena_allocate(). */
static size_t
memory_size(const char *memory)
{
    return is_aligned(memory) ? ARENA_SIZE : 2 * ARENA_SIZE;
}

/* An arena on no list. A source that someone set may give memory of any alignment: twice as much
   has an aligned arena in it, wherever that begins. */
static struct Arena *
arena_allocate(void)
{
    PyObjectArenaAllocator *source = &small_blocks_arena_allocator;
    char *memory = source->alloc(source->ctx, ARENA_SIZE);
    if (memory != NULL && !is_aligned(memory)) {
        source->free(source->ctx, memory, ARENA_SIZE);
        memory = source->alloc(source->ctx, 2 * ARENA_SIZE);
        if (memory != NULL && is_aligned(memory)) {
            source->free(source->ctx, memory, 2 * ARENA_SIZE);
            memory = NULL;
        }
    }
    if (memory == NULL) {
        return NULL;
    }
    struct Arena *arena = (struct Arena *)align_up(memory);
    if (class_mark_of(arena) == NULL) {
        source->free(source->ctx, memory, memory_size(memory));
        return NULL;
    }
    memset(arena, 0, sizeof(union PoolOrArena) * (ARENA_POOLS + 1));
    arena->memory = memory;
    arena->free_count = ARENA_POOLS;
    return arena;
}

static struct Arena *
arena_new(void)
{
    print_statistics_if_asked();
    struct Arena *arena = arena_allocate();
    if (arena != NULL) {
        arena_link(arena);
        heap.arenas_ever++;
        heap.arenas_now++;
        heap.arenas_most = Py_MAX(heap.arenas_most, heap.arenas_now);
    }
    return arena;
}

/* Gives back an arena that is on no list. */
static void
arena_free(struct Arena *arena)
{
    memset(class_mark_of(arena), 0, ARENA_POOLS + 1);
    heap.resident_pools -= (size_t)__builtin_popcountll(arena->resident);
    heap.arenas_now--;
    PyObjectArenaAllocator *source = &small_blocks_arena_allocator;
    source->free(source->ctx, arena->memory, memory_size(arena->memory));
}

static struct Arena *
fullest_arena_with_pools(void)
{
    for (int free_count = 1; free_count <= ARENA_POOLS; free_count++) {
        if (heap.arenas[free_count] != NULL) {
            return heap.arenas[free_count];
        }
    }
    return arena_new();
}

static struct BlockPool *
arena_take_pool(struct Arena *arena)
{
    struct BlockPool *pool = arena->free_pools;
    if (pool != NULL) {
        arena->free_pools = pool->next;
        uint64_t bit = (uint64_t)1 << pool_number(pool);
        heap.resident_pools -= (arena->resident & bit) != 0;
        arena->resident &= ~bit;
    }
    else {
        pool = arena_pool(arena, ++arena->pools_ever_used);
    }
    arena_unlink(arena);
    arena->free_count--;
    arena_link(arena);
    heap.pools_in_use++;
    return pool;
}

static void
arena_take_pool_back(struct Arena *arena, struct BlockPool *pool)
{
    pool->next = arena->free_pools;
    arena->free_pools = pool;
    arena->resident |= (uint64_t)1 << pool_number(pool);
    heap.pools_in_use--;
    heap.pools_freed++;
    heap.resident_pools++;
    arena_unlink(arena);
    arena->free_count++;
    arena_link(arena);
}

/* Gives back the memory of an arena's free pools, neighbours together, and keeps their addresses.
 */
static void
arena_discard_free_pools(struct Arena *arena)
{
    uint64_t resident = arena->resident;
    while (resident != 0) {
        int first = __builtin_ctzll(resident);
        int count = __builtin_ctzll(~(resident >> first));
        madvise((char *)arena + (size_t)first * POOL_SIZE, (size_t)count * POOL_SIZE,
                MADV_DONTNEED);
        resident &= ~((((uint64_t)1 << count) - 1) << first);
    }
    heap.resident_pools -= (size_t)__builtin_popcountll(arena->resident);
    arena->resident = 0;
}

/* Gives back all arenas of which nothing is used, and the memory of what is not used of others. */
static void
give_memory_back(void)
{
    struct Arena *arena;
    while ((arena = heap.arenas[ARENA_POOLS]) != NULL) {
        arena_unlink(arena);
        arena_free(arena);
    }
    /* Memory of a source that someone set is perhaps not to be had again. */
    if (small_blocks_arena_allocator.alloc != map_arena) {
        return;
    }
    for (int free_count = 1; free_count < ARENA_POOLS; free_count++) {
        for (arena = heap.arenas[free_count]; arena != NULL; arena = arena->next) {
            arena_discard_free_pools(arena);
        }
    }
}

/* ---- Pools ---- */

/* Puts a pool in front of those of its class that have blocks. */
static void
pool_link(struct BlockPool *pool)
{
    struct BlockPool **list = &heap.pools[pool->size_class];
    pool->previous = NULL;
    pool->next = *list;
    if (*list != NULL) {
        (*list)->previous = pool;
    }
    *list = pool;
}

static void
pool_unlink(struct BlockPool *pool)
{
    if (pool->previous != NULL) {
        pool->previous->next = pool->next;
    }
    else {
        heap.pools[pool->size_class] = pool->next;
    }
    if (pool->next != NULL) {
        pool->next->previous = pool->previous;
    }
}

static struct BlockPool *
pool_new(int size_class)
{
    struct Arena *arena = fullest_arena_with_pools();
    if (arena == NULL) {
        return NULL;
    }
    struct BlockPool *pool = arena_take_pool(arena);
    *pool = (struct BlockPool){
        .size_class = (uint8_t)size_class,
        .count = (uint16_t)(POOL_SIZE / class_size(size_class)),
    };
    *class_mark_of(pool_memory(pool)) = (uint8_t)(size_class + 1);
    pool_link(pool);
    return pool;
}

/* Fills slots with blocks of the pool, which has as many, the first one to be taken last. */
static void
pool_give(struct BlockPool *pool, void **slots_of_magazine, ptrdiff_t count)
{
    void **slot = slots_of_magazine + count;
    void *block = pool->returned;
    for (; slot > slots_of_magazine && block != NULL; block = *(void **)block) {
        *--slot = block;
    }
    pool->returned = block;
    char *memory = pool_memory(pool);
    size_t size = class_size(pool->size_class), fresh = pool->fresh;
    for (; slot > slots_of_magazine; fresh += size) {
        *--slot = memory + fresh;
    }
    pool->fresh = (uint16_t)fresh;
    pool->used += (uint16_t)count;
}

/* Takes a block back, and the pool itself to its arena with the last of them. */
static inline void
pool_take_back(struct BlockPool *pool, void *block)
{
    *(void **)block = pool->returned;
    pool->returned = block;
    if (pool->used-- == pool->count) {
        pool_link(pool);
    }
    if (pool->used == 0) {
        pool_unlink(pool);
        arena_take_pool_back(arena_of(pool), pool);
    }
}

/* ---- Magazines ---- */

static inline int
magazine_capacity(int size_class)
{
    return (int)Py_MIN(Py_MAX(MAGAZINE_BYTES / class_size(size_class), MAGAZINE_LEAST),
                       MAGAZINE_MOST);
}

/* Where each magazine's slots begin; NULL before there are any. */
static void **magazine_bottoms[CLASS_COUNT];

bool
small_blocks_have_magazines(void)
{
    return magazine_bottoms[0] != NULL;
}

static void
prepare_magazines(void)
{
    void **slot = slots;
    for (int size_class = 0; size_class < CLASS_COUNT; size_class++) {
        *slot++ = NULL;
        magazine_bottoms[size_class] = slot;
        small_block_magazines[size_class] = (struct Magazine){slot, slot + MAGAZINE_LEAST};
        slot += magazine_capacity(size_class);
    }
    assert(slot <= slots + SLOT_COUNT);
    small_blocks_are_ready();
}

static void
magazine_set_size(int size_class, ptrdiff_t size)
{
    ptrdiff_t capacity = magazine_capacity(size_class);
    size = Py_MIN(Py_MAX(size, MAGAZINE_LEAST), capacity);
    small_block_magazines[size_class].end = magazine_bottoms[size_class] + size;
}

/* Fills half of an empty magazine, from one pool. */
static bool
refill(int size_class)
{
    struct BlockPool *pool = heap.pools[size_class];
    if (pool == NULL && (pool = pool_new(size_class)) == NULL) {
        return false;
    }
    struct Magazine *magazine = &small_block_magazines[size_class];
    void **bottom = magazine_bottoms[size_class];
    magazine_set_size(size_class, 2 * (magazine->end - bottom));
    ptrdiff_t count = Py_MIN((magazine->end - bottom) / 2, pool->count - pool->used);
    pool_give(pool, bottom, count);
    if (pool->used == pool->count) {
        pool_unlink(pool);
    }
    heap.in_magazines_or_use += count;
    magazine->top = bottom + count;
    return true;
}

static void *
raw_block(void *block)
{
    heap.raw_blocks += block != NULL;
    return block;
}

void *
small_blocks_refill(size_t size)
{
    int size_class = (int)((size - 1) / BLOCK_ALIGNMENT);
    if (!refill(size_class)) {
        return raw_block(PyMem_RawMalloc(size));
    }
    return *--small_block_magazines[size_class].top;
}

/* Returns blocks from the bottom of a magazine to their pools. */
static void
empty_magazine(int size_class, ptrdiff_t count)
{
    struct Magazine *magazine = &small_block_magazines[size_class];
    void **bottom = magazine_bottoms[size_class];
    for (void **slot = bottom; slot < bottom + count; slot++) {
        pool_take_back(pool_of(*slot), *slot);
    }
    heap.in_magazines_or_use -= count;
    memmove(bottom, bottom + count, (size_t)(magazine->top - bottom - count) * sizeof(void *));
    magazine->top -= count;
}

static void
empty_all_magazines(void)
{
    for (int size_class = 0; size_class < CLASS_COUNT; size_class++) {
        void **bottom = magazine_bottoms[size_class];
        empty_magazine(size_class, small_block_magazines[size_class].top - bottom);
    }
    heap.pools_freed = 0;
}

void
small_blocks_trim(void)
{
    if (small_blocks_have_magazines()) {
        empty_all_magazines();
        give_memory_back();
    }
}

/* After many pools became free: the others may be kept by no more than a block in a magazine, and
   what memory is free may be more than will soon be used again. */
static void
look_at_free_pools(void)
{
    enum { FREED_LEAST = 16, FREED_SHARE = 8, RESIDENT_LEAST = 32, RESIDENT_SHARE = 4 };
    if (heap.pools_freed > FREED_LEAST + heap.pools_in_use / FREED_SHARE) {
        empty_all_magazines();
        if (heap.resident_pools > RESIDENT_LEAST + heap.pools_in_use / RESIDENT_SHARE) {
            give_memory_back();
        }
    }
}

/* The half of a full magazine that lies below was returned first: it is the one that caches have
   forgotten.  The magazine is half as large from now on, until it is found empty. */
void
small_blocks_release(int size_class, void *block)
{
    struct Magazine *magazine = &small_block_magazines[size_class];
    ptrdiff_t size = magazine->end - magazine_bottoms[size_class];
    empty_magazine(size_class, (size + 1) / 2);
    *magazine->top++ = block;
    magazine_set_size(size_class, Py_MAX(size / 2, magazine->top - magazine_bottoms[size_class]));
    look_at_free_pools();
}

/* ---- The allocator ---- */

void *
small_blocks_malloc(void *Py_UNUSED(context), size_t size)
{
    if (size - 1 >= SMALL_BLOCK_MAX) {
        return raw_block(PyMem_RawMalloc(size));
    }
    if (!small_blocks_have_magazines()) {
        prepare_magazines();
    }
    return small_blocks_take(size);
}

void *
small_blocks_calloc(void *context, size_t count, size_t size)
{
    size_t bytes = count * size;
    if (bytes - 1 >= SMALL_BLOCK_MAX) {
        return raw_block(PyMem_RawCalloc(count, size));
    }
    void *block = small_blocks_malloc(context, bytes);
    return block == NULL ? NULL : memset(block, 0, bytes);
}

void
small_blocks_free(void *Py_UNUSED(context), void *block)
{
    unsigned mark = small_blocks_class_mark(block);
    if (mark != 0) {
        small_blocks_return(mark, block);
    }
    else if (block != NULL) {
        PyMem_RawFree(block);
        heap.raw_blocks--;
    }
}

/* A block that shrinks by less than a quarter stays where it is. */
void *
small_blocks_realloc(void *context, void *block, size_t size)
{
    if (block == NULL) {
        return small_blocks_malloc(context, size);
    }
    unsigned mark = small_blocks_class_mark(block);
    if (mark == 0) {
        return PyMem_RawRealloc(block, size);
    }
    size_t has = class_size((int)mark - 1);
    if (size <= has && size * 4 > has * 3) {
        return block;
    }
    void *moved = small_blocks_malloc(context, size);
    if (moved != NULL) {
        memcpy(moved, block, Py_MIN(size, has));
        small_blocks_return(mark, block);
    }
    return moved;
}

/* ---- Statistics ---- */

static Py_ssize_t
count_in_magazine(int size_class)
{
    return small_blocks_have_magazines()
               ? small_block_magazines[size_class].top - magazine_bottoms[size_class]
               : 0;
}

Py_ssize_t
small_blocks_count(void)
{
    Py_ssize_t count = heap.in_magazines_or_use + heap.raw_blocks;
    for (int size_class = 0; size_class < CLASS_COUNT; size_class++) {
        count -= count_in_magazine(size_class);
    }
    return count;
}

static void
survey_pool(struct SmallBlocksSurvey *survey, const struct BlockPool *pool)
{
    if (pool->used == 0) {
        survey->free_pools++;
        return;
    }
    size_t size = class_size(pool->size_class), blocks = POOL_SIZE / size;
    survey->of_class[pool->size_class].pools++;
    survey->of_class[pool->size_class].blocks_in_use += pool->used;
    survey->of_class[pool->size_class].blocks_available += blocks - pool->used;
    survey->leftover_bytes += POOL_SIZE - blocks * size;
}

static void
survey_arena(struct SmallBlocksSurvey *survey, struct Arena *arena)
{
    for (uint32_t i = 1; i <= arena->pools_ever_used; i++) {
        survey_pool(survey, arena_pool(arena, i));
    }
    survey->free_pools += ARENA_POOLS - arena->pools_ever_used;
    survey->header_bytes += POOL_SIZE;
}

void
small_blocks_survey(struct SmallBlocksSurvey *survey)
{
    *survey = (struct SmallBlocksSurvey){
        .arenas_ever = heap.arenas_ever,
        .arenas_now = heap.arenas_now,
        .arenas_most = heap.arenas_most,
    };
    for (int free_count = 0; free_count <= ARENA_POOLS; free_count++) {
        for (struct Arena *arena = heap.arenas[free_count]; arena != NULL; arena = arena->next) {
            survey_arena(survey, arena);
        }
    }
    for (int size_class = 0; size_class < CLASS_COUNT; size_class++) {
        size_t count = (size_t)count_in_magazine(size_class);
        survey->of_class[size_class].blocks_in_use -= count;
        survey->of_class[size_class].blocks_available += count;
    }
    for (int i = 0; i < ROOT_SIZE; i++) {
        survey->table_leaves += small_block_leaves[i] != 0;
    }
}
