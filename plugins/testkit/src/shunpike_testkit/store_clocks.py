"""The part of the store contract that is about a wall clock that is set: no window opens by it, and none stays shut."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.ledger.capabilities import TellsOpenings
from shunpike.ledger.windows import GUARD
from shunpike.protocols import Store
from shunpike.types import Block, Calendar, Denial, Grant, Held, Hold, Rolling, Settlement, State, Unit
from shunpike.types.ledger import Spread
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import StoreContract, booked, denied, hold, reservation, settled

NIGHT = 1_800_054_000.0
"""2027-01-15 23:00 UTC, an hour before a day's end."""
TARGET = Hold(bucket="north", limit=hold(0, 1, Unit.CONCURRENT, Held()).limit, amount=0)
"""A whole target, which is closed or not."""


class StoreClockContract(StoreContract):
    """Rolling windows and blocks pass by a clock that nobody sets, calendars by the wall's."""

    follows_the_wall = False
    """True for a store that is tried with the wall clock of the place that it asks for the time."""

    @pytest.fixture
    def set_clock(self) -> VirtualClock:
        """The time of a machine whose wall clock may be set."""
        if self.follows_the_wall:
            pytest.skip("the place that it asks for the time is set with it")
        return VirtualClock(NIGHT)

    @pytest.mark.parametrize("forward", [10.0, 59.0, 3_599.0, 86_400.0, -10.0, -86_400.0])
    async def test_a_wall_clock_that_is_set_opens_no_window_before_its_time(
        self, tmp_path: Path, set_clock: VirtualClock, forward: float
    ) -> None:
        """Nor after it: what is named is the moment that the wall clock will show then."""
        clock, one = set_clock, hold(1, 2)
        async with self.opened(tmp_path, clock) as store:
            for name in ("a", "b"):
                await booked(store, reservation(name, clock.now(), one), settled(clock.now()))
            clock.advance(20)
            clock.set_back(-forward)
            await self._is_full(store, clock, one, 40 + GUARD)
            assert (await store.remaining([one], clock.now()))[0].left == 0
            clock.advance(30)
            await self._is_full(store, clock, one, 10 + GUARD)
            clock.advance(10 + GUARD)
            assert (await store.remaining([one], clock.now()))[0].left == 2
            assert isinstance(await store.admit(reservation("c", clock.now(), one)), Grant)

    async def _is_full(self, store: Store, clock: VirtualClock, one: Hold, opens_in: float) -> None:
        denial = await store.admit(reservation("x", clock.now(), one))
        assert isinstance(denial, Denial), "the wall clock was set, and the window opened"
        assert denial.retry_at is not None
        assert denial.retry_at - clock.now() == pytest.approx(opens_in, abs=0.01)

    async def test_an_attempt_that_runs_while_the_clock_is_set_counts_for_the_whole_window(
        self, tmp_path: Path, set_clock: VirtualClock
    ) -> None:
        """Its headers were dated by the clock as it was before."""
        clock, one = set_clock, hold(1, 1)
        async with self.opened(tmp_path, clock) as store:
            for forward in (30.0, -30.0):
                name = f"a{forward}"
                assert isinstance(await store.admit(reservation(name, clock.now(), one)), Grant)
                clock.advance(5)
                headers_at = clock.now()
                clock.set_back(-forward)
                await store.settle(name, settled(clock.now(), headers_at=headers_at))
                clock.advance(59)
                assert isinstance(await store.admit(reservation(f"{name}-x", clock.now(), one)), Denial)
                clock.advance(3 + GUARD)
                await booked(store, reservation(f"{name}-y", clock.now(), one), settled(clock.now()))
                clock.advance(120)

    async def test_a_request_that_waits_while_the_clock_is_set_back_opens_nothing(
        self, tmp_path: Path, set_clock: VirtualClock
    ) -> None:
        """It was made before, by a clock that was ahead of what it shows now."""
        clock, one = set_clock, hold(1, 1)
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", clock.now(), one), settled(clock.now()))
            clock.advance(30)
            made = clock.now()
            clock.set_back(40)
            assert isinstance(await store.admit(reservation("b", made, one)), Denial)

    async def test_a_second_store_knows_that_the_clock_was_set(self, tmp_path: Path, set_clock: VirtualClock) -> None:
        """Opened before or afterwards, also by a process that begins then."""
        clock, one = set_clock, hold(1, 1)
        if not self.shared:
            pytest.skip("no second store sees it")
        async with self.opened(tmp_path, clock) as first, self.opened(tmp_path, clock) as second:
            await second.check()
            await booked(first, reservation("a", clock.now(), one), settled(clock.now()))
            clock.advance(20)
            clock.set_back(-45)
            async with self.opened(tmp_path, clock) as third:
                for store in (second, third, first):
                    await self._is_full(store, clock, one, 40 + GUARD)
                clock.advance(40 + GUARD)
                await booked(third, reservation("b", clock.now(), one), settled(clock.now()))
                await self._is_full(second, clock, one, 60 + GUARD)

    async def test_a_machine_that_starts_again_counts_what_was_used_before(
        self, tmp_path: Path, set_clock: VirtualClock
    ) -> None:
        """Its uptime begins at 0; the time between is the wall clock's, and none where that was set back."""
        clock, one = set_clock, hold(1, 1)
        if not self.persistent:
            pytest.skip("it is forgotten with the process")
        clock.set_back(-1_000)
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", clock.now(), one), settled(clock.now()))
        for off in (20.0, -5_000.0):
            restarted = VirtualClock(clock.now() + off)
            async with self.opened(tmp_path, restarted) as store:
                await self._is_full(store, restarted, one, 40 + GUARD)
        later = VirtualClock(clock.now() + 62)
        async with self.opened(tmp_path, later) as store:
            assert isinstance(await store.admit(reservation("b", later.now(), one)), Grant)

    async def test_a_calendar_s_day_is_the_wall_clock_s(self, tmp_path: Path, set_clock: VirtualClock) -> None:
        """A clock that was wrong and is set right shows the provider's day."""
        clock, one = set_clock, hold(1, 1, window=Calendar(period="day"))
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", clock.now(), one), settled(clock.now()))
            await self._is_full(store, clock, one, 3_600 + GUARD)
            clock.set_back(-3_500)
            await self._is_full(store, clock, one, 100 + GUARD)
            clock.advance(100 + GUARD)
            assert isinstance(await store.admit(reservation("b", clock.now(), one)), Grant)

    @pytest.mark.parametrize("forward", [10.0, 3_600.0, -10.0])
    async def test_what_a_provider_closed_opens_when_it_said(
        self, tmp_path: Path, set_clock: VirtualClock, forward: float
    ) -> None:
        """It named a number of seconds, which pass as they do everywhere."""
        clock = set_clock
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", clock.now()))
            said = Block(bucket=TARGET.bucket, until=clock.now() + 30, reason="said so")
            await store.settle("a", settled(clock.now(), blocks=(said,)))
            clock.set_back(-forward)
            await self._is_full(store, clock, TARGET, 30)
            assert (await store.closed(clock.now()))[TARGET.bucket].until == pytest.approx(clock.now() + 30, abs=0.01)
            clock.advance(30)
            assert isinstance(await store.admit(reservation("b", clock.now(), TARGET)), Grant)

    async def test_what_used_nothing_hides_no_admission_before_it_whoever_looks(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Also where it was another process that admitted, and that knows what was before."""
        hour = hold(10, 100, window=Rolling(seconds=3_600)).model_copy(update={"spread": Spread(whole=100)})
        start = clock.now()
        async with self.opened(tmp_path, clock) as one, self.opened(tmp_path, clock) as two:
            first, other = (one, two) if self.shared else (one, one)
            await booked(first, reservation("a", start, hour), settled(start + 1, headers_at=start))
            clock.advance(500)
            assert isinstance(await first.admit(reservation("b", clock.now(), hour)), Grant)
            assert await other.settle("b", Settlement(state=State.RELEASED, at=clock.now(), keeps_request=False))
            (left,) = await other.remaining([hour], clock.now())
            assert left.used == 10
            assert left.admitted_at == pytest.approx(start, abs=0.01)

    async def test_a_store_that_tells_openings_tells_what_admission_would(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Of several slots only so many must have expired as a hold needs room."""
        start = clock.now()
        async with self.opened(tmp_path, clock) as store:
            if not isinstance(store, TellsOpenings):
                pytest.skip("this store tells no openings")
            asked = [hold(1, 3), hold(2, 3), hold(3, 3)]
            assert await store.openings(asked, start) == [start] * 3
            for place in range(3):
                await store.admit(reservation(f"a{place}", start, hold(1, 3)))
                await store.settle(f"a{place}", settled(start + 10 * place, headers_at=start + 10 * place))
            now = start + 30
            told = await store.openings([*asked, hold(0, 3)], now)
            assert told == [*(start + 10 * place + 60 + GUARD for place in range(3)), now]
            denials = [denied(await store.admit(reservation("b", now, one))) for one in asked]
            assert [one.retry_at for one in denials] == told[:3]
