"""Tells what stands for a key in an example, such as ``your-api-key``, from a key."""

from __future__ import annotations

import re

_WHOLE = frozenset(
    {
        *("api key", "apikey", "key", "token", "secret", "password", "value", "dummy", "example", "empty"),
        *("todo", "tbd", "fixme", "none", "null", "nil", "undefined", "false", "true", "n a", "here", "redacted"),
    }
)
"""What is no key where it is all that there is."""
_TELLING = frozenset({"your", "changeme", "replaceme", "placeholder", "insert", "yourkey", "yourapikey", "yourtoken"})
"""What stands in no key as a word of its own."""
_FRAMED = re.compile(r"<.*>|\{.*\}|\[.*\]|\$\w+|\$\{.*\}|\$\(.*\)|%\w+%|__\w+__", re.DOTALL)
"""``<key>``, ``{{ key }}``, ``${KEY}``: what some program should have filled in."""
_SHAPES = (
    re.compile(r"(?:[a-z0-9]{1,6}[-_])*(?:aiza)?(?:[x*•.…_-]{3,}|0{6,})", re.IGNORECASE),  # xxx, sk-XXXX, ****
    re.compile(r"[a-z]{2,5}(?:-[a-z0-9]{2,4}){0,2}[-_]"),  # the beginning that all keys of a provider have, alone
    re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN)", re.ASCII),  # the name of a variable
    re.compile(r"(?:change|replace)[-_ ]?(?:me|this|it).*", re.IGNORECASE | re.DOTALL),
    re.compile(r"(?:your|my|put|enter|paste|add|insert).{0,30}(?:key|token|secret|here)", re.IGNORECASE | re.DOTALL),
)
_LONGEST_WORD = 14


def is_placeholder(text: str) -> bool:
    """Tell whether ``text``, without what is around it, is one of the things that examples write for a key."""
    words = re.split(r"[^\w…]+|_", text.casefold())
    if " ".join(filter(None, words)) in _WHOLE or not _TELLING.isdisjoint(words):
        return True
    if "..." in text or "…" in text or _FRAMED.fullmatch(text) or any(shape.fullmatch(text) for shape in _SHAPES):
        return True
    # A sentence: "the key from the console". A key that broke over lines has long pieces, and digits.
    return len(text.split()) > 1 and all(len(one) <= _LONGEST_WORD and one.isalpha() for one in text.split())
