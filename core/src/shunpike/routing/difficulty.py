"""How difficult a prompt looks beside this user's own recent ones, from its length and its structure alone.

Nothing is trained and nothing is shipped but this code: weights that were learned of one kind of prompts were measured
to be worth no more than chance on another. One figure is taken of a prompt, from the logarithm of its length and from
how much stands in it side by side, and ranked among those of the last `RECENT` requests. So the result is a share of
the user's own traffic, whatever that is like, and nobody sets a threshold.
"""

from __future__ import annotations

import math
import re
import string
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable
from itertools import accumulate
from random import Random

from shunpike.types import ChatRequest

RECENT = 1000
"""Requests among which a new one is ranked."""
STEADIED = 200
"""Requests over which shares are kept to what they say."""
LOOKED_AT = 2000
"""Characters whose structure is looked at: the first and the last half of them. The length counts in full."""

_NO_LETTERS = str.maketrans(dict.fromkeys((*string.punctuation, *string.digits), " "))
_SENTENCE = re.compile(r"[.!?;:](?=\s)|[\u3002\uff01\uff1f\uff1b\n]")
_OPERATORS = frozenset("=+*/^<>\\{}[]|%\u00b1\u00d7\u00f7\u221a\u2211\u222b\u2264\u2265")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONDITIONS = _words(
    "if then when unless otherwise each every per all both neither except not than least most more less after before"
    " until while which that but only must without between because given such same other"
)
"""Words by which one part of a prompt bears on another."""
_WORK = _words(
    "prove theorem derive derivation derivative optimize optimise optimization implement implementation algorithm"
    " debug refactor compare comparison analyze analyse analysis design explain why evaluate solve solution determine"
    " calculate compute step tradeoff integral matrix equation function class def"
)
"""Words that ask for more than a fact."""


def look(text: str) -> float:
    """Return how difficult ``text`` looks, in no unit, in time that does not grow with a long one."""
    seen = text if len(text) <= LOOKED_AT else f"{text[: LOOKED_AT // 2]}\n{text[-LOOKED_AT // 2 :]}"
    words = seen.lower().translate(_NO_LETTERS).split()
    structure = (
        math.log1p(len(set(words)))
        + math.log1p(len(_SENTENCE.findall(seen)) + 1)
        + math.log1p(sum(map(_CONDITIONS.__contains__, words)))
        + math.log1p(sum(map(_WORK.__contains__, words))) / 2
        + math.log1p(len(_OPERATORS.intersection(seen))) / 2
    )
    # Over usual prompts the two vary about as much so, and neither outweighs the other.
    return 2 * math.log1p(len(text)) + structure


def asked_text(request: ChatRequest) -> str:
    """Return what is asked: the last message of the user's, as what stands before it was asked earlier."""
    return next((one.text for one in reversed(request.messages) if one.role == "user"), request.messages[-1].text)


class Difficulty:
    """Ranks each prompt among the recent ones of this process.

    The very first are ranked among `_BEGINNING`, which each prompt of the user's own pushes one out of.
    """

    def __init__(self) -> None:
        self._recent = _Window(RECENT, _BEGINNING)
        self._steady = _Steady()

    def assess(self, text: str, seed: int, *, counts: bool = True) -> float:
        """Return the share of recent requests that look easier than ``text``, from 0 to 1.

        It is one of them from then on where it ``counts``, as what is only planned does not. Of those that look the
        same, ``seed`` says how many count as easier: however alike the prompts are, 30 in 100 are at 0.7 or above.
        """
        looks = look(text)
        rank = self._recent.rank(looks, Random(seed).random())  # noqa: S311 - no secret
        if not counts:
            return self._steady.put_right(rank)
        self._recent.add(looks)
        return self._steady.settled(rank)


class _Window:
    """The last figures, in order. What it ``begins`` with leaves first, one for each that comes."""

    def __init__(self, most: int, begins: Iterable[float]) -> None:
        self._most = most
        self._arrived = deque(begins)
        self._old = len(self._arrived)
        self._sorted = sorted(self._arrived)

    def rank(self, value: float, share: float) -> float:
        """Return the share of figures below ``value``, with that ``share`` of those that equal it, and of itself."""
        below = bisect_left(self._sorted, value)
        equal = bisect_right(self._sorted, value, lo=below) - below
        return (below + share * (equal + 1)) / (len(self._sorted) + 1)

    def add(self, value: float) -> None:
        """Take in one more."""
        if self._old or len(self._arrived) == self._most:
            self._old = max(self._old - 1, 0)
            del self._sorted[bisect_left(self._sorted, self._arrived.popleft())]
        self._arrived.append(value)
        insort(self._sorted, value)


class _Steady:
    """Keeps shares to what they say: of some `STEADIED` recent requests, as many are below each share as it says.

    Ranks alone do so in the long run only: within some hundred requests chance is off by several in a hundred, and
    traffic that changes by more. So where too many came above a share, what comes next is put lower, and the other way
    round. The order of prompts is kept.
    """

    def __init__(self) -> None:
        self._counts = [0.0] * _PARTS
        """How many were put into each part, the older ones counting less and less."""

    def put_right(self, rank: float) -> float:
        """Return ``rank`` put right."""
        marks, part = self._marks(), _part(rank)
        return marks[part] + (marks[part + 1] - marks[part]) * (rank * _PARTS - part)

    def settled(self, rank: float) -> float:
        """Return ``rank`` put right, and count it."""
        moved = self.put_right(rank)
        self._counts = [count * (1 - 1 / STEADIED) for count in self._counts]
        self._counts[_part(moved)] += 1
        return moved

    def _marks(self) -> list[float]:
        """Return where each share is put, in order: higher by `_STEP` for each that too many came below it."""
        expected = sum(self._counts) / _PARTS
        below = enumerate(accumulate(self._counts[:-1]), start=1)
        wanted = [0.0, *(part / _PARTS + _STEP * (count - expected * part) for part, count in below), 1.0]
        # Halfway between the least that is in order and no lower, and the most that is in order and no higher.
        least, most = accumulate(wanted, max), accumulate(reversed(wanted), min)
        return [min(max((one + other) / 2, 0.0), 1.0) for one, other in zip(least, reversed(list(most)), strict=True)]


def _part(share: float) -> int:
    return min(int(share * _PARTS), _PARTS - 1)


_PARTS = 20
_STEP = 0.08
_BEGINNING = tuple(2 * math.log1p(20 * 1.3**step) + 2.0 + 0.4 * step for step in range(25))
"""Prompts of 20 to some 11,000 characters: among these the first ones of a process are ranked, for want of others."""
