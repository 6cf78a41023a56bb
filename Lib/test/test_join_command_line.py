"""The command line and the PYTHON* variables do what they do in stock.

Each case runs both interpreters in the same way and compares exit status,
output and errors.  Most run a probe that prints all that options can change.
"""

import os
import tempfile
import textwrap
import unittest
import zipfile

from join_support import (OUR_LIBRARY, PROGRAM, STOCK, JoinTestCase, neutral,
                          run, run_checked)

PROBE = f"""\
import sys, os, warnings, pprint
streams = [[s.encoding, s.errors, s.line_buffering, s.write_through]
           for s in (sys.stdin, sys.stdout, sys.stderr)]
pprint.pprint({{
    "flags": sys.flags, "warnoptions": sys.warnoptions,
    "xoptions": sys._xoptions, "argv": sys.argv,
    "orig_argv": sys.orig_argv[1:],
    "path": [entry for entry in sys.path if entry != {OUR_LIBRARY!r}],
    "prefixes": [sys.prefix, sys.exec_prefix, sys.base_prefix,
                 sys.base_exec_prefix, sys.platlibdir, sys._stdlib_dir],
    "pycache": [sys.pycache_prefix, sys.dont_write_bytecode],
    "streams": streams, "filters": warnings.filters,
    "filesystem": [sys.getfilesystemencoding(),
                   sys.getfilesystemencodeerrors()],
    "seeded": hash("text") if not sys.flags.ignore_environment
              and os.environ.get("PYTHONHASHSEED", "random") != "random"
              else None,
    "debug": __debug__, "docstring": (lambda: 0).__doc__,
    "site": "site" in sys.modules, "digits": sys.get_int_max_str_digits(),
    "main": (sorted(set(vars(__builtins__)) - {{"__aimport__", "aexec", "aeval"}})
             if __name__ == "__main__" else None),
    "import": [__import__("_imp").check_hash_based_pycs],
    "tracing": "tracemalloc" in sys._xoptions,
    "handler": __import__("faulthandler").is_enabled(),
    "hook": repr(sys.breakpointhook),
    "user": __import__("site").ENABLE_USER_SITE,
}}, width=1000)
"""

OPTIONS = (
    (), ("-b",), ("-bb",), ("-B",), ("-d",), ("-E",), ("-I",), ("-O",),
    ("-OO",), ("-P",), ("-q",), ("-s",), ("-S",), ("-u",), ("-x",),
    ("-I", "-S"), ("-E", "-s", "-S", "-B"), ("-OOBI",),
    ("-W", "error"), ("-Wignore::DeprecationWarning", "-Wd"),
    ("-W", "once:message:UserWarning:module:3"), ("-W", "nonsense"),
    ("-X", "dev"), ("-X", "utf8"), ("-X", "utf8=0"), ("-X", "utf8=2"),
    ("-X", "faulthandler"), ("-X", "tracemalloc"), ("-X", "tracemalloc=4"),
    ("-X", "no_debug_ranges"),
    ("-X", "frozen_modules=off"), ("-X", "frozen_modules=on"),
    ("-X", "frozen_modules=maybe"), ("-X", "int_max_str_digits=1000"),
    ("-X", "int_max_str_digits=5"), ("-X", "warn_default_encoding"),
    ("-X", "pycache_prefix=/tmp/prefix"), ("-X", "showrefcount"),
    ("-X", "anything=at all"),
    ("--check-hash-based-pycs", "always"),
    ("--check-hash-based-pycs", "never"),
    ("--check-hash-based-pycs", "default"),
    ("--check-hash-based-pycs", "sometimes"),
)

VARIABLES = (
    {"PYTHONPATH": "/tmp/one:/tmp/two"}, {"PYTHONSAFEPATH": "1"},
    {"PYTHONPLATLIBDIR": "lib64"}, {"PYTHONUTF8": "1"}, {"PYTHONUTF8": "0"},
    {"PYTHONUTF8": "x"}, {"PYTHONIOENCODING": "latin-1:replace"},
    {"PYTHONIOENCODING": ":ignore"}, {"PYTHONFAULTHANDLER": "1"},
    {"PYTHONHASHSEED": "0"}, {"PYTHONHASHSEED": "4294967295"},
    {"PYTHONHASHSEED": "random"}, {"PYTHONHASHSEED": "nonsense"},
    {"PYTHONINTMAXSTRDIGITS": "700"}, {"PYTHONINTMAXSTRDIGITS": "x"},
    {"PYTHONMALLOC": "debug"}, {"PYTHONMALLOC": "malloc"},
    {"PYTHONMALLOC": "nonsense"}, {"PYTHONTRACEMALLOC": "3"},
    {"PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
    {"PYTHONCOERCECLOCALE": "warn", "LC_ALL": "C"}, {"LC_ALL": "C"},
    {"LC_ALL": "POSIX"}, {"PYTHONBREAKPOINT": "0"},
    {"PYTHONDEVMODE": "1"}, {"PYTHONPYCACHEPREFIX": "/tmp/prefix"},
    {"PYTHONWARNDEFAULTENCODING": "1"}, {"PYTHONNODEBUGRANGES": "1"},
    {"PYTHONDEBUG": "2"}, {"PYTHONDONTWRITEBYTECODE": "1"},
    {"PYTHONNOUSERSITE": "1"}, {"PYTHONOPTIMIZE": "1"},
    {"PYTHONOPTIMIZE": "2"}, {"PYTHONUNBUFFERED": "1"},
    {"PYTHONWARNINGS": "error,ignore::UserWarning"},
    {"PYTHONHOME": "/usr"}, {"PYTHONCASEOK": "1"},
    {"PYTHONPROFILEIMPORTTIME": ""}, {"PYTHONASYNCIODEBUG": "1"},
    {"PYTHONUSERBASE": "/tmp/base"}, {"PYTHONEXECUTABLE": "/tmp/python"},
    {"PYTHONPATH": "/tmp/one", "PYTHONOPTIMIZE": "2", "PYTHONUTF8": "1"},
)

ALL_VARIABLES = {
    "PYTHONPATH": "/tmp/one", "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1",
    "PYTHONIOENCODING": "latin-1", "PYTHONHASHSEED": "7",
    "PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1", "PYTHONVERBOSE": "1",
    "PYTHONPYCACHEPREFIX": "/tmp/prefix", "PYTHONINSPECT": "1",
    "PYTHONHOME": "/nowhere",
}

USAGE = (
    ("-h",), ("-?",), ("--help",), ("--help-env",), ("--help-xoptions",),
    ("--help-all",), ("-V",), ("-VV",), ("--version",), ("-Z",),
    ("--nothing",),
    ("-c",), ("-m",), ("-W",), ("-X",), ("-Q", "-h"), ("-Vh",),
    ("--check-hash-based-pycs",), ("-m", "no_such_module"),
    ("-m", "json.no_such"), ("-m", "json"), ("/no/such/file.py",), ("/tmp",),
    ("-c", "syntax error"), ("-c", "raise SystemExit(7)"),
    ("-c", "raise SystemExit('words')"), ("-c", "1/0"),
    ("-c", "import os; os.abort()"),
    ("-c", "import os, signal; os.kill(os.getpid(), signal.SIGINT)"),
    ("-c", "print('\\u20ac')"), ("-c", " print(1)"),
    ("-m", "this"), ("-m", "py_compile", "--help"), ("-m", "tokenize", "--help"),
    ("-m", "dis", "--help"), ("-m", "compileall", "--help"),
)


class OptionTests(JoinTestCase):
    """Options, with the probe as -c."""

    def test_options(self):
        for options in OPTIONS:
            with self.subTest(options=options):
                self.assertAsStock(*options, "-c", PROBE, "argument", "-V")

    def test_options_reach_program_on_stdin(self):
        for options in ((), ("-",), ("-", "argument"), ("-E",), ("-I",),
                        ("-S",), ("-u",), ("-OO",)):
            with self.subTest(options=options):
                self.assertAsStock(*options, stdin=PROBE)

    def test_usage_and_errors(self):
        for arguments in USAGE:
            with self.subTest(arguments=arguments):
                self.assertAsStock(*arguments)

    def test_verbose(self):
        lines = {}
        for program in (STOCK, PROGRAM):
            errors = run(program, "-B", "-v", "-I", "-c",
                         "import colorsys").errors
            lines[program] = [line.split(" at 0x")[0] for line in
                              errors.replace(program, "PYTHON").splitlines()
                              if line.startswith("import ")]
        self.assertIn("import 'colorsys' # <_frozen_importlib_external."
                      "SourceFileLoader object", lines[PROGRAM])
        self.assertEqual(lines[PROGRAM], lines[STOCK])

    def test_import_time_names(self):
        names = {}
        for program in (STOCK, PROGRAM):
            errors = run(program, "-X", "importtime", "-c",
                         "import json").errors
            names[program] = [line.rpartition("|")[2]
                              for line in errors.splitlines()]
        self.assertIn(" json", "".join(names[PROGRAM]))
        self.assertEqual(names[PROGRAM], names[STOCK])


class VariableTests(JoinTestCase):
    """Environment variables, with the probe as -c."""

    def test_variables(self):
        for variables in VARIABLES:
            with self.subTest(variables=variables):
                self.assertAsStock("-c", PROBE, variables=variables)

    def test_variables_ignored(self):
        for option in ("-E", "-I"):
            with self.subTest(option=option):
                outcome = self.assertAsStock(option, "-c", PROBE,
                                             variables=ALL_VARIABLES)
                self.assertEqual(outcome.status, 0)
                self.assertIn("optimize=0", outcome.output)

    def test_home_without_library(self):
        for program in (STOCK, PROGRAM):
            outcome = run(program, "-c", "pass",
                          variables={"PYTHONHOME": "/nowhere"})
            self.assertEqual(outcome.status, 1)
            self.assertIn("No module named 'encodings'", outcome.errors)

    def test_inspect(self):
        for variables in ({"PYTHONINSPECT": "1"}, {}):
            for options in (("-q",), ("-q", "-i")):
                with self.subTest(variables=variables, options=options):
                    self.assertAsStock(*options, "-c", "value = 6 * 7",
                                       stdin="value\nvalue + 1\n",
                                       variables=variables)

    def test_inspect_set_by_program(self):
        self.assertAsStock("-q", "-c", "import os; "
                           "os.environ['PYTHONINSPECT'] = '1'",
                           stdin="6 * 7\n")

    def test_inspect_after_exit_and_error(self):
        for source in ("raise SystemExit(3)", "1/0", "exit(4)"):
            with self.subTest(source=source):
                self.assertAsStock("-q", "-i", "-c", source, stdin="6 * 7\n")

    def test_startup(self):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as startup:
            startup.write("import sys\nsys.ps1 = '(one) '\nfrom_startup = 7\n")
            startup.flush()
            for options in (("-i", "-q"), ("-i", "-q", "-E"), ("-q",)):
                with self.subTest(options=options):
                    self.assertAsStock(
                        *options, stdin="from_startup\n__file__\n",
                        variables={"PYTHONSTARTUP": startup.name})

    def test_startup_missing_or_broken(self):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as startup:
            startup.write("1/0\n")
            startup.flush()
            for name in (startup.name, "/no/such/file"):
                with self.subTest(name=name):
                    self.assertAsStock("-i", "-q", stdin="2\n",
                                       variables={"PYTHONSTARTUP": name})


class StreamTests(JoinTestCase):
    """Standard streams that are closed, full, empty or no files."""

    def test_redirections(self):
        sources = ("", "-c 'print(1)'", "-i -q -c 'print(1)'",
                   "-c 'import sys; print(sys.stdin, sys.stdout, sys.stderr)'",
                   "-c 'input()'", "-c '1/0'", "-q -i", "-m this")
        for redirection in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-", "</dev/null",
                            ">/dev/full", "2>/dev/full", "</"):
            for source in sources:
                with self.subTest(source=source, redirection=redirection):
                    outcomes = [
                        run("/bin/sh", "-c", f'"$0" {source} {redirection}',
                            program, stdin="6 * 7\n")
                        for program in (STOCK, PROGRAM)]
                    self.assertEqual(*(
                        outcome._replace(
                            output=neutral(outcome.output, program),
                            errors=neutral(outcome.errors, program))
                        for outcome, program
                        in zip(outcomes, (STOCK, PROGRAM))))


class ProgramTests(JoinTestCase):
    """All the forms in which a program can come."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write("script.py", PROBE)
        self.write("package/__init__.py", "")
        self.write("package/__main__.py", PROBE)
        self.write("package/module.py", PROBE)
        self.write("application/__main__.py", "import helper\n" + PROBE)
        self.write("application/helper.py", "print(__file__)\n")
        with zipfile.ZipFile(self.path("application.zip"), "w") as archive:
            for name in ("__main__.py", "helper.py"):
                archive.write(self.path("application", name), name)

    def path(self, *names):
        """Return a path in the test's folder."""
        return os.path.join(self.folder, *names)

    def write(self, name, text, encoding="utf-8"):
        """Write a file into the test's folder."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding=encoding) as file:
            file.write(text)
        return path

    def check(self, *arguments, **options):
        """Run with isolation as without, in the test's folder."""
        for isolation in ((), ("-I",), ("-P",), ("-S",), ("-E", "-s")):
            with self.subTest(arguments=arguments, isolation=isolation):
                self.assertAsStock("-B", *isolation, *arguments,
                                   cwd=self.folder, **options)

    def test_script(self):
        self.check("script.py", "one", "--two")
        self.check(self.path("script.py"))

    def test_module(self):
        self.check("-m", "package.module", "one")
        self.check("-m", "package")

    def test_folder(self):
        self.check("application", "one")

    def test_zip_file(self):
        self.check("application.zip", "one")

    def test_compiled_file(self):
        run_checked(self, STOCK, "-c", "import py_compile; py_compile.compile("
                    f"{self.path('script.py')!r}, {self.path('s.pyc')!r})")
        self.check("s.pyc", "one")

    def test_first_line_left_out(self):
        self.write("odd.py", "this is no Python\nprint(__file__)\n1/0\n")
        self.assertAsStock("-x", "odd.py", cwd=self.folder)
        self.assertAsStock("odd.py", cwd=self.folder)

    def test_encodings(self):
        self.write("latin.py", "# coding: latin-1\nprint('\xe9')\n", "latin-1")
        self.write("no_cookie.py", "print('\xe9')\n", "latin-1")
        self.write("mark.py", "print('\xe9')\n", "utf-8-sig")
        self.write("unknown.py", "# coding: nonsense\n")
        for name in ("latin.py", "no_cookie.py", "mark.py", "unknown.py"):
            with self.subTest(name=name):
                self.assertAsStock(name, cwd=self.folder)

    def test_errors(self):
        self.write("syntax.py", "x = (1 +\n     2 3)\n")
        self.write("deep.py", textwrap.dedent("""\
            def inner(x):
                return [x[0] / y for y in (1, 0)]
            try:
                inner([1])
            except ZeroDivisionError as error:
                raise RuntimeError('outer') from error
            """))
        for name in ("syntax.py", "deep.py"):
            with self.subTest(name=name):
                self.assertEqual(
                    self.assertAsStock(name, cwd=self.folder).status, 1)

    def test_compiled_modules_are_interchangeable(self):
        self.write("both.py", "VALUE = [x * 2 for x in range(3)]\n")
        cache = self.path("__pycache__", "both.cpython-311.pyc")
        contents = []
        for program in (STOCK, PROGRAM):
            run_checked(self, program, "-c", "import both", cwd=self.folder)
            with open(cache, "rb") as file:
                contents.append(file.read())
            os.unlink(cache)
        self.assertEqual(contents[1], contents[0])

    def test_prompt_from_pipe(self):
        for source in ("1 + 1\n", "def f():\n    return 3\n\nf()\n",
                       "1/0\n_\n", "x = (\n1)\nx\n", "if 1:\n  'a'\n", "  1\n",
                       "print(_)\n", "'\u20ac'\n", "import sys; sys.ps1\n",
                       "exit(3)\n", "from __future__ import annotations\n"
                       "def f(x: y): pass\n\nf.__annotations__\n"):
            with self.subTest(source=source):
                self.assertAsStock("-i", "-q", stdin=source)
                self.assertAsStock("-i", stdin=source)


if __name__ == "__main__":
    unittest.main()
