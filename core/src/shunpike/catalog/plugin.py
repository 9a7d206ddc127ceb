"""The part of a provider plugin that is data: four hooks answered out of its ``provider.toml``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial
from importlib.resources import files
from typing import Any, Self

from shunpike.catalog.load import Catalog, load_catalog
from shunpike.catalog.prices import price_at
from shunpike.hookspecs import hookimpl
from shunpike.types import Limit, ModelInfo, Price, ProviderInfo

FILE = "provider.toml"


def read_catalog(package: str) -> Catalog:
    """Return the catalog inside ``package``. Raises `ConfigError` for a mistake in it."""
    text = files(package).joinpath(FILE).read_text(encoding="utf-8")
    return load_catalog(text, f"{package}/{FILE}")


class CatalogPlugin:
    """Answers for one provider with what its file says. The file is read at the first question, not at import."""

    def __init__(self, load: Callable[[], Catalog]) -> None:
        self._load = load

    @classmethod
    def of_package(cls, package: str) -> Self:
        """Return the plugin whose ``provider.toml`` lies in ``package``, the importable name."""
        return cls(partial(read_catalog, package))

    @classmethod
    def of_text(cls, text: str, origin: str) -> Self:
        """Return the plugin of a catalog at hand. ``origin`` names it in messages."""
        return cls(partial(load_catalog, text, origin))

    @cached_property
    def catalog(self) -> Catalog:
        """The whole file, checked."""
        return self._load()

    @property
    def info(self) -> ProviderInfo:
        """The provider."""
        return self.catalog.info

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """Its models, retired ones included."""
        return self.catalog.models

    @property
    def extra(self) -> dict[str, Any]:
        """The tables that the catalog leaves to others, such as ``dialect``."""
        return self.catalog.extra

    @hookimpl
    def shunpike_providers(self) -> Sequence[ProviderInfo]:
        """The one provider of the file."""
        return [self.info]

    @hookimpl
    def shunpike_models(self, provider: str) -> Sequence[ModelInfo] | None:
        """All rows of the file; None for another provider."""
        return self.models if provider == self.info.id else None

    @hookimpl
    def shunpike_cost(self, provider: str, model: ModelInfo, at: datetime, prompt_tokens: int) -> Price | None:
        """The row in force; None for another provider, or where no row is."""
        return price_at(model, at, prompt_tokens) if provider == self.info.id else None

    @hookimpl
    def shunpike_limits(self, provider: str, model: ModelInfo, tier: str) -> Sequence[Limit] | None:
        """The account's limits, then the model's; None for another provider, or a tier without this model."""
        if provider != self.info.id or tier not in model.limits:
            return None
        account = next((known.limits for known in self.info.tiers if known.name == tier), ())
        return (*account, *model.limits[tier])


def catalog_age(info: ProviderInfo, now: datetime) -> timedelta:
    """Return how long ago the figures of ``info`` were read; whole days, never negative."""
    return timedelta(days=max(0, (now.date() - info.as_of).days))
