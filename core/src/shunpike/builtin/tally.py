"""Adding attempts up, by provider and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shunpike.ledger.rows import booked_cost
from shunpike.ledger.totals import DAY, day_text
from shunpike.types import Funds, Money, Reservation, Settlement, State, UsageRow

Key = tuple[str, str, int, str]
"""Provider, model, UTC day since the epoch, tag."""

_COUNTS = ("requests", "answered", "released", "unconfirmed", "held", "overages", "prompt_tokens", "completion_tokens")
_MONEY = ("cost", "credit", "list_value")


@dataclass
class Tally:
    """Totals that grow attempt by attempt."""

    totals: dict[Key, dict[str, int]] = field(default_factory=dict)

    def add(self, reservation: Reservation, settlement: Settlement | None) -> None:
        """Count one attempt, unless it was never sent; ``settlement`` None = it is in flight, at its worst case."""
        if settlement is not None and settlement.state is State.RELEASED and not settlement.keeps_request:
            return
        state = State.HELD if settlement is None else settlement.state
        counts = {"requests": 1, "answered": int(settlement is not None and settlement.outcome == "ok")}
        if state is not State.SETTLED:
            counts[state.value] = 1
        if settlement is not None and state is not State.RELEASED:
            counts["prompt_tokens"] = settlement.usage.prompt_tokens
            counts["completion_tokens"] = settlement.usage.completion_tokens
            counts["list_value"] = settlement.list_value.pico if settlement.list_value else 0
        purse = "credit" if reservation.funds is Funds.CREDIT else "cost"
        counts[purse] = booked_cost(reservation.worst, settlement).pico
        if settlement is not None:
            counts["overages"] = int(settlement.overage)
        day = int(reservation.at // DAY)
        self._count((reservation.provider, reservation.model, day, reservation.tag or ""), counts)

    def _count(self, key: Key, counts: dict[str, int]) -> None:
        row = self.totals.setdefault(key, {})
        for name, count in counts.items():
            row[name] = row.get(name, 0) + count

    def merge(self, other: Tally) -> None:
        """Add the totals of ``other``."""
        for key, counts in other.totals.items():
            self._count(key, counts)

    def rows(self, *, day: bool = False, tag: bool = False) -> Sequence[UsageRow]:
        """Return one row per provider and model, and per day and tag where asked, sorted."""
        merged = Tally()
        for key, counts in self.totals.items():
            merged._count((key[0], key[1], key[2] if day else 0, key[3] if tag else ""), counts)
        return [
            UsageRow(
                provider=provider,
                model=model,
                day=day_text(number) if day else None,
                tag=label if tag else None,
                **{name: counts.get(name, 0) for name in _COUNTS},
                **{name: Money(pico=counts.get(name, 0)) for name in _MONEY},
            )
            for (provider, model, number, label), counts in sorted(
                merged.totals.items(), key=lambda item: (item[0][2], *item[0])
            )
        ]
