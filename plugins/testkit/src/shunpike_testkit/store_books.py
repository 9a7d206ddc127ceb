"""The part of the store contract that is about what a store may keep beside its limits: one test for each capability.

A store that lacks a capability (see ``shunpike.ledger.capabilities``) is not held to it; the test is skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.ledger.capabilities import CountsBy, Learns, Reconciles
from shunpike.ledger.windows import GUARD, IN_FLIGHT_RETRY
from shunpike.types import (
    Calendar,
    Denial,
    DeniedBy,
    Grant,
    Held,
    Hold,
    Lifetime,
    Money,
    Owner,
    Rolling,
    Sample,
    Settlement,
    State,
    Unit,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.store_blocks import StoreBlocksContract
from shunpike_testkit.store_limit_updates import update
from shunpike_testkit.stores import CENT, able, booked, denied, hold, reservation, settled

MONEY = hold(9 * CENT, 100 * CENT, Unit.USD, Lifetime())


class StoreBooksContract(StoreBlocksContract):
    """The whole contract of a store: its base, time, and what it may be able to do."""

    async def test_samples_make_a_moving_mean_for_each_name(self, tmp_path: Path, clock: VirtualClock) -> None:
        """The first weighs as the second, and names know nothing of each other."""
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            for number, value in enumerate((1.0, 3.0)):
                samples = (Sample(name="m", value=value, at=clock.now()), Sample(name="other", value=7.0))
                await booked(store, reservation(f"a{number}", clock.now()), settled(clock.now(), samples=samples))
            factors = await learns.factors()
        assert (factors["m"].mean, factors["m"].samples, factors["m"].at) == (2.0, 2, clock.now())
        assert (factors["other"].mean, factors["other"].deviation) == (7.0, 0.0)

    @pytest.mark.parametrize("text", ["m\x00", "\ud800", "\\u0000 \\ud800"])
    async def test_whatever_a_provider_calls_itself_its_answer_is_booked(
        self, tmp_path: Path, clock: VirtualClock, text: str
    ) -> None:
        """Not every store can keep every text; what was spent is kept in any case."""
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", clock.now(), tag=text))
            assert await store.settle("a", settled(clock.now(), pico=3, served_model=text))
            (row,) = await store.usage(0.0, clock.now() + 1)
        assert (row.cost.pico, row.held) == (3, 0)

    @pytest.mark.parametrize("state", [State.SETTLED, State.UNCONFIRMED])
    async def test_a_charge_counts_where_nothing_was_held(
        self, tmp_path: Path, clock: VirtualClock, state: State
    ) -> None:
        """Beside what was held there by others, and it is corrected by hand where it was not certain."""
        day, life = (hold(9, 100 * CENT, Unit.USD, window) for window in (Calendar(period="day"), Lifetime()))
        charges = tuple(one.model_copy(update={"amount": CENT}) for one in (day, life))
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("other", clock.now(), day))
            await store.admit(reservation("a", clock.now(), hold(1, 10)))
            end = settled(clock.now(), pico=CENT, charges=charges).model_copy(update={"state": state})
            assert await store.settle("a", end)
            assert not await store.settle("a", end), "it was charged twice"
            left = await store.remaining([day, life], clock.now())
            assert [one.used for one in left] == [CENT + 9, CENT]
            (row,) = await store.usage(0.0, clock.now() + 1)
            assert row.cost.pico == CENT + 9
            if state is State.UNCONFIRMED:
                assert await able(store, Reconciles).reconcile("a", Money(pico=3), clock.now(), "asked them")
                left = await store.remaining([day, life], clock.now())
                assert [one.used for one in left] == [12, 3]
            await store.check()

    async def test_no_sample_is_lost_between_two_that_learn_at_once(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Though they share nothing else: each has limits of its own."""
        if not self.shared:
            pytest.skip("nobody else sees what this store keeps")
        async with self.opened(tmp_path, clock) as one, self.opened(tmp_path, clock) as two:
            stores = {"one": one, "two": two}
            learns = able(one, Learns)

            async def work(name: str) -> None:
                for number in range(25):
                    attempt, limit = f"{name}-{number}", hold(1, 100, bucket=name)
                    await stores[name].admit(reservation(attempt, clock.now(), limit))
                    await stores[name].settle(attempt, settled(clock.now(), samples=(Sample(name="m", value=2.0),)))

            await one.admit(reservation("first", clock.now()))
            await one.settle("first", settled(clock.now(), samples=(Sample(name="m", value=2.0),)))
            await self.all_at_once(work, stores)
            assert (await learns.factors())["m"].samples == 51

    async def test_what_was_learned_and_closed_outlives_its_process(self, tmp_path: Path, clock: VirtualClock) -> None:
        """The next process begins where this one ended."""
        if not self.persistent:
            pytest.skip("this store forgets, as it says")
        one, now = hold(1, 10), clock.now()
        async with self.opened(tmp_path, clock) as store:
            able(store, Learns)
            await store.admit(reservation("a", now, one))
            taught = update(one.bucket, now, amount=12, remaining=2)
            await store.settle("a", settled(now, limit_updates=(taught,), samples=(Sample(name="m", value=2.0),)))
        async with self.opened(tmp_path, clock) as store:
            learns = able(store, Learns)
            assert (await learns.observations())[one.bucket].amount == 12
            assert (await learns.factors())["m"].mean == 2.0
            assert (await store.remaining([one], now))[0].left == 2

    async def test_totals_are_split_by_day_and_tag(self, tmp_path: Path, clock: VirtualClock) -> None:
        """The parts add up to the whole."""
        begun = clock.now()
        async with self.opened(tmp_path, clock) as store:
            counts = able(store, CountsBy)
            for number, tag in enumerate(("night", None, "night")):
                await store.admit(reservation(f"a{number}", clock.now(), MONEY, tag=tag))
                await store.settle(f"a{number}", settled(clock.now(), prompt=5, pico=CENT))
                clock.advance(86_400)
            rows = await counts.usage_by(begun, clock.now(), day=True, tag=True)
            (whole,) = await counts.usage_by(begun, clock.now(), day=False, tag=False)
        assert [(row.day, row.tag, row.requests) for row in rows] == [
            ("2027-01-15", "night", 1),
            ("2027-01-16", "", 1),
            ("2027-01-17", "night", 1),
        ]
        assert (whole.requests, whole.prompt_tokens, whole.cost.pico, whole.day) == (3, 15, 3 * CENT, None)

    async def test_an_unknown_end_is_settled_by_hand_once(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Then the books say what the hand said, also of the budget; what is certain can't be changed by hand."""
        day = hold(9 * CENT, 100 * CENT, Unit.USD, Calendar(period="day"))
        async with self.opened(tmp_path, clock) as store:
            hands = able(store, Reconciles)
            for name in ("a", "b", "c"):
                await store.admit(reservation(name, clock.now(), MONEY, day, tag="night"))
            assert not await hands.reconcile("a", Money(), clock.now(), "still in flight")
            await store.settle("a", Settlement(state=State.UNCONFIRMED, at=clock.now(), outcome="timeout"))
            await store.settle("b", settled(clock.now(), pico=CENT))
            clock.advance(1)
            await store.settle("c", Settlement(state=State.UNCONFIRMED, at=clock.now(), outcome="timeout"))
            assert [(one.attempt_id, one.outcome, one.tag) for one in await hands.unconfirmed()] == [
                ("a", "timeout", "night"),
                ("c", "timeout", "night"),
            ]
            assert await hands.reconcile("a", Money(pico=2 * CENT), clock.now(), "invoice 7")
            assert await hands.reconcile("c", Money(), clock.now(), "invoice 7")
            for name in ("a", "b", "never-admitted"):
                assert not await hands.reconcile(name, Money(), clock.now(), "again")
            assert await hands.unconfirmed() == []
            left = await store.remaining([MONEY, day], clock.now())
            assert [one.used for one in left] == [3 * CENT, 3 * CENT]
            (row,) = await store.usage(0.0, 1e12)
            assert (row.cost.pico, row.exact) == (3 * CENT, True)

    async def test_money_of_an_unknown_end_can_be_given_back_after_a_year(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """However small a store keeps itself: it counts in the budget until a person settles it."""
        async with self.opened(tmp_path, clock) as store:
            hands = able(store, Reconciles)
            await store.admit(reservation("a", clock.now(), MONEY))
            await store.settle("a", Settlement(state=State.UNCONFIRMED, at=clock.now(), outcome="timeout"))
            for _ in range(3):
                clock.advance(365 * 86_400 / 3)
                await booked(store, reservation(f"at {clock.now()}", clock.now()), settled(clock.now()))
            assert [one.attempt_id for one in await hands.unconfirmed()] == ["a"]
            assert await hands.reconcile("a", Money(), clock.now(), "invoice 7")
            (left,) = await store.remaining([MONEY], clock.now())
            assert left.used == 0
            await store.check()

    async def test_an_unknown_end_that_can_have_cost_nothing_settles_itself(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Nobody has to look for it on a bill; in its windows it counts as any attempt whose end is not known."""
        tokens = hold(500, 1_000, Unit.TOTAL_TOKEN, Rolling(seconds=60))
        async with self.opened(tmp_path, clock) as store:
            hands = able(store, Reconciles)
            await store.admit(reservation("a", clock.now(), tokens))
            await store.settle("a", Settlement(state=State.UNCONFIRMED, at=clock.now(), outcome="timeout"))
            assert await hands.unconfirmed() == []
            assert not await hands.reconcile("a", Money(pico=CENT), clock.now(), "nothing to settle")
            (row,) = await store.usage(0.0, 1e12)
            assert (row.requests, row.answered, row.unconfirmed, row.held, row.cost.pico) == (1, 0, 0, 0, 0)
            (left,) = await store.remaining([tokens], clock.now())
            assert left.used == 500

    async def test_a_reservation_that_fails_leaves_the_others_alone(self, tmp_path: Path, clock: VirtualClock) -> None:
        """An attempt that is in the ledger already is rejected; what was asked in the same moment is not."""
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", clock.now(), hold(1, 100)))
            answers: dict[str, object] = {}

            async def ask(name: str) -> None:
                try:
                    answers[name] = await store.admit(reservation(name, clock.now(), hold(1, 100)))
                except Exception as error:  # noqa: BLE001 - which one it is, is looked at below
                    answers[name] = error

            names = [f"b{number}" for number in range(20)]
            await self.all_at_once(ask, [*names[:10], "a", *names[10:]])
            assert all(isinstance(answers[name], Grant) for name in names)
            assert "already in the ledger" in str(answers["a"])
            assert (await store.remaining([hold(1, 100)], clock.now()))[0].used == 21

    async def test_a_denied_reservation_tells_the_limit_that_opens_last(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Waiting for the first one to open would be in vain."""
        minute, hour = hold(1, 1), hold(1, 1, window=Rolling(seconds=3_600))
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", clock.now(), minute, hour), settled(clock.now()))
            denial = denied(await store.admit(reservation("b", clock.now(), minute, hour)))
            assert (denial.bucket, denial.retry_at) == (hour.bucket, clock.now() + 3_600 + GUARD)

    async def test_a_full_budget_is_told_from_a_full_limit(self, tmp_path: Path, clock: VirtualClock) -> None:
        """By whose it is, not by the words of its source or bucket; and so is what is left of it."""
        day = hold(6, 10, Unit.USD, Calendar(period="day"))
        async with self.opened(tmp_path, clock) as store:
            for owner in Owner:
                one = day.model_copy(update={"bucket": f"of {owner}", "owner": owner})
                await store.admit(reservation(f"{owner}-a", clock.now(), one))
                denial = denied(await store.admit(reservation(f"{owner}-b", clock.now(), one)))
                by = DeniedBy.LIMIT if owner is Owner.PROVIDER else DeniedBy.BUDGET
                assert (denial.by, denial.owner) == (by, owner)
                assert [left.owner for left in await store.remaining([one], clock.now())] == [owner]

    @pytest.mark.parametrize(
        ("unit", "window"),
        [
            (Unit.USD, Calendar(period="day")),
            (Unit.USD, Lifetime()),
            (Unit.TOTAL_TOKEN, Rolling(seconds=60)),
            (Unit.OUTPUT_TOKEN, Calendar(period="day")),
            (Unit.CONCURRENT, Held()),
        ],
    )
    async def test_what_only_running_attempts_hold_is_said_to_be_held(
        self, tmp_path: Path, clock: VirtualClock, unit: Unit, window: Calendar | Lifetime | Rolling | Held
    ) -> None:
        """Its worst case comes back when the first of them ends: that is worth a look in a moment, not tomorrow."""
        one = hold(6, 10, unit, window)
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", clock.now(), one))
            denial = denied(await store.admit(reservation("b", clock.now(), one)))
            assert (denial.held, denial.retry_at) == (True, clock.now() + IN_FLIGHT_RETRY)
            await store.settle("a", settled(clock.now(), output=6, pico=6))
            used = await store.admit(reservation("b", clock.now(), one))
            assert isinstance(used, Grant if unit is Unit.CONCURRENT else Denial)
            assert isinstance(used, Grant) or not used.held, "what was used does not come back"

    async def test_what_does_not_come_back_is_used_though_its_attempt_still_runs(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """A request counts from its answer on, and so does a cap that stays counted."""
        cap = hold(6, 10, Unit.TOTAL_TOKEN)
        cap = cap.model_copy(update={"limit": cap.limit.model_copy(update={"counts": "reserved"})})
        async with self.opened(tmp_path, clock) as store:
            for number, one in enumerate((hold(1, 1), cap)):
                await store.admit(reservation(f"a{number}", clock.now(), one))
                denial = denied(await store.admit(reservation(f"b{number}", clock.now(), one)))
                assert (denial.held, denial.retry_at) == (False, clock.now() + 60 + GUARD)

    async def test_a_full_limit_opens_when_enough_has_expired_beside_what_is_held(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """The earliest moment, should all that is held come back: nothing before it is worth a look."""

        def tokens(amount: int) -> Hold:
            return hold(amount, 100, Unit.INPUT_TOKEN)

        start = clock.now()
        async with self.opened(tmp_path, clock) as store:
            for number in range(3):
                await booked(store, reservation(f"a{number}", clock.now(), tokens(20)), settled(clock.now(), prompt=20))
                clock.advance(5)
            await store.admit(reservation("runs", clock.now(), tokens(30)))
            denial = denied(await store.admit(reservation("b", clock.now(), tokens(80))))
            assert (denial.held, denial.retry_at) == (False, start + 5 + 60 + GUARD)
