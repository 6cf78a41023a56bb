/* The main program, and whether it may await (Python/program.c). */

#ifndef ASYNC_PROGRAM_H
#define ASYNC_PROGRAM_H

#include <Python.h>
#include <stdio.h>

/* As Py_BytesMain: initialises the runtime from the command line, runs the program, finalises.
   Returns the exit status. */
int program_main(int argc, char **argv);

/* Around the runtime's reading of input that is no prompt: the runtime is to be called with
   *copy, which allows await if the program may.  program_end_file takes back into flags (or
   nowhere, if NULL) the features that the program switched on. */
void program_begin_file(const PyCompilerFlags *flags, PyCompilerFlags *copy);
void program_end_file(PyCompilerFlags *flags, const PyCompilerFlags *copy);

/* As exec(), for code that is a coroutine's: it is run by sys.awaithook, and what lives on the
   runner ends with it if it is the program that globals call __main__.  globals is a dict, locals
   any mapping or NULL.  New reference to the result, NULL with an exception. */
PyObject *program_exec(PyCodeObject *code, PyObject *globals, PyObject *locals);

/* As PyEval_EvalCode() for code that is a coroutine's, where the caller has it run: that of a
   marked source would else be taken for the main program.  New reference to the coroutine, NULL
   with an exception. */
PyObject *program_make_coroutine(PyCodeObject *code, PyObject *globals, PyObject *locals);

#endif
