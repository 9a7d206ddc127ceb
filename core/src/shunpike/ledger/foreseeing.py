"""An attempt before the store is asked: what it would take, what would deny it, and the reservation that it becomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shunpike.ledger.capabilities import TellsOpenings
from shunpike.ledger.terms import Terms
from shunpike.protocols import AdmissionRequest, Store, Target
from shunpike.types import Denial, DenialCause, Hold, Remaining, Reservation
from shunpike.types.ledger import UNTIL_CLEARED


class Weighed(NamedTuple):
    """What an attempt would take, as far as it can be told without the store."""

    ask: AdmissionRequest
    """As its model was seen to count."""
    plain: AdmissionRequest
    """As it was estimated."""
    terms: Terms
    holds: tuple[Hold, ...]
    wall: Denial | None
    """Why its terms are not allowed."""
    large: Denial | None
    """Which limit it is larger than."""


async def openings(
    store: Store, left: Iterable[tuple[Hold, Remaining]], now: float
) -> Mapping[tuple[str, int], float | None]:
    """Return (bucket, limit) → when the full ones have room for their holds, as far as the store tells."""
    full = [hold for hold, one in left if _is_full(hold, one)]
    if not full or not isinstance(store, TellsOpenings):
        return {}
    return dict(zip(map(_name_of, full), await store.openings(full, now), strict=True))


def _is_full(hold: Hold, one: Remaining) -> bool:
    return bool(hold.amount) and one.used + hold.amount > hold.limit.amount


def _name_of(hold: Hold) -> tuple[str, int]:
    return hold.bucket, hold.limit.amount


def foreseen(
    left: Iterable[tuple[Hold, Remaining]], now: float, opens: Mapping[tuple[str, int], float | None]
) -> Denial | None:
    """Return what would deny holds of what is ``left``: what opens last; None where there is room for all.

    Args:
        left: Each hold with what is left of its limit.
        now: Epoch seconds.
        opens: What `openings` told; of what it does not tell, the moment is taken at which nothing is used any more.

    """
    worst: Denial | None = None
    for hold, one in left:
        closed = one.blocked_until if one.blocked_until is not None and one.blocked_until > now else None
        full = _is_full(hold, one)
        if closed is None and not full:
            continue
        cause = DenialCause.FULL if full else DenialCause.BLOCKED
        room = opens.get(_name_of(hold), one.resets_at) if full else None
        retry_at = max((at for at in (closed, room) if at is not None), default=None)
        if closed is not None and closed >= UNTIL_CLEARED:
            retry_at = None  # No time opens it.
        limit = hold.limit if hold.amount else None
        found = Denial(
            cause=cause,
            bucket=hold.bucket,
            limit=limit,
            owner=hold.owner,
            used=one.used if full else None,
            retry_at=retry_at,
        )
        if worst is None or (worst.retry_at is not None and (retry_at is None or retry_at > worst.retry_at)):
            worst = found
    return worst


def reservation(
    target: Target, ask: AdmissionRequest, terms: Terms, holds: tuple[Hold, ...], now: float
) -> Reservation:
    """Return what the store is asked to take."""
    return Reservation.model_construct(
        attempt_id=ask.attempt_id,
        request_id=ask.request_id,
        provider=target.name,
        account=target.account,
        model=target.model.id,
        reserved_at=now,
        holds=holds,
        worst=terms.worst,
        prompt_tokens=ask.prompt_tokens,
        output_tokens=ask.max_output * ask.choices,
        funds=terms.funds,
        tag=ask.tag,
        principal=None if ask.principal is None else ask.principal.id,
    )
