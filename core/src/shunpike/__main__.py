"""``python -m shunpike`` is the command ``shunpike``."""

import os
import sys

try:
    here = os.getcwd()  # noqa: PTH109 - pathlib would be the folder's own
except OSError:
    here = ""
if sys.path and sys.path[0] in ("", here):
    # Python puts the working directory first: what lies there is no plugin of ours, nor a module of anybody's.
    del sys.path[0]

from shunpike.cli.main import main

main()
