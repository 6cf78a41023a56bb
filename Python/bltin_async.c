/* builtins.aexec and builtins.aeval: exec() and eval() for code that awaits.

   In: source, a tree or a code object, and namespaces, by default the caller's.  Out: a
   coroutine.  What is compiled here is that coroutine itself, and so is a code object of an async
   mode where its value is wanted; others are run by a coroutine around them.  Entry point:
   builtin_async_add(). */

#include "asyncimport.h"
#include "modes.h"
#include "program.h"

#include <internal/pycore_runtime.h>
#include <stdbool.h>

/* One of the two functions. */
typedef struct {
    const char *name;
    const char *source_mode;
    bool has_value;
} Function;

static const Function aexec_function = {"aexec", "async-exec", false};
static const Function aeval_function = {"aeval", "async-eval", true};

/* ---- Namespaces ---- */

typedef struct {
    PyObject *globals; /* both borrowed */
    PyObject *locals;
} Namespaces;

static int
take_callers(Namespaces *namespaces)
{
    namespaces->globals = PyEval_GetGlobals();
    if (namespaces->locals == Py_None) {
        namespaces->locals = PyEval_GetLocals();
    }
    if (namespaces->globals == NULL || namespaces->locals == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_SystemError, "globals and locals cannot be NULL");
        }
        return -1;
    }
    return 0;
}

static int
find_namespaces(const Function *function, Namespaces *namespaces)
{
    if (namespaces->globals == Py_None) {
        if (take_callers(namespaces) < 0) {
            return -1;
        }
    }
    else if (namespaces->locals == Py_None) {
        namespaces->locals = namespaces->globals;
    }
    if (!PyDict_Check(namespaces->globals)) {
        PyErr_Format(PyExc_TypeError, "%s() globals must be a dict, not %.100s", function->name,
                     Py_TYPE(namespaces->globals)->tp_name);
        return -1;
    }
    if (!PyMapping_Check(namespaces->locals)) {
        PyErr_Format(PyExc_TypeError, "%s() locals must be a mapping or None, not %.100s",
                     function->name, Py_TYPE(namespaces->locals)->tp_name);
        return -1;
    }
    return namespace_add_builtins(namespaces->globals);
}

/* ---- Code objects ---- */

/* New reference to the code of source text, in the flags of the caller. */
static PyObject *
compile_source(const Function *function, PyObject *source, PyObject *filename,
               PyCompilerFlags *flags)
{
    PyObject *copy;
    const char *text =
        _Py_SourceAsString(source, function->name, "string, bytes, tree or code", flags, &copy);
    if (text == NULL) {
        return NULL;
    }
    while (function->has_value && (*text == ' ' || *text == '\t')) {
        text++;
    }
    PyObject *code = compile_mode_compile_string(compile_mode_find(function->source_mode), text,
                                                 filename, flags, -1);
    Py_XDECREF(copy);
    return code;
}

static PyObject *
compile_tree(const Function *function, PyObject *tree, int kind, PyObject *filename,
             PyCompilerFlags *flags)
{
    const char *mode = function->source_mode;
    if (kind == Interactive_kind && !function->has_value) {
        mode = "async-single";
    }
    return compile_mode_compile_tree(compile_mode_find(mode), tree, filename, flags, -1);
}

static PyObject *
compile_any(const Function *function, PyObject *source)
{
    PyCompilerFlags flags = _PyCompilerFlags_INIT;
    flags.cf_flags = PyCF_SOURCE_IS_UTF8;
    PyEval_MergeCompilerFlags(&flags);
    int kind = compile_mode_tree_kind(source);
    PyObject *filename = kind < 0 ? NULL : PyUnicode_FromString("<string>");
    if (filename == NULL) {
        return NULL;
    }
    PyObject *code = kind == 0 ? compile_source(function, source, filename, &flags)
                               : compile_tree(function, source, kind, filename, &flags);
    Py_DECREF(filename);
    return code;
}

/* ---- Running ---- */

/* What code gives: a value, or a coroutine, also in the namespace of a module that is being
   imported, whose body it is not. */
static PyObject *
evaluate_any(PyObject *code, PyObject *globals, PyObject *locals)
{
    return ((PyCodeObject *)code)->co_flags & CO_COROUTINE
               ? program_make_coroutine((PyCodeObject *)code, globals, locals)
               : PyEval_EvalCode(code, globals, locals);
}

static PyObject *
evaluate(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *code, *globals, *locals;
    if (!PyArg_ParseTuple(arguments, "O!OO", &PyCode_Type, &code, &globals, &locals)) {
        return NULL;
    }
    return evaluate_any(code, globals, locals);
}

static PyMethodDef evaluate_definition = {"evaluate", evaluate, METH_VARARGS, NULL};

/* Coroutines around code that may be of any kind. */
static const char runners_source[] =
    "async def aexec(code, globals, locals):\n"
    "    result = evaluate(code, globals, locals)\n"
    "    if code.co_flags & 0x80:\n"
    "        await result\n"
    "async def aeval(code, globals, locals):\n"
    "    result = evaluate(code, globals, locals)\n"
    "    return await result if code.co_flags & 0x80 else result\n";

static int
fill_runners(PyObject *namespace)
{
    PyObject *function = PyCFunction_New(&evaluate_definition, NULL);
    if (function == NULL) {
        return -1;
    }
    int failed = PyDict_SetItemString(namespace, "evaluate", function) < 0
                 || namespace_add_builtins(namespace) < 0;
    Py_DECREF(function);
    PyObject *code = failed ? NULL : Py_CompileString(runners_source, "<aexec>", Py_file_input);
    PyObject *result = code == NULL ? NULL : PyEval_EvalCode(code, namespace, namespace);
    Py_XDECREF(code);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* The namespace of the runners, which the interpreter keeps.  Borrowed. */
static PyObject *
get_runners(void)
{
    static const char key[] = "async.runners";
    PyObject *store = PyInterpreterState_GetDict(PyInterpreterState_Get());
    if (store == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the interpreter has no dict");
        return NULL;
    }
    PyObject *namespace = _PyDict_GetItemStringWithError(store, key);
    if (namespace != NULL || PyErr_Occurred()) {
        return namespace;
    }
    namespace = PyDict_New();
    if (namespace == NULL) {
        return NULL;
    }
    int failed = fill_runners(namespace) < 0 || PyDict_SetItemString(store, key, namespace) < 0;
    Py_DECREF(namespace);
    return failed ? NULL : namespace;
}

static PyObject *
run_by_runner(const Function *function, PyObject *code, const Namespaces *namespaces)
{
    PyObject *runners = get_runners();
    PyObject *name = runners == NULL ? NULL : PyUnicode_InternFromString(function->name);
    PyObject *runner = name == NULL ? NULL : PyObject_GetItem(runners, name);
    PyObject *coroutine = runner == NULL
                              ? NULL
                              : PyObject_CallFunctionObjArgs(runner, code, namespaces->globals,
                                                             namespaces->locals, NULL);
    Py_XDECREF(name);
    Py_XDECREF(runner);
    return coroutine;
}

/* The name is for the warning about a coroutine that nobody awaits; nothing is to fail once there
   is a coroutine. */
static PyObject *
run_directly(const Function *function, PyObject *code, const Namespaces *namespaces)
{
    PyObject *name = PyUnicode_InternFromString(function->name);
    PyObject *coroutine =
        name == NULL ? NULL : evaluate_any(code, namespaces->globals, namespaces->locals);
    if (coroutine != NULL
        && (PyObject_SetAttr(coroutine, &_Py_ID(__name__), name) < 0
            || PyObject_SetAttr(coroutine, &_Py_ID(__qualname__), name) < 0)) {
        Py_CLEAR(coroutine);
    }
    Py_XDECREF(name);
    return coroutine;
}

/* Top-level code of an async mode.  Its own coroutine will do where its value is wanted: no frame
   of a runner stands in tracebacks. */
static int
gives_coroutine(const PyCodeObject *code)
{
    return (code->co_flags & (CO_COROUTINE | CO_NEWLOCALS)) == CO_COROUTINE;
}

static PyObject *
run_code(const Function *function, PyObject *code, const Namespaces *namespaces)
{
    if (PyCode_GetNumFree((PyCodeObject *)code) > 0) {
        PyErr_Format(PyExc_TypeError, "code object passed to %s() may not contain free variables",
                     function->name);
        return NULL;
    }
    code = pycseal_open(code);
    if (PySys_Audit("exec", "O", code) < 0) {
        return NULL;
    }
    return function->has_value && gives_coroutine((PyCodeObject *)code)
               ? run_directly(function, code, namespaces)
               : run_by_runner(function, code, namespaces);
}

static PyObject *
run_source(const Function *function, PyObject *source, const Namespaces *namespaces)
{
    PyObject *code = compile_any(function, source);
    if (code == NULL) {
        return NULL;
    }
    PyObject *coroutine =
        PySys_Audit("exec", "O", code) < 0 ? NULL : run_directly(function, code, namespaces);
    Py_DECREF(code);
    return coroutine;
}

static PyObject *
run(const Function *function, PyObject *const *arguments, Py_ssize_t count)
{
    if (!_PyArg_CheckPositional(function->name, count, 1, 3)) {
        return NULL;
    }
    PyObject *source = arguments[0];
    Namespaces namespaces = {
        .globals = count > 1 ? arguments[1] : Py_None,
        .locals = count > 2 ? arguments[2] : Py_None,
    };
    if (find_namespaces(function, &namespaces) < 0) {
        return NULL;
    }
    return PyCode_Check(source) ? run_code(function, source, &namespaces)
                                : run_source(function, source, &namespaces);
}

PyDoc_STRVAR(aexec_doc,
             "aexec($module, source, globals=None, locals=None, /)\n--\n\n"
             "Return a coroutine that runs source in the given namespaces, as exec() does.\n\n"
             "The source is text or a tree, in which await is allowed outside of functions,\n"
             "or a code object of any mode of compile().  It is compiled at once and runs when\n"
             "it is awaited.  The namespaces are by default those of the caller.");

static PyObject *
builtin_aexec(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return run(&aexec_function, arguments, count);
}

PyDoc_STRVAR(aeval_doc,
             "aeval($module, source, globals=None, locals=None, /)\n--\n\n"
             "Return a coroutine that evaluates source in the given namespaces, as eval() does.\n\n"
             "The source is the text or tree of an expression, in which await is allowed, or\n"
             "a code object of any mode of compile().  It is compiled at once and runs when\n"
             "it is awaited.  The namespaces are by default those of the caller.");

static PyObject *
builtin_aeval(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    return run(&aeval_function, arguments, count);
}

/* ---- Imports ---- */

PyDoc_STRVAR(aimport_doc,
             "__aimport__($module, requests, globals=None, locals=None)\n--\n\n"
             "Import modules side by side; the import statement of code that awaits calls this.\n\n"
             "Each request is a tuple of a name, a fromlist and a level, as __import__() takes\n"
             "them, and of the statement's line.  What is returned is to be awaited, and gives\n"
             "a function without arguments.  Called once for each request, in their order, that\n"
             "returns what __import__() would have returned, or raises what it would have\n"
             "raised.  The globals are by default the caller's.");

static PyObject *
builtin_aimport(PyObject *Py_UNUSED(module), PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"requests", "globals", "locals", NULL};
    PyObject *requests, *globals = Py_None, *locals = Py_None;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!|OO:__aimport__", names, &PyTuple_Type,
                                     &requests, &globals, &locals)) {
        return NULL;
    }
    if (globals == Py_None) {
        globals = PyEval_GetGlobals();
    }
    if (globals == NULL || !PyDict_Check(globals)) {
        PyErr_SetString(PyExc_TypeError, "__aimport__(): globals must be a dict");
        return NULL;
    }
    return asyncimport_begin_statement(requests, globals);
}

static PyMethodDef functions[] = {
    {"__aimport__", _PyCFunction_CAST(builtin_aimport), METH_VARARGS | METH_KEYWORDS, aimport_doc},
    {"aexec", _PyCFunction_CAST(builtin_aexec), METH_FASTCALL, aexec_doc},
    {"aeval", _PyCFunction_CAST(builtin_aeval), METH_FASTCALL, aeval_doc},
    {NULL, NULL, 0, NULL},
};

int
builtin_async_add(PyObject *builtins)
{
    return PyModule_AddFunctions(builtins, functions);
}
