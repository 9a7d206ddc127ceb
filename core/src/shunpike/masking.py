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

    They are asked for with each answer, so the environment is read again only where it has changed.
    """

    def __init__(self) -> None:
        self._last: tuple[dict[Any, Any] | None, int, tuple[str, ...]] = (None, 0, ())
        """The variables and the number of remembered keys at the last reading, and the keys found then."""

    def __call__(self) -> tuple[str, ...]:
        # CPython's own dictionary is compared in one step; where there is none, the environment is read each time.
        variables = getattr(os.environ, "_data", None)
        before, remembered, found = self._last
        if variables is None or variables != before or len(_known) != remembered:
            before, remembered = None if variables is None else dict(variables), len(_known)
            named = {value.strip() for name, value in os.environ.items() if name.endswith(_VARIABLES) and value != name}
            keys = (one for one in named | _known if len(one) >= SHORTEST)
            found = tuple(sorted(keys, key=len, reverse=True))
            # At once: another thread must not meet the new variables with the keys of the old ones.
            self._last = before, remembered, found
        return found


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
