/* The one way into the archive's parser, on a stack that is long enough for it.  The contract is in
   archiveparser.h. */

#include "archiveparser.h"
#include "ownstack.h"
#include "stages.h"
#include "target.h"

/* What a call gives and takes, as one argument. */
typedef struct {
    const ArchiveRequest *request;
    mod_ty tree;
} ArchiveCall;

static void
call_archive(void *argument)
{
    ArchiveCall *call = argument;
    const ArchiveRequest *request = call->request;
    if (request->string != NULL) {
        call->tree = _PyPegen_run_parser_from_string(
            request->string, request->mode, request->filename, request->flags, request->arena);
    }
    else {
        call->tree = _PyPegen_run_parser_from_file_pointer(
            request->file, request->mode, request->filename, request->encoding, request->prompt,
            request->second_prompt, request->flags, request->error_code, request->arena);
    }
}

mod_ty
archive_parser_run(const ArchiveRequest *request)
{
    ArchiveCall call = {.request = request};
    if (!ownstack_is_needed()) {
        call_archive(&call);
    }
    else if (ownstack_call(call_archive, &call) < 0) {
        return NULL;
    }
    /* Where it finds no memory to say what is wrong with the source, it says nothing. */
    if (call.tree == NULL && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return call.tree;
}
SHOWN_TO_STAGES(archive_parser_run);
