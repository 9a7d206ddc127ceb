"""When a full limit opens is told exactly, however many slots have to expire before that."""

from __future__ import annotations

import pytest

from shunpike.ledger.windows import GUARD
from shunpike.types import Calendar, Denial, Rolling, Settlement, State, Unit
from shunpike_postgres.statements import PAGE
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import hold, reservation, settled

SLOTS = PAGE + 50


@pytest.mark.parametrize("needed", [1, PAGE - 1, PAGE, PAGE + 1, SLOTS])
async def test_the_moment_is_that_at_which_enough_has_expired(postgres_url: str, needed: int) -> None:
    """One token a second was used; a prompt of ``needed`` tokens waits for so many of them."""
    clock = VirtualClock()
    store = PostgresStore(postgres_url, clock=clock, trust_clock=True)
    window, start = Rolling(seconds=100_000), clock.now()
    for number in range(SLOTS):
        name = f"a{number}"
        await store.admit(reservation(name, clock.now(), hold(1, SLOTS, Unit.INPUT_TOKEN, window)))
        await store.settle(name, settled(clock.now(), prompt=1))
        clock.advance(1)
    denial = await store.admit(reservation("b", clock.now(), hold(needed, SLOTS, Unit.INPUT_TOKEN, window)))
    await store.aclose()
    assert isinstance(denial, Denial)
    assert denial.retry_at == start + needed - 1 + window.seconds + GUARD


async def test_ends_that_nobody_knows_do_not_make_denials_slow(postgres_url: str) -> None:
    """Each is a slot of its own; the limit's reset tells when it opens, and no more than a page of them is read."""
    clock = VirtualClock()
    store = PostgresStore(postgres_url, clock=clock, trust_clock=True)
    day = Calendar(period="day")
    for number in range(SLOTS):
        name = f"a{number}"
        await store.admit(reservation(name, clock.now(), hold(1, SLOTS, window=day)))
        await store.settle(name, Settlement(state=State.UNCONFIRMED, at=clock.now()))
    denial = await store.admit(reservation("b", clock.now(), hold(1, SLOTS, window=day)))
    await store.aclose()
    assert isinstance(denial, Denial)
    assert denial.retry_at == 1_800_057_600.0 + GUARD
