/* A function in the place of another; see Include/stand_in.h. */

#include "stand_in.h"

#include <stdbool.h>

typedef struct {
    PyObject_HEAD PyObject *condition;
    PyObject *ours;
    PyObject *stock;
} StandIn;

static PyObject *
stand_in_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"condition", "ours", "stock", NULL};
    PyObject *condition, *ours, *stock;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOO!:StandIn", names, &condition, &ours,
                                     &PyFunction_Type, &stock)) {
        return NULL;
    }
    StandIn *self = (StandIn *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->condition = Py_NewRef(condition);
        self->ours = Py_NewRef(ours);
        self->stock = Py_NewRef(stock);
    }
    return (PyObject *)self;
}

static int
stand_in_traverse(StandIn *self, visitproc visit, void *arg)
{
    Py_VISIT(self->condition);
    Py_VISIT(self->ours);
    Py_VISIT(self->stock);
    return 0;
}

static int
stand_in_clear(StandIn *self)
{
    Py_CLEAR(self->condition);
    Py_CLEAR(self->ours);
    Py_CLEAR(self->stock);
    return 0;
}

static void
stand_in_dealloc(StandIn *self)
{
    PyObject_GC_UnTrack(self);
    stand_in_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* 1 or 0, -1 with an exception.  Of wrong arguments stock is to complain, in its own words. */
static int
condition_holds(StandIn *self, PyObject *arguments, PyObject *keywords)
{
    PyObject *answer = PyObject_Call(self->condition, arguments, keywords);
    if (answer == NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        return 0;
    }
    int holds = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return holds;
}

static PyObject *
stand_in_call(StandIn *self, PyObject *arguments, PyObject *keywords)
{
    int holds = condition_holds(self, arguments, keywords);
    if (holds < 0) {
        return NULL;
    }
    return PyObject_Call(holds ? self->ours : self->stock, arguments, keywords);
}

static PyObject *
stand_in_bind(PyObject *self, PyObject *instance, PyObject *Py_UNUSED(type))
{
    return instance == NULL || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

static PyObject *
stand_in_repr(StandIn *self)
{
    return PyObject_Repr(self->stock);
}

static bool
is_name(PyObject *object, const char *name)
{
    return PyUnicode_Check(object) && PyUnicode_CompareWithASCIIString(object, name) == 0;
}

/* All that can be seen is stock's, the class too, so that who looks for functions finds one;
   __wrapped__ leads to stock itself. */
static PyObject *
stand_in_getattr(StandIn *self, PyObject *name)
{
    if (is_name(name, "__wrapped__")) {
        return Py_NewRef(self->stock);
    }
    if (is_name(name, "__reduce_ex__")) {
        return PyObject_GenericGetAttr((PyObject *)self, name);
    }
    return PyObject_GetAttr(self->stock, name);
}

/* Functions are pickled and copied by name. */
static PyObject *
stand_in_reduce(StandIn *self, PyObject *Py_UNUSED(protocol))
{
    return PyObject_GetAttrString(self->stock, "__qualname__");
}

static PyMethodDef stand_in_methods[] = {
    {"__reduce_ex__", (PyCFunction)stand_in_reduce, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(stand_in_doc,
             "StandIn(condition, ours, stock)\n--\n\n"
             "The function stock, in whose place ours is called where condition says so.\n\n"
             "All three are called with the same arguments.  A call of stock's has no frame\n"
             "in between.");

PyTypeObject StandIn_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "_autoawait.StandIn",
    .tp_basicsize = sizeof(StandIn),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = stand_in_doc,
    .tp_new = stand_in_new,
    .tp_traverse = (traverseproc)stand_in_traverse,
    .tp_clear = (inquiry)stand_in_clear,
    .tp_dealloc = (destructor)stand_in_dealloc,
    .tp_call = (ternaryfunc)stand_in_call,
    .tp_descr_get = stand_in_bind,
    .tp_getattro = (getattrofunc)stand_in_getattr,
    .tp_repr = (reprfunc)stand_in_repr,
    .tp_methods = stand_in_methods,
};
