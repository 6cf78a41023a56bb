/* The tokenizer: decoded source to a vector of tokens.

   The whole source is turned into tokens before parsing begins. A token holds its kind and where
   its text lies; nothing is copied and no value is computed. The kinds lie in an array of their
   own, one byte each, because looking at kinds is most of what the parser does. */

#ifndef TOKENIZER_H
#define TOKENIZER_H

#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tokens.h"

typedef struct {
    uint32_t start, end; /* offsets of the text in the source */
    int line, column;    /* where the text begins */
} Token;

/* Where a string ends that goes over several lines. */
typedef struct {
    uint32_t token;
    int end_line, end_column;
} LongStringEnd;

typedef struct {
    uint32_t start, end;
    int line;
} TypeIgnore;

/* A number that runs into the keyword after it, which is deprecated. */
typedef struct {
    uint32_t offset;
    int line;
    const char *message;
} TokenWarning;

typedef struct {
    uint8_t *kinds;
    Token *tokens;
    size_t count, capacity;
    LongStringEnd *long_strings;
    size_t long_string_count, long_string_capacity;
    TypeIgnore *type_ignores;
    size_t type_ignore_count, type_ignore_capacity;
    TokenWarning *warnings;
    size_t warning_count, warning_capacity;
} TokenVector;

typedef struct {
    const char *text; /* the byte at text[end] can be read */
    uint32_t start, end;
    int line;                   /* the line of start */
    int column;                 /* the column of start, were it in the line's unshifted place */
    int first_column;           /* what is added to columns in the first line */
    const uint32_t *inner_ends; /* line ends after which the line, by its number, goes on */
    size_t inner_end_count;
    unsigned inside_parentheses : 1; /* an f-string's expression: framed by a made-up pair */
    unsigned type_comments : 1;
    unsigned async_is_name : 1; /* "async" and "await" are names outside of "async def" */
    unsigned single : 1;        /* one interactive statement */
    unsigned implies_dedent : 1;
    unsigned ends_line : 1;   /* the end of the source ends a line */
    unsigned interactive : 1; /* lines from a prompt: an empty one ends a block */
    unsigned has_nulls : 1;   /* lines may begin with null bytes, see filelines.c */
} TokenizerInput;

/* Append the tokens of the input to the vector. The last one is TOKEN_END, or TOKEN_ERROR where the
   source cannot be made into tokens. Return -1 with an exception set when memory runs out. */
int tokenizer_run(const TokenizerInput *input, TokenVector *vector);

/* The same for a source that arrives piece after piece; input and vector live as long as the
   tokenizer. Each call is given all of the text so far. The last token is TOKEN_MORE as long as
   more is to come; whoever brings more takes that token away first. Where the text ends within a
   line, the tokens of what the last call had added are made anew, the same with more after them. */
typedef struct Tokenizer Tokenizer;
Tokenizer *tokenizer_new(const TokenizerInput *input, TokenVector *vector);
int tokenizer_continue(Tokenizer *tokenizer, const char *text, uint32_t end, bool is_all);
void tokenizer_free(Tokenizer *tokenizer);

/* Forget the tokens from a count on. */
void tokenizer_truncate(TokenVector *vector, size_t count);

/* Double an array of items, or begin one. Return -1 with an exception set when memory runs out. */
int vector_grow(void **items, size_t *capacity, size_t item_size);

int token_vector_init(TokenVector *vector, size_t source_size);
void token_vector_clear(TokenVector *vector);

/* The end of a long string, by the index of its token. */
const LongStringEnd *token_vector_long_string_end(const TokenVector *vector, size_t token);

#endif
