"""What this process itself fills is denied without asking the store, and what a denial then says."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.errors import StoreError
from shunpike.ledger import Ledger
from shunpike.ledger.buckets import bucket_of
from shunpike.protocols import AdmissionRequest
from shunpike.types import (
    Denial,
    DenialCause,
    Grant,
    Held,
    Hold,
    Limit,
    Outcome,
    Reservation,
    Rolling,
    Settings,
    Settlement,
    Unit,
    Usage,
)
from shunpike.waiting import Queue, Waiter
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, target

AT_ONCE = Limit(unit=Unit.CONCURRENT, amount=2, window=Held())
TOKENS = Limit(unit=Unit.OUTPUT_TOKEN, amount=1_000, window=Rolling(seconds=60))


class Counting(MemoryStore):
    """Counts how often it is asked, and answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.answers = anyio.Event()
        self.answers.set()

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        self.asked += 1
        verdict = await super().admit(reservation)
        await self.answers.wait()
        return verdict


class Rig:
    """A ledger with one limit, and the requests that ask it."""

    def __init__(self, limit: Limit) -> None:
        self.store, self.clock, self.queue = Counting(), VirtualClock(), Queue()
        self.ledger = Ledger(self.store, self.clock, Settings(), lambda _: [limit], queue=self.queue)
        self.waiters: list[Waiter] = []

    def ask(self, output: int = 100, *, waits: bool = True) -> AdmissionRequest:
        self.waiters.append(self.queue.arrive("interactive"))
        arrival = self.waiters[-1].place.arrival
        until = self.clock.now() + 30 if waits else None
        changed: dict[str, Any] = {"attempt_id": str(arrival), "arrival": arrival, "waits_until": until}
        return ask().model_copy(update={**changed, "max_output": output})

    async def admit(self, *arguments: Any, **options: Any) -> tuple[AdmissionRequest, Grant | Denial]:
        asked = self.ask(*arguments, **options)
        return asked, await self.ledger.admit(target("none"), asked)

    async def denied(self, *arguments: Any, **options: Any) -> Denial:
        _, verdict = await self.admit(*arguments, **options)
        assert isinstance(verdict, Denial)
        return verdict

    async def end(self, asked: AdmissionRequest) -> None:
        outcome = Outcome(at=self.clock.now(), usage=Usage(prompt_tokens=1, completion_tokens=1))
        await self.ledger.settle(target("none"), asked, outcome)


async def test_the_store_is_not_asked_for_what_this_process_fills() -> None:
    rig = Rig(AT_ONCE)
    first, _ = await rig.admit()
    await rig.admit()
    found = [await rig.denied() for _ in range(3)]
    assert rig.store.asked == 2
    assert [(one.held, one.earliest, one.ahead, one.retry_at) for one in found] == [
        (True, True, ahead, rig.clock.now() + 1) for ahead in range(3)
    ]
    await rig.end(first)
    assert [waiter.turn.is_set() for waiter in rig.waiters[2:]] == [True, False, False]


async def test_who_does_not_wait_hears_the_store_and_stands_in_nobodys_way() -> None:
    rig = Rig(AT_ONCE)
    first, _ = await rig.admit()
    await rig.admit()
    assert (await rig.denied(waits=False)).held
    assert rig.store.asked == 3
    await rig.end(first)
    assert isinstance((await rig.admit())[1], Grant)


async def test_a_larger_request_than_those_that_run_hears_from_the_store_when_its_window_opens() -> None:
    """What was used of the window only the store knows: to wait for what runs would be in vain."""
    rig = Rig(TOKENS)
    used, _ = await rig.admit(500)
    outcome = Outcome(at=rig.clock.now(), usage=Usage(prompt_tokens=1, completion_tokens=500))
    await rig.ledger.settle(target("none"), used, outcome)
    await rig.admit(200)
    denial = await rig.denied(900)
    assert (denial.held, denial.retry_at) == (False, pytest.approx(rig.clock.now() + 61))


async def test_a_denial_behind_others_never_names_a_moment_that_has_passed() -> None:
    rig = Rig(AT_ONCE)
    await rig.admit()
    await rig.admit()
    await rig.denied()
    await rig.clock.sleep(10)
    denial = await rig.denied()
    assert (denial.ahead, denial.retry_at) == (1, rig.clock.now() + 1)


async def test_whoever_was_kept_from_the_store_is_woken_when_it_gives_others_nothing() -> None:
    rig = Rig(AT_ONCE)
    await rig.store.admit(_elsewhere(rig))
    rig.store.answers = anyio.Event()
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(lambda: rig.admit(waits=False))
        while rig.store.asked < 3:
            await anyio.lowlevel.checkpoint()
        denial = await rig.denied()
        assert denial.held
        assert not rig.waiters[2].turn.is_set()
        rig.store.answers.set()
    assert rig.waiters[2].turn.is_set()


async def test_an_attempt_of_the_same_name_is_rejected_while_it_runs() -> None:
    rig = Rig(AT_ONCE)
    asked, _ = await rig.admit()
    with pytest.raises(StoreError, match="already in the ledger"):
        await rig.ledger.admit(target("none"), asked)


def _elsewhere(rig: Rig) -> Reservation:
    """Return an attempt of another process."""
    hold = Hold(bucket=bucket_of(target("none"), AT_ONCE), limit=AT_ONCE, amount=1)
    names = {"attempt_id": "elsewhere", "request_id": "elsewhere", "provider": "north", "account": "default"}
    return Reservation(**names, model="m", reserved_at=rig.clock.now(), holds=(hold,))


async def test_what_is_given_back_late_names_its_own_limit_and_no_moment_that_has_passed() -> None:
    rig = Rig(AT_ONCE)
    first, later = rig.ask(), rig.ask()
    rig.store.answers = anyio.Event()
    verdicts: list[Grant | Denial] = []

    async def admit() -> None:
        verdicts.append(await rig.ledger.admit(target("none"), later))

    async with anyio.create_task_group() as group:
        group.start_soon(admit)
        while not rig.store.asked:
            await anyio.lowlevel.checkpoint()
        bucket = bucket_of(target("none"), AT_ONCE)
        smaller = AT_ONCE.model_copy(update={"amount": 1})
        past = Denial(cause=DenialCause.FULL, limit=smaller, bucket=bucket, retry_at=rig.clock.now())
        rig.queue.stand(rig.waiters[0], {bucket: past})
        rig.clock.advance(5)
        rig.store.answers.set()
    assert first.arrival is not None
    (given_back,) = verdicts
    assert isinstance(given_back, Denial)
    assert (given_back.returned, given_back.ahead, given_back.limit.amount) == (True, 1, AT_ONCE.amount)
    assert given_back.retry_at is not None
    assert given_back.retry_at > rig.clock.now()


class Apart(Counting):
    """Answers each attempt when that one is let, and takes a moment to settle."""

    def __init__(self) -> None:
        super().__init__()
        self.lets: dict[str, anyio.Event] = {}

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        verdict = await super().admit(reservation)
        await self.lets[reservation.attempt_id].wait()
        return verdict

    @override
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        await anyio.lowlevel.checkpoint()
        return await super().settle(attempt_id, settlement)


async def test_whoever_is_cancelled_while_a_grant_waits_for_its_turn_leaves_nothing_held() -> None:
    rig, store = Rig(AT_ONCE), Apart()
    rig.store = store
    rig.ledger = Ledger(store, rig.clock, Settings(), lambda _: [AT_ONCE], queue=rig.queue)
    first, later = rig.ask(), rig.ask()
    store.lets = {first.attempt_id: anyio.Event(), later.attempt_id: anyio.Event()}
    hold = Hold(bucket=bucket_of(target("none"), AT_ONCE), limit=AT_ONCE, amount=0)
    async with anyio.create_task_group() as group:
        group.start_soon(rig.ledger.admit, target("none"), first)
        while not store.asked:
            await anyio.lowlevel.checkpoint()
        with anyio.CancelScope() as scope:
            store.lets[later.attempt_id].set()

            async def leave() -> None:
                while store.asked < 2:
                    await anyio.lowlevel.checkpoint()
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()
                scope.cancel()

            group.start_soon(leave)
            await rig.ledger.admit(target("none"), later)
        assert scope.cancelled_caught
        assert (await store.remaining([hold], rig.clock.now()))[0].used == 1, "the first one's alone"
        store.lets[first.attempt_id].set()
