/* The debug hooks: blocks with guards around them, for PYTHONMALLOC=debug and the debug join.

       block below                      what the caller has
       |                                |
       | size, big-endian | api | guard | content ... | guard |
       |<------- WORD --->|<-- WORD --->|<-- size --->|<-WORD>|

   New content is CLEANBYTE, content that was freed DEADBYTE, guards are FORBIDDENBYTE. Whatever a
   block is given for - another domain's api, a guard that was written to - is fatal, with a dump
   of the block. The layout, the bytes and the words of the dump are those of CPython's
   documentation ("PyMem_SetupDebugHooks") and program. */

#include "allocator.h"
#include "target.h"

#include <internal/pycore_pymem.h>
#include <string.h>

enum {
    WORD = sizeof(size_t),
    FRONT = 2 * WORD,
    AROUND = FRONT + WORD,
};

struct DebugHooks debug_hooks[DOMAIN_COUNT] = {
    [PYMEM_DOMAIN_RAW] = {PLAIN_ALLOCATOR, 'r', false},
    [PYMEM_DOMAIN_MEM] = {SMALL_BLOCKS_ALLOCATOR, 'm', true},
    [PYMEM_DOMAIN_OBJ] = {SMALL_BLOCKS_ALLOCATOR, 'o', true},
};

/* ---- The parts of a block ---- */

static void
write_size(uint8_t *word, size_t size)
{
    for (int i = WORD; i-- > 0; size >>= 8) {
        word[i] = (uint8_t)size;
    }
}

static size_t
read_size(const uint8_t *content)
{
    size_t size = 0;
    for (const uint8_t *byte = content - FRONT; byte < content - WORD; byte++) {
        size = size << 8 | *byte;
    }
    return size;
}

/* Makes a block with guards out of one from below, and returns its content. */
static uint8_t *
mark_block(const struct DebugHooks *hooks, uint8_t *block, size_t size)
{
    uint8_t *content = block + FRONT;
    write_size(block, size);
    block[WORD] = (uint8_t)hooks->api;
    memset(block + WORD + 1, PYMEM_FORBIDDENBYTE, WORD - 1);
    memset(content + size, PYMEM_FORBIDDENBYTE, WORD);
    return content;
}

static int
count_spoilt(const uint8_t *guard, int size)
{
    int spoilt = 0;
    for (int i = 0; i < size; i++) {
        spoilt += guard[i] != PYMEM_FORBIDDENBYTE;
    }
    return spoilt;
}

/* ---- What is told of a spoilt block ---- */

/* The bytes of a guard, `name` and a number being where each lies. */
static void
print_guard_bytes(const uint8_t *guard, int size, const char *name, int number, int step)
{
    for (int i = 0; i < size; i++, number += step) {
        fprintf(stderr, "        at %s%d: 0x%02x%s\n", name, number, guard[i],
                guard[i] == PYMEM_FORBIDDENBYTE ? "" : " *** OUCH");
    }
}

static void
print_front_guard(const uint8_t *content)
{
    const uint8_t *guard = content - (WORD - 1);
    fprintf(stderr, "    The %d pad bytes at p-%d are ", WORD - 1, WORD - 1);
    if (count_spoilt(guard, WORD - 1) == 0) {
        fputs("FORBIDDENBYTE, as expected.\n", stderr);
        return;
    }
    fprintf(stderr, "not all FORBIDDENBYTE (0x%02x):\n", PYMEM_FORBIDDENBYTE);
    print_guard_bytes(guard, WORD - 1, "p-", WORD - 1, -1);
    fputs("    Because memory is corrupted at the start, the count of bytes requested\n"
          "       may be bogus, and checking the trailing pad bytes may segfault.\n",
          stderr);
}

static void
print_back_guard(const uint8_t *content, size_t size)
{
    const uint8_t *guard = content + size;
    fprintf(stderr, "    The %d pad bytes at tail=%p are ", WORD, (const void *)guard);
    if (count_spoilt(guard, WORD) == 0) {
        fputs("FORBIDDENBYTE, as expected.\n", stderr);
        return;
    }
    fprintf(stderr, "not all FORBIDDENBYTE (0x%02x):\n", PYMEM_FORBIDDENBYTE);
    print_guard_bytes(guard, WORD, "tail+", 0, 1);
}

/* The content, without its middle if it is long. */
static void
print_content(const uint8_t *content, size_t size)
{
    enum { EITHER_END = 8 };
    if (size == 0) {
        return;
    }
    fputs("    Data at p:", stderr);
    for (size_t i = 0; i < size; i++) {
        if (i == EITHER_END && size > 2 * EITHER_END) {
            fputs(" ...", stderr);
            i = size - EITHER_END;
        }
        fprintf(stderr, " %02x", content[i]);
    }
    fputc('\n', stderr);
}

static void
print_block(const uint8_t *content)
{
    fprintf(stderr, "Debug memory block at address p=%p:", (const void *)content);
    if (content == NULL) {
        fputc('\n', stderr);
        return;
    }
    size_t size = read_size(content);
    fprintf(stderr, " API '%c'\n    %zu bytes originally requested\n", content[-WORD], size);
    print_front_guard(content);
    print_back_guard(content, size);
    print_content(content, size);
    fputc('\n', stderr);
    fflush(stderr);
    _PyMem_DumpTraceback(fileno(stderr), content);
}

/* ---- Checks ---- */

static void
check_gil(const struct DebugHooks *hooks, const char *function)
{
    if (hooks->need_gil && !PyGILState_Check()) {
        _Py_FatalErrorFunc(function, "Python memory allocator called without holding the GIL");
    }
}

/* Ends the process unless the block is whole and the domain's.  Not that of the back guard first:
   where it lies is known by the front only. */
static void
check_block(const struct DebugHooks *hooks, const char *function, const uint8_t *content)
{
    char api = (char)content[-WORD];
    if (api != hooks->api) {
        print_block(content);
        _Py_FatalErrorFormat(function, "bad ID: Allocated using API '%c', verified using API '%c'",
                             api, hooks->api);
    }
    if (count_spoilt(content - (WORD - 1), WORD - 1) != 0) {
        print_block(content);
        _Py_FatalErrorFunc(function, "bad leading pad byte");
    }
    if (count_spoilt(content + read_size(content), WORD) != 0) {
        print_block(content);
        _Py_FatalErrorFunc(function, "bad trailing pad byte");
    }
}

/* ---- The allocator ---- */

static void *
new_block(const struct DebugHooks *hooks, size_t size, bool zeroed)
{
    if (size > (size_t)PY_SSIZE_T_MAX - AROUND) {
        return NULL;
    }
    const PyMemAllocatorEx *below = &hooks->below;
    uint8_t *block = zeroed ? below->calloc(below->ctx, 1, size + AROUND)
                            : below->malloc(below->ctx, size + AROUND);
    if (block == NULL) {
        return NULL;
    }
    uint8_t *content = mark_block(hooks, block, size);
    if (!zeroed) {
        memset(content, PYMEM_CLEANBYTE, size);
    }
    return content;
}

void *
debug_hooks_malloc(void *context, size_t size)
{
    check_gil(context, "_PyMem_DebugMalloc");
    return new_block(context, size, false);
}

void *
debug_hooks_calloc(void *context, size_t count, size_t size)
{
    check_gil(context, "_PyMem_DebugCalloc");
    return new_block(context, count * size, true);
}

void
debug_hooks_free(void *context, void *content)
{
    const struct DebugHooks *hooks = context;
    check_gil(hooks, "_PyMem_DebugFree");
    if (content == NULL) {
        return;
    }
    check_block(hooks, "_PyMem_DebugRawFree", content);
    uint8_t *block = (uint8_t *)content - FRONT;
    memset(block, PYMEM_DEADBYTE, read_size(content) + AROUND);
    hooks->below.free(hooks->below.ctx, block);
}

/* What the caller may still look at by the old address is to be dead, whether or not the block
   moves: both ends are put aside meanwhile, the middle of a large block is left as it is. */
enum { ASIDE = 64 };

struct Ends {
    size_t size; /* of the old content */
    uint8_t front[FRONT + ASIDE], back[ASIDE + WORD];
};

static void
put_ends_aside(struct Ends *ends, uint8_t *block)
{
    size_t end = ends->size + AROUND;
    size_t front = Py_MIN(sizeof(ends->front), end), back = Py_MIN(sizeof(ends->back), end);
    memcpy(ends->front, block, front);
    memcpy(ends->back, block + end - back, back);
    memset(block, PYMEM_DEADBYTE, front);
    memset(block + end - back, PYMEM_DEADBYTE, back);
}

/* Puts the content's ends back into a block of `size` bytes, as far as they have a place there. */
static void
put_ends_back(const struct Ends *ends, uint8_t *content, size_t size)
{
    size_t kept = Py_MIN(size, ends->size);
    memcpy(content, ends->front + FRONT, Py_MIN(kept, ASIDE));
    size_t back_start = ends->size - Py_MIN(ends->size, ASIDE);
    if (back_start < kept) {
        const uint8_t *back = ends->back + Py_MIN(sizeof(ends->back), ends->size + AROUND) - WORD
                              - (ends->size - back_start);
        memcpy(content + back_start, back, kept - back_start);
    }
}

void *
debug_hooks_realloc(void *context, void *content, size_t size)
{
    const struct DebugHooks *hooks = context;
    check_gil(hooks, "_PyMem_DebugRealloc");
    if (content == NULL) {
        return new_block(hooks, size, false);
    }
    check_block(hooks, "_PyMem_DebugRawRealloc", content);
    if (size > (size_t)PY_SSIZE_T_MAX - AROUND) {
        return NULL;
    }
    struct Ends ends = {.size = read_size(content)};
    uint8_t *block = (uint8_t *)content - FRONT;
    put_ends_aside(&ends, block);
    uint8_t *moved = hooks->below.realloc(hooks->below.ctx, block, size + AROUND);
    bool has_moved = moved != NULL;
    size_t new_size = has_moved ? size : ends.size;
    moved = mark_block(hooks, has_moved ? moved : block, new_size);
    if (new_size > ends.size) {
        memset(moved + ends.size, PYMEM_CLEANBYTE, new_size - ends.size);
    }
    put_ends_back(&ends, moved, new_size);
    return has_moved ? moved : NULL;
}
