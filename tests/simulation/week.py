"""A week of a client's life at seven providers, played on a virtual clock: what any client made of the free supply."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

import anyio

from shunpike.virtual_clock import VirtualClock
from shunpike_sandbox.app import create_app
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.world import ReplyPace, SimulatedWorld

from .hidden import MODELS, PAID, FreeSupply, TrueRoom, hidden_world, supply
from .load import DAY, SimulatedAsk, batch, persons

BEGIN = 1_795_334_400.0
"""2026-11-22 00:00 in Los Angeles."""
KEYS = {name: f"sandbox-{name}" for name in MODELS}
WORKERS = 4
"""How many requests the batch has under way at once."""
PATIENCE, BATCH_PATIENCE = 60.0, DAY
"""Seconds that a person waits, and a batch."""
REST = 900.0
"""Seconds that the batch rests after a request that failed."""

Asked = Callable[[SimulatedAsk, bool, float], Awaitable[bool]]
"""Ask, whether a batch asks, and the seconds there are → whether it was answered."""


@dataclass
class WeekFigures:
    """What came of a week."""

    name: str
    supplies: list[FreeSupply] = field(default_factory=list)
    attempts: int = 0
    refused_429: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    spent_pico: int = 0
    paid_attempts: int = 0
    """At those who cost money from the first token on."""
    persons: int = 0
    persons_answered: int = 0
    missed: int = 0
    """Persons who were turned away though there was a place for them."""
    answered: int = 0
    cpu_seconds: float = 0.0

    @property
    def used(self) -> float:
        """The share of the free supply that was used: each provider's allowance weighs as much as it is large."""
        counted = [one for one in self.supplies if not one.name.startswith("hyperbolic")]
        return sum(min(one.used, one.allowed) for one in counted) / sum(one.allowed for one in counted)

    @property
    def availability(self) -> float:
        """The share of persons who were answered, of those for whom some free model had a place."""
        return self.persons_answered / max(1, self.persons_answered + self.missed)

    @property
    def share_429(self) -> float:
        """The share of attempts that were answered 429."""
        return self.refused_429 / max(1, self.attempts)

    def row(self) -> str:
        """Return the row of the table."""
        return (
            f"{self.name:20}{self.used:>8.1%}{self.attempts:>10,}{self.share_429:>9.2%}{self.spent_pico / 10**12:>8.2f}"
            f"{self.availability:>14.1%}{self.persons_answered / max(1, self.persons):>9.1%}{self.cpu_seconds:>8.1f}"
        )


HEAD = f"{'client':20}{'used':>8}{'attempts':>10}{'429':>9}{'$':>8}{'availability':>14}{'persons':>9}{'CPU s':>8}"


@dataclass
class Stage:
    """The world of one run, its clock, and the way into it."""

    clock: VirtualClock
    world: SimulatedWorld
    transport: InProcess

    @classmethod
    def set_up(cls, seed: int) -> Stage:
        """Return a stage that nobody has been on."""
        clock = VirtualClock(BEGIN)
        world = hidden_world(clock, seed, ReplyPace(first_byte=4.0, chunk_tokens=40))
        return cls(clock, world, InProcess(create_app(world)))


async def play(
    name: str, stage: Stage, asked: Asked, *, days: int = 7, each_day: int = 110, seed: int = 11
) -> WeekFigures:
    """Let persons and a batch ask for so many days; return what came of it."""
    figures, began = WeekFigures(name), time.process_time()
    more, room = batch(Random(seed + 1)), TrueRoom(stage.world, KEYS)
    end = days * DAY

    async def person(ask: SimulatedAsk) -> None:
        place = room.find(len(ask.prompt) // 4 + 20, ask.max_tokens)
        answered = await asked(ask, False, PATIENCE)
        figures.persons += 1
        figures.persons_answered += answered
        if place is not None and not answered:
            figures.missed += 1
            room.give(place)
        figures.answered += answered

    async def worker() -> None:
        while (left := end - stage.clock.monotonic()) > 0:
            if await asked(next(more), True, min(left, BATCH_PATIENCE)):
                figures.answered += 1
            else:
                await stage.clock.sleep(min(REST, max(0.0, end - stage.clock.monotonic())))

    async with anyio.create_task_group() as group:
        for _ in range(WORKERS):
            group.start_soon(worker)
        for ask in persons(Random(seed), days, each_day):
            await stage.clock.sleep(ask.at - stage.clock.monotonic())
            group.start_soon(person, ask)
    _read_books(figures, stage.world, end)
    figures.cpu_seconds = time.process_time() - began
    return figures


def _read_books(figures: WeekFigures, world: SimulatedWorld, end: float) -> None:
    books = world.books(attempts=False)
    figures.supplies = supply(world, BEGIN, BEGIN + end)
    for name, one in books.items():
        figures.attempts += one["requests"]
        figures.refused_429 += one["refused"].get("429", 0)
        figures.refusals.update({f"{name} {status}": number for status, number in one["refused"].items()})
        figures.spent_pico += one["billed_pico"]
        figures.paid_attempts += one["requests"] if name in PAID else 0
