"""The only place from which anything is sent to a provider: a test proves that no other call site exists."""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import cast

from shunpike.assembly import chunks_of
from shunpike.clock import Clock
from shunpike.errors import NotHere, Overloaded
from shunpike.not_sent import before_sending
from shunpike.protocols import Backend, Embeds, ReadStream, Streams
from shunpike.reasoning.apart import ApartStream, set_apart
from shunpike.routing.blaming import checked
from shunpike.types import Answer, Call, Chunk, EmbedAnswer, EmbedCall, Grant

UNSENT = "unsent"
"""The kind of a failure of our own, before the first byte: it says nothing of the provider."""
GRANT_KEEPS = 10.0
"""Seconds after which a grant is stale: the process was stopped meanwhile, and what it was judged by has moved on."""


async def send(backend: Backend, call: Call, grant: Grant, clock: Clock, expires_mono: float = math.inf) -> Answer:
    """Send an admitted attempt and return the whole answer. The grant is the ledger's: without one nothing is sent.

    A grant that is stale, or came after the request's end at ``expires_mono``, raises `Overloaded`, certainly unsent:
    everything that it held is given back.
    """
    with before_sending:
        _check(call, grant, clock, expires_mono)
    answer: object = await backend.complete(call)
    # What is no answer is told of by whoever checks it.
    return set_apart(answer, call) if isinstance(answer, Answer) else cast("Answer", answer)


@asynccontextmanager
async def send_stream(
    backend: Backend, call: Call, grant: Grant, clock: Clock, expires_mono: float = math.inf, plugin: str = ""
) -> AsyncIterator[AsyncIterator[Chunk]]:
    """Send an admitted attempt; inside the context its answer arrives, whole where a backend can't stream.

    Raises `PluginError`, naming ``plugin``, where what such a backend gives is no answer.
    """
    with before_sending:
        _check(call, grant, clock, expires_mono)
    if isinstance(backend, Streams):
        opened: object = backend.stream(call)
        if inspect.iscoroutine(opened):
            opened.close()
        async with cast("AbstractAsyncContextManager[AsyncIterator[Chunk]]", opened) as chunks:
            yield chunks if isinstance(chunks, ReadStream) else ApartStream(chunks, call)
    else:
        answer = set_apart(checked(await backend.complete(call), Answer, plugin, "its backend"), call)
        async with aclosing(_one_by_one(answer)) as chunks:
            yield chunks


async def send_embed(
    backend: Backend, call: EmbedCall, grant: Grant, clock: Clock, expires_mono: float = math.inf
) -> EmbedAnswer:
    """Send admitted texts and return their vectors. Raises `NotHere` (unsupported) where a backend makes none."""
    with before_sending:
        _check(call, grant, clock, expires_mono)
    if not isinstance(backend, Embeds):
        raise NotHere("it makes no embeddings", provider="", model=call.model, kind="unsupported")
    return await backend.embed(call)


def _check(call: Call | EmbedCall, grant: Grant, clock: Clock, expires_mono: float) -> None:
    if call.attempt_id != grant.attempt_id:
        raise RuntimeError(f"the grant is for attempt {grant.attempt_id}, not for {call.attempt_id}")
    now_mono = clock.monotonic()
    if grant.at_mono is not None and now_mono - grant.at_mono > GRANT_KEEPS:
        raise Overloaded("the process was stopped between admission and sending", provider="", kind=UNSENT)
    if now_mono >= expires_mono:
        raise Overloaded("the timeout had passed when it was admitted", provider="", kind=UNSENT)


async def _one_by_one(answer: Answer) -> AsyncGenerator[Chunk, None]:
    for chunk in chunks_of(answer):
        yield chunk
