/* The instruction sequence.  The contract is in instructions.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#define NEED_OPCODE_TABLES
#include "pycore_opcode.h"
#undef NEED_OPCODE_TABLES
#include "pycore_code.h"
#include "pycore_compile.h"
#include "instructions.h"

void
instructions_forget(InstructionStore *store)
{
    instruction_array_clear(&store->instructions);
    block_array_clear(&store->blocks);
    location_array_clear(&store->far_locations);
    handler_array_clear(&store->handlers);
    int_array_clear(&store->instruction_handlers);
}

void
instructions_clear(InstructionStore *store)
{
    instructions_forget(store);
    int_array_clear(&store->scratch);
    byte_array_clear(&store->table);
}

/* Instructions of one node follow one another: they share a location. */
int
instruction_place_far(InstructionStore *store, Instruction *instruction, const Location *where)
{
    LocationArray *far = &store->far_locations;
    if (far->count == 0 || memcmp(&far->items[far->count - 1], where, sizeof(*where)) != 0) {
        if (location_array_append(far, *where) < 0) {
            return -1;
        }
    }
    unsigned int index = (unsigned int)(far->count - 1);
    instruction->more_lines = IS_FAR;
    instruction->column = (uint16_t)index;
    instruction->end_column = (uint16_t)(index >> 16);
    return 0;
}

Label
instructions_new_block(InstructionStore *store)
{
    Block block = {.next = NO_LABEL, .start_depth = -1, .offset = -1};
    if (block_array_append(&store->blocks, block) < 0) {
        return -1;
    }
    return store->blocks.count - 1;
}

/* Opcodes by name, with their effect on the value stack, but for what BY_ARGUMENT() adds to it;
   EFFECT_VARIES sends to opcode_varying_effect(). */
#define OPCODES(_)                                                                                 \
    _(CACHE, 0)                                                                                    \
    _(POP_TOP, -1)                                                                                 \
    _(PUSH_NULL, 1)                                                                                \
    _(NOP, 0)                                                                                      \
    _(UNARY_POSITIVE, 0)                                                                           \
    _(UNARY_NEGATIVE, 0)                                                                           \
    _(UNARY_NOT, 0)                                                                                \
    _(UNARY_INVERT, 0)                                                                             \
    _(BINARY_SUBSCR, -1)                                                                           \
    _(GET_LEN, 1)                                                                                  \
    _(MATCH_MAPPING, 1)                                                                            \
    _(MATCH_SEQUENCE, 1)                                                                           \
    _(MATCH_KEYS, 1)                                                                               \
    _(PUSH_EXC_INFO, 1)                                                                            \
    _(CHECK_EXC_MATCH, 0)                                                                          \
    _(CHECK_EG_MATCH, 0)                                                                           \
    _(WITH_EXCEPT_START, 1)                                                                        \
    _(GET_AITER, 0)                                                                                \
    _(GET_ANEXT, 1)                                                                                \
    _(BEFORE_ASYNC_WITH, 1)                                                                        \
    _(BEFORE_WITH, 1)                                                                              \
    _(END_ASYNC_FOR, -2)                                                                           \
    _(STORE_SUBSCR, -3)                                                                            \
    _(DELETE_SUBSCR, -2)                                                                           \
    _(GET_ITER, 0)                                                                                 \
    _(GET_YIELD_FROM_ITER, 0)                                                                      \
    _(PRINT_EXPR, -1)                                                                              \
    _(LOAD_BUILD_CLASS, 1)                                                                         \
    _(LOAD_ASSERTION_ERROR, 1)                                                                     \
    _(RETURN_GENERATOR, 0)                                                                         \
    _(LIST_TO_TUPLE, 0)                                                                            \
    _(RETURN_VALUE, -1)                                                                            \
    _(IMPORT_STAR, -1)                                                                             \
    _(SETUP_ANNOTATIONS, 0)                                                                        \
    _(YIELD_VALUE, 0)                                                                              \
    _(ASYNC_GEN_WRAP, 0)                                                                           \
    _(PREP_RERAISE_STAR, -1)                                                                       \
    _(POP_EXCEPT, -1)                                                                              \
    _(STORE_NAME, -1)                                                                              \
    _(DELETE_NAME, 0)                                                                              \
    _(UNPACK_SEQUENCE, -1)                                                                         \
    _(FOR_ITER, EFFECT_VARIES)                                                                     \
    _(UNPACK_EX, EFFECT_VARIES)                                                                    \
    _(STORE_ATTR, -2)                                                                              \
    _(DELETE_ATTR, -1)                                                                             \
    _(STORE_GLOBAL, -1)                                                                            \
    _(DELETE_GLOBAL, 0)                                                                            \
    _(SWAP, 0)                                                                                     \
    _(LOAD_CONST, 1)                                                                               \
    _(LOAD_NAME, 1)                                                                                \
    _(BUILD_TUPLE, 1)                                                                              \
    _(BUILD_LIST, 1)                                                                               \
    _(BUILD_SET, 1)                                                                                \
    _(BUILD_MAP, 1)                                                                                \
    _(LOAD_ATTR, 0)                                                                                \
    _(COMPARE_OP, -1)                                                                              \
    _(IMPORT_NAME, -1)                                                                             \
    _(IMPORT_FROM, 1)                                                                              \
    _(JUMP_FORWARD, 0)                                                                             \
    _(JUMP_IF_FALSE_OR_POP, EFFECT_VARIES)                                                         \
    _(JUMP_IF_TRUE_OR_POP, EFFECT_VARIES)                                                          \
    _(POP_JUMP_FORWARD_IF_FALSE, -1)                                                               \
    _(POP_JUMP_FORWARD_IF_TRUE, -1)                                                                \
    _(LOAD_GLOBAL, 1)                                                                              \
    _(IS_OP, -1)                                                                                   \
    _(CONTAINS_OP, -1)                                                                             \
    _(RERAISE, -1)                                                                                 \
    _(COPY, 1)                                                                                     \
    _(BINARY_OP, -1)                                                                               \
    _(SEND, EFFECT_VARIES)                                                                         \
    _(LOAD_FAST, 1)                                                                                \
    _(STORE_FAST, -1)                                                                              \
    _(DELETE_FAST, 0)                                                                              \
    _(POP_JUMP_FORWARD_IF_NOT_NONE, -1)                                                            \
    _(POP_JUMP_FORWARD_IF_NONE, -1)                                                                \
    _(RAISE_VARARGS, 0)                                                                            \
    _(GET_AWAITABLE, 0)                                                                            \
    _(MAKE_FUNCTION, EFFECT_VARIES)                                                                \
    _(BUILD_SLICE, EFFECT_VARIES)                                                                  \
    _(JUMP_BACKWARD_NO_INTERRUPT, 0)                                                               \
    _(MAKE_CELL, 0)                                                                                \
    _(LOAD_CLOSURE, 1)                                                                             \
    _(LOAD_DEREF, 1)                                                                               \
    _(STORE_DEREF, -1)                                                                             \
    _(DELETE_DEREF, 0)                                                                             \
    _(JUMP_BACKWARD, 0)                                                                            \
    _(CALL_FUNCTION_EX, -2)                                                                        \
    _(EXTENDED_ARG, 0)                                                                             \
    _(LIST_APPEND, -1)                                                                             \
    _(SET_ADD, -1)                                                                                 \
    _(MAP_ADD, -2)                                                                                 \
    _(LOAD_CLASSDEREF, 1)                                                                          \
    _(COPY_FREE_VARS, 0)                                                                           \
    _(RESUME, 0)                                                                                   \
    _(MATCH_CLASS, -2)                                                                             \
    _(FORMAT_VALUE, EFFECT_VARIES)                                                                 \
    _(BUILD_CONST_KEY_MAP, 0)                                                                      \
    _(BUILD_STRING, 1)                                                                             \
    _(LOAD_METHOD, 1)                                                                              \
    _(LIST_EXTEND, -1)                                                                             \
    _(SET_UPDATE, -1)                                                                              \
    _(DICT_MERGE, -1)                                                                              \
    _(DICT_UPDATE, -1)                                                                             \
    _(PRECALL, 0)                                                                                  \
    _(CALL, -1)                                                                                    \
    _(KW_NAMES, 0)                                                                                 \
    _(POP_JUMP_BACKWARD_IF_NOT_NONE, -1)                                                           \
    _(POP_JUMP_BACKWARD_IF_NONE, -1)                                                               \
    _(POP_JUMP_BACKWARD_IF_FALSE, -1)                                                              \
    _(POP_JUMP_BACKWARD_IF_TRUE, -1)                                                               \
    _(SETUP_FINALLY, EFFECT_VARIES)                                                                \
    _(SETUP_CLEANUP, EFFECT_VARIES)                                                                \
    _(SETUP_WITH, EFFECT_VARIES)                                                                   \
    _(POP_BLOCK, 0)                                                                                \
    _(JUMP, 0)                                                                                     \
    _(JUMP_NO_INTERRUPT, 0)                                                                        \
    _(POP_JUMP_IF_FALSE, -1)                                                                       \
    _(POP_JUMP_IF_TRUE, -1)                                                                        \
    _(POP_JUMP_IF_NONE, -1)                                                                        \
    _(POP_JUMP_IF_NOT_NONE, -1)

#define NAME_ENTRY(opcode, effect) [(opcode)-LOWEST_OPCODE] = #opcode,

static const char *const opcode_names[256 - LOWEST_OPCODE] = {OPCODES(NAME_ENTRY)};

#undef NAME_ENTRY

#define FACTS(opcode) [(opcode)-LOWEST_OPCODE]
#define EFFECT_ENTRY(opcode, always) FACTS(opcode).effect = (always),
#define TRAITS(opcode) FACTS(opcode).traits
#define BY_ARGUMENT(opcode, times, bits) FACTS(opcode).factor = (times), FACTS(opcode).mask = (bits)
#define CACHES(opcode) FACTS(opcode).caches = INLINE_CACHE_ENTRIES_##opcode

const OpcodeFacts opcode_facts[256 - LOWEST_OPCODE] = {
    OPCODES(EFFECT_ENTRY)

        TRAITS(SETUP_FINALLY) = OPCODE_SETS_HANDLER | OPCODE_MAY_FOLD,
    TRAITS(SETUP_CLEANUP) = OPCODE_SETS_HANDLER | OPCODE_MAY_FOLD,
    TRAITS(SETUP_WITH) = OPCODE_SETS_HANDLER | OPCODE_MAY_FOLD,
    TRAITS(JUMP) = OPCODE_JUMPS | OPCODE_ALWAYS_JUMPS,
    TRAITS(JUMP_NO_INTERRUPT) = OPCODE_JUMPS | OPCODE_ALWAYS_JUMPS,
    TRAITS(POP_JUMP_IF_FALSE) = OPCODE_JUMPS | OPCODE_TESTS_VALUE,
    TRAITS(POP_JUMP_IF_TRUE) = OPCODE_JUMPS | OPCODE_TESTS_VALUE,
    TRAITS(POP_JUMP_IF_NONE) = OPCODE_JUMPS,
    TRAITS(POP_JUMP_IF_NOT_NONE) = OPCODE_JUMPS,
    TRAITS(JUMP_FORWARD) = OPCODE_JUMPS,
    TRAITS(JUMP_BACKWARD) = OPCODE_JUMPS,
    TRAITS(JUMP_BACKWARD_NO_INTERRUPT) = OPCODE_JUMPS,
    TRAITS(FOR_ITER) = OPCODE_JUMPS,
    TRAITS(SEND) = OPCODE_JUMPS,
    TRAITS(JUMP_IF_FALSE_OR_POP) = OPCODE_JUMPS | OPCODE_TESTS_VALUE,
    TRAITS(JUMP_IF_TRUE_OR_POP) = OPCODE_JUMPS | OPCODE_TESTS_VALUE,
    TRAITS(POP_JUMP_FORWARD_IF_FALSE) = OPCODE_JUMPS,
    TRAITS(POP_JUMP_FORWARD_IF_TRUE) = OPCODE_JUMPS,
    TRAITS(POP_JUMP_FORWARD_IF_NONE) = OPCODE_JUMPS,
    TRAITS(POP_JUMP_FORWARD_IF_NOT_NONE) = OPCODE_JUMPS,
    TRAITS(POP_JUMP_BACKWARD_IF_FALSE) = OPCODE_JUMPS,
    TRAITS(POP_JUMP_BACKWARD_IF_TRUE) = OPCODE_JUMPS,
    TRAITS(POP_JUMP_BACKWARD_IF_NONE) = OPCODE_JUMPS,
    TRAITS(POP_JUMP_BACKWARD_IF_NOT_NONE) = OPCODE_JUMPS,
    TRAITS(LOAD_CONST) = OPCODE_FOLDS_WITH_NEXT | OPCODE_USES_CONSTANT,
    TRAITS(KW_NAMES) = OPCODE_USES_CONSTANT,
    TRAITS(BUILD_TUPLE) = OPCODE_MAY_FOLD,
    TRAITS(SWAP) = OPCODE_MAY_FOLD,
    TRAITS(PUSH_NULL) = OPCODE_FOLDS_WITH_NEXT,
    TRAITS(NOP) = OPCODE_IS_NOP,
    TRAITS(RETURN_VALUE) = OPCODE_LEAVES,
    TRAITS(RAISE_VARARGS) = OPCODE_LEAVES,
    TRAITS(RERAISE) = OPCODE_LEAVES,
    TRAITS(IS_OP) = OPCODE_TESTS_VALUE,

    BY_ARGUMENT(UNPACK_SEQUENCE, 1, -1),
    BY_ARGUMENT(BUILD_TUPLE, -1, -1),
    BY_ARGUMENT(BUILD_LIST, -1, -1),
    BY_ARGUMENT(BUILD_SET, -1, -1),
    BY_ARGUMENT(BUILD_STRING, -1, -1),
    BY_ARGUMENT(BUILD_MAP, -2, -1),
    BY_ARGUMENT(BUILD_CONST_KEY_MAP, -1, -1),
    BY_ARGUMENT(RAISE_VARARGS, -1, -1),
    BY_ARGUMENT(PRECALL, -1, -1),
    BY_ARGUMENT(LOAD_GLOBAL, 1, 1),
    BY_ARGUMENT(CALL_FUNCTION_EX, -1, 1),

    CACHES(BINARY_SUBSCR),
    CACHES(STORE_SUBSCR),
    CACHES(UNPACK_SEQUENCE),
    CACHES(STORE_ATTR),
    CACHES(LOAD_ATTR),
    CACHES(COMPARE_OP),
    CACHES(LOAD_GLOBAL),
    CACHES(BINARY_OP),
    CACHES(LOAD_METHOD),
    CACHES(PRECALL),
    CACHES(CALL),
};

#undef CACHES
#undef BY_ARGUMENT
#undef TRAITS
#undef EFFECT_ENTRY
#undef FACTS

const char *
opcode_name(int opcode)
{
    return opcode < LOWEST_OPCODE || opcode > 255 ? NULL : opcode_names[opcode - LOWEST_OPCODE];
}

static int
make_function_effect(int parts)
{
    return -((parts & 1) + (parts >> 1 & 1) + (parts >> 2 & 1) + (parts >> 3 & 1));
}

int
opcode_varying_effect(int opcode, int argument, int jump)
{
    switch (opcode) {
    case UNPACK_EX:
        return (argument & 0xFF) + (argument >> 8);
    case FOR_ITER:
        return jump > 0 ? -1 : 1;
    case SEND:
        return jump > 0 ? -1 : 0;
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
        return jump ? 0 : -1;
    case MAKE_FUNCTION:
        return make_function_effect(argument);
    case BUILD_SLICE:
        return argument == 3 ? -2 : -1;
    case FORMAT_VALUE:
        return (argument & 4) ? -1 : 0;
    case SETUP_FINALLY:
    case SETUP_WITH:
        return jump ? 1 : 0;
    case SETUP_CLEANUP:
        return jump ? 2 : 0;
    default:
        return PY_INVALID_STACK_EFFECT;
    }
}

int
opcode_stack_effect(int opcode, int argument, int jump)
{
    if (opcode_name(opcode) == NULL) {
        return PY_INVALID_STACK_EFFECT;
    }
    return opcode_effect(opcode_facts[opcode - LOWEST_OPCODE], opcode, argument, jump);
}

int
PyCompile_OpcodeStackEffectWithJump(int opcode, int oparg, int jump)
{
    return opcode_stack_effect(opcode, oparg, jump);
}

int
PyCompile_OpcodeStackEffect(int opcode, int oparg)
{
    return opcode_stack_effect(opcode, oparg, -1);
}
