/* What is true of CPython 3.11 alone.  A port to another version begins here, and Doc/porting.rst
   tells how it goes on: with join.list (what is replaced and wrapped), the internal headers listed
   below, and the private names of libraries that the runners rely on. */

#ifndef FRONTEND_TARGET_H
#define FRONTEND_TARGET_H

#include "Python.h"
#include "opcode.h"
#include "pycore_ast.h"
#include "pyasync.h"

#include <assert.h>
#include <stdint.h>

#if PY_VERSION_HEX >> 16 != 0x030B
#error                                                                                             \
    "this front end is CPython 3.11's: apt-get install libpython3.11-dev, or port it (Doc/porting.rst)"
#endif

/* ---- Calls ---- */

/* For a line `wrap NAME` of join.list: NAME as its header declares it, the original and ours. */
#define WRAPPED(name) extern __typeof__(name) __real_##name, __wrap_##name

/* Declared by no installed header. */
extern void _PyMem_DumpTraceback(int fd, const void *block);
extern PyObject *_PyImport_LoadDynamicModuleWithSpec(PyObject *spec, FILE *fp);
extern mod_ty _PyPegen_run_parser_from_string(const char *string, int mode, PyObject *filename,
                                              PyCompilerFlags *flags, PyArena *arena);
extern mod_ty _PyPegen_run_parser_from_file_pointer(FILE *file, int mode, PyObject *filename,
                                                    const char *encoding, const char *prompt,
                                                    const char *second_prompt,
                                                    PyCompilerFlags *flags, int *error_code,
                                                    PyArena *arena);

/* The internal headers (pycore_NAME.h) that are included anywhere:
   ast ceval code compile dict fileutils gc genobject global_strings initconfig interp object opcode
   parser pyarena pyerrors pylifecycle pymem pystate runtime symtable */

/* ---- Instructions ---- */

/* Opcodes of the code object are those of opcode.h, below OPCODE_LIMIT.  These exist before
   assembling only. */
enum {
    SETUP_FINALLY = -1,
    SETUP_CLEANUP = -2,
    SETUP_WITH = -3,
    POP_BLOCK = -4,
    JUMP = -5,
    JUMP_NO_INTERRUPT = -6,
    POP_JUMP_IF_FALSE = -7,
    POP_JUMP_IF_TRUE = -8,
    POP_JUMP_IF_NONE = -9,
    POP_JUMP_IF_NOT_NONE = -10,
    LOWEST_OPCODE = -10,
    OPCODE_LIMIT = 256,
};

static_assert(DO_TRACING < OPCODE_LIMIT, "an opcode is a byte");

/* ---- Flags ---- */

/* Bits of the compiler flags that CPython does not use, and that only our own callers pass.  The
   mark's, CO_FUTURE_TOP_LEVEL_AWAIT, is in pyasync.h. */
/* Every code object of the mode is a coroutine's, whether anything in it awaits or not. */
#define PyCF_ALWAYS_COROUTINE 0x40000000
/* Not a mode of stock: errors say what the mode has to do with them, and what may not await or
   yield is refused even where no code is made of it. */
#define PyCF_OWN_MODE 0x20000000
/* Imports at the top level of code that is a coroutine's are awaited (Python/codegen_imports.c).
   compile() takes this one, from our own consoles; no code object keeps it. */
#define PyCF_AWAITS_IMPORTS 0x08000000

static_assert(
    ((PyCF_MASK | PyCF_MASK_OBSOLETE | PyCF_COMPILE_MASK | PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE
      | CO_OPTIMIZED | CO_NEWLOCALS | CO_VARARGS | CO_VARKEYWORDS | CO_NESTED | CO_GENERATOR
      | CO_COROUTINE | CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR)
     & (PyCF_ALWAYS_COROUTINE | PyCF_OWN_MODE | PyCF_AWAITS_IMPORTS | CO_FUTURE_TOP_LEVEL_AWAIT))
        == 0,
    "a bit of ours has a meaning in CPython");

/* ---- Limits and sizes ---- */

enum {
    ARCHIVE_PARSER_DEPTH = 6000, /* of rules, by the archive's parser's own count */
};

static_assert(CO_MAXBLOCKS == 20, "\"too many statically nested blocks\"");
static_assert(sizeof(digit) == sizeof(uint32_t), "constants.c hashes digits of this size");
static_assert(sizeof(_Py_CODEUNIT) == 2, "assemble.c writes instructions of this size");

#endif
