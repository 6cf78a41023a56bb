"""Names added to modules of the standard library, imported when they are first asked for."""
