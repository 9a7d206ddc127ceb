"""Reads a ``provider.toml``: what a provider is, what it offers, what that costs and how much is allowed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from pydantic import StrictStr, ValidationError

from shunpike.catalog.limits import LimitReader, Provenance
from shunpike.catalog.schema import CatalogPlace, ModelTable, ProviderTable, TierTable, unknown_key
from shunpike.errors import ConfigError, UsageError
from shunpike.types import Billing, Limit, ModelInfo, Money, PriceRow, ProviderInfo, Tier
from shunpike.types.base import Record
from shunpike.types.price import per_token
from shunpike.validation import complaint

TABLES = ("as_of", "source", "provider", "tiers", "service_tiers", "limit_sets", "models")
READ_ELSEWHERE = ("dialect",)
MISSPELT = 0.75
"""How alike two names are from which on one is a misspelling of the other."""


class Catalog(Record):
    """A provider's file, checked. ``extra`` holds the tables that the catalog does not interpret, raw."""

    info: ProviderInfo
    models: tuple[ModelInfo, ...]
    extra: dict[str, Any]


class _Head(Record):
    """What all figures of a file go by, where a row says nothing else."""

    as_of: date
    source: StrictStr


def load_catalog(text: str, origin: str) -> Catalog:
    """Return the catalog written in ``text``. ``origin`` names the file in messages.

    Raises `ConfigError` naming file, table and key for anything unknown, missing, ill-typed or contradictory.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is not TOML: {error}") from error
    top = CatalogPlace(origin, "")
    known = (*TABLES, *READ_ELSEWHERE)
    for key in raw.keys() - {*known}:
        # A table for a plugin's own use is welcome; a value or a misspelt table is not.
        if not isinstance(raw[key], dict) or get_close_matches(key, known, n=1, cutoff=MISSPELT):
            top.fail(unknown_key(key, known))
    head = top.read(_Head, {key: raw[key] for key in ("as_of", "source") if key in raw})
    reader = LimitReader(_table(raw, "limit_sets", top), top.at("limit_sets"))
    info = _info(raw, head, reader, top)
    rows = raw.get("models", [])
    if not isinstance(rows, list):
        top.fail(f"key 'models': expected an array of tables [[models]], got {rows!r}")
    models = tuple(_model(row, number, info, reader, top) for number, row in enumerate(rows))
    _check_names(models, top)
    return Catalog(info=info, models=models, extra={key: raw[key] for key in raw if key not in TABLES})


def _table(raw: Mapping[str, Any], key: str, top: CatalogPlace) -> dict[str, Any]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        top.fail(f"key {key!r}: expected a table, got {value!r}")
    return value


def _info(raw: Mapping[str, Any], head: _Head, reader: LimitReader, top: CatalogPlace) -> ProviderInfo:
    if "provider" not in raw:
        top.fail("the table [provider] is missing")
    where = top.at("provider")
    table = where.read(ProviderTable, raw["provider"])
    around = Provenance(source=head.source, as_of=head.as_of)
    tiers = tuple(
        _tier(name, tier, around, reader, top.at(f"tiers.{name}")) for name, tier in _table(raw, "tiers", top).items()
    )
    names = [tier.name for tier in tiers]
    if table.default_tier not in names:
        where.fail(f"key 'default_tier': {table.default_tier!r} is not in [tiers]; expected one of {names}")
    try:
        return ProviderInfo(
            **table.model_dump(),
            tiers=tiers,
            service_tiers=_factors(_table(raw, "service_tiers", top), top.at("service_tiers")),
            as_of=head.as_of,
            source=head.source,
        )
    except ValidationError as error:
        where.fail(f"key 'id': {complaint(error.errors()[0], 'should be')}, got {table.id!r}")


def _factors(raw: Mapping[str, Any], where: CatalogPlace) -> dict[str, Decimal]:
    found = {}
    for name, value in raw.items():
        try:
            factor = Decimal(value) if isinstance(value, str) else Decimal("NaN")
        except InvalidOperation:
            factor = Decimal("NaN")
        if not (factor.is_finite() and 0 <= factor <= 100):
            where.fail(f'key {name!r}: expected a factor on the list price as a string such as "0.5", got {value!r}')
        found[name.lower()] = factor
    return found


def _tier(name: str, raw: object, around: Provenance, reader: LimitReader, where: CatalogPlace) -> Tier:
    table = where.read(TierTable, raw)
    if (table.billing is Billing.CREDIT) != (table.credit_usd is not None):
        where.fail("key 'credit_usd' goes together with billing = \"credit\"")
    if table.credit_usd is not None:
        try:
            Money.usd(table.credit_usd)
        except UsageError:
            where.fail(f"key 'credit_usd': expected dollars such as \"1.00\", got {table.credit_usd!r}")
    limits = reader.read(table.limits, around, where.at("limits"))
    trains = table.trains_on_prompts
    return Tier(name=name, billing=table.billing, credit_usd=table.credit_usd, limits=limits, trains_on_prompts=trains)


def _model(raw: object, number: int, info: ProviderInfo, reader: LimitReader, top: CatalogPlace) -> ModelInfo:
    name = raw.get("id", number) if isinstance(raw, dict) else number
    where = top.at(f"models.{name}")
    table = where.read(ModelTable, raw)
    around = Provenance(source=table.source or info.source, as_of=table.as_of or info.as_of)
    if table.retired_on and table.status not in ("deprecated", "retired"):
        where.fail(f"key 'retired_on' is for status deprecated or retired, not {table.status!r}")
    return ModelInfo(
        **table.model_dump(exclude={"prices", "limits", "source", "as_of"}),
        provider=info.id,
        prices=tuple(_price(row, around, where.at(f"prices.{place}")) for place, row in enumerate(table.prices)),
        limits=_tier_limits(table, info, around, reader, where.at("limits")),
        source=around.source,
        as_of=around.as_of,
    )


def _tier_limits(
    table: ModelTable, info: ProviderInfo, around: Provenance, reader: LimitReader, where: CatalogPlace
) -> dict[str, tuple[Limit, ...]]:
    tiers = [tier.name for tier in info.tiers]
    for name in table.limits:
        if name not in tiers:
            where.fail(unknown_key(name, tiers))
    return {name: reader.read(raw, around, where.at(name)) for name, raw in table.limits.items()}


def _price(raw: dict[str, Any], around: Provenance, where: CatalogPlace) -> PriceRow:
    row = where.read(PriceRow, raw)
    for key in ("prompt", "completion", "cached", "cache_write", "request"):
        value = getattr(row, key)
        try:
            good = value is None or per_token(value) >= 0
        except (ValueError, OverflowError):  # not a number, NaN or infinite
            good = False
        if not good:
            where.fail(f'key {key!r}: expected dollars as a string such as "0.15", got {value!r}')
    if row.effective_from and row.effective_until and row.effective_from > row.effective_until:
        where.fail(f"key 'effective_until': {row.effective_until} is before effective_from {row.effective_from}")
    for start, end in row.hours_utc or ():
        if not 0 <= start < end <= 24:
            where.fail(f"key 'hours_utc': expected hours with 0 <= start < end <= 24, got [{start}, {end}]")
    if any(not 0 <= day <= 6 for day in row.weekdays or ()):
        where.fail(f"key 'weekdays': expected 0 (Monday) to 6, got {list(row.weekdays or ())}")
    return row if row.source else row.model_copy(update={"source": around.source})


def _check_names(models: tuple[ModelInfo, ...], top: CatalogPlace) -> None:
    owner: dict[str, str] = {}
    for model in models:
        for name in (model.id, *model.aliases):
            if name in owner:
                top.at(f"models.{model.id}").fail(f"the name {name!r} is already taken by model {owner[name]!r}")
            owner[name] = model.id
    for model in models:
        if model.successor is not None and model.successor not in owner:
            top.at(f"models.{model.id}").fail(f"key 'successor': there is no model {model.successor!r} in this file")
