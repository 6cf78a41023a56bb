"""Which of the library's test modules are run, and what in them is not."""

import os

# Patterns of tests that are run under neither interpreter, with the reason.
# The report names them.
EXCLUDED = {
    "test_socket": (
        ("*ThreadedVSOCKSocketStreamTest*",
         "waits for ever where the kernel offers vsock and nobody answers"),
    ),
    "test_import": (
        ("*ImportTracebackTests.test_import_bug",
         "an awaited import calls a loader's exec_module() itself, with no frame of importlib"),
    ),
}

# The modules about what this project makes its own, from source text to the
# running code object, and about what rests on it directly.
_FRONT_END = """
# Source text, tokens, trees
test_ast test_eof test_fstring test_int_literal test_keyword test_linecache
test_pyclbr test_source_encoding test_string_literals test_strtod
test_tabnanny test_tokenize test_type_comments test_ucn
test_unicode_identifiers test_univnewlines test_unparse test_utf8source
# Grammar and syntax errors
test___future__ test_augassign test_baseexception test_crashers
test_decorators test_dictcomps test_except_star test_exception_group
test_exception_hierarchy test_exception_variations test_exceptions
test_extcall test_flufl test_future test_future3 test_future4 test_future5
test_generator_stop test_genexps test_global test_grammar test_keywordonlyarg
test_listcomps test_longexp test_named_expressions test_patma
test_pep646_syntax test_positional_only_arg test_raise test_scope
test_setcomps test_syntax test_unpack test_unpack_ex test_with test_xxtestfuzz
# Compiler and code objects
test__opcode test_argparse test_binop test_bool test_bytes test_call
test_class test_code test_compare test_compile test_complex test_contains
test_copy test_dataclasses test_defaultdict test_descr test_descrtut test_dict
test_dis test_dynamic test_dynamicclassattribute test_enum test_float
test_funcattrs test_functools test_genericalias test_genericclass test_hash
test_int test_isinstance test_iter test_json test_list test_lltrace test_long
test_marshal test_metaclass test_module test_opcache test_opcodes
test_operator test_peepholer test_pickle test_pprint test_print test_property
test_range test_re test_reprlib test_set test_slice test_string test_structseq
test_subclassinit test_super test_symtable test_tuple test_type_annotations
test_type_cache test_typechecks test_types test_typing test_unary
test_userdict test_weakref
# Generators and coroutines
test_asyncgen test_context test_contextlib test_contextlib_async
test_coroutines test_generators test_yield_from
# Frames, tracing, tracebacks, what reads source again
test_audit test_bdb test_doctest test_doctest2 test_finalization test_frame
test_gc test_inspect test_modulefinder test_pdb test_profile test_pydoc
test_sys_setprofile test_sys_settrace test_timeit test_trace test_traceback
test_tracemalloc test_warnings
# Importing and running
test___all__ test_compileall test_fileinput test_frozen test_imp test_import
test_importlib test_pkg test_pkgutil test_py_compile test_runpy
test_script_helper test_support test_threadedtempfile test_unittest test_zipapp
test_zipimport test_zipimport_support
# Program, prompt, start-up, interpreters
test__xxsubinterpreters test_atexit test_builtin test_c_locale_coercion
test_cmd test_cmd_line test_cmd_line_script test_code_module test_codeop
test_cppext test_embed test_fork1 test_getopt test_getpath test_interpreters
test_os test_osx_env test_platform test_readline test_repl test_rlcompleter
test_site test_stable_abi_ctypes test_sys test_sysconfig test_thread
test_threading test_threadsignals test_utf8_mode test_venv test_xxlimited
"""
FRONT_END = tuple(name for line in _FRONT_END.splitlines()
                  if not line.startswith("#") for name in line.split())

# About importing: run once more with an awaited import in the place of the plain one.  Not
# test_imp, which loads module builtins anew and so takes that away, nor test_pickle, which pickles
# every function of builtins by the name that it says it has.
IMPORTING = frozenset("""
test___all__ test_frozen test_import test_importlib test_modulefinder test_pkg
test_pkgutil test_runpy test_threadedtempfile test_zipimport test_zipimport_support
""".split())

# Started first when they are among the selected, so that they do not run alone
# at the end.
_SLOW = (
    "test_unparse", "test_tokenize", "test_concurrent_futures",
    "test_multiprocessing_spawn", "test_multiprocessing_forkserver",
    "test_asyncio", "test_multiprocessing_fork", "test_tools", "test_venv",
    "test_lib2to3", "test_capi", "test_faulthandler", "test_gdb",
    "test_subprocess", "test_signal", "test_compileall", "test_socket",
)


def modules_in(folder):
    """Return the names of the test modules and packages in a folder."""
    names = []
    for name in os.listdir(folder):
        stem, extension = os.path.splitext(name)
        if stem.startswith("test_") and extension in ("", ".py"):
            names.append(stem)
    return sorted(names)


def slow_first(modules):
    """Return the modules, each once, in the order to start them in."""
    modules = dict.fromkeys(modules)
    slow = [module for module in _SLOW if module in modules]
    return slow + [module for module in modules if module not in slow]
