"""Where an answer came from, as clients are told: in headers, and in its body where they ask for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shunpike.types import Completion, Embedding
from shunpike.types.plain import plain

FIELD = "shunpike"
"""The field of a body, or of the last event of a stream, that `told_of` stands in."""
_MOST_OF_WARNINGS = 1000
"""Characters of a header."""


def headers_of(done: Completion | Embedding, dropped: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers of a whole answer; ``dropped`` is what of its request nobody knew, in sentences."""
    return {
        **id_headers(done.request_id),
        "x-shunpike-provider": done.provider,
        "x-shunpike-model": done.model,
        "x-shunpike-attempts": str(len(done.decision.attempts)),
        "x-shunpike-cost": format(done.cost.dollars, "f"),
        **warning_header((*dropped, *done.warnings)),
    }


def id_headers(request_id: str) -> dict[str, str]:
    """Return the headers that name a request: OpenAI's clients read the first, Anthropic's the second."""
    return {"x-request-id": request_id, "request-id": request_id, "x-shunpike-request-id": request_id}


def warning_header(warnings: Iterable[str]) -> dict[str, str]:
    """Return the header that tells ``warnings``, none where there are none."""
    text = "; ".join(" ".join(one.split()) for one in warnings)
    if not text:
        return {}
    plain_text = text.encode("ascii", "replace").decode()
    return {"x-shunpike-warning": plain_text[:_MOST_OF_WARNINGS]}


def told_of(done: Completion | Embedding) -> dict[str, Any]:
    """Return where ``done`` came from, in JSON's types; money is text, so that it stays exact."""
    return {
        "request_id": done.request_id,
        "provider": done.provider,
        "model": done.model,
        "requested_model": done.requested_model,
        "cost": plain(done.cost),
        "cost_exact": done.cost_exact,
        "list_price": plain(done.list_price),
        "attempts": [
            {"provider": one.provider, "model": one.model, "error": one.error, "ms": round(one.seconds * 1000)}
            for one in done.decision.attempts
        ],
        "warnings": list(done.warnings),
        "simulated": done.simulated,
    }
