"""Which of the library's test modules are run, and what in them is not."""

import os

# Patterns of tests that are run under neither interpreter, with the reason.
# The report names them.
EXCLUDED = {
    "test_socket": (
        ("*ThreadedVSOCKSocketStreamTest*",
         "waits for ever where the kernel offers vsock and nobody answers"),
    ),
}

# The modules about what this project makes its own: source text to running
# code object, the compile modes, the prompt, the program and its start-up.
FRONT_END = (
    # The slow ones first: the last to start should not be the last to end.
    "test_unparse", "test_tokenize", "test_cmd_line", "test_compileall",
)

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
