/* builtins.compile, with the modes that are ours.

   In: what the built-in function of stock takes, and the modes of Include/modes.h.  Out: a code
   object or a tree.  Entry point: builtin_compile_add(), which puts it in the place of stock's. */

#include "modes.h"
#include "ownstack.h"

PyDoc_STRVAR(compile_doc,
             "compile($module, /, source, filename, mode, flags=0,\n"
             "        dont_inherit=False, optimize=-1, *, _feature_version=-1)\n--\n\n"
             "Make a code object, or with ast.PyCF_ONLY_AST a tree, of source or of a tree.\n\n"
             "The filename is what tracebacks call the source.  The mode is 'exec' for a\n"
             "module, 'single' for one interactive statement, 'multi-single' for any number\n"
             "of them, or 'eval' for an expression.  With 'async-' before it, await, async\n"
             "for, async with and asynchronous comprehensions are allowed outside of\n"
             "functions, and what exec() and eval() make of the code object is a coroutine.\n\n"
             "The flags are those of module ast and features of module __future__; those in\n"
             "effect where compile() is called are added unless dont_inherit is true.\n"
             "optimize is 0, 1, 2, or -1 for the level of the interpreter.");

/* The arguments, converted.  filename is owned. */
typedef struct {
    PyObject *source;
    PyObject *filename;
    const char *mode;
    int flags;
    int dont_inherit;
    int optimize;
    int feature_version;
} Arguments;

static int
convert_mode(PyObject *mode, const char **result)
{
    if (!PyUnicode_Check(mode)) {
        PyErr_Format(PyExc_TypeError, "compile() argument 'mode' must be str, not %.50s",
                     mode == Py_None ? "None" : Py_TYPE(mode)->tp_name);
        return -1;
    }
    Py_ssize_t length;
    *result = PyUnicode_AsUTF8AndSize(mode, &length);
    if (*result != NULL && strlen(*result) != (size_t)length) {
        PyErr_SetString(PyExc_ValueError, "embedded null character");
        return -1;
    }
    return *result == NULL ? -1 : 0;
}

/* An argument that was not given is NULL and leaves what stands there. */
static int
convert_int(PyObject *argument, int *result)
{
    if (argument == NULL) {
        return 0;
    }
    *result = _PyLong_AsInt(argument);
    return *result == -1 && PyErr_Occurred() ? -1 : 0;
}

/* -1 with an exception; arguments->filename is to be released even then. */
static int
parse_arguments(PyObject *positional, PyObject *keywords, Arguments *arguments)
{
    static char *names[] = {"source",   "filename",         "mode", "flags", "dont_inherit",
                            "optimize", "_feature_version", NULL};
    PyObject *filename, *mode, *flags = NULL, *dont_inherit = NULL;
    PyObject *optimize = NULL, *feature_version = NULL;
    *arguments = (Arguments){.optimize = -1, .feature_version = -1};
    if (!PyArg_ParseTupleAndKeywords(positional, keywords, "OOO|OOO$O:compile", names,
                                     &arguments->source, &filename, &mode, &flags, &dont_inherit,
                                     &optimize, &feature_version)
        || !PyUnicode_FSDecoder(filename, &arguments->filename)) {
        return -1;
    }
    if (convert_mode(mode, &arguments->mode) < 0 || convert_int(flags, &arguments->flags) < 0
        || convert_int(dont_inherit, &arguments->dont_inherit) < 0
        || convert_int(optimize, &arguments->optimize) < 0
        || convert_int(feature_version, &arguments->feature_version) < 0) {
        return -1;
    }
    return 0;
}

static const CompileMode *
check_mode(const char *name, const PyCompilerFlags *flags)
{
    int only_ast = flags->cf_flags & PyCF_ONLY_AST;
    const CompileMode *mode = compile_mode_find(name);
    if (mode == NULL) {
        compile_mode_raise_unknown(only_ast);
    }
    else if (mode->tree == FunctionType_kind && !only_ast) {
        PyErr_SetString(PyExc_ValueError, "compile() mode 'func_type' requires flag PyCF_ONLY_AST");
        return NULL;
    }
    return mode;
}

static int
find_flags(const Arguments *arguments, PyCompilerFlags *flags)
{
    const int known = PyCF_MASK | PyCF_MASK_OBSOLETE | PyCF_COMPILE_MASK | CO_FUTURE_TOP_LEVEL_AWAIT
                      | PyCF_AWAITS_IMPORTS;
    if (arguments->flags & ~known) {
        PyErr_SetString(PyExc_ValueError, "compile(): unrecognised flags");
        return -1;
    }
    if (arguments->optimize < -1 || arguments->optimize > 2) {
        PyErr_SetString(PyExc_ValueError, "compile(): invalid optimize value");
        return -1;
    }
    *flags = _PyCompilerFlags_INIT;
    flags->cf_flags = arguments->flags | PyCF_SOURCE_IS_UTF8;
    if (arguments->feature_version >= 0 && arguments->flags & PyCF_ONLY_AST) {
        flags->cf_feature_version = arguments->feature_version;
    }
    if (!arguments->dont_inherit) {
        PyEval_MergeCompilerFlags(flags);
    }
    return 0;
}

static PyObject *
compile_source(const CompileMode *mode, const Arguments *arguments, PyCompilerFlags *flags)
{
    PyObject *copy;
    const char *text =
        _Py_SourceAsString(arguments->source, "compile", "string, bytes or AST", flags, &copy);
    if (text == NULL) {
        return NULL;
    }
    PyObject *result =
        compile_mode_compile_string(mode, text, arguments->filename, flags, arguments->optimize);
    Py_XDECREF(copy);
    return result;
}

static PyObject *
compile_any(const Arguments *arguments)
{
    PyCompilerFlags flags;
    if (find_flags(arguments, &flags) < 0) {
        return NULL;
    }
    const CompileMode *mode = check_mode(arguments->mode, &flags);
    int is_tree = mode == NULL ? -1 : PyAST_Check(arguments->source);
    if (is_tree < 0) {
        return NULL;
    }
    return is_tree ? compile_mode_compile_tree(mode, arguments->source, arguments->filename, &flags,
                                               arguments->optimize)
                   : compile_source(mode, arguments, &flags);
}

/* New reference to the first `count` values. */
static PyObject *
tuple_of(PyObject *const *values, Py_ssize_t count)
{
    PyObject *result = PyTuple_New(count);
    for (Py_ssize_t i = 0; result != NULL && i < count; i++) {
        PyTuple_SET_ITEM(result, i, Py_NewRef(values[i]));
    }
    return result;
}

/* What a call gives and takes, as one argument. */
typedef struct {
    const Arguments *arguments;
    PyObject *result;
} CompileCall;

static void
call_compile(void *argument)
{
    CompileCall *call = argument;
    call->result = compile_any(call->arguments);
}

/* Where the thread's stack is short, all stages run on a longer one. */
static PyObject *
compile_with_room(const Arguments *arguments)
{
    CompileCall call = {.arguments = arguments};
    if (!ownstack_is_needed()) {
        call_compile(&call);
    }
    else if (ownstack_call(call_compile, &call) < 0) {
        return NULL;
    }
    return call.result;
}

static PyObject *
dict_of(PyObject *names, PyObject *const *values)
{
    PyObject *result = PyDict_New();
    Py_ssize_t count = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; result != NULL && i < count; i++) {
        if (PyDict_SetItem(result, PyTuple_GET_ITEM(names, i), values[i]) < 0) {
            Py_CLEAR(result);
        }
    }
    return result;
}

/* By the protocol that stock's function has: another one would take more of the recursion limit,
   and the nesting that a source may have is counted from there. */
static PyObject *
builtin_compile(PyObject *Py_UNUSED(module), PyObject *const *values, Py_ssize_t count,
                PyObject *names)
{
    Arguments arguments = {.filename = NULL};
    PyObject *result = NULL;
    PyObject *positional = tuple_of(values, count);
    PyObject *keywords = dict_of(names, values + count);
    if (positional != NULL && keywords != NULL
        && parse_arguments(positional, keywords, &arguments) == 0) {
        result = compile_with_room(&arguments);
    }
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    Py_XDECREF(arguments.filename);
    return result;
}

static PyMethodDef functions[] = {
    {"compile", _PyCFunction_CAST(builtin_compile), METH_FASTCALL | METH_KEYWORDS, compile_doc},
    {NULL, NULL, 0, NULL},
};

int
builtin_compile_add(PyObject *builtins)
{
    return PyModule_AddFunctions(builtins, functions);
}
