/* Statements. In: tokens from p->index on. Out: sequences of nodes in the arena. */

#include "parser_internal.h"

enum {
    COST_BLOCK = 12,
    COST_ELIF = 1,
};

static bool simple_statements(Parser *p);

/* ---- small parts ---- */

/* [TYPE_COMMENT]; NULL if there is none */
PyObject *
parser_accept_type_comment(Parser *p, bool *failed)
{
    *failed = false;
    if (peek(p) != TOKEN_TYPE_COMMENT) {
        return NULL;
    }
    const Token *token = token_at(p, p->index);
    PyObject *comment = parser_keep(
        p, PyUnicode_DecodeUTF8(p->text + token->start, token->end - token->start, NULL));
    *failed = comment == NULL;
    advance(p);
    return comment;
}

/* block: NEWLINE INDENT statement+ DEDENT | simple_statements */
asdl_stmt_seq *
parser_block(Parser *p)
{
    if (!accept(p, TOKEN_NEWLINE)) {
        size_t base = p->stack_size;
        if (token_traits[peek(p)].traits & TRAIT_LAYOUT || !simple_statements(p)) {
            return NULL;
        }
        look_at(p, p->index);
        return parser_take_sequence(p, base);
    }
    if (!accept(p, TOKEN_INDENT) || !enter(p, COST_BLOCK)) {
        return NULL;
    }
    asdl_stmt_seq *body = parser_statements(p, TOKEN_DEDENT);
    leave(p, COST_BLOCK);
    return body != NULL && accept(p, TOKEN_DEDENT) ? body : NULL;
}

/* ":" block */
static asdl_stmt_seq *
colon_block(Parser *p)
{
    return accept(p, TOKEN_COLON) ? parser_block(p) : NULL;
}

/* else_block: ["else" ":" block] */
static bool
else_block(Parser *p, asdl_stmt_seq **block)
{
    if (!accept(p, TOKEN_ELSE)) {
        *block = parser_take_sequence(p, p->stack_size);
    }
    else {
        *block = colon_block(p);
    }
    return *block != NULL;
}

/* ---- assignments ---- */

/* Whether an attribute or subscript is one of a target in parentheses, as in "(a.b)[c].d". The
   node at the left end begins after the others there, which begin with the parenthesis. */
static bool
begins_with_target_in_parentheses(expr_ty node)
{
    for (expr_ty inner;; node = inner) {
        switch (node->kind) {
        case Attribute_kind:
            inner = node->v.Attribute.value;
            break;
        case Subscript_kind:
            inner = node->v.Subscript.value;
            break;
        case Call_kind:
            inner = node->v.Call.func;
            break;
        default:
            return false;
        }
        if (inner->lineno != node->lineno || inner->col_offset != node->col_offset) {
            return parser_is_single_target(inner);
        }
    }
}

/* annotated: target ":" expression ["=" (yield_expression | star_expressions)]
   The grammar has a target in parentheses before an attribute or subscript, and does not come back
   to those once it has read one: "(a).b: c" is not in the language, and "(a.b): c" is. */
static stmt_ty
annotated(Parser *p, expr_ty target, size_t start)
{
    bool is_in_parentheses = p->kinds[p->index - 1] == TOKEN_RPAR;
    if (!parser_is_single_target(target) || !has_version(p, 6)) {
        return NULL;
    }
    if (!is_in_parentheses && p->kinds[start] == TOKEN_LPAR
        && begins_with_target_in_parentheses(target)) {
        return NULL;
    }
    parser_make_target(target, Store);
    advance(p);
    expr_ty annotation = parser_expression(p), value = NULL;
    if (annotation == NULL
        || (accept(p, TOKEN_EQUAL) && (value = parser_yield_or_star_expressions(p)) == NULL)) {
        return NULL;
    }
    stmt_ty node = new_statement(p, AnnAssign_kind, start);
    if (node != NULL) {
        node->v.AnnAssign.target = target;
        node->v.AnnAssign.annotation = annotation;
        node->v.AnnAssign.value = value;
        node->v.AnnAssign.simple = p->kinds[start] == TOKEN_NAME && target->kind == Name_kind;
    }
    return node;
}

/* augmented: target augmented_operator (yield_expression | star_expressions) */
static stmt_ty
augmented(Parser *p, expr_ty target, size_t start)
{
    int kind = peek(p);
    if (!parser_is_single_target(target) || (kind == TOKEN_ATEQUAL && !has_version(p, 5))) {
        return NULL;
    }
    parser_make_target(target, Store);
    advance(p);
    expr_ty value = parser_yield_or_star_expressions(p);
    stmt_ty node = value == NULL ? NULL : new_statement(p, AugAssign_kind, start);
    if (node != NULL) {
        node->v.AugAssign.target = target;
        node->v.AugAssign.op = (operator_ty)token_traits[kind].action;
        node->v.AugAssign.value = value;
    }
    return node;
}

/* assignment: (star_targets "=")+ (yield_expression | star_expressions) [TYPE_COMMENT] */
static stmt_ty
assignment(Parser *p, expr_ty target, size_t start)
{
    size_t base = p->stack_size;
    expr_ty value = target;
    while (peek(p) == TOKEN_EQUAL) {
        if (!parser_make_target(value, Store) || !push(p, value)) {
            return NULL;
        }
        advance(p);
        value = parser_yield_or_star_expressions(p);
        if (value == NULL) {
            return NULL;
        }
    }
    bool failed;
    PyObject *comment = parser_accept_type_comment(p, &failed);
    stmt_ty node = failed ? NULL : new_statement(p, Assign_kind, start);
    if (node == NULL) {
        return NULL;
    }
    node->v.Assign.targets = parser_take_sequence(p, base);
    node->v.Assign.value = value;
    node->v.Assign.type_comment = comment;
    return node->v.Assign.targets == NULL ? NULL : node;
}

/* expression_statement: annotated | augmented | assignment | star_expressions */
static stmt_ty
expression_statement(Parser *p)
{
    size_t start = p->index;
    expr_ty value = parser_yield_or_star_expressions(p);
    if (value == NULL) {
        return NULL;
    }
    int kind = peek(p);
    if (kind == TOKEN_EQUAL) {
        return assignment(p, value, start);
    }
    if (kind == TOKEN_COLON) {
        return annotated(p, value, start);
    }
    if (token_traits[kind].traits & TRAIT_AUGMENTS) {
        return augmented(p, value, start);
    }
    stmt_ty node = new_statement(p, Expr_kind, start);
    if (node != NULL) {
        node->v.Expr.value = value;
    }
    return node;
}

/* ---- simple statements ---- */

/* word: "pass" | "break" | "continue" */
static stmt_ty
word_statement(Parser *p, enum _stmt_kind kind)
{
    advance(p);
    return new_statement(p, kind, p->index - 1);
}

/* return: "return" [star_expressions] */
static stmt_ty
return_statement(Parser *p)
{
    size_t start = advance(p);
    expr_ty value = NULL;
    if ((starts_expression(p) || peek(p) == TOKEN_STAR)
        && (value = parser_star_expressions(p)) == NULL) {
        return NULL;
    }
    stmt_ty node = new_statement(p, Return_kind, start);
    if (node != NULL) {
        node->v.Return.value = value;
    }
    return node;
}

/* raise: "raise" [expression ["from" expression]] */
static stmt_ty
raise_statement(Parser *p)
{
    size_t start = advance(p);
    expr_ty exception = NULL, cause = NULL;
    if (starts_expression(p)) {
        exception = parser_expression(p);
        if (exception == NULL
            || (accept(p, TOKEN_FROM) && (cause = parser_expression(p)) == NULL)) {
            return NULL;
        }
    }
    stmt_ty node = new_statement(p, Raise_kind, start);
    if (node != NULL) {
        node->v.Raise.exc = exception;
        node->v.Raise.cause = cause;
    }
    return node;
}

/* assert: "assert" expression ["," expression] */
static stmt_ty
assert_statement(Parser *p)
{
    size_t start = advance(p);
    expr_ty test = parser_expression(p), message = NULL;
    if (test == NULL || (accept(p, TOKEN_COMMA) && (message = parser_expression(p)) == NULL)) {
        return NULL;
    }
    stmt_ty node = new_statement(p, Assert_kind, start);
    if (node != NULL) {
        node->v.Assert.test = test;
        node->v.Assert.msg = message;
    }
    return node;
}

/* del: "del" delete_targets */
static stmt_ty
delete_statement(Parser *p)
{
    size_t start = advance(p);
    asdl_expr_seq *targets = parser_delete_targets(p);
    stmt_ty node = targets == NULL ? NULL : new_statement(p, Delete_kind, start);
    if (node != NULL) {
        node->v.Delete.targets = targets;
    }
    return node;
}

/* scope: ("global" | "nonlocal") NAME ("," NAME)* */
static stmt_ty
scope_statement(Parser *p, enum _stmt_kind kind)
{
    size_t start = advance(p), base = p->stack_size;
    do {
        PyObject *name = parser_accept_name(p);
        if (name == NULL || !push(p, name)) {
            return NULL;
        }
    } while (accept(p, TOKEN_COMMA));
    asdl_identifier_seq *names = parser_take_sequence(p, base);
    stmt_ty node = names == NULL ? NULL : new_statement(p, kind, start);
    if (node != NULL && kind == Global_kind) {
        node->v.Global.names = names;
    }
    else if (node != NULL) {
        node->v.Nonlocal.names = names;
    }
    return node;
}

/* ---- imports ---- */

/* alias: name ["as" NAME] */
static alias_ty
import_alias(Parser *p, PyObject *(*read_name)(Parser *))
{
    size_t start = p->index;
    PyObject *name = read_name(p), *other = NULL;
    if (name == NULL || (accept(p, TOKEN_AS) && (other = parser_accept_name(p)) == NULL)) {
        return NULL;
    }
    alias_ty node = allocate(p, sizeof(*node));
    if (node != NULL) {
        node->name = name;
        node->asname = other;
        SET_POSITION(p, node, start);
    }
    return node;
}

/* import: "import" dotted_name ["as" NAME] ("," dotted_name ["as" NAME])* */
static stmt_ty
import_statement(Parser *p)
{
    size_t start = advance(p), base = p->stack_size;
    do {
        alias_ty alias = import_alias(p, parser_dotted_name);
        if (alias == NULL || !push(p, alias)) {
            return NULL;
        }
    } while (accept(p, TOKEN_COMMA));
    stmt_ty node = new_statement(p, Import_kind, start);
    if (node != NULL) {
        node->v.Import.names = parser_take_sequence(p, base);
    }
    return node == NULL || node->v.Import.names == NULL ? NULL : node;
}

/* import_star: "*" */
static asdl_alias_seq *
import_star(Parser *p)
{
    size_t start = advance(p);
    PyObject *star = PyUnicode_InternFromString("*");
    alias_ty node = parser_keep(p, star) == NULL ? NULL : allocate(p, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->name = star;
    node->asname = NULL;
    SET_POSITION(p, node, start);
    return parser_singleton_sequence(p, node);
}

/* imported: "*" | "(" alias ("," alias)* [","] ")" | alias ("," alias)* */
static asdl_alias_seq *
imported_names(Parser *p)
{
    if (peek(p) == TOKEN_STAR) {
        return import_star(p);
    }
    bool has_parentheses = accept(p, TOKEN_LPAR);
    size_t base = p->stack_size;
    do {
        alias_ty alias = import_alias(p, parser_accept_name);
        if (alias == NULL || !push(p, alias)) {
            return NULL;
        }
    } while (accept(p, TOKEN_COMMA) && !(has_parentheses && peek(p) == TOKEN_RPAR));
    if (has_parentheses && !accept(p, TOKEN_RPAR)) {
        return NULL;
    }
    return parser_take_sequence(p, base);
}

/* from: "from" ("." | "...")* [dotted_name] "import" imported; dots or a name, or both */
static stmt_ty
from_statement(Parser *p)
{
    size_t start = advance(p);
    int level = 0;
    while (peek(p) == TOKEN_DOT || peek(p) == TOKEN_ELLIPSIS) {
        level += peek(p) == TOKEN_DOT ? 1 : 3;
        advance(p);
    }
    PyObject *module = NULL;
    if ((level == 0 || peek(p) == TOKEN_NAME) && (module = parser_dotted_name(p)) == NULL) {
        return NULL;
    }
    asdl_alias_seq *names = accept(p, TOKEN_IMPORT) ? imported_names(p) : NULL;
    stmt_ty node = names == NULL ? NULL : new_statement(p, ImportFrom_kind, start);
    if (node != NULL) {
        node->v.ImportFrom.module = module;
        node->v.ImportFrom.names = names;
        node->v.ImportFrom.level = level;
    }
    return node;
}

/* simple_statement: return | import | from | raise | word | del | assert | scope |
                     expression_statement */
static stmt_ty
simple_statement(Parser *p)
{
    switch (peek(p)) {
    case TOKEN_RETURN:
        return return_statement(p);
    case TOKEN_IMPORT:
        return import_statement(p);
    case TOKEN_FROM:
        return from_statement(p);
    case TOKEN_RAISE:
        return raise_statement(p);
    case TOKEN_PASS:
        return word_statement(p, Pass_kind);
    case TOKEN_BREAK:
        return word_statement(p, Break_kind);
    case TOKEN_CONTINUE:
        return word_statement(p, Continue_kind);
    case TOKEN_DEL:
        return delete_statement(p);
    case TOKEN_ASSERT:
        return assert_statement(p);
    case TOKEN_GLOBAL:
        return scope_statement(p, Global_kind);
    case TOKEN_NONLOCAL:
        return scope_statement(p, Nonlocal_kind);
    default:
        return expression_statement(p);
    }
}

/* simple_statements: simple_statement (";" simple_statement)* [";"] NEWLINE
   At a prompt the line end is all; who wants to know what comes after it has to look. */
static bool
simple_statements(Parser *p)
{
    do {
        stmt_ty node = simple_statement(p);
        if (node == NULL || !push(p, node)) {
            return false;
        }
    } while (accept(p, TOKEN_SEMI) && peek(p) != TOKEN_NEWLINE);
    if (peek(p) != TOKEN_NEWLINE) {
        return false;
    }
    p->index++;
    return true;
}

/* ---- if, while, for ---- */

/* Make the "elif"s that lie on the stack the else part of one another, the last one first; they all
   end where the whole statement ends. */
static stmt_ty
nest_elifs(Parser *p, size_t base, asdl_stmt_seq *last)
{
    stmt_ty node = NULL;
    while (p->stack_size > base) {
        stmt_ty outer = p->stack[--p->stack_size];
        if (node != NULL) {
            last = parser_singleton_sequence(p, node);
        }
        if (last == NULL) {
            return NULL;
        }
        outer->v.If.orelse = last;
        node = outer;
    }
    return node;
}

/* if_part: ("if" | "elif") named_expression ":" block */
static stmt_ty
if_part(Parser *p, size_t *start)
{
    *start = advance(p);
    stmt_ty node = allocate(p, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->kind = If_kind;
    node->v.If.test = parser_named_expression(p);
    node->v.If.body = node->v.If.test == NULL ? NULL : colon_block(p);
    /* Only the beginning is final. */
    SET_POSITION(p, node, *start);
    return node->v.If.body == NULL ? NULL : node;
}

/* if: "if" named_expression ":" block ("elif" named_expression ":" block)* else_block */
static stmt_ty
if_statement(Parser *p)
{
    size_t base = p->stack_size, start;
    int depth = p->depth;
    do {
        stmt_ty part = if_part(p, &start);
        if (part == NULL || !push(p, part) || !enter(p, COST_ELIF)) {
            return NULL;
        }
    } while (peek(p) == TOKEN_ELIF);
    asdl_stmt_seq *otherwise;
    if (!else_block(p, &otherwise)) {
        return NULL;
    }
    p->depth = depth;
    struct {
        int lineno, col_offset, end_lineno, end_col_offset;
    } whole;
    SET_POSITION(p, &whole, start);
    for (size_t i = base; i < p->stack_size; i++) {
        stmt_ty part = p->stack[i];
        part->end_lineno = whole.end_lineno;
        part->end_col_offset = whole.end_col_offset;
    }
    return nest_elifs(p, base, otherwise);
}

/* while: "while" named_expression ":" block else_block */
static stmt_ty
while_statement(Parser *p)
{
    size_t start = advance(p);
    expr_ty test = parser_named_expression(p);
    asdl_stmt_seq *body = test == NULL ? NULL : colon_block(p), *otherwise;
    if (body == NULL || !else_block(p, &otherwise)) {
        return NULL;
    }
    stmt_ty node = new_statement(p, While_kind, start);
    if (node != NULL) {
        node->v.While.test = test;
        node->v.While.body = body;
        node->v.While.orelse = otherwise;
    }
    return node;
}

/* for: "for" star_targets "in" star_expressions ":" [TYPE_COMMENT] block else_block */
static stmt_ty
for_statement(Parser *p, size_t start)
{
    bool is_async = advance(p) != start, failed;
    expr_ty target = parser_star_targets(p);
    expr_ty iterable = target != NULL && accept(p, TOKEN_IN) ? parser_star_expressions(p) : NULL;
    if (iterable == NULL || !accept(p, TOKEN_COLON)) {
        return NULL;
    }
    PyObject *comment = parser_accept_type_comment(p, &failed);
    asdl_stmt_seq *body = failed ? NULL : parser_block(p), *otherwise;
    if (body == NULL || !else_block(p, &otherwise)) {
        return NULL;
    }
    stmt_ty node = new_statement(p, is_async ? AsyncFor_kind : For_kind, start);
    if (node == NULL) {
        return NULL;
    }
    /* The asynchronous kind has the same fields: validate.c asserts it. */
    node->v.For.target = target;
    node->v.For.iter = iterable;
    node->v.For.body = body;
    node->v.For.orelse = otherwise;
    node->v.For.type_comment = comment;
    return node;
}

/* ---- with ---- */

/* with_item: expression ["as" star_target] */
static withitem_ty
with_item(Parser *p)
{
    withitem_ty node = allocate(p, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->optional_vars = NULL;
    node->context_expr = parser_expression(p);
    if (node->context_expr == NULL
        || (accept(p, TOKEN_AS) && (node->optional_vars = parser_star_target(p)) == NULL)) {
        return NULL;
    }
    return node;
}

/* with_items: with_item ("," with_item)*, and a comma at the end if a token closes them */
static asdl_withitem_seq *
with_items(Parser *p, int closing)
{
    size_t base = p->stack_size;
    do {
        withitem_ty item = with_item(p);
        if (item == NULL || !push(p, item)) {
            return NULL;
        }
    } while (accept(p, TOKEN_COMMA) && peek(p) != closing);
    return parser_take_sequence(p, base);
}

/* Whether the parenthesis that opens here closes right before the colon that the block follows,
   or may do so in lines to come. A type comment there is not part of this form. */
static bool
parentheses_span_head(const Parser *p)
{
    int depth = 0;
    size_t i = p->index;
    do {
        switch (p->kinds[i++]) {
        case TOKEN_LPAR:
        case TOKEN_LSQB:
        case TOKEN_LBRACE:
            depth++;
            break;
        case TOKEN_RPAR:
        case TOKEN_RSQB:
        case TOKEN_RBRACE:
            depth--;
            break;
        case TOKEN_ERROR:
        case TOKEN_END:
            return false;
        case TOKEN_MORE:
            return true;
        default:
            break;
        }
    } while (depth > 0);
    return p->kinds[i] == TOKEN_MORE
           || (p->kinds[i] == TOKEN_COLON && p->kinds[i + 1] != TOKEN_TYPE_COMMENT);
}

/* head: "(" with_items ")" | with_items
   The first form is tried first; it fails for what only an expression may be.  It came with version
   3.9, but CPython takes it of any version behind `async`. */
static asdl_withitem_seq *
with_head(Parser *p, bool is_async)
{
    if (peek(p) == TOKEN_LPAR && parentheses_span_head(p)) {
        ParserMark mark = parser_mark(p);
        advance(p);
        asdl_withitem_seq *items = with_items(p, TOKEN_RPAR);
        if (items != NULL && accept(p, TOKEN_RPAR) && peek(p) == TOKEN_COLON
            && peek_second(p) != TOKEN_TYPE_COMMENT) {
            return is_async || has_version(p, 9) ? items : NULL;
        }
        if (has_failed(p)) {
            return NULL;
        }
        parser_return(p, mark);
    }
    return with_items(p, TOKEN_END);
}

/* with: "with" head ":" [TYPE_COMMENT] block */
static stmt_ty
with_statement(Parser *p, size_t start)
{
    bool is_async = advance(p) != start, failed;
    asdl_withitem_seq *items = with_head(p, is_async);
    if (items == NULL || !accept(p, TOKEN_COLON)) {
        return NULL;
    }
    PyObject *comment = parser_accept_type_comment(p, &failed);
    asdl_stmt_seq *body = failed ? NULL : parser_block(p);
    stmt_ty node =
        body == NULL ? NULL : new_statement(p, is_async ? AsyncWith_kind : With_kind, start);
    if (node == NULL) {
        return NULL;
    }
    /* The asynchronous kind has the same fields: validate.c asserts it. */
    node->v.With.items = items;
    node->v.With.body = body;
    node->v.With.type_comment = comment;
    return node;
}

/* ---- try ---- */

/* handler: "except" ["*"] expression ["as" NAME] ":" block | "except" ":" block */
static excepthandler_ty
handler(Parser *p, bool is_star)
{
    size_t start = advance(p);
    expr_ty type = NULL;
    PyObject *name = NULL;
    if (is_star) {
        advance(p);
    }
    if (is_star || peek(p) != TOKEN_COLON) {
        type = parser_expression(p);
        if (type == NULL || (accept(p, TOKEN_AS) && (name = parser_accept_name(p)) == NULL)) {
            return NULL;
        }
    }
    asdl_stmt_seq *body = colon_block(p);
    excepthandler_ty node = body == NULL ? NULL : allocate(p, sizeof(*node));
    if (node != NULL) {
        node->kind = ExceptHandler_kind;
        node->v.ExceptHandler.type = type;
        node->v.ExceptHandler.name = name;
        node->v.ExceptHandler.body = body;
        SET_POSITION(p, node, start);
    }
    return node;
}

static inline bool
at_star_handler(Parser *p)
{
    return peek_second(p) == TOKEN_STAR;
}

/* handlers: handler*, all with a star or none */
static asdl_excepthandler_seq *
handlers(Parser *p, bool is_star)
{
    size_t base = p->stack_size;
    while (peek(p) == TOKEN_EXCEPT) {
        excepthandler_ty node = at_star_handler(p) == is_star ? handler(p, is_star) : NULL;
        if (node == NULL || !push(p, node)) {
            return NULL;
        }
    }
    return parser_take_sequence(p, base);
}

/* finally_block: ["finally" ":" block] */
static bool
finally_block(Parser *p, asdl_stmt_seq **block)
{
    bool present = accept(p, TOKEN_FINALLY);
    *block = present ? colon_block(p) : parser_take_sequence(p, p->stack_size);
    return *block != NULL;
}

/* try: "try" ":" block handlers else_block finally_block
   There must be a handler or "finally", and a handler for there to be "else". */
static stmt_ty
try_statement(Parser *p)
{
    size_t start = advance(p);
    asdl_stmt_seq *body = colon_block(p), *otherwise, *final;
    if (body == NULL || (peek(p) != TOKEN_EXCEPT && peek(p) != TOKEN_FINALLY)) {
        return NULL;
    }
    bool is_star = peek(p) == TOKEN_EXCEPT && at_star_handler(p);
    asdl_excepthandler_seq *all = handlers(p, is_star);
    if (all == NULL || (is_star && !has_version(p, 11)) || !else_block(p, &otherwise)
        || !finally_block(p, &final)) {
        return NULL;
    }
    stmt_ty node = new_statement(p, is_star ? TryStar_kind : Try_kind, start);
    if (node == NULL) {
        return NULL;
    }
    if (is_star) {
        node->v.TryStar.body = body;
        node->v.TryStar.handlers = all;
        node->v.TryStar.orelse = otherwise;
        node->v.TryStar.finalbody = final;
    }
    else {
        node->v.Try.body = body;
        node->v.Try.handlers = all;
        node->v.Try.orelse = otherwise;
        node->v.Try.finalbody = final;
    }
    return node;
}

/* ---- definitions ---- */

/* The type comment of a function stands after the colon, or alone in the line below. */
static PyObject *
function_type_comment(Parser *p, bool *failed)
{
    if (peek(p) == TOKEN_NEWLINE && peek_second(p) == TOKEN_TYPE_COMMENT
        && look_at(p, p->index + 2) == TOKEN_NEWLINE && look_at(p, p->index + 3) == TOKEN_INDENT) {
        advance(p);
    }
    return parser_accept_type_comment(p, failed);
}

/* function: ["async"] "def" NAME "(" parameters ")" ["->" expression] ":" [TYPE_COMMENT] block */
static stmt_ty
function(Parser *p, size_t start, asdl_expr_seq *decorators)
{
    bool is_async = advance(p) != start, failed;
    PyObject *name = parser_accept_name(p);
    arguments_ty parameters = name != NULL && accept(p, TOKEN_LPAR) ? parser_parameters(p) : NULL;
    if (parameters == NULL || !accept(p, TOKEN_RPAR)) {
        return NULL;
    }
    expr_ty returns = NULL;
    if ((accept(p, TOKEN_RARROW) && (returns = parser_expression(p)) == NULL)
        || !accept(p, TOKEN_COLON)) {
        return NULL;
    }
    PyObject *comment = function_type_comment(p, &failed);
    asdl_stmt_seq *body = failed ? NULL : parser_block(p);
    stmt_ty node =
        body == NULL ? NULL
                     : new_statement(p, is_async ? AsyncFunctionDef_kind : FunctionDef_kind, start);
    if (node == NULL) {
        return NULL;
    }
    /* The asynchronous kind has the same fields: validate.c asserts it. */
    node->v.FunctionDef.name = name;
    node->v.FunctionDef.args = parameters;
    node->v.FunctionDef.body = body;
    node->v.FunctionDef.decorator_list = decorators;
    node->v.FunctionDef.returns = returns;
    node->v.FunctionDef.type_comment = comment;
    return node;
}

/* class: "class" NAME [arguments] ":" block */
static stmt_ty
class_statement(Parser *p, asdl_expr_seq *decorators)
{
    size_t start = advance(p);
    PyObject *name = parser_accept_name(p);
    if (name == NULL) {
        return NULL;
    }
    Arguments arguments;
    if (peek(p) != TOKEN_LPAR) {
        arguments.positional = parser_take_sequence(p, p->stack_size);
        arguments.keywords = parser_take_sequence(p, p->stack_size);
    }
    else if (!parser_arguments(p, &arguments, false)) {
        return NULL;
    }
    asdl_stmt_seq *body = colon_block(p);
    stmt_ty node = body == NULL ? NULL : new_statement(p, ClassDef_kind, start);
    if (node != NULL) {
        node->v.ClassDef.name = name;
        node->v.ClassDef.bases = arguments.positional;
        node->v.ClassDef.keywords = arguments.keywords;
        node->v.ClassDef.body = body;
        node->v.ClassDef.decorator_list = decorators;
    }
    return node;
}

/* async: "async" (function | for | with) */
static stmt_ty
async_statement(Parser *p, asdl_expr_seq *decorators, bool only_function)
{
    size_t start = advance(p);
    if (!has_version(p, 5)) {
        return NULL;
    }
    if (peek(p) == TOKEN_DEF) {
        return function(p, start, decorators);
    }
    if (only_function) {
        return NULL;
    }
    return peek(p) == TOKEN_FOR    ? for_statement(p, start)
           : peek(p) == TOKEN_WITH ? with_statement(p, start)
                                   : NULL;
}

/* decorated: ("@" named_expression NEWLINE)+ (class | function) */
static stmt_ty
decorated(Parser *p)
{
    size_t base = p->stack_size;
    while (accept(p, TOKEN_AT)) {
        expr_ty decorator = parser_named_expression(p);
        if (decorator == NULL || !push(p, decorator) || !accept(p, TOKEN_NEWLINE)) {
            return NULL;
        }
    }
    asdl_expr_seq *decorators = parser_take_sequence(p, base);
    if (decorators == NULL) {
        return NULL;
    }
    switch (peek(p)) {
    case TOKEN_DEF:
        return function(p, p->index, decorators);
    case TOKEN_CLASS:
        return class_statement(p, decorators);
    case TOKEN_ASYNC:
        return async_statement(p, decorators, true);
    default:
        return NULL;
    }
}

/* ---- statements ---- */

static bool
at_compound(Parser *p)
{
    switch (peek(p)) {
    case TOKEN_IF:
    case TOKEN_WHILE:
    case TOKEN_FOR:
    case TOKEN_TRY:
    case TOKEN_WITH:
    case TOKEN_DEF:
    case TOKEN_CLASS:
    case TOKEN_AT:
    case TOKEN_ASYNC:
        return true;
    case TOKEN_NAME:
        return parser_at_match_statement(p);
    default:
        return false;
    }
}

/* compound_statement: if | while | for | try | with | function | class | decorated | async |
                       match_statement */
static stmt_ty
compound_statement(Parser *p)
{
    switch (peek(p)) {
    case TOKEN_IF:
        return if_statement(p);
    case TOKEN_WHILE:
        return while_statement(p);
    case TOKEN_FOR:
        return for_statement(p, p->index);
    case TOKEN_TRY:
        return try_statement(p);
    case TOKEN_WITH:
        return with_statement(p, p->index);
    case TOKEN_DEF:
        return function(p, p->index, parser_take_sequence(p, p->stack_size));
    case TOKEN_CLASS:
        return class_statement(p, parser_take_sequence(p, p->stack_size));
    case TOKEN_AT:
        return decorated(p);
    case TOKEN_ASYNC:
        return async_statement(p, parser_take_sequence(p, p->stack_size), false);
    default:
        return parser_match_statement(p);
    }
}

/* statement: compound_statement | simple_statements */
static bool
push_statement(Parser *p)
{
    if (at_compound(p)) {
        stmt_ty node = compound_statement(p);
        return node != NULL && push(p, node);
    }
    return simple_statements(p);
}

/* statement*, up to the token that ends them; in a block there is at least one */
asdl_stmt_seq *
parser_statements(Parser *p, int end)
{
    size_t base = p->stack_size;
    while (look_at(p, p->index) != end) {
        if (!push_statement(p)) {
            return NULL;
        }
    }
    return parser_take_sequence(p, base);
}

/* An empty line stands for "pass", which has the place of its comment. */
static asdl_stmt_seq *
empty_statement(Parser *p)
{
    stmt_ty node = allocate(p, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    const Token *token = token_at(p, p->index++);
    node->kind = Pass_kind;
    node->lineno = node->end_lineno = token->line;
    node->col_offset = (int)strspn(p->text + token->start - token->column, " \t\f");
    node->end_col_offset = token->column;
    return parser_singleton_sequence(p, node);
}

/* interactive_statement: compound_statement NEWLINE | simple_statements | NEWLINE */
asdl_stmt_seq *
parser_interactive_statement(Parser *p)
{
    size_t base = p->stack_size;
    if (peek(p) == TOKEN_NEWLINE) {
        return empty_statement(p);
    }
    if (token_traits[peek(p)].traits & TRAIT_LAYOUT) {
        return NULL;
    }
    bool is_compound = at_compound(p);
    if (!push_statement(p)) {
        return NULL;
    }
    if (is_compound) {
        if (peek(p) != TOKEN_NEWLINE) {
            return NULL;
        }
        p->index++;
    }
    return parser_take_sequence(p, base);
}
