"""Errors for a person (error, blank, hint) or a program (JSON on stderr), and the exit code that goes with each."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from shunpike.cli.terminal import safe
from shunpike.errors import ConfigWarning, Exhausted, PluginError, ProviderError, ShunpikeError

_AUTH = frozenset({"auth", "permission", "region"})
_OVERSIZED = frozenset({"too_large", "context_overflow"})
_ELSEWHERE = frozenset({"quota", "trouble"})
"""`Cause` of those who may yet answer, at another time."""
_TYPES = {
    2: "invalid_request_error",
    3: "configuration_error",
    4: "authentication_error",
    5: "rate_limit_error",
    6: "api_error",
}
USAGE, CONFIGURATION, CREDENTIAL, QUOTA, FAILED = 2, 3, 4, 5, 6
_UNASKED = {
    "quota": QUOTA,
    "trouble": FAILED,
    "too_large": USAGE,
    "context": USAGE,
    "policy": CONFIGURATION,
    "config": CONFIGURATION,
    "off": CONFIGURATION,
    "disabled": CONFIGURATION,
    "key": CREDENTIAL,
    "bad_key": CREDENTIAL,
    "unable": USAGE,
}
"""`Cause` → code where nobody was asked, the least trouble first. By its values: `--help` imports no types."""


def exit_code(error: Exception) -> int:
    """Return the documented exit code of ``error``."""
    if isinstance(error, Exhausted):
        return _exhausted(error)
    if isinstance(error, PluginError) and error.attempted:
        return FAILED
    return error.exit_code if isinstance(error, ShunpikeError) else 1


def _exhausted(error: Exhausted) -> int:
    attempts = error.decision.attempts
    rejected = {attempt.provider for attempt in attempts if attempt.error in _AUTH}
    # A rejected key closes all models of its provider, which says nothing about quotas.
    others = any(
        candidate.verdict.value == "refused" and candidate.provider not in rejected
        for candidate in error.decision.candidates
    )
    if attempts and not others and all(attempt.error in _AUTH for attempt in attempts):
        return CREDENTIAL
    if error.quota_only:
        return QUOTA
    causes = {candidate.cause for candidate in error.decision.candidates}
    if attempts:
        oversized = all(attempt.error in _OVERSIZED for attempt in attempts)
        return USAGE if oversized and causes.isdisjoint(_ELSEWHERE) else FAILED
    return next((code for cause, code in _UNASKED.items() if cause in causes), FAILED)


def report(error: Exception, *, as_json: bool) -> int:
    """Write ``error`` to stderr; return the exit code."""
    code = exit_code(error)
    message, hint = _texts(error)
    if as_json:
        sys.stderr.write(json.dumps({"error": _envelope(error, code, message, hint)}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"error: {safe(message)}\n")
        if hint:
            sys.stderr.write(f"\nhint: {safe(hint)}\n")
        if request_id := getattr(error, "request_id", None):
            sys.stderr.write(f"request {request_id}\n")
    sys.stderr.flush()
    return code


@contextmanager
def warnings_told(*, as_json: bool) -> Iterator[None]:
    """Write what is odd in the configuration to stderr, as a line for a person or one of JSON, once for each thing."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ConfigWarning)
        others = warnings.showwarning

        def show(message: Warning | str, *place: Any, **more: Any) -> None:
            if not isinstance(message, ConfigWarning):
                others(message, *place, **more)
            elif as_json:
                told = {"message": str(message), "type": "configuration_warning"}
                sys.stderr.write(json.dumps({"warning": told}, ensure_ascii=False) + "\n")
            else:
                sys.stderr.write(f"warning: {message}\n")

        warnings.showwarning = show
        yield


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
        "retry_at": None if retry_at is None else datetime.fromtimestamp(retry_at, UTC).isoformat(),
        "exit_code": code,
        "blocked": _blocked(error) if isinstance(error, Exhausted) else [],
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


def _blocked(error: Exhausted) -> list[dict[str, Any]]:
    """Return who was not asked, why, and where the ledger or the settings denied it: what did."""
    return [
        {
            "provider": one.provider,
            "model": one.model,
            "by": one.by,
            "cause": one.cause,
            "reason": one.reason,
            "retry_at": None if one.retry_at is None else datetime.fromtimestamp(one.retry_at, UTC).isoformat(),
        }
        for one in error.decision.candidates
        if one.verdict.value in ("refused", "dropped")
    ]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
