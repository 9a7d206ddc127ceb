"""The only place from which anything is sent to a provider: a test proves that no other call site exists."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from shunpike.clock import Clock
from shunpike.errors import NotHere, Overloaded
from shunpike.protocols import Backend, Embeds, Streams
from shunpike.types import Answer, Call, EmbedAnswer, EmbedCall, Grant, Piece
from shunpike.wire.assemble import pieces_of

GRANT_KEEPS = 10.0
"""Seconds after which a grant is stale: the process was stopped meanwhile, and what it was judged by has moved on."""


async def send(backend: Backend, call: Call, grant: Grant, clock: Clock) -> Answer:
    """Send an admitted attempt and return the whole answer. The grant is the ledger's: without one nothing is sent.

    A grant that is stale on the monotonic clock raises `Overloaded`, certainly unsent: it takes a new admission.
    """
    _check(call, grant, clock)
    return await backend.complete(call)


@asynccontextmanager
async def send_stream(backend: Backend, call: Call, grant: Grant, clock: Clock) -> AsyncIterator[AsyncIterator[Piece]]:
    """Send an admitted attempt; inside the context its answer arrives, whole where a backend can't stream."""
    _check(call, grant, clock)
    if isinstance(backend, Streams):
        async with backend.stream(call) as pieces:
            yield pieces
    else:
        async with aclosing(_one_by_one(await backend.complete(call))) as pieces:
            yield pieces


async def send_embed(backend: Backend, call: EmbedCall, grant: Grant, clock: Clock) -> EmbedAnswer:
    """Send admitted texts and return their vectors. Raises `NotHere` (unsupported) where a backend makes none."""
    _check(call, grant, clock)
    if not isinstance(backend, Embeds):
        raise NotHere("it makes no embeddings", provider="", model=call.model, kind="unsupported")
    return await backend.embed(call)


def _check(call: Call | EmbedCall, grant: Grant, clock: Clock) -> None:
    if call.attempt_id != grant.attempt_id:
        raise RuntimeError(f"the grant is for attempt {grant.attempt_id}, not for {call.attempt_id}")
    if grant.at is not None and clock.monotonic() - grant.at > GRANT_KEEPS:
        stale = Overloaded("the process was stopped between admission and sending", provider="", kind="connection")
        # Known to the ledger as unsent: everything is given back.
        stale.billed = False
        raise stale


async def _one_by_one(answer: Answer) -> AsyncGenerator[Piece, None]:
    for piece in pieces_of(answer):
        yield piece
