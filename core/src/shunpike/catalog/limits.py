"""Reads limits: inline lists, named sets, and windows written as text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shunpike.catalog.schema import CatalogPlace, LimitSet, LimitTable
from shunpike.types import Calendar, Confidence, Held, Lifetime, Limit, Money, Rolling, Unit
from shunpike.types.base import Record, epoch
from shunpike.types.limits import Window
from shunpike.types.money import MOST, amount_of, is_too_much

EXPECTED = 'expected seconds such as "60s", "day ZONE", "month ZONE" or "lifetime"'
SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
CALENDAR = re.compile(r"(day|month) (\S+)")


class Provenance(Record):
    """Who says a figure, and on which day; what a row does not state itself it takes from the table around it."""

    source: str
    as_of: date
    confidence: Confidence = Confidence.PUBLISHED

    def of(self, row: LimitSet | LimitTable) -> Provenance:
        """Return this provenance with whatever ``row`` states for itself."""
        return Provenance(
            source=row.source or self.source,
            as_of=row.as_of or self.as_of,
            confidence=row.confidence or self.confidence,
        )


class LimitReader:
    """Turns what stands under ``limits`` into `Limit` records. ``sets`` is the table ``[limit_sets]``, raw."""

    def __init__(self, sets: Mapping[str, object], where: CatalogPlace) -> None:
        self._sets = {name: _read_set(raw, where.at(name)) for name, raw in sets.items()}
        for name, one in self._sets.items():
            # Checked here too, so that a mistake in a set that no model uses yet is found.
            _limits(one.limits, Provenance(source="", as_of=date.min), where.at(name))

    def read(self, raw: object, around: Provenance, where: CatalogPlace) -> tuple[Limit, ...]:
        """Return the limits of ``raw``, a set's name or a list. Raises `ConfigError`."""
        if isinstance(raw, str):
            if raw not in self._sets:
                where.fail(f"there is no limit set {raw!r}; expected one of {', '.join(sorted(self._sets)) or 'none'}")
            chosen = self._sets[raw]
            return _limits(chosen.limits, around.of(chosen), where)
        if not isinstance(raw, list | tuple):
            where.fail(f"expected the name of a limit set or a list of limits, got {raw!r}")
        return _limits(raw, around, where)


def _read_set(raw: object, where: CatalogPlace) -> LimitSet:
    if isinstance(raw, list):
        return where.read(LimitSet, {"limits": raw})
    return where.read(LimitSet, raw)


def _limits(rows: Sequence[object], around: Provenance, where: CatalogPlace) -> tuple[Limit, ...]:
    return tuple(_limit(raw, around, where.at(str(number))) for number, raw in enumerate(rows))


def _limit(raw: object, around: Provenance, where: CatalogPlace) -> Limit:
    row = where.read(LimitTable, raw)
    if (row.scope == "pool") != (row.pool is not None):
        where.fail("key 'pool' goes together with scope = \"pool\"")
    provenance = around.of(row)
    return Limit(
        unit=row.unit,
        amount=_amount(row, where),
        window=_window(row, where),
        scope=row.scope,
        pool=row.pool,
        source=provenance.source,
        observed_at=None if provenance.as_of == date.min else epoch(provenance.as_of.isoformat()),
        confidence=provenance.confidence,
        counts=row.counts,
        cached=row.cached,
        shape=row.shape,
        overrides=row.overrides,
    )


def _amount(row: LimitTable, where: CatalogPlace) -> int:
    if row.unit is Unit.USD:
        dollars = amount_of(row.amount) if isinstance(row.amount, str) else None
        if dollars is None:
            where.fail(f"key 'amount': expected dollars as a string such as \"10.00\", got {row.amount!r}")
        if is_too_much(dollars):
            where.fail(f"key 'amount': expected at most a million dollars, got {row.amount!r}")
        return Money.usd(dollars).pico
    if isinstance(row.amount, str) or row.amount < 0:
        where.fail(f"key 'amount': expected a whole number of {row.unit}s, got {row.amount!r}")
    if row.amount > MOST:
        where.fail(f"key 'amount': expected at most {MOST:,} {row.unit}s, got {row.amount!r}")
    return row.amount


def read_window(per: str, unit: Unit, where: CatalogPlace) -> Window:
    """Return the window of a text such as ``60s``, ``day UTC`` or ``lifetime``. Raises `ConfigError`."""
    return _window(LimitTable(unit=unit, amount=0, per=per), where)


def _window(row: LimitTable, where: CatalogPlace) -> Window:
    if row.shape == "unknown" and row.per != "86400s" and not (row.per or "").startswith("day "):
        where.fail(f"key 'shape': only a day can be of unknown shape, got per = {row.per!r}")
    if row.unit is Unit.CONCURRENT:
        if row.per is not None:
            where.fail(f"key 'per': concurrent calls have no window, got {row.per!r}")
        return Held()
    if row.per is None:
        where.fail(f"key 'per' is missing; {EXPECTED}")
    if row.per == "lifetime":
        return Lifetime()
    if (seconds := SECONDS.fullmatch(row.per)) and 0 < float(seconds[1]) < math.inf:
        return Rolling(seconds=float(seconds[1]))
    calendar = CALENDAR.fullmatch(row.per)
    if calendar is None:
        where.fail(f"key 'per': {EXPECTED}, got {row.per!r}")
    return Calendar(period="day" if calendar[1] == "day" else "month", zone=_zone(calendar[2], where))


def _zone(name: str, where: CatalogPlace) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        where.fail(f"key 'per': {name!r} is not a time zone; expected an IANA name such as America/Los_Angeles")
