/* The syntax tree's nodes: the description that constructors, classes and conversions are made of.

   In: nothing; out: macros alone.  A user defines what a line is to become and expands the lists:

     AST_CLASSES(SUM, ENUM, PRODUCT)   every class of node in the order of module _ast
     AST_KINDS_sum(KIND)               the kinds of a sum:  KIND(sum, name)
     AST_FIELDS_name(FIELD, node)      the fields of a kind or product:
                                       FIELD(node, type, quantity, name)
     AST_ATTRIBUTES_name(FIELD, node)  the positions of a sum or product, in the same form

   A SUM is one of several kinds with fields, an ENUM one of several kinds without, a PRODUCT has
   one form. Quantities: ONE, OPT (optional), MANY (a list), END (optional; stands in for the field
   two before it).

   Names, types and order are those of the structures in pycore_ast.h: what does not fit does not
   compile. */

#ifndef AST_NODES_H
#define AST_NODES_H

/* clang-format off */
#define AST_CLASSES(SUM, ENUM, PRODUCT) \
    SUM(mod) SUM(stmt) SUM(expr) \
    ENUM(expr_context) ENUM(boolop) ENUM(operator) ENUM(unaryop) ENUM(cmpop) \
    PRODUCT(comprehension) SUM(excepthandler) PRODUCT(arguments) PRODUCT(arg) PRODUCT(keyword) \
    PRODUCT(alias) PRODUCT(withitem) PRODUCT(match_case) SUM(pattern) SUM(type_ignore)

/* Positions */

#define AST_START(F, node) F(node, int, ONE, lineno) F(node, int, ONE, col_offset)
#define AST_SPAN(F, node) \
    AST_START(F, node) F(node, int, END, end_lineno) F(node, int, END, end_col_offset)
#define AST_FULL_SPAN(F, node) \
    AST_START(F, node) F(node, int, ONE, end_lineno) F(node, int, ONE, end_col_offset)

#define AST_ATTRIBUTES_mod(F, node)
#define AST_ATTRIBUTES_stmt(F, node) AST_SPAN(F, node)
#define AST_ATTRIBUTES_expr(F, node) AST_SPAN(F, node)
#define AST_ATTRIBUTES_comprehension(F, node)
#define AST_ATTRIBUTES_excepthandler(F, node) AST_SPAN(F, node)
#define AST_ATTRIBUTES_arguments(F, node)
#define AST_ATTRIBUTES_arg(F, node) AST_SPAN(F, node)
#define AST_ATTRIBUTES_keyword(F, node) AST_SPAN(F, node)
#define AST_ATTRIBUTES_alias(F, node) AST_SPAN(F, node)
#define AST_ATTRIBUTES_withitem(F, node)
#define AST_ATTRIBUTES_match_case(F, node)
#define AST_ATTRIBUTES_pattern(F, node) AST_FULL_SPAN(F, node)
#define AST_ATTRIBUTES_type_ignore(F, node)

/* mod */

#define AST_KINDS_mod(K) \
    K(mod, Module) K(mod, Interactive) K(mod, Expression) K(mod, FunctionType)

#define AST_FIELDS_Module(F, node) \
    F(node, stmt, MANY, body) F(node, type_ignore, MANY, type_ignores)
#define AST_FIELDS_Interactive(F, node) F(node, stmt, MANY, body)
#define AST_FIELDS_Expression(F, node) F(node, expr, ONE, body)
#define AST_FIELDS_FunctionType(F, node) F(node, expr, MANY, argtypes) F(node, expr, ONE, returns)

/* stmt */

#define AST_KINDS_stmt(K) \
    K(stmt, FunctionDef) K(stmt, AsyncFunctionDef) K(stmt, ClassDef) K(stmt, Return) \
    K(stmt, Delete) K(stmt, Assign) K(stmt, AugAssign) K(stmt, AnnAssign) \
    K(stmt, For) K(stmt, AsyncFor) K(stmt, While) K(stmt, If) K(stmt, With) K(stmt, AsyncWith) \
    K(stmt, Match) K(stmt, Raise) K(stmt, Try) K(stmt, TryStar) K(stmt, Assert) \
    K(stmt, Import) K(stmt, ImportFrom) K(stmt, Global) K(stmt, Nonlocal) \
    K(stmt, Expr) K(stmt, Pass) K(stmt, Break) K(stmt, Continue)

#define AST_FUNCTION(F, node) \
    F(node, identifier, ONE, name) F(node, arguments, ONE, args) F(node, stmt, MANY, body) \
    F(node, expr, MANY, decorator_list) F(node, expr, OPT, returns) \
    F(node, string, OPT, type_comment)
#define AST_LOOP(F, node) \
    F(node, expr, ONE, target) F(node, expr, ONE, iter) F(node, stmt, MANY, body) \
    F(node, stmt, MANY, orelse) F(node, string, OPT, type_comment)
#define AST_CONDITION(F, node) \
    F(node, expr, ONE, test) F(node, stmt, MANY, body) F(node, stmt, MANY, orelse)
#define AST_WITH(F, node) \
    F(node, withitem, MANY, items) F(node, stmt, MANY, body) F(node, string, OPT, type_comment)
#define AST_TRY(F, node) \
    F(node, stmt, MANY, body) F(node, excepthandler, MANY, handlers) \
    F(node, stmt, MANY, orelse) F(node, stmt, MANY, finalbody)

#define AST_FIELDS_FunctionDef(F, node) AST_FUNCTION(F, node)
#define AST_FIELDS_AsyncFunctionDef(F, node) AST_FUNCTION(F, node)
#define AST_FIELDS_ClassDef(F, node) \
    F(node, identifier, ONE, name) F(node, expr, MANY, bases) F(node, keyword, MANY, keywords) \
    F(node, stmt, MANY, body) F(node, expr, MANY, decorator_list)
#define AST_FIELDS_Return(F, node) F(node, expr, OPT, value)
#define AST_FIELDS_Delete(F, node) F(node, expr, MANY, targets)
#define AST_FIELDS_Assign(F, node) \
    F(node, expr, MANY, targets) F(node, expr, ONE, value) F(node, string, OPT, type_comment)
#define AST_FIELDS_AugAssign(F, node) \
    F(node, expr, ONE, target) F(node, operator, ONE, op) F(node, expr, ONE, value)
#define AST_FIELDS_AnnAssign(F, node) \
    F(node, expr, ONE, target) F(node, expr, ONE, annotation) F(node, expr, OPT, value) \
    F(node, int, ONE, simple)
#define AST_FIELDS_For(F, node) AST_LOOP(F, node)
#define AST_FIELDS_AsyncFor(F, node) AST_LOOP(F, node)
#define AST_FIELDS_While(F, node) AST_CONDITION(F, node)
#define AST_FIELDS_If(F, node) AST_CONDITION(F, node)
#define AST_FIELDS_With(F, node) AST_WITH(F, node)
#define AST_FIELDS_AsyncWith(F, node) AST_WITH(F, node)
#define AST_FIELDS_Match(F, node) F(node, expr, ONE, subject) F(node, match_case, MANY, cases)
#define AST_FIELDS_Raise(F, node) F(node, expr, OPT, exc) F(node, expr, OPT, cause)
#define AST_FIELDS_Try(F, node) AST_TRY(F, node)
#define AST_FIELDS_TryStar(F, node) AST_TRY(F, node)
#define AST_FIELDS_Assert(F, node) F(node, expr, ONE, test) F(node, expr, OPT, msg)
#define AST_FIELDS_Import(F, node) F(node, alias, MANY, names)
#define AST_FIELDS_ImportFrom(F, node) \
    F(node, identifier, OPT, module) F(node, alias, MANY, names) F(node, int, OPT, level)
#define AST_FIELDS_Global(F, node) F(node, identifier, MANY, names)
#define AST_FIELDS_Nonlocal(F, node) F(node, identifier, MANY, names)
#define AST_FIELDS_Expr(F, node) F(node, expr, ONE, value)
#define AST_FIELDS_Pass(F, node)
#define AST_FIELDS_Break(F, node)
#define AST_FIELDS_Continue(F, node)

/* expr */

#define AST_KINDS_expr(K) \
    K(expr, BoolOp) K(expr, NamedExpr) K(expr, BinOp) K(expr, UnaryOp) K(expr, Lambda) \
    K(expr, IfExp) K(expr, Dict) K(expr, Set) K(expr, ListComp) K(expr, SetComp) \
    K(expr, DictComp) K(expr, GeneratorExp) K(expr, Await) K(expr, Yield) K(expr, YieldFrom) \
    K(expr, Compare) K(expr, Call) K(expr, FormattedValue) K(expr, JoinedStr) K(expr, Constant) \
    K(expr, Attribute) K(expr, Subscript) K(expr, Starred) K(expr, Name) K(expr, List) \
    K(expr, Tuple) K(expr, Slice)

#define AST_COMPREHENSION(F, node) \
    F(node, expr, ONE, elt) F(node, comprehension, MANY, generators)

#define AST_FIELDS_BoolOp(F, node) F(node, boolop, ONE, op) F(node, expr, MANY, values)
#define AST_FIELDS_NamedExpr(F, node) F(node, expr, ONE, target) F(node, expr, ONE, value)
#define AST_FIELDS_BinOp(F, node) \
    F(node, expr, ONE, left) F(node, operator, ONE, op) F(node, expr, ONE, right)
#define AST_FIELDS_UnaryOp(F, node) F(node, unaryop, ONE, op) F(node, expr, ONE, operand)
#define AST_FIELDS_Lambda(F, node) F(node, arguments, ONE, args) F(node, expr, ONE, body)
#define AST_FIELDS_IfExp(F, node) \
    F(node, expr, ONE, test) F(node, expr, ONE, body) F(node, expr, ONE, orelse)
#define AST_FIELDS_Dict(F, node) F(node, expr, MANY, keys) F(node, expr, MANY, values)
#define AST_FIELDS_Set(F, node) F(node, expr, MANY, elts)
#define AST_FIELDS_ListComp(F, node) AST_COMPREHENSION(F, node)
#define AST_FIELDS_SetComp(F, node) AST_COMPREHENSION(F, node)
#define AST_FIELDS_DictComp(F, node) \
    F(node, expr, ONE, key) F(node, expr, ONE, value) F(node, comprehension, MANY, generators)
#define AST_FIELDS_GeneratorExp(F, node) AST_COMPREHENSION(F, node)
#define AST_FIELDS_Await(F, node) F(node, expr, ONE, value)
#define AST_FIELDS_Yield(F, node) F(node, expr, OPT, value)
#define AST_FIELDS_YieldFrom(F, node) F(node, expr, ONE, value)
#define AST_FIELDS_Compare(F, node) \
    F(node, expr, ONE, left) F(node, cmpop, MANY, ops) F(node, expr, MANY, comparators)
#define AST_FIELDS_Call(F, node) \
    F(node, expr, ONE, func) F(node, expr, MANY, args) F(node, keyword, MANY, keywords)
#define AST_FIELDS_FormattedValue(F, node) \
    F(node, expr, ONE, value) F(node, int, ONE, conversion) F(node, expr, OPT, format_spec)
#define AST_FIELDS_JoinedStr(F, node) F(node, expr, MANY, values)
#define AST_FIELDS_Constant(F, node) F(node, constant, ONE, value) F(node, string, OPT, kind)
#define AST_FIELDS_Attribute(F, node) \
    F(node, expr, ONE, value) F(node, identifier, ONE, attr) F(node, expr_context, ONE, ctx)
#define AST_FIELDS_Subscript(F, node) \
    F(node, expr, ONE, value) F(node, expr, ONE, slice) F(node, expr_context, ONE, ctx)
#define AST_FIELDS_Starred(F, node) F(node, expr, ONE, value) F(node, expr_context, ONE, ctx)
#define AST_FIELDS_Name(F, node) F(node, identifier, ONE, id) F(node, expr_context, ONE, ctx)
#define AST_FIELDS_List(F, node) F(node, expr, MANY, elts) F(node, expr_context, ONE, ctx)
#define AST_FIELDS_Tuple(F, node) F(node, expr, MANY, elts) F(node, expr_context, ONE, ctx)
#define AST_FIELDS_Slice(F, node) \
    F(node, expr, OPT, lower) F(node, expr, OPT, upper) F(node, expr, OPT, step)

/* Enumerations */

#define AST_KINDS_expr_context(K) \
    K(expr_context, Load) K(expr_context, Store) K(expr_context, Del)
#define AST_KINDS_boolop(K) K(boolop, And) K(boolop, Or)
#define AST_KINDS_operator(K) \
    K(operator, Add) K(operator, Sub) K(operator, Mult) K(operator, MatMult) K(operator, Div) \
    K(operator, Mod) K(operator, Pow) K(operator, LShift) K(operator, RShift) \
    K(operator, BitOr) K(operator, BitXor) K(operator, BitAnd) K(operator, FloorDiv)
#define AST_KINDS_unaryop(K) \
    K(unaryop, Invert) K(unaryop, Not) K(unaryop, UAdd) K(unaryop, USub)
#define AST_KINDS_cmpop(K) \
    K(cmpop, Eq) K(cmpop, NotEq) K(cmpop, Lt) K(cmpop, LtE) K(cmpop, Gt) K(cmpop, GtE) \
    K(cmpop, Is) K(cmpop, IsNot) K(cmpop, In) K(cmpop, NotIn)

/* Products, and the sums of one kind */

#define AST_KINDS_excepthandler(K) K(excepthandler, ExceptHandler)
#define AST_KINDS_type_ignore(K) K(type_ignore, TypeIgnore)

#define AST_FIELDS_comprehension(F, node) \
    F(node, expr, ONE, target) F(node, expr, ONE, iter) F(node, expr, MANY, ifs) \
    F(node, int, ONE, is_async)
#define AST_FIELDS_ExceptHandler(F, node) \
    F(node, expr, OPT, type) F(node, identifier, OPT, name) F(node, stmt, MANY, body)
#define AST_FIELDS_arguments(F, node) \
    F(node, arg, MANY, posonlyargs) F(node, arg, MANY, args) F(node, arg, OPT, vararg) \
    F(node, arg, MANY, kwonlyargs) F(node, expr, MANY, kw_defaults) F(node, arg, OPT, kwarg) \
    F(node, expr, MANY, defaults)
#define AST_FIELDS_arg(F, node) \
    F(node, identifier, ONE, arg) F(node, expr, OPT, annotation) \
    F(node, string, OPT, type_comment)
#define AST_FIELDS_keyword(F, node) F(node, identifier, OPT, arg) F(node, expr, ONE, value)
#define AST_FIELDS_alias(F, node) F(node, identifier, ONE, name) F(node, identifier, OPT, asname)
#define AST_FIELDS_withitem(F, node) \
    F(node, expr, ONE, context_expr) F(node, expr, OPT, optional_vars)
#define AST_FIELDS_match_case(F, node) \
    F(node, pattern, ONE, pattern) F(node, expr, OPT, guard) F(node, stmt, MANY, body)
#define AST_FIELDS_TypeIgnore(F, node) F(node, int, ONE, lineno) F(node, string, ONE, tag)

/* pattern */

#define AST_KINDS_pattern(K) \
    K(pattern, MatchValue) K(pattern, MatchSingleton) K(pattern, MatchSequence) \
    K(pattern, MatchMapping) K(pattern, MatchClass) K(pattern, MatchStar) K(pattern, MatchAs) \
    K(pattern, MatchOr)

#define AST_FIELDS_MatchValue(F, node) F(node, expr, ONE, value)
#define AST_FIELDS_MatchSingleton(F, node) F(node, constant, ONE, value)
#define AST_FIELDS_MatchSequence(F, node) F(node, pattern, MANY, patterns)
#define AST_FIELDS_MatchMapping(F, node) \
    F(node, expr, MANY, keys) F(node, pattern, MANY, patterns) F(node, identifier, OPT, rest)
#define AST_FIELDS_MatchClass(F, node) \
    F(node, expr, ONE, cls) F(node, pattern, MANY, patterns) \
    F(node, identifier, MANY, kwd_attrs) F(node, pattern, MANY, kwd_patterns)
#define AST_FIELDS_MatchStar(F, node) F(node, identifier, OPT, name)
#define AST_FIELDS_MatchAs(F, node) F(node, pattern, OPT, pattern) F(node, identifier, OPT, name)
#define AST_FIELDS_MatchOr(F, node) F(node, pattern, MANY, patterns)
/* clang-format on */

#endif
