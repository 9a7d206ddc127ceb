"""What a provider says is of its own limits: not of those that the operator keeps beside or below them."""

from __future__ import annotations

import pytest

from shunpike.ledger.windows import GUARD
from shunpike.types import Calendar, Cap, Confidence, Denial, Grant, Limit, ProviderSettings, Rolling, Settings
from shunpike_testkit.targets import limit, target

from .taught import Rig, seen

DAY_LONG = 86_400.0
PACIFIC = limit(250, window=Calendar(period="day", zone="America/Los_Angeles"))
LAST_DAY = limit(1_000, window=Rolling(seconds=DAY_LONG))
MINUTE = limit(30)


def mine(amount: int, **fields: object) -> Limit:
    return limit(amount, confidence=Confidence.OPERATOR, **fields)


def rig(granted: list[Limit], *own: Limit | Cap) -> Rig:
    return Rig(granted, Settings(providers={"north": ProviderSettings(limits=own)}))


@pytest.mark.parametrize("granted", [LAST_DAY, PACIFIC], ids=["rolling", "pacific"])
async def test_a_denial_closes_nothing_of_the_operators_own(granted: Limit) -> None:
    """Both are a day of requests, and only one of them is the provider's: the wait is the same without the other."""
    waits = []
    for own in ((), (mine(500, window=Calendar(period="day")),)):
        one = rig([granted], *own)
        await one.refused(seen(amount=granted.amount, remaining=0, window_seconds=DAY_LONG), wait=578)
        denial = await one.ends()
        assert isinstance(denial, Denial)
        waits.append(denial.retry_at)
        assert len(await one.books.closed()) == 1
    assert waits[0] == waits[1]


async def test_what_is_left_at_the_provider_is_not_taken_of_the_operators_own() -> None:
    """Nor does its reset move the operator's midnight."""
    one = rig([LAST_DAY], mine(100, window=Calendar(period="day")))
    reset = one.clock.now() + 20 * 3_600
    await one.ends(seen(amount=1_000, remaining=60, resets_at=reset, window_seconds=DAY_LONG))
    assert await one.left() == [60, 99]
    one.clock.advance(17 * 3_600)
    assert await one.left() == [60, 100]


@pytest.mark.parametrize("own", [(), (Cap(percent=80),), (mine(600, window=Calendar(period="day")),)])
async def test_evidence_without_a_window_is_told_by_the_amount_that_was_granted(own: tuple[Limit | Cap, ...]) -> None:
    """A share or a smaller amount of the operator's does not hide which limit is meant."""
    one = rig([MINUTE, limit(1_000, window=Calendar(period="day"))], *own)
    await one.ends(seen(amount=1_000, remaining=3, resets_at=one.clock.now() + 3_600))
    assert (await one.left())[1] == 3


async def test_a_limit_that_the_operator_overrides_still_follows_the_provider() -> None:
    """They share a bucket: once the provider says that nothing is left, nothing is."""
    one = rig([MINUTE], mine(60, overrides=True))
    await one.ends(seen(remaining=0, resets_at=one.clock.now() + 50, window_seconds=60.0))
    assert await one.left() == [0]


async def test_no_more_is_taken_of_a_small_own_limit_than_the_provider_has_left() -> None:
    """Others use the account too: what they use is no part of the few requests that this operator wants to send."""
    one = rig([limit(1_000)], mine(10))
    await one.ends(seen(amount=1_000, remaining=500, window_seconds=60.0))
    assert await one.left() == [9]
    await one.ends(seen(amount=1_000, remaining=5, window_seconds=60.0))
    assert await one.left() == [5]


async def test_the_share_is_of_the_amount_that_was_seen() -> None:
    """The answer that corrects the amount also tells what is left: of the corrected one."""
    one = rig([MINUTE], Cap(percent=80))
    await one.ends(seen(amount=60, remaining=5, window_seconds=60.0))
    (left,) = await one.books.remaining(target())
    assert (left.limit.amount, left.left) == (48, 5)


async def test_of_several_limits_that_are_named_the_moment_is_that_of_the_last_to_open() -> None:
    """Both are used up and state a reset of their own; the refusal as a whole says a third, later moment."""
    one = rig([MINUTE, LAST_DAY])
    now = one.clock.now()
    minute = seen(remaining=0, resets_at=now + 20, window_seconds=60.0)
    day = seen(remaining=0, resets_at=now + 90, window_seconds=DAY_LONG)
    await one.refused(minute, day, wait=578)
    closed = {name.rpartition("|")[2]: gone.until - now for name, gone in (await one.books.closed()).items()}
    assert closed == {"rolling:60": 20, "rolling:86400": 578}


async def test_a_calendar_that_is_named_beside_a_minute_keeps_its_own_reset() -> None:
    one = rig([MINUTE, PACIFIC])
    now = one.clock.now()
    await one.refused(*(seen(remaining=0, window_seconds=length) for length in (60.0, DAY_LONG)), wait=7)
    one.clock.advance(7 + GUARD)
    denial = await one.ends()
    assert isinstance(denial, Denial)
    assert (denial.bucket.rpartition("|")[2], denial.retry_at) == (
        "day:America/Los_Angeles",
        now + 86_400 + GUARD,
    )


async def test_an_own_limit_where_nothing_is_granted_is_no_evidence_of_the_providers() -> None:
    """What it refuses then closes the model, as where nothing is known."""
    one = rig([], mine(100))
    await one.refused(seen(remaining=0, window_seconds=60.0), wait=30)
    assert [name.rpartition("|")[2] for name in await one.books.closed()] == ["gate"]
    one.clock.advance(30)
    assert isinstance(await one.ends(), Grant)
