"""A provider's own list of models, read leniently: a bare list, or one under ``data`` or ``models``.

Prices are read where they stand under ``pricing``: ``prompt`` and ``completion`` are dollars per token, ``input`` and
``output`` dollars per million tokens. Nothing here asks for a figure that a list does not state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from shunpike.errors import Overloaded
from shunpike.types import LiveModel, PriceRow
from shunpike.wire.amounts import exact
from shunpike.wire.dialect import Dialect
from shunpike.wire.lenient import at, count, rows, string, table

CONTEXTS = ("context_window", "context_length", "max_model_len", "inputTokenLimit")
OUTPUTS = ("max_completion_tokens", "top_provider.max_completion_tokens", "outputTokenLimit")
RETIRES = ("expiration_date", "shutdown_date", "deprecation_date")
PER_TOKEN = ("prompt", "completion", "input_cache_read", "input_cache_write", "request")
PER_MILLION = ("input", "output", "cached_input", "", "")
MILLION = Decimal(10**6)
MOST = Decimal(10**6)
"""Dollars per million tokens; no model costs more, a larger number is a mistake."""
KINDS: dict[str, Literal["chat", "embedding", "other"]] = {
    "chat": "chat",
    "language": "chat",
    "code": "chat",
    "text": "chat",
    "embedding": "embedding",
    "embeddings": "embedding",
    "image": "other",
    "audio": "other",
    "video": "other",
    "moderation": "other",
    "rerank": "other",
    "speech": "other",
    "transcribe": "other",
    "transcription": "other",
}
"""What a list calls a model's kind, or its output → our word."""
FEATURES = {
    "tools": "tools",
    "response_format": "json",
    "json_mode": "json",
    "structured_outputs": "json_schema",
    "json_schema": "json_schema",
    "reasoning": "reasoning",
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_models(data: Any, dialect: Dialect, provider: str) -> list[LiveModel]:
    """Return the models of a list, each id once. Raises `Overloaded` (malformed) for what is no list."""
    listed = data if isinstance(data, list) else data.get("data") or data.get("models")
    if listed is None and isinstance(data, Mapping) and ("data" in data or "models" in data):
        listed = []  # A server without any model says null.
    if not isinstance(listed, list):
        raise Overloaded(f"{provider}: the list of models is not a list", provider=provider, kind="malformed")
    found: dict[str, LiveModel] = {}
    for row in rows(listed):
        name = string(row.get(dialect.model_id))
        if name and name not in found:
            found[name] = read_model(row, name)
    return list(found.values())


def read_model(row: Mapping[str, Any], name: str) -> LiveModel:
    """Return what one row of a list tells of the model called ``name``."""
    price = read_price(table(row.get("pricing")))
    return LiveModel(
        id=name,
        kind=_kind(row, name),
        context=_first_count(row, CONTEXTS),
        max_output=_first_count(row, OUTPUTS),
        price=price,
        free=is_zero(price) if price else name.endswith(":free"),
        features=_features(row),
        retires_on=_day(row),
    )


def read_price(pricing: Mapping[str, Any]) -> PriceRow | None:
    """Return a stated price, None where a part is missing, negative or no number: that must price nothing."""
    names, factor = (PER_TOKEN, MILLION) if "prompt" in pricing else (PER_MILLION, Decimal(1))
    parts = [_dollars(pricing.get(name), factor) for name in names[:4]]
    request = _dollars(pricing.get(names[4]), Decimal(1)) if pricing.get(names[4]) is not None else "0"
    if parts[0] is None or parts[1] is None or request is None:
        return None
    return PriceRow(prompt=parts[0], completion=parts[1], cached=parts[2], cache_write=parts[3], request=request)


def is_zero(price: PriceRow) -> bool:
    """Whether every stated part of ``price`` is zero."""
    parts = (price.prompt, price.completion, price.cached, price.cache_write, price.request)
    return not any(Decimal(part) for part in parts if part is not None)


def _dollars(value: Any, factor: Decimal) -> str | None:
    amount = exact(value)
    if amount is None or not 0 <= amount * factor <= MOST:
        return None
    return format((amount * factor).normalize(), "f")


def _kind(row: Mapping[str, Any], name: str) -> Literal["chat", "embedding", "other"] | None:
    if name.endswith(":batch"):
        return "other"  # A price for jobs, not a model that can be called.
    told = at(row, "architecture.output_modalities") or row.get("output_modalities") or [row.get("type")]
    known = [KINDS[word] for word in _words(told) if word in KINDS]
    if "chat" in known:
        return "chat"
    return known[0] if known else None


def _features(row: Mapping[str, Any]) -> frozenset[str] | None:
    told = [row.get("supported_parameters"), row.get("supported_features")]
    if not any(isinstance(words, list) for words in told):
        return None
    found = {FEATURES[word] for words in told for word in _words(words) if word in FEATURES}
    seen = at(row, "architecture.input_modalities") or row.get("input_modalities")
    return frozenset(found | ({"vision"} if "image" in _words(seen) else set()))


def _words(value: Any) -> Iterable[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _first_count(row: Mapping[str, Any], paths: tuple[str, ...]) -> int | None:
    return next((found for path in paths if (found := count(at(row, path)))), None)


def _day(row: Mapping[str, Any]) -> date | None:
    for name in RETIRES:
        told = _DAY.match(string(row.get(name)))
        if told:
            try:
                return date.fromisoformat(told[0])
            except ValueError:
                return None
    return None
