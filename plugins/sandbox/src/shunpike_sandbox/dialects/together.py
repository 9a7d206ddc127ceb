"""Together AI: bare model lists, ``eos`` endings, text twice in every chunk and limits per second."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.asks import ParsedRequest, SimulatedCall
from shunpike_sandbox.bodies import fields
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import together_models
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.dialects.rules import COMMON_RULES
from shunpike_sandbox.generation import STOP, GeneratedChoice, Generation
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.replies import Frame, PlainReply
from shunpike_sandbox.service import Reply, strictest
from shunpike_sandbox.visits import Visit

RULES = {
    **COMMON_RULES,
    "chat_template_kwargs": "object",
    "compliance": "string",
    "context_length_exceeded_behavior": "string {truncate,error}",
    "echo": "boolean",
    "function_call": "string|object",
    "logprobs": "boolean|integer",
    "metadata": "object",
    "min_p": "number",
    "prompt_cache_key": "string",
    "reasoning": "object",
    "reasoning_effort": "string {low,medium,high,max}",
    "repetition_penalty": "number",
    "safety_model": "string",
    "stop": "string|array",
    "temperature": "number 0..",
    "top_k": "integer",
}
# Together names its seeds with integers that exceed 64 bits once read as signed.
_SEED = 2**63 + 1


class TogetherService(ChatService):
    """``/together/v1``."""

    provider_id = "together"
    rules = fields(RULES)
    manners = Manners(pairs=False)
    content_beside_calls = ""
    counts_answer_in_context = True

    @override
    def thinks(self, body: Mapping[str, Any], model: Model) -> bool:
        """Reasoning models think unless told not to."""
        switch = body.get("reasoning") or {}
        return model.can("reasoning") and switch.get("enabled") is not False

    # -- answers ---------------------------------------------------------------------------------

    @override
    def finish(self, one: GeneratedChoice) -> str:
        """Say ``eos`` where others say ``stop``, unless a thinking model ends."""
        return "eos" if one.finish == STOP and not one.thoughts else one.finish

    @override
    def answer_id(self, visit: Visit) -> str:
        return f"{visit.token[:7]}-{visit.token[7:13]}-{visit.token[13:29]}"

    @override
    def call(self, call: SimulatedCall) -> dict[str, Any]:
        return {**super().call(call), "index": 0}

    @override
    def message(self, one: GeneratedChoice) -> dict[str, Any]:
        """Return the message with calls, possibly none, and thoughts."""
        message = {**super().message(one), "tool_calls": [self.call(call) for call in one.calls]}
        for position, call in enumerate(message["tool_calls"]):
            call["index"] = position
        return {**message, "reasoning": one.thoughts} if one.thoughts else message

    @override
    def choice(self, number: int, one: GeneratedChoice) -> dict[str, Any]:
        return {"finish_reason": self.finish(one), "seed": _SEED + number, "logprobs": None, "index": number} | {
            "message": self.message(one)
        }

    @override
    def envelope(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> dict[str, Any]:
        return {**super().envelope(visit, ask, generation), "prompt": []}

    @override
    def usage(self, visit: Visit, generation: Generation) -> dict[str, Any]:
        return {**super().usage(visit, generation), "cached_tokens": generation.cached_tokens}

    @override
    def chunk(
        self, visit: Visit, ask: ParsedRequest, number: int, delta: Mapping[str, Any], finish: str | None
    ) -> dict[str, Any]:
        """Return a chunk with its text in two places."""
        chunk = super().chunk(visit, ask, number, {"role": "assistant", "content": "", **delta}, finish)
        choice_ = chunk["choices"][0]
        choice_["delta"].setdefault("tool_calls", None)
        choice_ |= {"text": choice_["delta"]["content"] or "", "seed": _SEED if finish else None}
        return {**chunk, "usage": None}

    @override
    def delta(self, kind: str, text: str) -> dict[str, Any]:
        return {"reasoning": text} if kind == "thought" else {"content": text}

    @override
    def opening(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Nothing comes before the content."""
        return iter(())

    @override
    def closing(self, visit: Visit, ask: ParsedRequest, generation: Generation, number: int) -> Iterator[Frame]:
        chunk = self.chunk(visit, ask, number, {}, self.finish(generation.choices[number]))
        yield self.event({**chunk, "usage": self.usage(visit, generation)})

    @override
    def ending(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Nothing follows the usage."""
        return iter(())

    @override
    def headers(self, visit: Visit) -> dict[str, str]:
        """Return the limits, and the Retry-After that Together sends even on success."""
        limits = self.limits_now(visit)
        headers = {"x-request-id": self.answer_id(visit), "retry-after": "2"}
        for rule, name in (("rps", "x-ratelimit"), ("tpm", "x-tokenlimit")):
            if found := limits.get(rule):
                headers[f"{name}-limit"] = str(found.quota.amount)
                headers[f"{name}-remaining"] = str(found.remaining)
                headers[f"{name}-reset"] = str(math.ceil(found.full_in))
        if found := limits.get("tpm"):
            # Under its other name it comes without a reset.
            headers["x-ratelimit-limit-tokens"] = str(found.quota.amount)
            headers["x-ratelimit-remaining-tokens"] = str(found.remaining)
        return headers

    @override
    def embed(self, visit: Visit, body: Mapping[str, Any]) -> Reply:
        """Read the two parameters that there are; an encoding is not among them."""
        return super().embed(visit, {name: body[name] for name in ("model", "input") if name in body})

    @override
    def embedded(self, visit: Visit, rows: list[dict[str, Any]], total: int) -> dict[str, Any]:
        """Return the vectors without any usage, as Together specifies its answer."""
        return {"object": "list", "data": rows, "model": self.model_name(visit)}

    @override
    def inform(self, request: Request) -> PlainReply:
        """List the models: a bare array, or the pages of the second version."""
        self.admit_key(self.key(request))
        return together_models.inform(self, request)

    # -- errors ----------------------------------------------------------------------------------

    @override
    def error(self, status: int, message: str, kind: str | None, code: Any = None, param: Any = None) -> ErrorReply:
        body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
        return ErrorReply(status, {"id": "sandbox-error", **body})

    @override
    def bad_key(self, key: str | None) -> ErrorReply:
        message = (
            "Invalid API key provided. You can find your API key at https://api.together.ai/settings/api-keys."
            if key
            else "Missing API key. Please pass an API key in the Authorization header."
        )
        return self.error(401, message, "invalid_request_error", "invalid_api_key")

    @override
    def invalid(self, problem: Problem) -> ErrorReply:
        kind = "invalid_request_error"
        if problem.kind == "json":
            return self.error(400, "Invalid JSON payload", kind)
        if problem.kind in ("type", "value", "range", "length", "pattern") and problem.expected:
            message = f"Input validation error: `{problem.param}` must be {problem.expected}, got {problem.got}"
            return self.error(400 if problem.kind == "type" else 422, message, kind, None, problem.param)
        return self.error(400, f"Input validation error: {problem.message}", kind, None, problem.param or None)

    @override
    def unknown_model(self, name: str) -> ErrorReply:
        message = (
            f"Unable to access model {name}. Please visit https://api.together.ai/models to view the list of "
            "supported models."
        )
        return self.error(404, message, "invalid_request_error", "model_not_available")

    @override
    def retired_model(self, model: Model) -> ErrorReply:
        """Return the error for a model that now needs an endpoint of one's own."""
        message = (
            f"Unable to access non-serverless model {model.id}. Please visit https://api.together.ai/models/{model.id} "
            "to create and start a new dedicated endpoint for the model."
        )
        return self.error(400, message, "invalid_request_error", "model_not_available")

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        """Return the error for prompt and answer that together do not fit: a 403 here."""
        message = (
            f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {model.context}. "
            f"Given: {prompt} `inputs` tokens and {wanted} `max_new_tokens`"
        )
        return self.error(403, message, "invalid_request_error", None, "max_tokens")

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        """Return the 429, whose type speaks of credit though it means the rate."""
        hit = strictest(hits)
        unit = "tokens per minute" if hit.quota.rule.name == "tpm" else "queries per second"
        message = (
            f"You have been rate limited. Your rate limit is {hit.quota.amount} {unit}. Please navigate to "
            "https://api.together.ai/settings/billing to upgrade to a paid plan."
        )
        refusal = self.error(429, message, "credit_limit")
        refusal.headers = {**self.headers(visit), "retry-after": str(math.ceil(hit.retry_after))}
        return refusal

    @override
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        message = (
            "Credit limit exceeded. Please navigate to https://api.together.ai/settings/billing to add credit or "
            "upgrade your plan."
        )
        return self.error(402, message, "credit_limit")

    @override
    def overloaded(self, visit: Visit) -> ErrorReply:
        message = "The server is overloaded or not ready yet."
        return self.error(503, message, "service_unavailable")

    @override
    def internal(self, visit: Visit) -> ErrorReply:
        return self.error(500, "Internal server error", "server_error")

    @override
    def upstream(self, visit: Visit) -> ErrorReply:
        message = f"You have reached the rate limit specific to this model {visit.asked_model}. Please try again later."
        refusal = self.error(429, message, "credit_limit", "dynamic_request_limited")
        refusal.headers = {"retry-after": "2"}
        return refusal
