/* Code generation for calls and for displays, which gather their parts alike: few parts are
   pushed on the stack, many or unpacked ones are added to a list, set or dict as they come.
   The contract is in codegen.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "codegen.h"

/* More parts than this are not kept on the stack. */
enum { MOST_ON_STACK = 30 };

/* ---- Repeated names ---- */

static Py_ssize_t
find_repeated_among_few(PyObject *const *names, Py_ssize_t count, Py_ssize_t *again)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        for (Py_ssize_t j = i + 1; names[i] != NULL && j < count; j++) {
            if (names[j] == names[i]
                || (names[j] != NULL && PyUnicode_Compare(names[i], names[j]) == 0)) {
                *again = j;
                return i;
            }
        }
    }
    return count;
}

/* Remembers where each name came first.  Returns the smallest such index that comes again. */
static Py_ssize_t
scan_names(PyObject *const *names, Py_ssize_t count, Py_ssize_t *again, PyObject *first_index)
{
    Py_ssize_t repeated = count;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (names[i] == NULL) {
            continue;
        }
        PyObject *index = PyLong_FromSsize_t(i);
        if (index == NULL) {
            return -1;
        }
        PyObject *known = PyDict_SetDefault(first_index, names[i], index);
        Py_DECREF(index);
        if (known == NULL) {
            return -1;
        }
        Py_ssize_t first = PyLong_AsSsize_t(known);
        if (first != i && first < repeated) {
            repeated = first;
            *again = i;
        }
    }
    return repeated;
}

Py_ssize_t
find_repeated_name(PyObject *const *names, Py_ssize_t count, Py_ssize_t *again)
{
    enum { FEW = 12 };
    if (count <= FEW) {
        return find_repeated_among_few(names, count, again);
    }
    PyObject *first_index = PyDict_New();
    if (first_index == NULL) {
        return -1;
    }
    Py_ssize_t repeated = scan_names(names, count, again, first_index);
    Py_DECREF(first_index);
    return repeated;
}

/* ---- Displays ---- */

static bool
all_constant(asdl_expr_seq *parts, Py_ssize_t begin, Py_ssize_t end)
{
    for (Py_ssize_t i = begin; i < end; i++) {
        expr_ty part = asdl_seq_GET(parts, i);
        if (part == NULL || part->kind != Constant_kind) {
            return false;
        }
    }
    return true;
}

static bool
any_starred(asdl_expr_seq *parts)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(parts); i++) {
        if (asdl_seq_GET(parts, i)->kind == Starred_kind) {
            return true;
        }
    }
    return false;
}

static PyObject *
tuple_of_constants(asdl_expr_seq *parts, Py_ssize_t begin, Py_ssize_t end)
{
    PyObject *tuple = PyTuple_New(end - begin);
    for (Py_ssize_t i = begin; tuple != NULL && i < end; i++) {
        PyTuple_SET_ITEM(tuple, i - begin, Py_NewRef(asdl_seq_GET(parts, i)->v.Constant.value));
    }
    return tuple;
}

static PyObject *
set_of_constants(asdl_expr_seq *parts)
{
    PyObject *tuple = tuple_of_constants(parts, 0, asdl_seq_LEN(parts));
    PyObject *set = tuple == NULL ? NULL : PyFrozenSet_New(tuple);
    Py_XDECREF(tuple);
    return set;
}

/* What builds a display in one go, and what makes it grow.  A tuple that grows is a list first. */
static const struct {
    int build;
    int start;
    int add;
    int extend;
} display_opcodes[] = {
    [DISPLAY_LIST] = {BUILD_LIST, BUILD_LIST, LIST_APPEND, LIST_EXTEND},
    [DISPLAY_TUPLE] = {BUILD_TUPLE, BUILD_LIST, LIST_APPEND, LIST_EXTEND},
    [DISPLAY_SET] = {BUILD_SET, BUILD_SET, SET_ADD, SET_UPDATE},
};

static int
finish_display(Compiler *compiler, DisplayKind kind)
{
    return kind == DISPLAY_TUPLE ? emit(compiler, LIST_TO_TUPLE) : 0;
}

/* A display of constants: one constant, copied into what is built. */
static int
constant_display(Compiler *compiler, asdl_expr_seq *parts, int pushed, DisplayKind kind)
{
    if (kind == DISPLAY_TUPLE && pushed == 0) {
        return emit_new_constant(compiler, tuple_of_constants(parts, 0, asdl_seq_LEN(parts)));
    }
    TRY(emit_with(compiler, display_opcodes[kind].start, pushed));
    TRY(emit_new_constant(compiler, kind == DISPLAY_SET
                                        ? set_of_constants(parts)
                                        : tuple_of_constants(parts, 0, asdl_seq_LEN(parts))));
    TRY(emit_with(compiler, display_opcodes[kind].extend, 1));
    return finish_display(compiler, kind);
}

/* What comes before the first starred part stays on the stack until then, unless it is much. */
static int
growing_display(Compiler *compiler, asdl_expr_seq *parts, int pushed, DisplayKind kind,
                bool is_much)
{
    int start = display_opcodes[kind].start;
    bool is_built = false;
    if (is_much) {
        TRY(emit_with(compiler, start, pushed));
        is_built = true;
    }
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(parts); i++) {
        expr_ty part = asdl_seq_GET(parts, i);
        bool is_starred = part->kind == Starred_kind;
        if (is_starred && !is_built) {
            TRY(emit_with(compiler, start, i + pushed));
            is_built = true;
        }
        TRY(codegen_expression(compiler, is_starred ? part->v.Starred.value : part));
        if (is_built) {
            TRY(emit_with(compiler,
                          is_starred ? display_opcodes[kind].extend : display_opcodes[kind].add,
                          1));
        }
    }
    return finish_display(compiler, kind);
}

int
codegen_display(Compiler *compiler, asdl_expr_seq *parts, int pushed, DisplayKind kind)
{
    Py_ssize_t count = asdl_seq_LEN(parts);
    if (count > 2 && all_constant(parts, 0, count)) {
        return constant_display(compiler, parts, pushed, kind);
    }
    bool is_much = count + pushed > MOST_ON_STACK;
    if (is_much || any_starred(parts)) {
        return growing_display(compiler, parts, pushed, kind, is_much);
    }
    TRY(codegen_expressions(compiler, parts));
    return emit_with(compiler, display_opcodes[kind].build, count + pushed);
}

/* ---- Calls ---- */

static int
check_keywords(Compiler *compiler, asdl_keyword_seq *keywords)
{
    Py_ssize_t count = asdl_seq_LEN(keywords);
    if (count == 0) {
        return 0;
    }
    PyObject **names = PyMem_New(PyObject *, count);
    if (names == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        names[i] = asdl_seq_GET(keywords, i)->arg;
    }
    Py_ssize_t again = 0;
    Py_ssize_t repeated = find_repeated_name(names, count, &again);
    PyMem_Free(names);
    TRY(repeated);
    for (Py_ssize_t i = 0; i < count && i <= repeated; i++) {
        PyObject *name = asdl_seq_GET(keywords, i)->arg;
        if (name != NULL) {
            TRY(refuse_forbidden_name(compiler, name, Store));
        }
    }
    if (repeated < count) {
        set_location(compiler, LOCATION_OF(asdl_seq_GET(keywords, again)));
        return codegen_error(compiler, "keyword argument repeated: %U",
                             asdl_seq_GET(keywords, repeated)->arg);
    }
    return 0;
}

static bool
any_unpacked_keyword(asdl_keyword_seq *keywords)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(keywords); i++) {
        if (asdl_seq_GET(keywords, i)->arg == NULL) {
            return true;
        }
    }
    return false;
}

static PyObject *
keyword_names(asdl_keyword_seq *keywords, Py_ssize_t begin, Py_ssize_t end)
{
    PyObject *names = PyTuple_New(end - begin);
    for (Py_ssize_t i = begin; names != NULL && i < end; i++) {
        PyTuple_SET_ITEM(names, i - begin, Py_NewRef(asdl_seq_GET(keywords, i)->arg));
    }
    return names;
}

static int
codegen_keyword_values(Compiler *compiler, asdl_keyword_seq *keywords, Py_ssize_t begin,
                       Py_ssize_t end)
{
    for (Py_ssize_t i = begin; i < end; i++) {
        TRY(codegen_expression(compiler, asdl_seq_GET(keywords, i)->value));
    }
    return 0;
}

/* Keyword arguments on the stack, their names as a constant of the call. */
static int
codegen_named_arguments(Compiler *compiler, asdl_keyword_seq *keywords)
{
    Py_ssize_t count = asdl_seq_LEN(keywords);
    if (count == 0) {
        return 0;
    }
    TRY(codegen_keyword_values(compiler, keywords, 0, count));
    PyObject *names = keyword_names(keywords, 0, count);
    if (names == NULL) {
        return -1;
    }
    int position = unit_constant(compiler, names);
    Py_DECREF(names);
    TRY(position);
    return emit_with(compiler, KW_NAMES, position);
}

static int
emit_call(Compiler *compiler, Py_ssize_t count)
{
    TRY(emit_with(compiler, PRECALL, count));
    return emit_with(compiler, CALL, count);
}

/* A dict of the keyword arguments from `begin` to `end`. */
static int
codegen_keyword_dict(Compiler *compiler, asdl_keyword_seq *keywords, Py_ssize_t begin,
                     Py_ssize_t end)
{
    Py_ssize_t count = end - begin;
    bool is_much = count * 2 > MOST_ON_STACK;
    if (count > 1 && !is_much) {
        TRY(codegen_keyword_values(compiler, keywords, begin, end));
        TRY(emit_new_constant(compiler, keyword_names(keywords, begin, end)));
        return emit_with(compiler, BUILD_CONST_KEY_MAP, count);
    }
    if (is_much) {
        TRY(emit_artificial(compiler, BUILD_MAP, 0));
    }
    for (Py_ssize_t i = begin; i < end; i++) {
        TRY(emit_constant(compiler, asdl_seq_GET(keywords, i)->arg));
        TRY(codegen_expression(compiler, asdl_seq_GET(keywords, i)->value));
        if (is_much) {
            TRY(emit_artificial(compiler, MAP_ADD, 1));
        }
    }
    return is_much ? 0 : emit_with(compiler, BUILD_MAP, count);
}

/* Makes one dict of what is on the stack and the run of keywords that ends before `end`. */
static int
merge_keyword_run(Compiler *compiler, asdl_keyword_seq *keywords, Py_ssize_t begin, Py_ssize_t end,
                  bool *has_dict)
{
    if (begin == end) {
        return 0;
    }
    TRY(codegen_keyword_dict(compiler, keywords, begin, end));
    if (*has_dict) {
        TRY(emit_with(compiler, DICT_MERGE, 1));
    }
    *has_dict = true;
    return 0;
}

static int
codegen_unpacked_keywords(Compiler *compiler, asdl_keyword_seq *keywords)
{
    Py_ssize_t count = asdl_seq_LEN(keywords);
    Py_ssize_t run = 0;
    bool has_dict = false;
    for (Py_ssize_t i = 0; i < count; i++) {
        keyword_ty keyword = asdl_seq_GET(keywords, i);
        if (keyword->arg != NULL) {
            continue;
        }
        TRY(merge_keyword_run(compiler, keywords, run, i, &has_dict));
        run = i + 1;
        if (!has_dict) {
            TRY(emit_with(compiler, BUILD_MAP, 0));
            has_dict = true;
        }
        TRY(codegen_expression(compiler, keyword->value));
        TRY(emit_with(compiler, DICT_MERGE, 1));
    }
    return merge_keyword_run(compiler, keywords, run, count, &has_dict);
}

/* A call with one tuple of positional and one dict of keyword arguments. */
static int
codegen_unpacked_call(Compiler *compiler, int pushed, asdl_expr_seq *arguments,
                      asdl_keyword_seq *keywords)
{
    bool is_one_starred = pushed == 0 && asdl_seq_LEN(arguments) == 1
                          && asdl_seq_GET(arguments, 0)->kind == Starred_kind;
    if (is_one_starred) {
        TRY(codegen_expression(compiler, asdl_seq_GET(arguments, 0)->v.Starred.value));
    }
    else {
        TRY(codegen_display(compiler, arguments, pushed, DISPLAY_TUPLE));
    }
    if (asdl_seq_LEN(keywords) > 0) {
        TRY(codegen_unpacked_keywords(compiler, keywords));
    }
    return emit_with(compiler, CALL_FUNCTION_EX, asdl_seq_LEN(keywords) > 0);
}

int
codegen_call_arguments(Compiler *compiler, int pushed, asdl_expr_seq *arguments,
                       asdl_keyword_seq *keywords)
{
    TRY(check_keywords(compiler, keywords));
    Py_ssize_t positional = asdl_seq_LEN(arguments);
    Py_ssize_t named = asdl_seq_LEN(keywords);
    if (positional + named * 2 > MOST_ON_STACK || any_starred(arguments)
        || any_unpacked_keyword(keywords)) {
        return codegen_unpacked_call(compiler, pushed, arguments, keywords);
    }
    TRY(codegen_expressions(compiler, arguments));
    TRY(codegen_named_arguments(compiler, keywords));
    return emit_call(compiler, pushed + positional + named);
}

/* Attributes of imported modules are functions more often than methods. */
static int
is_imported_name(Compiler *compiler, expr_ty expression)
{
    if (expression->kind != Name_kind) {
        return 0;
    }
    NameId name = names_intern(compiler->names, expression->v.Name.id);
    TRY(name);
    const Symbol *symbol = symbol_in(compiler, compiler->scopes->top, name);
    return symbol != NULL && (symbol->flags & SYMBOL_IMPORTED);
}

static int
is_method_call(Compiler *compiler, expr_ty call)
{
    expr_ty function = call->v.Call.func;
    if (function->kind != Attribute_kind || function->v.Attribute.ctx != Load) {
        return 0;
    }
    Py_ssize_t named = asdl_seq_LEN(call->v.Call.keywords);
    if (asdl_seq_LEN(call->v.Call.args) + named + (named != 0) >= MOST_ON_STACK
        || any_starred(call->v.Call.args) || any_unpacked_keyword(call->v.Call.keywords)) {
        return 0;
    }
    int is_imported = is_imported_name(compiler, function->v.Attribute.value);
    return is_imported < 0 ? -1 : !is_imported;
}

void
locate_attribute(Compiler *compiler, expr_ty attribute)
{
    Location *where = &compiler->unit->where;
    if (attribute->end_lineno == where->line) {
        return;
    }
    where->line = attribute->end_lineno;
    int length = (int)PyUnicode_GET_LENGTH(attribute->v.Attribute.attr);
    if (length <= attribute->end_col_offset) {
        where->column = attribute->end_col_offset - length;
    }
    else {
        where->column = -1;
        where->end_column = -1;
    }
    where->end_line = Py_MAX(where->end_line, where->line);
    if (where->line == where->end_line) {
        where->end_column = Py_MAX(where->end_column, where->column);
    }
}

static int
codegen_method_call(Compiler *compiler, expr_ty call)
{
    expr_ty method = call->v.Call.func;
    asdl_keyword_seq *keywords = call->v.Call.keywords;
    TRY(codegen_expression(compiler, method->v.Attribute.value));
    set_location(compiler, LOCATION_OF(method));
    locate_attribute(compiler, method);
    TRY(emit_name(compiler, LOAD_METHOD, method->v.Attribute.attr));
    TRY(codegen_expressions(compiler, call->v.Call.args));
    TRY(codegen_named_arguments(compiler, keywords));
    set_location(compiler, LOCATION_OF(call));
    locate_attribute(compiler, method);
    return emit_call(compiler, asdl_seq_LEN(call->v.Call.args) + asdl_seq_LEN(keywords));
}

static int
warn_about_callee(Compiler *compiler, expr_ty function)
{
    PyTypeObject *type = codegen_literal_type(function);
    switch (function->kind) {
    case Constant_kind:
    case Tuple_kind:
    case List_kind:
    case ListComp_kind:
    case Dict_kind:
    case DictComp_kind:
    case Set_kind:
    case SetComp_kind:
    case GeneratorExp_kind:
    case JoinedStr_kind:
    case FormattedValue_kind:
        return codegen_warn(compiler,
                            "'%.200s' object is not callable; perhaps you missed a "
                            "comma?",
                            type->tp_name);
    default:
        return 0;
    }
}

int
codegen_call(Compiler *compiler, expr_ty call)
{
    TRY(check_keywords(compiler, call->v.Call.keywords));
    int is_method = is_method_call(compiler, call);
    TRY(is_method);
    if (is_method) {
        return codegen_method_call(compiler, call);
    }
    TRY(warn_about_callee(compiler, call->v.Call.func));
    set_location(compiler, LOCATION_OF(call->v.Call.func));
    TRY(emit(compiler, PUSH_NULL));
    set_location(compiler, LOCATION_OF(call));
    TRY(codegen_expression(compiler, call->v.Call.func));
    return codegen_call_arguments(compiler, 0, call->v.Call.args, call->v.Call.keywords);
}

/* ---- Dict displays ---- */

static int
codegen_dict_run(Compiler *compiler, expr_ty dict, Py_ssize_t begin, Py_ssize_t end)
{
    asdl_expr_seq *keys = dict->v.Dict.keys;
    asdl_expr_seq *values = dict->v.Dict.values;
    Py_ssize_t count = end - begin;
    bool is_much = count * 2 > MOST_ON_STACK;
    if (count > 1 && !is_much && all_constant(keys, begin, end)) {
        for (Py_ssize_t i = begin; i < end; i++) {
            TRY(codegen_expression(compiler, asdl_seq_GET(values, i)));
        }
        TRY(emit_new_constant(compiler, tuple_of_constants(keys, begin, end)));
        return emit_with(compiler, BUILD_CONST_KEY_MAP, count);
    }
    if (is_much) {
        TRY(emit_with(compiler, BUILD_MAP, 0));
    }
    for (Py_ssize_t i = begin; i < end; i++) {
        TRY(codegen_expression(compiler, asdl_seq_GET(keys, i)));
        TRY(codegen_expression(compiler, asdl_seq_GET(values, i)));
        if (is_much) {
            TRY(emit_with(compiler, MAP_ADD, 1));
        }
    }
    return is_much ? 0 : emit_with(compiler, BUILD_MAP, count);
}

static int
merge_dict_run(Compiler *compiler, expr_ty dict, Py_ssize_t begin, Py_ssize_t end, bool *has_dict)
{
    if (begin == end) {
        return 0;
    }
    TRY(codegen_dict_run(compiler, dict, begin, end));
    if (*has_dict) {
        TRY(emit_with(compiler, DICT_UPDATE, 1));
    }
    *has_dict = true;
    return 0;
}

static int
unpack_into_dict(Compiler *compiler, expr_ty value, bool *has_dict)
{
    if (!*has_dict) {
        TRY(emit_with(compiler, BUILD_MAP, 0));
        *has_dict = true;
    }
    TRY(codegen_expression(compiler, value));
    return emit_with(compiler, DICT_UPDATE, 1);
}

/* A run of items is cut off at the one with which it has become too much for the stack. */
int
codegen_dict(Compiler *compiler, expr_ty dict)
{
    Py_ssize_t count = asdl_seq_LEN(dict->v.Dict.values);
    Py_ssize_t run = 0;
    bool has_dict = false;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (asdl_seq_GET(dict->v.Dict.keys, i) == NULL) {
            TRY(merge_dict_run(compiler, dict, run, i, &has_dict));
            TRY(unpack_into_dict(compiler, asdl_seq_GET(dict->v.Dict.values, i), &has_dict));
            run = i + 1;
        }
        else if ((i - run) * 2 > MOST_ON_STACK) {
            TRY(merge_dict_run(compiler, dict, run, i + 1, &has_dict));
            run = i + 1;
        }
    }
    TRY(merge_dict_run(compiler, dict, run, count, &has_dict));
    return has_dict ? 0 : emit_with(compiler, BUILD_MAP, 0);
}
