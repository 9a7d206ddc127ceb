"""OpenRouter's lists of models, for everybody to read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.requests import Request

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.openrouter_errors import OpenRouterErrors
from shunpike_sandbox.money import PICO
from shunpike_sandbox.replies import PlainReply
from shunpike_sandbox.service import plain_json

PUBLIC = ("/models", "/models/count", "/embeddings/models")
"""How the paths end that need no key."""
_PAGE = 500
_ALWAYS = ("max_tokens", "temperature", "top_p", "stop", "seed", "frequency_penalty", "presence_penalty")


def inform(service: OpenRouterErrors, request: Request) -> PlainReply:
    """Answer with a page of models, with their number or with one of them."""
    kind = "embedding" if "/embeddings/" in request.url.path else "chat"
    listed = [model for model in service.listed() if model.kind == kind]
    if "author" in request.path_params:
        return _one(service, "{author}/{slug}".format(**request.path_params), listed)
    if request.url.path.endswith("/count"):
        return plain_json({"data": {"count": len(listed)}})
    query = request.query_params
    start, size = _number(query.get("offset"), 0), _number(query.get("limit"), _PAGE)
    rows = [_row(service, model) for model in listed[start : start + size]]
    return plain_json({"data": rows, "links": {"next": None}, "total_count": len(listed)})


def _number(text: str | None, usual: int) -> int:
    return int(text) if text is not None and text.isdecimal() else usual


def _one(service: OpenRouterErrors, name: str, listed: list[Model]) -> PlainReply:
    found = next((model for model in listed if model.id == name), None)
    if found is None:
        raise service.refusal(404, f"Model {name} not found")
    return plain_json({"data": _row(service, found)})


def _row(service: OpenRouterErrors, model: Model) -> dict[str, Any]:
    rates = service.provider.rates(model, service.world.clock.now(), 0)
    modalities = ["text", "image"] if model.can("vision") else ["text"]
    embeds = model.kind == "embedding"
    supported = [] if embeds else list(_ALWAYS)
    if model.can("tools"):
        supported += ["tools", "tool_choice"]
    if model.can("schema"):
        supported += ["response_format", "structured_outputs"]
    if model.can("reasoning"):
        supported += ["reasoning", "include_reasoning"]
    return {
        "id": model.id,
        "canonical_slug": model.id.removesuffix(":free"),
        "hugging_face_id": None,
        "name": model.id,
        "created": 1735689600,
        "description": "",
        "context_length": model.context,
        "architecture": {
            "modality": f"{'+'.join(modalities)}->{'embeddings' if embeds else 'text'}",
            "input_modalities": modalities,
            "output_modalities": ["embeddings" if embeds else "text"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {
            "prompt": _dollars(rates.prompt),
            "completion": _dollars(rates.completion),
            "request": "0",
            "image": "0",
            "input_cache_read": _dollars(rates.cached),
        },
        "top_provider": {
            "context_length": model.context,
            "max_completion_tokens": model.max_output or None,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": supported,
        "default_parameters": {},
        "expiration_date": None if model.retired_on is None else model.retired_on.isoformat(),
        "links": {"details": f"/api/v1/models/{model.id}/endpoints"},
        "supported_voices": None,
    }


def _dollars(pico_per_token: int) -> str:
    return format((Decimal(pico_per_token) / PICO).normalize(), "f")
