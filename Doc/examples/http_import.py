"""Imports over HTTP: what a batch of imports needs is fetched side by side.

    http_import.py URL NAME [VARIABLE ...]    import a module, show what it has by these names

Where imports are awaited, the interpreter tells the finder by prepare_imports() what
it is about to look for, and the loaders of one batch are awaited together.  A plain
import has neither: it asks the server for one file after the other.
"""

from __future__ import top_level_await

import asyncio
import importlib.abc
import importlib.machinery
import sys
import urllib.error
import urllib.request

import aiohttp


class HTTPFinder:
    """Finds modules below a URL; for sys.meta_path."""

    def __init__(self, url):
        self._url = url.rstrip("/")
        self._exists = {}       # whether there is a file, by its URL

    async def prepare_imports(self, names):
        """Ask for all that these names may be, at once."""
        urls = [url for name in names for url in self._urls(name) if url not in self._exists]
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(self._ask(session, url) for url in urls))

    async def _ask(self, session, url):
        async with session.head(url) as response:
            self._exists[url] = response.status == 200

    def find_spec(self, name, path=None, target=None):
        """Find a module: by what is known, else by asking now."""
        package, module = self._urls(name)
        for url in package, module:
            if url not in self._exists:
                self._exists[url] = exists(url)
            if self._exists[url]:
                spec = importlib.machinery.ModuleSpec(name, HTTPLoader(url), origin=url,
                                                      is_package=url is package)
                # What its __file__ is.
                spec.has_location = True
                return spec
        return None

    def _urls(self, name):
        path = f"{self._url}/{name.replace('.', '/')}"
        return f"{path}/__init__.py", f"{path}.py"


class HTTPLoader(importlib.abc.SourceLoader):
    """Loads a module from its URL; importlib does what is the same for every source."""

    def __init__(self, url):
        self._url = url

    def get_filename(self, name):
        """Return what tracebacks show."""
        return self._url

    async def aget_data(self, path):
        """Return the source, for an import that is awaited."""
        async with aiohttp.ClientSession() as session, session.get(path) as response:
            response.raise_for_status()
            return await response.read()

    def get_data(self, path):
        """Return the source, for a plain import; there is no bytecode."""
        if path != self._url:
            raise FileNotFoundError(path)
        with urllib.request.urlopen(path) as response:
            return response.read()


def exists(url):
    """Whether there is something at url."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")):
            return True
    except urllib.error.HTTPError:
        return False


async def main(url, name, *variables):
    """Import and show."""
    sys.meta_path.append(HTTPFinder(url))
    module = await importlib.import_module_async(name)
    for variable in variables:
        print(f"{name}.{variable} = {getattr(module, variable)!r}")


if __name__ == "__main__":
    await main(*sys.argv[1:])
