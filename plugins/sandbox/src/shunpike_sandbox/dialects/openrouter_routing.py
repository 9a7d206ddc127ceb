"""Whether any endpoint behind OpenRouter can do what is asked, and what it quietly leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.bodies import name_of
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.money import Rates
from shunpike_sandbox.refusals import Problem

_MORE = "To learn more about provider routing, visit: https://openrouter.ai/docs/guides/routing/provider-selection"
NO_IMAGES = "No endpoints found that support image input"
_NEEDS = {
    "tools": "tools",
    "tool_choice": "tools",
    "response_format": "schema",
    "structured_outputs": "schema",
    "reasoning": "reasoning",
    "reasoning_effort": "reasoning",
    "include_reasoning": "reasoning",
}
"""Parameters that not every model has, with the capability that they need."""
# The sandbox's models have none of these.
_NOWHERE = ("logprobs", "top_logprobs", "logit_bias", "top_a")


def missing(body: Mapping[str, Any], model: Model, rates: Rates) -> str | None:
    """Return why no endpoint serves this request, None if one does."""
    if body.get("tools") and not model.can("tools"):
        return f"No endpoints found that support tool use. {_MORE}"
    preferences = body.get("provider") or {}
    if preferences.get("require_parameters") is True and _lacking(body, model):
        return f"No endpoints found that can handle the requested parameters. {_MORE}"
    for name, rate in (("prompt", rates.prompt), ("completion", rates.completion)):
        most = _price(preferences, name)
        if most is not None and rate > most * 1_000_000:
            return "No endpoints found that satisfy the given max_price."
    return None


def _price(preferences: Mapping[str, Any], name: str) -> float | None:
    """Return a bound in dollars per million tokens; it may come as a number or as its text."""
    bounds = preferences.get("max_price") or {}
    value = bounds.get(name) if isinstance(bounds, Mapping) else bounds
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        spot = f"provider.max_price.{name}"
        raise Problem("type", spot, "expected number", "number", name_of(value)) from None


def _lacking(body: Mapping[str, Any], model: Model) -> list[str]:
    return [
        name
        for name, value in body.items()
        if value is not None and (name in _NOWHERE or (name in _NEEDS and not model.can(_NEEDS[name])))
    ]


def kept(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Return the body without what this model does not know."""
    lacking = _lacking(body, model)
    return {name: value for name, value in body.items() if name not in lacking}
