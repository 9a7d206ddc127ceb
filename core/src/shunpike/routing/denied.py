"""A candidate as a denial blocks it, in words and in figures."""

from __future__ import annotations

from shunpike.protocols import Target
from shunpike.types import Blocking, Candidate, Cause, Denial, DeniedBy, Verdict


def candidate_of(target: Target, denial: Denial | None) -> Candidate:
    """Return ``target`` as ``denial`` blocks it; None = nothing does, and it is unused as yet."""
    if denial is None:
        return Candidate(provider=target.name, model=target.model.id, verdict=Verdict.UNUSED)
    of_nothing = denial.limit is not None and denial.limit.amount == 0
    cause = Cause.QUOTA
    if denial.by is DeniedBy.POLICY or of_nothing:
        cause = Cause.POLICY
    elif denial.impossible:
        cause = Cause.TOO_LARGE
    return Candidate.model_construct(
        provider=target.name,
        model=target.model.id,
        verdict=Verdict.DENIED,
        reason=denial.reason,
        retry_at=None if denial.impossible else denial.retry_at,
        cause=cause,
        by=denial.by,
        earliest=denial.earliest,
        evidence=_blocking(denial),
    )


def _blocking(denial: Denial) -> Blocking:
    """Return what denied an attempt, in figures."""
    block = denial.block
    closed = {} if block is None else {"closed_by": block.kind or block.origin, "failures": block.failures}
    return Blocking(bucket=denial.bucket, limit=denial.limit, owner=denial.owner, used=denial.used, **closed)
