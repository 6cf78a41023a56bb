"""Added to module importlib when it is asked for them: imports that are awaited."""

__all__ = ["import_module_async", "reload_async"]


def import_module_async(name, package=None):
    """Import a module; to be awaited, which gives the module.

    As import_module(), for code that runs in an event loop: modules that await at
    their top level are waited for, and so are packages around them.  Modules that
    do not await are imported as ever, without a turn of the loop.
    """
    import asyncimport

    return asyncimport.import_module(name, package)


def reload_async(module):
    """Execute a module anew, in its namespace; to be awaited, which gives the module.

    As reload(), for modules that await at their top level, too.
    """
    import asyncimport

    return asyncimport.reload(module)
