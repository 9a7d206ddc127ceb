"""The whole plugin of an OpenAI-like provider: a ``provider.toml`` and one line of Python.

plugin = OpenAICompatible.of_package(__name__)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Self

from typing_extensions import override

from shunpike.catalog import Catalog, CatalogPlugin, load_catalog
from shunpike.catalog.plugin import FILE, read_catalog
from shunpike.errors import NoCredential
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Backend, HealthProbe
from shunpike.types import ProviderInfo, ProviderSettings
from shunpike.wire.account import AccountProbe, BalanceBackend
from shunpike.wire.chat import ChatBackend
from shunpike.wire.custom_endpoint import own_backend
from shunpike.wire.dialect import Dialect, read_dialect
from shunpike.wire.probe import ModelsProbe


class OpenAICompatible(CatalogPlugin):
    """Answers every hook of a provider from its file; requests go through ``backend_class``."""

    def __init__(
        self, load: Callable[[], Catalog], backend_class: type[ChatBackend] = ChatBackend, origin: str = FILE
    ) -> None:
        super().__init__(load)
        self._backend_class = backend_class
        self._origin = origin

    @classmethod
    @override
    def of_package(cls, package: str, backend_class: type[ChatBackend] = ChatBackend) -> Self:
        return cls(partial(read_catalog, package), backend_class, f"{package}/{FILE}")

    @classmethod
    @override
    def of_text(cls, text: str, origin: str, backend_class: type[ChatBackend] = ChatBackend) -> Self:
        return cls(partial(load_catalog, text, origin), backend_class, origin)

    @cached_property
    def dialect(self) -> Dialect:
        """The file's ``[dialect]``. Raises `ConfigError` naming file and key for a mistake in it."""
        return read_dialect(self.extra.get("dialect"), self._origin)

    def backend(self, settings: ProviderSettings) -> ChatBackend:
        """Return a backend with these settings. Raises `NoCredential` without a key, `ConfigError` for a bad value."""
        require_key(self.info, settings)
        return self._backend_class(self.info, settings, self.dialect)

    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        """Return the backend; None for another provider."""
        return self._made(settings) if provider == self.info.id else None

    @hookimpl
    def shunpike_health(self, provider: str, settings: ProviderSettings) -> HealthProbe | None:
        """Return a probe that lists the models; None for another provider, or where no list is offered."""
        if provider != self.info.id or not self.dialect.models_path:
            return None
        backend = self._made(settings)
        return AccountProbe(backend) if isinstance(backend, BalanceBackend) else ModelsProbe(backend)

    def _made(self, settings: ProviderSettings) -> ChatBackend:
        return own_backend(self.info, settings) if settings.is_custom_endpoint else self.backend(settings)


def require_key(info: ProviderInfo, settings: ProviderSettings) -> str | None:
    """Return the key, None where the provider needs none. Raises `NoCredential` naming the variable for it."""
    key = settings.key.get_secret_value().strip() if settings.key else ""
    if key:
        return key
    variable = settings.key_env or info.env_key
    if variable is None:
        return None
    raise NoCredential(
        f"{info.title} needs a key: the variable {variable} is not set",
        hint=f"get a key at {info.key_url}" if info.key_url else f"set {variable}",
    )
