"""Candidates and attempts of a decision as rows of tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from shunpike.cli.forms import tokens
from shunpike.cli.output import NOTHING
from shunpike.clock import when
from shunpike.types import AttemptRecord, Blocking, Candidate
from shunpike.types.base import label

Row = tuple[str, ...]


def candidate_rows(candidates: Iterable[Candidate], now: float) -> list[Row]:
    """Return (place, name, what became of it, why) of each, as of ``now``; the same of several at one provider once."""
    groups: dict[Row, list[str]] = {}
    ordered = sorted(candidates, key=lambda one: one.rank or math.inf)
    for one in ordered:
        row = (str(one.rank or ""), one.provider, one.verdict.value, why(one, now))
        groups.setdefault(row, []).append(one.model)
    return [(place, _names(provider, models), *rest) for (place, provider, *rest), models in groups.items()]


def why(one: Candidate, now: float) -> str:
    """Return what stood in its way in figures, when that opens, and what the strategy says of it."""
    parts = [one.reason, _figures(one.evidence)]
    if one.retry_at is not None:
        opens = when(math.ceil(one.retry_at), now)
        opened = f"open again since {opens}" if one.retry_at <= now else f"free again {opens}"
        parts.append(f"not before {opens}" if one.earliest else opened)
    if one.why or one.score is not None:
        score = "" if one.score is None else f"score {one.score:.4g}"
        parts.append(": ".join(part for part in (score, one.why) if part))
    return ", ".join(part for part in parts if part) or NOTHING


def _figures(evidence: Blocking | None) -> str:
    if evidence is None:
        return ""
    limit, used = evidence.limit, evidence.used
    parts = ["" if limit is None or used is None else f"{limit.said(used)} of {limit.said(limit.amount)} used"]
    parts += [f"closed by {evidence.closed_by}" if evidence.closed_by else ""]
    parts += [f"{evidence.failures} failures in a row" if evidence.failures else ""]
    parts += [f"by {limit.source}" if limit is not None and limit.source and evidence.owner == "provider" else ""]
    return ", ".join(part for part in parts if part)


def _names(provider: str, models: Sequence[str]) -> str:
    return label(provider, models[0]) if len(models) == 1 else f"{provider} ({len(models)} models)"


def attempt_rows(attempts: Iterable[AttemptRecord]) -> list[Row]:
    """Return (id, name, admitted, first token, total, tokens, cost, how it ended) of each."""
    return [
        (
            one.id,
            label(one.provider, one.served_model or one.model),
            f"{one.admit_seconds * 1000:.0f} ms",
            NOTHING if one.first_token_seconds is None else f"{one.first_token_seconds:.2f} s",
            f"{one.seconds:.2f} s",
            tokens(one.usage).partition(" ")[0] if one.usage.total_tokens else NOTHING,
            f"{one.cost}" if one.state == "settled" else f"{one.cost} ({one.state})",
            " ".join(str(part) for part in (one.status, one.error or "answered") if part),
        )
        for one in attempts
    ]
