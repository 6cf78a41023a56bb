/* Showing what the stages of the compiler made.  The contract is in dump.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "pycore_code.h"
#include "pycore_opcode.h"
#include "codegen.h"
#include "dump.h"
#include "stages.h"

static const char *const dump_stage_names[] = {"ir", "flow", "code", "scopes"};

int
dump_stage_of_name(const char *name)
{
    for (int i = 0; i < (int)Py_ARRAY_LENGTH(dump_stage_names); i++) {
        if (strcmp(name, dump_stage_names[i]) == 0) {
            return 1 << i;
        }
    }
    /* What others call a flow graph. */
    return strcmp(name, "cfg") == 0 ? DUMP_FLOW : 0;
}

static int
stage_of_wide_name(const wchar_t *name, size_t length)
{
    char narrow[8];
    if (length >= sizeof(narrow)) {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        narrow[i] = (char)name[i];
    }
    narrow[length] = '\0';
    return dump_stage_of_name(narrow);
}

int
dump_stages_of_options(const PyWideStringList *xoptions)
{
    static const wchar_t option[] = L"dump=";
    int stages = 0;
    for (Py_ssize_t i = 0; i < xoptions->length; i++) {
        const wchar_t *at = xoptions->items[i];
        if (wcsncmp(at, option, Py_ARRAY_LENGTH(option) - 1) != 0) {
            continue;
        }
        at += Py_ARRAY_LENGTH(option) - 1;
        for (;;) {
            size_t length = wcscspn(at, L",");
            stages |= stage_of_wide_name(at, length);
            if (at[length] == L'\0') {
                break;
            }
            at += length + 1;
        }
    }
    return stages;
}

/* ---- Lines ---- */

int
dump_line(DumpRequest *dump, PyObject *line)
{
    if (line == NULL) {
        return -1;
    }
    int status = 0;
    if (dump->lines == NULL) {
        dump->lines = PyList_New(0);
        status = dump->lines == NULL ? -1 : 0;
    }
    if (status == 0) {
        status = PyList_Append(dump->lines, line);
    }
    Py_DECREF(line);
    return status;
}

PyObject *
dump_text(const DumpRequest *dump)
{
    PyObject *newline = PyUnicode_FromString("\n");
    if (newline == NULL || dump->lines == NULL) {
        return newline;
    }
    PyObject *text = PyUnicode_Join(newline, dump->lines);
    if (text != NULL) {
        PyUnicode_Append(&text, newline);
    }
    Py_DECREF(newline);
    return text;
}
SHOWN_TO_STAGES(dump_text);

void
dump_clear(DumpRequest *dump)
{
    Py_CLEAR(dump->lines);
}
SHOWN_TO_STAGES(dump_clear);

/* ---- Instructions ---- */

static PyObject *
described_constant(Compiler *compiler, int position)
{
    if (position >= pool_count(&compiler->constant_pool)) {
        return PyUnicode_FromString("?");
    }
    return PyObject_Repr(
        constants_object(&compiler->constants, pool_identity(&compiler->constant_pool, position)));
}

static PyObject *
described_name(Compiler *compiler, const Pool *pool, int position)
{
    if (position >= pool_count(pool)) {
        return PyUnicode_FromString("?");
    }
    return Py_NewRef(names_string(compiler->names, pool_identity(pool, position)));
}

/* What the argument stands for, the empty string where it is a number only. */
static PyObject *
described_argument(Compiler *compiler, const Instruction *instruction)
{
    int argument = instruction->argument;
    if (opcode_has(instruction->opcode, OPCODE_JUMPS | OPCODE_SETS_HANDLER)) {
        return PyUnicode_FromFormat("to L%d", argument - compiler->unit->entry);
    }
    switch (instruction->opcode) {
    case LOAD_CONST:
    case KW_NAMES:
        return described_constant(compiler, argument);
    case LOAD_FAST:
    case STORE_FAST:
    case DELETE_FAST:
        return described_name(compiler, &compiler->variable_pool, argument);
    case LOAD_GLOBAL:
        return described_name(compiler, &compiler->name_pool, argument >> 1);
    case LOAD_NAME:
    case STORE_NAME:
    case DELETE_NAME:
    case STORE_GLOBAL:
    case DELETE_GLOBAL:
    case LOAD_ATTR:
    case STORE_ATTR:
    case DELETE_ATTR:
    case LOAD_METHOD:
    case IMPORT_NAME:
    case IMPORT_FROM:
        return described_name(compiler, &compiler->name_pool, argument);
    default:
        return PyUnicode_FromString("");
    }
}

static PyObject *
described_location(Location where)
{
    if (where.line < 0) {
        return PyUnicode_FromString("-");
    }
    return PyUnicode_FromFormat("%d:%d-%d:%d", where.line, where.column, where.end_line,
                                where.end_column);
}

static int
dump_instruction(Compiler *compiler, const Instruction *instruction)
{
    PyObject *where = described_location(location_of(&compiler->store, instruction));
    PyObject *what = described_argument(compiler, instruction);
    PyObject *line = NULL;
    if (where != NULL && what != NULL) {
        const char *name = opcode_name(instruction->opcode);
        int takes_argument =
            instruction->opcode >= HAVE_ARGUMENT && PyUnicode_GET_LENGTH(what) == 0;
        line = takes_argument
                   ? PyUnicode_FromFormat("  %s %d  @ %U", name, instruction->argument, where)
                   : PyUnicode_FromFormat("  %s %U  @ %U", name, what, where);
    }
    Py_XDECREF(where);
    Py_XDECREF(what);
    return dump_line(compiler->dump, line);
}

static int
dump_block(Compiler *compiler, Label label)
{
    const Block *block = &compiler->store.blocks.items[label];
    PyObject *heading = block->start_depth >= 0
                            ? PyUnicode_FromFormat("L%d: depth %d", label - compiler->unit->entry,
                                                   block->start_depth)
                            : PyUnicode_FromFormat("L%d:", label - compiler->unit->entry);
    TRY(dump_line(compiler->dump, heading));
    for (int i = 0; i < block->count; i++) {
        TRY(dump_instruction(compiler, &compiler->store.instructions.items[block->first + i]));
    }
    return 0;
}

int
dump_unit(Compiler *compiler, int stage)
{
    DumpRequest *dump = compiler->dump;
    if (dump == NULL || !(dump->stages & stage)) {
        return 0;
    }
    const CodeUnit *unit = compiler->unit;
    TRY(dump_line(dump, PyUnicode_FromFormat("%s of %U", stage == DUMP_IR ? "ir" : "flow",
                                             unit->qualified_name != NULL ? unit->qualified_name
                                                                          : unit->name)));
    for (Label label = unit->entry; label != NO_LABEL;
         label = compiler->store.blocks.items[label].next) {
        TRY(dump_block(compiler, label));
    }
    return 0;
}

/* ---- Code objects ---- */

static int
dump_code_units(DumpRequest *dump, PyObject *code)
{
    const _Py_CODEUNIT *unit = (const _Py_CODEUNIT *)PyBytes_AS_STRING(code);
    int count = (int)(PyBytes_GET_SIZE(code) / (Py_ssize_t)sizeof(*unit));
    for (int i = 0; i < count; i += 1 + _PyOpcode_Caches[_Py_OPCODE(unit[i])]) {
        const char *name = opcode_name(_Py_OPCODE(unit[i]));
        TRY(dump_line(dump, PyUnicode_FromFormat("  %d %s %d", 2 * i, name, _Py_OPARG(unit[i]))));
    }
    return 0;
}

static int
dump_fields(DumpRequest *dump, PyCodeObject *code)
{
    TRY(dump_line(dump, PyUnicode_FromFormat("code of %U", code->co_qualname)));
    TRY(dump_line(dump, PyUnicode_FromFormat("  flags %d, stack %d, first line %d", code->co_flags,
                                             code->co_stacksize, code->co_firstlineno)));
    TRY(dump_line(dump, PyUnicode_FromFormat("  constants %R", code->co_consts)));
    TRY(dump_line(dump, PyUnicode_FromFormat("  names %R", code->co_names)));
    return dump_line(dump, PyUnicode_FromFormat("  variables %R", code->co_localsplusnames));
}

int
dump_code(Compiler *compiler, PyCodeObject *code)
{
    DumpRequest *dump = compiler->dump;
    if (dump == NULL || !(dump->stages & DUMP_CODE)) {
        return 0;
    }
    TRY(dump_fields(dump, code));
    PyObject *bytes = PyCode_GetCode(code);
    if (bytes == NULL) {
        return -1;
    }
    int status = dump_code_units(dump, bytes);
    Py_DECREF(bytes);
    return status;
}
