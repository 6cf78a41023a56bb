/* Expressions.

   Operators go by precedence climbing over the table in tokens.h; everything else by one function
   for each rule. In: tokens from p->index on. Out: a node in the arena, all names in it loaded. */

#include "parser_internal.h"

/* Upper bounds of what the archive's parser counts for one more level of nesting. */
enum {
    COST_EXPRESSION = 5, /* lambda bodies, what follows "else" */
    COST_OPERAND = 1,    /* unary operators, "not" */
    COST_POWER = 6,
    COST_NESTED = 40, /* whatever stands in brackets, with operators before it */
};

static expr_ty factor(Parser *p);
static expr_ty operators(Parser *p, int precedence);

/* ---- operators ---- */

static expr_ty
new_unary(Parser *p, unaryop_ty op, expr_ty operand, size_t start)
{
    expr_ty node = new_expression(p, UnaryOp_kind, start);
    if (node != NULL) {
        node->v.UnaryOp.op = op;
        node->v.UnaryOp.operand = operand;
    }
    return node;
}

static expr_ty
new_binary(Parser *p, expr_ty left, operator_ty op, expr_ty right, size_t start)
{
    expr_ty node = new_expression(p, BinOp_kind, start);
    if (node != NULL) {
        node->v.BinOp.left = left;
        node->v.BinOp.op = op;
        node->v.BinOp.right = right;
    }
    return node;
}

/* await_primary: ["await"] primary */
static expr_ty
await_primary(Parser *p)
{
    size_t start = p->index;
    if (!accept(p, TOKEN_AWAIT)) {
        return parser_primary(p);
    }
    expr_ty value = has_version(p, 5) ? parser_primary(p) : NULL;
    expr_ty node = value == NULL ? NULL : new_expression(p, Await_kind, start);
    if (node != NULL) {
        node->v.Await.value = value;
    }
    return node;
}

/* power: await_primary ["**" factor] */
static expr_ty
power(Parser *p)
{
    size_t start = p->index;
    expr_ty left = await_primary(p);
    if (left == NULL || peek(p) != TOKEN_DOUBLESTAR) {
        return left;
    }
    advance(p);
    if (!enter(p, COST_POWER)) {
        return NULL;
    }
    expr_ty right = factor(p);
    leave(p, COST_POWER);
    return right == NULL ? NULL : new_binary(p, left, Pow, right, start);
}

/* factor: ("+" | "-" | "~") factor | power */
static expr_ty
factor(Parser *p)
{
    size_t start = p->index;
    int kind = peek(p);
    if (kind != TOKEN_PLUS && kind != TOKEN_MINUS && kind != TOKEN_TILDE) {
        return power(p);
    }
    advance(p);
    if (!enter(p, COST_OPERAND)) {
        return NULL;
    }
    expr_ty operand = factor(p);
    leave(p, COST_OPERAND);
    unaryop_ty op = kind == TOKEN_PLUS ? UAdd : kind == TOKEN_MINUS ? USub : Invert;
    return operand == NULL ? NULL : new_unary(p, op, operand, start);
}

/* inversion: "not" inversion | comparison */
static expr_ty
inversion(Parser *p)
{
    size_t start = advance(p);
    if (!enter(p, COST_OPERAND)) {
        return NULL;
    }
    expr_ty operand = operators(p, PRECEDENCE_NOT);
    leave(p, COST_OPERAND);
    return operand == NULL ? NULL : new_unary(p, Not, operand, start);
}

/* joined: operand ("or" operand)+ | operand ("and" operand)+ */
static expr_ty
joined(Parser *p, expr_ty left, size_t start)
{
    int kind = peek(p);
    size_t base = p->stack_size;
    if (!push(p, left)) {
        return NULL;
    }
    while (accept(p, kind)) {
        expr_ty operand = operators(p, token_traits[kind].precedence + 1);
        if (operand == NULL || !push(p, operand)) {
            return NULL;
        }
    }
    expr_ty node = new_expression(p, BoolOp_kind, start);
    if (node == NULL) {
        return NULL;
    }
    node->v.BoolOp.op = token_traits[kind].action;
    node->v.BoolOp.values = parser_take_sequence(p, base);
    return node->v.BoolOp.values == NULL ? NULL : node;
}

/* comparison_operator: "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in" | "is" ["not"]
   Return 0 if there is none. */
static int
accept_comparison(Parser *p)
{
    int kind = peek(p);
    const TokenTraits *traits = &token_traits[kind];
    if (!(traits->traits & TRAIT_COMPARES)) {
        return 0;
    }
    switch (kind) {
    case TOKEN_NOT:
        if (peek_second(p) != TOKEN_IN) {
            return 0;
        }
        advance(p);
        advance(p);
        return NotIn;
    case TOKEN_IS:
        advance(p);
        return accept(p, TOKEN_NOT) ? IsNot : Is;
    case TOKEN_NOTEQUAL:
    case TOKEN_DIAMOND:
        if (p->options->diamond_is_unequal != (kind == TOKEN_DIAMOND)) {
            return 0;
        }
        break;
    default:
        break;
    }
    advance(p);
    return traits->action;
}

/* comparison: bitwise_or (comparison_operator bitwise_or)* */
static expr_ty
comparison(Parser *p, expr_ty left, size_t start)
{
    size_t base = p->stack_size;
    int op;
    while ((op = accept_comparison(p)) != 0) {
        expr_ty operand = operators(p, PRECEDENCE_BITWISE_OR);
        if (operand == NULL || !push(p, (void *)(intptr_t)op) || !push(p, operand)) {
            return NULL;
        }
    }
    if (p->stack_size == base) {
        return left;
    }
    expr_ty node = new_expression(p, Compare_kind, start);
    if (node == NULL) {
        return NULL;
    }
    size_t count = (p->stack_size - base) / 2;
    node->v.Compare.left = left;
    node->v.Compare.comparators = parser_copy_alternate(p, base, 1);
    for (size_t i = 0; i < count; i++) {
        p->stack[base + i] = p->stack[base + 2 * i];
    }
    p->stack_size = base + count;
    node->v.Compare.ops = parser_take_integers(p, base);
    return node->v.Compare.ops == NULL || node->v.Compare.comparators == NULL ? NULL : node;
}

/* operators: operand (operator operand)*, all operators binding at least this tightly */
static expr_ty
operators(Parser *p, int precedence)
{
    size_t start = p->index;
    expr_ty left;
    if (peek(p) == TOKEN_NOT) {
        left = precedence <= PRECEDENCE_NOT ? inversion(p) : NULL;
    }
    else {
        left = factor(p);
    }
    while (left != NULL) {
        int kind = peek(p);
        const TokenTraits *traits = &token_traits[kind];
        if (traits->precedence == PRECEDENCE_NONE || traits->precedence < precedence) {
            break;
        }
        if (traits->traits & TRAIT_BINARY) {
            advance(p);
            if (kind == TOKEN_AT && !has_version(p, 5)) {
                return NULL;
            }
            expr_ty right = operators(p, traits->precedence + 1);
            left = right == NULL ? NULL
                                 : new_binary(p, left, (operator_ty)traits->action, right, start);
        }
        else if (traits->traits & TRAIT_JOINS) {
            left = joined(p, left, start);
        }
        else {
            size_t before = p->index;
            left = comparison(p, left, start);
            if (p->index == before) {
                break;
            }
        }
    }
    return left;
}

/* ---- expressions ---- */

/* lambda: "lambda" [parameters] ":" expression */
static expr_ty
lambda(Parser *p)
{
    size_t start = advance(p);
    arguments_ty parameters = parser_lambda_parameters(p);
    if (parameters == NULL || !accept(p, TOKEN_COLON) || !enter(p, COST_EXPRESSION)) {
        return NULL;
    }
    expr_ty body = parser_expression(p);
    leave(p, COST_EXPRESSION);
    expr_ty node = body == NULL ? NULL : new_expression(p, Lambda_kind, start);
    if (node != NULL) {
        node->v.Lambda.args = parameters;
        node->v.Lambda.body = body;
    }
    return node;
}

/* conditional: disjunction "if" disjunction "else" expression */
static expr_ty
conditional(Parser *p, expr_ty body, size_t start)
{
    advance(p);
    expr_ty test = operators(p, PRECEDENCE_OR);
    if (test == NULL || !accept(p, TOKEN_ELSE) || !enter(p, COST_EXPRESSION)) {
        return NULL;
    }
    expr_ty otherwise = parser_expression(p);
    leave(p, COST_EXPRESSION);
    expr_ty node = otherwise == NULL ? NULL : new_expression(p, IfExp_kind, start);
    if (node != NULL) {
        node->v.IfExp.test = test;
        node->v.IfExp.body = body;
        node->v.IfExp.orelse = otherwise;
    }
    return node;
}

/* expression: conditional | disjunction | lambda */
expr_ty
parser_expression(Parser *p)
{
    if (peek(p) == TOKEN_LAMBDA) {
        return lambda(p);
    }
    size_t start = p->index;
    expr_ty body = operators(p, PRECEDENCE_OR);
    return body != NULL && peek(p) == TOKEN_IF ? conditional(p, body, start) : body;
}

/* starred: "*" operand */
expr_ty
parser_starred(Parser *p, expr_ty (*operand)(Parser *))
{
    size_t start = advance(p);
    expr_ty value = operand(p);
    expr_ty node = value == NULL ? NULL : new_expression(p, Starred_kind, start);
    if (node != NULL) {
        node->v.Starred.value = value;
        node->v.Starred.ctx = Load;
    }
    return node;
}

/* bitwise_or: operators that bind at least as tightly as "|" */
static expr_ty
bitwise_or(Parser *p)
{
    return operators(p, PRECEDENCE_BITWISE_OR);
}

/* star_expression: "*" bitwise_or | expression */
static expr_ty
star_expression(Parser *p)
{
    return peek(p) == TOKEN_STAR ? parser_starred(p, bitwise_or) : parser_expression(p);
}

/* named: NAME ":=" expression */
static expr_ty
named(Parser *p)
{
    size_t start = p->index;
    PyObject *name = parser_accept_name(p);
    expr_ty target = name == NULL ? NULL : new_expression(p, Name_kind, start);
    if (target == NULL || !has_version(p, 8)) {
        return NULL;
    }
    target->v.Name.id = name;
    target->v.Name.ctx = Store;
    advance(p);
    expr_ty value = parser_expression(p);
    expr_ty node = value == NULL ? NULL : new_expression(p, NamedExpr_kind, start);
    if (node != NULL) {
        node->v.NamedExpr.target = target;
        node->v.NamedExpr.value = value;
    }
    return node;
}

static inline bool
at_named(Parser *p)
{
    return peek(p) == TOKEN_NAME && peek_second(p) == TOKEN_COLONEQUAL;
}

/* named_expression: named | expression */
expr_ty
parser_named_expression(Parser *p)
{
    return at_named(p) ? named(p) : parser_expression(p);
}

/* star_named_expression: "*" bitwise_or | named_expression */
expr_ty
parser_star_named_expression(Parser *p)
{
    return peek(p) == TOKEN_STAR ? parser_starred(p, bitwise_or) : parser_named_expression(p);
}

static inline bool
at_item(const Parser *p)
{
    return starts_expression(p) || peek(p) == TOKEN_STAR;
}

/* items_rest: ("," item)* [","] */
static asdl_expr_seq *
items_rest(Parser *p, expr_ty first, expr_ty (*item)(Parser *))
{
    size_t base = p->stack_size;
    if (!push(p, first)) {
        return NULL;
    }
    while (accept(p, TOKEN_COMMA) && at_item(p)) {
        expr_ty next = item(p);
        if (next == NULL || !push(p, next)) {
            return NULL;
        }
    }
    return parser_take_sequence(p, base);
}

static expr_ty
new_tuple(Parser *p, asdl_expr_seq *items, size_t start)
{
    expr_ty node = items == NULL ? NULL : new_expression(p, Tuple_kind, start);
    if (node != NULL) {
        node->v.Tuple.elts = items;
        node->v.Tuple.ctx = Load;
    }
    return node;
}

/* tuple_rest: items_rest, whose first comma is next */
expr_ty
parser_tuple_rest(Parser *p, expr_ty first, size_t start, expr_ty (*item)(Parser *))
{
    return new_tuple(p, items_rest(p, first, item), start);
}

/* star_expressions: star_expression ("," star_expression)* [","] */
expr_ty
parser_star_expressions(Parser *p)
{
    size_t start = p->index;
    expr_ty first = star_expression(p);
    if (first == NULL || peek(p) != TOKEN_COMMA) {
        return first;
    }
    return parser_tuple_rest(p, first, start, star_expression);
}

/* yield_expression: "yield" "from" expression | "yield" [star_expressions] */
static expr_ty
yield_expression(Parser *p)
{
    size_t start = advance(p);
    bool is_from = accept(p, TOKEN_FROM);
    expr_ty value = NULL;
    if (is_from || at_item(p)) {
        value = is_from ? parser_expression(p) : parser_star_expressions(p);
        if (value == NULL) {
            return NULL;
        }
    }
    expr_ty node = new_expression(p, is_from ? YieldFrom_kind : Yield_kind, start);
    if (node != NULL && is_from) {
        node->v.YieldFrom.value = value;
    }
    else if (node != NULL) {
        node->v.Yield.value = value;
    }
    return node;
}

/* yield_or_star_expressions: yield_expression | star_expressions */
expr_ty
parser_yield_or_star_expressions(Parser *p)
{
    return peek(p) == TOKEN_YIELD ? yield_expression(p) : parser_star_expressions(p);
}

/* ---- comprehensions ---- */

/* conditions: ("if" disjunction)* */
static asdl_expr_seq *
conditions(Parser *p)
{
    size_t base = p->stack_size;
    while (accept(p, TOKEN_IF)) {
        expr_ty condition = operators(p, PRECEDENCE_OR);
        if (condition == NULL || !push(p, condition)) {
            return NULL;
        }
    }
    return parser_take_sequence(p, base);
}

/* clause: ["async"] "for" star_targets "in" disjunction conditions */
static comprehension_ty
clause(Parser *p)
{
    comprehension_ty node = allocate(p, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->is_async = accept(p, TOKEN_ASYNC);
    if (!accept(p, TOKEN_FOR) || (node->is_async && !has_version(p, 6))) {
        return NULL;
    }
    node->target = parser_star_targets(p);
    if (node->target == NULL || !accept(p, TOKEN_IN)) {
        return NULL;
    }
    node->iter = operators(p, PRECEDENCE_OR);
    node->ifs = node->iter == NULL ? NULL : conditions(p);
    return node->ifs == NULL ? NULL : node;
}

static inline bool
at_clause(const Parser *p)
{
    return peek(p) == TOKEN_FOR || peek(p) == TOKEN_ASYNC;
}

/* clauses: clause+ */
static asdl_comprehension_seq *
clauses(Parser *p)
{
    size_t base = p->stack_size;
    while (at_clause(p)) {
        comprehension_ty node = clause(p);
        if (node == NULL || !push(p, node)) {
            return NULL;
        }
    }
    return parser_take_sequence(p, base);
}

/* comprehension_rest: clauses closing
   Of a comprehension with one element, which has been read. */
static expr_ty
comprehension_rest(Parser *p, enum _expr_kind kind, expr_ty element, int closing, size_t start)
{
    if (element->kind == Starred_kind) {
        return NULL;
    }
    asdl_comprehension_seq *generators = clauses(p);
    if (generators == NULL || !accept(p, closing)) {
        return NULL;
    }
    expr_ty node = new_expression(p, kind, start);
    if (node == NULL) {
        return NULL;
    }
    /* The three kinds have the same layout; the compiler makes one store of it. */
    if (kind == GeneratorExp_kind) {
        node->v.GeneratorExp.elt = element;
        node->v.GeneratorExp.generators = generators;
    }
    else if (kind == ListComp_kind) {
        node->v.ListComp.elt = element;
        node->v.ListComp.generators = generators;
    }
    else {
        node->v.SetComp.elt = element;
        node->v.SetComp.generators = generators;
    }
    return node;
}

/* ---- what stands in brackets ---- */

/* parenthesized: "(" ")" | "(" yield_expression ")" | "(" named_expression ")"
                | "(" star_named_expression "," [star_named_expressions] ")"
                | "(" named_expression clauses ")" */
static expr_ty
parenthesized(Parser *p)
{
    size_t start = advance(p);
    if (accept(p, TOKEN_RPAR)) {
        return new_tuple(p, parser_take_sequence(p, p->stack_size), start);
    }
    if (peek(p) == TOKEN_YIELD) {
        expr_ty node = yield_expression(p);
        return node != NULL && accept(p, TOKEN_RPAR) ? node : NULL;
    }
    expr_ty first = parser_star_named_expression(p);
    if (first == NULL) {
        return NULL;
    }
    if (peek(p) == TOKEN_COMMA) {
        asdl_expr_seq *items = items_rest(p, first, parser_star_named_expression);
        return items != NULL && accept(p, TOKEN_RPAR) ? new_tuple(p, items, start) : NULL;
    }
    if (at_clause(p)) {
        return comprehension_rest(p, GeneratorExp_kind, first, TOKEN_RPAR, start);
    }
    return first->kind != Starred_kind && accept(p, TOKEN_RPAR) ? first : NULL;
}

/* list: "[" [star_named_expressions] "]" | "[" named_expression clauses "]" */
static expr_ty
list(Parser *p)
{
    size_t start = advance(p);
    asdl_expr_seq *items;
    if (peek(p) == TOKEN_RSQB) {
        items = parser_take_sequence(p, p->stack_size);
    }
    else {
        expr_ty first = parser_star_named_expression(p);
        if (first == NULL) {
            return NULL;
        }
        if (at_clause(p)) {
            return comprehension_rest(p, ListComp_kind, first, TOKEN_RSQB, start);
        }
        items = items_rest(p, first, parser_star_named_expression);
    }
    if (items == NULL || !accept(p, TOKEN_RSQB)) {
        return NULL;
    }
    expr_ty node = new_expression(p, List_kind, start);
    if (node != NULL) {
        node->v.List.elts = items;
        node->v.List.ctx = Load;
    }
    return node;
}

/* The two columns of a dict lie alternating on the stack. */
static expr_ty
finish_dict(Parser *p, size_t base, size_t start)
{
    if (!accept(p, TOKEN_RBRACE)) {
        return NULL;
    }
    expr_ty node = new_expression(p, Dict_kind, start);
    if (node == NULL) {
        return NULL;
    }
    node->v.Dict.keys = parser_copy_alternate(p, base, 0);
    node->v.Dict.values = parser_copy_alternate(p, base, 1);
    p->stack_size = base;
    return node->v.Dict.keys == NULL || node->v.Dict.values == NULL ? NULL : node;
}

static bool
push_pair(Parser *p, expr_ty key, expr_ty value)
{
    return value != NULL && push(p, key) && push(p, value);
}

/* dict_item: "**" bitwise_or | expression ":" expression */
static bool
dict_item(Parser *p)
{
    if (accept(p, TOKEN_DOUBLESTAR)) {
        return push_pair(p, NULL, bitwise_or(p));
    }
    expr_ty key = parser_expression(p);
    return key != NULL && accept(p, TOKEN_COLON) && push_pair(p, key, parser_expression(p));
}

/* dict_rest: ("," dict_item)* [","] "}" */
static expr_ty
dict_rest(Parser *p, size_t base, size_t start)
{
    while (accept(p, TOKEN_COMMA) && peek(p) != TOKEN_RBRACE) {
        if (!dict_item(p)) {
            return NULL;
        }
    }
    return finish_dict(p, base, start);
}

/* dict_comprehension: "{" expression ":" expression clauses "}" */
static expr_ty
dict_comprehension(Parser *p, expr_ty key, expr_ty value, size_t start)
{
    asdl_comprehension_seq *generators = clauses(p);
    if (generators == NULL || !accept(p, TOKEN_RBRACE)) {
        return NULL;
    }
    expr_ty node = new_expression(p, DictComp_kind, start);
    if (node != NULL) {
        node->v.DictComp.key = key;
        node->v.DictComp.value = value;
        node->v.DictComp.generators = generators;
    }
    return node;
}

/* set_rest: ("," star_named_expression)* [","] "}" */
static expr_ty
set_rest(Parser *p, expr_ty first, size_t start)
{
    asdl_expr_seq *items = items_rest(p, first, parser_star_named_expression);
    if (items == NULL || !accept(p, TOKEN_RBRACE)) {
        return NULL;
    }
    expr_ty node = new_expression(p, Set_kind, start);
    if (node != NULL) {
        node->v.Set.elts = items;
    }
    return node;
}

/* braces: "{" "}" | "{" dict_item dict_rest | dict_comprehension
         | "{" star_named_expression set_rest | "{" named_expression clauses "}" */
static expr_ty
braces(Parser *p)
{
    size_t start = advance(p);
    size_t base = p->stack_size;
    if (peek(p) == TOKEN_RBRACE) {
        return finish_dict(p, base, start);
    }
    if (peek(p) == TOKEN_DOUBLESTAR) {
        return dict_item(p) ? dict_rest(p, base, start) : NULL;
    }
    bool may_be_key = peek(p) != TOKEN_STAR && !at_named(p);
    expr_ty first = parser_star_named_expression(p);
    if (first == NULL) {
        return NULL;
    }
    if (may_be_key && accept(p, TOKEN_COLON)) {
        expr_ty value = parser_expression(p);
        if (value != NULL && at_clause(p)) {
            return dict_comprehension(p, first, value, start);
        }
        return push_pair(p, first, value) ? dict_rest(p, base, start) : NULL;
    }
    if (at_clause(p)) {
        return comprehension_rest(p, SetComp_kind, first, TOKEN_RBRACE, start);
    }
    return set_rest(p, first, start);
}

/* nested: rule, one level down */
static expr_ty
nested(Parser *p, expr_ty (*rule)(Parser *))
{
    if (!enter(p, COST_NESTED)) {
        return NULL;
    }
    expr_ty node = rule(p);
    leave(p, COST_NESTED);
    return node;
}

/* parenthesized_form: parenthesized */
expr_ty
parser_parenthesized_form(Parser *p)
{
    return peek(p) == TOKEN_LPAR ? nested(p, parenthesized) : NULL;
}

/* ---- atoms ---- */

/* name: NAME */
static expr_ty
name(Parser *p)
{
    size_t start = p->index;
    PyObject *id = parser_name(p, advance(p));
    expr_ty node = id == NULL ? NULL : new_expression(p, Name_kind, start);
    if (node != NULL) {
        node->v.Name.id = id;
        node->v.Name.ctx = Load;
    }
    return node;
}

/* number: NUMBER
   One that is too long is an error before the next line is asked for. */
expr_ty
parser_number(Parser *p)
{
    PyObject *value = parser_number_value(p, p->index);
    if (value == NULL) {
        return NULL;
    }
    size_t start = advance(p);
    return parser_new_constant(p, value, start);
}

/* Nothing owns these: they live as long as the interpreter. */
static expr_ty
singleton(Parser *p, PyObject *value)
{
    size_t start = advance(p);
    return parser_new_constant(p, value, start);
}

/* atom: NAME | NUMBER | strings | "True" | "False" | "None" | "..." | what stands in brackets */
static expr_ty
atom(Parser *p)
{
    switch (peek(p)) {
    case TOKEN_NAME:
        return name(p);
    case TOKEN_NUMBER:
        return parser_number(p);
    case TOKEN_STRING:
    case TOKEN_STRING_LINES:
        return parser_strings(p);
    case TOKEN_TRUE:
        return singleton(p, Py_True);
    case TOKEN_FALSE:
        return singleton(p, Py_False);
    case TOKEN_NONE:
        return singleton(p, Py_None);
    case TOKEN_ELLIPSIS:
        return singleton(p, Py_Ellipsis);
    case TOKEN_LPAR:
        return nested(p, parenthesized);
    case TOKEN_LSQB:
        return nested(p, list);
    case TOKEN_LBRACE:
        return nested(p, braces);
    default:
        return NULL;
    }
}

/* ---- what follows a primary ---- */

/* keyword: NAME "=" expression | "**" expression */
static keyword_ty
keyword(Parser *p)
{
    size_t start = p->index;
    PyObject *arg = NULL;
    if (!accept(p, TOKEN_DOUBLESTAR)) {
        arg = parser_accept_name(p);
        if (arg == NULL || !accept(p, TOKEN_EQUAL)) {
            return NULL;
        }
    }
    expr_ty value = parser_expression(p);
    keyword_ty node = value == NULL ? NULL : allocate(p, sizeof(*node));
    if (node != NULL) {
        node->arg = arg;
        node->value = value;
        SET_POSITION(p, node, start);
    }
    return node;
}

static inline bool
at_keyword(Parser *p)
{
    return peek(p) == TOKEN_DOUBLESTAR || (peek(p) == TOKEN_NAME && peek_second(p) == TOKEN_EQUAL);
}

/* How far a list of arguments has come: what may not come any more depends on it. */
typedef enum { STAGE_POSITIONAL, STAGE_KEYWORD, STAGE_DOUBLE_STAR } ArgumentStage;

/* argument: "*" expression | named_expression
   Only starred ones may follow a keyword, and none "**". */
static expr_ty
positional_argument(Parser *p, ArgumentStage stage)
{
    if (peek(p) == TOKEN_STAR) {
        return stage < STAGE_DOUBLE_STAR ? parser_starred(p, parser_expression) : NULL;
    }
    return stage == STAGE_POSITIONAL ? parser_named_expression(p) : NULL;
}

/* What comes from the first keyword on: pairs of (keyword, NULL) and (NULL, starred). */
static bool
push_keywords(Parser *p)
{
    ArgumentStage stage = STAGE_POSITIONAL;
    while (peek(p) != TOKEN_RPAR) {
        keyword_ty name = NULL;
        expr_ty value = NULL;
        if (at_keyword(p)) {
            ArgumentStage now = peek(p) == TOKEN_DOUBLESTAR ? STAGE_DOUBLE_STAR : STAGE_KEYWORD;
            stage = now > stage ? now : stage;
            name = keyword(p);
        }
        else {
            value = positional_argument(p, stage);
        }
        if ((name == NULL && value == NULL) || !push(p, name) || !push(p, value)) {
            return false;
        }
        if (!accept(p, TOKEN_COMMA)) {
            break;
        }
    }
    return true;
}

/* The positional arguments lie on the stack from base to pairs, the pairs from there on. */
static bool
take_arguments(Parser *p, size_t base, size_t pairs, Arguments *arguments)
{
    size_t top = p->stack_size;
    for (size_t i = pairs; i < top; i += 2) {
        if (p->stack[i] != NULL && !push(p, p->stack[i])) {
            return false;
        }
    }
    arguments->keywords = parser_take_sequence(p, top);
    size_t end = pairs;
    for (size_t i = pairs; i < top; i += 2) {
        if (p->stack[i] == NULL) {
            p->stack[end++] = p->stack[i + 1];
        }
    }
    p->stack_size = end;
    arguments->positional = parser_take_sequence(p, base);
    return arguments->positional != NULL && arguments->keywords != NULL;
}

/* arguments: "(" [argument ("," (argument | keyword))* [","]] ")"
   A call, but not a class, takes a generator without parentheses of its own, if it stands alone. */
bool
parser_arguments(Parser *p, Arguments *arguments, bool takes_generator)
{
    size_t start = advance(p), base = p->stack_size;
    while (peek(p) != TOKEN_RPAR && !at_keyword(p)) {
        expr_ty node = positional_argument(p, STAGE_POSITIONAL);
        if (node != NULL && takes_generator && p->stack_size == base && at_clause(p)) {
            node = comprehension_rest(p, GeneratorExp_kind, node, TOKEN_RPAR, start);
            arguments->positional = node == NULL ? NULL : parser_singleton_sequence(p, node);
            arguments->keywords = parser_take_sequence(p, p->stack_size);
            return arguments->positional != NULL && arguments->keywords != NULL;
        }
        if (node == NULL || !push(p, node)) {
            return false;
        }
        if (!accept(p, TOKEN_COMMA)) {
            break;
        }
    }
    size_t pairs = p->stack_size;
    if ((p->kinds[p->index - 1] == TOKEN_COMMA || p->index == start + 1) && at_keyword(p)
        && !push_keywords(p)) {
        return false;
    }
    return accept(p, TOKEN_RPAR) && take_arguments(p, base, pairs, arguments);
}

/* call: primary arguments */
static expr_ty
call(Parser *p, expr_ty function, size_t start)
{
    Arguments arguments;
    if (!parser_arguments(p, &arguments, true)) {
        return NULL;
    }
    expr_ty node = new_expression(p, Call_kind, start);
    if (node != NULL) {
        node->v.Call.func = function;
        node->v.Call.args = arguments.positional;
        node->v.Call.keywords = arguments.keywords;
    }
    return node;
}

/* attribute: primary "." NAME */
static expr_ty
attribute(Parser *p, expr_ty value, size_t start)
{
    advance(p);
    PyObject *attr = parser_accept_name(p);
    expr_ty node = attr == NULL ? NULL : new_expression(p, Attribute_kind, start);
    if (node != NULL) {
        node->v.Attribute.value = value;
        node->v.Attribute.attr = attr;
        node->v.Attribute.ctx = Load;
    }
    return node;
}

/* [expression], in a slice */
static bool
slice_part(Parser *p, expr_ty *part)
{
    *part = NULL;
    if (starts_expression(p)) {
        *part = parser_expression(p);
        return *part != NULL;
    }
    return true;
}

/* slice: [expression] ":" [expression] [":" [expression]] | named_expression */
static expr_ty
slice(Parser *p)
{
    size_t start = p->index;
    expr_ty lower = NULL, upper, step = NULL;
    if (peek(p) != TOKEN_COLON) {
        if (at_named(p)) {
            return named(p);
        }
        lower = parser_expression(p);
        if (lower == NULL || peek(p) != TOKEN_COLON) {
            return lower;
        }
    }
    advance(p);
    if (!slice_part(p, &upper) || (accept(p, TOKEN_COLON) && !slice_part(p, &step))) {
        return NULL;
    }
    expr_ty node = new_expression(p, Slice_kind, start);
    if (node != NULL) {
        node->v.Slice.lower = lower;
        node->v.Slice.upper = upper;
        node->v.Slice.step = step;
    }
    return node;
}

/* starred_or_slice: "*" expression | slice */
static expr_ty
starred_or_slice(Parser *p)
{
    return peek(p) == TOKEN_STAR ? parser_starred(p, parser_expression) : slice(p);
}

/* slices: slice | starred_or_slice ("," starred_or_slice)* [","] */
static expr_ty
slices(Parser *p)
{
    size_t start = p->index, base = p->stack_size;
    expr_ty first = starred_or_slice(p);
    if (first == NULL || (peek(p) != TOKEN_COMMA && first->kind != Starred_kind)) {
        return first;
    }
    if (!push(p, first)) {
        return NULL;
    }
    while (accept(p, TOKEN_COMMA) && peek(p) != TOKEN_RSQB) {
        expr_ty next = starred_or_slice(p);
        if (next == NULL || !push(p, next)) {
            return NULL;
        }
    }
    return new_tuple(p, parser_take_sequence(p, base), start);
}

/* subscript: primary "[" slices "]" */
static expr_ty
subscript(Parser *p, expr_ty value, size_t start)
{
    advance(p);
    expr_ty index = slices(p);
    if (index == NULL || !accept(p, TOKEN_RSQB)) {
        return NULL;
    }
    expr_ty node = new_expression(p, Subscript_kind, start);
    if (node != NULL) {
        node->v.Subscript.value = value;
        node->v.Subscript.slice = index;
        node->v.Subscript.ctx = Load;
    }
    return node;
}

/* primary: atom (attribute | call | subscript)* */
expr_ty
parser_primary(Parser *p)
{
    size_t start = p->index;
    expr_ty node = atom(p);
    while (node != NULL && token_traits[peek(p)].traits & TRAIT_TRAILS) {
        if (peek(p) == TOKEN_DOT) {
            node = attribute(p, node, start);
            continue;
        }
        if (!enter(p, COST_NESTED)) {
            return NULL;
        }
        node = peek(p) == TOKEN_LPAR ? call(p, node, start) : subscript(p, node, start);
        leave(p, COST_NESTED);
    }
    return node;
}
