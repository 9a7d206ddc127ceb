"""A cancellation that a plugin raises by itself is its mistake; one of the caller's passes untouched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from shunpike.client import Client
from shunpike.errors import PluginError
from shunpike.types import Answer, Call, Chunk
from shunpike_testkit.scripted import ScriptedProvider, answer

from .plugged import client


class Stop(BaseException):
    """What a stranger may think of."""


KEPT: list[BaseException] = []


async def cancelled_elsewhere() -> None:
    """Raise the event loop's own cancellation, of a scope that is over."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.lowlevel.checkpoint()
        except BaseException as error:
            KEPT[:] = [error]
            raise
    raise KEPT[0]


async def raises(error: BaseException) -> None:
    raise error


WRONG: dict[str, Callable[[], Any]] = {
    "a cancellation of the loop": cancelled_elsewhere,
    "CancelledError": lambda: raises(asyncio.CancelledError("stray")),
    "GeneratorExit": lambda: raises(GeneratorExit()),
    "another BaseException": lambda: raises(Stop("now")),
    "a group of them": lambda: raises(BaseExceptionGroup("all", [Stop("now"), ValueError("odd")])),
    "SystemExit": lambda: raises(SystemExit(3)),
}


class Backend:
    """Runs what goes wrong, with a call or at a place in a stream."""

    def __init__(self, wrong: Callable[[], Any], place: str) -> None:
        self._wrong, self._place = wrong, place

    async def complete(self, call: Call) -> Answer:
        del call
        await self._wrong()
        return answer()

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        del call
        if self._place == "entering":
            await self._wrong()
        yield self._chunks()
        if self._place == "leaving":
            await self._wrong()

    async def _chunks(self) -> AsyncIterator[Chunk]:
        if self._place == "first":
            await self._wrong()
        yield Chunk(text="fine")
        if self._place == "later":
            await self._wrong()
        yield Chunk(finish_reason="stop", usage=answer().usage)

    async def aclose(self) -> None:
        """Nothing is open."""


def opened(wrong: Callable[[], Any], place: str = "", *, alone: bool = False) -> Client:
    sick = ScriptedProvider("sick")
    sick.backend = Backend(wrong, place)  # type: ignore[assignment]
    return client(sick, *(() if alone else (ScriptedProvider("well"),)))


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_a_backend_raises_by_itself_is_its_mistake_and_the_next_one_answers(wrong: str) -> None:
    """It reached the caller, and ended its task."""
    async with opened(WRONG[wrong]) as asked:
        assert (await asked.complete("hi")).provider == "well"
    async with opened(WRONG[wrong], alone=True) as asked:
        with pytest.raises(PluginError, match="sick-plugin"):
            await asked.complete("hi")


async def read(asked: Client) -> tuple[Any, str]:
    async with asked.stream("hi") as stream:
        return stream, "".join([chunk.text async for chunk in stream])


@pytest.mark.parametrize("place", ["entering", "first", "later", "leaving"])
@pytest.mark.parametrize("wrong", WRONG)
async def test_so_it_is_wherever_a_stream_goes_wrong(wrong: str, place: str) -> None:
    async with opened(WRONG[wrong], place) as asked:
        if place == "later":
            with pytest.raises(PluginError, match="sick-plugin"):
                await read(asked)
            return
        stream, text = await read(asked)
        assert text == "fine"
        assert stream.completion.provider == ("sick" if place == "leaving" else "well")


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_cancellation_of_the_callers_passes_untouched(*, streamed: bool) -> None:
    """By a scope around it, while the backend waits."""
    begun = anyio.Event()

    async def wait() -> None:
        begun.set()
        await anyio.sleep_forever()

    ended: list[str] = []

    async def ask(asked: Client) -> None:
        try:
            if streamed:
                async with asked.stream("hi"):
                    pass
            else:
                await asked.complete("hi")
        except anyio.get_cancelled_exc_class():
            ended.append("cancelled")
            raise

    async with opened(wait, "entering") as asked:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, asked)
            await begun.wait()
            tasks.cancel_scope.cancel()
    assert ended == ["cancelled"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_that_is_cancelled_is_cancelled(anyio_backend: str) -> None:
    """As asyncio's own users do it, with no scope of anyio's around."""
    del anyio_backend
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.sleep(3_600)

    async with opened(wait) as asked:
        task = asyncio.create_task(asked.complete("hi"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_request_that_is_closed_while_it_waits_is_closed(anyio_backend: str) -> None:
    """Python says so with a `GeneratorExit` where it waits: nothing may be awaited then."""
    del anyio_backend

    async def wait() -> None:
        await asyncio.Event().wait()

    async with opened(wait) as asked:
        running = asked.complete("hi")
        steps = running.__await__()  # type: ignore[attr-defined]
        for _ in range(3):
            next(steps)
            await asyncio.sleep(0)


async def test_ctrl_c_is_the_persons() -> None:
    async with opened(lambda: raises(KeyboardInterrupt())) as asked:
        with pytest.raises(KeyboardInterrupt):
            await asked.complete("hi")
