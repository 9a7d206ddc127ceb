"""What was seen is not believed for ever, and not at all where it was dated by a clock that was ahead."""

from __future__ import annotations

import pytest

from shunpike.ledger.learning import BELIEVED_FOR, Believed, is_believed
from shunpike.ledger.windows import CLOCK_SLACK, GUARD
from shunpike.types import Denial, Evidence, Grant, Observation
from shunpike_testkit.targets import limit, target

from .taught import Rig, seen

MINUTE = limit(30)
YEAR = 365 * 86_400.0


@pytest.mark.parametrize(
    ("age", "believed"),
    [(0.0, True), (BELIEVED_FOR, True), (BELIEVED_FOR + 1, False), (-CLOCK_SLACK, True), (-CLOCK_SLACK - 1, False)],
)
def test_a_observation_is_believed_for_a_week_and_not_from_the_future(age: float, believed: bool) -> None:
    observations = Believed({"b": Observation(bucket="b", at=1e9 - age, origin="x")}, 1e9)
    assert is_believed(Observation(bucket="b", at=1e9 - age, origin="x"), 1e9) is believed
    assert ("b" in observations, len(observations), list(observations)) == (believed, int(believed), ["b"] * believed)


async def test_a_figure_that_nothing_confirms_gives_way_to_the_published_one() -> None:
    """The plan may have changed: a request that only fits the published figure is not impossible for ever."""
    rig = Rig([MINUTE])
    await rig.ends(seen(amount=5, window_seconds=60.0))
    assert await rig.left() == [4]
    rig.clock.advance(BELIEVED_FOR)
    assert await rig.left() == [5]
    rig.clock.advance(1)
    assert await rig.left() == [30]


async def test_a_figure_that_answers_confirm_stays() -> None:
    rig = Rig([MINUTE])
    for _ in range(4):
        await rig.ends(seen(amount=5, window_seconds=60.0))
        rig.clock.advance(BELIEVED_FOR / 2)
    assert await rig.left() == [5]


async def test_a_figure_from_a_clock_that_was_ahead_is_not_believed() -> None:
    """Once the clock is right, the published figure holds, until an answer teaches another one."""
    rig = Rig([MINUTE])
    rig.clock.set_back(-YEAR)
    await rig.ends(seen(amount=500, remaining=400, window_seconds=60.0))
    rig.clock.set_back(YEAR)
    rig.clock.advance(3_600)
    assert [one.limit.amount for one in await rig.books.remaining(target())] == [30]
    await rig.ends(seen(amount=20, remaining=0, window_seconds=60.0))
    assert await rig.left() == [0]


async def test_a_denial_under_a_clock_that_was_ahead_is_forgotten_when_it_is_right() -> None:
    """Nor is it listed as closed; what the provider says then closes again."""
    rig = Rig([MINUTE])
    rig.clock.set_back(-YEAR)
    await rig.refused(seen(amount=500, remaining=400, window_seconds=60.0), wait=15)
    rig.clock.set_back(YEAR)
    assert await rig.books.closed() == {}
    assert isinstance(await rig.ends(), Denial), "what was counted meanwhile counts for a window"
    rig.clock.advance(60 + GUARD)
    assert isinstance(await rig.refused(wait=36), Grant)
    denial = await rig.ends()
    assert isinstance(denial, Denial)
    assert denial.retry_at == rig.clock.now() + 36
    assert list(await rig.books.closed()) == [denial.bucket]


async def test_a_reset_that_is_later_than_the_window_ends_is_tested_by_one_request_in_each_window() -> None:
    """The slot of such a limit update would look as if the clock had been set back: it closes, and is in doubt."""
    rig = Rig([limit(10)])
    reset = rig.clock.now() + 600
    await rig.ends(seen(amount=10, remaining=0, resets_at=reset, window_seconds=60.0))
    for _ in range(3):
        denial = await rig.ends()
        assert isinstance(denial, Denial)
        tested = rig.clock.now() + 60 + GUARD
        assert (denial.retry_at, denial.block and denial.block.reason) == (tested, "north said 0 left (header x)")
        rig.clock.advance(60 + GUARD)
        await rig.ends(seen(amount=10, remaining=0, resets_at=reset, window_seconds=60.0))
    rig.clock.advance(60 + GUARD)
    assert isinstance(await rig.ends(), Grant)
    assert await rig.books.closed() == {}


async def test_what_is_left_of_a_longer_reset_is_not_closed_and_lowers_for_the_window() -> None:
    rig = Rig([limit(10)])
    await rig.ends(seen(amount=10, remaining=2, resets_at=rig.clock.now() + 600, window_seconds=60.0))
    rig.clock.advance(60 + GUARD)
    assert isinstance(await rig.ends(), Grant)
    assert await rig.left() == [2]
    assert await rig.books.closed() == {}


async def test_a_reset_within_the_window_needs_no_block() -> None:
    rig = Rig([limit(10)])
    await rig.ends(seen(amount=10, remaining=0, resets_at=rig.clock.now() + 60, window_seconds=60.0))
    assert (await rig.books.closed(), await rig.left()) == ({}, [0])


@pytest.mark.parametrize(
    ("evidence", "longest", "tested"),
    [((seen(remaining=0, window_seconds=60.0),), 25 * 3_600.0, 60.0), ((), 31 * 86_400.0 + 3_600, 3_600.0)],
    ids=["a minute", "no limit"],
)
async def test_a_wait_that_would_not_be_believed_is_shortened_and_then_asked_again(
    evidence: tuple[Evidence, ...], longest: float, tested: float
) -> None:
    """Else a limit that is closed for longer would be open at once. Long before, it is tested."""
    rig = Rig([MINUTE])
    now = rig.clock.now()
    await rig.refused(*evidence, wait=YEAR)
    assert [one.until for one in (await rig.books.closed()).values()] == [now + longest]
    denial = await rig.ends()
    assert isinstance(denial, Denial)
    assert denial.retry_at == now + tested + GUARD
