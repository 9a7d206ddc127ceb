"""How OpenAI says no."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import openai_words
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.dialects.durations import duration
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.service import strictest
from shunpike_sandbox.visits import Visit


class OpenAIErrors(ChatService):
    """The errors of `OpenAI`."""

    provider_id = "openai"

    @override
    def error(self, status: int, message: str, kind: str | None, code: Any = None, param: Any = None) -> ErrorReply:
        refusal = super().error(status, message, kind, code, param)
        refusal.indent = 2
        return refusal

    @override
    def model_forbidden(self, visit: Visit) -> ErrorReply:
        """Return the error for a model that the project may not use; it has no code."""
        return self.error(403, "You are not allowed to sample from this model", "invalid_request_error")

    @override
    def bad_key(self, key: str | None) -> ErrorReply:
        if key is None:
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from "
                "https://platform.openai.com/account/api-keys."
            )
            return self.error(401, message, "invalid_request_error")
        shown = key if len(key) < 12 else f"{key[:8]}{'*' * 8}{key[-4:]}"
        message = (
            f"Incorrect API key provided: {shown}. You can find your API key at "
            "https://platform.openai.com/account/api-keys."
        )
        return self.error(401, message, "invalid_request_error", "invalid_api_key")

    @override
    def invalid(self, problem: Problem) -> ErrorReply:
        message, code, param = openai_words.worded(problem)
        return self.error(400, message, "invalid_request_error", code, param)

    @override
    def retired_model(self, model: Model) -> ErrorReply:
        message = f"The model `{model.id}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
        return self.error(404, message, "invalid_request_error", "model_not_found")

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        message = (
            f"This model's maximum context length is {model.context} tokens. However, your messages resulted in "
            f"{prompt} tokens. Please reduce the length of the messages."
        )
        return self.error(400, message, "invalid_request_error", "context_length_exceeded", "messages")

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        hit = strictest(hits)
        unit, short = ("tokens", "TPM") if "token" in hit.quota.rule.unit else ("requests", "RPM")
        where = f"for {model.id} in organization org-sandbox on {unit} per min ({short}): Limit {hit.quota.amount}"
        more = "Visit https://platform.openai.com/account/rate-limits to learn more."
        if hit.hopeless:
            message = (
                f"Request too large {where}, Requested {hit.requested}. The input or output tokens must be reduced in "
                f"order to run successfully. {more}"
            )
            refusal = self.error(429, message, unit, "rate_limit_exceeded")
            refusal.headers = self.headers(visit)
            return refusal
        message = (
            f"Rate limit reached {where}, Used {hit.used}, Requested {hit.requested}. "
            f"Please try again in {duration(hit.retry_after)}. {more}"
        )
        refusal = self.error(429, message, unit, "rate_limit_exceeded")
        wait = {
            "retry-after": str(math.ceil(hit.retry_after)),
            "retry-after-ms": str(math.ceil(hit.retry_after * 1000)),
        }
        refusal.headers = {**self.headers(visit), **wait}
        return refusal

    @override
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        message = (
            "You exceeded your current quota, please check your plan and billing details. For more information on this "
            "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
        )
        return self.error(429, message, "insufficient_quota", "insufficient_quota")

    @override
    def overloaded(self, visit: Visit) -> ErrorReply:
        message = "The engine is currently overloaded, please try again later"
        return self.error(503, message, "server_error", "overloaded")

    @override
    def internal(self, visit: Visit) -> ErrorReply:
        message = (
            "The server had an error processing your request. Sorry about that! You can retry your request, or "
            "contact us through our help center at help.openai.com if you keep seeing this error. (Please include the "
            f"request ID req_{visit.token[:32]} in your email.)"
        )
        return self.error(500, message, "server_error")

    @override
    def upstream(self, visit: Visit) -> ErrorReply:
        message = "Slow down: the request rate to this model rose too quickly. Please retry after a short wait."
        refusal = self.error(429, message, "requests", "slow_down")
        refusal.headers = {"retry-after": "1"}
        return refusal
