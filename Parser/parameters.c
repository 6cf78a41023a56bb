/* Parameters of functions and lambdas.

   Both are read by the same functions; what only a "def" may have (annotations, type comments) is
   told by ParameterStyle. */

#include "parser_internal.h"

enum { COST_DEFAULT = 10 };

typedef struct {
    int closing; /* the token that ends the list */
    bool is_lambda;
} ParameterStyle;

/* What has been read of a list. */
typedef struct {
    const ParameterStyle *style;
    arguments_ty node;
    size_t positional_only; /* stack items for what comes before the slash */
    bool has_default;
} List;

/* annotation: ":" expression, or ":" star_expression after a "*" */
static bool
annotation(Parser *p, const ParameterStyle *style, bool after_star, expr_ty *node)
{
    *node = NULL;
    if (style->is_lambda || !accept(p, TOKEN_COLON)) {
        return true;
    }
    *node = after_star && peek(p) == TOKEN_STAR ? parser_star_named_expression(p)
                                                : parser_expression(p);
    return *node != NULL;
}

/* parameter: NAME [annotation] */
static arg_ty
parameter(Parser *p, const ParameterStyle *style, bool after_star)
{
    size_t start = p->index;
    PyObject *name = parser_accept_name(p);
    expr_ty type;
    if (name == NULL || !annotation(p, style, after_star, &type)) {
        return NULL;
    }
    arg_ty node = allocate(p, sizeof(*node));
    if (node != NULL) {
        node->arg = name;
        node->annotation = type;
        node->type_comment = NULL;
        SET_POSITION(p, node, start);
    }
    return node;
}

/* default: "=" expression; *value is NULL where there is none */
static bool
default_value(Parser *p, expr_ty *value)
{
    *value = NULL;
    if (!accept(p, TOKEN_EQUAL)) {
        return true;
    }
    if (!enter(p, COST_DEFAULT)) {
        return false;
    }
    *value = parser_expression(p);
    leave(p, COST_DEFAULT);
    return *value != NULL;
}

/* What separates a parameter from the next or ends the list: "," [TYPE_COMMENT], or [TYPE_COMMENT]
   before the closing token. */
static bool
end_parameter(Parser *p, const ParameterStyle *style, arg_ty node)
{
    bool has_comma = accept(p, TOKEN_COMMA);
    bool failed = false;
    if (!style->is_lambda) {
        node->type_comment = parser_accept_type_comment(p, &failed);
    }
    return !failed && (has_comma || peek(p) == style->closing);
}

/* star_etc, after the "*": parameter [default]... with their defaults on the stack */
static bool
keyword_only(Parser *p, List *list)
{
    size_t base = p->stack_size;
    while (peek(p) == TOKEN_NAME) {
        arg_ty node = parameter(p, list->style, false);
        expr_ty value;
        if (node == NULL || !default_value(p, &value) || !end_parameter(p, list->style, node)
            || !push(p, node) || !push(p, value)) {
            return false;
        }
    }
    list->node->kwonlyargs = parser_copy_alternate(p, base, 0);
    list->node->kw_defaults = parser_copy_alternate(p, base, 1);
    p->stack_size = base;
    return list->node->kwonlyargs != NULL && list->node->kw_defaults != NULL;
}

/* star_etc: "*" parameter keyword_only | "*" "," keyword_only, of which there must be one */
static bool
after_star(Parser *p, List *list)
{
    if (!accept(p, TOKEN_STAR)) {
        return true;
    }
    if (accept(p, TOKEN_COMMA)) {
        return peek(p) == TOKEN_NAME && keyword_only(p, list);
    }
    arg_ty node = parameter(p, list->style, true);
    list->node->vararg = node;
    return node != NULL && end_parameter(p, list->style, node) && keyword_only(p, list);
}

/* double_star: "**" parameter */
static bool
after_double_star(Parser *p, List *list)
{
    if (!accept(p, TOKEN_DOUBLESTAR)) {
        return true;
    }
    arg_ty node = parameter(p, list->style, false);
    list->node->kwarg = node;
    return node != NULL && end_parameter(p, list->style, node);
}

/* positional: parameter [default]
   Once one has a default, all must. The parameter and its default go onto the stack. */
static bool
positional(Parser *p, List *list)
{
    arg_ty node = parameter(p, list->style, false);
    expr_ty value;
    if (node == NULL || !default_value(p, &value) || !end_parameter(p, list->style, node)) {
        return false;
    }
    if (value == NULL && list->has_default) {
        return false;
    }
    list->has_default = value != NULL;
    return push(p, node) && push(p, value);
}

/* slash: "/" ("," | before the closing token), once, after at least one parameter */
static bool
slash(Parser *p, List *list, size_t base)
{
    advance(p);
    if (list->positional_only > 0 || p->stack_size == base || !has_version(p, 8)) {
        return false;
    }
    list->positional_only = p->stack_size - base;
    return accept(p, TOKEN_COMMA) || peek(p) == list->style->closing;
}

/* Make the sequences of what lies on the stack in pairs from base on. */
static bool
take_positional(Parser *p, const List *list, size_t base)
{
    size_t middle = base + list->positional_only, top = p->stack_size;
    list->node->args = parser_copy_alternate(p, middle, 0);
    p->stack_size = middle;
    list->node->posonlyargs = parser_copy_alternate(p, base, 0);
    size_t end = base;
    for (size_t i = base + 1; i < top; i += 2) {
        if (p->stack[i] != NULL) {
            p->stack[end++] = p->stack[i];
        }
    }
    p->stack_size = end;
    list->node->defaults = parser_take_sequence(p, base);
    return list->node->args != NULL && list->node->posonlyargs != NULL
           && list->node->defaults != NULL;
}

/* parameters: [positional ("," positional)* ["," "/"]] ["," star_etc] ["," double_star] [","] */
static arguments_ty
parameters(Parser *p, const ParameterStyle *style)
{
    List list = {.style = style, .node = allocate(p, sizeof(*list.node))};
    if (list.node == NULL) {
        return NULL;
    }
    memset(list.node, 0, sizeof(*list.node));
    size_t base = p->stack_size;
    while (peek(p) == TOKEN_NAME || peek(p) == TOKEN_SLASH) {
        if (!(peek(p) == TOKEN_SLASH ? slash(p, &list, base) : positional(p, &list))) {
            return NULL;
        }
    }
    if (!take_positional(p, &list, base)) {
        return NULL;
    }
    list.node->kwonlyargs = parser_take_sequence(p, p->stack_size);
    list.node->kw_defaults = parser_take_sequence(p, p->stack_size);
    if (list.node->kwonlyargs == NULL || !after_star(p, &list) || !after_double_star(p, &list)) {
        return NULL;
    }
    return peek(p) == style->closing ? list.node : NULL;
}

/* parameters of a "def": [parameters] ")", which stays */
arguments_ty
parser_parameters(Parser *p)
{
    static const ParameterStyle style = {TOKEN_RPAR, false};
    return parameters(p, &style);
}

/* parameters of a lambda: [parameters] ":", which stays */
arguments_ty
parser_lambda_parameters(Parser *p)
{
    static const ParameterStyle style = {TOKEN_COLON, true};
    return parameters(p, &style);
}
