"""``python -m shunpike`` is the command ``shunpike``."""

from shunpike.cli.main import main

main()
