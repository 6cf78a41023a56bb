/* _ast: what the standard library's module ast takes from here: the classes of the nodes, flags of
   compile(), and is_async(). */

#include "ast_objects.h"
#include "modes.h"

#include <internal/pycore_compile.h>

PyDoc_STRVAR(is_async_doc,
             "is_async(source, /)\n--\n\n"
             "Return whether running source takes a coroutine.\n\n"
             "The source is text (str or bytes), a Module, Interactive or Expression, or a code\n"
             "object.  Text and trees are looked at as programs that may await outside of\n"
             "functions; what is none raises its SyntaxError.");

static PyObject *
is_async(PyObject *Py_UNUSED(module), PyObject *source)
{
    int result = compile_mode_is_async(source);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

static PyMethodDef ast_functions[] = {{"is_async", is_async, METH_O, is_async_doc},
                                      {NULL, NULL, 0, NULL}};

/* The order is that of stock's. */
static int
ast_exec(PyObject *module)
{
    if (ast_types_add_base_to(module) < 0
        || PyModule_AddIntMacro(module, PyCF_ALLOW_TOP_LEVEL_AWAIT) < 0
        || PyModule_AddIntMacro(module, PyCF_ONLY_AST) < 0
        || PyModule_AddIntMacro(module, PyCF_TYPE_COMMENTS) < 0) {
        return -1;
    }
    return ast_types_add_to(module);
}

static PyModuleDef_Slot ast_slots[] = {{Py_mod_exec, ast_exec}, {0, NULL}};

static struct PyModuleDef ast_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_ast",
    .m_methods = ast_functions,
    .m_slots = ast_slots,
};

PyMODINIT_FUNC
PyInit__ast(void)
{
    return PyModuleDef_Init(&ast_module);
}
