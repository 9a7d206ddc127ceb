"""The functions for one answer, blocking or not: each opens a client, asks it and closes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Never, Unpack

from anyio import run
from anyio.lowlevel import checkpoint

from shunpike.client import Client, Options, Stream
from shunpike.client.loops import loop_runs
from shunpike.client.options import Prompt
from shunpike.loop_thread import LoopThread
from shunpike.types import Chunk, Completion


def ask(prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> Completion:
    """Return an answer, blocking. Raises what `Client.complete` raises.

    Inside a running event loop (a notebook) it blocks that loop meanwhile; a program with a loop uses `Client`.
    """

    async def work() -> Completion:
        async with Client() as client:
            return await client.complete(prompt, *others, **options)

    if not loop_runs():
        return run(work)
    loop = LoopThread(checkpoint)  # the client is closed by then
    try:
        return loop.run(work)
    finally:
        loop.close()


def stream_sync(prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> Iterator[Chunk]:
    """Yield the chunks of an answer, blocking between them. Closing the iterator closes the connection.

    A mistake in the call itself raises `UsageError` at once, all else at the first chunk.
    """
    client = Client()
    return _chunks(client, client.stream(prompt, *others, **options))


def _chunks(client: Client, stream: Stream) -> Iterator[Chunk]:
    loop = LoopThread(client.aclose)
    try:
        loop.run(stream.__aenter__)
        while (chunk := loop.run(stream.next)) is not None:
            yield chunk
    finally:
        loop.close()


def stream(prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> AsyncIterator[Chunk]:
    """Return the chunks of an answer: ``async for chunk in shunpike.stream(…)``; a chunk prints as its text.

    One client for one answer, closed with it, also when the loop is left early; who asks more than once keeps a
    `Client`. A mistake in the call itself raises `UsageError` at once.
    """
    client = Client()
    return aiter(client.stream(prompt, *others, **options).then(client.aclose))
