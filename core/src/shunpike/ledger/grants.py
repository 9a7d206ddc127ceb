"""From what a provider grants and the operator wants to the limits that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shunpike.types import Calendar, Cap, Confidence, Limit, Rolling

_DAY = 86_400.0


def shapes_of(limit: Limit) -> tuple[Limit, ...]:
    """Return the limit in every shape that it may have.

    A day that nobody says the shape of is kept as the last 24 hours and as a calendar's day (of the zone that is
    known, else UTC): either alone could be overstepped. Days have 25 hours once a year.
    """
    if limit.shape != "unknown":
        return (limit,)
    match limit.window:
        case Rolling(seconds=seconds) if seconds == _DAY:
            return limit, limit.model_copy(update={"window": Calendar(period="day")})
        case Calendar(period="day"):
            return limit, limit.model_copy(update={"window": Rolling(seconds=_DAY)})
        case _:
            return (limit,)


def operated(granted: Sequence[Limit], own: Sequence[Limit | Cap]) -> Iterator[Limit]:
    """Return the limits that are kept: what is granted, less its caps, and the operator's own beside it.

    An own limit that overrides takes the place of what is granted of its unit and window, in that one's scope.
    """
    caps = [one for one in own if isinstance(one, Cap)]
    limits = [one for one in own if isinstance(one, Limit)]
    overriding = [one for one in limits if one.overrides]
    used: list[Limit] = []
    for limit in granted:
        over = next((one for one in overriding if (one.unit, one.window) == (limit.unit, limit.window)), None)
        if over is None:
            yield _capped(limit, caps)
        else:
            used.append(over)
            theirs = {name: getattr(limit, name) for name in ("scope", "pool", "counts", "cached")}
            yield over.model_copy(update=theirs)
    yield from (shaped for one in limits if one not in used for shaped in shapes_of(one))


def _capped(limit: Limit, caps: Sequence[Cap]) -> Limit:
    shares = [cap.percent for cap in caps if cap.unit in (None, limit.unit) and cap.window in (None, limit.window)]
    if not shares or min(shares) == 100:
        return limit
    # Down to the whole unit, but never to a limit of nothing that waiting can't open.
    amount = max(limit.amount * min(shares) // 100, min(limit.amount, 1))
    source = f"{min(shares)}% of {limit.amount:,}, {limit.source}".removesuffix(", ")
    return limit.model_copy(update={"amount": amount, "source": source, "confidence": Confidence.OPERATOR})
