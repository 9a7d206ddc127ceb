"""The part of the store contract on limit updates: what a provider was seen to say of a limit, and what it closes.

A store that lacks a capability (see ``shunpike.ledger.capabilities``) is not held to it; the test is skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shunpike.ledger.capabilities import Learns
from shunpike.ledger.learning import BELIEVED_FOR
from shunpike.ledger.windows import GUARD
from shunpike.types import (
    Block,
    Confidence,
    Denial,
    Grant,
    Held,
    Hold,
    Limit,
    LimitUpdate,
    Observation,
    Rolling,
    Unit,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.store_principals import StorePrincipalsContract
from shunpike_testkit.stores import able, booked, denied, hold, reservation, settled

MINUTE = Limit(unit=Unit.REQUEST, amount=10, window=Rolling(seconds=60))


def update(bucket: str, at: float, limit: Limit = MINUTE, **seen: Any) -> LimitUpdate:
    """Return what an answer taught of ``bucket``."""
    return LimitUpdate(limit=limit, observation=Observation(bucket=bucket, at=at, origin="header x", **seen))


GATE = hold(0, 0, Unit.CONCURRENT, Held(), bucket="gate")
SAID = ((GATE, 31 * 86_400.0), (hold(1, 10), 86_400.0))
YEAR = 365 * 86_400.0


class StoreLimitUpdatesContract(StorePrincipalsContract):
    """The whole contract of a store: its base, time, and what it learns."""

    async def test_less_left_than_by_the_books_is_taken_until_the_reset(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """The provider knows of more than we sent; more left than by our books changes nothing."""
        one, start = hold(1, 10), clock.now()
        async with self.opened(tmp_path, clock) as store:
            able(store, Learns)
            for number, (left, used) in enumerate(((4, 6), (9, 7))):
                taught = update(one.bucket, clock.now(), remaining=left, resets_at=start + 20)
                await store.admit(reservation(f"a{number}", clock.now(), one))
                await store.settle(f"a{number}", settled(clock.now(), limit_updates=(taught,)))
                assert (await store.remaining([one], clock.now()))[0].used == used
            clock.advance(20 + GUARD)
            assert (await store.remaining([one], clock.now()))[0].used == 2

    async def test_a_limit_update_of_a_limit_that_nothing_uses_is_kept(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """There is no bucket to take anything of; the observation stands all the same."""
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            await store.admit(reservation("a", clock.now()))
            await store.settle("a", settled(clock.now(), limit_updates=(update("unused", clock.now(), remaining=0),)))
            assert (await learns.observations())["unused"].remaining == 0

    async def test_a_limit_that_no_catalog_lists_is_kept_and_counts_what_is_used_of_it(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Its bucket is made by the answer that told of it; later figures leave it what it is."""
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            for name, left in (("a", 4), ("b", 3)):
                first = {"unlisted": MINUTE} if name == "a" else {}
                taught = update("told", clock.now(), amount=10, remaining=left, **first)
                await booked(store, reservation(name, clock.now()), settled(clock.now(), limit_updates=(taught,)))
            assert (await learns.observations())["told"].unlisted == MINUTE
            (one,) = await store.remaining([hold(1, 10, bucket="told")], clock.now())
            assert one.used == 7
            await store.check()

    async def test_a_denial_without_an_amount_bounds_the_figure_by_what_was_in_use(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """What every process uses of it counts, with what was refused; a later amount takes the bound away."""
        one = hold(1, 10)
        refused = settled(clock.now(), limit_updates=(update(one.bucket, clock.now(), remaining=0, overages=1),))
        stated = settled(clock.now(), limit_updates=(update(one.bucket, clock.now(), amount=8),))
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            for number in range(8):
                await store.admit(reservation(f"a{number}", clock.now(), one))
            for number in range(6):
                await store.settle(f"a{number}", settled(clock.now()))
            await store.settle("a6", refused)
            bound = (await learns.observations())[one.bucket].bound
            assert bound is not None
            assert (bound.amount, bound.at, bound.origin) == (7, clock.now(), "header x: refused with 8 in use")
            await store.settle("a7", stated)
            assert (await learns.observations())[one.bucket].bound is None
            await store.check()

    async def test_older_or_lesser_evidence_moves_nothing_and_overages_add_up(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """An answer that arrives late does not reopen what a newer one has closed."""
        one, now = hold(1, 10), clock.now()
        told = [
            update(one.bucket, now, amount=8, remaining=3, overages=1),
            update(one.bucket, now - 30, amount=50, remaining=0, overages=1),
            update(one.bucket, now + 1, amount=60, confidence=Confidence.REPORTED),
            update(one.bucket, now + 2, remaining=7),
        ]
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            for number, taught in enumerate(told):
                await booked(store, reservation(f"a{number}", now, one), settled(now + 3, limit_updates=(taught,)))
            observation = (await learns.observations())[one.bucket]
        assert (observation.amount, observation.remaining, observation.at, observation.overages) == (8, 7, now + 2, 2)

    async def test_what_has_expired_does_not_hide_what_the_provider_counts(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """It said that nothing is left: nothing is granted until its reset, though our own full window has passed."""
        one = hold(1, 10)
        async with self.opened(tmp_path, clock) as store:
            able(store, Learns)
            for number in range(9):
                await booked(store, reservation(f"old{number}", clock.now(), one), settled(clock.now()))
            clock.advance(50)
            await store.admit(reservation("last", clock.now(), one))
            clock.advance(15)
            taught = update(one.bucket, clock.now(), amount=10, remaining=0, resets_at=clock.now() + 55)
            await store.settle("last", settled(clock.now(), limit_updates=(taught,)))
            assert isinstance(await store.admit(reservation("next", clock.now(), one)), Denial)
            clock.advance(55 + GUARD)
            assert isinstance(await store.admit(reservation("next", clock.now(), one)), Grant)

    async def test_an_answer_that_outlasts_its_window_hides_nothing_either(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """By its end its own slot has expired: it is no part of what the provider counts."""
        one, start = hold(5, 10, Unit.TOTAL_TOKEN), clock.now()
        async with self.opened(tmp_path, clock) as store:
            able(store, Learns)
            await store.admit(reservation("long", start, one))
            clock.advance(90)
            taught = update(one.bucket, start, remaining=0, resets_at=start + 120)
            ended = settled(clock.now(), output=5, headers_at=start, limit_updates=(taught,))
            await store.settle("long", ended)
            assert (await store.remaining([one], clock.now()))[0].left == 0

    async def test_what_a_clock_that_was_ahead_dated_gives_way_to_what_is_seen_now(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Else no answer would teach anything until that date has come. What was counted stays counted."""
        one, now = hold(1, 10), clock.now()
        told = (
            update(one.bucket, now + 1e7, amount=500, remaining=400, overages=1),
            update(one.bucket, now, amount=20, remaining=3),
        )
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            for number, taught in enumerate(told):
                at = taught.observation.at
                await booked(store, reservation(f"a{number}", at, one), settled(at, limit_updates=(taught,)))
            observation = (await learns.observations())[one.bucket]
            assert (observation.amount, observation.remaining, observation.at, observation.overages) == (20, 3, now, 1)
            assert (await store.remaining([one], now))[0].left == 3

    async def test_what_nobody_confirmed_for_long_gives_way_to_a_lesser_word(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Rank counts among what is believed."""
        one, amounts = hold(1, 10), []
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            for number, rank in enumerate((Confidence.OBSERVED, Confidence.REPORTED, Confidence.REPORTED)):
                taught = update(one.bucket, clock.now(), amount=number + 1, confidence=rank)
                await store.admit(reservation(f"a{number}", clock.now(), one))
                await store.settle(f"a{number}", settled(clock.now(), limit_updates=(taught,)))
                amounts.append((await learns.observations())[one.bucket].amount)
                clock.advance(BELIEVED_FOR / 2 + 1)
        assert amounts == [1, 1, 3]

    @pytest.mark.parametrize("one", [GATE, hold(1, 10)], ids=["target", "limit"])
    async def test_what_a_clock_that_was_ahead_has_closed_opens_when_it_is_right(
        self, tmp_path: Path, clock: VirtualClock, one: Hold
    ) -> None:
        """Seconds were said, and a year would be waited; a later refusal closes it again, for what it says."""
        now = clock.now()
        ahead = now + YEAR
        async with self.opened(tmp_path, clock) as store:
            for name, at, wait in (("a", ahead, 15), ("b", now, 36)):
                assert isinstance(await store.admit(reservation(name, at, one)), Grant), f"{name} was not admitted"
                block = Block(bucket=one.bucket, until=at + wait, reason=f"said {name}")
                await store.settle(name, settled(at, blocks=(block,)))
            denial = denied(await store.admit(reservation("c", now, one)))
            assert denial.block is not None
            assert (denial.retry_at, denial.block.reason) == (now + 36, "said b")
            assert isinstance(await store.admit(reservation("d", now + 36, one)), Grant)

    async def test_a_clock_that_is_set_back_opens_nothing_that_was_closed(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """A day that was said for a minute's limit, a month for a whole target: for so long it may have been meant."""
        now, minute = clock.now(), hold(1, 10)
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", now))
            blocks = [Block(bucket=one.bucket, until=now + length, reason="x") for one, length in SAID]
            await store.settle("a", settled(now, blocks=tuple(blocks)))
            for moment in (now, now - 1_800):
                assert isinstance(await store.admit(reservation("b", moment, minute)), Denial)
                assert isinstance(await store.admit(reservation("b", moment, GATE)), Denial)

    async def test_a_settlement_that_is_written_late_undoes_nothing_newer(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Its process stood still since it ended: what others learned meanwhile is news, not of a clock ahead."""
        one, ended = hold(1, 100), clock.now()
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            for name in ("late", "new"):
                await store.admit(reservation(name, ended, one))
            clock.advance(120)
            now, told = clock.now(), {"reason": "rate_limited", "bucket": one.bucket}
            news = settled(now, limit_updates=(update(one.bucket, now, amount=20),))
            await store.settle("new", news.model_copy(update={"blocks": (Block(until=now + 90_000, **told),)}))
            late = settled(ended, limit_updates=(update(one.bucket, ended, amount=100),))
            await store.settle("late", late.model_copy(update={"blocks": (Block(until=ended + 10, **told),)}))
            assert (await learns.observations())[one.bucket].amount == 20
            assert (await store.closed(now))[one.bucket].until == now + 90_000
