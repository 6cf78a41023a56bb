/* The program: hand the command line to the runtime.

   The same file makes ./python and python-stock, so that the two differ by the join alone: what
   ours does before the runtime takes over is in Python/program.c, which stock does not link. */

#include <Python.h>

extern int program_main(int argc, char **argv) __attribute__((weak));

__attribute__((visibility("hidden"))) int
main(int argc, char **argv)
{
    return program_main != NULL ? program_main(argc, argv) : Py_BytesMain(argc, argv);
}
