"""What was learned is known before anything is judged by it, and nothing newer is lost when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import SqliteStore
from shunpike.errors import StoreError
from shunpike.ledger import Ledger
from shunpike.ledger.knowledge import FRESH
from shunpike.protocols import Store
from shunpike.types import Evidence, Grant, Observation, Outcome, Rolling, Settings, Unit, Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

FREE = target("none")
DAY = Rolling(seconds=86_400)


class Rounding(MemoryStore):
    """A store of another clock: the moments that come back are not quite those that went there."""

    @override
    async def observations(self) -> Mapping[str, Observation]:
        return {bucket: observation.moved(-2.4e-7) for bucket, observation in (await super().observations()).items()}


class Slow(MemoryStore):
    """A store whose answer to what was learned waits until it is told to come; it is of before that."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = anyio.Event()
        self.asked = anyio.Event()
        self.broken = False

    @override
    async def observations(self) -> Mapping[str, Observation]:
        found = await super().observations()
        self.asked.set()
        await self.gate.wait()
        if self.broken:
            raise StoreError("gone")
        return found


def ledger(store: Store, clock: VirtualClock) -> Ledger:
    return Ledger(store, clock, Settings(), lambda _: (limit(1_000, window=DAY),))


async def teach(books: Ledger, clock: VirtualClock, name: str, amount: int, left: int) -> None:
    """One answer whose headers tell the limit and what is left of it."""
    said = Evidence(unit=Unit.REQUEST, amount=amount, remaining=left, window_seconds=86_400.0, origin="headers")
    outcome = Outcome(at=clock.now(), headers_at=clock.now(), usage=Usage(prompt_tokens=1), evidence=(said,))
    assert isinstance(await books.admit(FREE, ask(name)), Grant)
    await books.settle(FREE, ask(name), outcome)


async def admitted(books: Ledger, names: list[str]) -> int:
    """Ask for all at once; return how many were granted."""
    verdicts: list[object] = []

    async def one(name: str) -> None:
        verdicts.append(await books.admit(FREE, ask(name)))

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(one, name)
    return sum(isinstance(verdict, Grant) for verdict in verdicts)


async def test_the_first_requests_after_a_restart_know_what_was_learned(tmp_path: Path) -> None:
    """All of those that come at once, not only the one that reads it."""
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    store = SqliteStore(path, clock=clock)
    for number in range(20):
        await teach(ledger(store, clock), clock, f"a{number}", 20, 19 - number)
    await store.aclose()
    store = SqliteStore(path, clock=clock)
    assert await admitted(ledger(store, clock), [f"b{number}" for number in range(30)]) == 0
    await store.aclose()


async def test_what_is_taught_while_the_store_is_read_is_not_forgotten() -> None:
    clock, store = VirtualClock(), Slow()
    store.gate.set()
    books = ledger(store, clock)
    await teach(books, clock, "old", 1_000, 999)
    assert isinstance(await books.admit(FREE, ask("runs")), Grant)
    clock.advance(FRESH + 1)
    store.gate, store.asked = anyio.Event(), anyio.Event()
    said = Evidence(unit=Unit.REQUEST, amount=5, remaining=3, window_seconds=86_400.0, origin="headers")
    async with anyio.create_task_group() as group:
        group.start_soon(books.remaining, FREE)
        await store.asked.wait()
        outcome = Outcome(at=clock.now(), headers_at=clock.now(), usage=Usage(prompt_tokens=1), evidence=(said,))
        await books.settle(FREE, ask("runs"), outcome)
        store.gate.set()
    assert [one.limit.amount for one in await books.remaining(FREE)] == [5]


async def test_what_could_not_be_read_is_read_by_the_next_one() -> None:
    """Nothing is admitted in ignorance of it."""
    clock, store = VirtualClock(), Slow()
    store.gate.set()
    await teach(ledger(store, clock), clock, "old", 1, 0)
    books, store.broken = ledger(store, clock), True
    with pytest.raises(StoreError, match="gone"):
        await books.admit(FREE, ask("first"))
    store.broken = False
    assert await admitted(books, ["second"]) == 0


async def test_a_store_that_is_slow_to_tell_what_was_learned_holds_nobody_up() -> None:
    """What was known a few seconds ago will do meanwhile: only the very first read is waited for."""
    clock, store = VirtualClock(), Slow()
    store.gate.set()
    books = ledger(store, clock)
    await teach(books, clock, "old", 1_000, 999)
    clock.advance(FRESH + 1)
    store.gate, store.asked = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(books.admit, FREE, ask("reads"))
        await store.asked.wait()
        with anyio.fail_after(10):
            assert await admitted(books, ["a", "b"]) == 2
        store.gate.set()


async def test_what_only_the_books_know_is_taken_from_them_though_moments_are_rounded() -> None:
    clock = VirtualClock()
    books = ledger(Rounding(), clock)
    for number in range(700):
        assert isinstance(await books.admit(FREE, ask(f"a{number}")), Grant)
    named = Evidence(unit=Unit.REQUEST, remaining=0, window_seconds=86_400.0, origin="x")
    refused = Outcome(at=clock.now(), error="quota", billed=False, closed_until=clock.now() + 5, evidence=(named,))
    await books.settle(FREE, ask("a0"), refused)
    assert [one.limit.amount for one in await books.remaining(FREE)] == [699]
