"""A week at seven providers whose true limits nobody knows beforehand, on a virtual clock, beside naive clients.

``SHUNPIKE_SIMULATED_DAYS=7`` lets the naive ones play so many days as well; what is asserted holds for any number.
"""

from __future__ import annotations

import os

import pytest

from .naive import NAIVE
from .ours import OurClient
from .week import HEAD, Stage, WeekFigures, play

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

DAYS = int(os.environ.get("SHUNPIKE_SIMULATED_DAYS", "7"))
NAIVE_DAYS = int(os.environ.get("SHUNPIKE_SIMULATED_DAYS", "1"))


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """One event loop: what is tried here is what the ledger learns."""
    return str(request.param)


async def ours() -> WeekFigures:
    stage = Stage.set_up(3)
    one = OurClient(stage)
    async with one.client:
        return await play("shunpike", stage, one.ask, days=DAYS)


@pytest.mark.slow
async def test_a_week_uses_what_is_free_and_no_more_than_that() -> None:
    rows = [await ours()]
    for kind in NAIVE:
        stage = Stage.set_up(3)
        rows.append(await play(kind.__name__, stage, kind(stage).ask, days=NAIVE_DAYS))
    print(HEAD, *(one.row() for one in rows), sep="\n")
    mine, *naive = rows
    for one in mine.supplies:
        print(f"  {one.name:34}{one.used:>8,} of {one.allowed:>7,}{one.share:>8.1%}")
    print(f"  refusals: {dict(mine.refusals)}")
    assert mine.used >= 0.95, "a part of the free supply was left"
    assert all(one.share >= 0.85 for one in mine.supplies), "one provider was left alone"
    assert mine.share_429 <= 0.01, "it asked where nothing was left"
    assert (mine.spent_pico, mine.paid_attempts) == (0, 0)
    assert mine.persons_answered >= 50 * DAYS, "hardly anybody asked: the next figure says nothing"
    assert mine.availability >= 0.95, "persons were turned away though there was room"
    for other in naive:
        assert other.share_429 > 10 * mine.share_429, f"{other.name} is no worse: the week proves nothing"
