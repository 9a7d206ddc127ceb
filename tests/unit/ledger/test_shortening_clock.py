"""A wall clock that is set shows no window to be shorter than it is: a time between two clocks is no time."""

from __future__ import annotations

import random
from collections import deque
from pathlib import Path

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger import Ledger
from shunpike.types import Denial, Evidence, Outcome, Rolling, Settings, Unit, Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

AMOUNT, WINDOW = 10, 60.0


class Strict:
    """Grants so many requests in each rolling window, and states a reset that is always near."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._served: deque[float] = deque()

    def answer(self) -> Outcome:
        moment = self._clock.monotonic()
        while self._served and self._served[0] <= moment - WINDOW:
            self._served.popleft()
        fits = len(self._served) < AMOUNT
        if fits:
            self._served.append(moment)
        resets = self._clock.now() + 6.0
        left = AMOUNT - len(self._served)
        row = Evidence(unit=Unit.REQUEST, origin="header x", amount=AMOUNT, remaining=left, resets_at=resets)
        outcome = Outcome(at=self._clock.now(), usage=Usage(), evidence=(row,))
        refused = {"error": "rate_limited", "status": 429, "billed": False, "closed_until": resets}
        return outcome if fits else outcome.model_copy(update=refused)


@pytest.mark.parametrize("seconds", [30.0, 50.0, -30.0])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_clock_that_is_set_makes_no_window_shorter(tmp_path: Path, kind: str, seconds: float) -> None:
    drawn, clock = random.Random(0), VirtualClock()
    store = MemoryStore(clock=clock) if kind == "memory" else SqliteStore(tmp_path / "ledger.db", clock=clock)
    books, provider = Ledger(store, clock, Settings(), lambda _: [limit(AMOUNT)]), Strict(clock)
    shortest, was_set, number = WINDOW, False, 0
    while clock.monotonic() < 600:
        number += 1
        one = ask(f"a{number}")
        if isinstance(await books.admit(target(), one), Denial):
            clock.advance(0.5)
            continue
        clock.advance(0.02)
        await books.settle(target(), one, provider.answer())
        if not was_set and clock.monotonic() > 200:
            was_set = True
            clock.set_back(seconds)
        clock.advance(drawn.uniform(3, 9))
        windows = [left.limit.window for left in await books.remaining(target())]
        shortest = min(shortest, *(one.seconds for one in windows if isinstance(one, Rolling)))
    await books.aclose()
    assert was_set
    assert shortest == WINDOW
