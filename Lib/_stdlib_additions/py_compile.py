"""Added to module py_compile: code of a marked file is cached where imports of it look."""

from _stdlib_additions import stands_for


def add(module):
    """Have compile() know marked files."""
    stock_compile = module.compile

    @stands_for(stock_compile)
    def compile(file, cfile=None, dfile=None, doraise=False, optimize=-1,
                invalidation_mode=None, quiet=0):
        is_marked = cfile is None and may_be_marked(file)
        if is_marked:
            from asyncimport import bytecode

            is_marked = bytecode.is_marked(file)
        if is_marked:
            cfile = bytecode.cached_path(file, optimize=optimize)
        written = stock_compile(file, cfile, dfile, doraise, optimize, invalidation_mode, quiet)
        if is_marked and written is not None:
            bytecode.remove_untagged(file, optimize=optimize)
        return written

    module.compile = compile


def may_be_marked(path):
    """Whether the file at path has the mark's name in it: what takes no import to tell."""
    try:
        with open(path, "rb") as file:
            return b"top_level_await" in file.read()
    except OSError:
        return False
