/* Awaits in a program that embeds the interpreter: prints 42. */

#include <Python.h>
#include <pyasync.h>

int
main(void)
{
    Py_Initialize();
    PyRun_SimpleString("async def answer(): return 42\n");
    PyObject *names = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *coroutine = PyRun_String("answer()", Py_eval_input, names, names);
    PyObject *result = coroutine == NULL ? NULL : PySys_Await(coroutine);
    if (result == NULL) {
        PyErr_Print();
        return 1;
    }
    PyObject_Print(result, stdout, 0);
    Py_DECREF(coroutine);
    Py_DECREF(result);
    return Py_FinalizeEx() < 0;
}
