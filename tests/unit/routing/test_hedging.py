"""A slow answer gets a rival at another provider: the first wins, the other is cancelled and settled; it is rare."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from shunpike.client import Client
from shunpike.errors import Overloaded, RequestError
from shunpike.routing.hedge_budget import REQUESTS_PER_HEDGE, HedgeBudget, has_room, hedge_after
from shunpike.types import Answer, Billing, Calendar, Call, Chunk, Held, Limit, Price, Remaining, Rolling, Speed, Unit
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, Step, answer

from .test_fall_over import ask, client, many


class Paced(ScriptedBackend):
    """Answers after so many seconds of the client's clock, the last of them for ever."""

    def __init__(self, steps: Sequence[Step], *seconds: float) -> None:
        super().__init__(steps)
        self.client: Client | None = None
        self.seconds = list(seconds)

    async def _wait(self) -> None:
        assert self.client is not None
        await self.client.clock.sleep(self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0])

    @override
    async def complete(self, call: Call) -> Answer:
        await self._wait()
        return await super().complete(call)

    @override
    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        async with super().stream(call) as chunks:
            await self._wait()
            yield chunks


def paced(name: str, *seconds: float, steps: Sequence[Step] = (), **fields: Any) -> ScriptedProvider:
    made = many(name, models=1, **fields)
    made.backend = Paced(steps or [answer(name)], *seconds)
    return made


async def warm(opened: Client, *providers: ScriptedProvider, streamed: bool = False, **options: Any) -> None:
    """Let the first be known as one that answers within a second."""
    for one in providers:
        assert isinstance(one.backend, Paced)
        one.backend.client = opened
    for _ in WARM:
        assert (await ask(opened, streamed=streamed, **options)).provider == providers[0].name


WARM = (*[1.5] * 4, *[1.0] * 26)
"""Within two seconds."""
SLOW = (*WARM, 50.0)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_slow_answer_is_overtaken_and_the_loser_is_cancelled_and_settled(*, streamed: bool) -> None:
    first, second = paced("first", *SLOW), paced("second", 0.5)
    async with client(first, second, hedge=True) as opened:
        await warm(opened, first, second, streamed=streamed)
        began = opened.clock.monotonic()
        done = await ask(opened, streamed=streamed)
        assert done.provider == "second"
        assert opened.clock.monotonic() - began < 5.0
        assert "second/m00 was asked as well: first/m00 gave nothing within" in done.decision.notes[0]
        assert {one.provider: one.error for one in done.attempts} == {"first": "cancelled", "second": None}
        rows = await opened.usage(0.0, 1e11)
        assert [row.held for row in rows] == [0] * len(rows)
    assert (first.backend.open, second.backend.open) == (0, 0)


async def test_nobody_is_asked_beside_a_fast_answer_nor_unless_it_is_wished() -> None:
    for hedge, last, options in ((True, 1.0, {}), (False, 50.0, {}), (True, 50.0, {"priority": "batch"})):
        first, second = paced("first", *WARM, last), paced("second", 0.5)
        async with client(first, second, hedge=hedge) as opened:
            await warm(opened, first, second)
            assert (await opened.complete("hello", **options)).provider == "first"
        assert second.backend.calls == []


async def test_the_first_may_still_win() -> None:
    first, second = paced("first", *WARM, 4.0), paced("second", 50.0)
    async with client(first, second) as opened:
        await warm(opened, first, second, hedge=True)
        done = await opened.complete("hello", hedge=True)
    assert (done.provider, {one.provider: one.error for one in done.attempts}) == (
        "first",
        {"second": "cancelled", "first": None},
    )


@pytest.mark.parametrize("failing", ["first", "second"])
async def test_that_one_of_the_two_fails_is_no_failure_of_the_request(failing: str) -> None:
    down = Overloaded("down", provider="", status=503)
    steps: dict[str, list[Step]] = {
        "first": [*[answer("first")] * 30, down if failing == "first" else answer("first")],
        "second": [down if failing == "second" else answer("second")],
    }
    first, second = paced("first", *WARM, 4.0, steps=steps["first"]), paced("second", 4.0, steps=steps["second"])
    async with client(first, second, hedge=True) as opened:
        await warm(opened, first, second)
        done = await opened.complete("hello")
    assert done.provider == ("second" if failing == "first" else "first")


async def test_a_refused_request_ends_both() -> None:
    refused = RequestError("no", provider="", status=400)
    first = paced("first", *WARM, 4.0, steps=[*[answer("first")] * 30, refused])
    second = paced("second", 50.0)
    async with client(first, second, hedge=True) as opened:
        await warm(opened, first, second)
        began = opened.clock.monotonic()
        with pytest.raises(RequestError):
            await opened.complete("hello")
        assert opened.clock.monotonic() - began < 5.0
        assert [row.held for row in await opened.usage(0.0, 1e11)] == [0, 0]


async def test_what_is_free_is_not_hedged_with_what_costs_money_nor_with_what_is_scarce() -> None:
    tiny = Limit(unit=Unit.REQUEST, amount=50, window=Calendar(period="day"))
    budget = {"allow_paid": True, "budgets": [{"amount": {"pico": 10**13}, "period": "day"}]}
    for rival in (
        paced("paid", 0.5, billing=Billing.CARD, price=Price.per_million("1", "2")),
        paced("scarce", 0.5, limits=[tiny]),
    ):
        first = paced("first", *SLOW)
        async with client(first, rival, hedge=True, **budget) as opened:
            await warm(opened, first, rival)
            assert (await opened.complete("hello")).provider == "first"
        assert rival.backend.calls == []


@given(wants=st.lists(st.booleans(), max_size=2_000))
def test_at_most_one_request_in_twenty_is_hedged_however_many_are_slow(wants: Sequence[bool]) -> None:
    budget, taken = HedgeBudget(), 0
    for number, slow in enumerate(wants, 1):
        budget.counted()
        taken += slow and budget.take()
        assert taken * REQUESTS_PER_HEDGE <= number


def test_a_hedge_waits_for_what_95_of_100_answers_do_not_exceed() -> None:
    known = Speed(samples=30, first_token=0.5, first_token_p95=2.0, tokens_per_second=50.0)
    assert hedge_after(known, 100, streamed=True) == 2.0
    assert hedge_after(known, 100, streamed=False) == 4.0
    for unknown in (None, Speed(), Speed(samples=3, first_token=0.5, tokens_per_second=50.0)):
        assert hedge_after(unknown, 100, streamed=True) is None
    assert hedge_after(Speed(samples=30, first_token_p95=2.0), 100, streamed=False) is None


DAY, MINUTE = Calendar(period="day"), Rolling(seconds=60)


@pytest.mark.parametrize(
    ("unit", "window", "amount", "left", "room"),
    [
        (Unit.REQUEST, MINUTE, 30, 6, True),
        (Unit.REQUEST, MINUTE, 30, 5, False),
        (Unit.TOTAL_TOKEN, MINUTE, 6_000, 1_000, False),
        (Unit.REQUEST, DAY, 99, 99, False),
        (Unit.REQUEST, Rolling(seconds=86_400), 99, 99, False),
        (Unit.REQUEST, DAY, 100, 100, True),
        (Unit.REQUEST, DAY, 1_000, 199, False),
        (Unit.CONCURRENT, Held(), 4, 1, True),
        (Unit.CONCURRENT, Held(), 4, 0, False),
    ],
)
def test_nothing_scarce_is_hedged_into(unit: Unit, window: Any, amount: int, left: int, *, room: bool) -> None:
    limit = Limit(unit=unit, amount=amount, window=window)
    assert has_room([Remaining(limit=limit, bucket="b", used=amount - left, left=left)]) is room
