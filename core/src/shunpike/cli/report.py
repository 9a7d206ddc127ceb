"""Errors for a person (error, blank, hint) or a program (JSON on stderr), and the exit code that goes with each."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from shunpike.clock import moment
from shunpike.errors import Exhausted, ProviderError, ShunpikeError

_AUTH = frozenset({"auth", "permission", "region"})
_TYPES = {
    2: "invalid_request_error",
    3: "configuration_error",
    4: "authentication_error",
    5: "rate_limit_error",
    6: "api_error",
}
QUOTA, FAILED, CREDENTIAL = 5, 6, 4


def exit_code(error: Exception) -> int:
    """Return the documented exit code of ``error``."""
    if isinstance(error, Exhausted):
        return _exhausted(error)
    return error.exit_code if isinstance(error, ShunpikeError) else 1


def _exhausted(error: Exhausted) -> int:
    kinds = {attempt.error for attempt in error.decision.attempts}
    refused = any(candidate.verdict.value == "refused" for candidate in error.decision.candidates)
    if kinds and kinds <= _AUTH and not refused:
        return CREDENTIAL
    return QUOTA if error.quota_only else FAILED


def report(error: Exception, *, as_json: bool) -> int:
    """Write ``error`` to stderr; return the exit code."""
    code = exit_code(error)
    message, hint = _texts(error)
    if as_json:
        sys.stderr.write(json.dumps({"error": _envelope(error, code, message, hint)}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"error: {message}\n")
        if hint:
            sys.stderr.write(f"\nhint: {hint}\n")
        if request_id := getattr(error, "request_id", None):
            sys.stderr.write(f"request {request_id}\n")
    sys.stderr.flush()
    return code


def _texts(error: Exception) -> tuple[str, str | None]:
    if isinstance(error, ShunpikeError):
        return error.message, error.hint
    if isinstance(error, OSError):
        name = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{name}", None
    return str(error), None


def _envelope(error: Exception, code: int, message: str, hint: str | None) -> dict[str, Any]:
    """Return the OpenAI error object with what this house knows beside it."""
    retry_at = getattr(error, "retry_at", None) or getattr(error, "reset_at", None)
    attempts = error.decision.attempts if isinstance(error, Exhausted) else ()
    return {
        "message": message,
        "type": _TYPES.get(code, "error"),
        "code": error.kind if isinstance(error, ProviderError) else _snake(type(error).__name__),
        "param": None,
        "hint": hint,
        "request_id": getattr(error, "request_id", None),
        "retry_at": None if retry_at is None else moment(retry_at).isoformat(),
        "exit_code": code,
        "attempts": [
            {
                "provider": attempt.provider,
                "model": attempt.model,
                "status": attempt.status,
                "code": attempt.error,
                "ms": round(attempt.seconds * 1000),
            }
            for attempt in attempts
        ],
    }


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
