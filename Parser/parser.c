/* The state of a parse: memory, sequences, positions, and the way in.

   In: a Source, or lines, and ParserOptions. Out: a verdict, and the tree in the caller's arena.
   Entry points: parser_run and parser_run_lines. Tokens, stacks and the table of names live on the
   heap for as long as the parse. */

#include "parser_internal.h"

#include "nesting.h"

enum {
    FIRST_BLOCK_SIZE = 4096,
    LARGEST_BLOCK_SIZE = 256 * 1024,
    /* So much fits into the smallest stack a thread can have. */
    UNCHECKED_DEPTH = 150,
    /* Columns are of type int, and an f-string's are sums of two. */
    LARGEST_SOURCE = INT_MAX / 2,
};

/* ---- memory ---- */

void *
parser_allocate_block(Parser *p, size_t size)
{
    size_t block_size = p->block_size > size ? p->block_size : size;
    char *block = _PyArena_Malloc(p->arena, block_size);
    if (block == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (p->block_size < LARGEST_BLOCK_SIZE) {
        p->block_size *= 2;
    }
    p->block = block + size;
    p->block_end = block + block_size;
    return block;
}

PyObject *
parser_keep(Parser *p, PyObject *object)
{
    if (object != NULL && _PyArena_AddPyObject(p->arena, object) < 0) {
        Py_DECREF(object);
        return NULL;
    }
    return object;
}

/* ---- depth ---- */

/* Where the stack is used up the archive's parser goes on, on a larger one. The main thread's has
   room for all that the limit allows. */
bool
parser_enter_deep(Parser *p)
{
    if (p->depth > PARSER_DEPTH_LIMIT) {
        p->too_deep = true;
        return false;
    }
    if (p->stack_end == NULL) {
        if (nesting_in_main_thread()) {
            p->checked_depth = PARSER_DEPTH_LIMIT;
            return true;
        }
        p->stack_end = nesting_stack_end();
    }
    p->too_deep = !nesting_has_room(p->stack_end, 0);
    return !p->too_deep;
}

/* ---- scratch ---- */

void *
parser_scratch(Parser *p, size_t size)
{
    if (p->scratch_size < size) {
        char *bigger = PyMem_Realloc(p->scratch, size);
        if (bigger == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        p->scratch = bigger;
        p->scratch_size = size;
    }
    return p->scratch;
}

/* ---- sequences ---- */

/* All sequences of pointers have the same layout. */
static asdl_generic_seq *
new_sequence(Parser *p, size_t size)
{
    if (size == 0 && p->empty != NULL) {
        return p->empty;
    }
    asdl_generic_seq *sequence =
        allocate(p, offsetof(asdl_generic_seq, typed_elements) + size * sizeof(void *));
    if (sequence != NULL) {
        sequence->size = (Py_ssize_t)size;
        sequence->elements = sequence->typed_elements;
        if (size == 0) {
            p->empty = sequence;
        }
    }
    return sequence;
}

void *
parser_take_sequence(Parser *p, size_t base)
{
    size_t size = p->stack_size - base;
    asdl_generic_seq *sequence = new_sequence(p, size);
    if (sequence != NULL && size > 0) {
        memcpy(sequence->typed_elements, p->stack + base, size * sizeof(void *));
    }
    p->stack_size = base;
    return sequence;
}

asdl_int_seq *
parser_take_integers(Parser *p, size_t base)
{
    size_t size = p->stack_size - base;
    asdl_int_seq *sequence =
        allocate(p, offsetof(asdl_int_seq, typed_elements) + size * sizeof(int));
    if (sequence == NULL) {
        return NULL;
    }
    sequence->size = (Py_ssize_t)size;
    sequence->elements = (void **)sequence->typed_elements;
    for (size_t i = 0; i < size; i++) {
        sequence->typed_elements[i] = (int)(intptr_t)p->stack[base + i];
    }
    p->stack_size = base;
    return sequence;
}

void *
parser_copy_alternate(Parser *p, size_t base, size_t offset)
{
    size_t size = (p->stack_size - base) / 2;
    asdl_generic_seq *sequence = new_sequence(p, size);
    for (size_t i = 0; sequence != NULL && i < size; i++) {
        sequence->typed_elements[i] = p->stack[base + offset + 2 * i];
    }
    return sequence;
}

void *
parser_singleton_sequence(Parser *p, void *item)
{
    asdl_generic_seq *sequence = new_sequence(p, 1);
    if (sequence != NULL) {
        sequence->typed_elements[0] = item;
    }
    return sequence;
}

/* ---- positions ---- */

void
parser_end_of_long_string(const Parser *p, size_t token, int *line, int *column)
{
    const LongStringEnd *end = token_vector_long_string_end(&p->vector, token);
    *line = end->end_line;
    *column = end->end_column;
}

size_t
parser_last_text_token(const Parser *p, size_t token)
{
    while (token > 0 && token_traits[p->kinds[token]].traits & TRAIT_LAYOUT) {
        token--;
    }
    return token;
}

expr_ty
parser_new_constant(Parser *p, PyObject *value, size_t start)
{
    if (value == NULL) {
        return NULL;
    }
    expr_ty node = new_expression(p, Constant_kind, start);
    if (node != NULL) {
        node->v.Constant.value = value;
        node->v.Constant.kind = NULL;
    }
    return node;
}

/* ---- the start rules ---- */

static asdl_type_ignore_seq *
type_ignores(Parser *p)
{
    size_t base = p->stack_size;
    for (size_t i = 0; i < p->vector.type_ignore_count; i++) {
        const TypeIgnore *ignore = &p->vector.type_ignores[i];
        PyObject *tag = parser_keep(
            p, PyUnicode_DecodeUTF8(p->text + ignore->start, ignore->end - ignore->start, NULL));
        type_ignore_ty node = tag == NULL ? NULL : allocate(p, sizeof(*node));
        if (node == NULL) {
            return NULL;
        }
        node->kind = TypeIgnore_kind;
        node->v.TypeIgnore.lineno = ignore->line;
        node->v.TypeIgnore.tag = tag;
        if (!push(p, node)) {
            return NULL;
        }
    }
    return parser_take_sequence(p, base);
}

/* file: statement* END */
static bool
parse_file(Parser *p, mod_ty tree)
{
    tree->kind = Module_kind;
    tree->v.Module.body = parser_statements(p, TOKEN_END);
    if (tree->v.Module.body == NULL) {
        return false;
    }
    tree->v.Module.type_ignores = type_ignores(p);
    return tree->v.Module.type_ignores != NULL;
}

/* What may follow one interactive statement: blank lines and comments. */
static bool
only_blank_after(const Parser *p)
{
    const char *at = p->text + token_at(p, p->index - 1)->start;
    for (;; at++) {
        if (*at == '#') {
            at += strcspn(at, "\n");
        }
        if (*at == '\0') {
            return true;
        }
        if (*at != ' ' && *at != '\t' && *at != '\n' && *at != '\f') {
            return false;
        }
    }
}

/* interactive: interactive_statement */
static bool
parse_interactive(Parser *p, mod_ty tree)
{
    tree->kind = Interactive_kind;
    tree->v.Interactive.body = parser_interactive_statement(p);
    return tree->v.Interactive.body != NULL && only_blank_after(p);
}

static bool
at_end_of_expression(Parser *p)
{
    while (accept(p, TOKEN_NEWLINE)) {
    }
    return peek(p) == TOKEN_END;
}

/* eval: expression ("," expression)* [","] NEWLINE* END */
static bool
parse_eval(Parser *p, mod_ty tree)
{
    size_t start = p->index;
    tree->kind = Expression_kind;
    expr_ty body = parser_expression(p);
    if (body != NULL && peek(p) == TOKEN_COMMA) {
        body = parser_tuple_rest(p, body, start, parser_expression);
    }
    tree->v.Expression.body = body;
    return body != NULL && at_end_of_expression(p);
}

/* argument_types: "*" expression ["," "**" expression] | "**" expression
                 | expression ["," argument_types] */
static asdl_expr_seq *
argument_types(Parser *p)
{
    size_t base = p->stack_size;
    int stars = 0;
    while (stars < 2) {
        int now = accept(p, TOKEN_STAR) ? 1 : accept(p, TOKEN_DOUBLESTAR) ? 2 : 0;
        if (now <= stars && stars > 0) {
            return NULL;
        }
        stars = now;
        expr_ty type = parser_expression(p);
        if (type == NULL || !push(p, type)) {
            return NULL;
        }
        if (!accept(p, TOKEN_COMMA)) {
            break;
        }
        if (stars == 2) {
            return NULL;
        }
    }
    return parser_take_sequence(p, base);
}

/* func_type: "(" [argument_types] ")" "->" expression NEWLINE* END */
static bool
parse_function_type(Parser *p, mod_ty tree)
{
    tree->kind = FunctionType_kind;
    if (!accept(p, TOKEN_LPAR)) {
        return false;
    }
    tree->v.FunctionType.argtypes = NULL;
    if (peek(p) != TOKEN_RPAR && (tree->v.FunctionType.argtypes = argument_types(p)) == NULL) {
        return false;
    }
    if (!accept(p, TOKEN_RPAR) || !accept(p, TOKEN_RARROW)) {
        return false;
    }
    tree->v.FunctionType.returns = parser_expression(p);
    return tree->v.FunctionType.returns != NULL && at_end_of_expression(p);
}

static bool
parse_start(Parser *p, mod_ty tree)
{
    switch (p->options->mode) {
    case Py_file_input:
        return parse_file(p, tree);
    case Py_single_input:
        return parse_interactive(p, tree);
    case Py_eval_input:
        return parse_eval(p, tree);
    case Py_func_type_input:
        return parse_function_type(p, tree);
    default:
        return false;
    }
}

/* ---- tokens ---- */

static void
set_input(Parser *p, const Source *source)
{
    p->token_input = (TokenizerInput){
        .text = source->text,
        .end = (uint32_t)source->size,
        .line = 1,
        .type_comments = p->options->type_comments,
        .async_is_name = p->options->async_is_name,
        .single = p->options->mode == Py_single_input,
        .interactive = p->options->interactive,
        .implies_dedent = p->options->implies_dedent,
        .ends_line = p->options->is_file || p->options->mode == Py_file_input,
    };
}

static int
tokenize(Parser *p, const Source *source)
{
    set_input(p, source);
    if (token_vector_init(&p->vector, source->size) < 0
        || tokenizer_run(&p->token_input, &p->vector) < 0) {
        return -1;
    }
    p->kinds = p->vector.kinds;
    p->token_count = p->vector.count;
    return 0;
}

/* The vector begins with TOKEN_MORE. */
static int
tokenize_lines(Parser *p)
{
    set_input(p, &p->lines->source);
    if (token_vector_init(&p->vector, 0) < 0
        || (p->tokenizer = tokenizer_new(&p->token_input, &p->vector)) == NULL
        || tokenizer_continue(p->tokenizer, "", 0, false) < 0) {
        return -1;
    }
    p->kinds = p->vector.kinds;
    p->token_count = p->vector.count;
    return 0;
}

/* Put the tokens of the text that was read in the place of TOKEN_MORE; where that fails it
   stays. */
static int
add_tokens(Parser *p)
{
    const Source *source = &p->lines->source;
    if (source->size > LARGEST_SOURCE) {
        return -1;
    }
    p->text = source->text == NULL ? "" : source->text;
    p->token_input.has_nulls = source->has_nulls;
    p->token_input.inner_ends = source->inner_ends;
    p->token_input.inner_end_count = source->inner_end_count;
    p->vector.count = p->token_count - 1;
    int result =
        tokenizer_continue(p->tokenizer, p->text, (uint32_t)source->size, p->lines->has_ended);
    p->kinds = p->vector.kinds;
    if (result < 0) {
        p->vector.kinds[p->token_count - 1] = TOKEN_MORE;
        p->vector.count = p->token_count;
        return -1;
    }
    p->token_count = p->vector.count;
    return 0;
}

/* Whoever types the next line has seen the warnings about this one. */
void
parser_read_on(Parser *p, size_t index)
{
    while (!p->stopped && p->kinds[index] == TOKEN_MORE) {
        p->stopped =
            parser_issue_warnings(p) < 0 || p->lines->read(p->lines) < 0 || add_tokens(p) < 0;
        p->stopped_by_exception = p->stopped && PyErr_Occurred();
    }
}

/* ---- the way in ---- */

static void
clear(Parser *p)
{
    token_vector_clear(&p->vector);
    PyMem_Free(p->stack);
    PyMem_Free(p->names);
    PyMem_Free(p->warnings);
    PyMem_Free(p->scratch);
    tokenizer_free(p->tokenizer);
    Py_CLEAR(p->normalize);
}

/* What the source holds may be the cause of an exception: what no codec knows, a number that is too
   long. What has nothing to do with it stays set. */
static ParserVerdict
verdict_on_failure(const Parser *p)
{
    if (PyErr_Occurred()) {
        if (p->stopped_by_exception || PyErr_ExceptionMatches(PyExc_MemoryError)
            || !PyErr_ExceptionMatches(PyExc_Exception)) {
            return PARSER_FAILED;
        }
        PyErr_Clear();
        return p->stopped ? PARSER_NOT_TRIED : PARSER_REJECTED;
    }
    if (p->stopped) {
        return PARSER_NOT_TRIED;
    }
    return p->too_deep ? PARSER_TOO_DEEP : PARSER_REJECTED;
}

static ParserVerdict
parse(Parser *p, mod_ty *tree)
{
    mod_ty module = allocate(p, sizeof(*module));
    if (module == NULL) {
        return PARSER_FAILED;
    }
    look_at(p, 0);
    if (!parse_start(p, module) || p->stopped) {
        return verdict_on_failure(p);
    }
    if (p->lines != NULL && p->lines->accepted != NULL) {
        p->lines->accepted(p->lines);
    }
    if (parser_issue_warnings(p) < 0) {
        return PyErr_Occurred() ? PARSER_FAILED : PARSER_REJECTED;
    }
#ifdef Py_DEBUG
    /* As the archive's parser does in its debug build. */
    if (p->options->mode != Py_func_type_input && !_PyAST_Validate(module)) {
        return PARSER_FAILED;
    }
#endif
    *tree = module;
    return PARSER_ACCEPTED;
}

static Parser
new_parser(const Source *source, LineInput *lines, const ParserOptions *options, PyArena *arena)
{
    return (Parser){
        .text = source->text,
        .lines = lines,
        .options = options,
        .arena = arena,
        .block_size = FIRST_BLOCK_SIZE,
        .checked_depth = UNCHECKED_DEPTH,
        .hash_seed = _Py_HashSecret.siphash.k0,
    };
}

ParserVerdict
parser_run(const Source *source, const ParserOptions *options, PyArena *arena, mod_ty *tree)
{
    if (source->size > LARGEST_SOURCE) {
        return PARSER_NOT_TRIED;
    }
    Parser p = new_parser(source, NULL, options, arena);
    ParserVerdict verdict = tokenize(&p, source) < 0 ? PARSER_FAILED : parse(&p, tree);
    clear(&p);
    return verdict;
}

ParserVerdict
parser_run_lines(LineInput *lines, const ParserOptions *options, PyArena *arena, mod_ty *tree)
{
    Parser p = new_parser(&lines->source, lines, options, arena);
    ParserVerdict verdict = tokenize_lines(&p) < 0 ? PARSER_FAILED : parse(&p, tree);
    if (verdict != PARSER_ACCEPTED && verdict != PARSER_FAILED && parser_keep_warnings(&p) < 0) {
        verdict = PARSER_FAILED;
    }
    clear(&p);
    return verdict;
}
