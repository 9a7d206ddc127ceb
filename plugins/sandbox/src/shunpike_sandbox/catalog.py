"""Reads ``world.toml``: which provider serves which model, for how much and within which limits."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

from shunpike_sandbox.limits import Quota, Rule
from shunpike_sandbox.money import ListPrice, Peak, Rates, per_token, pico, rates_at

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """A model as its provider lists it."""

    provider: str
    id: str
    kind: str
    context: int
    max_output: int
    features: frozenset[str]
    prices: tuple[ListPrice, ...]
    quotas: Mapping[str, tuple[Quota, ...]]
    dimensions: int = 0
    retired_on: date | None = None
    successor: str | None = None
    routes_to: str | None = None
    routes_from: date | None = None

    def can(self, feature: str) -> bool:
        """Tell whether the model has a capability such as ``"tools"``."""
        return feature in self.features


@dataclass(frozen=True, slots=True)
class Provider:
    """What the sandbox knows of one provider."""

    id: str
    title: str
    default_tier: str
    models: Mapping[str, Model]
    balance: Mapping[str, int | None]
    credit: Mapping[str, int]
    peak: Peak | None = None

    def rates(self, model: Model, now: float, prompt_tokens: int) -> Rates:
        """Return the prices in force for one request."""
        return rates_at(model.prices, self.peak, now, prompt_tokens)

    def served(self, model: Model, now: float) -> Model:
        """Return the model that really answers: some names are silently routed elsewhere."""
        if model.routes_to is None or model.routes_from is None or _day(now) < model.routes_from:
            return model
        return self.models[model.routes_to]

    def listed(self, now: float) -> list[Model]:
        """Return the models that can be used at this moment."""
        return [model for model in self.models.values() if not retired(model, now)]


@dataclass(frozen=True, slots=True)
class SandboxCatalog:
    """All providers, and the day on which they were as described."""

    as_of: date
    source: str
    providers: Mapping[str, Provider] = field(default_factory=dict)


def retired(model: Model, now: float) -> bool:
    """Tell whether the provider has switched the model off by now."""
    return model.retired_on is not None and _day(now) >= model.retired_on


def bundled() -> SandboxCatalog:
    """Return the catalog that ships with the sandbox."""
    own, world = (tomllib.loads((files(__package__) / name).read_text("utf-8")) for name in ("own.toml", "world.toml"))
    return parse({**world, "providers": {**world["providers"], **own["providers"]}})


def parse(data: Table) -> SandboxCatalog:
    """Build a catalog from the parsed TOML."""
    providers = {name: _provider(name, table) for name, table in data["providers"].items()}
    return SandboxCatalog(data["as_of"], data["source"], providers)


def _provider(name: str, table: Table) -> Provider:
    tiers = table.get("tiers", {})
    common = table.get("balance")
    balance = {tier: _dollars(tiers.get(tier, {}).get("balance", common)) for tier in ("free", "paid")}
    peak = table.get("peak")
    return Provider(
        id=name,
        title=table["title"],
        default_tier=table["default_tier"],
        models={row["id"]: _model(name, row, table) for row in table["models"]},
        balance=balance,
        credit={tier: pico(tiers.get(tier, {}).get("credit", "0")) for tier in ("free", "paid")},
        peak=None if peak is None else _peak(peak),
    )


def _model(provider: str, row: Table, table: Table) -> Model:
    return Model(
        provider=provider,
        id=row["id"],
        kind=row.get("kind", "chat"),
        context=row["context"],
        max_output=row.get("max_output", 0),
        features=frozenset(row.get("features", ())),
        prices=tuple(_price(price) for price in row["prices"]),
        quotas={tier: _quotas(tier, row, table) for tier in ("free", "paid")},
        dimensions=row.get("dimensions", 0),
        retired_on=row.get("retired_on"),
        successor=row.get("successor"),
        routes_to=row.get("routes_to"),
        routes_from=row.get("routes_from"),
    )


def _quotas(tier: str, row: Table, table: Table) -> tuple[Quota, ...]:
    scope, amounts = row["id"], {**table.get("limits", {}).get(tier, {})}
    if tier in row:
        # A row states its tier's limits in full, for not every model has every kind of limit.
        amounts = dict(row[tier])
    for name, pool in table.get("pools", {}).items():
        if row.get("pool") == name or row["id"].endswith(pool["suffix"]):
            scope, amounts = name, dict(pool[tier])
    rules = table.get("rules", {})
    return tuple(Quota(_rule(name, rules[name]), amount, scope) for name, amount in amounts.items())


def _rule(name: str, table: Table) -> Rule:
    return Rule(name, table["unit"], table.get("seconds"), table.get("zone"))


def _price(row: Table) -> ListPrice:
    above = row.get("above")
    return ListPrice(
        rates=_rates(row),
        until=row.get("until"),
        above=None if above is None else above["tokens"],
        above_rates=None if above is None else _rates({**row, **above}),
    )


def _rates(row: Table) -> Rates:
    prompt = per_token(row["input"])
    cached = per_token(row["cached"]) if "cached" in row else prompt
    return Rates(prompt, per_token(row["output"]), cached)


def _peak(table: Table) -> Peak:
    hours = tuple((first, last) for first, last in table["hours"])
    return Peak(tuple(table["weekdays"]), hours, Decimal(table["off_peak"]))


def _dollars(text: str | None) -> int | None:
    return None if text is None else pico(text)


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()
