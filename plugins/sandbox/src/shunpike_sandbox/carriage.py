"""How the bytes of an answer are carried: whole, in drips, in pieces that end within a character, or as a bomb."""

from __future__ import annotations

import gzip
from functools import cache

from shunpike_sandbox import faults

DRIPS = 4
"""Pieces of a body, or of each event of a stream, that drips."""
_UNPACKED = 48 * 1024 * 1024
_FIRST_BYTE, _LATER_BYTE = 0xC0, 0x80


def carried(fault: str | None, data: bytes) -> list[bytes]:
    """Return the pieces in which ``data`` is sent; they join to it."""
    if fault == faults.DRIP:
        size = max(1, -(-len(data) // DRIPS))
        return [data[at : at + size] for at in range(0, len(data), size)] or [data]
    if fault == faults.SPLIT:
        cuts = [at for at, byte in enumerate(data) if byte & _FIRST_BYTE == _LATER_BYTE] or [len(data) // 2]
        return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [data]


@cache
def bomb() -> bytes:
    """Return a body that a client must not unpack whole: some ten thousand bytes of gzip."""
    return gzip.compress(bytes(_UNPACKED), mtime=0)
