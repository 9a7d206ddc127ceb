"""Gemini's two ways to embed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.embeddings import prepare, vector
from shunpike_sandbox.dialects.google_json import known, shape
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.replies import WholeReply, dump
from shunpike_sandbox.service import Service
from shunpike_sandbox.tokens import count
from shunpike_sandbox.visits import Visit

_FIELDS = shape(
    "model:string content:message taskType:string title:string outputDimensionality:int32 embedContentConfig:message"
)
_BATCH = shape("requests:message[] model:string")
_CONTENT = shape("role:string parts:message[]")


def embed(service: Service, visit: Visit, body: Mapping[str, Any], model: Model) -> WholeReply:
    """Answer ``embedContent`` or, where there are ``requests``, ``batchEmbedContents``."""
    batch = "requests" in body
    requests = known(body, _BATCH, "").get("requests", []) if batch else [body]
    if not requests:
        raise Problem("value", "", "* BatchEmbedContentsRequest.requests: at least one request is required\n")
    if len(requests) > 100:
        raise Problem("value", "", "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n")
    read = [known(one, _FIELDS, "") for one in requests]
    texts = [_text(one) for one in read]
    sizes = [_size(one, model) for one in read]
    total = sum(count(text) for text in texts)
    prepare(service, visit, model, total)
    fault = service.world.fault(service.provider_id, streaming=False)
    service.trouble(fault, visit)
    values = [{"values": vector(text, size)} for text, size in zip(texts, sizes, strict=True)]
    answer: dict[str, Any] = {"embeddings": values} if batch else {"embedding": values[0]}
    answer["usageMetadata"] = {
        "promptTokenCount": total,
        "promptTokenDetails": [{"modality": "TEXT", "tokenCount": total}],
    }
    return WholeReply(service.world, visit, service.headers(visit), fault, dump(answer))


def _text(request: Mapping[str, Any]) -> str:
    parts = known(request.get("content", {}), _CONTENT, "content").get("parts", ())
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    if not texts:
        raise Problem("value", "", "* EmbedContentRequest.content: contents is not specified\n")
    return "\n".join(texts)


def _size(request: Mapping[str, Any], model: Model) -> int:
    size = int(request.get("outputDimensionality", model.dimensions))
    if not 1 <= size <= model.dimensions:
        what = f"* EmbedContentRequest.output_dimensionality: must be in the range [1, {model.dimensions}].\n"
        raise Problem("value", "", what)
    return size
