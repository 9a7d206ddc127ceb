"""The hooks of Google AI Studio: its catalog, and a backend of its own."""

from __future__ import annotations

from functools import cached_property

from shunpike.catalog import CatalogPlugin
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Backend, HealthProbe
from shunpike.types import ProviderSettings
from shunpike.wire.compatible import require_key
from shunpike.wire.dialect import Dialect
from shunpike.wire.failures import Side
from shunpike.wire.probe import ModelsProbe
from shunpike_google.backend import GoogleBackend
from shunpike_google.traits import Traits, read_traits


class GooglePlugin(CatalogPlugin):
    """Answers every hook for the provider ``google``."""

    @cached_property
    def traits(self) -> Traits:
        """The file's ``[dialect]``. Raises `ConfigError` for a mistake in it."""
        return read_traits(self.extra.get("dialect"), "shunpike_google/provider.toml")

    def backend(self, settings: ProviderSettings) -> GoogleBackend:
        """Return a backend with these settings. Raises `NoCredential` without a key, `ConfigError` for a bad value."""
        info = self.info
        key = require_key(info, settings)
        retired = {name for model in self.models if model.status == "retired" for name in (model.id, *model.aliases)}
        return GoogleBackend(
            Side(info.id, Dialect(sentences=self.traits.sentences), settings.key_env or info.env_key, key),
            settings.base_url or info.base_url,
            settings,
            self.traits,
            retired=frozenset(retired),
        )

    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        """Return the backend; None for another provider."""
        return self.backend(settings) if provider == self.info.id else None

    @hookimpl
    def shunpike_health(self, provider: str, settings: ProviderSettings) -> HealthProbe | None:
        """Return a probe that lists the models; None for another provider."""
        return ModelsProbe(self.backend(settings)) if provider == self.info.id else None
