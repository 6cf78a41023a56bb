"""Added to module zipfile: PyZipFile.writepy() packs the code of marked files as that of others."""

import os

from _stdlib_additions import stands_for
from _stdlib_additions.py_compile import may_be_marked


def add(module):
    """Have PyZipFile find where the code of marked files is cached."""
    stock_get_codename = module.PyZipFile._get_codename

    @stands_for(stock_get_codename)
    def _get_codename(self, pathname, basename):
        source = f"{pathname}.py"
        if may_be_marked(source):
            from asyncimport import bytecode

            if bytecode.is_marked(source):
                name = f"{os.path.basename(pathname)}.pyc"
                return _compiled(source, self), f"{basename}/{name}" if basename else name
        return stock_get_codename(self, pathname, basename)

    module.PyZipFile._get_codename = _get_codename


def _compiled(source, archive):
    import py_compile

    if archive.debug:
        print("Compiling", source)
    return py_compile.compile(source, doraise=True, optimize=archive._optimize)
