/* The library behind the module readline; see Include/readlinelib.h. */

#include "readlinelib.h"
#include "target.h"

#include <dlfcn.h>
#include <stdatomic.h>

/* Of the module, which is one for the process, as the library is. */
static struct {
    /* What readline.set_auto_history() was told.  The module has a variable of its own for it,
       which nobody can ask for; so we listen. */
    atomic_bool history_is_manual;
    /* Its function; written once, before the module is anybody's. */
    PyCFunction set_auto_history;
} module_readline;

/* What was found last; the module is never unloaded. */
static _Thread_local Readline found_library;

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

/* What is asked of the module's shared object is looked for in the libraries that it is linked
   with, too. */
static void
look_up_symbols(const void *reader)
{
    static const char *const names[] = {
#define READLINE_NAME(name) [READLINE_##name] = #name,
        READLINE_SYMBOLS(READLINE_NAME)
#undef READLINE_NAME
    };
    void *module = module_of(reader);
    found_library = (Readline){.reader = reader};
    if (module != NULL) {
        for (size_t i = 0; i < READLINE_SYMBOL_COUNT; i++) {
            found_library.symbols[i] = dlsym(module, names[i]);
        }
        dlclose(module);
    }
}

const Readline *
readlinelib_open(void)
{
    const void *reader;
    memcpy(&reader, &PyOS_ReadlineFunctionPointer, sizeof(reader));
    if (found_library.reader != reader) {
        look_up_symbols(reader);
    }
    bool has_callbacks = found_library.symbols[READLINE_rl_callback_handler_install] != NULL;
    return has_callbacks ? &found_library : NULL;
}

bool
readlinelib_call(const Readline *library, ReadlineSymbol name)
{
    int (*function)(void);
    *(void **)&function = library->symbols[name];
    if (function == NULL) {
        return false;
    }
    function();
    return true;
}

int
readlinelib_set(const Readline *library, ReadlineSymbol name, int value)
{
    int *variable = library->symbols[name];
    int before = variable == NULL ? 0 : *variable;
    if (variable != NULL) {
        *variable = value;
    }
    return before;
}

static PyObject *
set_auto_history(PyObject *module, PyObject *enabled)
{
    PyObject *result = module_readline.set_auto_history(module, enabled);
    if (result != NULL) {
        module_readline.history_is_manual = !PyObject_IsTrue(enabled);
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
    module_readline.set_auto_history = PyCFunction_GET_FUNCTION(function);
    listening_function.ml_doc = ((PyCFunctionObject *)function)->m_ml->ml_doc;
    PyObject *ours =
        PyCFunction_NewEx(&listening_function, module, ((PyCFunctionObject *)function)->m_module);
    Py_DECREF(function);
    int failed =
        ours == NULL || PyModule_AddObjectRef(module, listening_function.ml_name, ours) < 0;
    Py_XDECREF(ours);
    return failed ? -1 : 0;
}

WRAPPED(_PyImport_LoadDynamicModuleWithSpec);

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

static bool
is_last_in_history(const Readline *library, const char *line)
{
    HistoryEntry *(*get)(int);
    *(void **)&get = library->symbols[READLINE_history_get];
    const int *base = library->symbols[READLINE_history_base];
    const int *length = library->symbols[READLINE_history_length];
    if (get == NULL || base == NULL || length == NULL || *length <= 0) {
        return false;
    }
    HistoryEntry *last = get(*base + *length - 1);
    return last != NULL && strcmp(last->line, line) == 0;
}

void
readlinelib_add_history(const Readline *library, const char *line)
{
    void (*add)(const char *);
    *(void **)&add = library->symbols[READLINE_add_history];
    if (*line != '\0' && add != NULL && !module_readline.history_is_manual
        && !is_last_in_history(library, line)) {
        add(line);
    }
}
