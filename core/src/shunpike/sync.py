"""The blocking face: a thin portal over the asynchronous client, which is written once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Never, Unpack

from anyio import run
from anyio.from_thread import start_blocking_portal

from shunpike.client import Client, Options
from shunpike.client.loops import loop_runs
from shunpike.client.options import Prompt
from shunpike.types import Completion, Piece


def ask(prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> Completion:
    """Return an answer, blocking. Raises what `Client.complete` raises.

    Inside a running event loop (a notebook) it blocks that loop meanwhile; a program with a loop uses `Client`.
    """

    async def work() -> Completion:
        async with Client() as client:
            return await client.complete(prompt, *others, **options)

    if not loop_runs():
        return run(work)
    with start_blocking_portal() as portal:  # in a thread, which has a loop of its own
        return portal.call(work)


def stream_sync(prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> Iterator[Piece]:
    """Yield the pieces of an answer, blocking between them. Closing the iterator closes the connection."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client()) as client,
        portal.wrap_async_context_manager(client.stream(prompt, *others, **options)) as pieces,
    ):
        while (piece := portal.call(pieces.next)) is not None:
            yield piece


def stream(prompt: Prompt = "", /, *others: Never, **options: Unpack[Options]) -> AsyncIterator[Piece]:
    """Return the pieces of an answer: ``async for piece in shunpike.stream(…)``; a piece prints as its text.

    One client for one answer, closed with it, also when the loop is left early; who asks more than once keeps a
    `Client`.
    """
    client = Client()
    return aiter(client.stream(prompt, *others, **options).then(client.aclose))
