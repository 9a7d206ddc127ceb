"""How old the figures are that routing and money are reckoned with: prices, limits, and the models themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from shunpike.cli.findings import Figure, Finding, Level
from shunpike.client import ProviderStatus
from shunpike.clock import moment
from shunpike.types import ModelInfo, Scope
from shunpike.types.base import label

STALE_DAYS = 90
"""A figure older than this is worth a look: free tiers change every few weeks."""


def aged(row: ProviderStatus, models: Iterable[ModelInfo], today: date) -> Finding | None:
    """Return the warning about what is known of a provider, with every figure that is too old; None if none is."""
    figures = list(dict.fromkeys(_figures(row, models)))
    old = sorted((one for one in figures if (today - one.seen_on).days > STALE_DAYS), key=lambda one: one.seen_on)
    if not old:
        return None
    first = old[0]
    count = f"{len(old):,} of {len(figures):,} figures" if len(figures) > 1 else "the one figure"
    text = (
        f"{row.name}: {count} may have changed; the oldest, {first.what}, is {(today - first.seen_on).days} days old"
        f" ({first.seen_on})"
    )
    hint = "upgrade its package   ·   every figure: shunpike doctor --json"
    return Finding(section="Providers", level=Level.WARNING, text=text, hint=hint, figures=tuple(old))


def _figures(row: ProviderStatus, models: Iterable[ModelInfo]) -> Iterator[Figure]:
    yield Figure(what="its address, key and tiers", seen_on=row.as_of, source=row.title)
    for model in models:
        if model.status == "retired":
            continue
        name = label(row.name, model.id)
        yield Figure(what=f"{name}, context and features", seen_on=model.as_of, source=model.source)
        if model.prices:
            yield Figure(what=f"the price of {name}", seen_on=model.as_of, source=model.source)
        for limit in model.limits.get(row.tier, ()):
            if limit.observed_at is not None:
                whose = name if limit.scope is Scope.MODEL else row.name
                seen_on = moment(limit.observed_at).date()
                yield Figure(what=f"the limit of {whose}, {limit.text}", seen_on=seen_on, source=limit.source)
