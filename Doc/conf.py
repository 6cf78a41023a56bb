"""How Sphinx builds the manual: make doc."""

project = "python-async"
author = "the python-async developers"
copyright = author
root_doc = "index"
exclude_patterns = ["_build"]
highlight_language = "none"
nitpicky = True
html_theme = "alabaster"
html_theme_options = {"description": "CPython 3.11 with await at the top level"}
# CPython's own names, which its manual documents.
nitpick_ignore = [("c:identifier", name) for name in ("FILE", "PyCompilerFlags", "PyObject")]
