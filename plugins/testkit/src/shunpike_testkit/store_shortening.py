"""The part of the store contract that is about windows which were shown to be shorter: ``ledger/shortening.py``."""

from __future__ import annotations

from pathlib import Path

from shunpike.ledger.capabilities import Learns
from shunpike.ledger.windows import GUARD
from shunpike.types import Grant, Limit, Rolling, Sighting, Unit, WindowObservation
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.store_limit_updates import StoreLimitUpdatesContract, update
from shunpike_testkit.stores import able, denied, hold, reservation, settled


class StoreShorteningContract(StoreLimitUpdatesContract):
    """The whole contract of a store: its base, time, what it learns, also of windows."""

    async def test_a_limit_that_begins_counts_what_it_is_said_to_have_used(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """It takes the place of one with a longer window, whose bucket has counted until now."""
        one, short = hold(1, 10), Limit(unit=Unit.REQUEST, amount=10, window=Rolling(seconds=3))
        taught = update("short", clock.now(), short, amount=10, remaining=4, resets_at=clock.now() + 3)
        async with self.opened(tmp_path, clock) as store:
            able(store, Learns)
            await store.admit(reservation("a", clock.now(), one))
            begins = taught.model_copy(update={"begins": True})
            await store.settle("a", settled(clock.now(), limit_updates=(begins,)))
            now = hold(1, 10, window=short.window, bucket="short")
            assert (await store.remaining([now], clock.now()))[0].used == 6
            clock.advance(3 + GUARD)
            assert (await store.remaining([now], clock.now()))[0].used == 0
            await store.check()

    async def test_what_was_seen_of_a_window_is_kept_and_the_last_conclusion_holds(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Another process that has not heard of it goes on with what it sees; it takes nothing back."""
        one, now = hold(1, 10), clock.now()
        log = (
            Sighting(started=now, seen=now + 1, left=3, wait=2.0),
            Sighting(started=now + 2, seen=now + 3, since=now),
        )
        shown = WindowObservation(
            seconds=3.0, at=now, changed_at=now, origin="header x", log=log[:1], fixed=2.5, failures=1
        )
        unaware = WindowObservation(told_at=now, wait=2.0, amount=10, log=log)
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            for name, span in (("a", shown), ("b", unaware), ("c", None)):
                await store.admit(reservation(name, clock.now(), one))
                taught = update(one.bucket, clock.now(), span=span)
                await store.settle(name, settled(clock.now(), limit_updates=(taught,)))
            kept = (await learns.observations())[one.bucket].span
        assert kept == shown.model_copy(update={"log": log, "amount": 10, "told_at": now, "wait": 2.0})

    async def test_an_attempt_that_makes_room_for_a_test_counts_until_then_only(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """One at a time: what another process wanted to test meanwhile counts for the whole window."""
        one, now = hold(1, 3), clock.now()
        async with self.opened(tmp_path, clock) as store:
            able(store, Learns)
            for name in ("a", "b", "c"):
                await store.admit(reservation(name, now, one))
                span = WindowObservation(tests=1, test_at=now + 5, tester=name) if name != "a" else None
                await store.settle(name, settled(now, limit_updates=(update(one.bucket, now, span=span),)))
            assert (await store.remaining([one], now))[0].used == 3
            clock.advance(5)
            assert isinstance(await store.admit(reservation("test", clock.now(), one)), Grant)
            denial = denied(await store.admit(reservation("next", clock.now(), one)))
            assert denial.retry_at == now + 60 + GUARD
            await store.check()
