"""OpenRouter passes requests on, so each one says what it may cost at most and what must not be ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from shunpike.errors import ProviderError
from shunpike.types import Call, ModelInfo, ProviderSettings
from shunpike.wire.chat import ChatBackend
from shunpike.wire.compatible import OpenAICompatible, require_key
from shunpike.wire.failures import Refused, classify, read_error
from shunpike_openrouter.failures import kind_of, teach

Ceilings = Mapping[str, Mapping[str, float]]


class OpenRouterBackend(ChatBackend):
    """Adds the routing rules to each request. ``ceilings``: model → dollars per million tokens, as its list price."""

    ceilings: Ceilings = MappingProxyType({})

    @override
    def body(self, call: Call) -> dict[str, Any]:
        """Add ``provider``: a price bound, and that parameters count. What the caller set there stays."""
        body = super().body(call)
        rules = dict(body.get("provider") or {})
        if call.request.needs & {"tools", "json", "json_schema"}:
            # Without it a provider that lacks them answers all the same and drops them silently.
            rules.setdefault("require_parameters", True)
        if ceiling := self.ceilings.get(call.model):
            # Whoever answers may cost more than the list says; what was admitted must not.
            rules.setdefault("max_price", dict(ceiling))
        if rules:
            body["provider"] = rules
        return body

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Tell OpenRouter's own refusals from those of whom it asked, and read the moment of the reset."""
        said = read_error(body)
        status_told = status if status >= 300 else said.status
        kind, side = kind_of(status_told, said), self._side
        if status_told is not None and kind is not None:
            side = replace(side, dialect=self.dialect.model_copy(update={"statuses": {status_told: kind}}))
        error = classify(Refused(status, headers, body, self.clock.now()), side)
        teach(error, said, self.clock.now())
        return error


class OpenRouter(OpenAICompatible):
    """The plugin; its backends know the list prices as their ceilings."""

    @override
    def backend(self, settings: ProviderSettings) -> OpenRouterBackend:
        """Return a backend with these settings. Raises `NoCredential` without a key, `ConfigError` for a bad value."""
        require_key(self.info, settings)
        backend = OpenRouterBackend(self.info, settings, self.dialect)
        backend.ceilings = ceilings(self.models)
        return backend


def ceilings(models: Iterable[ModelInfo]) -> dict[str, dict[str, float]]:
    """Return the dearest list price of each priced model, in the form that OpenRouter takes."""
    return {
        model.id: {
            "prompt": max(float(row.prompt) for row in model.prices),
            "completion": max(float(row.completion) for row in model.prices),
        }
        for model in models
        if model.prices
    }
