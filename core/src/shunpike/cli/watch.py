"""``--watch``: the same again, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

from shunpike.cli.output import data, say, styled

PAUSE = 2.0
"""Seconds between two looks."""
_CLEAR = "\x1b[H\x1b[2J"


def shown(show: Callable[[], None], *, watch: bool) -> None:
    """Call ``show`` once, or again and again; on a terminal each look replaces the last."""
    if not watch:
        show()
        return
    while True:
        if styled(data()):
            say(_CLEAR, end="")
        show()
        time.sleep(PAUSE)
