"""Together's two lists of models: a bare array, and the pages that its newest SDK reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.money import PICO
from shunpike_sandbox.replies import PlainReply
from shunpike_sandbox.service import plain_json

_PAGE = 50
_DAY = "2025-01-01T00:00:00Z"
_FEATURES = {
    "tools": "FEATURE_TOOL_CALLING",
    "schema": "FEATURE_STRUCTURED_OUTPUT",
    "reasoning": "FEATURE_REASONING",
}


def inform(service: ChatService, request: Request) -> PlainReply:
    """Answer for one of the lists, or for one model of the newer one."""
    listed = service.listed()
    if "/v2/" not in request.url.path:
        return plain_json([_row(service, model) for model in listed])
    rows = [_supported(service, model) for model in listed]
    wanted = request.path_params.get("model")
    if wanted is None:
        return plain_json(_page(rows, request.query_params))
    found = next((row for row in rows if row["id"] == wanted), None)
    if found is None:
        raise service.error(404, f"Supported model {wanted} not found", "invalid_request_error", "not_found")
    return plain_json(found)


def _page(rows: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    for name, field in (("product", "products"), ("modality", "inputModalities")):
        if query.get(name):
            rows = [row for row in rows if query[name] in row[field]]
    if query.get("search"):
        rows = [row for row in rows if query["search"].lower() in row["name"].lower()]
    size, after = query.get("limit", ""), query.get("after", "")
    start = int(after) if after.isdigit() else 0
    end = start + (int(size) if size.isdigit() and int(size) else _PAGE)
    return {"data": rows[start:end], "next_cursor": str(end) if end < len(rows) else None}


def _pricing(service: ChatService, model: Model) -> tuple[float, float, float]:
    rates = service.provider.rates(model, service.world.clock.now(), 0)
    return rates.prompt * 1e6 / PICO, rates.completion * 1e6 / PICO, rates.cached * 1e6 / PICO


def _row(service: ChatService, model: Model) -> dict[str, Any]:
    prompt, completion, _ = _pricing(service, model)
    return {
        "id": model.id,
        "object": "model",
        "created": 1735689600,
        "type": model.kind,
        "display_name": model.id.split("/")[-1],
        "organization": model.id.split("/")[0],
        "link": "",
        "license": "",
        "context_length": model.context,
        "pricing": {"hourly": 0, "input": prompt, "output": completion, "base": 0, "finetune": 0},
    }


def _supported(service: ChatService, model: Model) -> dict[str, Any]:
    prompt, completion, cached = _pricing(service, model)
    seen = ["MODALITY_TEXT", "MODALITY_IMAGE"] if model.can("vision") else ["MODALITY_TEXT"]
    return {
        "id": model.id.replace("/", "-").lower(),
        "name": model.id,
        "displayName": model.id.split("/")[-1],
        "displayType": model.kind,
        "publisher": model.id.split("/")[0],
        "baseModel": "",
        "baseModelId": "",
        "capabilities": ["CAPABILITY_CHAT" if model.kind == "chat" else "CAPABILITY_EMBEDDING"],
        "features": [_FEATURES[name] for name in _FEATURES if model.can(name)],
        "contextLength": str(model.context),
        "inputModalities": seen,
        "outputModalities": ["MODALITY_TEXT"],
        "products": ["PRODUCT_SERVERLESS"],
        "serverlessEndpoint": model.id,
        "status": "SUPPORTED_MODEL_STATUS_SUPPORTED",
        "deploymentProfiles": [],
        "pricing": {"input": prompt, "output": completion, "cachedInput": cached},
        "createdAt": _DAY,
        "updatedAt": _DAY,
    }
