/* What the files of the parser share: its state, and the small steps that parse functions are made
   of.

   Failing. A parse function returns NULL (or -1) when the source is not what it wants, and sets no
   exception then; it returns the same with an exception set when memory runs out. Either way the
   parse is over, so no parse function cleans up: all that one holds lies in the arena, in the
   stack of the parser, or is registered with the arena. The one place that tries a second way (see
   parser_mark) takes the parser back to where it was. */

#ifndef PARSER_INTERNAL_H
#define PARSER_INTERNAL_H

#include <Python.h>
#include <stdbool.h>
#include <string.h>

#include "pycore_ast.h"

#include "parser.h"
#include "source.h"
#include "tokenizer.h"

typedef struct {
    uint32_t start, length; /* of the spelling in the source */
    uint32_t hash;
    PyObject *name;
} NameSlot;

/* What is reported once the source has been accepted. */
typedef struct {
    uint32_t offset;
    int line;
    PyObject *category;  /* borrowed */
    uint32_t text_start; /* of the escape sequence, for its message */
    uint8_t text_length; /* 0: message is used as it stands */
    const char *message;
} PendingWarning;

typedef struct {
    TokenVector vector;
    size_t index;         /* of the token to be looked at next */
    const uint8_t *kinds; /* vector.kinds, kept here to save a step */
    size_t token_count;   /* of the source itself; an f-string's come and go after them */

    const char *text;
    LineInput *lines; /* where the text comes from, NULL if all of it is there */
    TokenizerInput token_input;
    Tokenizer *tokenizer; /* which waits for more lines, if any */
    bool stopped;         /* no line is asked for any more */
    bool stopped_by_exception;
    const ParserOptions *options;
    PyArena *arena;

    /* The arena's memory is taken in blocks. */
    char *block, *block_end;
    size_t block_size;

    asdl_generic_seq *empty; /* all empty sequences are this one */

    /* Items of sequences that are not finished. */
    void **stack;
    size_t stack_size, stack_capacity;

    NameSlot *names; /* open addressing; capacity is a power of two */
    size_t name_count, name_capacity;
    uint64_t hash_seed;  /* names cannot be chosen to collide */
    PyObject *normalize; /* unicodedata.normalize, once needed */

    PendingWarning *warnings;
    size_t warning_count, warning_capacity;
    size_t issued_here, issued_of_tokens; /* of these warnings, and of the tokens' */
    bool has_kept_warnings;

    char *scratch; /* see parser_scratch */
    size_t scratch_size;

    int depth;
    int checked_depth;     /* beyond it parser_enter_deep looks at the stack */
    const char *stack_end; /* NULL until then */
    bool too_deep;
} Parser;

/* Whether something failed that no other way to read the source can put right. */
static inline bool
has_failed(const Parser *p)
{
    return p->too_deep || PyErr_Occurred();
}

/* ---- tokens ---- */

static inline int
peek(const Parser *p)
{
    return p->kinds[p->index];
}

/* The rare part of look_at(): let tokens take the place of TOKEN_MORE. It stays where no line can
   be had; as a token that no rule wants it ends the parse. */
void parser_read_on(Parser *p, size_t index);

static inline int
look_at(Parser *p, size_t index)
{
    if (p->kinds[index] == TOKEN_MORE) {
        parser_read_on(p, index);
    }
    return p->kinds[index];
}

/* Look at the token after next. There always is one, unless the next is the last. */
static inline int
peek_second(Parser *p)
{
    return look_at(p, p->index + 1);
}

/* Take the next token and return its index. Where lines are read one at a time, the token after it
   is read now, so that peek() need not ask: no rule but simple_statements is content without having
   seen it. */
static inline size_t
advance(Parser *p)
{
    size_t index = p->index++;
    look_at(p, p->index);
    return index;
}

static inline bool
accept(Parser *p, int kind)
{
    if (p->kinds[p->index] != kind) {
        return false;
    }
    advance(p);
    return true;
}

static inline const Token *
token_at(const Parser *p, size_t index)
{
    return &p->vector.tokens[index];
}

static inline bool
at_string(const Parser *p)
{
    return peek(p) == TOKEN_STRING || peek(p) == TOKEN_STRING_LINES;
}

static inline bool
starts_expression(const Parser *p)
{
    return token_traits[peek(p)].traits & TRAIT_STARTS;
}

/* Whether the token at an index is the name that is spelled so. */
static inline bool
is_word(const Parser *p, size_t index, const char *word, size_t length)
{
    const Token *token = token_at(p, index);
    return p->kinds[index] == TOKEN_NAME && token->end - token->start == length
           && memcmp(p->text + token->start, word, length) == 0;
}

#define IS_WORD(p, index, word) is_word(p, index, word, sizeof(word) - 1)

/* Whether the language that is asked for has what came with Python 3.minor. */
static inline bool
has_version(const Parser *p, int minor)
{
    return p->options->feature_version >= minor;
}

/* ---- depth ---- */

/* The rare part of enter(). */
bool parser_enter_deep(Parser *p);

/* Enter a construct that can be nested in itself. The cost is an upper bound of what the archive's
   parser counts for it, whose limit is part of the accepted language. */
static inline bool
enter(Parser *p, int cost)
{
    p->depth += cost;
    return p->depth <= p->checked_depth || parser_enter_deep(p);
}

static inline void
leave(Parser *p, int cost)
{
    p->depth -= cost;
}

/* ---- trying a second way ---- */

/* All that a try that failed has to take back. Lines that were read meanwhile stay. */
typedef struct {
    size_t index, stack_size, warning_count;
    int depth;
} ParserMark;

static inline ParserMark
parser_mark(const Parser *p)
{
    return (ParserMark){p->index, p->stack_size, p->warning_count, p->depth};
}

static inline void
parser_return(Parser *p, ParserMark mark)
{
    p->index = mark.index;
    tokenizer_truncate(&p->vector, p->token_count);
    p->stack_size = mark.stack_size;
    p->warning_count = mark.warning_count;
    p->depth = mark.depth;
}

/* ---- memory ---- */

void *parser_allocate_block(Parser *p, size_t size);

static inline void *
allocate(Parser *p, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if ((size_t)(p->block_end - p->block) < size) {
        return parser_allocate_block(p, size);
    }
    void *memory = p->block;
    p->block += size;
    return memory;
}

/* Memory for a moment: the next call takes it back. */
void *parser_scratch(Parser *p, size_t size);

/* Give an object to the arena, which owns it from here on also if this fails. */
PyObject *parser_keep(Parser *p, PyObject *object);

/* ---- sequences ---- */

static inline bool
push(Parser *p, void *item)
{
    if (p->stack_size == p->stack_capacity
        && vector_grow((void **)&p->stack, &p->stack_capacity, sizeof(void *)) < 0) {
        return false;
    }
    p->stack[p->stack_size++] = item;
    return true;
}

/* Make a sequence of all that was pushed since the stack had this size. */
void *parser_take_sequence(Parser *p, size_t base);
asdl_int_seq *parser_take_integers(Parser *p, size_t base);
/* Every second item from base + offset on; the stack is left as it is. */
void *parser_copy_alternate(Parser *p, size_t base, size_t offset);
void *parser_singleton_sequence(Parser *p, void *item);

/* ---- nodes ---- */

void parser_end_of_long_string(const Parser *p, size_t token, int *line, int *column);
size_t parser_last_text_token(const Parser *p, size_t token);

/* The node begins with the token at start and ends with the one before the next. */
#define SET_POSITION(p, node, start_index)                                                         \
    do {                                                                                           \
        const Token *first_ = token_at(p, start_index);                                            \
        (node)->lineno = first_->line;                                                             \
        (node)->col_offset = first_->column;                                                       \
        size_t last_ = (p)->index - 1;                                                             \
        if ((p)->kinds[last_] <= TOKEN_DEDENT) {                                                   \
            last_ = parser_last_text_token(p, last_);                                              \
        }                                                                                          \
        const Token *token_ = token_at(p, last_);                                                  \
        if ((p)->kinds[last_] == TOKEN_STRING_LINES) {                                             \
            parser_end_of_long_string(p, last_, &(node)->end_lineno, &(node)->end_col_offset);     \
        }                                                                                          \
        else {                                                                                     \
            (node)->end_lineno = token_->line;                                                     \
            (node)->end_col_offset = token_->column + (int)(token_->end - token_->start);          \
        }                                                                                          \
    } while (0)

static inline expr_ty
new_expression(Parser *p, enum _expr_kind kind, size_t start)
{
    expr_ty node = allocate(p, sizeof(*node));
    if (node != NULL) {
        node->kind = kind;
        SET_POSITION(p, node, start);
    }
    return node;
}

static inline stmt_ty
new_statement(Parser *p, enum _stmt_kind kind, size_t start)
{
    stmt_ty node = allocate(p, sizeof(*node));
    if (node != NULL) {
        node->kind = kind;
        SET_POSITION(p, node, start);
    }
    return node;
}

expr_ty parser_new_constant(Parser *p, PyObject *value, size_t start);

/* ---- identifiers.c ---- */

/* The name that the token at an index spells; the arena owns it. */
PyObject *parser_name(Parser *p, size_t index);
/* Accept a name. */
PyObject *parser_accept_name(Parser *p);
/* dotted_name: NAME ("." NAME)* */
PyObject *parser_dotted_name(Parser *p);

/* ---- literals ---- */

/* numbers.c: the value of the number token at an index */
PyObject *parser_number_value(Parser *p, size_t index);
/* expressions.c: the constant */
expr_ty parser_number(Parser *p);
/* strings.c: strings: STRING+ */
expr_ty parser_strings(Parser *p);

typedef struct {
    uint32_t start, end; /* the text between the quotes */
    bool is_bytes, is_raw, is_format;
} StringParts;

/* The value of a stretch of text that may hold escapes. */
PyObject *parser_decode_string(Parser *p, uint32_t start, uint32_t end, bool is_raw, int line);
int parser_warn(Parser *p, PendingWarning warning);

/* Issue those that have not been. Return -1 with an exception set, or without: a warning became an
   error. */
int parser_issue_warnings(Parser *p);

/* Have the archive's parser not issue those again that have been. */
int parser_keep_warnings(Parser *p);

/* Make the tokens' warnings from a count on warnings of the parser. */
int parser_take_warnings(Parser *p, size_t count);

static inline bool
is_ascii(const char *text, size_t size)
{
    unsigned char all = 0;
    for (size_t i = 0; i < size; i++) {
        all |= (unsigned char)text[i];
    }
    return all < 128;
}

expr_ty parser_node_over(Parser *p, enum _expr_kind kind, size_t first, size_t last);

/* fstring.c */

/* What adjacent strings are put together to. */
typedef struct {
    size_t first_token, last_token; /* of all the adjacent strings */
    size_t base;                    /* the parts that are finished lie on the stack from here */
    PyObject *literal;              /* text after the last of them, owned; NULL if there is none */
    _PyUnicodeWriter writer;        /* holds the text when it has several pieces */
    bool is_writing;
    bool is_format;
} StringBuilder;

int string_builder_add_text(StringBuilder *builder, PyObject *text);
/* Make the text so far a part of its own. */
int string_builder_end_text(Parser *p, StringBuilder *builder, size_t first, size_t last);
void string_builder_clear(StringBuilder *builder);
int parser_format_string(Parser *p, StringBuilder *builder, size_t token, StringParts parts);

/* ---- the grammar ---- */

/* expressions.c */
expr_ty parser_expression(Parser *p);
expr_ty parser_star_expressions(Parser *p);
expr_ty parser_named_expression(Parser *p);
expr_ty parser_star_named_expression(Parser *p);
expr_ty parser_yield_or_star_expressions(Parser *p);
expr_ty parser_primary(Parser *p);
/* The star is the next token; `operand` parses what follows it. */
expr_ty parser_starred(Parser *p, expr_ty (*operand)(Parser *));
expr_ty parser_parenthesized_form(Parser *p);
expr_ty parser_tuple_rest(Parser *p, expr_ty first, size_t start, expr_ty (*item)(Parser *));

typedef struct {
    asdl_expr_seq *positional;
    asdl_keyword_seq *keywords;
} Arguments;

bool parser_arguments(Parser *p, Arguments *arguments, bool takes_generator);

/* parameters.c */
arguments_ty parser_parameters(Parser *p);
arguments_ty parser_lambda_parameters(Parser *p);

/* targets.c */
bool parser_make_target(expr_ty node, expr_context_ty context);
bool parser_is_single_target(expr_ty node);
expr_ty parser_star_targets(Parser *p);
expr_ty parser_star_target(Parser *p);
asdl_expr_seq *parser_delete_targets(Parser *p);

/* patterns.c */
stmt_ty parser_match_statement(Parser *p);
bool parser_at_match_statement(Parser *p);

/* statements.c */
asdl_stmt_seq *parser_statements(Parser *p, int end);
asdl_stmt_seq *parser_interactive_statement(Parser *p);
asdl_stmt_seq *parser_block(Parser *p);
PyObject *parser_accept_type_comment(Parser *p, bool *failed);

#endif
