"""Acts on a module as it is imported, so that who takes names from it gets ours."""

import importlib.machinery
import sys

_actions = {}


def act_when_imported(name, action):
    """Call action(module) at the end of the import of the module of that name."""
    _actions.setdefault(name, []).append(action)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


class _Finder:
    """Follows imports from the sys.meta_path as long as there is an action to come."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Find a module that has an action, as it would be found anyway."""
        if name not in _actions:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader:
    """Loads a module as its own loader does, then acts; leaves no trace."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        """Let the real loader make the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module):
        """Let the real loader run the module's code; act."""
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        actions = _actions.pop(module.__name__, ())
        if not _actions and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        for action in actions:
            action(module)


_finder = _Finder()
