/* What every interpreter's modules sys and builtins have from the start beside stock's: the await
   hook, and our compile(), aexec() and aeval().

   Runs once for each interpreter, main and sub, when its sys module already stands.  What is put
   into builtins here counts as built in. */

#include "awaithook.h"
#include "modes.h"
#include "target.h"

#include <internal/pycore_interp.h>
#include <internal/pycore_pylifecycle.h>

WRAPPED(_PyBuiltin_Init);

PyObject *
__wrap__PyBuiltin_Init(PyInterpreterState *interp)
{
    PyObject *builtins = __real__PyBuiltin_Init(interp);
    if (builtins != NULL
        && (awaithook_add() < 0 || builtin_compile_add(builtins) < 0
            || builtin_async_add(builtins) < 0)) {
        Py_CLEAR(builtins);
    }
    return builtins;
}
