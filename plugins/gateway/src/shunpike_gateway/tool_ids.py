"""Ids of tool calls and names of tools as every client and provider takes them; the same comes out every time.

A provider names its calls as it likes (``functions.read:0``), clients check what they get, and what differs from turn
to turn would break every prompt cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from types import MappingProxyType

SAFE_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")
MOST_OF_A_NAME = 64
"""Characters of a tool's name that the strictest provider takes."""
_MARK = 8
"""Hex digits that tell one shortened name from another."""


def safe_id(told: str) -> str:
    """Return the id under which a client sees the call that its provider calls ``told``; a safe one stays."""
    if SAFE_ID.fullmatch(told):
        return told
    return f"call_{_digest(told, 16)}"


def safe_name(name: str) -> str:
    """Return the name under which a provider sees the tool ``name``; a safe one stays."""
    if SAFE_ID.fullmatch(name):
        return name
    plain = _UNSAFE.sub("_", name)[: MOST_OF_A_NAME - _MARK - 1]
    return f"{plain}_{_digest(name, _MARK // 2)}"


def renamed(names: Iterable[str]) -> Mapping[str, str]:
    """Return `safe_name` → name of the tools that providers see under another name."""
    return MappingProxyType({safe: name for name in names if (safe := safe_name(name)) != name})


def _digest(text: str, size: int) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()
