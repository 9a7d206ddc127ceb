"""Adding rows of usage up."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from shunpike.types.ledger import UsageRow
from shunpike.types.money import Money

ANY_MODEL = "*"


def by_provider(rows: Iterable[UsageRow]) -> list[UsageRow]:
    """Return one row for each provider, of all its models together, in the order in which they come."""
    found: dict[str, list[UsageRow]] = {}
    for row in rows:
        found.setdefault(row.provider, []).append(row.model_copy(update={"model": ANY_MODEL}))
    return [reduce(added, group) for group in found.values()]


def added(one: UsageRow, other: UsageRow) -> UsageRow:
    """Return ``one`` with the figures of ``other`` added; what it is of stays its own."""
    figures = [name for name in UsageRow.model_fields if isinstance(getattr(one, name), int | Money)]
    return one.model_copy(update={name: getattr(one, name) + getattr(other, name) for name in figures})
