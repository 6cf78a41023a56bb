/* The memory domains and what they are set to: PyMem_RawMalloc() and its kin, PyMem_SetAllocator(),
   PYTHONMALLOC.

   Each domain has an allocator, four functions and their context. Where it is that of small blocks,
   as it is unless someone asked for another, `small_max` says so and the functions below do by
   themselves what it would do: a call through a pointer for each object is what that saves.

                         PyObject_Malloc(size)
                                  |
              size <= small_max ? +---- no ---> the domain's allocator: hooks, malloc, small blocks
                                  |
                                 yes -> small_blocks_take() */

#include "allocator.h"
#include "target.h"

#include <internal/pycore_gc.h>
#include <internal/pycore_pymem.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

struct Domain {
    size_t small_max; /* SMALL_BLOCK_MAX where the allocator is that of small blocks, else 0 */
    PyMemAllocatorEx allocator;
};

#ifdef Py_DEBUG
static const bool DEBUG_BY_DEFAULT = true;
#define INITIALLY(domain, plain) [domain] = {0, DEBUG_HOOKS_ALLOCATOR(domain)}
#else
static const bool DEBUG_BY_DEFAULT = false;
#define INITIALLY(domain, plain) [domain] = {0, plain}
#endif

static struct Domain domains[DOMAIN_COUNT] = {
    INITIALLY(PYMEM_DOMAIN_RAW, PLAIN_ALLOCATOR),
    INITIALLY(PYMEM_DOMAIN_MEM, SMALL_BLOCKS_ALLOCATOR),
    INITIALLY(PYMEM_DOMAIN_OBJ, SMALL_BLOCKS_ALLOCATOR),
};

static const PyMemAllocatorEx default_allocators[DOMAIN_COUNT] = {DEFAULT_ALLOCATORS};

struct _PyTraceMalloc_Config _Py_tracemalloc_config = _PyTraceMalloc_Config_INIT;

/* ---- malloc() as an allocator ---- */

void *
plain_malloc(void *Py_UNUSED(context), size_t size)
{
    return malloc(size == 0 ? 1 : size);
}

void *
plain_calloc(void *Py_UNUSED(context), size_t count, size_t size)
{
    return count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
}

void *
plain_realloc(void *Py_UNUSED(context), void *block, size_t size)
{
    return realloc(block, size == 0 ? 1 : size);
}

void
plain_free(void *Py_UNUSED(context), void *block)
{
    free(block);
}

/* ---- Which allocator a domain has ---- */

static bool
is_domain(PyMemAllocatorDomain domain)
{
    return domain == PYMEM_DOMAIN_RAW || domain == PYMEM_DOMAIN_MEM || domain == PYMEM_DOMAIN_OBJ;
}

static bool
is_same(const PyMemAllocatorEx *left, const PyMemAllocatorEx *right)
{
    return left->malloc == right->malloc && left->calloc == right->calloc
           && left->realloc == right->realloc && left->free == right->free;
}

static bool
is_small_blocks(const PyMemAllocatorEx *allocator)
{
    static const PyMemAllocatorEx small_blocks = SMALL_BLOCKS_ALLOCATOR;
    return is_same(allocator, &small_blocks);
}

static bool
is_debug_hooks(const PyMemAllocatorEx *allocator)
{
    return allocator->malloc == debug_hooks_malloc;
}

static void
choose_small_max(struct Domain *domain)
{
    bool is_small = small_blocks_have_magazines() && is_small_blocks(&domain->allocator);
    domain->small_max = is_small ? SMALL_BLOCK_MAX : 0;
}

void
small_blocks_are_ready(void)
{
    for (int domain = 0; domain < DOMAIN_COUNT; domain++) {
        choose_small_max(&domains[domain]);
    }
}

static void
set_allocator(PyMemAllocatorDomain domain, const PyMemAllocatorEx *allocator)
{
    domains[domain].allocator = *allocator;
    choose_small_max(&domains[domain]);
}

void
PyMem_GetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx *allocator)
{
    *allocator = is_domain(domain) ? domains[domain].allocator : (PyMemAllocatorEx){0};
}

void
PyMem_SetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx *allocator)
{
    if (is_domain(domain)) {
        set_allocator(domain, allocator);
    }
}

/* Puts the debug hooks over an allocator. */
static void
set_debug_hooks_over(PyMemAllocatorDomain domain, const PyMemAllocatorEx *below)
{
    debug_hooks[domain].below = *below;
    set_allocator(domain, &(PyMemAllocatorEx)DEBUG_HOOKS_ALLOCATOR(domain));
}

void
PyMem_SetupDebugHooks(void)
{
    for (int domain = 0; domain < DOMAIN_COUNT; domain++) {
        if (!is_debug_hooks(&domains[domain].allocator)) {
            PyMemAllocatorEx below = domains[domain].allocator;
            set_debug_hooks_over(domain, &below);
        }
    }
}

static void
set_default_allocator(PyMemAllocatorDomain domain, bool debug)
{
    if (debug) {
        set_debug_hooks_over(domain, &default_allocators[domain]);
    }
    else {
        set_allocator(domain, &default_allocators[domain]);
    }
}

int
_PyMem_SetDefaultAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx *old_allocator)
{
    if (old_allocator != NULL) {
        PyMem_GetAllocator(domain, old_allocator);
    }
    if (!is_domain(domain)) {
        return -1;
    }
    set_default_allocator(domain, DEBUG_BY_DEFAULT);
    return 0;
}

void
PyObject_GetArenaAllocator(PyObjectArenaAllocator *allocator)
{
    *allocator = small_blocks_arena_allocator;
}

void
PyObject_SetArenaAllocator(PyObjectArenaAllocator *allocator)
{
    small_blocks_arena_allocator = *allocator;
}

void *
_PyObject_VirtualAlloc(size_t size)
{
    return small_blocks_arena_allocator.alloc(small_blocks_arena_allocator.ctx, size);
}

void
_PyObject_VirtualFree(void *memory, size_t size)
{
    small_blocks_arena_allocator.free(small_blocks_arena_allocator.ctx, memory, size);
}

/* ---- Allocators by name ---- */

static const char *const allocator_names[] = {
    [PYMEM_ALLOCATOR_DEFAULT] = "default",   [PYMEM_ALLOCATOR_DEBUG] = "debug",
    [PYMEM_ALLOCATOR_MALLOC] = "malloc",     [PYMEM_ALLOCATOR_MALLOC_DEBUG] = "malloc_debug",
    [PYMEM_ALLOCATOR_PYMALLOC] = "pymalloc", [PYMEM_ALLOCATOR_PYMALLOC_DEBUG] = "pymalloc_debug",
};

int
_PyMem_GetAllocatorName(const char *name, PyMemAllocatorName *allocator)
{
    if (name == NULL || *name == '\0') {
        *allocator = PYMEM_ALLOCATOR_DEFAULT;
        return 0;
    }
    for (size_t i = PYMEM_ALLOCATOR_DEFAULT; i < Py_ARRAY_LENGTH(allocator_names); i++) {
        if (strcmp(name, allocator_names[i]) == 0) {
            *allocator = (PyMemAllocatorName)i;
            return 0;
        }
    }
    return -1;
}

static void
set_all_to_malloc(void)
{
    static const PyMemAllocatorEx plain = PLAIN_ALLOCATOR;
    for (int domain = 0; domain < DOMAIN_COUNT; domain++) {
        set_allocator(domain, &plain);
    }
}

static void
set_all_to_default(bool debug)
{
    for (int domain = 0; domain < DOMAIN_COUNT; domain++) {
        set_default_allocator(domain, debug);
    }
}

int
_PyMem_SetupAllocators(PyMemAllocatorName name)
{
    switch (name) {
    case PYMEM_ALLOCATOR_NOT_SET:
        return 0;
    case PYMEM_ALLOCATOR_DEFAULT:
        set_all_to_default(DEBUG_BY_DEFAULT);
        return 0;
    case PYMEM_ALLOCATOR_DEBUG:
    case PYMEM_ALLOCATOR_PYMALLOC_DEBUG:
        set_all_to_default(true);
        return 0;
    case PYMEM_ALLOCATOR_PYMALLOC:
        set_all_to_default(false);
        return 0;
    case PYMEM_ALLOCATOR_MALLOC:
        set_all_to_malloc();
        return 0;
    case PYMEM_ALLOCATOR_MALLOC_DEBUG:
        set_all_to_malloc();
        PyMem_SetupDebugHooks();
        return 0;
    }
    return -1;
}

/* Whether malloc(), or the defaults, are all domains' allocators, below the hooks if there are. */
static bool
all_are(const PyMemAllocatorEx *wanted_of_domain[DOMAIN_COUNT], bool debug)
{
    for (int domain = 0; domain < DOMAIN_COUNT; domain++) {
        const PyMemAllocatorEx *allocator = &domains[domain].allocator;
        if (is_debug_hooks(allocator) != debug) {
            return false;
        }
        if (!is_same(debug ? &debug_hooks[domain].below : allocator, wanted_of_domain[domain])) {
            return false;
        }
    }
    return true;
}

const char *
_PyMem_GetCurrentAllocatorName(void)
{
    const PyMemAllocatorEx *plain = &default_allocators[PYMEM_DOMAIN_RAW];
    const PyMemAllocatorEx *small = &default_allocators[PYMEM_DOMAIN_OBJ];
    const PyMemAllocatorEx *all_plain[] = {plain, plain, plain};
    const PyMemAllocatorEx *all_default[] = {plain, small, small};
    for (int debug = 0; debug <= 1; debug++) {
        if (all_are(all_plain, debug)) {
            return debug ? "malloc_debug" : "malloc";
        }
        if (all_are(all_default, debug)) {
            return debug ? "pymalloc_debug" : "pymalloc";
        }
    }
    return NULL;
}

/* ---- The functions of a domain ---- */

static inline void *
domain_malloc(const struct Domain *domain, size_t size)
{
    if (size > (size_t)PY_SSIZE_T_MAX) {
        return NULL;
    }
    return domain->allocator.malloc(domain->allocator.ctx, size);
}

static inline void *
domain_calloc(const struct Domain *domain, size_t count, size_t size)
{
    if (size != 0 && count > (size_t)PY_SSIZE_T_MAX / size) {
        return NULL;
    }
    return domain->allocator.calloc(domain->allocator.ctx, count, size);
}

static inline void *
domain_realloc(const struct Domain *domain, void *block, size_t size)
{
    if (size > (size_t)PY_SSIZE_T_MAX) {
        return NULL;
    }
    return domain->allocator.realloc(domain->allocator.ctx, block, size);
}

static inline void
domain_free(const struct Domain *domain, void *block)
{
    domain->allocator.free(domain->allocator.ctx, block);
}

/* The same for the domains that may have small blocks.  What is not one goes to a function of its
   own, so that what is one needs no stack frame. */

static __attribute__((noinline)) void *
malloc_otherwise(const struct Domain *domain, size_t size)
{
    return domain_malloc(domain, size);
}

static __attribute__((noinline)) void
free_otherwise(const struct Domain *domain, void *block)
{
    domain_free(domain, block);
}

static inline __attribute__((always_inline)) void *
small_or_domain_malloc(const struct Domain *domain, size_t size)
{
    if (LIKELY(size - 1 < domain->small_max)) {
        return small_blocks_take(size);
    }
    return malloc_otherwise(domain, size);
}

static inline __attribute__((always_inline)) void
small_or_domain_free(const struct Domain *domain, void *block)
{
    if (LIKELY(domain->small_max != 0)) {
        unsigned class_mark = small_blocks_class_mark(block);
        if (LIKELY(class_mark != 0)) {
            small_blocks_return(class_mark, block);
            return;
        }
    }
    free_otherwise(domain, block);
}

void *
PyMem_RawMalloc(size_t size)
{
    return domain_malloc(&domains[PYMEM_DOMAIN_RAW], size);
}

void *
PyMem_RawCalloc(size_t count, size_t size)
{
    return domain_calloc(&domains[PYMEM_DOMAIN_RAW], count, size);
}

void *
PyMem_RawRealloc(void *block, size_t size)
{
    return domain_realloc(&domains[PYMEM_DOMAIN_RAW], block, size);
}

void
PyMem_RawFree(void *block)
{
    domain_free(&domains[PYMEM_DOMAIN_RAW], block);
}

void *
PyMem_Malloc(size_t size)
{
    return small_or_domain_malloc(&domains[PYMEM_DOMAIN_MEM], size);
}

void *
PyMem_Calloc(size_t count, size_t size)
{
    return domain_calloc(&domains[PYMEM_DOMAIN_MEM], count, size);
}

void *
PyMem_Realloc(void *block, size_t size)
{
    return domain_realloc(&domains[PYMEM_DOMAIN_MEM], block, size);
}

void
PyMem_Free(void *block)
{
    small_or_domain_free(&domains[PYMEM_DOMAIN_MEM], block);
}

void *
PyObject_Malloc(size_t size)
{
    return small_or_domain_malloc(&domains[PYMEM_DOMAIN_OBJ], size);
}

void *
PyObject_Calloc(size_t count, size_t size)
{
    return domain_calloc(&domains[PYMEM_DOMAIN_OBJ], count, size);
}

void *
PyObject_Realloc(void *block, size_t size)
{
    return domain_realloc(&domains[PYMEM_DOMAIN_OBJ], block, size);
}

void
PyObject_Free(void *block)
{
    small_or_domain_free(&domains[PYMEM_DOMAIN_OBJ], block);
}

/* ---- Full collections ---- */

WRAPPED(_PyFloat_ClearFreeList);

/* The collector empties the free lists of types one after the other: ours belong to them. */
void
__wrap__PyFloat_ClearFreeList(PyInterpreterState *interpreter)
{
    __real__PyFloat_ClearFreeList(interpreter);
    small_blocks_trim();
}

/* ---- Strings ---- */

char *
_PyMem_RawStrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = PyMem_RawMalloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

char *
_PyMem_Strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = PyMem_Malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

wchar_t *
_PyMem_RawWcsdup(const wchar_t *text)
{
    size_t size = (wcslen(text) + 1) * sizeof(wchar_t);
    wchar_t *copy = PyMem_RawMalloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

/* ---- Statistics ---- */

Py_ssize_t
_Py_GetAllocatedBlocks(void)
{
    return small_blocks_count();
}

/* Whether the objects' domain has small blocks, below the hooks if there are. */
static bool
has_small_blocks(void)
{
    const struct Domain *domain = &domains[PYMEM_DOMAIN_OBJ];
    return is_small_blocks(&domain->allocator)
           || (is_debug_hooks(&domain->allocator)
               && is_small_blocks(&debug_hooks[PYMEM_DOMAIN_OBJ].below));
}

int
_PyObject_DebugMallocStats(FILE *output)
{
    if (!has_small_blocks()) {
        return 0;
    }
    struct SmallBlocksSurvey survey;
    small_blocks_survey(&survey);
    allocator_print_survey(output, &survey);
    return 1;
}
