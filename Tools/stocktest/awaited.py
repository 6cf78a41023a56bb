"""Stands in for the plain import: each one awaits its module, and is driven to its end.

    install()

puts this into builtins and importlib of the interpreter under test, which has the
package asyncimport.  No frame of it stays in a traceback, as none of importlib does.
"""

import builtins
import importlib
import sys

import _asyncimport
import asyncimport
from asyncimport import tracebacks


def _outcome(begin, *arguments):
    """Drive what begin() returns; return (value, None, None) or (None, error, traceback)."""
    try:
        begin(*arguments).send(None)
    except StopIteration as end:
        return end.value, None, None
    except BaseException as error:
        return _failure(error)
    raise RuntimeError("an import waits where nothing can be waited for")


def _failure(error):
    """Return the outcome of an import that raised through one frame here."""
    entry = error.__traceback__.tb_next
    return None, error, None if entry is None else tracebacks.users(error, entry)


def _import(name, globals=None, locals=None, fromlist=(), level=0):
    if not isinstance(name, str):
        raise TypeError("module name must be a string")
    line = sys._getframe(1).f_lineno
    requests = ((name, fromlist, level, line),)
    take, *failure = _outcome(asyncimport.begin_statement, requests, globals or {})
    if failure[0] is not None:
        return None, *failure
    try:
        return take(), None, None
    except BaseException as error:
        return _failure(error)


@_asyncimport.unwrapping
def _import_module(name, package):
    return _outcome(asyncimport.import_module, name, package)


def import_module(name, package=None):
    """Import a module; as importlib's, a function of Python."""
    return _import_module(name, package)


def install():
    """Have all imports awaited from now on."""
    builtins.__import__ = _asyncimport.unwrapping(_import)
    importlib.import_module = import_module
