"""What is left of a traceback: the frames of the user's own code.

Stock takes the frames of importlib out of what an import raises.  Ours, and those
of a library between an import and the module's code, are as little of interest.
"""

_OWN = ("asyncimport", "autoawait")
_LIBRARIES = ("asyncio", "trio", "outcome", "curio")


def users(error, entry=None):
    """Return the traceback of error from the first frame on that is the user's, or None."""
    if entry is None:
        entry = error.__traceback__
    while entry is not None and _is_passed_over(entry, error):
        entry = entry.tb_next
    return entry


def _is_passed_over(entry, error):
    name = entry.tb_frame.f_globals.get("__name__") or ""
    package = name.partition(".")[0]
    if package in _OWN or package in _LIBRARIES:
        return True
    return package == "importlib" and entry.tb_frame.f_code.co_filename.startswith("<frozen")
