"""Problems in Anthropic's words."""

from __future__ import annotations

from typing import Any

from shunpike.types.base import iso
from shunpike_gateway.exchange import ApiError

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(problem: ApiError) -> dict[str, Any]:
    """Return the body of an error, with what is known beside Anthropic's own fields."""
    kind = _KINDS.get(problem.status) or ("invalid_request_error" if problem.status < 500 else "api_error")
    error: dict[str, Any] = {"type": kind, "message": told(problem), "code": problem.code}
    at = None if problem.retry_at is None else iso(problem.retry_at)
    more = {"param": problem.param, "hint": problem.hint, "retry_at": at}
    error |= {name: value for name, value in more.items() if value is not None}
    if problem.attempts:
        error["attempts"] = [dict(one) for one in problem.attempts]
    return {"type": "error", "error": error, "request_id": problem.request_id}


def told(problem: ApiError) -> str:
    """Return the message. Of a prompt that is too large for everybody it begins as Anthropic's does: agents compact."""
    if not problem.too_large or "prompt is too long" in problem.message:
        return problem.message
    if problem.tokens is None or problem.most_tokens is None:
        return f"prompt is too long: {problem.message}"
    return f"prompt is too long: {problem.tokens} tokens > {problem.most_tokens} maximum"
