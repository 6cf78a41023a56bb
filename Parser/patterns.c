/* The match statement and its patterns. "match", "case" and "_" are keywords only here. */

#include "parser_internal.h"

enum { COST_PATTERN = 40 };

static pattern_ty as_pattern(Parser *p);

static pattern_ty
new_pattern(Parser *p, enum _pattern_kind kind, size_t start)
{
    pattern_ty node = allocate(p, sizeof(*node));
    if (node != NULL) {
        node->kind = kind;
        SET_POSITION(p, node, start);
    }
    return node;
}

static inline bool
at_wildcard(const Parser *p)
{
    return IS_WORD(p, p->index, "_");
}

/* ---- literals ---- */

/* real: ["-"] NUMBER */
static expr_ty
signed_number(Parser *p)
{
    size_t start = p->index;
    bool is_negative = accept(p, TOKEN_MINUS);
    expr_ty number = peek(p) == TOKEN_NUMBER ? parser_number(p) : NULL;
    if (number == NULL || !is_negative) {
        return number;
    }
    expr_ty node = new_expression(p, UnaryOp_kind, start);
    if (node != NULL) {
        node->v.UnaryOp.op = USub;
        node->v.UnaryOp.operand = number;
    }
    return node;
}

static bool
is_complex(expr_ty number)
{
    if (number->kind == UnaryOp_kind) {
        number = number->v.UnaryOp.operand;
    }
    return PyComplex_CheckExact(number->v.Constant.value);
}

/* literal_number: signed_number | signed_number ("+" | "-") NUMBER
   In the second form the first is real, the second imaginary. */
static expr_ty
literal_number(Parser *p)
{
    size_t start = p->index;
    expr_ty left = signed_number(p);
    if (left == NULL || (peek(p) != TOKEN_PLUS && peek(p) != TOKEN_MINUS)) {
        return left;
    }
    operator_ty op = peek(p) == TOKEN_PLUS ? Add : Sub;
    advance(p);
    expr_ty right = peek(p) == TOKEN_NUMBER ? signed_number(p) : NULL;
    if (right == NULL || is_complex(left) || !is_complex(right)) {
        return NULL;
    }
    expr_ty node = new_expression(p, BinOp_kind, start);
    if (node != NULL) {
        node->v.BinOp.left = left;
        node->v.BinOp.op = op;
        node->v.BinOp.right = right;
    }
    return node;
}

static PyObject *
singleton_value(int kind)
{
    return kind == TOKEN_NONE ? Py_None : kind == TOKEN_TRUE ? Py_True : Py_False;
}

static inline bool
at_singleton(const Parser *p)
{
    return peek(p) == TOKEN_NONE || peek(p) == TOKEN_TRUE || peek(p) == TOKEN_FALSE;
}

static pattern_ty
value_pattern(Parser *p, expr_ty value, size_t start)
{
    pattern_ty node = value == NULL ? NULL : new_pattern(p, MatchValue_kind, start);
    if (node != NULL) {
        node->v.MatchValue.value = value;
    }
    return node;
}

/* singleton: "None" | "True" | "False" */
static pattern_ty
singleton_pattern(Parser *p)
{
    size_t start = advance(p);
    pattern_ty node = new_pattern(p, MatchSingleton_kind, start);
    if (node != NULL) {
        node->v.MatchSingleton.value = singleton_value(p->kinds[start]);
    }
    return node;
}

/* ---- names ---- */

/* dotted: NAME ("." NAME)*, as an expression */
static expr_ty
dotted(Parser *p)
{
    size_t start = p->index;
    PyObject *id = parser_accept_name(p);
    expr_ty node = id == NULL ? NULL : new_expression(p, Name_kind, start);
    if (node == NULL) {
        return NULL;
    }
    node->v.Name.id = id;
    node->v.Name.ctx = Load;
    while (accept(p, TOKEN_DOT)) {
        PyObject *attr = parser_accept_name(p);
        expr_ty outer = attr == NULL ? NULL : new_expression(p, Attribute_kind, start);
        if (outer == NULL) {
            return NULL;
        }
        outer->v.Attribute.value = node;
        outer->v.Attribute.attr = attr;
        outer->v.Attribute.ctx = Load;
        node = outer;
    }
    return node;
}

/* capture_target: NAME, but not "_" and not what goes on as a dotted name, a class or a keyword */
static PyObject *
capture_target(Parser *p)
{
    if (peek(p) != TOKEN_NAME || at_wildcard(p)) {
        return NULL;
    }
    int next = peek_second(p);
    if (next == TOKEN_DOT || next == TOKEN_LPAR || next == TOKEN_EQUAL) {
        return NULL;
    }
    return parser_accept_name(p);
}

static pattern_ty
new_capture(Parser *p, pattern_ty pattern, PyObject *name, size_t start)
{
    pattern_ty node = new_pattern(p, MatchAs_kind, start);
    if (node != NULL) {
        node->v.MatchAs.pattern = pattern;
        node->v.MatchAs.name = name;
    }
    return node;
}

/* ---- classes ---- */

/* class_arguments: [as_pattern ("," as_pattern)*] ["," NAME "=" as_pattern ...] [","] ")"
   Positional ones lie on the stack from base on, keywords in pairs after them. */
static bool
class_arguments(Parser *p, size_t *pairs)
{
    bool has_keyword = false;
    *pairs = p->stack_size;
    while (peek(p) != TOKEN_RPAR) {
        bool is_keyword = peek(p) == TOKEN_NAME && peek_second(p) == TOKEN_EQUAL;
        if (has_keyword && !is_keyword) {
            return false;
        }
        has_keyword = is_keyword;
        if (is_keyword) {
            PyObject *name = parser_accept_name(p);
            if (name == NULL || !push(p, name)) {
                return false;
            }
            advance(p);
        }
        pattern_ty pattern = as_pattern(p);
        if (pattern == NULL || !push(p, pattern)) {
            return false;
        }
        if (!is_keyword) {
            *pairs = p->stack_size;
        }
        if (!accept(p, TOKEN_COMMA)) {
            break;
        }
    }
    return accept(p, TOKEN_RPAR);
}

/* class_pattern: dotted "(" class_arguments */
static pattern_ty
class_pattern(Parser *p, expr_ty class, size_t start)
{
    size_t base = p->stack_size, pairs;
    advance(p);
    if (!enter(p, COST_PATTERN) || !class_arguments(p, &pairs)) {
        return NULL;
    }
    leave(p, COST_PATTERN);
    pattern_ty node = new_pattern(p, MatchClass_kind, start);
    if (node == NULL) {
        return NULL;
    }
    node->v.MatchClass.cls = class;
    node->v.MatchClass.kwd_attrs = parser_copy_alternate(p, pairs, 0);
    node->v.MatchClass.kwd_patterns = parser_copy_alternate(p, pairs, 1);
    p->stack_size = pairs;
    node->v.MatchClass.patterns = parser_take_sequence(p, base);
    return node->v.MatchClass.kwd_attrs == NULL || node->v.MatchClass.kwd_patterns == NULL
                   || node->v.MatchClass.patterns == NULL
               ? NULL
               : node;
}

/* name_pattern: "_" | capture_target | dotted with a dot | class_pattern */
static pattern_ty
name_pattern(Parser *p)
{
    size_t start = p->index;
    if (at_wildcard(p)) {
        advance(p);
        return new_capture(p, NULL, NULL, start);
    }
    int next = peek_second(p);
    if (next != TOKEN_DOT && next != TOKEN_LPAR) {
        PyObject *name = capture_target(p);
        return name == NULL ? NULL : new_capture(p, NULL, name, start);
    }
    expr_ty value = dotted(p);
    if (value == NULL) {
        return NULL;
    }
    if (peek(p) == TOKEN_LPAR) {
        return class_pattern(p, value, start);
    }
    return peek(p) == TOKEN_EQUAL ? NULL : value_pattern(p, value, start);
}

/* ---- mappings ---- */

/* key: literal_number | strings | "None" | "True" | "False" | dotted with a dot */
static expr_ty
mapping_key(Parser *p)
{
    if (at_string(p)) {
        return parser_strings(p);
    }
    if (at_singleton(p)) {
        size_t start = advance(p);
        return parser_new_constant(p, singleton_value(p->kinds[start]), start);
    }
    if (peek(p) == TOKEN_NAME) {
        return peek_second(p) == TOKEN_DOT ? dotted(p) : NULL;
    }
    return literal_number(p);
}

/* items: key ":" as_pattern ("," key ":" as_pattern)* ["," "**" capture_target] [","] "}" */
static bool
mapping_items(Parser *p, PyObject **rest)
{
    *rest = NULL;
    while (peek(p) != TOKEN_RBRACE) {
        if (*rest != NULL) {
            return false;
        }
        if (accept(p, TOKEN_DOUBLESTAR)) {
            *rest = capture_target(p);
            if (*rest == NULL) {
                return false;
            }
        }
        else {
            expr_ty key = mapping_key(p);
            if (key == NULL || !accept(p, TOKEN_COLON) || !push(p, key)) {
                return false;
            }
            pattern_ty pattern = as_pattern(p);
            if (pattern == NULL || !push(p, pattern)) {
                return false;
            }
        }
        if (!accept(p, TOKEN_COMMA)) {
            break;
        }
    }
    return accept(p, TOKEN_RBRACE);
}

/* mapping_pattern: "{" [items] "}" */
static pattern_ty
mapping_pattern(Parser *p)
{
    size_t start = advance(p), base = p->stack_size;
    PyObject *rest;
    if (!mapping_items(p, &rest)) {
        return NULL;
    }
    pattern_ty node = new_pattern(p, MatchMapping_kind, start);
    if (node == NULL) {
        return NULL;
    }
    node->v.MatchMapping.keys = parser_copy_alternate(p, base, 0);
    node->v.MatchMapping.patterns = parser_copy_alternate(p, base, 1);
    node->v.MatchMapping.rest = rest;
    p->stack_size = base;
    return node->v.MatchMapping.keys == NULL || node->v.MatchMapping.patterns == NULL ? NULL : node;
}

/* ---- sequences ---- */

/* star_pattern: "*" ("_" | capture_target) */
static pattern_ty
star_pattern(Parser *p)
{
    size_t start = advance(p);
    PyObject *name = NULL;
    if (at_wildcard(p)) {
        advance(p);
    }
    else if ((name = capture_target(p)) == NULL) {
        return NULL;
    }
    pattern_ty node = new_pattern(p, MatchStar_kind, start);
    if (node != NULL) {
        node->v.MatchStar.name = name;
    }
    return node;
}

/* maybe_star_pattern: star_pattern | as_pattern */
static pattern_ty
maybe_star_pattern(Parser *p)
{
    return peek(p) == TOKEN_STAR ? star_pattern(p) : as_pattern(p);
}

static pattern_ty
new_sequence(Parser *p, size_t base, size_t start)
{
    pattern_ty node = new_pattern(p, MatchSequence_kind, start);
    if (node != NULL) {
        node->v.MatchSequence.patterns = parser_take_sequence(p, base);
    }
    return node == NULL || node->v.MatchSequence.patterns == NULL ? NULL : node;
}

/* items: maybe_star_pattern ("," maybe_star_pattern)* [","], up to the closing token
   Set *has_comma if it is more than one pattern alone. */
static bool
sequence_items(Parser *p, int closing, bool *has_comma)
{
    *has_comma = false;
    while (peek(p) != closing) {
        pattern_ty pattern = maybe_star_pattern(p);
        if (pattern == NULL || !push(p, pattern)) {
            return false;
        }
        if (!accept(p, TOKEN_COMMA)) {
            break;
        }
        *has_comma = true;
    }
    return true;
}

/* list_pattern: "[" [items] "]" */
static pattern_ty
list_pattern(Parser *p)
{
    size_t start = advance(p), base = p->stack_size;
    bool has_comma;
    if (!sequence_items(p, TOKEN_RSQB, &has_comma) || !accept(p, TOKEN_RSQB)) {
        return NULL;
    }
    return new_sequence(p, base, start);
}

/* parenthesized: "(" as_pattern ")" | "(" [items with a comma] ")" */
static pattern_ty
parenthesized_pattern(Parser *p)
{
    size_t start = advance(p), base = p->stack_size;
    bool has_comma;
    if (!sequence_items(p, TOKEN_RPAR, &has_comma) || !accept(p, TOKEN_RPAR)) {
        return NULL;
    }
    if (p->stack_size == base + 1 && !has_comma) {
        pattern_ty pattern = p->stack[--p->stack_size];
        return pattern->kind == MatchStar_kind ? NULL : pattern;
    }
    return new_sequence(p, base, start);
}

/* nested: rule, one level down */
static pattern_ty
nested(Parser *p, pattern_ty (*rule)(Parser *))
{
    if (!enter(p, COST_PATTERN)) {
        return NULL;
    }
    pattern_ty node = rule(p);
    leave(p, COST_PATTERN);
    return node;
}

/* ---- patterns ---- */

/* closed_pattern: literal | name_pattern | list, mapping or what stands in parentheses */
static pattern_ty
closed_pattern(Parser *p)
{
    size_t start = p->index;
    switch (peek(p)) {
    case TOKEN_NAME:
        return name_pattern(p);
    case TOKEN_NUMBER:
    case TOKEN_MINUS:
        return value_pattern(p, literal_number(p), start);
    case TOKEN_STRING:
    case TOKEN_STRING_LINES:
        return value_pattern(p, parser_strings(p), start);
    case TOKEN_NONE:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        return singleton_pattern(p);
    case TOKEN_LPAR:
        return nested(p, parenthesized_pattern);
    case TOKEN_LSQB:
        return nested(p, list_pattern);
    case TOKEN_LBRACE:
        return nested(p, mapping_pattern);
    default:
        return NULL;
    }
}

/* or_pattern: closed_pattern ("|" closed_pattern)* */
static pattern_ty
or_pattern(Parser *p)
{
    size_t start = p->index, base = p->stack_size;
    pattern_ty first = closed_pattern(p);
    if (first == NULL || peek(p) != TOKEN_VBAR) {
        return first;
    }
    if (!push(p, first)) {
        return NULL;
    }
    while (accept(p, TOKEN_VBAR)) {
        pattern_ty next = closed_pattern(p);
        if (next == NULL || !push(p, next)) {
            return NULL;
        }
    }
    pattern_ty node = new_pattern(p, MatchOr_kind, start);
    if (node != NULL) {
        node->v.MatchOr.patterns = parser_take_sequence(p, base);
    }
    return node == NULL || node->v.MatchOr.patterns == NULL ? NULL : node;
}

/* as_pattern: or_pattern ["as" capture_target] */
static pattern_ty
as_pattern(Parser *p)
{
    size_t start = p->index;
    pattern_ty pattern = or_pattern(p);
    if (pattern == NULL || !accept(p, TOKEN_AS)) {
        return pattern;
    }
    PyObject *name = capture_target(p);
    return name == NULL ? NULL : new_capture(p, pattern, name, start);
}

/* patterns: as_pattern | maybe_star_pattern "," [items] */
static pattern_ty
patterns(Parser *p)
{
    size_t start = p->index, base = p->stack_size;
    pattern_ty first = maybe_star_pattern(p);
    if (first == NULL || !push(p, first)) {
        return NULL;
    }
    if (!accept(p, TOKEN_COMMA)) {
        p->stack_size = base;
        return first->kind == MatchStar_kind ? NULL : first;
    }
    while (peek(p) != TOKEN_COLON && peek(p) != TOKEN_IF) {
        pattern_ty next = maybe_star_pattern(p);
        if (next == NULL || !push(p, next)) {
            return NULL;
        }
        if (!accept(p, TOKEN_COMMA)) {
            break;
        }
    }
    return new_sequence(p, base, start);
}

/* ---- the statement ---- */

/* case_block: "case" patterns ["if" named_expression] ":" block */
static match_case_ty
case_block(Parser *p)
{
    if (!IS_WORD(p, p->index, "case")) {
        return NULL;
    }
    advance(p);
    match_case_ty node = allocate(p, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->guard = NULL;
    node->pattern = patterns(p);
    if (node->pattern == NULL) {
        return NULL;
    }
    if (accept(p, TOKEN_IF) && (node->guard = parser_named_expression(p)) == NULL) {
        return NULL;
    }
    node->body = accept(p, TOKEN_COLON) ? parser_block(p) : NULL;
    return node->body == NULL ? NULL : node;
}

/* subject: star_named_expression "," [star_named_expressions] | named_expression */
static expr_ty
subject(Parser *p)
{
    size_t start = p->index;
    expr_ty first = parser_star_named_expression(p);
    if (first != NULL && peek(p) == TOKEN_COMMA) {
        return parser_tuple_rest(p, first, start, parser_star_named_expression);
    }
    return first != NULL && first->kind != Starred_kind ? first : NULL;
}

/* Where the line goes on in lines that have not been read, only parsing it tells. If that fails for
   good, parser_match_statement() is to find out. */
static bool
is_subject_before_block(Parser *p)
{
    ParserMark mark = parser_mark(p);
    advance(p);
    bool is_head = subject(p) != NULL && peek(p) == TOKEN_COLON && peek_second(p) == TOKEN_NEWLINE;
    parser_return(p, mark);
    return is_head || has_failed(p);
}

/* What follows the word decides where that can be told from one token; else the line does: only the
   head of a block ends in a colon. */
bool
parser_at_match_statement(Parser *p)
{
    if (!IS_WORD(p, p->index, "match")) {
        return false;
    }
    int next = peek_second(p);
    if (!(token_traits[next].traits & TRAIT_STARTS) && next != TOKEN_STAR) {
        return false;
    }
    size_t i = p->index + 2;
    while (p->kinds[i] != TOKEN_NEWLINE && p->kinds[i] != TOKEN_END && p->kinds[i] != TOKEN_ERROR
           && p->kinds[i] != TOKEN_MORE) {
        i++;
    }
    if (p->kinds[i] == TOKEN_MORE) {
        return is_subject_before_block(p);
    }
    return p->kinds[i - 1] == TOKEN_COLON && p->kinds[i] == TOKEN_NEWLINE;
}

/* match_statement: "match" subject ":" NEWLINE INDENT case_block+ DEDENT */
stmt_ty
parser_match_statement(Parser *p)
{
    if (has_failed(p)) {
        return NULL;
    }
    size_t start = advance(p);
    expr_ty value = subject(p);
    if (value == NULL || !has_version(p, 10) || !accept(p, TOKEN_COLON) || !accept(p, TOKEN_NEWLINE)
        || !accept(p, TOKEN_INDENT)) {
        return NULL;
    }
    size_t base = p->stack_size;
    do {
        match_case_ty node = case_block(p);
        if (node == NULL || !push(p, node)) {
            return NULL;
        }
    } while (!accept(p, TOKEN_DEDENT));
    stmt_ty node = new_statement(p, Match_kind, start);
    if (node != NULL) {
        node->v.Match.subject = value;
        node->v.Match.cases = parser_take_sequence(p, base);
    }
    return node == NULL || node->v.Match.cases == NULL ? NULL : node;
}
