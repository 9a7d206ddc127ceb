"""The only place from which anything is sent to a provider: a test proves that no other call site exists."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from shunpike.errors import NotHere
from shunpike.protocols import Backend, Embeds, Streams
from shunpike.types import Answer, Call, EmbedAnswer, EmbedCall, Grant, Piece
from shunpike.wire.assemble import pieces_of


async def send(backend: Backend, call: Call, grant: Grant) -> Answer:
    """Send an admitted attempt and return the whole answer. The grant is the ledger's: without one nothing is sent."""
    _check(call, grant)
    return await backend.complete(call)


@asynccontextmanager
async def send_stream(backend: Backend, call: Call, grant: Grant) -> AsyncIterator[AsyncIterator[Piece]]:
    """Send an admitted attempt; inside the context its answer arrives, whole where a backend can't stream."""
    _check(call, grant)
    if isinstance(backend, Streams):
        async with backend.stream(call) as pieces:
            yield pieces
    else:
        async with aclosing(_one_by_one(await backend.complete(call))) as pieces:
            yield pieces


async def send_embed(backend: Backend, call: EmbedCall, grant: Grant) -> EmbedAnswer:
    """Send admitted texts and return their vectors. Raises `NotHere` (unsupported) where a backend makes none."""
    _check(call, grant)
    if not isinstance(backend, Embeds):
        raise NotHere("it makes no embeddings", provider="", model=call.model, kind="unsupported")
    return await backend.embed(call)


def _check(call: Call | EmbedCall, grant: Grant) -> None:
    if call.attempt_id != grant.attempt_id:
        raise RuntimeError(f"the grant is for attempt {grant.attempt_id}, not for {call.attempt_id}")


async def _one_by_one(answer: Answer) -> AsyncGenerator[Piece, None]:
    for piece in pieces_of(answer):
        yield piece
