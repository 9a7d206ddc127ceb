"""Weighted rendezvous hashing: who stands first for a key, the same in every process, without a table."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from math import inf, log

_BITS = 52
"""So many of a hash, and a half, make a float that is neither 0 nor 1."""


def order(key: str, weighted: Iterable[tuple[str, float]]) -> tuple[str, ...]:
    """Return the labels of ``weighted`` (label, weight) in their order for ``key``, whatever order they came in.

    Over many keys each is first as often as its weight says, and what is left of the list when one is taken away keeps
    its order. What weighs nothing comes last.
    """
    begun = blake2b(key.encode("utf-8", "surrogatepass") + b"\0", digest_size=8)

    def drawn(one: tuple[str, float]) -> tuple[float, str]:
        label, weight = one
        found = begun.copy()
        found.update(label.encode("utf-8", "surrogatepass"))
        share = ((int.from_bytes(found.digest(), "big") >> (64 - _BITS)) + 0.5) / 2.0**_BITS
        # The smallest -ln(u) / weight is the largest weight / -ln(u).
        return (-log(share) / weight if weight > 0 else inf, label)

    return tuple(label for label, _ in sorted(weighted, key=drawn))
