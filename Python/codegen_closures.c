/* Functions made of code objects, with the cells that they close over.  The contract is in
   codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include "codegen.h"

/* The slot of a cell or free variable that a nested unit closes over.  __class__ in a class is
   the class's own cell, whatever else the name means there. */
static int
closed_over_slot(Compiler *compiler, NameId name)
{
    const CodeUnit *unit = compiler->unit;
    if (unit->kind == UNIT_CLASS && unit->scope->needs_class_closure
        && name == unit->cell_names[0]) {
        return 0;
    }
    const Symbol *symbol = symbol_in(compiler, unit->scope, name);
    if (symbol == NULL || symbol->slot < 0) {
        PyErr_Format(PyExc_SystemError, "variable %R is closed over, but has no cell",
                     names_string(compiler->names, name));
        return -1;
    }
    return symbol->slot;
}

static int
emit_closure(Compiler *compiler, const CodeUnit *inner)
{
    for (int i = 0; i < inner->free_count; i++) {
        int slot = closed_over_slot(compiler, inner->cell_names[inner->cell_count + i]);
        TRY(slot);
        TRY(emit_with(compiler, LOAD_CLOSURE, slot));
    }
    return emit_with(compiler, BUILD_TUPLE, inner->free_count);
}

int
emit_function(Compiler *compiler, PyCodeObject *code, const CodeUnit *inner, int parts)
{
    enum { HAS_CLOSURE = 8 };
    if (code == NULL) {
        return -1;
    }
    if (compiler->only_looks) {
        Py_DECREF(code);
        return 0;
    }
    if (inner->free_count > 0) {
        parts |= HAS_CLOSURE;
        if (emit_closure(compiler, inner) < 0) {
            Py_DECREF(code);
            return -1;
        }
    }
    TRY(emit_new_constant(compiler, (PyObject *)code));
    return emit_with(compiler, MAKE_FUNCTION, parts);
}
