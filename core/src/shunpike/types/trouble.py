"""What is in trouble, as processes tell each other through the store: a block that holds up nobody's admission."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, unquote

from shunpike.types.ledger import Block

_LAST = "trouble"
_PARTS = 3


class Troubles(NamedTuple):
    """What was in trouble when the store was looked at, for any process."""

    read_mono: float | None = None
    """None = not yet."""
    closed: Mapping[str, Block] = MappingProxyType({})
    """Bucket → block."""


def bucket_in_trouble(owner: str, scope: str, name: str) -> str:
    """Return the bucket of a place in trouble; ``owner`` is what a person calls it by."""
    parts = (quote(part, safe="/:@.+-_") for part in (owner, f"{scope}:{name}"))
    return "|".join((*parts, _LAST))


def place_in_trouble(bucket: str) -> tuple[str, str, str] | None:
    """Return owner, scope and name of `bucket_in_trouble`, None for a bucket of another kind."""
    parts = bucket.split("|")
    if len(parts) != _PARTS or parts[-1] != _LAST:
        return None
    scope, _, name = parts[1].partition(":")
    return unquote(parts[0]), scope, unquote(name)
