"""Gemini's two ways to embed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import google_read
from shunpike_sandbox.dialects.embeddings import prepare, vector
from shunpike_sandbox.refusals import Invalid, Problem
from shunpike_sandbox.replies import Whole, dump
from shunpike_sandbox.tokens import count
from shunpike_sandbox.visits import Visit

if TYPE_CHECKING:
    from .google import Google

_FIELDS = {"model", "content", "taskType", "title", "outputDimensionality", "embedContentConfig"}


def embed(service: Google, visit: Visit, body: Mapping[str, Any], model: Model) -> Whole:
    """Answer ``embedContent`` or, where there are ``requests``, ``batchEmbedContents``."""
    batch = "requests" in body
    requests = google_read.known(body, {"requests", "model"}, "")["requests"] if batch else [body]
    if not isinstance(requests, list) or not requests:
        raise Invalid(Problem("value", "", "* BatchEmbedContentsRequest.requests: at least one request is required\n"))
    if len(requests) > 100:
        raise Invalid(
            Problem("value", "", "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n")
        )
    read = [google_read.known(one, _FIELDS, "") for one in requests]
    texts = [_text(one) for one in read]
    total = sum(count(text) for text in texts)
    prepare(service, visit, model, total)
    fault = service.world.fault(service.provider_id, streaming=False)
    service.trouble(fault, visit)
    values = [
        {"values": vector(text, one.get("outputDimensionality") or model.dimensions)}
        for text, one in zip(texts, read, strict=True)
    ]
    answer: dict[str, Any] = {"embeddings": values} if batch else {"embedding": values[0]}
    answer["usageMetadata"] = {
        "promptTokenCount": total,
        "promptTokenDetails": [{"modality": "TEXT", "tokenCount": total}],
    }
    return Whole(service.world, visit, service.headers(visit), fault, dump(answer))


def _text(request: Mapping[str, Any]) -> str:
    content = google_read.known(request.get("content", {}), {"role", "parts"}, "content")
    parts = content.get("parts", ())
    texts = [part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str)]
    if not texts:
        raise Invalid(Problem("value", "", "* EmbedContentRequest.content: contents is not specified\n"))
    return "\n".join(texts)
