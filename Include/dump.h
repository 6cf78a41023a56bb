/* Showing what the stages of the compiler made, for people and tests.

   A compile with a DumpRequest appends the text of each wanted stage as code units pass it.
   Memory: whoever made the request calls dump_clear(). */

#ifndef FRONTEND_DUMP_H
#define FRONTEND_DUMP_H

#include "Python.h"

struct Compiler;

/* ORDER dump_stage_names */
enum {
    DUMP_IR = 1,      /* instructions as generated */
    DUMP_FLOW = 2,    /* the flow graph when all passes have run */
    DUMP_CODE = 4,    /* the finished code object */
};

struct DumpRequest {
    int stages;
    PyObject *lines;   /* list of str, NULL when empty */
};

/* The stages that -X dump=NAME,NAME asks for. */
int dump_stages_of_options(const PyWideStringList *xoptions);

/* The stage of a name: "ir", "flow", "code"; 0 when there is none. */
int dump_stage_of_name(const char *name);

/* Appends the unit in hand when the stage is wanted. */
int dump_unit(struct Compiler *, int stage);
int dump_code(struct Compiler *, PyCodeObject *);

/* All lines: a new reference. */
PyObject *dump_text(const struct DumpRequest *);
void dump_clear(struct DumpRequest *);

#endif
