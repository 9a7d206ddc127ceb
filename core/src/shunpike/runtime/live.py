"""What providers list today beside what their dated catalogs say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from shunpike.catalog import find
from shunpike.types import LiveModel, ModelInfo
from shunpike.types.base import Record


class Where(StrEnum):
    """Where a model is known."""

    BOTH = "both"
    LIVE = "live"
    """Listed by the provider, not in its catalog."""
    CATALOG = "catalog"
    """In the catalog, not listed by the provider."""


class LiveRow(Record):
    """One model at one provider, as its list and its catalog know it."""

    provider: str
    id: str
    where: Where
    live: LiveModel | None = None
    catalog: ModelInfo | None = None


class LiveList(Record):
    """One provider's models, merged; ``problem`` says why there is no list, if so, and ``kind`` the kind of error."""

    provider: str
    rows: tuple[LiveRow, ...] = ()
    dated: bool = True
    """Whether there is a catalog to compare with; a custom endpoint has none."""
    problem: str | None = None
    kind: str | None = None


def merge(provider: str, live: Sequence[LiveModel], catalog: Sequence[ModelInfo]) -> tuple[LiveRow, ...]:
    """Return every model once: in the order of the list, then those of the catalog that it lacks.

    A listed name belongs to a catalog entry by id, alias, or id with a snapshot's date. A retired entry that is not
    listed is nothing new and left out.
    """
    found = [(model, find(catalog, model.id)) for model in live]
    listed = {entry.id for _, entry in found if entry is not None}
    rows = [
        LiveRow(
            provider=provider, id=model.id, where=Where.LIVE if entry is None else Where.BOTH, live=model, catalog=entry
        )
        for model, entry in found
    ]
    rows += [
        LiveRow(provider=provider, id=entry.id, where=Where.CATALOG, catalog=entry)
        for entry in _missing(_comparable(live, catalog), listed)
    ]
    return tuple(rows)


def _missing(catalog: Iterable[ModelInfo], listed: set[str]) -> Iterable[ModelInfo]:
    return (entry for entry in catalog if entry.id not in listed and entry.status != "retired")


def _comparable(live: Sequence[LiveModel], catalog: Sequence[ModelInfo]) -> list[ModelInfo]:
    """Leave out the catalog's embedding models where the list tells kinds and holds none: it is one of chat models."""
    kinds = {model.kind for model in live} - {None}
    return [entry for entry in catalog if entry.kind == "chat" or not kinds or "embedding" in kinds]
