"""What is left of a traceback: the frames of the user's own code.

Stock takes the frames of importlib out of what an import raises.  Ours, and those
of a library between an import and the module's code, are as little of interest.
"""

_PASSED_OVER = frozenset({"asyncimport", "autoawait", "asyncio", "trio", "outcome", "curio"})


def users(error, entry=None):
    """Return the traceback of error from the first frame on that is the user's, or None."""
    if entry is None:
        entry = error.__traceback__
    while entry is not None:
        if _is_importlib(entry):
            last = _last_of_importlib(entry)
            if not _is_passed_over(last, error):
                return entry
            entry = last
        elif _package(entry) not in _PASSED_OVER:
            return entry
        entry = entry.tb_next
    return None


def _package(entry):
    return (entry.tb_frame.f_globals.get("__name__") or "").partition(".")[0]


def _is_importlib(entry):
    return entry.tb_frame.f_code.co_filename.startswith("<frozen importlib")


def _last_of_importlib(entry):
    while entry.tb_next is not None and _is_importlib(entry.tb_next):
        entry = entry.tb_next
    return entry


def _is_passed_over(last, error):
    # What fails in importlib itself, or in what a loader of the user's calls, is shown with it.
    return isinstance(error, ImportError) or (
        last.tb_frame.f_code.co_name == "_call_with_frames_removed")
