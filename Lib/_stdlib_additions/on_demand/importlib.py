"""Added to package importlib."""

__all__ = []
