"""Clocks of machines that use one database: whatever they show, and whenever they are set, no window is forgotten."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from typing_extensions import override

from shunpike.clock import SystemClock
from shunpike.errors import StoreError
from shunpike.types import Block, Denial, Grant, Sample
from shunpike_postgres import shift
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.stores import hold, reservation, settled

from .rig import rows

DAY = 86_400.0
FOLDED = """
INSERT INTO totals (day, provider, model, requests, answered, released, unconfirmed, prompt_tokens, completion_tokens,
    cost_pico, credit_pico, list_pico)
VALUES (20000, 'north', 'm-1', 7, 7, 0, 0, 1, 1, 5, 0, 0)"""


class Wrong(SystemClock):
    """A clock that is set."""

    ahead = 0.0

    @override
    def now(self) -> float:
        """Return what it shows."""
        return super().now() + self.ahead


@asynccontextmanager
async def machine(url: str, ahead: float = 0.0) -> AsyncIterator[tuple[PostgresStore, Wrong]]:
    clock = Wrong()
    clock.ahead = ahead
    store = PostgresStore(url, clock=clock)
    try:
        yield store, clock
    finally:
        await store.aclose()


async def fill(store: PostgresStore, count: int) -> None:
    for number in range(count):
        assert isinstance(await store.admit(reservation(f"full-{number}", time.time(), hold(1, count))), Grant)
        await store.settle(f"full-{number}", settled(time.time()))


@pytest.mark.parametrize("seconds", [120, -600, 10**9])
async def test_a_clock_that_is_set_between_two_requests_wipes_nobodys_window(postgres_url: str, seconds: float) -> None:
    """The first request afterwards is judged by the database's clock already, and so are all that follow."""
    async with machine(postgres_url) as (right, _), machine(postgres_url) as (wrong, clock):
        await wrong.check()
        await fill(right, 5)
        clock.ahead = seconds
        for number, store in enumerate((wrong, right, wrong, right)):
            now = clock.now() if store is wrong else time.time()
            assert isinstance(await store.admit(reservation(f"more-{number}", now, hold(1, 5))), Denial)
        await right.check()


async def test_a_clock_that_is_set_while_a_request_waits_wipes_nobodys_window(postgres_url: str) -> None:
    """Made before the clock was set, judged afterwards: it can't be of later than now."""
    async with machine(postgres_url) as (right, _), machine(postgres_url) as (wrong, clock):
        await wrong.check()
        await fill(right, 5)
        for number, seconds in enumerate((-600, 0, 600)):
            made = clock.now()
            clock.ahead = seconds
            assert isinstance(await wrong.admit(reservation(f"wrong-{number}", made, hold(1, 5))), Denial)
            assert isinstance(await right.admit(reservation(f"right-{number}", time.time(), hold(1, 5))), Denial)
        await right.check()


@pytest.mark.parametrize("seconds", [600, -600])
async def test_an_answer_that_came_before_the_clock_was_set_counts_for_a_whole_window(
    postgres_url: str, seconds: float
) -> None:
    """Its headers were dated by the clock as it was before: set forward, they seem to be of long ago."""
    async with machine(postgres_url) as (store, clock):
        begun = time.time()
        assert isinstance(await store.admit(reservation("a", clock.now(), hold(1, 5))), Grant)
        headers_at = clock.now()
        clock.ahead = seconds
        assert await store.settle("a", settled(clock.now(), headers_at=headers_at))
        ((expires,),) = await anyio.to_thread.run_sync(rows, postgres_url, "SELECT expires_at FROM slots")
        assert begun + 60 <= expires <= time.time() + 62


async def test_a_time_that_came_too_slowly_is_not_believed(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured before goes on to hold; without it nothing can be admitted."""
    monkeypatch.setattr(shift, "_CLOCK", f"{shift._CLOCK} FROM pg_sleep(0.1)")
    monkeypatch.setattr(shift, "_LONGEST", 0.05)
    async with machine(postgres_url) as (store, _):
        with pytest.raises(StoreError, match="answers too slowly to tell the time") as caught:
            await store.admit(reservation("a", time.time(), hold(1, 1)))
        assert "how busy" in str(caught.value.hint)


async def test_the_first_look_of_a_machine_whose_clock_is_wrong_is_right(postgres_url: str) -> None:
    """What is closed and what was used, before anything else has asked the database for its time."""
    async with machine(postgres_url) as (right, _):
        now = time.time()
        await right.admit(reservation("a", now, hold(1, 5)))
        block = Block(bucket="gate", until=now + 60, reason="rate_limited")
        await right.settle("a", settled(now, blocks=(block,)))
    async with machine(postgres_url, -90) as (wrong, clock):
        found = await wrong.closed(clock.now())
        assert 55 < found["gate"].until - clock.now() < 65
    async with machine(postgres_url, -90) as (wrong, clock):
        assert [row.requests for row in await wrong.usage(clock.now() - 30, clock.now() + 1)] == [1]


@pytest.mark.parametrize("ahead", [-1.0, 0.0, 1.0])
async def test_a_folded_day_is_the_same_day_by_every_clock(postgres_url: str, ahead: float) -> None:
    async with machine(postgres_url, ahead) as (store, _):
        await store.check()
        rows(postgres_url, FOLDED)
        found = [await store.usage(day * DAY, (day + 1) * DAY) for day in (19_999, 20_000, 20_001)]
    assert [[row.requests for row in day] for day in found] == [[], [7], []]


@pytest.mark.parametrize("ahead", [-3_600.0, 3_600.0])
async def test_what_others_learned_is_newer_by_every_clock(postgres_url: str, ahead: float) -> None:
    """A machine that is ahead would take its own old figure for newer than all that comes."""
    async with machine(postgres_url) as (right, _), machine(postgres_url, ahead) as (wrong, clock):
        now = clock.now()
        await wrong.admit(reservation("a", now))
        await wrong.settle("a", settled(now, samples=(Sample(name="m", value=1.0, at=now),)))
        assert abs((await wrong.factors())["m"].at - now) < 1
        assert abs((await right.factors())["m"].at - time.time()) < 5
