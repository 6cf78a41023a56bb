/* A call on a stack of its own, for code that recurses where the thread's stack is short.

   The thread stays the same, and so do its Python thread state and its locks; only the machine's
   stack is another one, mapped for the call and unmapped after it.  Memory is taken as it is used.
 */

#ifndef FRONTEND_OWNSTACK_H
#define FRONTEND_OWNSTACK_H

#include <stdbool.h>

/* Whether the thread has less stack left than a source may ask for that is nested as deeply as the
   limits allow.  What cannot be found out counts as enough. */
bool ownstack_is_needed(void);

/* Calls function(argument), which must return.  Returns -1 with MemoryError set, and does not
   call, when there is no memory for the stack. */
int ownstack_call(void (*function)(void *), void *argument);

#endif
