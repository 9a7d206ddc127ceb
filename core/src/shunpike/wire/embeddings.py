"""Embeddings in OpenAI's shape, as numbers or as base64: for providers that have them, beside `ChatBackend`."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from typing import Any, ClassVar

from shunpike.errors import Overloaded, ProviderError
from shunpike.not_sent import before_sending
from shunpike.types import ABSENT, Basis, EmbedAnswer, EmbedCall, Usage, Vector
from shunpike.wire.chat import STRANGE, ChatBackend
from shunpike.wire.dialect import Dialect
from shunpike.wire.lenient import count, rows, string, table
from shunpike.wire.usage import partly_stated, stated_cost

PATH = "/embeddings"
SINGLE = 4
"""Bytes of one number in base64: little-endian IEEE 754 singles."""


class EmbeddingBackend(ChatBackend):
    """A `ChatBackend` that also turns texts into vectors."""

    encoding: ClassVar[str | None] = None
    """The ``encoding_format`` that is asked for; None = whatever the provider sends unasked. Both are read."""

    def embed_body(self, call: EmbedCall) -> dict[str, Any]:
        """Return the JSON to send."""
        body: dict[str, Any] = {"model": call.model, "input": list(call.request.input)}
        if call.request.dimensions is not None:
            body["dimensions"] = call.request.dimensions
        if self.encoding is not None:
            body["encoding_format"] = self.encoding
        return body

    async def embed(self, call: EmbedCall) -> EmbedAnswer:
        """Return one vector for each text, in their order. Raises `ProviderError`."""
        try:
            with before_sending:
                body = self.embed_body(call)
            reply = await self.http.post(PATH, body, call.timeouts, self.attempt_headers(call))
            data = self._data(reply, whole=True)
            try:
                answer = read_embeddings(call, data, self.dialect, self.info.id)
            except STRANGE as error:
                raise self._malformed(f"the embeddings can't be read: {error}") from error
        except ProviderError as error:
            error.model = error.model or call.model
            raise
        opening = self.opening(reply.headers, reply.headers_at)
        return answer.model_copy(
            update={
                "headers_at": reply.headers_at,
                "evidence": opening.evidence,
                "provider_request_id": opening.provider_request_id or answer.provider_request_id,
            }
        )


def read_embeddings(call: EmbedCall, data: Mapping[str, Any], dialect: Dialect, provider: str) -> EmbedAnswer:
    """Return the vectors in the order of the texts, whatever the order of the rows.

    Raises `Overloaded` (malformed) where a text got no vector or more than one, or a vector can't be read.
    """
    wanted = len(call.request.input)
    found: dict[int, Vector] = {}
    for place, row in enumerate(rows(data.get("data"))):
        index = count(row.get("index"))
        index = place if index is None else index
        if index in found or index >= wanted:
            raise _malformed(f"a vector for text {index}, which was not asked for or is there already", provider)
        found[index] = read_vector(row.get("embedding"), provider)
    if len(found) != wanted:
        raise _malformed(f"{len(found)} vectors for {wanted} texts", provider)
    return EmbedAnswer(
        model=string(data.get("model")) or call.model,
        vectors=tuple(found[index] for index in range(wanted)),
        usage=_usage(data, dialect),
        stated_cost=stated_cost(data, dialect),
        service_tier=string(data.get("service_tier")) or None,
        provider_request_id=string(data.get("id")) or None,
    )


def read_vector(value: Any, provider: str) -> Vector:
    """Return a vector that was sent as a list of numbers or as base64. Raises `Overloaded` (malformed)."""
    if isinstance(value, str):
        numbers: tuple[Any, ...] = _unpacked(value, provider)
    else:
        numbers = tuple(value) if isinstance(value, list) else ()
    if not numbers or any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers):
        raise _malformed("a vector is not a list of numbers", provider)
    try:
        vector = tuple(map(float, numbers))
    except OverflowError as error:
        raise _malformed("a vector holds a number beyond all bounds", provider) from error
    if not all(map(math.isfinite, vector)):
        raise _malformed("a vector holds what is no number", provider)
    return vector


def _unpacked(text: str, provider: str) -> tuple[float, ...]:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("a vector is not base64", provider) from error
    if len(raw) % SINGLE:
        raise _malformed("a vector in base64 is cut short", provider)
    return struct.unpack(f"<{len(raw) // SINGLE}f", raw)


def _usage(data: Mapping[str, Any], dialect: Dialect) -> Usage:
    """Return the usage; embeddings have a prompt and nothing else, and some state the total alone."""
    raw = table(data.get("usage"))
    told = {found for name in ("prompt_tokens", "total_tokens") if (found := count(raw.get(name))) is not None}
    if not told:
        return ABSENT
    doubtful = len(told) > 1 or partly_stated(data, dialect)
    return Usage(prompt_tokens=max(told), basis=Basis.ESTIMATED if doubtful else Basis.MEASURED)


def _malformed(message: str, provider: str) -> Overloaded:
    return Overloaded(f"{provider}: {message}", provider=provider, kind="malformed")
