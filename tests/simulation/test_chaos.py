"""C0: the chaos soak. ``SHUNPIKE_CHAOS=10000`` asks so often; the default is what every run can afford."""

from __future__ import annotations

import os

import pytest

from .chaos import RATE, UNREACHABLE, Soak

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

REQUESTS = int(os.environ.get("SHUNPIKE_CHAOS", "500"))


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """One event loop: what is tried here is routing and the books."""
    return str(request.param)


@pytest.mark.slow
async def test_c0_whatever_goes_wrong_nothing_is_lost_and_the_books_are_equal() -> None:
    found = await Soak(REQUESTS, seed=5).run()
    print(found, f"{found.attempts_per_request:.3f} attempts per request")
    assert (found.asked, found.lost) == (REQUESTS, 0)
    assert found.answered >= 0.995 * REQUESTS, found.errors
    assert found.attempts_per_request <= 1.6
    assert found.sent > REQUESTS / (1 - (RATE + UNREACHABLE) / 3), "hardly anything went wrong: it proves nothing"
    assert found.overages == 0, "a limit was overstepped"
    assert found.doubled == 0, "an attempt was settled twice"
    assert found.unknown == 0, "a provider saw an attempt that the ledger does not have"
    assert (found.under_booked, found.unequal) == (0, 0), "the books differ"
    assert 0 < found.billed_pico <= found.booked_pico == found.ledger_pico
    assert found.held == 0, "something is held though nothing runs"
