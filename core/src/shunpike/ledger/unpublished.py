"""Concurrency that nobody published: what routing thinks an account bears is kept like any other limit."""

from __future__ import annotations

from functools import lru_cache

from shunpike.ledger.buckets import bucket_of
from shunpike.protocols import AdmissionRequest, Target
from shunpike.protocols.admission import UNPUBLISHED
from shunpike.types import Confidence, Held, Limit, Owner, Scope, Unit
from shunpike.types.limits import BoundLimit


@lru_cache(1_024)
def _limit(amount: int) -> Limit:
    return Limit(
        unit=Unit.CONCURRENT,
        amount=amount,
        window=Held(),
        scope=Scope.ACCOUNT,
        source=UNPUBLISHED,
        confidence=Confidence.ASSUMED,
    )


def with_concurrency(target: Target, ask: AdmissionRequest, bounds: tuple[BoundLimit, ...]) -> tuple[BoundLimit, ...]:
    """Return the bounds with what the account is thought to bear at a time, unless somebody published or set that."""
    if ask.concurrency is None or any(_is_published(one) for one in bounds):
        return bounds
    limit = _limit(max(ask.concurrency, 1))
    return (*bounds, BoundLimit(bucket_of(target, limit), limit))


def _is_published(one: BoundLimit) -> bool:
    return one.limit.unit is Unit.CONCURRENT and one.owner is Owner.PROVIDER
