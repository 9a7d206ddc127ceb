"""What was seen is not believed for ever, and not at all where it was dated by a clock that was ahead."""

from __future__ import annotations

import pytest

from shunpike.ledger.learning import BELIEVED_FOR, Believed, is_believed
from shunpike.ledger.windows import CLOCK_SLACK
from shunpike.types import Proof
from shunpike_testkit.targets import limit, target

from .taught import House, seen

MINUTE = limit(30)
YEAR = 365 * 86_400.0


@pytest.mark.parametrize(
    ("age", "believed"),
    [(0.0, True), (BELIEVED_FOR, True), (BELIEVED_FOR + 1, False), (-CLOCK_SLACK, True), (-CLOCK_SLACK - 1, False)],
)
def test_a_proof_is_believed_for_a_week_and_not_from_the_future(age: float, believed: bool) -> None:
    proofs = Believed({"b": Proof(bucket="b", at=1e9 - age, origin="x")}, 1e9)
    assert is_believed(Proof(bucket="b", at=1e9 - age, origin="x"), 1e9) is believed
    assert ("b" in proofs, len(proofs), list(proofs)) == (believed, int(believed), ["b"] * believed)


async def test_a_figure_that_nothing_confirms_gives_way_to_the_published_one() -> None:
    """The plan may have changed: a request that only fits the published figure is not impossible for ever."""
    house = House([MINUTE])
    await house.ends(seen(amount=5, window_seconds=60.0))
    assert await house.left() == [4]
    house.clock.advance(BELIEVED_FOR)
    assert await house.left() == [5]
    house.clock.advance(1)
    assert await house.left() == [30]


async def test_a_figure_that_answers_confirm_stays() -> None:
    house = House([MINUTE])
    for _ in range(4):
        await house.ends(seen(amount=5, window_seconds=60.0))
        house.clock.advance(BELIEVED_FOR / 2)
    assert await house.left() == [5]


async def test_a_figure_from_a_clock_that_was_ahead_is_not_believed() -> None:
    """Once the clock is right, the published figure holds, until an answer teaches another one."""
    house = House([MINUTE])
    house.clock.set_back(-YEAR)
    await house.ends(seen(amount=500, remaining=400, window_seconds=60.0))
    house.clock.set_back(YEAR)
    house.clock.advance(3_600)
    assert [one.limit.amount for one in await house.books.remaining(target())] == [30]
    await house.ends(seen(amount=20, remaining=0, window_seconds=60.0))
    assert await house.left() == [0]
