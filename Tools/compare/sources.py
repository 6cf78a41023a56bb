"""Which sources are compared."""

import os
import site
import sysconfig


def default_places():
    """Return the folders of the standard library and of the distribution's packages."""
    folders = [sysconfig.get_path('stdlib'), *site.getsitepackages()]
    return [folder for folder in dict.fromkeys(folders) if os.path.isdir(folder)]


def find_sources(places):
    """Give the paths of the Python files in places, which are files and folders."""
    for place in places:
        if not os.path.isdir(place):
            yield place
            continue
        for folder, subfolders, files in os.walk(place):
            subfolders.sort()
            for name in sorted(files):
                if name.endswith('.py'):
                    yield os.path.join(folder, name)
