"""Trouble on demand, seeded so that the same trouble comes again."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

OVERLOADED = "overloaded"
INTERNAL = "internal"
HANGUP = "hangup"
LOST = "lost"
UPSTREAM = "upstream"
STREAM_ERROR = "stream_error"
CUT = "cut"
HTML = "html"
HALF_JSON = "half_json"
SLOW = "slow"
STALL = "stall"
RATE_LIMITED = "rate_limited"
"""A 429 in the provider's own words although there is room. It misleads a ledger, so it comes only when named."""

MODEL_FORBIDDEN = "model_forbidden"
"""A 403 that is about the one model, in the provider's own words. It lasts one request, so it comes only when named."""
UNSAFE = "unsafe"
"""The refusal of a prompt for its content, in the provider's own words. It comes only when named."""
MODEL_ENDED = "model_ended"
"""The refusal of a model that is no more, in the provider's own words. It lasts one request."""
RESET_ALONE = "reset_alone"
"""A 429 of which the headers name a reset and nothing else."""
PAGE = "page"
"""A web page with a good status, as a login or a proxy sends it."""
NULL_FINISH = "null_finish"
"""A good answer that does not say why it ended."""
MISLABELLED = "mislabelled"
"""A stream that is labelled as JSON."""
ZERO_USAGE = "zero_usage"
"""A good answer that states nothing but zeros."""
ODD_USAGE = "odd_usage"
"""A good answer whose figures contradict each other."""
RUNNING = "running_usage"
"""A stream that states its usage as it grows, and breaks off in the middle."""
BILLED_ERROR = "billed_error"
"""A failure inside a 200, with the usage that is billed for it."""
LATE_ERROR = "late_error"
"""An error in the middle of a stream, with the usage that is billed for all of it."""
BILLED_REFUSAL = "billed_refusal"
"""A failure with a status of its own, of which the body states what is billed for it."""
SHRUNK_USAGE = "shrunk_usage"
"""A stream that states its usage as it grows, and at its end less than before."""
ZERO_END = "zero_end"
"""A stream that states its usage as it grows, and zeros at its end."""
LATE_USAGE = "late_usage"
"""A stream that states its usage after it told its end, in a chunk without choices."""
TWICE = "usage_twice"
"""A stream that states its usage twice; it is billed once."""
NO_USAGE = "no_usage"
"""A good answer that states no figures."""
GARBLED = "garbled"
"""A stream with an event in its middle that is no JSON."""
UNFINISHED = "unfinished"
"""A stream that ends in its middle as if it were whole."""
DRIP = "drip"
"""A good answer that comes in drips."""
SPLIT = "split"
"""A good answer in pieces that end within its characters."""
WRONG_LENGTH = "wrong_length"
"""An answer that is shorter than it said, after which the connection ends."""
BOMB = "bomb"
"""An answer of which the packed body is small and the unpacked one enormous."""
MISSTATING = frozenset(
    {
        ZERO_USAGE,
        ODD_USAGE,
        RUNNING,
        BILLED_ERROR,
        LATE_ERROR,
        BILLED_REFUSAL,
        SHRUNK_USAGE,
        ZERO_END,
        LATE_USAGE,
        TWICE,
        NO_USAGE,
        GARBLED,
    }
)
"""Faults that mislead whoever believes the figures. They come only when named."""
_ODD = frozenset({MODEL_ENDED, RESET_ALONE, PAGE, NULL_FINISH, MISLABELLED})
_CARRIED = frozenset({UNFINISHED, DRIP, SPLIT, WRONG_LENGTH, BOMB})
NAMED_ONLY = frozenset({RATE_LIMITED, MODEL_FORBIDDEN, UNSAFE, *_ODD, *_CARRIED, *MISSTATING})

KINDS = (OVERLOADED, INTERNAL, HANGUP, LOST, UPSTREAM, STREAM_ERROR, CUT, HTML, HALF_JSON, SLOW, STALL)
STREAM_ONLY = frozenset(
    {
        STREAM_ERROR,
        CUT,
        STALL,
        MISLABELLED,
        RUNNING,
        LATE_ERROR,
        SHRUNK_USAGE,
        ZERO_END,
        LATE_USAGE,
        TWICE,
        GARBLED,
        UNFINISHED,
    }
)
UNARY_ONLY = frozenset({HALF_JSON, WRONG_LENGTH, BOMB})


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, how often and where.

    ``script`` is used up first, one entry per request (None: that one goes well); then each request
    fails with probability ``rate`` in one of ``kinds``. ``only`` names the providers concerned.
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = KINDS
    only: tuple[str, ...] | None = None
    script: tuple[str | None, ...] = ()
    seconds: float = 2.0
    """How long a slow first byte or a stall lasts, and how long a false 429 asks its client to wait."""

    def __post_init__(self) -> None:
        """Refuse a misspelt kind: a fault that never happens would prove nothing."""
        unknown = {kind for kind in (*self.kinds, *self.script) if kind is not None} - {*KINDS, *NAMED_ONLY}
        if unknown:
            raise ValueError(f"unknown kinds of fault: {', '.join(sorted(unknown))}")
        if not 0.0 <= self.rate <= 1.0:
            raise ValueError("rate is a share between 0 and 1")


class FaultScript:
    """Draws the faults, one per request."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self._random = random.Random(seed)  # noqa: S311  # repeatable, not secret
        self._script = list(faults.script)

    def draw(self, provider: str, *, streaming: bool, unspoken: AbstractSet[str] = frozenset()) -> str | None:
        """Return the fault of the next request to ``provider``, or None; ``unspoken`` ones come only by script."""
        if self.faults.only is not None and provider not in self.faults.only:
            return None
        if self._script:
            return self._script.pop(0)
        if self._random.random() >= self.faults.rate:
            return None
        kinds = [kind for kind in fitting(self.faults.kinds, streaming=streaming) if kind not in unspoken]
        return self._random.choice(kinds) if kinds else None


def fitting(kinds: Iterable[str], *, streaming: bool) -> Sequence[str]:
    """Return the kinds that can happen to such a request."""
    excluded = UNARY_ONLY if streaming else STREAM_ONLY
    return [kind for kind in kinds if kind not in excluded]
