/* A function that is called in the place of another one where a condition holds
   (Objects/stand_in.c).

   StandIn(condition, ours, stock) is called, bound and looked at like stock, a Python function.  A
   call is one of ours if condition, called with the same arguments, says so, else one of stock, and
   is no frame of its own: what stock raises has the traceback that it has without. */

#ifndef ASYNC_STAND_IN_H
#define ASYNC_STAND_IN_H

#include <Python.h>

extern PyTypeObject StandIn_Type;

#endif
