"""Unpacks a compressed answer, never into more than it may hold."""

from __future__ import annotations

import zlib

EITHER_FORM = 32 + zlib.MAX_WBITS
"""The window that makes zlib take both gzip and zlib headers."""


class Unpacker:
    """Gunzips chunk by chunk. Raises `ValueError` for a broken, cut or endless body."""

    def __init__(self, encoding: str, most: int) -> None:
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise ValueError(f"the body is compressed as {encoding[:40]!r}, which was not asked for")
        self._inner = zlib.decompressobj(EITHER_FORM)
        self._left = most

    def feed(self, data: bytes) -> bytes:
        """Return what ``data`` unpacks to, which can be nothing yet."""
        try:
            plain = self._inner.decompress(data, self._left + 1)
        except zlib.error as error:
            raise ValueError(f"the body's compression is broken: {error}") from error
        self._left -= len(plain)
        if self._left < 0:
            raise ValueError("the body unpacks to more than an answer may hold")
        return plain

    def close(self) -> None:
        """Check that the end was reached."""
        if not self._inner.eof:
            raise ValueError("the body's compression is cut short")
