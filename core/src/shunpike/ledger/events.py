"""What the ledger tells observers of the end of an attempt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import AccountFrozen, AttemptSettled, BucketBlocked, Event, Settlement


def events_of(target: Target, request: AdmissionRequest, settlement: Settlement) -> Iterator[Event]:
    """Yield the events of an attempt that was booked: what was settled, then what was blocked."""
    facts: dict[str, Any] = {
        "at": settlement.at,
        "request_id": request.request_id,
        "attempt_id": request.attempt_id,
        "provider": target.name,
        "model": target.model.id,
    }
    yield AttemptSettled.model_construct(
        **facts,
        principal=None if request.principal is None else request.principal.id,
        state=settlement.state,
        outcome=settlement.outcome,
        cost=settlement.cost,
        list_value=settlement.list_value,
        usage=settlement.usage,
        seconds=settlement.seconds,
    )
    for one in settlement.blocks:
        told = {**facts, "bucket": one.bucket, "reason": one.reason, "origin": one.origin}
        yield AccountFrozen(**told) if one.is_freeze else BucketBlocked(**told, until=one.until)
