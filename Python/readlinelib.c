/* The library behind the module readline; see Include/readlinelib.h. */

#include "readlinelib.h"

#include <dlfcn.h>
#include <stdatomic.h>

/* What readline.set_auto_history() was told.  The module has a variable of its own for it, one for
   the process, which nobody can ask for; so we listen. */
static atomic_int history_is_manual;

/* The module's function; written once, before the module is anybody's. */
static PyCFunction module_set_auto_history;

/* The shared object that the function is in, if that is the module readline: by what it exports,
   since its name is anybody's. */
static void *
module_of(const void *function)
{
    Dl_info place, place_of_init;
    if (function == NULL || !dladdr(function, &place)) {
        return NULL;
    }
    void *module = dlopen(place.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (module == NULL) {
        return NULL;
    }
    void *init = dlsym(module, "PyInit_readline");
    if (init == NULL || !dladdr(init, &place_of_init)
        || place_of_init.dli_fbase != place.dli_fbase) {
        dlclose(module);
        return NULL;
    }
    return module;
}

void *
Readline_Open(void)
{
    const void *function;
    memcpy(&function, &PyOS_ReadlineFunctionPointer, sizeof(function));
    return module_of(function);
}

void
Readline_Close(void *library)
{
    if (library != NULL) {
        dlclose(library);
    }
}

/* What is asked of the module's shared object is looked for in the libraries that it is linked
   with, too. */
void *
Readline_Find(void *library, const char *name)
{
    return dlsym(library, name);
}

int
Readline_HasCallbacks(void *library)
{
    return Readline_Find(library, "rl_callback_handler_install") != NULL;
}

int
Readline_Call(void *library, const char *name)
{
    int (*function)(void);
    *(void **)&function = Readline_Find(library, name);
    if (function == NULL) {
        return 0;
    }
    function();
    return 1;
}

static PyObject *
set_auto_history(PyObject *module, PyObject *enabled)
{
    PyObject *result = module_set_auto_history(module, enabled);
    if (result != NULL) {
        history_is_manual = !PyObject_IsTrue(enabled);
    }
    return result;
}

/* The module's own words are added when it is imported. */
static PyMethodDef listening_function = {"set_auto_history", set_auto_history, METH_O, NULL};

/* Puts our function in the place of the module's, before anybody can have called that. */
static int
listen_to(PyObject *module)
{
    PyObject *function = PyObject_GetAttrString(module, listening_function.ml_name);
    if (function == NULL || !PyCFunction_Check(function)
        || PyCFunction_GET_FLAGS(function) != METH_O) {
        Py_XDECREF(function);
        return -1;
    }
    module_set_auto_history = PyCFunction_GET_FUNCTION(function);
    listening_function.ml_doc = ((PyCFunctionObject *)function)->m_ml->ml_doc;
    PyObject *ours = PyCFunction_NewEx(&listening_function, module,
                                       ((PyCFunctionObject *)function)->m_module);
    Py_DECREF(function);
    int failed = ours == NULL || PyModule_AddObjectRef(module, listening_function.ml_name, ours) < 0;
    Py_XDECREF(ours);
    return failed ? -1 : 0;
}

extern PyObject *__real__PyImport_LoadDynamicModuleWithSpec(PyObject *spec, FILE *fp);
extern PyObject *__wrap__PyImport_LoadDynamicModuleWithSpec(PyObject *spec, FILE *fp);

PyObject *
__wrap__PyImport_LoadDynamicModuleWithSpec(PyObject *spec, FILE *fp)
{
    PyObject *module = __real__PyImport_LoadDynamicModuleWithSpec(spec, fp);
    if (module != NULL && PyModule_Check(module)) {
        const char *name = PyModule_GetName(module);
        if (name == NULL || (strcmp(name, "readline") == 0 && listen_to(module) < 0)) {
            /* Another module than the one we know. */
            PyErr_Clear();
        }
    }
    return module;
}

/* What both libraries have in a history entry's first place. */
typedef struct {
    char *line;
} HistoryEntry;

void
Readline_AddHistory(void *library, const char *line)
{
    void (*add)(const char *);
    HistoryEntry *(*get)(int);
    *(void **)&add = Readline_Find(library, "add_history");
    *(void **)&get = Readline_Find(library, "history_get");
    int *base = Readline_Find(library, "history_base");
    int *length = Readline_Find(library, "history_length");
    if (*line == '\0' || add == NULL || history_is_manual) {
        return;
    }
    if (get != NULL && base != NULL && length != NULL && *length > 0) {
        HistoryEntry *last = get(*base + *length - 1);
        if (last != NULL && strcmp(last->line, line) == 0) {
            return;
        }
    }
    add(line);
}
