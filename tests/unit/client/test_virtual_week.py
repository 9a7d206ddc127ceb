"""A client on a virtual clock: whatever it waits for, no real time passes."""

from __future__ import annotations

from random import Random

import anyio
import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted
from shunpike.plugins import Host
from shunpike.types import Calendar, Limit, Rolling, Settings, Unit
from shunpike.virtual_clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, Hanging, MakeClient

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

WEEK = 7 * 86_400.0
REQUESTS = 3_000
A_DAY = 250
A_MINUTE = 1


async def test_a_deadline_on_a_virtual_clock_ends_after_its_virtual_seconds(make_client: MakeClient) -> None:
    async with make_client(Hanging("only")) as client:
        with pytest.raises(Exhausted, match="no answer in time"):
            await client.complete("hi", timeout=1_000_000)
        assert client.clock.monotonic() == pytest.approx(1_000_000.0, abs=0.1)


async def test_a_stream_on_a_virtual_clock_ends_with_its_deadline(make_client: MakeClient) -> None:
    async with make_client(Hanging("only")) as client:
        with pytest.raises(Exhausted, match="no answer in time"):
            async with client.stream("hi", timeout=1_000) as stream:
                async for _ in stream:
                    pass
        assert client.clock.monotonic() == pytest.approx(1_000.0, abs=0.1)


async def test_a_week_of_requests_passes_with_every_wait_on_the_clock() -> None:
    """About as many as two providers admit: many wait for a minute's limit, some for the next day."""
    limits = (
        Limit(unit=Unit.REQUEST, amount=A_MINUTE, window=Rolling(seconds=60)),
        Limit(unit=Unit.REQUEST, amount=A_DAY, window=Calendar(period="day")),
    )
    host, clock, chance = Host(), VirtualClock(START), Random(20261128)
    host.register(builtin, "builtin")
    providers = [ScriptedProvider(name, answer(), limits=limits) for name in ("first", "second")]
    asked: list[float] = []
    for one in providers:
        complete = one.backend.complete

        async def slow(call, complete=complete):  # type: ignore[no-untyped-def]
            asked.append(clock.monotonic())
            await clock.sleep(chance.uniform(0.2, 20))
            return await complete(call)

        one.backend.complete = slow  # type: ignore[method-assign]
        host.register(one, one.name)
    answered, waited = 0, 0.0
    async with Client(Settings(store="memory:"), host=host, clock=clock, environ={}) as client:

        async def ask(at: float) -> None:
            nonlocal answered, waited
            await clock.sleep(at)
            since = clock.monotonic()
            await client.complete("hello", timeout=2 * 86_400)
            answered, waited = answered + 1, waited + clock.monotonic() - since

        async with anyio.create_task_group() as group:
            for _ in range(REQUESTS):
                # Busy hours: half of a day's requests within two of its hours.
                day, busy = chance.randrange(7) * 86_400.0, chance.random() < 0.5
                group.start_soon(ask, day + (chance.uniform(9, 11) * 3_600 if busy else chance.uniform(0, 86_400)))
    assert (answered, len(asked)) == (REQUESTS, REQUESTS)
    assert clock.monotonic() > WEEK - 86_400
    assert waited > REQUESTS * 20, "the limits should have made it wait"
    for name in ("first", "second"):
        assert max(_a_day(asked)) <= 2 * A_DAY, name


def _a_day(moments: list[float]) -> list[int]:
    days = [int((START + one) // 86_400) for one in moments]
    return [days.count(day) for day in set(days)]
