/* Showing the scopes of a compile as text: a line for each block and each symbol, inner blocks
 * indented.  Entry point: dump_scopes() of dump.h. */

#include "dump.h"
#include "scopes.h"

#include <string.h>

typedef struct Bit Bit;
struct Bit {
    int bit;
    const char *text;
};

static const Bit symbol_bits[] = {
    {SYMBOL_GLOBAL, "global"},      {SYMBOL_NONLOCAL, "nonlocal"}, {SYMBOL_PARAMETER, "parameter"},
    {SYMBOL_LOCAL, "assigned"},     {SYMBOL_IMPORTED, "imported"}, {SYMBOL_ANNOTATED, "annotated"},
    {SYMBOL_ITERATION, "iterates"}, {SYMBOL_USED, "used"},         {SYMBOL_FREE_CLASS, "passed on"},
};

static const char *const bindings[] = {
    [BINDING_NONE] = "unbound",
    [BINDING_LOCAL] = "local",
    [BINDING_GLOBAL_EXPLICIT] = "declared global",
    [BINDING_GLOBAL_IMPLICIT] = "global",
    [BINDING_FREE] = "free",
    [BINDING_CELL] = "cell",
};

static const char *const kinds[] = {
    [SCOPE_MODULE] = "module",
    [SCOPE_CLASS] = "class",
    [SCOPE_FUNCTION] = "function",
    [SCOPE_LAMBDA] = "lambda",
    [SCOPE_COMPREHENSION] = "comprehension",
    [SCOPE_ANNOTATION] = "annotation",
};

/* Deep blocks share the deepest indentation. */
static const char *
indentation(int depth)
{
    static const char spaces[] = "                                        ";
    int deepest = (int)sizeof(spaces) - 1;
    return &spaces[deepest - Py_MIN(2 * depth, deepest)];
}

static void
append_word(char *text, size_t size, const char *word)
{
    size_t length = strlen(text);
    PyOS_snprintf(text + length, size - length, ", %s", word);
}

static int
dump_symbol(DumpRequest *dump, const Names *names, const Symbol *symbol, int depth)
{
    char text[160] = "";
    append_word(text, sizeof(text), bindings[symbol->binding]);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(symbol_bits); i++) {
        if (symbol->flags & symbol_bits[i].bit) {
            append_word(text, sizeof(text), symbol_bits[i].text);
        }
    }
    return dump_line(dump, PyUnicode_FromFormat("%s%U%s", indentation(depth),
                                                names_string(names, symbol->name), text));
}

static int
dump_scope(DumpRequest *dump, const Names *names, const Scope *scope, int depth)
{
    char text[160] = "";
    if (scope->is_generator) {
        append_word(text, sizeof(text), "generator");
    }
    if (scope->is_coroutine) {
        append_word(text, sizeof(text), "coroutine");
    }
    if (scope->needs_class_closure) {
        append_word(text, sizeof(text), "needs __class__");
    }
    int result =
        dump_line(dump, PyUnicode_FromFormat("%s%s %U%s:", indentation(depth), kinds[scope->kind],
                                             names_string(names, scope->name), text));
    const Symbol *symbol;
    FOR_EACH_SYMBOL (scope, symbol) {
        if (result == 0) {
            result = dump_symbol(dump, names, symbol, depth + 1);
        }
    }
    return result;
}

/* The block after `scope`, outer before inner. */
static const Scope *
next_scope(const Scope *scope, int *depth)
{
    if (scope->first_child != NULL) {
        ++*depth;
        return scope->first_child;
    }
    while (scope != NULL && scope->next_sibling == NULL) {
        scope = scope->parent;
        --*depth;
    }
    return scope != NULL ? scope->next_sibling : NULL;
}

int
dump_scopes(DumpRequest *dump, const Scopes *scopes)
{
    if (!(dump->stages & DUMP_SCOPES)) {
        return 0;
    }
    int depth = 0;
    const Scope *at = scopes->top;
    int result = dump_line(dump, PyUnicode_FromFormat("scopes of %U", scopes->filename));
    while (result == 0 && at != NULL) {
        result = dump_scope(dump, scopes->names, at, depth);
        at = next_scope(at, &depth);
    }
    return result;
}
