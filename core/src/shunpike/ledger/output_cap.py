"""The output cap of a request that names none: the largest that what is left allows, and fair to the others.

What is taken is held while the answer comes, so a request that asks for nothing in particular must not take all:

- of tokens that come back when it ends (a window of less than an hour) it may have all that is left while no other
  request of this process runs or waits for them;
- of everything else, money above all, and whenever others are there, a quarter of what is left: a stream that is left
  early can cost its whole cap, and with it nobody loses a budget;
- it never gets less than the operator's minimum (``min_output``): it waits instead. Where that would take more than a
  quarter of what stays counted for long (a day's budget), or does not fit even when nothing else uses the limit, the
  least is a quarter of the empty limit, and never below `USELESS`: else a first cheap answer closed it for the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shunpike.ledger.holds import fits, holds_for
from shunpike.ledger.pacing import LONG, Pacer
from shunpike.ledger.terms import InForce, Terms, terms_of
from shunpike.protocols import AdmissionRequest, Store, Target
from shunpike.types import Denial, Hold, Limit, Owner, Rolling
from shunpike.types.limits import MONEY, BoundLimit
from shunpike.waiting import Queue

USELESS = 16
"""Output tokens per choice below which an answer is of no use to anybody."""
SHARE = 4
"""What is shared is taken by so many parts."""


class Room(NamedTuple):
    """What is left of one limit."""

    limit: Limit
    owner: Owner
    left: int
    alone: bool
    """Whether no other request of this process runs in it or waits for it."""


class OutputCap(NamedTuple):
    """The output tokens per choice, and the limit that made it less than was wanted."""

    tokens: int
    by: str = ""


class Caps:
    """Chooses the caps of one ledger's attempts."""

    def __init__(self, store: Store, in_force: InForce, pacer: Pacer, queue: Queue) -> None:
        self._store = store
        self._in_force = in_force
        self._pacer = pacer
        self._queue = queue

    async def choose(
        self, target: Target, ask: AdmissionRequest, bounds: Iterable[BoundLimit], now: float
    ) -> tuple[OutputCap, int]:
        """Return the output cap for what is left of the limits, and the least that is of use."""
        terms = terms_of(target, ask, self._in_force.settings)
        limits = [one for one in bounds if shapes_output(one.limit, ask, terms)]
        least = least_output((one.limit for one in limits), ask, terms)
        if not limits:
            return OutputCap(ask.max_output), least
        small = ask.model_copy(update={"max_output": least})
        holds = holds_for(target, small, terms_of(target, small, self._in_force.settings), limits)
        holds = tuple(hold for hold in holds if hold.amount)
        left = self._pacer.rooms(target, ask, holds, await self._store.remaining(holds, now), now)
        rooms = (
            Room(hold.limit, hold.owner, room, self._queue.is_idle(hold.bucket))
            for hold, room in zip(holds, left, strict=True)
        )
        return largest_output(rooms, ask, terms, least), least

    async def advised(
        self, target: Target, ask: AdmissionRequest, denial: Denial, holds: Iterable[Hold], now: float
    ) -> Denial:
        """Return the denial of what is too large with the cap that would be admitted now: None where none would."""
        terms, held = terms_of(target, ask, self._in_force.settings), tuple(hold for hold in holds if hold.amount)
        left = self._pacer.rooms(target, ask, held, await self._store.remaining(held, now), now)
        rooms = (fits(hold.limit, room, ask, terms) for hold, room in zip(held, left, strict=True))
        least = min((room for room in rooms if room is not None), default=denial.fits)
        return denial.model_copy(update={"fits": least or None})


def shapes_output(limit: Limit, ask: AdmissionRequest, terms: Terms) -> bool:
    """Return whether what an attempt holds of ``limit`` depends on its cap."""
    if ask.likely_output is not None and limit.counts == "used" and limit.unit not in MONEY:
        return False
    return fits(limit, limit.amount, ask, terms) is not None


def least_output(limits: Iterable[Limit], ask: AdmissionRequest, terms: Terms) -> int:
    """Return the least cap that is of use: the operator's minimum, or less where a limit is small beside it."""
    wanted = ask.max_output if ask.min_output is None else min(ask.min_output, ask.max_output)
    least = wanted
    for limit in limits:
        most = fits(limit, limit.amount, ask, terms)
        if most is not None and (most < wanted or not _comes_back(limit)):
            least = min(least, most // SHARE)
    return max(least, min(USELESS, ask.max_output))


def largest_output(rooms: Iterable[Room], ask: AdmissionRequest, terms: Terms, least: int) -> OutputCap:
    """Return the cap for what is left. Where not even ``least`` fits, that: the store then says what it waits for."""
    best = OutputCap(ask.max_output)
    for room in rooms:
        whole, part = (fits(room.limit, left, ask, terms) or 0 for left in (room.left, _part(room)))
        tokens = max(part, min(least, whole))
        if tokens < best.tokens:
            best = OutputCap(tokens, room.limit.text_of(room.owner))
    return best if best.tokens >= least else best._replace(tokens=least)


def _part(room: Room) -> int:
    return room.left if room.alone and _comes_back(room.limit) else room.left // SHARE


def _comes_back(limit: Limit) -> bool:
    """Whether what an attempt took and did not use is soon there again for others."""
    soon = isinstance(limit.window, Rolling) and limit.window.seconds < LONG
    return soon and limit.counts != "reserved" and limit.unit not in MONEY
