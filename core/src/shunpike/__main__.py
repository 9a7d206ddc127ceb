"""``python -m shunpike`` is the command ``shunpike``."""

import os
import sys

if sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - pathlib would be the folder's own
    # Python puts the working directory first: what lies there is no plugin of ours, nor a module of anybody's.
    del sys.path[0]

from shunpike.cli.main import main

main()
