"""What a provider's refusal closes, and until when. A closed bucket refuses at once; closures only ever grow."""

from __future__ import annotations

from collections.abc import Mapping

from shunpike.ledger.buckets import gate_of
from shunpike.ledger.windows import expiry
from shunpike.protocols import Target
from shunpike.types import Calendar, Closure, Ending, Limit, Rolling, Scope

_SECONDS = {"day": (82_800.0, 90_000.0), "month": (2_419_200.0 - 3_600.0, 2_678_400.0 + 3_600.0)}
"""How long a calendar's period can last, from the shortest to the longest."""


def closures_of(target: Target, ending: Ending, in_force: Mapping[str, Limit]) -> tuple[Closure, ...]:
    """Return what the ending closes: the limits that it names, else the whole target.

    A provider whose limits all belong to the account is closed as an account. Where a calendar's limit is named, a
    delay shorter than its reset does not reopen it: the longer holds.

    Args:
        in_force: Bucket → limit, of every limit that a call of ``target`` draws on.

    """
    if ending.error is None or ending.closed_until is None or ending.closed_until <= ending.at:
        return ()
    reason = f"{target.name} said {ending.error}"
    named = {bucket: limit for bucket, limit in in_force.items() if _is_named(limit, ending)}
    if not named:
        return (Closure(bucket=_gate(target, in_force), until=ending.closed_until, reason=reason),)
    return tuple(
        Closure(bucket=bucket, until=_until(limit, ending.closed_until, ending.at), reason=reason)
        for bucket, limit in named.items()
    )


def _is_named(limit: Limit, ending: Ending) -> bool:
    if ending.closed_unit is None or limit.unit != ending.closed_unit:
        return False
    if ending.closed_window is None:
        return True
    match limit.window:
        case Rolling(seconds=seconds):
            return seconds == ending.closed_window
        case Calendar(period=period):
            shortest, longest = _SECONDS[period]
            return shortest <= ending.closed_window <= longest
        case _:
            return False


def _until(limit: Limit, said: float, now: float) -> float:
    return max(said, expiry(limit.window, now)) if isinstance(limit.window, Calendar) else said


def _gate(target: Target, in_force: Mapping[str, Limit]) -> str:
    granted = [limit for bucket, limit in in_force.items() if not bucket.startswith("budget|")]
    apart = any(limit.scope in (Scope.MODEL, Scope.POOL) for limit in granted)
    return gate_of(target, Scope.MODEL if apart or not granted else Scope.ACCOUNT)
