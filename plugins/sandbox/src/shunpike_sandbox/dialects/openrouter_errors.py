"""How OpenRouter says no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.limits import Hit, next_midnight
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.replies import dump
from shunpike_sandbox.service import strictest
from shunpike_sandbox.visits import Visit


class OpenRouterErrors(ChatService):
    """The errors of `OpenRouter`."""

    provider_id = "openrouter"

    @override
    def error(self, status: int, message: str, kind: str | None, code: Any = None, param: Any = None) -> ErrorReply:
        """Return an error in OpenRouter's shape; the code is the status unless another is given."""
        return self.refusal(status, message, None if kind is None else {"error_type": kind}, code)

    @staticmethod
    def refusal(status: int, message: str, metadata: Mapping[str, Any] | None = None, code: Any = None) -> ErrorReply:
        """Return an error with metadata."""
        error = {"message": message, "code": code or status}
        body: dict[str, Any] = {"error": {**error, "metadata": metadata} if metadata else error}
        if status != 401:
            body["user_id"] = "user_sandbox"
        return ErrorReply(status, body)

    @override
    def bad_key(self, key: str | None) -> ErrorReply:
        return self.refusal(401, "Missing Authentication header" if key is None else "User not found.")

    @override
    def too_large(self) -> ErrorReply:
        return self.refusal(413, "Payload too large")

    @override
    def invalid(self, problem: Problem) -> ErrorReply:
        if problem.kind == "missing" and problem.param == "model":
            return self.refusal(400, "No models provided")
        if problem.kind == "missing" and problem.param == "messages":
            return self.refusal(400, 'Input required: specify "prompt" or "messages"')
        where = f"{problem.param}: " if problem.param else ""
        return self.refusal(400, f"Invalid input: {where}{problem.message}")

    @override
    def unknown_model(self, name: str) -> ErrorReply:
        return self.refusal(400, f"{name} is not a valid model ID")

    @override
    def retired_model(self, model: Model) -> ErrorReply:
        """Return the newer error for a model that is no more."""
        code = "free_variant_ended" if model.id.endswith(":free") else "model_deprecated"
        availability = {"code": code, "retryable": False, "requested_models": [model.id]}
        error = {"message": f"No endpoints found for {model.id}.", "code": 404, "error_type": "not_found"}
        return ErrorReply(404, {"error": {**error, "http_status": 404, "availability": availability}})

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        message = (
            f"This endpoint's maximum context length is {model.context} tokens. However, you requested about "
            f"{prompt + wanted} tokens ({prompt} of text input, {wanted} in the output). Please reduce the length of "
            "either one, or use the context-compression plugin to compress your prompt automatically."
        )
        return self.refusal(400, message)

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        """Return the 429 of the free models; its headers are in the body, and speak in milliseconds."""
        hit = strictest(hits)
        now = self.world.clock.now()
        account = visit.account
        if hit.quota.rule.name == "rpd":
            rich = account is not None and account.tier == "paid"
            more = "-high-balance" if rich else ". Add 10 credits to unlock 1000 free model requests per day"
            reset, what, source = next_midnight(now, "UTC"), f"free-models-per-day{more}", "openrouter_free_tier_daily"
        else:
            reset, what, source = now + hit.retry_after, "free-models-per-min", "openrouter_free_tier_minute"
        limits = {
            "X-RateLimit-Limit": str(hit.quota.amount),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(-(-reset * 1000 // 1))),
        }
        metadata = {"headers": limits, "provider_name": None, "limit_source": source}
        refusal = self.refusal(429, f"Rate limit exceeded: {what}", metadata)
        refusal.headers = limits
        return refusal

    @override
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        """Return the 402 that tells how many tokens the credits still pay."""
        rates = self.provider.rates(model, self.world.clock.now(), prompt)
        left = max(0, (account.funds or 0) - prompt * rates.prompt)
        message = (
            f"This request requires more credits, or fewer max_tokens. You requested up to {output} tokens, but can "
            f"only afford {left // (rates.completion or 1)}. To increase, visit https://openrouter.ai/settings/credits "
            "and upgrade to a paid account"
        )
        return self.refusal(402, message, {"provider_name": None})

    @override
    def model_forbidden(self, visit: Visit) -> ErrorReply:
        """Return the error for a model whose provider wants a key of one's own."""
        message = (
            "Sandbox is requiring a key to access this model, which you can add in "
            "https://openrouter.ai/settings/integrations"
        )
        return self.refusal(403, message)

    @override
    def model_ended(self, visit: Visit) -> ErrorReply:
        """Return the thanks for a test that is over, which names no code: how models under test leave."""
        message = f"Thank you for participating in the Sandbox Alpha testing period. It was {visit.asked_model}."
        return self.refusal(404, message)

    @override
    def unsafe(self, visit: Visit) -> ErrorReply:
        """Return what a provider behind says of the content, as text inside the text."""
        raw = dump({"code": "The caller does not have permission", "error": "Content violates usage guidelines."})
        metadata = {"raw": raw.decode(), "provider_name": "Sandbox"}
        return self.refusal(403, "Provider returned error", metadata)

    @override
    def overloaded(self, visit: Visit) -> ErrorReply:
        return self.refusal(
            503, "Provider returned error", {"error_type": "provider_overloaded", "provider_name": "Sandbox"}
        )

    @override
    def internal(self, visit: Visit) -> ErrorReply:
        return self.refusal(500, "Internal Server Error")

    @override
    def upstream(self, visit: Visit) -> ErrorReply:
        """Return the 429 of a provider behind, which says nothing about the key."""
        raw = (
            f"{visit.asked_model} is temporarily rate-limited upstream. Please retry shortly, or add your own key to "
            "accumulate your rate limits: https://openrouter.ai/settings/integrations"
        )
        return self.refusal(429, "Provider returned error", {"raw": raw, "provider_name": "Sandbox"})
