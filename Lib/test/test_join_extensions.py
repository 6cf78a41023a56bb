"""C extensions that the distribution built for its python3.11 work here.

Each is imported and used in a process of its own.  A package that is not
installed is a failure: bootstrap installs them all.
"""

import textwrap
import unittest

from join_support import PROGRAM, JoinTestCase, run


class ExtensionTests(JoinTestCase):
    """Extensions of packages and of the standard library."""

    def check(self, package, source):
        """Run source, which uses what is in the Debian package."""
        outcome = run(PROGRAM, "-c", textwrap.dedent(source))
        if "ModuleNotFoundError" in outcome.errors:
            self.fail(f"run: apt-get install {package}\n{outcome.errors}")
        self.assertEqual(outcome.status, 0, outcome.errors)

    def test_numpy(self):
        self.check("python3-numpy", """\
            import numpy, numpy.linalg, numpy.random, pickle
            a = numpy.arange(12.0).reshape(3, 4)
            assert (a @ a.T)[2, 2] == 366
            assert numpy.allclose(numpy.linalg.inv(numpy.eye(3) * 4) * 4,
                                  numpy.eye(3))
            assert numpy.vectorize(lambda x: x * 2)(a).sum() == 132
            assert (pickle.loads(pickle.dumps(a)) == a).all()
            b = numpy.fft.ifft(numpy.fft.fft([1, 2, 3])).real.round()
            assert b.tolist() == [1, 2, 3]
            assert numpy.random.default_rng(1).random(5).shape == (5,)
            record = numpy.array([(1, "a")], dtype=[("n", int), ("s", "U1")])
            assert record["n"][0] == 1
            """)

    def test_lxml(self):
        self.check("python3-lxml", """\
            from lxml import etree, html, objectify
            tree = etree.fromstring("<a><b n='1'/><b n='2'>text</b></a>")
            assert tree.xpath("//b[@n='2']/text()") == ["text"]
            assert etree.tostring(tree[0]) == b'<b n="1"/>'
            sheet = etree.XSLT(etree.XML('''<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
                <xsl:template match="/"><c><xsl:value-of select="//b[2]"/></c>
                </xsl:template></xsl:stylesheet>'''))
            assert str(sheet(tree)).endswith("<c>text</c>\\n")
            page = html.fromstring("<p>one<p>two")
            assert page.xpath("//p")[1].text == "two"
            assert objectify.fromstring("<a><n>3</n></a>").n == 3
            try:
                etree.fromstring("<a>")
            except etree.XMLSyntaxError as error:
                assert error.lineno == 1
            else:
                raise AssertionError
            """)

    def test_cffi(self):
        self.check("python3-cffi", """\
            import cffi
            ffi = cffi.FFI()
            ffi.cdef("size_t strlen(const char *);"
                     "void qsort(void *, size_t, size_t,"
                     " int (*)(const void *, const void *));")
            library = ffi.dlopen(None)
            assert library.strlen(b"four") == 4
            numbers = ffi.new("int[]", [3, 1, 2])
            @ffi.callback("int(const void *, const void *)")
            def compare(a, b):
                return ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0]
            library.qsort(numbers, 3, 4, compare)
            assert list(numbers) == [1, 2, 3]
            """)

    def test_cffi_compiles(self):
        self.check("python3-cffi", """\
            import cffi, os, sys, tempfile
            with tempfile.TemporaryDirectory() as folder:
                ffi = cffi.FFI()
                ffi.cdef("int twice(int);")
                ffi.set_source("_twice", "int twice(int n) { return 2 * n; }")
                ffi.compile(tmpdir=folder)
                sys.path.insert(0, folder)
                import _twice
                assert _twice.lib.twice(21) == 42
            """)

    def test_aiohttp(self):
        self.check("python3-aiohttp", """\
            import aiohttp, aiohttp._http_parser, multidict._multidict
            import yarl, frozenlist._frozenlist
            assert yarl.URL("http://a/b?c=1").query["c"] == "1"
            """)

    def test_ctypes(self):
        self.check("libpython3.11-stdlib", """\
            import ctypes
            library = ctypes.CDLL(None)
            assert library.strlen(b"four") == 4
            # The interpreter shows the whole C API to extensions.
            version = ctypes.pythonapi.Py_GetVersion
            version.restype = ctypes.c_char_p
            assert version().startswith(b"3.11.")
            assert ctypes.pythonapi.PyRun_SimpleString(b"x = 1") == 0
            """)

    def test_standard_library_extensions(self):
        self.check("libpython3.11-stdlib", """\
            import _ssl, bz2, lzma, zlib, sqlite3, uuid, decimal, hashlib
            import readline, curses, _ctypes, _multiprocessing, pyexpat, mmap
            import ssl
            for module in zlib, bz2, lzma:
                assert module.decompress(module.compress(b"text")) == b"text"
            ssl.create_default_context()
            base = sqlite3.connect(":memory:")
            assert base.execute("select 6 * 7").fetchone() == (42,)
            assert decimal.Decimal("0.1") * 3 == decimal.Decimal("0.3")
            assert len(hashlib.sha256(b"").digest()) == 32
            assert uuid.uuid1() != uuid.uuid1()
            """)

    def test_every_extension_of_the_standard_library(self):
        self.assertAsStock("-W", "ignore", "-c", textwrap.dedent("""\
            import importlib, os, sys, sysconfig
            folder = sysconfig.get_path("platstdlib") + "/lib-dynload"
            suffix = sysconfig.get_config_var("EXT_SUFFIX")
            names = sorted(name.removesuffix(suffix)
                           for name in os.listdir(folder)
                           if name.endswith(suffix))
            assert len(names) > 40
            for name in names:
                try:
                    module = importlib.import_module(name)
                    print(name, sorted(dir(module)))
                except ImportError as error:
                    print(name, error)
            """))


if __name__ == "__main__":
    unittest.main()
