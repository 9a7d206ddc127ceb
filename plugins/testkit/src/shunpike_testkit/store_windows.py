"""The part of the store contract that is about time: windows, resets, clocks that jump, crashes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from shunpike.ledger.windows import GUARD
from shunpike.protocols import Store
from shunpike.types import Calendar, Denial, DeniedBy, Grant, Held, Lifetime, Rolling, Settlement, State, Unit
from shunpike.types.ledger import Spread
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.store_clocks import StoreClockContract
from shunpike_testkit.stores import CENT, booked, denied, hold, reservation, settled

PACIFIC_DAY = Calendar(period="day", zone="America/Los_Angeles")
DAY_BOUNDS = [
    ("2026-03-08T08:00", "2026-03-09T07:00"),  # 23 hours
    ("2026-11-01T07:00", "2026-11-02T08:00"),  # 25 hours
    ("2026-06-01T07:00", "2026-06-02T07:00"),
]


def at(text: str) -> float:
    """Return epoch seconds of an ISO moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class StoreTimeContract(StoreClockContract):
    """The whole contract of a store: its base, and everything about time."""

    async def test_a_rolling_slot_counts_from_the_answers_headers(self, tmp_path: Path, clock: VirtualClock) -> None:
        """In flight it counts however long that takes, then for the window and the guard."""
        start = clock.now()
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", start, hold(1, 1)))
            early = await store.admit(reservation("b", start + 300, hold(1, 1)))
            assert isinstance(early, Denial), "a slot in flight must count, however old"
            assert early.retry_at == start + 300 + 60 + GUARD
            await store.settle("a", settled(start + 310, headers_at=start + 305))
            opens = start + 305 + 60 + GUARD
            denial = denied(await store.admit(reservation("b", opens - 0.001, hold(1, 1))))
            assert denial.retry_at == opens, "the earliest moment must be exact: it is what callers sleep to"
            assert isinstance(await store.admit(reservation("b", opens, hold(1, 1))), Grant)

    async def test_attempts_that_are_spread_wait_for_each_other_in_every_store_on_one_place(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """The gap is one between admissions, whoever made the last; what used nothing was none."""
        hour = hold(10, 100, window=Rolling(seconds=3_600)).model_copy(update={"spread": Spread(whole=100)})
        start, unsent = clock.now(), Settlement(state=State.RELEASED, at=clock.now() + 500, keeps_request=False)
        async with self.opened(tmp_path, clock) as one, self.opened(tmp_path, clock) as two:
            first, other = (one, two) if self.shared else (one, one)
            assert isinstance(await first.admit(reservation("a", start, hour)), Grant)
            (left,) = await other.remaining([hour], start)
            assert left.admitted_at == pytest.approx(start, abs=0.01)
            denial = denied(await other.admit(reservation("b", start, hour)))
            assert (denial.by, denial.used) == (DeniedBy.PACE, 10)
            assert denial.retry_at == pytest.approx(start + 400, abs=0.01)
            clock.advance(500)
            assert isinstance(await other.admit(reservation("c", clock.now(), hour)), Grant)
            assert isinstance(await other.admit(reservation("d", clock.now(), hour)), Denial)
            clock.advance(3_600)
            await other.settle("a", settled(start + 1))
            assert await other.settle("c", unsent)
            assert isinstance(await other.admit(reservation("e", clock.now(), hour)), Grant)

    async def test_unused_tokens_come_back_a_guard_after_the_settlement(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Until it has booked the end of the answer, the provider may count all that was asked for; some always do."""
        rolling, reserved = hold(80, 100, Unit.TOTAL_TOKEN), hold(80, 100, Unit.OUTPUT_TOKEN)
        reserved = reserved.model_copy(update={"limit": reserved.limit.model_copy(update={"counts": "reserved"})})
        start = clock.now()
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", start, rolling, reserved))
            await store.settle("a", settled(start + 5, output=10, headers_at=start + 1))
            denial = await store.admit(reservation("b", start + 5, rolling))
            assert isinstance(denial, Denial), "unused tokens were given back at once"
            assert denial.retry_at == start + 5 + GUARD
            assert isinstance(await store.admit(reservation("b", start + 5 + GUARD, rolling)), Grant)
            left = await store.remaining([rolling, reserved], start + 5 + GUARD)
            assert [one.used for one in left] == [90, 80]

    async def test_cached_tokens_count_but_where_the_settlement_says_that_they_do_not(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Which limits count them is the provider's way; what was answered and what it cost are the same for all."""
        free, counted = hold(80, 100, Unit.TOTAL_TOKEN), hold(70, 100, Unit.INPUT_TOKEN)
        start = clock.now()
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", start, free, counted))
            done = settled(start + 1, prompt=60, output=10, cached=45, uncached=(free.bucket,))
            await store.settle("a", done)
            left = await store.remaining([free, counted], start + 1 + GUARD)
            assert [one.used for one in left] == [25, 60]

    async def test_the_earliest_moment_is_when_enough_has_expired(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Not when the first slot expires, and not when the last one does."""
        start = clock.now()
        async with self.opened(tmp_path, clock) as store:
            for number, tokens in enumerate((30, 30, 40)):
                moment = start + 10 * number
                await store.admit(reservation(f"a{number}", moment, hold(tokens, 100, Unit.TOTAL_TOKEN)))
                await store.settle(f"a{number}", settled(moment, output=tokens))
            denial = denied(await store.admit(reservation("b", start + 30, hold(50, 100, Unit.TOTAL_TOKEN))))
            assert denial.retry_at == start + 10 + 60 + GUARD

    async def test_a_denial_names_the_limit_that_opens_last(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Waiting for any other would end in the next denial."""
        hour, start = Rolling(seconds=3_600), clock.now()
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", start, hold(1, 1), hold(1, 1, window=hour)), settled(start))
            denial = denied(await store.admit(reservation("b", start + 1, hold(1, 1), hold(1, 1, window=hour))))
            assert denial.limit is not None
            assert (denial.limit.window, denial.retry_at) == (hour, start + 3_600 + GUARD)

    @pytest.mark.parametrize(("begins", "ends"), DAY_BOUNDS, ids=["23 hours", "25 hours", "24 hours"])
    async def test_a_day_ends_at_midnight_of_its_zone(
        self, tmp_path: Path, clock: VirtualClock, begins: str, ends: str
    ) -> None:
        """A quota of a Pacific day opens at Pacific midnight, also where the clocks change."""
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", at(begins) + 5, hold(1, 1, window=PACIFIC_DAY)))
            await store.settle("a", settled(at(begins) + 6))
            denial = denied(await store.admit(reservation("b", at(ends) - 2, hold(1, 1, window=PACIFIC_DAY))))
            assert denial.retry_at == at(ends) + GUARD
            granted = await store.admit(reservation("b", at(ends) + GUARD, hold(1, 1, window=PACIFIC_DAY)))
            assert isinstance(granted, Grant)

    async def test_an_attempt_over_midnight_counts_in_both_days(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Nobody knows in which one the provider counts it."""
        midnight, day = at("2026-06-02T00:00"), Calendar(period="day")
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", midnight - 60, hold(1, 1, window=day)))
            await store.settle("a", settled(midnight + 60, headers_at=midnight - 30))
            denial = denied(await store.admit(reservation("b", midnight + 3_600, hold(1, 1, window=day))))
            assert denial.retry_at == at("2026-06-03T00:00") + GUARD

    async def test_a_month_ends_with_its_last_day(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Months have their own lengths, and December is followed by January."""
        month = Calendar(period="month")
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", at("2026-12-15T00:00"), hold(1, 1, window=month)))
            await store.settle("a", settled(at("2026-12-15T00:01")))
            denial = denied(await store.admit(reservation("b", at("2026-12-31T23:00"), hold(1, 1, window=month))))
            assert denial.retry_at == at("2027-01-01T00:00") + GUARD

    async def test_what_is_used_up_for_good_never_opens_by_waiting(self, tmp_path: Path, clock: VirtualClock) -> None:
        """A spent credit has no next day; one that is only held may come back."""
        money = hold(60 * CENT, 100 * CENT, Unit.USD, Lifetime())
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", clock.now(), money))
            held = denied(await store.admit(reservation("b", clock.now(), money)))
            assert held.retry_at is not None
            await store.settle("a", settled(clock.now(), pico=60 * CENT))
            clock.advance(10 * 365 * 86_400)
            spent = denied(await store.admit(reservation("b", clock.now(), money)))
            assert (spent.retry_at, spent.impossible) == (None, False)

    async def test_concurrency_is_free_again_when_a_call_ends(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Whatever became of the call."""
        one = hold(1, 1, Unit.CONCURRENT, Held())
        async with self.opened(tmp_path, clock) as store:
            for name, state in (("a", State.SETTLED), ("b", State.RELEASED), ("c", State.UNCONFIRMED)):
                assert isinstance(await store.admit(reservation(name, clock.now(), one)), Grant)
                denial = denied(await store.admit(reservation(f"{name}-too", clock.now(), one)))
                assert denial.retry_at is not None, "it opens as soon as a call ends"
                await store.settle(name, Settlement(state=state, at=clock.now()))

    async def test_a_clock_that_is_set_back_opens_nothing(self, tmp_path: Path, clock: VirtualClock) -> None:
        """What was counted after a reset still counts when the clock shows the time before it again."""
        day, noon = Calendar(period="day"), at("2026-06-02T00:30")
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", noon, hold(1, 1, window=day), hold(1, 1)), settled(noon))
            for moment in (noon - 3_600, noon - 3_590):
                assert isinstance(await store.admit(reservation("b", moment, hold(1, 1, window=day))), Denial)
                assert isinstance(await store.admit(reservation("b", moment, hold(1, 1))), Denial)

    async def test_what_is_used_under_a_clock_set_back_counts_when_it_is_right_again(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """The provider's new day had begun: what is sent then belongs to it, whatever our clock showed."""
        day, after = Calendar(period="day"), at("2026-06-02T00:30")
        async with self.opened(tmp_path, clock) as store:
            for name, moment in (("a", after), ("b", after - 3_600)):
                await booked(store, reservation(name, moment, hold(1, 2, window=day)), settled(moment))
            denial = await store.admit(reservation("c", after + 600, hold(1, 2, window=day)))
            assert isinstance(denial, Denial), "an attempt sent while the clock was set back was forgotten"

    async def test_who_asks_late_forgets_nothing(self, tmp_path: Path, clock: VirtualClock) -> None:
        """A process that stood still since it made its reservation has set no clock back: what counts still counts."""
        asked = clock.now()
        async with self.opened(tmp_path, clock) as store:
            clock.advance(200)
            await booked(store, reservation("a", clock.now(), hold(2, 2)), settled(clock.now()))
            assert isinstance(await store.admit(reservation("late", asked, hold(1, 2))), Denial)
            clock.advance(30)
            assert isinstance(await store.admit(reservation("b", clock.now(), hold(1, 2))), Denial)

    async def test_a_clock_that_was_years_ahead_does_not_close_for_years(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """A machine that woke up in 2036 and was corrected waits a window, or two days, and no longer."""
        day, wrong, right = Calendar(period="day"), at("2036-01-01T12:00"), at("2026-06-02T12:00")
        async with self.opened(tmp_path, clock) as store:
            clock.advance(wrong - clock.now())
            await booked(store, reservation("a", wrong, hold(1, 1, window=day), hold(1, 1)), settled(wrong))
            clock.set_back(wrong - right)
            rolling = denied(await store.admit(reservation("b", right, hold(1, 1))))
            assert rolling.retry_at == right + 60 + GUARD
            calendar = denied(await store.admit(reservation("b", right, hold(1, 1, window=day))))
            assert calendar.retry_at == at("2026-06-04T00:00") + GUARD

    async def test_a_caller_that_goes_away_while_waiting_holds_nothing(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Cancelled before or during its turn: only callers that got their grant hold anything."""
        granted: list[str] = []

        async def ask(store: Store, name: str) -> None:
            if isinstance(await store.admit(reservation(name, clock.now(), hold(1, 100))), Grant):
                granted.append(name)

        async with self.opened(tmp_path, clock) as store:
            for turns in range(12):
                async with anyio.create_task_group() as group:
                    group.start_soon(ask, store, f"a{turns}")
                    for _ in range(turns):
                        await anyio.lowlevel.checkpoint()
                    group.cancel_scope.cancel()
            rows = await store.usage(0.0, clock.now() + 1)
            assert sum(row.held for row in rows) == len(granted), "a caller that got no grant left something held"
            assert (await store.remaining([hold(1, 100)], clock.now()))[0].used == len(granted)

    async def test_a_caller_that_is_cancelled_twice_holds_nothing(
        self, tmp_path: Path, clock: VirtualClock, anyio_backend_name: str
    ) -> None:
        """As an impatient owner of a task does: the second time while what was granted is being given back."""
        if anyio_backend_name != "asyncio":
            pytest.skip("a cancelled scope stays cancelled here: there is no second time")
        granted = 0
        async with self.opened(tmp_path, clock) as store:
            for turns in range(12):
                one = asyncio.ensure_future(store.admit(reservation(f"a{turns}", clock.now(), hold(1, 100))))
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                one.cancel()
                await anyio.lowlevel.checkpoint()
                one.cancel()
                with suppress(asyncio.CancelledError):
                    granted += isinstance(await one, Grant)
            # Whatever was queued is done before this one.
            assert not await store.settle("nobody's", settled(clock.now()))
            assert (await store.remaining([hold(1, 100)], clock.now()))[0].used == granted

    async def test_the_ledger_outlives_its_process(self, tmp_path: Path, clock: VirtualClock) -> None:
        """What was settled stays; what was in flight is unconfirmed, at its worst case, and can't be settled late."""
        if not self.persistent:
            pytest.skip("this store forgets, as it says")
        money, request = hold(9 * CENT, 100 * CENT, Unit.USD, Lifetime()), hold(1, 10)
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", clock.now(), money, request), settled(clock.now(), pico=CENT))
            await store.admit(reservation("b", clock.now(), money, request))
        clock.advance(5)
        async with self.opened(tmp_path, clock) as store:
            assert not await store.settle("b", settled(clock.now(), pico=0))
            assert [one.used for one in await store.remaining([money, request], clock.now())] == [10 * CENT, 2]
            (row,) = await store.usage(0.0, clock.now())
            assert (row.held, row.unconfirmed, row.cost.pico) == (0, 1, 10 * CENT)

    async def test_two_stores_on_one_place_share_every_limit(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Opening a second one does not take a living owner for dead."""
        if not self.shared:
            pytest.skip("this store is not shared, as it says")
        async with self.opened(tmp_path, clock) as one:
            await one.admit(reservation("a", clock.now(), hold(1, 2)))
            async with self.opened(tmp_path, clock) as two:
                assert isinstance(await two.admit(reservation("b", clock.now(), hold(1, 2))), Grant)
                assert isinstance(await one.admit(reservation("c", clock.now(), hold(1, 2))), Denial)
                assert isinstance(await two.admit(reservation("d", clock.now(), hold(1, 2))), Denial)
            assert await one.settle("a", settled(clock.now())), "a living owner's attempt was taken from it"
