/* sys.version: the distribution's version, and that this is not stock.

   Replaces getversion.o.  Everything before the tail is what stock says, in stock's form, since
   programs take it apart (platform.python_implementation() and its kin); they leave a tail
   alone. */

#include <Python.h>
#include <patchlevel.h>
#include "pyasync.h"

#define VERSION_TAIL "with top-level await " PYASYNC_VERSION

const unsigned long Py_Version = PY_VERSION_HEX;

/* Returns a static string, as the C API promises (see Py_GetVersion in the reference).  Its text
   never changes, so a second thread that writes it writes the same bytes. */
const char *
Py_GetVersion(void)
{
    static char version[256];
    PyOS_snprintf(version, sizeof(version), "%.80s (%.80s) %.80s " VERSION_TAIL, PY_VERSION,
                  Py_GetBuildInfo(), Py_GetCompiler());
    return version;
}
