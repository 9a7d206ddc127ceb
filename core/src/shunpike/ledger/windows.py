"""The arithmetic of windows: when a slot stops counting, and when a full limit opens.

One rule serves all windows: a slot counts while its attempt is in flight, and then until its *expiry*. A rolling
window's slot expires ``seconds`` after the answer's headers, a calendar window's at the next reset on the provider's
own calendar, a lifetime's never, a held one's at once. A *guard* (seconds) is added wherever the provider's clock
could disagree with ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shunpike.errors import ConfigError
from shunpike.types import Calendar, Held, Lifetime, Rolling

Window = Rolling | Calendar | Lifetime | Held

GUARD = 1.0
"""Seconds added to every expiry: the clocks of two machines kept by NTP differ by less."""

NEVER = 253_402_300_800.0
"""The start of the year 10000: the expiry of what never expires."""

IN_FLIGHT_RETRY = 1.0
"""Seconds after which a limit that only running calls fill is worth another look: nobody knows when they end."""

CLOCK_SLACK = 60.0
"""What outlives what the clock allows by more seconds than this shows that the clock was set back."""


_DAY, _MONTH = 90_000.0, 2_682_000.0
"""The longest day and month of a calendar, in seconds."""


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA time zone ``name``. Raises `ConfigError` when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"{name!r} is not a time zone", hint="use an IANA name such as UTC or America/Los_Angeles"
        ) from error


def next_reset(window: Calendar, at: float) -> float:
    """Return the first moment after ``at`` at which a new period begins, in epoch seconds.

    Days are those of the zone, so they last 23 or 25 hours where the clocks change.
    """
    known = _RESETS.get((window.period, window.zone))
    if known is not None and known[0] <= at < known[1]:
        return known[1]
    reset = _reset_after(window, at)
    _RESETS[window.period, window.zone] = at, reset
    return reset


_RESETS: dict[tuple[str, str], tuple[float, float]] = {}
"""Period and zone → the last moment that was asked for and its reset: no other reset lies between the two."""


def _reset_after(window: Calendar, at: float) -> float:
    zone = zone_of(window.zone)
    today = datetime.fromtimestamp(at, zone).date()
    following = today + timedelta(days=1)
    if window.period == "month":
        following = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    return datetime(following.year, following.month, following.day, tzinfo=zone).timestamp()


def expiry(window: Window, at: float, guard: float = GUARD) -> float:
    """Return until when something that ended at ``at`` counts.

    A calendar slot that ends within ``guard`` of a reset counts in both periods: the provider's clock may be ahead.
    """
    match window:
        case Rolling(seconds=seconds):
            return at + seconds + guard
        case Calendar():
            return next_reset(window, at + guard) + guard
        case Lifetime():
            return NEVER
        case Held():
            return at


def last_expiry(window: Window, now: float, guard: float = GUARD) -> float:
    """Return the latest expiry that a slot which ended before ``now`` can have by a clock that was never set back.

    A calendar is allowed one period more, so that a clock set back over a reset keeps what was counted after it.
    """
    latest = expiry(window, now, guard)
    if isinstance(window, Calendar):
        return expiry(window, latest, guard)
    return latest


def outlasts(window: Window, until: float, now: float, guard: float = GUARD) -> bool:
    """Return whether a slot that ended before ``now`` and counts ``until`` then shows that the clock was set back."""
    return until > last_expiry(window, now, guard) + CLOCK_SLACK


def last_block(window: Window, now: float, guard: float = GUARD) -> float:
    """Return the latest moment until which a provider can have closed a limit of this window by ``now``.

    Some state a longer delay than the window that they name; a day is given for that. What has no window that passes,
    a whole target or a credit, can be closed for a month.
    """
    if isinstance(window, Lifetime | Held):
        return now + _MONTH
    return max(last_expiry(window, now, guard), now + _DAY)


def opens_at(
    window: Window, now: float, excess: int, ended: Iterable[tuple[float, int]], guard: float = GUARD
) -> float | None:
    """Return the moment at which ``excess`` units of a full limit will have become free; None = never by waiting.

    Args:
        ended: (expiry, amount) of slots whose attempts ended, earliest expiry first. Where they don't suffice, running
            attempts hold the rest: as nobody knows when they end, they are taken to end now.

    """
    if isinstance(window, Lifetime):
        return None
    freed = 0
    for expires, amount in ended:
        freed += amount
        if freed >= excess:
            return expires
    return expiry(window, now, guard)


def full_again_at(window: Window, now: float, last: float | None, in_flight: int, guard: float = GUARD) -> float | None:
    """Return when nothing that counts now counts any more, None = never; ``last`` is the latest expiry."""
    if isinstance(window, Lifetime | Held):
        return None
    ends = [] if last is None else [last]
    if in_flight:
        ends.append(expiry(window, now, guard))
    return max(ends, default=None)
