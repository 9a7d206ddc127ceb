"""What a provider's refusal closes, and until when. A closed bucket refuses at once.

Closures only ever grow, except where only a clock that was ahead can have closed for so long: see `last_closure`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shunpike.ledger.buckets import gate_of, is_budget
from shunpike.ledger.learning import is_window, limits_named
from shunpike.ledger.windows import GUARD, Window, expiry, last_closure, outlasts
from shunpike.protocols import Target
from shunpike.types import Calendar, Closure, Ending, Held, Lesson, Limit, Scope

_GATE = Held()


def refused_by(ending: Ending, granted: Mapping[str, Limit], asked: Mapping[str, int]) -> dict[str, float]:
    """Return bucket → when it opens, of the limits by which the provider refused; empty where it named none.

    A limit is named by the ending itself, or by evidence of less left than the attempt asked for. Of several, the
    moment that the refusal states is that of the last one to open: only then is there an answer.

    Args:
        granted: Bucket → limit, of every limit that the provider grants to the target, without what the operator
            wants to keep beside or below it.
        asked: Bucket → what the attempt held of it.

    """
    if not is_refusal(ending) or ending.closed_until is None:
        return {}
    said = ending.closed_until
    found = {bucket: said for bucket, limit in granted.items() if _is_named(limit, ending)}
    for row in ending.evidence:
        for bucket in limits_named(row, granted):
            if row.remaining is not None and row.remaining < asked.get(bucket, 1):
                found[bucket] = max(found.get(bucket, 0.0), row.resets_at or said)
    opens = {bucket: _until(granted[bucket], moment, ending.at) for bucket, moment in found.items()}
    if opens:
        last = max(opens, key=lambda bucket: opens[bucket])
        opens[last] = max(opens[last], said)
    return opens


def is_refusal(ending: Ending) -> bool:
    """Return whether the provider refused for a limit, until a moment that is yet to come."""
    return ending.error is not None and ending.closed_until is not None and ending.closed_until > ending.at


def closures_of(
    target: Target, ending: Ending, granted: Mapping[str, Limit], refused: Mapping[str, float]
) -> tuple[Closure, ...]:
    """Return what the ending closes: the limits that refused, else the whole target.

    A provider whose limits all belong to the account is closed as an account. Where a calendar's limit is named, a
    delay shorter than its reset does not reopen it: the longer holds.
    """
    if not is_refusal(ending) or ending.closed_until is None:
        return ()
    reason = f"{target.name} said {ending.error}"
    if not refused:
        return (_closure(_gate(target, granted), _GATE, ending.closed_until, ending.at, reason),)
    return tuple(
        _closure(bucket, granted[bucket].window, until, ending.at, reason) for bucket, until in refused.items()
    )


def used_up(target: Target, lessons: Sequence[Lesson], now: float) -> tuple[Closure, ...]:
    """Return what stays closed as nothing is left until later than the limit's own window would have it.

    A slot that counted so long would be taken for one of a clock that was set back.
    """
    found = []
    for lesson in lessons:
        proof, window = lesson.proof, lesson.limit.window
        if proof.remaining == 0 and proof.resets_at is not None and outlasts(window, proof.resets_at + GUARD, now):
            reason = f"{target.name} said 0 left ({proof.origin})"
            found.append(_closure(proof.bucket, window, proof.resets_at + GUARD, now, reason))
    return tuple(found)


def _closure(bucket: str, window: Window, until: float, now: float, reason: str) -> Closure:
    """No longer than it would be believed: what is closed for longer still is asked again then."""
    return Closure(bucket=bucket, until=min(until, last_closure(window, now)), reason=reason)


def _is_named(limit: Limit, ending: Ending) -> bool:
    if ending.closed_unit is None or limit.unit != ending.closed_unit:
        return False
    return ending.closed_window is None or is_window(limit, ending.closed_window)


def _until(limit: Limit, said: float, now: float) -> float:
    return max(said, expiry(limit.window, now)) if isinstance(limit.window, Calendar) else said


def _gate(target: Target, granted: Mapping[str, Limit]) -> str:
    limits = [limit for bucket, limit in granted.items() if not is_budget(bucket)]
    apart = any(limit.scope in (Scope.MODEL, Scope.POOL) for limit in limits)
    return gate_of(target, Scope.MODEL if apart or not limits else Scope.ACCOUNT)
