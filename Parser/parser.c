/* The state of a parse: memory, sequences, positions, and the way in.

   In: a Source and ParserOptions. Out: a verdict, and the tree in the caller's arena. Entry point:
   Parser_Run. Tokens, stacks and the table of names live on the heap for as long as the parse. */

#include "parser_internal.h"

#include "nesting.h"

enum {
    FIRST_BLOCK_SIZE = 4096,
    LARGEST_BLOCK_SIZE = 256 * 1024,
    /* So much fits into the smallest stack a thread can have. */
    UNCHECKED_DEPTH = 150,
};

/* ---- memory ---- */

void *
Parser_AllocateBlock(Parser *p, size_t size)
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
Parser_Keep(Parser *p, PyObject *object)
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
Parser_EnterDeep(Parser *p)
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
Parser_Scratch(Parser *p, size_t size)
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
Parser_TakeSequence(Parser *p, size_t base)
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
Parser_TakeIntegers(Parser *p, size_t base)
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
Parser_CopyAlternate(Parser *p, size_t base, size_t offset)
{
    size_t size = (p->stack_size - base) / 2;
    asdl_generic_seq *sequence = new_sequence(p, size);
    for (size_t i = 0; sequence != NULL && i < size; i++) {
        sequence->typed_elements[i] = p->stack[base + offset + 2 * i];
    }
    return sequence;
}

void *
Parser_SingletonSequence(Parser *p, void *item)
{
    asdl_generic_seq *sequence = new_sequence(p, 1);
    if (sequence != NULL) {
        sequence->typed_elements[0] = item;
    }
    return sequence;
}

/* ---- positions ---- */

void
Parser_EndOfLongString(const Parser *p, size_t token, int *line, int *column)
{
    const LongStringEnd *end = TokenVector_LongStringEnd(&p->vector, token);
    *line = end->end_line;
    *column = end->end_column;
}

size_t
Parser_LastTextToken(const Parser *p, size_t token)
{
    while (token > 0 && Token_traits[p->kinds[token]].traits & TRAIT_LAYOUT) {
        token--;
    }
    return token;
}

expr_ty
Parser_NewConstant(Parser *p, PyObject *value, size_t start)
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

/* ---- warnings ---- */

int
Parser_Warn(Parser *p, PendingWarning warning)
{
    if (p->warning_count == p->warning_capacity &&
        Vector_Grow((void **)&p->warnings, &p->warning_capacity, sizeof(warning)) < 0) {
        return -1;
    }
    p->warnings[p->warning_count++] = warning;
    return 0;
}

static int
issue_warning(Parser *p, const PendingWarning *warning)
{
    PyObject *message;
    if (warning->text_length == 0) {
        message = PyUnicode_FromString(warning->message);
    }
    else {
        char text[4] = {0};
        memcpy(text, p->text + warning->text_start, warning->text_length);
        message = PyUnicode_FromFormat(warning->message, text);
    }
    if (message == NULL) {
        return -1;
    }
    int result = PyErr_WarnExplicitObject(warning->category, message, p->options->filename,
                                          warning->line, NULL, NULL);
    Py_DECREF(message);
    if (result < 0 && PyErr_ExceptionMatches(warning->category)) {
        /* The warning is to be an error: a syntax error, of which others know the text. */
        PyErr_Clear();
    }
    return result;
}

static bool
is_error_action(PyObject *action)
{
    return PyUnicode_Check(action) && PyUnicode_CompareWithASCIIString(action, "error") == 0;
}

/* A filter is a tuple whose first item says what to do. */
static bool
any_makes_error(PyObject *filters)
{
    for (Py_ssize_t i = 0; PyList_Check(filters) && i < PyList_GET_SIZE(filters); i++) {
        PyObject *filter = PyList_GET_ITEM(filters, i);
        if (PyTuple_Check(filter) && PyTuple_GET_SIZE(filter) > 0
            && is_error_action(PyTuple_GET_ITEM(filter, 0))) {
            return true;
        }
    }
    return false;
}

/* The module whose filters hold: warnings, and until that is imported the one below it. */
static PyObject *
warnings_module(const char **default_action)
{
    PyObject *name = PyUnicode_FromString("warnings");
    PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
    Py_XDECREF(name);
    *default_action = "defaultaction";
    if (module == NULL && !PyErr_Occurred()) {
        *default_action = "_defaultaction";
        module = PyImport_ImportModule("_warnings");
    }
    return module;
}

/* Whether warnings may be errors; -1 with an exception. Of several warnings those before the one
   that is an error would be shown here, and once more by the archive's parser, which is asked for
   the error: in that case it is asked at once. */
static int
warnings_may_be_errors(void)
{
    const char *default_action;
    PyObject *module = warnings_module(&default_action);
    PyObject *filters = module == NULL ? NULL : PyObject_GetAttrString(module, "filters");
    PyObject *action = filters == NULL ? NULL : PyObject_GetAttrString(module, default_action);
    int result = action == NULL ? -1 : any_makes_error(filters) || is_error_action(action);
    Py_XDECREF(module);
    Py_XDECREF(filters);
    Py_XDECREF(action);
    if (result < 0 && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        return 0;
    }
    return result;
}

/* The tokenizer's warnings and the parser's, both in the order of the source, as one. */
static int
issue_warnings(Parser *p)
{
    size_t t = 0, w = 0;
    const TokenVector *vector = &p->vector;
    while (t < vector->warning_count || w < p->warning_count) {
        PendingWarning warning;
        if (w == p->warning_count ||
            (t < vector->warning_count && vector->warnings[t].offset < p->warnings[w].offset)) {
            const TokenWarning *from = &vector->warnings[t++];
            warning = (PendingWarning){.offset = from->offset,
                                       .line = from->line,
                                       .category = PyExc_SyntaxWarning,
                                       .message = from->message};
        }
        else {
            warning = p->warnings[w++];
        }
        if (issue_warning(p, &warning) < 0) {
            return -1;
        }
    }
    return 0;
}

/* An f-string's numbers are tokenized after all others. */
static int
compare_offsets(const void *left, const void *right)
{
    uint32_t a = ((const TokenWarning *)left)->offset, b = ((const TokenWarning *)right)->offset;
    return (a > b) - (a < b);
}

/* ---- the start rules ---- */

static asdl_type_ignore_seq *
type_ignores(Parser *p)
{
    size_t base = p->stack_size;
    for (size_t i = 0; i < p->vector.type_ignore_count; i++) {
        const TypeIgnore *ignore = &p->vector.type_ignores[i];
        PyObject *tag = Parser_Keep(
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
    return Parser_TakeSequence(p, base);
}

/* file: statement* END */
static bool
parse_file(Parser *p, mod_ty tree)
{
    tree->kind = Module_kind;
    tree->v.Module.body = Parser_Statements(p, TOKEN_END);
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
    tree->v.Interactive.body = Parser_InteractiveStatement(p);
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
    expr_ty body = Parser_Expression(p);
    if (body != NULL && peek(p) == TOKEN_COMMA) {
        body = Parser_TupleRest(p, body, start, Parser_Expression);
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
        expr_ty type = Parser_Expression(p);
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
    return Parser_TakeSequence(p, base);
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
    if (peek(p) != TOKEN_RPAR &&
        (tree->v.FunctionType.argtypes = argument_types(p)) == NULL) {
        return false;
    }
    if (!accept(p, TOKEN_RPAR) || !accept(p, TOKEN_RARROW)) {
        return false;
    }
    tree->v.FunctionType.returns = Parser_Expression(p);
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

/* ---- the way in ---- */

static int
tokenize(Parser *p, const Source *source)
{
    if (TokenVector_Init(&p->vector, source->size) < 0) {
        return -1;
    }
    TokenizerInput input = {
        .text = source->text,
        .end = (uint32_t)source->size,
        .line = 1,
        .type_comments = p->options->type_comments,
        .async_is_name = p->options->async_is_name,
        .single = p->options->mode == Py_single_input && !p->options->interactive,
        .interactive = p->options->interactive,
        .implies_dedent = p->options->implies_dedent,
        .ends_line = p->options->mode == Py_file_input,
    };
    if (Tokenizer_Run(&input, &p->vector) < 0) {
        return -1;
    }
    p->kinds = p->vector.kinds;
    return 0;
}

static void
clear(Parser *p)
{
    TokenVector_Clear(&p->vector);
    PyMem_Free(p->stack);
    PyMem_Free(p->names);
    PyMem_Free(p->warnings);
    PyMem_Free(p->scratch);
    Py_CLEAR(p->normalize);
}

/* What the source holds may be the cause of an exception: what no codec knows, a number that is too
   long. What has nothing to do with it stays set. */
static ParserVerdict
verdict_on_failure(const Parser *p)
{
    if (!PyErr_Occurred()) {
        return p->too_deep              ? PARSER_TOO_DEEP
               : peek(p) == TOKEN_MORE ? PARSER_NEEDS_MORE
                                       : PARSER_REJECTED;
    }
    if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception)) {
        return PARSER_FAILED;
    }
    PyErr_Clear();
    return PARSER_REJECTED;
}

static ParserVerdict
parse(Parser *p, const Source *source, mod_ty *tree)
{
    mod_ty module;
    if (tokenize(p, source) < 0 || (module = allocate(p, sizeof(*module))) == NULL) {
        return PARSER_FAILED;
    }
    if (!parse_start(p, module)) {
        return verdict_on_failure(p);
    }
    if (p->vector.warning_count > 1) {
        qsort(p->vector.warnings, p->vector.warning_count, sizeof(TokenWarning),
              compare_offsets);
    }
    if (p->vector.warning_count + p->warning_count > 1) {
        int may_be_errors = warnings_may_be_errors();
        if (may_be_errors != 0) {
            return may_be_errors < 0 ? PARSER_FAILED : PARSER_WARNS;
        }
    }
    if (issue_warnings(p) < 0) {
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

ParserVerdict
Parser_Run(const Source *source, const ParserOptions *options, PyArena *arena, mod_ty *tree)
{
    if (source->size > INT_MAX / 2) {
        return PARSER_REJECTED;
    }
    Parser p = {
        .text = source->text,
        .options = options,
        .arena = arena,
        .block_size = FIRST_BLOCK_SIZE,
        .checked_depth = UNCHECKED_DEPTH,
        .hash_seed = _Py_HashSecret.siphash.k0,
    };
    ParserVerdict verdict = parse(&p, source, tree);
    clear(&p);
    return verdict;
}
