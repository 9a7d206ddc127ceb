"""httpx without its own command line.

``import httpx`` imports that command line too, and with it click, pygments and rich where they happen to be installed:
more than half of its import time, at every start of a program that only wants to send a request. httpx is made to do
without them, so it is told that they are not there, for as long as the import lasts. A program that imported httpx
before keeps what it has.
"""

import sys

_COMMAND_LINE = "httpx._main"
_first = "httpx" not in sys.modules

if _first:
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]  # None is how an import is told to fail

import httpx as httpx  # noqa: E402, PLC0414 - after the above; re-exported under its own name

if _first:
    del sys.modules[_COMMAND_LINE]
