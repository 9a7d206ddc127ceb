"""OpenAI: the shape that the others follow, with the strictest reading of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from typing_extensions import override

from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.bodies import fields
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import openai_strict
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.dialects.durations import limit_headers
from shunpike_sandbox.dialects.openai_errors import OpenAIErrors
from shunpike_sandbox.dialects.rules import COMMON_RULES
from shunpike_sandbox.generation import GeneratedChoice, Generation
from shunpike_sandbox.offers import asks_for_json
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.replies import Frame
from shunpike_sandbox.visits import Visit

RULES = {
    **COMMON_RULES,
    "audio": "object",
    "function_call": "string|object",
    "functions": "array",
    "metadata": "object",
    "modalities": "array",
    "moderation": "object",
    "prediction": "object",
    "prompt_cache_key": "string",
    "prompt_cache_options": "object",
    "prompt_cache_retention": "string {in_memory,24h}",
    "reasoning_effort": "string {none,minimal,low,medium,high,xhigh,max}",
    "safety_identifier": "string",
    "service_tier": "string {auto,default,flex,scale,priority,fast}",
    "store": "boolean",
    "verbosity": "string {low,medium,high}",
    "web_search_options": "object",
}
_FREEZING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")
# These models reason only when asked to; all other reasoning models do it unasked.
_RESTING = ("gpt-5.1", "gpt-5.4")


class OpenAIService(OpenAIErrors):
    """``/openai/v1``."""

    rules = fields(RULES)
    manners = openai_strict.MANNERS
    refuses_unknown = True

    @override
    def screen(self, body: Mapping[str, Any]) -> None:
        """Check the parameters, and those that exclude each other."""
        super().screen(body)
        openai_strict.companions(body)

    @override
    def ask(self, body: Mapping[str, Any], model: Model) -> ParsedRequest:
        """Refuse what reasoning models do not take, then read on."""
        if self.thinks(body, model):
            self._reasoning_only(body)
        openai_strict.capabilities(body, model)
        if body.get("tools") and not model.can("tools"):
            raise self.error(404, openai_strict.NO_TOOLS, "invalid_request_error")
        ask = super().ask(body, model)
        openai_strict.schemas(body)
        asks_for_json(body, ask)
        options = body.get("stream_options") or {}
        return replace(ask, padded=options.get("include_obfuscation") is not False)

    @override
    def thinks(self, body: Mapping[str, Any], model: Model) -> bool:
        """Reasoning models think unless told not to."""
        effort = body.get("reasoning_effort")
        if not model.can("reasoning") or effort == "none":
            return False
        return effort is not None or not model.id.startswith(_RESTING)

    @staticmethod
    def _reasoning_only(body: Mapping[str, Any]) -> None:
        if body.get("max_tokens") is not None:
            problem = (
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead."
            )
            raise Problem("unsupported", "max_tokens", problem)
        if body.get("stop") is not None:
            raise Problem("unsupported", "stop", "Unsupported parameter: 'stop' is not supported with this model.")
        for name in _FREEZING:
            value = body.get(name)
            if (
                value is None
                or (name in ("temperature", "top_p") and value == 1)
                or (value in (0, False) and "pen" in name)
            ):
                continue
            if name == "temperature":
                problem = (
                    f"Unsupported value: 'temperature' does not support {value:g} with this model. "
                    "Only the default (1) value is supported."
                )
                raise Problem("unsupported_value", name, problem)
            raise Problem("unsupported", name, f"Unsupported parameter: '{name}' is not supported with this model.")

    @override
    def bound_embedding(self, body: Mapping[str, Any], model: Model, total: int) -> None:
        """Refuse more dimensions than the model has, and more tokens than one request may bring."""
        openai_strict.embedding(body, model, total)

    # -- answers ---------------------------------------------------------------------------------

    @override
    def message(self, one: GeneratedChoice) -> dict[str, Any]:
        return {**super().message(one), "refusal": None, "annotations": []}

    @override
    def usage(self, visit: Visit, generation: Generation) -> dict[str, Any]:
        return {
            **super().usage(visit, generation),
            "prompt_tokens_details": {
                "cached_tokens": generation.cached_tokens,
                "cache_write_tokens": 0,
                "audio_tokens": 0,
            },
            "completion_tokens_details": {
                "reasoning_tokens": generation.thought_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    @override
    def extras(self, visit: Visit) -> dict[str, Any]:
        return {"service_tier": "default", "system_fingerprint": f"fp_{visit.token[-10:]}"}

    @override
    def chunk(
        self, visit: Visit, ask: ParsedRequest, number: int, delta: Mapping[str, Any], finish: str | None
    ) -> dict[str, Any]:
        """Return a chunk, with ``usage: null`` if usage was asked for."""
        chunk = super().chunk(visit, ask, number, delta, finish)
        chunk |= {"usage": None} if ask.include_usage else {}
        # As long as it takes to make all chunks about equal.
        padding = visit.token[: max(1, 12 - len(str(delta.get("content") or "")))]
        return {**chunk, "obfuscation": padding} if ask.padded else chunk

    @override
    def opening(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        for number, one in enumerate(generation.choices):
            delta = {"role": "assistant", "content": None if one.calls else "", "refusal": None}
            # Hidden thoughts are generated, and billed, before the first visible byte.
            yield self.piece(visit, ask, number, delta, one.thought_tokens)

    @staticmethod
    @override
    def chunks(choice: GeneratedChoice, size: int) -> list[tuple[str, str, int]]:
        """Return the text only: OpenAI hides the thoughts."""
        return [one for one in ChatService.chunks(choice, size) if one[0] == "text"]

    @override
    def headers(self, visit: Visit) -> dict[str, str]:
        """Return ids, timing and limits; these speak as if what is used came back evenly."""
        limits = self.limits_now(visit)
        headers = {
            "x-request-id": f"req_{visit.token[:32]}",
            "openai-processing-ms": "12",
            "openai-version": "2020-10-01",
            "openai-organization": "org-sandbox",
        }
        for rule, name in (("rpm", "requests"), ("tpm", "tokens")):
            if found := limits.get(rule):
                amount, window = found.quota.amount, found.quota.rule.seconds or 0.0
                headers |= limit_headers(name, found, window * (amount - found.remaining) / amount)
        return headers

    @override
    def unlisted(self, name: str) -> ErrorReply:
        message = f"The model '{name}' does not exist"
        return self.error(404, message, "invalid_request_error", "model_not_found", "model")

    @override
    def row(self, model: Model) -> dict[str, Any]:
        row = {"id": model.id, "object": "model", "created": 1735689600, "owned_by": "system"}
        return {**row, "shutdown_date": model.retired_on.isoformat()} if model.retired_on else row
