"""Who waits for whom: over imports, tasks and threads.

A node is a run, or the key of what runs: a task, or a run where there are no
tasks, or a thread's number.  What has batches under way waits for their runs; a
run that is done but not complete for its root; a task, besides, for what its
library says.
"""

# What each key waits for: lists of objects with pending_runs() and pending_places().
waiting = {}


def add(key, waiter):
    """Take note that key waits for waiter.pending_runs()."""
    waiting.setdefault(key, []).append(waiter)


def remove(key, waiter):
    """Take it back."""
    waiters = waiting.get(key, [])
    if waiter in waiters:
        waiters.remove(waiter)
    if not waiters:
        waiting.pop(key, None)


def _after_key(key, library):
    for waiter in tuple(waiting.get(key, ())):
        yield from waiter.pending_runs()
    if library is not None:
        yield from library.awaited_by(key)


def _after(node, library):
    """What node waits for; library is that of a node which is a task."""
    if not hasattr(node, "is_complete"):
        return _after_key(node, library)
    if node.is_complete:
        return ()
    if node.is_done:
        return (node.root,)
    return _after_key(node.key, node.library)


def path(run, key):
    """Return the nodes by which run waits for key, run first; None if it does not."""
    seen = {run}
    found = [(run, None, run.library)]
    for entry in found:     # which grows meanwhile
        node, _, library = entry
        if node is key or getattr(node, "key", node) is key and not getattr(node, "is_done", False):
            return _way_to(entry)
        for following in _after(node, library):
            if following not in seen:
                seen.add(following)
                found.append((following, entry, getattr(following, "library", library)))
    return None


def _way_to(entry):
    way = []
    while entry is not None:
        way.append(entry[0])
        entry = entry[1]
    return way[::-1]
