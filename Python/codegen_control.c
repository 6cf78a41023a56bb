/* Code generation for statements that direct control: branches, loops, try, with, and leaving
   them.  The contract is in codegen.h.

   A statement that control can leave early pushes a frame; break, continue and return wind up the
   frames they leave, innermost first, by generating what each one needs at that place. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"
#include "codegen.h"

/* ---- Frames ---- */

int
frame_push(Compiler *compiler, FrameKind kind, Label start, Label end)
{
    CodeUnit *unit = compiler->unit;
    if (unit->frame_count >= MOST_FRAMES) {
        return codegen_error(compiler, "too many statically nested blocks");
    }
    unit->frames[unit->frame_count++] = (Frame){.kind = kind, .start = start, .end = end};
    return 0;
}

void
frame_pop(Compiler *compiler)
{
    compiler->unit->frame_count--;
}

/* With a value on top of the stack that is to be kept, gets at the one below it. */
static int
reach_below(Compiler *compiler, bool keeps_value)
{
    return keeps_value ? emit_with(compiler, SWAP, 2) : 0;
}

/* Calls the exit function on the stack as for a normal exit. */
static int
call_exit_with_nones(Compiler *compiler)
{
    for (int i = 0; i < 3; i++) {
        TRY(emit_none(compiler));
    }
    TRY(emit_with(compiler, PRECALL, 2));
    return emit_with(compiler, CALL, 2);
}

/* The exception is forgotten, and the variable it was bound to. */
static int
clear_handler_name(Compiler *compiler, PyObject *name)
{
    TRY(emit_none(compiler));
    TRY(emit_variable(compiler, name, Store));
    return emit_variable(compiler, name, Del);
}

static int
unwind_finally(Compiler *compiler, asdl_stmt_seq *statements, bool keeps_value)
{
    TRY(emit(compiler, POP_BLOCK));
    if (keeps_value) {
        TRY(frame_push(compiler, FRAME_POP_VALUE, NO_LABEL, NO_LABEL));
    }
    TRY(codegen_statements(compiler, statements));
    if (keeps_value) {
        frame_pop(compiler);
    }
    no_location(compiler);
    return 0;
}

static int
unwind_with(Compiler *compiler, const Frame *frame, bool keeps_value)
{
    set_location(compiler, LOCATION_OF(frame->of.statement));
    TRY(emit(compiler, POP_BLOCK));
    TRY(reach_below(compiler, keeps_value));
    TRY(call_exit_with_nones(compiler));
    if (frame->kind == FRAME_ASYNC_WITH) {
        TRY(codegen_await(compiler, 2));
    }
    TRY(emit(compiler, POP_TOP));
    no_location(compiler);
    return 0;
}

static int
unwind_named_handler(Compiler *compiler, PyObject *name, bool keeps_value)
{
    if (name != NULL) {
        TRY(emit(compiler, POP_BLOCK));
    }
    TRY(reach_below(compiler, keeps_value));
    TRY(emit(compiler, POP_BLOCK));
    TRY(emit(compiler, POP_EXCEPT));
    return name == NULL ? 0 : clear_handler_name(compiler, name);
}

static int
unwind(Compiler *compiler, const Frame *frame, bool keeps_value)
{
    switch (frame->kind) {
    case FRAME_WHILE:
    case FRAME_HANDLER:
    case FRAME_GROUP_HANDLER:
    case FRAME_ASYNC_COMPREHENSION:
        return 0;
    case FRAME_FOR:
    case FRAME_POP_VALUE:
        TRY(reach_below(compiler, keeps_value));
        return emit(compiler, POP_TOP);
    case FRAME_TRY:
        return emit(compiler, POP_BLOCK);
    case FRAME_FINALLY_BODY:
        return unwind_finally(compiler, frame->of.finally, keeps_value);
    case FRAME_FINALLY_HANDLER:
        TRY(reach_below(compiler, keeps_value));
        TRY(emit(compiler, POP_TOP));
        TRY(reach_below(compiler, keeps_value));
        TRY(emit(compiler, POP_BLOCK));
        return emit(compiler, POP_EXCEPT);
    case FRAME_WITH:
    case FRAME_ASYNC_WITH:
        return unwind_with(compiler, frame, keeps_value);
    case FRAME_NAMED_HANDLER:
        return unwind_named_handler(compiler, frame->of.name, keeps_value);
    }
    Py_UNREACHABLE();
}

static bool
is_loop(const Frame *frame)
{
    return frame->kind == FRAME_WHILE || frame->kind == FRAME_FOR;
}

/* Winds up frames from the innermost on: all of them, or those inside of the innermost loop when
   `loop` is given, which then gets its index or -1.  While one is wound up the frames inside of
   it are out of force. */
static int
unwind_frames(Compiler *compiler, bool keeps_value, int *loop)
{
    CodeUnit *unit = compiler->unit;
    if (unit->frame_count == 0) {
        return 0;
    }
    Frame *top = frame_top(compiler);
    if (top->kind == FRAME_GROUP_HANDLER) {
        return codegen_error(compiler, "'break', 'continue' and 'return' cannot appear in an "
                                       "except* block");
    }
    if (loop != NULL && is_loop(top)) {
        *loop = unit->frame_count - 1;
        return 0;
    }
    Frame unwound = *top;
    unit->frame_count--;
    TRY(unwind(compiler, &unwound, keeps_value));
    TRY(unwind_frames(compiler, keeps_value, loop));
    unit->frames[unit->frame_count++] = unwound;
    return 0;
}

/* Winds up what is inside of the innermost loop; returns the loop's index or -1 with an
   exception. */
static int
unwind_to_loop(Compiler *compiler, const char *without_loop)
{
    Location where = compiler->unit->where;
    int loop = -1;
    TRY(emit(compiler, NOP));
    TRY(unwind_frames(compiler, false, &loop));
    if (loop < 0) {
        set_location(compiler, where);
        return codegen_error(compiler, without_loop);
    }
    return loop;
}

int
codegen_break(Compiler *compiler)
{
    int loop = unwind_to_loop(compiler, "'break' outside loop");
    TRY(loop);
    Frame frame = compiler->unit->frames[loop];
    TRY(unwind(compiler, &frame, false));
    return emit_jump(compiler, JUMP, frame.end);
}

int
codegen_continue(Compiler *compiler)
{
    int loop = unwind_to_loop(compiler, "'continue' not properly in loop");
    TRY(loop);
    return emit_jump(compiler, JUMP, compiler->unit->frames[loop].start);
}

static int
check_return(Compiler *compiler, expr_ty value)
{
    const Scope *scope = compiler->unit->scope;
    if (!scope_is_function_like(scope)) {
        return codegen_error(compiler, "'return' outside function%s",
                             scope_function_advice(scope, compiler->flags));
    }
    if (value != NULL && scope->is_coroutine && scope->is_generator) {
        return codegen_error(compiler, "'return' with value in async generator");
    }
    return 0;
}

/* A constant is not kept on the stack while frames are wound up: it is loaded at the end. */
int
codegen_return(Compiler *compiler, stmt_ty statement)
{
    expr_ty value = statement->v.Return.value;
    bool keeps_value = value != NULL && value->kind != Constant_kind;
    TRY(check_return(compiler, value));
    if (keeps_value) {
        TRY(codegen_expression(compiler, value));
    }
    else if (value != NULL) {
        set_location(compiler, LOCATION_OF(value));
        TRY(emit(compiler, NOP));
    }
    if (value == NULL || value->lineno != statement->lineno) {
        set_location(compiler, LOCATION_OF(statement));
        TRY(emit(compiler, NOP));
    }
    TRY(unwind_frames(compiler, keeps_value, NULL));
    if (value == NULL) {
        TRY(emit_none(compiler));
    }
    else if (!keeps_value) {
        TRY(emit_constant(compiler, value->v.Constant.value));
    }
    return emit(compiler, RETURN_VALUE);
}

/* ---- Branches and loops ---- */

int
codegen_if(Compiler *compiler, stmt_ty statement)
{
    bool has_else = asdl_seq_LEN(statement->v.If.orelse) > 0;
    Label end = new_label(compiler);
    TRY(end);
    Label other = has_else ? new_label(compiler) : end;
    TRY(other);
    TRY(codegen_jump_if(compiler, statement->v.If.test, other, 0));
    TRY(codegen_statements(compiler, statement->v.If.body));
    if (has_else) {
        TRY(emit_artificial(compiler, JUMP, end));
        TRY(place_label(compiler, other));
        TRY(codegen_statements(compiler, statement->v.If.orelse));
    }
    return place_label(compiler, end);
}

int
codegen_for(Compiler *compiler, stmt_ty statement)
{
    Label start = new_label(compiler);
    TRY(start);
    Label body = new_label(compiler);
    TRY(body);
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    Label end = new_label(compiler);
    TRY(end);
    TRY(frame_push(compiler, FRAME_FOR, start, end));
    TRY(codegen_expression(compiler, statement->v.For.iter));
    TRY(emit(compiler, GET_ITER));
    TRY(place_label(compiler, start));
    TRY(emit_jump(compiler, FOR_ITER, cleanup));
    TRY(place_label(compiler, body));
    TRY(codegen_expression(compiler, statement->v.For.target));
    TRY(codegen_statements(compiler, statement->v.For.body));
    no_location(compiler);
    TRY(emit_jump(compiler, JUMP, start));
    TRY(place_label(compiler, cleanup));
    frame_pop(compiler);
    TRY(codegen_statements(compiler, statement->v.For.orelse));
    return place_label(compiler, end);
}

static int
check_async_statement(Compiler *compiler, const char *keyword)
{
    if (unit_may_await_at_top_level(compiler)) {
        compiler->unit->is_coroutine = true;
        return 0;
    }
    if (compiler->unit->kind != UNIT_ASYNC_FUNCTION) {
        return codegen_error(compiler, "'async %s' outside async function%s", keyword,
                             scope_await_advice(compiler->unit->scope, compiler->flags));
    }
    return 0;
}

int
codegen_await_next(Compiler *compiler, Label handler)
{
    TRY(emit_jump(compiler, SETUP_FINALLY, handler));
    TRY(emit(compiler, GET_ANEXT));
    TRY(emit_none(compiler));
    TRY(codegen_send_loop(compiler, 1));
    return emit(compiler, POP_BLOCK);
}

int
codegen_async_for(Compiler *compiler, stmt_ty statement)
{
    TRY(check_async_statement(compiler, "for"));
    Label start = new_label(compiler);
    TRY(start);
    Label handler = new_label(compiler);
    TRY(handler);
    Label end = new_label(compiler);
    TRY(end);
    TRY(codegen_expression(compiler, statement->v.AsyncFor.iter));
    TRY(emit(compiler, GET_AITER));
    TRY(place_label(compiler, start));
    TRY(frame_push(compiler, FRAME_FOR, start, end));
    TRY(codegen_await_next(compiler, handler));
    TRY(codegen_expression(compiler, statement->v.AsyncFor.target));
    TRY(codegen_statements(compiler, statement->v.AsyncFor.body));
    no_location(compiler);
    TRY(emit_jump(compiler, JUMP, start));
    frame_pop(compiler);
    TRY(place_label(compiler, handler));
    set_location(compiler, LOCATION_OF(statement->v.AsyncFor.iter));
    TRY(emit(compiler, END_ASYNC_FOR));
    TRY(codegen_statements(compiler, statement->v.AsyncFor.orelse));
    return place_label(compiler, end);
}

/* The test is generated twice, before the loop and at its end, to save a jump. */
int
codegen_while(Compiler *compiler, stmt_ty statement)
{
    Label loop = new_label(compiler);
    TRY(loop);
    Label body = new_label(compiler);
    TRY(body);
    Label otherwise = new_label(compiler);
    TRY(otherwise);
    Label end = new_label(compiler);
    TRY(end);
    TRY(place_label(compiler, loop));
    TRY(frame_push(compiler, FRAME_WHILE, loop, end));
    TRY(codegen_jump_if(compiler, statement->v.While.test, otherwise, 0));
    TRY(place_label(compiler, body));
    TRY(codegen_statements(compiler, statement->v.While.body));
    set_location(compiler, LOCATION_OF(statement));
    TRY(codegen_jump_if(compiler, statement->v.While.test, body, 1));
    frame_pop(compiler);
    TRY(place_label(compiler, otherwise));
    TRY(codegen_statements(compiler, statement->v.While.orelse));
    return place_label(compiler, end);
}

/* ---- try ---- */

/* An exception inside of a handler: what was handled before is restored. */
static int
pop_handled_and_reraise(Compiler *compiler)
{
    TRY(emit_with(compiler, COPY, 3));
    TRY(emit(compiler, POP_EXCEPT));
    return emit_with(compiler, RERAISE, 1);
}

/* Where an exception arrives; a further one goes to `cleanup`. */
static int
begin_handler(Compiler *compiler, Label handler, Label cleanup)
{
    TRY(place_label(compiler, handler));
    no_location(compiler);
    TRY(emit_jump(compiler, SETUP_CLEANUP, cleanup));
    return emit(compiler, PUSH_EXC_INFO);
}

/* try: body, and handlers when there are any; finally: always run, after an exception as well. */
static int
try_finally(Compiler *compiler, asdl_stmt_seq *body, asdl_stmt_seq *finally, bool has_handlers,
            int (*handlers)(Compiler *, stmt_ty), stmt_ty statement)
{
    Label start = new_label(compiler);
    TRY(start);
    Label handler = new_label(compiler);
    TRY(handler);
    Label exit = new_label(compiler);
    TRY(exit);
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    TRY(emit_jump(compiler, SETUP_FINALLY, handler));
    TRY(place_label(compiler, start));
    TRY(frame_push(compiler, FRAME_FINALLY_BODY, start, handler));
    frame_top(compiler)->of.finally = finally;
    TRY(has_handlers ? handlers(compiler, statement) : codegen_statements(compiler, body));
    TRY(emit_artificial(compiler, POP_BLOCK, 0));
    frame_pop(compiler);
    TRY(codegen_statements(compiler, finally));
    TRY(emit_artificial(compiler, JUMP, exit));
    TRY(begin_handler(compiler, handler, cleanup));
    TRY(frame_push(compiler, FRAME_FINALLY_HANDLER, handler, NO_LABEL));
    TRY(codegen_statements(compiler, finally));
    frame_pop(compiler);
    TRY(emit_with(compiler, RERAISE, 0));
    TRY(place_label(compiler, cleanup));
    TRY(pop_handled_and_reraise(compiler));
    return place_label(compiler, exit);
}

static int
handler_body(Compiler *compiler, Label start, PyObject *name, asdl_stmt_seq *body)
{
    TRY(place_label(compiler, start));
    TRY(frame_push(compiler, FRAME_NAMED_HANDLER, start, NO_LABEL));
    frame_top(compiler)->of.name = name;
    TRY(codegen_statements(compiler, body));
    frame_pop(compiler);
    no_location(compiler);
    return emit(compiler, POP_BLOCK);
}

/* except ... as name: the variable is cleared however the body is left. */
static int
named_handler(Compiler *compiler, excepthandler_ty handler, Label end)
{
    PyObject *name = handler->v.ExceptHandler.name;
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    Label start = new_label(compiler);
    TRY(start);
    TRY(emit_variable(compiler, name, Store));
    TRY(emit_jump(compiler, SETUP_CLEANUP, cleanup));
    TRY(handler_body(compiler, start, name, handler->v.ExceptHandler.body));
    TRY(emit(compiler, POP_BLOCK));
    TRY(emit(compiler, POP_EXCEPT));
    TRY(clear_handler_name(compiler, name));
    TRY(emit_jump(compiler, JUMP, end));
    TRY(place_label(compiler, cleanup));
    no_location(compiler);
    TRY(clear_handler_name(compiler, name));
    return emit_with(compiler, RERAISE, 1);
}

static int
nameless_handler(Compiler *compiler, excepthandler_ty handler, Label end)
{
    Label start = new_label(compiler);
    TRY(start);
    TRY(emit(compiler, POP_TOP));
    TRY(handler_body(compiler, start, NULL, handler->v.ExceptHandler.body));
    TRY(emit(compiler, POP_EXCEPT));
    return emit_jump(compiler, JUMP, end);
}

static int
except_handler(Compiler *compiler, excepthandler_ty handler, bool is_last, Label end)
{
    set_location(compiler, LOCATION_OF(handler));
    if (handler->v.ExceptHandler.type == NULL && !is_last) {
        return codegen_error(compiler, "default 'except:' must be last");
    }
    Label next = new_label(compiler);
    TRY(next);
    if (handler->v.ExceptHandler.type != NULL) {
        TRY(codegen_expression(compiler, handler->v.ExceptHandler.type));
        TRY(emit(compiler, CHECK_EXC_MATCH));
        TRY(emit_jump(compiler, POP_JUMP_IF_FALSE, next));
    }
    TRY(handler->v.ExceptHandler.name != NULL ? named_handler(compiler, handler, end)
                                              : nameless_handler(compiler, handler, end));
    return place_label(compiler, next);
}

static int
try_body(Compiler *compiler, asdl_stmt_seq *body, Label start, Label handler)
{
    TRY(emit_jump(compiler, SETUP_FINALLY, handler));
    TRY(place_label(compiler, start));
    TRY(frame_push(compiler, FRAME_TRY, start, NO_LABEL));
    TRY(codegen_statements(compiler, body));
    frame_pop(compiler);
    return emit_artificial(compiler, POP_BLOCK, 0);
}

static int
try_except(Compiler *compiler, stmt_ty statement)
{
    asdl_excepthandler_seq *handlers = statement->v.Try.handlers;
    Label start = new_label(compiler);
    TRY(start);
    Label handler = new_label(compiler);
    TRY(handler);
    Label end = new_label(compiler);
    TRY(end);
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    TRY(try_body(compiler, statement->v.Try.body, start, handler));
    TRY(codegen_statements(compiler, statement->v.Try.orelse));
    TRY(emit_artificial(compiler, JUMP, end));
    TRY(begin_handler(compiler, handler, cleanup));
    TRY(frame_push(compiler, FRAME_HANDLER, NO_LABEL, NO_LABEL));
    Py_ssize_t count = asdl_seq_LEN(handlers);
    for (Py_ssize_t i = 0; i < count; i++) {
        TRY(except_handler(compiler, asdl_seq_GET(handlers, i), i == count - 1, end));
    }
    no_location(compiler);
    frame_pop(compiler);
    TRY(emit_with(compiler, RERAISE, 0));
    TRY(place_label(compiler, cleanup));
    TRY(pop_handled_and_reraise(compiler));
    return place_label(compiler, end);
}

/* ---- try with except* ---- */

/* Before the first handler the stack gets the exception group again and a list of what the
   handlers raise. */
static int
begin_group_handlers(Compiler *compiler)
{
    TRY(emit_with(compiler, COPY, 1));
    TRY(emit_with(compiler, BUILD_LIST, 0));
    return emit_with(compiler, SWAP, 2);
}

static int
match_group(Compiler *compiler, excepthandler_ty handler, Label next, Label matched)
{
    if (handler->v.ExceptHandler.type != NULL) {
        TRY(codegen_expression(compiler, handler->v.ExceptHandler.type));
        TRY(emit(compiler, CHECK_EG_MATCH));
        TRY(emit_with(compiler, COPY, 1));
        TRY(emit_jump(compiler, POP_JUMP_IF_NOT_NONE, matched));
        TRY(emit(compiler, POP_TOP));
        TRY(emit_jump(compiler, JUMP, next));
    }
    return place_label(compiler, matched);
}

/* One except* clause.  What its body raises is appended to the list; the next clause gets the
   rest of the group. */
static int
group_handler(Compiler *compiler, excepthandler_ty handler, bool is_first, bool is_last,
              Label reraise)
{
    PyObject *name = handler->v.ExceptHandler.name;
    set_location(compiler, LOCATION_OF(handler));
    Label next = new_label(compiler);
    TRY(next);
    Label matched = new_label(compiler);
    TRY(matched);
    if (is_first) {
        TRY(begin_group_handlers(compiler));
    }
    TRY(match_group(compiler, handler, next, matched));
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    Label start = new_label(compiler);
    TRY(start);
    TRY(name != NULL ? emit_variable(compiler, name, Store) : emit(compiler, POP_TOP));
    TRY(emit_jump(compiler, SETUP_CLEANUP, cleanup));
    TRY(handler_body(compiler, start, name, handler->v.ExceptHandler.body));
    if (name != NULL) {
        TRY(clear_handler_name(compiler, name));
    }
    TRY(emit_jump(compiler, JUMP, next));
    TRY(place_label(compiler, cleanup));
    no_location(compiler);
    if (name != NULL) {
        TRY(clear_handler_name(compiler, name));
    }
    TRY(emit_with(compiler, LIST_APPEND, 3));
    TRY(emit(compiler, POP_TOP));
    TRY(emit_jump(compiler, JUMP, next));
    TRY(place_label(compiler, next));
    if (is_last) {
        TRY(emit_with(compiler, LIST_APPEND, 1));
        TRY(emit_jump(compiler, JUMP, reraise));
    }
    return 0;
}

/* What was raised and what was not handled is raised again as one group, if there is any. */
static int
reraise_group(Compiler *compiler, Label combine, Label end)
{
    Label reraise = new_label(compiler);
    TRY(reraise);
    TRY(place_label(compiler, combine));
    TRY(emit(compiler, PREP_RERAISE_STAR));
    TRY(emit_with(compiler, COPY, 1));
    TRY(emit_jump(compiler, POP_JUMP_IF_NOT_NONE, reraise));
    TRY(emit(compiler, POP_TOP));
    TRY(emit(compiler, POP_BLOCK));
    TRY(emit(compiler, POP_EXCEPT));
    TRY(emit_jump(compiler, JUMP, end));
    TRY(place_label(compiler, reraise));
    TRY(emit(compiler, POP_BLOCK));
    TRY(emit_with(compiler, SWAP, 2));
    TRY(emit(compiler, POP_EXCEPT));
    return emit_with(compiler, RERAISE, 0);
}

static int
try_except_group(Compiler *compiler, stmt_ty statement)
{
    asdl_excepthandler_seq *handlers = statement->v.TryStar.handlers;
    Label start = new_label(compiler);
    TRY(start);
    Label handler = new_label(compiler);
    TRY(handler);
    Label otherwise = new_label(compiler);
    TRY(otherwise);
    Label end = new_label(compiler);
    TRY(end);
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    Label combine = new_label(compiler);
    TRY(combine);
    TRY(try_body(compiler, statement->v.TryStar.body, start, handler));
    TRY(emit_artificial(compiler, JUMP, otherwise));
    TRY(begin_handler(compiler, handler, cleanup));
    TRY(frame_push(compiler, FRAME_GROUP_HANDLER, NO_LABEL, NO_LABEL));
    Py_ssize_t count = asdl_seq_LEN(handlers);
    for (Py_ssize_t i = 0; i < count; i++) {
        TRY(group_handler(compiler, asdl_seq_GET(handlers, i), i == 0, i == count - 1, combine));
    }
    no_location(compiler);
    frame_pop(compiler);
    TRY(reraise_group(compiler, combine, end));
    TRY(place_label(compiler, cleanup));
    TRY(pop_handled_and_reraise(compiler));
    TRY(place_label(compiler, otherwise));
    TRY(codegen_statements(compiler, statement->v.TryStar.orelse));
    return place_label(compiler, end);
}

int
codegen_try(Compiler *compiler, stmt_ty statement)
{
    int (*handlers)(Compiler *, stmt_ty) =
        statement->kind == Try_kind ? try_except : try_except_group;
    /* Try and TryStar have the same members in the same places. */
    if (asdl_seq_LEN(statement->v.Try.finalbody) == 0) {
        return handlers(compiler, statement);
    }
    return try_finally(compiler, statement->v.Try.body, statement->v.Try.finalbody,
                       asdl_seq_LEN(statement->v.Try.handlers) > 0, handlers, statement);
}

/* ---- with ---- */

/* The exit function has been called with the exception: true swallows it. */
static int
finish_with_handler(Compiler *compiler, Label cleanup)
{
    no_location(compiler);
    Label suppress = new_label(compiler);
    TRY(suppress);
    TRY(emit_jump(compiler, POP_JUMP_IF_TRUE, suppress));
    TRY(emit_with(compiler, RERAISE, 2));
    TRY(place_label(compiler, cleanup));
    TRY(pop_handled_and_reraise(compiler));
    TRY(place_label(compiler, suppress));
    TRY(emit(compiler, POP_TOP));
    TRY(emit(compiler, POP_BLOCK));
    TRY(emit(compiler, POP_EXCEPT));
    TRY(emit(compiler, POP_TOP));
    return emit(compiler, POP_TOP);
}

static int
bind_with_target(Compiler *compiler, expr_ty target)
{
    return target != NULL ? codegen_expression(compiler, target) : emit(compiler, POP_TOP);
}

/* What an awaitable is needed for, as GET_AWAITABLE tells it in its message. */
enum { AWAIT_ENTER = 1, AWAIT_EXIT = 2 };

static int
enter_context(Compiler *compiler, bool is_async)
{
    if (!is_async) {
        return emit(compiler, BEFORE_WITH);
    }
    TRY(emit(compiler, BEFORE_ASYNC_WITH));
    return codegen_await(compiler, AWAIT_ENTER);
}

/* The body has run to its end. */
static int
exit_context(Compiler *compiler, stmt_ty statement, bool is_async)
{
    if (!is_async) {
        no_location(compiler);
    }
    TRY(emit(compiler, POP_BLOCK));
    set_location(compiler, LOCATION_OF(statement));
    TRY(call_exit_with_nones(compiler));
    if (is_async) {
        TRY(codegen_await(compiler, AWAIT_EXIT));
    }
    return emit(compiler, POP_TOP);
}

/* The body has raised. */
static int
handle_in_context(Compiler *compiler, Label handler, Label cleanup, bool is_async)
{
    TRY(place_label(compiler, handler));
    TRY(emit_jump(compiler, SETUP_CLEANUP, cleanup));
    TRY(emit(compiler, PUSH_EXC_INFO));
    TRY(emit(compiler, WITH_EXCEPT_START));
    if (is_async) {
        TRY(codegen_await(compiler, AWAIT_EXIT));
    }
    return finish_with_handler(compiler, cleanup);
}

/* With and AsyncWith have the same members in the same places. */
static int
codegen_with_item(Compiler *compiler, stmt_ty statement, int index, bool is_async)
{
    asdl_withitem_seq *items = statement->v.With.items;
    withitem_ty item = asdl_seq_GET(items, index);
    if (is_async) {
        TRY(check_async_statement(compiler, "with"));
    }
    Label body = new_label(compiler);
    TRY(body);
    Label handler = new_label(compiler);
    TRY(handler);
    Label exit = new_label(compiler);
    TRY(exit);
    Label cleanup = new_label(compiler);
    TRY(cleanup);
    TRY(codegen_expression(compiler, item->context_expr));
    TRY(enter_context(compiler, is_async));
    TRY(emit_jump(compiler, SETUP_WITH, handler));
    TRY(place_label(compiler, body));
    TRY(frame_push(compiler, is_async ? FRAME_ASYNC_WITH : FRAME_WITH, body, handler));
    frame_top(compiler)->of.statement = statement;
    TRY(bind_with_target(compiler, item->optional_vars));
    TRY(index + 1 < asdl_seq_LEN(items)
            ? codegen_with_item(compiler, statement, index + 1, is_async)
            : codegen_statements(compiler, statement->v.With.body));
    frame_pop(compiler);
    TRY(exit_context(compiler, statement, is_async));
    TRY(emit_jump(compiler, JUMP, exit));
    TRY(handle_in_context(compiler, handler, cleanup, is_async));
    return place_label(compiler, exit);
}

int
codegen_with(Compiler *compiler, stmt_ty statement)
{
    return codegen_with_item(compiler, statement, 0, statement->kind == AsyncWith_kind);
}
