/* The control-flow graph.  The contract is in flowgraph.h. */

#include "Python.h"
#include "flowgraph.h"

/* A block that leaves with at most so many instructions is copied in place of a jump to it. */
enum { LONGEST_COPIED_EXIT = 4 };

/* Depths beyond this are not followed again when a deeper way into a block turns up. */
enum { DEEPEST_REVISITED = 100 };

static inline Block *
block_at(const FlowGraph *graph, Label label)
{
    return &graph->store->blocks.items[label];
}

static inline Instruction *
instructions_of(const FlowGraph *graph, const Block *block)
{
    return graph->store->instructions.items + block->first;
}

static inline Instruction *
last_of(const FlowGraph *graph, const Block *block)
{
    return block->count == 0 ? NULL : instructions_of(graph, block) + block->count - 1;
}

/* The last instruction when it is a jump, otherwise NULL. */
static inline Instruction *
closing_jump(const FlowGraph *graph, const Block *block)
{
    Instruction *last = last_of(graph, block);
    return last != NULL && opcode_has(last->opcode, OPCODE_JUMPS) ? last : NULL;
}

static Label
first_nonempty(const FlowGraph *graph, Label label)
{
    while (block_at(graph, label)->count == 0) {
        label = block_at(graph, label)->next;
    }
    return label;
}

static inline void
make_nop(Block *block, Instruction *instruction)
{
    instruction->opcode = NOP;
    block->has_nops = true;
}

/* Moves a block to the end of the instruction array with room for `extra` more. */
static int
move_to_end(FlowGraph *graph, Label label, int extra)
{
    InstructionArray *instructions = &graph->store->instructions;
    Block *block = block_at(graph, label);
    if (block->first + block->count != instructions->count) {
        if (instruction_array_reserve(instructions, block->count + extra) < 0) {
            return -1;
        }
        memcpy(instructions->items + instructions->count, instructions->items + block->first,
               (size_t)block->count * sizeof(Instruction));
        block->first = instructions->count;
        instructions->count += block->count;
    }
    return instruction_array_reserve(instructions, extra);
}

/* ---- How blocks end ---- */

static void
mark_ends(FlowGraph *graph)
{
    for (Label label = graph->store->blocks.count - 1; label >= graph->entry; label--) {
        Block *block = block_at(graph, label);
        Instruction *last = last_of(graph, block);
        if (last == NULL) {
            continue;
        }
        block->leaves = opcode_has(last->opcode, OPCODE_LEAVES) != 0;
        if (block->leaves && instructions_of(graph, block)->where.line <= 0) {
            graph->has_exit_without_line = true;
        }
        block->no_fallthrough = opcode_has(last->opcode, OPCODE_LEAVES | OPCODE_ALWAYS_JUMPS) != 0;
        if (opcode_has(last->opcode, OPCODE_JUMPS) && last->opcode != SEND) {
            last->argument = first_nonempty(graph, last->argument);
        }
    }
}

static int
has_line(const FlowGraph *graph, const Block *block)
{
    const Instruction *instruction = instructions_of(graph, block);
    for (int i = 0; i < block->count; i++) {
        if (instruction[i].where.line > 0) {
            return 1;
        }
    }
    return 0;
}

/* Puts a short block without lines that leaves in place of the jump to it. */
static int
inline_exit(FlowGraph *graph, Label label)
{
    Instruction *jump = last_of(graph, block_at(graph, label));
    if (jump == NULL || (jump->opcode != JUMP && jump->opcode != JUMP_FORWARD
                         && jump->opcode != JUMP_BACKWARD)) {
        return 0;
    }
    Block *block = block_at(graph, label);
    Block *target = block_at(graph, jump->argument);
    if (!target->leaves || target->count > LONGEST_COPIED_EXIT || has_line(graph, target)) {
        return 0;
    }
    make_nop(block, jump);
    int count = target->count;
    if (move_to_end(graph, label, count) < 0) {
        return -1;
    }
    memcpy(instructions_of(graph, block) + block->count, instructions_of(graph, target),
           (size_t)count * sizeof(Instruction));
    block->count += count;
    graph->store->instructions.count += count;
    block->leaves = true;
    return 0;
}

static int
inline_exits(FlowGraph *graph)
{
    for (Label label = graph->store->blocks.count - 1; label >= graph->entry; label--) {
        if (inline_exit(graph, label) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- What comes before a unit's own code ---- */

static Instruction *
write_prefix(Instruction *at, int opcode, int argument, Location where)
{
    *at = (Instruction){(int16_t)opcode, 0, argument, NO_LABEL, where};
    return at + 1;
}

static int
order_of_slots(const void *left, const void *right)
{
    int a = *(const int *)left;
    int b = *(const int *)right;
    return (a > b) - (a < b);
}

/* Cells are made in the order of the locals' slots. */
static int
write_cells(FlowGraph *graph, Instruction *at)
{
    IntArray *slots = &graph->store->scratch;
    slots->count = 0;
    if (int_array_reserve(slots, graph->cell_count) < 0) {
        return -1;
    }
    memcpy(slots->items, graph->cell_slots, (size_t)graph->cell_count * sizeof(int));
    qsort(slots->items, (size_t)graph->cell_count, sizeof(int), order_of_slots);
    for (int i = 0; i < graph->cell_count; i++) {
        at = write_prefix(at, MAKE_CELL, slots->items[i], NO_LOCATION);
    }
    return 0;
}

static int
insert_prefix(FlowGraph *graph)
{
    int count = (graph->is_generator ? 2 : 0) + graph->cell_count + (graph->free_count ? 1 : 0);
    if (count == 0) {
        return 0;
    }
    if (move_to_end(graph, graph->entry, count) < 0) {
        return -1;
    }
    Block *entry = block_at(graph, graph->entry);
    Instruction *at = instructions_of(graph, entry);
    memmove(at + count, at, (size_t)entry->count * sizeof(Instruction));
    if (graph->free_count > 0) {
        at = write_prefix(at, COPY_FREE_VARS, graph->free_count, NO_LOCATION);
    }
    if (graph->cell_count > 0 && write_cells(graph, at) < 0) {
        return -1;
    }
    at += graph->cell_count;
    if (graph->is_generator) {
        Location start = {graph->first_line, graph->first_line, -1, -1};
        at = write_prefix(at, RETURN_GENERATOR, 0, start);
        write_prefix(at, POP_TOP, 0, NO_LOCATION);
    }
    entry->count += count;
    graph->store->instructions.count += count;
    return 0;
}

static int
accesses_cell(int opcode)
{
    return (opcode >= MAKE_CELL && opcode <= DELETE_DEREF) || opcode == LOAD_CLASSDEREF;
}

/* Code generation numbers cells and free variables by themselves; from here on they are numbered
   with the locals. */
static void
number_cells(FlowGraph *graph)
{
    if (graph->cell_count + graph->free_count == 0) {
        return;
    }
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        Instruction *instruction = instructions_of(graph, block);
        for (int i = 0; i < block->count; i++) {
            if (accesses_cell(instruction[i].opcode)) {
                instruction[i].argument = graph->cell_slots[instruction[i].argument];
            }
        }
    }
}

/* ---- Inside a block ---- */

/* The line on which control goes on after the block, -1 when there is none. */
static int
line_after(const FlowGraph *graph, const Block *block)
{
    Label next = block->next;
    while (next != NO_LABEL && block_at(graph, next)->count == 0) {
        next = block_at(graph, next)->next;
    }
    return next == NO_LABEL ? -1 : instructions_of(graph, block_at(graph, next))->where.line;
}

/* Whether a NOP is needed for its line.  When the instruction after it has no line it takes the
   NOP's. */
static bool
is_needed_nop(FlowGraph *graph, Block *block, Instruction *nop, bool is_last, int previous_line)
{
    int line = nop->where.line;
    if (line < 0 || line == previous_line) {
        return false;
    }
    if (is_last) {
        return line_after(graph, block) != line;
    }
    if (nop[1].where.line < 0) {
        nop[1].where = nop->where;
        return false;
    }
    return nop[1].where.line != line;
}

static void
drop_nops(FlowGraph *graph, Block *block)
{
    if (!block->has_nops) {
        return;
    }
    Instruction *instruction = instructions_of(graph, block);
    int kept = 0;
    int previous_line = -1;
    block->has_nops = false;
    for (int i = 0; i < block->count; i++) {
        if (instruction[i].opcode == NOP) {
            if (!is_needed_nop(graph, block, &instruction[i], i + 1 == block->count,
                               previous_line)) {
                continue;
            }
            block->has_nops = true;
        }
        if (kept != i) {
            instruction[kept] = instruction[i];
        }
        previous_line = instruction[kept++].where.line;
    }
    block->count = kept;
}

static PyObject *
constant_of(const FlowGraph *graph, const Instruction *load)
{
    return constants_object(graph->constants,
                            pool_identity(graph->constant_pool, load->argument));
}

static int
is_none_test(int opcode)
{
    return opcode == POP_JUMP_IF_FALSE || opcode == POP_JUMP_IF_TRUE;
}

/* LOAD_CONST followed by a test of it. */
static int
fold_constant_test(FlowGraph *graph, Block *block, int at)
{
    Instruction *load = instructions_of(graph, block) + at;
    Instruction *test = load + 1;
    int keeps_value = test->opcode == JUMP_IF_FALSE_OR_POP || test->opcode == JUMP_IF_TRUE_OR_POP;
    int jumps_if_true = test->opcode == POP_JUMP_IF_TRUE || test->opcode == JUMP_IF_TRUE_OR_POP;
    int is_true = PyObject_IsTrue(constant_of(graph, load));
    if (is_true < 0) {
        return -1;
    }
    int jumps = is_true == jumps_if_true;
    if (!jumps || !keeps_value) {
        make_nop(block, load);
    }
    if (jumps) {
        test->opcode = JUMP;
        block->no_fallthrough = true;
    }
    else {
        make_nop(block, test);
    }
    return 0;
}

/* LOAD_CONST None, IS_OP and a test become one test. */
static void
fold_none_test(FlowGraph *graph, Block *block, int at)
{
    Instruction *load = instructions_of(graph, block) + at;
    if (at + 2 >= block->count || !is_none_test(load[2].opcode)
        || constant_of(graph, load) != Py_None) {
        return;
    }
    int inverted = (unsigned char)load[1].argument;
    int jumps_if_none = inverted == (load[2].opcode == POP_JUMP_IF_FALSE);
    make_nop(block, &load[0]);
    make_nop(block, &load[1]);
    load[2].opcode = jumps_if_none ? POP_JUMP_IF_NONE : POP_JUMP_IF_NOT_NONE;
}

static inline int
fold_load(FlowGraph *graph, Block *block, int at, int next_opcode)
{
    switch (next_opcode) {
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
        return fold_constant_test(graph, block, at);
    case IS_OP:
        fold_none_test(graph, block, at);
        return 0;
    default:
        return 0;
    }
}

static int
all_constants(const Instruction *instruction, int count)
{
    for (int i = 0; i < count; i++) {
        if (instruction[i].opcode != LOAD_CONST) {
            return 0;
        }
    }
    return 1;
}

/* BUILD_TUPLE of `count` constants becomes one constant. */
static int
fold_tuple(FlowGraph *graph, Block *block, Instruction *build)
{
    int count = build->argument;
    Instruction *loads = build - count;
    if (!all_constants(loads, count)) {
        return 0;
    }
    PyObject *tuple = PyTuple_New(count);
    if (tuple == NULL) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(constant_of(graph, &loads[i])));
    }
    ConstantId id = constants_identify(graph->constants, tuple);
    Py_DECREF(tuple);
    int position = id < 0 ? -1 : pool_position(graph->constant_pool, id);
    if (position < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        make_nop(block, &loads[i]);
    }
    build->opcode = LOAD_CONST;
    build->argument = position;
    return 0;
}

static int
fold_build_tuple(FlowGraph *graph, Block *block, int at)
{
    Instruction *build = instructions_of(graph, block) + at;
    int count = build->argument;
    if (at + 1 < block->count && build[1].opcode == UNPACK_SEQUENCE
        && build[1].argument == count && count >= 1 && count <= 3) {
        make_nop(block, &build[0]);
        build[1].opcode = count == 1 ? NOP : SWAP;
        return 0;
    }
    return at >= count ? fold_tuple(graph, block, build) : 0;
}

/* ---- Swaps ---- */

static int
is_swappable(int opcode)
{
    return opcode == STORE_FAST || opcode == POP_TOP;
}

/* A run of SWAPs, NOPs among them. */
typedef struct {
    Instruction *first;
    int length;
    int swaps;
    int depth;         /* of the stack items that take part */
} SwapRun;

static SwapRun
find_swap_run(Instruction *first, int available)
{
    SwapRun run = {.first = first};
    for (; run.length < available; run.length++) {
        if (first[run.length].opcode == SWAP) {
            run.depth = Py_MAX(run.depth, first[run.length].argument);
            run.swaps++;
        }
        else if (first[run.length].opcode != NOP) {
            break;
        }
    }
    return run;
}

/* What the run does to the stack: item i comes from value[i]. */
static void
permute(const SwapRun *run, int *value)
{
    for (int i = 0; i < run->depth; i++) {
        value[i] = i;
    }
    for (int i = 0; i < run->length; i++) {
        if (run->first[i].opcode == SWAP) {
            int other = run->first[i].argument - 1;
            int top = value[0];
            value[0] = value[other];
            value[other] = top;
        }
    }
}

enum { PLACED = -1 };

/* Writes the SWAPs for the cycle of the permutation that `start` is in, from the last one back;
   returns where the one before them goes. */
static int
write_cycle(const SwapRun *run, int *value, int start, int write)
{
    for (int member = start;;) {
        if (member != 0) {
            run->first[write].opcode = SWAP;
            run->first[write--].argument = member + 1;
        }
        if (value[member] == PLACED) {
            return write;
        }
        int following = value[member];
        value[member] = PLACED;
        member = following;
    }
}

/* Replaces a run of SWAPs by the shortest one that permutes the stack likewise: every cycle of
   the permutation takes one SWAP less than it has members, one more when the top of the stack is
   not in it.  Returns the run's length, -1 with an exception. */
static int
shorten_swaps(FlowGraph *graph, Block *block, Instruction *first, int available)
{
    SwapRun run = find_swap_run(first, available);
    if (run.swaps < 2) {
        return run.length;
    }
    IntArray *stack = &graph->store->scratch;
    stack->count = 0;
    if (int_array_reserve(stack, run.depth) < 0) {
        return -1;
    }
    int *value = stack->items;
    permute(&run, value);
    int write = run.length - 1;
    for (int i = 0; i < run.depth; i++) {
        if (value[i] != PLACED && value[i] != i) {
            write = write_cycle(&run, value, i, write);
        }
    }
    while (write >= 0) {
        make_nop(block, &run.first[write--]);
    }
    return run.length;
}

/* The next instruction that a SWAP may be carried out on, of the given line unless that is
   negative; -1 when there is none. */
static int
next_swappable(const Instruction *instruction, int count, int at, int line)
{
    while (++at < count) {
        if (line >= 0 && instruction[at].where.line != line) {
            return -1;
        }
        if (instruction[at].opcode != NOP) {
            return is_swappable(instruction[at].opcode) ? at : -1;
        }
    }
    return -1;
}

/* Carries out the SWAPs that end at `at` by exchanging the stores that follow them. */
static void
carry_out_swaps(FlowGraph *graph, Block *block, int at)
{
    Instruction *instruction = instructions_of(graph, block);
    for (; at >= 0; at--) {
        Instruction *swap = &instruction[at];
        if (swap->opcode != SWAP) {
            if (swap->opcode == NOP || is_swappable(swap->opcode)) {
                continue;
            }
            return;
        }
        int first = next_swappable(instruction, block->count, at, -1);
        if (first < 0) {
            return;
        }
        int other = first;
        int line = instruction[first].where.line;
        for (int steps = swap->argument - 1; steps > 0; steps--) {
            other = next_swappable(instruction, block->count, other, line);
            if (other < 0) {
                return;
            }
        }
        make_nop(block, swap);
        Instruction exchanged = instruction[first];
        instruction[first] = instruction[other];
        instruction[other] = exchanged;
    }
}

/* Returns how many instructions were dealt with, -1 with an exception. */
static int
fold_swap(FlowGraph *graph, Block *block, int at)
{
    Instruction *swap = instructions_of(graph, block) + at;
    if (swap->argument == 1) {
        make_nop(block, swap);
        return 1;
    }
    int length = shorten_swaps(graph, block, swap, block->count - at);
    if (length < 0) {
        return -1;
    }
    carry_out_swaps(graph, block, at + length - 1);
    return length;
}

/* ---- Jumps to jumps ---- */

/* Lets a jump go where its target, a jump of the same line, goes.  True when that changed it. */
static int
thread_jump(Instruction *jump, const Instruction *target, int opcode)
{
    if (jump->where.line != target->where.line || jump->argument == target->argument) {
        return 0;
    }
    jump->argument = target->argument;
    jump->opcode = (int16_t)opcode;
    return 1;
}

/* A test that keeps its value goes to a test of the opposite sense, which will not jump. */
static int
pass_opposite_test(FlowGraph *graph, Instruction *jump, const Instruction *target, int opcode)
{
    if (jump->where.line != target->where.line) {
        return 0;
    }
    jump->opcode = (int16_t)opcode;
    jump->argument = block_at(graph, jump->argument)->next;
    return 1;
}

static int
thread_value_test(FlowGraph *graph, Instruction *jump, const Instruction *target)
{
    int if_false = jump->opcode == JUMP_IF_FALSE_OR_POP;
    int own_test = if_false ? POP_JUMP_IF_FALSE : POP_JUMP_IF_TRUE;
    if (target->opcode == own_test) {
        return thread_jump(jump, target, own_test);
    }
    if (target->opcode == JUMP || target->opcode == jump->opcode) {
        return thread_jump(jump, target, jump->opcode);
    }
    int opposite_test = if_false ? POP_JUMP_IF_TRUE : POP_JUMP_IF_FALSE;
    int opposite_value_test = if_false ? JUMP_IF_TRUE_OR_POP : JUMP_IF_FALSE_OR_POP;
    if (target->opcode == opposite_test || target->opcode == opposite_value_test) {
        return pass_opposite_test(graph, jump, target, own_test);
    }
    return 0;
}

/* True when the jump was changed and is to be looked at again. */
static int
thread(FlowGraph *graph, Instruction *jump)
{
    const Instruction *target = instructions_of(graph, block_at(graph, jump->argument));
    switch (jump->opcode) {
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
        return thread_value_test(graph, jump, target);
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_TRUE:
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
    case JUMP:
        return target->opcode == JUMP && thread_jump(jump, target, jump->opcode);
    default:
        return 0;
    }
}

/* Jumps that go in a circle would be threaded for ever; none is threaded more often than there
   are blocks. */
static void
thread_fully(FlowGraph *graph, Instruction *jump)
{
    int limit = graph->store->blocks.count - graph->entry;
    do {
        jump->argument = first_nonempty(graph, jump->argument);
    } while (thread(graph, jump) && limit-- > 0);
}

/* PUSH_NULL goes into the LOAD_GLOBAL after it. */
static void
fold_push_null(Block *block, Instruction *push)
{
    if ((push[1].argument & 1) == 0) {
        make_nop(block, push);
        push[0].argument = 0;
        push[1].argument |= 1;
    }
}

/* Looks at the instruction at *at together with those after it, and moves *at over those dealt
   with. */
static int
rewrite_instruction(FlowGraph *graph, Block *block, int *at)
{
    Instruction *instruction = instructions_of(graph, block) + *at;
    int next_opcode = *at + 1 < block->count ? instruction[1].opcode : 0;
    switch (instruction->opcode) {
    case LOAD_CONST:
        return fold_load(graph, block, *at, next_opcode);
    case BUILD_TUPLE:
        return fold_build_tuple(graph, block, *at);
    case PUSH_NULL:
        if (next_opcode == LOAD_GLOBAL) {
            fold_push_null(block, instruction);
        }
        return 0;
    case SWAP: {
        int length = fold_swap(graph, block, *at);
        *at += length - 1;
        return length;
    }
    default:    /* an exception handler is set up */
        instruction->argument = first_nonempty(graph, instruction->argument);
        return 0;
    }
}

static int
rewrite_block(FlowGraph *graph, Label label)
{
    Block *block = block_at(graph, label);
    const Instruction *instruction = instructions_of(graph, block);
    int count = block->count;
    for (int i = 0; i < count; i++) {
        if (opcode_has(instruction[i].opcode, OPCODE_MAY_FOLD)
            && rewrite_instruction(graph, block, &i) < 0) {
            return -1;
        }
    }
    Instruction *jump = closing_jump(graph, block);
    if (jump != NULL) {
        thread_fully(graph, jump);
    }
    return 0;
}

/* ---- Blocks among each other ---- */

static inline void
reach(FlowGraph *graph, Label label)
{
    Block *block = block_at(graph, label);
    if (block->predecessors++ == 0) {
        IntArray *work = &graph->store->scratch;
        work->items[work->count++] = label;
    }
}

static int
reserve_work(FlowGraph *graph)
{
    graph->store->scratch.count = 0;
    return int_array_reserve(&graph->store->scratch, graph->store->blocks.count - graph->entry);
}

static void
reach_handlers(FlowGraph *graph, const Block *block)
{
    if (!graph->sets_handlers) {
        return;
    }
    const Instruction *instruction = instructions_of(graph, block);
    for (int i = 0; i < block->count; i++) {
        if (opcode_has(instruction[i].opcode, OPCODE_SETS_HANDLER)) {
            reach(graph, instruction[i].argument);
        }
    }
}

static int
count_predecessors(FlowGraph *graph)
{
    if (reserve_work(graph) < 0) {
        return -1;
    }
    IntArray *work = &graph->store->scratch;
    reach(graph, graph->entry);
    while (work->count > 0) {
        Block *block = block_at(graph, work->items[--work->count]);
        if (block->next != NO_LABEL && !block->no_fallthrough) {
            reach(graph, block->next);
        }
        reach_handlers(graph, block);
        const Instruction *jump = closing_jump(graph, block);
        if (jump != NULL) {
            reach(graph, jump->argument);
        }
    }
    return 0;
}

static void
empty_unreachable(FlowGraph *graph)
{
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        if (block->predecessors == 0) {
            block->count = 0;
            block->no_fallthrough = false;
        }
    }
}

/* The last block stays when it is empty: something has to come after the others. */
static void
unlink_empty(FlowGraph *graph)
{
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Label next = block_at(graph, label)->next;
        while (next != NO_LABEL && block_at(graph, next)->count == 0
               && block_at(graph, next)->next != NO_LABEL) {
            next = block_at(graph, next)->next;
        }
        block_at(graph, label)->next = next;
    }
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Instruction *jump = closing_jump(graph, block_at(graph, label));
        if (jump != NULL) {
            jump->argument = first_nonempty(graph, jump->argument);
        }
    }
}

static void
drop_all_nops(FlowGraph *graph)
{
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        drop_nops(graph, block_at(graph, label));
    }
}

/* Removes jumps to the very next block. */
static void
drop_needless_jumps(FlowGraph *graph)
{
    int dropped = 0;
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        Instruction *last = last_of(graph, block);
        if (last != NULL && opcode_has(last->opcode, OPCODE_ALWAYS_JUMPS)
            && last->argument == block->next) {
            block->no_fallthrough = false;
            make_nop(block, last);
            dropped = 1;
        }
    }
    if (dropped) {
        unlink_empty(graph);
    }
}

static int
rewrite_blocks(FlowGraph *graph)
{
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        if (rewrite_block(graph, label) < 0) {
            return -1;
        }
        drop_nops(graph, block_at(graph, label));
    }
    if ((graph->has_exit_without_line && inline_exits(graph) < 0)
        || count_predecessors(graph) < 0) {
        return -1;
    }
    empty_unreachable(graph);
    unlink_empty(graph);
    drop_all_nops(graph);
    drop_needless_jumps(graph);
    return 0;
}

/* ---- Lines ---- */

static int
leaves_without_line(const FlowGraph *graph, const Block *block)
{
    if (!block->leaves) {
        return 0;
    }
    const Instruction *instruction = instructions_of(graph, block);
    for (int i = 0; i < block->count; i++) {
        if (instruction[i].where.line >= 0) {
            return 0;
        }
    }
    return 1;
}

/* A copy of the block, laid out after it. */
static Label
copy_block(FlowGraph *graph, Label original)
{
    Label copy = instructions_new_block(graph->store);
    if (copy < 0) {
        return -1;
    }
    InstructionArray *instructions = &graph->store->instructions;
    Block *from = block_at(graph, original);
    Block *to = block_at(graph, copy);
    if (instruction_array_reserve(instructions, from->count) < 0) {
        return -1;
    }
    to->first = instructions->count;
    to->count = from->count;
    memcpy(instructions_of(graph, to), instructions_of(graph, from),
           (size_t)from->count * sizeof(Instruction));
    instructions->count += from->count;
    to->leaves = from->leaves;
    to->no_fallthrough = true;
    to->next = from->next;
    from->next = copy;
    return copy;
}

/* Ways out that have no line are copied for each jump to them, so that each copy can have the
   line of its jump. */
static int
copy_shared_exits(FlowGraph *graph)
{
    for (Label label = graph->store->blocks.count - 1; label >= graph->entry; label--) {
        Instruction *jump = closing_jump(graph, block_at(graph, label));
        if (jump == NULL) {
            continue;
        }
        Block *target = block_at(graph, jump->argument);
        if (!leaves_without_line(graph, target) || target->predecessors <= 1) {
            continue;
        }
        Label copy = copy_block(graph, jump->argument);
        if (copy < 0) {
            return -1;
        }
        jump = last_of(graph, block_at(graph, label));
        instructions_of(graph, block_at(graph, copy))->where = jump->where;
        block_at(graph, jump->argument)->predecessors--;
        block_at(graph, copy)->predecessors = 1;
        jump->argument = copy;
    }
    return 0;
}

static void
unlink_all_empty(FlowGraph *graph)
{
    for (Label label = graph->store->blocks.count - 1; label >= graph->entry; label--) {
        Block *block = block_at(graph, label);
        while (block->next != NO_LABEL && block_at(graph, block->next)->count == 0) {
            block->next = block_at(graph, block->next)->next;
        }
    }
}

static void
give_lines_to_fallthrough_exits(FlowGraph *graph)
{
    for (Label label = graph->store->blocks.count - 1; label >= graph->entry; label--) {
        Block *block = block_at(graph, label);
        if (block->no_fallthrough || block->next == NO_LABEL || block->count == 0) {
            continue;
        }
        Block *next = block_at(graph, block->next);
        if (leaves_without_line(graph, next)) {
            instructions_of(graph, next)->where = last_of(graph, block)->where;
        }
    }
}

static void
hand_line_to(FlowGraph *graph, Label label, Location where)
{
    Block *block = block_at(graph, label);
    if (block->predecessors == 1 && instructions_of(graph, block)->where.line < 0) {
        instructions_of(graph, block)->where = where;
    }
}

/* Returns the last location. */
static Location
spread_lines_in(Instruction *instruction, int count)
{
    const Location *where = &NO_LOCATION;
    for (const Instruction *end = instruction + count; instruction < end; instruction++) {
        if (instruction->where.line < 0) {
            instruction->where = *where;
        }
        else {
            where = &instruction->where;
        }
    }
    return *where;
}

/* Instructions without a line take the line before them, across blocks where there is one way
   in. */
static void
spread_lines(FlowGraph *graph)
{
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        if (block->count == 0) {
            continue;
        }
        Location where = spread_lines_in(instructions_of(graph, block), block->count);
        if (!block->no_fallthrough && block->next != NO_LABEL) {
            hand_line_to(graph, block->next, where);
        }
        Instruction *jump = closing_jump(graph, block);
        if (jump != NULL) {
            hand_line_to(graph, jump->argument, where);
        }
    }
}

/* A block that returns has a line in any case. */
static void
give_lines_to_returns(FlowGraph *graph)
{
    int line = graph->first_line;
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        Instruction *last = last_of(graph, block);
        if (last == NULL) {
            continue;
        }
        if (last->where.line >= 0) {
            line = last->where.line;
        }
        else if (last->opcode == RETURN_VALUE) {
            Instruction *instruction = instructions_of(graph, block);
            for (int i = 0; i < block->count; i++) {
                instruction[i].where.line = line;
            }
        }
    }
}

/* ---- The value stack ---- */

static void
visit_at_depth(FlowGraph *graph, Label label, int depth)
{
    Block *block = block_at(graph, label);
    if (block->start_depth < depth && block->start_depth < DEEPEST_REVISITED) {
        block->start_depth = depth;
        IntArray *work = &graph->store->scratch;
        work->items[work->count++] = label;
    }
}

static inline int
effect_of(const Instruction *instruction)
{
    int effect = opcode_effects[instruction->opcode - LOWEST_OPCODE];
    return effect != EFFECT_VARIES
               ? effect : opcode_varying_effect(instruction->opcode, instruction->argument, 0);
}

/* Where control goes when the instruction jumps or what it guards raises; returns the depth
   there. */
static int
visit_target(FlowGraph *graph, const Instruction *instruction, int depth)
{
    depth += opcode_stack_effect(instruction->opcode, instruction->argument, 1);
    visit_at_depth(graph, instruction->argument, depth);
    return depth;
}

enum { OPCODE_GOES_ELSEWHERE = OPCODE_JUMPS | OPCODE_SETS_HANDLER };

/* Follows one block; returns the greatest depth in it. */
static int
follow_block(FlowGraph *graph, Block *block)
{
    int depth = block->start_depth;
    int deepest = depth;
    int used_constants = graph->used_constants;
    const Instruction *instruction = instructions_of(graph, block);
    const Instruction *end = instruction + block->count;
    for (; instruction < end; instruction++) {
        if (opcode_has(instruction->opcode, OPCODE_USES_CONSTANT | OPCODE_GOES_ELSEWHERE)) {
            if (opcode_has(instruction->opcode, OPCODE_USES_CONSTANT)) {
                used_constants = Py_MAX(used_constants, instruction->argument + 1);
            }
            else {
                deepest = Py_MAX(deepest, visit_target(graph, instruction, depth));
            }
        }
        depth += effect_of(instruction);
        deepest = Py_MAX(deepest, depth);
    }
    if (!block->no_fallthrough && block->next != NO_LABEL) {
        visit_at_depth(graph, block->next, depth);
    }
    graph->used_constants = used_constants;
    return deepest;
}

/* Every block is put on the work list once in consistent code, so that it cannot overflow; code
   that is not is cut off by DEEPEST_REVISITED. */
static int
measure_stack(FlowGraph *graph)
{
    /* The first constant may be the documentation, which no instruction loads. */
    graph->used_constants = Py_MIN(1, pool_count(graph->constant_pool));
    IntArray *work = &graph->store->scratch;
    work->count = 0;
    int blocks = graph->store->blocks.count - graph->entry;
    if (int_array_reserve(work, blocks + 1) < 0) {
        return -1;
    }
    int deepest = 0;
    visit_at_depth(graph, graph->entry, graph->start_depth);
    while (work->count > 0) {
        if (int_array_reserve(work, blocks + 1) < 0) {
            return -1;
        }
        int depth = follow_block(graph, block_at(graph, work->items[--work->count]));
        deepest = Py_MAX(deepest, depth);
    }
    return deepest;
}

/* ---- Exception handlers ---- */

static void
enter_with_handlers(FlowGraph *graph, Label label, int handlers)
{
    Block *block = block_at(graph, label);
    if (!block->visited) {
        block->visited = true;
        block->handlers = handlers;
        IntArray *work = &graph->store->scratch;
        work->items[work->count++] = label;
    }
}

/* What sets up and takes down handlers has done its work then, and becomes a NOP. */
static int
label_block(FlowGraph *graph, Block *block)
{
    HandlerArray *list = &graph->store->handlers;
    int handlers = block->handlers;
    Instruction *instruction = instructions_of(graph, block);
    for (int i = 0; i < block->count; i++, instruction++) {
        instruction->handler = NO_LABEL;
        if (opcode_has(instruction->opcode, OPCODE_SETS_HANDLER)) {
            enter_with_handlers(graph, instruction->argument, handlers);
            block_at(graph, instruction->argument)->keeps_last_offset |=
                instruction->opcode != SETUP_FINALLY;
            HandlerEntry entry = {instruction->argument, handlers};
            if (handler_array_append(list, entry) < 0) {
                return -1;
            }
            handlers = list->count - 1;
            make_nop(block, instruction);
        }
        else if (instruction->opcode == POP_BLOCK) {
            handlers = list->items[handlers].outer;
            make_nop(block, instruction);
        }
        else {
            instruction->handler = list->items[handlers].handler;
            if (opcode_has(instruction->opcode, OPCODE_JUMPS)) {
                enter_with_handlers(graph, instruction->argument, handlers);
            }
        }
    }
    if (!block->no_fallthrough && block->next != NO_LABEL) {
        enter_with_handlers(graph, block->next, handlers);
    }
    return 0;
}

static int
label_handlers(FlowGraph *graph)
{
    HandlerEntry none = {NO_LABEL, 0};
    graph->store->handlers.count = 0;
    if (handler_array_append(&graph->store->handlers, none) < 0 || reserve_work(graph) < 0) {
        return -1;
    }
    IntArray *work = &graph->store->scratch;
    enter_with_handlers(graph, graph->entry, 0);
    while (work->count > 0) {
        if (label_block(graph, block_at(graph, work->items[--work->count])) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- Directions ---- */

static int
directed(int opcode, int backward)
{
    switch (opcode) {
    case JUMP:
        return backward ? JUMP_BACKWARD : JUMP_FORWARD;
    case JUMP_NO_INTERRUPT:
        return backward ? JUMP_BACKWARD_NO_INTERRUPT : JUMP_FORWARD;
    case POP_JUMP_IF_FALSE:
        return backward ? POP_JUMP_BACKWARD_IF_FALSE : POP_JUMP_FORWARD_IF_FALSE;
    case POP_JUMP_IF_TRUE:
        return backward ? POP_JUMP_BACKWARD_IF_TRUE : POP_JUMP_FORWARD_IF_TRUE;
    case POP_JUMP_IF_NONE:
        return backward ? POP_JUMP_BACKWARD_IF_NONE : POP_JUMP_FORWARD_IF_NONE;
    case POP_JUMP_IF_NOT_NONE:
        return backward ? POP_JUMP_BACKWARD_IF_NOT_NONE : POP_JUMP_FORWARD_IF_NOT_NONE;
    default:
        return opcode;
    }
}

static void
direct_jumps(FlowGraph *graph)
{
    Label label;
    for (label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        block_at(graph, label)->visited = false;
    }
    for (label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        block_at(graph, label)->visited = true;
        Instruction *jump = closing_jump(graph, block_at(graph, label));
        if (jump != NULL) {
            int backward = block_at(graph, jump->argument)->visited;
            jump->opcode = (int16_t)directed(jump->opcode, backward);
        }
    }
}

int
flow_prepare(FlowGraph *graph)
{
    mark_ends(graph);
    return graph->has_exit_without_line ? inline_exits(graph) : 0;
}

int
flow_optimize(FlowGraph *graph)
{
    number_cells(graph);
    if (insert_prefix(graph) < 0 || rewrite_blocks(graph) < 0) {
        return -1;
    }
    if (graph->has_exit_without_line) {
        if (copy_shared_exits(graph) < 0) {
            return -1;
        }
        unlink_all_empty(graph);
        give_lines_to_fallthrough_exits(graph);
    }
    else {
        unlink_all_empty(graph);
    }
    spread_lines(graph);
    give_lines_to_returns(graph);
    int depth = measure_stack(graph);
    if (depth < 0) {
        return -1;
    }
    if (graph->sets_handlers && label_handlers(graph) < 0) {
        return -1;
    }
    drop_all_nops(graph);
    direct_jumps(graph);
    return depth;
}
