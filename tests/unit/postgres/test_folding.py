"""Old attempts become daily totals on the server too, and nothing that still counts is lost by it."""

from __future__ import annotations

import psycopg

from shunpike.types import Calendar, Funds, Lifetime, Money, Settlement, State, Unit
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import CENT, hold, reservation, settled

DAY = 86_400.0
MONEY = hold(5 * CENT, 10_000 * CENT, Unit.USD, Lifetime())


def plain(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, options="-c search_path=shunpike") as server:
        return list(server.execute(sql))  # type: ignore[call-overload]  # a constant of the test


async def test_old_attempts_are_folded_and_the_totals_stay(postgres_url: str) -> None:
    """What is held or may be given back by hand, budgets and lifetime credits are not touched by it."""
    clock = VirtualClock(1_800_000_000.0)
    holds = (hold(1, 10**6), hold(1, 10**6, window=Calendar(period="day")), hold(40, 10**6, Unit.TOTAL_TOKEN), MONEY)
    store = PostgresStore(postgres_url, clock=clock, trust_clock=True, keep_days=2)
    for number in range(20):
        funds = Funds.CREDIT if number % 2 else Funds.PAID
        asked, more = holds[:-1] if number % 8 == 0 else holds, {"funds": funds, "tag": "t" if number % 3 else None}
        await store.admit(reservation(f"a{number}", clock.now(), *asked, worst=Money(pico=5 * CENT), **more))
        if number % 4 == 0:
            await store.settle(f"a{number}", Settlement(state=State.UNCONFIRMED, at=clock.now()))
        elif number != 19:
            await store.settle(f"a{number}", settled(clock.now(), prompt=3, pico=CENT))
        clock.advance(DAY / 4)
    clock.advance(DAY * 30)
    before = await store.usage_by(0.0, clock.now(), day=True, tag=True)
    (money,) = await store.remaining([MONEY], clock.now())
    for _ in range(3):
        await store.settle("none", settled(clock.now()))
    await store.check()
    assert await store.usage_by(0.0, clock.now(), day=True, tag=True) == before
    assert (await store.remaining([MONEY], clock.now()))[0] == money
    await store.aclose()
    assert plain(postgres_url, "SELECT id, state FROM attempts ORDER BY started_at") == [
        ("a4", "unconfirmed"),
        ("a12", "unconfirmed"),
        ("a19", "held"),
    ]
    assert plain(postgres_url, "SELECT sum(requests)::bigint FROM totals") == [(17,)]
    assert plain(postgres_url, "SELECT count(*) FROM slots WHERE expires_at < 1.8e9 + 30 * 86400") == [(0,)]


async def test_settling_by_hand_corrects_the_books_once(postgres_url: str) -> None:
    clock = VirtualClock()
    store = PostgresStore(postgres_url, clock=clock, trust_clock=True)
    for name in ("a", "b"):
        await store.admit(reservation(name, clock.now(), MONEY))
        await store.settle(name, Settlement(state=State.UNCONFIRMED, at=clock.now(), outcome="timeout"))
    assert await store.reconcile("a", Money(pico=7 * CENT), clock.now(), "invoice 7")
    assert not await store.reconcile("a", Money(), clock.now(), "again")
    assert await store.reconcile("b", Money(), clock.now(), "nothing was billed")
    assert [left.used for left in await store.remaining([MONEY, hold(1, 2)], clock.now())] == [7 * CENT, 0]
    await store.check()
    await store.aclose()
    assert plain(postgres_url, "SELECT attempt, before_pico, after_pico, note FROM reconciled ORDER BY 1") == [
        ("a", 5 * CENT, 7 * CENT, "invoice 7"),
        ("b", 5 * CENT, 0, "nothing was billed"),
    ]
