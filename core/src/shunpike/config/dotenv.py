"""What files of variables and the tools that read them leave around a value: quotes, blanks, marks nobody sees."""

from __future__ import annotations

import re

_UNSEEN = "\ufeff\u200b\u200c\u200d\u2060\u200e\u200f"
"""What `str.strip` leaves: the byte order mark, and characters of no width."""
_QUOTES = "\"'`"
_ASSIGNED = re.compile(r"(?:export\s+)?[A-Z][A-Z0-9_]*_(?:KEY|TOKEN)\s*=", re.ASCII)


def bare(text: str) -> str:
    """Return ``text`` without blanks and unseen marks around it, and without the quotes around all of it."""
    while True:
        shorter = text.strip().strip(_UNSEEN)
        if len(shorter) > 1 and shorter[0] == shorter[-1] and shorter[0] in _QUOTES and shorter[0] not in shorter[1:-1]:
            shorter = shorter[1:-1]
        if shorter == text:
            return text
        text = shorter


def bare_key(text: str) -> str:
    """Return ``text`` as `bare` does, and without the ``export NAME_KEY=`` of a line that was copied whole."""
    text = bare(text)
    found = _ASSIGNED.match(text)
    return bare(text[found.end() :]) if found else text
