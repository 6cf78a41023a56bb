/* Showing what the stages of the compiler made, for people and tests.

   A compile with a DumpRequest appends the text of each wanted stage as code units pass it.
   Memory: whoever made the request calls dump_clear(). */

#ifndef FRONTEND_DUMP_H
#define FRONTEND_DUMP_H

#include "Python.h"

typedef struct Compiler Compiler;
typedef struct Scopes Scopes;

/* ORDER dump_stage_names */
enum {
    DUMP_IR = 1,     /* instructions as generated */
    DUMP_FLOW = 2,   /* the flow graph when all passes have run */
    DUMP_CODE = 4,   /* the finished code object */
    DUMP_SCOPES = 8, /* blocks and symbols, before all code units */
};

typedef struct DumpRequest DumpRequest;
struct DumpRequest {
    int stages;
    PyObject *lines; /* list of str, NULL when empty */
};

/* The stages that -X dump=NAME,NAME asks for. */
int dump_stages_of_options(const PyWideStringList *xoptions);

/* The stage of a name: "scopes", "ir", "flow" (or "cfg"), "code"; 0 when there is none. */
int dump_stage_of_name(const char *name);

/* Appends the unit in hand when the stage is wanted. */
int dump_unit(Compiler *, int stage);
int dump_code(Compiler *, PyCodeObject *);
int dump_scopes(DumpRequest *, const Scopes *);

/* Appends a line, which is taken over; NULL is an exception set. */
int dump_line(DumpRequest *, PyObject *line);

/* All lines: a new reference. */
PyObject *dump_text(const DumpRequest *);
void dump_clear(DumpRequest *);

#endif
