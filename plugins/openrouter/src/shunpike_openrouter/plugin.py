"""OpenRouter passes requests on, so each one says what it may cost at most and what must not be ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from shunpike.errors import CreditsExhausted, ProviderError
from shunpike.types import Call, Evidence, ModelInfo, Money, ProviderSettings, Unit
from shunpike.types.limits import LARGEST
from shunpike.types.money import PICO
from shunpike.wire.account import BalanceBackend
from shunpike.wire.compatible import OpenAICompatible, require_key
from shunpike.wire.embeddings import EmbeddingBackend
from shunpike.wire.error_body import read_error
from shunpike.wire.lenient import string, table
from shunpike.wire.ratelimits import parse_moment

Ceilings = Mapping[str, Mapping[str, float]]


class OpenRouterBackend(EmbeddingBackend, BalanceBackend):
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
        """Add the bound on spending that the owner of the key has set, and when it opens again."""
        error = super().failure(status, headers, body)
        if isinstance(error, CreditsExhausted):
            _teach_cap(error, table(read_error(body).detail.get("metadata")), self.clock.now())
        return error


def _teach_cap(error: CreditsExhausted, metadata: Mapping[str, Any], now: float) -> None:
    error.reset_at = parse_moment(string(metadata.get("resets_at")), now)
    limit = metadata.get("limit_usd")
    if isinstance(limit, int | float) and 0 <= limit <= LARGEST // PICO:
        cap = Evidence(
            unit=Unit.USD,
            amount=round(limit * PICO),
            remaining=0,
            resets_at=error.reset_at,
            origin="refusal (limit_usd)",
        )
        error.limit = str(Money(pico=round(limit * PICO)))
        error.evidence = (*error.evidence, cap)


class OpenRouter(OpenAICompatible):
    """The plugin; its backends know the list prices as their ceilings."""

    @override
    def backend(self, settings: ProviderSettings) -> OpenRouterBackend:
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
