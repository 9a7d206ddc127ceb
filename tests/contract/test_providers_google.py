"""Google keeps the same contract in a dialect of its own, which is described here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from typing_extensions import override

from shunpike.errors import AuthError, CreditsExhausted, NotHere, QuotaExhausted, RateLimited
from shunpike.types import Answer, Basis
from shunpike_google import plugin as google
from shunpike_testkit.provider_contract import ProviderContract, Wire, event

FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GoogleWire(Wire):
    """``generateContent`` and ``streamGenerateContent``."""

    base_path = "/v1beta"

    @override
    def path(self, model: str, *, streamed: bool) -> str:
        return f"/models/{quote(model, safe='')}:{'streamGenerateContent' if streamed else 'generateContent'}"

    @override
    def whole(self, answer: Answer) -> Any:
        choice = answer.choices[0]
        parts = [{"text": choice.message.text}] if choice.message.text else _calls(answer)
        return {**_frame(answer, parts, FINISH[choice.finish_reason]), **_usage(answer)}

    @override
    def parts(self, answer: Answer, texts: Sequence[str]) -> Sequence[str]:
        rows = [_frame(answer, [{"text": text}]) for text in texts]
        rows += [_frame(answer, [call]) for call in _calls(answer)]
        rows.append({**_frame(answer, [{"text": ""}], FINISH[answer.choices[0].finish_reason]), **_usage(answer)})
        # Google ends its lines as HTTP does.
        return [event(row).replace("\n", "\r\n") for row in rows]

    @override
    def refusal(self, status: int, message: str) -> Any:
        return {"error": {"code": status, "message": message, "status": STATUSES.get(status, "UNKNOWN")}}

    @override
    def failed_part(self, status: int, message: str) -> str | None:
        return event(self.refusal(status, message))

    @override
    def output_cap(self, body: Any) -> object:
        return body["generationConfig"].get("maxOutputTokens")

    @override
    def models(self, ids: Sequence[str]) -> tuple[str, Any] | None:
        return "/models", {"models": [{"name": f"models/{name}"} for name in ids]}


def _calls(answer: Answer) -> list[dict[str, Any]]:
    calls = answer.choices[0].message.tool_calls or ()
    return [
        {"functionCall": {"name": call.function.name, "args": json.loads(call.function.arguments)}} for call in calls
    ]


def _frame(answer: Answer, parts: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": answer.model, "responseId": "answer-1"}


def _usage(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    if usage.basis is Basis.ABSENT:
        return {}
    counts = {"promptTokenCount": usage.prompt_tokens, "candidatesTokenCount": usage.completion_tokens}
    return {"usageMetadata": {**counts, "totalTokenCount": usage.total_tokens}}


def _exhausted(message: str, quota: str = "", value: str = "") -> dict[str, Any]:
    violations = [{"quotaMetric": "requests", "quotaId": quota, "quotaValue": value}] if quota else []
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "31s"}
    return {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": [failure, retry]}}


INVALID_KEY = {
    "error": {
        "code": 400,
        "message": "API key not valid.",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
    }
}


class TestGoogle(ProviderContract):
    plugin = google
    wire = GoogleWire()
    documented_refusals: ClassVar = {
        "a bad key": (400, INVALID_KEY, AuthError),
        "a minute's rate": (429, _exhausted("quota", "RequestsPerMinutePerProject-FreeTier", "5"), RateLimited),
        "a day's quota": (429, _exhausted("quota", "RequestsPerDayPerProject-FreeTier", "20"), QuotaExhausted),
        "not on this tier": (429, _exhausted("quota, limit: 0, model: gemini"), NotHere),
        "no credit": (429, _exhausted("Your prepayment credits are depleted."), CreditsExhausted),
    }
