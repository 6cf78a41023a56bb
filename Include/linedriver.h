/* Background work between the keys of a line that readline edits (Python/linedriver.c). */

#ifndef ASYNC_LINEDRIVER_H
#define ASYNC_LINEDRIVER_H

#include "inputhook.h"

/* Before the runtime reads a line from input, showing it on output: if the module readline would do
   that, has it read by ours, which does the work of wait whenever it waits for a key.  0 where the
   module does not read; PyOS_InputHook is what is left then.  With the GIL. */
int LineDriver_Begin(InputWait *wait, FILE *input, FILE *output);

/* After the line, if it was driven. */
void LineDriver_End(InputWait *wait);

#endif
