"""What a provider's refusal closes, and until when. A closed bucket denies at once.

Blocks only ever grow, except where only a clock that was ahead can have closed for so long: see `last_block`.

| what was said                                            | how it is taken                                         |
| -------------------------------------------------------- | ------------------------------------------------------- |
| a limit of a calendar, or a quota of a day or longer     | believed until then                                     |
| any other named limit, for longer than its window        | doubtful: tested once its window has passed             |
| no limit, or one without a window, for more than an hour | doubtful: tested after an hour                          |

How a doubtful block is tested: ``ledger/half_open.py``. What a bill above the worst case closes:
``ledger/breaches.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from shunpike.ledger.buckets import gate_of
from shunpike.ledger.learning import limits_named
from shunpike.ledger.windows import GUARD, Window, expiry, last_block, outlasts
from shunpike.protocols import Target
from shunpike.types import Block, Calendar, Held, Limit, LimitUpdate, Outcome, Rolling, Scope

_GATE = Held()
UNNAMED = 3_600.0
"""Seconds after which a block is tested that names no limit with a window."""
SHORTEST_DAY = 82_800.0
"""A window of so many seconds or more is a day's quota: what is said of it is believed."""


def refused_by(outcome: Outcome, granted: Mapping[str, Limit], asked: Mapping[str, int]) -> dict[str, float]:
    """Return bucket → when it opens, of the limits by which the provider refused; empty where it named none.

    A limit is named by evidence of less left than the attempt asked for. Of several, the
    moment that the refusal states is that of the last one to open: only then is there an answer.

    Args:
        granted: Bucket → limit, of every limit that the provider grants to the target, without what the operator
            wants to keep beside or below it.
        asked: Bucket → what the attempt held of it.

    """
    if not is_refusal(outcome) or outcome.closed_until is None:
        return {}
    said = outcome.closed_until
    found: dict[str, float] = {}
    for row in outcome.evidence:
        for bucket in limits_named(row, granted):
            if row.remaining is not None and row.remaining < asked.get(bucket, 1):
                found[bucket] = max(found.get(bucket, 0.0), row.resets_at or said)
    opens = {bucket: _until(granted[bucket], moment, outcome.at) for bucket, moment in found.items()}
    if opens:
        last = max(opens, key=lambda bucket: opens[bucket])
        opens[last] = max(opens[last], said)
    return opens


def is_refusal(outcome: Outcome) -> bool:
    """Return whether the provider refused for a limit, until a moment that is yet to come."""
    return outcome.error is not None and outcome.closed_until is not None and outcome.closed_until > outcome.at


def blocks_of(
    target: Target, outcome: Outcome, granted: Mapping[str, Limit], refused: Mapping[str, float]
) -> tuple[Block, ...]:
    """Return what the ending closes: the limits that refused, else the whole target.

    A provider whose limits all belong to the account is closed as an account. Where a calendar's limit is named, a
    delay shorter than its reset does not reopen it: the longer holds.
    """
    if not is_refusal(outcome) or outcome.closed_until is None:
        return ()
    reason, origin = f"{target.name} said {outcome.error}", _origin(outcome)
    if not refused:
        found = _block(_gate(target, granted), _GATE, outcome.closed_until, outcome.at)
        said = {"test_at": _doubted(found, _named_window(outcome)), "reason": reason, "origin": origin}
        return (found.model_copy(update=said),)
    blocks = [_block(bucket, granted[bucket].window, until, outcome.at) for bucket, until in refused.items()]
    return tuple(block.model_copy(update={"reason": reason, "origin": origin}) for block in blocks)


def used_up(target: Target, limit_updates: Sequence[LimitUpdate], now: float) -> tuple[Block, ...]:
    """Return what stays closed as nothing is left until later than the limit's own window would have it.

    A slot that counted so long would be taken for one of a clock that was set back.
    """
    found = []
    for update in limit_updates:
        observation, window = update.observation, update.limit.window
        if (
            observation.remaining == 0
            and observation.resets_at is not None
            and outlasts(window, observation.resets_at + GUARD, now)
        ):
            block = _block(observation.bucket, window, observation.resets_at + GUARD, now)
            reason = f"{target.name} said 0 left ({observation.origin})"
            found.append(block.model_copy(update={"reason": reason, "origin": observation.origin}))
    return tuple(found)


def _block(bucket: str, window: Window, until: float, now: float) -> Block:
    """No longer than it would be believed: what is closed for longer still is asked again then."""
    found = Block(bucket=bucket, until=min(until, last_block(window, now)), at=now, reason="")
    match window:
        case Rolling(seconds=seconds):
            return found.model_copy(update={"test_at": _doubted(found, seconds)})
        case Calendar():
            return found
        case _:
            return found.model_copy(update={"test_at": _doubted(found, None)})


def _doubted(block: Block, window: float | None) -> float | None:
    """Return from when on a block is tested that names a window of so many seconds, or none; None = never."""
    test_at = block.at + (UNNAMED if window is None else window) + GUARD
    return test_at if block.until > test_at else None


def _named_window(outcome: Outcome) -> float | None:
    """Return the longest window that a refusal names of what is used up, though no listed limit has it."""
    named = [row.window_seconds for row in outcome.evidence if row.remaining == 0]
    found = [window for window in named if window is not None]
    if not found:
        return None
    longest = max(found)
    return math.inf if longest >= SHORTEST_DAY else longest


def _origin(outcome: Outcome) -> str:
    status = "refusal" if outcome.status is None else f"HTTP {outcome.status}"
    told = [row.origin for row in outcome.evidence if row.remaining == 0]
    return ", ".join(dict.fromkeys((status, *told)))


def _until(limit: Limit, said: float, now: float) -> float:
    return max(said, expiry(limit.window, now)) if isinstance(limit.window, Calendar) else said


def _gate(target: Target, granted: Mapping[str, Limit]) -> str:
    apart = any(limit.scope in (Scope.MODEL, Scope.POOL) for limit in granted.values())
    return gate_of(target, Scope.MODEL if apart or not granted else Scope.ACCOUNT)
