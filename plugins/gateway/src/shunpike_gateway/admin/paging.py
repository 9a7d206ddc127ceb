"""Pages of long lists: so many rows, and where the next page begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shunpike.types.base import epoch
from shunpike.types.plain import plain
from shunpike_gateway.exchange import RejectedBody

MOST = 500
"""Rows of a page at most."""
USUAL = 100
_DAY = 86_400.0


def page_size(query: Mapping[str, str]) -> int:
    """Return how many rows are asked for. Raises `RejectedBody`."""
    given = query.get("limit", str(USUAL))
    if not given.isascii() or not given.isdigit() or len(given) > 6 or not 1 <= int(given) <= MOST:
        raise RejectedBody(f"limit should be a whole number from 1 to {MOST}, got {given[:40]!r}", param="limit")
    return int(given)


def known_only(query: Mapping[str, str], *names: str) -> None:
    """Raise `RejectedBody` for a parameter that is none of ``names``: a misspelt filter would show too much."""
    strange = next((name for name in query if name not in names), None)
    if strange is not None:
        known = ", ".join(names) or "there are none"
        raise RejectedBody(f"there is no parameter {strange[:40]!r} here: {known}", param=strange[:40])


def moment_of(query: Mapping[str, str], name: str) -> float | None:
    """Return a moment of the query, ISO 8601 or epoch seconds; None where it is not named. Raises `RejectedBody`."""
    given = query.get(name)
    if given is None:
        return None
    try:
        found = float(given) if given.replace(".", "", 1).isdigit() else epoch(given)
    except (ValueError, OverflowError):
        found = None
    if found is None or not 0 <= found < 1e11:
        message = f"{name} should be a moment such as 2026-11-29T08:00:00Z, got {given[:40]!r}"
        raise RejectedBody(message, param=name)
    return found


def period_of(query: Mapping[str, str], now: float) -> tuple[float, float]:
    """Return ``since`` and ``until`` of the query; without any it is the day before ``now``. Raises `RejectedBody`."""
    since, until = moment_of(query, "since"), moment_of(query, "until")
    until = now if until is None else until
    since = until - _DAY if since is None else since
    if since > until:
        raise RejectedBody("since should come before until", param="since")
    return since, until


def page(rows: Sequence[Any], size: int, after: Any = None) -> dict[str, Any]:
    """Return a page of the first ``size`` of ``rows``; there are more where more came.

    ``after`` makes of the last row that is shown what the next page is asked for with, as ``before``.
    """
    shown, more = rows[:size], len(rows) > size
    following = after(shown[-1]) if more and after is not None else None
    return {"data": [plain(one) for one in shown], "has_more": more, "next": following}
