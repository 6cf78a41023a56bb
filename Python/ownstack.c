/* A call on a stack of its own.  The contract is in ownstack.h. */

#include "Python.h"

#include "nesting.h"
#include "ownstack.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

/* What a main thread has by default; pages that are not touched cost nothing. */
enum { STACK_SIZE = 8 * 1024 * 1024 };

/* The archive's parser, which never looks at the stack, takes half a megabyte before it gives up,
   and as much for each f-string in an f-string; the compiler, three. */
enum { ENOUGH = 4 * 1024 * 1024 };

typedef struct Call Call;
struct Call {
    void (*function)(void *);
    void *argument;
    ucontext_t caller, callee;
    const void *caller_bottom; /* for the address sanitizer, which has to be told */
    size_t caller_size;
};

/* What the thread's stack is, found out once. */
static _Thread_local enum { UNKNOWN, MAIN, MAIN_AND_SHORT, OF_A_THREAD } kind_of_stack;

/* How many calls on a stack of its own the thread is in. */
static _Thread_local int calls_in_hand;

/* The main thread's stack grows as far as its limit; asking for the bounds it has now reads a
   file. */
static int
find_kind(void)
{
    struct rlimit limit;
    if (!nesting_in_main_thread()) {
        return OF_A_THREAD;
    }
    bool is_long = getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY
                   || limit.rlim_cur >= ENOUGH + ENOUGH / 2;
    return is_long ? MAIN : MAIN_AND_SHORT;
}

bool
ownstack_is_needed(void)
{
    if (kind_of_stack == UNKNOWN) {
        kind_of_stack = find_kind();
    }
    if (kind_of_stack != OF_A_THREAD) {
        return kind_of_stack == MAIN_AND_SHORT && calls_in_hand == 0;
    }
    const char *end = nesting_stack_end();
    return end != NULL && !nesting_has_room(end, ENOUGH);
}

/* makecontext() passes on numbers of the type int alone. */
static void
enter(unsigned int high, unsigned int low)
{
    Call *call = (Call *)((uintptr_t)high << 32 | low);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &call->caller_bottom, &call->caller_size);
#endif
    call->function(call->argument);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(NULL, call->caller_bottom, call->caller_size);
#endif
}

static int
switch_to(Call *call, char *stack, size_t size)
{
    if (getcontext(&call->callee) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    call->callee.uc_stack.ss_sp = stack;
    call->callee.uc_stack.ss_size = size;
    call->callee.uc_link = &call->caller;
    uintptr_t address = (uintptr_t)call;
    makecontext(&call->callee, (void (*)(void))enter, 2, (unsigned int)(address >> 32),
                (unsigned int)address);
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack;
    __sanitizer_start_switch_fiber(&fake_stack, stack, size);
#endif
    int result = swapcontext(&call->caller, &call->callee);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#endif
    if (result < 0) {
        PyErr_NoMemory();
    }
    return result;
}

int
ownstack_call(void (*function)(void *), void *argument)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    char *mapping = mmap(NULL, guard + STACK_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) {
        PyErr_NoMemory();
        return -1;
    }
    int result = -1;
    if (mprotect(mapping, guard, PROT_NONE) < 0) {
        PyErr_NoMemory();
    }
    else {
        Call call = {.function = function, .argument = argument};
        const char *outer_end = nesting_set_stack_end(mapping + guard + STACK_SIZE / 32);
        calls_in_hand++;
        result = switch_to(&call, mapping + guard, STACK_SIZE);
        calls_in_hand--;
        nesting_set_stack_end(outer_end);
    }
    munmap(mapping, guard + STACK_SIZE);
    return result;
}
