"""Keys are masked in whatever is said: one list for the process, as a stranger's words may hold any of its keys."""

from __future__ import annotations

import os

MASK = "***"
SHORTEST = 8
"""Characters from which a word is taken for a key: a shorter one, such as a made-up key of a server at home, is a word
that may stand in any sentence."""
_VARIABLES = ("_API_KEY", "_TOKEN")
"""Ends of the names of environment variables that hold keys, whether or not anybody here asked for them."""
_known: set[str] = set()


def remember(key: str) -> None:
    """Take ``key`` for a secret from now on, for the life of the process; a short one is not."""
    if len(key) >= SHORTEST:
        _known.add(key)


def masked(text: str) -> str:
    """Return ``text`` with `MASK` in place of every key that is known, and of those in the environment."""
    there = {value.strip() for name, value in os.environ.items() if name.endswith(_VARIABLES) and value != name}
    # The longest first: one key may begin with another.
    for key in sorted((one for one in there | _known if len(one) >= SHORTEST), key=len, reverse=True):
        text = text.replace(key, MASK)
    return text
