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
    return &graph->blocks[label];
}

static inline Instruction *
instructions_of(const FlowGraph *graph, const Block *block)
{
    return graph->instructions + block->first;
}

/* Of a block that is not empty. */
static inline Instruction *
last_of(const FlowGraph *graph, const Block *block)
{
    return graph->instructions + block->first + block->count - 1;
}

/* The last instruction when it is a jump, otherwise NULL. */
static inline Instruction *
closing_jump(const FlowGraph *graph, const Block *block)
{
    return block->ends & OPCODE_JUMPS ? last_of(graph, block) : NULL;
}

/* Control never goes on to the block after it. */
static inline bool
has_no_fallthrough(const Block *block)
{
    return (block->ends & (OPCODE_ALWAYS_JUMPS | OPCODE_LEAVES)) != 0;
}

static inline bool
leaves(const Block *block)
{
    return (block->ends & OPCODE_LEAVES) != 0;
}

/* The block behind a run of empty ones.  Each of them is told, so that to go there from a jump to
   one of them, or by the next pass, is one step, however long the run. */
static Label
pass_empty(FlowGraph *graph, Label label, bool keeps_last)
{
    Label end = label;
    while (end != NO_LABEL && block_at(graph, end)->count == 0
           && !(keeps_last && block_at(graph, end)->next == NO_LABEL)) {
        end = block_at(graph, end)->next;
    }
    while (label != end) {
        Label next = block_at(graph, label)->next;
        block_at(graph, label)->next = end;
        label = next;
    }
    return end;
}

static inline Label
first_nonempty(FlowGraph *graph, Label label)
{
    return block_at(graph, label)->count != 0 ? label : pass_empty(graph, label, false);
}

static inline void
make_nop(Block *block, Instruction *instruction)
{
    instruction->opcode = NOP;
    instruction->argument = 0;
    block->notes |= BLOCK_HAS_NOPS;
}

/* The same for the last instruction, which ended the block. */
static inline void
take_off_end(Block *block, Instruction *last)
{
    make_nop(block, last);
    block->ends = 0;
}

/* The arrays may have moved. */
static void
find_arrays(FlowGraph *graph)
{
    graph->blocks = graph->store->blocks.items;
    graph->instructions = graph->store->instructions.items;
}

/* Moves a block to the end of the instruction array with room for `extra` more. */
static int
move_to_end(FlowGraph *graph, Label label, int extra)
{
    InstructionArray *instructions = &graph->store->instructions;
    Block *block = block_at(graph, label);
    bool is_last = block->first + block->count == instructions->count;
    if (instruction_array_reserve(instructions, (is_last ? 0 : block->count) + extra) < 0) {
        return -1;
    }
    find_arrays(graph);
    if (!is_last) {
        memcpy(instructions->items + instructions->count, instructions_of(graph, block),
               (size_t)block->count * sizeof(Instruction));
        block->first = instructions->count;
        instructions->count += block->count;
    }
    return 0;
}

/* ---- How blocks end ---- */

/* Lets jumps go where there is something, and looks for ways out without a line. */
static void
look_at_ends(FlowGraph *graph)
{
    for (Label label = graph->store->blocks.count - 1; label >= graph->entry; label--) {
        Block *block = block_at(graph, label);
        if (leaves(block)) {
            graph->has_exit_without_line |= instructions_of(graph, block)->line <= 0;
        }
        else if (block->ends & OPCODE_JUMPS) {
            Instruction *jump = last_of(graph, block);
            if (jump->opcode != SEND) {
                jump->argument = first_nonempty(graph, jump->argument);
            }
        }
    }
}

static bool
has_line(const FlowGraph *graph, const Block *block)
{
    const Instruction *instruction = instructions_of(graph, block);
    for (int i = 0; i < block->count; i++) {
        if (instruction[i].line > 0) {
            return true;
        }
    }
    return false;
}

/* Puts a short block without lines that leaves in place of the jump to it. */
static int
inline_exit(FlowGraph *graph, Label label)
{
    Block *block = block_at(graph, label);
    Instruction *jump = last_of(graph, block);
    const Block *target = block_at(graph, jump->argument);
    if (jump->opcode == JUMP_NO_INTERRUPT || !leaves(target) || target->count > LONGEST_COPIED_EXIT
        || has_line(graph, target)) {
        return 0;
    }
    int count = target->count;
    take_off_end(block, jump);
    if (move_to_end(graph, label, count) < 0) {
        return -1;
    }
    memcpy(instructions_of(graph, block) + block->count, instructions_of(graph, target),
           (size_t)count * sizeof(Instruction));
    block->count += count;
    block->ends = target->ends;
    block->notes |= target->notes;
    graph->store->instructions.count += count;
    return 0;
}

static int
inline_exits(FlowGraph *graph)
{
    for (Label label = graph->store->blocks.count - 1; label >= graph->entry; label--) {
        if ((block_at(graph, label)->ends & OPCODE_ALWAYS_JUMPS) && inline_exit(graph, label) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- What comes before a unit's own code ---- */

static Instruction *
write_prefix(Instruction *at, int opcode, int argument, int line)
{
    *at = (Instruction){.opcode = (int16_t)opcode, .argument = argument, .line = line};
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
        at = write_prefix(at, MAKE_CELL, slots->items[i], -1);
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
        at = write_prefix(at, COPY_FREE_VARS, graph->free_count, -1);
    }
    if (graph->cell_count > 0 && write_cells(graph, at) < 0) {
        return -1;
    }
    at += graph->cell_count;
    if (graph->is_generator) {
        at = write_prefix(at, RETURN_GENERATOR, 0, graph->first_line);
        write_prefix(at, POP_TOP, 0, -1);
    }
    entry->count += count;
    entry->notes |= BLOCK_LACKS_LINES;
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
    return next == NO_LABEL ? -1 : instructions_of(graph, block_at(graph, next))->line;
}

/* Whether a NOP is needed for its line.  When the instruction after it has no line it takes the
   NOP's. */
static bool
is_needed_nop(FlowGraph *graph, Block *block, Instruction *nop, bool is_last, int previous_line)
{
    int line = nop->line;
    if (line < 0 || line == previous_line) {
        return false;
    }
    if (is_last) {
        return line_after(graph, block) != line;
    }
    if (nop[1].line < 0) {
        instruction_place_as(&nop[1], nop);
        return false;
    }
    return nop[1].line != line;
}

static inline void
move_instruction(FlowGraph *graph, const Block *block, int from, int to)
{
    Instruction *instruction = instructions_of(graph, block);
    instruction[to] = instruction[from];
    IntArray *handlers = &graph->store->instruction_handlers;
    if (handlers->count > 0) {
        handlers->items[block->first + to] = handlers->items[block->first + from];
    }
}

/* Leaves out the NOPs that are not needed.  The block's size, where it is known, follows. */
static void
drop_nops(FlowGraph *graph, Block *block)
{
    Instruction *instruction = instructions_of(graph, block);
    int count = block->count;
    int kept = 0;
    int previous_line = -1;
    block->notes &= ~BLOCK_HAS_NOPS;
    for (int i = 0; i < count; i++) {
        if (instruction[i].opcode == NOP) {
            if (!is_needed_nop(graph, block, &instruction[i], i + 1 == count, previous_line)) {
                continue;
            }
            block->notes |= BLOCK_HAS_NOPS;
        }
        if (kept != i) {
            move_instruction(graph, block, i, kept);
        }
        previous_line = instruction[kept++].line;
    }
    block->count = kept;
    block->size -= count - kept;
}

static PyObject *
constant_of(const FlowGraph *graph, const Instruction *load)
{
    return constants_object(graph->constants, pool_identity(graph->constant_pool, load->argument));
}

static bool
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
        block->ends = OPCODE_JUMPS | OPCODE_ALWAYS_JUMPS;
    }
    else {
        take_off_end(block, test);
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
    if (at + 1 < block->count && build[1].opcode == UNPACK_SEQUENCE && build[1].argument == count
        && count >= 1 && count <= 3) {
        make_nop(block, &build[0]);
        if (count == 1) {
            make_nop(block, &build[1]);
        }
        else {
            build[1].opcode = SWAP;
        }
        return 0;
    }
    return at >= count ? fold_tuple(graph, block, build) : 0;
}

/* ---- Swaps ---- */

static bool
is_swappable(int opcode)
{
    return opcode == STORE_FAST || opcode == POP_TOP;
}

/* A run of SWAPs, NOPs among them. */
typedef struct {
    Instruction *first;
    int length;
    int swaps;
    int depth; /* of the stack items that take part */
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
        if (line >= 0 && instruction[at].line != line) {
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
        int line = instruction[first].line;
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
    if (jump->line != target->line || jump->argument == target->argument) {
        return 0;
    }
    jump->argument = target->argument;
    jump->opcode = opcode;
    return 1;
}

/* A test that keeps its value goes to a test of the opposite sense, which will not jump. */
static int
pass_opposite_test(FlowGraph *graph, Instruction *jump, const Instruction *target, int opcode)
{
    if (jump->line != target->line) {
        return 0;
    }
    jump->opcode = opcode;
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
    default: /* an exception handler is set up */
        instruction->argument = first_nonempty(graph, instruction->argument);
        return 0;
    }
}

static int
fold_in_block(FlowGraph *graph, Block *block)
{
    enum { TO_BE_LOOKED_AT = OPCODE_MAY_FOLD | OPCODE_FOLDS_WITH_NEXT };
    const Instruction *instruction = instructions_of(graph, block);
    int count = block->count;
    for (int i = 0; i < count; i++) {
        if (opcode_has(instruction[i].opcode, TO_BE_LOOKED_AT)
            && rewrite_instruction(graph, block, &i) < 0) {
            return -1;
        }
    }
    return 0;
}

static inline int
rewrite_block(FlowGraph *graph, Block *block)
{
    if ((block->notes & BLOCK_MAY_FOLD) && fold_in_block(graph, block) < 0) {
        return -1;
    }
    if (block->ends & OPCODE_JUMPS) {
        thread_fully(graph, last_of(graph, block));
    }
    if (block->notes & BLOCK_HAS_NOPS) {
        drop_nops(graph, block);
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
    else {
        graph->has_shared_exit |= leaves(block);
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
        if (block->next != NO_LABEL && !has_no_fallthrough(block)) {
            reach(graph, block->next);
        }
        if (block->notes & BLOCK_SETS_HANDLERS) {
            reach_handlers(graph, block);
        }
        const Instruction *jump = closing_jump(graph, block);
        if (jump != NULL) {
            reach(graph, jump->argument);
        }
    }
    return 0;
}

/* Empties what is not reached.  True when a block is empty. */
static bool
empty_unreachable(FlowGraph *graph)
{
    bool is_any_empty = false;
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        if (block->predecessors == 0) {
            block->count = 0;
            block->notes = 0;
            block->ends = 0;
        }
        is_any_empty |= block->count == 0;
    }
    return is_any_empty;
}

/* The last block stays when it is empty: something has to come after the others. */
static void
unlink_empty(FlowGraph *graph)
{
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        block_at(graph, label)->next = pass_empty(graph, block_at(graph, label)->next, true);
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
        if (block_at(graph, label)->notes & BLOCK_HAS_NOPS) {
            drop_nops(graph, block_at(graph, label));
        }
    }
}

/* Removes jumps to the very next block. */
static void
drop_needless_jumps(FlowGraph *graph)
{
    bool is_any_dropped = false;
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        if ((block->ends & OPCODE_ALWAYS_JUMPS) && last_of(graph, block)->argument == block->next) {
            take_off_end(block, last_of(graph, block));
            is_any_dropped = true;
        }
    }
    if (is_any_dropped) {
        unlink_empty(graph);
    }
}

static int
rewrite_blocks(FlowGraph *graph)
{
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        if (rewrite_block(graph, block_at(graph, label)) < 0) {
            return -1;
        }
    }
    if ((graph->has_exit_without_line && inline_exits(graph) < 0)
        || count_predecessors(graph) < 0) {
        return -1;
    }
    if (empty_unreachable(graph)) {
        unlink_empty(graph);
    }
    drop_all_nops(graph);
    drop_needless_jumps(graph);
    return 0;
}

/* ---- Lines ---- */

static int
leaves_without_line(const FlowGraph *graph, const Block *block)
{
    if (!leaves(block)) {
        return 0;
    }
    const Instruction *instruction = instructions_of(graph, block);
    for (int i = 0; i < block->count; i++) {
        if (instruction[i].line >= 0) {
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
    int status =
        instruction_array_reserve(instructions, graph->store->blocks.items[original].count);
    find_arrays(graph);
    if (status < 0) {
        return -1;
    }
    Block *from = block_at(graph, original);
    Block *to = block_at(graph, copy);
    to->first = instructions->count;
    to->count = from->count;
    memcpy(instructions_of(graph, to), instructions_of(graph, from),
           (size_t)from->count * sizeof(Instruction));
    instructions->count += from->count;
    to->notes = from->notes;
    to->ends = from->ends;
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
        instruction_place_as(instructions_of(graph, block_at(graph, copy)), jump);
        block_at(graph, jump->argument)->predecessors--;
        block_at(graph, copy)->predecessors = 1;
        jump->argument = copy;
    }
    return 0;
}

static void
unlink_all_empty(FlowGraph *graph)
{
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        block_at(graph, label)->next = pass_empty(graph, block_at(graph, label)->next, false);
    }
}

static void
give_lines_to_fallthrough_exits(FlowGraph *graph)
{
    for (Label label = graph->store->blocks.count - 1; label >= graph->entry; label--) {
        Block *block = block_at(graph, label);
        if (has_no_fallthrough(block) || block->next == NO_LABEL || block->count == 0) {
            continue;
        }
        Block *next = block_at(graph, block->next);
        if (leaves_without_line(graph, next)) {
            instruction_place_as(instructions_of(graph, next), last_of(graph, block));
        }
    }
}

static void
hand_line_to(FlowGraph *graph, Label label, const Instruction *from)
{
    Block *block = block_at(graph, label);
    if (block->predecessors == 1 && instructions_of(graph, block)->line < 0) {
        instruction_place_as(instructions_of(graph, block), from);
    }
}

static void
spread_lines_in(Instruction *instruction, int count)
{
    const Instruction nowhere = {.line = -1};
    const Instruction *placed = &nowhere;
    for (const Instruction *end = instruction + count; instruction < end; instruction++) {
        placed = instruction->line < 0 ? placed : instruction;
        instruction_place_as(instruction, placed);
    }
}

/* Instructions without a line take the line before them, across blocks where there is one way
   in.  True when a block that returns may have been left without. */
static bool
spread_lines(FlowGraph *graph)
{
    bool is_any_left = false;
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        if (block->count == 0) {
            continue;
        }
        if (block->notes & BLOCK_LACKS_LINES) {
            spread_lines_in(instructions_of(graph, block), block->count);
        }
        const Instruction *last = last_of(graph, block);
        is_any_left |= last->line < 0;
        if (!has_no_fallthrough(block) && block->next != NO_LABEL) {
            hand_line_to(graph, block->next, last);
        }
        if (block->ends & OPCODE_JUMPS) {
            hand_line_to(graph, last->argument, last);
        }
    }
    return is_any_left;
}

/* The line alone: where the instructions end stays as it is. */
static int
change_line(FlowGraph *graph, const Block *block, int line)
{
    Instruction *instruction = instructions_of(graph, block);
    for (const Instruction *end = instruction + block->count; instruction < end; instruction++) {
        Location where = location_of(graph->store, instruction);
        where.line = line;
        if (!instruction_place(instruction, &where)
            && instruction_place_far(graph->store, instruction, &where) < 0) {
            return -1;
        }
    }
    return 0;
}

/* A block that returns has a line in any case. */
static int
give_lines_to_returns(FlowGraph *graph)
{
    int line = graph->first_line;
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        if (block->count == 0) {
            continue;
        }
        Instruction *last = last_of(graph, block);
        if (last->line >= 0) {
            line = last->line;
        }
        else if (last->opcode == RETURN_VALUE) {
            if (change_line(graph, block, line) < 0) {
                return -1;
            }
        }
    }
    return 0;
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

/* Where control goes when the instruction jumps or what it guards raises; returns the depth
   there. */
static int
visit_target(FlowGraph *graph, const Instruction *instruction, int depth)
{
    depth += opcode_stack_effect(instruction->opcode, instruction->argument, 1);
    visit_at_depth(graph, instruction->argument, depth);
    return depth;
}

/* How many extensions the argument of an instruction that does not jump takes. */
static int
extensions_of(const Instruction *instruction)
{
    if (instruction->opcode < HAVE_ARGUMENT || opcode_has(instruction->opcode, OPCODE_JUMPS)) {
        return 0;
    }
    return argument_extensions(instruction->argument);
}

/* Follows one block; returns the greatest depth in it.  The block's size comes of it as well, its
   jump as narrow as it can be. */
static int
follow_block(FlowGraph *graph, Block *block)
{
    enum { GOES_ELSEWHERE = OPCODE_JUMPS | OPCODE_SETS_HANDLER };
    int depth = block->start_depth;
    int deepest = depth;
    int size = block->count;
    int used_constants = graph->used_constants;
    const Instruction *instruction = instructions_of(graph, block);
    const Instruction *end = instruction + block->count;
    for (; instruction < end; instruction++) {
        OpcodeFacts facts = opcode_facts[instruction->opcode - LOWEST_OPCODE];
        size += facts.caches;
        if (instruction->argument > 0xFF) {
            size += extensions_of(instruction);
        }
        int constants = facts.traits & OPCODE_USES_CONSTANT ? instruction->argument + 1 : 0;
        used_constants = Py_MAX(used_constants, constants);
        if (facts.traits & GOES_ELSEWHERE) {
            deepest = Py_MAX(deepest, visit_target(graph, instruction, depth));
        }
        depth += opcode_effect(facts, instruction->opcode, instruction->argument, 0);
        deepest = Py_MAX(deepest, depth);
    }
    graph->used_constants = used_constants;
    if (!has_no_fallthrough(block) && block->next != NO_LABEL) {
        visit_at_depth(graph, block->next, depth);
    }
    block->size = size;
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
    Label *handler = graph->store->instruction_handlers.items + block->first;
    for (int i = 0; i < block->count; i++, instruction++) {
        handler[i] = NO_LABEL;
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
            handler[i] = list->items[handlers].handler;
            if (opcode_has(instruction->opcode, OPCODE_JUMPS)) {
                enter_with_handlers(graph, instruction->argument, handlers);
            }
        }
    }
    if (!has_no_fallthrough(block) && block->next != NO_LABEL) {
        enter_with_handlers(graph, block->next, handlers);
    }
    return 0;
}

static int
label_handlers(FlowGraph *graph)
{
    HandlerEntry none = {NO_LABEL, 0};
    graph->store->handlers.count = 0;
    IntArray *instruction_handlers = &graph->store->instruction_handlers;
    int count = graph->store->instructions.count;
    if (handler_array_append(&graph->store->handlers, none) < 0 || reserve_work(graph) < 0
        || int_array_reserve(instruction_handlers, count) < 0) {
        return -1;
    }
    instruction_handlers->count = count;
    memset(instruction_handlers->items + graph->first_instruction, 0xFF,
           (size_t)(count - graph->first_instruction) * sizeof(int));
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

/* Gives the blocks their places and the jumps the direction in which they go. */
static void
lay_out(FlowGraph *graph)
{
    int offset = 0;
    for (Label label = graph->entry; label != NO_LABEL; label = block_at(graph, label)->next) {
        Block *block = block_at(graph, label);
        block->offset = offset;
        offset += block->size;
        if (block->ends & OPCODE_JUMPS) {
            Instruction *jump = last_of(graph, block);
            jump->opcode = directed(jump->opcode, block_at(graph, jump->argument)->offset >= 0);
        }
    }
}

int
flow_prepare(FlowGraph *graph)
{
    find_arrays(graph);
    graph->first_instruction = block_at(graph, graph->entry)->first;
    look_at_ends(graph);
    return graph->has_exit_without_line ? inline_exits(graph) : 0;
}

static int
give_lines(FlowGraph *graph)
{
    if (graph->has_exit_without_line && graph->has_shared_exit && copy_shared_exits(graph) < 0) {
        return -1;
    }
    unlink_all_empty(graph);
    if (graph->has_exit_without_line) {
        give_lines_to_fallthrough_exits(graph);
    }
    return spread_lines(graph) ? give_lines_to_returns(graph) : 0;
}

int
flow_optimize(FlowGraph *graph)
{
    graph->store->instruction_handlers.count = 0;
    number_cells(graph);
    if (insert_prefix(graph) < 0 || rewrite_blocks(graph) < 0 || give_lines(graph) < 0) {
        return -1;
    }
    int depth = measure_stack(graph);
    if (depth < 0) {
        return -1;
    }
    if (graph->sets_handlers && label_handlers(graph) < 0) {
        return -1;
    }
    drop_all_nops(graph);
    lay_out(graph);
    return depth;
}
