/* How a step that failed is handed on. */

#ifndef FRONTEND_RESULT_H
#define FRONTEND_RESULT_H

/* Returns -1 from the function when a step failed, which has set an exception.  To be used only
   where nothing is held that has to be released. */
#define TRY(step)                                                                                  \
    do {                                                                                           \
        if ((step) < 0) {                                                                          \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

#endif
