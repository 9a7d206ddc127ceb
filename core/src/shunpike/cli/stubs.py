"""What differs between a catalog and a live list, as TOML stubs: a person decides what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from shunpike.client import LiveRow, Where
from shunpike.types import LiveModel, ModelInfo, PriceRow
from shunpike.types.base import Record

PARTS = ("prompt", "completion", "cached", "cache_write", "request")


class Repriced(Record):
    """A model whose listed price is none of those in the catalog."""

    id: str
    listed: PriceRow
    catalog: tuple[PriceRow, ...]


class Difference(Record):
    """What a live list and a catalog do not agree on."""

    provider: str
    new: tuple[LiveModel, ...] = ()
    """Listed, not in the catalog."""
    gone: tuple[ModelInfo, ...] = ()
    """In the catalog as living, not listed."""
    back: tuple[ModelInfo, ...] = ()
    """Retired in the catalog, still listed."""
    repriced: tuple[Repriced, ...] = ()


def difference(provider: str, rows: Sequence[LiveRow]) -> Difference:
    """Return what differs; what is neither for chat nor for embeddings is left out."""
    return Difference(
        provider=provider,
        new=tuple(row.live for row in rows if row.where is Where.LIVE and row.live and row.live.kind != "other"),
        gone=tuple(row.catalog for row in rows if row.where is Where.CATALOG and row.catalog),
        back=tuple(
            row.catalog for row in rows if row.where is Where.BOTH and row.catalog and row.catalog.status == "retired"
        ),
        repriced=tuple(one for row in rows if (one := _repriced(row)) is not None),
    )


def stubs(found: Difference, today: date) -> str:
    """Return ``found`` as TOML: new models as tables, everything else as comments. Empty where nothing differs."""
    parts = [f"# listed by {found.provider}, not in its provider.toml\n"] if found.new else []
    parts += [_table(model, today) for model in found.new]
    if found.gone:
        parts.append("# in provider.toml, not listed any more: retired, renamed, or not for this account\n")
        parts += [f'# id = {_text(one.id)}  ->  status = "retired", retired_on = {today}\n' for one in found.gone]
    if found.back:
        parts.append("# retired in provider.toml, still listed\n")
        parts += [f"# id = {_text(one.id)}\n" for one in found.back]
    if found.repriced:
        parts.append("# another price than in provider.toml\n")
        parts += [f"# id = {_text(one.id)}  ->  prices = [{_price(one.listed)}]\n" for one in found.repriced]
    return "\n".join(parts)


def _table(model: LiveModel, today: date) -> str:
    lines = ["[[models]]", f"id = {_text(model.id)}"]
    if model.kind == "embedding":
        lines.append('kind = "embedding"')
    lines += [
        f"{name} = {value}" for name, value in (("context", model.context), ("max_output", model.max_output)) if value
    ]
    if model.features:
        lines.append(f"features = {json.dumps(sorted(model.features))}")
    if model.retires_on is not None:
        lines += ['status = "deprecated"', f"retired_on = {model.retires_on}"]
    lines.append(
        f"prices = [{_price(model.price)}]" if model.price else "# prices: not in the list; unknown is never zero"
    )
    lines += ["# limits: of which tiers is it?", f"as_of = {today}", 'source = "the live list of models"', ""]
    return "\n".join(lines)


def _price(row: PriceRow) -> str:
    told = [(name, getattr(row, name)) for name in PARTS]
    kept = [f'{name} = "{value}"' for name, value in told if value is not None and (name, value) != ("request", "0")]
    return f"{{ {', '.join(kept)} }}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=True)


def _repriced(row: LiveRow) -> Repriced | None:
    listed = row.live.price if row.live else None
    if listed is None or row.catalog is None or not row.catalog.prices or row.catalog.status == "retired":
        return None
    asked = (Decimal(listed.prompt), Decimal(listed.completion))
    if any((Decimal(one.prompt), Decimal(one.completion)) == asked for one in row.catalog.prices):
        return None
    return Repriced(id=row.catalog.id, listed=listed, catalog=row.catalog.prices)
