/* Where the import of a module that awaits meets the runtime; see Include/asyncimport.h.

   The import system of the runtime is frozen: its functions cannot be edited, and what they do for
   ordinary modules is right.  It is entered in four places, and nowhere else:

   - A loader runs a module's body by evaluating its code object.  Where that is a coroutine's,
     Lib/asyncimport runs it: PyEval_EvalCode, wrapped in Python/program.c, comes here.
   - SourceLoader.get_code reads and writes cached bytecode.  It is stock's, called with a stand-in
     for the loader, CodeSource below, which knows the tag that marked modules are cached under.
     What is in the file is the business of Python/pycseal.c.
   - _lock_unlock_module, called for a module in sys.modules whose import has not ended, is put in
     place by Lib/asyncimport itself. */

#include "asyncimport.h"
#include "interrupts.h"
#include "modes.h"
#include "pyasync.h"
#include "target.h"

#include <frameobject.h>
#include <internal/pycore_initconfig.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pylifecycle.h>
#include <internal/pycore_runtime.h>

#define PACKAGE "asyncimport"

/* ---- A module's body ---- */

/* Whose body is being kept: the innermost call of asyncimport_exec_module() in this thread. */
struct kept_body {
    PyObject *globals;
    PyObject *coroutine;
    struct kept_body *outer;
};

static _Thread_local struct kept_body *innermost;

static struct kept_body *
keeper_of(PyObject *globals)
{
    return innermost != NULL && innermost->globals == globals ? innermost : NULL;
}

/* The loaders of the runtime evaluate a body by this function of importlib. */
static bool
is_importlib(PyCodeObject *code)
{
    return PyUnicode_CompareWithASCIIString(code->co_name, "_call_with_frames_removed") == 0
           && PyUnicode_CompareWithASCIIString(code->co_filename, "<frozen importlib._bootstrap>")
                  == 0;
}

static bool
is_true_in(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    int is_true = value == NULL ? 0 : PyObject_IsTrue(value);
    Py_XDECREF(value);
    PyErr_Clear();
    return is_true > 0;
}

/* Whether importlib.reload() is executing the module of this spec. */
static bool
is_reloading(PyObject *spec)
{
    PyObject *key = PyUnicode_FromString("importlib");
    PyObject *importlib = key == NULL ? NULL : PyImport_GetModule(key);
    PyObject *reloading =
        importlib == NULL ? NULL : PyObject_GetAttrString(importlib, "_RELOADING");
    PyObject *name = reloading == NULL ? NULL : PyObject_GetAttr(spec, &_Py_ID(name));
    bool result = name != NULL && PyDict_Check(reloading) && PyDict_Contains(reloading, name) == 1;
    Py_XDECREF(key);
    Py_XDECREF(importlib);
    Py_XDECREF(reloading);
    Py_XDECREF(name);
    PyErr_Clear();
    return result;
}

/* Whether the import of the module with this namespace has begun and not ended, and is not one that
   its loader's aexec_module() awaits: what that one evaluates it awaits itself. */
static bool
is_being_imported(PyObject *globals)
{
    PyObject *spec = PyDict_GetItemString(globals, "__spec__");
    return spec != NULL && (is_true_in(spec, "_initializing") || is_reloading(spec))
           && !is_true_in(spec, "_is_awaited_by_loader");
}

bool
asyncimport_is_module_body(PyCodeObject *code, PyObject *globals)
{
    if ((code->co_flags & CO_NEWLOCALS) || !PyDict_Check(globals)) {
        return false;
    }
    if (keeper_of(globals) != NULL) {
        return true;
    }
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame == NULL) {
        return false;
    }
    PyCodeObject *caller = PyFrame_GetCode(frame);
    bool is_loader = is_importlib(caller);
    Py_DECREF(caller);
    if (is_loader) {
        return true;
    }
    /* Another loader's own exec(): not the module's code running code in its own namespace. */
    PyObject *caller_globals = PyFrame_GetGlobals(frame);
    bool is_own = caller_globals == globals;
    Py_XDECREF(caller_globals);
    return !is_own && is_being_imported(globals);
}

/* Calls a function of Lib/asyncimport.  Steals nothing. */
static PyObject *
call_package(const char *function, PyObject *first, PyObject *second)
{
    PyObject *package = PyImport_ImportModule(PACKAGE);
    PyObject *result =
        package == NULL ? NULL : PyObject_CallMethod(package, function, "OO", first, second);
    Py_XDECREF(package);
    return result;
}

PyObject *
asyncimport_begin_statement(PyObject *requests, PyObject *globals)
{
    return call_package("begin_statement", requests, globals);
}

WRAPPED(PyEval_EvalCode);

PyObject *
asyncimport_run_module_body(PyCodeObject *code, PyObject *globals)
{
    PyObject *coroutine = __real_PyEval_EvalCode((PyObject *)code, globals, globals);
    if (coroutine == NULL) {
        return NULL;
    }
    struct kept_body *keeper = keeper_of(globals);
    if (keeper != NULL) {
        Py_XSETREF(keeper->coroutine, coroutine);
        Py_RETURN_NONE;
    }
    PyObject *outcome = call_package("run_plainly", coroutine, globals);
    Py_DECREF(coroutine);
    PyObject *result = outcome == NULL ? NULL : asyncimport_unwrap(outcome);
    Py_XDECREF(outcome);
    return result;
}

PyObject *
asyncimport_exec_module(PyObject *exec_module, PyObject *module)
{
    struct kept_body keeper = {.outer = innermost};
    keeper.globals = PyObject_GetAttrString(module, "__dict__");
    if (keeper.globals == NULL) {
        return NULL;
    }
    innermost = &keeper;
    PyObject *result = PyObject_CallOneArg(exec_module, module);
    innermost = keeper.outer;
    Py_DECREF(keeper.globals);
    if (result == NULL) {
        Py_XDECREF(keeper.coroutine);
        return NULL;
    }
    Py_DECREF(result);
    return keeper.coroutine != NULL ? keeper.coroutine : Py_NewRef(Py_None);
}

PyObject *
asyncimport_unwrap(PyObject *outcome)
{
    PyObject *value, *error, *traceback;
    if (!PyArg_ParseTuple(outcome, "OOO:outcome", &value, &error, &traceback)) {
        return NULL;
    }
    if (error == Py_None) {
        return Py_NewRef(value);
    }
    traceback = traceback == Py_None ? NULL : Py_NewRef(traceback);
    PyErr_Restore(Py_NewRef(Py_TYPE(error)), Py_NewRef(error), traceback);
    return NULL;
}

/* ---- Cached bytecode ---- */

/* Stands in for a loader in stock's get_code.  A first one looks for bytecode as ever.  Where there
   is none and the source may be marked, its source_to_code() lets a second one look under the tag
   of marked modules, compile and write.  What neither knows is the loader's. */
typedef struct {
    PyObject_HEAD PyObject *loader;
    PyObject *fullname;
    PyObject *source; /* bytes, once read by the second */
    PyObject *tagged; /* the path of marked bytecode: what makes it the second */
    bool is_settled;  /* the second has done it all */
    bool is_marked;   /* what was compiled has the mark, or is a coroutine's by the loader's will */
} CodeSource;

static PyTypeObject *get_code_source_type(void);

/* Borrowed: the frozen get_code, kept in the interpreter's dict by asyncimport_install(). */
static PyObject *
stock_get_code(void)
{
    PyObject *store = PyInterpreterState_GetDict(PyInterpreterState_Get());
    PyObject *function = store == NULL ? NULL : PyDict_GetItemString(store, "asyncimport.get_code");
    if (function == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "lost SourceLoader.get_code");
    }
    return function;
}

static PyObject *
get_code_by_stand_in(PyObject *loader, PyObject *fullname, PyObject *source, PyObject *tagged)
{
    PyObject *function = stock_get_code();
    PyTypeObject *type = function == NULL ? NULL : get_code_source_type();
    CodeSource *self = type == NULL ? NULL : PyObject_GC_New(CodeSource, type);
    if (self == NULL) {
        return NULL;
    }
    self->loader = Py_NewRef(loader);
    self->fullname = Py_NewRef(fullname);
    self->source = Py_XNewRef(source);
    self->tagged = Py_XNewRef(tagged);
    self->is_settled = self->is_marked = false;
    PyObject_GC_Track(self);
    PyObject *arguments[] = {(PyObject *)self, fullname};
    PyObject *code = PyObject_Vectorcall(function, arguments, 2, NULL);
    Py_DECREF(self);
    return code;
}

static bool
may_be_marked(PyObject *source)
{
    static const char word[] = "top_level_await";
    Py_buffer view;
    if (PyObject_GetBuffer(source, &view, PyBUF_SIMPLE) < 0) {
        PyErr_Clear();
        return false;
    }
    bool is_found = memmem(view.buf, (size_t)view.len, word, sizeof(word) - 1) != NULL;
    PyBuffer_Release(&view);
    return is_found;
}

/* The tag, as `optimization` of cache_from_source(): await, or with -O and -OO await1 and await2.
 */
static PyObject *
new_tag(void)
{
    int level = _Py_GetConfig()->optimization_level;
    return level == 0 ? PyUnicode_FromString("await") : PyUnicode_FromFormat("await%d", level);
}

/* New reference to the path that code of a marked source is cached at; None where nothing is
   cached, NULL with an exception. */
static PyObject *
tagged_path(PyObject *source_path)
{
    PyObject *external = PyImport_ImportModule("_frozen_importlib_external");
    PyObject *function =
        external == NULL ? NULL : PyObject_GetAttrString(external, "cache_from_source");
    PyObject *tag = new_tag();
    PyObject *keywords = tag == NULL ? NULL : Py_BuildValue("{sO}", "optimization", tag);
    PyObject *arguments = PyTuple_Pack(1, source_path);
    PyObject *path = NULL;
    if (function != NULL && keywords != NULL && arguments != NULL) {
        path = PyObject_Call(function, arguments, keywords);
    }
    Py_XDECREF(external);
    Py_XDECREF(function);
    Py_XDECREF(tag);
    Py_XDECREF(keywords);
    Py_XDECREF(arguments);
    if (path == NULL && PyErr_ExceptionMatches(PyExc_NotImplementedError)) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    return path;
}

/* Bytecode of the module from before it was marked is out of date, and would be looked at first.
   Where it cannot be removed, the source is compiled at each import. */
static void
remove_untagged(PyObject *path)
{
    PyObject *bytes;
    if (PyUnicode_FSConverter(path, &bytes)) {
        (void)unlink(PyBytes_AS_STRING(bytes));
        Py_DECREF(bytes);
    }
    PyErr_Clear();
}

/* source_to_code(data, path) */
static PyObject *
code_source_compile(CodeSource *self, PyObject *arguments)
{
    PyObject *data, *path;
    if (!PyArg_ParseTuple(arguments, "OO:source_to_code", &data, &path)) {
        return NULL;
    }
    if (self->tagged == NULL && may_be_marked(data)) {
        PyObject *tagged = tagged_path(path);
        if (tagged == NULL) {
            return NULL;
        }
        PyObject *code = get_code_by_stand_in(self->loader, self->fullname, data, tagged);
        Py_DECREF(tagged);
        self->is_settled = true;
        return code;
    }
    PyObject *code = PyObject_CallMethod(self->loader, "source_to_code", "OO", data, path);
    self->is_marked =
        code != NULL && PyCode_Check(code)
        && ((PyCodeObject *)code)->co_flags & (CO_FUTURE_TOP_LEVEL_AWAIT | CO_COROUTINE);
    return code;
}

/* get_data(path): the second reads bytecode where that of marked modules lies, and the source not
   again. */
static PyObject *
code_source_get_data(CodeSource *self, PyObject *path)
{
    if (self->tagged == NULL) {
        return PyObject_CallMethod(self->loader, "get_data", "O", path);
    }
    PyObject *source_path = PyObject_CallMethod(self->loader, "get_filename", "O", self->fullname);
    int is_source = source_path == NULL ? -1 : PyObject_RichCompareBool(path, source_path, Py_EQ);
    Py_XDECREF(source_path);
    if (is_source != 0) {
        return is_source < 0 ? NULL : Py_NewRef(self->source);
    }
    if (self->tagged == Py_None) {
        PyErr_SetNone(PyExc_FileNotFoundError);
        return NULL;
    }
    return PyObject_CallMethod(self->loader, "get_data", "O", self->tagged);
}

/* _cache_bytecode(source_path, bytecode_path, data) */
static PyObject *
code_source_cache(CodeSource *self, PyObject *arguments)
{
    PyObject *source_path, *path, *data;
    if (!PyArg_ParseTuple(arguments, "OOO:_cache_bytecode", &source_path, &path, &data)) {
        return NULL;
    }
    bool has_no_place = self->tagged == NULL || self->tagged == Py_None;
    if (self->is_settled || (self->is_marked && has_no_place)) {
        Py_RETURN_NONE;
    }
    if (self->is_marked) {
        remove_untagged(path);
        path = self->tagged;
    }
    return PyObject_CallMethod(self->loader, "_cache_bytecode", "OOO", source_path, path, data);
}

/* The loader's what is not ours; by no failed look-up, whose exception would cost more than all
   else that is done here for a plain module. */
static PyObject *
code_source_getattr(PyObject *self, PyObject *name)
{
    return _PyType_Lookup(Py_TYPE(self), name) != NULL
               ? PyObject_GenericGetAttr(self, name)
               : PyObject_GetAttr(((CodeSource *)self)->loader, name);
}

static int
code_source_traverse(CodeSource *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->loader);
    Py_VISIT(self->fullname);
    Py_VISIT(self->source);
    Py_VISIT(self->tagged);
    return 0;
}

static void
code_source_dealloc(CodeSource *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->loader);
    Py_XDECREF(self->fullname);
    Py_XDECREF(self->source);
    Py_XDECREF(self->tagged);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef code_source_methods[] = {
    {"source_to_code", (PyCFunction)code_source_compile, METH_VARARGS, NULL},
    {"get_data", (PyCFunction)code_source_get_data, METH_O, NULL},
    {"_cache_bytecode", (PyCFunction)code_source_cache, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot code_source_slots[] = {
    {Py_tp_dealloc, code_source_dealloc},
    {Py_tp_traverse, code_source_traverse},
    {Py_tp_getattro, code_source_getattr},
    {Py_tp_methods, code_source_methods},
    {0, NULL},
};

static PyType_Spec code_source_spec = {
    .name = "asyncimport.CodeSource",
    .basicsize = sizeof(CodeSource),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = code_source_slots,
};

/* Borrowed: the interpreter keeps it. */
static PyTypeObject *
get_code_source_type(void)
{
    static const char key[] = "asyncimport.CodeSource";
    PyObject *store = PyInterpreterState_GetDict(PyInterpreterState_Get());
    if (store == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the interpreter has no dict");
        return NULL;
    }
    PyObject *type = PyDict_GetItemString(store, key);
    if (type == NULL) {
        type = PyType_FromSpec(&code_source_spec);
        int failed = type == NULL || PyDict_SetItemString(store, key, type) < 0;
        Py_XDECREF(type);
        if (failed) {
            return NULL;
        }
    }
    return (PyTypeObject *)type;
}

PyDoc_STRVAR(get_code_doc,
             "get_code(self, fullname, /)\n--\n\n"
             "Concrete implementation of InspectLoader.get_code.\n\n"
             "Reading of bytecode requires path_stats to be implemented. To write\n"
             "bytecode, set_data must also be implemented.  The code of a source marked by\n"
             "from __future__ import top_level_await is kept under the tag opt-await.");

static PyObject *
get_code(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    static const char *const keywords[] = {"self", "fullname", NULL};
    static _PyArg_Parser parser = {.format = "OO:get_code", .keywords = keywords};
    PyObject *loader, *fullname;
    if (!_PyArg_ParseStackAndKeywords(arguments, count, names, &parser, &loader, &fullname)) {
        return NULL;
    }
    return get_code_by_stand_in(loader, fullname, NULL, NULL);
}

static PyMethodDef get_code_definition = {"get_code", _PyCFunction_CAST(get_code),
                                          METH_FASTCALL | METH_KEYWORDS, get_code_doc};

/* Puts our get_code into SourceLoader, and keeps the one that was there. */
static int
replace_get_code(PyObject *source_loader, PyObject *store)
{
    PyObject *stock = PyObject_GetAttrString(source_loader, "get_code");
    PyObject *function = PyCFunction_New(&get_code_definition, NULL);
    PyObject *method = function == NULL ? NULL : PyInstanceMethod_New(function);
    int failed = stock == NULL || method == NULL
                 || PyDict_SetItemString(store, "asyncimport.get_code", stock) < 0
                 || PyObject_SetAttrString(source_loader, "get_code", method) < 0;
    Py_XDECREF(stock);
    Py_XDECREF(function);
    Py_XDECREF(method);
    return failed ? -1 : 0;
}

int
asyncimport_install(void)
{
    PyObject *store = PyInterpreterState_GetDict(PyInterpreterState_Get());
    PyObject *external = PyImport_ImportModule("_frozen_importlib_external");
    PyObject *source_loader =
        external == NULL ? NULL : PyObject_GetAttrString(external, "SourceLoader");
    int result = store == NULL || source_loader == NULL ? -1 : pycseal_install(external);
    if (result == 0) {
        result = replace_get_code(source_loader, store);
    }
    Py_XDECREF(external);
    Py_XDECREF(source_loader);
    return result;
}

WRAPPED(_PyImportZip_Init);

/* The last step of setting up the import system. */
PyStatus
__wrap__PyImportZip_Init(PyThreadState *tstate)
{
    PyStatus status = __real__PyImportZip_Init(tstate);
    if (!PyStatus_Exception(status) && asyncimport_install() < 0) {
        PyErr_PrintEx(0);
        return PyStatus_Error("importing of modules that await cannot be set up");
    }
    return status;
}
