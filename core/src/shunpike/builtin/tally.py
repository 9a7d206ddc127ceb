"""Adding attempts up, by provider, model, day and tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shunpike.ledger.rows import EndedRow
from shunpike.ledger.totals import DAY, day_text
from shunpike.types import Funds, Money, Reservation, State, UsageRow


class Key(NamedTuple):
    """What is added up separately. ``day`` is the UTC day since the epoch."""

    provider: str
    model: str
    day: int
    tag: str


class Counts(NamedTuple):
    """The figures of `UsageRow`, the last three in pico-dollars."""

    requests: int = 0
    answered: int = 0
    released: int = 0
    unconfirmed: int = 0
    held: int = 0
    overages: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    credit: int = 0
    list_value: int = 0


NOTHING = Counts()
_MONEY = ("cost", "credit", "list_value")
_NUMBERS = tuple(name for name in Counts._fields if name not in _MONEY)


def key_of(reservation: Reservation) -> Key:
    """Return where the attempt is counted."""
    return Key(reservation.provider, reservation.model, int(reservation.reserved_at // DAY), reservation.tag or "")


def counts_of(funds: Funds, row: EndedRow) -> Counts:
    """Return what an attempt counts as that ended so."""
    credit = funds is Funds.CREDIT
    return Counts(
        requests=row.sent,
        answered=int(row.outcome == "ok"),
        released=int(row.state == State.RELEASED and row.sent),
        unconfirmed=int(row.state == State.UNCONFIRMED),
        overages=row.overages,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        cost=0 if credit else row.cost_pico,
        credit=row.cost_pico if credit else 0,
        list_value=row.list_pico or 0,
    )


def held_counts(reservation: Reservation) -> Counts:
    """Return what an attempt counts as while it is in flight: its worst case."""
    pico, credit = reservation.worst.pico, reservation.funds is Funds.CREDIT
    return Counts(requests=1, held=1, cost=0 if credit else pico, credit=pico if credit else 0)


@dataclass
class Tally:
    """Totals that grow attempt by attempt."""

    totals: dict[Key, Counts] = field(default_factory=dict)

    def add(self, key: Key, counts: Counts) -> None:
        """Count something, unless it is nothing at all: an attempt that was never sent."""
        if counts != NOTHING:
            known = self.totals.get(key, NOTHING)
            self.totals[key] = Counts(*(one + more for one, more in zip(known, counts, strict=True)))

    def merge(self, other: Tally) -> None:
        """Add the totals of ``other``."""
        for key, counts in other.totals.items():
            self.add(key, counts)

    def rows(self, *, day: bool = False, tag: bool = False) -> Sequence[UsageRow]:
        """Return one row per provider and model, and per day and tag where asked, sorted."""
        merged = Tally()
        for key, counts in self.totals.items():
            merged.add(key._replace(day=key.day if day else 0, tag=key.tag if tag else ""), counts)
        return [
            UsageRow(
                provider=key.provider,
                model=key.model,
                day=day_text(key.day) if day else None,
                tag=key.tag if tag else None,
                **{name: getattr(counts, name) for name in _NUMBERS},
                **{name: Money(pico=getattr(counts, name)) for name in _MONEY},
            )
            for key, counts in sorted(merged.totals.items(), key=lambda item: (item[0].day, *item[0]))
        ]
