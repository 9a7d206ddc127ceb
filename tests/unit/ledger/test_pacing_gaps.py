"""The gap that a smooth pace keeps between two attempts in a long rolling window: it is one between admissions."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.ledger import Ledger
from shunpike.protocols import Store
from shunpike.types import (
    Denial,
    Grant,
    Held,
    Hold,
    Limit,
    Outcome,
    Pace,
    Remaining,
    Reservation,
    Rolling,
    Settings,
    Unit,
    Usage,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

HOURS = limit(100, window=Rolling(seconds=36_000))
FREE = 10
"""Of a hundred, a tenth; the gap after them is that of a window in which ninety are left."""
GAP = 36_000 / 90
SMOOTH = Settings(pace=Pace(smooth=True))


class Elsewhere(MemoryStore):
    """A store that takes a moment for everything, as others do, and counts how often dead owners were looked for."""

    def __init__(self) -> None:
        super().__init__()
        self.looked: list[float] = []

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        await checkpoint()
        return await super().admit(reservation)

    @override
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        await checkpoint()
        return await super().remaining(holds, now)

    @override
    async def recover(self, now: float) -> int:
        self.looked.append(now)
        return 0


class Rig:
    """One ledger with a tenth of its limit used, and a clock."""

    def __init__(self, *limits: Limit, store: Store | None = None, clock: VirtualClock | None = None) -> None:
        self.clock, self.store = clock or VirtualClock(), store or MemoryStore()
        self.books = Ledger(self.store, self.clock, SMOOTH, lambda _: limits or (HOURS,))

    async def warm(self) -> Rig:
        """Use what is free, long ago: within the window, and more than any gap."""
        for number in range(FREE):
            assert isinstance(await self.begin(f"free-{number}"), Grant)
            await self.end(f"free-{number}")
        self.clock.advance(10 * GAP)
        return self

    async def begin(self, name: str) -> Grant | Denial:
        return await self.books.admit(target(), ask(name))

    async def at_once(self, count: int) -> int:
        """Let so many ask at once; return how many of them were admitted."""
        answers: list[Grant | Denial] = []

        async def ask_for(name: str) -> None:
            answers.append(await self.begin(name))

        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(ask_for, f"a{number}")
        return sum(isinstance(answer, Grant) for answer in answers)

    async def end(self, name: str, **fields: object) -> None:
        known = {"at": self.clock.now(), "usage": Usage(prompt_tokens=100)}
        await self.books.settle(target(), ask(name), Outcome(**{**known, **fields}))


async def test_a_call_in_flight_does_not_hold_up_the_others() -> None:
    rig = await Rig().warm()
    assert isinstance(await rig.begin("runs on"), Grant)
    for number in range(20):
        rig.clock.advance(2 * GAP)
        assert isinstance(await rig.begin(f"a{number}"), Grant), number


async def test_the_gap_begins_with_the_last_admission_however_long_that_call_runs() -> None:
    rig = await Rig().warm()
    await rig.begin("a")
    begun, gap = rig.clock.now(), 36_000 / 89
    for later in (0.0, gap / 2, gap - 1):
        rig.clock.advance(begun + later - rig.clock.now())
        denial = await rig.begin(f"at {later}")
        assert isinstance(denial, Denial)
        assert denial.retry_at == pytest.approx(begun + gap)
        assert denial.text == "paced: 11 of 100 requests / 36000 s used"
    rig.clock.advance(begun + gap - rig.clock.now() + 0.01)
    assert isinstance(await rig.begin("b"), Grant)


async def test_an_answer_that_takes_long_does_not_lengthen_the_gap() -> None:
    """Our own attempts are known by their admission, also when their answers are what came last."""
    rig = await Rig().warm()
    await rig.begin("a")
    rig.clock.advance(GAP * 0.9)
    await rig.end("a")
    rig.clock.advance(GAP * 0.2)
    assert isinstance(await rig.begin("b"), Grant)


async def test_of_many_that_ask_at_once_one_is_admitted() -> None:
    rig = await Rig(store=Elsewhere()).warm()
    assert await rig.at_once(9) == 1


class Behind(Elsewhere):
    """A store whose answer has grown old by the time it arrives."""

    @override
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        found = await MemoryStore.remaining(self, holds, now)
        for _ in range(5):
            await checkpoint()
        return found


@pytest.mark.parametrize("store", [Elsewhere, Behind])
async def test_of_many_that_ask_at_once_no_more_than_what_is_free_is_admitted(store: type[Elsewhere]) -> None:
    """Nothing is used yet: each of them sees an empty window, and the whole of it would go in one burst."""
    rig = Rig(store=store())
    assert 1 <= await rig.at_once(100) <= FREE
    rig.clock.advance(10 * GAP)
    assert isinstance(await rig.begin("later"), Grant), "what was denied counts for nothing"


async def test_what_was_never_sent_leaves_no_gap() -> None:
    rig = await Rig().warm()
    assert isinstance(await rig.begin("a"), Grant)
    await rig.end("a", sent=False, error="connection")
    assert isinstance(await rig.begin("b"), Grant)


async def test_what_another_limit_denied_leaves_no_gap() -> None:
    rig = await Rig(HOURS, limit(1, Unit.CONCURRENT, Held())).warm()
    await rig.begin("a")
    rig.clock.advance(2 * GAP)
    denial = await rig.begin("b")
    assert isinstance(denial, Denial)
    assert denial.limit.unit is Unit.CONCURRENT
    await rig.end("a")
    assert isinstance(await rig.begin("b"), Grant)


async def test_what_another_process_runs_counts_from_its_admission_on() -> None:
    here = await Rig().warm()
    there = Rig(store=here.store, clock=here.clock)
    await there.begin("a")
    begun = here.clock.now()
    for _ in range(2):
        here.clock.advance(7)
        denial = await here.begin("b")
        assert isinstance(denial, Denial)
        assert denial.retry_at == pytest.approx(begun + 36_000 / 89)
        await there.end("a")
    here.clock.advance(GAP * 1.1)
    assert isinstance(await here.begin("b"), Grant)


async def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    rig = await Rig().warm()
    await rig.begin("a")
    await rig.begin("b")
    rig.clock.set_back(5_000)
    assert isinstance(await rig.begin("c"), Grant)
    await rig.end("a")
    await rig.end("c")
    assert isinstance(await rig.begin("d"), Denial), "the gap is kept by the clock as it is"
    rig.clock.advance(GAP * 1.1)
    assert isinstance(await rig.begin("d"), Grant)


async def test_what_was_never_sent_leaves_the_gap_of_what_was_sent_before() -> None:
    rig = await Rig().warm()
    assert isinstance(await rig.begin("a"), Grant)
    await rig.end("a")
    begun = rig.clock.now()
    rig.clock.advance(GAP * 1.1)
    assert isinstance(await rig.begin("b"), Grant)
    await rig.end("b", sent=False, error="connection")
    assert isinstance(await rig.begin("c"), Grant), "the gap after the first is over"
    assert rig.clock.now() > begun
