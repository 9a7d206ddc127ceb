"""Receives a body: bounded while it comes, and unpacked no further than its bound."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import zstandard

from shunpike_gateway.exchange import RejectedBody

Receive = Callable[[], Awaitable[Any]]
PORTION = 64 * 1024
"""Bytes that are unpacked at once, and that give a body one second more to come."""
_MOST_CODINGS = 2


class Disconnected(Exception):
    """The client hung up before it had said what it wants."""


class _Decoder(Protocol):
    def feed(self, data: bytes, room: int) -> bytes:
        """Return what ``data`` holds; at most a little over ``room`` bytes. Raises `ValueError` of damaged data."""
        ...

    def is_whole(self) -> bool:
        """Whether the data has come to its end."""
        ...


async def received(receive: Receive, headers: Mapping[str, str], most: int, seconds: float) -> bytes:
    """Return the body as it came.

    Raises `RejectedBody` with 413 where it is longer than ``most`` bytes, 408 where it did not come in ``seconds`` and
    one more for each portion that did, and `Disconnected`.
    """
    stated = headers.get("content-length", "")
    if stated.isdigit() and (len(stated) > 18 or int(stated) > most):
        raise _too_large(most)
    loop = asyncio.get_running_loop()
    parts: list[bytes] = []
    began_mono, size = loop.time(), 0
    while True:
        try:
            async with asyncio.timeout_at(began_mono + seconds + size / PORTION):
                message = await receive()
        except TimeoutError:
            raise RejectedBody(
                f"the body did not come in {seconds:g} seconds", status=408, code="request_timeout"
            ) from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(most)
        if not message.get("more_body", False):
            return b"".join((*parts, part)) if parts else bytes(part)
        parts.append(part)


def decoded(raw: bytes, headers: Mapping[str, str], most: int) -> bytes:
    """Return ``raw`` without the packing that ``content-encoding`` names.

    Raises `RejectedBody`: 415 of a packing that is not known here, 400 of damaged data, 413 where there would be more
    than ``most`` bytes, told while it is unpacked.
    """
    names = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    codings = [name for name in names if name not in ("", "identity")]
    unknown = next((name for name in codings if name not in _DECODERS), None)
    if unknown is not None or len(codings) > _MOST_CODINGS:
        what = f"the content-encoding {unknown!a}" if unknown else f"more than {_MOST_CODINGS} content-encodings"
        message = f"{what} can't be read here; send gzip, deflate, zstd or plain JSON"
        raise RejectedBody(message, status=415, code="unsupported_encoding")
    for name in reversed(codings):
        raw = _unpacked(name, raw, most)
    return raw


def _unpacked(name: str, raw: bytes, most: int) -> bytes:
    decoder, parts, size = _DECODERS[name](raw), [], 0
    try:
        for start in range(0, len(raw), PORTION):
            part = decoder.feed(raw[start : start + PORTION], most - size + 1)
            size += len(part)
            if size > most:
                raise _too_large(most)
            parts.append(part)
    except (zlib.error, zstandard.ZstdError, ValueError) as error:
        message = f"the body is no whole {name}: {error}"
        raise RejectedBody(message, code="invalid_encoding") from None
    if not decoder.is_whole():
        raise RejectedBody(f"the body is no whole {name}: it ends too early", code="invalid_encoding")
    return b"".join(parts)


class _Zlib:
    """Unpacks gzip, zlib and raw deflate."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._inner = zlib.decompressobj(bits)

    def feed(self, data: bytes, room: int) -> bytes:
        parts = []
        while data:
            if self._inner.eof:
                if self._bits != _GZIP:
                    raise ValueError("something follows its end")
                self._inner = zlib.decompressobj(self._bits)  # gzip may have several members
            part = self._inner.decompress(data, max(room, 1))
            parts.append(part)
            room -= len(part)
            if room <= 0:
                break
            data = self._inner.unconsumed_tail or self._inner.unused_data
        return b"".join(parts)

    def is_whole(self) -> bool:
        return self._inner.eof


class _Zstd:
    """Unpacks zstd: in bites, as what one portion of a bomb makes would be too much."""

    def __init__(self) -> None:
        self._inner = self._fresh()

    def _fresh(self) -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW).decompressobj(write_size=PORTION)

    def feed(self, data: bytes, room: int) -> bytes:
        parts = []
        for start in range(0, len(data), _BITE):
            bite = data[start : start + _BITE]
            while bite:
                if self._inner.eof:
                    self._inner = self._fresh()  # frames may follow each other
                part = self._inner.decompress(bite)
                parts.append(part)
                room -= len(part)
                bite = self._inner.unused_data if self._inner.eof else b""
            if room <= 0:
                break
        return b"".join(parts)

    def is_whole(self) -> bool:
        return bool(self._inner.eof)


_GZIP = 16 + zlib.MAX_WBITS
_BITE = 256
_MOST_WINDOW = 8 * 1024 * 1024


def _deflate(raw: bytes) -> _Zlib:
    is_zlib = len(raw) > 1 and raw[0] & 0x0F == zlib.DEFLATED and int.from_bytes(raw[:2], "big") % 31 == 0
    return _Zlib(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


_DECODERS: dict[str, Callable[[bytes], _Decoder]] = {
    "gzip": lambda _: _Zlib(_GZIP),
    "x-gzip": lambda _: _Zlib(_GZIP),
    "deflate": _deflate,
    "zstd": lambda _: _Zstd(),
}


def _too_large(most: int) -> RejectedBody:
    return RejectedBody(f"the body is larger than {most} bytes", status=413, code="request_too_large")
