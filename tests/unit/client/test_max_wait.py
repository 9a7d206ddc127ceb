"""How long a request waits for what opens: no longer than ``max_wait``, all its pauses together."""

from __future__ import annotations

import anyio
import pytest

from shunpike.errors import Exhausted, Overloaded, RateLimited, UsageError
from shunpike.types import Held, Limit, Rolling, Unit
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, MakeClient
from .test_waiting import slow

MINUTE = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))
ONE_AT_ONCE = Limit(unit=Unit.CONCURRENT, amount=1, window=Held())


def opens_after(seconds: float) -> RateLimited:
    """Return a refusal that names the moment, so many seconds after the beginning."""
    error = RateLimited("slow down", provider="only", status=429)
    error.retry_at = START + seconds
    return error


async def test_a_window_that_opens_within_it_is_waited_for(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", limits=[MINUTE])) as client:
        await client.complete("hello")
        await client.clock.sleep(45)
        done = await client.complete("hello", max_wait="20s")
        assert client.clock.monotonic() == pytest.approx(61, abs=0.1)
    assert done.decision.notes == ("waited 16.0 s for only: limit 1 request / 60 s",)


async def test_a_window_that_opens_after_it_fails_at_once_and_tells_the_moment(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", limits=[MINUTE])) as client:
        await client.complete("hello")
        with pytest.raises(Exhausted, match="1 request / 60 s") as caught:
            await client.complete("hello", max_wait=20, timeout=600)
        assert client.clock.monotonic() == 0
        assert caught.value.retry_at == client.clock.now() + 61


async def test_what_running_calls_hold_is_waited_for_no_longer(make_client: MakeClient) -> None:
    """Nobody knows when it comes back: the request waits as long as it may, and then says so."""
    only, backend = slow(ONE_AT_ONCE, seconds=300)
    async with make_client(only) as client:
        backend.clock = client.clock
        async with anyio.create_task_group() as group:
            group.start_soon(client.complete, "first")
            while not backend.running:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(Exhausted, match="after waiting 20.0 s"):
                await client.complete("second", max_wait=20, timeout=600)
            assert client.clock.monotonic() == pytest.approx(20, abs=0.1)
            group.cancel_scope.cancel()
    assert backend.prompts == ["first"]


async def test_a_moment_that_the_provider_named_is_waited_for_within_it_and_not_beyond(
    make_client: MakeClient,
) -> None:
    async with make_client(ScriptedProvider("only", opens_after(15), answer("fine"))) as client:
        assert (await client.complete("hello", max_wait=20, timeout=600)).text == "fine"
        assert client.clock.monotonic() == pytest.approx(15, abs=1.6)
    async with make_client(ScriptedProvider("only", opens_after(45), answer("fine"))) as client:
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello", max_wait=20, timeout=600)
        assert client.clock.monotonic() == pytest.approx(0, abs=0.1)
        assert caught.value.retry_at is not None
        assert caught.value.retry_at - client.clock.now() == pytest.approx(45, abs=5)


async def test_pauses_add_up_and_the_time_of_attempts_does_not_count(make_client: MakeClient) -> None:
    only, backend = slow(seconds=30)
    steps = iter([opens_after(42), opens_after(84)])
    backend._next = lambda call: next(steps)
    async with make_client(only) as client:
        backend.clock = client.clock
        with pytest.raises(Exhausted):
            await client.complete("hello", max_wait=20, timeout=600)
        assert client.clock.monotonic() == pytest.approx(72, abs=2), "two attempts and one pause"
    assert len(backend.prompts) == 2


async def test_somebody_else_is_asked_at_once_all_the_same(make_client: MakeClient) -> None:
    first = ScriptedProvider("first", Overloaded("busy", provider="first", status=503))
    async with make_client(first, ScriptedProvider("second", limits=[MINUTE])) as client:
        assert (await client.complete("hello", max_wait=1)).provider == "second"
        assert client.clock.monotonic() < 1


async def test_what_is_no_span_of_time_is_rejected(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only")) as client:
        with pytest.raises(UsageError, match="max_wait must be"):
            await client.complete("hello", max_wait="soon")
