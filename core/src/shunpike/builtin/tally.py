"""Adding attempts up, by provider and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shunpike.types import Funds, Money, Reservation, Settlement, State, UsageRow

DAY = 86_400.0
"""Seconds of the UTC days that old attempts are folded into."""

_COUNTS = ("requests", "answered", "released", "unconfirmed", "held", "prompt_tokens", "completion_tokens")
_MONEY = ("cost", "credit", "list_value")


@dataclass
class Tally:
    """Totals that grow attempt by attempt."""

    totals: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

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
        self._count(reservation.provider, reservation.model, counts)

    def _count(self, provider: str, model: str, counts: dict[str, int]) -> None:
        row = self.totals.setdefault((provider, model), {})
        for name, count in counts.items():
            row[name] = row.get(name, 0) + count

    def merge(self, other: Tally) -> None:
        """Add the totals of ``other``."""
        for (provider, model), counts in other.totals.items():
            self._count(provider, model, counts)

    def rows(self) -> Sequence[UsageRow]:
        """Return one row per provider and model, sorted."""
        return [
            UsageRow(
                provider=provider,
                model=model,
                **{name: counts.get(name, 0) for name in _COUNTS},
                **{name: Money(pico=counts.get(name, 0)) for name in _MONEY},
            )
            for (provider, model), counts in sorted(self.totals.items())
        ]


def booked_cost(worst: Money, settlement: Settlement | None) -> Money:
    """Return what an attempt costs in the books: the worst case until, and unless, its end is known."""
    if settlement is None:
        return worst
    if settlement.state is State.RELEASED:
        return Money()
    return max(worst, settlement.cost) if settlement.state is State.UNCONFIRMED else settlement.cost
