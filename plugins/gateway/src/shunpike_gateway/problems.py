"""What went wrong, as a problem of the API."""

from __future__ import annotations

from shunpike.openai_format import error_body, status_of
from shunpike_gateway.exchange import ApiError, RejectedBody


def problem_of(error: Exception) -> ApiError:
    """Return what a client is told of ``error``."""
    if isinstance(error, RejectedBody):
        return rejected(error)
    body = error_body(error)
    return ApiError(
        status=status_of(error),
        kind=body["type"],
        code=body["code"],
        message=body["message"],
        hint=body["hint"],
        request_id=body["request_id"],
        attempts=tuple(body["attempts"]),
    )


def rejected(error: RejectedBody) -> ApiError:
    """Return what a client is told whose body can't be read."""
    return ApiError(error.status, "invalid_request_error", error.code, error.message, error.param)


def broken(kind: str) -> ApiError:
    """Return what a client is told of a mistake of our own; ``kind`` is the name of an exception."""
    return ApiError(500, "api_error", "internal_error", f"the gateway itself failed ({kind})")
