/* What the modules in Modules/stages, which tests use, can call of the program.

   Functions of the front end are hidden (-fvisibility=hidden): a name as plain as emit would take
   the place of an extension's own function of that name, which the dynamic linker resolves to the
   program's first.  SHOWN_TO_STAGES(name), on a line of its own behind the definition, gives a
   function or table a second name that is visible and that nobody else has, _PyStage_NAME; the
   Makefile links the modules with that. */

#ifndef FRONTEND_STAGES_H
#define FRONTEND_STAGES_H

#define SHOWN_TO_STAGES(name)                                                                      \
    extern __typeof__(name) _PyStage_##name __attribute__((alias(#name), visibility("default")))

#endif
