"""The modules that show the stages of the front end: _frontend and _parser_stage.

They are extension modules that lie beside ./python in FOLDER, not part of the
program.  A process that a test starts runs PATH_STATEMENT before it imports them.
"""

import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.realpath(sys.executable)), "build", "stages")
PATH_STATEMENT = f"import sys; sys.path.append({FOLDER!r})\n"

sys.path.append(FOLDER)
try:
    import _frontend        # noqa: F401
    import _parser_stage    # noqa: F401
finally:
    sys.path.remove(FOLDER)
