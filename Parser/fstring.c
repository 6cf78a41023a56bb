/* f-strings.

   An f-string is one token. Its text is searched here for expressions; each is tokenized where it
   lies, as if it stood in parentheses, and parsed. In: a string token. Out: parts on the parser's
   stack, text in the StringBuilder.

   All parts take the position of the adjacent strings as a whole, or of the token where a format
   specification ends with text; only the nodes in an expression have places of their own. */

#include "parser_internal.h"

enum { MAX_BRACKETS = 200, MAX_NESTED_SPECIFICATIONS = 2 };

/* What is read of the text, and what is known of the token that it stands in. */
typedef struct {
    Parser *p;
    size_t token;       /* the f-string's own */
    size_t first, last; /* of the adjacent strings */
    uint32_t at, end;
    bool is_raw;
    /* The line that the last expression began in: where it begins, and its number. */
    uint32_t line_start;
    int lines;
    uint32_t counted; /* how far lines have been counted */
} Reader;

static int read_parts(Reader *r, StringBuilder *builder, int level);

static inline char
look(const Reader *r, uint32_t ahead)
{
    return r->at + ahead < r->end ? r->p->text[r->at + ahead] : '\0';
}

/* ---- text ---- */

static int
warn_brace(Reader *r)
{
    return parser_warn(r->p, (PendingWarning){r->at, token_at(r->p, r->token)->line,
                                              PyExc_DeprecationWarning, r->at, 1,
                                              "invalid escape sequence '\\%s'"});
}

/* A backslash and what it takes with it. Braces are left: no escape hides them. */
static int
skip_escape(Reader *r)
{
    r->at++;
    char c = look(r, 0);
    if (c == '{') {
        return warn_brace(r);
    }
    if (c == '}') {
        return 0;
    }
    r->at++;
    if (c == 'N' && look(r, 0) == '{') {
        const char *text = r->p->text;
        const char *close = memchr(text + r->at, '}', r->end - r->at);
        r->at = close == NULL ? r->end : (uint32_t)(close + 1 - text);
    }
    return 0;
}

/* text: anything but braces; outside of format specifications a doubled brace stands for one.
   Set *more if another piece of text follows. */
static int
read_text(Reader *r, StringBuilder *builder, int level, bool *more)
{
    const char *text = r->p->text;
    uint32_t start = r->at, stop = r->end;
    *more = false;
    while (r->at < r->end) {
        char c = text[r->at];
        if (c == '\\' && !r->is_raw && r->at + 1 < r->end) {
            if (skip_escape(r) < 0) {
                return -1;
            }
            continue;
        }
        if (c == '{' || c == '}') {
            if (level == 0 && look(r, 1) == c) {
                stop = r->at + 1;
                r->at += 2;
                *more = true;
                break;
            }
            if (level == 0 && c == '}') {
                return -1;
            }
            stop = r->at;
            break;
        }
        r->at++;
    }
    if (stop == start) {
        return 0;
    }
    return string_builder_add_text(builder, parser_decode_string(r->p, start, stop, r->is_raw,
                                                                 token_at(r->p, r->token)->line));
}

/* ---- the extent of an expression ---- */

/* A string inside of the expression. There are no escapes here. */
static bool
skip_string(Reader *r)
{
    const char *text = r->p->text;
    char quote = text[r->at];
    bool triple = look(r, 1) == quote && look(r, 2) == quote;
    for (r->at += triple ? 3 : 1; r->at < r->end; r->at++) {
        if (text[r->at] == '\\') {
            return false;
        }
        if (text[r->at] == quote && (!triple || (look(r, 1) == quote && look(r, 2) == quote))) {
            r->at += triple ? 3 : 1;
            return true;
        }
    }
    return false;
}

static bool
ends_expression(Reader *r, char c)
{
    if (c == ':' || c == '}') {
        return true;
    }
    if (c != '!' && c != '=' && c != '<' && c != '>') {
        return false;
    }
    if (look(r, 1) == '=') {
        r->at++;
        return false;
    }
    return c == '!' || c == '=';
}

/* Go to where the expression ends: at depth 0, one of "!", ":", "=" and "}". */
static bool
skip_expression(Reader *r)
{
    char open[MAX_BRACKETS];
    int depth = 0;
    while (r->at < r->end) {
        char c = r->p->text[r->at];
        if (c == '"' || c == '\'') {
            if (!skip_string(r)) {
                return false;
            }
            continue;
        }
        if (c == '\\' || c == '#') {
            return false;
        }
        if (c == '(' || c == '[' || c == '{') {
            if (depth == MAX_BRACKETS) {
                return false;
            }
            open[depth++] = c == '(' ? ')' : c == '[' ? ']' : '}';
        }
        else if (depth == 0 && ends_expression(r, c)) {
            return true;
        }
        else if (c == ')' || c == ']' || c == '}') {
            if (depth == 0 || open[--depth] != c) {
                return false;
            }
        }
        r->at++;
    }
    return false;
}

/* ---- the expression ---- */

/* Where the expression after the brace is said to be. In the f-string's first line the column goes
   on from the token's; and a line end right after the brace makes it count from nothing. */
static void
place_expression(Reader *r, uint32_t brace, TokenizerInput *input)
{
    const Token *token = token_at(r->p, r->token);
    const char *text = r->p->text;
    for (const char *at = text + r->counted; (at = memchr(at, '\n', text + brace - at)) != NULL;
         at++) {
        r->lines++;
        r->line_start = (uint32_t)(at + 1 - text);
    }
    r->counted = brace;
    uint32_t after = brace + 1;
    while (text[after] == ' ' || text[after] == '\t' || text[after] == '\f') {
        after++;
    }
    int column = text[after] == '\n' ? 0 : (int)(brace - r->line_start);
    input->line = token->line + r->lines;
    input->first_column = r->lines ? column : token->column + column;
    /* The made-up parenthesis stands where the brace is. */
    input->column = input->first_column + 1;
}

static expr_ty
parse_tokens(Parser *p, const TokenizerInput *input)
{
    size_t index = p->index, count = p->vector.count, warnings = p->vector.warning_count;
    int result = tokenizer_run(input, &p->vector);
    p->kinds = p->vector.kinds;
    if (result < 0 || parser_take_warnings(p, warnings) < 0) {
        return NULL;
    }
    p->index = count;
    /* The archive's parser starts another parser here, which counts its own depth. */
    int depth = p->depth;
    p->depth = 0;
    expr_ty node = parser_parenthesized_form(p);
    p->depth = depth;
    if (node == NULL || peek(p) != TOKEN_END) {
        return NULL;
    }
    p->index = index;
    tokenizer_truncate(&p->vector, count);
    return node;
}

static bool
is_blank(const char *text, uint32_t start, uint32_t end)
{
    for (uint32_t at = start; at < end; at++) {
        if (strchr(" \t\n\f\r", text[at]) == NULL) {
            return false;
        }
    }
    return true;
}

static expr_ty
parse_expression(Reader *r, uint32_t brace)
{
    const char *text = r->p->text;
    if (is_blank(text, brace + 1, r->at)) {
        return NULL;
    }
    TokenizerInput input = {
        .text = text,
        .start = brace + 1,
        .end = r->at,
        .inside_parentheses = true,
        .async_is_name = r->p->options->async_is_name,
    };
    place_expression(r, brace, &input);
    return parse_tokens(r->p, &input);
}

/* conversion: "!" ("s" | "r" | "a") */
static int
read_conversion(Reader *r)
{
    if (look(r, 0) != '!') {
        return -1;
    }
    char c = look(r, 1);
    r->at += 2;
    return c == 's' || c == 'r' || c == 'a' ? c : 0;
}

/* specification: ":" (text | replacement)* */
static expr_ty
read_specification(Reader *r, int level)
{
    Parser *p = r->p;
    StringBuilder builder = {
        .first_token = r->token, .last_token = r->token, .base = p->stack_size};
    r->at++;
    expr_ty node = NULL;
    if (read_parts(r, &builder, level + 1) == 0
        && string_builder_end_text(p, &builder, r->token, r->token) == 0) {
        node = parser_node_over(p, JoinedStr_kind, r->token, r->token);
        if (node != NULL) {
            node->v.JoinedStr.values = parser_take_sequence(p, builder.base);
        }
    }
    string_builder_clear(&builder);
    return node == NULL || node->v.JoinedStr.values == NULL ? NULL : node;
}

/* "=" shows the expression's text, with all blanks around the sign. */
static int
read_shown_text(Reader *r, StringBuilder *builder, uint32_t start)
{
    const char *text = r->p->text;
    if (!has_version(r->p, 8)) {
        return -1;
    }
    r->at++;
    while (r->at < r->end && Py_ISSPACE((unsigned char)text[r->at])) {
        r->at++;
    }
    return string_builder_add_text(builder,
                                   PyUnicode_FromStringAndSize(text + start, r->at - start));
}

/* replacement: "{" expression ["="] [conversion] [specification] "}" */
static int
read_replacement(Reader *r, StringBuilder *builder, int level)
{
    if (level >= MAX_NESTED_SPECIFICATIONS) {
        return -1;
    }
    uint32_t brace = r->at++;
    if (!skip_expression(r)) {
        return -1;
    }
    expr_ty value = parse_expression(r, brace);
    if (value == NULL) {
        return -1;
    }
    bool shows_text = look(r, 0) == '=';
    if (shows_text && read_shown_text(r, builder, brace + 1) < 0) {
        return -1;
    }
    int conversion = read_conversion(r);
    if (conversion == 0) {
        return -1;
    }
    /* The text before comes first in the tree, but only now is its end known. */
    if (string_builder_end_text(r->p, builder, r->first, r->last) < 0) {
        return -1;
    }
    expr_ty specification = NULL;
    if (look(r, 0) == ':' && (specification = read_specification(r, level)) == NULL) {
        return -1;
    }
    if (look(r, 0) != '}') {
        return -1;
    }
    r->at++;
    expr_ty node = parser_node_over(r->p, FormattedValue_kind, r->first, r->last);
    if (node == NULL) {
        return -1;
    }
    node->v.FormattedValue.value = value;
    node->v.FormattedValue.conversion =
        shows_text && conversion < 0 && specification == NULL ? 'r' : conversion;
    node->v.FormattedValue.format_spec = specification;
    return push(r->p, node) ? 0 : -1;
}

/* Read up to the end of the text, or to the brace that closes a format specification. */
static int
read_parts(Reader *r, StringBuilder *builder, int level)
{
    for (;;) {
        bool more;
        if (read_text(r, builder, level, &more) < 0) {
            return -1;
        }
        if (more) {
            continue;
        }
        if (look(r, 0) != '{') {
            return 0;
        }
        if (read_replacement(r, builder, level) < 0) {
            return -1;
        }
    }
}

int
parser_format_string(Parser *p, StringBuilder *builder, size_t token, StringParts parts)
{
    Reader reader = {
        .p = p,
        .token = token,
        .first = builder->first_token,
        .last = builder->last_token,
        .at = parts.start,
        .end = parts.end,
        .is_raw = parts.is_raw,
        .line_start = token_at(p, token)->start,
        .counted = token_at(p, token)->start,
    };
    if (read_parts(&reader, builder, 0) < 0) {
        return -1;
    }
    return reader.at == reader.end ? 0 : -1;
}
