"""What a terminal may be shown, and how wide it is. Imports nothing heavy: errors are written with it too."""

from __future__ import annotations

import os
import re
import shutil
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of what follows."""


def safe(text: str) -> str:
    """Return ``text`` without control characters: an answer must not drive the reader's terminal."""
    return _CONTROL.sub("", text)


def styled(stream: TextIO) -> bool:
    """Tell whether colour and motion are welcome: on a terminal, without ``NO_COLOR``, not on a dumb one."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns(stream: TextIO) -> int | None:
    """Return how wide a table on ``stream`` may be; None for a pipe or a file, where nothing is to be broken."""
    return shutil.get_terminal_size().columns if stream.isatty() else None
