"""The contract that every store of the ledger is held against.

    class TestMyStore(StoreContract):
        def open(self, place: Path, clock: Clock) -> Store:
            return MyStore(place / "ledger", clock=clock)

``place`` is an empty folder, the same one for all stores of a test. Tests run on both event loops where the fixture
``anyio_backend`` says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.clock import Clock
from shunpike.errors import AttemptExists, StoreError
from shunpike.ledger.windows import GUARD
from shunpike.protocols import Store
from shunpike.types import (
    Block,
    Calendar,
    Denial,
    DenialCause,
    DeniedBy,
    Funds,
    Grant,
    Held,
    Hold,
    Lifetime,
    Limit,
    Money,
    Reservation,
    Rolling,
    Settlement,
    State,
    Unit,
    Usage,
)
from shunpike_testkit.clock import VirtualClock

MINUTE = Rolling(seconds=60)
CENT = 10**10
"""A cent in pico-dollars."""


def hold(amount: int, of: int, unit: Unit = Unit.REQUEST, window: Any = MINUTE, bucket: str | None = None) -> Hold:
    """Return a hold of ``amount`` on a limit of ``of``; limits of one unit and window share a bucket."""
    return Hold(bucket=bucket or f"{unit}|{window!r}", limit=Limit(unit=unit, amount=of, window=window), amount=amount)


def reservation(name: str, at: float, *holds: Hold, **others: Any) -> Reservation:
    """Return the reservation of one attempt called ``name``; its worst case is what it holds of money."""
    pico = max((one.amount for one in holds if one.limit.unit is Unit.USD), default=0)
    known = {
        "request_id": f"request-{name}",
        "provider": "north",
        "account": "default",
        "model": "m-1",
        "worst": Money(pico=pico),
        "prompt_tokens": 100,
        "output_tokens": 1_000,
        "funds": Funds.PAID if pico else Funds.FREE,
    }
    return Reservation(attempt_id=name, reserved_at=at, holds=holds, **{**known, **others})


def able(store: Store, capability: Any) -> Any:
    """Return the store as one with the capability, a protocol, or skip the test."""
    if not isinstance(store, capability):
        pytest.skip(f"this store is no {capability.__name__}")
    return store


def settled(
    at: float, *, prompt: int = 0, output: int = 0, cached: int = 0, pico: int = 0, **others: Any
) -> Settlement:
    """Return the settlement of an answered attempt; of the prompt's tokens, so many were ``cached``."""
    usage = Usage(prompt_tokens=prompt, completion_tokens=output, cached_tokens=cached)
    return Settlement(state=State.SETTLED, at=at, usage=usage, cost=Money(pico=pico), **others)


def denied(answer: Grant | Denial, otherwise: str = "it was granted") -> Denial:
    """Return an answer that must be a denial."""
    assert isinstance(answer, Denial), otherwise
    return answer


async def booked(store: Store, asked: Reservation, end: Settlement) -> None:
    """Let an attempt be admitted, and settled with ``end``."""
    assert isinstance(await store.admit(asked), Grant), f"{asked.attempt_id} was not admitted"
    assert await store.settle(asked.attempt_id, end), f"{asked.attempt_id} was settled before"


class StoreContract:
    """Inherit, say how to open a store, and the laws of the ledger are tested."""

    persistent = True
    """False for a store that forgets everything when it is closed."""

    shared = True
    """Whether two stores opened on one place see each other."""

    def open(self, place: Path, clock: Clock) -> Store:
        """Return a new store on ``place``; what was there before must be found again."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> VirtualClock:
        """The time that the store and the test share."""
        return VirtualClock()

    @asynccontextmanager
    async def opened(self, place: Path, clock: Clock) -> AsyncIterator[Store]:
        """A store that is closed at the end, after its books were audited."""
        store = self.open(place, clock)
        try:
            yield store
            await store.check()
        finally:
            await store.aclose()

    async def all_at_once(self, ask: Callable[[str], Coroutine[Any, Any, None]], names: Iterable[str]) -> None:
        """Ask for each of the names before the first is answered."""
        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(ask, name)

    async def test_either_every_hold_is_taken_or_none(self, tmp_path: Path, clock: VirtualClock) -> None:
        """A denial by one limit leaves nothing behind in the others."""
        wide, narrow = hold(1, 10), hold(60, 100, Unit.TOTAL_TOKEN)
        async with self.opened(tmp_path, clock) as store:
            assert isinstance(await store.admit(reservation("a", clock.now(), wide, narrow)), Grant)
            denial = await store.admit(reservation("b", clock.now(), wide, narrow))
            assert isinstance(denial, Denial), "a hold beyond its limit was granted"
            assert (denial.bucket, denial.by) == (narrow.bucket, DeniedBy.LIMIT)
            assert [one.used for one in await store.remaining([wide, narrow], clock.now())] == [1, 60]

    async def test_a_grant_tells_what_is_left(self, tmp_path: Path, clock: VirtualClock) -> None:
        """The grant and `remaining` agree."""
        async with self.opened(tmp_path, clock) as store:
            grant = await store.admit(reservation("a", clock.now(), hold(1, 3), hold(40, 100, Unit.TOTAL_TOKEN)))
            assert isinstance(grant, Grant)
            assert [one.left for one in grant.remaining] == [2, 60]
            again = await store.remaining([hold(0, 3), hold(0, 100, Unit.TOTAL_TOKEN)], clock.now())
            assert [one.left for one in again] == [2, 60]

    async def test_a_request_larger_than_its_limit_is_impossible(self, tmp_path: Path, clock: VirtualClock) -> None:
        """No waiting is offered where none can help."""
        async with self.opened(tmp_path, clock) as store:
            denial = denied(await store.admit(reservation("a", clock.now(), hold(101, 100, Unit.TOTAL_TOKEN))))
            assert (denial.impossible, denial.retry_at) == (True, None)
            assert denial.cause is DenialCause.TOO_LARGE

    async def test_an_attempt_is_admitted_once(self, tmp_path: Path, clock: VirtualClock) -> None:
        """The same attempt id twice is a mistake, not a second attempt; it takes nothing."""
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", clock.now(), hold(1, 10)))
            with pytest.raises(AttemptExists, match="already in the ledger"):
                await store.admit(reservation("a", clock.now(), hold(1, 10)))
            if self.shared:
                async with self.opened(tmp_path, clock) as other:
                    with pytest.raises(AttemptExists):
                        await other.admit(reservation("a", clock.now(), hold(1, 10)))
            assert (await store.remaining([hold(1, 10)], clock.now()))[0].used == 1

    async def test_an_attempt_is_settled_once(self, tmp_path: Path, clock: VirtualClock) -> None:
        """A duplicated or late callback changes nothing."""
        money = hold(5 * CENT, 100 * CENT, Unit.USD, Lifetime())
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", clock.now(), money), settled(clock.now(), pico=CENT))
            assert not await store.settle("a", settled(clock.now(), pico=4 * CENT))
            assert not await store.settle("a", Settlement(state=State.RELEASED, at=clock.now()))
            assert not await store.settle("never-admitted", settled(clock.now()))
            assert (await store.remaining([money], clock.now()))[0].used == CENT

    async def test_tokens_and_money_are_corrected_to_the_truth(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Every unit gets what it counts: requests stay, tokens and money become what was used."""
        holds = (
            hold(1, 10),
            hold(50, 1_000, Unit.INPUT_TOKEN),
            hold(500, 1_000, Unit.OUTPUT_TOKEN),
            hold(550, 1_000, Unit.TOTAL_TOKEN),
            hold(1, 5, Unit.CONCURRENT, Held()),
            hold(9 * CENT, 100 * CENT, Unit.USD, Lifetime()),
        )
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", clock.now(), *holds))
            await store.settle("a", settled(clock.now(), prompt=40, output=7, pico=2 * CENT))
            clock.advance(GUARD)
            left = await store.remaining(holds, clock.now())
            assert [one.used for one in left] == [1, 40, 7, 47, 0, 2 * CENT]

    @pytest.mark.parametrize(
        ("settlement", "used"),
        [
            (Settlement(state=State.RELEASED, at=0.0), [1, 0, 0]),
            (Settlement(state=State.RELEASED, at=0.0, keeps_request=False), [0, 0, 0]),
            (Settlement(state=State.UNCONFIRMED, at=0.0, cost=Money(pico=9 * CENT)), [1, 500, 9 * CENT]),
        ],
        ids=["released", "unsent", "unconfirmed"],
    )
    async def test_what_a_failed_attempt_keeps(
        self, tmp_path: Path, clock: VirtualClock, settlement: Settlement, used: list[int]
    ) -> None:
        """Released gives tokens and money back, an unsent one the request too; unconfirmed keeps the worst case."""
        holds = (hold(1, 10), hold(500, 1_000, Unit.TOTAL_TOKEN), hold(9 * CENT, 100 * CENT, Unit.USD, Lifetime()))
        async with self.opened(tmp_path, clock) as store:
            await store.admit(reservation("a", clock.now(), *holds))
            await store.settle("a", settlement.model_copy(update={"at": clock.now()}))
            clock.advance(GUARD)
            assert [one.used for one in await store.remaining(holds, clock.now())] == used

    async def test_a_cost_above_the_reservation_is_booked_in_full(self, tmp_path: Path, clock: VirtualClock) -> None:
        """A provider that bills more than its price list must not be hidden, even where the cap is passed."""
        money = hold(6 * CENT, 10 * CENT, Unit.USD, Calendar(period="day"))
        async with self.opened(tmp_path, clock) as store:
            await booked(store, reservation("a", clock.now(), money), settled(clock.now(), pico=25 * CENT))
            (left,) = await store.remaining([money], clock.now())
            assert (left.used, left.left) == (25 * CENT, 0)
            assert isinstance(await store.admit(reservation("b", clock.now(), money)), Denial)

    async def test_caps_may_change_between_two_admissions(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Lowering a cap below what is used stops admission, raising it allows more; what is used stays."""
        async with self.opened(tmp_path, clock) as store:
            for name, cap, granted in (("a", 2, True), ("b", 2, True), ("c", 1, False), ("d", 3, True)):
                answer = await store.admit(reservation(name, clock.now(), hold(1, cap)))
                assert isinstance(answer, Grant) is granted, f"{name} at a cap of {cap}"

    async def test_a_budget_admits_no_more_than_it_can_pay(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Law L2: a thousand at once, each at most a cent, against one dollar."""
        answers: list[Grant | Denial] = []

        async def ask(store: Store, name: str) -> None:
            money = hold(CENT, 100 * CENT, Unit.USD, Lifetime())
            answers.append(await store.admit(reservation(name, clock.now(), money)))

        async with self.opened(tmp_path, clock) as store:
            await self.all_at_once(partial(ask, store), [f"a{number}" for number in range(1_000)])
        assert len(answers) == 1_000
        assert sum(isinstance(answer, Grant) for answer in answers) == 100

    async def test_usage_adds_up_by_provider_and_model(self, tmp_path: Path, clock: VirtualClock) -> None:
        """The totals are those of the attempts begun in the span: what is not known counts at its worst."""
        money = hold(9 * CENT, 1_000 * CENT, Unit.USD, Lifetime())
        begun = clock.now()
        async with self.opened(tmp_path, clock) as store:
            for name in ("settled", "released", "unconfirmed", "held"):
                await store.admit(reservation(name, clock.now(), money))
            await store.admit(reservation("credit", clock.now(), money, funds=Funds.CREDIT, model="m-2"))
            at = clock.now()
            await store.settle("settled", settled(at, prompt=5, output=7, pico=CENT, list_value=Money(pico=CENT)))
            await store.settle("released", Settlement(state=State.RELEASED, at=at, outcome="rate_limited"))
            await store.settle("unconfirmed", Settlement(state=State.UNCONFIRMED, at=at, outcome="timeout"))
            await store.settle("credit", settled(at, pico=3 * CENT))
            one, two = await store.usage(begun, begun + 1)
            assert await store.usage(begun + 1, begun + 9) == []
        assert (one.provider, one.model, one.requests, one.answered) == ("north", "m-1", 4, 1)
        assert (one.released, one.unconfirmed, one.held, one.exact) == (1, 1, 1, False)
        assert (one.prompt_tokens, one.completion_tokens) == (5, 7)
        assert (one.cost.pico, one.credit.pico, one.list_value.pico) == (19 * CENT, 0, CENT)
        assert (two.model, two.cost.pico, two.credit.pico, two.exact) == ("m-2", 0, 3 * CENT, True)

    async def test_blocks_only_grow_and_block_what_takes_nothing(self, tmp_path: Path, clock: VirtualClock) -> None:
        """A later, shorter delay does not reopen what was closed for longer."""
        gate, now = hold(0, 0, bucket="gate"), clock.now()
        async with self.opened(tmp_path, clock) as store:
            for name, until in (("a", now + 500), ("b", now + 36)):
                await store.admit(reservation(name, now))
                block = Block(bucket="gate", until=until, reason=f"said {name}")
                await store.settle(name, Settlement(state=State.RELEASED, at=now, blocks=(block,)))
            assert [(one.until, one.reason) for one in (await store.closed(now)).values()] == [(now + 500, "said a")]
            denial = denied(await store.admit(reservation("c", now + 499, gate)), "a closed bucket must deny")
            assert (denial.retry_at, denial.by, denial.limit) == (now + 500, DeniedBy.BLOCK, None)
            assert denial.block is not None
            assert denial.block.reason == denial.text == "said a"
            assert isinstance(await store.admit(reservation("d", now + 500, gate)), Grant)
            assert await store.closed(now + 500) == {}

    async def test_closing_twice_does_nothing(self, tmp_path: Path, clock: VirtualClock) -> None:
        """``aclose`` may be called by more than one owner, and before the first use."""
        store = self.open(tmp_path, clock)
        await store.aclose()
        await store.aclose()

    async def test_a_closed_store_takes_nothing_on(self, tmp_path: Path, clock: VirtualClock) -> None:
        """Whatever kept others out is let go by then: what it took on would be nobody's."""
        store = self.open(tmp_path, clock)
        assert isinstance(await store.admit(reservation("a", clock.now(), hold(1, 9))), Grant)
        await store.aclose()
        with pytest.raises(StoreError, match="the ledger is closed"):
            await store.admit(reservation("b", clock.now(), hold(1, 9)))
        with pytest.raises(StoreError, match="the ledger is closed"):
            await store.settle("a", settled(clock.now()))
