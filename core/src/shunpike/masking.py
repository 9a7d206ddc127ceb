"""Keys are masked in whatever is said: one list for the process, as a stranger's words may hold any of its keys."""

from __future__ import annotations

import os
import re

MASK = "***"
_LONGEST = 500
"""Characters of a stranger's text that are passed on."""
SHORTEST = 8
"""Characters from which a word is taken for a key: a shorter one, such as a made-up key of a server at home, is a word
that may stand in any sentence."""
_VARIABLES = ("_API_KEY", "_TOKEN")
"""Ends of the names of environment variables that hold keys, whether or not anybody here asked for them."""
_LOOKS_LIKE_KEY = re.compile(
    r"Bearer\s+\S+|\b(?:sk|pk|rk|gsk|tgp|xai|hf|key|api)[-_][A-Za-z0-9_\-*.]{8,}|\bAIza[A-Za-z0-9_\-]{10,}|\bAQ\.[A-Za-z0-9_\-]{10,}",
    re.IGNORECASE,
)
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


def scrub(text: str, secret: str | None = None) -> str:
    """Return ``text`` on one line, shortened, without any known key or what looks like one."""
    text = masked(text.replace(secret, MASK) if secret and len(secret) >= 4 else text)
    text = _LOOKS_LIKE_KEY.sub(MASK, " ".join(text[: 4 * _LONGEST].split()))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
