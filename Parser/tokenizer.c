/* Source text to tokens.

   In: a range of decoded source, line ends all "\n". Out: tokens appended to a vector that the
   caller owns. Entry points: tokenizer_run for a source that is there, tokenizer_new and
   tokenizer_continue for one that arrives in pieces. Nothing is diagnosed here: a source that
   cannot be made into tokens ends in TOKEN_ERROR, and whoever reports it looks at the source again.
 */

#include "tokenizer.h"

#include <stdbool.h>
#include <string.h>

#include "pycore_ast.h"
#include "stages.h"

enum {
    MAX_NULLS = 2, /* so many CPython's tokenizer overlooks at the beginning of a line */
    MAX_PARENTHESES = 200,
    MAX_INDENTS = 100,
    TAB_SIZE = 8,
    LONGEST_KEYWORD = 8,
    KEYWORD_SLOTS = 64,
    LONGEST_STRING_PREFIX = 2,
};

#define TRAITS_LAYOUT(name) {TRAIT_LAYOUT, PRECEDENCE_NONE, 0},
#define TRAITS_VALUE(name, traits) {traits, PRECEDENCE_NONE, 0},
#define TRAITS_KEYWORD(name, spelling, first, second, last, ...) {__VA_ARGS__},
#define TRAITS_OPERATOR(name, spelling, first, shape, ...) {__VA_ARGS__},

const TokenTraits token_traits[TOKEN_KIND_COUNT] = {
    TOKEN_TABLE(TRAITS_LAYOUT, TRAITS_VALUE, TRAITS_KEYWORD, TRAITS_OPERATOR)};

#define NAME_PLAIN(name, ...) #name,
#define NAME_SPELLING(name, spelling, ...) spelling,

const char *const token_names[TOKEN_KIND_COUNT] = {
    TOKEN_TABLE(NAME_PLAIN, NAME_PLAIN, NAME_SPELLING, NAME_SPELLING)};

#define NO_ROW(...)

/* Found by trying all small factors: no two keywords share a slot. */
#define KEYWORD_SLOT(first, second, last, length)                                                  \
    ((2u * (first) + (second) + 25u * (last) + 20u * (length)) % KEYWORD_SLOTS)

typedef struct {
    char spelling[LONGEST_KEYWORD + 1];
    uint8_t length, kind;
} Keyword;

#define KEYWORD_ROW(name, spelling, first, second, last, ...)                                      \
    [KEYWORD_SLOT(first, second, last, sizeof(spelling) - 1)] = {spelling, sizeof(spelling) - 1,   \
                                                                 TOKEN_##name},

static const Keyword keywords[KEYWORD_SLOTS] = {TOKEN_TABLE(NO_ROW, NO_ROW, KEYWORD_ROW, NO_ROW)};

#define OPERATOR_ROW(name, spelling, first, shape, ...) [first][shape] = TOKEN_##name,

/* TOKEN_END, being 0, stands for "no such operator". */
static const uint8_t operators[128][SHAPE_COUNT] = {
    TOKEN_TABLE(NO_ROW, NO_ROW, NO_ROW, OPERATOR_ROW)};

typedef enum {
    CLASS_OTHER,
    CLASS_LETTER, /* begins an identifier; every byte beyond ASCII counts */
    CLASS_DIGIT,
    CLASS_BLANK,
    CLASS_NEWLINE,
    CLASS_COMMENT,
    CLASS_QUOTE,
    CLASS_BACKSLASH,
    CLASS_DOT,
    CLASS_OPEN,
    CLASS_CLOSE,
    CLASS_OPERATOR,
} CharacterClass;

static const uint8_t classes[256] = {
    ['a' ... 'z'] = CLASS_LETTER, ['A' ... 'Z'] = CLASS_LETTER,
    ['_'] = CLASS_LETTER,         [128 ... 255] = CLASS_LETTER,
    ['0' ... '9'] = CLASS_DIGIT,  [' '] = CLASS_BLANK,
    ['\t'] = CLASS_BLANK,         ['\f'] = CLASS_BLANK,
    ['\n'] = CLASS_NEWLINE,       ['#'] = CLASS_COMMENT,
    ['"'] = CLASS_QUOTE,          ['\''] = CLASS_QUOTE,
    ['\\'] = CLASS_BACKSLASH,     ['.'] = CLASS_DOT,
    ['('] = CLASS_OPEN,           ['['] = CLASS_OPEN,
    ['{'] = CLASS_OPEN,           [')'] = CLASS_CLOSE,
    [']'] = CLASS_CLOSE,          ['}'] = CLASS_CLOSE,
    [','] = CLASS_OPERATOR,       [':'] = CLASS_OPERATOR,
    [';'] = CLASS_OPERATOR,       ['+'] = CLASS_OPERATOR,
    ['-'] = CLASS_OPERATOR,       ['*'] = CLASS_OPERATOR,
    ['/'] = CLASS_OPERATOR,       ['|'] = CLASS_OPERATOR,
    ['&'] = CLASS_OPERATOR,       ['<'] = CLASS_OPERATOR,
    ['>'] = CLASS_OPERATOR,       ['='] = CLASS_OPERATOR,
    ['%'] = CLASS_OPERATOR,       ['~'] = CLASS_OPERATOR,
    ['^'] = CLASS_OPERATOR,       ['!'] = CLASS_OPERATOR,
    ['@'] = CLASS_OPERATOR,
};
SHOWN_TO_STAGES(token_names);

/* How scanning goes on after a step. */
typedef enum {
    STEP_ON,       /* go on in this line */
    STEP_NEW_LINE, /* go on at the beginning of a line */
    STEP_STOP,     /* the last token stands in the vector */
    STEP_FAIL,     /* out of memory */
} Step;

typedef struct {
    uint32_t column, other_column; /* with tabs of 8 and of 1 */
    uint32_t continued; /* the indentation before the first backslash, which is what counts */
} Columns;

typedef struct {
    const TokenizerInput *input;
    TokenVector *vector;
    const char *text;
    uint32_t position, end;
    bool goes_on;   /* the source does, with text that is not there yet */
    bool saw_end;   /* and it mattered that there is none */
    bool is_strict; /* names are checked here, not when strings are made of them */
    int line;
    int64_t line_start;  /* may lie before the text: an f-string's columns are shifted */
    bool line_is_blank;  /* nothing but a comment in it */
    bool line_is_torn;   /* begins with null bytes, see filelines.c */
    uint32_t fresh_line; /* where the last line begins that no backslash continues */
    int depth;
    char open[MAX_PARENTHESES];
    int indent;
    struct {
        uint32_t column, other_column;
    } indents[MAX_INDENTS];
    /* Where scanning goes on with the text that comes after TOKEN_MORE: in the indentation of a
       line, or in it; in a string up to here no closing quote was found. */
    bool in_indentation;
    Columns columns;
    uint32_t searched;
    /* Where "async" and "await" are names, they are keywords inside of an "async def". */
    bool in_async_def, past_async_signature;
    int async_indent;
} Scanner;

/* ---- the vector ---- */

int
vector_grow(void **items, size_t *capacity, size_t item_size)
{
    size_t wanted = *capacity ? *capacity * 2 : 16;
    void *bigger = PyMem_Realloc(*items, wanted * item_size);
    if (bigger == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *items = bigger;
    *capacity = wanted;
    return 0;
}

/* Whether one more fits into one of the vector's lesser arrays, which may grow for it. */
#define HAS_ROOM(vector, item)                                                                     \
    ((vector)->item##_count < (vector)->item##_capacity                                            \
     || vector_grow((void **)&(vector)->item##s, &(vector)->item##_capacity,                       \
                    sizeof(*(vector)->item##s))                                                    \
            == 0)

static int
grow_tokens(TokenVector *vector)
{
    size_t capacity = vector->capacity;
    if (vector_grow((void **)&vector->kinds, &capacity, sizeof(uint8_t)) < 0) {
        return -1;
    }
    capacity = vector->capacity;
    if (vector_grow((void **)&vector->tokens, &capacity, sizeof(Token)) < 0) {
        return -1;
    }
    vector->capacity = capacity;
    return 0;
}

int
token_vector_init(TokenVector *vector, size_t source_size)
{
    memset(vector, 0, sizeof(*vector));
    /* Dense code has a token in every 3 to 4 bytes, the standard library one in 6 to 8. */
    size_t capacity = source_size / 6 + 16;
    vector->kinds = PyMem_Malloc(capacity);
    vector->tokens = PyMem_Malloc(capacity * sizeof(Token));
    vector->capacity = capacity;
    if (vector->kinds == NULL || vector->tokens == NULL) {
        token_vector_clear(vector);
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}
SHOWN_TO_STAGES(token_vector_init);

void
token_vector_clear(TokenVector *vector)
{
    PyMem_Free(vector->kinds);
    PyMem_Free(vector->tokens);
    PyMem_Free(vector->long_strings);
    PyMem_Free(vector->type_ignores);
    PyMem_Free(vector->warnings);
    memset(vector, 0, sizeof(*vector));
}
SHOWN_TO_STAGES(token_vector_clear);

void
tokenizer_truncate(TokenVector *vector, size_t count)
{
    vector->count = count;
    while (vector->long_string_count > 0
           && vector->long_strings[vector->long_string_count - 1].token >= count) {
        vector->long_string_count--;
    }
}

const LongStringEnd *
token_vector_long_string_end(const TokenVector *vector, size_t token)
{
    size_t low = 0, high = vector->long_string_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (vector->long_strings[middle].token <= token) {
            low = middle;
        }
        else {
            high = middle;
        }
    }
    return &vector->long_strings[low];
}

static inline Step
emit(Scanner *s, int kind, uint32_t start, uint32_t end)
{
    TokenVector *vector = s->vector;
    size_t index = vector->count;
    if (index == vector->capacity && grow_tokens(vector) < 0) {
        return STEP_FAIL;
    }
    vector->kinds[index] = (uint8_t)kind;
    vector->tokens[index] = (Token){start, end, s->line, (int)(start - s->line_start)};
    vector->count = index + 1;
    return STEP_ON;
}

static Step
emit_last(Scanner *s, int kind)
{
    return emit(s, kind, s->position, s->position) == STEP_ON ? STEP_STOP : STEP_FAIL;
}

static Step
emit_many(Scanner *s, int kind, int count)
{
    Step step = STEP_ON;
    while (count-- > 0 && step == STEP_ON) {
        step = emit(s, kind, s->position, s->position);
    }
    return step;
}

static Step
fail(Scanner *s)
{
    return emit_last(s, s->goes_on && s->saw_end ? TOKEN_MORE : TOKEN_ERROR);
}

/* The source ends where it cannot end. */
static Step
fail_at_end(Scanner *s)
{
    return emit_last(s, s->goes_on ? TOKEN_MORE : TOKEN_ERROR);
}

/* ---- lines ---- */

static bool
is_inner_end(const TokenizerInput *input, uint32_t position)
{
    size_t low = 0, high = input->inner_end_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (input->inner_ends[middle] < position) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low < input->inner_end_count && input->inner_ends[low] == position;
}

static void
begin_line(Scanner *s, uint32_t position)
{
    s->position = position;
    if (s->input->inner_end_count > 0 && is_inner_end(s->input, position - 1)) {
        return;
    }
    s->line_start = position;
    s->line++;
}

/* A backslash that ends a line. There must be something after it. */
static bool
continue_line(Scanner *s)
{
    uint32_t next = s->position + 1;
    if (next + 1 >= s->end || s->text[next] != '\n') {
        return false;
    }
    begin_line(s, next + 1);
    return true;
}

static Step
fail_to_continue(Scanner *s)
{
    uint32_t after = s->position + 1;
    bool is_last = after == s->end ? s->goes_on : after + 1 == s->end && s->text[after] == '\n';
    return is_last ? fail_at_end(s) : fail(s);
}

static Step
set_indentation(Scanner *s, uint32_t column, uint32_t other_column)
{
    int from = s->indent;
    if (column == s->indents[from].column) {
        return other_column == s->indents[from].other_column ? STEP_ON : fail(s);
    }
    if (column > s->indents[from].column) {
        if (from + 1 >= MAX_INDENTS || other_column <= s->indents[from].other_column) {
            return fail(s);
        }
        s->indent++;
        s->indents[s->indent].column = column;
        s->indents[s->indent].other_column = other_column;
        return emit_many(s, TOKEN_INDENT, 1);
    }
    while (s->indent > 0 && column < s->indents[s->indent].column) {
        s->indent--;
    }
    if (column != s->indents[s->indent].column
        || other_column != s->indents[s->indent].other_column) {
        return fail(s);
    }
    return emit_many(s, TOKEN_DEDENT, from - s->indent);
}

static void
leave_async_def(Scanner *s)
{
    if (s->in_async_def && s->past_async_signature && s->async_indent >= s->indent) {
        s->in_async_def = false;
        s->past_async_signature = false;
    }
}

/* Read blanks, and backslashes before a line end. */
static Step
scan_columns(Scanner *s, Columns *columns)
{
    for (;; s->position++) {
        char c = s->position < s->end ? s->text[s->position] : '\0';
        if (c == ' ') {
            columns->column++;
            columns->other_column++;
        }
        else if (c == '\t') {
            columns->column = (columns->column / TAB_SIZE + 1) * TAB_SIZE;
            columns->other_column++;
        }
        else if (c == '\f') {
            columns->column = columns->other_column = 0;
        }
        else if (c == '\\') {
            columns->continued = columns->continued ? columns->continued : columns->column;
            if (!continue_line(s)) {
                return fail_to_continue(s);
            }
            s->position--;
        }
        else {
            return s->position == s->end && s->goes_on ? fail_at_end(s) : STEP_ON;
        }
    }
}

/* At a prompt a first line without anything but blanks and a comment is a statement by itself. */
static bool
is_empty_statement(const Scanner *s)
{
    char next = s->position < s->end ? s->text[s->position] : '\n';
    return s->input->interactive && s->line == 1 && (next == '\n' || next == '#');
}

/* Whether a line holds nothing but blanks, which take these columns, and a comment. At a prompt an
   empty line does count, since it ends blocks. */
static bool
is_blank_line(const Scanner *s, const Columns *columns)
{
    bool at_end = s->position == s->end;
    char next = at_end ? '\n' : s->text[s->position];
    if ((next != '#' && next != '\n') || is_empty_statement(s) || s->line_is_torn) {
        return false;
    }
    if (next == '#') {
        return true;
    }
    if (s->input->interactive && columns->column == 0) {
        return false;
    }
    return !at_end || (s->input->ends_line && s->position != s->line_start);
}

/* Read the indentation of a line. Lines that hold nothing but blanks and a comment have none. */
static Step
scan_indentation(Scanner *s)
{
    Columns columns = s->columns;
    Step step = s->line_is_torn ? STEP_ON : scan_columns(s, &columns);
    s->line_is_blank = false;
    s->in_indentation = step == STEP_STOP;
    s->columns = s->in_indentation ? columns : (Columns){0};
    if (step != STEP_ON) {
        return step;
    }
    s->line_is_blank = is_blank_line(s, &columns);
    if (s->line_is_blank || s->depth > 0 || is_empty_statement(s)) {
        return STEP_ON;
    }
    if (columns.continued) {
        columns.column = columns.other_column = columns.continued;
    }
    step = set_indentation(s, columns.column, columns.other_column);
    leave_async_def(s);
    return step;
}

/* A line whose beginning CPython's tokenizer took for an end has no indentation, and is not
   empty. */
static void
skip_nulls(Scanner *s)
{
    s->line_is_torn = false;
    while (s->position < s->end && s->position - s->fresh_line < MAX_NULLS
           && s->text[s->position] == '\0') {
        s->line_is_torn = true;
        s->position++;
        s->line_start++;
    }
}

static Step
scan_newline(Scanner *s)
{
    Step step = STEP_NEW_LINE;
    if (!s->line_is_blank && s->depth == 0) {
        if (emit(s, TOKEN_NEWLINE, s->position, s->position + 1) != STEP_ON) {
            return STEP_FAIL;
        }
        s->past_async_signature = s->in_async_def;
    }
    begin_line(s, s->position + 1);
    s->fresh_line = s->position;
    return step;
}

/* ---- comments ---- */

static bool
starts_ignore(const char *text, uint32_t length)
{
    static const char word[] = "ignore";
    uint32_t size = sizeof(word) - 1;
    if (length < size || memcmp(text, word, size) != 0) {
        return false;
    }
    unsigned char after = length > size ? (unsigned char)text[size] : 0;
    return after < 128 && !Py_ISALNUM(after);
}

static Step
add_type_ignore(Scanner *s, uint32_t start, uint32_t end)
{
    TokenVector *vector = s->vector;
    if (!HAS_ROOM(vector, type_ignore)) {
        return STEP_FAIL;
    }
    vector->type_ignores[vector->type_ignore_count++] = (TypeIgnore){start, end, s->line};
    return STEP_ON;
}

/* "# type: " where blanks may stand in place of each blank, then the type. */
static Step
scan_type_comment(Scanner *s, uint32_t start, uint32_t end)
{
    static const char prefix[] = "# type: ";
    uint32_t at = start;
    for (const char *wanted = prefix; *wanted; wanted++) {
        if (*wanted == ' ') {
            if (at == s->input->end && !s->input->ends_line) {
                return STEP_ON; /* where the source ends, the colon alone is not enough */
            }
            while (at < end && (s->text[at] == ' ' || s->text[at] == '\t')) {
                at++;
            }
        }
        else if (at < end && s->text[at] == *wanted) {
            at++;
        }
        else {
            return STEP_ON;
        }
    }
    if (starts_ignore(s->text + at, end - at)) {
        return add_type_ignore(s, at + 6, end);
    }
    /* A line end after a type comment counts, whatever else the line holds. */
    s->line_is_blank = false;
    return emit(s, TOKEN_TYPE_COMMENT, at, end);
}

static Step
scan_comment(Scanner *s)
{
    uint32_t start = s->position;
    const char *line_end = memchr(s->text + start, '\n', s->end - start);
    s->position = line_end == NULL ? s->end : (uint32_t)(line_end - s->text);
    return s->input->type_comments ? scan_type_comment(s, start, s->position) : STEP_ON;
}

/* ---- numbers ---- */

static inline char
peek_at(Scanner *s, uint32_t position)
{
    if (position >= s->end) {
        s->saw_end = true;
        return '\0';
    }
    return s->text[position];
}

static bool
is_digit_of(char c, int base)
{
    if (base <= 10) {
        return c >= '0' && c < '0' + base;
    }
    return Py_ISXDIGIT((unsigned char)c);
}

#define NO_END UINT32_MAX

/* digits: digit (["_"] digit)*; return NO_END where an underscore has no digit after it. */
static uint32_t
skip_digits(Scanner *s, uint32_t at, int base)
{
    for (;;) {
        while (is_digit_of(peek_at(s, at), base)) {
            at++;
        }
        if (peek_at(s, at) != '_') {
            return at;
        }
        if (!is_digit_of(peek_at(s, at + 1), base)) {
            return NO_END;
        }
        at++;
    }
}

static bool
looking_at(Scanner *s, uint32_t at, const char *word)
{
    size_t length = strlen(word), size = s->end - at;
    if (size < length && memcmp(s->text + at, word, size) == 0) {
        s->saw_end = true;
    }
    return size >= length && memcmp(s->text + at, word, length) == 0;
}

/* Keywords that may, for now, follow a number without a blank. */
static bool
at_keyword_after_number(Scanner *s, uint32_t at)
{
    static const char *const words[] = {"and", "else", "for", "if", "in", "is", "or", "not"};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(words); i++) {
        if (looking_at(s, at, words[i])) {
            return true;
        }
    }
    return false;
}

static Step
end_number(Scanner *s, uint32_t at, const char *message)
{
    uint32_t start = s->position;
    unsigned char next = (unsigned char)peek_at(s, at);
    if (classes[next] == CLASS_LETTER || classes[next] == CLASS_DIGIT) {
        if (!at_keyword_after_number(s, at)) {
            return fail(s);
        }
        TokenVector *vector = s->vector;
        if (!HAS_ROOM(vector, warning)) {
            return STEP_FAIL;
        }
        vector->warnings[vector->warning_count++] = (TokenWarning){start, s->line, message};
    }
    s->position = at;
    return emit(s, TOKEN_NUMBER, start, at);
}

static Step
scan_number_with_base(Scanner *s, int base, const char *message)
{
    uint32_t at = s->position + 2;
    if (peek_at(s, at) == '_') {
        at++;
    }
    if (!is_digit_of(peek_at(s, at), base)) {
        return fail(s);
    }
    at = skip_digits(s, at, base);
    return at != NO_END ? end_number(s, at, message) : fail(s);
}

/* exponent: ("e" | "E") ["+" | "-"] digits; no digit after the letter means that a keyword begins
   there, and the number has ended. */
static uint32_t
skip_exponent(Scanner *s, uint32_t at)
{
    char sign = peek_at(s, at + 1);
    uint32_t digits = at + 1;
    if (sign == '+' || sign == '-') {
        digits++;
        if (!Py_ISDIGIT((unsigned char)peek_at(s, digits))) {
            return NO_END;
        }
    }
    else if (!Py_ISDIGIT((unsigned char)sign)) {
        return at;
    }
    return skip_digits(s, digits, 10);
}

/* number: digits ["." [digits]] [exponent] ["j"] | "." digits [exponent] ["j"] */
static Step
scan_decimal(Scanner *s)
{
    uint32_t start = s->position;
    uint32_t at = skip_digits(s, start, 10);
    bool is_integer = true;
    if (at != NO_END && peek_at(s, at) == '.') {
        is_integer = false;
        at++;
        if (Py_ISDIGIT((unsigned char)peek_at(s, at))) {
            at = skip_digits(s, at, 10);
        }
    }
    if (at != NO_END && (peek_at(s, at) == 'e' || peek_at(s, at) == 'E')) {
        uint32_t after = skip_exponent(s, at);
        is_integer = is_integer && after == at;
        at = after;
    }
    if (at == NO_END) {
        return fail(s);
    }
    if (peek_at(s, at) == 'j' || peek_at(s, at) == 'J') {
        return end_number(s, at + 1, "invalid imaginary literal");
    }
    if (is_integer && s->text[start] == '0') {
        /* Zeros may lead only other zeros. */
        for (uint32_t i = start; i < at; i++) {
            if (s->text[i] != '0' && s->text[i] != '_') {
                return fail(s);
            }
        }
    }
    return end_number(s, at, "invalid decimal literal");
}

static Step
scan_number(Scanner *s)
{
    if (s->text[s->position] == '0') {
        switch (peek_at(s, s->position + 1)) {
        case 'x':
        case 'X':
            return scan_number_with_base(s, 16, "invalid hexadecimal literal");
        case 'o':
        case 'O':
            return scan_number_with_base(s, 8, "invalid octal literal");
        case 'b':
        case 'B':
            return scan_number_with_base(s, 2, "invalid binary literal");
        default:
            break;
        }
    }
    return scan_decimal(s);
}

/* ---- strings ---- */

/* The end of a string in single quotes, which may go over lines that end in a backslash; 0 where
   there is none. */
static uint32_t
find_quote(Scanner *s, uint32_t at, char quote, bool *has_lines, bool *is_open_at_end)
{
    const char *text = s->text;
    for (; at < s->end; at++) {
        char c = text[at];
        if (c == quote) {
            return at + 1;
        }
        if (c == '\\') {
            at++;
            *has_lines |= at < s->end && text[at] == '\n';
        }
        else if (c == '\n') {
            *is_open_at_end = false;
            return 0;
        }
    }
    return 0;
}

/* The next quote is looked for only once it has been passed, and backslashes only before it: so
   each byte is looked at twice, however many of them there are. */
static uint32_t
find_triple_quote(Scanner *s, uint32_t at, char quote)
{
    const char *text = s->text, *end = text + s->end, *from = text + at, *found = NULL;
    while (from < end) {
        if (found < from) {
            found = memchr(from, quote, end - from);
            if (found == NULL) {
                return 0;
            }
        }
        const char *backslash = memchr(from, '\\', found - from);
        if (backslash != NULL) {
            from = backslash + 2;
        }
        else if (end - found >= 3 && found[1] == quote && found[2] == quote) {
            return (uint32_t)(found + 3 - text);
        }
        else {
            from = found + 1;
        }
    }
    return 0;
}

static Step
emit_long_string(Scanner *s, uint32_t start, uint32_t end)
{
    TokenVector *vector = s->vector;
    if (emit(s, TOKEN_STRING_LINES, start, end) != STEP_ON) {
        return STEP_FAIL;
    }
    if (s->line == s->input->line) {
        /* The shift of an f-string's first line goes by where a token ends. */
        vector->tokens[vector->count - 1].column -= s->input->first_column;
    }
    for (const char *at = s->text + start, *stop = s->text + end;
         (at = memchr(at, '\n', stop - at)) != NULL; at++) {
        begin_line(s, (uint32_t)(at + 1 - s->text));
    }
    s->position = end;
    if (!HAS_ROOM(vector, long_string)) {
        return STEP_FAIL;
    }
    vector->long_strings[vector->long_string_count++] =
        (LongStringEnd){(uint32_t)(vector->count - 1), s->line, (int)(end - s->line_start)};
    return STEP_ON;
}

/* All of it has been looked at. Since it ends in a line end, or else is read again, nothing has to
   be looked at twice. */
static Step
leave_string_open(Scanner *s, uint32_t start)
{
    if (s->goes_on) {
        s->position = start;
        s->searched = s->end;
    }
    return fail_at_end(s);
}

static Step
scan_string(Scanner *s, uint32_t start, uint32_t opening)
{
    char quote = s->text[opening];
    bool has_lines = s->searched > 0, is_open_at_end = true;
    uint32_t end, from = s->searched;
    if (peek_at(s, opening + 1) == quote && peek_at(s, opening + 2) == quote) {
        end = find_triple_quote(s, from ? from : opening + 3, quote);
        has_lines = end != 0 && memchr(s->text + start, '\n', end - start) != NULL;
    }
    else {
        end = find_quote(s, from ? from : opening + 1, quote, &has_lines, &is_open_at_end);
    }
    s->searched = 0;
    if (end == 0 && is_open_at_end) {
        return leave_string_open(s, start);
    }
    if (end == 0 || (s->input->has_nulls && memchr(s->text + start, '\0', end - start) != NULL)) {
        return fail(s);
    }
    if (has_lines) {
        return emit_long_string(s, start, end);
    }
    s->position = end;
    return emit(s, TOKEN_STRING, start, end);
}

/* prefix: one of b, r, u, f, or r together with b or f, in any case and order */
static bool
is_string_prefix(const char *text, uint32_t length)
{
    char first = Py_TOLOWER(text[0]);
    if (length == 1) {
        return first == 'b' || first == 'r' || first == 'u' || first == 'f';
    }
    char second = Py_TOLOWER(text[1]);
    return (first == 'r' && (second == 'b' || second == 'f'))
           || (second == 'r' && (first == 'b' || first == 'f'));
}

/* ---- names and operators ---- */

static int
keyword_kind(const char *text, uint32_t length)
{
    if (length < 2 || length > LONGEST_KEYWORD) {
        return TOKEN_NAME;
    }
    const Keyword *keyword = &keywords[KEYWORD_SLOT((unsigned char)text[0], (unsigned char)text[1],
                                                    (unsigned char)text[length - 1], length)];
    if (keyword->length == length && memcmp(keyword->spelling, text, length) == 0) {
        return keyword->kind;
    }
    return TOKEN_NAME;
}

/* Whether the next token is "def". Only continuation lines may lie between. */
static bool
def_follows(Scanner *s)
{
    Scanner ahead = *s;
    for (;; ahead.position++) {
        char c = peek_at(&ahead, ahead.position);
        if (c == '\\') {
            if (!continue_line(&ahead)) {
                return false;
            }
            ahead.position--;
        }
        else if (classes[(unsigned char)c] != CLASS_BLANK) {
            break;
        }
    }
    return looking_at(&ahead, ahead.position, "def")
           && classes[(unsigned char)peek_at(&ahead, ahead.position + 3)] != CLASS_LETTER
           && classes[(unsigned char)peek_at(&ahead, ahead.position + 3)] != CLASS_DIGIT;
}

/* In the grammar before 3.7, "async" and "await" are keywords only in an "async def". */
static int
kind_of_async(Scanner *s, int kind)
{
    if (!s->input->async_is_name || s->in_async_def) {
        return kind;
    }
    if (kind == TOKEN_ASYNC && def_follows(s)) {
        s->in_async_def = true;
        s->past_async_signature = false;
        s->async_indent = s->indent;
        return kind;
    }
    return TOKEN_NAME;
}

/* Return -1 with an exception set when memory runs out. */
static int
is_identifier(const char *text, uint32_t length)
{
    PyObject *name = PyUnicode_DecodeUTF8(text, length, NULL);
    int result = name != NULL && PyUnicode_IsIdentifier(name);
    Py_XDECREF(name);
    if (name == NULL) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
            return -1;
        }
        PyErr_Clear();
    }
    return result;
}

static Step
check_name(Scanner *s, uint32_t start)
{
    int is_valid = is_identifier(s->text + start, s->position - start);
    if (is_valid > 0) {
        return STEP_ON;
    }
    s->saw_end = s->position == s->end;
    s->position = start;
    return is_valid < 0 ? STEP_FAIL : fail(s);
}

static Step
scan_name(Scanner *s)
{
    const unsigned char *text = (const unsigned char *)s->text;
    uint32_t start = s->position, at = start + 1, end = s->end;
    while (at < end && (classes[text[at]] == CLASS_LETTER || classes[text[at]] == CLASS_DIGIT)) {
        at++;
    }
    s->position = at;
    uint32_t length = at - start;
    if (length <= LONGEST_STRING_PREFIX && at < end && classes[text[at]] == CLASS_QUOTE
        && is_string_prefix(s->text + start, length)) {
        return scan_string(s, start, at);
    }
    if (s->is_strict) {
        Step step = check_name(s, start);
        if (step != STEP_ON) {
            return step;
        }
    }
    int kind = keyword_kind(s->text + start, length);
    if (kind == TOKEN_ASYNC || kind == TOKEN_AWAIT) {
        kind = kind_of_async(s, kind);
    }
    return emit(s, kind, start, at);
}

static Step
scan_operator(Scanner *s)
{
    uint32_t start = s->position;
    char first = s->text[start];
    const uint8_t *shapes = operators[(unsigned char)first];
    char second = peek_at(s, start + 1);
    uint32_t length = 2;
    int kind = TOKEN_END;
    if (second == '=') {
        kind = shapes[SHAPE_EQUAL];
    }
    else if (second == first) {
        if (peek_at(s, start + 2) == '=' && shapes[SHAPE_DOUBLED_EQUAL]) {
            kind = shapes[SHAPE_DOUBLED_EQUAL];
            length = 3;
        }
        else {
            kind = shapes[SHAPE_DOUBLED];
        }
    }
    else if (second == '>') {
        kind = shapes[SHAPE_GREATER];
    }
    if (kind == TOKEN_END) {
        kind = shapes[SHAPE_ALONE];
        length = 1;
    }
    if (kind == TOKEN_END) {
        return fail(s);
    }
    s->position = start + length;
    return emit(s, kind, start, start + length);
}

static Step
scan_dot(Scanner *s)
{
    uint32_t start = s->position;
    if (Py_ISDIGIT((unsigned char)peek_at(s, start + 1))) {
        return scan_decimal(s);
    }
    bool three = peek_at(s, start + 1) == '.' && peek_at(s, start + 2) == '.';
    s->position = start + (three ? 3 : 1);
    return emit(s, three ? TOKEN_ELLIPSIS : TOKEN_DOT, start, s->position);
}

/* CPython's tokenizer has looked at the next character by then. */
static Step
fail_after_next(Scanner *s)
{
    peek_at(s, s->position + 1);
    return fail(s);
}

static Step
scan_opening(Scanner *s)
{
    char c = s->text[s->position];
    if (s->depth >= MAX_PARENTHESES) {
        return fail_after_next(s);
    }
    s->open[s->depth++] = c;
    s->position++;
    return emit(s, operators[(unsigned char)c][SHAPE_ALONE], s->position - 1, s->position);
}

static Step
scan_closing(Scanner *s)
{
    char c = s->text[s->position];
    char opening = c == ')' ? '(' : c == ']' ? '[' : '{';
    if (s->depth == 0 || s->open[s->depth - 1] != opening) {
        return fail_after_next(s);
    }
    s->depth--;
    s->position++;
    return emit(s, operators[(unsigned char)c][SHAPE_ALONE], s->position - 1, s->position);
}

/* ---- the end ---- */

/* One interactive statement is read as if a line end followed it; after that the blocks that are
   still open are closed, and a line end follows those again. */
static Step
end_single(Scanner *s, bool started)
{
    while (started) {
        if (emit_many(s, TOKEN_NEWLINE, 1) != STEP_ON) {
            return STEP_FAIL;
        }
        started = false;
        if (s->indent > 0 && s->input->implies_dedent) {
            if (emit_many(s, TOKEN_DEDENT, s->indent) != STEP_ON) {
                return STEP_FAIL;
            }
            s->indent = 0;
            started = true;
        }
    }
    return emit_last(s, TOKEN_END);
}

static Step
scan_end(Scanner *s)
{
    if (s->input->inside_parentheses) {
        if (s->depth != 1) {
            return fail(s);
        }
        if (emit(s, TOKEN_RPAR, s->position, s->position + 1) != STEP_ON) {
            return STEP_FAIL;
        }
        return emit_last(s, TOKEN_END);
    }
    if (s->depth > 0 || s->goes_on) {
        return fail_at_end(s);
    }
    if (s->input->single) {
        return end_single(s, s->vector->count > 0);
    }
    return emit_last(s, TOKEN_END);
}

/* The source ends within a line. */
static Step
scan_end_in_line(Scanner *s)
{
    if (s->input->ends_line && s->depth == 0 && !s->input->inside_parentheses && !s->goes_on) {
        Step step = scan_newline(s);
        if (step != STEP_NEW_LINE) {
            return step;
        }
        s->position = s->end;
        step = set_indentation(s, 0, 0);
        if (step != STEP_ON) {
            return step;
        }
    }
    return scan_end(s);
}

static Step
scan_line(Scanner *s)
{
    Step step = STEP_ON;
    while (step == STEP_ON) {
        if (s->position >= s->end) {
            return scan_end_in_line(s);
        }
        switch (classes[(unsigned char)s->text[s->position]]) {
        case CLASS_BLANK:
            s->position++;
            break;
        case CLASS_LETTER:
            step = scan_name(s);
            break;
        case CLASS_DIGIT:
            step = scan_number(s);
            break;
        case CLASS_OPERATOR:
            step = scan_operator(s);
            break;
        case CLASS_DOT:
            step = scan_dot(s);
            break;
        case CLASS_OPEN:
            step = scan_opening(s);
            break;
        case CLASS_CLOSE:
            step = scan_closing(s);
            break;
        case CLASS_QUOTE:
            step = scan_string(s, s->position, s->position);
            break;
        case CLASS_NEWLINE:
            step = scan_newline(s);
            break;
        case CLASS_COMMENT:
            step = scan_comment(s);
            break;
        case CLASS_BACKSLASH:
            step = continue_line(s) ? STEP_ON : fail_to_continue(s);
            break;
        default:
            step = fail_after_next(s);
            break;
        }
    }
    return step;
}

static void
begin(Scanner *s, const TokenizerInput *input, TokenVector *vector)
{
    s->input = input;
    s->vector = vector;
    s->text = input->text;
    s->position = input->start;
    s->end = input->end;
    s->goes_on = s->saw_end = s->is_strict = false;
    s->line = input->line;
    s->line_start = (int64_t)input->start - input->column;
    s->line_is_blank = s->line_is_torn = false;
    s->fresh_line = input->start;
    s->depth = 0;
    s->indent = 0;
    s->indents[0].column = s->indents[0].other_column = 0;
    s->in_indentation = false;
    s->columns = (Columns){0};
    s->searched = 0;
    s->in_async_def = s->past_async_signature = false;
    s->async_indent = 0;
}

static int
run(Scanner *s, Step step)
{
    while (step == STEP_ON || step == STEP_NEW_LINE) {
        if (s->input->has_nulls && s->position == s->fresh_line) {
            skip_nulls(s);
        }
        if (step == STEP_NEW_LINE && s->depth == 0) {
            step = scan_indentation(s);
            if (step == STEP_ON && s->position == s->end && !s->line_is_blank) {
                step = scan_end(s);
                continue;
            }
        }
        if (step == STEP_ON || step == STEP_NEW_LINE) {
            step = scan_line(s);
        }
    }
    return step == STEP_FAIL ? -1 : 0;
}

int
tokenizer_run(const TokenizerInput *input, TokenVector *vector)
{
    Scanner s;
    Step step = STEP_NEW_LINE;
    begin(&s, input, vector);
    if (input->inside_parentheses) {
        s.open[s.depth++] = '(';
        step = emit(&s, TOKEN_LPAR, s.position - 1, s.position);
    }
    return run(&s, step);
}
SHOWN_TO_STAGES(tokenizer_run);

/* ---- text that arrives in pieces ---- */

struct Tokenizer {
    Scanner scanner;
    /* Where the text ended within a line, what was before it was read: it is read again with what
       the line goes on with. */
    Scanner before;
    size_t count, type_ignore_count, warning_count;
    bool ended_within_line;
};

Tokenizer *
tokenizer_new(const TokenizerInput *input, TokenVector *vector)
{
    Tokenizer *tokenizer = PyMem_Malloc(sizeof(*tokenizer));
    if (tokenizer == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    begin(&tokenizer->scanner, input, vector);
    tokenizer->scanner.in_indentation = true;
    tokenizer->scanner.is_strict = true;
    tokenizer->ended_within_line = false;
    return tokenizer;
}

void
tokenizer_free(Tokenizer *tokenizer)
{
    PyMem_Free(tokenizer);
}

/* Go back to where it was before the line was read, or keep where it is now. */
static void
return_or_keep(Tokenizer *t)
{
    TokenVector *vector = t->scanner.vector;
    if (t->ended_within_line) {
        t->scanner = t->before;
        tokenizer_truncate(vector, t->count);
        vector->type_ignore_count = t->type_ignore_count;
        vector->warning_count = t->warning_count;
    }
    else {
        t->before = t->scanner;
        t->count = vector->count;
        t->type_ignore_count = vector->type_ignore_count;
        t->warning_count = vector->warning_count;
    }
}

/* Whether a token next to the end of the text may be the beginning of another: all may, but a
   string that has been closed. A type comment may have nothing in it yet. */
static bool
may_go_on(const Scanner *s, int kind, const Token *token)
{
    uint32_t size = token->end - token->start;
    if (kind == TOKEN_STRING || kind == TOKEN_STRING_LINES) {
        return size < 6 && s->text[s->end - 1] == s->text[s->end - 2];
    }
    return size > 0 || kind == TOKEN_TYPE_COMMENT;
}

static void
take_back_last(Scanner *s)
{
    TokenVector *vector = s->vector;
    uint8_t *kinds = vector->kinds;
    const Token *tokens = vector->tokens;
    size_t last = vector->count - 1;
    if (kinds[last] != TOKEN_MORE || last == 0 || tokens[last - 1].end != s->end
        || !may_go_on(s, kinds[last - 1], &tokens[last - 1])) {
        return;
    }
    last--;
    if (kinds[last] == TOKEN_DOT && last > 0 && kinds[last - 1] == TOKEN_DOT
        && tokens[last - 1].end == tokens[last].start) {
        last--; /* with a third it is one token */
    }
    kinds[last] = TOKEN_MORE;
    tokenizer_truncate(vector, last + 1);
}

int
tokenizer_continue(Tokenizer *t, const char *text, uint32_t end, bool is_all)
{
    Scanner *s = &t->scanner;
    return_or_keep(t);
    s->text = text;
    s->end = end;
    s->goes_on = !is_all;
    s->saw_end = false;
    if (run(s, s->in_indentation ? STEP_NEW_LINE : STEP_ON) < 0) {
        return -1;
    }
    t->ended_within_line = !is_all && end > 0 && text[end - 1] != '\n';
    if (t->ended_within_line) {
        take_back_last(s);
    }
    return 0;
}
