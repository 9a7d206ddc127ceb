"""Keys are masked in whatever is said: one list for the process, as a stranger's words may hold any of its keys."""

from __future__ import annotations

import os
import re
from typing import Any

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


class _Keys:
    """All keys that are known, the longest first, since one may begin with another.

    It is asked for each answer: the environment is read through anew only where it is another one than it was.
    """

    def __init__(self) -> None:
        self._variables: dict[Any, Any] | None = None
        self._remembered = 0
        self._found: tuple[str, ...] = ()

    def __call__(self) -> tuple[str, ...]:
        # What CPython keeps of it is compared in one step; where there is no such thing, it is read each time.
        variables = getattr(os.environ, "_data", None)
        if variables is None or variables != self._variables or len(_known) != self._remembered:
            self._variables, self._remembered = None if variables is None else dict(variables), len(_known)
            named = {value.strip() for name, value in os.environ.items() if name.endswith(_VARIABLES) and value != name}
            keys = (one for one in named | _known if len(one) >= SHORTEST)
            self._found = tuple(sorted(keys, key=len, reverse=True))
        return self._found


_keys = _Keys()


def remember(key: str) -> None:
    """Take ``key`` for a secret from now on, for the life of the process; a short one is not."""
    if len(key) >= SHORTEST:
        _known.add(key)


def masked(text: str) -> str:
    """Return ``text`` with `MASK` in place of every key that is known, and of those in the environment."""
    for key in _keys():
        if key in text:
            text = text.replace(key, MASK)
    return text


def scrub(text: str, secret: str | None = None) -> str:
    """Return ``text`` on one line, shortened, without any known key or what looks like one."""
    text = masked(text.replace(secret, MASK) if secret and len(secret) >= 4 else text)
    text = _LOOKS_LIKE_KEY.sub(MASK, " ".join(text[: 4 * _LONGEST].split()))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
