/* Targets of assignments, loops, "with" and "del".

   A target is read as the expression that it looks like (before "=") or as a primary, and then
   made into a target, node by node.
   That accepts what the grammar's rules for targets accept, because what these leave out is always
   another kind of node. It is done at once for each: at a prompt, no more lines are asked for
   behind what cannot be one. */

#include "parser_internal.h"

static bool make_targets(asdl_expr_seq *items, expr_context_ty context);

/* target: NAME | attribute | subscript | "(" targets ")" | "[" targets "]"
   Only what is stored to may be starred. */
bool
parser_make_target(expr_ty node, expr_context_ty context)
{
    switch (node->kind) {
    case Name_kind:
        node->v.Name.ctx = context;
        return true;
    case Attribute_kind:
        node->v.Attribute.ctx = context;
        return true;
    case Subscript_kind:
        node->v.Subscript.ctx = context;
        return true;
    case Tuple_kind:
        node->v.Tuple.ctx = context;
        return make_targets(node->v.Tuple.elts, context);
    case List_kind:
        node->v.List.ctx = context;
        return make_targets(node->v.List.elts, context);
    case Starred_kind:
        node->v.Starred.ctx = context;
        return context == Store && parser_make_target(node->v.Starred.value, context);
    default:
        return false;
    }
}

static bool
make_targets(asdl_expr_seq *items, expr_context_ty context)
{
    for (Py_ssize_t i = 0; i < asdl_seq_LEN(items); i++) {
        if (!parser_make_target(asdl_seq_GET(items, i), context)) {
            return false;
        }
    }
    return true;
}

/* What "+=" and annotations may apply to. */
bool
parser_is_single_target(expr_ty node)
{
    return node->kind == Name_kind || node->kind == Attribute_kind || node->kind == Subscript_kind;
}

/* star_target: ["*"] target */
expr_ty
parser_star_target(Parser *p)
{
    expr_ty node = peek(p) == TOKEN_STAR ? parser_starred(p, parser_primary) : parser_primary(p);
    return node != NULL && parser_make_target(node, Store) ? node : NULL;
}

/* star_targets: star_target ("," star_target)* [","] */
expr_ty
parser_star_targets(Parser *p)
{
    size_t start = p->index;
    expr_ty node = parser_star_target(p);
    if (node == NULL || peek(p) != TOKEN_COMMA) {
        return node;
    }
    node = parser_tuple_rest(p, node, start, parser_star_target);
    if (node != NULL) {
        node->v.Tuple.ctx = Store;
    }
    return node;
}

/* delete_targets: target ("," target)* [","] */
asdl_expr_seq *
parser_delete_targets(Parser *p)
{
    size_t base = p->stack_size;
    do {
        expr_ty node = parser_primary(p);
        if (node == NULL || !parser_make_target(node, Del) || !push(p, node)) {
            return NULL;
        }
    } while (accept(p, TOKEN_COMMA) && starts_expression(p));
    return parser_take_sequence(p, base);
}
