"""How fast targets answer, learned of their answers: streamed and whole ones apart, old ones fading.

An answer counts half as much after each `HALF_LIFE`. What its prompt's size adds is a least-squares slope over what was
seen, held back by a ridge as long as little was seen: at the mean size it is the mean. Of an answer that came whole
only its end is known; its tokens' share of the time is such a slope, too, around that of `PER_TOKEN`.

Pure but for what it was told: moments are arguments, so that the same answers always say the same.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque

from shunpike.types import Speed, Timing

HALF_LIFE = 600.0
"""Seconds after which an answer counts half."""
ENOUGH = 20
"""Answers from which on a percentile is told."""
FORGOTTEN = 6 * HALF_LIFE
"""Seconds after which an answer says nothing of a percentile."""
PER_TOKEN = 1 / 50
"""Seconds that a token of a whole answer takes as far as nothing else is known: usual for models in 2026."""
FASTEST = 1e-5
"""Seconds that a token takes at least: what comes in one piece is not infinitely fast."""
RIDGE_PROMPT, RIDGE_OUTPUT = 5 * 500.0**2, 5 * 50.0**2
"""Tokens squared: as if five answers whose prompts were 500 tokens off the mean, and which themselves were 50 off it,
had shown that it makes no difference. Prompts are of very different sizes: a slope that chance made must not count."""
DOUBT = 5.0
"""The weight of the belief that nothing is cached."""
_KEPT = 256
"""Answers of one target whose times are kept one by one."""
_MOST = 2_000
"""Targets that are remembered, those that answered last."""


class Speeds:
    """What is known of the speed of every target."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, bool], _Answers] = OrderedDict()

    def answered(self, one: Timing) -> None:
        """Take in what an answer took."""
        key = (one.label, one.first_token_seconds is not None)
        known = self._seen.get(key)
        if known is None:
            known = self._seen[key] = _Answers(one.ended_at)
        self._seen.move_to_end(key)
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)
        known.add(one)

    def of(self, label: str, *, stream: bool, prompt_tokens: int, now: float) -> Speed | None:
        """Return how fast ``label`` answers a prompt of that size, None where it was not seen to; ``now`` in epoch."""
        known = self._seen.get((label, stream))
        return None if known is None else known.speed(prompt_tokens, now)

    def cached_share(self, label: str, *, stream: bool, now: float) -> float | None:
        """Return which share of a prompt, from 0 to 1, is likely to be found in a cache; None where nothing is known.

        Little that was seen counts little: nothing is reckoned with that was not seen again and again.
        """
        known = self._seen.get((label, stream))
        return None if known is None else known.cached_share(now)


class _Answers:
    """The answers of one target, all streamed or all whole, as sums that fade."""

    __slots__ = ("_at", "_cached", "_kept", "_out", "_p95", "_sums", "_took")

    def __init__(self, at: float) -> None:
        self._at = at
        # Of 1, p, o, s, p·p, o·o, p·o, p·s and o·s; p: prompt tokens, o: output tokens, s: seconds.
        self._sums = [0.0] * 9
        self._out = self._took = self._cached = 0.0
        self._kept: deque[tuple[float, float, int]] = deque(maxlen=_KEPT)
        self._p95: float | None = None

    def add(self, one: Timing) -> None:
        """Take in an answer, also one that ended before the last."""
        weight = 1.0
        if one.ended_at >= self._at:
            self._fade(_left(one.ended_at - self._at))
            self._at = one.ended_at
        else:
            weight = _left(self._at - one.ended_at)
        streamed = one.first_token_seconds
        prompt, output = float(one.prompt_tokens), float(one.output_tokens)
        if streamed is None:
            explained, seconds = output, one.seconds - PER_TOKEN * output
        else:
            explained, seconds = 0.0, streamed
            if output and one.seconds > streamed:
                self._out += weight * output
                self._took += weight * (one.seconds - streamed)
        terms = (1.0, prompt, explained, seconds, prompt * prompt, explained * explained)
        mixed = (prompt * explained, prompt * seconds, explained * seconds)
        self._sums = [total + weight * term for total, term in zip(self._sums, (*terms, *mixed), strict=True)]
        self._cached += weight * one.cached_tokens
        self._kept.append((one.ended_at, one.seconds if streamed is None else streamed, int(explained)))
        self._p95 = None

    def _fade(self, left: float) -> None:
        self._sums = [total * left for total in self._sums]
        self._out, self._took, self._cached = self._out * left, self._took * left, self._cached * left

    def speed(self, prompt_tokens: int, now: float) -> Speed:
        """Return what the sums say."""
        left = _left(max(now - self._at, 0.0))
        weight, _, output, *_ = self._sums
        mean, by_prompt, by_output = self._slopes(left)
        first = mean + by_prompt * (prompt_tokens - self._sums[1] / weight) - by_output * output / weight
        per_token = max(PER_TOKEN + by_output, FASTEST) if output else None
        if self._out:
            per_token = max(self._took / self._out, FASTEST)
        return Speed.model_construct(
            samples=weight * left,
            first_token=max(first, 0.0),
            first_token_p95=self._percentile(now),
            tokens_per_second=None if per_token is None else 1 / per_token,
        )

    def _slopes(self, left: float) -> tuple[float, float, float]:
        """Return the mean of the seconds, and what a token of the prompt, and one of the answer, adds to it."""
        weight, p, o, s, pp, oo, po, ps, os = self._sums
        own_p = left * max(pp - p * p / weight, 0.0) + RIDGE_PROMPT
        own_o = left * max(oo - o * o / weight, 0.0) + RIDGE_OUTPUT
        both, with_p, with_o = (left * (sum_ - x * y / weight) for sum_, x, y in ((po, p, o), (ps, p, s), (os, o, s)))
        det = own_p * own_o - both * both
        by_prompt = max((with_p * own_o - with_o * both) / det, 0.0)
        by_output = max((with_o * own_p - with_p * both) / det, FASTEST - PER_TOKEN)
        return s / weight, by_prompt, by_output

    def _percentile(self, now: float) -> float | None:
        """Return what 95 of 100 did not exceed, by their weights; it is reckoned anew after the next answer."""
        if len(self._kept) < ENOUGH or now - self._kept[-ENOUGH][0] > FORGOTTEN:
            return None
        if self._p95 is None:
            per_token = PER_TOKEN + self._slopes(1.0)[2]
            took = [(max(seconds - per_token * o, 0.0), _left(self._at - at)) for at, seconds, o in self._kept]
            took.sort()
            until, found = 0.95 * sum(weight for _, weight in took), 0.0
            for seconds, weight in took:
                found = seconds
                until -= weight
                if until <= 0:
                    break
            self._p95 = found
        return self._p95

    def cached_share(self, now: float) -> float | None:
        """Return the share of the prompts' tokens that came out of a cache, None where no prompt was counted."""
        weight, prompt = self._sums[0] * _left(max(now - self._at, 0.0)), self._sums[1]
        return min(self._cached / prompt, 1.0) * weight / (weight + DOUBT) if prompt else None


def _left(seconds: float) -> float:
    """Return what is left of a weight after ``seconds``."""
    return math.pow(2.0, -seconds / HALF_LIFE)
