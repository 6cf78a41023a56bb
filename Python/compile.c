/* The compiler's entry: a tree to a code object.

   In: a tree in its arena, valid, not yet folded; the flags and the optimization level.
   Out: a code object, a new reference.  `flags` get the features of the source as well.
   Memory: what the stages need lies in the tree's arena, or in a Compiler that is cleared
   before returning.
   Entry: _PyAST_Compile(), as pythonrun and compile() call it. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_ast.h"
#include "pycore_compile.h"
#include "pycore_initconfig.h"
#include "pycore_pystate.h"
#include "codebuilder.h"
#include "codegen.h"
#include "dump.h"
#include "flowgraph.h"
#include "fold.h"
#include "future.h"
#include "compiler.h"
#include "ownstack.h"
#include "stages.h"

/* ---- One code unit, from its instructions on ---- */

static PyCodeObject *
build_code(Compiler *compiler, const FlowGraph *graph, int stack_depth)
{
    CodeUnit *unit = compiler->unit;
    CodeParts parts = {
        .filename = compiler->filename,
        .name = unit->name,
        .qualified_name = unit->qualified_name != NULL ? unit->qualified_name : unit->name,
        .flags = unit_flags(compiler),
        .first_line = unit->first_line,
        .argument_count = (int)(unit->positional_only_count + unit->argument_count),
        .positional_only_count = (int)unit->positional_only_count,
        .keyword_only_count = (int)unit->keyword_only_count,
        .stack_depth = stack_depth,
        .is_last = unit->around == NULL,
        .sets_handlers = unit->sets_handlers,
        .constant_count = graph->used_constants,
        .constants = &compiler->constants,
        .constant_pool = &compiler->constant_pool,
        .names = compiler->names,
        .name_constants = &compiler->name_constants,
        .name_pool = &compiler->name_pool,
        .variable_pool = &compiler->variable_pool,
        .cell_names = unit->cell_names,
        .cell_slots = graph->cell_slots,
        .cell_count = unit->cell_count,
        .free_count = unit->free_count,
    };
    return code_build(&parts, &compiler->store, unit->entry);
}

PyCodeObject *
unit_assemble(Compiler *compiler, int returns_none)
{
    CodeUnit *unit = compiler->unit;
    if (compiler->only_looks) {
        compiler->is_async = (unit_flags(compiler) & CO_COROUTINE) != 0;
        return (PyCodeObject *)Py_NewRef(Py_None);
    }
    if (unit_close(compiler, returns_none) < 0) {
        return NULL;
    }
    int *slots = unit_cell_slots(compiler);
    if (slots == NULL) {
        return NULL;
    }
    bool is_generator =
        (unit_flags(compiler) & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0;
    FlowGraph graph = {
        .store = &compiler->store,
        .constants = &compiler->constants,
        .constant_pool = &compiler->constant_pool,
        .entry = unit->entry,
        .is_generator = is_generator,
        .start_depth = is_generator || unit->scope->is_generator || unit->scope->is_coroutine
                       || unit->is_coroutine,
        .sets_handlers = unit->sets_handlers,
        .cell_slots = slots,
        .cell_count = unit->cell_count,
        .free_count = unit->free_count,
    };
    if (dump_unit(compiler, DUMP_IR) < 0 || flow_prepare(&graph) < 0) {
        return NULL;
    }
    unit_settle_first_line(compiler);
    graph.first_line = unit->first_line;
    int stack_depth = flow_optimize(&graph);
    if (stack_depth < 0 || dump_unit(compiler, DUMP_FLOW) < 0) {
        return NULL;
    }
    PyCodeObject *code = build_code(compiler, &graph, stack_depth);
    if (code != NULL && dump_code(compiler, code) < 0) {
        Py_CLEAR(code);
    }
    return code;
}

/* ---- One compile ---- */

/* What a small source needs of scratch memory; a larger one moves to the heap. */
typedef struct Space Space;
struct Space {
    Instruction instructions[112];
    Block blocks[24];
    PoolEntry constants[32];
    PoolEntry names[32];
    PoolEntry variables[16];
    int constant_positions[64];
    int name_positions[64];
    int variable_positions[64];
    int name_constants[64];
    Constant constant_table[48];
    ConstantId elements[64];
    Symbol *symbols[16];
    int scratch[48];
    uint8_t table[320];
};

#define LEND(array, prefix, space) prefix##_lend((array), (space), Py_ARRAY_LENGTH(space))

static void
start_compiler(Compiler *compiler, Space *space)
{
    memset(compiler, 0, sizeof(*compiler));
    nesting_init_for_stack(&compiler->depth);
    constants_init(&compiler->constants);
    LEND(&compiler->store.instructions, instruction_array, space->instructions);
    LEND(&compiler->store.blocks, block_array, space->blocks);
    LEND(&compiler->store.scratch, int_array, space->scratch);
    LEND(&compiler->store.table, byte_array, space->table);
    LEND(&compiler->constants.constants, constant_array, space->constant_table);
    LEND(&compiler->constants.elements, constant_ids, space->elements);
    LEND(&compiler->constant_pool.entries, pool_entries, space->constants);
    LEND(&compiler->constant_pool.positions, pool_positions, space->constant_positions);
    LEND(&compiler->name_pool.entries, pool_entries, space->names);
    LEND(&compiler->name_pool.positions, pool_positions, space->name_positions);
    LEND(&compiler->variable_pool.entries, pool_entries, space->variables);
    LEND(&compiler->variable_pool.positions, pool_positions, space->variable_positions);
    LEND(&compiler->symbols, symbols_by_name, space->symbols);
    LEND(&compiler->name_constants, int_array, space->name_constants);
}

#undef LEND

static void
clear_compiler(Compiler *compiler)
{
    instructions_clear(&compiler->store);
    constants_clear(&compiler->constants);
    pool_clear(&compiler->constant_pool);
    pool_clear(&compiler->name_pool);
    pool_clear(&compiler->variable_pool);
    symbols_by_name_clear(&compiler->symbols);
    int_array_clear(&compiler->name_constants);
    int_array_clear(&compiler->captures);
    int_array_clear(&compiler->failures);
}

/* The arrays of a large source need not be moved again and again, which leaves holes behind.  It is
   no matter if there is no memory for what may not be needed.  Those for a unit's names are asked
   for when the names are known, in look_at_symbols(). */
static void
expect_size(Compiler *compiler, const TreeSurvey *survey)
{
    enum { MANY = 1 << 14, TOO_MANY = 1 << 28 };
    int64_t instructions = survey->instructions + survey->instructions / 8;
    int constants = (int)Py_MIN(survey->constants + 16, TOO_MANY);
    if (compiler->only_looks || instructions > TOO_MANY) {
        return;
    }
    if ((instructions > MANY
         && instruction_array_reserve(&compiler->store.instructions, (int)instructions) < 0)
        || (survey->blocks > MANY
            && block_array_reserve(&compiler->store.blocks, (int)survey->blocks + 16) < 0)
        || (constants > MANY
            && (constant_array_reserve(&compiler->constants.constants, constants) < 0
                || pool_entries_reserve(&compiler->constant_pool.entries, constants) < 0
                || pool_positions_reserve(&compiler->constant_pool.positions, constants) < 0))) {
        PyErr_Clear();
    }
}

static int
prepare_tree(Compiler *compiler, mod_ty tree, PyCompilerFlags *flags)
{
    PyFutureFeatures future;
    TRY(future_from_tree(tree, compiler->filename, &future));
    flags->cf_flags |= future.ff_features;
    compiler->flags = flags->cf_flags;
    if (compiler->flags & CO_FUTURE_TOP_LEVEL_AWAIT) {
        compiler->flags |= PyCF_MARKED_MODULE;
    }
    compiler->last_future_line = future.ff_lineno;
    _PyASTOptimizeState state = {
        .optimize = compiler->optimize,
        .ff_features = compiler->flags,
    };
    TreeSurvey survey;
    TRY(fold_and_survey(tree, compiler->arena, &state, &survey));
    compiler->has_annotations = survey.has_annotations;
    expect_size(compiler, &survey);
    return 0;
}

static PyCodeObject *
compile_named(Compiler *compiler, mod_ty tree)
{
    compiler->scopes =
        scopes_build(tree, compiler->filename, compiler->flags, compiler->names, compiler->arena);
    if (compiler->scopes == NULL
        || (compiler->dump != NULL && dump_scopes(compiler->dump, compiler->scopes) < 0)) {
        return NULL;
    }
    return codegen_module(compiler, tree);
}

static PyCodeObject *
compile_tree(Compiler *compiler, mod_ty tree, PyCompilerFlags *flags)
{
    if (prepare_tree(compiler, tree, flags) < 0) {
        return NULL;
    }
    Names names;
    names_init(&names, compiler->arena);
    compiler->names = &names;
    PyCodeObject *code = compile_named(compiler, tree);
    names_clear(&names);
    compiler->names = NULL;
    return code;
}

PyCodeObject *
compile_with_dump(mod_ty tree, PyObject *filename, PyCompilerFlags *flags, int optimize,
                  PyArena *arena, DumpRequest *dump)
{
    PyCompilerFlags own_flags = _PyCompilerFlags_INIT;
    Space space;
    Compiler compiler;
    start_compiler(&compiler, &space);
    compiler.filename = filename;
    compiler.arena = arena;
    compiler.optimize = optimize == -1 ? _Py_GetConfig()->optimization_level : optimize;
    compiler.dump = dump;
    PyCodeObject *code = compile_tree(&compiler, tree, flags != NULL ? flags : &own_flags);
    clear_compiler(&compiler);
    return code;
}
SHOWN_TO_STAGES(compile_with_dump);

int
compile_and_look(mod_ty tree, PyObject *filename, PyCompilerFlags *flags, PyArena *arena)
{
    Space space;
    Compiler compiler;
    start_compiler(&compiler, &space);
    compiler.filename = filename;
    compiler.arena = arena;
    compiler.only_looks = true;
    PyCodeObject *none = compile_tree(&compiler, tree, flags);
    bool is_async = compiler.is_async;
    clear_compiler(&compiler);
    Py_XDECREF(none);
    return none == NULL ? -1 : is_async;
}

/* With -X dump=... what the stages made is shown on standard error. */
static PyCodeObject *
compile_and_show(mod_ty tree, PyObject *filename, PyCompilerFlags *flags, int optimize,
                 PyArena *arena, int stages)
{
    DumpRequest dump = {.stages = stages};
    PyCodeObject *code = compile_with_dump(tree, filename, flags, optimize, arena, &dump);
    PyObject *text = code == NULL ? NULL : dump_text(&dump);
    if (text != NULL) {
        PySys_FormatStderr("%U", text);
        Py_DECREF(text);
    }
    dump_clear(&dump);
    return code;
}

/* What a call gives and takes, as one argument. */
typedef struct CompileCall CompileCall;
struct CompileCall {
    mod_ty tree;
    PyObject *filename;
    PyCompilerFlags *flags;
    int optimize;
    PyArena *arena;
    PyCodeObject *code;
};

static void
call_compiler(void *argument)
{
    CompileCall *call = argument;
    int stages = dump_stages_of_options(&_Py_GetConfig()->xoptions);
    call->code = stages != 0 ? compile_and_show(call->tree, call->filename, call->flags,
                                                call->optimize, call->arena, stages)
                             : compile_with_dump(call->tree, call->filename, call->flags,
                                                 call->optimize, call->arena, NULL);
}

PyCodeObject *
_PyAST_Compile(mod_ty tree, PyObject *filename, PyCompilerFlags *flags, int optimize,
               PyArena *arena)
{
    CompileCall call = {tree, filename, flags, optimize, arena, NULL};
    if (!ownstack_is_needed()) {
        call_compiler(&call);
    }
    else if (ownstack_call(call_compiler, &call) < 0) {
        return NULL;
    }
    return call.code;
}

/* ---- What else the runtime asks of a compiler ---- */

PyObject *
_Py_Mangle(PyObject *class_name, PyObject *name)
{
    return names_mangle_strings(class_name, name);
}

/* Kept for extensions that call it: code objects are optimized when they are made. */
PyObject *
PyCode_Optimize(PyObject *code, PyObject *Py_UNUSED(consts), PyObject *Py_UNUSED(names),
                PyObject *Py_UNUSED(lnotab))
{
    return Py_NewRef(code);
}
