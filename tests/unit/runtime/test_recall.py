"""What one process saw of speeds is known to the next, through the store that they share."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import StoreError
from shunpike.ledger import Ledger
from shunpike.plugins import Host
from shunpike.routing.performance import Performance
from shunpike.runtime.recall import EVERY, Recall
from shunpike.types import Settings, Speed, Timing
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer


def client(store: str, clock: VirtualClock) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    host.register(ScriptedProvider("only", answer("fine")), "only")
    settings = Settings.model_validate({"store": store, "strategy": "latency"})
    return Client(settings, host=host, clock=clock, environ={})


def seen(opened: Client) -> Speed | None:
    now = opened.clock.now()
    return opened.runtime.performance.speeds.of("only/m", stream=False, prompt_tokens=1, now=now)


async def test_speeds_outlive_the_process_and_are_learned_once(tmp_path: Path) -> None:
    clock, store = VirtualClock(), f"sqlite:{tmp_path}/ledger.db"
    async with client(store, clock) as first:
        for _ in range(3):
            await first.complete("hello", tag="greeting")
        await clock.sleep(EVERY + 1)
        await first.complete("hello", tag="greeting")
        alone = seen(first)
    async with client(store, clock) as second:
        await second.complete("hello", tag="greeting")
        after = seen(second)
        lengths = second.runtime.performance.lengths.expected("greeting", "only/m")

    assert alone is not None
    assert after is not None
    assert alone.samples == pytest.approx(4, abs=0.2)
    assert after.samples == pytest.approx(5, abs=0.3)
    assert lengths == first.runtime.performance.lengths.expected("greeting", "only/m") > 0


class Tells(Ledger):
    def __init__(self, *answers: Timing, fails: bool = False) -> None:
        self.answers = answers
        self.fails = fails
        self.asked: list[float] = []

    async def timings(self, since: float, most: int) -> tuple[Timing, ...]:
        self.asked.append(since)
        if self.fails:
            raise StoreError("it is gone")
        return self.answers


async def test_the_store_is_asked_now_and_then() -> None:
    clock, ledger = VirtualClock(), Tells()
    recall = Recall(ledger, Performance(), clock)
    for _ in range(3):
        await recall.refresh(5.0)
    await clock.sleep(EVERY)
    await recall.refresh(5.0)

    assert len(ledger.asked) == 2


async def test_a_store_that_fails_teaches_nothing_and_stops_nobody() -> None:
    clock, performance = VirtualClock(), Performance()
    await Recall(Tells(fails=True), performance, clock).refresh(5.0)

    assert performance.lengths.expected(None) == 0


def test_an_answer_that_is_told_of_twice_is_learned_once() -> None:
    performance = Performance()
    for _ in range(2):
        performance.answered(Timing("a/m", 100.0, 1.0, attempt_id="r-1"))
        performance.answered(Timing("a/m", 100.0, 1.0))
    found = performance.speeds.of("a/m", stream=False, prompt_tokens=1, now=100.0)

    assert found is not None
    assert found.samples == 3.0  # what has no id can't be known again
