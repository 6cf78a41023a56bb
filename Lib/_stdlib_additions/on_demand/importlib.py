"""Added to module importlib when it is asked for them: imports that are awaited."""

__all__ = ["import_module_async", "reload_async", "run_aexec_module"]


def import_module_async(name, package=None):
    """Import a module; to be awaited, which gives the module.

    As import_module(), for code that runs in an event loop: modules that await at
    their top level are waited for, and so are packages around them.  Modules that
    do not await are imported as ever, without a turn of the loop.

    The package is needed for a relative name.  ImportError also for a wait that could
    never end.  Who waits may be cancelled; the module goes on as long as others wait
    for it, and is cancelled with the last.
    """
    import asyncimport

    return asyncimport.import_module(name, package)


def reload_async(module):
    """Execute a module anew, in its namespace; to be awaited, which gives the module.

    As reload(), for modules that await at their top level, too.  ImportError if the
    module is being imported.  One that fails stays in sys.modules.
    """
    import asyncimport

    return asyncimport.reload(module)


def run_aexec_module(loader, module):
    """Execute a module by its loader's aexec_module(): what exec_module() beside it does.

    It is run by sys.awaithook, as the body of any module that awaits and is imported
    by a plain import.  ImportError where an event loop runs in this thread, or where
    awaiting is switched off, before anything has run.
    """
    import asyncimport

    asyncimport.run_loader_plainly(loader, module)
