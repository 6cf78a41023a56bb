/* The program: hand the command line to the runtime.

   The same file makes ./python and python-stock, so that the two differ by the join alone. */

#include <Python.h>

__attribute__((visibility("hidden"))) int
main(int argc, char **argv)
{
    return Py_BytesMain(argc, argv);
}
