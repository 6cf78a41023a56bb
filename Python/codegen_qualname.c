/* The qualified names of functions and classes (PEP 3155).  The contract is in codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include "codegen.h"

static bool
has_named_scope(const CodeUnit *unit)
{
    return unit->kind == UNIT_FUNCTION || unit->kind == UNIT_ASYNC_FUNCTION
           || unit->kind == UNIT_CLASS;
}

static bool
shows_locals(const CodeUnit *unit)
{
    return unit->kind == UNIT_FUNCTION || unit->kind == UNIT_ASYNC_FUNCTION
           || unit->kind == UNIT_LAMBDA;
}

/* Whether the unit around declares the function's or class's name global. */
static int
is_declared_global(Compiler *compiler, const CodeUnit *unit)
{
    NameId name = names_intern(compiler->names, unit->name);
    TRY(name);
    name = names_mangle(compiler->names, unit->around->scope->private_class, name);
    TRY(name);
    const Symbol *symbol = symbol_in(compiler, unit->around->scope, name);
    return symbol != NULL && symbol->binding == BINDING_GLOBAL_EXPLICIT;
}

PyObject *
unit_qualified_name(Compiler *compiler, const CodeUnit *unit)
{
    CodeUnit *around = unit->around;
    if (around == NULL || around->around == NULL) {
        return Py_NewRef(unit->name);
    }
    if (has_named_scope(unit)) {
        int is_global = is_declared_global(compiler, unit);
        if (is_global != 0) {
            return is_global < 0 ? NULL : Py_NewRef(unit->name);
        }
    }
    if (around->inner_prefix == NULL) {
        around->inner_prefix = PyUnicode_FromFormat(shows_locals(around) ? "%U.<locals>." : "%U.",
                                                    around->qualified_name);
    }
    return around->inner_prefix == NULL ? NULL : PyUnicode_Concat(around->inner_prefix, unit->name);
}
