"""The load of a simulation: persons by day, and a batch that never ends. The same for whoever is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

DAY, HOUR = 86_400.0, 3_600.0
WORDS = (
    *("the", "toll", "road", "ran", "past", "an", "old", "mill", "where", "carters", "paid", "by", "weight"),
    *("and", "walkers", "went", "free", "at", "night"),
)
TOPICS = ("history", "prices", "weather", "roads", "bridges", "letters", "maps", "carts")


@dataclass(frozen=True, slots=True)
class SimulatedAsk:
    """One request: what it asks, and when, in seconds from the beginning."""

    at: float
    prompt: str
    max_tokens: int
    streamed: bool = False


def prompt_of(chance: Random) -> str:
    """Return a prompt of some twenty to eight hundred tokens, most of them short."""
    length = min(int(chance.lognormvariate(3.6, 0.9)) + 8, 600)
    return f"Tell me about {chance.choice(TOPICS)}. {' '.join(chance.choices(WORDS, k=length))}."


def persons(chance: Random, days: int, each_day: int) -> list[SimulatedAsk]:
    """Return what persons ask, in order: four fifths in office hours, many of them in bursts."""
    found: list[SimulatedAsk] = []
    for day in range(days):
        left = each_day
        while left > 0:
            hour = chance.triangular(8, 19, 11) if chance.random() < 0.8 else chance.uniform(0, 24)
            burst = min(left, chance.choice((1, 1, 1, 2, 4)))
            left -= burst
            for _ in range(burst):
                at = day * DAY + hour * HOUR + chance.uniform(0, 20)
                found.append(SimulatedAsk(at, prompt_of(chance), chance.choice((64, 128, 256)), chance.random() < 0.1))
    return sorted(found, key=lambda one: one.at)


def batch(chance: Random) -> Iterator[SimulatedAsk]:
    """Return what a batch asks: always more."""
    while True:
        yield SimulatedAsk(0.0, prompt_of(chance), chance.choice((64, 128, 256)))
