"""Numbers, moments and limits as words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from shunpike.durations import span
from shunpike.errors import UsageError
from shunpike.types import Basis, Calendar, Completion, Embedding, Remaining, Rolling, Scope, Unit, Usage
from shunpike.types.base import label

_DAY = 86_400


def seconds(text: str, name: str) -> float:
    """Return ``90``, ``90s``, ``5m``, ``6h`` or ``2d`` in seconds. Raises `UsageError` naming the option ``name``."""
    try:
        return span(text)
    except ValueError:
        raise UsageError(
            f'{name} must be a span of time above 0 and at most 36500d, got "{text}"',
            hint="write it as 90s, 5m, 6h or 2d",
        ) from None


def tokens(usage: Usage) -> str:
    """Return ``41 tokens``, or that nobody counted; an estimate is marked."""
    if usage.basis is Basis.ABSENT:
        return "tokens unknown"
    about = "~" if usage.basis is Basis.ESTIMATED else ""
    return f"{about}{usage.total_tokens:,} token{'' if usage.total_tokens == 1 else 's'}"


def tightest(remaining: Sequence[Remaining]) -> Remaining | None:
    """Return the limit to show: the day's requests where there is one, else the one that is nearest its end."""
    daily = [one for one in remaining if one.limit.unit is Unit.REQUEST and _is_day(one)]
    spent = [one for one in remaining if one.limit.unit is not Unit.CONCURRENT]
    return min(daily or spent, key=lambda one: one.left / max(one.limit.amount, 1), default=None)


def _is_day(one: Remaining) -> bool:
    match one.limit.window:
        case Calendar(period="day"):
            return True
        case Rolling(seconds=span):
            return span == _DAY
        case _:
            return False


def left(remaining: Sequence[Remaining]) -> str | None:
    """Return ``999 of 1,000 left today`` for the limit to show, None without limits."""
    one = tightest(remaining)
    if one is None:
        return None
    if one.limit.unit is Unit.REQUEST and _is_day(one):
        return f"{one.left:,} of {one.limit.amount:,} left today"
    return f"{one.limit.said_left(one.left)} of {one.limit.text} left"


def left_at(remaining: Sequence[Remaining]) -> str | None:
    """Return what is left at a whole provider: its account's daily requests, else those of its models together."""
    each = list({one.bucket: one for one in remaining}.values())
    daily = [one for one in each if one.limit.unit is Unit.REQUEST and _is_day(one)]
    if len(daily) < 2 or any(one.limit.scope is not Scope.MODEL for one in daily):
        return left([one for one in daily if one.limit.scope is not Scope.MODEL] or each)
    return f"{sum(one.left for one in daily):,} of {sum(one.limit.amount for one in daily):,} left today"


_WRONG = {
    "auth": " refused its key",
    "permission": " refused its key",
    "rate_limited": " was too busy for us",
    "plugin": "'s plugin failed",
}
"""What failed first, for a person; other kinds read as they are."""


def _size(done: Embedding) -> str:
    vectors = "1 vector" if len(done.vectors) == 1 else f"{len(done.vectors):,} vectors"
    return f"{vectors} of {done.dimensions:,} numbers"


def footer(completion: Completion | Embedding) -> str:
    """Return ``provider/model · 41 tokens · $0.00 · 0.3 s · 999 of 1,000 left today``, of vectors also how many."""
    cost = str(completion.cost) if completion.cost_exact else f"at most {completion.cost}"
    worth = completion.list_price
    if worth is not None and worth.pico > completion.cost.pico and not completion.simulated:
        cost += f" (list price {worth})"
    parts = [
        label(completion.provider, completion.model),
        _size(completion) if isinstance(completion, Embedding) else None,
        tokens(completion.usage),
        cost,
        f"{completion.seconds:.1f} s",
        None if completion.simulated else left(completion.decision.remaining),
    ]
    failed = [attempt for attempt in completion.attempts if attempt.error is not None]
    if failed:
        whose = dict.fromkeys(f"{one.provider}{_WRONG.get(one.error or '', f' {one.error}')}" for one in failed)
        parts.append(f"{len(failed)} fall-over{'s' if len(failed) > 1 else ''}: {', '.join(whose)}")
    return ("[sandbox] " if completion.simulated else "") + " · ".join(part for part in parts if part)


def matches(words: Sequence[str] | None, *texts: str) -> bool:
    """Tell whether each of ``words`` is in one of ``texts``, whatever its capitals; no words match everything."""
    folded = [text.casefold() for text in texts]
    return all(any(word.casefold() in text for text in folded) for word in words or ())


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ``. Did you mean "x"?`` for a near miss, else nothing."""
    near = get_close_matches(word, known, n=1)
    return f'. Did you mean "{near[0]}"?' if near else ""
