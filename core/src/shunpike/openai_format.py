"""Answers, chunks, errors and their status in OpenAI's words, as the command line and `openai()` give them.

What OpenAI's own objects lack (hint, attempts, what blocks whom) stands beside their fields, which clients ignore.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shunpike.errors import (
    CreditsExhausted,
    DuplicateRequest,
    Exhausted,
    Overloaded,
    PluginError,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ShunpikeError,
    StoreError,
    UnknownModel,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shunpike.types.answer import Choice, Chunk, ToolCallDelta
    from shunpike.types.decision import AttemptRecord
    from shunpike.types.usage import Usage

_AUTH = frozenset({"auth", "permission", "region"})
_NOT_TAKEN = frozenset({"too_large", "context_overflow", "unsupported"})
"""Errors of attempts at which the request was too large for the model, or held what it can't take."""
_DISABLED = "disabled"
"""The error of an attempt that was given back unsent, as its target had been switched off."""
_ELSEWHERE = frozenset({"quota", "trouble"})
"""`Cause` of those who may yet answer, at another time."""
INVALID, CONFIGURATION, CREDENTIAL, QUOTA, FAILED, OTHER = (
    "invalid_request_error",
    "configuration_error",
    "authentication_error",
    "rate_limit_error",
    "api_error",
    "error",
)
"""Values of an error's ``type``."""
_OF_EXIT_CODES = {2: INVALID, 3: CONFIGURATION, 4: CREDENTIAL, 5: QUOTA, 6: FAILED}
_STATUS = {INVALID: 400, CONFIGURATION: 500, CREDENTIAL: 503, QUOTA: 429, FAILED: 502, OTHER: 500}
"""A key that a provider refuses is the owner's, not that of who asks: it is no 401."""
_UNASKED = {
    "quota": QUOTA,
    "trouble": FAILED,
    "too_large": INVALID,
    "context": INVALID,
    "unknown_context": INVALID,
    "no_paid": INVALID,
    "quality": INVALID,
    "policy": CONFIGURATION,
    "price": CONFIGURATION,
    "data_policy": CONFIGURATION,
    "config": CONFIGURATION,
    # Of what is set up and switched on; what is not could have lacked the same.
    "unable": INVALID,
    "off": CONFIGURATION,
    "disabled": CONFIGURATION,
    "key": CREDENTIAL,
    "bad_key": CREDENTIAL,
}
"""`Cause` → type where nobody was asked, the least trouble first. By its values: `--help` imports no types."""


def completion_body(
    request_id: str, created: float, model: str, choices: Sequence[Choice], usage: Usage
) -> dict[str, Any]:
    """Return an answer as a ``chat.completion``; ``created`` is epoch seconds."""
    return {
        "id": request_id,
        "object": "chat.completion",
        "created": int(created),
        "model": model,
        "choices": [_choice(choice) for choice in choices],
        "usage": usage_body(usage),
    }


def embedding_body(model: str, vectors: Sequence[Sequence[float]], usage: Usage) -> dict[str, Any]:
    """Return vectors as a ``list`` of ``embedding``."""
    rows = [{"object": "embedding", "index": index, "embedding": list(vector)} for index, vector in enumerate(vectors)]
    used = {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens}
    return {"object": "list", "model": model, "data": rows, "usage": used}


def usage_body(usage: Usage) -> dict[str, Any]:
    """Return the tokens of an answer."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


class ChunkFormat:
    """Chunks of one streamed answer as ``chat.completion.chunk``s; ``created`` is epoch seconds.

    What a chunk takes back (``text_in_all``) can't be said in these words: what was shown stays.
    """

    def __init__(self, request_id: str, created: float, model: str) -> None:
        self._request_id = request_id
        self._created = int(created)
        self._model = model
        self._begun: set[int] = set()
        self._fingerprint: str | None = None

    def beginning(self, model: str | None = None) -> dict[str, Any]:
        """Return what opens the first choice before anything of it is there; ``model`` = who answers, once known."""
        self._model = model or self._model
        self._begun.add(0)
        delta = {"role": "assistant", "content": ""}
        return self._chunk([{"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}])

    def nothing(self) -> dict[str, Any]:
        """Return a chunk that adds nothing to the first choice."""
        return self._chunk([{"index": 0, "delta": {}, "finish_reason": None, "logprobs": None}])

    def body(self, chunk: Chunk) -> dict[str, Any] | None:
        """Return a chunk, None for one that holds nothing for a reader. The first of a choice names the role."""
        self._model = chunk.model or self._model
        self._fingerprint = chunk.system_fingerprint or self._fingerprint
        if not (chunk.has_content or chunk.finish_reason or chunk.logprobs or chunk.annotations):
            return None
        delta: dict[str, Any] = {} if chunk.index in self._begun else {"role": "assistant"}
        self._begun.add(chunk.index)
        parts = {"content": chunk.text, "reasoning_content": chunk.reasoning, "refusal": chunk.refusal}
        delta |= {name: text for name, text in parts.items() if text}
        if chunk.tool_calls:
            delta["tool_calls"] = [_call_delta(call) for call in chunk.tool_calls]
        if chunk.annotations:
            delta["annotations"] = list(chunk.annotations)
        choice = {"index": chunk.index, "delta": delta, "finish_reason": chunk.finish_reason}
        return self._chunk([{**choice, "logprobs": _logprobs(chunk.logprobs)}])

    def usage(self, usage: Usage) -> dict[str, Any]:
        """Return the last chunk of who asks for ``include_usage``."""
        return {**self._chunk([]), "usage": usage_body(usage)}

    def _chunk(self, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
        chunk = {
            "id": self._request_id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": list(choices),
        }
        return chunk if self._fingerprint is None else {**chunk, "system_fingerprint": self._fingerprint}


def error_body(error: Exception) -> dict[str, Any]:
    """Return an error object, with what is known beside OpenAI's four fields; no key is in it."""
    message, hint = error_texts(error)
    return {
        "message": message,
        "type": error_type(error),
        "code": error.kind if isinstance(error, ProviderError) else _snake(type(error).__name__),
        "param": None,
        "hint": hint,
        "request_id": getattr(error, "request_id", None),
        "retry_at": _moment(opens_at(error)),
        "blocked": _blocked(error) if isinstance(error, Exhausted) else [],
        "attempts": [_attempt(one) for one in error.decision.attempts] if isinstance(error, Exhausted) else [],
    }


def error_texts(error: Exception) -> tuple[str, str | None]:
    """Return what happened, and what to do about it."""
    if isinstance(error, ShunpikeError):
        return error.message, error.hint
    if isinstance(error, OSError):
        name = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{name}", None
    return str(error), None


def opens_at(error: Exception) -> float | None:
    """Return the moment at which what ended with ``error`` may work, epoch seconds; None where nobody knows one."""
    match error:
        case Exhausted() | RateLimited() | Overloaded():
            return error.retry_at
        case QuotaExhausted() | CreditsExhausted():
            return error.reset_at
        case _:
            return None


def error_type(error: Exception) -> str:
    """Return the ``type`` of an error: what has to change before it can work."""
    if isinstance(error, Exhausted):
        return _exhausted(error)
    if isinstance(error, PluginError) and error.attempted:
        return FAILED
    return _OF_EXIT_CODES.get(error.exit_code, OTHER) if isinstance(error, ShunpikeError) else OTHER


def status_of(error: Exception) -> int:
    """Return the HTTP status that says the same as ``error``."""
    match error:
        case UnknownModel():
            return 404
        case DuplicateRequest():
            return 409
        case ProviderError(kind="too_large"):
            return 413
        case ProviderError(kind="timeout"):
            return 504
        case StoreError():
            return 503
        case _:
            return _STATUS[error_type(error)]


def _exhausted(error: Exhausted) -> str:
    attempts = [one for one in error.decision.attempts if one.error != _DISABLED]
    refused = {attempt.provider for attempt in attempts if attempt.error in _AUTH}
    # A refused key closes all models of its provider, which says nothing about quotas.
    others = any(
        candidate.verdict.value == "denied" and candidate.provider not in refused
        for candidate in error.decision.candidates
    )
    if attempts and not others and all(attempt.error in _AUTH for attempt in attempts):
        return CREDENTIAL
    if error.quota_only:
        return QUOTA
    causes = {candidate.cause for candidate in error.decision.candidates}
    if attempts:
        not_taken = all(attempt.error in _NOT_TAKEN for attempt in attempts)
        return INVALID if not_taken and causes.isdisjoint(_ELSEWHERE) else FAILED
    return next((kind for cause, kind in _UNASKED.items() if cause in causes), FAILED)


def _choice(choice: Choice) -> dict[str, Any]:
    message = choice.message.model_dump(mode="json", exclude={"private", "reasoning"}, exclude_none=True)
    message = {"content": None, "refusal": None, **message}
    if choice.message.reasoning:
        message["reasoning_content"] = choice.message.reasoning
    return {
        "index": choice.index,
        "message": message,
        "finish_reason": choice.finish_reason,
        "logprobs": _logprobs(choice.logprobs),
    }


def _logprobs(found: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if found is None else {"content": None, "refusal": None, **found}


def _call_delta(call: ToolCallDelta) -> dict[str, Any]:
    """Return a fragment of a call; the first of a call bears its id and name, each the type that clients ask for."""
    function = {"arguments": call.arguments} if call.name is None else {"name": call.name, "arguments": call.arguments}
    named = {} if call.id is None else {"id": call.id}
    return {"index": call.index, **named, "type": "function", "function": function}


def _attempt(one: AttemptRecord) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "model": one.model,
        "status": one.status,
        "code": one.error,
        "ms": round(one.seconds * 1000),
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
            "retry_at": _moment(one.retry_at),
        }
        for one in error.decision.candidates
        if one.verdict.value in ("denied", "dropped")
    ]


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
