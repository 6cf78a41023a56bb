/* Code generation for match statements.  The contract is in codegen.h.

   While a pattern is tested the stack holds, from the top: what the pattern still needs (`on_top`
   items), the values captured so far, and the subject when further cases follow.  A pattern that
   fails goes to the one of a row of labels that pops as many of these as there are: the label for
   n items pops one and falls through to the label for n - 1.  Names are stored only when the
   whole pattern has matched. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "codegen.h"

/* Captured names and failure labels lie on stacks of the compiler: a context has its own from its
   bases up, those of the pattern around it lie below. */
typedef struct PatternContext PatternContext;
struct PatternContext {
    int first_capture;
    int first_failure;
    Py_ssize_t on_top;
    bool allows_irrefutable;
};

static int codegen_pattern(Compiler *, pattern_ty, PatternContext *);

static bool
is_wildcard(pattern_ty pattern)
{
    return pattern->kind == MatchAs_kind && pattern->v.MatchAs.name == NULL;
}

static bool
is_star_wildcard(pattern_ty pattern)
{
    return pattern->kind == MatchStar_kind && pattern->v.MatchStar.name == NULL;
}

static int
capture_count(Compiler *compiler, const PatternContext *context)
{
    return compiler->captures.count - context->first_capture;
}

/* ---- Failing ---- */

static int
make_failures(Compiler *compiler, const PatternContext *context, Py_ssize_t pops)
{
    while (compiler->failures.count - context->first_failure <= pops) {
        Label label = new_label(compiler);
        TRY(label);
        TRY(int_array_append(&compiler->failures, label));
    }
    return 0;
}

static int
jump_to_failure(Compiler *compiler, const PatternContext *context, int opcode)
{
    Py_ssize_t pops = context->on_top + capture_count(compiler, context);
    TRY(make_failures(compiler, context, pops));
    return emit_jump(compiler, opcode, compiler->failures.items[context->first_failure + pops]);
}

static int
place_failures(Compiler *compiler, const PatternContext *context)
{
    while (compiler->failures.count > context->first_failure) {
        TRY(place_label(compiler, compiler->failures.items[--compiler->failures.count]));
        if (compiler->failures.count > context->first_failure) {
            TRY(emit(compiler, POP_TOP));
        }
    }
    return 0;
}

/* ---- Capturing ---- */

static int
refuse_repeated_capture(Compiler *compiler, NameId name)
{
    return codegen_error(compiler, "multiple assignments to name %R in pattern",
                         names_string(compiler->names, name));
}

static bool
is_captured(Compiler *compiler, const PatternContext *context, NameId name)
{
    for (int i = context->first_capture; i < compiler->captures.count; i++) {
        if (compiler->captures.items[i] == name) {
            return true;
        }
    }
    return false;
}

/* Moves the top of the stack under `count` - 1 items. */
static int
rotate(Compiler *compiler, Py_ssize_t count)
{
    for (; count > 1; count--) {
        TRY(emit_with(compiler, SWAP, count));
    }
    return 0;
}

/* Keeps the top of the stack as the value of a name, under what is still needed. */
static int
capture(Compiler *compiler, PatternContext *context, PyObject *name)
{
    if (name == NULL) {
        return emit(compiler, POP_TOP);
    }
    TRY(refuse_forbidden_name(compiler, name, Store));
    NameId id = names_intern(compiler->names, name);
    TRY(id);
    if (is_captured(compiler, context, id)) {
        return refuse_repeated_capture(compiler, id);
    }
    TRY(rotate(compiler, context->on_top + capture_count(compiler, context) + 1));
    return int_array_append(&compiler->captures, id);
}

/* ---- Sequences ---- */

static int
emit_size(Compiler *compiler, Py_ssize_t size)
{
    return emit_new_constant(compiler, PyLong_FromSsize_t(size));
}

static int
codegen_subpattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    bool allowed = context->allows_irrefutable;
    context->allows_irrefutable = true;
    TRY(codegen_pattern(compiler, pattern, context));
    context->allows_irrefutable = allowed;
    return 0;
}

static int
emit_unpack(Compiler *compiler, asdl_pattern_seq *patterns)
{
    Py_ssize_t count = asdl_seq_LEN(patterns);
    bool has_star = false;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (asdl_seq_GET(patterns, i)->kind != MatchStar_kind) {
            continue;
        }
        if (has_star) {
            return codegen_error(compiler, "multiple starred expressions in sequence pattern");
        }
        if (i >= 1 << 8 || count - i - 1 >= INT_MAX >> 8) {
            return codegen_error(compiler,
                                 "too many expressions in star-unpacking sequence pattern");
        }
        TRY(emit_with(compiler, UNPACK_EX, i + ((count - i - 1) << 8)));
        has_star = true;
    }
    return has_star ? 0 : emit_with(compiler, UNPACK_SEQUENCE, count);
}

static int
unpack_sequence(Compiler *compiler, asdl_pattern_seq *patterns, PatternContext *context)
{
    TRY(emit_unpack(compiler, patterns));
    Py_ssize_t count = asdl_seq_LEN(patterns);
    context->on_top += count;
    for (Py_ssize_t i = 0; i < count; i++) {
        context->on_top--;
        TRY(codegen_subpattern(compiler, asdl_seq_GET(patterns, i), context));
    }
    return 0;
}

/* With `*_` among the patterns only the items that matter are fetched.  Those after it are
   counted from the end, without negative indices: the subject may not support them. */
static int
subscript_sequence(Compiler *compiler, asdl_pattern_seq *patterns, Py_ssize_t star,
                   PatternContext *context)
{
    context->on_top++;
    Py_ssize_t count = asdl_seq_LEN(patterns);
    for (Py_ssize_t i = 0; i < count; i++) {
        pattern_ty pattern = asdl_seq_GET(patterns, i);
        if (i == star || is_wildcard(pattern)) {
            continue;
        }
        TRY(emit_with(compiler, COPY, 1));
        if (i < star) {
            TRY(emit_size(compiler, i));
        }
        else {
            TRY(emit(compiler, GET_LEN));
            TRY(emit_size(compiler, count - i));
            TRY(codegen_binary(compiler, Sub, false));
        }
        TRY(emit(compiler, BINARY_SUBSCR));
        TRY(codegen_subpattern(compiler, pattern, context));
    }
    context->on_top--;
    return emit(compiler, POP_TOP);
}

static int
check_length(Compiler *compiler, PatternContext *context, Py_ssize_t size, cmpop_ty comparison)
{
    TRY(emit(compiler, GET_LEN));
    TRY(emit_size(compiler, size));
    TRY(codegen_comparison(compiler, comparison));
    return jump_to_failure(compiler, context, POP_JUMP_IF_FALSE);
}

typedef struct SequenceShape SequenceShape;
struct SequenceShape {
    Py_ssize_t star; /* index of the starred pattern, -1 when there is none */
    bool star_is_wildcard;
    bool only_wildcards;
};

static int
examine_sequence(Compiler *compiler, asdl_pattern_seq *patterns, SequenceShape *shape)
{
    *shape = (SequenceShape){.star = -1, .only_wildcards = true};
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(patterns); i++) {
        pattern_ty pattern = asdl_seq_GET(patterns, i);
        if (pattern->kind != MatchStar_kind) {
            shape->only_wildcards &= is_wildcard(pattern);
            continue;
        }
        if (shape->star >= 0) {
            return codegen_error(compiler, "multiple starred names in sequence pattern");
        }
        shape->star = i;
        shape->star_is_wildcard = is_star_wildcard(pattern);
        shape->only_wildcards &= shape->star_is_wildcard;
    }
    return 0;
}

static int
codegen_sequence_pattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    asdl_pattern_seq *patterns = pattern->v.MatchSequence.patterns;
    Py_ssize_t size = asdl_seq_LEN(patterns);
    SequenceShape shape;
    TRY(examine_sequence(compiler, patterns, &shape));
    context->on_top++;
    TRY(emit(compiler, MATCH_SEQUENCE));
    TRY(jump_to_failure(compiler, context, POP_JUMP_IF_FALSE));
    if (shape.star < 0) {
        TRY(check_length(compiler, context, size, Eq));
    }
    else if (size > 1) {
        TRY(check_length(compiler, context, size - 1, GtE));
    }
    context->on_top--;
    if (shape.only_wildcards) {
        return emit(compiler, POP_TOP);
    }
    if (shape.star_is_wildcard) {
        return subscript_sequence(compiler, patterns, shape.star, context);
    }
    return unpack_sequence(compiler, patterns, context);
}

/* ---- Mappings ---- */

/* The keys are compared as the tree has them: 1 and True are one key. */
static int
check_mapping_key(Compiler *compiler, expr_ty key, PyObject *seen)
{
    if (key->kind == Constant_kind) {
        int repeated = PySet_Contains(seen, key->v.Constant.value);
        TRY(repeated);
        if (repeated) {
            return codegen_error(compiler, "mapping pattern checks duplicate key (%R)",
                                 key->v.Constant.value);
        }
        return PySet_Add(seen, key->v.Constant.value);
    }
    if (key->kind != Attribute_kind) {
        return codegen_error(compiler, "mapping pattern keys may only match literals and "
                                       "attribute lookups");
    }
    return 0;
}

static int
emit_mapping_keys(Compiler *compiler, pattern_ty pattern, PyObject *seen)
{
    asdl_expr_seq *keys = pattern->v.MatchMapping.keys;
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(keys); i++) {
        expr_ty key = asdl_seq_GET(keys, i);
        if (key == NULL) {
            set_location(compiler, LOCATION_OF(asdl_seq_GET(pattern->v.MatchMapping.patterns, i)));
            return codegen_error(compiler, "can't use NULL keys in MatchMapping "
                                           "(set 'rest' parameter instead)");
        }
        TRY(check_mapping_key(compiler, key, seen));
        TRY(codegen_expression(compiler, key));
    }
    return 0;
}

/* COPY of what MATCH_KEYS or MATCH_CLASS found, None when nothing. */
static int
jump_if_nothing_found(Compiler *compiler, PatternContext *context)
{
    TRY(emit_with(compiler, COPY, 1));
    TRY(emit_none(compiler));
    TRY(emit_with(compiler, IS_OP, 1));
    return jump_to_failure(compiler, context, POP_JUMP_IF_FALSE);
}

/* On the stack: the keys above the subject.  The rest is a copy of the subject without them. */
static int
capture_rest(Compiler *compiler, PatternContext *context, PyObject *name, Py_ssize_t size)
{
    TRY(emit_with(compiler, BUILD_MAP, 0));
    TRY(emit_with(compiler, SWAP, 3));
    TRY(emit_with(compiler, DICT_UPDATE, 2));
    TRY(emit_with(compiler, UNPACK_SEQUENCE, size));
    for (; size > 0; size--) {
        TRY(emit_with(compiler, COPY, size + 1));
        TRY(emit_with(compiler, SWAP, 2));
        TRY(emit(compiler, DELETE_SUBSCR));
    }
    return capture(compiler, context, name);
}

static int
match_mapping_keys(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    asdl_pattern_seq *patterns = pattern->v.MatchMapping.patterns;
    Py_ssize_t size = asdl_seq_LEN(patterns);
    PyObject *seen = PySet_New(NULL);
    if (seen == NULL) {
        return -1;
    }
    int status = emit_mapping_keys(compiler, pattern, seen);
    Py_DECREF(seen);
    TRY(status);
    TRY(emit_with(compiler, BUILD_TUPLE, size));
    TRY(emit(compiler, MATCH_KEYS));
    context->on_top += 2;
    TRY(jump_if_nothing_found(compiler, context));
    TRY(emit_with(compiler, UNPACK_SEQUENCE, size));
    context->on_top += size - 1;
    for (Py_ssize_t i = 0; i < size; i++) {
        context->on_top--;
        TRY(codegen_subpattern(compiler, asdl_seq_GET(patterns, i), context));
    }
    return 0;
}

static int
codegen_mapping_pattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    Py_ssize_t size = asdl_seq_LEN(pattern->v.MatchMapping.keys);
    Py_ssize_t pattern_count = asdl_seq_LEN(pattern->v.MatchMapping.patterns);
    PyObject *rest = pattern->v.MatchMapping.rest;
    if (size != pattern_count) {
        return codegen_error(compiler,
                             "keys (%d) / patterns (%d) length mismatch in mapping pattern",
                             (int)size, (int)pattern_count);
    }
    context->on_top++;
    TRY(emit(compiler, MATCH_MAPPING));
    TRY(jump_to_failure(compiler, context, POP_JUMP_IF_FALSE));
    if (size == 0 && rest == NULL) {
        context->on_top--;
        return emit(compiler, POP_TOP);
    }
    if (size > 0) {
        TRY(check_length(compiler, context, size, GtE));
    }
    if (size - 1 > INT_MAX) {
        return codegen_error(compiler, "too many sub-patterns in mapping pattern");
    }
    TRY(match_mapping_keys(compiler, pattern, context));
    context->on_top -= 2; /* the keys and the subject */
    if (rest != NULL) {
        return capture_rest(compiler, context, rest, size);
    }
    TRY(emit(compiler, POP_TOP));
    return emit(compiler, POP_TOP);
}

/* ---- Classes ---- */

static int
check_attributes(Compiler *compiler, pattern_ty pattern)
{
    asdl_identifier_seq *names = pattern->v.MatchClass.kwd_attrs;
    asdl_pattern_seq *patterns = pattern->v.MatchClass.kwd_patterns;
    Py_ssize_t count = asdl_seq_LEN(names);
    Py_ssize_t again = 0;
    if (count == 0) {
        return 0;
    }
    Py_ssize_t repeated = find_repeated_name((PyObject **)names->typed_elements, count, &again);
    TRY(repeated);
    for (Py_ssize_t i = 0; i < count && i <= repeated; i++) {
        set_location(compiler, LOCATION_OF(asdl_seq_GET(patterns, i)));
        TRY(refuse_forbidden_name(compiler, asdl_seq_GET(names, i), Store));
    }
    if (repeated < count) {
        set_location(compiler, LOCATION_OF(asdl_seq_GET(patterns, again)));
        return codegen_error(compiler, "attribute name repeated in class pattern: %U",
                             asdl_seq_GET(names, repeated));
    }
    set_location(compiler, LOCATION_OF(pattern));
    return 0;
}

static int
check_class_pattern(Compiler *compiler, pattern_ty pattern)
{
    Py_ssize_t positional = asdl_seq_LEN(pattern->v.MatchClass.patterns);
    Py_ssize_t names = asdl_seq_LEN(pattern->v.MatchClass.kwd_attrs);
    Py_ssize_t named = asdl_seq_LEN(pattern->v.MatchClass.kwd_patterns);
    if (names != named) {
        return codegen_error(compiler,
                             "kwd_attrs (%d) / kwd_patterns (%d) length mismatch in "
                             "class pattern",
                             (int)names, (int)named);
    }
    if (positional > INT_MAX || positional + names - 1 > INT_MAX) {
        return codegen_error(compiler, "too many sub-patterns in class pattern %R",
                             pattern->v.MatchClass.cls);
    }
    return check_attributes(compiler, pattern);
}

static PyObject *
attribute_names(pattern_ty pattern)
{
    asdl_identifier_seq *names = pattern->v.MatchClass.kwd_attrs;
    PyObject *tuple = PyTuple_New(asdl_seq_LEN(names));
    for (Py_ssize_t i = 0; tuple != NULL && i < asdl_seq_LEN(names); i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef((PyObject *)asdl_seq_GET(names, i)));
    }
    return tuple;
}

static int
codegen_class_pattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    TRY(check_class_pattern(compiler, pattern));
    asdl_pattern_seq *patterns = pattern->v.MatchClass.patterns;
    asdl_pattern_seq *named = pattern->v.MatchClass.kwd_patterns;
    Py_ssize_t positional = asdl_seq_LEN(patterns);
    Py_ssize_t count = positional + asdl_seq_LEN(named);
    TRY(codegen_expression(compiler, pattern->v.MatchClass.cls));
    TRY(emit_new_constant(compiler, attribute_names(pattern)));
    TRY(emit_with(compiler, MATCH_CLASS, positional));
    context->on_top++;
    TRY(jump_if_nothing_found(compiler, context));
    TRY(emit_with(compiler, UNPACK_SEQUENCE, count));
    context->on_top += count - 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        context->on_top--;
        pattern_ty part =
            i < positional ? asdl_seq_GET(patterns, i) : asdl_seq_GET(named, i - positional);
        TRY(is_wildcard(part) ? emit(compiler, POP_TOP)
                              : codegen_subpattern(compiler, part, context));
    }
    return 0;
}

/* ---- Alternatives ---- */

static int
capture_index(Compiler *compiler, int first, int count, NameId name)
{
    for (int i = 0; i < count; i++) {
        if (compiler->captures.items[first + i] == name) {
            return i;
        }
    }
    return -1;
}

/* items[:count] go behind the `distance` items after them. */
static int
move_captures(Compiler *compiler, int first, int count, int distance)
{
    IntArray *captures = &compiler->captures;
    TRY(int_array_reserve(captures, count));
    int *items = captures->items + first;
    int *aside = captures->items + captures->count;
    memcpy(aside, items, (size_t)count * sizeof(int));
    memmove(items, items + count, (size_t)distance * sizeof(int));
    memcpy(items + distance, aside, (size_t)count * sizeof(int));
    return 0;
}

/* Brings the captures of an alternative into the order of the first one's, which lie right before
   them. */
static int
reorder_captures(Compiler *compiler, int control, int count)
{
    int own = control + count;
    for (int wanted = count - 1; wanted >= 0; wanted--) {
        int found = capture_index(compiler, own, count, compiler->captures.items[control + wanted]);
        if (found < 0) {
            return codegen_error(compiler, "alternative patterns bind different names");
        }
        if (found == wanted) {
            continue;
        }
        int rotations = found + 1;
        TRY(move_captures(compiler, own, rotations, wanted - found));
        while (rotations-- > 0) {
            TRY(rotate(compiler, wanted + 1));
        }
    }
    return 0;
}

/* One alternative.  Its captures come on top of those of the first one, which stay. */
static int
codegen_alternative(Compiler *compiler, pattern_ty pattern, int control, bool is_first,
                    bool allows_irrefutable, Label end)
{
    int expected = compiler->captures.count - control;
    PatternContext context = {
        .first_capture = compiler->captures.count,
        .first_failure = compiler->failures.count,
        .allows_irrefutable = allows_irrefutable,
    };
    set_location(compiler, LOCATION_OF(pattern));
    TRY(emit_with(compiler, COPY, 1));
    TRY(codegen_pattern(compiler, pattern, &context));
    if (!is_first) {
        if (capture_count(compiler, &context) != expected) {
            return codegen_error(compiler, "alternative patterns bind different names");
        }
        TRY(reorder_captures(compiler, control, expected));
        compiler->captures.count = context.first_capture;
    }
    TRY(emit_jump(compiler, JUMP, end));
    return place_failures(compiler, &context);
}

/* Takes over the captures that lie above the context's own, one by one. */
static int
adopt_captures(Compiler *compiler, PatternContext *context, int control, int count)
{
    int rotation = count + 1 + (int)context->on_top + (control - context->first_capture);
    for (int i = 0; i < count; i++) {
        TRY(rotate(compiler, rotation));
        NameId name = compiler->captures.items[control + i];
        if (is_captured(compiler, context, name)) {
            return refuse_repeated_capture(compiler, name);
        }
        compiler->captures.count++;
    }
    return 0;
}

static int
codegen_or_pattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    asdl_pattern_seq *patterns = pattern->v.MatchOr.patterns;
    Py_ssize_t size = asdl_seq_LEN(patterns);
    int control = compiler->captures.count;
    Label end = new_label(compiler);
    TRY(end);
    for (Py_ssize_t i = 0; i < size; i++) {
        bool allows = i == size - 1 && context->allows_irrefutable;
        TRY(codegen_alternative(compiler, asdl_seq_GET(patterns, i), control, i == 0, allows, end));
    }
    int count = compiler->captures.count - control;
    compiler->captures.count = control;
    TRY(emit(compiler, POP_TOP));
    TRY(jump_to_failure(compiler, context, JUMP));
    TRY(place_label(compiler, end));
    TRY(adopt_captures(compiler, context, control, count));
    return emit(compiler, POP_TOP);
}

/* ---- Simple patterns ---- */

static int
codegen_as_pattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    PyObject *name = pattern->v.MatchAs.name;
    if (pattern->v.MatchAs.pattern == NULL) {
        if (!context->allows_irrefutable) {
            return name != NULL
                       ? codegen_error(compiler,
                                       "name capture %R makes remaining patterns "
                                       "unreachable",
                                       name)
                       : codegen_error(compiler, "wildcard makes remaining patterns unreachable");
        }
        return capture(compiler, context, name);
    }
    context->on_top++;
    TRY(emit_with(compiler, COPY, 1));
    TRY(codegen_pattern(compiler, pattern->v.MatchAs.pattern, context));
    context->on_top--;
    return capture(compiler, context, name);
}

static int
codegen_value_pattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    expr_ty value = pattern->v.MatchValue.value;
    if (value->kind != Constant_kind && value->kind != Attribute_kind) {
        return codegen_error(compiler, "patterns may only match literals and attribute lookups");
    }
    TRY(codegen_expression(compiler, value));
    TRY(codegen_comparison(compiler, Eq));
    return jump_to_failure(compiler, context, POP_JUMP_IF_FALSE);
}

static int
codegen_singleton_pattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    TRY(emit_constant(compiler, pattern->v.MatchSingleton.value));
    TRY(codegen_comparison(compiler, Is));
    return jump_to_failure(compiler, context, POP_JUMP_IF_FALSE);
}

static int
dispatch(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    switch (pattern->kind) {
    case MatchValue_kind:
        return codegen_value_pattern(compiler, pattern, context);
    case MatchSingleton_kind:
        return codegen_singleton_pattern(compiler, pattern, context);
    case MatchSequence_kind:
        return codegen_sequence_pattern(compiler, pattern, context);
    case MatchMapping_kind:
        return codegen_mapping_pattern(compiler, pattern, context);
    case MatchClass_kind:
        return codegen_class_pattern(compiler, pattern, context);
    case MatchStar_kind:
        return capture(compiler, context, pattern->v.MatchStar.name);
    case MatchAs_kind:
        return codegen_as_pattern(compiler, pattern, context);
    case MatchOr_kind:
        return codegen_or_pattern(compiler, pattern, context);
    }
    return codegen_error(compiler, "invalid match pattern node in AST (kind=%d)", pattern->kind);
}

static int
codegen_pattern(Compiler *compiler, pattern_ty pattern, PatternContext *context)
{
    TRY(nesting_enter(&compiler->depth));
    set_location(compiler, LOCATION_OF(pattern));
    TRY(dispatch(compiler, pattern, context));
    nesting_leave(&compiler->depth);
    return 0;
}

/* ---- match ---- */

static int
store_captures(Compiler *compiler, const PatternContext *context)
{
    int end = compiler->captures.count;
    for (int i = context->first_capture; i < end; i++) {
        NameId name = compiler->captures.items[i];
        TRY(emit_variable(compiler, names_string(compiler->names, name), Store));
    }
    compiler->captures.count = context->first_capture;
    return 0;
}

static int
codegen_guard(Compiler *compiler, expr_ty guard, const PatternContext *context)
{
    if (guard == NULL) {
        return 0;
    }
    TRY(make_failures(compiler, context, 0));
    return codegen_jump_if(compiler, guard, compiler->failures.items[context->first_failure], 0);
}

/* One case.  All but the last one tested keep the subject for the next one. */
static int
codegen_case(Compiler *compiler, match_case_ty match_case, bool keeps_subject,
             bool allows_irrefutable, Label end)
{
    PatternContext context = {
        .first_capture = compiler->captures.count,
        .first_failure = compiler->failures.count,
        .allows_irrefutable = allows_irrefutable,
    };
    set_location(compiler, LOCATION_OF(match_case->pattern));
    if (keeps_subject) {
        TRY(emit_with(compiler, COPY, 1));
    }
    TRY(codegen_pattern(compiler, match_case->pattern, &context));
    TRY(store_captures(compiler, &context));
    TRY(codegen_guard(compiler, match_case->guard, &context));
    if (keeps_subject) {
        TRY(emit(compiler, POP_TOP));
    }
    TRY(codegen_statements(compiler, match_case->body));
    TRY(emit_jump(compiler, JUMP, end));
    set_location(compiler, LOCATION_OF(match_case->pattern));
    return place_failures(compiler, &context);
}

/* A last `case _` takes no test.  Its line is to be seen all the same. */
static int
codegen_default_case(Compiler *compiler, match_case_ty match_case, Label end)
{
    set_location(compiler, LOCATION_OF(match_case->pattern));
    TRY(emit(compiler, NOP));
    if (match_case->guard != NULL) {
        TRY(codegen_jump_if(compiler, match_case->guard, end, 0));
    }
    return codegen_statements(compiler, match_case->body);
}

int
codegen_match(Compiler *compiler, stmt_ty statement)
{
    asdl_match_case_seq *cases = statement->v.Match.cases;
    Py_ssize_t count = asdl_seq_LEN(cases);
    TRY(codegen_expression(compiler, statement->v.Match.subject));
    Label end = new_label(compiler);
    TRY(end);
    match_case_ty last = asdl_seq_GET(cases, count - 1);
    bool has_default = count > 1 && is_wildcard(last->pattern);
    Py_ssize_t tested = count - has_default;
    for (Py_ssize_t i = 0; i < tested; i++) {
        match_case_ty match_case = asdl_seq_GET(cases, i);
        bool allows_irrefutable = match_case->guard != NULL || i == count - 1;
        TRY(codegen_case(compiler, match_case, i != tested - 1, allows_irrefutable, end));
    }
    if (has_default) {
        TRY(codegen_default_case(compiler, last, end));
    }
    return place_label(compiler, end);
}
