/* The modes of compile(); see Include/modes.h.

   In: source text or a tree of module ast.  Out: a code object, or a tree.  Memory: a compile's
   arena lives for one call.  Entry points: CompileMode_*(). */

#include "modes.h"
#include "ast_objects.h"
#include "asyncimport.h"
#include "compiler.h"
#include "program.h"
#include "pyasync.h"

#include <internal/pycore_compile.h>
#include <internal/pycore_parser.h>
#include <internal/pycore_pyarena.h>
#include <internal/pycore_runtime.h>

enum {
    MULTI = PyCF_OWN_MODE,
    ASYNC = PyCF_OWN_MODE | PyCF_ALWAYS_COROUTINE | PyCF_AWAITING_PROGRAM,
};

static const CompileMode modes[] = {
    {"exec", Py_file_input, Py_file_input, Module_kind, 0},
    {"eval", Py_eval_input, Py_eval_input, Expression_kind, 0},
    {"single", Py_single_input, Py_single_input, Interactive_kind, 0},
    {"func_type", Py_func_type_input, Py_func_type_input, FunctionType_kind, 0},
    {"async-exec", Py_async_file_input, Py_file_input, Module_kind, ASYNC},
    {"async-eval", Py_async_eval_input, Py_eval_input, Expression_kind, ASYNC},
    {"async-single", Py_async_single_input, Py_single_input, Interactive_kind, ASYNC},
    {"multi-single", Py_multi_single_input, Py_file_input, Interactive_kind, MULTI},
    {"async-multi-single", Py_async_multi_single_input, Py_file_input, Interactive_kind, ASYNC},
};

/* ---- The table ---- */

const CompileMode *
compile_mode_find(const char *name)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(modes); i++) {
        if (strcmp(modes[i].name, name) == 0) {
            return &modes[i];
        }
    }
    return NULL;
}

const CompileMode *
compile_mode_of_symbol(int symbol)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(modes); i++) {
        if (modes[i].symbol == symbol) {
            return &modes[i];
        }
    }
    return NULL;
}

static const CompileMode *
stock_mode_of(const CompileMode *mode)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(modes); i++) {
        if (modes[i].symbol == mode->grammar) {
            return &modes[i];
        }
    }
    Py_UNREACHABLE();
}

PyObject *
compile_mode_names(void)
{
    PyObject *names = PyDict_New();
    for (size_t i = 0; names != NULL && i < Py_ARRAY_LENGTH(modes); i++) {
        PyObject *stock_name = PyUnicode_FromString(stock_mode_of(&modes[i])->name);
        if (stock_name == NULL || PyDict_SetItemString(names, modes[i].name, stock_name) < 0) {
            Py_CLEAR(names);
        }
        Py_XDECREF(stock_name);
    }
    return names;
}

/* As in stock, 'func_type' is named where it can be used. */
PyObject *
compile_mode_raise_unknown(int only_ast)
{
    PyObject *message = PyUnicode_FromString("compile() mode must be ");
    for (size_t i = 0; message != NULL && i < Py_ARRAY_LENGTH(modes); i++) {
        if (modes[i].tree == FunctionType_kind && !only_ast) {
            continue;
        }
        const char *separator = i == 0 ? "" : i + 1 < Py_ARRAY_LENGTH(modes) ? ", " : " or ";
        Py_SETREF(message, PyUnicode_FromFormat("%U%s'%s'", message, separator, modes[i].name));
    }
    if (message != NULL) {
        PyErr_SetObject(PyExc_ValueError, message);
        Py_DECREF(message);
    }
    return NULL;
}

/* ---- Compiling ---- */

static PyCompilerFlags
flags_in_mode(const CompileMode *mode, const PyCompilerFlags *flags)
{
    PyCompilerFlags result = _PyCompilerFlags_INIT;
    if (flags != NULL) {
        result = *flags;
    }
    result.cf_flags |= mode->flags;
    return result;
}

/* New reference to the tree's code object. */
static PyObject *
compile_tree(const CompileMode *mode, mod_ty tree, PyObject *filename, PyCompilerFlags *flags,
             int optimize, PyArena *arena)
{
    PyCompilerFlags own_flags = flags_in_mode(mode, flags);
    PyCodeObject *code = _PyAST_Compile(tree, filename, &own_flags, optimize, arena);
    if (flags != NULL) {
        flags->cf_flags |= own_flags.cf_flags & PyCF_KEPT_FEATURES;
    }
    return (PyObject *)code;
}

/* A file's statements become a series of interactive ones. */
static mod_ty
tree_of_mode(const CompileMode *mode, mod_ty tree, PyArena *arena)
{
    if (tree->kind == Module_kind && mode->tree == Interactive_kind) {
        return _PyAST_Interactive(tree->v.Module.body, arena);
    }
    return tree;
}

/* ---- What the grammar turned down ---- */

/* Adds advice to a SyntaxError whose message is this one. */
static int
advise(PyObject *error, PyObject *message, const char *advice)
{
    PyObject *text = PyUnicode_FromFormat("%U%s", message, advice);
    PyObject *arguments = text == NULL ? NULL : PyObject_GetAttrString(error, "args");
    PyObject *details = arguments == NULL ? NULL : PySequence_GetItem(arguments, 1);
    Py_XSETREF(arguments, details == NULL ? NULL : PyTuple_Pack(2, text, details));
    int failed = arguments == NULL || PyObject_SetAttrString(error, "msg", text) < 0
                 || PyObject_SetAttrString(error, "args", arguments) < 0;
    Py_XDECREF(text);
    Py_XDECREF(details);
    Py_XDECREF(arguments);
    return failed ? -1 : 0;
}

static int
is_file_source(const char *source, PyObject *filename, PyCompilerFlags *flags, PyArena *arena)
{
    int is_source = _PyParser_ASTFromString(source, filename, Py_file_input, flags, arena) != NULL;
    PyErr_Clear();
    return is_source;
}

/* Where another of our modes would take what this one refuses, the SyntaxError in hand says so. */
static int
advise_mode(const CompileMode *mode, PyObject *error, PyObject *message, const char *source,
            PyObject *filename, PyCompilerFlags *flags, PyArena *arena)
{
    if (mode->grammar == Py_single_input
        && PyUnicode_CompareWithASCIIString(
               message, "multiple statements found while compiling a single statement")
               == 0) {
        return advise(error, message, " (mode 'async-multi-single' takes any number)");
    }
    if (mode->grammar == Py_eval_input
        && PyUnicode_CompareWithASCIIString(message, "invalid syntax") == 0
        && is_file_source(source, filename, flags, arena)) {
        return advise(error, message,
                      " (mode 'async-eval' takes one expression, 'async-exec' takes statements)");
    }
    return 0;
}

/* Leaves the exception that is set, perhaps with more in its message. */
static void
explain_refusal(const CompileMode *mode, const char *source, PyObject *filename,
                PyCompilerFlags *flags, PyArena *arena)
{
    if (!(mode->flags & PyCF_OWN_MODE) || !PyErr_ExceptionMatches(PyExc_SyntaxError)) {
        return;
    }
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    PyObject *message = PyObject_GetAttrString(error, "msg");
    if (message == NULL || !PyUnicode_Check(message)
        || advise_mode(mode, error, message, source, filename, flags, arena) < 0) {
        PyErr_Clear();
    }
    Py_XDECREF(message);
    PyErr_Restore(type, error, traceback);
}

/* ---- Text and trees ---- */

static PyObject *
compile_string(const CompileMode *mode, const char *source, PyObject *filename,
               PyCompilerFlags *flags, int optimize, PyArena *arena)
{
    mod_ty tree = _PyParser_ASTFromString(source, filename, mode->grammar, flags, arena);
    if (tree == NULL) {
        explain_refusal(mode, source, filename, flags, arena);
        return NULL;
    }
    tree = tree_of_mode(mode, tree, arena);
    if (tree == NULL) {
        return NULL;
    }
    if (flags != NULL && flags->cf_flags & PyCF_ONLY_AST) {
        return PyAST_mod2obj(tree);
    }
    return compile_tree(mode, tree, filename, flags, optimize, arena);
}

PyObject *
compile_mode_compile_string(const CompileMode *mode, const char *source, PyObject *filename,
                            PyCompilerFlags *flags, int optimize)
{
    PyArena *arena = _PyArena_New();
    if (arena == NULL) {
        return NULL;
    }
    PyObject *result = compile_string(mode, source, filename, flags, optimize, arena);
    _PyArena_Free(arena);
    return result;
}

static int
import_mode(int tree_kind)
{
    switch (tree_kind) {
    case Expression_kind:
        return 1;
    case Interactive_kind:
        return 2;
    default:
        return 0;
    }
}

int
compile_mode_tree_kind(PyObject *object)
{
    static const struct {
        int class_number;
        int kind;
    } kinds[] = {
        {AST_CLASS_Module, Module_kind},
        {AST_CLASS_Interactive, Interactive_kind},
        {AST_CLASS_Expression, Expression_kind},
    };
    AstTypes *types = ast_types_get();
    if (types == NULL) {
        return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(kinds); i++) {
        PyObject *type = (PyObject *)types->of[kinds[i].class_number].type;
        int is_instance = PyObject_IsInstance(object, type);
        if (is_instance != 0) {
            return is_instance < 0 ? -1 : kinds[i].kind;
        }
    }
    return 0;
}

/* The valid tree, in the arena; NULL with an exception. */
static mod_ty
import_tree(PyObject *tree, int tree_kind, PyArena *arena)
{
    mod_ty imported = PyAST_obj2mod(tree, arena, import_mode(tree_kind));
    return imported != NULL && _PyAST_Validate(imported) ? imported : NULL;
}

/* With PyCF_ONLY_AST a tree is its own result; the modes that are ours still check its kind. */
static PyObject *
compile_imported(const CompileMode *mode, PyObject *tree, PyObject *filename,
                 PyCompilerFlags *flags, int optimize, PyArena *arena)
{
    mod_ty imported = import_tree(tree, mode->tree, arena);
    if (imported == NULL) {
        return NULL;
    }
    if (flags != NULL && flags->cf_flags & PyCF_ONLY_AST) {
        return Py_NewRef(tree);
    }
    return compile_tree(mode, imported, filename, flags, optimize, arena);
}

PyObject *
compile_mode_compile_tree(const CompileMode *mode, PyObject *tree, PyObject *filename,
                          PyCompilerFlags *flags, int optimize)
{
    if (mode->flags == 0 && flags != NULL && flags->cf_flags & PyCF_ONLY_AST) {
        return Py_NewRef(tree);
    }
    PyArena *arena = _PyArena_New();
    if (arena == NULL) {
        return NULL;
    }
    PyObject *result = compile_imported(mode, tree, filename, flags, optimize, arena);
    _PyArena_Free(arena);
    return result;
}

/* ---- Is it async? ---- */

/* A statement that would be refused only when it is compiled is refused here too. */
static int
tree_is_async(mod_ty tree, PyObject *filename, PyArena *arena)
{
    PyCompilerFlags flags = _PyCompilerFlags_INIT;
    flags.cf_flags = PyCF_ALLOW_TOP_LEVEL_AWAIT | PyCF_OWN_MODE;
    return tree == NULL ? -1 : compile_and_look(tree, filename, &flags, arena);
}

/* In a file's grammar, of which the other grammars' sources are a part. */
static int
source_is_async(PyObject *source, PyObject *filename, PyArena *arena)
{
    PyCompilerFlags flags = _PyCompilerFlags_INIT;
    PyObject *copy;
    flags.cf_flags = PyCF_SOURCE_IS_UTF8;
    const char *text =
        _Py_SourceAsString(source, "is_async", "string, bytes, tree or code", &flags, &copy);
    if (text == NULL) {
        return -1;
    }
    mod_ty tree = _PyParser_ASTFromString(text, filename, Py_file_input, &flags, arena);
    Py_XDECREF(copy);
    return tree_is_async(tree, filename, arena);
}

static int
is_async(PyObject *object, PyObject *filename, PyArena *arena)
{
    int kind = compile_mode_tree_kind(object);
    if (kind < 0) {
        return -1;
    }
    return kind == 0 ? source_is_async(object, filename, arena)
                     : tree_is_async(import_tree(object, kind, arena), filename, arena);
}

int
compile_mode_is_async(PyObject *object)
{
    if (PyCode_Check(object)) {
        return (((PyCodeObject *)pycseal_open(object))->co_flags & CO_COROUTINE) != 0;
    }
    PyObject *filename = PyUnicode_FromString("<unknown>");
    PyArena *arena = filename == NULL ? NULL : _PyArena_New();
    int result = arena == NULL ? -1 : is_async(object, filename, arena);
    if (arena != NULL) {
        _PyArena_Free(arena);
    }
    Py_XDECREF(filename);
    return result;
}

/* ---- For embedders: pyasync.h ---- */

PyObject *
Py_CompileAsyncStringObject(const char *source, PyObject *filename, int start,
                            PyCompilerFlags *flags, int optimize)
{
    const CompileMode *mode = compile_mode_of_symbol(start);
    if (mode == NULL) {
        PyErr_Format(PyExc_ValueError, "%d is no start symbol", start);
        return NULL;
    }
    return compile_mode_compile_string(mode, source, filename, flags, optimize);
}

PyObject *
Py_CompileAsyncString(const char *source, const char *filename, int start, PyCompilerFlags *flags,
                      int optimize)
{
    PyObject *filename_object = PyUnicode_DecodeFSDefault(filename);
    if (filename_object == NULL) {
        return NULL;
    }
    PyObject *result = Py_CompileAsyncStringObject(source, filename_object, start, flags, optimize);
    Py_DECREF(filename_object);
    return result;
}

int
namespace_add_builtins(PyObject *globals)
{
    PyObject *builtins = PyEval_GetBuiltins();
    PyObject *present =
        builtins == NULL ? NULL : PyDict_SetDefault(globals, &_Py_ID(__builtins__), builtins);
    return present == NULL ? -1 : 0;
}

PyObject *
PyEval_EvalAsyncCode(PyObject *code, PyObject *globals, PyObject *locals)
{
    if (code == NULL || !PyCode_Check(code) || globals == NULL || !PyDict_Check(globals)) {
        PyErr_BadInternalCall();
        return NULL;
    }
    code = pycseal_open(code);
    if (PySys_Audit("exec", "O", code) < 0 || namespace_add_builtins(globals) < 0) {
        return NULL;
    }
    locals = locals == NULL ? globals : locals;
    if (!(((PyCodeObject *)code)->co_flags & CO_COROUTINE)) {
        return PyEval_EvalCode(code, globals, locals);
    }
    PyObject *coroutine = program_make_coroutine((PyCodeObject *)code, globals, locals);
    PyObject *result = coroutine == NULL ? NULL : PySys_Await(coroutine);
    Py_XDECREF(coroutine);
    return result;
}

PyObject *
PyRun_AsyncString(const char *source, int start, PyObject *globals, PyObject *locals,
                  PyCompilerFlags *flags)
{
    PyObject *code = Py_CompileAsyncString(source, "<string>", start, flags, -1);
    if (code == NULL) {
        return NULL;
    }
    PyObject *result = PyEval_EvalAsyncCode(code, globals, locals);
    Py_DECREF(code);
    return result;
}
