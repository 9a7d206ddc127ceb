"""The output cap of a request that names none: the largest that what is left allows, and fair to the others.

What is taken is held while the answer comes, so a request that asks for nothing in particular must not take all:

- of tokens that come back when it ends (a window of less than an hour) it may have all that is left while no other
  request of this process runs or waits for them;
- of everything else, money above all, and whenever others are there, a quarter of what is left: a stream that is left
  early can cost its whole cap, and with it nobody loses a budget;
- it never gets less than the operator's minimum (``min_output``), as long as that fits at all: it waits instead. Only
  where a limit would not fit even that when nothing else uses it, less is taken, down to `USELESS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shunpike.ledger.buckets import is_budget
from shunpike.ledger.holds import fits, holds_for
from shunpike.ledger.pacing import LONG, Pacer
from shunpike.ledger.terms import Terms, terms_of
from shunpike.protocols import Ask, Store, Target
from shunpike.types import Limit, Rolling, Settings, Unit
from shunpike.waiting import Queue

USELESS = 16
"""Output tokens per choice below which an answer is of no use to anybody."""
SHARE = 4
"""What is shared is taken by so many parts."""


class Room(NamedTuple):
    """What is left of one limit."""

    bucket: str
    limit: Limit
    left: int
    alone: bool
    """Whether no other request of this process runs in it or waits for it."""


class Cap(NamedTuple):
    """The output tokens per choice, and the limit that made it less than was wanted."""

    tokens: int
    by: str = ""


class Caps:
    """Chooses the caps of one ledger's attempts."""

    def __init__(self, store: Store, settings: Settings, pacer: Pacer, queue: Queue) -> None:
        self._store = store
        self._settings = settings
        self._pacer = pacer
        self._queue = queue

    async def choose(self, target: Target, ask: Ask, in_force: Mapping[str, Limit], now: float) -> tuple[Cap, int]:
        """Return the output cap for what is left of the limits ``in_force``, and the least that is of use."""
        terms = terms_of(target, ask, self._settings)
        limits = {bucket: limit for bucket, limit in in_force.items() if shapes_output(limit, ask, terms)}
        least = least_output(limits.values(), ask, terms)
        if not limits:
            return Cap(ask.max_output), least
        small = ask.model_copy(update={"max_output": least})
        holds = holds_for(target, small, terms_of(target, small, self._settings), dict(limits))
        holds = tuple(hold for hold in holds if hold.amount)
        left = self._pacer.rooms(target, ask, holds, await self._store.remaining(holds, now), now)
        rooms = (
            Room(hold.bucket, hold.limit, room, self._queue.is_idle(hold.bucket))
            for hold, room in zip(holds, left, strict=True)
        )
        return largest_output(rooms, ask, terms, least), least


def shapes_output(limit: Limit, ask: Ask, terms: Terms) -> bool:
    """Return whether what an attempt holds of ``limit`` depends on its cap."""
    if ask.likely_output is not None and limit.counts == "used" and limit.unit is not Unit.USD:
        return False
    return fits(limit, limit.amount, ask, terms) is not None


def least_output(limits: Iterable[Limit], ask: Ask, terms: Terms) -> int:
    """Return the least cap that is of use: the operator's minimum, or less where no waiting could make room for it."""
    most = [found for limit in limits if (found := fits(limit, limit.amount, ask, terms)) is not None]
    least = min([ask.max_output, *most, *([] if ask.min_output is None else [ask.min_output])])
    return max(least, min(USELESS, ask.max_output))


def largest_output(rooms: Iterable[Room], ask: Ask, terms: Terms, least: int) -> Cap:
    """Return the cap for what is left. Where not even ``least`` fits, that: the store then says what it waits for."""
    best = Cap(ask.max_output)
    for room in rooms:
        whole, part = (fits(room.limit, left, ask, terms) or 0 for left in (room.left, _part(room)))
        tokens = max(part, min(least, whole))
        if tokens < best.tokens:
            name = room.limit.source if is_budget(room.bucket) else "limit"
            best = Cap(tokens, f"{name} {room.limit.text}")
    return best if best.tokens >= least else best._replace(tokens=least)


def _part(room: Room) -> int:
    window = room.limit.window
    comes_back = isinstance(window, Rolling) and window.seconds < LONG and room.limit.counts != "reserved"
    return room.left if room.alone and comes_back and room.limit.unit is not Unit.USD else room.left // SHARE
