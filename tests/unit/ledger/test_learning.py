"""What answers teach: every rule of the table in ``ledger/learning.py``, and that it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger import Ledger
from shunpike.ledger.learning import limits_named
from shunpike.ledger.windows import GUARD
from shunpike.types import (
    Calendar,
    Confidence,
    Denial,
    Evidence,
    Grant,
    Outcome,
    ProviderSettings,
    Rolling,
    Scope,
    Settings,
    Unit,
    Usage,
)
from shunpike.types.base import epoch
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

from .taught import Rig, seen

DAY = limit(100, window=Calendar(period="day"))
MINUTE = limit(30)
MIDNIGHT = 1_800_057_600.0


async def test_less_left_than_by_our_books_lowers_our_view_until_the_reset() -> None:
    rig = Rig([MINUTE])
    await rig.ends(seen(amount=30, remaining=12, resets_at=rig.clock.now() + 20, window_seconds=60))
    assert await rig.left() == [12]
    rig.clock.advance(20 + GUARD)
    assert await rig.left() == [29]


async def test_more_left_than_by_our_books_changes_nothing() -> None:
    rig = Rig([MINUTE])
    for left in (5, 25):
        await rig.ends(seen(amount=30, remaining=left, resets_at=rig.clock.now() + 50, window_seconds=60))
    assert await rig.left() == [4]


async def test_what_is_in_flight_is_not_counted_twice() -> None:
    """The provider has not seen it yet: its own figure is higher than ours, and lowers nothing."""
    rig = Rig([MINUTE])
    for name in ("x", "y", "z"):
        await rig.books.admit(target(), ask(name))
    await rig.ends(seen(amount=30, remaining=29, resets_at=rig.clock.now() + 50, window_seconds=60))
    assert await rig.left() == [26]


async def test_an_older_answer_that_arrives_late_moves_nothing() -> None:
    rig, start = Rig([MINUTE]), 1_800_000_000.0
    rig.clock.advance(40)
    await rig.ends(seen(amount=20, window_seconds=60))
    await rig.ends(seen(amount=50, remaining=1, window_seconds=60), headers_at=start + 1)
    assert await rig.left() == [18]


async def test_an_amount_that_was_seen_corrects_a_published_one_with_its_observation() -> None:
    rig = Rig([MINUTE])
    await rig.ends(seen(amount=45, remaining=44, window_seconds=60))
    (one,) = await rig.books.remaining(target())
    assert (one.limit.amount, one.left) == (45, 44)
    assert (one.limit.source, one.limit.confidence) == ("header x", Confidence.OBSERVED)
    assert one.limit.observed_at == epoch("2027-01-15T08:00:00+00:00")


async def test_the_operators_own_limit_stays_beside_what_was_seen() -> None:
    own = ProviderSettings(limits=(limit(10, confidence=Confidence.OPERATOR),))
    rig = Rig([MINUTE], Settings(providers={"north": own}))
    await rig.ends(seen(amount=45, window_seconds=60))
    assert await rig.left() == [9]
    await rig.ends(seen(amount=5, window_seconds=60))
    assert await rig.left() == [3]


async def test_a_denial_closes_exactly_the_window_that_it_names() -> None:
    """The day's quota was named, with a delay of seconds: the day stays closed, the minute was never in question."""
    rig = Rig([MINUTE, DAY])
    await rig.refused(seen(amount=100, remaining=0, window_seconds=86_400.0))
    rig.clock.advance(120)
    denial = await rig.ends()
    assert isinstance(denial, Denial)
    assert (denial.bucket, denial.retry_at) == ("north/default|model:m-1|request|day:UTC", MIDNIGHT + GUARD)
    assert list(await rig.books.closed()) == [denial.bucket]


async def test_a_denial_that_names_a_minute_reopens_with_it() -> None:
    rig = Rig([MINUTE, DAY])
    await rig.refused(seen(remaining=0, resets_at=rig.clock.now() + 7, window_seconds=60.0), wait=7)
    assert isinstance(await rig.ends(), Denial)
    rig.clock.advance(7 + GUARD)
    assert isinstance(await rig.ends(), Grant)


async def test_a_denial_although_the_books_said_free_is_counted_and_takes_the_difference() -> None:
    rig = Rig([MINUTE, DAY])
    await rig.refused(seen(amount=20, remaining=0, resets_at=rig.clock.now() + 30, window_seconds=60.0), wait=30)
    minute, day = await rig.books.remaining(target())
    assert (minute.limit.amount, minute.left, minute.overages, day.overages) == (20, 0, 1, 0)
    (row,) = await rig.books.usage(0.0, 1e12)
    assert (row.overages, row.released) == (1, 1)


async def test_a_denial_where_no_limit_is_known_is_no_overage() -> None:
    rig = Rig([])
    await rig.refused()
    assert [row.overages for row in await rig.books.usage(0.0, 1e12)] == [0]


@pytest.mark.parametrize(
    ("evidence", "buckets"),
    [
        (seen(window_seconds=60.0), ["minute"]),
        (seen(window_seconds=86_400.0), ["day"]),
        (seen(), []),
        (seen(amount=100), ["day"]),
        (seen(Unit.TOTAL_TOKEN, window_seconds=60.0), []),
        (seen(Unit.TOTAL_TOKEN, amount=9, window_seconds=60.0), ["tokens of all"]),
        (seen(Unit.INPUT_TOKEN), []),
    ],
)
def test_evidence_that_fits_several_limits_must_tell_which(evidence: Evidence, buckets: list[str]) -> None:
    in_force = {
        "minute": MINUTE,
        "day": DAY,
        "tokens": limit(5, Unit.TOTAL_TOKEN),
        "tokens of all": limit(9, Unit.TOTAL_TOKEN, scope=Scope.ACCOUNT),
    }
    assert list(limits_named(evidence, in_force)) == buckets


async def test_what_was_learned_is_there_for_the_next_process(tmp_path: Path) -> None:
    clock = VirtualClock()
    for amount in (50, None):
        store = SqliteStore(tmp_path / "ledger.db", clock=clock)
        books = Ledger(store, clock, Settings(), lambda _: [MINUTE])
        if amount is not None:
            await books.admit(target(), ask())
            seen_now = seen(amount=amount, remaining=3, resets_at=clock.now() + 20, window_seconds=60.0)
            await books.settle(target(), ask(), Outcome(at=clock.now(), usage=Usage(), evidence=(seen_now,)))
        (one,) = await books.remaining(target())
        assert (one.limit.amount, one.left, one.limit.source) == (50, 3, "header x")
        await store.check()
        await store.aclose()


async def test_a_day_of_unknown_shape_is_kept_in_both_and_learned_as_one() -> None:
    rig = Rig([limit(10, window=Rolling(seconds=86_400), shape="unknown")])
    assert await rig.left() == [10, 10]
    await rig.ends(seen(amount=8, remaining=4, window_seconds=86_400.0))
    assert await rig.left() == [4, 4]
    rig.clock.advance(MIDNIGHT - rig.clock.now() + GUARD)
    assert await rig.left() == [4, 8]


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    ("unit", "amount"),
    [(Unit.REQUEST, 0), (Unit.INPUT_TOKEN, 7), (Unit.OUTPUT_TOKEN, 2), (Unit.TOTAL_TOKEN, 10)],
)
async def test_an_amount_smaller_than_what_was_served_with_it_is_not_believed(
    *, listed: bool, unit: Unit, amount: int
) -> None:
    """One such header closed the model as "too large" for a week: nobody could be told otherwise."""
    rig = Rig([limit(5_000, unit)] if listed else [])
    usage = Usage(prompt_tokens=8, completion_tokens=3)
    await rig.ends(seen(unit, amount=amount, remaining=0, window_seconds=60.0), usage=usage)
    rig.clock.advance(60 + GUARD)
    assert isinstance(await rig.ends(), Grant)
    assert [one.limit.amount for one in await rig.books.remaining(target())] == ([5_000] if listed else [])


async def test_a_denial_may_say_that_nothing_is_allowed() -> None:
    rig = Rig([MINUTE])
    await rig.refused(seen(amount=0, remaining=0, window_seconds=60.0))
    assert [one.limit.amount for one in await rig.books.remaining(target())] == [0]


@pytest.mark.parametrize(("unit", "amount"), [(Unit.REQUEST, 0), (Unit.TOTAL_TOKEN, 0), (Unit.TOTAL_TOKEN, 1)])
async def test_a_denial_with_a_limit_that_allows_nothing_and_yet_resets_is_not_believed(
    unit: Unit, amount: int
) -> None:
    """It would never be asked again, for a week, by any process."""
    rig = Rig([limit(30), limit(6_000, unit=Unit.TOTAL_TOKEN)])
    await rig.refused(seen(unit=unit, amount=amount, remaining=0, resets_at=rig.clock.now() + 1))
    assert [one.limit.amount for one in await rig.books.remaining(target())] == [30, 6_000]
