"""The part of the store contract on whoever asks: a ledger over the store holds each client key to its own bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.ledger.admission import Ledger
from shunpike.ledger.capabilities import CountsBy, KnowsAttempts, Reconciles, TellsTimings
from shunpike.protocols import Store
from shunpike.types import (
    Budget,
    Calendar,
    Denial,
    DenialCause,
    DeniedBy,
    Grant,
    Held,
    Lifetime,
    Money,
    Outcome,
    Owner,
    Principal,
    Settings,
    Settlement,
    State,
    Unit,
    Usage,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.store_windows import StoreTimeContract
from shunpike_testkit.stores import CENT, able, booked, denied, hold, reservation, settled
from shunpike_testkit.targets import PRICE, ask, limit, target

WORST = PRICE.worst(100, 50)
"""What an attempt of `ask` can cost at list price."""
USED = Usage(prompt_tokens=100, completion_tokens=10)
FREE, OTHER = target(), target(model="m-2")


def ledger(store: Store, clock: VirtualClock, *budgets: Budget) -> Ledger:
    """Return a ledger over ``store`` of providers that grant what they like."""
    return Ledger(store, clock, Settings(budgets=budgets), lambda _: ())


def worth(amount: Money, **fields: str) -> Budget:
    """Return a day's budget of list value."""
    return Budget.model_validate({"amount": amount, "period": "day", "counts": "list_value", **fields})


async def answered(books: Ledger, clock: VirtualClock, name: str, principal: Principal | None) -> Grant | Denial:
    """Admit an attempt at a free model, and settle it as answered where that is granted."""
    request = ask(name, principal=principal)
    verdict = await books.admit(FREE, request)
    if isinstance(verdict, Grant):
        await books.settle(FREE, request, Outcome(at=clock.now(), usage=USED, price=PRICE))
    return verdict


class StorePrincipalsContract(StoreTimeContract):
    """Time, and who asks."""

    async def test_a_key_on_free_models_is_bound_by_the_list_value_of_its_answers(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Before a byte is sent its worst case is held, at the end its worth is booked; the next day begins anew."""
        worth_of_one = PRICE.of(USED)
        key = Principal(id="key-1", budgets=(worth(Money(pico=WORST.pico + worth_of_one.pico)),))
        async with self.opened(tmp_path, clock) as store:
            books = ledger(store, clock)
            for number in range(2):
                assert isinstance(await answered(books, clock, f"a{number}", key), Grant)
            denial = denied(await answered(books, clock, "late", key))
            assert (denial.by, denial.owner, denial.cause) == (DeniedBy.BUDGET, Owner.PRINCIPAL, DenialCause.FULL)
            assert denial.text.startswith("budget of key-1 $")
            assert isinstance(
                await answered(books, clock, "another", Principal(id="key-2", budgets=key.budgets)), Grant
            )
            assert isinstance(await answered(books, clock, "the owner", None), Grant)
            clock.advance(86_400)
            assert isinstance(await answered(books, clock, "tomorrow", key), Grant)

    async def test_what_a_key_holds_while_it_runs_counts_at_its_worst_case(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Of many that ask at once, over all models, only so many are let through as the budget has room for."""
        key, told = Principal(id="key", budgets=(worth(WORST * 3),)), list[Grant | Denial]()
        async with self.opened(tmp_path, clock) as store:
            books = ledger(store, clock)

            async def one(number: int) -> None:
                told.append(await books.admit((FREE, OTHER)[number % 2], ask(f"a{number}", principal=key)))

            async with anyio.create_task_group() as group:
                for number in range(8):
                    group.start_soon(one, number)
            assert sum(isinstance(verdict, Grant) for verdict in told) == 3

    async def test_a_keys_own_limits_hold_over_all_models(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Requests of a window, and calls at once: those of another key with the same limits are not touched."""
        limits = (limit(3), limit(1, Unit.CONCURRENT, Held()))
        first, second = (Principal(id=name, limits=limits) for name in ("first", "second"))
        async with self.opened(tmp_path, clock) as store:
            books = ledger(store, clock)
            assert isinstance(await books.admit(FREE, ask("runs", principal=first)), Grant)
            denial = denied(await books.admit(OTHER, ask("at once", principal=first)))
            assert (denial.by, denial.owner, denial.held) == (DeniedBy.LIMIT, Owner.PRINCIPAL, True)
            assert isinstance(await books.admit(OTHER, ask("other", principal=second)), Grant)
            await books.settle(FREE, ask("runs", principal=first), Outcome(at=clock.now(), usage=USED))
            for number in range(2):
                assert isinstance(await answered(books, clock, f"a{number}", first), Grant)
            denial = denied(await answered(books, clock, "late", first))
            assert denial.text == "limit of first 3 requests / 60 s"

    async def test_a_budget_of_list_value_needs_a_price(self, tmp_path: Path, clock: VirtualClock) -> None:
        """What is not known is not zero: it would be no bound at all."""
        key = Principal(id="key", budgets=(worth(Money.usd(1)),))
        async with self.opened(tmp_path, clock) as store:
            books = ledger(store, clock)
            denial = denied(await books.admit(target(price=None), ask("a", principal=key)))
            assert (denial.cause, denial.impossible) == (DenialCause.PRICE_UNKNOWN, True)
            assert isinstance(await books.admit(target(price=None), ask("b")), Grant)

    async def test_a_budget_of_list_value_of_the_owner_bounds_free_models_too(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """It is listed with what is left of it, as a budget of money is."""
        async with self.opened(tmp_path, clock) as store:
            books = ledger(store, clock, worth(WORST), worth(Money.usd(5), provider="elsewhere"))
            assert isinstance(await answered(books, clock, "a", None), Grant)
            denial = denied(await answered(books, clock, "b", None))
            assert (denial.by, denial.owner) == (DeniedBy.BUDGET, Owner.OPERATOR)
            (_, left), (_, elsewhere) = await books.budgets()
            assert (left.used, elsewhere.used) == (PRICE.of(USED).pico, 0)
            assert left.limit.window == Calendar(period="day", zone="UTC")

    async def test_an_answer_of_unknown_end_keeps_its_worst_list_value(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """A key can't get around its budget by leaving."""
        key = Principal(id="key", budgets=(worth(WORST),))
        async with self.opened(tmp_path, clock) as store:
            books = ledger(store, clock)
            assert isinstance(await books.admit(FREE, ask("a", principal=key)), Grant)
            gone = Outcome(at=clock.now(), cancelled=True, price=PRICE)
            await books.settle(FREE, ask("a", principal=key), gone)
            assert isinstance(await books.admit(FREE, ask("b", principal=key)), Denial)

    async def test_what_became_of_a_request_is_told_attempt_by_attempt(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """By their numbers, of this request alone, with what each cost or may have cost."""
        now, money = clock.now(), hold(9 * CENT, 100 * CENT, Unit.USD, Lifetime())
        ends = (
            Settlement(state=State.RELEASED, at=now, outcome="unsent", keeps_request=False),
            Settlement(state=State.RELEASED, at=now, outcome="rate_limited"),
            Settlement(state=State.UNCONFIRMED, at=now, outcome="timeout", cost=Money(pico=9 * CENT)),
            settled(now, pico=2 * CENT),
        )
        async with self.opened(tmp_path, clock) as store:
            knows = able(store, KnowsAttempts)
            for name in ("r-1", "r-2", "r-3", "r-4", "r-5", "r-1-1", "r1-1"):
                await store.admit(reservation(name, now, money, request_id=name.rpartition("-")[0]))
            for number, end in enumerate(ends, 1):
                await store.settle(f"r-{number}", end)
            found, unknown = await knows.attempts_of("r"), await knows.attempts_of("other")
        assert (len(found), len(unknown), {one.at for one in found}) == (5, 0, {now})
        assert [one.outcome for one in found] == ["unsent", "failed", "unconfirmed", "answered", "held"]
        assert [one.cost.pico // CENT for one in found] == [0, 0, 9, 2, 9]

    async def test_of_an_attempt_whose_process_died_nobody_knows_how_it_ended_whatever_it_can_have_cost(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Its provider may have answered; a person who settles its cost learns no more."""
        if not self.persistent:
            pytest.skip("this store forgets, as it says")
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("r-1", clock.now(), hold(1, 10)))
            await store.admit(reservation("r-2", clock.now(), hold(9 * CENT, 100 * CENT, Unit.USD, Lifetime())))
        async with self.opened(tmp_path, clock) as store:
            knows = able(store, KnowsAttempts)
            for _ in range(2):
                assert [one.outcome for one in await knows.attempts_of("r")] == ["unconfirmed"] * 2
                await able(store, Reconciles).reconcile("r-2", Money(), clock.now(), "invoice 7")

    async def test_an_attempt_is_told_with_who_asked_and_what_its_answer_said(
        self, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Who asked stands there from its admission on, how the answer came from its end on."""
        said = {"seconds": 1.5, "first_token_seconds": 0.25, "finish_reason": "stop", "system_fingerprint": "fp_1"}
        async with self.opened(tmp_path, clock) as store:
            books, knows = ledger(store, clock), able(store, KnowsAttempts)
            for number, key in enumerate((Principal(id="key-1"), None), 1):
                request = ask(f"r-{number}", principal=key)
                assert isinstance(await books.admit(FREE, request), Grant)
                begun = (await knows.attempts_of("r"))[-1]
                await books.settle(FREE, request, Outcome(at=clock.now(), usage=USED, price=PRICE, **said))
                ended = (await knows.attempts_of("r"))[-1]
                assert begun.principal == ended.principal == (key and key.id)
                assert [getattr(begun, name) for name in said] == [None] * 4
                assert {name: getattr(ended, name) for name in said} == said

    async def test_what_answers_took_is_told_the_latest_first(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Of good answers alone, with how large they were."""
        good = {"seconds": 2.0, "first_token_seconds": 0.5}
        ends: tuple[dict[str, Any], ...] = ({"seconds": 9.0}, good, {}, {"seconds": 3.0, "outcome": "empty"})
        async with self.opened(tmp_path, clock) as store:
            tells = able(store, TellsTimings)
            for number, facts in enumerate(ends):
                await clock.sleep(10)
                taken = reservation(f"a{number}", clock.now(), tag="title")
                await booked(store, taken, settled(clock.now(), prompt=70, output=20, cached=30, **facts))
            found = await tells.timings(0.0, 9)
            (latest,) = await tells.timings(0.0, 1)
            later = await tells.timings(clock.now() - 25, 9)
        assert sorted(one.attempt_id for one in found) == ["a0", "a1"]
        assert [one.attempt_id for one in (latest, *later)] == ["a1", "a1"]
        assert (latest.seconds, latest.first_token_seconds, latest.task) == (2.0, 0.5, "title")
        assert abs(latest.ended_at - (clock.now() - 20)) < 1
        assert latest.label == f"{taken.provider}/{taken.model}"
        assert (latest.prompt_tokens, latest.cached_tokens, latest.output_tokens) == (70, 30, 20)

    async def test_totals_are_told_of_one_principal_alone(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Of what is in flight and in doubt as well; those of all stay what they were."""
        begun, money = clock.now(), hold(10 * CENT, 100 * CENT, Unit.USD, Lifetime())
        async with self.opened(tmp_path, clock) as store:
            counts = able(store, CountsBy)
            for number, principal in enumerate(("ann", "bob", None, "ann", "ann")):
                await store.admit(reservation(f"a{number}", clock.now(), money, principal=principal))
            for number in range(3):
                await store.settle(f"a{number}", settled(clock.now(), prompt=5, pico=(number + 1) * CENT))
            await store.settle("a3", Settlement(state=State.UNCONFIRMED, at=clock.now(), outcome="timeout"))
            clock.advance(1)
            told = {
                name: await counts.usage_by(begun, clock.now(), day=False, tag=False, principal=name)
                for name in ("ann", "bob", "nobody", None)
            }
            (by_day,) = await counts.usage_by(begun, clock.now(), day=True, tag=True, principal="bob")
        ((ann,), (bob,), nobody, (everybody,)) = told.values()
        assert (ann.requests, ann.prompt_tokens, ann.unconfirmed, ann.held) == (3, 5, 1, 1)
        assert (bob.requests, bob.prompt_tokens, bob.cost.pico) == (1, 5, 2 * CENT)
        assert not nobody
        assert (everybody.requests, everybody.prompt_tokens) == (5, 15)
        assert (by_day.day, by_day.requests) == ("2027-01-15", 1)
