/* The tokens of the language, in one table.

   Every kind of token stands in exactly one row; the enumeration, the keyword search, the operator
   search, the precedences and the names in dumps are all made from the rows.

   LAYOUT(name)    what the tokenizer makes of line ends and indentation
   VALUE(name, traits)  tokens whose text is read later, when the parser asks for it
   KEYWORD(name, spelling, first, second, last, traits, precedence, action)
                   the letters stand apart because C cannot take them out of the spelling at
                   compile time
   OPERATOR(name, spelling, first, shape, traits, precedence, action)
                   shape says what follows the first character, see OperatorShape

   traits is a set of TRAIT_ bits; precedence is that of an infix operator; action is the operator's
   name in the tree. */

#ifndef TOKENS_H
#define TOKENS_H

#include <stdint.h>

/* What may follow an operator's first character. */
typedef enum {
    SHAPE_ALONE,
    SHAPE_EQUAL,         /* then "=" */
    SHAPE_DOUBLED,       /* then the same character */
    SHAPE_DOUBLED_EQUAL, /* then the same character and "=" */
    SHAPE_GREATER,       /* then ">" */
    SHAPE_DOTS,          /* then the same character twice */
    SHAPE_COUNT,
} OperatorShape;

/* Precedence of infix operators, loosest first. A prefix "not" binds at PRECEDENCE_NOT; the other
   prefix operators and "**" bind more tightly than all of these, in the rules factor and power. */
typedef enum {
    PRECEDENCE_NONE,
    PRECEDENCE_OR,
    PRECEDENCE_AND,
    PRECEDENCE_NOT,
    PRECEDENCE_COMPARISON,
    PRECEDENCE_BITWISE_OR,
    PRECEDENCE_BITWISE_XOR,
    PRECEDENCE_BITWISE_AND,
    PRECEDENCE_SHIFT,
    PRECEDENCE_SUM,
    PRECEDENCE_TERM,
} Precedence;

typedef enum {
    TRAIT_STARTS = 1,    /* may begin an expression */
    TRAIT_BINARY = 2,    /* action is an operator_ty */
    TRAIT_COMPARES = 4,  /* action is a cmpop_ty */
    TRAIT_JOINS = 8,     /* action is a boolop_ty */
    TRAIT_AUGMENTS = 16, /* action is an operator_ty */
    TRAIT_LAYOUT = 32,   /* holds no text: a node never ends with it */
    TRAIT_TRAILS = 64,   /* continues a primary: ".", "(", "[" */
} TokenTrait;

#define NO_TRAITS 0, PRECEDENCE_NONE, 0
#define STARTS TRAIT_STARTS, PRECEDENCE_NONE, 0

#define TOKEN_TABLE(LAYOUT, VALUE, KEYWORD, OPERATOR)                                              \
    LAYOUT(END)                                                                                    \
    LAYOUT(NEWLINE)                                                                                \
    LAYOUT(INDENT)                                                                                 \
    LAYOUT(DEDENT)                                                                                 \
    VALUE(ERROR, 0)                                                                                \
    VALUE(MORE, 0) /* the source goes on with lines that have not been typed yet */                \
    VALUE(TYPE_COMMENT, 0)                                                                         \
    VALUE(NAME, TRAIT_STARTS)                                                                      \
    VALUE(NUMBER, TRAIT_STARTS)                                                                    \
    VALUE(STRING, TRAIT_STARTS)                                                                    \
    VALUE(STRING_LINES, TRAIT_STARTS) /* a string that goes over several lines */                  \
    KEYWORD(FALSE, "False", 'F', 'a', 'e', STARTS)                                                 \
    KEYWORD(NONE, "None", 'N', 'o', 'e', STARTS)                                                   \
    KEYWORD(TRUE, "True", 'T', 'r', 'e', STARTS)                                                   \
    KEYWORD(AND, "and", 'a', 'n', 'd', TRAIT_JOINS, PRECEDENCE_AND, And)                           \
    KEYWORD(AS, "as", 'a', 's', 's', NO_TRAITS)                                                    \
    KEYWORD(ASSERT, "assert", 'a', 's', 't', NO_TRAITS)                                            \
    KEYWORD(ASYNC, "async", 'a', 's', 'c', NO_TRAITS)                                              \
    KEYWORD(AWAIT, "await", 'a', 'w', 't', STARTS)                                                 \
    KEYWORD(BREAK, "break", 'b', 'r', 'k', NO_TRAITS)                                              \
    KEYWORD(CLASS, "class", 'c', 'l', 's', NO_TRAITS)                                              \
    KEYWORD(CONTINUE, "continue", 'c', 'o', 'e', NO_TRAITS)                                        \
    KEYWORD(DEF, "def", 'd', 'e', 'f', NO_TRAITS)                                                  \
    KEYWORD(DEL, "del", 'd', 'e', 'l', NO_TRAITS)                                                  \
    KEYWORD(ELIF, "elif", 'e', 'l', 'f', NO_TRAITS)                                                \
    KEYWORD(ELSE, "else", 'e', 'l', 'e', NO_TRAITS)                                                \
    KEYWORD(EXCEPT, "except", 'e', 'x', 't', NO_TRAITS)                                            \
    KEYWORD(FINALLY, "finally", 'f', 'i', 'y', NO_TRAITS)                                          \
    KEYWORD(FOR, "for", 'f', 'o', 'r', NO_TRAITS)                                                  \
    KEYWORD(FROM, "from", 'f', 'r', 'm', NO_TRAITS)                                                \
    KEYWORD(GLOBAL, "global", 'g', 'l', 'l', NO_TRAITS)                                            \
    KEYWORD(IF, "if", 'i', 'f', 'f', NO_TRAITS)                                                    \
    KEYWORD(IMPORT, "import", 'i', 'm', 't', NO_TRAITS)                                            \
    KEYWORD(IN, "in", 'i', 'n', 'n', TRAIT_COMPARES, PRECEDENCE_COMPARISON, In)                    \
    KEYWORD(IS, "is", 'i', 's', 's', TRAIT_COMPARES, PRECEDENCE_COMPARISON, Is)                    \
    KEYWORD(LAMBDA, "lambda", 'l', 'a', 'a', STARTS)                                               \
    KEYWORD(NONLOCAL, "nonlocal", 'n', 'o', 'l', NO_TRAITS)                                        \
    KEYWORD(NOT, "not", 'n', 'o', 't', TRAIT_STARTS | TRAIT_COMPARES, PRECEDENCE_COMPARISON,       \
            NotIn)                                                                                 \
    KEYWORD(OR, "or", 'o', 'r', 'r', TRAIT_JOINS, PRECEDENCE_OR, Or)                               \
    KEYWORD(PASS, "pass", 'p', 'a', 's', NO_TRAITS)                                                \
    KEYWORD(RAISE, "raise", 'r', 'a', 'e', NO_TRAITS)                                              \
    KEYWORD(RETURN, "return", 'r', 'e', 'n', NO_TRAITS)                                            \
    KEYWORD(TRY, "try", 't', 'r', 'y', NO_TRAITS)                                                  \
    KEYWORD(WHILE, "while", 'w', 'h', 'e', NO_TRAITS)                                              \
    KEYWORD(WITH, "with", 'w', 'i', 'h', NO_TRAITS)                                                \
    KEYWORD(YIELD, "yield", 'y', 'i', 'd', NO_TRAITS)                                              \
    OPERATOR(LPAR, "(", '(', SHAPE_ALONE, TRAIT_STARTS | TRAIT_TRAILS, PRECEDENCE_NONE, 0)         \
    OPERATOR(RPAR, ")", ')', SHAPE_ALONE, NO_TRAITS)                                               \
    OPERATOR(LSQB, "[", '[', SHAPE_ALONE, TRAIT_STARTS | TRAIT_TRAILS, PRECEDENCE_NONE, 0)         \
    OPERATOR(RSQB, "]", ']', SHAPE_ALONE, NO_TRAITS)                                               \
    OPERATOR(LBRACE, "{", '{', SHAPE_ALONE, STARTS)                                                \
    OPERATOR(RBRACE, "}", '}', SHAPE_ALONE, NO_TRAITS)                                             \
    OPERATOR(COMMA, ",", ',', SHAPE_ALONE, NO_TRAITS)                                              \
    OPERATOR(COLON, ":", ':', SHAPE_ALONE, NO_TRAITS)                                              \
    OPERATOR(COLONEQUAL, ":=", ':', SHAPE_EQUAL, NO_TRAITS)                                        \
    OPERATOR(SEMI, ";", ';', SHAPE_ALONE, NO_TRAITS)                                               \
    OPERATOR(DOT, ".", '.', SHAPE_ALONE, TRAIT_TRAILS, PRECEDENCE_NONE, 0)                         \
    OPERATOR(ELLIPSIS, "...", '.', SHAPE_DOTS, STARTS)                                             \
    OPERATOR(RARROW, "->", '-', SHAPE_GREATER, NO_TRAITS)                                          \
    OPERATOR(EQUAL, "=", '=', SHAPE_ALONE, NO_TRAITS)                                              \
    OPERATOR(TILDE, "~", '~', SHAPE_ALONE, STARTS)                                                 \
    OPERATOR(PLUS, "+", '+', SHAPE_ALONE, TRAIT_STARTS | TRAIT_BINARY, PRECEDENCE_SUM, Add)        \
    OPERATOR(MINUS, "-", '-', SHAPE_ALONE, TRAIT_STARTS | TRAIT_BINARY, PRECEDENCE_SUM, Sub)       \
    OPERATOR(STAR, "*", '*', SHAPE_ALONE, TRAIT_BINARY, PRECEDENCE_TERM, Mult)                     \
    OPERATOR(SLASH, "/", '/', SHAPE_ALONE, TRAIT_BINARY, PRECEDENCE_TERM, Div)                     \
    OPERATOR(DOUBLESLASH, "//", '/', SHAPE_DOUBLED, TRAIT_BINARY, PRECEDENCE_TERM, FloorDiv)       \
    OPERATOR(PERCENT, "%", '%', SHAPE_ALONE, TRAIT_BINARY, PRECEDENCE_TERM, Mod)                   \
    OPERATOR(AT, "@", '@', SHAPE_ALONE, TRAIT_BINARY, PRECEDENCE_TERM, MatMult)                    \
    OPERATOR(DOUBLESTAR, "**", '*', SHAPE_DOUBLED, NO_TRAITS)                                      \
    OPERATOR(LEFTSHIFT, "<<", '<', SHAPE_DOUBLED, TRAIT_BINARY, PRECEDENCE_SHIFT, LShift)          \
    OPERATOR(RIGHTSHIFT, ">>", '>', SHAPE_DOUBLED, TRAIT_BINARY, PRECEDENCE_SHIFT, RShift)         \
    OPERATOR(AMPER, "&", '&', SHAPE_ALONE, TRAIT_BINARY, PRECEDENCE_BITWISE_AND, BitAnd)           \
    OPERATOR(CIRCUMFLEX, "^", '^', SHAPE_ALONE, TRAIT_BINARY, PRECEDENCE_BITWISE_XOR, BitXor)      \
    OPERATOR(VBAR, "|", '|', SHAPE_ALONE, TRAIT_BINARY, PRECEDENCE_BITWISE_OR, BitOr)              \
    OPERATOR(EQEQUAL, "==", '=', SHAPE_EQUAL, TRAIT_COMPARES, PRECEDENCE_COMPARISON, Eq)           \
    OPERATOR(NOTEQUAL, "!=", '!', SHAPE_EQUAL, TRAIT_COMPARES, PRECEDENCE_COMPARISON, NotEq)       \
    OPERATOR(DIAMOND, "<>", '<', SHAPE_GREATER, TRAIT_COMPARES, PRECEDENCE_COMPARISON, NotEq)      \
    OPERATOR(LESS, "<", '<', SHAPE_ALONE, TRAIT_COMPARES, PRECEDENCE_COMPARISON, Lt)               \
    OPERATOR(LESSEQUAL, "<=", '<', SHAPE_EQUAL, TRAIT_COMPARES, PRECEDENCE_COMPARISON, LtE)        \
    OPERATOR(GREATER, ">", '>', SHAPE_ALONE, TRAIT_COMPARES, PRECEDENCE_COMPARISON, Gt)            \
    OPERATOR(GREATEREQUAL, ">=", '>', SHAPE_EQUAL, TRAIT_COMPARES, PRECEDENCE_COMPARISON, GtE)     \
    OPERATOR(PLUSEQUAL, "+=", '+', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, Add)              \
    OPERATOR(MINEQUAL, "-=", '-', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, Sub)               \
    OPERATOR(STAREQUAL, "*=", '*', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, Mult)             \
    OPERATOR(SLASHEQUAL, "/=", '/', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, Div)             \
    OPERATOR(DOUBLESLASHEQUAL, "//=", '/', SHAPE_DOUBLED_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE,   \
             FloorDiv)                                                                             \
    OPERATOR(PERCENTEQUAL, "%=", '%', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, Mod)           \
    OPERATOR(ATEQUAL, "@=", '@', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, MatMult)            \
    OPERATOR(DOUBLESTAREQUAL, "**=", '*', SHAPE_DOUBLED_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE,    \
             Pow)                                                                                  \
    OPERATOR(LEFTSHIFTEQUAL, "<<=", '<', SHAPE_DOUBLED_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE,     \
             LShift)                                                                               \
    OPERATOR(RIGHTSHIFTEQUAL, ">>=", '>', SHAPE_DOUBLED_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE,    \
             RShift)                                                                               \
    OPERATOR(AMPEREQUAL, "&=", '&', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, BitAnd)          \
    OPERATOR(CIRCUMFLEXEQUAL, "^=", '^', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, BitXor)     \
    OPERATOR(VBAREQUAL, "|=", '|', SHAPE_EQUAL, TRAIT_AUGMENTS, PRECEDENCE_NONE, BitOr)

#define TOKEN_ENUM_LAYOUT(name) TOKEN_##name,
#define TOKEN_ENUM_VALUE(name, traits) TOKEN_##name,
#define TOKEN_ENUM_KEYWORD(name, ...) TOKEN_##name,
#define TOKEN_ENUM_OPERATOR(name, ...) TOKEN_##name,

/* clang-format off */
typedef enum {
    TOKEN_TABLE(TOKEN_ENUM_LAYOUT, TOKEN_ENUM_VALUE, TOKEN_ENUM_KEYWORD, TOKEN_ENUM_OPERATOR)
    TOKEN_KIND_COUNT
} TokenKind;
/* clang-format on */

typedef struct {
    uint8_t traits;
    uint8_t precedence;
    uint8_t action;
} TokenTraits;

extern const TokenTraits token_traits[TOKEN_KIND_COUNT];
extern const char *const token_names[TOKEN_KIND_COUNT];

#endif
