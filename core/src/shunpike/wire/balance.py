"""What is left of an account, by the table ``[dialect.balance]``: where to ask and where each figure stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from shunpike.types import Balance, Evidence, Unit
from shunpike.types.base import Record
from shunpike.wire.amounts import exact
from shunpike.wire.lenient import at, count, rows, string

DAY = 86_400.0


class QuotaTable(Record):
    """A quota that is told with a balance. All but ``unit`` are dotted paths."""

    unit: Unit
    amount: str
    remaining: str
    daily: bool = True
    """Whether it is full again at midnight UTC."""


class BalanceTable(Record):
    """Dotted paths inside the answer; those of the figures are inside one row of it."""

    path: str = Field(pattern="^/")
    name: str = "account"
    rows: str | None = None
    """Where a list of rows is, one per currency; None = the answer is the only row."""
    currency: str
    """A path inside the row, or a code in capitals where it is always the same."""
    left: str | None = None
    used: str | None = None
    limit: str | None = None
    granted: str | None = None
    resets: str | None = None
    usable: str | None = None
    """A path inside the whole answer."""
    quotas: tuple[QuotaTable, ...] = ()


def read_balance(data: Any, where: BalanceTable, now: float) -> Sequence[Balance]:
    """Return what the answer tells; a figure that is missing or no number is None. ``now`` is epoch seconds."""
    told = rows(at(data, where.rows)) if where.rows else [data]
    usable = at(data, where.usable) if where.usable else None
    evidence = tuple(one for quota in where.quotas if (one := _quota(data, quota, where.path, now)) is not None)
    return tuple(
        Balance(
            name=where.name,
            currency=where.currency if where.currency.isupper() else string(at(row, where.currency)) or None,
            left=_amount(row, where.left),
            used=_amount(row, where.used),
            limit=_amount(row, where.limit),
            granted=_amount(row, where.granted),
            resets=(string(at(row, where.resets)) or None) if where.resets else None,
            usable=usable if isinstance(usable, bool) else None,
            evidence=evidence,
        )
        for row in told
    )


def _amount(row: Mapping[str, Any], path: str | None) -> Any:
    return None if path is None else exact(at(row, path))


def _quota(data: Any, quota: QuotaTable, path: str, now: float) -> Evidence | None:
    amount, remaining = count(at(data, quota.amount)), count(at(data, quota.remaining))
    if amount is None and remaining is None:
        return None
    return Evidence(
        unit=quota.unit,
        amount=amount,
        remaining=remaining,
        resets_at=(now // DAY + 1) * DAY if quota.daily else None,
        window_seconds=DAY if quota.daily else None,
        origin=f"GET {path}",
    )
