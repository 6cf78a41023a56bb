/* Signals held back; see Include/interrupts.h.

   The runtime asks for pending signals in two functions: one that its evaluation loop calls, one
   that everybody else does.  Both come by here. */

#include "interrupts.h"
#include "target.h"

#include <internal/pycore_ceval.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pyerrors.h>
#include <internal/pycore_pystate.h>

static _Thread_local struct {
    bool held;
    bool missed; /* somebody asked meanwhile, and the evaluation loop does so only once */
} interrupts;

WRAPPED(_PyErr_CheckSignalsTstate);
WRAPPED(PyErr_CheckSignals);

int
__wrap__PyErr_CheckSignalsTstate(PyThreadState *tstate)
{
    if (interrupts.held) {
        interrupts.missed = true;
        return 0;
    }
    return __real__PyErr_CheckSignalsTstate(tstate);
}

int
__wrap_PyErr_CheckSignals(void)
{
    if (interrupts.held) {
        interrupts.missed = true;
        return 0;
    }
    return __real_PyErr_CheckSignals();
}

bool
interrupts_set_held(bool held)
{
    bool before = interrupts.held;
    interrupts.held = held;
    if (!held && interrupts.missed) {
        interrupts.missed = false;
        _PyEval_SignalReceived(PyInterpreterState_Main());
    }
    return before;
}

PyObject *
interrupts_call(bool held, PyObject *function, PyObject *const *arguments, Py_ssize_t count)
{
    bool before = interrupts_set_held(held);
    PyObject *result = PyObject_Vectorcall(function, arguments, (size_t)count, NULL);
    if (result != NULL && !held && PyErr_CheckSignals() < 0) {
        Py_CLEAR(result);
    }
    interrupts_set_held(before);
    return result;
}
