"""Strict quotas: a request is admitted under every rule that applies to it, or under none.

Nothing here awaits, so a check and the taking that follows it cannot be pulled apart by other requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Rule:
    """What is counted over which window: the last ``seconds``, a calendar day in ``zone``, or at once."""

    name: str
    unit: str
    seconds: float | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """A rule with its amount, counted per ``scope``: a model's id or the name of a pool."""

    rule: Rule
    amount: int
    scope: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A quota that a request would overstep."""

    quota: Quota
    used: int
    requested: int
    retry_after: float

    @property
    def hopeless(self) -> bool:
        """Whether the request alone is larger than the whole quota."""
        return self.requested > self.quota.amount


@dataclass(slots=True)
class _Entry:
    at: float
    amount: int


@dataclass(slots=True)
class _Meter:
    """The log of one quota of one account."""

    rule: Rule
    entries: deque[_Entry] = field(default_factory=deque)
    total: int = 0

    def refresh(self, now: float) -> None:
        while self.entries and self._over(self.entries[0].at, now):
            self.total -= self.entries.popleft().amount

    def take(self, amount: int, now: float) -> _Entry:
        entry = _Entry(now, amount)
        self.entries.append(entry)
        self.total += amount
        return entry

    def amend(self, entry: _Entry, amount: int) -> None:
        """Change what an entry weighs, unless its window has passed."""
        if any(one is entry for one in reversed(self.entries)):
            self.total += amount - entry.amount
            entry.amount = amount

    def release(self, entry: _Entry) -> None:
        self.total -= entry.amount
        for position, one in enumerate(self.entries):
            if one is entry:
                del self.entries[position]
                return

    def wait(self, requested: int, limit: int, now: float) -> float:
        """Return the seconds until ``requested`` more would fit."""
        if self.rule.zone is not None:
            return next_midnight(now, self.rule.zone) - now
        if self.rule.seconds is None:
            return 1.0
        left = self.total
        for entry in self.entries:
            left -= entry.amount
            if left + requested <= limit:
                return min(self.rule.seconds, entry.at + self.rule.seconds - now)
        return self.rule.seconds

    def full_in(self, now: float) -> float:
        """Return the seconds until nothing is used any more."""
        if not self.entries or self.rule.seconds is None:
            return 0.0
        return max(0.0, self.entries[-1].at + self.rule.seconds - now)

    def _over(self, at: float, now: float) -> bool:
        if self.rule.zone is not None:
            return local_day(at, self.rule.zone) != local_day(now, self.rule.zone)
        return self.rule.seconds is not None and now - at >= self.rule.seconds


@dataclass(frozen=True, slots=True)
class LimitReading:
    """Where a quota stands, for the headers that tell."""

    quota: Quota
    used: int
    full_in: float
    """Seconds until all of it is there again."""

    @property
    def remaining(self) -> int:
        """What is left, never below zero."""
        return max(0, self.quota.amount - self.used)


@dataclass(slots=True)
class Lease:
    """What one admitted request holds."""

    meters: list[tuple[_Meter, _Entry]]

    def settle(self, unit: str, amount: int) -> None:
        """Replace the reserved amount of ``unit`` by the true one."""
        for meter, entry in self.meters:
            if meter.rule.unit == unit:
                meter.amend(entry, amount)

    def close(self) -> None:
        """Give the concurrent slot back; all else runs out by itself."""
        for meter, entry in self.meters:
            if meter.rule.unit == "concurrent":
                meter.release(entry)


class Gate:
    """All quotas of one account."""

    def __init__(self) -> None:
        self._meters: dict[tuple[str, str], _Meter] = {}

    def admit(self, quotas: Sequence[Quota], needs: Mapping[str, int], now: float) -> Lease | list[Hit]:
        """Take ``needs`` (by unit) from every quota, or report those that do not allow it."""
        wanted = [(quota, self._meter(quota, now), needs.get(quota.rule.unit, 1)) for quota in quotas]
        hits = [
            Hit(quota, meter.total, need, meter.wait(need, quota.amount, now))
            for quota, meter, need in wanted
            if meter.total + need > quota.amount
        ]
        if hits:
            return hits
        return Lease([(meter, meter.take(need, now)) for _, meter, need in wanted])

    def readings(self, quotas: Sequence[Quota], now: float) -> dict[str, LimitReading]:
        """Return where each quota stands, by the name of its rule."""
        meters = {quota.rule.name: (quota, self._meter(quota, now)) for quota in quotas}
        return {name: LimitReading(quota, meter.total, meter.full_in(now)) for name, (quota, meter) in meters.items()}

    def _meter(self, quota: Quota, now: float) -> _Meter:
        meter = self._meters.setdefault((quota.scope, quota.rule.name), _Meter(quota.rule))
        meter.refresh(now)
        return meter


def local_day(moment: float, zone: str) -> int:
    """Return the ordinal of the calendar day in ``zone``."""
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).toordinal()


def next_midnight(moment: float, zone: str) -> float:
    """Return the epoch second at which the next calendar day begins in ``zone``."""
    here = datetime.fromtimestamp(moment, ZoneInfo(zone))
    tomorrow = here.date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=ZoneInfo(zone)).timestamp()
