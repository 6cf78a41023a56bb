/* The module _frontend shows each stage of the front end to Python, for tests.
 *
 * Every function takes source text (str or bytes) or a tree of module `ast`, a file name, a mode
 * and compile flags, runs the stages up to its own, and returns what that stage made as plain
 * Python objects.
 */

#include "Python.h"
#include "pycore_ast.h"
#include "pycore_compile.h"
#include "pycore_parser.h"
#include "pycore_pyarena.h"

#include "compiler.h"
#include "dump.h"
#include "future.h"
#include "scopes.h"

typedef struct Input Input;
struct Input {
    PyObject *filename;
    PyArena *arena;
    mod_ty tree;
    int future_features;
    int flags; /* as given */
};

static int
mode_number(const char *mode)
{
    static const char *const modes[] = {"exec", "eval", "single", "func_type"};
    for (int i = 0; i < (int)Py_ARRAY_LENGTH(modes); i++) {
        if (strcmp(mode, modes[i]) == 0) {
            return i;
        }
    }
    PyErr_Format(PyExc_ValueError, "unknown mode '%s'", mode);
    return -1;
}

static mod_ty
parse(PyObject *source, const Input *input, int mode, int flags)
{
    static const int starts[] = {Py_file_input, Py_eval_input, Py_single_input, Py_func_type_input};
    PyCompilerFlags compiler_flags = {.cf_flags = flags | PyCF_SOURCE_IS_UTF8,
                                      .cf_feature_version = PY_MINOR_VERSION};
    const char *text;
    if (PyUnicode_Check(source)) {
        text = PyUnicode_AsUTF8(source);
        compiler_flags.cf_flags |= PyCF_IGNORE_COOKIE;
    }
    else {
        text = PyBytes_AsString(source);
    }
    if (text == NULL) {
        return NULL;
    }
    return _PyParser_ASTFromString(text, input->filename, starts[mode], &compiler_flags,
                                   input->arena);
}

static void
release_input(Input *input)
{
    if (input->arena != NULL) {
        _PyArena_Free(input->arena);
    }
    Py_XDECREF(input->filename);
}

static int
read_tree(Input *input, PyObject *source, int mode, int flags)
{
    input->arena = _PyArena_New();
    if (input->arena == NULL) {
        return -1;
    }
    int is_tree = PyAST_Check(source);
    if (is_tree < 0) {
        return -1;
    }
    input->tree =
        is_tree ? PyAST_obj2mod(source, input->arena, mode) : parse(source, input, mode, flags);
    if (input->tree == NULL || (is_tree && !_PyAST_Validate(input->tree))) {
        return -1;
    }
    PyFutureFeatures future = {0};
    if (future_from_tree(input->tree, input->filename, &future) < 0) {
        return -1;
    }
    input->future_features = future.ff_features | (flags & PyCF_MASK);
    input->flags = flags;
    return 0;
}

/* Parses the arguments that all functions have.  On failure nothing is left to release. */
static int
read_input(Input *input, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"source", "filename", "mode", "flags", NULL};
    PyObject *source;
    const char *mode = "exec";
    int flags = 0;
    memset(input, 0, sizeof(*input));
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO&|si", keywords, &source, PyUnicode_FSDecoder,
                                     &input->filename, &mode, &flags)) {
        return -1;
    }
    int number = mode_number(mode);
    if (number < 0 || read_tree(input, source, number, flags) < 0) {
        release_input(input);
        return -1;
    }
    return 0;
}

/* --- Scopes --- */

static PyObject *
symbols_as_dict(const Names *names, const Scope *scope)
{
    PyObject *dict = PyDict_New();
    const Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        if (dict == NULL) {
            break;
        }
        PyObject *value = Py_BuildValue("(ii)", symbol->flags, symbol->binding);
        if (value == NULL || PyDict_SetItem(dict, names_string(names, symbol->name), value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *
parameters_as_list(const Names *names, const Scope *scope)
{
    PyObject *list = PyList_New(scope->parameter_count);
    SymbolCursor cursor = {scope->symbols, 0};
    for (int32_t i = 0; list != NULL && i < scope->parameter_count; i++) {
        PyObject *name = names_string(names, symbol_next(&cursor)->name);
        PyList_SET_ITEM(list, i, Py_NewRef(name));
    }
    return list;
}

static PyObject *scope_as_dict(const Names *names, const Scope *scope);

static PyObject *
children_as_list(const Names *names, const Scope *scope)
{
    PyObject *list = PyList_New(0);
    const Scope *child = scope->first_child;
    for (; list != NULL && child != NULL; child = child->next_sibling) {
        PyObject *dict = scope_as_dict(names, child);
        if (dict == NULL || PyList_Append(list, dict) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(dict);
    }
    return list;
}

static PyObject *
scope_as_dict(const Names *names, const Scope *scope)
{
    static const char *const kinds[] = {"module", "class",         "function",
                                        "lambda", "comprehension", "annotation"};
    if (Py_EnterRecursiveCall(" while showing scopes")) {
        return NULL;
    }
    PyObject *dict = Py_BuildValue(
        "{sssOsis(iiii)sNsNsNsOsOsOsOsOsOsOsOsOsO}", "kind", kinds[scope->kind], "name",
        names_string(names, scope->name), "comprehension", scope->comprehension, "span",
        scope->span.lineno, scope->span.col_offset, scope->span.end_lineno,
        scope->span.end_col_offset, "symbols", symbols_as_dict(names, scope), "parameters",
        parameters_as_list(names, scope), "children", children_as_list(names, scope), "nested",
        scope->is_nested ? Py_True : Py_False, "free", scope->has_free ? Py_True : Py_False,
        "child_free", scope->child_has_free ? Py_True : Py_False, "generator",
        scope->is_generator ? Py_True : Py_False, "coroutine",
        scope->is_coroutine ? Py_True : Py_False, "varargs",
        scope->has_varargs ? Py_True : Py_False, "varkeywords",
        scope->has_varkeywords ? Py_True : Py_False, "returns_value",
        scope->returns_value ? Py_True : Py_False, "needs_class_closure",
        scope->needs_class_closure ? Py_True : Py_False, "private_class",
        scope->private_class != NAME_NONE ? names_string(names, scope->private_class) : Py_None);
    Py_LeaveRecursiveCall();
    return dict;
}

PyDoc_STRVAR(scopes_doc, "scopes(source, filename, mode='exec', flags=0)\n--\n\n"
                         "The blocks of a module as nested dicts.");

static PyObject *
frontend_scopes(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    Input input;
    Names names;
    PyObject *result = NULL;
    if (read_input(&input, args, kwargs) < 0) {
        return NULL;
    }
    names_init(&names, input.arena);
    Scopes *scopes =
        scopes_build(input.tree, input.filename, input.future_features, &names, input.arena);
    if (scopes != NULL) {
        result = scope_as_dict(&names, scopes->top);
    }
    names_clear(&names);
    release_input(&input);
    return result;
}

/* --- Folding, validation, unparsing --- */

PyDoc_STRVAR(fold_doc, "fold(source, filename, mode='exec', flags=0)\n--\n\n"
                       "The tree with constants folded, as the optimisation level 0 has it.");

static PyObject *
frontend_fold(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    Input input;
    PyObject *result = NULL;
    if (read_input(&input, args, kwargs) < 0) {
        return NULL;
    }
    _PyASTOptimizeState state = {.optimize = 0, .ff_features = input.future_features};
    if (_PyAST_Optimize(input.tree, input.arena, &state)) {
        result = PyAST_mod2obj(input.tree);
    }
    release_input(&input);
    return result;
}

PyDoc_STRVAR(validate_doc, "validate(source, filename, mode='exec', flags=0)\n--\n\n"
                           "Return None if the tree is well formed, or raise what compile() does.");

static PyObject *
frontend_validate(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    Input input;
    if (read_input(&input, args, kwargs) < 0) {
        return NULL;
    }
    int valid = _PyAST_Validate(input.tree);
    release_input(&input);
    if (!valid) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(unparse_doc, "unparse(source, filename='<ast>', mode='eval', flags=0)\n--\n\n"
                          "The text of an expression, as annotations kept as text have it.");

static PyObject *
frontend_unparse(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    Input input;
    PyObject *result = NULL;
    if (read_input(&input, args, kwargs) < 0) {
        return NULL;
    }
    if (input.tree->kind == Expression_kind) {
        result = _PyAST_ExprAsUnicode(input.tree->v.Expression.body);
    }
    else {
        PyErr_SetString(PyExc_ValueError, "an expression is needed, mode 'eval'");
    }
    release_input(&input);
    return result;
}

/* --- Code generation --- */

static PyObject *
dump_stages(PyObject *args, PyObject *kwargs, int stages)
{
    Input input;
    if (read_input(&input, args, kwargs) < 0) {
        return NULL;
    }
    PyCompilerFlags flags = {.cf_flags = input.flags, .cf_feature_version = PY_MINOR_VERSION};
    DumpRequest dump = {.stages = stages};
    PyCodeObject *code =
        compile_with_dump(input.tree, input.filename, &flags, -1, input.arena, &dump);
    PyObject *text = code == NULL ? NULL : dump_text(&dump);
    Py_XDECREF(code);
    dump_clear(&dump);
    release_input(&input);
    return text;
}

PyDoc_STRVAR(ir_doc, "ir(source, filename, mode='exec', flags=0)\n--\n\n"
                     "The instructions as generated, as text, inner code objects first.");

static PyObject *
frontend_ir(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    return dump_stages(args, kwargs, DUMP_IR);
}

PyDoc_STRVAR(flow_doc, "flow(source, filename, mode='exec', flags=0)\n--\n\n"
                       "The flow graph when all passes have run, as text.");

static PyObject *
frontend_flow(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    return dump_stages(args, kwargs, DUMP_FLOW);
}

PyDoc_STRVAR(code_doc, "code(source, filename, mode='exec', flags=0)\n--\n\n"
                       "The finished code objects, as text.");

static PyObject *
frontend_code(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    return dump_stages(args, kwargs, DUMP_CODE);
}

/* --- Running out of memory --- */

/* Allocators that stop working after a number of allocations. */
typedef struct Rationing Rationing;
struct Rationing {
    PyMemAllocatorEx raw, memory, objects;
    long left;   /* allocations until one fails */
    long failed; /* how many have failed */
    bool fails_once;
};

static bool
is_refused(Rationing *rationing)
{
    if (rationing->left-- > 0 || (rationing->fails_once && rationing->failed > 0)) {
        return false;
    }
    rationing->failed++;
    return true;
}

/* One set of functions for each domain: a context tells which real allocator is behind it. */
#define RATIONED(domain)                                                                           \
    static void *domain##_malloc(void *context, size_t size)                                       \
    {                                                                                              \
        Rationing *rationing = context;                                                            \
        return is_refused(rationing) ? NULL                                                        \
                                     : rationing->domain.malloc(rationing->domain.ctx, size);      \
    }                                                                                              \
    static void *domain##_calloc(void *context, size_t count, size_t size)                         \
    {                                                                                              \
        Rationing *rationing = context;                                                            \
        return is_refused(rationing)                                                               \
                   ? NULL                                                                          \
                   : rationing->domain.calloc(rationing->domain.ctx, count, size);                 \
    }                                                                                              \
    static void *domain##_realloc(void *context, void *memory, size_t size)                        \
    {                                                                                              \
        Rationing *rationing = context;                                                            \
        return is_refused(rationing)                                                               \
                   ? NULL                                                                          \
                   : rationing->domain.realloc(rationing->domain.ctx, memory, size);               \
    }                                                                                              \
    static void domain##_free(void *context, void *memory)                                         \
    {                                                                                              \
        Rationing *rationing = context;                                                            \
        rationing->domain.free(rationing->domain.ctx, memory);                                     \
    }                                                                                              \
    static void domain##_ration(Rationing *rationing, PyMemAllocatorDomain number)                 \
    {                                                                                              \
        PyMemAllocatorEx rationed = {rationing, domain##_malloc, domain##_calloc,                  \
                                     domain##_realloc, domain##_free};                             \
        PyMem_GetAllocator(number, &rationing->domain);                                            \
        PyMem_SetAllocator(number, &rationed);                                                     \
    }

RATIONED(raw)
RATIONED(memory)
RATIONED(objects)

#undef RATIONED

PyDoc_STRVAR(
    compile_rationed_doc,
    "compile_rationed(source, filename, allocations, once)\n--\n\n"
    "Compile with a limited number of allocations after parsing; the one after them fails, "
    "and\nunless `once` all that follow.  Tells whether any failed; MemoryError passes.");

static PyObject *
frontend_compile_rationed(PyObject *Py_UNUSED(module), PyObject *args)
{
    Input input;
    Rationing rationing = {.failed = 0};
    int fails_once;
    PyObject *source, *filename, *code;
    if (!PyArg_ParseTuple(args, "OOlp", &source, &filename, &rationing.left, &fails_once)) {
        return NULL;
    }
    PyObject *input_args = PyTuple_Pack(2, source, filename);
    if (input_args == NULL || read_input(&input, input_args, NULL) < 0) {
        Py_XDECREF(input_args);
        return NULL;
    }
    Py_DECREF(input_args);
    rationing.fails_once = fails_once;
    raw_ration(&rationing, PYMEM_DOMAIN_RAW);
    memory_ration(&rationing, PYMEM_DOMAIN_MEM);
    objects_ration(&rationing, PYMEM_DOMAIN_OBJ);
    code = (PyObject *)_PyAST_Compile(input.tree, input.filename, NULL, 0, input.arena);
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &rationing.objects);
    PyMem_SetAllocator(PYMEM_DOMAIN_MEM, &rationing.memory);
    PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &rationing.raw);
    release_input(&input);
    if (code == NULL) {
        return NULL;
    }
    Py_DECREF(code);
    return PyBool_FromLong(rationing.failed > 0);
}

static PyMethodDef frontend_methods[] = {
    {"compile_rationed", frontend_compile_rationed, METH_VARARGS, compile_rationed_doc},
    {"ir", (PyCFunction)(void (*)(void))frontend_ir, METH_VARARGS | METH_KEYWORDS, ir_doc},
    {"flow", (PyCFunction)(void (*)(void))frontend_flow, METH_VARARGS | METH_KEYWORDS, flow_doc},
    {"code", (PyCFunction)(void (*)(void))frontend_code, METH_VARARGS | METH_KEYWORDS, code_doc},
    {"scopes", (PyCFunction)(void (*)(void))frontend_scopes, METH_VARARGS | METH_KEYWORDS,
     scopes_doc},
    {"fold", (PyCFunction)(void (*)(void))frontend_fold, METH_VARARGS | METH_KEYWORDS, fold_doc},
    {"validate", (PyCFunction)(void (*)(void))frontend_validate, METH_VARARGS | METH_KEYWORDS,
     validate_doc},
    {"unparse", (PyCFunction)(void (*)(void))frontend_unparse, METH_VARARGS | METH_KEYWORDS,
     unparse_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef frontend_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_frontend",
    .m_doc = "What the stages of the front end make of a source, for tests.",
    .m_size = 0,
    .m_methods = frontend_methods,
};

PyMODINIT_FUNC
PyInit__frontend(void)
{
    return PyModuleDef_Init(&frontend_module);
}
